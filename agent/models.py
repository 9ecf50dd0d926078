"""What every table of the configuration has in common: strictness, and the few kinds of text."""

from typing import Annotated

from pydantic import AfterValidator, BaseModel, ConfigDict, Field

from agent.faults import fault, is_plain

Identifier = Annotated[str, Field(pattern=r"^[a-z0-9-]{1,40}$")]


Listed = Field(strict=False)
"""TOML's arrays come as lists and are kept as tuples; what stands in them is checked strictly."""


def _words(text: str) -> str:
    if not is_plain(text) or (text and not text.strip()):
        raise fault(
            en="is blank or carries control characters; write plain text on one line",
            fr="est vide ou contient des caractères de contrôle ; écrire du texte simple sur une ligne",
        )
    return text


Words = Annotated[str, AfterValidator(_words)]


class Model(BaseModel):
    """Frozen, and strict: a misspelt key is a fault, and so is a number in quotes."""

    model_config = ConfigDict(
        frozen=True, strict=True, extra="forbid", hide_input_in_errors=True, validate_default=True
    )
