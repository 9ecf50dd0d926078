"""What a visitor can do to the demo's cameras, typed at the demo's terminal: `knock`, `cover`, `night`, `silence`...

    async with asyncio.TaskGroup() as tasks:
        tasks.create_task(Pranks(cameras, say_line).listen(sys.stdin.fileno()), name="pranks")

Each word is one thing that happens to masts; `mend` puts all of it right. Only a terminal in whose foreground the demo
runs is listened to. A line is `LONGEST` bytes at most, and at most `WAITING` of them wait.
"""

import asyncio
import contextlib
import os
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass

from agent.errors import SourceError
from agent.language import say
from agent.virtual.demo_mast import DOME, FIXED
from agent.virtual.ptz_camera import VirtualPtz

LONGEST, WAITING = 256, 4
KNOCK_DEG = 8.0
DOWN_S = 4.0


@dataclass(frozen=True, slots=True)
class Prank:
    """`camera`: whose; `do`: what happens to it; `en`, `fr`: what the visitor is told that it means."""

    camera: str
    do: Callable[[VirtualPtz], Awaitable[None]]
    en: str
    fr: str

    @property
    def told(self) -> str:
        """In the visitor's language."""
        return say(en=self.en, fr=self.fr)


PRANKS: dict[str, Prank] = {
    "knock": Prank(
        FIXED,
        lambda camera: camera.knock(pan_deg=KNOCK_DEG, tilt_deg=-2.0),
        "somebody has turned the fixed camera in its mount",
        "quelqu'un a tourné la caméra fixe sur son support",
    ),
    "cover": Prank(
        FIXED, lambda camera: camera.effect("covered"), "a bag over the fixed camera", "un sac sur la caméra fixe"
    ),
    "defocus": Prank(
        FIXED, lambda camera: camera.effect("defocused"), "the fixed camera is blurred", "la caméra fixe est floue"
    ),
    "unplug": Prank(
        FIXED,
        lambda camera: camera.stall(True),
        "the fixed camera sends no picture",
        "la caméra fixe n'envoie plus rien",
    ),
    "freeze": Prank(
        DOME,
        lambda camera: camera.lies(frozen=True),
        "the dome tells the same position for ever: turn it, and its masks go blind",
        "le dôme annonce toujours la même position : le tourner, et l'image est masquée",
    ),
    "silence": Prank(
        DOME,
        lambda camera: camera.faults(silent=True, operations=["GetStatus"]),
        "the dome says no more where it is",
        "le dôme ne dit plus où il est",
    ),
    "reboot": Prank(DOME, lambda camera: camera.reboot(down_s=DOWN_S), "the dome starts anew", "le dôme redémarre"),
}


class Pranks:
    """Carries the words out on `cameras` and answers each with a line."""

    def __init__(self, cameras: Mapping[str, VirtualPtz], tell: Callable[[str], None]) -> None:
        self._cameras = cameras
        self._tell = tell
        self._lines: asyncio.Queue[str] = asyncio.Queue(WAITING)

    async def listen(self, terminal: int) -> None:
        """Reads lines of that terminal until cancelled."""
        loop = asyncio.get_running_loop()
        self._tell(help_text())
        loop.add_reader(terminal, self._read, terminal)
        try:
            while True:
                await self.play(await self._lines.get())
        finally:
            loop.remove_reader(terminal)

    def _read(self, terminal: int) -> None:
        """One line; the end of the input, or a terminal that is another's, ends the listening."""
        data = b""
        with contextlib.suppress(OSError):  # the terminal is gone
            if os.tcgetpgrp(terminal) == os.getpgrp():
                data = os.read(terminal, LONGEST)
        if not data:
            asyncio.get_running_loop().remove_reader(terminal)
            return
        with contextlib.suppress(asyncio.QueueFull):
            self._lines.put_nowait(data.decode("utf-8", "replace").strip())

    async def play(self, word: str) -> None:
        """Does what `word` says, and tells it."""
        try:
            if word in PRANKS:
                await PRANKS[word].do(self._cameras[PRANKS[word].camera])
                self._tell(f"  {PRANKS[word].told}")
            elif word in ("night", "day"):
                for camera in self._cameras.values():
                    await camera.night(word == "night")
            elif word == "mend":
                await self._mend()
                self._tell("  " + say(en="all is as it was", fr="tout est remis en état"))
            elif word:
                self._tell(help_text())
        except SourceError as error:
            self._tell(f"  {error}")

    async def _mend(self) -> None:
        fixed, dome = self._cameras[FIXED], self._cameras[DOME]
        await fixed.knock(pan_deg=0.0, tilt_deg=0.0)
        await fixed.effect("")
        await fixed.stall(False)
        await dome.lies()
        await dome.faults()
        for camera in self._cameras.values():
            await camera.night(False)


def help_text() -> str:
    """Every word with its meaning."""
    more = {
        "night, day": say(en="night falls, or day breaks", fr="la nuit tombe, ou le jour se lève"),
        "mend": say(en="puts all of it right", fr="remet tout en état"),
    }
    rows = {word: one.told for word, one in PRANKS.items()} | more
    head = say(en="Type a word and Enter:", fr="Taper un mot puis Entrée :")
    return "\n".join([head, *(f"  {word:<11} {told}" for word, told in rows.items())])
