"""Headless Chromium, driven over its DevTools protocol with a small WebSocket client.

async with browser(tmp_path) as page:
    await page.goto(house.url)
    assert await page.run("document.title") == "Vigie"

`page.faults` holds what the page's console said in error: uncaught exceptions and refusals by the content policy.
"""

import asyncio
import base64
import contextlib
import json
import shutil
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import aiohttp
import pytest

CHROMIUM = shutil.which("chromium")
needs_chromium = pytest.mark.skipif(CHROMIUM is None, reason="needs Chromium: apt install chromium")

FLAGS = (
    "--headless",
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--disable-dev-shm-usage",
    "--autoplay-policy=no-user-gesture-required",
    "--remote-debugging-port=0",
    "--window-size=1280,800",
)
SHOW_ADDRESSES = "--disable-features=WebRtcHideLocalIpsWithMdns"


class Page:
    """One tab."""

    def __init__(self, socket: aiohttp.ClientWebSocketResponse) -> None:
        self._socket = socket
        self._number = 0
        self._answers: dict[int, asyncio.Future[Any]] = {}
        self.faults: list[str] = []

    async def listen(self) -> None:
        """Sorts what the browser says, until it hangs up."""
        async for message in self._socket:
            said = json.loads(message.data)
            if (waiting := self._answers.pop(said.get("id"), None)) is not None:
                waiting.set_result(said)
            elif said.get("method") == "Runtime.exceptionThrown":
                self.faults.append(json.dumps(said["params"]["exceptionDetails"]))
            elif said.get("method") == "Log.entryAdded" and said["params"]["entry"]["level"] == "error":
                self.faults.append(said["params"]["entry"]["text"])

    async def command(self, method: str, **parameters: object) -> Any:
        """One DevTools command and its result."""
        self._number += 1
        answer = self._answers[self._number] = asyncio.get_running_loop().create_future()
        await self._socket.send_json({"id": self._number, "method": method, "params": parameters})
        async with asyncio.timeout(30):
            said = await answer
        assert "error" not in said, said
        return said["result"]

    async def goto(self, url: str) -> None:
        """Opens `url` and waits until it has loaded."""
        await self.command("Page.navigate", url=url)
        await self.when("document.readyState === 'complete' && location.href !== 'about:blank'")

    async def run(self, script: str) -> Any:
        """The value of `script`, awaited when it is a promise."""
        result = await self.command("Runtime.evaluate", expression=script, awaitPromise=True, returnByValue=True)
        assert "exceptionDetails" not in result, result
        return result["result"].get("value")

    async def when(self, condition: str, seconds: float = 20) -> None:
        """Waits until `condition` is true in the page."""
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(seconds):
                while not await self.run(f"Boolean({condition})"):  # noqa: ASYNC110 - a condition in another process
                    await asyncio.sleep(0.1)
                return
        raise AssertionError(f"never true: {condition}; page says: {await self.run('document.body.innerText')!r}")

    async def press(self, key: str) -> None:
        """One key, pressed and released."""
        codes = {"Tab": 9, "Enter": 13, "Escape": 27}
        text = {"text": "\r"} if key == "Enter" else {}
        await self.command("Input.dispatchKeyEvent", type="keyDown", key=key, windowsVirtualKeyCode=codes[key], **text)
        await self.command("Input.dispatchKeyEvent", type="keyUp", key=key, windowsVirtualKeyCode=codes[key])

    async def key(self, key: str, *, down: bool, code: str = "", again: bool = False) -> None:
        """One key, pressed (`again`: by its own repetition) or released."""
        kind = "keyDown" if down else "keyUp"
        await self.command("Input.dispatchKeyEvent", type=kind, key=key, code=code or key, autoRepeat=again)

    async def mouse(self, kind: str, x: float, y: float, *, shift: bool = False, **more: object) -> None:
        """The left button `Pressed`, `Moved` (held) or `Released`, or the `Wheel`, at that point of the window."""
        button = {} if kind == "Wheel" else {"button": "left", "buttons": int(kind != "Released"), "clickCount": 1}
        modifiers = 8 if shift else 0
        await self.command(
            "Input.dispatchMouseEvent", type=f"mouse{kind}", x=x, y=y, modifiers=modifiers, **button, **more
        )

    async def touch(self, kind: str, *points: tuple[float, float]) -> None:
        """Fingers `Start`, `Move` or, without points, `End`."""
        told = [{"x": x, "y": y} for x, y in points]
        await self.command("Input.dispatchTouchEvent", type=f"touch{kind}", touchPoints=told)

    async def type(self, text: str) -> None:
        """Text into whatever has the focus."""
        await self.command("Input.insertText", text=text)

    async def screenshot(self, path: Path) -> None:
        """The visible part of the page as a PNG file."""
        shot = await self.command("Page.captureScreenshot", format="png")
        await asyncio.to_thread(path.write_bytes, base64.b64decode(shot["data"]))


async def _address(profile: Path) -> str:
    said = profile / "DevToolsActivePort"
    async with asyncio.timeout(30):
        while not said.exists() or "\n" not in said.read_text():  # noqa: ASYNC110 - written by another process
            await asyncio.sleep(0.05)
    return f"http://127.0.0.1:{said.read_text().splitlines()[0]}"


@asynccontextmanager
async def browser(folder: Path, language: str = "fr", *flags: str) -> AsyncIterator[Page]:
    """A fresh Chromium with one tab; ended and reaped afterwards."""
    assert CHROMIUM is not None
    profile = folder / "chromium"
    options = (f"--lang={language}", f"--accept-lang={language}", f"--user-data-dir={profile}")
    process = await asyncio.create_subprocess_exec(
        CHROMIUM,
        *FLAGS,
        *options,
        *flags,
        "about:blank",
        stdout=asyncio.subprocess.DEVNULL,
        stderr=asyncio.subprocess.DEVNULL,
    )
    try:
        address = await _address(profile)
        async with aiohttp.ClientSession() as session, session.put(f"{address}/json/new?about:blank") as response:
            target = (await response.json())["webSocketDebuggerUrl"]
            async with session.ws_connect(target, max_msg_size=0) as socket:
                page = Page(socket)
                listening = asyncio.create_task(page.listen())
                for area in ("Page", "Runtime", "Log"):
                    await page.command(f"{area}.enable")
                yield page
        await listening
    finally:
        if process.returncode is None:
            process.terminate()
        await process.wait()
