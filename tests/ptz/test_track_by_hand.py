"""What a track says of sights and reports that were made by hand, one by one."""

from collections.abc import Callable

import pytest

from agent.clock import Instant
from agent.ptz.evidence import HeadLimits, Report, Sight
from agent.ptz.track import PoseTrack
from agent.units import Blind, PoseSet
from tests.ptz.trajectories import OPTICS, PIXEL

S = 10**9


def still(taken_s: float, **changes: object) -> Sight:
    fields: dict[str, object] = {"known": True, "slack": 0.05 * PIXEL, "slack_spread": 1e-3, "quality": 0.9}
    return Sight(Instant(int(taken_s * S)), taken_s, **{**fields, **changes})  # type: ignore[arg-type]


def report(at_s: float, pan_deg: float = 10.0, **changes: object) -> Report:
    return Report(Instant(int((at_s - 0.01) * S)), Instant(int(at_s * S)), pan_deg, 0.0, 0.0, **changes)  # type: ignore[arg-type]


def settled(until_s: float, track: PoseTrack, *, pan_deg: Callable[[float], float] = lambda _: 10.0) -> float:
    """Feeds a head at rest, 25 pictures and 10 reports a second; the last picture's time."""
    second = 0.0
    for index in range(int(until_s * 50)):
        second = index / 50
        if index % 2 == 0:
            track.picture(still(second))
            track.judge(Instant(int(second * S)), Instant(int(second * S)))
        if index % 5 == 0:
            track.report(report(second + 0.003, pan_deg(second)))
    return second


def test_a_slow_answer_that_a_newer_position_overtook_is_no_contradiction_of_the_reports() -> None:
    """Asked at 3.0 s, answered at 3.5 s; meanwhile the metadata stream told where the head had turned to."""
    track = PoseTrack(HeadLimits(), OPTICS)
    last = settled(3, track)
    track.report(Report(Instant(int((last + 0.49) * S)), Instant(int((last + 0.49) * S)), 60.0, 0.0, 0.0))
    slow = Report(Instant(int(last * S)), Instant(int((last + 0.5) * S)), 10.0, 0.0, 0.0)
    assert not track._jumps(track._recent[-1], slow)
    track.report(Report(Instant(int((last + 0.51) * S)), Instant(int((last + 0.51) * S)), -120.0, 0.0, 0.0))
    track.picture(still(last + 0.52))
    taken = Instant(int((last + 0.52) * S))
    assert track.judge(taken, taken) == Blind("contradiction-reports")


def test_a_head_that_says_it_is_out_of_order_blinds() -> None:
    track = PoseTrack(HeadLimits(), OPTICS)
    last = settled(3, track)
    track.report(report(last + 0.02, fault="homing"))
    track.picture(still(last + 0.04))
    taken = Instant(int((last + 0.04) * S))
    assert track.judge(taken, taken) == Blind("head-homing")


def test_before_the_first_report_and_before_enough_of_them_it_is_starting() -> None:
    track = PoseTrack(HeadLimits(), OPTICS)
    track.picture(still(1))
    assert track.judge(Instant(S), Instant(S)) == Blind("starting")
    track.report(report(1.1))
    track.picture(still(1.2))
    assert track.judge(Instant(int(1.2 * S)), Instant(int(1.2 * S))) == Blind("starting")


def test_a_pose_that_nobody_repeats_gets_old_and_then_silent() -> None:
    track = PoseTrack(HeadLimits(), OPTICS)
    last = settled(3, track)
    for ahead, reason in ((2.5, "pose-old"), (3.5, "onvif-silent")):
        track.picture(still(last + ahead))
        taken = Instant(int((last + ahead) * S))
        assert track.judge(taken, taken) == Blind(reason)


def test_a_head_at_the_seam_stays_one_place() -> None:
    track = PoseTrack(HeadLimits(), OPTICS)
    last = settled(3, track, pan_deg=lambda second: 179.99 if int(second * 10) % 2 else -179.99)
    taken = Instant(int(last // 0.04 * 0.04 * S))
    said = track.judge(taken, Instant(int(last * S)))
    assert isinstance(said, PoseSet)
    assert said.pan_deg[1] - said.pan_deg[0] < 0.5
    assert abs(abs(sum(said.pan_deg) / 2) - 180) < 0.2


def test_a_frame_that_was_never_seen_is_blind() -> None:
    track = PoseTrack(HeadLimits(), OPTICS)
    last = settled(3, track)
    assert track.judge(Instant(5), Instant(int(last * S))) == Blind("starting")


def told_twice(
    streamed: Callable[[float], float | None], asked: Callable[[float], float | None], seconds: float = 14.0
) -> list[tuple[float, PoseSet | Blind]]:
    """What is said of a head at rest at 10 degrees whose stream tells ten times a second and GetStatus once.

    At four seconds the pictures lose their thread, as they do when the head turns too fast for them.
    """
    track, said = PoseTrack(HeadLimits(), OPTICS), []
    for tick in range(int(seconds * 50)):
        second = tick / 50
        if tick % 2 == 0:
            track.picture(still(second, broken=tick == 200))
        for every, teller, from_stream in ((5, streamed, True), (50, asked, False)):
            pan = teller(second) if tick % every == 0 else None
            if pan is not None:
                track.report(report(second + 0.003, pan, streamed=from_stream))
        frame = second - 0.3
        if tick % 2 == 1 and frame > 0:
            taken = Instant(int(round(frame * 25) / 25 * S))
            said.append((frame, track.judge(taken, Instant(int(second * S)))))
    return said


def lies(second: float) -> float:
    return 19.0 if 4 <= second < 9 else 10.0


def honest(second: float) -> float:
    return 10.0


@pytest.mark.parametrize(("streamed", "asked"), [(lies, honest), (honest, lies)], ids=["stream", "getstatus"])
def test_of_two_tellers_the_one_that_tells_more_often_is_not_believed_against_the_other(
    streamed: Callable[[float], float], asked: Callable[[float], float]
) -> None:
    said = told_twice(streamed, asked)
    shown = [(at, one) for at, one in said if isinstance(one, PoseSet)]
    assert [one for one in shown if not one[1].pan_deg[0] <= 10 <= one[1].pan_deg[1]] == []
    assert [at for at, _ in shown if 5.3 < at < 8.7] == []  # nobody can know which of them lies
    assert [at for at, _ in shown if at > 12] != []  # they agree again


def test_a_teller_that_has_fallen_silent_need_not_vouch_for_the_other() -> None:
    said = told_twice(honest, lambda second: 10.0 if second < 4 else None)
    assert all(isinstance(one, PoseSet) for at, one in said if at > 8)
