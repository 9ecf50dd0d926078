"""Makes grants on the authority's workstation.

Law: what comes out has been judged by the very code that a mast judges with; what no mast would take is never printed.
`nbf` lies a minute before `iat`, so that a mast whose clock is a little behind opens at once.
"""

from collections.abc import Sequence
from datetime import date
from uuid import uuid4

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from agent.access.basis import Basis
from agent.access.grants import ISSUED_AHEAD_S, Grant, GrantJudge, mint
from agent.clock import WallTime
from agent.errors import AccessDenied, UsageError
from provisioning.parsing import not_text, trusted


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
    now = trusted(wall).utc_ns // 10**9
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
        raise not_text() from error
    except AccessDenied as error:
        raise UsageError(str(error)) from error
