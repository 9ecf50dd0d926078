"""Clocks that jump, start in 1970, or are not to be believed; the kernel itself is asked."""

import ctypes
import re
import subprocess
import time
from pathlib import Path

import pytest

from agent import clock
from agent.clock import BUILD_EPOCH_NS, KernelDiscipline, SystemClock, WallTime, from_rfc3339, kernel_offset_ms, rfc3339

YEAR_NS = 365 * 86_400 * 10**9


@pytest.mark.parametrize(
    ("utc_ms", "text"),
    [
        (0, "1970-01-01T00:00:00.000Z"),
        (1_795_379_831_042, "2026-11-22T20:37:11.042Z"),
        (951_782_400_999, "2000-02-29T00:00:00.999Z"),
        (253_402_300_799_999, "9999-12-31T23:59:59.999Z"),
    ],
)
def test_times_are_written_with_all_three_milliseconds(utc_ms: int, text: str) -> None:
    assert rfc3339(utc_ms) == text


def test_written_times_agree_with_date() -> None:
    now_ms = time.time_ns() // 10**6
    said = subprocess.run(["date", "-u", "-d", rfc3339(now_ms), "+%s%3N"], capture_output=True, text=True, check=True)
    assert int(said.stdout) == now_ms


def test_written_times_sort_as_they_follow() -> None:
    stamps = [rfc3339(one) for one in range(999_999_999_000, 1_000_000_001_000, 7)]
    assert stamps == sorted(stamps)


def test_this_machines_time_counts_and_follows_its_clock() -> None:
    before = time.time_ns()
    wall = SystemClock().wall()
    assert wall.trusted
    assert before <= wall.utc_ns <= time.time_ns()
    assert wall.utc_ms == wall.utc_ns // 10**6


def test_time_below_the_floor_is_not_trusted_and_never_named() -> None:
    floor = time.time_ns() + YEAR_NS  # the index has seen next year: this machine's clock is a year behind
    mast = SystemClock(floor)
    first, second = mast.wall(), mast.wall()
    assert floor <= first.utc_ns <= second.utc_ns < floor + 60 * 10**9
    for wall in (first, second):
        assert (wall.trusted, wall.synchronised, wall.error_ms) == (False, False, None)


def test_untrusted_time_runs_on_from_the_floor() -> None:
    mast = SystemClock(time.time_ns() + YEAR_NS)
    first = mast.wall()
    time.sleep(0.02)
    assert mast.wall().utc_ns - first.utc_ns >= 20 * 10**6


def test_the_floor_never_goes_down() -> None:
    mast = SystemClock()
    high = time.time_ns() + YEAR_NS
    mast.raise_floor(high)
    mast.raise_floor(0)
    mast.raise_floor(high - YEAR_NS)
    assert not mast.wall().trusted
    assert mast.wall().utc_ns >= high


def test_a_box_that_starts_in_1970_is_not_trusted_until_a_time_service_sets_it(monkeypatch: pytest.MonkeyPatch) -> None:
    real = time.time_ns
    monkeypatch.setattr(time, "time_ns", lambda: 5 * 10**9)
    mast = SystemClock(0)
    assert not mast.wall().trusted
    assert mast.wall().utc_ns >= BUILD_EPOCH_NS
    monkeypatch.setattr(time, "time_ns", real)
    assert mast.wall().trusted


def test_a_clock_that_is_set_back_behind_the_floor_is_no_longer_trusted(monkeypatch: pytest.MonkeyPatch) -> None:
    mast = SystemClock()
    now = time.time_ns()
    mast.raise_floor(now)
    assert mast.wall().trusted
    monkeypatch.setattr(time, "time_ns", lambda: now - 3600 * 10**9)
    assert not mast.wall().trusted
    assert mast.wall().utc_ns >= now


def test_a_floor_that_time_has_passed_changes_nothing() -> None:
    mast = SystemClock(time.time_ns() - 10**9)
    assert mast.wall().trusted
    assert mast.wall().utc_ns <= time.time_ns()


def test_instants_only_grow() -> None:
    mast = SystemClock()
    seen = [mast.instant() for _ in range(1000)]
    assert seen == sorted(seen)


def test_the_kernel_is_asked_and_its_answer_is_of_a_piece() -> None:
    synchronised, error_ms = KernelDiscipline()()
    assert (error_ms is not None) == synchronised
    if error_ms is not None:
        assert 0 <= error_ms < 10**6


def test_the_kernels_structure_is_read_at_the_right_places(tmp_path: Path) -> None:
    # the same question put by a C programme: a wrong layout would read other fields
    source = tmp_path / "ask.c"
    source.write_text(
        "#include <stdio.h>\n#include <stddef.h>\n#include <sys/timex.h>\nint main(void) {"
        'printf("%zu %zu %zu %zu", offsetof(struct timex, offset), offsetof(struct timex, maxerror),'
        "offsetof(struct timex, status), sizeof(struct timex)); return 0; }\n"
    )
    try:
        subprocess.run(["cc", "-o", tmp_path / "ask", source], check=True, capture_output=True)
    except FileNotFoundError:
        pytest.skip("needs a C compiler")
    said = subprocess.run([tmp_path / "ask"], capture_output=True, text=True, check=True).stdout
    offset, maxerror, status, size = map(int, said.split())
    ours = clock._Timex
    assert (ours.offset.offset, ours.maxerror.offset, ours.status.offset) == (offset, maxerror, status)
    assert ctypes.sizeof(ours) >= size  # the kernel writes all of its own


def test_what_the_kernel_still_corrects_is_a_number_of_milliseconds() -> None:
    offset = kernel_offset_ms()
    assert offset is None or abs(offset) < 1000


def test_a_wall_time_is_a_value() -> None:
    assert WallTime(1, True, 2.0) == WallTime(1, True, 2.0)
    with pytest.raises(AttributeError):
        WallTime(1, True, 2.0).utc_ns = 5  # type: ignore[misc]


def test_the_builds_date_is_not_in_the_future() -> None:
    assert time.time_ns() > BUILD_EPOCH_NS
    assert re.fullmatch(r"2026-09-2\dT.*", rfc3339(BUILD_EPOCH_NS // 10**6))


def test_what_was_written_down_is_read_back_to_the_millisecond() -> None:
    for utc_ms in (0, 1, 999, 1_795_000_000_123, 253_402_300_799_999):
        assert from_rfc3339(rfc3339(utc_ms)) == utc_ms
