import math
from typing import Any

import pytest

from agent.clock import Instant
from agent.errors import OrderRefused
from agent.ptz.orders import Order, parse
from agent.ptz.pilot import Command, Drive, Go, GoHome, GoPreset, Halt, Pilot, Plan, Round, Where
from tests.ptz.device import OPTICS

S = 10**9


def order(**fields: Any) -> Order:
    import json

    return parse(json.dumps(fields).encode())


def at(second: float, pan: float = 0.0, tilt: float = 0.0, zoom: float = 0.0, *, moving: bool = False) -> Where:
    return Where(Instant(int(second * S)), pan, tilt, zoom, moving)


class Flight:
    """A pilot and its time."""

    def __init__(self, **plan: Any) -> None:
        self.aspect = 16 / 9
        self.pilot = Pilot(Plan(**plan), OPTICS, lambda: self.aspect, Instant(0))

    def order(self, second: float, where: Where | None = None, **fields: Any) -> tuple[Command, ...]:
        return self.pilot.order(order(**fields), Instant(int(second * S)), where)

    def tick(self, second: float, where: Where | None = None) -> tuple[Command, ...]:
        return self.pilot.tick(Instant(int(second * S)), where)


def test_nobody_at_the_stick_for_half_a_second_stops_the_head() -> None:
    flight = Flight()
    assert flight.order(0, order="velocity", pan=0.5) == (Drive(0.5, 0, 0),)
    assert flight.tick(0.4) == ()
    assert flight.tick(0.51) == (Halt(),)
    assert flight.tick(0.6) == ()


def test_a_stick_that_is_held_keeps_the_head_going_and_does_not_flood_it() -> None:
    flight = Flight()
    sent = [flight.order(i * 0.05, order="velocity", pan=0.5) for i in range(40)]
    drives = [one for one in sent if one]
    assert all(one == (Drive(0.5, 0, 0),) for one in drives)
    assert 8 <= len(drives) <= 16


def test_another_velocity_is_passed_on_at_once_and_a_zero_stops() -> None:
    flight = Flight()
    flight.order(0, order="velocity", pan=0.5)
    assert flight.order(0.01, order="velocity", pan=0.6) == (Drive(0.6, 0, 0),)
    assert flight.order(0.02, order="velocity") == (Halt(),)
    assert flight.tick(5) == ()


def test_an_axis_that_stops_while_another_goes_on_is_told_to_stop_as_well() -> None:
    flight = Flight()
    flight.order(0, order="velocity", pan=0.5, zoom=0.5)
    assert flight.order(0.05, order="velocity", pan=0.5) == (Halt(False, True), Drive(0.5, 0, 0))
    flight.order(0.1, order="velocity", pan=0.5, zoom=0.5)
    assert flight.order(0.15, order="velocity", zoom=0.5) == (Halt(True, False), Drive(0, 0, 0.5))


BOUNDED = {"pan_deg": (-90.0, 90.0), "tilt_deg": (-45.0, 30.0), "turns": False}


def test_a_velocity_shrinks_towards_a_limit_and_not_away_from_it() -> None:
    flight = Flight(**BOUNDED)
    (far,) = flight.order(0, at(0, pan=0), order="velocity", pan=1)
    (near,) = flight.order(1, at(1, pan=80), order="velocity", pan=1)
    assert isinstance(far, Drive)
    assert isinstance(near, Drive)
    assert far.pan == 1
    assert 0 < near.pan < 0.2
    assert flight.order(2, at(2, pan=90.5), order="velocity", pan=1)[-1] == Drive(0, 0, 0)
    assert flight.order(2.5, at(2.5, pan=89.9), order="velocity", pan=1) in ((), (Drive(0, 0, 0),))  # no creeping
    assert flight.order(3, at(3, pan=90.5), order="velocity", pan=-1)[-1] == Drive(-1, 0, 0)


def test_a_head_that_nears_its_limit_is_slowed_without_another_order() -> None:
    flight = Flight(**BOUNDED)
    flight.order(0, at(0, pan=0), order="velocity", pan=0.5)
    (slower,) = flight.tick(0.3, at(0.3, pan=85))
    assert isinstance(slower, Drive)
    assert 0 < slower.pan < 0.2


def test_simulated_it_never_passes_the_limit_by_more_than_its_brakes_need() -> None:
    flight = Flight(**BOUNDED)
    pan = speed = 0.0
    history = [0.0] * 100
    wanted = 0.0
    for step in range(2000):  # 5 ms each; reports 200 ms late
        now = step * 0.005
        if step % 10 == 0:
            where = at(now, pan=history[-40])
            for command in flight.order(now, where, order="velocity", pan=1):
                wanted = command.pan * 120 if isinstance(command, Drive) else 0.0
        speed += max(-1.0, min(1.0, wanted - speed))  # 200 degrees a second, each second
        pan += speed * 0.005
        history.append(pan)
    assert 80 < pan < 91
    assert max(history) < 97


def test_without_a_position_a_head_with_limits_is_not_driven() -> None:
    flight = Flight(**BOUNDED)
    with pytest.raises(OrderRefused) as found:
        flight.order(0, None, order="velocity", pan=1)
    assert found.value.status == 503
    with pytest.raises(OrderRefused):
        flight.order(10, at(1), order="velocity", pan=1)  # an old one is none
    assert flight.order(11, None, order="velocity", zoom=1) == (Drive(0, 0, 1),)


def test_losing_the_position_under_way_stops_a_head_with_limits() -> None:
    flight = Flight(**BOUNDED)
    flight.order(0, at(-1.9), order="velocity", pan=1)
    assert flight.tick(0.3, at(-1.9)) == (Halt(),)


@pytest.mark.parametrize(
    ("fields", "goal"),
    [
        ({"pan_deg": 30, "tilt_deg": 10, "zoom": 0.5}, Go(30, 10, 0.5)),
        ({"pan_deg": 30}, Go(30, 5, None)),
        ({"zoom": 0.5}, Go(None, None, 0.5)),
        ({"pan_deg": 400}, Go(40, 5, None)),
    ],
)
def test_absolute_fills_in_what_is_left_out(fields: dict[str, float], goal: Go) -> None:
    assert Flight().order(0, at(0, pan=20, tilt=5), order="absolute", **fields) == (goal,)


@pytest.mark.parametrize("fields", [{"pan_deg": 91}, {"tilt_deg": -46}, {"pan_deg": -120, "tilt_deg": 0}])
def test_beyond_the_limits_is_refused_with_the_limits(fields: dict[str, float]) -> None:
    with pytest.raises(OrderRefused) as found:
        Flight(**BOUNDED).order(0, at(0), order="absolute", **fields)
    assert (found.value.status, found.value.word) == (422, "limits")


def test_relative_counts_from_the_goal_while_the_head_is_still_on_its_way() -> None:
    flight = Flight()
    assert flight.order(0, at(0, pan=10), order="relative", pan_deg=5) == (Go(15, 0, None),)
    assert flight.order(0.2, at(0.2, pan=11, moving=True), order="relative", pan_deg=5) == (Go(20, 0, None),)
    assert flight.order(9, at(9, pan=20), order="relative", zoom=0.3) == (Go(None, None, 0.3),)
    with pytest.raises(OrderRefused):
        flight.order(20, None, order="relative", pan_deg=5)


def test_an_area_is_aimed_at_and_filled() -> None:
    (goal,) = Flight().order(0, at(0), order="area", x=0.5, y=0.25, width=0.5, height=0.5)
    assert isinstance(goal, Go)
    assert goal.pan_deg == pytest.approx(16.1, abs=0.01)
    assert OPTICS.hfov_deg(goal.zoom or 0) == pytest.approx(31.0, abs=0.01)


def test_an_area_of_a_picture_that_is_less_wide_is_aimed_at_by_that_picture_s_own_aspect() -> None:
    flight = Flight()
    tilts = []
    for flight.aspect in (16 / 9, 704 / 576):
        (goal,) = flight.order(0, at(0), order="area", x=0.4, y=0.0, width=0.2, height=0.2)
        assert isinstance(goal, Go)
        tilts.append(goal.tilt_deg or 0)
    half = math.tan(math.radians(30))
    assert tilts == pytest.approx([math.degrees(math.atan(0.8 * half * one)) for one in (9 / 16, 576 / 704)])


def test_idle_goes_home_once_and_any_order_begins_the_wait_anew() -> None:
    flight = Flight(idle_return_s=30.0)
    assert flight.tick(29) == ()
    assert flight.tick(31) == (GoHome(),)
    assert flight.tick(300) == ()
    flight.order(301, at(301), order="stop")
    assert flight.tick(330) == ()
    assert flight.tick(332) == (GoHome(),)
    assert Flight(idle_return_s=1.0, home="garage").tick(2) == (GoPreset("garage"),)


ROUND = Round("nuit", ((GoPreset("a"), 5.0), (Go(10.0, 0.0, 0.0), 2.0)))


def test_a_patrol_goes_from_stop_to_stop_and_dwells_at_each() -> None:
    flight = Flight(rounds=(ROUND,))
    assert flight.order(0, order="patrol_start") == (GoPreset("a"),)
    assert flight.pilot.patrol == "nuit"
    assert flight.tick(1, at(1)) == ()  # too early to be there
    assert flight.tick(3, at(3, moving=True)) == ()
    assert flight.tick(4, at(4)) == ()  # there
    assert flight.tick(8, at(8)) == ()
    assert flight.tick(9.1, at(9.1)) == (Go(10.0, 0.0, 0.0),)
    assert flight.tick(12, at(12)) == ()
    assert flight.tick(14.1, at(14.1)) == (GoPreset("a"),)


def test_a_patrol_whose_head_never_says_that_it_stands_goes_on_all_the_same() -> None:
    flight = Flight(rounds=(ROUND,))
    flight.order(0, order="patrol_start", patrol="nuit")
    assert flight.tick(61, at(61, moving=True)) == ()
    assert flight.tick(66.1, at(66.1, moving=True)) == (Go(10.0, 0.0, 0.0),)


@pytest.mark.parametrize("fields", [{"order": "stop"}, {"order": "patrol_stop"}, {"order": "velocity", "pan": 0.1}])
def test_an_order_that_moves_or_stops_ends_the_patrol(fields: dict[str, Any]) -> None:
    flight = Flight(rounds=(ROUND,))
    flight.order(0, order="patrol_start")
    flight.order(1, at(1), **fields)
    assert flight.pilot.patrol == ""
    assert flight.tick(100) in ((), (Halt(),))


def test_idle_goes_on_patrol_where_one_is_named_and_an_unknown_one_is_refused() -> None:
    flight = Flight(rounds=(ROUND,), idle_return_s=10.0, idle_patrol="nuit")
    assert flight.tick(11) == (GoPreset("a"),)
    with pytest.raises(OrderRefused) as found:
        flight.order(12, order="patrol_start", patrol="jour")
    assert found.value.status == 422
    assert "nuit" in str(found.value)
