"""What was put into the vault comes out of stock tools, cut where it should be."""

from dataclasses import replace

import pytest

from agent.clock import WallTime
from agent.events import UnitsDropped
from agent.units import Blind
from agent.vault.names import parse_name
from agent.vault.report import list_segments, verify
from tests.vault.rig import NOON, Bench, Feed, Scene, film, packets, pictures, probe, until

STREET = Scene("street")


def test_every_picture_comes_out_of_age_and_ffprobe_once(bench: Bench) -> None:
    units = film(STREET, 260, bench.clock)
    bench.record(units)
    rows = list_segments(bench.state)
    assert [row.segment.frames for row in rows] == [50, 50, 50, 50, 50, 10]
    assert [row.counter for row in rows] == [1, 2, 3, 4, 5, 6]
    for row in rows:
        opened = bench.open_segment(bench.state / row.segment.name)
        found = probe(opened)
        (stream,) = found["streams"]
        assert (stream["codec_name"], stream["width"], stream["height"]) == ("h264", 384, 288)
        assert int(stream["nb_read_frames"]) == row.segment.frames
        assert float(stream["duration"]) == pytest.approx(row.segment.duration_ms / 1000, abs=0.001)
        assert packets(opened)[0]["flags"].startswith("K")
        assert found["format"]["tags"]["creation_time"].startswith("2026-11-21T12:00:")
    assert verify(bench.state) == []


def test_times_names_and_state_modes_are_as_the_contract_says(bench: Bench) -> None:
    units = film(STREET, 60, bench.clock)
    bench.clock.pass_ms(2400)
    bench.record(units)
    first, second = list_segments(bench.state)
    assert first.segment.name == "segments/lane/2026/11/21/20261121T120000.000Z.mp4.age"
    assert (first.segment.start_ms, first.segment.end_ms) == (NOON, NOON + 2000)
    assert second.segment.start_ms == NOON + 2000
    assert first.segment.synchronised
    assert first.segment.clock_error_ms == 3
    assert first.segment.end_reason == "time"
    assert second.segment.end_reason == "stopping"
    for path in bench.state.rglob("*"):
        if "identity" not in path.parts:
            assert path.stat().st_mode & 0o777 == (0o700 if path.is_dir() else 0o600), path
    assert bench.state.stat().st_mode & 0o777 == 0o700


def fragments(mp4: bytes) -> int:
    count = at = 0
    while at < len(mp4):
        count += mp4[at + 4 : at + 8] == b"moof"
        at += int.from_bytes(mp4[at : at + 4], "big")
    return count


@pytest.mark.parametrize("fps", [6, 12, 25, 50])
def test_no_fragment_is_longer_than_half_a_second(bench: Bench, fps: int) -> None:
    bench.record(film(Scene("street", fps=fps), fps * 3 + 1, bench.clock), seconds=60)
    (path,) = bench.segments()
    opened = bench.open_segment(path)
    assert pictures(opened) == fps * 3 + 1
    assert fragments(opened.read_bytes()) >= 3 / 0.5


def test_pictures_at_uneven_times_keep_their_times(bench: Bench) -> None:
    steps = [3000, 4200, 3600, 1800, 6000]
    begin, units = 0, []
    for number, unit in enumerate(film(STREET, 50, bench.clock)):
        units.append(replace(unit, pts_90k=begin))
        begin += steps[number % len(steps)]
    bench.record(units, seconds=60)
    (path,) = bench.segments()
    assert [one["pts"] for one in packets(bench.open_segment(path))] == [unit.pts_90k for unit in units]


def test_a_cut_waits_for_the_keyframe_that_it_asked_for(bench: Bench) -> None:
    vault = bench.vault()
    vault.open()
    feed = Feed()
    vault.record("lane", feed, 1000)
    units = film(Scene("street", gop=70), 140, bench.clock)
    feed.put(units[:60])
    until(lambda: feed.asked >= 2)  # once at the start, once when two seconds were full
    feed.put(units[60:])
    vault.close()
    assert [row.segment.frames for row in list_segments(bench.state)] == [70, 70]


def test_another_size_or_connection_begins_a_new_segment(bench: Bench) -> None:
    bench.clock.wall_ms = NOON
    first = film(STREET, 10, bench.clock)
    bench.clock.pass_ms(400)
    second = film(Scene("street", width=320, height=240), 10, bench.clock, begin_90k=900_000 + 36_000)
    bench.clock.pass_ms(400)
    third = film(Scene("street", width=320, height=240), 10, bench.clock, begin_90k=900_000 + 72_000, epoch=2)
    bench.record([*first, *second, *third])
    rows = list_segments(bench.state)
    assert [(row.segment.width, row.segment.frames) for row in rows] == [(384, 10), (320, 10), (320, 10)]
    assert [row.segment.end_reason for row in rows] == ["changed", "changed", "stopping"]
    assert [pictures(bench.open_segment(path)) for path in bench.segments()] == [10, 10, 10]


def test_times_that_stand_still_or_go_back_lose_pictures_up_to_the_next_keyframe(bench: Bench) -> None:
    units = film(STREET, 100, bench.clock)
    bent = [replace(unit, pts_90k=unit.pts_90k - 54_000) if number >= 20 else unit for number, unit in enumerate(units)]
    bench.record(bent, seconds=60)
    rows = list_segments(bench.state)
    # 20..34 go back behind picture 19: lost; the keyframe 50 begins the new segment
    assert [row.segment.frames for row in rows] == [35, 50]
    assert rows[0].segment.end_reason == "gap"
    assert sum(one.count for one in bench.events.of(UnitsDropped)) == 15
    assert [pictures(bench.open_segment(path)) for path in bench.segments()] == [35, 50]


def test_a_lost_camera_closes_its_segment_and_begins_another_when_it_is_back(bench: Bench) -> None:
    vault = bench.vault()
    vault.open()
    feed = Feed()
    recorder = vault.record("lane", feed, 1000)
    assert not recorder.facts().recording
    units = film(STREET, 80, bench.clock)
    feed.put(units[:30])
    until(lambda: recorder.facts().recording)
    # bit by bit: it may still be taking pictures, and its wait begins with the last one
    until(lambda: bench.clock.pass_ms(100) or recorder.facts().segments == 1)
    assert not recorder.facts().recording
    assert recorder.facts().reason
    (row,) = list_segments(bench.state)
    assert row.segment.end_reason == "camera-lost"
    feed.put(units[40:])  # in the middle of a GOP: the next segment waits for the keyframe
    vault.close()
    assert [row.segment.frames for row in list_segments(bench.state)] == [30, 30]
    assert recorder.facts().dropped == 10


def test_pictures_that_were_wholly_masked_are_counted(bench: Bench) -> None:
    blind = film(STREET, 7, bench.clock, masks=Blind("starting"))
    bench.record([*blind, *film(STREET, 50, bench.clock)[7:]])
    (row,) = list_segments(bench.state)
    assert row.segment.blind_frames == 7


@pytest.mark.parametrize("jump_ms", [-40 * 365 * 86_400_000, -5000, 5000, 86_400_000])
def test_names_stay_unique_and_ordered_when_the_clock_jumps(bench: Bench, jump_ms: int) -> None:
    units = film(STREET, 200, bench.clock)
    jumped = [  # setting a clock by hand makes the kernel call it unsynchronised
        replace(unit, wall=WallTime(unit.wall.utc_ns + jump_ms * 10**6, synchronised=False, error_ms=None))
        for unit in units[75:]
    ]
    bench.record(units[:75] + jumped)
    names = [row.segment.name for row in list_segments(bench.state)]
    assert names == sorted(set(names))
    assert [str(path.relative_to(bench.state)) for path in bench.segments()] == names
    rows = list_segments(bench.state)
    assert [row.segment.frames for row in rows] == [50, 50, 50, 50]
    assert [row.segment.start_ms - NOON for row in rows] == [0, 2000, 4000 + jump_ms, 6000 + jump_ms]
    assert rows[1].segment.end_reason == "clock"
    assert [row.segment.synchronised for row in rows] == [True, False, False, False]


def test_a_box_that_wakes_in_1970_goes_on_after_its_last_name(bench: Bench) -> None:
    bench.record(film(STREET, 50, bench.clock))
    bench.clock.wall_ms, bench.clock.synchronised = 5000, False
    bench.record(film(STREET, 50, bench.clock))
    first, second = list_segments(bench.state)
    named = [parse_name(row.segment.name) for row in (first, second)]
    assert named == [("lane", NOON), ("lane", NOON + 1)]
    assert second.segment.start_ms == 5000
    assert not second.segment.synchronised
    assert second.segment.clock_error_ms is None


def test_recorder_ends_with_its_vault_and_says_what_it_did(bench: Bench) -> None:
    vault = bench.vault()
    vault.open()
    feed = Feed()
    recorder = vault.record("lane", feed, 1000)
    feed.put(film(STREET, 60, bench.clock))
    vault.close()
    facts = recorder.facts()
    sizes = [path.stat().st_size for path in bench.segments()]
    assert (facts.segments, facts.bytes, facts.dropped) == (2, sum(sizes), 0)
    assert facts.last_segment == str(bench.segments()[-1].relative_to(bench.state))
    assert recorder.ended
