"""HTTP digest authentication (RFC 7616): a camera's challenge in, the Authorization header out. Pure.

>>> challenge = parse('Digest realm="camera", nonce="abc", qop="auth", algorithm=MD5')
>>> answer(challenge, Attempt("POST", "/onvif/ptz", 1, "0a4f113b"), "vigie", "secret")[:24]
'Digest username="vigie",'
"""

import hashlib
import re
from dataclasses import dataclass

_PAIR = re.compile(r'([A-Za-z0-9-]+)\s*=\s*(?:"((?:[^"\\]|\\.)*)"|([^\s,]+))')
_SCHEME = re.compile(r"(?:^|,)\s*digest\s+", re.IGNORECASE)
LONGEST = 4096
HASHES = ("SHA-256", "MD5")
"""In the order in which they are preferred."""


@dataclass(frozen=True, slots=True)
class Challenge:
    """What a camera asks for. `algorithm` is of `HASHES`; `qop`: it wants RFC 7616's counting."""

    realm: str
    nonce: str
    algorithm: str
    qop: bool
    opaque: str


@dataclass(frozen=True, slots=True)
class Attempt:
    """One request: its method, its target, how often this nonce was used, and a nonce of our own."""

    method: str
    target: str
    count: int
    own_nonce: str


def parse(header: str) -> Challenge | None:
    """The best challenge in a WWW-Authenticate header that can be answered, or None."""
    if len(header) > LONGEST:
        return None
    found = [one for one in map(_one, _SCHEME.split(header)[1:]) if one is not None]
    return min(found, key=lambda one: HASHES.index(one.algorithm), default=None)


def _one(text: str) -> Challenge | None:
    fields = {name.lower(): quoted or plain for name, quoted, plain in reversed(_PAIR.findall(text))}
    algorithm = fields.get("algorithm", "MD5").upper()
    offered = [one.strip().lower() for one in fields.get("qop", "").split(",") if one.strip()]
    nonce = fields.get("nonce", "")
    if algorithm not in HASHES or not nonce or (offered and "auth" not in offered):
        return None
    return Challenge(fields.get("realm", ""), nonce, algorithm, bool(offered), fields.get("opaque", ""))


def answer(challenge: Challenge, attempt: Attempt, username: str, password: str) -> str:
    """The Authorization header for one request."""

    def hashed(*parts: str) -> str:
        data = ":".join(parts).encode()
        if challenge.algorithm == "MD5":
            return hashlib.md5(data, usedforsecurity=False).hexdigest()
        return hashlib.sha256(data).hexdigest()

    who = hashed(username, challenge.realm, password)
    what = hashed(attempt.method, attempt.target)
    fields = {
        "username": username,
        "realm": challenge.realm,
        "nonce": challenge.nonce,
        "uri": attempt.target,
    }
    if challenge.qop:
        count = f"{attempt.count:08x}"
        response = hashed(who, challenge.nonce, count, attempt.own_nonce, "auth", what)
        tail = f", qop=auth, nc={count}, cnonce={_quoted(attempt.own_nonce)}"
    else:
        response = hashed(who, challenge.nonce, what)
        tail = ""
    fields["response"] = response
    if challenge.opaque:
        fields["opaque"] = challenge.opaque
    listed = ", ".join(f"{name}={_quoted(value)}" for name, value in fields.items())
    return f"Digest {listed}, algorithm={challenge.algorithm}{tail}"


def _quoted(text: str) -> str:
    printable = "".join(one for one in text if one.isprintable())
    return '"' + printable.replace("\\", "\\\\").replace('"', '\\"') + '"'
