"""`make contact-sheet`: what the recordings show at rest, in sweeps and in each blind state.

    python -m tests.e2e.contact_sheet build/contact-sheet.png

A turning head, a fixed camera and a fisheye of one street, one agent; the pictures are those of its sealed segments,
opened with stock age, on one page. Each stands under what went on and what the agent said of its masks at that moment.
Status 1 when a state was not reached, or when a picture is not as was said: blind pictures are of one colour.
"""

import asyncio
import contextlib
import subprocess
import sys
import tempfile
import time
from collections.abc import Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path

import av
import cv2
import numpy as np

from agent.vault.names import parse_name
from agent.virtual.head import LensTable
from agent.virtual.ptz_camera import Setup, VirtualPtz
from tests.e2e.journeys import Act
from tests.e2e.turning import Mast
from tests.e2e.verdict import is_flat

DOME, FIXED, FISHEYE = "dome", "fixed", "fisheye"
SETUPS = {
    DOME: Setup(seed=5, lowest_deg=-150.0),
    FIXED: Setup(kind="fixed", fps=14, start=(-33.0, 5.0, 0.0), seed=6),
    FISHEYE: Setup(kind="fisheye", width=480, height=480, fps=7, bitrate_kbps=800, seed=7),
}
ACROSS, CELL, LINE = 5, (400, 328), 24
TABLE = ((0.0, 0.5, 0.9), (60.0, 13.4, LensTable().at(0.9)))
"""The calibration ends before the head's zoom does, so that a zoom outside of it can be shown."""
RECORDED_S = {DOME: 0.4, FIXED: 0.1, FISHEYE: 0.1}
"""So long before its moment a picture's time lies, that the state told at that moment is its own: a head's pictures
are judged after 300 ms."""
BURNED = "restored"


@dataclass(frozen=True)
class Moment:
    """`utc_s`: when; `what`: what went on before which camera; `said`: the masks' state then, empty: never reached."""

    utc_s: float
    camera: str
    what: str
    said: str

    def fault(self, picture: np.ndarray | None) -> str:
        """Why this is not what it should be, or nothing."""
        if not self.said:
            return "not reached"
        if picture is None:
            return "no picture was recorded"
        flat = is_flat(cv2.cvtColor(picture, cv2.COLOR_BGR2GRAY))
        if self.said != BURNED and not flat:
            return "told as blind and shows something"
        return "told as burned and shows nothing" if self.said == BURNED and flat else ""


class Reel:
    """One camera's journey, and the moments that will be shown."""

    def __init__(self, mast: Mast, camera: str) -> None:
        self.mast, self.camera, self.head = mast, camera, mast.heads[camera]
        self.moments: list[Moment] = []

    def take(self, what: str, said: str | None = None) -> None:
        """This moment is shown."""
        told = self.mast.told(self.camera)[-1:] or ["starting"]
        self.moments.append(Moment(time.time(), self.camera, what, told[0] if said is None else said))

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

    async def blind(self, what: str, reasons: Sequence[str], begin: Act, end: Act | None) -> None:
        """In a fault, until the agent has said each of `reasons` in turn; then it is mended, unless it stays."""
        mark = self.mast.mark()
        await begin()
        for reason in reasons:
            try:
                said = await self.mast.blind(self.camera, mark, frozenset({reason}))
                await asyncio.sleep(0.3)
            except TimeoutError:
                said = ""
            self.take(what, said)
        if end is not None:
            mark = self.mast.mark()
            await end()
            with contextlib.suppress(TimeoutError):
                await self.mast.burned(self.camera, mark)


async def dome(reel: Reel) -> None:
    """Rest, sweeps, zooms, then every way in which a turning head is blind."""
    head = reel.head

    async def at(zoom: float, pan: float = -33.0, tilt: float = 0.0) -> None:
        await head.absolute(pan_deg=pan, tilt_deg=tilt, zoom=zoom, speed=0.2)

    reel.take("the agent starts")
    await reel.mast.burned(DOME)
    await reel.look("at rest, 60 degrees across", pan=-33.0, tilt=0.0, zoom=0.0)
    await reel.look("at rest, zoomed in", pan=-33.0, tilt=3.0, zoom=0.4)
    await reel.look("at rest, a garden", pan=51.0, tilt=-6.0, zoom=0.0)
    await reel.sweep("a sweep of 15 degrees a second", 0.125, 2)
    await reel.sweep("a sweep of 30 degrees a second", -0.25, 2)
    fast = partial(head.velocity, pan=1.0, tilt=0.0, timeout_s=2.0)
    await reel.blind("120 degrees a second", ["moving-too-fast"], fast, partial(at, 0.0))
    silent = partial(head.faults, silent=True, operations=["GetStatus"])
    await reel.blind("the head gives no answer", ["pose-old", "onvif-silent"], silent, head.faults)
    frozen = partial(_frozen, head)
    await reel.blind("it says that it stands, and turns", ["contradiction-picture"], frozen, head.lies)
    leap = partial(head.lies, offset=(70.0, 0.0, 0.0))
    await reel.blind("its reports leap by 70 degrees", ["contradiction-reports"], leap, head.lies)
    await reel.blind("zoom outside the calibration", ["zoom-outside-calibration"], partial(at, 1.0), partial(at, 0.2))
    await head.lies(most_zoom=0.4)
    await reel.blind("digital zoom, told as none", ["contradiction-picture"], partial(at, 0.7), partial(at, 0.2))
    await head.lies()
    await _flips(reel)
    fog = partial(_fog, head)
    await reel.blind("the lens is covered, the head turns", ["featureless"], fog, partial(head.effect, ""))
    await head.night(True)
    await reel.look("at rest, at night", pan=-33.0, tilt=0.0, zoom=0.0)
    await head.night(False)
    await head.lies(homing="error")
    reboot = partial(head.reboot, down_s=3.0, onvif_later_s=0.3)
    await reel.blind("it finds its zero after a restart", ["head-homing"], reboot, head.lies)
    await reel.look("back after the restart", pan=-33.0, tilt=0.0, zoom=0.2)


async def fixed(reel: Reel) -> None:
    """At rest, covered, knocked out of its aim; then it stays blind, as nobody approves."""
    await reel.mast.tells(f"AimLearned(camera='{FIXED}'")  # what its first start sees is trusted until then
    reel.take("a fixed camera")
    await reel.head.effect("covered")
    await asyncio.sleep(8)
    reel.take("its lens is covered: tamper")
    await reel.head.effect("")
    await asyncio.sleep(8)
    knock = partial(reel.head.knock, pan_deg=3.0, tilt_deg=0.0)
    await reel.blind("it was knocked out of its aim", ["aim-unsure", "aim-lost"], knock, None)
    await reel.head.knock(pan_deg=0.0, tilt_deg=0.0)
    await asyncio.sleep(5)
    reel.take("put back by somebody, not approved")


async def fisheye(reel: Reel) -> None:
    """At rest, by day and by night."""
    await reel.mast.burned(FISHEYE)
    await asyncio.sleep(4)
    reel.take("a fisheye")
    await reel.head.night(True)
    await asyncio.sleep(4)
    reel.take("a fisheye, at night")


async def _flips(reel: Reel) -> None:
    """Over the nadir, where it turns its picture over and tells half a turn more."""
    head = reel.head
    await reel.look("at rest, looking down", pan=-37.0, tilt=-40.0, zoom=0.0)
    over = partial(head.velocity, pan=0.0, tilt=-0.5, timeout_s=80 / 30)

    async def back() -> None:
        await head.absolute(pan_deg=-37.0, tilt_deg=-40.0, zoom=0.0, speed=0.5)
        await asyncio.sleep(4)

    await reel.blind("it goes over its nadir", ["flipping"], over, back)


async def _fog(head: VirtualPtz) -> None:
    await head.effect("covered")
    await head.velocity(pan=0.05, tilt=0.0, timeout_s=3.0)


async def _frozen(head: VirtualPtz) -> None:
    await head.lies(frozen=True)
    await head.velocity(pan=0.08, tilt=0.0, timeout_s=4.0)


def pictures(folder: Path, camera: str, moments: list[Moment]) -> list[np.ndarray | None]:
    """For each moment of a camera the picture recorded last before it, BGR; the first of all where none was."""
    found: list[tuple[float, np.ndarray | None]] = [(0.0, None)] * len(moments)
    state = folder / "state"
    for path in sorted(state.glob(f"segments/{camera}/*/*/*/*.age")):
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
                    if found[index][1] is None or found[index][0] < at_s <= moment.utc_s - RECORDED_S[camera]:
                        found[index] = (at_s, frame.to_ndarray(format="bgr24"))
    return [picture for _, picture in found]


def sheet(moments: list[Moment], shown: list[np.ndarray | None]) -> np.ndarray:
    """All of them, ACROSS to a row, with their lines; what is not as it should be in red."""
    rows = -(-len(moments) // ACROSS)
    width, height = CELL[0], CELL[1] + 2 * LINE
    page = np.full((rows * height, ACROSS * width, 3), 255, np.uint8)
    for index, (moment, picture) in enumerate(zip(moments, shown, strict=True)):
        left, top = index % ACROSS * width, index // ACROSS * height
        fault = moment.fault(picture)
        said = fault or "masks: " + ("burned" if moment.said == BURNED else f"blind, {moment.said}")
        for line, text in enumerate((moment.what, said)):
            at = (left + 6, top + LINE * (line + 1) - 8)
            colour = (0, 0, 200) if fault else (0, 0, 0)
            cv2.putText(page, text, at, cv2.FONT_HERSHEY_SIMPLEX, 0.45, colour, 1, cv2.LINE_AA)
        if picture is not None:
            scale = min((CELL[0] - 6) / picture.shape[1], (CELL[1] - 6) / picture.shape[0])
            small = cv2.resize(picture, None, fx=scale, fy=scale, interpolation=cv2.INTER_AREA)
            page[top + 2 * LINE : top + 2 * LINE + small.shape[0], left + 3 : left + 3 + small.shape[1]] = small
    return page


async def main(path: Path) -> int:
    """Makes the sheet."""
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        async with Mast(folder, SETUPS, {DOME: TABLE}) as mast:
            reels = {camera: Reel(mast, camera) for camera in SETUPS}
            await asyncio.gather(dome(reels[DOME]), fixed(reels[FIXED]), fisheye(reels[FISHEYE]))
            await mast.stop()
        moments = [moment for reel in reels.values() for moment in reel.moments]
        shown = [
            picture
            for camera, reel in reels.items()
            for picture in await asyncio.to_thread(pictures, folder, camera, reel.moments)
        ]
    path.parent.mkdir(parents=True, exist_ok=True)
    cv2.imwrite(str(path), sheet(moments, shown))
    faults = [
        f"{moment.camera}: {moment.what}: {fault}"
        for moment, picture in zip(moments, shown, strict=True)
        if (fault := moment.fault(picture))
    ]
    for one in faults:
        print(one, file=sys.stderr)
    print(path)
    return int(bool(faults))


if __name__ == "__main__":
    sys.exit(asyncio.run(main(Path(sys.argv[1]))))
