"""Which segments go, decided on values alone; then the keeper doing it on disk."""

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from agent.clock import WallTime
from agent.vault.index import Index
from agent.vault.keeper import AHEAD_MS
from agent.vault.ring import (
    DAY_MS,
    LONGEST_SEGMENT_MS,
    Candidate,
    Room,
    age_cutoff_ms,
    margin_bytes,
    reserve_bytes,
    too_much,
    too_old,
)
from tests.vault.rig import NOON, Bench, Feed, Scene, film, until

PLENTY = Room(live_bytes=0, open_bytes=0, free_bytes=1 << 40, disk_bytes=1 << 41)


def row(
    seq: int, start_ms: int = NOON, size: int = 100, *, synchronised: bool = True, later: int | None = None
) -> Candidate:
    return Candidate(seq, f"segment-{seq}", size, start_ms, synchronised, later)


def wall(utc_ms: int, *, synchronised: bool = True, trusted: bool = True) -> WallTime:
    return WallTime(utc_ms * 10**6, synchronised, None, trusted)


ROWS = st.lists(st.integers(1, 1000), max_size=30).map(
    lambda sizes: [row(number, size=size) for number, size in enumerate(sizes, 1)]
)


@given(rows=ROWS, held=st.integers(0, 5000), opened=st.integers(0, 500), budget=st.integers(0, 20_000))
def test_budget_takes_the_fewest_and_the_oldest(rows: list[Candidate], held: int, opened: int, budget: int) -> None:
    live = held + sum(one.size_bytes for one in rows)
    gone = too_much(rows, replace(PLENTY, live_bytes=live, open_bytes=opened), budget)
    assert [one.seq for one in gone] == [one.seq for one in rows[: len(gone)]]
    freed = sum(one.size_bytes for one in rows[: len(gone)])
    if len(gone) < len(rows):
        assert live + opened - freed <= budget
    if gone:
        assert live + opened > budget
        assert live + opened - freed + rows[len(gone) - 1].size_bytes > budget - margin_bytes(budget)


@given(rows=ROWS, free=st.integers(0, 3000))
def test_a_nearly_full_disk_takes_only_what_is_short(rows: list[Candidate], free: int) -> None:
    room = Room(live_bytes=0, open_bytes=0, free_bytes=free, disk_bytes=100_000)
    gone = too_much(rows, room, 1 << 40)
    freed = sum(one.size_bytes for one in rows[: len(gone)])
    assert freed - (rows[len(gone) - 1].size_bytes if gone else 0) < max(1, reserve_bytes(100_000) - free)
    assert {one.rule for one in gone} <= {"disk"}


def test_reserve_is_two_percent_of_a_small_disk_and_64_mib_of_a_large_one() -> None:
    assert reserve_bytes(100_000) == 2000
    assert reserve_bytes(1 << 40) == 64 << 20


@pytest.mark.parametrize("now", [wall(NOON, synchronised=False), wall(NOON, trusted=False)])
def test_age_is_not_judged_by_a_clock_that_nobody_keeps(now: WallTime) -> None:
    assert age_cutoff_ms(now, 15) is None


@given(age_ms=st.integers(0, 60 * DAY_MS), days=st.integers(1, 30))
def test_a_synchronised_segment_goes_when_its_first_picture_is_too_old(age_ms: int, days: int) -> None:
    cutoff_ms = age_cutoff_ms(wall(NOON), days)
    assert cutoff_ms is not None
    assert bool(too_old([row(1, NOON - age_ms)], cutoff_ms)) == (age_ms > days * DAY_MS)


@given(
    real_ms=st.integers(NOON, NOON + 40 * DAY_MS),
    told_ms=st.integers(0, 2 * NOON),
    later_ms=st.integers(0, DAY_MS),
    now_ms=st.integers(NOON, NOON + 80 * DAY_MS),
)
def test_a_segment_of_unknown_time_never_goes_early(real_ms: int, told_ms: int, later_ms: int, now_ms: int) -> None:
    # recorded really at `real_ms`, named `told_ms`; the next synchronised row starts at most a segment before its end
    candidate = row(1, told_ms, synchronised=False, later=real_ms + later_ms - LONGEST_SEGMENT_MS)
    cutoff_ms = age_cutoff_ms(wall(now_ms), 15)
    assert cutoff_ms is not None
    if too_old([candidate], cutoff_ms, AHEAD_MS):
        assert now_ms - real_ms > 15 * DAY_MS


@pytest.mark.parametrize("synchronised", [True, False])
def test_the_minute_ahead_takes_nothing_whose_time_nobody_kept(synchronised: bool) -> None:
    cutoff_ms = age_cutoff_ms(wall(NOON), 15)
    assert cutoff_ms is not None
    since = cutoff_ms + AHEAD_MS - 1
    candidate = row(1, since, synchronised=synchronised, later=since - LONGEST_SEGMENT_MS)
    assert bool(too_old([candidate], cutoff_ms, AHEAD_MS)) == synchronised
    assert too_old([row(1, since + 1)], cutoff_ms, AHEAD_MS) == ()


def test_a_segment_of_unknown_time_stays_while_nothing_says_its_age() -> None:
    assert too_old([row(1, 0, synchronised=False)], 1 << 60) == ()


# The keeper


def states(bench: Bench) -> list[tuple[str, str | None]]:
    return [(one.state, one.rule) for one in bench.rows()]


def test_the_budget_is_kept_oldest_first_across_cameras(bench: Bench) -> None:
    bench.record(film(Scene(), 150))
    sizes = [one.segment.size_bytes for one in bench.rows()]
    bench.record([], gib=(sizes[1] + sizes[2]) * 1.01 / 2**30)
    assert states(bench) == [("destroyed", "budget"), ("sealed", None), ("sealed", None)]
    assert len(bench.segments()) == 2
    assert bench.rows()[0].destroyed_ms == bench.clock.wall_ms
    assert bench.agrees()


def test_retention_takes_what_is_too_old_and_its_empty_folder(bench: Bench) -> None:
    bench.record(film(Scene(), 50))
    bench.clock.pass_ms(DAY_MS * 14.9)
    bench.record(film(Scene(), 50, bench.clock))
    assert [state for state, _ in states(bench)] == ["sealed", "sealed"]
    bench.clock.pass_ms(DAY_MS * 0.2)
    bench.record([])
    assert states(bench) == [("destroyed", "age"), ("sealed", None)]
    assert not (bench.state / "segments/lane/2026/11").exists()
    assert bench.agrees()


@pytest.mark.parametrize("jump_days", [-365 * 40, 60])
def test_a_jump_of_an_unsynchronised_clock_evicts_nothing(bench: Bench, jump_days: int) -> None:
    bench.record(film(Scene(), 100))
    bench.clock.wall_ms += jump_days * DAY_MS
    bench.clock.synchronised = False
    bench.record(film(Scene(), 100, bench.clock))
    assert [state for state, _ in states(bench)] == ["sealed"] * 4


def test_an_unsynchronised_segment_ages_from_the_next_synchronised_one(bench: Bench) -> None:
    bench.clock.wall_ms, bench.clock.synchronised = 0, False  # 1970
    bench.record(film(Scene(), 50, bench.clock))
    bench.clock.wall_ms, bench.clock.synchronised = NOON, True
    bench.record(film(Scene(), 50, bench.clock))
    assert [state for state, _ in states(bench)] == ["sealed", "sealed"]
    bench.clock.pass_ms(15 * DAY_MS + 1000)
    bench.record([])
    assert [state for state, _ in states(bench)] == ["sealed", "destroyed"]
    bench.clock.pass_ms(LONGEST_SEGMENT_MS)
    bench.record([])
    assert [state for state, _ in states(bench)] == ["destroyed", "destroyed"]


def test_a_held_segment_never_goes_and_still_counts(bench: Bench) -> None:
    bench.record(film(Scene(), 150))
    sizes = [one.segment.size_bytes for one in bench.rows()]
    index = Index(bench.state / "index.sqlite")
    index._db.execute("UPDATE segment SET state = 'held' WHERE seq = 1")
    index.close()
    bench.record([], gib=(sizes[0] + sizes[2]) * 1.01 / 2**30)
    assert states(bench) == [("held", None), ("destroyed", "budget"), ("sealed", None)]
    bench.clock.pass_ms(100 * DAY_MS)
    bench.record([])
    assert states(bench)[0] == ("held", None)
    assert len(bench.segments()) == 1


def test_the_open_segment_counts_and_stays(bench: Bench) -> None:
    bench.record(film(Scene(), 50))
    vault = bench.vault(gib=1 / 2**30)
    vault.open()
    until(lambda: not bench.segments())
    feed = Feed()
    recorder = vault.record("lane", feed, 1000)
    feed.put(film(Scene("noise", kbps=4000), 40, bench.clock))
    until(lambda: recorder.facts().bytes > 1 << 16)
    vault._keeper.round()  # type: ignore[union-attr]
    assert len(list(bench.state.rglob("*.part"))) == 1
    vault.close()
    assert vault.buffer_hours() == 0.0


def test_the_reach_of_the_ring_is_told_in_hours(bench: Bench) -> None:
    bench.record(film(Scene(), 50))
    bench.clock.pass_ms(7_200_000)
    bench.record(film(Scene(), 50, bench.clock))
    vault = bench.vault()
    vault.open()
    until(lambda: vault.buffer_hours())
    assert vault.buffer_hours() == pytest.approx(2.0, abs=0.01)
    assert vault.disk_free_bytes() > 0
    vault.close()
