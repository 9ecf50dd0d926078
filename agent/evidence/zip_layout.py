"""The zip of a pack, stored and not deflated: every byte's place follows from names and sizes, so a download can begin
anywhere. Pure (PKWARE APPNOTE 6.3.10, zip64 where a size, an offset or a count wants it).

    local header, file | local header, file | ... | central directory

Law: only a header needs a file's CRC-32; nothing moves when that is not known yet.

>>> layout = Layout([Member("README.txt", 4)], made_ms=1795262400000)
>>> layout.size_bytes
122
"""

import struct
from bisect import bisect_right
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from itertools import accumulate

LIMIT_32 = 0xFFFFFFFF
LIMIT_16 = 0xFFFF
_LOCAL = struct.Struct("<4s5H3I2H")
_CENTRAL = struct.Struct("<4s6H3I5H2I")
_END = struct.Struct("<4s4H2IH")
_END_64 = struct.Struct("<4sQ2H2I4Q")
_LOCATOR_64 = struct.Struct("<4sIQI")
_PLAIN, _ZIP64 = 20, 45
_UNIX = 3 << 8
_MODE = 0o100444 << 16


@dataclass(frozen=True, slots=True)
class Member:
    """A file in the zip."""

    name: str
    size_bytes: int


@dataclass(frozen=True, slots=True)
class Piece:
    """A part of the zip: bytes [start, end) of the header of, or of the very file, `number`; `end`: the directory."""

    kind: str
    number: int
    start: int
    end: int


class Layout:
    """Where everything stands. `made_ms`: the time (UTC) that all files bear."""

    def __init__(self, members: Sequence[Member], made_ms: int) -> None:
        self.members = tuple(members)
        moment = datetime.fromtimestamp(made_ms // 1000, tz=UTC)
        self._time = moment.hour << 11 | moment.minute << 5 | moment.second // 2
        self._date = max(0, moment.year - 1980) << 9 | moment.month << 5 | moment.day
        lengths = [self._header_bytes(one) + one.size_bytes for one in self.members]
        self._offsets = [0, *accumulate(lengths)]
        directory = sum(len(self._entry(number, 0)) for number in range(len(self.members)))
        self._directory_bytes = directory
        self.size_bytes = self._offsets[-1] + directory + len(self._tail())

    def _header_bytes(self, one: Member) -> int:
        return _LOCAL.size + len(one.name.encode()) + (20 if one.size_bytes >= LIMIT_32 else 0)

    def header(self, number: int, crc: int) -> bytes:
        """A file's local header."""
        one, name = self.members[number], self.members[number].name.encode()
        large = one.size_bytes >= LIMIT_32
        size = LIMIT_32 if large else one.size_bytes
        extra = struct.pack("<2H2Q", 1, 16, one.size_bytes, one.size_bytes) if large else b""
        version = _ZIP64 if large else _PLAIN
        fixed = (b"PK\3\4", version, 0, 0, self._time, self._date, crc, size, size, len(name), len(extra))
        return _LOCAL.pack(*fixed) + name + extra

    def _entry(self, number: int, crc: int) -> bytes:
        one, name = self.members[number], self.members[number].name.encode()
        offset = self._offsets[number]
        wide = [one.size_bytes, one.size_bytes] if one.size_bytes >= LIMIT_32 else []
        wide += [offset] if offset >= LIMIT_32 else []
        extra = struct.pack(f"<2H{len(wide)}Q", 1, 8 * len(wide), *wide) if wide else b""
        size, version = min(one.size_bytes, LIMIT_32), _ZIP64 if wide else _PLAIN
        first = (b"PK\1\2", _UNIX | version, version, 0, 0, self._time, self._date, crc, size, size)
        return _CENTRAL.pack(*first, len(name), len(extra), 0, 0, 0, _MODE, min(offset, LIMIT_32)) + name + extra

    def _tail(self) -> bytes:
        count, offset, size = len(self.members), self._offsets[-1], self._directory_bytes
        large = count >= LIMIT_16 or offset >= LIMIT_32 or size >= LIMIT_32
        wide = b""
        if large:
            wide = _END_64.pack(b"PK\6\6", 44, _UNIX | _ZIP64, _ZIP64, 0, 0, count, count, size, offset)
            wide += _LOCATOR_64.pack(b"PK\6\7", 0, offset + size, 1)
        few = min(count, LIMIT_16)
        return wide + _END.pack(b"PK\5\6", 0, 0, few, few, min(size, LIMIT_32), min(offset, LIMIT_32), 0)

    def directory(self, crcs: Sequence[int]) -> bytes:
        """The central directory and what follows it."""
        return b"".join(self._entry(number, crc) for number, crc in enumerate(crcs)) + self._tail()

    def pieces(self, start: int, end: int) -> Iterator[Piece]:
        """What the bytes [start, end) of the zip are, in order."""
        number = bisect_right(self._offsets, start) - 1
        while start < end and number < len(self.members):
            begin, head = self._offsets[number], self._header_bytes(self.members[number])
            for kind, first, last in (
                ("header", begin, begin + head),
                ("file", begin + head, self._offsets[number + 1]),
            ):
                if max(start, first) < min(end, last):
                    yield Piece(kind, number, max(start, first) - first, min(end, last) - first)
            start = max(start, self._offsets[number + 1])
            number += 1
        if start < end:
            yield Piece("end", -1, start - self._offsets[-1], end - self._offsets[-1])
