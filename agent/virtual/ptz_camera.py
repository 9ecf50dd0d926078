"""A virtual camera of the turning street, on this machine: RTSP and ONVIF on loopback, and the truth for a judge.

    async with virtual_ptz(folder) as ptz:
        ptz.rtsp_url, ptz.onvif_url, ptz.username, ptz.password
        ptz.masks, ptz.lens                     # ready for [[camera.mask]] world_deg and [camera.lens]
        await ptz.faults(silent=True, operations=["GetStatus"])
        await ptz.refresh()
        ptz.true_pose(4711)                     # where the lens truly looked in the picture that carries that number

`Setup(kind="fixed")` is the same street through a camera that stands still and can be knocked, `kind="fisheye"` through
a fisheye; neither has ONVIF. The camera is a process of its own, as another machine would be, and ends with its owner.
The first start in a folder draws the street there, which takes some seconds.
"""

import asyncio
import json
import sys
from asyncio.subprocess import PIPE
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any, Literal

from agent.errors import SourceError
from agent.language import say
from agent.virtual.head import LensTable, Limits
from agent.virtual.onvif_answers import SpaceChoice
from agent.virtual.onvif_device import Login
from agent.virtual.sphere import View, camera_matrix
from agent.virtual.world import PRIVATE, Point, PrivatePlace

_STOP_S = 5.0
MOST_LINE_BYTES = 1 << 24


@dataclass(frozen=True, slots=True)
class Setup:
    """How the camera is. Ages in seconds: `report_age_s` of a position and `video_age_s` of a picture on arrival.

    `start`: (pan, tilt, zoom) at power on. `report_step_deg`: pan and tilt are told in such steps. `lost`: the share of
    reports that never arrive. `lowest_deg`: below -90 the head goes over its nadir. `fisheye`: (pan, tilt, field of
    view) of that kind's axis. `seed` makes its luck repeatable. `metadata`: the head's position is streamed
    beside the picture too.
    """

    kind: Literal["ptz", "fixed", "fisheye"] = "ptz"
    width: int = 704
    height: int = 576
    fps: int = 25
    bitrate_kbps: int = 2000
    night: bool = False
    start: tuple[float, float, float] = (0.0, 0.0, 0.0)
    report_age_s: tuple[float, float] = (0.08, 0.20)
    report_step_deg: float = 0.0
    lost: float = 0.0
    video_age_s: tuple[float, float] = (0.05, 0.15)
    acceleration_deg_s2: float = 200.0
    lowest_deg: float = -90.0
    lens: LensTable = field(default_factory=LensTable)
    spaces: SpaceChoice = "generic"
    login: Login = "either"
    clock_skew_s: float = 0.0
    move_status: bool = True
    metadata: bool = False
    fisheye: tuple[float, float, float] = (0.0, -15.0, 180.0)
    username: str = "vigie"
    password: str = field(default="virtual-ptz", repr=False)
    seed: int = 0

    def limits(self) -> Limits:
        """The head's."""
        return Limits(acceleration_deg_s2=self.acceleration_deg_s2, lowest_deg=self.lowest_deg, lens=self.lens)

    def start_view(self) -> View:
        """Where the lens looks at power on."""
        pan_deg, tilt_deg, zoom = self.start
        return View(pan_deg, tilt_deg, self.lens.at(zoom))


@dataclass(frozen=True, slots=True)
class TruePose:
    """What a picture truly shows. Times are of the monotonic clock, which all processes of a machine share.

    `number`: the code in the picture. `taken_ns`: its exposure, `sent_ns`: when it left the camera. A `tilt_deg` past
    -90: it hangs upside down. `homing`: the head was looking for its zero. `night`, `effect`: the scene and the lens.
    """

    number: int
    taken_ns: int
    sent_ns: int
    pts_90k: int
    pan_deg: float
    tilt_deg: float
    hfov_deg: float
    zoom: float
    homing: bool
    night: bool
    effect: str

    def view(self) -> View:
        """For `render.truth`."""
        return View(self.pan_deg, self.tilt_deg, self.hfov_deg, self.effect == "mirrored")


class VirtualPtz:
    """A running virtual camera; made by `virtual_ptz`. Orders return when the camera has taken them."""

    def __init__(self, process: asyncio.subprocess.Process, setup: Setup, told: dict[str, Any]) -> None:
        self._process, self._lock = process, asyncio.Lock()
        self._poses: dict[int, TruePose] = {}
        self.setup = setup
        self.rtsp_url: str = told["rtsp"]
        self.onvif_url: str = told["onvif"]
        self.username, self.password = setup.username, setup.password
        self.lens = setup.lens
        self.masks: tuple[PrivatePlace, ...] = PRIVATE

    def true_pose(self, number: int) -> TruePose | None:
        """The truth of the picture with that number, as of the last `refresh`."""
        return self._poses.get(number)

    @property
    def poses(self) -> tuple[TruePose, ...]:
        """All that is known since the start, in order."""
        return tuple(self._poses.values())

    async def refresh(self) -> None:
        """Fetches the poses of all pictures sent so far."""
        while True:
            since = next(reversed(self._poses), -1)
            fresh = (await self.order("poses", since=since))["poses"]
            self._poses.update({one["number"]: TruePose(**one) for one in fresh})
            if not fresh:
                return

    async def now(self) -> dict[str, Any]:
        """The head at this moment: `pan_deg`, `tilt_deg`, `zoom`, `hfov_deg`, `turning`, `zooming`, `homing`."""
        return dict((await self.order("now"))["now"])

    async def faults(self, **faults: object) -> None:
        """Answers go wrong from now on as `onvif_server.Faults` says; none given: no more."""
        await self.order("faults", **faults)

    async def lies(self, **lies: object) -> None:
        """Reports are false from now on as `reports.Lies` says; none given: true again."""
        await self.order("lies", **lies)

    async def metadata_faults(self, **faults: object) -> None:
        """The metadata stream goes wrong from now on as `metadata.MetadataFaults` says; none given: no more."""
        await self.order("metadata_faults", **faults)

    async def metadata_lies(self, **lies: object) -> None:
        """Positions in the metadata stream alone are false as `reports.Lies` says; none given: true again."""
        await self.order("metadata_lies", **lies)

    async def reboot(self, *, down_s: float, onvif_later_s: float = 1.0) -> None:
        """Connections are refused for `down_s`; then the picture is back, the head finds its zero, then ONVIF is."""
        await self.order("reboot", down_s=down_s, onvif_later_s=onvif_later_s)

    async def knock(self, *, pan_deg: float, tilt_deg: float) -> None:
        """Somebody has turned the whole camera in its mount by so much; it knows nothing of that."""
        await self.order("knock", pan_deg=pan_deg, tilt_deg=tilt_deg)

    async def effect(self, effect: Literal["", "covered", "defocused", "mirrored"]) -> None:
        """What is wrong with its picture."""
        await self.order("effect", effect=effect)

    async def stall(self, on: bool) -> None:
        """No picture is sent while on; connections stay open."""
        await self.order("stall", on=on)

    async def night(self, on: bool) -> None:
        """Night falls, or day breaks."""
        await self.order("night", on=on)

    async def velocity(self, *, pan: float, tilt: float, zoom: float = 0.0, timeout_s: float = 5.0) -> None:
        """Somebody steers past the agent, at the camera's own page; shares of the top speeds."""
        await self.order("velocity", pan=pan, tilt=tilt, zoom=zoom, timeout_s=timeout_s)

    async def absolute(self, *, pan_deg: float, tilt_deg: float, zoom: float, speed: float = 1.0) -> None:
        """The same, to a pose."""
        await self.order("absolute", pan_deg=pan_deg, tilt_deg=tilt_deg, zoom=zoom, speed=speed)

    async def order(self, do: str, **more: object) -> dict[str, Any]:
        """Any order of `ptz_process`; SourceError with its complaint."""
        assert self._process.stdin is not None
        async with self._lock:
            with suppress(ConnectionError):  # a camera that is gone gives no answer, and that is told
                self._process.stdin.write((json.dumps({"do": do, **more}) + "\n").encode())
                await self._process.stdin.drain()
            return await _told(self._process)


@asynccontextmanager
async def virtual_ptz(folder: Path, setup: Setup | None = None) -> AsyncIterator[VirtualPtz]:
    """Runs a camera while entered; its drawings are kept in `folder`. SourceError when it does not start."""
    setup = setup or Setup()
    command = (sys.executable, "-m", "agent.virtual.ptz_process", str(folder))
    process = await asyncio.create_subprocess_exec(
        *command, stdin=PIPE, stdout=PIPE, start_new_session=True, limit=MOST_LINE_BYTES
    )
    assert process.stdin is not None
    try:
        process.stdin.write((json.dumps(asdict(setup)) + "\n").encode())
        yield VirtualPtz(process, setup, await _told(process))
    finally:
        process.stdin.close()
        try:
            await asyncio.wait_for(process.wait(), _STOP_S)
        except TimeoutError:
            process.kill()
            await process.wait()


async def _told(process: asyncio.subprocess.Process) -> dict[str, Any]:
    assert process.stdout is not None
    line = await process.stdout.readline()
    told: dict[str, Any] = json.loads(line) if line else {"error": "-"}
    if "error" in told:
        why = told["error"]
        raise SourceError(
            say(en=f"the virtual camera did not obey ({why})", fr=f"la caméra virtuelle n'a pas obéi ({why})")
        )
    return told


def picture_polygon(place: PrivatePlace, view: View, width: int, height: int) -> tuple[Point, ...]:
    """The place in picture fractions, for [[camera.mask]] of a fixed camera; empty when a part of it lies behind."""
    flat = place.corners() @ camera_matrix(view, width, height).T
    if (flat[:, 2] <= 0.05).any():
        return ()
    points = (flat[:, :2] / flat[:, 2:] + 0.5) / (width, height)
    return tuple((round(float(x), 5), round(float(y), 5)) for x, y in points)
