"""The virtual head behind its ONVIF endpoint, in a thread with a loop of its own."""

import asyncio
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager

import numpy as np

from agent.clock import SystemClock
from agent.ptz.evidence import HeadLimits
from agent.ptz.head import HeadSettings, TurningHead
from agent.ptz.onvif import OnvifClient
from agent.ptz.optics import Optics
from agent.virtual.head import Head, Limits, Preset
from agent.virtual.metadata import MetadataSender
from agent.virtual.onvif_answers import Ranges, SpaceChoice
from agent.virtual.onvif_device import Device, DeviceOptions, Login
from agent.virtual.onvif_server import OnvifServer
from agent.virtual.reports import Ageing, Reporter
from agent.virtual.rtsp_server import Access, RtspServer
from agent.virtual.video import Encoder

OPTICS = Optics((0.0, 0.5, 1.0), (60.0, 13.4, 3.0))
RANGES = ((-180.0, 180.0), (-90.0, 90.0))


class Rig:
    """A head, what it says, and its server."""

    def __init__(
        self, login: Login, skew_s: float, spaces: SpaceChoice, lost: float, *, move_status: bool, metadata: bool
    ) -> None:
        self.head = Head(Limits(), time.monotonic(), Preset("home", 0.0, 0.0, 0.0))
        self.reporter = Reporter(self.head, Ageing(lost=lost), seed=7)
        options = DeviceOptions(
            "vigie",
            "secret",
            login=login,
            clock_skew_s=skew_s,
            move_status=move_status,
            ranges=Ranges(spaces=spaces),
            metadata=metadata,
        )
        self.device = Device(self.head, options)
        self.server = OnvifServer(self.device, self.reporter)
        self.rtsp = RtspServer(25, metadata=True, access=Access("digest", "vigie", "secret"))
        self.rtsp.describe(Encoder(64, 64, 25, 100).encode(np.zeros((64, 64, 3), np.uint8), 0)[0])
        self.sender = MetadataSender(self.device, Reporter(self.head, Ageing(), seed=8), self.rtsp.publish_metadata)
        self._clients: list[OnvifClient] = []
        self._ready = threading.Event()
        self._over: asyncio.Event | None = None
        self.loop: asyncio.AbstractEventLoop | None = None
        self.thread = threading.Thread(target=lambda: asyncio.run(self._serve()), name="virtual-onvif")

    async def _serve(self) -> None:
        self.loop, self._over = asyncio.get_running_loop(), asyncio.Event()
        await self.rtsp.start()
        self.device.stream = self.rtsp.url
        async with self.server, asyncio.TaskGroup() as tasks:
            sending = tasks.create_task(self.sender.run(), name="metadata")
            self._ready.set()
            await self._over.wait()
            sending.cancel()
        await self.rtsp.stop()

    def start(self) -> None:
        self.thread.start()
        assert self._ready.wait(10)

    def end(self) -> None:
        for client in self._clients:
            client.close()
        assert self.loop is not None
        assert self._over is not None
        self.loop.call_soon_threadsafe(self._over.set)
        self.thread.join(10)
        assert not self.thread.is_alive()

    def call(self, what: str, server: str = "server") -> None:
        """`start` or `stop` of the `server`, or of its `rtsp`: a head that is unplugged and comes back."""
        assert self.loop is not None
        asyncio.run_coroutine_threadsafe(getattr(getattr(self, server), what)(), self.loop).result(10)

    @property
    def pan_deg(self) -> float:
        """Where the head truly is."""
        self.head.advance(time.monotonic())
        return self.head.shown(time.monotonic()).pan_deg

    @property
    def turning(self) -> bool:
        self.head.advance(time.monotonic())
        return self.head.shown(time.monotonic()).turning

    def client(self, password: str = "secret") -> OnvifClient:
        """A client that is closed with the rig."""
        self._clients.append(OnvifClient(self.server.url, "vigie", password, SystemClock(), RANGES))
        return self._clients[-1]

    def turning_head(self, **limits: float) -> TurningHead:
        settings = HeadSettings(
            "parvis-ptz", self.server.url, "vigie", "secret", None, *RANGES, HeadLimits(**limits), OPTICS
        )
        return TurningHead(settings, SystemClock())


@contextmanager
def virtual_head(
    login: Login = "either",
    skew_s: float = 0.0,
    spaces: SpaceChoice = "generic",
    lost: float = 0.0,
    *,
    move_status: bool = True,
    metadata: bool = False,
) -> Iterator[Rig]:
    """A running `Rig`; `metadata`: its profile offers that stream."""
    rig = Rig(login, skew_s, spaces, lost, move_status=move_status, metadata=metadata)
    rig.start()
    try:
        yield rig
    finally:
        rig.end()


def wait_until(true: Callable[[], object], seconds: float = 10.0) -> None:
    """Waits until `true()`; fails after `seconds`."""
    until = time.monotonic() + seconds
    while not true():
        assert time.monotonic() < until, "waited in vain"
        time.sleep(0.01)
