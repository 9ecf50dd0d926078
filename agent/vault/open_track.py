"""The track of the segment that is still open, on disk beside it, so that a power cut takes no more of it than of the
pictures. One file a recorder in `<state>/tracks/`, used again for each of its segments.

    beside = OpenTrack(storage)
    beside.begin(name, track)        # with each segment; nothing is on disk before there is a point to keep
    beside.write()                   # before ciphertext is written
    beside.sync()                    # before ciphertext is flushed
    beside.clear()                   # the segment's row has the whole track now
    beside.end()

Laws
- A picture that survives a cut has its points: they are written before it, and flushed before it. (Of the half second
  that was not flushed yet the system may have written out pictures by itself, and not their points.)
- A flush of the segment costs one more where there is a new point, else none: two a second while a head turns, one a
  segment while it rests, none for a camera without a head. The file grows by whole blocks and is then written over in
  place, so that such a flush writes one block and no journal.
- What cannot be kept here costs no picture: the track is given up, said once, and goes into its row at the end as ever.
- Bounded as the track is (`pointing.MOST_POINTS`); as plain as the track in its row; gone once that row has it.

A line is a text, a space, and the CRC-32 of all texts up to it; the first names the segment. After the last line the
file is zero to its end: anything else is what a cut tore, and is cut off.
"""

import json
import logging
from collections.abc import Iterator, Sequence
from contextlib import suppress
from dataclasses import astuple, dataclass
from zlib import crc32

from agent.vault.names import SUFFIX, TRACKS
from agent.vault.pointing import CUT, FULL, MOST_POINTS, REST_MS, Point, Track, text_of
from agent.vault.reasons import why
from agent.vault.storage import Storage

logger = logging.getLogger(__name__)

BLOCK = 4096
_FORMAT = b"vigie-open-track-v1 "
_MOST_BYTES = MOST_POINTS * 128
_TYPES = [*[int] * 7, str]


@dataclass(frozen=True, slots=True)
class Kept:
    """What a file has of the segment `name`. `torn`: more followed that is no line."""

    name: str
    points: tuple[Point, ...]
    torn: bool

    def text(self, written_ms: int | None) -> str | None:
        """For the segment's row. `written_ms`: when a segment that breaks off was last written, UTC; None of a whole
        one. From there on, or where it was torn, the last point says that nothing is known."""
        if not self.points:
            return None
        last = self.points[-1]
        if last.blind == FULL or (written_ms is None and not self.torn):
            return text_of(self.points)
        known_ms = last.at_ms + 1
        if not self.torn and written_ms is not None:
            known_ms = max(known_ms, min(written_ms, last.at_ms + REST_MS))  # a head at rest is noted no later
        return text_of((*self.points, Point(known_ms, 0, 0, 0, 0, 0, 0, CUT)))


def _line(text: bytes, before: int) -> tuple[bytes, int]:
    mark = crc32(text, before)
    return b"%s %08x\n" % (text, mark), mark


def _texts(raw: bytes) -> Iterator[tuple[bytes, int]]:
    """(text, where its line ends) of each whole line."""
    at = mark = 0
    while (end := raw.find(b"\n", at) + 1) > 0:
        text = raw[at:end].rpartition(b" ")[0]
        line, mark = _line(text, mark)
        if line != raw[at:end]:
            return
        yield text, end
        at = end


def read(raw: bytes) -> Kept | None:
    """What a file's bytes keep; None where they name no segment."""
    lines = _texts(raw)
    text, end = next(lines, (b"", 0))
    if not text.startswith(_FORMAT):
        return None
    points: list[Point] = []
    for line, after in lines:
        point = _point(line)
        if point is None or len(points) == MOST_POINTS:
            break
        points.append(point)
        end = after
    return Kept(text.removeprefix(_FORMAT).decode("ascii", "replace"), tuple(points), torn=any(raw[end:]))


def _point(line: bytes) -> Point | None:
    try:
        values = json.loads(line)
    except (ValueError, RecursionError):
        return None
    fits = isinstance(values, list) and [type(one) for one in values] == _TYPES
    return Point(*values) if fits else None


def kept(storage: Storage) -> dict[str, Kept]:
    """What earlier runs left, by the segment's name; what cannot be read is as if it were not there."""
    found = {}
    for path in storage.track_files():
        try:
            with path.open("rb") as file:
                one = read(file.read(_MOST_BYTES))
        except OSError as error:
            logger.warning("%s: %s", path, why(error))
            continue
        if one is not None:
            found[one.name] = one
    return found


def forget(storage: Storage) -> None:
    """Removes what earlier runs left: each segment's row has it by now."""
    for path in storage.track_files():
        try:
            storage.remove(path)
        except OSError as error:
            logger.warning("%s: %s", path, why(error))


class OpenTrack:
    """One recorder's. One thread owns it; nothing here raises OSError."""

    def __init__(self, storage: Storage) -> None:
        self._storage = storage
        self._disk = storage.disk
        self._descriptor: int | None = None
        self._file = ""
        self._name = ""
        self._track = Track()
        self._points = 0
        self._mark = 0
        self._at = 0
        self._size = 0
        self._dirty = False
        self._given_up = False
        self._told = False

    def begin(self, name: str, track: Track) -> None:
        """What follows is of the segment `name`."""
        self.clear()
        self._name, self._track = name, track
        self._points = self._mark = 0
        self._given_up = False

    def write(self) -> None:
        """Hands the points since the last call to the system."""
        points = self._track.since(self._points)
        if not points or self._given_up:
            return
        texts = [json.dumps(astuple(one), separators=(",", ":")).encode() for one in points]
        if not self._points:
            texts.insert(0, _FORMAT + self._name.encode())
        try:
            self._append(texts)
        except OSError as error:
            self._give_up(error)
        self._points += len(points)

    def _append(self, texts: Sequence[bytes]) -> None:
        if self._descriptor is None:
            self._file = self._name.rpartition("/")[2].removesuffix(SUFFIX)
            self._file = f"{TRACKS}/{self._name.split('/')[1]}.{self._file}"
            self._descriptor = self._storage.open_track(self._file)
        data = bytearray()
        for text in texts:
            line, self._mark = _line(text, self._mark)
            data += line
        end = self._at + len(data)
        if end > self._size:
            self._size = -(-end // BLOCK) * BLOCK
            data += bytes(self._size - end)
        self._dirty = True
        self._disk.write_at(self._descriptor, bytes(data), self._at)
        self._at = end

    def sync(self) -> None:
        """What was written survives a power cut."""
        if self._descriptor is None or not self._dirty:
            return
        try:
            self._disk.sync_data(self._descriptor)
            self._dirty = False
        except OSError as error:
            self._give_up(error)

    def clear(self) -> None:
        """Nothing of the segment stays; the next flush carries that to the disk."""
        self._track = Track()
        self._dirty = False
        if self._descriptor is None or not self._at:
            return
        try:
            self._disk.write_at(self._descriptor, bytes(self._at), 0)
            self._at = 0
        except OSError as error:
            self._give_up(error)

    def _give_up(self, error: OSError) -> None:
        """A track with a hole would be untrue: rather none."""
        if not self._told:
            logger.warning("%s: where the head points is not kept against a power cut: %s", self._name, why(error))
        self._told = self._given_up = True
        self.end()

    def end(self, *, keep: bool = False) -> None:
        """Closes and removes the file, or leaves it for the next start where its segment has no row yet."""
        descriptor, self._descriptor = self._descriptor, None
        self._at = self._size = 0
        if descriptor is None:
            return
        with suppress(OSError):
            self._disk.close(descriptor)
        if not keep:
            with suppress(OSError):
                self._storage.remove(self._storage.path(self._file))
