"""Small files that are whole or not there at all, also through a power cut.

>>> write_whole(path, b"...")            # under another name, flushed, renamed, the folder flushed
"""

import os
from pathlib import Path


def write_flushed(path: Path, content: bytes, mode: int = 0o600) -> None:
    """A new file of exactly `mode`, flushed; OSError. Its name survives once its folder is flushed."""
    descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW | os.O_CLOEXEC, mode)
    with os.fdopen(descriptor, "wb") as file:
        os.fchmod(descriptor, mode)  # whatever the umask takes away or a parent's ACL adds
        file.write(content)
        file.flush()
        os.fsync(file.fileno())


def write_whole(path: Path, content: bytes, mode: int = 0o600, owner: os.stat_result | None = None) -> None:
    """In the place of what was there, on disk when it returns; OSError. `owner`: to whom root leaves it."""
    beside = path.with_name(f"{path.name}.new")
    beside.unlink(missing_ok=True)  # left by a power cut, perhaps with another mode
    write_flushed(beside, content, mode)
    if owner is not None:
        give(beside, owner)
    beside.rename(path)
    sync_folder(path.parent)


def give(path: Path, owner: os.stat_result) -> None:
    """Root leaves it to whom `owner` is of; anybody else to whom made it."""
    if os.geteuid() == 0 and owner.st_uid != 0:
        os.chown(path, owner.st_uid, owner.st_gid)


def sync_folder(path: Path) -> None:
    """Names made, changed or removed in it survive a power cut; OSError."""
    descriptor = os.open(path, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
