"""The one TCP listener: TLS, and bounds that hold before any request is understood.

Laws
- TLS 1.2 or newer, from the configured files, wherever a certificate is configured.
- At most `MAX_CONNECTIONS`; a connection that has not sent a whole request within `REQUEST_S`, or idles longer than
  `IDLE_S` between two, is cut. So a thousand slow strangers cost a thousand refused connections and no more.

The HTTP protocol itself is whatever the factory makes; `Guard` stands between it and the socket.
"""

import asyncio
import errno
import ssl
from collections.abc import Callable
from typing import cast

from agent.config import Http, split_listen
from agent.errors import KeyFileError, ListenError
from agent.language import say

MAX_CONNECTIONS = 256
REQUEST_S = 10.0
IDLE_S = 60.0
HANDSHAKE_S = 10.0
LOOK_S = 1.0


class Door:
    """All connections, and until when each may wait for its next whole request; None while a request is at work."""

    def __init__(self) -> None:
        self._waiting: dict[asyncio.BaseTransport, float | None] = {}

    def admit(self, transport: asyncio.BaseTransport) -> bool:
        """False when the house is full."""
        if len(self._waiting) >= MAX_CONNECTIONS:
            return False
        self._waiting[transport] = asyncio.get_running_loop().time() + REQUEST_S
        return True

    def busy(self, transport: asyncio.BaseTransport | None) -> None:
        """A whole request arrived and is being answered."""
        if transport in self._waiting:
            self._waiting[transport] = None

    def idle(self, transport: asyncio.BaseTransport | None) -> None:
        """The answer is on its way; the next request may come."""
        if transport in self._waiting:
            self._waiting[transport] = asyncio.get_running_loop().time() + IDLE_S

    def leave(self, transport: asyncio.BaseTransport | None) -> None:
        """The connection is closed."""
        if transport is not None:
            self._waiting.pop(transport, None)

    async def watch(self) -> None:
        """Cuts connections that wait too long, until cancelled."""
        while True:
            await asyncio.sleep(LOOK_S)
            now = asyncio.get_running_loop().time()
            for transport, until in tuple(self._waiting.items()):
                if until is not None and now > until:
                    cast(asyncio.Transport, transport).abort()


class Guard(asyncio.Protocol):
    """Passes everything on to `inner`, once `door` has admitted the connection."""

    def __init__(self, inner: asyncio.Protocol, door: Door) -> None:
        self._inner = inner
        self._door = door
        self._transport: asyncio.BaseTransport | None = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Refuses at once when the house is full."""
        if not self._door.admit(transport):
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


def tls(http: Http) -> ssl.SSLContext | None:
    """The server's TLS context, or None without a certificate; KeyFileError names the file that is no good."""
    if http.certificate is None or http.private_key is None:
        return None
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    context.set_alpn_protocols(["http/1.1"])
    try:
        context.load_cert_chain(http.certificate, http.private_key)
    except (OSError, ssl.SSLError) as error:
        pair = f"{http.certificate}, {http.private_key}"
        raise KeyFileError(
            say(
                en=f"{pair}: not a PEM certificate with its private key; give the two files that belong together",
                fr=f"{pair} : pas un certificat PEM avec sa clé privée ; donner les deux fichiers assortis",
            )
        ) from error
    return context


async def listen(http: Http, factory: Callable[[], asyncio.Protocol], door: Door) -> asyncio.Server:
    """The listening server; ListenError names the address and the mend when it cannot be had."""
    host, port = split_listen(http.listen)
    context = tls(http)
    try:
        return await asyncio.get_running_loop().create_server(
            lambda: Guard(factory(), door),
            host,
            port,
            ssl=context,
            ssl_handshake_timeout=HANDSHAKE_S if context else None,
        )
    except OSError as error:
        raise ListenError(_why(http.listen, error)) from error


def _why(address: str, error: OSError) -> str:
    if error.errno == errno.EADDRINUSE:
        return say(
            en=f"http.listen {address}: another program listens there; stop it or choose another port",
            fr=f"http.listen {address} : un autre programme y écoute ; l'arrêter ou choisir un autre port",
        )
    what = error.strerror or str(error)
    return say(
        en=f"http.listen {address}: cannot listen ({what}); give an address of this machine and a free port",
        fr=f"http.listen {address} : écoute impossible ({what}) ; donner une adresse de cette machine et un port libre",
    )


def real_port(server: asyncio.Server) -> int:
    """The port that the server got."""
    port: int = server.sockets[0].getsockname()[1]
    return port
