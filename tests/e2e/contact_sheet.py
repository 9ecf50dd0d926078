"""`make contact-sheet`: what a turning camera's recording shows at rest, in sweeps and in each blind state.

    python -m tests.e2e.contact_sheet build/contact-sheet.png

One virtual head, one agent; the pictures are those of its sealed segments, opened with stock age, on one page. Each
stands under what went on and what the agent said of its masks at that moment.
"""

import asyncio
import subprocess
import sys
import tempfile
import time
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from pathlib import Path

import av
import cv2
import numpy as np

from agent.vault.names import parse_name
from agent.virtual.head import LensTable
from agent.virtual.ptz_camera import Setup, VirtualPtz
from tests.e2e.journeys import CONTRADICTION
from tests.e2e.turning import Mast

CAMERA = "dome"
ACROSS, CELL, LINE = 4, (480, 392), 26
TABLE = ((0.0, 0.5, 0.9), (60.0, 13.4, LensTable().at(0.9)))
"""The calibration ends before the head's zoom does, so that a zoom outside of it can be shown."""
RECORDED_S = 0.1
"""So long before its moment a picture's time lies, that the state told at that moment is its own."""


@dataclass(frozen=True)
class Moment:
    """`utc_s`: when; `what`: what went on; `said`: the masks' state then."""

    utc_s: float
    what: str
    said: str


class Reel:
    """The journey, and the moments that will be shown."""

    def __init__(self, mast: Mast) -> None:
        self.mast, self.head = mast, mast.heads[CAMERA]
        self.moments: list[Moment] = []

    def take(self, what: str) -> None:
        """This moment is shown."""
        told = self.mast.told(CAMERA)
        self.moments.append(Moment(time.time(), what, told[-1] if told else "starting"))

    async def look(self, what: str, *, pan: float, tilt: float, zoom: float) -> None:
        """At rest there."""
        await self.head.absolute(pan_deg=pan, tilt_deg=tilt, zoom=zoom)
        await asyncio.sleep(6)
        self.take(what)

    async def sweep(self, what: str, share: float, pictures: int) -> None:
        """While it turns."""
        await self.head.velocity(pan=share, tilt=0.0, timeout_s=0.9 + 0.6 * pictures)
        for _ in range(pictures):
            await asyncio.sleep(0.7)
            self.take(what)
        await asyncio.sleep(2.5)

    async def blind(
        self,
        what: str,
        reasons: frozenset[str],
        begin: Callable[[], Awaitable[object]],
        end: Callable[[], Awaitable[object]],
    ) -> None:
        """In a fault, until the agent has said so."""
        mark = self.mast.mark()
        await begin()
        said = await self.mast.blind(CAMERA, mark, reasons)
        await asyncio.sleep(0.3)
        self.moments.append(Moment(time.time(), what, said))
        mark = self.mast.mark()
        await end()
        await self.mast.burned(CAMERA, mark)


async def journey(reel: Reel) -> None:
    """Rest, sweeps, zooms, then every way to be blind."""
    head = reel.head
    reel.take("the agent starts")
    await reel.mast.burned(CAMERA)
    await reel.look("at rest, 60 degrees across", pan=-33.0, tilt=0.0, zoom=0.0)
    await reel.look("at rest, zoomed in", pan=-33.0, tilt=3.0, zoom=0.4)
    await reel.look("at rest, a garden", pan=51.0, tilt=-6.0, zoom=0.0)
    await reel.sweep("a sweep of 15 degrees a second", 0.125, 2)
    await reel.sweep("a sweep of 30 degrees a second", -0.25, 2)
    await reel.blind(
        "120 degrees a second",
        frozenset({"moving-too-fast"}),
        lambda: head.velocity(pan=1.0, tilt=0.0, timeout_s=2.0),
        lambda: head.absolute(pan_deg=-33.0, tilt_deg=0.0, zoom=0.0, speed=0.2),
    )
    await reel.blind(
        "the head gives no answer",
        frozenset({"onvif-silent", "pose-old"}),
        lambda: head.faults(silent=True, operations=["GetStatus"]),
        head.faults,
    )
    await reel.blind(
        "the head says that it stands, and turns",
        CONTRADICTION,
        lambda: _frozen(head),
        head.lies,
    )
    await reel.blind(
        "zoom outside the calibration",
        frozenset({"zoom-outside-calibration"}),
        lambda: head.absolute(pan_deg=-33.0, tilt_deg=0.0, zoom=1.0),
        lambda: head.absolute(pan_deg=-33.0, tilt_deg=0.0, zoom=0.2),
    )
    await head.night(True)
    await reel.look("at rest, at night", pan=-33.0, tilt=0.0, zoom=0.0)
    mark = reel.mast.mark()
    await head.reboot(down_s=3.0)
    await asyncio.sleep(8.0)
    reel.take("the head finds its zero after a restart")
    await reel.mast.burned(CAMERA, mark)
    await reel.look("back after the restart", pan=-33.0, tilt=0.0, zoom=0.2)


async def _frozen(head: VirtualPtz) -> None:
    await head.lies(frozen=True)
    await head.velocity(pan=0.08, tilt=0.0, timeout_s=4.0)


def pictures(folder: Path, moments: list[Moment]) -> list[np.ndarray | None]:
    """For each moment the picture that was recorded last before it, BGR; the first of all where none was."""
    found: list[tuple[float, np.ndarray | None]] = [(0.0, None)] * len(moments)
    state = folder / "state"
    for path in sorted(state.glob(f"segments/{CAMERA}/*/*/*/*.age")):
        told = parse_name(path.relative_to(state).as_posix())
        assert told is not None
        plain = folder / "plain.mp4"
        with plain.open("wb") as out:
            command = ["age", "-d", "-i", str(folder / "keys" / "vault.key"), str(path)]
            subprocess.run(command, stdout=out, check=True)
        with av.open(str(plain)) as container:
            for frame in container.decode(video=0):
                at_s = told[1] / 1000 + float(frame.time or 0.0)
                for index, moment in enumerate(moments):
                    if found[index][1] is None or found[index][0] < at_s <= moment.utc_s - RECORDED_S:
                        found[index] = (at_s, frame.to_ndarray(format="bgr24"))
    return [picture for _, picture in found]


def sheet(moments: list[Moment], shown: list[np.ndarray | None]) -> np.ndarray:
    """All of them, ACROSS to a row, with their lines."""
    rows = -(-len(moments) // ACROSS)
    width, height = CELL[0], CELL[1] + 2 * LINE
    page = np.full((rows * height, ACROSS * width, 3), 255, np.uint8)
    for index, (moment, picture) in enumerate(zip(moments, shown, strict=True)):
        left, top = index % ACROSS * width, index // ACROSS * height
        for line, text in enumerate((moment.what, "masks: " + moment.said.replace("restored", "burned"))):
            at = (left + 6, top + LINE * (line + 1) - 8)
            cv2.putText(page, text, at, cv2.FONT_HERSHEY_SIMPLEX, 0.5, (0, 0, 0), 1, cv2.LINE_AA)
        if picture is not None:
            small = cv2.resize(picture, (CELL[0] - 6, CELL[1] - 6), interpolation=cv2.INTER_AREA)
            page[top + 2 * LINE : top + 2 * LINE + small.shape[0], left + 3 : left + 3 + small.shape[1]] = small
    return page


async def main(path: Path) -> int:
    """Makes the sheet."""
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        async with Mast(folder, {CAMERA: Setup(seed=5)}, {CAMERA: TABLE}) as mast:
            reel = Reel(mast)
            await journey(reel)
            await mast.stop()
        shown = await asyncio.to_thread(pictures, folder, reel.moments)
    path.parent.mkdir(parents=True, exist_ok=True)
    cv2.imwrite(str(path), sheet(reel.moments, shown))
    missing = [moment.what for moment, picture in zip(reel.moments, shown, strict=True) if picture is None]
    for one in missing:
        print(f"no picture was recorded: {one}", file=sys.stderr)
    print(path)
    return int(bool(missing))


if __name__ == "__main__":
    sys.exit(asyncio.run(main(Path(sys.argv[1]))))
