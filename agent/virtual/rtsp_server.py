"""A live RTSP server on 127.0.0.1, over TCP: one H.264 stream, its metadata beside it, any number of viewers.

    server = RtspServer(fps=25, wants_keyframe=encoder.force)
    server.describe(first_keyframe)
    await server.start()
    server.publish(access_unit, pts_90k, time.time(), keyframe=True)
    server.publish_metadata(document, pts_90k)

Servers of files play what is on disk at their own pace; a head that turns needs its pictures sent at the moment that
the latency model says, with the timestamps of their exposure.

Laws
- A viewer that does not keep up loses pictures until the next keyframe; its queue holds `WAITING` at most.
- A viewer gets the tracks that it has set up and no other.
"""

import asyncio
import base64
import hmac
import random
import secrets
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Literal

from agent.virtual import rtsp
from agent.virtual.soap import http_digest_holds

WAITING = 50
REPORT_EVERY_S = 5.0
MOST_HEADER_BYTES = 1 << 14
REALM = "virtual"


@dataclass(frozen=True, slots=True)
class Access:
    """Who may watch; `none` lets anybody."""

    login: Literal["none", "basic", "digest"] = "none"
    username: str = ""
    password: str = field(default="", repr=False)


@dataclass(frozen=True, slots=True)
class _Unit:
    """What waits for a viewer: an access unit exposed at `taken_s` UTC, or a metadata document."""

    data: bytes
    pts_90k: int
    taken_s: float
    metadata: bool = False


@dataclass(slots=True, eq=False)
class _Viewer:
    writer: asyncio.StreamWriter
    queue: asyncio.Queue[_Unit] = field(default_factory=lambda: asyncio.Queue(WAITING))
    video: tuple[int, int] | None = None
    metadata: tuple[int, int] | None = None
    playing: bool = False
    synced: bool = False
    nonce: str = field(default_factory=lambda: secrets.token_hex(16))


class RtspServer:
    """`wants_keyframe` is called when a viewer begins; `path` is the stream's; `metadata` adds that track."""

    def __init__(
        self,
        fps: int,
        wants_keyframe: Callable[[], None] = lambda: None,
        path: str = "/stream",
        *,
        metadata: bool = False,
        access: Access | None = None,
    ) -> None:
        self.port = 0
        self.heard: dict[str, int] = {}
        self._fps, self._wants_keyframe, self._path = fps, wants_keyframe, path
        self._metadata, self._access = metadata, access or Access()
        self._sdp = ""
        self._server: asyncio.Server | None = None
        self._viewers: set[_Viewer] = set()

    @property
    def url(self) -> str:
        """Where the stream is."""
        return f"rtsp://127.0.0.1:{self.port}{self._path}"

    @property
    def viewers(self) -> int:
        """How many play it."""
        return sum(viewer.playing for viewer in self._viewers)

    def describe(self, keyframe: bytes) -> None:
        """Tells it the stream's parameter sets; before `start`."""
        self._sdp = rtsp.sdp(keyframe, self._fps, metadata=self._metadata)

    async def start(self) -> None:
        """Listens, at the same port as before when there was one."""
        self._server = await asyncio.start_server(self._serve, "127.0.0.1", self.port, limit=MOST_HEADER_BYTES)
        self.port = int(self._server.sockets[0].getsockname()[1])

    async def stop(self) -> None:
        """Refuses connections from here on; viewers are cut off."""
        if self._server is not None:
            self._server.close()
            for viewer in tuple(self._viewers):
                viewer.writer.transport.abort()
            self._server = None

    def publish(self, access_unit: bytes, pts_90k: int, taken_s: float, *, keyframe: bool) -> None:
        """Hands one access unit, exposed at `taken_s` UTC, to everybody who plays."""
        for viewer in self._viewers:
            if not viewer.playing or viewer.video is None or not (viewer.synced or keyframe):
                continue
            if viewer.queue.full():
                viewer.synced = False
                while not viewer.queue.empty():
                    viewer.queue.get_nowait()
                continue
            viewer.synced = True
            viewer.queue.put_nowait(_Unit(access_unit, pts_90k, taken_s))

    def publish_metadata(self, document: bytes, pts_90k: int) -> None:
        """Hands one XML document to everybody who plays that track; who does not keep up loses it."""
        for viewer in self._viewers:
            if viewer.playing and viewer.metadata is not None and not viewer.queue.full():
                viewer.queue.put_nowait(_Unit(document, pts_90k, 0.0, metadata=True))

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        viewer = _Viewer(writer)
        self._viewers.add(viewer)
        try:
            async with asyncio.TaskGroup() as tasks:
                sending = tasks.create_task(self._send(viewer), name="rtsp-send")
                await self._converse(viewer, reader)
                sending.cancel()
        except* _GONE:
            pass
        finally:
            self._viewers.discard(viewer)
            writer.transport.abort()

    async def _converse(self, viewer: _Viewer, reader: asyncio.StreamReader) -> None:
        while True:
            first = await reader.readexactly(1)
            if first == b"$":  # the viewer's own RTCP
                head = await reader.readexactly(3)
                await reader.readexactly(int.from_bytes(head[1:], "big"))
                continue
            request = rtsp.parse((first + await reader.readuntil(b"\r\n\r\n")).decode("utf-8", "replace").strip())
            await reader.readexactly(min(int(request.headers.get("content-length", "0")), MOST_HEADER_BYTES))
            self.heard[request.method] = self.heard.get(request.method, 0) + 1
            viewer.writer.write(self._answer(viewer, request))
            await viewer.writer.drain()
            if request.method == "TEARDOWN":
                return

    def _may(self, viewer: _Viewer, request: rtsp.Request) -> bool:
        access, given = self._access, request.headers.get("authorization", "")
        match access.login:
            case "basic":
                right = base64.b64encode(f"{access.username}:{access.password}".encode()).decode()
                return hmac.compare_digest(given.encode(), f"Basic {right}".encode())
            case "digest":
                return http_digest_holds(given, request.method, viewer.nonce, access.username, access.password)
        return True

    def _answer(self, viewer: _Viewer, request: rtsp.Request) -> bytes:
        session = {"Session": "1;timeout=60"}
        if request.method != "OPTIONS" and not self._may(viewer, request):
            digest = f'Digest realm="{REALM}", qop="auth", nonce="{viewer.nonce}"'
            wanted = digest if self._access.login == "digest" else f'Basic realm="{REALM}"'
            return rtsp.answer(request, "401 Unauthorized", {"WWW-Authenticate": wanted})
        match request.method:
            case "OPTIONS":
                return rtsp.answer(
                    request, "200 OK", {"Public": "OPTIONS, DESCRIBE, SETUP, PLAY, GET_PARAMETER, TEARDOWN"}
                )
            case "DESCRIBE" if request.url.rstrip("/").endswith(self._path):
                return rtsp.answer(request, "200 OK", {"Content-Base": f"{self.url}/"}, self._sdp)
            case "DESCRIBE":
                return rtsp.answer(request, "404 Not Found")
            case "SETUP":
                transport = request.headers.get("transport", "")
                if (given := rtsp.channels(transport)) is None:
                    return rtsp.answer(request, "461 Unsupported Transport")
                if self._metadata and request.url.endswith(rtsp.METADATA_TRACK):
                    viewer.metadata = given
                else:
                    viewer.video = given
                chosen = f"RTP/AVP/TCP;unicast;interleaved={given[0]}-{given[1]}"
                return rtsp.answer(request, "200 OK", {"Transport": chosen, **session})
            case "PLAY":
                viewer.playing = True
                if viewer.metadata is None:
                    viewer.video = viewer.video or (0, 1)
                self._wants_keyframe()
                return rtsp.answer(request, "200 OK", {"Range": "npt=0.000-", **session})
            case "GET_PARAMETER" | "TEARDOWN":
                return rtsp.answer(request, "200 OK", session)
            case _:
                return rtsp.answer(request, "405 Method Not Allowed")

    async def _send(self, viewer: _Viewer) -> None:
        video: rtsp.Packetiser | None = None
        told: rtsp.Packetiser | None = None
        reported_s = 0.0
        while True:
            unit = await viewer.queue.get()
            if unit.metadata:
                assert viewer.metadata is not None
                told = told or rtsp.Packetiser(random.getrandbits(32), *viewer.metadata, rtsp.METADATA_TYPE)
                viewer.writer.write(told.document(unit.data, unit.pts_90k))
                await viewer.writer.drain()
                continue
            assert viewer.video is not None
            video = video or rtsp.Packetiser(random.getrandbits(32), *viewer.video)
            data = video.packets(unit.data, unit.pts_90k)
            if time.monotonic() - reported_s > REPORT_EVERY_S:
                reported_s = time.monotonic()
                data += video.sender_report(unit.taken_s, unit.pts_90k)
            viewer.writer.write(data)
            await viewer.writer.drain()


_GONE = (ConnectionError, asyncio.IncompleteReadError, asyncio.LimitOverrunError, rtsp.BadRequest, ValueError)
