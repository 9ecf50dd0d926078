"""Every change that the register makes to files, one method a system call, so that tests can stand in between.

Folders are 0700 and files 0600. Errors are the system's own (OSError).
"""

import os
from pathlib import Path

from agent.durable import sync_folder


class Disk:
    """The real one."""

    def make_folder(self, path: Path) -> None:
        """One folder in an existing one; that it is there is well."""
        path.mkdir(mode=0o700, exist_ok=True)

    def open(self, path: Path) -> int:
        """A file to read and write, made where there is none."""
        return os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC | os.O_NOFOLLOW, 0o600)

    def write(self, descriptor: int, data: bytes, offset: int) -> None:
        """All of `data` at `offset`, or OSError."""
        view = memoryview(data)
        while view:
            count = os.pwrite(descriptor, view, offset)
            view, offset = view[count:], offset + count

    def truncate(self, descriptor: int, size_bytes: int) -> None:
        """What lies beyond `size_bytes` goes."""
        os.ftruncate(descriptor, size_bytes)

    def sync_data(self, descriptor: int) -> None:
        """What was written survives a power cut (fdatasync, which flushes a grown size too)."""
        os.fdatasync(descriptor)

    def remove(self, path: Path) -> None:
        """One file; that it is not there is well."""
        path.unlink(missing_ok=True)

    def sync_folder(self, path: Path) -> None:
        """Names made or removed in it survive a power cut."""
        sync_folder(path)
