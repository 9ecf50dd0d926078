"""What an operator before the page is told when the mast reloads: its listener goes and comes back at the same port."""

import json
from pathlib import Path

import pytest

from tests.e2e.box import free_port
from tests.live.browser import SHOW_ADDRESSES, Page, browser, needs_chromium
from tests.live.house import house, token_for, until
from tests.live.scene import Scene
from tests.live.test_hands import Seat, Told
from tests.live.test_page import enter

pytestmark = needs_chromium

SILENT = {"en": "does not answer", "fr": "ne répond pas"}
NOTICE = "document.querySelector('#notice').innerText"


def own_faults(page: Page) -> list[str]:
    """What the page itself did wrong: that a mast does not answer, or says no, is the browser's own word."""
    return [one for one in page.faults if not one.startswith(("Failed to load resource", "WebSocket connection"))]


async def says(page: Page, where: str, text: str) -> None:
    told = f"document.querySelector('{where}')"
    await page.when(f"{told}?.checkVisibility() && {told}.innerText.includes({json.dumps(text)})")


@pytest.mark.parametrize("language", ["en", "fr"])
async def test_a_head_that_a_reload_takes_away_is_told_and_one_that_it_brings_back_steers_again(
    scene: Scene, tmp_path: Path, language: str
) -> None:
    fr = language == "fr"
    listen = f"127.0.0.1:{free_port()}"
    before, after = Told(), Told()
    async with browser(tmp_path, language, SHOW_ADDRESSES) as page:
        async with house(scene, steering={"parvis": before}, listen=listen) as it:
            await enter(page, it, token_for("parvis", "gare", allow="live,ptz"))
            await page.when("document.querySelectorAll('article.playing').length === 2")
            await page.run("document.querySelector('[data-camera=parvis] .steer').click()")
            await page.when("document.querySelector('.steered.playing')")
            await until(lambda: before.orders)
        await says(page, ".stand", "recharge sa configuration" if fr else "reloads its configuration")
        await says(page, "#notice", SILENT[language])
        async with house(scene, steering={}, listen=listen) as it:
            await says(page, ".unsteered", "ne se pilote plus" if fr else "no longer be steered")
            await page.when("document.querySelector('article.playing') && !document.querySelector('.helm, .surface')")
            await page.when(f"!{NOTICE}.includes('{SILENT[language]}')")
            await page.screenshot(tmp_path / "unsteered.png")
            assert await page.run("document.activeElement.closest('#ask') === null")
        async with house(scene, steering={"parvis": after}, listen=listen) as it:
            await page.when("document.querySelector('.steered.playing .unsteered[hidden]')")
            seat = Seat(it, page, after)
            await seat.pull(200, -100)
            await seat.driven()
            await seat.let_go(200, -100)
            await seat.stopped()
        assert own_faults(page) == []


async def test_a_reload_that_keeps_the_head_is_told_and_the_hands_go_on(scene: Scene, tmp_path: Path) -> None:
    listen = f"127.0.0.1:{free_port()}"
    before, after = Told(), Told()
    async with browser(tmp_path, "en", SHOW_ADDRESSES) as page:
        async with house(scene, steering={"parvis": before}, listen=listen) as it:
            await enter(page, it, token_for("parvis", allow="live,ptz"))
            await page.when("document.querySelector('.steered.playing')")
            await until(lambda: before.orders)
        async with house(scene, steering={"parvis": after}, listen=listen):
            await says(page, ".stand", "reloads its configuration")
            await says(page, ".stand", "Free")  # by itself
            await page.run("document.querySelector('[data-do=home]').click()")
            await until(lambda: after.last == "home")
            await page.when(f"!{NOTICE}.includes('{SILENT['en']}')")
        assert own_faults(page) == []


async def test_a_camera_that_a_reload_takes_away_leads_back_to_the_wall(scene: Scene, tmp_path: Path) -> None:
    async with house(scene) as it, browser(tmp_path, "en", SHOW_ADDRESSES) as page:
        await enter(page, it, token_for("parvis", "gare"))
        await page.when("document.querySelectorAll('article.playing').length === 2")
        await page.run("document.querySelector('[data-camera=gare] .open').click()")
        await page.when("document.querySelectorAll('article.playing').length === 1")
        del it.server._api._cameras["gare"]
        await says(page, "#notice", "Gare, quai 1 is no longer on this mast")
        await page.when("document.querySelector('[data-camera=parvis].playing')")
        # where the page was just asking for the camera that has gone, the browser tells of its 404
        assert [one for one in page.faults if "404 (Not Found)" not in one] == []
