"""The metadata track of a camera over RTSP: one connection, one track, whole documents out.

    with MetadataLink(url, login, clock) as link:      # HeadError when it cannot be had
        for document in link.documents():              # blocks; ends with HeadSilent, never quietly
            ...
    link.cut()                                         # from another thread

Our own small client, because libavformat cannot serve here: it keeps no session alive while nothing comes (many cameras
tell a position only when it changes), loses its place when a packet stalls half-way, and does not give the packet's
mark. `rtsp` decides what bytes mean; here are the socket, its deadlines and the login.

Laws
- Only the metadata track is set up: no picture and nothing audible comes over this connection.
- Every wait has an end: opening by `OPEN_S`, and what answers nothing at all, not even the questions that keep the
  session alive, is HeadSilent.
- The password leaves as a digest wherever the camera takes one; in the clear (Basic) only where `plain` allows it.
- Errors name the host and what happened, never a credential.
"""

import base64
import contextlib
import secrets
import socket
import ssl
import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from types import TracebackType
from typing import Self
from urllib.parse import urlsplit

from agent.clock import Clock
from agent.errors import HeadError, HeadRefused, HeadSilent
from agent.language import say
from agent.ptz import digest
from agent.ptz.rtsp import (
    Assembler,
    BadStream,
    Chunk,
    Document,
    Interleaved,
    Reply,
    channel_of,
    metadata_track,
    packet_of,
    request,
    session_of,
)

OPEN_S = 8.0
TICK_S = 0.5
ANSWER_S = 10.0
"""The latest that a question which keeps the session alive is answered."""
MOST_BYTES = 1 << 16
PORTS = {"rtsp": 554, "rtsps": 322}


@dataclass(frozen=True, slots=True)
class Login:
    """Who we are there. `plain`: the password may go in the clear, as the ONVIF address has no TLS either."""

    username: str
    password: str = field(repr=False)
    ca_file: Path | None = None
    plain: bool = False


class MetadataLink:
    """One connection at a time; one thread uses it, any thread may `cut` it."""

    def __init__(self, url: str, login: Login, clock: Clock) -> None:
        self.url = url
        self._login = login
        self._clock = clock
        self._socket: socket.socket | None = None
        self._cut = False
        self._reset()

    def _reset(self) -> None:
        self._stream = Interleaved()
        self._assembler = Assembler()
        self._ready: list[Reply | Chunk] = []
        self._challenge: digest.Challenge | None = None
        self._basic = False
        self._count = self._cseq = 0
        self._session, self._timeout_s = "", 60
        self._channel = 0
        self._whole = self.url
        self._received = self._clock.instant()
        self._retried = False

    @property
    def lost(self) -> int:
        """Documents of this connection of which a packet was missing, or that were too large."""
        return self._assembler.lost

    def cut(self) -> None:
        """Ends what is under way with HeadSilent."""
        self._cut = True
        held = self._socket
        if held is not None:
            with contextlib.suppress(OSError):
                held.shutdown(socket.SHUT_RDWR)

    def __enter__(self) -> Self:
        """Connects and plays the metadata track; HeadRefused when there is none, or the password is wrong."""
        self._reset()
        until = time.monotonic() + OPEN_S
        try:
            self._connect(until)
            self._play(until)
        except (OSError, BadStream) as error:
            self._close()
            raise self._silent(error) from None
        except HeadError:
            self._close()
            raise
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._session and self._socket is not None and not self._cut:
            with contextlib.suppress(OSError):
                self._send("TEARDOWN", self._whole)
        self._close()

    def _close(self) -> None:
        held, self._socket = self._socket, None
        if held is not None:
            held.close()

    # --- opening ---

    def _connect(self, until: float) -> None:
        parts = urlsplit(self.url)
        held = socket.create_connection((parts.hostname or "", parts.port or PORTS[parts.scheme]), _left(until))
        self._socket = held
        held.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        if parts.scheme == "rtsps":
            context = ssl.create_default_context(cafile=self._login.ca_file)
            held.settimeout(_left(until))
            self._socket = context.wrap_socket(held, server_hostname=parts.hostname)

    def _play(self, until: float) -> None:
        described = self._ask("DESCRIBE", self.url, until, {"Accept": "application/sdp"})
        self._whole, track = metadata_track(described, self.url)
        if not track:
            raise HeadRefused(
                say(en="the camera's stream has no metadata track", fr="le flux de la caméra n'a pas de métadonnées")
            )
        wanted = {"Transport": "RTP/AVP/TCP;unicast;interleaved=0-1"}
        reply = self._ask("SETUP", track, until, wanted)
        self._session, self._timeout_s = session_of(reply)
        self._channel = channel_of(reply, 0)
        self._ask("PLAY", self._whole, until, {"Range": "npt=0.000-"})

    def _ask(self, method: str, url: str, until: float, headers: dict[str, str]) -> Reply:
        """The answer to one request, with the login that the camera wants; HeadRefused for any but a good one."""
        for last in (False, True):
            self._send(method, url, headers)
            reply = self._reply(until)
            if reply.status == 401 and not last and self._take_challenge(reply):
                continue
            if reply.status == 401:
                raise HeadRefused(
                    say(
                        en="the camera refuses the password for its metadata; check password_file",
                        fr="mot de passe refusé pour les métadonnées ; voir password_file",
                    )
                )
            if reply.status != 200:
                raise HeadRefused(
                    say(
                        en=f"the camera refuses its metadata ({method}: {reply.status})",
                        fr=f"la caméra refuse ses métadonnées ({method} : {reply.status})",
                    )
                )
            return reply
        raise AssertionError  # the second round always returns or raises

    def _reply(self, until: float) -> Reply:
        """The answer to the request that was sent last; what comes besides is left out."""
        while True:
            for at, one in enumerate(self._ready):
                if isinstance(one, Reply) and one.headers.get("cseq", "").strip() == str(self._cseq):
                    del self._ready[: at + 1]
                    return one
            self._ready = self._receive(until)

    def _take_challenge(self, reply: Reply) -> bool:
        """Remembers how the camera wants to be answered; False when there is nothing to answer with."""
        header = reply.headers.get("www-authenticate", "")
        self._challenge, self._count = digest.parse(header), 0
        basic = "basic" in header.lower() and self._challenge is None
        self._basic = basic and (self._login.plain or self.url.startswith("rtsps:"))
        return bool(self._login.username) and (self._challenge is not None or self._basic)

    # --- bytes ---

    def _send(self, method: str, url: str, headers: dict[str, str] | None = None) -> None:
        held = self._socket
        assert held is not None
        self._cseq += 1
        said = {"CSeq": str(self._cseq), "User-Agent": "vigie", **(headers or {})}
        if self._session:
            said["Session"] = self._session
        if self._challenge is not None:
            self._count += 1
            attempt = digest.Attempt(method, url, self._count, secrets.token_hex(8))
            said["Authorization"] = digest.answer(self._challenge, attempt, self._login.username, self._login.password)
        elif self._basic:
            pair = f"{self._login.username}:{self._login.password}".encode()
            said["Authorization"] = f"Basic {base64.b64encode(pair).decode()}"
        held.settimeout(ANSWER_S)
        held.sendall(request(method, url, said))

    def _receive(self, until: float) -> list[Reply | Chunk]:
        """What has come by `until`; OSError when nothing has, or the camera has closed."""
        held = self._socket
        if held is None or self._cut:
            raise ConnectionAbortedError
        held.settimeout(_left(until))
        data = held.recv(MOST_BYTES)
        self._received = self._clock.instant()
        if not data:
            raise ConnectionResetError
        return self._stream.feed(data)

    # --- playing ---

    def documents(self) -> Iterator[Document]:
        """Whole documents as they come, until the connection breaks (HeadSilent)."""
        heard = asked = time.monotonic()
        period_s = self._timeout_s / 2
        try:
            while True:
                if time.monotonic() - asked >= period_s:
                    asked, self._retried = time.monotonic(), False
                    self._send("GET_PARAMETER", self._whole)
                if time.monotonic() - heard > period_s + ANSWER_S:
                    raise TimeoutError
                arrived, self._ready = self._ready, []
                if not arrived:
                    with contextlib.suppress(TimeoutError):
                        arrived = self._receive(time.monotonic() + TICK_S)
                        heard = time.monotonic()
                for one in arrived:
                    yield from self._take(one)
        except (OSError, BadStream) as error:
            raise self._silent(error) from None

    def _take(self, one: Reply | Chunk) -> Iterator[Document]:
        if isinstance(one, Reply):
            if one.status == 401 and not self._retried and self._take_challenge(one):  # its nonce had grown old
                self._retried = True
                self._send("GET_PARAMETER", self._whole)
            elif one.status == 454:  # it has forgotten the session (RFC 2326 11.3.5)
                raise BadStream("session")
        elif one.channel == self._channel and (packet := packet_of(one.data)) is not None:
            yield from self._assembler.add(packet, self._received)

    def _silent(self, error: Exception) -> HeadSilent:
        where = urlsplit(self.url).hostname or "?"
        if isinstance(error, ssl.SSLError):
            return HeadSilent(
                say(
                    en=f"no trusted TLS with the metadata of {where}; check ca_file",
                    fr=f"pas de TLS de confiance pour les métadonnées de {where} ; vérifier ca_file",
                )
            )
        return HeadSilent(say(en=f"no metadata from {where}", fr=f"pas de métadonnées de {where}"))


def _left(until: float) -> float:
    left = until - time.monotonic()
    if left <= 0:
        raise TimeoutError
    return left
