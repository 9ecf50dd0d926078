"""New recipients from a date on: each segment opens for those in force at the time in its name, and for nobody else."""

from datetime import date
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from agent.config import Rotation, Vault
from agent.paris import end_of_day
from agent.vault.names import parse_name
from agent.vault.rotation import Period, recipients_at, schedule
from tests.vault.rig import NOON, Bench, Keys, Scene, film

STREET = Scene("street")
TODAY = date(2026, 11, 21)  # NOON's day
MIDNIGHT = 1_795_302_000_000
"""2026-11-21T23:00:00Z, when the 22nd begins in Paris."""
SUMMER = 1_814_392_800_000
"""2027-06-30T22:00:00Z, when July begins there."""


def holders(folder: Path, *names: str) -> list[Keys]:
    """Age identities in folders of their own."""
    for name in names:
        (folder / name).mkdir()
    return [Keys(folder / name) for name in names]


def rotations(*two: tuple[date, Keys]) -> tuple[Rotation, ...]:
    """`[[vault.rotation]]`."""
    return tuple(Rotation.model_validate({"from": day, "recipients": [keys.recipient]}) for day, keys in two)


def opened_by(bench: Bench, *keys: Keys) -> list[tuple[bool, ...]]:
    """For each segment, who can open it."""
    into = bench.state.parent / "opened"
    return [tuple(one.open(path, into) == 0 for one in keys) for path in bench.segments()]


# --- deciding ---


def test_a_day_begins_at_midnight_in_paris_summer_and_winter(tmp_path: Path) -> None:
    (old, new) = holders(tmp_path, "old", "new")
    table = Vault(
        recipients=(old.recipient,),
        retention_days=15,
        max_gib=1,
        rotation=rotations((date(2026, 11, 22), new), (date(2027, 7, 1), old)),
    )
    periods = schedule(table)
    assert [one.from_ms for one in periods] == [0, MIDNIGHT, SUMMER]
    for at, keys in (
        (0, old),
        (MIDNIGHT - 1, old),
        (MIDNIGHT, new),
        (1_814_392_799_999, new),
        (1_814_392_800_000, old),
    ):
        assert recipients_at(periods, at) == (keys.recipient,)


@given(st.lists(st.integers(1, 10**14), unique=True, max_size=20).map(sorted), st.integers(0, 10**14))
def test_at_every_moment_exactly_one_period_is_in_force(starts: list[int], now_ms: int) -> None:
    periods = [Period(0, ("0",)), *(Period(at, (str(at),)) for at in starts)]
    assert recipients_at(periods, now_ms) == (str(max(at for at in [0, *starts] if at <= now_ms)),)


# --- recording ---


def test_segments_before_the_date_open_for_the_old_holder_and_after_it_for_the_new_alone(
    bench: Bench, tmp_path: Path
) -> None:
    (new,) = holders(tmp_path, "new")
    bench.clock.wall_ms = MIDNIGHT - 5000
    bench.record(film(STREET, 250, bench.clock), rotation=rotations((date(2026, 11, 22), new)))
    starts = [row.segment.start_ms - MIDNIGHT for row in bench.rows()]
    assert starts == [-5000, -3000, -1000, 1000, 3000]  # the one that is open at midnight stays the old holder's
    assert opened_by(bench, bench.keys, new) == [(True, False)] * 3 + [(False, True)] * 2
    before = {path: path.read_bytes() for path in bench.segments()}
    bench.clock.pass_ms(60_000)
    bench.record(film(STREET, 50, bench.clock, begin_90k=10_000_000), rotation=rotations((date(2026, 11, 22), new)))
    assert {path: path.read_bytes() for path in before} == before
    assert opened_by(bench, bench.keys, new)[-1] == (False, True)


def test_a_date_of_the_past_counts_from_the_first_segment(bench: Bench, tmp_path: Path) -> None:
    old, new = holders(tmp_path, "old", "new")
    bench.record(film(STREET, 50, bench.clock), rotation=rotations((date(2026, 1, 1), old), (TODAY, new)))
    assert opened_by(bench, bench.keys, old, new) == [(False, False, True)]


@pytest.mark.parametrize("restart", [False, True])
def test_a_clock_that_is_set_back_does_not_bring_the_old_holder_back(
    restart: bool, bench: Bench, tmp_path: Path
) -> None:
    (new,) = holders(tmp_path, "new")
    table = rotations((date(2026, 11, 22), new))
    bench.clock.wall_ms = MIDNIGHT + 1000
    first = film(STREET, 50, bench.clock)
    bench.clock.now_ns += 2 * 10**9
    bench.clock.wall_ms = NOON
    bench.clock.synchronised = False
    second = film(STREET, 50, bench.clock, begin_90k=900_000 + 50 * 3600)
    if restart:
        bench.record(first, rotation=table)
        bench.record(second, rotation=table)
    else:
        bench.record([*first, *second], rotation=table)
    assert len(bench.rows()) == 2
    assert opened_by(bench, bench.keys, new) == [(False, True)] * 2


@pytest.mark.parametrize(("wall_ms", "newer"), [(MIDNIGHT - 60_000, False), (MIDNIGHT + 60_000, True)])
def test_time_that_nobody_confirms_counts_as_it_does_for_grants(
    wall_ms: int, newer: bool, bench: Bench, tmp_path: Path
) -> None:
    (new,) = holders(tmp_path, "new")
    bench.clock.synchronised = False
    bench.clock.wall_ms = wall_ms
    bench.record(film(STREET, 50, bench.clock), rotation=rotations((date(2026, 11, 22), new)))
    assert opened_by(bench, bench.keys, new) == [(not newer, newer)]


def test_a_segment_s_name_tells_whom_it_is_sealed_for(bench: Bench, tmp_path: Path) -> None:
    (new,) = holders(tmp_path, "new")
    bench.clock.wall_ms = MIDNIGHT - 3000
    bench.record(film(STREET, 150, bench.clock), rotation=rotations((date(2026, 11, 22), new)))
    begins_ms = end_of_day(TODAY) * 1000
    for path, who in zip(bench.segments(), opened_by(bench, bench.keys, new), strict=True):
        named = parse_name(str(path.relative_to(bench.state)))
        assert named is not None
        assert who == ((named[1] < begins_ms), (named[1] >= begins_ms))
