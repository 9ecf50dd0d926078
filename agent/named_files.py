"""Files that the configuration names: are they there, and do they hold what they should?

Laws
- They are read when the configuration is checked, so that `run` never meets a file that `check` let pass.
- A path is taken from the configuration's own folder.
- What stands in a file is never part of a fault; nor is the path of a password file, because people write the password
  itself there.
"""

import hashlib
from collections.abc import Iterator
from pathlib import Path
from typing import Annotated

from cryptography import x509
from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey
from cryptography.hazmat.primitives.serialization import load_pem_private_key, load_pem_public_key
from pydantic import AfterValidator, BaseModel, Field, ValidationInfo

from agent.faults import fault

MAX_NAMED_BYTES = 1 << 20
MAX_SECRET_BYTES = 4096


def from_folder(path: Path, info: ValidationInfo) -> Path:
    """`path`, taken from the folder of the configuration file."""
    folder: Path = (info.context or {}).get("folder", Path())
    return folder / path


def existing(path: Path, info: ValidationInfo) -> Path:
    """`path` taken from the configuration's folder; a fault unless it is a file that this user can read."""
    path = from_folder(path, info)
    try:
        readable = path.is_file()
        if readable:
            path.open("rb").close()
    except (OSError, ValueError):  # ValueError: a NUL in the name
        readable = False
    if not readable:
        raise fault(
            en=f"{path} is not a file that can be read; give the path of an existing file",
            fr=f"{path} n'est pas un fichier lisible ; indiquer le chemin d'un fichier existant",
        )
    return path


def _content(path: Path, limit: int = MAX_NAMED_BYTES) -> bytes:
    with path.open("rb") as file:
        return file.read(limit)


def read_secret(path: Path | None) -> str:
    """The first line of a password file, without its line end; empty when there is no file."""
    if path is None:
        return ""
    text = _content(path, MAX_SECRET_BYTES).decode("utf-8")
    return text.splitlines()[0] if text else ""


def _secret(path: Path, info: ValidationInfo) -> Path:
    path = from_folder(path, info)
    try:
        good = path.is_file() and bool(read_secret(path))
    except (OSError, ValueError):  # ValueError: not UTF-8, or a NUL in the name
        good = False
    if not good:
        raise fault(
            en="names no file that can be read and whose first line is the password; give the path of such a file",
            fr="ne désigne aucun fichier lisible dont la première ligne est le mot de passe ; donner son chemin",
        )
    return path


def read_public_key(path: Path) -> Ed25519PublicKey:
    """The Ed25519 public key in a PEM file; a fault for anything else."""
    try:
        key = load_pem_public_key(_content(path))
    except (ValueError, UnsupportedAlgorithm):
        key = None
    if not isinstance(key, Ed25519PublicKey):
        raise fault(
            en=f"{path} is not an Ed25519 public key in PEM; give the .pub that `vigie-provision keys init` made",
            fr=f"{path} n'est pas une clé publique Ed25519 en PEM ; donner le .pub issu de `vigie-provision keys init`",
        )
    return key


def _public_key(path: Path, info: ValidationInfo) -> Path:
    path = existing(path, info)
    read_public_key(path)
    return path


def _certificates(path: Path, info: ValidationInfo) -> Path:
    path = existing(path, info)
    try:
        x509.load_pem_x509_certificates(_content(path))
    except ValueError as error:
        raise fault(
            en=f"{path} holds no certificate in PEM; give the file that begins with -----BEGIN CERTIFICATE-----",
            fr=f"{path} ne contient aucun certificat PEM ; donner celui qui commence par -----BEGIN CERTIFICATE-----",
        ) from error
    return path


def check_pair(certificate: Path | None, private_key: Path | None) -> None:
    """A fault unless both are None, or `private_key` is the key of `certificate`."""
    if (certificate is None) != (private_key is None):
        raise fault(
            en="certificate and private_key go together: give both or neither",
            fr="certificate et private_key vont ensemble : donner les deux ou aucun",
        )
    if certificate is None or private_key is None:
        return
    try:
        mine = load_pem_private_key(_content(private_key), password=None).public_key()
        good = x509.load_pem_x509_certificates(_content(certificate))[0].public_key() == mine
    except (ValueError, TypeError, UnsupportedAlgorithm):  # TypeError: it has a password
        good = False
    if not good:
        raise fault(
            en=f"{private_key} is not the private key, in PEM without password, of the certificate",
            fr=f"{private_key} n'est pas la clé privée, en PEM sans mot de passe, du certificat",
        )


def folder_to_be(path: Path, info: ValidationInfo) -> Path:
    """`path` taken from the configuration's folder; a fault when something else than a folder stands there."""
    if path in (Path(), Path("/")):
        raise fault(en="names no folder of its own", fr="ne désigne pas un dossier à part")
    path = from_folder(path, info)
    try:
        nearest = next(one for one in (path, *path.parents) if one.exists())
        good = nearest.is_dir() and "\0" not in str(path)
    except OSError:
        good = False
    if not good:
        raise fault(
            en=f"{path} is no folder; give one, or a path where one can be made",
            fr=f"{path} n'est pas un dossier ; en donner un, ou un chemin où le créer",
        )
    return path


File = Annotated[Path, Field(strict=False), AfterValidator(existing)]
"""A file that can be read."""
SecretFile = Annotated[Path, Field(strict=False), AfterValidator(_secret)]
"""A file whose first line is a password."""
PublicKeyFile = Annotated[Path, Field(strict=False), AfterValidator(_public_key)]
"""An Ed25519 public key in PEM."""
CertificateFile = Annotated[Path, Field(strict=False), AfterValidator(_certificates)]
"""One or several X.509 certificates in PEM."""
StateFolder = Annotated[Path, Field(strict=False), AfterValidator(folder_to_be)]
"""A folder that exists or can be made."""


def fingerprint(model: BaseModel) -> str:
    """What a part of the configuration says, the contents of the files that it names included: SHA-256 in hex.

    A renewed certificate or a changed password is a change, although the path stays the same.
    """
    digest = hashlib.sha256(repr(model).encode())
    for path in _named(model):
        try:
            digest.update(hashlib.sha256(_content(path)).digest())
        except OSError:
            digest.update(b"unreadable")
    return digest.hexdigest()


def _named(value: object) -> Iterator[Path]:
    if isinstance(value, BaseModel):
        for name in type(value).model_fields:
            yield from _named(getattr(value, name))
    elif isinstance(value, tuple):
        for one in value:
            yield from _named(one)
    elif isinstance(value, Path) and value.is_file():
        yield value
