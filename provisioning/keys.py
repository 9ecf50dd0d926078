"""Makes the town's keys: who signs grants, who signs requisitions, who opens recordings.

| file | what | where it goes |
|---|---|---|
| authority.key / .pub | Ed25519, PEM: signs grants | .key stays with the supervision centre, .pub on each mast |
| judicial.key / .pub | Ed25519, PEM: signs requisitions | .key stays with the judicial authority, .pub on each mast |
| vault.key / .pub | age identity and its `age1...` line | .key stays offline, the line in each mast's `recipients` |
| vault-share-N.key | in the place of vault.key: `shares.py` | one for each holder |

Laws
- Private halves are 0600 in a folder made 0700. Nothing is overwritten: one file in the way and none is written.
- `vault.key` has the form that `age-keygen` writes, so stock `age -d -i vault.key` reads it.
"""

import stat
from pathlib import Path

import pyrage
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from agent.access.keys import save_private, save_public, write_new
from agent.clock import WallTime, rfc3339
from agent.errors import KeyFileError
from agent.language import reason, say
from provisioning.shares import Split, split_identity

SIGNERS = ("authority", "judicial")
SIGNER_FILES = tuple(f"{name}.{half}" for name in SIGNERS for half in ("key", "pub"))


def _make_folder(folder: Path) -> None:
    try:
        fresh = not folder.exists()
        folder.mkdir(parents=True, exist_ok=True)
        if fresh or not any(folder.iterdir()):
            folder.chmod(stat.S_IRWXU)  # a folder that already holds something keeps the mode that its owner gave it
    except OSError as error:
        why = reason(error)
        raise KeyFileError(
            say(
                en=f"{folder}: is no folder to write keys to ({why})",
                fr=f"{folder} : pas un dossier utilisable ({why})",
            )
        ) from error


def _new_identity(wall: WallTime) -> tuple[bytes, str]:
    """An age identity file as `age-keygen` writes it, and its recipient (`age1...`)."""
    identity = pyrage.x25519.Identity.generate()
    recipient = str(identity.to_public())
    return f"# created: {rfc3339(wall.utc_ms)}\n# public key: {recipient}\n{identity}\n".encode(), recipient


def init(
    folder: Path, wall: WallTime, split: Split | None = None, *, vault_only: bool = False
) -> tuple[str, tuple[str, ...]]:
    """Writes the files to `folder`; gives the vault's recipient (`age1...`) and their names.

    `vault_only`: a vault identity to rotate to, the authorities staying. KeyFileError when a file exists.
    """
    secret = ("vault.key",) if split is None else split.files()
    names = (*(() if vault_only else SIGNER_FILES), *secret, "vault.pub")
    _make_folder(folder)
    in_the_way = [name for name in names if (folder / name).exists()]
    if in_the_way:
        listed = ", ".join(in_the_way)
        raise KeyFileError(
            say(
                en=f"{folder}: {listed} already there, never overwritten; choose another folder",
                fr=f"{folder} : {listed} déjà là, jamais écrasé ; choisir un autre dossier",
            )
        )
    for name in () if vault_only else SIGNERS:
        key = Ed25519PrivateKey.generate()
        save_private(folder / f"{name}.key", key)
        save_public(folder / f"{name}.pub", key.public_key())
    text, recipient = _new_identity(wall)
    contents = [text] if split is None else split_identity(text, recipient, split)
    for name, content in zip(secret, contents, strict=True):
        write_new(folder / name, content, 0o600)
    write_new(folder / "vault.pub", f"{recipient}\n".encode(), 0o644)
    return recipient, names
