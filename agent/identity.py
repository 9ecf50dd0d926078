"""The mast's own signature: an Ed25519 key made on the box at its first start, which never leaves it.

Laws
- `identity/device.key` (PKCS#8 PEM, 0600) is the one truth; `device.pub` is derived from it and mended whenever it is
  missing, torn or of another key.
- Both are written to a temporary file, flushed, renamed, and their folder is flushed: after a power cut a key file is
  whole or not there.
- A key that cannot be read is never replaced by itself: what it signed would no longer belong to this mast.

>>> load_or_make(Path("/var/lib/vigie")).sign(b"...")
"""

from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import TypeGuard, TypeVar

from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives.asymmetric.ec import EllipticCurvePrivateKey
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.serialization import (
    Encoding,
    NoEncryption,
    PrivateFormat,
    PublicFormat,
    load_pem_private_key,
)

from agent.durable import sync_folder, write_whole
from agent.errors import KeyFileError
from agent.language import reason, say

FOLDER = "identity"
KEY = "device.key"
PUBLIC = "device.pub"
MAX_KEY_BYTES = 16 << 10

Key = TypeVar("Key", Ed25519PrivateKey, EllipticCurvePrivateKey)
"""What a mast signs with."""


@dataclass(frozen=True, slots=True)
class DeviceIdentity:
    """The device key; its private half appears in no text."""

    key: Ed25519PrivateKey = field(repr=False, compare=False)
    public_pem: str

    def sign(self, message: bytes) -> bytes:
        """Ed25519 (RFC 8032): 64 bytes."""
        return self.key.sign(message)


def _public_pem(key: Ed25519PrivateKey) -> str:
    return key.public_key().public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo).decode("ascii")


def refused(path: Path, why: str) -> KeyFileError:
    """What is said of a key file that cannot be used, with the mend."""
    if path.name == KEY:
        old = say(
            en="what the old one signed then needs the old device.pub",
            fr="ce que l'ancien a signé se vérifie alors avec l'ancien device.pub",
        )
    else:
        old = say(en="what the old one signed still verifies", fr="ce que l'ancien a signé se vérifie toujours")
    return KeyFileError(
        say(
            en=f"{path}: {why}; restore it from a copy, or move it away and the mast makes a new one at its next start "
            f"({old})",
            fr=f"{path} : {why} ; le restaurer d'une copie, ou l'écarter : le mât en crée un autre au démarrage "
            f"({old})",
        )
    )


def load_private(path: Path, fits: Callable[[object], TypeGuard[Key]], name: str) -> Key | None:
    """The private key in `path`, None where there is no file; KeyFileError when it does not fit (is not `name`)."""
    try:
        with path.open("rb") as file:
            raw = file.read(MAX_KEY_BYTES)
        mode = path.stat().st_mode
    except FileNotFoundError:
        return None
    except OSError as error:
        raise refused(path, reason(error)) from error
    try:
        key = load_pem_private_key(raw, password=None)
    except (ValueError, TypeError, UnsupportedAlgorithm):  # TypeError: it has a password
        key = None
    if not fits(key):
        raise refused(path, say(en=f"is not {name} private key in PEM", fr=f"pas une clé privée {name} en PEM"))
    if mode & 0o077:
        path.chmod(0o600)
    return key


def keep_private(path: Path, key: Key) -> Key:
    """Writes a new key, whole or not at all."""
    write_whole(path, key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()), 0o600)
    return key


def mend(path: Path, pem: bytes) -> None:
    """Makes a file that follows from a key hold `pem`, whatever it held."""
    try:
        whole = path.read_bytes() == pem
    except FileNotFoundError:
        whole = False
    if not whole:
        write_whole(path, pem, 0o644)


def _is_ed25519(key: object) -> TypeGuard[Ed25519PrivateKey]:
    return isinstance(key, Ed25519PrivateKey)


def load_or_make(state: Path) -> DeviceIdentity:
    """The identity in `state`, made at the first call; KeyFileError names the file and the mend."""
    folder = state / FOLDER
    path = folder / KEY
    try:
        if not folder.is_dir():
            state.mkdir(mode=0o700, parents=True, exist_ok=True)
            folder.mkdir(mode=0o700, exist_ok=True)
            sync_folder(state)
        key = load_private(path, _is_ed25519, say(en="an Ed25519", fr="Ed25519"))
        key = key or keep_private(path, Ed25519PrivateKey.generate())
        pem = _public_pem(key)
        mend(folder / PUBLIC, pem.encode("ascii"))
    except OSError as error:
        raise refused(path, reason(error)) from error
    return DeviceIdentity(key, pem)
