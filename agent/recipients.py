"""Who can open what is recorded: the `recipients` of `[vault]`, and the dates from which others take their place.

Laws
- Public halves only, and of a kind that this agent seals for: X25519 (`age1...`).
- Post-quantum recipients (`age1pq1...`, `age1tagpq1...`) are told by name. age never mixes them with others in one
  file, since that would leave the file no safer than its weakest recipient.
- Rotations stand in the order of their dates, each with other recipients than the one before.
"""

from datetime import date
from typing import Annotated, Any

import pyrage
from pydantic import AfterValidator, BeforeValidator, Field

from agent.faults import fault
from agent.models import Listed, Model

POST_QUANTUM = ("age1pq1", "age1tagpq1")

EARLIEST = date(2020, 1, 1)
"""Older dates are slips of the pen."""


def _recipient(text: str) -> str:
    if text.upper().startswith("AGE-SECRET-KEY-"):
        raise fault(
            en="is the private half, which no mast may hold; give the age1... line of vault.pub, and make new keys",
            fr="est la moitié privée, interdite aux mâts ; donner la ligne age1... de vault.pub, et refaire les clés",
        )
    if text.startswith(POST_QUANTUM):
        return text  # judged with its neighbours
    try:
        pyrage.x25519.Recipient.from_str(text)
    except Exception as error:
        raise fault(
            en="is not an age recipient; give the age1... line of vault.pub",
            fr="n'est pas un destinataire age ; donner la ligne age1... de vault.pub",
        ) from error
    return text


def _one_kind(texts: tuple[str, ...]) -> tuple[str, ...]:
    kinds = {text.startswith(POST_QUANTUM) for text in texts}
    if len(kinds) > 1:
        raise fault(
            en="mix post-quantum and classical recipients, which age never does in one file; keep to one kind",
            fr="mêlent destinataires post-quantiques et classiques, ce qu'age refuse dans un fichier ; un seul genre",
        )
    if True in kinds:
        raise fault(
            en="are post-quantum, for which this agent cannot seal yet; give the age1... lines of `keys init`",
            fr="sont post-quantiques, l'agent ne sait pas encore sceller pour eux ; donner les lignes age1... de "
            "`keys init`",
        )
    return texts


def _day(value: Any) -> Any:
    if type(value) is not date or value < EARLIEST:  # a TOML date-time is a datetime, and that is a date too
        raise fault(
            en="is not a date without quotes, such as 2027-01-01; the change is at midnight in Paris",
            fr="n'est pas une date sans guillemets, comme 2027-01-01 ; le changement est à minuit à Paris",
        )
    return value


Recipients = Annotated[
    tuple[Annotated[str, AfterValidator(_recipient)], ...],
    Listed,
    Field(min_length=1, max_length=20),
    AfterValidator(_one_kind),
]


class Rotation(Model):
    """`[[vault.rotation]]`: from the beginning of a day in Paris on, segments are sealed for these recipients alone."""

    from_: Annotated[date, BeforeValidator(_day)] = Field(alias="from")
    recipients: Recipients


def in_order(recipients: tuple[str, ...], rotations: tuple[Rotation, ...]) -> tuple[Rotation, ...]:
    """`rotations` when their dates grow and each changes who can open; a fault otherwise."""
    before: Rotation | None = None
    for one in rotations:
        if before is not None and one.from_ <= before.from_:
            raise fault(
                en=f"{one.from_} stands after {before.from_}; write the dates in order, each once",
                fr=f"{one.from_} suit {before.from_} ; écrire les dates dans l'ordre, chacune une fois",
            )
        if set(one.recipients) == set(recipients if before is None else before.recipients):
            raise fault(
                en=f"{one.from_} changes nothing: the recipients are those of before; give the new ones",
                fr=f"{one.from_} ne change rien : ce sont les destinataires d'avant ; donner les nouveaux",
            )
        before = one
    return rotations
