"""A power cut between any two changes to the disk: the next start makes index and files agree, and records on.

The process is ended from within, without any clean-up, at each of its changes to the disk in turn.
"""

import hashlib
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import pytest

from agent.events import PowerCutFound
from agent.vault.names import PART, TRACKS
from agent.vault.pointing import CUT, read_track
from agent.vault.rows import SegmentRow
from tests.vault.crash import SMALL
from tests.vault.rig import Bench, Scene, film, pan_deg, pictures

ROOT = Path(__file__).resolve().parents[2]


POINTS = 80
"""Changes to the disk, more than there are."""


def crash(bench: Bench, folder: Path, pictures: int, kib: float, points: range, *, after: bool) -> set[int]:
    """The points at which a process died."""
    when = "after" if after else "before"
    command = [sys.executable, "-m", "tests.vault.crash", str(folder), bench.keys.recipient, str(pictures), str(kib)]
    command += [when, *map(str, points)]
    done = subprocess.run(command, cwd=ROOT, stdout=subprocess.PIPE, text=True, check=True)
    return {int(line) for line in done.stdout.split()}


def box(bench: Bench, folder: Path, point: int) -> Bench:
    """The same key-holder's, with a state directory of its own."""
    return replace(bench, state=folder / str(point) / "state")


def has_its_track(bench: Bench, row: SegmentRow) -> None:
    """Each picture of a segment that a cut left has its point, whole ones without an end."""
    into = bench.keys.path.parent / "opened.mp4"
    bench.keys.open(bench.state / row.segment.name, into)
    points = read_track(row.track or "[]")
    assert (points[-1].blind == CUT) is not row.segment.whole
    begin = round(points[0].pan_mdeg / 1000)
    told = [one.pan_mdeg for one in points if not one.blind]
    assert told == [1000 * round(pan_deg(begin + 5 * number)) for number in range(len(told))]
    assert len(told) >= (pictures(into) + 4) // 5


def recovers(bench: Bench) -> None:
    """The next start agrees with the disk and records on; found ones break off, whole ones open."""
    before = {row.segment.name: row for row in bench.rows()} if (bench.state / "index.sqlite").exists() else {}
    for row in before.values():
        if row.live:  # law 4, at the very moment of the cut
            content = (bench.state / row.segment.name).read_bytes()
            assert hashlib.sha256(content).hexdigest() == row.segment.sha256
    bench.record([])
    assert bench.agrees()
    assert not list((bench.state / TRACKS).glob("*"))
    for row in bench.rows():
        if row.segment.name in before:  # what was indexed stays as it was written
            assert row.segment == before[row.segment.name].segment
            assert row.track == before[row.segment.name].track or row.state == "destroyed"
        elif row.state != "destroyed":
            has_its_track(bench, row)
        assert row.state in ("sealed", "found", "destroyed")
    count = len(bench.rows())
    bench.record(film(SMALL, 10, bench.clock))
    rows = bench.rows()
    assert len(rows) == count + 1
    assert rows[-1].segment.name == max(row.segment.name for row in rows)
    assert bench.agrees()


def each_point(bench: Bench, folder: Path, points: range, *, after: bool) -> int:
    """How many points were reached; each is recovered from."""
    reached = crash(bench, folder, 150, 250, points, after=after)
    for point in points:
        recovers(box(bench, folder, point))
    return len(reached)


@pytest.mark.parametrize("after", [False, True], ids=["before", "after"])
def test_power_cut_at_each_change_while_sealing_and_evicting(bench: Bench, tmp_path: Path, after: bool) -> None:
    # every third point here, all of them in the slow run below
    assert each_point(bench, tmp_path / "boxes", range(int(after), POINTS, 3), after=after) >= 12


@pytest.mark.slow
@pytest.mark.parametrize("after", [False, True], ids=["before", "after"])
def test_power_cut_at_every_change_while_sealing_and_evicting(bench: Bench, tmp_path: Path, after: bool) -> None:
    assert each_point(bench, tmp_path / "boxes", range(POINTS), after=after) >= 36


def torn(bench: Bench) -> bytes:
    """Leaves one open segment with whole chunks and a torn one; what it holds."""
    bench.record(film(Scene("noise", kbps=4000), 50))
    (path,) = bench.segments()
    content = path.read_bytes()[:-1000]
    other = path.with_name("20261121T120500.000Z.mp4.age" + PART)
    other.write_bytes(content)
    return content


@pytest.mark.parametrize("after", [False, True], ids=["before", "after"])
def test_power_cut_at_every_change_of_the_recovery_itself(bench: Bench, tmp_path: Path, after: bool) -> None:
    folder, points = tmp_path / "boxes", range(6)
    content = {point: torn(box(bench, folder, point)) for point in points}
    reached = crash(bench, folder, 0, 2**20, points, after=after)
    for point in points:
        mine = box(bench, folder, point)
        mine.record([])
        assert mine.agrees()
        first, second = mine.rows()
        assert (first.state, second.state) == ("sealed", "found")
        assert second.segment.end_reason == "power-cut"
        assert (mine.state / second.segment.name).read_bytes() == content[point]
    assert len(reached) >= 5  # flush, link, flush of the folder, remove, flush of the folder


def test_what_a_power_cut_left_open_is_told_once(bench: Bench) -> None:
    torn(bench)
    garbage = bench.state / "segments/lane/2026/11/21/20261121T121000.000Z.mp4.age.part"
    garbage.write_bytes(b"age-encryption.org/v1\n-> X25519")
    for _ in range(2):
        vault = bench.vault()
        vault.open()
        vault.close()
    assert bench.events.of(PowerCutFound) == [PowerCutFound(1)]
    assert not garbage.exists()
    assert bench.agrees()
