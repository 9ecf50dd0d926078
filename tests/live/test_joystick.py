"""From hands to velocities: the page's own arithmetic, run where it runs."""

import asyncio
import json
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest
import pytest_asyncio

from tests.live.browser import Page, browser, needs_chromium
from tests.live.house import house
from tests.live.scene import Scene

pytestmark = [needs_chromium, pytest.mark.asyncio(loop_scope="module")]

REST = {"pan": 0, "tilt": 0, "zoom": 0}


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def page(running: Scene, tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Page]:
    """One tab on the page's origin for all of these."""
    folder: Path = await asyncio.to_thread(tmp_path_factory.mktemp, "joystick")
    async with house(running) as it, browser(folder) as tab:
        await tab.goto(it.url)
        yield tab


async def run(page: Page, expression: str) -> Any:
    """The value of `expression`, in which `j` is the module."""
    return await page.run(f"import('/joystick.js').then((j) => JSON.stringify({expression}))")


async def value(page: Page, expression: str) -> Any:
    return json.loads(await run(page, expression))


async def test_a_hand_that_trembles_moves_nothing_and_a_long_pull_no_faster_than_full_speed(page: Page) -> None:
    assert await value(page, "[j.fromDrag(0, 0, 100), j.fromDrag(4, -4, 100)]") == [REST, REST]
    assert await value(page, "j.fromDrag(5000, 0, 100)") == {"pan": 1, "tilt": 0, "zoom": 0}
    assert await value(page, "j.fromDrag(50, 0, 0)") == REST  # a picture without a size


async def test_right_is_right_up_is_up_and_far_is_fast(page: Page) -> None:
    right, up, near, far = await value(
        page, "[j.fromDrag(60, 0, 100), j.fromDrag(0, -60, 100), j.fromDrag(30, 30, 100), j.fromDrag(60, 60, 100)]"
    )
    assert right["pan"] > 0 == right["tilt"]
    assert up["tilt"] > 0 == up["pan"]
    assert 0 < near["pan"] < far["pan"] < 1
    assert near["tilt"] == -near["pan"]


async def test_keys_that_pull_both_ways_cancel_and_others_mean_nothing(page: Page) -> None:
    found = await value(page, "j.fromKeys(['ArrowLeft', 'ArrowRight', 'ArrowUp', '+', 'a', 'constructor'])")
    assert found["pan"] == 0
    assert found["tilt"] > 0
    assert found["zoom"] > 0
    assert await value(page, "['ArrowDown', '-', 'a', 'toString'].map(j.moves)") == [True, True, False, False]


@pytest.mark.parametrize(
    ("axes", "triggers", "axis", "sign"),
    [
        ([0.1, -0.05, 0, 0.1], (0, 0.1), "", 0),  # a stick never rests at nought
        ([1, 0, 0, 0], (0, 0), "pan", 1),
        ([0, 1, 0, 0], (0, 0), "tilt", -1),
        ([0, 0, 0, -1], (0, 0), "zoom", 1),
        ([0, 0, 0, 0], (0, 1), "zoom", 1),
        ([0, 0, 0, 0], (1, 0), "zoom", -1),
        ([], (0, 0), "", 0),
    ],
)
async def test_a_gamepad(page: Page, axes: list[float], triggers: tuple[float, float], axis: str, sign: int) -> None:
    buttons = [{"value": 0}] * 6 + [{"value": one} for one in triggers]
    found = await value(page, f"j.fromPad({{axes: {axes}, buttons: {json.dumps(buttons)}}})")
    assert {name for name, speed in found.items() if speed} == ({axis} if axis else set())
    if axis:
        assert found[axis] == sign


async def test_a_lens_that_magnifies_slows_the_head_and_an_unknown_one_does_not(page: Page) -> None:
    wide, narrow, unknown = await value(
        page, "[60, 6, undefined].map((hfov) => j.scaled({pan: 1, tilt: -0.5, zoom: 0.5}, hfov))"
    )
    assert wide == unknown == {"pan": 1, "tilt": -0.5, "zoom": 0.5}
    assert narrow == {"pan": pytest.approx(0.1), "tilt": pytest.approx(-0.05), "zoom": 0.5}


async def test_several_hands_together_stay_within_full_speed(page: Page) -> None:
    assert await value(page, "j.sum({pan: 0.8}, {pan: 0.7, zoom: -2}, {})") == {"pan": 1, "tilt": 0, "zoom": -1}


async def test_a_wheel_zooms_for_a_moment_and_the_other_way_begins_anew(page: Page) -> None:
    script = """(() => {
      const wheel = new j.Wheel(), zooms = [];
      const look = (now) => zooms.push(Math.sign(wheel.at(now).zoom));
      look(0);
      for (let i = 0; i < 50; i++) wheel.turn(-100, false, 1000);
      look(1001); look(1480); look(1481);
      wheel.turn(-300, false, 2000); wheel.turn(3, true, 2010); look(2020); look(2200);
      return zooms;
    })()"""
    assert await value(page, script) == [0, 1, 0, 0, -1, 0]


async def test_a_velocity_is_said_twenty_times_a_second_at_most_repeated_while_held_and_stopped_once(
    page: Page,
) -> None:
    script = """(() => {
      const pace = new j.Pace(), said = [];
      for (let ms = 0; ms < 1000; ms += 5) said.push(pace.next({pan: ms / 1000 + 0.1, tilt: 0, zoom: 0}, ms));
      const changing = said.filter((one) => one === 'velocity').length;
      said.length = 0;
      for (let ms = 1000; ms < 3000; ms += 5) said.push(pace.next({pan: 1, tilt: 0, zoom: 0}, ms));
      const same = said.map((one, at) => one && at * 5).filter((one) => one !== '');
      const gaps = same.slice(1).map((at, i) => at - same[i]);
      const end = [0, 5, 500].map((ms) => pace.next(j.REST, 3000 + ms));
      return [changing, Math.min(...gaps), Math.max(...gaps), end];
    })()"""
    changing, shortest, longest, end = await value(page, script)
    assert 15 <= changing <= 20
    assert shortest > 50
    assert longest < 500  # the head stops by itself after so long
    assert end == ["stop", "", ""]


async def test_a_rectangle_is_told_in_fractions_of_the_picture_and_not_of_the_black_beside_it(page: Page) -> None:
    shown = await value(page, "j.fitted({width: 1600, height: 900}, {width: 704, height: 576})")
    assert shown == {"left": 250, "top": 0, "width": 1100, "height": 900}
    whole = "j.fitted({width: 1600, height: 900}, {width: 704, height: 576})"
    # from the lower right to the upper left, beyond the picture's edge
    found = await value(page, f"j.area({{x: 800, y: 450}}, {{x: 0, y: 225}}, {whole})")
    assert found == {"x": 0, "y": 0.25, "width": 0.5, "height": 0.25}
    for to in ("{x: 801, y: 700}", "{x: 900, y: 451}"):
        assert await value(page, f"j.area({{x: 800, y: 450}}, {to}, {whole})") is None
