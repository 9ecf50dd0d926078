"""Many things wrong at once, at random: the true pose is in the set, or the frame is blind."""

from dataclasses import replace

import pytest

from agent.clock import Instant
from agent.ptz.belief import ANYWHERE
from agent.ptz.evidence import HeadLimits, Report
from agent.ptz.path import FAST_MARGIN, Path
from agent.ptz.track import PoseTrack
from agent.units import PoseSet
from tests.ptz.test_track import REST, after, blind_share, runs
from tests.ptz.test_track_by_hand import still
from tests.ptz.trajectories import OPTICS, Pose
from tests.ptz.wilder import Wild, told

FOUND = {
    3: "one picture that told nothing beside a jump of the reports: what was trusted was forgotten",
    53: "before the first report a head that looks steeply down was taken to look less than 60 degrees down",
    62: "a jump of the reports and a picture that told nothing right after it",
    22372: "one picture that told nothing when the camera's clock was set: the pose from before it was lost, too",
}
"""Seeds that were wrong once, and why."""


@pytest.mark.parametrize("seed", FOUND)
def test_what_was_wrong_once_is_wrong_no_more(seed: int) -> None:
    assert [one for lies in (False, True) for one in told(Wild(seed, lies=lies)) if one.fault] == []


@pytest.mark.slow
@pytest.mark.parametrize("block", range(10))
def test_whatever_goes_wrong_at_once_the_true_pose_is_in_the_set(block: int) -> None:
    shown = 0
    for seed in range(5000 + 100 * block, 5100 + 100 * block):
        said = told(Wild(seed, lies=seed % 4 > 0))
        assert [one for one in said if one.fault] == [], f"seed {seed}"
        shown += sum(isinstance(one.verdict.said, PoseSet) for one in said)
    assert shown > 5_000


@pytest.mark.parametrize("speed_deg_s", [-0.5, 0.1, 0.03])
def test_a_lie_that_creeps_does_not_take_along_what_is_trusted(speed_deg_s: float) -> None:
    """Each step of it agrees with what was told before: only what was trusted at first shows how far it went."""
    said = runs(
        REST,
        seconds=40,
        seeds=2,
        lie=lambda at, pose: (pose[0] + speed_deg_s * max(0.0, at - 5), pose[1], pose[2]),
    )
    off = [
        max(one.said.pan_deg[0] - one.truth[0], one.truth[0] - one.said.pan_deg[1])
        for one in said
        if isinstance(one.said, PoseSet)
    ]
    assert max(off) < 0.4  # what a set at rest is wide: so little contradicts nothing
    assert blind_share(after(5 + 0.9 / abs(speed_deg_s), said)) == 1.0


def test_a_jump_of_the_reports_is_no_flip_because_a_picture_told_nothing() -> None:
    """A lorry, a flash: the pictures before and after it hang together, so the picture was not turned over."""
    said = runs(REST, seeds=6, unknown=0.04, lie=lambda at, pose: (pose[0] + (170 if at > 6 else 0), *pose[1:]))
    assert [one for one in said if one.wrong] == []
    assert blind_share(after(7, said)) == 1.0


@pytest.mark.parametrize("lies_from_s", [1.2, 1.5, 1.8, 2.1, 2.4])
def test_a_head_that_begins_to_lie_as_soon_as_it_was_believed_first_is_found_out(lies_from_s: float) -> None:
    """What is shown is trusted: there is no second in which a pose counts and a lie against it is believed as well."""

    def lies(at: float, pose: Pose) -> Pose:
        return (pose[0] + 5, pose[1], pose[2]) if at > lies_from_s else pose

    for seed in range(8):
        said = runs(REST, seconds=6, seeds=1, lie=lies, start=(10.0 * seed, 0.0, 0.0))
        if any(isinstance(one.said, PoseSet) for one in said if one.exposed_s < lies_from_s - 0.5):
            assert [one for one in said if one.wrong] == []


@pytest.mark.parametrize(
    ("zoom", "around", "low", "high"),
    [(0.99, 0.1, 1.09, 0.89), (0.01, 0.1, 0.11, -0.09), (0.5, 0.01, 0.51, 0.49)],
    ids=["tele", "wide", "middle"],
)
def test_a_zoom_that_may_be_off_reaches_beyond_the_table_s_end(
    zoom: float, around: float, low: float, high: float
) -> None:
    def spread(at: float) -> float:
        inside = OPTICS.spread(min(1.0, max(0.0, at)))
        assert inside is not None
        return inside - OPTICS.steepest() * (at - min(1.0, max(0.0, at)))

    assert OPTICS.spreads(zoom, around) == pytest.approx((spread(low), spread(high)))


def test_a_head_at_the_end_of_its_zoom_is_in_the_set_though_its_pictures_are_off_by_a_little() -> None:
    """By less than a report may be; between two reports of that end nothing else would leave room for it."""
    track, said = PoseTrack(HeadLimits(), OPTICS), []
    for step in range(100):
        at_ns = 40_000_000 * step
        sight = still(at_ns / 1e9, slack_spread=1e-5, spread=4e-5 if step == 70 else 0.0)
        track.picture(replace(sight, taken=Instant(at_ns)))
        if step % 5 == 0:
            track.report(Report(Instant(at_ns), Instant(at_ns + 20_000_000), 10.0, 0.0, 1.0))
        if step >= 12:
            said.append(track.judge(Instant(at_ns - 480_000_000), Instant(at_ns)))
    seen = [one for one in said if isinstance(one, PoseSet)]
    assert seen[-1] is said[-1]
    assert {one.zoom[1] for one in seen} == {1.0}


@pytest.mark.parametrize(("late_s", "gap_s"), [(0.0, 0.08), (0.9, 0.08), (1.0, 0.35)])
def test_where_a_camera_s_clock_was_set_a_head_may_have_turned_for_as_long_as_arrivals_allow(
    late_s: float, gap_s: float
) -> None:
    """The picture at 1.00 s may be 0.3 s old and the one at 1.05 s new: its arrival was taken for its time."""
    limits = HeadLimits()
    path = Path(limits, OPTICS)
    path.add(still(1.0), ANYWHERE)
    path.add(replace(still(1.05, known=False), stamp_s=1.08, late_s=late_s), ANYWHERE)
    assert path.newest is not None
    assert path.newest.slack[0] == pytest.approx(limits.pan_speed_deg_s * FAST_MARGIN * gap_s)
