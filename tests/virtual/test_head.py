"""The head: inertia, limits, timeouts, the short way round, a homing that hears nobody."""

from itertools import pairwise

import pytest

from agent.virtual.head import Head, LensTable, Limits, Preset, wrapped


def seen(head: Head, start_s: float, end_s: float, step_s: float = 0.01) -> list[tuple[float, float, float]]:
    """(pan unwrapped, tilt, zoom) at each step."""
    shown = [head.shown(start_s + number * step_s) for number in range(round((end_s - start_s) / step_s) + 1)]
    pans = [shown[0].pan_deg]
    for one in shown[1:]:
        pans.append(pans[-1] + wrapped(one.pan_deg - pans[-1]))
    return [(pan, one.tilt_deg, one.zoom) for pan, one in zip(pans, shown, strict=True)]


def speeds(values: list[float], step_s: float = 0.01) -> list[float]:
    return [(b - a) / step_s for a, b in pairwise(values)]


def test_speed_never_jumps_on_start_reversal_and_stop() -> None:
    head = Head(Limits(), 0.0)
    head.velocity(0.0, pan=1.0, tilt=-1.0, zoom=1.0, timeout_s=10)
    head.velocity(1.0, pan=-1.0, tilt=1.0, zoom=-1.0, timeout_s=10)
    head.stop(2.5)
    way = seen(head, 0.0, 4.0)
    for axis, (most, change) in enumerate(((120, 200), (60, 200), (0.5, 2))):
        speed = speeds([one[axis] for one in way])
        assert max(map(abs, speed)) <= most * 1.01
        assert max(abs(b - a) / 0.01 for a, b in pairwise(speed)) <= change * 1.01
        assert speed[-1] == 0


def test_a_velocity_order_ends_by_itself() -> None:
    head = Head(Limits(), 0.0)
    head.velocity(0.0, pan=0.5, tilt=None, zoom=None, timeout_s=1.0)
    assert head.shown(0.9).turning
    braked = head.shown(1.5)
    assert not braked.turning
    assert braked.pan_deg == pytest.approx(60 * 1.0, abs=0.5)
    assert head.shown(5.0).pan_deg == braked.pan_deg


def test_an_axis_that_is_left_out_goes_on_and_zero_stops_one() -> None:
    head = Head(Limits(), 0.0)
    head.velocity(0.0, pan=0.2, tilt=0.2, zoom=None, timeout_s=9)
    head.velocity(1.0, pan=None, tilt=0.0, zoom=None, timeout_s=9)
    first, later = head.shown(2.0), head.shown(3.0)
    assert later.pan_deg > first.pan_deg + 20
    assert later.tilt_deg == first.tilt_deg


def test_it_goes_the_short_way_over_the_seam_and_stands_exactly() -> None:
    head = Head(Limits(), 0.0, Preset("home", 170, 0, 0))
    head.absolute(0.0, pan_deg=-170, tilt_deg=12.5, zoom=0.75)
    pans = [pan for pan, _, _ in seen(head, 0.0, 3.0)]
    assert max(pans) < 190.5
    end = head.shown(3.0)
    assert (end.pan_deg, end.tilt_deg, end.zoom, end.turning, end.zooming) == (-170, 12.5, 0.75, False, False)
    assert end.hfov_deg == pytest.approx(LensTable().at(0.75))


def test_it_brakes_before_a_limit_instead_of_hitting_it() -> None:
    head = Head(Limits(highest_deg=20, lowest_deg=-30), 0.0)
    head.velocity(0.0, pan=None, tilt=1.0, zoom=None, timeout_s=9)
    tilts = [tilt for _, tilt, _ in seen(head, 0.0, 2.0)]
    assert max(tilts) <= 20
    assert tilts[-1] == pytest.approx(20, abs=0.1)
    assert max(abs(b - a) / 0.01 for a, b in pairwise(speeds(tilts))) <= 250


def test_relative_moves_add_up_and_the_past_can_be_asked() -> None:
    head = Head(Limits(), 0.0)
    head.relative(0.0, pan_deg=-30, tilt_deg=5, zoom=0.5)
    end, before = head.shown(3.0), head.shown(0.2)
    assert (end.pan_deg, end.tilt_deg, end.zoom) == pytest.approx((-30, 5, 0.5))
    assert before.at_s == pytest.approx(0.2, abs=0.003)
    assert -5 < before.pan_deg < 0


def test_homing_is_a_whole_turn_that_hears_no_order() -> None:
    head = Head(Limits(), 0.0, Preset("home", 30, -10, 0.2))
    head.find_zero(1.0)
    head.absolute(2.0, pan_deg=90, tilt_deg=0, zoom=1)
    head.velocity(2.0, pan=1, tilt=1, zoom=1, timeout_s=9)
    head.stop(2.5)
    way = seen(head, 1.0, 12.0)
    assert max(pan for pan, _, _ in way) - min(pan for pan, _, _ in way) >= 359
    end = head.shown(12.0)
    assert (end.homing, end.pan_deg, end.tilt_deg, end.zoom) == (False, 30, -10, 0.2)
    assert head.shown(3.0).homing


def test_a_head_that_may_goes_over_its_nadir_and_its_firmware_turns_the_picture() -> None:
    head = Head(Limits(lowest_deg=-150), 0.0, Preset("home", 10, -80, 0))
    head.absolute(0.0, pan_deg=None, tilt_deg=-110, zoom=None)
    shown = head.shown(3.0)
    assert (shown.view().pan_deg, shown.view().tilt_deg) == pytest.approx((-170, -70))
    assert shown.view(upright=False).tilt_deg == -110


def test_zoom_to_field_of_view_follows_the_logarithm() -> None:
    table = LensTable()
    assert [table.at(zoom) for zoom in (0, 0.5, 1, 2, -1)] == pytest.approx([60, 13.4, 3, 3, 60])
    assert table.at(0.25) == pytest.approx((60 * 13.4) ** 0.5)
