"""Ed25519 keys in PEM files: SubjectPublicKeyInfo for the public half, unencrypted PKCS#8 for the private one.

Laws
- A private half is written 0600 and flushed to disk; nothing is ever written over.
- A message names the file and the mend, never what stands in the file.

>>> save_private(folder / "authority.key", key)
>>> save_public(folder / "authority.pub", key.public_key())
"""

from pathlib import Path

from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey
from cryptography.hazmat.primitives.serialization import (
    Encoding,
    NoEncryption,
    PrivateFormat,
    PublicFormat,
    load_pem_private_key,
    load_pem_public_key,
)

from agent.durable import write_flushed
from agent.errors import KeyFileError
from agent.language import reason, say

MAX_KEY_BYTES = 16 << 10


def _read(path: Path) -> bytes:
    try:
        with path.open("rb") as file:
            return file.read(MAX_KEY_BYTES)
    except OSError as error:
        why = reason(error)
        raise KeyFileError(
            say(en=f"{path}: cannot be read ({why})", fr=f"{path} : illisible ({why})"),
        ) from error


def load_public(path: Path) -> Ed25519PublicKey:
    """The Ed25519 public key in a PEM file; KeyFileError for anything else."""
    try:
        key = load_pem_public_key(_read(path))
    except (ValueError, UnsupportedAlgorithm):
        key = None
    if not isinstance(key, Ed25519PublicKey):
        raise KeyFileError(
            say(
                en=f"{path}: is not an Ed25519 public key in PEM; give a .pub from `vigie-provision keys init`",
                fr=f"{path} : pas une clé publique Ed25519 en PEM ; donner un .pub issu de `vigie-provision keys init`",
            )
        )
    return key


def load_private(path: Path) -> Ed25519PrivateKey:
    """The Ed25519 private key in a PEM file without password; KeyFileError for anything else."""
    try:
        key = load_pem_private_key(_read(path), password=None)
    except (ValueError, TypeError, UnsupportedAlgorithm):  # TypeError: it has a password
        key = None
    if not isinstance(key, Ed25519PrivateKey):
        raise KeyFileError(
            say(
                en=f"{path}: is not an Ed25519 private key in PEM without password; give a .key half that "
                "`vigie-provision keys init` made",
                fr=f"{path} : pas une clé privée Ed25519 en PEM sans mot de passe ; donner un .key issu de "
                "`vigie-provision keys init`",
            )
        )
    return key


def write_new(path: Path, content: bytes, mode: int) -> None:
    """Writes and fsyncs a file that did not exist; KeyFileError when it did, or when the disk refuses."""
    try:
        write_flushed(path, content, mode)
    except FileExistsError as error:
        raise KeyFileError(
            say(
                en=f"{path}: exists and is not overwritten; choose another folder, or move the old file away yourself",
                fr=f"{path} : existe et n'est pas écrasé ; choisir un autre dossier, ou déplacer l'ancien fichier",
            )
        ) from error
    except OSError as error:
        why = reason(error)
        raise KeyFileError(
            say(en=f"{path}: cannot be written ({why})", fr=f"{path} : écriture impossible ({why})")
        ) from error


def save_private(path: Path, key: Ed25519PrivateKey) -> None:
    """Writes the private half, 0600; KeyFileError when the file exists."""
    write_new(path, key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()), 0o600)


def save_public(path: Path, key: Ed25519PublicKey) -> None:
    """Writes the public half, 0644; KeyFileError when the file exists."""
    write_new(path, key.public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo), 0o644)
