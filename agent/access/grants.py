"""Grants: signed permissions to look, judged on the mast without asking anyone.

    judge = GrantJudge(authorities, "lievin-042", revoked=())
    grant = judge.judge(bearer(request.headers.get("Authorization")), clock.wall())
    require(grant, "parvis-fixed", "live")

Laws
- A grant is a compact JWS (RFC 7515) of at most 8 KiB whose header says `alg` EdDSA and `typ` vigie-grant+jwt and
  nothing else; `jws.py` has the laws of headers and spelling.
- Form first (401), then the clock: while wall time is not trusted every well-formed token gets 503, forged or not,
  because nothing about its time can be said. Then signature, claims, mast, revocation, times.
- `iat` may lie 60 s ahead of the mast's clock, so that two good clocks need not agree; `nbf` and `exp` are kept to the
  second, without leeway. A habilitation counts through its last day in Paris, and the grant ends with it.
- A refusal names the fault and the mend, never the token.
"""

import re
from collections.abc import Collection, Sequence
from dataclasses import replace

import jwt
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey

from agent.access.basis import Basis
from agent.access.claims import LONGEST_GRANT_S, Act, Grant, read, write
from agent.access.jws import ALGORITHM, decode, is_header
from agent.clock import WallTime
from agent.errors import ClockUntrusted, GrantRefused, NotCovered
from agent.language import say
from agent.paris import end_of_day, shown, told

__all__ = [
    "ISSUED_AHEAD_S",
    "LONGEST_GRANT_S",
    "MAX_TOKEN_BYTES",
    "Act",
    "Basis",
    "Grant",
    "GrantJudge",
    "bearer",
    "mint",
    "require",
]

TYPE = "vigie-grant+jwt"
MAX_TOKEN_BYTES = 8 << 10
ISSUED_AHEAD_S = 60
_FORM = re.compile(r"[A-Za-z0-9_-]+\.[A-Za-z0-9_-]+\.[A-Za-z0-9_-]+")
_BEARER = re.compile(r"bearer +([A-Za-z0-9._~+/-]+=*) *", re.IGNORECASE)
_JWS = jwt.PyJWS(algorithms=[ALGORITHM])


def bearer(header: str | None) -> str:
    """The token in an `Authorization: Bearer` header (RFC 6750 section 2.1; the scheme's case does not matter)."""
    if header is None:
        raise GrantRefused(say(en="a grant is needed; send it as a bearer token", fr="autorisation requise (Bearer)"))
    found = _BEARER.fullmatch(header) if len(header) <= 2 * MAX_TOKEN_BYTES else None
    if found is None:
        raise GrantRefused(
            say(en="Authorization is not `Bearer <grant>`", fr="Authorization n'est pas `Bearer <jeton>`")
        )
    return found[1]


def _parts(token: str) -> tuple[bytes, bytes, bytes]:
    """Header, payload and signature, decoded but not believed."""
    if len(token) > MAX_TOKEN_BYTES:
        raise GrantRefused(
            say(
                en="the grant is larger than 8 KiB; name fewer masts",
                fr="jeton de plus de 8 Kio ; nommer moins de mâts",
            )
        )
    try:
        if _FORM.fullmatch(token) is None:
            raise ValueError("not three parts")
        header, payload, signature = map(decode, token.split("."))
    except ValueError:
        raise GrantRefused(
            say(
                en="this is not a grant: a signed JWT in three parts is needed",
                fr="ceci n'est pas une autorisation : il faut un JWT signé en trois parties",
            )
        ) from None
    return header, payload, signature


def _check_header(raw: bytes) -> None:
    if not is_header(raw, TYPE):
        raise GrantRefused(
            say(
                en=f"not a grant: its header must say alg {ALGORITHM} and typ {TYPE}, and nothing else",
                fr=f"pas une autorisation : l'en-tête doit dire alg {ALGORITHM} et typ {TYPE}, rien d'autre",
            )
        )


class GrantJudge:
    """Says whether a token is a good grant for this mast now."""

    def __init__(self, authorities: Sequence[Ed25519PublicKey], mast_id: str, revoked: Collection[str] = ()) -> None:
        self._authorities = tuple(authorities)
        self._mast_id = mast_id
        self._revoked = frozenset(revoked)

    def judge(self, token: str, wall: WallTime) -> Grant:
        """The grant that `token` carries, good at `wall`; else GrantRefused (401) or ClockUntrusted (503)."""
        header, payload, _ = _parts(token)
        if not wall.trusted:
            raise ClockUntrusted(
                say(
                    en="clock: the mast does not know the time, so no grant can be judged; try again shortly",
                    fr="clock : le mât ne connaît pas l'heure, aucune autorisation n'est jugée ; réessayer bientôt",
                )
            )
        _check_header(header)
        if not any(_signed(token, key) for key in self._authorities):
            raise GrantRefused(
                say(
                    en="the grant is not signed by an authority of this mast; ask that authority for one",
                    fr="l'autorisation n'est signée par aucune autorité de ce mât ; en demander une à celle-ci",
                )
            )
        grant = read(payload)
        self._check_mast(grant)
        if grant.habilitated_until is not None:
            grant = replace(grant, expires_at=min(grant.expires_at, end_of_day(grant.habilitated_until)))
        _check_times(grant, wall)
        return grant

    def vouched(self, token: str) -> Grant | None:
        """What an authority of this mast has signed, whether or not it counts here and now: whom a refusal names."""
        try:
            header, payload, _ = _parts(token)
            _check_header(header)
            return read(payload) if any(_signed(token, key) for key in self._authorities) else None
        except GrantRefused:
            return None

    def _check_mast(self, grant: Grant) -> None:
        if self._mast_id not in grant.masts:
            raise GrantRefused(
                say(
                    en=f"the grant is for another mast than {self._mast_id}; ask for one that names it",
                    fr=f"l'autorisation vise un autre mât que {self._mast_id} ; en demander une qui le nomme",
                )
            )
        if grant.jti in self._revoked:
            raise GrantRefused(
                say(en="the grant was revoked; ask for a new one", fr="autorisation révoquée ; en demander une autre")
            )


def _signed(token: str, key: Ed25519PublicKey) -> bool:
    try:
        _JWS.decode_complete(token, key=key, algorithms=[ALGORITHM])
    except jwt.PyJWTError:
        return False
    return True


def _check_times(grant: Grant, wall: WallTime) -> None:
    now = shown(wall.utc_ms)
    if wall.utc_ns >= grant.expires_at * 10**9:
        over = grant.habilitated_until is not None and grant.expires_at == end_of_day(grant.habilitated_until)
        until = told(grant.expires_at * 1000)
        what_en, what_fr = ("the habilitation", "l'habilitation") if over else ("the grant", "l'autorisation")
        raise GrantRefused(
            say(
                en=f"{what_en} ended at {until}, and in Paris it is {now}; ask for a new one",
                fr=f"{what_fr} a pris fin le {until}, et il est {now} à Paris ; en demander une nouvelle",
            )
        )
    start = max(grant.not_before, grant.issued_at - ISSUED_AHEAD_S)
    if wall.utc_ns < start * 10**9:
        raise GrantRefused(
            say(
                en=f"the grant is not valid before {told(start * 1000)}, and in Paris it is {now}; wait, or check "
                "the clocks",
                fr=f"autorisation valable à partir du {told(start * 1000)}, et il est {now} à Paris ; attendre, ou "
                "vérifier les horloges",
            )
        )


def require(grant: Grant, camera: str, act: Act) -> None:
    """NotCovered (403) unless `grant` allows `act` on `camera`."""
    if camera not in grant.cameras:
        raise NotCovered(
            say(
                en="the grant does not cover this camera; ask for one that names it",
                fr="caméra non couverte ; demander une autorisation qui la nomme",
            )
        )
    if act not in grant.allow:
        raise NotCovered(
            say(
                en=f"the grant does not allow {act}; ask for one that does",
                fr=f"l'autorisation ne permet pas {act} ; en demander une qui le permet",
            )
        )


def mint(key: Ed25519PrivateKey, grant: Grant) -> str:
    """The signed token that carries `grant`; whether a mast would take it is for `GrantJudge` to say."""
    return _JWS.encode(write(grant), key, algorithm=ALGORITHM, headers={"typ": TYPE})
