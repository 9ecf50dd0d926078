"""What grants and requisitions have in common when they are read: strict JSON, plain words, whole seconds.

Laws
- Every value has its one JSON type; an unknown member is refused, and so is one that stands twice.
- A reason and a reference are words: blanks, punctuation or control characters alone are none.
"""

import json
from typing import Annotated, Any

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, ValidationError

from agent.faults import describe, fault, is_plain

LAST_SECOND = 253_402_300_799
"""9999-12-31T23:59:59Z: later times cannot be written down."""
FAULTS_TOLD = 6


def _words(text: str) -> str:
    if not is_plain(text):
        raise fault(
            en="carries a control or invisible character; write plain text on one line",
            fr="contient un caractère de contrôle ou invisible ; écrire du texte simple sur une ligne",
        )
    if not any(one.isalnum() for one in text):
        raise fault(en="is blank; say it in words", fr="est vide ; l'écrire en toutes lettres")
    return text


Words = Annotated[str, Field(min_length=1, max_length=500), AfterValidator(_words)]
Name = Annotated[str, Field(min_length=1, max_length=100), AfterValidator(_words)]
Second = Annotated[int, Field(ge=0, le=LAST_SECOND)]


class Strict(BaseModel):
    """Frozen, of exact types, without members that nobody knows."""

    model_config = ConfigDict(frozen=True, strict=True, extra="forbid", hide_input_in_errors=True)


def _once(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(pairs)
    if len(found) != len(pairs):
        raise ValueError("a member stands twice")
    return found


def strict_json(raw: bytes | str) -> Any:
    """What `raw` says; ValueError when it is not JSON, is nested without end, or names a member twice."""
    try:
        return json.loads(raw, object_pairs_hook=_once)
    except RecursionError as error:
        raise ValueError("nested without end") from error


def told(error: ValidationError) -> str:
    """The first faults of a document on one line: `key: what is wrong; ...`."""
    return "; ".join([f"{key[:60]}: {text}".removeprefix("-: ") for key, text in describe(error)][:FAULTS_TOLD])
