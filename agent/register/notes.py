"""Signed notes, checkpoints and cosignatures in the formats of C2SP, so that tools which are not ours check them. Pure.

    signed-note v1.0.0        text, an empty line, lines `— <name> base64(key id || signature)`
    tlog-checkpoint v1.0.0    origin, size, base64 of the root: the text of a note that the log signs
    tlog-cosignature          a witness's line on it: Ed25519 over `cosignature/v1`, `time <seconds>` and that text

Laws
- A note is taken only in its one form: canonical base64, no control characters, bounded in size.
- Signatures of unknown keys are ignored; one of a known key that does not verify spoils the whole note.

>>> str(Key("example.com/foo", ED25519, public))
'example.com/foo+530d903a+AekyeRrm56hApGFkyQR4ZCbV54Id2LKaANYcrnKv3U2k'
"""

import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey

from agent.errors import NoteRefused
from agent.language import say
from agent.register.tree import HASH_BYTES
from agent.verifier_keys import COSIGNATURE, from_base64, is_key_name, key_id, read_key, to_base64

SIGNATURE_BYTES = 64
LARGEST_NOTE = 64 << 10
MOST_SIGNATURES = 64
LARGEST_SIZE = 2**63 - 1

_LINE = re.compile(r"— ([^ ]+) ([A-Za-z0-9+/=]+)")
_NUMBER = re.compile(r"0|[1-9][0-9]{0,18}")

Sign = Callable[[bytes], bytes]
"""Ed25519 (RFC 8032): 64 bytes for a message."""


def _refused(*, en: str, fr: str) -> NoteRefused:
    return NoteRefused(say(en=en, fr=fr))


def number(text: str) -> int:
    """A decimal without leading zeroes, at most 2^63 - 1; ValueError for anything else."""
    if not _NUMBER.fullmatch(text) or int(text) > LARGEST_SIZE:
        raise ValueError(f"{text[:20]!r} is no number")
    return int(text)


@dataclass(frozen=True, slots=True)
class Key:
    """Who may sign what: a name, ED25519 or COSIGNATURE, and the 32 bytes of an Ed25519 public key."""

    name: str
    kind: int
    public: bytes

    @property
    def id(self) -> bytes:
        """Four bytes (signed-note, Signatures)."""
        return key_id(self.name, self.kind, self.public)

    def __str__(self) -> str:
        """The verifier key: `<name>+<hex id>+<base64 of kind and key>`."""
        return f"{self.name}+{self.id.hex()}+{to_base64(bytes([self.kind]) + self.public)}"

    @classmethod
    def parse(cls, text: str) -> "Key":
        """Of a verifier key; NoteRefused for what is none, or for another kind of key."""
        try:
            return cls(*read_key(text))
        except ValueError:
            pass
        raise _refused(
            en=f"{text[:80]!r} is no Ed25519 verifier key; it has the form name+1a2b3c4d+base64",
            fr=f"{text[:80]!r} n'est pas une clé de vérification Ed25519 ; forme attendue : nom+1a2b3c4d+base64",
        )


@dataclass(frozen=True, slots=True)
class Signature:
    """One line under a note: whose it says to be, and the bytes."""

    name: str
    key_id: bytes
    signature: bytes

    def __str__(self) -> str:
        return f"— {self.name} {to_base64(self.key_id + self.signature)}\n"

    @classmethod
    def parse(cls, line: str) -> "Signature":
        """Of a line without its newline; NoteRefused for anything else."""
        match = _LINE.fullmatch(line)
        try:
            raw = from_base64(match[2]) if match and is_key_name(match[1]) else b""
        except ValueError:
            raw = b""
        if match is None or len(raw) <= 4:
            raise _refused(en="has a malformed signature line", fr="a une ligne de signature mal formée")
        return cls(match[1], raw[:4], raw[4:])

    def of(self, key: Key) -> bool:
        """Whether it says to be by `key`."""
        return self.name == key.name and self.key_id == key.id


@dataclass(frozen=True, slots=True)
class Note:
    """`text` ends in a newline; nothing about it is known before `signed_by`."""

    text: str
    signatures: tuple[Signature, ...]

    def __str__(self) -> str:
        return f"{self.text}\n{''.join(map(str, self.signatures))}"

    @classmethod
    def parse(cls, raw: bytes) -> "Note":
        """Of a whole note; NoteRefused for anything else."""
        if len(raw) > LARGEST_NOTE:
            raise _refused(en="is too long for a note", fr="est trop long pour une note")
        try:
            whole = raw.decode("utf-8")
        except UnicodeDecodeError:
            whole = ""
        text, gap, below = whole.rpartition("\n\n")
        lines = below.split("\n")
        if not gap or not text or lines.pop() != "" or not lines or any(one < " " and one != "\n" for one in whole):
            raise _refused(
                en="is no signed note: text, an empty line, then signature lines",
                fr="n'est pas une note signée : du texte, une ligne vide, puis des signatures",
            )
        if len(lines) > MOST_SIGNATURES:
            raise _refused(en="has too many signatures", fr="porte trop de signatures")
        return cls(text + "\n", tuple(map(Signature.parse, lines)))

    def signed_by(self, keys: Sequence[Key]) -> tuple[Signature, ...]:
        """Those signatures of `keys` that hold; NoteRefused when one of them does not (signed-note, Signatures)."""
        good = []
        for one in self.signatures:
            for key in keys:
                if not one.of(key):
                    continue
                if not _holds(self.text, one, key):
                    raise _refused(
                        en=f"the signature of {key.name} does not match: it was altered, or another key made it",
                        fr=f"la signature de {key.name} ne correspond pas : altérée, ou faite par une autre clé",
                    )
                good.append(one)
        return tuple(good)


def _message(text: str, timestamp: int) -> bytes:
    """What a cosignature signs (tlog-cosignature, Ed25519 signed message)."""
    return f"cosignature/v1\ntime {timestamp}\n{text}".encode()


def _holds(text: str, one: Signature, key: Key) -> bool:
    signature, message = one.signature, text.encode()
    if key.kind == COSIGNATURE:
        if len(signature) != 8 + SIGNATURE_BYTES or cosigned_at(one) > LARGEST_SIZE:
            return False
        signature, message = signature[8:], _message(text, cosigned_at(one))
    try:
        Ed25519PublicKey.from_public_bytes(key.public).verify(signature, message)
    except InvalidSignature:
        return False
    return True


def cosigned_at(cosignature: Signature) -> int:
    """When a witness signed, in seconds since 1970; what it says is worth nothing before it was verified."""
    return int.from_bytes(cosignature.signature[:8], "big")


def sign(text: str, key: Key, signer: Sign) -> Signature:
    """The log's own line under a checkpoint."""
    return Signature(key.name, key.id, signer(text.encode()))


def cosign(text: str, key: Key, signer: Sign, timestamp: int) -> Signature:
    """A witness's line under a checkpoint; `timestamp` in seconds since 1970."""
    return Signature(key.name, key.id, timestamp.to_bytes(8, "big") + signer(_message(text, timestamp)))


@dataclass(frozen=True, slots=True)
class Checkpoint:
    """A tree's head: `root` of the first `size` leaves of the log called `origin`."""

    origin: str
    size: int
    root: bytes
    extensions: tuple[str, ...] = ()

    @property
    def text(self) -> str:
        """The text of the note."""
        return "".join(f"{line}\n" for line in (self.origin, str(self.size), to_base64(self.root), *self.extensions))

    @classmethod
    def parse(cls, text: str) -> "Checkpoint":
        """Of a note's text; NoteRefused for anything else."""
        lines = text.split("\n")
        try:
            if lines.pop() == "" and len(lines) >= 3 and all(lines):
                checkpoint = cls(lines[0], number(lines[1]), from_base64(lines[2]), tuple(lines[3:]))
                if len(checkpoint.root) == HASH_BYTES:
                    return checkpoint
        except ValueError:
            pass
        raise _refused(
            en="is no checkpoint: origin, size and root hash, each on a line",
            fr="n'est pas un point de contrôle : origine, taille et empreinte, une par ligne",
        )
