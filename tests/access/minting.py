"""What the tests of grants share: a town's authority, an honest grant, and a forger's tools (any header, any bytes)."""

import base64
import json
from collections.abc import Callable
from datetime import date
from typing import Any

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from agent.access.grants import Basis, Grant, GrantJudge
from agent.clock import WallTime

AUTHORITY = Ed25519PrivateKey.from_private_bytes(b"authority".ljust(32, b"."))
STRANGER = Ed25519PrivateKey.from_private_bytes(b"stranger".ljust(32, b"."))
JUDICIAL = Ed25519PrivateKey.from_private_bytes(b"judicial".ljust(32, b"."))
MAST = "lievin-042"
NOW = 1_795_000_000
"""2026-11-18T11:06:40Z, in winter time."""
HEADER = {"alg": "EdDSA", "typ": "vigie-grant+jwt"}


def wall(second: float = NOW, *, trusted: bool = True) -> WallTime:
    """The mast's clock at a unix second."""
    return WallTime(int(second * 10**9), synchronised=trusted, error_ms=1.0, trusted=trusted)


def judge(*, mast: str = MAST, revoked: tuple[str, ...] = ()) -> GrantJudge:
    """A mast's judge that knows the one authority."""
    return GrantJudge([AUTHORITY.public_key()], mast, revoked)


def grant(**changes: Any) -> Grant:
    """An honest grant of two hours, with `changes`."""
    fields: dict[str, Any] = {
        "jti": "one",
        "agent_number": "0042",
        "name": "Zoé Durand",
        "service": "Police municipale",
        "masts": (MAST,),
        "cameras": ("parvis-fixed",),
        "allow": frozenset({"live"}),
        "basis": Basis("event", "MC-2026-118", "Attroupement signalé place du marché"),
        "issued_at": NOW,
        "not_before": NOW,
        "expires_at": NOW + 7200,
        "habilitated_until": date(2026, 12, 31),
        "priority": 3,
    }
    return Grant(**{**fields, **changes})


def claims(**changes: Any) -> dict[str, Any]:
    """The honest grant's claims; `changes` replace them, and a change to `...` leaves the claim out."""
    honest: dict[str, Any] = {
        "sub": "0042",
        "name": "Zoé Durand",
        "service": "Police municipale",
        "aud": MAST,
        "cameras": ["parvis-fixed"],
        "allow": ["live"],
        "basis": {"kind": "event", "reference": "MC-2026-118", "reason": "Attroupement signalé"},
        "iat": NOW,
        "nbf": NOW,
        "exp": NOW + 7200,
        "jti": "one",
    }
    return {key: value for key, value in {**honest, **changes}.items() if value is not ...}


def b64(raw: bytes) -> str:
    """base64url without padding."""
    return base64.urlsafe_b64encode(raw).rstrip(b"=").decode()


FOREIGN_HEADERS: tuple[dict[str, object], ...] = (
    {"jwk": {"kty": "OKP", "crv": "Ed25519", "x": b64(STRANGER.public_key().public_bytes_raw())}},
    {"jku": "https://evil.example/keys"},
    {"x5u": "https://evil.example/cert"},
    {"x5c": ["MII="]},
    {"kid": "../../etc/passwd"},
    {"crit": ["exp"], "exp": 1},
    {"crit": []},
    {"b64": False, "crit": ["b64"]},
    {"cty": "JWT"},
    {"cty": "json"},
    {"zip": "DEF"},
)
"""What a signature's header may not bring (RFC 7515 section 4): keys of its own, and rules."""


def signed(payload: object, header: object = HEADER, sign: Callable[[bytes], bytes] = AUTHORITY.sign) -> str:
    """A compact JWS over anything; `payload` and `header` are bytes as they are, or whatever JSON can say."""
    parts = [one if isinstance(one, bytes) else json.dumps(one).encode() for one in (header, payload)]
    message = ".".join(map(b64, parts))
    return f"{message}.{b64(sign(message.encode()))}"
