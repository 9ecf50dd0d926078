"""How old pictures are, from sweeps of a simulated head whose truth is known."""

from dataclasses import dataclass
from random import Random

import pytest

from agent.errors import CalibrationError
from agent.virtual.head import Head, Limits, Preset
from agent.virtual.reports import Ageing, Reporter
from provisioning.ages import Ages, Seen, Sweep, Told, fit_ages

CAMERA_CLOCK_S = 7_777.0
ACCURACY_DEG = 0.05


@dataclass(frozen=True)
class World:
    """Seconds; `creep`: by what share the camera's clock runs off. `uneven_s`: how late it stamps at the most."""

    video_age_s: tuple[float, float] = (0.05, 0.15)
    report_age_s: tuple[float, float] = (0.08, 0.20)
    fps: int = 25
    acceleration_deg_s2: float = 200.0
    creep: float = 0.0
    uneven_s: float = 0.0
    obeys_after_s: float = 0.05


def sweeps(world: World, seed: int, count: int = 8, *, way_deg: float = 30.0) -> list[Sweep]:
    dice = Random(seed)
    head = Head(Limits(acceleration_deg_s2=world.acceleration_deg_s2), 0.0, Preset("home", 0.0, 0.0, 0.0))
    reporter = Reporter(head, Ageing(*world.report_age_s), seed=seed)
    return [_sweep(world, head, reporter, dice, 3.0 * n + 1.0, way_deg * (-1) ** n) for n in range(count)]


def _sweep(world: World, head: Head, reporter: Reporter, dice: Random, begins_s: float, way_deg: float) -> Sweep:
    head.advance(begins_s - 0.5)
    start = head.shown(begins_s - 0.5).pan_deg
    pictures, reports = [], []
    events = [(begins_s - 0.4 + n / world.fps, "picture") for n in range(round(2.6 * world.fps))]
    events += [(begins_s + n * 0.11, "report") for n in range(22)] + [(begins_s + world.obeys_after_s, "order")]
    arrives_s = 0.0
    for now_s, what in sorted(events):
        head.advance(now_s)
        if what == "order":
            head.absolute(now_s, pan_deg=start + way_deg, tilt_deg=0.0, zoom=0.0)
        elif what == "picture":
            arrives_s = max(arrives_s + 0.001, now_s + dice.uniform(*world.video_age_s))
            stamp_s = now_s * (1 + world.creep) + CAMERA_CLOCK_S + dice.uniform(0.0, world.uneven_s)
            turned = head.shown(now_s).pan_deg - start
            error = 0.05 + 0.01 * abs(turned)
            pictures.append(Seen(arrives_s, stamp_s, turned + dice.uniform(-error, error), error))
        else:
            wait_s, age_s = reporter.delays()
            told = reporter.report(now_s + wait_s, age_s)
            if told is not None:
                reports.append(Told(now_s, now_s + wait_s, told.pan_deg - start))
    return Sweep(begins_s, tuple(pictures), tuple(reports))


def told(world: World, seed: int, pose_age_s: float = 0.2) -> Ages:
    return fit_ages(sweeps(world, seed), pose_age_s, ACCURACY_DEG)


@pytest.mark.parametrize(
    "world",
    [
        World(),
        World(fps=12),
        World(video_age_s=(0.0, 0.01), report_age_s=(0.0, 0.05)),
        World(video_age_s=(0.25, 0.26), report_age_s=(0.19, 0.2)),
        World(acceleration_deg_s2=300.0, creep=200e-6, obeys_after_s=0.3),
    ],
    ids=["usual", "slow", "young", "old", "creeping"],
)
def test_the_truth_lies_within_what_is_told_whatever_the_dice(world: World) -> None:
    for seed in range(4):
        ages = told(world, seed)
        assert ages.least_s <= world.video_age_s[0] + 0.012  # nothing arrived quite at the least age
        assert ages.most_s >= world.video_age_s[0]
        assert ages.video_age_ms >= 1000 * (ages.most_s + 0.05)


def test_with_reports_of_many_ages_hardly_more_is_told_than_is_true() -> None:
    worst = [told(World(), seed).video_age_ms for seed in range(4)]
    assert max(worst) <= 150
    assert min(worst) >= 100


def test_reports_that_are_always_as_young_as_they_may_be_leave_their_whole_age_open() -> None:
    """Nothing tells a picture 50 ms old and a report of this moment from one 250 ms old and a report 200 ms old."""
    ages = told(World(report_age_s=(0.0, 0.001), obeys_after_s=0.5), 3)
    assert ages.most_s > 0.05 + 0.19


def test_an_order_bounds_what_reports_leave_open() -> None:
    slow, quick = (told(World(report_age_s=(0.0, 0.001), obeys_after_s=s), 3) for s in (0.5, 0.02))
    assert quick.most_s < 0.05 + 0.12 < slow.most_s


def test_reports_older_than_was_said_are_refused_and_not_believed() -> None:
    with pytest.raises(CalibrationError, match="--pose-age-ms") as found:
        told(World(report_age_s=(0.08, 0.6)), 1)
    assert found.value.word == "late-reports"
    assert told(World(report_age_s=(0.08, 0.6)), 1, pose_age_s=0.6).most_s >= 0.05


def test_stamps_that_say_nothing_of_the_exposure_are_refused() -> None:
    with pytest.raises(CalibrationError) as found:
        told(World(uneven_s=0.6), 1)
    assert found.value.word == "late-reports"


def test_too_few_reports_in_mid_sweep_are_refused() -> None:
    with pytest.raises(CalibrationError) as found:
        fit_ages(sweeps(World(), 1, 1), 0.2, ACCURACY_DEG)
    assert found.value.word == "few-reports"
    with pytest.raises(CalibrationError):
        fit_ages([], 0.2, ACCURACY_DEG)
    with pytest.raises(CalibrationError):
        fit_ages(sweeps(World(), 1, way_deg=0.1), 0.2, ACCURACY_DEG)


RATE_DEG_S = 30.0
LOOSE_S = (ACCURACY_DEG + 300.0 * 0.04**2 / 8) / RATE_DEG_S
"""What the head's own accuracy, and what it may swerve by between two pictures, leave open in time."""


def even(since_s: float, until_s: float, begins_s: float = 0.0, way: float = 1.0) -> Sweep:
    """Pictures of 100 ms; each report is of a moment `since_s` before the question, `until_s` before the answer."""
    stamps = [begins_s + step / 25 for step in range(-5, 60)]
    turned = [way * RATE_DEG_S * min(1.0, max(0.0, stamp - begins_s)) for stamp in stamps]
    pictures = tuple(Seen(stamp + 0.1, stamp, at, 0.0) for stamp, at in zip(stamps, turned, strict=True))
    moments = [begins_s + 0.1 + step / 20 for step in range(16)]
    told = [Told(one + since_s, one + until_s, way * RATE_DEG_S * (one - begins_s)) for one in moments]
    told.append(Told(begins_s + 3.0, begins_s + 3.1, way * RATE_DEG_S))
    return Sweep(begins_s - 10.0, pictures, tuple(told))


@pytest.mark.parametrize("way", [1.0, -1.0])
def test_a_report_is_true_from_so_long_before_the_question_to_the_answer(way: float) -> None:
    ages = fit_ages([even(0.03, 0.05, way=way)], 0.2, ACCURACY_DEG)
    assert ages.reports == 16
    assert ages.most_s == pytest.approx(0.1 + 0.2 - 0.03 + LOOSE_S, abs=2e-4)
    assert ages.least_s == pytest.approx(0.1 - 0.05 - LOOSE_S, abs=2e-4)


def test_no_picture_arrives_before_it_is_exposed() -> None:
    assert fit_ages([even(0.15, 0.25)], 0.2, ACCURACY_DEG).least_s == 0.0


def test_what_one_sweep_tells_counts_for_another_but_for_what_clocks_run_off_meanwhile() -> None:
    near, far = (fit_ages([even(0.0, 0.3), even(0.15, 0.3, away)], 0.2, ACCURACY_DEG) for away in (0.0, 100.0))
    assert near.most_s == pytest.approx(0.1 + 0.2 - 0.15 + LOOSE_S, abs=2e-4)
    assert far.most_s == pytest.approx(near.most_s + 0.1, abs=2e-4)
