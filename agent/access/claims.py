"""What a grant says, as values, and the strict reading of it: JSON bytes -> Grant.

Laws
- Every claim has its one JSON type: no number in a string, no float and no boolean as a time.
- Only known claims: an unknown one is refused, because an authority that wrote it may have meant a limit that this mast
  would not keep. A claim that stands twice is refused (RFC 7519 section 4).
- A reason and a reference are words: blanks, punctuation or control characters alone are none.
"""

import json
import re
from dataclasses import dataclass
from datetime import date
from typing import Any, Literal, Self

from pydantic import Field, ValidationError, field_validator, model_validator

from agent.access.basis import Basis, Kind
from agent.access.strict import Name, Second, Strict, Words, strict_json, told
from agent.errors import GrantRefused
from agent.faults import fault
from agent.language import say

Act = Literal["live", "ptz", "export"]

LONGEST_GRANT_S = 12 * 3600
_DAY = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}")


@dataclass(frozen=True, slots=True)
class Grant:
    """One agent's permission. Times are unix seconds; `expires_at` never lies after the end of `habilitated_until`
    in a grant that was judged."""

    jti: str
    agent_number: str
    name: str
    service: str
    masts: tuple[str, ...]
    cameras: tuple[str, ...]
    allow: frozenset[str]
    basis: Basis
    issued_at: int
    not_before: int
    expires_at: int
    habilitated_until: date | None
    priority: int


class _Basis(Strict):
    kind: Kind
    reference: Name
    reason: Words


class Claims(Strict):
    """The claims of a grant (RFC 7519 section 4.1, and Vigie's own)."""

    sub: Name
    name: Name
    service: Name
    aud: tuple[Name, ...] = Field(min_length=1, max_length=512)
    cameras: tuple[Name, ...] = Field(min_length=1, max_length=256)
    allow: tuple[Act, ...] = Field(min_length=1, max_length=3)
    basis: _Basis
    iat: Second
    nbf: Second
    exp: Second
    jti: Name
    habilitated_until: date | None = None
    priority: int = Field(default=0, ge=0, le=1000)

    @field_validator("aud", mode="before")
    @classmethod
    def _one_or_several(cls, aud: Any) -> Any:
        # RFC 7519 section 4.1.3: a single audience may stand without its list
        return tuple(aud) if isinstance(aud, list) else (aud,) if isinstance(aud, str) else aud

    @field_validator("habilitated_until", mode="before")
    @classmethod
    def _day(cls, day: Any) -> date | None:
        if day is None:
            return None
        try:
            if isinstance(day, str) and _DAY.fullmatch(day):
                return date.fromisoformat(day)
        except ValueError:
            pass
        raise fault(en="is not a date such as 2026-12-31", fr="n'est pas une date comme 2026-12-31")

    @model_validator(mode="after")
    def _span(self) -> Self:
        if not max(self.iat, self.nbf) < self.exp <= self.iat + LONGEST_GRANT_S:
            raise fault(
                en="exp must lie after iat and nbf, and at most 12 hours after iat; ask for a shorter grant",
                fr="exp doit suivre iat et nbf, de 12 heures au plus après iat ; demander une durée plus courte",
            )
        return self


def _malformed(what: str) -> GrantRefused:
    return GrantRefused(say(en=f"the grant is malformed: {what}", fr=f"l'autorisation est mal formée : {what}"))


def read(payload: bytes) -> Grant:
    """The grant in a JWT's payload, or GrantRefused naming each claim that is wrong."""
    try:
        strict_json(payload)
    except ValueError as error:
        raise _malformed(say(en="not JSON, or a claim twice", fr="pas du JSON, ou deux fois la même clé")) from error
    try:
        claims = Claims.model_validate_json(payload)
    except ValidationError as error:
        raise _malformed(told(error)) from None
    return Grant(
        jti=claims.jti,
        agent_number=claims.sub,
        name=claims.name,
        service=claims.service,
        masts=claims.aud,
        cameras=claims.cameras,
        allow=frozenset(claims.allow),
        basis=Basis(claims.basis.kind, claims.basis.reference, claims.basis.reason),
        issued_at=claims.iat,
        not_before=claims.nbf,
        expires_at=claims.exp,
        habilitated_until=claims.habilitated_until,
        priority=claims.priority,
    )


def write(grant: Grant) -> bytes:
    """The JWT payload that says `grant`; one audience stands as a string, several as a list."""
    claims: dict[str, Any] = {
        "sub": grant.agent_number,
        "name": grant.name,
        "service": grant.service,
        "aud": grant.masts[0] if len(grant.masts) == 1 else list(grant.masts),
        "cameras": list(grant.cameras),
        "allow": sorted(grant.allow),
        "basis": {"kind": grant.basis.kind, "reference": grant.basis.reference, "reason": grant.basis.reason},
        "iat": grant.issued_at,
        "nbf": grant.not_before,
        "exp": grant.expires_at,
        "jti": grant.jti,
    }
    if grant.habilitated_until is not None:
        claims["habilitated_until"] = grant.habilitated_until.isoformat()
    if grant.priority:
        claims["priority"] = grant.priority
    return json.dumps(claims, ensure_ascii=False, separators=(",", ":")).encode()
