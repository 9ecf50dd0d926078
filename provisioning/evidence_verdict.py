"""What the checking of a pack is given and what it says: values. Pure."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Literal

from cryptography.exceptions import InvalidSignature, UnsupportedAlgorithm
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey
from cryptography.hazmat.primitives.serialization import load_pem_public_key
from cryptography.x509 import Certificate

from agent.evidence.manifest import Manifest
from agent.language import say
from agent.register.notes import Key

Status = Literal["good", "bad", "note"]
MOST_TOLD = 12


@dataclass(frozen=True, slots=True)
class Line:
    """One line of the verdict. `note`: not wrong, and to be known."""

    status: Status
    what: str
    text: str


@dataclass(frozen=True, slots=True)
class Trust:
    """What the one who checks knows from elsewhere; empty: the pack's own word. `witnesses`: their verifier keys.

    `timestamp`: authorities of time-stamping services.
    """

    device: Ed25519PublicKey | None = None
    judicial: Sequence[Ed25519PublicKey] = ()
    witnesses: Sequence[Key] = ()
    timestamp: Sequence[Certificate] = ()


@dataclass(frozen=True, slots=True)
class Contents:
    """A pack as it was read: `small` files whole, and (size, SHA-256) of every file."""

    small: Mapping[str, bytes]
    measured: Mapping[str, tuple[int, str]]


@dataclass(frozen=True, slots=True)
class Checked:
    """The verdict. `manifest`: None when nothing in the pack can be believed. `bad`: files that are not as signed."""

    lines: tuple[Line, ...]
    manifest: Manifest | None
    bad: frozenset[str] = frozenset()

    @property
    def good(self) -> bool:
        """No line is bad."""
        return all(line.status != "bad" for line in self.lines)


WORDS = {
    "device": ("device key", "clé du mât"),
    "sums": ("files", "fichiers"),
    "manifest": ("manifest", "manifeste"),
    "recordings": ("recordings", "enregistrements"),
    "pictures": ("signed pictures", "images signées"),
    "timestamp": ("time-stamp", "horodatage"),
    "interval": ("interval", "intervalle"),
    "gaps": ("gaps", "lacunes"),
    "requisition": ("requisition", "réquisition"),
    "register": ("register", "registre"),
    "witness": ("witness", "témoin"),
    "clock": ("clock", "horloge"),
}


def word(what: str) -> str:
    """A check's name, for people."""
    en, fr = WORDS[what]
    return say(en=en, fr=fr)


def line(status: Status, what: str, *, en: str, fr: str) -> Line:
    """A line about one of `WORDS`."""
    return Line(status, word(what), say(en=en, fr=fr))


def public_key(pem: bytes) -> Ed25519PublicKey | None:
    """Of a PEM file; None for anything else."""
    try:
        key = load_pem_public_key(pem)
    except (ValueError, UnsupportedAlgorithm):
        return None
    return key if isinstance(key, Ed25519PublicKey) else None


def signed(key: Ed25519PublicKey, signature: bytes, message: bytes) -> bool:
    """Whether it is that key's (RFC 8032)."""
    try:
        key.verify(signature, message)
    except InvalidSignature:
        return False
    return True
