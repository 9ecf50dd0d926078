"""Timestamps as cameras really send them, and the pace of files: pure, with time as a value."""

import itertools
import random

import pytest

from agent.capture.pace import FilePace, Thinner, backoff_s
from agent.capture.timeline import Timeline
from agent.clock import Instant

STEP_NS = 40_000_000


def test_even_timestamps_stay_even_under_jittered_arrival() -> None:
    timeline, rng = Timeline(), random.Random(1)
    places = [
        timeline.place(n * 0.04, Instant(10**9 + n * STEP_NS + rng.randrange(30_000_000))).pts_90k for n in range(500)
    ]
    steps = [b - a for a, b in itertools.pairwise(places)]
    assert all(abs(step - 3600) < 60 for step in steps[1:])


def test_absent_timestamps_take_the_arrival() -> None:
    timeline = Timeline()
    places = [timeline.place(None, Instant(n * STEP_NS)).pts_90k for n in range(10)]
    assert places == [n * 3600 for n in range(10)]


def test_backward_timestamps_never_make_the_clock_go_back_and_are_told() -> None:
    timeline = Timeline()
    stamps = [0.0, 0.04, 0.08, 0.02, 0.06, 0.10]
    placed = [timeline.place(stamp, Instant(n * STEP_NS)) for n, stamp in enumerate(stamps)]
    assert [one.jumped for one in placed] == [False, False, False, True, False, False]
    places = [one.pts_90k for one in placed]
    assert all(b > a for a, b in itertools.pairwise(places))
    assert places[-1] - places[0] < 6 * 3600


def test_a_jump_of_a_day_does_not_make_a_gap() -> None:
    timeline = Timeline()
    stamps = [0.0, 0.04, 86_400.0, 86_400.04]
    placed = [timeline.place(stamp, Instant(n * STEP_NS)) for n, stamp in enumerate(stamps)]
    assert placed[2].jumped
    assert placed[3].pts_90k - placed[0].pts_90k < 4 * 3600


@pytest.mark.parametrize("pause_s", [0.3, 0.6, 1.0, 4.0])
def test_a_backlog_that_arrives_in_a_burst_keeps_its_spacing_and_loses_nothing(pause_s: float) -> None:
    timeline, thinner, late = Timeline(), Thinner(25), round(pause_s * 25)
    placed, kept = [], 0
    for n in range(300):
        due = n * STEP_NS
        burst_end = 100 * STEP_NS + late * STEP_NS
        arrival = due if not 100 <= n < 100 + late else burst_end + (n - 100) * 2_000_000
        arrival = max(arrival, burst_end) if n >= 100 else arrival
        placed.append(timeline.place(n * 0.04, Instant(arrival)))
        kept += thinner.keeps(placed[-1].pts_90k)
    assert not any(one.jumped for one in placed)
    assert kept == 300
    assert all(b.pts_90k > a.pts_90k for a, b in itertools.pairwise(placed))


def test_the_same_timestamp_for_ever_still_grows() -> None:
    timeline = Timeline()
    places = [timeline.place(1.0, Instant(n * STEP_NS)).pts_90k for n in range(100)]
    assert all(b > a for a, b in itertools.pairwise(places))


def test_arrivals_in_one_burst_still_grow() -> None:
    timeline = Timeline()
    places = [timeline.place(None, Instant(5)).pts_90k for _ in range(10)]
    assert all(b > a for a, b in itertools.pairwise(places))


def test_a_camera_clock_that_drifts_for_hours_is_followed_without_a_step() -> None:
    timeline, last, arrival = Timeline(), 0, 0
    for n in range(200_000):
        arrival = n * STEP_NS
        placed = timeline.place(n * 0.04 * 1.0005, Instant(arrival))  # 500 ppm
        assert not placed.jumped
        last = placed.pts_90k
    assert abs(last - arrival * 9 / 100_000) < 9_000  # within 100 ms of the monotonic clock


def test_a_new_connection_keeps_the_clock_going() -> None:
    timeline = Timeline()
    before = timeline.place(1000.0, Instant(0)).pts_90k
    timeline.restart()
    after = timeline.place(0.0, Instant(5 * 10**9))
    assert not after.jumped
    assert after.pts_90k - before == 450_000


def test_thinning_fifty_to_twentyfive_keeps_every_second_frame() -> None:
    thinner = Thinner(25)
    kept = [n for n in range(500) if thinner.keeps(n * 1800)]
    assert len(kept) == 250
    assert {b - a for a, b in itertools.pairwise(kept)} == {2}


def test_thinning_thirty_to_twentyfive_keeps_five_of_six() -> None:
    thinner = Thinner(25)
    assert abs(sum(thinner.keeps(n * 3000) for n in range(600)) - 500) <= 1


def test_a_slower_camera_loses_no_frame_even_with_jitter() -> None:
    thinner, rng = Thinner(25), random.Random(2)
    assert all(thinner.keeps(n * 3600 + rng.randrange(-600, 600)) for n in range(2, 1000))


def test_a_pause_is_not_made_up_for_by_a_burst() -> None:
    thinner = Thinner(25)
    thinner.keeps(0)
    kept = sum(thinner.keeps(900_000 + n * 900) for n in range(100))
    assert 25 <= kept <= 26


def test_a_file_plays_at_its_own_pace_and_its_loop_goes_on_smoothly() -> None:
    pace, now, times = FilePace(25), 100.0, []
    for _ in range(3):
        for n in range(25):
            now += pace.wait_s(n * 0.04, now)
            times.append(now)
        pace.restart()
    steps = [b - a for a, b in itertools.pairwise(times)]
    assert all(abs(step - 0.04) < 0.001 for step in steps)


def test_a_file_without_timestamps_plays_at_the_configured_rate() -> None:
    pace, now = FilePace(25), 0.0
    for _ in range(26):
        now += pace.wait_s(None, now)
    assert abs(now - 1.0) < 0.05


def test_a_file_that_claims_an_hour_between_frames_waits_a_second_at_most() -> None:
    pace = FilePace(25)
    pace.wait_s(0.0, 0.0)
    assert pace.wait_s(3600.0, 0.0) <= 1.0


def test_a_slow_box_does_not_race_to_catch_up() -> None:
    pace = FilePace(25)
    pace.wait_s(0.0, 0.0)
    assert pace.wait_s(0.04, 60.0) == 0.0
    assert pace.wait_s(0.08, 60.0) > 0.0


def test_backoff_grows_is_bounded_and_jittered() -> None:
    waits = list(itertools.islice(backoff_s(0.5, 15), 50))
    assert waits[0] <= 0.5
    assert max(waits) <= 15
    assert min(waits[10:]) >= 7.5
    assert len(set(waits[10:])) > 30
