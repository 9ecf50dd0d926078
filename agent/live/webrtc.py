"""The only file that touches aiortc: one `Peer` sends one camera's access units to one viewer, encoded once for all.

    peer = Peer(source, clock, ice_servers, on_change)
    answer = await peer.answer(offer)      # the viewer's own checks complete the connection
    ...
    await peer.close()

Laws
- The source is subscribed to when the connection stands, not before, and left when it ends: a tile is encoded only
  while someone really looks.
- The way is bounded: a `GopQueue`, and no more than `MAX_UNSENT_BYTES` in the socket's own buffer. A viewer that does
  not keep up loses pictures, counted in `dropped`; nobody else notices.
- What the library does with a pre-encoded packet is to cut it and send it. A viewer's keyframe request it only notes
  in a flag that its own encoders read: here it goes to the source (a test sends a real PLI).
- No server on the internet is asked for anything: without configured ICE servers there are none. The library takes
  one STUN and one TURN server; browsers are told all of them.
- Neither the library nor browsers offer loopback candidates: a viewer on this very machine uses the address of any
  other interface, and a machine that has none but lo cannot be watched.
- The libraries' logs name viewers' addresses: only their warnings are kept.
"""

import asyncio
import contextlib
import logging
from collections.abc import Callable, Sequence
from fractions import Fraction
from typing import Any

import av
from aiortc import (
    MediaStreamTrack,
    RTCConfiguration,
    RTCIceServer,
    RTCPeerConnection,
    RTCRtpSender,
    RTCSessionDescription,
)
from aiortc.mediastreams import MediaStreamError
from aiortc.rtcicetransport import parse_stun_turn_uri

from agent.clock import Clock
from agent.config import IceServer, read_secret
from agent.live.answer import canonical, whole_answer
from agent.live.playout import Playout
from agent.live.sdp import Offer
from agent.queues import GopQueue, UnitSource
from agent.units import TICKS_PER_SECOND, AccessUnit

for library in ("aiortc", "aioice"):
    logging.getLogger(library).setLevel(logging.WARNING)

TIME_BASE = Fraction(1, TICKS_PER_SECOND)
QUEUE_UNITS = 256
"""More than a GOP of 2 s at 60 fps, so that a replayed GOP always fits."""
BURST_BYTES = 32 << 10
BURST_PAUSE_S = 0.002
"""A replayed GOP is sent at about 128 Mbit/s: a default receive buffer holds some 90 packets and no more."""
MAX_UNSENT_BYTES = 256 << 10
UNSENT_PAUSE_S = 0.02
CLOSE_S = 5.0


class UnitTrack(MediaStreamTrack):
    """Access units as a track of pre-encoded packets; subscribes at the first `recv`."""

    kind = "video"

    def __init__(self, source: UnitSource, clock: Clock, unsent: Callable[[], int]) -> None:
        super().__init__()
        self._source = source
        self._clock = clock
        self._unsent = unsent
        self._running = asyncio.get_running_loop()
        self._ready = asyncio.Event()
        self._waking = False
        self._queue = GopQueue(QUEUE_UNITS, on_ready=self._wake)
        self._playout: Playout | None = None
        self._burst = 0

    @property
    def dropped(self) -> int:
        """Units that this viewer lost."""
        return self._queue.dropped + (self._playout.dropped if self._playout else 0)

    def _wake(self) -> None:
        """From the encoder's thread: at most one wake-up is under way at a time."""
        if not self._waking:
            self._waking = True
            with contextlib.suppress(RuntimeError):  # the loop has closed: nobody is left to wake
                self._running.call_soon_threadsafe(self._woken)

    def _woken(self) -> None:
        self._waking = False
        self._ready.set()

    def _subscribe(self) -> Playout:
        playout = Playout(self._clock.instant())
        self._source.subscribe(self._queue, replay=True)
        self._source.request_keyframe()
        return playout

    async def _next(self) -> AccessUnit:
        while True:
            if self._unsent() > MAX_UNSENT_BYTES:
                await asyncio.sleep(UNSENT_PAUSE_S)
                continue
            self._ready.clear()
            if (unit := self._queue.get()) is not None:
                return unit
            if self._queue.closed:
                raise MediaStreamError
            await self._ready.wait()

    async def _pace(self, unit: AccessUnit) -> None:
        self._burst += len(unit.data)
        if self._burst > BURST_BYTES:
            self._burst = 0
            await asyncio.sleep(BURST_PAUSE_S)

    async def recv(self) -> "av.Packet[Any]":
        """The next access unit as an Annex B packet with its RTP timestamp; MediaStreamError at the end."""
        if self._playout is None:
            self._playout = self._subscribe()
        playout = self._playout
        while True:
            unit = await self._next()
            lost = playout.dropped
            stamp = playout.stamp(unit, self._clock.instant())
            if stamp is None:
                if lost == 0:
                    self._source.request_keyframe()
                continue
            if playout.replayed(unit):
                await self._pace(unit)
            packet = av.Packet(unit.data)
            packet.pts = stamp
            packet.time_base = TIME_BASE
            return packet

    def stop(self) -> None:
        """Leaves the source; called by the library when the sender ends, and by `Peer.close`."""
        self._source.unsubscribe(self._queue)
        self._queue.close()
        super().stop()


def _understood(url: str) -> bool:
    """True for a URL that the library takes: it knows no IPv6 literals. Browsers are told every configured one."""
    try:
        parse_stun_turn_uri(url)
    except ValueError:
        return False
    return True


def ice_servers(servers: Sequence[IceServer]) -> list[RTCIceServer]:
    """The configured servers in the library's terms; the passwords are read now."""
    return [
        RTCIceServer(
            urls=[url for url in one.urls if _understood(url)],
            username=one.username or None,
            credential=read_secret(one.password_file) or None,
        )
        for one in servers
    ]


def _h264() -> list[object]:
    return [
        codec for codec in RTCRtpSender.getCapabilities("video").codecs if codec.mimeType in ("video/H264", "video/rtx")
    ]


class Peer:
    """One viewer's WebRTC connection. `on_change` is called in the loop when `connected` or `gone` may have changed."""

    def __init__(
        self, source: UnitSource, clock: Clock, servers: Sequence[IceServer], on_change: Callable[[], None]
    ) -> None:
        self._connection = RTCPeerConnection(RTCConfiguration(iceServers=ice_servers(servers)))
        self._track = UnitTrack(source, clock, self._unsent)
        self._on_change = on_change
        transceiver = self._connection.addTransceiver(self._track, direction="sendonly")
        transceiver.setCodecPreferences(_h264())  # type: ignore[arg-type]
        self._sender = transceiver.sender
        self._sender._send_keyframe = source.request_keyframe  # type: ignore[method-assign]
        self._connection.on("connectionstatechange", self._changed)

    @property
    def connected(self) -> bool:
        """True once packets can flow, and from then on."""
        return self._connected

    _connected = False

    @property
    def gone(self) -> bool:
        """True when the viewer left, vanished, or could never be reached."""
        return self._connection.connectionState in ("failed", "closed") or self._track.readyState == "ended"

    @property
    def dropped(self) -> int:
        """Access units that this viewer lost so far."""
        return self._track.dropped

    def _changed(self) -> None:
        self._connected = self._connected or self._connection.connectionState == "connected"
        self._on_change()

    def _unsent(self) -> int:
        """Bytes that wait in the socket's buffer of the pair in use."""
        connection = self._sender.transport.transport._connection
        pair = connection._nominated.get(1)
        transport = pair.protocol.transport if pair else None
        return transport.get_write_buffer_size() if isinstance(transport, asyncio.WriteTransport) else 0

    async def answer(self, offer: Offer) -> str:
        """The SDP answer, with this machine's candidates complete in it (RFC 9725 section 4.3.1: no trickle)."""
        await self._connection.setRemoteDescription(RTCSessionDescription(canonical(offer), "offer"))
        await self._connection.setLocalDescription(await self._connection.createAnswer())
        return whole_answer(offer, self._connection.localDescription.sdp)

    async def close(self) -> None:
        """Says goodbye to the viewer and frees the sockets; safe to call twice, never raises."""
        self._connection.remove_all_listeners()
        self._track.stop()
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(CLOSE_S):
                await self._connection.close()
