"""What entries are made of: text, numbers, times and hashes in their one form, people, grounds, recordings. Pure.

Laws
- Whole numbers with their unit in the name; times RFC 3339 UTC with milliseconds; hashes SHA-256 in hex.
- A reason is words. Text is plain, on one line, and bounded, because strangers' documents are quoted here.

>>> Ground(basis="event", reference="MC-118", reason="rixe place du marché")
"""

from dataclasses import dataclass
from typing import Annotated, ClassVar, Literal

from pydantic import AfterValidator, ConfigDict, Field

from agent.faults import fault, is_plain

LARGEST = 2**53 - 1
MOST_SEGMENTS = 128
"""Of a batch, so that an entry stays within its bound."""


def _plain(text: str) -> str:
    if not is_plain(text):
        raise fault(en="carries control or invisible characters", fr="contient des caractères invisibles")
    return text


def _words(text: str) -> str:
    if not any(one.isalnum() for one in text):
        raise fault(en="is blank; say it in words", fr="est vide ; l'écrire en toutes lettres")
    return _plain(text)


Camera = Annotated[str, Field(pattern=r"^[a-z0-9-]{1,40}$")]
Count = Annotated[int, Field(ge=0, le=LARGEST)]
Text = Annotated[str, Field(max_length=500), AfterValidator(_plain)]
Words = Annotated[str, Field(min_length=1, max_length=500), AfterValidator(_words)]
Sha256 = Annotated[str, Field(pattern=r"^[0-9a-f]{64}$")]
Time = Annotated[str, Field(pattern=r"^[0-9]{4}-[0-9]{2}-[0-9]{2}T[0-9]{2}:[0-9]{2}:[0-9]{2}\.[0-9]{3}Z$")]
Names = Annotated[tuple[Words, ...], Field(max_length=256)]

LegalBasis = Literal[
    "requisition_60_1",  # Code de procédure pénale, article 60-1: enquête de flagrance
    "requisition_77_1_1",  # article 77-1-1: enquête préliminaire
    "requisition_99_3",  # article 99-3: commission rogatoire
    "requisition",  # a grant on the ground of a requisition, which its reference names
    "event",
    "maintenance",
    "habilitation",
]
Rule = Literal["age", "budget", "space"]
Command = Literal["export", "aim approve"]


@dataclass(frozen=True, slots=True)
class Body:
    """The base of all kinds: unknown keys and other types are refused when one is read."""

    __pydantic_config__: ClassVar = ConfigDict(strict=True, extra="forbid", hide_input_in_errors=True)


@dataclass(frozen=True, slots=True)
class Person(Body):
    """An agent as the town designates them. `service`: and quality, where a requisition names it."""

    number: Words
    name: Words
    service: Words


@dataclass(frozen=True, slots=True)
class Ground(Body):
    """Why something was asked: the legal basis, the event's or procedure's number, and the reason in words."""

    basis: LegalBasis
    reference: Words
    reason: Words


@dataclass(frozen=True, slots=True)
class Segment(Body):
    """One recording. `start`: of its first picture. `duration_ms`: None when a power cut left it open."""

    counter: Count
    name: Words
    sha256: Sha256
    size_bytes: Count
    start: Time
    duration_ms: Count | None


@dataclass(frozen=True, slots=True)
class Gone(Body):
    """A recording that ends: its counter, and the hash it was sealed with."""

    counter: Count
    sha256: Sha256


Segments = Annotated[tuple[Segment, ...], Field(min_length=1, max_length=MOST_SEGMENTS)]
Gones = Annotated[tuple[Gone, ...], Field(min_length=1, max_length=MOST_SEGMENTS)]
