"""The turning camera's own process: `python -m agent.virtual.ptz_process FOLDER`, started by `ptz_camera`.

The first line on standard input is its `Setup` as JSON, each further one an order; each gets one line of JSON on
standard output, the first one with the addresses. It ends when standard input does.

A picture's way: the head's pose at the moment of exposure, drawn, numbered (`frame_code`), encoded, and then sent when
the latency model says. What was truly seen is logged when it is sent.
"""

import asyncio
import json
import os
import sys
import time
from collections import deque
from collections.abc import Awaitable, Callable
from dataclasses import asdict, replace
from pathlib import Path
from random import Random
from typing import Any

import cv2
import numpy as np

from agent.virtual import frame_code
from agent.virtual.figures import Picture
from agent.virtual.fisheye import FisheyeLens
from agent.virtual.head import Head, LensTable, Preset, Shown, wrapped
from agent.virtual.metadata import MetadataFaults, MetadataSender
from agent.virtual.onvif_answers import Picture as PictureFacts
from agent.virtual.onvif_answers import Ranges
from agent.virtual.onvif_device import Device, DeviceOptions
from agent.virtual.onvif_server import Faults, OnvifServer
from agent.virtual.ptz_camera import MOST_LINE_BYTES, Setup, TruePose
from agent.virtual.render import Lens, TurningStreet
from agent.virtual.reports import Ageing, Lies, Reporter
from agent.virtual.rtsp_server import RtspServer
from agent.virtual.sphere import View
from agent.virtual.video import Encoder

KEPT_POSES, POSES_A_LINE = 60_000, 2000
IN_FLIGHT = 24
TOO_LATE_S = 0.05

Order = dict[str, Any]


class _Camera:
    """Everything of one camera, in one event loop; pictures are drawn and encoded in a thread beside it."""

    def __init__(self, setup: Setup, folder: Path) -> None:
        self._setup = setup
        self._street = TurningStreet(folder, night=setup.night)
        self._lens = Lens(self._street, setup.width, setup.height)
        self._eye: FisheyeLens | None = None
        if setup.kind == "fisheye":
            pan, tilt, fov = setup.fisheye
            self._eye = FisheyeLens(self._street, setup.width, setup.height, pan_deg=pan, tilt_deg=tilt, fov_deg=fov)
        self._encoder = Encoder(setup.width, setup.height, setup.fps, setup.bitrate_kbps)
        self._began_s = time.monotonic()
        self._head = Head(setup.limits(), self._began_s, Preset("home", *setup.start))
        ageing = Ageing(*setup.report_age_s, lost=setup.lost, step_deg=setup.report_step_deg)
        self._reporter = Reporter(self._head, ageing, seed=setup.seed)
        self._device = Device(self._head, _device_options(setup))
        self.onvif = OnvifServer(self._device, self._reporter, snapshot=self._snapshot)
        self.rtsp = RtspServer(setup.fps, self._encoder.force, metadata=setup.metadata)
        apart = Reporter(self._head, ageing, seed=setup.seed + 2)
        self._metadata = MetadataSender(self._device, apart, self.rtsp.publish_metadata)
        self._random = Random(setup.seed + 1)  # noqa: S311  a simulation's dice, no secret
        self._sending: asyncio.Queue[tuple[float, bytes, bool, TruePose]] = asyncio.Queue(IN_FLIGHT)
        self._poses: deque[TruePose] = deque(maxlen=KEPT_POSES)
        self._effect, self._knock, self._stalled, self._up = "", (0.0, 0.0), False, True
        self._last: Picture | None = None
        self._reboots: asyncio.Queue[Order] = asyncio.Queue(4)

    async def run(self, orders: asyncio.StreamReader, tell: Callable[[Order], None]) -> None:
        """Until standard input ends."""
        first, _ = await asyncio.to_thread(self._make, 0, self._view(self._head.shown(self._began_s)), "")
        self.rtsp.describe(first)
        self._encoder.force()
        await self.rtsp.start()
        self._device.stream = self.rtsp.url
        if self._setup.kind == "ptz":
            await self.onvif.start()
        tell({"rtsp": self.rtsp.url, "onvif": self.onvif.url if self._setup.kind == "ptz" else ""})
        async with asyncio.TaskGroup() as tasks:
            running = (
                tasks.create_task(self._film(), name="film"),
                tasks.create_task(self._send(), name="send"),
                tasks.create_task(self._restart(), name="restart"),
                *((tasks.create_task(self._metadata.run(), name="metadata"),) if self._setup.metadata else ()),
            )
            while line := await orders.readline():
                tell(await self._obey(json.loads(line)))
            for task in running:
                task.cancel()
        await self.onvif.stop()
        await self.rtsp.stop()

    # --- pictures ---

    def _view(self, shown: Shown) -> View:
        view = shown.view(upright=not self._reporter.lies.mirrored)
        pan, tilt = self._knock
        mirrored = self._effect == "mirrored"
        return View(wrapped(view.pan_deg + pan), view.tilt_deg + tilt, view.hfov_deg, mirrored)

    async def _film(self) -> None:
        number, last_s = 0, 0.0
        while True:
            number += 1
            due_s = self._began_s + number / self._setup.fps
            late_s = time.monotonic() - due_s
            if late_s > TOO_LATE_S:  # the machine is loaded: pictures are left out, as cameras do
                continue
            await asyncio.sleep(-late_s)
            shown = self._head.shown(due_s)
            view, effect, night = self._view(shown), self._effect, self._street.night
            data, keyframe = await asyncio.to_thread(self._make, number, view, effect)
            send_s = max(last_s, due_s + self._random.uniform(*self._setup.video_age_s))
            last_s = send_s
            seen = (view.pan_deg, view.tilt_deg, view.hfov_deg, shown.zoom, shown.homing, night, effect)
            code, pts_90k = number & frame_code.HIGHEST, round(number * 90_000 / self._setup.fps)
            await self._sending.put((send_s, data, keyframe, TruePose(code, round(due_s * 1e9), 0, pts_90k, *seen)))

    def _make(self, number: int, view: View, effect: str) -> tuple[bytes, bool]:
        time_s = number / self._setup.fps
        picture = self._eye.picture(time_s) if self._eye is not None else self._lens.picture(view, time_s)
        picture = spoiled(picture, effect)
        frame_code.burn(picture, number & frame_code.HIGHEST)
        self._last = picture
        return self._encoder.encode(picture, round(number * 90_000 / self._setup.fps))

    async def _send(self) -> None:
        while True:
            send_s, data, keyframe, pose = await self._sending.get()
            await asyncio.sleep(send_s - time.monotonic())
            if self._stalled or not self._up:
                self._encoder.force()
                continue
            taken_s = time.time() - time.monotonic() + pose.taken_ns / 1e9
            self._poses.append(replace(pose, sent_ns=time.monotonic_ns()))
            self.rtsp.publish(data, pose.pts_90k, taken_s, keyframe=keyframe)

    def _snapshot(self) -> bytes:
        return b"" if self._last is None else cv2.imencode(".jpg", self._last)[1].tobytes()

    # --- orders ---

    async def _restart(self) -> None:
        while True:
            order = await self._reboots.get()
            self._up = False
            await self.rtsp.stop()
            await self.onvif.stop()
            await asyncio.sleep(order["down_s"])
            self._head.find_zero(time.monotonic())
            self._up = True
            await self.rtsp.start()
            await asyncio.sleep(order["onvif_later_s"])
            if self._setup.kind == "ptz":
                await self.onvif.start()

    async def _obey(self, order: Order) -> Order:
        do = order.pop("do", "")
        handler = _ORDERS.get(do)
        if handler is None:
            return {"error": f"no order {do!r}"}
        try:
            return await handler(self, order) or {}
        except (KeyError, TypeError, ValueError, asyncio.QueueFull) as error:
            return {"error": f"{do}: {error!r}"}

    async def _tell_poses(self, order: Order) -> Order:
        since = int(order["since"])
        fresh = [asdict(one) for one in self._poses if one.number > since]
        return {"poses": fresh[:POSES_A_LINE]}

    async def _tell_now(self, _: Order) -> Order:
        return {"now": asdict(self._head.shown(time.monotonic()))}

    async def _set_faults(self, order: Order) -> None:
        self.onvif.faults = Faults(**{**order, "operations": frozenset(order.get("operations", ()))})

    async def _set_lies(self, order: Order) -> None:
        self._reporter.set_lies(_lies(order), time.monotonic())

    async def _set_metadata_faults(self, order: Order) -> None:
        self._metadata.faults = MetadataFaults(**order)

    async def _set_metadata_lies(self, order: Order) -> None:
        self._metadata.reporter.set_lies(_lies(order), time.monotonic())

    async def _set_ageing(self, order: Order) -> None:
        self._reporter.ageing = Ageing(**order)

    async def _reboot(self, order: Order) -> None:
        self._reboots.put_nowait({"down_s": float(order["down_s"]), "onvif_later_s": float(order["onvif_later_s"])})

    async def _set_knock(self, order: Order) -> None:
        self._knock = (float(order["pan_deg"]), float(order["tilt_deg"]))
        if self._eye is not None:
            pan, tilt, fov = self._setup.fisheye
            pan, tilt = pan + self._knock[0], tilt + self._knock[1]
            size = (self._setup.width, self._setup.height)
            make = lambda: FisheyeLens(self._street, *size, pan_deg=pan, tilt_deg=tilt, fov_deg=fov)  # noqa: E731
            self._eye = await asyncio.to_thread(make)

    async def _set_effect(self, order: Order) -> None:
        self._effect = str(order["effect"])

    async def _set_stall(self, order: Order) -> None:
        self._stalled = bool(order["on"])

    async def _set_night(self, order: Order) -> None:
        await asyncio.to_thread(self._street.set_night, bool(order["on"]))

    async def _velocity(self, order: Order) -> None:
        self._head.velocity(time.monotonic(), **order)

    async def _absolute(self, order: Order) -> None:
        self._head.absolute(time.monotonic(), **order)


_ORDERS: dict[str, Callable[[_Camera, Order], Awaitable[Order | None]]] = {
    "poses": _Camera._tell_poses,
    "now": _Camera._tell_now,
    "faults": _Camera._set_faults,
    "lies": _Camera._set_lies,
    "metadata_faults": _Camera._set_metadata_faults,
    "metadata_lies": _Camera._set_metadata_lies,
    "ageing": _Camera._set_ageing,
    "reboot": _Camera._reboot,
    "knock": _Camera._set_knock,
    "effect": _Camera._set_effect,
    "stall": _Camera._set_stall,
    "night": _Camera._set_night,
    "velocity": _Camera._velocity,
    "absolute": _Camera._absolute,
}


def _lies(order: Order) -> Lies:
    if order.get("offset") is not None:
        pan, tilt, zoom = (float(part) for part in order["offset"])
        order["offset"] = (pan, tilt, zoom)
    return Lies(**order)


def spoiled(picture: Picture, effect: str) -> Picture:
    """The picture through a lens that is `covered` or `defocused`; any other word leaves it alone."""
    coarse = {"covered": 64, "defocused": 12}.get(effect)
    if coarse is None:
        return picture
    height, width = picture.shape[:2]
    few = cv2.resize(picture, (max(2, width // coarse), max(2, height // coarse)), interpolation=cv2.INTER_AREA)
    soft = cv2.resize(few, (width, height), interpolation=cv2.INTER_CUBIC)
    return np.asarray(cv2.convertScaleAbs(soft, alpha=0.1, beta=12) if effect == "covered" else soft, np.uint8)


def _device_options(setup: Setup) -> DeviceOptions:
    return DeviceOptions(
        username=setup.username,
        password=setup.password,
        login=setup.login,
        clock_skew_s=setup.clock_skew_s,
        move_status=setup.move_status,
        metadata=setup.metadata,
        ranges=Ranges(spaces=setup.spaces),
        picture=PictureFacts(setup.width, setup.height, setup.fps, setup.bitrate_kbps),
    )


def _setup(line: bytes) -> Setup:
    """JSON knows no tuples and no lens."""
    given: dict[str, Any] = json.loads(line)
    lens = LensTable(*(tuple(column) for column in given.pop("lens").values()))
    plain: dict[str, Any] = {name: tuple(value) if isinstance(value, list) else value for name, value in given.items()}
    return Setup(lens=lens, **plain)


async def _main(folder: Path, told: int) -> None:
    loop = asyncio.get_running_loop()
    orders = asyncio.StreamReader(limit=MOST_LINE_BYTES)
    await loop.connect_read_pipe(lambda: asyncio.StreamReaderProtocol(orders), sys.stdin)

    def tell(answer: Order) -> None:
        line = memoryview((json.dumps(answer) + "\n").encode())
        while line:
            line = line[os.write(told, line) :]

    if not (first := await orders.readline()):
        return
    setup = _setup(first)
    camera = await asyncio.to_thread(_Camera, setup, folder)
    await camera.run(orders, tell)


if __name__ == "__main__":
    cv2.setNumThreads(1)
    answers_go_to = os.dup(1)
    os.dup2(2, 1)  # whatever a library prints must not be taken for an answer
    asyncio.run(_main(Path(sys.argv[1]), answers_go_to))
