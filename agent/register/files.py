"""The register's files as one process writes them: crash-safe at every byte.

    append    (1) where a new day begins: make its section; flush the folder. (2) write the line (the entry and the head
              that it makes) at the section's end; flush. Now it is acknowledged. (3) write its hashes into `tree`
    expire    (the caller has entered what expires) flush `tree`; remove the section; flush the folder
    open      find the last whole line; cut off what follows it; where `tree` does not agree with the signed head of
              that line, make it again from the lines

Why nothing acknowledged is lost: a line is acknowledged only after the flush of its bytes and of the file's size, and
no later step writes over it. Why nothing else is taken for acknowledged: what a power cut leaves of an unacknowledged
line is the last there is, at most one line long, and has no newline at its end or is no entry; it is cut off, and that
is entered. A failed write or flush is taken back at once (the file is cut to what was acknowledged), and in any case
before anything else is written.
"""

import fcntl
import os
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

from agent.errors import RegisterError
from agent.language import say
from agent.register.disk import Disk
from agent.register.entries import LONGEST_LINE, split_line
from agent.register.sections import FOLDER, TREE, Section, Tail, last_line, lines, sections
from agent.register.tree import HASH_BYTES, leaf_hash, stored


class Files:
    """One writer's hold on `state`/register. Not thread-safe: `Register` guards it. Raises OSError or RegisterError."""

    def __init__(self, state: Path, disk: Disk) -> None:
        self.folder = state / FOLDER
        self._disk = disk
        disk.make_folder(self.folder)
        disk.sync_folder(state)
        self._tree = disk.open(self.folder / TREE)
        try:
            fcntl.flock(self._tree, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            os.close(self._tree)
            raise RegisterError(
                say(en=f"{self.folder}: another agent writes there", fr=f"{self.folder} : un autre agent y écrit")
            ) from None
        self._section: Section | None = None
        self._lines = -1
        self._size_bytes = 0
        self._spoilt = False
        self._owed: tuple[int, bytes] | None = None

    def close(self) -> None:
        """Lets go; whoever waits for the lock gets it."""
        for descriptor in (self._lines, self._tree):
            if descriptor >= 0:
                os.close(descriptor)
        self._lines = self._tree = -1

    # --- at the start ---

    def recover(self) -> tuple[bytes, bytes]:
        """(the last whole line or nothing, the torn bytes after it, cut off by now)."""
        torn, self._section = b"", None
        for section in reversed(sections(self.folder)):
            line, end, after = last_line(self.folder / section.name)
            if len(after) > LONGEST_LINE:
                raise RegisterError(
                    say(
                        en=f"{section.name}: ends in {len(after)} bytes that no single write left; it was altered, "
                        "look with `vigie register verify`, keep the folder and start a new one",
                        fr=f"{section.name} : finit par {len(after)} octets qu'aucune écriture n'a laissés ; altéré, "
                        "voir `vigie register verify`, garder le dossier et en commencer un neuf",
                    )
                )
            torn = after or torn
            if line:
                self._take(section, end)
                if after:
                    self._cut(end)
                return line, torn
            self._disk.remove(self.folder / section.name)  # made, and cut before its first line was whole
            self._disk.sync_folder(self.folder)
        return b"", torn

    def drop_last(self, line: bytes) -> bytes:
        """Cuts off the last line, which was never acknowledged; the one before it, or nothing."""
        self._cut(self._size_bytes - len(line))
        return self.recover()[0]

    def _take(self, section: Section, end: int) -> None:
        if self._lines >= 0:
            os.close(self._lines)
        self._lines = self._disk.open(self.folder / section.name)
        self._section, self._size_bytes = section, end

    def _cut(self, size_bytes: int) -> None:
        self._disk.truncate(self._lines, size_bytes)
        self._disk.sync_data(self._lines)
        self._size_bytes = size_bytes

    # --- entries ---

    def append(self, index: int, day: str, line: bytes) -> None:
        """The `index`th line, on disk when this returns; on OSError it is as if it had never been tried."""
        if self._spoilt:
            self._cut(self._size_bytes)
            self._spoilt = False
        self.settle()
        if self._section is None or self._section.day != day:
            self._begin(Section(index, day))
        try:
            self._disk.write(self._lines, line, self._size_bytes)
            self._disk.sync_data(self._lines)
        except OSError:
            self._spoilt = True
            self._cut(self._size_bytes)
            self._spoilt = False
            raise
        self._size_bytes += len(line)

    def _begin(self, section: Section) -> None:
        if self._section is not None and self._section.first == section.first:  # begun, and nothing came of it
            self._disk.remove(self.folder / self._section.name)
        self._disk.sync_data(self._tree)  # whatever happens to `tree` now concerns this day only
        descriptor = self._disk.open(self.folder / section.name)
        try:
            self._disk.sync_folder(self.folder)
        except OSError:
            os.close(descriptor)
            self._disk.remove(self.folder / section.name)
            raise
        os.close(descriptor)
        self._take(section, 0)

    def sections(self) -> list[Section]:
        """Those that are there, in order."""
        return sections(self.folder)

    def leaves(self, first: Section) -> Iterator[bytes]:
        """The leaves of `first` and of all that follow; RegisterError where a line is none."""
        for section in self.sections():
            if section < first:
                continue
            for line in lines(self.folder / section.name):
                if isinstance(line, Tail):
                    return
                try:
                    yield split_line(line)[0]
                except ValueError as error:
                    raise RegisterError(f"{section.name}: {error}") from None

    def remove(self, section: Section) -> None:
        """A section whose time has come; its hashes are flushed first."""
        self._disk.sync_data(self._tree)
        self._disk.remove(self.folder / section.name)
        self._disk.sync_folder(self.folder)

    # --- the tree's stored hashes ---

    def store(self, size: int, hashes: Sequence[bytes]) -> None:
        """The hashes that the leaf after the first `size` adds; what the disk refuses is written before the next."""
        self._owed = (stored(size) * HASH_BYTES, b"".join(hashes))
        try:
            self.settle()
        except OSError:
            return

    def settle(self) -> None:
        """Writes the hashes that are owed."""
        if self._owed is not None:
            offset, raw = self._owed
            self._disk.write(self._tree, raw, offset)
            self._owed = None

    def read_hash(self, position: int) -> bytes:
        """The stored hash at `position`; RegisterError when it is not there."""
        raw = os.pread(self._tree, HASH_BYTES, position * HASH_BYTES)
        if len(raw) != HASH_BYTES:
            raise RegisterError(say(en="tree: is too short", fr="tree : trop court"))
        return raw

    def trim_tree(self, size: int) -> None:
        """Only what the first `size` leaves store stays, where there is more."""
        length = stored(size) * HASH_BYTES
        if os.fstat(self._tree).st_size > length:
            self._disk.truncate(self._tree, length)

    def rebuild(self, first: int, leaves: Iterator[bytes], add: Callable[[bytes], list[bytes]]) -> None:
        """Writes the stored hashes of the leaves from the `first`th on anew; `add` grows the tree."""
        self.trim_tree(first)
        offset = stored(first) * HASH_BYTES
        block = bytearray()
        for leaf in leaves:
            block += b"".join(add(leaf_hash(leaf)))
            if len(block) >= 1 << 20:
                self._disk.write(self._tree, bytes(block), offset)
                offset += len(block)
                block.clear()
        self._disk.write(self._tree, bytes(block), offset)
        self._disk.sync_data(self._tree)
