"""Verifier keys of signed notes (C2SP signed-note v1.0.0): `<name>+<hex id>+<base64 of kind and public key>`. Pure.

>>> is_key_name("csu.example/w1"), is_key_name("csu example")
(True, False)
"""

import base64
import binascii
from hashlib import sha256

ED25519 = 0x01
COSIGNATURE = 0x04
"""Of a witness (C2SP tlog-cosignature)."""
PUBLIC_BYTES = 32


def from_base64(text: str) -> bytes:
    """RFC 4648 section 4 in its one canonical form; ValueError for any other."""
    try:
        raw = base64.b64decode(text, validate=True)
    except binascii.Error as error:
        raise ValueError(str(error)) from None
    if to_base64(raw) != text:
        raise ValueError("is not in canonical form")
    return raw


def to_base64(raw: bytes) -> str:
    """RFC 4648 section 4."""
    return base64.b64encode(raw).decode("ascii")


def is_key_name(name: str) -> bool:
    """Not empty, without spaces, plus signs and control characters."""
    return bool(name) and "+" not in name and not any(one.isspace() or not one.isprintable() for one in name)


def key_id(name: str, kind: int, public: bytes) -> bytes:
    """Four bytes (signed-note, Signatures)."""
    return sha256(name.encode() + b"\n" + bytes([kind]) + public).digest()[:4]


def read_key(text: str) -> tuple[str, int, bytes]:
    """(name, ED25519 or COSIGNATURE, public half); ValueError for what is none, or for another kind of key."""
    name, _, rest = text.partition("+")
    identifier, _, encoded = rest.partition("+")
    raw = from_base64(encoded)
    if not is_key_name(name) or len(raw) != 1 + PUBLIC_BYTES or raw[0] not in (ED25519, COSIGNATURE):
        raise ValueError("no Ed25519 verifier key")
    if key_id(name, raw[0], raw[1:]).hex() != identifier:
        raise ValueError("another key's id")
    return name, raw[0], raw[1:]
