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
    for seed in range(6):
        ages = told(world, seed)
        assert ages.least_s <= world.video_age_s[0] + 0.012  # nothing arrived quite at the least age
        assert ages.most_s >= world.video_age_s[0]
        assert ages.video_age_ms >= 1000 * (ages.most_s + 0.05)


def test_with_reports_of_many_ages_hardly_more_is_told_than_is_true() -> None:
    worst = [told(World(), seed).video_age_ms for seed in range(6)]
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
