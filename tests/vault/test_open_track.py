"""The open segment's track lives through what its segment lives through: cuts at every byte, flushes, faults, ends."""

import errno
import json
import os
import random
from collections import Counter
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any
from zlib import crc32

import pytest

from agent.clock import Instant
from agent.events import RecordingLost
from agent.units import AccessUnit, Burned, PoseSet
from agent.vault.disk import Disk
from agent.vault.index import FILE, Index
from agent.vault.names import PART, TRACKS
from agent.vault.open_track import BLOCK, Kept, OpenTrack, read
from agent.vault.pointing import CUT, FULL, REST_MS, Point, Track, read_track
from agent.vault.recovery import rescue
from agent.vault.rows import SegmentRow
from agent.vault.storage import Storage
from tests.vault.disks import SickDisk
from tests.vault.rig import NOON, Bench, Events, Feed, HandClock, Keys, Scene, film, pan_deg, pictures, turned, until

NAME = "segments/lane/2026/11/21/20261121T120000.000Z.mp4.age"
TWO = "segments/lane/2026/11/21/20261121T120002.000Z.mp4.age"
SMALL = Scene("still", width=64, height=48, kbps=50)
LOUD = Scene("noise", width=192, height=144, kbps=4000)


def point(number: int) -> Point:
    return Point(NOON + 200 * number, 1000 * number, 1, -4000, 1, 200_000, 1)


def track_of(count: int) -> Track:
    track = Track()
    for number in range(count):
        track.add(NOON + 200 * number, Burned(0.1, PoseSet((float(number), float(number)), (-4, -4), (0.2, 0.2))))
    return track


def points_of(row: SegmentRow) -> list[Point]:
    """Without the one that says where the track was cut."""
    return [one for one in read_track(row.track or "[]") if one.blind != CUT]


@pytest.fixture
def storage(tmp_path: Path) -> Storage:
    return Storage(tmp_path, Disk())


def written(storage: Storage, count: int, name: str = NAME) -> bytes:
    beside = OpenTrack(storage)
    beside.begin(name, track_of(count))
    beside.write()
    beside.sync()
    (path,) = storage.track_files()
    raw = path.read_bytes()
    beside.end()
    return raw


def ends(raw: bytes) -> list[int]:
    return [at + 1 for at, byte in enumerate(raw) if byte == ord("\n")]


def test_a_file_cut_at_every_byte_gives_every_whole_point_and_says_when_one_is_torn(storage: Storage) -> None:
    raw = written(storage, 12)
    assert len(raw) == BLOCK
    first, *lines = ends(raw)
    for cut in range(len(raw.rstrip(b"\0")) + 2):
        for left in (raw[:cut], raw[:cut] + bytes(BLOCK - cut)):  # shorter, or its last bytes not written
            found = read(left)
            if cut < first:
                assert found is None
                continue
            whole = sum(cut >= end for end in lines)
            torn = first < cut < lines[-1] and cut not in lines
            assert found == Kept(NAME, tuple(track_of(12).since(0)[:whole]), torn), cut


def test_a_byte_changed_anywhere_cuts_the_track_there_and_never_changes_it(storage: Storage) -> None:
    raw = written(storage, 12)
    true = tuple(track_of(12).since(0))
    chance = random.Random(4)
    for at in range(len(raw.rstrip(b"\0")) + 20):
        other = bytearray(raw)
        other[at] ^= chance.randrange(1, 256)
        found = read(bytes(other))
        if found is not None:
            assert found.name == NAME
            assert found.points == true[: len(found.points)]
            assert found.torn
        else:
            assert at < ends(raw)[0]


def test_what_an_older_segment_left_behind_a_torn_write_is_not_taken_for_points(storage: Storage) -> None:
    old, new = written(storage, 40, NAME), written(storage, 5, TWO)
    for sector in range(0, 2048, 512):
        found = read(new[:sector] + old[sector:])
        if found is not None and found.name == TWO:
            assert found.points == tuple(track_of(5).since(0))[: len(found.points)]
            assert found.torn


@pytest.mark.parametrize(
    "line",
    [
        b"[]",
        b"7",
        b"null",
        b"{}",
        b'"x"',
        b"[1,2,3,4,5,6,7]",
        b'[1,2,3,4,5,6,7.5,""]',
        b'[1,2,3,4,5,6,true,""]',
        b"[" * 9999,
    ],
)
def test_a_line_that_is_no_point_is_where_the_track_ends(line: bytes) -> None:
    raw, mark = b"", 0
    for text in (b"vigie-open-track-v1 " + NAME.encode(), b'[1,2,3,4,5,6,7,""]', line):
        mark = crc32(text, mark)
        raw += b"%s %08x\n" % (text, mark)
    assert read(raw) == Kept(NAME, (Point(1, 2, 3, 4, 5, 6, 7),), torn=True)


def test_a_track_that_breaks_off_says_from_when_on_nothing_is_known() -> None:
    def cut_ms(kept: Kept, written_ms: int | None) -> int | None:
        *before, last = read_track(kept.text(written_ms) or "[]")
        return last.at_ms - point(1).at_ms if last.blind == CUT and len(before) == 2 else None

    whole, torn = Kept(NAME, (point(0), point(1)), torn=False), Kept(NAME, (point(0), point(1)), torn=True)
    at = point(1).at_ms
    assert cut_ms(whole, at + 700) == 700  # when the segment was last written
    assert cut_ms(whole, at + 60_000) == REST_MS  # a head that rests is noted by then
    assert cut_ms(whole, at - 5000) == 1  # no file's time is known better than its points
    assert cut_ms(torn, at + 700) == 1
    assert cut_ms(torn, None) == 1
    assert cut_ms(whole, None) is None  # it is whole
    full = Kept(NAME, (point(0), Point(at, 0, 0, 0, 0, 0, 0, FULL)), torn=False)
    assert [one.blind for one in read_track(full.text(at + 700) or "")] == ["", FULL]
    assert Kept(NAME, (), torn=True).text(at) is None


class Ticking(HandClock):
    """A sealing thread's half seconds go by while it works."""

    def instant(self) -> Instant:
        self.now_ns += 60_000_000
        return Instant(self.now_ns)


class LosingDisk(Disk):
    """Keeps what a power cut would leave at each flush of a segment: of each file what was flushed, and no more."""

    def __init__(self, state: Path) -> None:
        self._state = state
        self._paths: dict[int, Path] = {}
        self._flushed: dict[Path, bytes] = {}
        self.images: list[dict[Path, bytes]] = []

    def create(self, path: Path) -> int:
        descriptor = super().create(path)
        self._paths[descriptor] = path
        return descriptor

    def sync_data(self, descriptor: int) -> None:
        super().sync_data(descriptor)
        self._note(descriptor)

    def sync(self, descriptor: int) -> None:
        super().sync(descriptor)
        if descriptor in self._paths:
            self._note(descriptor)

    def _note(self, descriptor: int) -> None:
        path = self._paths[descriptor]
        self._flushed[path.relative_to(self._state)] = path.read_bytes()
        if path.name.endswith(PART):
            tracks = {one: raw for one, raw in self._flushed.items() if one.parts[0] == TRACKS}
            self.images.append({**tracks, path.relative_to(self._state): path.read_bytes()})


def covers(bench: Bench, row: SegmentRow, begin: int) -> int:
    """Each picture that the segment gives has its points; how many those are. `begin`: its first picture."""
    into = bench.keys.path.parent / "opened.mp4"
    bench.keys.open(bench.state / row.segment.name, into)
    count = pictures(into)
    points = points_of(row)
    expected = [(number - begin) * 40 for number in range(begin, begin + count) if (number - begin) % 5 == 0]
    assert [one.at_ms - row.segment.start_ms for one in points][: len(expected)] == expected
    assert [one.pan_mdeg for one in points] == [int(pan_deg(begin + 5 * n) * 1000) for n in range(len(points))]
    return len(expected)


def test_each_picture_that_was_flushed_has_its_points_flushed_before_it(tmp_path: Path) -> None:
    bench = Bench(tmp_path / "state", Keys(tmp_path), Ticking(), Events())
    disk = LosingDisk(bench.state)
    vault = bench.vault(disk)
    vault.open()
    feed = Feed()
    vault.record("lane", feed, 4000)
    for number in range(0, 100, 5):
        feed.put(turned(film(LOUD, 100, HandClock()))[number : number + 5])
    vault.close()
    assert len(disk.images) > 8
    counts = []
    for number, image in enumerate(disk.images):
        other = replace(bench, state=tmp_path / f"box-{number}")
        for path, raw in image.items():
            (other.state / path).parent.mkdir(parents=True, exist_ok=True)
            (other.state / path).write_bytes(raw)
        other.record([])
        assert not list((other.state / TRACKS).iterdir())
        if rows := other.rows():
            (row,) = rows
            begin = (row.segment.start_ms - NOON) // 40
            counts.append(covers(other, row, begin))
            assert (read_track(row.track or "[]")[-1].blind == CUT) is not row.segment.whole
    assert max(counts) > 5


class Counting(Disk):
    """How often each file is flushed, and made."""

    def __init__(self) -> None:
        self._kind: dict[int, str] = {}
        self.flushed: Counter[str] = Counter()
        self.made: Counter[str] = Counter()
        self.bytes: Counter[str] = Counter()

    def create(self, path: Path) -> int:
        descriptor = super().create(path)
        self._kind[descriptor] = "track" if path.parent.name == TRACKS else "other"
        self.made[self._kind[descriptor]] += 1
        return descriptor

    def sync_data(self, descriptor: int) -> None:
        super().sync_data(descriptor)
        self.flushed[self._kind[descriptor]] += 1


def flushes(tmp_path: Path, units: list[AccessUnit]) -> Counting:
    tmp_path.mkdir()
    bench = Bench(tmp_path / "state", Keys(tmp_path), Ticking(), Events())
    disk = Counting()
    vault = bench.vault(disk)
    vault.open()
    feed = Feed()
    vault.record("lane", feed, 4000)
    feed.put(units)
    vault.close()
    assert len(bench.rows()) == 2
    assert bench.agrees()
    assert not list((bench.state / TRACKS).glob("*"))
    return disk


def test_what_it_costs_is_a_flush_beside_one_of_the_segment_and_only_where_the_head_moved(tmp_path: Path) -> None:
    units = film(LOUD, 100)
    still = flushes(tmp_path / "still", units)
    assert still.made["track"] == still.flushed["track"] == 0
    rest = [replace(one, masks=turned(units)[0].masks) for one in units]
    resting = flushes(tmp_path / "resting", rest)
    assert (resting.made["track"], resting.flushed["track"]) == (1, 2)  # the first point of each of the two
    turning = flushes(tmp_path / "turning", turned(units))
    assert turning.made["track"] == 1
    assert 2 < turning.flushed["track"] <= turning.flushed["other"] + 2


def test_nothing_of_a_segment_that_has_its_row_stays_in_the_open_file(bench: Bench) -> None:
    vault = bench.vault()
    vault.open()
    feed = Feed()
    recorder = vault.record("lane", feed, 4000)
    feed.put(turned(film(LOUD, 60)))
    until(lambda: recorder.facts().segments == 1)
    feed.put(turned(film(LOUD, 90))[60:])
    until(lambda: any(read(one.read_bytes()) for one in (bench.state / TRACKS).iterdir()))
    (path,) = (bench.state / TRACKS).iterdir()
    found = read(path.read_bytes())
    assert found is not None
    assert found.name != bench.rows()[0].segment.name
    assert not found.torn
    assert path.stat().st_mode & 0o777 == 0o600
    vault.close()
    assert not path.exists()
    assert len(points_of(bench.rows()[1])) == 8


@pytest.mark.parametrize("change", ["create", "write_at", "sync_data"])
def test_a_track_that_cannot_be_kept_costs_no_picture_and_is_left_behind_nowhere(
    tmp_path: Path, change: str, caplog: pytest.LogCaptureFixture
) -> None:
    bench = Bench(tmp_path / "state", Keys(tmp_path), Ticking(), Events())

    class NoTrack(SickDisk):
        def _guarded(self, one: Any) -> Any:
            return super()._guarded(one) if one.__name__ in (change, "create") else one

    disk = NoTrack(errno.EIO, f"/{TRACKS}/")
    disk.sick = change == "create"
    vault = bench.vault(disk)
    vault.open()
    feed = Feed()
    vault.record("lane", feed, 4000)
    feed.put(turned(film(LOUD, 30)))
    if change != "create":
        until(lambda: list((bench.state / TRACKS).glob("*")))
        disk.sick = True
        feed.put(turned(film(LOUD, 100))[30:48])
        until(lambda: not list((bench.state / TRACKS).glob("*")))  # a stale track would tell of a head at rest
        feed.put(turned(film(LOUD, 100))[48:])
    else:
        feed.put(turned(film(LOUD, 100))[30:])
    vault.close()
    assert bench.events.of(RecordingLost) == []
    assert [row.segment.frames for row in bench.rows()] == [50, 50]
    assert [len(points_of(row)) for row in bench.rows()] == [10, 10]
    assert not list((bench.state / TRACKS).glob("*"))
    assert sum("is not kept against a power cut" in one.message for one in caplog.records) == 1


def test_a_fault_of_the_disk_keeps_the_track_of_what_was_whole(bench: Bench) -> None:
    bench.record(film(LOUD, 50))
    (path,) = bench.segments()
    other = bench.state / TWO
    (bench.state / (TWO + PART)).write_bytes(path.read_bytes()[:-1000])
    index = Index(bench.state / FILE)
    assert rescue(Storage(bench.state, Disk()), index, bytes, TWO, "fault", '[[1,2,3,4,5,6,7,""]]')
    index.close()
    assert other.exists()
    assert read_track(bench.rows()[1].track or "") == (Point(1, 2, 3, 4, 5, 6, 7),)


def left_behind(bench: Bench) -> Iterator[Path]:
    bench.record([])
    folder = bench.state / TRACKS
    folder.mkdir(exist_ok=True)
    (folder / "lane.nonsense").write_bytes(random.Random(1).randbytes(9000))
    (folder / "lane.empty").write_bytes(b"")
    (folder / "lane.zeros").write_bytes(bytes(BLOCK))
    (folder / "lane.other").write_bytes(b"vigie-open-track-v1 \xff 00000000\n")
    (folder / "lane.folder").mkdir()
    yield from folder.iterdir()


def test_nonsense_beside_the_segments_stops_no_start(bench: Bench) -> None:
    files = [one for one in left_behind(bench) if one.is_file()]
    assert len(files) == 4
    bench.record(turned(film(SMALL, 50)))
    assert [len(points_of(row)) for row in bench.rows()] == [10]
    assert not any(one.exists() for one in files)


def test_a_segment_whose_row_was_not_written_any_more_gets_its_whole_track(bench: Bench, storage: Storage) -> None:
    raw = written(storage, 7)
    bench.record(film(LOUD, 50))
    (path,) = bench.segments()
    for name in ("index.sqlite", "index.sqlite-wal", "index.sqlite-shm"):
        (bench.state / name).unlink(missing_ok=True)
    (bench.state / TRACKS).mkdir()
    (bench.state / TRACKS / "lane.x").write_bytes(
        raw.replace(NAME.encode(), str(path.relative_to(bench.state)).encode())
    )
    bench.record([])
    (row,) = bench.rows()
    assert row.segment.end_reason == "unindexed"
    assert read_track(row.track or "[]") == tuple(track_of(7).since(0))
    assert json.loads(row.track or "[]")[-1][-1] == ""
    assert not os.listdir(bench.state / TRACKS)
