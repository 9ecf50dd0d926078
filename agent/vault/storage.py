"""The segments' files: made, written, put under their name, removed. Law 4 of the house lives here.

    open      make missing folders and flush them; create NAME.part; flush its folder
    write     ciphertext only; flushed about twice a second
    publish   flush the file; rename it to NAME; flush the folder; (then the caller adds the index row)
    rescue    a torn NAME.part: flush it; link NAME to it; flush the folder; (the row); remove NAME.part; flush
    track     make `tracks/` and flush; create a file there; flush its folder; (`open_track.py`)
    destroy   (the caller has marked the row) remove NAME; flush the folder; (the caller marks the row again)

Whatever step a power cut comes after, what the next start finds is certain: NAME.part alone is torn, NAME.part beside
NAME is torn and half rescued, NAME without a row is whole, and a row that is about to go goes.
"""

import hashlib
import threading
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Protocol

from agent.clock import Clock
from agent.vault.chunks import MAX_HEADER_BYTES, whole_chunks
from agent.vault.disk import Disk
from agent.vault.names import FOLDER, PART, TRACKS

BALLAST = "ballast"
BALLAST_BYTES = 1 << 20
SYNC_EVERY_NS = 500_000_000
_HASH_BLOCK = 1 << 20


class Beside(Protocol):
    """What goes to the disk before an open segment does (`open_track.py`); nothing here raises OSError."""

    def write(self) -> None:
        """Before ciphertext is written."""
        ...

    def sync(self) -> None:
        """Before ciphertext is flushed."""
        ...


class Part:
    """An open segment: the sealer's sink. One thread writes; others may read its size."""

    def __init__(
        self, disk: Disk, descriptor: int, clock: Clock, on_durable: Callable[[], None], beside: Beside
    ) -> None:
        self._disk = disk
        self._descriptor = descriptor
        self._clock = clock
        self._on_durable = on_durable
        self._beside = beside
        self._hash = hashlib.sha256()
        self._synced = clock.instant()
        self.size_bytes = 0

    def write(self, data: bytes) -> int:
        """Ciphertext, all of it, or OSError; flushes when the last flush is half a second ago."""
        self._beside.write()
        self._disk.write(self._descriptor, data)
        self._hash.update(data)
        self.size_bytes += len(data)
        if self._clock.instant() - self._synced >= SYNC_EVERY_NS:
            self._beside.sync()
            self._disk.sync_data(self._descriptor)
            self._on_durable()
            self._synced = self._clock.instant()
        return len(data)

    def finish(self) -> str:
        """Flushes all of it; its SHA-256 in hex."""
        self._beside.write()
        self._beside.sync()
        self._disk.sync(self._descriptor)
        self._on_durable()
        return self._hash.hexdigest()

    def close(self) -> None:
        """Lets go of the file, flushed or not."""
        self._disk.close(self._descriptor)


class Storage:
    """The files under one state directory. Names are relative to it (`names.py`)."""

    def __init__(self, state: Path, disk: Disk) -> None:
        self.state = state
        self.disk = disk
        self._folders = threading.Lock()  # making one for a new segment against removing an empty one

    def open(self, name: str, clock: Clock, on_durable: Callable[[], None], beside: Beside) -> Part:
        """A new open segment, its directory entry flushed."""
        return Part(self.disk, self._create(self.path(name + PART)), clock, on_durable, beside)

    def open_track(self, name: str) -> int:
        """A new file for open segments' tracks, its directory entry flushed; its descriptor."""
        return self._create(self.path(name))

    def _create(self, path: Path) -> int:
        with self._folders:
            self._make(path.parent)
            descriptor = self.disk.create(path)
        try:
            self.disk.sync_folder(path.parent)
        except OSError:
            self.disk.close(descriptor)
            raise
        return descriptor

    def track_files(self) -> list[Path]:
        """Those of earlier runs, and of recorders that run."""
        folder = self.path(TRACKS)
        return sorted(one for one in folder.iterdir() if one.is_file()) if folder.is_dir() else []

    def path(self, name: str) -> Path:
        """Where `name` is."""
        return self.state / name

    def _make(self, folder: Path) -> None:
        missing = [one for one in (folder, *folder.parents) if not one.is_dir()]
        for one in reversed(missing):
            self.disk.make_folder(one)
            self.disk.sync_folder(one.parent)

    def publish(self, name: str) -> None:
        """NAME.part, whole and flushed, becomes NAME; when an earlier try got so far, only the folder is flushed."""
        path = self.path(name)
        if not path.exists():
            self.disk.rename(self.path(name + PART), path)
        self.disk.sync_folder(path.parent)

    def link(self, name: str) -> None:
        """NAME.part, torn, appears as NAME too; it is removed when the row says that it is torn."""
        path, part = self.path(name), self.path(name + PART)
        with part.open("rb") as file:
            self.disk.sync(file.fileno())
        if not path.exists():
            self.disk.link(part, path)
        self.disk.sync_folder(path.parent)

    def destroy(self, names: Iterable[str]) -> None:
        """Removes files and flushes their folders, each once."""
        folders = set()
        for name in names:
            path = self.path(name)
            self.disk.remove(path)
            folders.add(path.parent)
        for folder in folders:
            if folder.is_dir():
                self.disk.sync_folder(folder)

    def prune(self, folders: Iterable[str]) -> None:
        """Removes those day folders that are empty, and months and years with them."""
        root = self.state / FOLDER
        for name in folders:
            with self._folders:
                folder = self.state / name
                while folder != root and folder.is_dir() and not any(folder.iterdir()):
                    self.disk.remove_folder(folder)
                    folder = folder.parent

    def measure(self, path: Path) -> tuple[int, str, int]:
        """(size in bytes, SHA-256 in hex, whole chunks of age) of a file."""
        digest = hashlib.sha256()
        size = 0
        with path.open("rb") as file:
            head = file.read(MAX_HEADER_BYTES)
            block = head
            while block:
                digest.update(block)
                size += len(block)
                block = file.read(_HASH_BLOCK)
        return size, digest.hexdigest(), whole_chunks(size, head)

    def remove(self, path: Path) -> None:
        """One file that holds nothing of worth."""
        self.disk.remove(path)
        self.disk.sync_folder(path.parent)

    def drop_ballast(self) -> bool:
        """On a full disk, frees what is needed to write that something goes; False when that does not help."""
        path = self.path(BALLAST)
        if self.space()[0] >= BALLAST_BYTES or not path.exists():
            return False
        self.disk.remove(path)
        return True

    def take_ballast(self) -> None:
        """Lays the ballast aside again while there is room to spare."""
        path = self.path(BALLAST)
        if not path.exists() and self.space()[0] >= 4 * BALLAST_BYTES:
            descriptor = self.disk.create(path)
            try:
                self.disk.allocate(descriptor, BALLAST_BYTES)
            finally:
                self.disk.close(descriptor)

    def space(self) -> tuple[int, int]:
        """(free to us, size) of the file system, bytes."""
        return self.disk.space(self.state)
