"""Hands on the page's picture in a real browser: what the mast is told, and that it is told to stop in time."""

import asyncio
import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest

from agent.units import Blind
from tests.live.browser import SHOW_ADDRESSES, Page, browser, needs_chromium
from tests.live.house import House, Recorder, house, token_for, until
from tests.live.scene import Scene
from tests.live.test_page import enter

pytestmark = needs_chromium

PAD = """(() => {
  window.pad = {connected: true, mapping: 'standard', axes: [0, 0, 0, 0], buttons: []};
  window.asked = 0;
  navigator.getGamepads = () => { window.asked += 1; return window.pads ?? []; };
})()"""


class Told(Recorder):
    """Every order as a value, with the moment it came at."""

    def __init__(self) -> None:
        super().__init__()
        self.times: list[float] = []
        self.presets = [{"preset": "1", "name": "Jardin"}]

    async def steer(self, grant: Any, raw: bytes) -> tuple[int, dict[str, Any]]:
        order = json.loads(raw)
        self.times.append(asyncio.get_running_loop().time())
        status, body = await super().steer(grant, raw)
        extra = {"presets": self.presets} if order["order"] == "presets" and status == 200 else {}
        return status, {**body, **extra, "id": order["id"], "order": order["order"]}

    def told(self, *kinds: str) -> list[dict[str, Any]]:
        """The orders, without their numbers; of these kinds, or all but the question for presets."""
        orders = [json.loads(raw) for raw in self.orders]
        kept = [one for one in orders if (one["order"] in kinds if kinds else one["order"] != "presets")]
        return [{name: value for name, value in one.items() if name != "id"} for one in kept]

    @property
    def last(self) -> str:
        told = self.told()
        return str(told[-1]["order"]) if told else ""


class Seat:
    """An operator before the page, one camera that turns in full view."""

    def __init__(self, it: House, page: Page, head: Told) -> None:
        self.it, self.page, self.head = it, page, head

    async def middle(self) -> tuple[float, float]:
        box = await self.page.run(
            "(({x, y, width, height}) => [x, y, width, height])"
            "(document.querySelector('.surface').getBoundingClientRect())"
        )
        return box[0] + box[2] / 2, box[1] + box[3] / 2

    async def pull(self, dx: float, dy: float, *, shift: bool = False) -> None:
        """Presses in the middle of the picture and pulls; the button stays down."""
        x, y = await self.middle()
        await self.page.mouse("Pressed", x, y, shift=shift)
        for step in (0.25, 0.5, 0.75, 1):
            await self.page.mouse("Moved", x + dx * step, y + dy * step, shift=shift)

    async def let_go(self, dx: float = 0, dy: float = 0) -> None:
        x, y = await self.middle()
        await self.page.mouse("Released", x + dx, y + dy)

    async def driven(self) -> None:
        """A velocity has come that is not followed by a stop."""
        await until(lambda: self.head.last == "velocity")

    async def stopped(self) -> None:
        """The last word is a stop, and stays it."""
        await until(lambda: self.head.last == "stop")
        count = len(self.head.told())
        await asyncio.sleep(0.3)
        assert self.head.told()[count:] == []

    async def says(self, text: str) -> None:
        await self.page.when(f"document.querySelector('.stand').innerText.includes({json.dumps(text)})")


@asynccontextmanager
async def seat(scene: Scene, folder: Path, language: str = "en", before: str = "") -> AsyncIterator[Seat]:
    head = Told()
    async with house(scene, steering={"parvis": head}) as it, browser(folder, language, SHOW_ADDRESSES) as page:
        if before:
            await page.command("Page.addScriptToEvaluateOnNewDocument", source=before)
        await enter(page, it, token_for("parvis", allow="live,ptz"))
        await page.when("document.querySelector('.steered.playing')")
        yield Seat(it, page, head)
        assert page.faults == []


async def test_a_mouse_steers_as_a_joystick_and_letting_go_stops(scene: Scene, tmp_path: Path) -> None:
    async with seat(scene, tmp_path) as it:
        await it.pull(200, -100)
        await asyncio.sleep(1)
        assert await it.page.run("document.querySelector('.surface svg').checkVisibility()")
        await it.let_go(200, -100)
        await it.stopped()
        driven = it.head.told("velocity")
        last = driven[-1]
        assert last["pan"] == pytest.approx(-2 * -last["tilt"], rel=0.02)
        assert last["pan"] > 0.2
        assert last["zoom"] == 0
        times = it.head.times[-len(driven) - 1 : -1]
        assert all(len([one for one in times if 0 <= one - start < 1]) <= 21 for start in times)
        assert len(driven) >= 4  # it lasts 500 ms unless repeated
        assert not await it.page.run("document.querySelector('.surface svg').checkVisibility()")
        assert await it.page.run("JSON.stringify([localStorage, sessionStorage, document.cookie])") == '[{},{},""]'
        # a wheel zooms for a moment and stops by itself
        x, y = await it.middle()
        await it.page.mouse("Wheel", x, y, deltaX=0, deltaY=-100)
        await it.driven()
        assert it.head.told()[-1]["zoom"] > 0
        await it.stopped()
        # a finger does what a mouse does
        await it.page.touch("Start", (x, y))
        await it.page.touch("Move", (x - 80, y))
        await it.driven()
        await it.page.touch("End")
        await it.stopped()
        assert it.head.told()[-2]["pan"] < 0


async def test_keys_steer_the_picture_that_has_the_focus_and_letting_go_stops(scene: Scene, tmp_path: Path) -> None:
    async with seat(scene, tmp_path) as it:
        await it.page.key("ArrowLeft", down=True)  # the focus is elsewhere
        await it.page.key("ArrowLeft", down=False)
        await it.page.run("document.querySelector('.surface').focus()")
        for key in ("ArrowRight", "ArrowUp"):
            await it.page.key(key, down=True)
        await asyncio.sleep(0.3)
        for key in ("ArrowRight", "ArrowUp"):
            await it.page.key(key, down=False)
        await it.stopped()
        velocities = it.head.told("velocity")
        assert velocities[0]["pan"] > 0 == velocities[0]["tilt"]
        assert all(one["pan"] >= 0 for one in velocities)
        assert any(one["pan"] > 0 < one["tilt"] for one in velocities)
        # Shift changes what a key means while it is down: letting it go counts all the same
        await it.page.key("+", down=True, code="Equal")
        await it.driven()
        await it.page.key("=", down=False, code="Equal")
        await it.stopped()
        for again in (False, True, True):
            await it.page.key("Home", down=True, again=again)
        await until(lambda: it.head.last == "home")
        await it.says("Home")
        await it.page.key(" ", down=True)
        await it.stopped()
        assert len(it.head.told("home")) == 1


POINTER_LOST = "new PointerEvent('pointercancel', {pointerId: 1})"
TAKEN_AWAY = {
    "another window": "window.dispatchEvent(new Event('blur'))",
    "the pointer": f"document.querySelector('.surface').dispatchEvent({POINTER_LOST})",
    "a hidden page": """
        Object.defineProperty(document, 'hidden', {value: true, configurable: true});
        document.dispatchEvent(new Event('visibilitychange'));
        delete document.hidden;
    """,
    "leaving": "document.querySelector('#leave').click()",
}


async def test_whatever_takes_the_hands_away_stops_the_head(scene: Scene, tmp_path: Path) -> None:
    async with seat(scene, tmp_path) as it:
        for name, script in TAKEN_AWAY.items():
            await it.pull(150, 0)
            await it.driven()
            await it.page.run(script)
            await it.stopped()
            if name != "leaving":
                await it.let_go(150, 0)
        assert len(it.head.told("stop")) == len(TAKEN_AWAY)


SLOW_GOODBYE = """(() => {
  const soon = window.fetch;
  window.fetch = async (path, options) => {
    if (options?.method !== 'DELETE') return soon(path, options);
    await new Promise((done) => setTimeout(done, 700));
    const answer = await soon(path, options);
    window.goodbye = answer.status;
    return answer;
  };
})()"""


async def test_who_leaves_ends_the_view_before_the_connection_however_long_that_takes(
    scene: Scene, tmp_path: Path
) -> None:
    async with seat(scene, tmp_path, before=SLOW_GOODBYE) as it:
        await it.page.run("document.querySelector('#leave').click()")
        await it.page.when("window.goodbye")
        assert await it.page.run("window.goodbye") == 200


async def test_a_lost_connection_stops_the_hands_and_the_next_press_steers_again(scene: Scene, tmp_path: Path) -> None:
    async with seat(scene, tmp_path) as it:
        await it.pull(150, 0)
        await it.driven()
        (socket,) = it.it.server._api._joysticks
        assert socket._req is not None
        assert socket._req.transport is not None
        socket._req.transport.abort()
        await until(lambda: it.head.left == ["left"])
        await it.says("Connection lost")
        count = len(it.head.orders)
        await asyncio.sleep(0.4)
        assert len(it.head.orders) == count  # the button is still down, and nobody drives
        await it.let_go(150, 0)
        await it.pull(-150, 0)
        await until(lambda: it.head.told()[-1].get("pan", 0) < 0)
        await it.let_go(-150, 0)
        await it.stopped()


async def test_a_rectangle_becomes_an_area_of_the_picture(scene: Scene, tmp_path: Path) -> None:
    async with seat(scene, tmp_path) as it:
        width, height = await it.page.run(
            "(({clientWidth, clientHeight}) => [clientWidth, clientHeight])(document.querySelector('.surface'))"
        )
        shown = height * scene.width / scene.height  # black stands left and right of it
        assert shown < width
        await it.pull(shown / 4, height / 8, shift=True)
        await it.let_go(shown / 4, height / 8)
        await until(lambda: it.head.last == "area")
        (order,) = it.head.told()
        found = [order[name] for name in ("x", "y", "width", "height")]
        assert found == [pytest.approx(one, abs=0.01) for one in (0.5, 0.5, 0.25, 0.125)]
        # the button is for those who have no Shift; a slip of the hand asks for nothing
        for dx in (2, -shown / 4):
            await it.page.run("document.querySelector('[data-do=area]').click()")
            await it.pull(dx, -height / 8)
            await it.let_go(dx, -height / 8)
        await until(lambda: len(it.head.told()) == 2)
        assert it.head.told()[1]["x"] == pytest.approx(0.25, abs=0.01)
        assert await it.page.run("document.querySelector('[data-do=area]').ariaPressed") == "false"


async def test_a_gamepad_steers_while_it_is_there_and_nobody_asks_for_one_before(scene: Scene, tmp_path: Path) -> None:
    async with seat(scene, tmp_path, before=PAD) as it:
        await it.page.command("Emulation.setFocusEmulationEnabled", enabled=True)
        before = await it.page.run("window.asked")
        await asyncio.sleep(0.4)
        assert await it.page.run("window.asked") == before
        await it.page.run("window.pads = [null, window.pad], window.dispatchEvent(new Event('gamepadconnected'))")
        await asyncio.sleep(0.2)
        assert it.head.told() == []
        await it.page.run("window.pad.axes[1] = 1")
        await it.driven()
        assert it.head.told()[-1]["tilt"] == -1
        await it.page.command("Emulation.setFocusEmulationEnabled", enabled=False)  # another window has the focus
        await it.stopped()
        await it.page.command("Emulation.setFocusEmulationEnabled", enabled=True)
        await it.driven()
        await it.page.run("window.pads = [null]")
        await it.stopped()
        after = await it.page.run("window.asked")
        await asyncio.sleep(0.4)
        assert await it.page.run("window.asked") == after


async def test_who_may_only_watch_is_offered_no_steering(scene: Scene, tmp_path: Path) -> None:
    head = Told()
    async with house(scene, steering={"parvis": head}) as it, browser(tmp_path, "en", SHOW_ADDRESSES) as page:
        await enter(page, it, token_for("parvis", "gare"))
        await page.when("document.querySelectorAll('article.playing').length === 2")
        assert not await page.run("[...document.querySelectorAll('.steer')].some((one) => one.checkVisibility())")
        await page.run("document.querySelector('[data-camera=parvis] .open').click()")
        await page.when("document.querySelectorAll('article.playing').length === 1")
        assert await page.run("document.querySelector('.surface, .helm, .steered')") is None
        assert head.orders == []
        # and with a grant for one of the two, that one alone is offered
        await page.run("document.querySelector('#leave').click()")
        await enter(page, it, token_for("parvis", "gare", allow="live,ptz"))
        await page.when("document.querySelectorAll('article.playing').length === 2")
        offered = "[...document.querySelectorAll('.steer')].map((one) => one.checkVisibility())"
        assert await page.run(offered) == [True, False]
        await page.run("document.querySelector('[data-camera=parvis] .steer').click()")
        await page.when("document.activeElement.className === 'surface'")
        await page.press("Escape")
        await page.when("document.querySelectorAll('article.playing').length === 2")
        assert await page.run("document.querySelector('.surface, .helm')") is None
        await until(lambda: not it.server._api._joysticks)


async def test_another_s_hold_is_told_with_its_end_and_the_hands_are_taken_off(scene: Scene, tmp_path: Path) -> None:
    async with seat(scene, tmp_path) as it:
        it.head.answer = (409, {"ok": False, "error": "held", "message": "why", "retry_after_s": 7.0})
        it.head.stands = {"held": "another", "patrol": "", "patrols": []}
        await it.pull(150, 0)
        await it.says("Another holds the head until")
        count = len(it.head.orders)
        await asyncio.sleep(0.4)
        assert len(it.head.orders) == count
        assert "stop" not in [one["order"] for one in it.head.told()]
        it.head.answer = (422, {"ok": False, "error": "strange", "message": "the mast's own words"})
        await it.let_go(150, 0)
        await it.page.run("document.querySelector('[data-do=home]').click()")
        await it.says("the mast's own words")


async def test_presets_and_patrols_are_offered_where_there_are_any(scene: Scene, tmp_path: Path) -> None:
    async with seat(scene, tmp_path, "fr") as it:
        shown = "[...document.querySelectorAll('.helm .row')].filter((one) => one.checkVisibility()).length"
        await it.page.when(f"{shown} === 3")
        await it.page.run("document.querySelector('[data-do=preset_goto]').click()")
        await until(lambda: it.head.last == "preset_goto")
        assert it.head.told()[-1]["preset"] == "1"
        it.head.presets.append({"preset": "2", "name": "École"})
        await it.page.run("document.querySelector('.helm input').focus()")
        await it.page.type("École")
        await it.page.press("Enter")
        await it.page.when("document.querySelector('.presets select').options.length === 2")
        assert it.head.told("preset_set") == [{"order": "preset_set", "preset": "École"}]
        it.head.stands = {"held": "you", "patrol": "nuit", "patrols": ["jour", "nuit"]}
        await it.page.when(f"{shown} === 4")
        await it.says("En ronde : nuit")
        await it.page.run("document.querySelector('.patrols select').value = 'nuit'")
        await it.page.run("document.querySelector('[data-do=patrol_start]').click()")
        await it.page.run("document.querySelector('[data-do=patrol_stop]').click()")
        await until(lambda: it.head.last == "patrol_stop")
        assert it.head.told()[-2] == {"order": "patrol_start", "patrol": "nuit"}
        it.it.masks = Blind("moving-too-fast")
        await it.page.when("document.querySelector('.over').innerText.includes('tourne trop vite')")
        assert "Pan 12.3°" in await it.page.run("document.querySelector('.pose').innerText")
        await it.page.run("document.querySelector('#language').click()")
        assert "turns too fast" in await it.page.run("document.querySelector('article').innerText")
        assert await it.page.run("document.querySelector('.surface').ariaLabel.includes('Steering Parvis, fixe')")
        assert await it.page.run("document.querySelector('[data-do=stop]').innerText") == "Stop"
