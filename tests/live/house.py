"""A whole live server on made-up cameras with a real encoder behind them, and viewers that really connect."""

import asyncio
import contextlib
import os
import time
from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import asynccontextmanager
from dataclasses import replace
from itertools import count
from typing import Any

import aiohttp
from aiortc import RTCConfiguration, RTCPeerConnection, RTCSessionDescription
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from agent.access.grants import Basis, Grant, GrantJudge, mint
from agent.clock import Clock, Instant, SystemClock, WallTime
from agent.config import Http, Live
from agent.events import Event
from agent.facts import CameraFacts, MastFacts, PtzFacts
from agent.live.server import LiveCamera, LiveServer
from agent.live.steering import Steering
from agent.units import Burned, MaskState
from tests.acting import Deeds
from tests.live.scene import Scene

MAST = "lievin-042"
KEY = Ed25519PrivateKey.generate()
NUMBERS = count(1)


class TestClock:
    """The machine's clocks, which a test can push (`ahead_s` the wall, `late_s` the monotonic one) or spoil."""

    __test__ = False

    def __init__(self) -> None:
        self._real = SystemClock()
        self.ahead_s = 0.0
        self.late_s = 0.0
        self.trusted = True

    def instant(self) -> Instant:
        return Instant(self._real.instant() + int(self.late_s * 1e9))

    def wall(self) -> WallTime:
        wall = self._real.wall()
        return replace(wall, utc_ns=wall.utc_ns + int(self.ahead_s * 1e9), trusted=self.trusted)


def grant_for(*cameras: str, seconds: int = 600, allow: str = "live", **changes: object) -> Grant:
    """A good grant for `cameras`, with `changes`."""
    now = int(time.time())
    grant = Grant(
        jti=f"grant-{next(NUMBERS)}",
        agent_number="4711",
        name="Camille Moreau",
        service="Police municipale",
        masts=(MAST,),
        cameras=cameras,
        allow=frozenset(allow.split(",")),
        basis=Basis("event", "MC-2026-118", "rixe place de la mairie"),
        issued_at=now,
        not_before=now,
        expires_at=now + seconds,
        habilitated_until=None,
        priority=0,
    )
    return replace(grant, **changes)  # type: ignore[arg-type]


def token_for(*cameras: str, key: Ed25519PrivateKey = KEY, **changes: object) -> str:
    """The same, signed."""
    return mint(key, grant_for(*cameras, **changes))  # type: ignore[arg-type]


def bearer_of(token: str) -> dict[str, str]:
    return {"Authorization": f"Bearer {token}"}


class Recorder:
    """Takes every order and remembers it: what stands behind is tested in `tests/ptz`."""

    def __init__(self) -> None:
        self.orders: list[bytes] = []
        self.left: list[str] = []
        self.refused = 0
        self.answer: tuple[int, dict[str, Any]] = (200, {"ok": True})
        self.gate: asyncio.Event | None = None
        self.stands: dict[str, Any] = {"held": "", "patrol": "", "patrols": []}

    async def steer(self, grant: Grant, raw: bytes) -> tuple[int, dict[str, Any]]:
        self.orders.append(raw)
        if self.gate is not None and b"stop" not in raw:
            await self.gate.wait()
        return self.answer

    def count_refused(self) -> None:
        self.refused += 1

    def leave(self, grant: Grant, reason: str = "left") -> None:
        self.left.append(reason)

    def standing(self, grant: Grant) -> dict[str, Any]:
        return self.stands


class House:
    """The server, what it said, and what stands behind it."""

    def __init__(
        self, scene: Scene, tile: Scene, clock: Clock, http: Http, live: Live, steering: Mapping[str, Steering]
    ) -> None:
        self.scene, self.tile, self.clock = scene, tile, clock
        self.events: list[Event] = []
        self.healthy = True
        self.masks: MaskState = Burned(0.0625)
        self.hfov_deg = 60.0
        self._turning = frozenset(steering)
        cameras = {
            name: LiveCamera(name, f"Caméra {name}", scene, tile) for name in ("parvis", "gare", "quai", "ecole")
        }
        self.acts = Deeds(clock)
        self.server = LiveServer(
            http,
            live,
            self.judge(),
            clock,
            cameras,
            self.facts,
            lambda: self.healthy,
            self.events.append,
            self.acts,
            steering,
        )

    def judge(self, *revoked: str) -> GrantJudge:
        return GrantJudge((KEY.public_key(),), MAST, revoked)

    def facts(self) -> MastFacts:
        names = {"parvis": "Parvis, fixe", "gare": "Gare, quai 1", "quai": "Quai du canal", "ecole": "École Jaurès"}
        cameras = tuple(
            CameraFacts(
                id=one,
                name=name,
                capture="live",
                capture_reason="",
                masks=self.masks,
                fps=25.0,
                bitrate_kbps=1010.0,
                width=640,
                height=480,
                encoder="x264",
                recording=True,
                recording_reason="",
                last_segment="20261122T203711.042Z.mp4.age",
                viewers=self.server.viewers(one),
                frames=self.scene.number,
                below_minimum=False,
                dropped={"frames": 0, "vault": 0, "live": 3},
                ptz=PtzFacts(12.34, -4.0, 0.0, self.hfov_deg, False, "", False, 80.0) if one in self._turning else None,
            )
            for one, name in names.items()
        )
        return MastFacts(self.clock.wall(), 12.5, 10**9, 48.0, cameras)

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.server.port}"

    def seen(self, kind: type) -> list[Event]:
        return [event for event in self.events if isinstance(event, kind)]


@asynccontextmanager
async def house(
    scene: Scene,
    tile: Scene | None = None,
    clock: Clock | None = None,
    max_viewers: int = 16,
    steering: Mapping[str, Steering] | None = None,
    **http: object,
) -> AsyncIterator[House]:
    """A running `House`; at the end it must stop cleanly and leave nobody subscribed."""
    settings = Http.model_validate({"listen": "127.0.0.1:0", **http})
    it = House(scene, tile or scene, clock or SystemClock(), settings, Live(max_viewers=max_viewers), steering or {})
    ready = asyncio.Event()
    task = asyncio.create_task(it.server.serve(ready.set))
    waiting = asyncio.create_task(ready.wait())
    await asyncio.wait((task, waiting), return_when=asyncio.FIRST_COMPLETED)
    waiting.cancel()
    if task.done():
        await task
    try:
        yield it
    finally:
        task.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await task
        assert scene.subscribers == 0
        assert it.tile.subscribers == 0


async def until(true: Callable[[], object], seconds: float = 10) -> None:
    """Waits until `true()`; fails after `seconds`."""
    async with asyncio.timeout(seconds):
        while not true():  # noqa: ASYNC110 - what is waited for has no event
            await asyncio.sleep(0.02)


def open_sockets() -> int:
    """How many sockets this process holds."""
    held = 0
    for name in os.listdir("/proc/self/fd"):
        with contextlib.suppress(OSError):
            held += os.readlink(f"/proc/self/fd/{name}").startswith("socket:")
    return held


async def loose_offer() -> str:
    """A good offer whose viewer will never come."""
    peer = RTCPeerConnection(RTCConfiguration(iceServers=[]))
    peer.addTransceiver("video", direction="recvonly")
    await peer.setLocalDescription(await peer.createOffer())
    offer: str = peer.localDescription.sdp
    await peer.close()
    return offer


class Viewer:
    """A WHEP player made of aiortc."""

    def __init__(self, house: House, token: str, camera: str = "parvis", rendition: str = "") -> None:
        self._url = f"{house.url}/whep/{camera}" + (f"?rendition={rendition}" if rendition else "")
        self._house = house
        self._token = token
        self.peer = RTCPeerConnection(RTCConfiguration(iceServers=[]))
        self.status = 0
        self.location = ""

    async def offer(self) -> str:
        self.peer.addTransceiver("video", direction="recvonly")
        await self.peer.setLocalDescription(await self.peer.createOffer())
        return self.peer.localDescription.sdp

    async def __aenter__(self) -> "Viewer":
        headers = {**bearer_of(self._token), "Content-Type": "application/sdp"}
        async with (
            aiohttp.ClientSession() as session,
            session.post(self._url, data=await self.offer(), headers=headers) as response,
        ):
            self.status, answer = response.status, await response.text()
            self.location = self._house.url + response.headers.get("Location", "")
        if self.status == 201:
            await self.peer.setRemoteDescription(RTCSessionDescription(answer, "answer"))
        return self

    @property
    def track(self):  # type: ignore[no-untyped-def]
        return self.peer.getTransceivers()[0].receiver.track

    async def frames(self, wanted: int) -> list:  # type: ignore[type-arg]
        """The next `wanted` decoded pictures."""
        async with asyncio.timeout(20):
            return [await self.track.recv() for _ in range(wanted)]

    async def leave(self) -> int:
        async with (
            aiohttp.ClientSession() as session,
            session.delete(self.location, headers=bearer_of(self._token)) as response,
        ):
            return response.status

    async def __aexit__(self, *_: object) -> None:
        await self.peer.close()
