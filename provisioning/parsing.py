"""What the command line says -> values; what it cannot mean -> UsageError, or a fault that `Parser` tells."""

import re
from collections.abc import Sequence
from datetime import date
from typing import Any

from agent import command_line
from agent.clock import WallTime, from_rfc3339
from agent.errors import UsageError
from agent.language import say

_IDENTIFIER = re.compile(r"[a-z0-9-]{1,40}")
_DURATION = re.compile(r"(?:([0-9]{1,6})d)?(?:([0-9]{1,6})h)?(?:([0-9]{1,6})m)?(?:([0-9]{1,6})s)?")
_DAY = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}")


class Parser(command_line.Parser):
    """What several commands of `vigie-provision` take."""

    def add_json(self) -> None:
        """The option `--json`."""
        self.add_argument("--json", action="store_true", help=say(en="one JSON object on stdout", fr="un objet JSON"))

    def add_places(self, *, required: bool = True) -> None:
        """The options `--mast` and, `required` or not, `--camera`; each may be given several times."""
        masts, cameras = say(en="masts", fr="mâts concernés"), say(en="cameras", fr="caméras concernées")
        several: dict[str, Any] = {"nargs": "+", "action": "extend", "metavar": "ID"}
        self.add_argument("--mast", required=True, help=masts, **several)
        self.add_argument("--camera", required=required, default=[], help=cameras, **several)


def seconds(text: str, longest_s: int) -> int:
    """`2h`, `90m`, `1h30m`, `7d` -> seconds, at most `longest_s`; UsageError for anything else."""
    found = _DURATION.fullmatch(text)
    days, hours, minutes, rest = (int(one or 0) for one in found.groups()) if found else (0, 0, 0, 0)
    total = days * 86_400 + hours * 3600 + minutes * 60 + rest
    if not 0 < total <= longest_s:
        most = f"{longest_s // 3600}h" if longest_s < 172_800 else f"{longest_s // 86_400}d"
        raise UsageError(
            say(
                en=f"--valid {text}: give a duration such as 2h, 90m or 1h30m, at most {most}",
                fr=f"--valid {text} : donner une durée comme 2h, 90m ou 1h30m, {most} au plus",
            )
        )
    return total


def day(text: str | None) -> date | None:
    """`2026-12-31` -> date; UsageError for anything else."""
    try:
        if text is None:
            return None
        if _DAY.fullmatch(text):
            return date.fromisoformat(text)
    except ValueError:
        pass
    raise UsageError(
        say(
            en=f"--habilitated-until {text}: give a date such as 2026-12-31",
            fr=f"--habilitated-until {text} : donner une date comme 2026-12-31",
        )
    )


def moment_ms(option: str, text: str) -> int:
    """`2026-11-22T08:00:00+01:00` -> UTC milliseconds; UsageError for anything else."""
    try:
        return from_rfc3339(text)
    except ValueError as error:
        raise UsageError(
            say(
                en=f"{option} {text}: give a time with its zone, such as 2026-11-22T08:00:00+01:00",
                fr=f"{option} {text} : donner une heure avec son fuseau, comme 2026-11-22T08:00:00+01:00",
            )
        ) from error


def identifiers(option: str, values: Sequence[str]) -> tuple[str, ...]:
    """`values` when each could be the id of a mast or a camera; UsageError naming the first that cannot."""
    for value in values:
        if not _IDENTIFIER.fullmatch(value):
            raise UsageError(
                say(
                    en=f"{option} {value}: an id is 1 to 40 characters of a-z, 0-9 and -",
                    fr=f"{option} {value} : un identifiant compte 1 à 40 caractères parmi a-z, 0-9 et -",
                )
            )
    return tuple(dict.fromkeys(values))


def trusted(wall: WallTime) -> WallTime:
    """`wall` when this machine can know the time; UsageError otherwise."""
    if not wall.trusted:
        raise UsageError(
            say(
                en="this machine's clock is wrong: set its date, then ask again",
                fr="l'horloge de cette machine est fausse : régler la date, puis recommencer",
            )
        )
    return wall


def not_text() -> UsageError:
    """The fault of an argument that is no UTF-8."""
    return UsageError(
        say(en="a name or reason is not valid text (UTF-8)", fr="un nom ou motif n'est pas du texte valide (UTF-8)")
    )
