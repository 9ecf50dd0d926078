"""Disks that fail: real file systems that root may mount, and a disk whose calls a test can make fail or wait."""

import errno
import os
import subprocess
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from agent.vault.disk import Disk
from tests.vault.crash import CHANGES


class SickDisk(Disk):
    """While `sick`, changes to paths (or files opened at paths) that contain `where` raise `number`."""

    def __init__(self, number: int = errno.EIO, where: str = "") -> None:
        self.sick = False
        self._number = number
        self._where = where
        self._files: dict[int, str] = {}
        for name in CHANGES:
            setattr(self, name, self._guarded(getattr(super(), name)))

    def _guarded(self, change: Callable[..., Any]) -> Callable[..., Any]:
        def guarded(target: Path | int, *rest: Any) -> Any:
            path = self._files.get(target, "") if isinstance(target, int) else str(target)
            if self.sick and self._where in path:
                raise OSError(self._number, os.strerror(self._number))
            result = change(target, *rest)
            if isinstance(result, int):
                self._files[result] = path
            return result

        return guarded


class FrozenDisk(Disk):
    """Writes wait while `frozen`."""

    def __init__(self) -> None:
        self._thawed = threading.Event()
        self._thawed.set()
        self.waiting = threading.Event()

    def freeze(self) -> None:
        self._thawed.clear()

    def thaw(self) -> None:
        self._thawed.set()

    def write(self, descriptor: int, data: bytes) -> None:
        if not self._thawed.is_set():
            self.waiting.set()
            self._thawed.wait()
        super().write(descriptor, data)


def fill(path: Path, leave: int = 0) -> None:
    """Someone else's file at `path` takes all of the disk but `leave` bytes."""
    room = os.statvfs(path.parent)
    size = room.f_bavail * room.f_frsize - leave
    with path.open("wb") as file:
        while size > 0:
            try:
                os.posix_fallocate(file.fileno(), 0, size)
            except OSError as error:
                if error.errno != errno.ENOSPC:
                    raise
                size -= 1 << 16  # a recorder has written between question and order; it will take the rest
            else:
                return


def _run(*command: str) -> None:
    subprocess.run(command, check=True, capture_output=True)


def _root_only() -> None:
    if os.geteuid() != 0:
        pytest.skip("only root may mount file systems")


@contextmanager
def small_disk(path: Path, size: str) -> Iterator[None]:
    """A tmpfs of `size` at `path`."""
    _root_only()
    path.mkdir(parents=True)
    try:
        _run("mount", "-t", "tmpfs", "-o", f"size={size},mode=700", "tmpfs", str(path))
    except subprocess.CalledProcessError as error:
        pytest.skip(f"no tmpfs may be mounted here: {error.stderr.decode()}")
    try:
        yield
    finally:
        _run("umount", "-l", str(path))


@contextmanager
def read_only(path: Path) -> Iterator[None]:
    """Everything below `path` can be read only, for whoever goes there by its name."""
    _root_only()
    try:
        _run("mount", "--bind", str(path), str(path))
    except subprocess.CalledProcessError as error:
        pytest.skip(f"nothing may be mounted here: {error.stderr.decode()}")
    try:
        _run("mount", "-o", "remount,bind,ro", str(path))
        yield
    finally:
        _run("umount", "-l", str(path))


@contextmanager
def freezable_disk(path: Path, image: Path) -> Iterator[None]:
    """An ext4 at `path` that fsfreeze(8) can stop."""
    _root_only()
    path.mkdir(parents=True)
    try:
        with image.open("wb") as file:
            file.truncate(64 << 20)
        _run("mkfs.ext4", "-q", str(image))
        _run("mount", "-o", "loop", str(image), str(path))
    except (subprocess.CalledProcessError, FileNotFoundError) as error:
        pytest.skip(f"no loop device or no ext4 here: {error}")
    try:
        yield
    finally:
        subprocess.run(["fsfreeze", "-u", str(path)], check=False, capture_output=True)
        _run("umount", "-l", str(path))
