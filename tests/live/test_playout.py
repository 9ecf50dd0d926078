from itertools import pairwise

from agent.clock import Instant, WallTime
from agent.live.playout import MAX_LAG_NS, REPLAY_STEP, Playout
from agent.units import AccessUnit, Burned

FRAME_NS = 40_000_000
START = Instant(10**12)


def unit(
    number: int, *, keyframe: bool = False, epoch: int = 1, pts: int | None = None, taken: int | None = None
) -> AccessUnit:
    return AccessUnit(
        camera="parvis",
        data=b"",
        keyframe=keyframe,
        pts_90k=3600 * number if pts is None else pts,
        width=640,
        height=480,
        taken=Instant(START + FRAME_NS * number if taken is None else taken),
        wall=WallTime(0, False, None),
        epoch=epoch,
        masks=Burned(0),
    )


def stamps(playout: Playout, *units: AccessUnit) -> list[int]:
    found = [playout.stamp(one, one.taken) for one in units]
    assert None not in found
    return [int(one or 0) for one in found]


def gaps(values: list[int]) -> list[int]:
    return [later - earlier for earlier, later in pairwise(values)]


def test_a_replayed_gop_lies_a_millisecond_apart_and_then_the_camera_s_own_pace() -> None:
    playout = Playout(Instant(START + FRAME_NS * 3 - 1))
    units = [unit(number, keyframe=number == 0) for number in range(6)]
    assert gaps(stamps(playout, *units)) == [REPLAY_STEP, REPLAY_STEP, 3600, 3600, 3600]


def test_a_reconnected_camera_continues_with_the_time_that_really_passed() -> None:
    playout = Playout(START)
    late = START + FRAME_NS + 7 * 10**9
    found = stamps(playout, unit(0, keyframe=True), unit(1), unit(0, keyframe=True, epoch=2, pts=5, taken=late))
    assert gaps(found) == [3600, 7 * 90_000]


def test_a_reconnected_camera_whose_clock_nearly_fits_is_not_believed_either() -> None:
    playout = Playout(START)
    late = START + 19 * 10**8
    assert gaps(stamps(playout, unit(0, keyframe=True), unit(1, epoch=2, taken=late))) == [171_000]


def test_a_media_clock_that_steps_back_or_leaps_never_reaches_the_viewer() -> None:
    playout = Playout(START)
    found = stamps(playout, unit(0, keyframe=True), unit(1, pts=-50), unit(2, pts=10**9), unit(3, pts=10**9 + 3600))
    assert gaps(found) == [3600, 3600, 3600]


def test_two_units_of_the_same_instant_still_get_growing_stamps() -> None:
    playout = Playout(START)
    found = stamps(playout, unit(0, keyframe=True), unit(0, epoch=2, taken=START))
    assert gaps(found) == [1]


def test_a_unit_that_waited_too_long_is_dropped_up_to_the_next_keyframe() -> None:
    playout = Playout(START)
    assert playout.stamp(unit(0, keyframe=True), START) is not None
    late = Instant(unit(1).taken + MAX_LAG_NS + 1)
    assert playout.stamp(unit(1), late) is None
    assert playout.stamp(unit(50), unit(50).taken) is None
    assert playout.stamp(unit(51, keyframe=True), unit(51).taken) is not None
    assert playout.stamp(unit(52), unit(52).taken) is not None
    assert playout.dropped == 2


def test_a_keyframe_is_always_shown_so_that_an_overloaded_mast_still_shows_something() -> None:
    playout = Playout(START)
    assert playout.stamp(unit(0, keyframe=True), Instant(START + 60 * 10**9)) is not None


def test_an_old_gop_of_a_camera_that_stands_still_is_replayed_all_the_same() -> None:
    playout = Playout(Instant(START + 60 * 10**9))
    found = [playout.stamp(unit(number, keyframe=number == 0), Instant(START + 60 * 10**9)) for number in range(3)]
    assert gaps([int(one or 0) for one in found]) == [REPLAY_STEP, REPLAY_STEP]
