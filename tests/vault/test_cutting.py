"""When a segment ends, judged on values alone."""

from dataclasses import replace

from hypothesis import given
from hypothesis import strategies as st

from agent.units import AccessUnit
from agent.vault.cutting import EndReason, Verdict, judge
from tests.vault.rig import Scene, film

UNITS = film(Scene(gop=50), 60)
FIRST, LAST = UNITS[0], UNITS[1]
SIX_SECONDS = 6 * 90_000


def at(seconds: float, *, keyframe: bool = False, wall_s: float | None = None, **changes: int) -> AccessUnit:
    wall_ns = FIRST.wall.utc_ns + round((seconds if wall_s is None else wall_s) * 1e9)
    return replace(
        FIRST,
        keyframe=keyframe,
        pts_90k=FIRST.pts_90k + round(seconds * 90_000),
        wall=replace(FIRST.wall, utc_ns=wall_ns),
        **changes,
    )


def test_before_its_time_is_up_a_keyframe_cuts_nothing() -> None:
    assert judge(FIRST, LAST, at(0.08, keyframe=True), SIX_SECONDS) == Verdict()


def test_when_its_time_is_up_a_keyframe_is_due_and_cuts() -> None:
    last = at(5.96)
    assert judge(FIRST, last, at(6.0), SIX_SECONDS) == Verdict(due="time")
    assert judge(FIRST, last, at(6.0, keyframe=True), SIX_SECONDS) == Verdict(cut="time")


def test_another_size_goes_into_no_open_file() -> None:
    assert judge(FIRST, LAST, at(0.08, keyframe=True, width=640), SIX_SECONDS) == Verdict(cut="changed")
    assert judge(FIRST, LAST, at(0.08, width=640), SIX_SECONDS) == Verdict(due="changed", skip=True)
    assert judge(FIRST, LAST, at(0.08, keyframe=True, epoch=2), SIX_SECONDS) == Verdict(cut="changed")


def test_a_pause_is_a_gap_and_ends_at_the_next_keyframe() -> None:
    paused = at(1.5)
    assert judge(FIRST, LAST, paused, SIX_SECONDS) == Verdict(due="gap")
    assert judge(FIRST, paused, at(1.54, keyframe=True), SIX_SECONDS, "gap") == Verdict(cut="gap")


def test_a_time_that_does_not_grow_goes_into_no_open_file() -> None:
    assert judge(FIRST, LAST, at(0.04), SIX_SECONDS) == Verdict(due="gap", skip=True)
    assert judge(FIRST, LAST, at(0.02, keyframe=True), SIX_SECONDS) == Verdict(cut="gap")


def test_a_jump_of_the_clock_cuts_and_a_wobble_does_not() -> None:
    assert judge(FIRST, LAST, at(0.08, wall_s=1.5), SIX_SECONDS) == Verdict()
    assert judge(FIRST, LAST, at(0.08, wall_s=-3), SIX_SECONDS) == Verdict(due="clock")
    assert judge(FIRST, LAST, at(0.08, keyframe=True, wall_s=99), SIX_SECONDS) == Verdict(cut="clock")


@given(
    seconds=st.floats(-10, 100),
    wall_s=st.floats(-1e6, 1e6),
    width=st.sampled_from([384, 640]),
    due=st.sampled_from([None, "time", "gap"]),
    keyframe=st.booleans(),
)
def test_only_keyframes_cut_and_what_enters_has_the_size_and_a_later_time(
    seconds: float, wall_s: float, width: int, due: EndReason | None, keyframe: bool
) -> None:
    unit = at(seconds, keyframe=keyframe, wall_s=wall_s, width=width)
    verdict = judge(FIRST, LAST, unit, SIX_SECONDS, due)
    assert verdict.cut is None or keyframe
    if due is not None:
        assert verdict.cut is not None or verdict.due == due
    if verdict.cut is None and not verdict.skip:
        assert unit.width == FIRST.width
        assert unit.pts_90k > LAST.pts_90k
