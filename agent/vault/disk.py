"""Every change that the vault makes to files, one method a system call, so that tests can stand in between.

Folders are 0700 and files 0600. Errors are the system's own (OSError): `reasons.py` turns them into sentences.
"""

import os
from pathlib import Path

from agent.durable import sync_folder


class Disk:
    """The real one."""

    def make_folder(self, path: Path) -> None:
        """One folder in an existing one."""
        path.mkdir(mode=0o700)

    def create(self, path: Path) -> int:
        """A new file, for writing; its descriptor."""
        return os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC | os.O_NOFOLLOW, 0o600)

    def write(self, descriptor: int, data: bytes) -> None:
        """All of `data`, or OSError."""
        view = memoryview(data)
        while view:
            view = view[os.write(descriptor, view) :]

    def write_at(self, descriptor: int, data: bytes, offset: int) -> None:
        """All of `data` from `offset` on, or OSError."""
        view = memoryview(data)
        while view:
            written = os.pwrite(descriptor, view, offset)
            view, offset = view[written:], offset + written

    def allocate(self, descriptor: int, size_bytes: int) -> None:
        """Takes room on the disk for a file, without writing."""
        os.posix_fallocate(descriptor, 0, size_bytes)

    def sync_data(self, descriptor: int) -> None:
        """What was written survives a power cut (fdatasync)."""
        os.fdatasync(descriptor)

    def sync(self, descriptor: int) -> None:
        """The same with all that belongs to the file (fsync)."""
        os.fsync(descriptor)

    def close(self, descriptor: int) -> None:
        """Lets go of it."""
        os.close(descriptor)

    def rename(self, old: Path, new: Path) -> None:
        """Within one folder."""
        old.rename(new)

    def link(self, old: Path, new: Path) -> None:
        """A second name for a file, in the same folder."""
        new.hardlink_to(old)

    def remove(self, path: Path) -> None:
        """One file; that it is not there is well."""
        path.unlink(missing_ok=True)

    def remove_folder(self, path: Path) -> None:
        """One empty folder."""
        path.rmdir()

    def sync_folder(self, path: Path) -> None:
        """Names made, changed or removed in it survive a power cut."""
        sync_folder(path)

    def space(self, path: Path) -> tuple[int, int]:
        """(free to us, size) of the file system, bytes."""
        found = os.statvfs(path)
        return found.f_bavail * found.f_frsize, found.f_blocks * found.f_frsize
