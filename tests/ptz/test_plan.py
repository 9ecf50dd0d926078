import pytest

from agent.heads import Limits, Patrol, PatrolPose, Ptz
from agent.lenses import ZoomLens
from agent.ptz.pilot import Go, GoPreset
from agent.ptz.plan import limits_of, plan_of

LENS = ZoomLens(zoom=(0.0, 1.0), hfov_deg=(60.0, 3.0))


def test_a_whole_turn_without_limits_has_no_end_and_any_limit_gives_it_one() -> None:
    assert plan_of(Ptz()).turns
    assert not plan_of(Ptz(pan_deg=(-170.0, 170.0))).turns
    limited = plan_of(Ptz(limits_deg=Limits(pan=(-90.0, 90.0))))
    assert not limited.turns
    assert limited.pan_deg == (-90.0, 90.0)
    assert limits_of(Ptz(limits_deg=Limits(pan=(-90.0, 90.0))), LENS).pan_turns  # the head's own scale still wraps


def test_ages_are_seconds() -> None:
    limits = limits_of(Ptz(pose_age_ms=150, video_age_ms=250, hold_ms=100), LENS)
    assert (limits.pose_age_s, limits.video_age_s, limits.hold_s) == pytest.approx((0.15, 0.25, 0.1))


def test_a_field_of_view_that_may_be_off_makes_the_pictures_motion_less_sure() -> None:
    lens = ZoomLens(zoom=(0.0, 1.0), hfov_deg=(60.0, 3.0), hfov_error=0.02)
    assert limits_of(Ptz(), lens).scale_error > limits_of(Ptz(), LENS).scale_error + 0.02
    assert limits_of(Ptz(accuracy_deg=0.01), LENS).accuracy_deg == 0.01


def test_patrols_keep_their_order_and_each_stop_its_dwell() -> None:
    poses = (PatrolPose(pan_deg=10.0, tilt_deg=-5.0, zoom=0.2), PatrolPose(pan_deg=20.0, tilt_deg=0.0, dwell_s=3.0))
    ptz = Ptz(patrol=(Patrol(name="a", presets=("1", "2")), Patrol(name="b", dwell_s=7.0, poses=poses)))
    first, second = plan_of(ptz).rounds
    assert first.stops == ((GoPreset("1"), 10.0), (GoPreset("2"), 10.0))
    assert second.stops == ((Go(10.0, -5.0, 0.2), 7.0), (Go(20.0, 0.0, 0.0), 3.0))
