"""Makes grants on the authority's workstation.

Law: what comes out has been judged by the very code that a mast judges with; what no mast would take is never printed.
`nbf` lies a minute before `iat`, so that a mast whose clock is a little behind opens at once.
"""

import re
from collections.abc import Sequence
from datetime import date
from uuid import uuid4

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from agent.access.grants import ISSUED_AHEAD_S, LONGEST_GRANT_S, Basis, Grant, GrantJudge, mint
from agent.clock import WallTime
from agent.errors import AccessDenied, UsageError
from agent.language import say

_IDENTIFIER = re.compile(r"[a-z0-9-]{1,40}")
_DURATION = re.compile(r"(?:([0-9]{1,6})h)?(?:([0-9]{1,6})m)?(?:([0-9]{1,6})s)?")
_DAY = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}")


def seconds(text: str) -> int:
    """`2h`, `90m`, `1h30m`, `45s` -> seconds, at most 12 h; UsageError for anything else."""
    found = _DURATION.fullmatch(text)
    hours, minutes, rest = (int(one or 0) for one in found.groups()) if found else (0, 0, 0)
    total = hours * 3600 + minutes * 60 + rest
    if not 0 < total <= LONGEST_GRANT_S:
        raise UsageError(
            say(
                en=f"--valid {text}: give a duration such as 2h, 90m or 1h30m, at most 12h",
                fr=f"--valid {text} : donner une durée comme 2h, 90m ou 1h30m, 12h au plus",
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


def new_grant(
    key: Ed25519PrivateKey,
    wall: WallTime,
    *,
    agent_number: str,
    name: str,
    service: str,
    masts: Sequence[str],
    cameras: Sequence[str],
    allow: Sequence[str],
    basis: Basis,
    valid_s: int,
    habilitated_until: date | None = None,
    priority: int = 0,
) -> tuple[str, Grant]:
    """A signed grant and what it says, good from `wall` for `valid_s` seconds; UsageError if no mast would take it."""
    if not wall.trusted:
        raise UsageError(
            say(
                en="this machine's clock is wrong: set its date, then ask again",
                fr="l'horloge de cette machine est fausse : régler la date, puis recommencer",
            )
        )
    now = wall.utc_ns // 10**9
    grant = Grant(
        jti=str(uuid4()),
        agent_number=agent_number,
        name=name,
        service=service,
        masts=tuple(masts),
        cameras=tuple(cameras),
        allow=frozenset(allow),
        basis=basis,
        issued_at=now,
        not_before=now - ISSUED_AHEAD_S,
        expires_at=now + valid_s,
        habilitated_until=habilitated_until,
        priority=priority,
    )
    try:
        token = mint(key, grant)
        return token, GrantJudge([key.public_key()], grant.masts[0]).judge(token, wall)
    except UnicodeEncodeError as error:
        raise UsageError(
            say(en="a name or reason is not valid text (UTF-8)", fr="un nom ou motif n'est pas du texte valide (UTF-8)")
        ) from error
    except AccessDenied as error:
        raise UsageError(str(error)) from error
