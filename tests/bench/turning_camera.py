"""A 1080p25 camera whose head goes the same way over and over, as cheap to serve as a film: a process of its own.

    with TurningCamera("sweeps") as camera:
        camera.rtsp_url, camera.onvif_url
        camera.orders()                 # (monotonic ns, pan) of every ContinuousMove that has arrived

The turning street is drawn and encoded once, with the true pose of every moment, and kept under build/bench. What is
served then is the film in real time and, over ONVIF, where the head was in it: late and jittered as always. Drawing it
live at this size would take more than the agent that is measured. Orders are counted and change nothing.

`rest` stands still; `sweeps` turns at up to 30 degrees a second and zooms, with stops, and ends where it began.
"""

import asyncio
import json
import os
import pickle
import subprocess
import sys
import time
from pathlib import Path
from types import TracebackType
from typing import Any, Literal, Self

import cv2

from agent.virtual.head import STEP_S, Head, Limits, Preset, Shown
from agent.virtual.onvif_device import Device, DeviceOptions
from agent.virtual.onvif_server import OnvifServer
from agent.virtual.render import Lens, TurningStreet
from agent.virtual.reports import Ageing, Reporter
from agent.virtual.rtsp_server import RtspServer
from agent.virtual.video import Encoder

ROOT = Path(__file__).resolve().parents[2]
FOLDER = ROOT / "build" / "bench" / "turning"
WIDTH, HEIGHT, FPS, KBPS = 1920, 1080, 25, 5000
SECONDS = 16
START = Preset("home", -10.0, 0.0, 0.0)
VIDEO_AGE_S = 0.08
LOGIN = ("vigie", "turning")

Way = Literal["rest", "sweeps"]
WAYS: dict[Way, tuple[tuple[float, float, float, float], ...]] = {
    "rest": (),
    # (second, pan, zoom, share of the top speed)
    "sweeps": ((1.0, 25.0, 0.0, 0.25), (4.0, -30.0, 0.0, 0.25), (7.0, -10.0, 0.3, 0.2), (11.0, -10.0, 0.0, 0.2)),
}


def travel(way: Way) -> list[Shown]:
    """Where the head is at each step of the film's length."""
    head = Head(Limits(), 0.0, START)
    orders = list(WAYS[way])
    poses = []
    for step in range(round(SECONDS / STEP_S)):
        now_s = step * STEP_S
        if orders and orders[0][0] <= now_s:
            _, pan_deg, zoom, speed = orders.pop(0)
            head.absolute(now_s, pan_deg=pan_deg, tilt_deg=0.0, zoom=zoom, speed=speed)
        poses.append(head.shown(now_s))
    return poses


def film(way: Way, poses: list[Shown]) -> list[tuple[bytes, bool]]:
    """Each picture's access unit and whether it is a keyframe; made once."""
    path = FOLDER / f"{way}.pickle"
    if not path.exists():
        lens = Lens(TurningStreet(FOLDER / "street"), WIDTH, HEIGHT)
        encoder = Encoder(WIDTH, HEIGHT, FPS, KBPS)
        units = []
        for number in range(SECONDS * FPS):
            shown = poses[round(number / FPS / STEP_S)]
            picture = lens.picture(shown.view(), number / FPS)
            units.append(encoder.encode(picture, round(number * 90_000 / FPS)))
        fresh = path.with_suffix(f".{os.getpid()}")
        fresh.write_bytes(pickle.dumps(units))
        fresh.rename(path)
    units = pickle.loads(path.read_bytes())  # our own file
    return [(bytes(data), bool(keyframe)) for data, keyframe in units]


class _OnRails(Head):
    """A head that follows the film and only counts its orders."""

    def __init__(self, poses: list[Shown]) -> None:
        super().__init__(Limits(), 0.0, START)
        self._poses = poses
        self.began_s = 0.0
        self.orders: list[tuple[int, float]] = []

    def advance(self, now_s: float) -> None:
        """The film moves it."""

    def shown(self, at_s: float) -> Shown:
        """Where the film is at that moment."""
        return self._poses[int((at_s - self.began_s) / STEP_S) % len(self._poses)]

    def velocity(
        self, now_s: float, *, pan: float | None, tilt: float | None, zoom: float | None, timeout_s: float
    ) -> None:
        """An order has arrived."""
        self.orders.append((time.monotonic_ns(), pan or 0.0))


async def _serve(way: Way) -> None:
    poses = travel(way)
    units = film(way, poses)
    head = _OnRails(poses)
    device = Device(head, DeviceOptions(*LOGIN))
    rtsp, onvif = RtspServer(FPS), OnvifServer(device, Reporter(head, Ageing(), seed=1))
    rtsp.describe(units[0][0])
    await rtsp.start()
    await onvif.start()
    head.began_s = time.monotonic()
    playing = asyncio.create_task(_play(rtsp, units, head.began_s), name="film")
    print(json.dumps({"rtsp": rtsp.url, "onvif": onvif.url}), flush=True)
    reader = asyncio.StreamReader()
    await asyncio.get_running_loop().connect_read_pipe(lambda: asyncio.StreamReaderProtocol(reader), sys.stdin)
    while await reader.readline():
        print(json.dumps(head.orders), flush=True)
    playing.cancel()
    await onvif.stop()
    await rtsp.stop()


async def _play(rtsp: RtspServer, units: list[tuple[bytes, bool]], began_s: float) -> None:
    """Sends each picture a fixed while after its exposure, over and over; the first of each round is a keyframe."""
    number = 0
    while True:
        taken_s = began_s + number / FPS
        await asyncio.sleep(taken_s + VIDEO_AGE_S - time.monotonic())
        data, keyframe = units[number % len(units)]
        rtsp.publish(data, round(number * 90_000 / FPS), time.time() - VIDEO_AGE_S, keyframe=keyframe)
        number += 1


class TurningCamera:
    """The process, as long as the `with` block lasts. The first one of its way takes minutes to draw."""

    def __init__(self, way: Way) -> None:
        self._way = way

    def __enter__(self) -> Self:
        FOLDER.mkdir(parents=True, exist_ok=True)
        command = [sys.executable, "-m", "tests.bench.turning_camera", self._way]
        self._process = subprocess.Popen(command, cwd=ROOT, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
        told = self._line()
        self.rtsp_url, self.onvif_url = str(told["rtsp"]), str(told["onvif"])
        return self

    def _line(self) -> Any:
        assert self._process.stdout is not None
        line = self._process.stdout.readline()
        if not line:
            raise RuntimeError("the turning camera has ended; what it printed says why")
        return json.loads(line)

    def orders(self) -> list[tuple[int, float]]:
        """(monotonic ns, pan) of every ContinuousMove so far."""
        assert self._process.stdin is not None
        self._process.stdin.write("orders\n")
        self._process.stdin.flush()
        return [(int(at), float(pan)) for at, pan in self._line()]

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        assert self._process.stdin is not None
        self._process.stdin.close()
        try:
            self._process.wait(10)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()


if __name__ == "__main__":
    cv2.setNumThreads(1)
    asked = sys.argv[1]
    assert asked in ("rest", "sweeps")
    asyncio.run(_serve(asked))
