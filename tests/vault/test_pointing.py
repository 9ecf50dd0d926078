"""A head's track: what is noted and what is not, that it is bounded, and that it goes with its segment."""

import sqlite3
from dataclasses import replace
from itertools import pairwise
from pathlib import Path

import pytest

from agent.units import Blind, Burned, MaskState, PoseSet
from agent.vault import pointing
from agent.vault.index import Index
from agent.vault.pointing import FULL, Point, Track, read_track
from tests.vault.rig import NOON, Bench, Feed, Scene, film
from tests.vault.test_index import segment, unsigned

SMALL = Scene("still", width=64, height=48, kbps=50)


def at(pan: float, half: float = 0.01) -> Burned:
    return Burned(0.1, PoseSet((pan - half, pan + half), (-4.0, -3.9), (0.2, 0.2)))


def noted(states: list[MaskState], every_ms: int = 40) -> tuple[Point, ...]:
    track = Track()
    for number, one in enumerate(states):
        track.add(NOON + number * every_ms, one)
    text = track.text()
    return () if text is None else read_track(text)


def test_a_head_at_rest_is_noted_every_ten_seconds() -> None:
    points = noted([at(10.0 + number % 2 * 0.01) for number in range(25 * 31)])
    assert [(one.at_ms - NOON) for one in points] == [0, 10_000, 20_000, 30_000]


def test_a_head_that_turns_is_noted_five_times_a_second_and_no_more() -> None:
    points = noted([at(number * 0.4) for number in range(251)])
    apart = {b.at_ms - a.at_ms for a, b in pairwise(points)}
    assert apart == {200}
    assert len(points) == 51


def test_a_point_holds_all_of_the_poses_that_the_masks_were_laid_by() -> None:
    (point,) = noted([Burned(0.1, PoseSet((179.9994, 181.00051), (-4.0001, -3.9), (0.1234567, 0.2)))])
    for middle, half, low, high in (
        (point.pan_mdeg, point.pan_half_mdeg, 179_999.4, 181_000.51),
        (point.tilt_mdeg, point.tilt_half_mdeg, -4000.1, -3900.0),
        (point.zoom_ppm, point.zoom_half_ppm, 123_456.7, 200_000.0),
    ):
        assert middle - half <= low
        assert high <= middle + half
        assert half <= (high - low) / 2 + 2


def test_blindness_is_noted_with_its_reason_and_its_end() -> None:
    points = noted([*[at(10.0)] * 10, *[Blind("pose-old")] * 10, *[at(10.0)] * 10])
    assert [one.blind for one in points] == ["", "pose-old", ""]
    assert points[1] == Point(NOON + 400, 0, 0, 0, 0, 0, 0, "pose-old")


def test_a_camera_that_stands_still_has_no_track() -> None:
    assert noted([Burned(0.1)] * 500) == ()


def test_a_track_that_is_full_says_so_and_takes_no_more(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(pointing, "MOST_POINTS", 10)
    points = noted([at(float(number)) for number in range(100)], every_ms=200)
    assert len(points) == 10
    assert points[-1].blind == FULL
    assert points[-2].blind == ""


def turning(count: int) -> list[MaskState]:
    return [at(number * 1.0) for number in range(count)]


def record(bench: Bench, seconds: int = 4) -> None:
    vault = bench.vault()
    vault.open()
    feed = Feed()
    vault.record("lane", feed, 1000)
    units = film(SMALL, seconds * 25, bench.clock)
    bench.clock.pass_ms(seconds * 1000)
    feed.put([replace(one, masks=state) for one, state in zip(units, turning(seconds * 25), strict=True)])
    vault.close()


def tracks(bench: Bench) -> list[str | None]:
    return [row.track for row in bench.rows()]


def test_each_segment_has_the_track_of_its_own_pictures(bench: Bench) -> None:
    record(bench)
    first, second = (read_track(one or "[]") for one in tracks(bench))
    assert [one.pan_mdeg for one in first] == [number * 5000 for number in range(10)]
    assert [one.pan_mdeg for one in second] == [number * 5000 for number in range(10, 20)]
    assert second[0].at_ms == bench.rows()[1].segment.start_ms


def test_a_track_goes_when_its_segment_goes_and_leaves_no_bytes_behind(tmp_path: Path) -> None:
    path = tmp_path / "index.sqlite"
    index = Index(path)
    secret = '[[1,424242424242,1,1,1,1,1,""]]'
    for number in range(3):
        index.add(segment("lane", number), unsigned, secret.replace("4242", str(5151 + number)))
    index.begin_eviction([(1, "age")])
    index.mark_lost([2])
    assert [row.track is None for row in index.by_seq([1, 2, 3])] == [True, True, False]
    index.close()
    left = path.read_bytes()
    assert (b"515151515151" in left, b"515251525152" in left, b"515351535153" in left) == (False, False, True)
    assert [one.name for one in tmp_path.iterdir()] == ["index.sqlite"]


def test_an_index_from_before_tracks_is_taken_over(tmp_path: Path) -> None:
    path = tmp_path / "index.sqlite"
    index = Index(path)
    index.add(segment("lane", 1), unsigned)
    index.close()
    with sqlite3.connect(path) as database:
        database.execute("ALTER TABLE segment DROP COLUMN track")
        database.execute("PRAGMA user_version = 2")
    database.close()
    index = Index(path)
    assert [row.track for row in index.by_seq([1])] == [None]
    index.add(segment("lane", 2), unsigned, "[]")
    assert [row.track for row in index.by_seq([1, 2])] == [None, "[]"]
    index.close()
