"""One HTTP connection to a head's ONVIF service, with a bound on everything that a head can do wrong.

    wire = Wire("vigie", "secret", ca_file=None)
    answer = wire.post("http://10.0.0.11/onvif/ptz", body, "application/soap+xml", deadline_s=2.0)
    wire.cut()                          # from another thread: what is under way ends with HeadSilent

Laws
- A request ends by its deadline, however slowly a head drips its answer; an answer is at most `MOST_BYTES`.
- No redirect is followed, no proxy of the environment is used, no encoding is unpacked.
- Errors name the host and what happened, never a credential.
"""

import contextlib
import http.client
import io
import secrets
import socket
import ssl
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import SplitResult, urlsplit

from agent.errors import HeadSilent
from agent.language import say
from agent.ptz.digest import Attempt, Challenge, answer, parse

MOST_BYTES = 1 << 20
IDLE_S = 20.0
"""A connection that was not used for so long is not used again: most heads have closed it."""


@dataclass(frozen=True, slots=True)
class Answer:
    """What came back. `received_ns`: monotonic, when its last byte was here."""

    status: int
    content_type: str
    body: bytes
    received_ns: int


class _InTime(io.RawIOBase):
    """A socket as http.client reads it: each wait lasts as long as the deadline is away, so that no drip outlasts it.

    A timer could cut the socket just as well, but is a thread for each request.
    """

    def __init__(self, held: socket.socket, until: float) -> None:
        self._held, self._until = held, until
        self._received = held.makefile("rb", buffering=0)

    def makefile(self, _mode: str) -> io.BufferedReader:
        """The bytes that it receives."""
        return io.BufferedReader(self)

    def readable(self) -> bool:
        """Always."""
        return True

    def readinto(self, buffer: Any) -> int | None:
        """Some bytes, 0 when the other side has ended; TimeoutError when the time is over."""
        left = self._until - time.monotonic()
        if left <= 0:
            raise TimeoutError
        self._held.settimeout(left)
        return self._received.readinto(buffer)

    def close(self) -> None:
        """Lets the socket go: http.client counts on it where a connection ends with its answer."""
        self._received.close()
        super().close()


class Wire:
    """Requests one after the other, over one kept connection. One thread posts; any thread may cut."""

    def __init__(self, username: str, password: str, ca_file: Path | None = None) -> None:
        self._username = username
        self._password = password
        self._ca_file = ca_file
        self._connection: http.client.HTTPConnection | None = None
        self._socket: socket.socket | None = None
        self._where = ("", "")
        self._used = 0.0
        self._challenge: Challenge | None = None
        self._count = 0
        self._was_cut = False
        self.sent_ns = 0
        """Monotonic, when the last request had left."""

    def cut(self) -> None:
        """Ends what is under way, and the connection."""
        self._was_cut = True
        held = self._socket
        if held is not None:
            with contextlib.suppress(OSError):
                held.shutdown(socket.SHUT_RDWR)

    def close(self) -> None:
        """Closes the connection; the next request opens another."""
        connection, self._connection, self._socket = self._connection, None, None
        if connection is not None:
            connection.close()

    def post(self, url: str, body: bytes, content_type: str, deadline_s: float) -> Answer:
        """The answer to one POST, whatever its status, or HeadSilent within `deadline_s`."""
        until = time.monotonic() + deadline_s
        parts = urlsplit(url)
        self._was_cut = False
        try:
            found = self._ask(parts, body, content_type, until)
            if found.status == 401 and self._challenge is not None:
                found = self._ask(parts, body, content_type, until)
            return found
        except (OSError, http.client.HTTPException) as error:
            self.close()
            raise HeadSilent(_why(parts, error, over=time.monotonic() >= until)) from None

    def _ask(self, parts: SplitResult, body: bytes, content_type: str, until: float) -> Answer:
        fresh = self._open(parts, until)
        try:
            return self._exchange(parts, body, content_type, until)
        except (http.client.RemoteDisconnected, ConnectionResetError, BrokenPipeError):
            self.close()
            if fresh or self._was_cut or time.monotonic() >= until:
                raise
        self._open(parts, until)  # a kept connection that the head had closed meanwhile
        return self._exchange(parts, body, content_type, until)

    def _open(self, parts: SplitResult, until: float) -> bool:
        """Makes sure that there is a connection; True when it is a new one."""
        where = (parts.scheme, parts.netloc)
        if self._connection is not None and where == self._where and time.monotonic() - self._used < IDLE_S:
            return False
        self.close()
        left = until - time.monotonic()
        if left <= 0:
            raise TimeoutError
        host, port = parts.hostname or "", parts.port
        if parts.scheme == "https":
            context = ssl.create_default_context(cafile=self._ca_file)
            connection: http.client.HTTPConnection = http.client.HTTPSConnection(
                host, port, timeout=left, context=context
            )
        else:
            connection = http.client.HTTPConnection(host, port, timeout=left)
        connection.connect()
        connection.sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self._connection, self._socket, self._where = connection, connection.sock, where
        return True

    def _exchange(self, parts: SplitResult, body: bytes, content_type: str, until: float) -> Answer:
        connection = self._connection
        assert connection is not None
        left = until - time.monotonic()
        if left <= 0:
            raise TimeoutError
        connection.sock.settimeout(left)
        target = parts.path or "/"
        if parts.query:
            target += f"?{parts.query}"
        headers = {"Content-Type": content_type, "Accept-Encoding": "identity", "User-Agent": "vigie"}
        if self._challenge is not None:
            self._count += 1
            attempt = Attempt("POST", target, self._count, secrets.token_hex(8))
            headers["Authorization"] = answer(self._challenge, attempt, self._username, self._password)
        connection.response_class = lambda held, method: http.client.HTTPResponse(  # type: ignore[assignment]
            _InTime(held, until),  # type: ignore[arg-type]
            method=method,
        )
        connection.request("POST", target, body, headers)
        self.sent_ns = time.monotonic_ns()
        return self._read(connection.getresponse())

    def _read(self, response: http.client.HTTPResponse) -> Answer:
        with response:
            body = response.read(MOST_BYTES + 1)
            missing = response.length
        received = time.monotonic_ns()
        encoding = response.headers.get("Content-Encoding", "identity")
        if len(body) > MOST_BYTES or encoding != "identity":
            raise http.client.HTTPException("too large" if len(body) > MOST_BYTES else "encoded")
        if missing or self._was_cut:  # http.client gives what it has when the connection ends early
            raise http.client.IncompleteRead(body)
        if response.status == 401:
            self._take_challenge(", ".join(response.headers.get_all("WWW-Authenticate", [])))
        self._used = time.monotonic()
        if response.will_close:
            self.close()
        return Answer(response.status, response.headers.get("Content-Type", ""), body, received)

    def _take_challenge(self, header: str) -> None:
        """Remembers what the camera asks for."""
        self._challenge, self._count = (parse(header) if self._username else None), 0


def _why(parts: SplitResult, error: Exception, *, over: bool) -> str:
    where = parts.hostname or "?"
    if over or isinstance(error, TimeoutError):
        return say(en=f"the head at {where} did not answer in time", fr=f"la tête {where} n'a pas répondu à temps")
    if isinstance(error, ssl.SSLError):
        return say(
            en=f"no trusted TLS with the head at {where}; check ca_file",
            fr=f"pas de TLS de confiance avec la tête {where} ; vérifier ca_file",
        )
    what = (error.strerror if isinstance(error, OSError) else "") or type(error).__name__
    return say(en=f"no answer from the head at {where} ({what})", fr=f"la tête {where} ne répond pas ({what})")
