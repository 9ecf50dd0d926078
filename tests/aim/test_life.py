"""A still camera's life in the virtual street: what must not trip its aim, and what must."""

import hashlib

import cv2
import numpy as np
import pytest

from agent.aim.edges import hidden_area, look
from agent.aim.match import match
from agent.aim.references import decode
from agent.aim.watch import AIM_PX, found
from agent.events import AimApproved, AimLearned, Tamper, TamperEnded
from agent.units import Blind
from agent.virtual.ptz_process import spoiled
from agent.virtual.render import Lens, TurningStreet
from agent.virtual.sphere import View
from tests.aim import weather
from tests.aim.conftest import BRICK, FACADE, TOWER, Live
from tests.aim.street import HEIGHT, STRIP, WIDTH, Life

LOST, UNSURE = Blind("aim-lost"), Blind("aim-unsure")
RANDOM = np.random.default_rng(20_261_125)

KNOCKS = {
    "a degree of pan": {"knock": (1.0, 0.0)},
    "a degree of tilt": {"knock": (0.0, -1.0)},
    "two degrees of pan and tilt": {"knock": (2.0, 1.0)},
    "five degrees": {"knock": (-5.0, 0.0)},
    "another direction": {"knock": (40.0, 0.0)},
    "a degree and a half of roll": {"roll": 1.5},
    "four degrees of roll": {"roll": -4.0},
    "a little more zoom": {"zoom": 0.97},
    "much more zoom": {"zoom": 0.8},
}


def knock(life: Life, how: str) -> None:
    for name, value in KNOCKS[how].items():
        setattr(life, name, value)


def tampers(life: Life) -> list[str]:
    return [event.kind for event in life.events if isinstance(event, Tamper)]


def test_the_first_start_learns_the_aim_by_itself_and_says_so(turning_street: TurningStreet) -> None:
    life = Life(turning_street, FACADE)
    life.run(4)
    assert life.guard.facts.word == "learning"
    life.run(7)
    assert life.events == [AimLearned("c", 1, True, hashlib.sha256(life.keeper.kept["c"]).hexdigest())]
    assert set(life.blinds) == {None}


def test_nothing_is_learned_from_a_picture_that_shows_nothing(turning_street: TurningStreet) -> None:
    life = Life(turning_street, FACADE)
    life.weather = lambda picture: weather.dark(picture, RANDOM, 0.0)
    life.run(15)
    assert (life.guard.facts.word, life.events) == ("learning", [])


@pytest.mark.parametrize(
    ("view", "seconds"),
    [
        pytest.param(FACADE, 3.0, id="facade"),
        pytest.param(TOWER, 15.0, id="tower, longer", marks=pytest.mark.slow),
        pytest.param(BRICK, 15.0, id="brick, longer", marks=pytest.mark.slow),
    ],
)
def test_a_day_of_light_weather_and_traffic_trips_nothing(live: Live, view: View, seconds: float) -> None:
    life = live(view)
    life.step_s = 0.5
    day = [
        *((False, lambda p, hour=hour: weather.shadow(p, hour)) for hour in (0.2, 0.5, 0.8)),
        *((False, lambda p, thick=thick: weather.fog(p, thick)) for thick in (0.3, 0.6, 0.8, 0.9, 0.96, 0.9, 0.7, 0.4)),
        (False, lambda p: weather.rain(p, RANDOM, 400)),
        (False, lambda p: weather.drops(weather.rain(p, RANDOM, 2500), RANDOM, 40)),
        *((False, lambda p, lies=lies: weather.snow(p, RANDOM, lies, 1200)) for lies in (0.3, 0.7, 1.0)),
        (False, lambda p: weather.snow(p, RANDOM, 1.0, 0)),
        *((False, lambda p, share=share: weather.lorry(p, share)) for share in (0.1, 0.3, 0.5, 0.6)),
        (True, lambda p: p),
        (True, lambda p: weather.headlights(p, RANDOM, 4)),
        (True, lambda p: weather.rain(weather.headlights(p, RANDOM, 2), RANDOM, 800)),
        (True, lambda p: weather.infrared(p, RANDOM)),
        *((True, lambda p, light=light: weather.dark(p, RANDOM, light)) for light in (0.5, 0.2, 0.1, 0.0)),
        (True, lambda p: weather.infrared(p, RANDOM)),
        (False, lambda p: p),
    ]
    for night, sky in day:
        life.night, life.weather = night, sky
        life.run(seconds)
        assert not any(life.blinds), (day.index((night, sky)), life.guard.facts)
    assert tampers(life) == []
    assert life.guard.facts.word == "held"


@pytest.mark.parametrize(
    ("how", "night"),
    [
        *((how, False) for how in KNOCKS),
        ("two degrees of pan and tilt", True),
        ("another direction", True),
        *(pytest.param(how, True, marks=pytest.mark.slow) for how in KNOCKS),
    ],
)
def test_a_knock_is_found_within_seconds_and_stays_blind(live: Live, how: str, night: bool) -> None:
    life = live(TOWER)
    life.night = night
    life.run(2)
    assert not any(life.blinds)
    knock(life, how)
    life.run(4)
    assert life.blind in (UNSURE, LOST)
    life.run(10)
    assert (life.blind, tampers(life)) == (LOST, ["aim-lost"])


@pytest.mark.parametrize("how", ["two degrees of pan and tilt", "another direction", "four degrees of roll"])
def test_a_knock_that_is_far_shows_no_second_of_the_wrong_place(live: Live, how: str) -> None:
    life = live(FACADE)
    life.step_s = 0.125
    life.run(2)
    knock(life, how)
    life.blinds.clear()
    life.run(2)
    assert life.blinds.index(UNSURE) * life.step_s < 1.0
    assert all(life.blinds[life.blinds.index(UNSURE) :])


def test_a_lost_aim_outlives_restarts_and_the_way_back_until_it_is_approved(live: Live) -> None:
    life = live(FACADE)
    knock(life, "two degrees of pan and tilt")
    life.run(5)
    assert life.blind == LOST
    life.knock = (0.0, 0.0)
    life.run(2)
    life.restart()
    life.gap()
    life.run(2)
    assert set(life.blinds[-16:]) == {LOST}
    assert tampers(life) == ["aim-lost"]  # told once
    life.knock = (2.0, 1.0)
    answer = life.approve("entry 3")
    assert answer.result(0) == "approved"
    assert life.blind is None
    assert AimApproved("c") in life.events
    assert [event.kind for event in life.events if isinstance(event, TamperEnded)] == ["aim-lost"]
    kept = decode(life.keeper.kept["c"])
    assert (kept.lost, [one.by for one in kept.approvals]) == (None, ["entry 3"])
    life.restart()
    life.run(1)
    assert life.blind is None
    life.knock = (0.0, 0.0)  # the old place is the wrong one now
    life.run(5)
    assert life.blind == LOST


def test_a_lens_that_is_covered_turned_and_uncovered_comes_back_blind(live: Live) -> None:
    life = live(FACADE)
    life.run(8)
    life.weather = lambda picture: spoiled(picture, "covered")
    life.run(8)
    assert tampers(life) == ["covered"]
    life.knock, life.weather = (20.0, 0.0), lambda picture: picture
    life.run(life.step_s)
    assert life.blind == UNSURE  # the very first picture
    life.run(12)
    assert life.blind == LOST


def test_a_lens_that_is_covered_and_uncovered_in_its_place_is_told_and_shown_again(live: Live) -> None:
    life = live(FACADE)
    life.run(8)
    life.weather = lambda picture: spoiled(picture, "covered")
    life.run(8)
    assert life.guard.facts.tamper == ("covered",)
    life.weather = lambda picture: picture
    life.run(4)
    assert not any(life.blinds)
    assert (life.guard.facts.tamper, life.guard.facts.word) == ((), "held")


def test_a_picture_out_of_focus_is_told_and_its_aim_held(live: Live) -> None:
    life = live(BRICK)
    life.run(8)
    life.weather = lambda picture: spoiled(picture, "defocused")
    life.run(8)
    assert (tampers(life), life.guard.facts.word) == (["defocused"], "held")
    life.weather = lambda picture: picture
    life.run(6)
    assert life.guard.facts.tamper == ()
    assert not any(life.blinds)


def test_a_night_in_which_one_shop_is_lit_is_known_by_it_also_after_black_pictures(live: Live) -> None:
    life = live(FACADE)
    life.night, life.step_s = True, 0.5
    for light in (0.1, 0.0, 0.07):
        life.weather = lambda p, light=light: weather.dark(p, RANDOM, light)
        life.run(4)
    assert not any(life.blinds)
    assert life.guard.facts.word == "held"
    life.knock = (12.0, 0.0)  # the shop is elsewhere
    life.run(1.5)
    assert life.blind is not None


def test_rain_that_begins_and_stops_is_no_lens_out_of_focus(live: Live) -> None:
    life = live(FACADE)
    for sky in (lambda p: p, lambda p: weather.rain(p, RANDOM, 1500), lambda p: p):
        life.weather = sky
        life.run(9)
    assert tampers(life) == []


def test_after_a_gap_the_first_picture_must_lie_in_its_place(live: Live) -> None:
    life = live(FACADE)
    life.run(1)
    life.gap()
    life.knock = (3.0, 0.0)
    life.run(life.step_s)
    assert life.blind == UNSURE
    life.knock = (0.0, 0.0)
    life.run(2)
    assert life.blind is None


def test_a_mast_that_trembles_trips_nothing(live: Live) -> None:
    life = live(FACADE)
    life.run(1)
    for number in range(48):
        swing = 0.45 * np.sin(number * 2.1)
        life.knock = (float(swing), float(0.5 * swing))
        life.run(life.step_s)
    assert not any(life.blinds)
    assert life.guard.facts.word == "held"


@pytest.mark.slow
def test_a_mount_that_sinks_slowly_through_changing_light_cannot_take_its_references_along(live: Live) -> None:
    life = live(TOWER)
    life.step_s = 0.5
    for number in range(240):
        life.knock = (0.0, -max(0, number - 60) * 0.004)  # a degree in 250 looks
        snowing = min(1.0, 0.4 + number / 60)
        life.weather = lambda p, lies=snowing: weather.snow(p, RANDOM, lies, 1500)
        life.run(life.step_s)
        if life.blind == LOST:
            break
    assert life.blind == LOST
    assert abs(life.knock[1]) * 2.45 < 2 * AIM_PX  # small pixels a degree
    assert any(isinstance(event, AimLearned) for event in life.events)  # it did learn on its way


def test_no_approval_without_a_clear_and_steady_picture(live: Live) -> None:
    life = live(FACADE)
    knock(life, "two degrees of pan and tilt")
    life.run(5)
    life.weather = lambda picture: spoiled(picture, "covered")
    answer = life.guard.approve("C. Durand")
    again = life.guard.approve("D. Petit")
    life.run(21)
    assert (answer.result(0), again.result(0)) == ("not-steady", "busy")
    life.weather = lambda picture: picture
    life.run(4)
    assert life.blind == LOST


def test_an_approval_that_nobody_waits_for_any_more_is_not_carried_out(live: Live) -> None:
    life = live(FACADE)
    knock(life, "two degrees of pan and tilt")
    life.run(5)
    answer = life.guard.approve("C. Durand")
    life.run(0.5)
    life.guard.withdraw(answer)
    life.run(5)
    assert life.blind == LOST


def test_nothing_under_a_mask_or_the_strip_is_kept_also_when_masks_are_added_later(live: Live) -> None:
    life = live(FACADE)
    hidden = hidden_area(life.masks, STRIP)
    for one in decode(life.keeper.kept["c"]).references:
        assert not one.edges[hidden].any()
        assert not one.seen[hidden].any()
    life.masks = life.masks.copy()
    life.masks[HEIGHT // 2 :, : WIDTH // 2] = 255
    life.run(1)
    assert life.blind is None  # what is left of the reference still tells the aim
    later = hidden_area(life.masks, STRIP)
    kept = decode(life.keeper.kept["c"]).references
    assert len(kept) == 1
    assert not kept[0].edges[later].any()


@pytest.mark.slow
def test_another_place_is_never_taken_for_the_right_one(turning_street: TurningStreet) -> None:
    lens, nothing = Lens(turning_street, WIDTH, HEIGHT), np.zeros((HEIGHT, WIDTH), np.uint8)
    hidden = hidden_area(nothing, STRIP)
    looks = [
        look(cv2.cvtColor(lens.picture(View(pan, tilt, 60), 3.0), cv2.COLOR_BGR2GRAY), hidden)
        for pan in range(-180, 180, 40)
        for tilt in (-12, 4)
    ]
    for a in looks:
        for b in looks:
            fit = match(a.edges, a.seen, b)
            assert (found(fit) and fit.far_px <= AIM_PX) == (a is b)
