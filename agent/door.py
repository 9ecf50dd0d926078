"""Who may come in: bounds on connections that hold before any request is understood.

    server = await loop.create_server(lambda: Guard(factory(), door), host, port)

Laws
- At most `connections` at once, and `of_one_peer` from one address (an IPv6 /64 counts as one).
- Whoever has not sent a whole request within `request_s`, or idles longer than `idle_s` between two, is cut.
- A newcomer is let in where somebody only waits: of a peer that has its share, its own longest waiting gives way; of a
  full house, the longest waiting of the peer that has the most. So slow strangers and floods push each other out, and
  one who comes once and at once has his answer.

The protocol itself is whatever the factory makes; `Guard` stands between it and the socket. Where there is TLS,
`Handshake` stands before both: asyncio would let in whoever has not even shaken hands, uncounted.
"""

import asyncio
import ipaddress
import ssl
from asyncio.sslproto import SSLProtocol
from collections import Counter
from dataclasses import dataclass
from typing import Any, cast

LOOK_S = 1.0


@dataclass(frozen=True, slots=True)
class Bounds:
    """How many, and how long each may wait."""

    connections: int
    of_one_peer: int
    request_s: float
    idle_s: float
    look_s: float = LOOK_S


@dataclass(slots=True)
class _Guest:
    """A connection: whose it is, since when, and until when it may wait; `until_s` None while a request is at work."""

    peer: str
    since_s: float
    until_s: float | None


def peer_of(transport: asyncio.BaseTransport) -> str:
    """The address that a share is counted for."""
    name = transport.get_extra_info("peername")
    try:
        found = ipaddress.ip_address(str(name[0]).partition("%")[0])
    except (TypeError, IndexError, ValueError):
        return ""
    if isinstance(found, ipaddress.IPv6Address):
        return str(found.ipv4_mapped or ipaddress.ip_network((int(found) >> 64 << 64, 64)))
    return str(found)


class Door:
    """All connections, and until when each may wait for its next whole request."""

    def __init__(self, bounds: Bounds) -> None:
        self._bounds = bounds
        self._guests: dict[asyncio.BaseTransport, _Guest] = {}
        self._shares: Counter[str] = Counter()

    def admit(self, transport: asyncio.BaseTransport) -> bool:
        """False when there is no room and nobody who only waits."""
        peer, now_s = peer_of(transport), asyncio.get_running_loop().time()
        if self._shares[peer] >= self._bounds.of_one_peer:
            admitted = self._give_way(peer)
        elif len(self._guests) >= self._bounds.connections:
            admitted = self._give_way(self._shares.most_common(1)[0][0])
        else:
            admitted = True
        if admitted:
            self._guests[transport] = _Guest(peer, now_s, now_s + self._bounds.request_s)
            self._shares[peer] += 1
        elif not self._shares[peer]:
            del self._shares[peer]
        return admitted

    def _give_way(self, peer: str) -> bool:
        """Cuts the longest waiting of `peer`; False where all of its are at work."""
        waiting = (one for one, guest in self._guests.items() if guest.peer == peer and guest.until_s is not None)
        oldest = min(waiting, key=lambda one: self._guests[one].since_s, default=None)
        if oldest is None:
            return False
        self.leave(oldest)
        cast(asyncio.Transport, oldest).abort()
        return True

    def busy(self, transport: asyncio.BaseTransport | None) -> None:
        """A whole request arrived and is being answered."""
        if transport is not None and (guest := self._guests.get(transport)):
            guest.until_s = None

    def idle(self, transport: asyncio.BaseTransport | None) -> None:
        """The answer is on its way; the next request may come."""
        if transport is not None and (guest := self._guests.get(transport)):
            guest.since_s = asyncio.get_running_loop().time()
            guest.until_s = guest.since_s + self._bounds.idle_s

    def leave(self, transport: asyncio.BaseTransport | None) -> None:
        """The connection is closed."""
        if transport is not None and (guest := self._guests.pop(transport, None)):
            self._shares[guest.peer] -= 1
            if not self._shares[guest.peer]:
                del self._shares[guest.peer]

    def hand_over(self, before: asyncio.BaseTransport, now: asyncio.BaseTransport) -> bool:
        """The same connection, from here on called `now`, may send its request; False when it had to leave."""
        guest = self._guests.pop(before, None)
        if guest is None:
            return False
        guest.until_s = asyncio.get_running_loop().time() + self._bounds.request_s
        self._guests[now] = guest
        return True

    async def watch(self) -> None:
        """Cuts connections that wait too long, until cancelled."""
        while True:
            await asyncio.sleep(self._bounds.look_s)
            now_s = asyncio.get_running_loop().time()
            for transport, guest in tuple(self._guests.items()):
                if guest.until_s is not None and now_s > guest.until_s:
                    cast(asyncio.Transport, transport).abort()


class Guard(asyncio.Protocol):
    """Passes everything on to `inner`, once `door` has admitted the connection."""

    def __init__(self, inner: asyncio.Protocol, door: Door) -> None:
        self._inner = inner
        self._door = door
        self._transport: asyncio.BaseTransport | None = None
        self.admitted: asyncio.BaseTransport | None = None
        """As what the door knows it already."""

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Refuses at once when the house is full."""
        before = self.admitted
        if not (self._door.admit(transport) if before is None else self._door.hand_over(before, transport)):
            cast(asyncio.Transport, transport).abort()
            return
        self._transport = transport
        self._inner.connection_made(transport)

    def data_received(self, data: bytes) -> None:
        """Bytes from the peer."""
        if self._transport is not None:
            self._inner.data_received(data)

    def eof_received(self) -> bool | None:
        """The peer will send no more."""
        return self._inner.eof_received() if self._transport is not None else None

    def connection_lost(self, exc: Exception | None) -> None:
        """The connection is over."""
        self._door.leave(self._transport)
        if self._transport is not None:
            self._inner.connection_lost(exc)

    def pause_writing(self) -> None:
        """The socket's buffer is full."""
        self._inner.pause_writing()

    def resume_writing(self) -> None:
        """The socket's buffer has room again."""
        self._inner.resume_writing()


class Handshake(SSLProtocol):
    """asyncio's own TLS between the socket and `guard`; counts at the door from the connection on."""

    def __init__(self, guard: Guard, door: Door, context: ssl.SSLContext, handshake_s: int) -> None:
        loop = asyncio.get_running_loop()
        nobody: Any = None  # waits for the handshake
        super().__init__(loop, guard, context, nobody, server_side=True, ssl_handshake_timeout=handshake_s)
        self._guard = guard
        self._door = door
        self._socket: asyncio.BaseTransport | None = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Refuses at once when the house is full; else the handshake begins."""
        if not self._door.admit(transport):
            cast(asyncio.Transport, transport).abort()
            return
        self._socket = self._guard.admitted = transport
        super().connection_made(transport)

    def connection_lost(self, exc: BaseException | None) -> None:
        """The connection is over, shaken hands or not."""
        self._door.leave(self._socket)
        if self._socket is not None:
            super().connection_lost(exc)
