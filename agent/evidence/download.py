"""The bytes of a pack's zip, from anywhere in it, a block at a time: the zip is never made, on disk or in memory.

    zipped = Zip(pack)
    for block in zipped.blocks(start, zipped.size_bytes): ...      # blocks; each step waits for the disk

A file's CRC-32 stands before it, so it is read once to know that and once more to send it; segments are small and the
second time they come from memory. What was computed is kept for the directory at the end.
"""

import zlib
from collections.abc import Iterator
from pathlib import Path

from agent.clock import from_rfc3339
from agent.errors import EvidenceRefused
from agent.evidence.shelf import Pack
from agent.evidence.zip_layout import Layout
from agent.language import say

BLOCK = 256 << 10


class Zip:
    """One pack as a zip. One thread at a time."""

    def __init__(self, pack: Pack) -> None:
        self.name = f"{pack.name}.zip"
        self.etag = pack.etag
        self._paths = list(pack.files.values())
        self._layout = Layout(pack.members(), from_rfc3339(pack.manifest.made))
        self._crcs: dict[int, int] = {}
        self.size_bytes = self._layout.size_bytes

    def blocks(self, start: int, end: int) -> Iterator[bytes]:
        """[start, end) of the zip. OSError or EvidenceRefused when a file is not what it was any more."""
        for piece in self._layout.pieces(start, end):
            if piece.kind == "file":
                yield from self._file(piece.number, piece.start, piece.end)
            elif piece.kind == "header":
                yield self._layout.header(piece.number, self._crc(piece.number))[piece.start : piece.end]
            else:
                crcs = [self._crc(number) for number in range(len(self._paths))]
                yield self._layout.directory(crcs)[piece.start : piece.end]

    def _file(self, number: int, start: int, end: int) -> Iterator[bytes]:
        with self._paths[number].open("rb") as file:
            file.seek(start)
            while start < end:
                block = file.read(min(BLOCK, end - start))
                if not block:
                    raise _shorter(self._paths[number])
                start += len(block)
                yield block

    def _crc(self, number: int) -> int:
        if number not in self._crcs:
            crc = 0
            for block in self._file(number, 0, self._layout.members[number].size_bytes):
                crc = zlib.crc32(block, crc)
            self._crcs[number] = crc
        return self._crcs[number]


def _shorter(path: Path) -> EvidenceRefused:
    return EvidenceRefused(say(en=f"{path.name}: is shorter than it was", fr=f"{path.name} : plus court qu'avant"))
