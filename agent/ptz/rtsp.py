"""RTSP as far as one metadata track needs it: bytes in, answers and documents out. Pure.

>>> stream = Interleaved()
>>> stream.feed(b"RTSP/1.0 200 OK\\r\\nCSeq: 1\\r\\n\\r\\n")
[Reply(status=200, headers={'cseq': '1'}, body=b'')]

Laws
- Whatever a camera sends is bounded: a head of `MOST_HEAD`, a body of `MOST_BODY`, a document of `MOST_DOCUMENT` bytes.
  What breaks a bound, or is no RTSP, is BadStream; the connection then ends.
- A document counts only when each of its packets is there, in order; a gap loses it and nothing else. One whose
  beginning is missing is found out by its text.
- Addresses that a camera names are taken for their path only (`at_home`).

Sources: RFC 2326 (RTSP; 10.12 interleaving), RFC 3550 5.1 (RTP), RFC 4566 (SDP), RFC 2326 C.1.1 (control addresses),
ONVIF Streaming Specification 5.1.2.1 (metadata over RTP: one document over several packets, the last one marked).
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from urllib.parse import urlsplit, urlunsplit

from agent.clock import Instant

MOST_HEAD = 1 << 14
MOST_BODY = 1 << 16
MOST_DOCUMENT = 1 << 18
LONGEST_URL = 1024
METADATA = "vnd.onvif.metadata"
RATE_HZ = 90_000
USUAL_TIMEOUT_S, SHORTEST_TIMEOUT_S, LONGEST_TIMEOUT_S = 60, 4, 600
_SESSION = re.compile(r"\s*([!-:<-~]{1,256})\s*(?:;\s*timeout\s*=\s*(\d{1,6}))?", re.IGNORECASE)
_CHANNEL = re.compile(r"interleaved\s*=\s*(\d{1,3})", re.IGNORECASE)


class BadStream(ValueError):
    """What came is no RTSP, or breaks a bound."""


@dataclass(frozen=True, slots=True)
class Reply:
    """An answer; header names are in lower case. `status` 0: a request of the camera's own, which nobody asked for."""

    status: int
    headers: Mapping[str, str]
    body: bytes


@dataclass(frozen=True, slots=True)
class Chunk:
    """What came on one interleaved channel."""

    channel: int
    data: bytes


class Interleaved:
    """A connection's bytes, in whatever pieces they come, as `Reply` and `Chunk`."""

    def __init__(self) -> None:
        self._data = bytearray()

    def feed(self, data: bytes) -> list[Reply | Chunk]:
        """All that is whole by now; BadStream when it can never be."""
        self._data += data
        found: list[Reply | Chunk] = []
        while (one := self._next()) is not None:
            found.append(one)
        return found

    def _next(self) -> Reply | Chunk | None:
        held = self._data
        while held.startswith((b"\r", b"\n")):  # some cameras put an empty line between two messages
            del held[:1]
        if held.startswith(b"$"):
            size = 4 + int.from_bytes(held[2:4], "big")
            if len(held) < 4 or len(held) < size:
                return None
            chunk = Chunk(held[1], bytes(held[4:size]))
            del held[:size]
            return chunk
        return self._reply()

    def _reply(self) -> Reply | None:
        held = self._data
        end = held.find(b"\r\n\r\n", 0, MOST_HEAD)
        if end < 0:
            if len(held) >= MOST_HEAD or not _may_begin(bytes(held[:5])):
                raise BadStream("no answer")
            return None
        status, headers = _head(bytes(held[:end]).decode("utf-8", "replace"))
        length = headers.get("content-length", "0")
        if not (length.isascii() and length.isdigit() and len(length) < 10 and int(length) <= MOST_BODY):
            raise BadStream("too large")
        size = end + 4 + int(length)
        if len(held) < size:
            return None
        reply = Reply(status, headers, bytes(held[end + 4 : size]))
        del held[:size]
        return reply


def _may_begin(start: bytes) -> bool:
    """Whether a message can begin so: with `RTSP/`, or with a method."""
    return not start or b"RTSP/".startswith(start) or re.fullmatch(rb"[A-Z][A-Z_]*( .*)?", start) is not None


def _head(text: str) -> tuple[int, dict[str, str]]:
    first, *lines = text.split("\r\n")
    answer = re.match(r"RTSP/1\.\d ([1-5]\d\d)(?: |$)", first)
    if answer is None and not re.fullmatch(r"[A-Z_]+ \S+ RTSP/1\.\d", first):
        raise BadStream("no answer")
    headers: dict[str, str] = {}
    for line in lines:
        name, colon, value = line.partition(":")
        if colon:
            name = name.strip().lower()
            headers[name] = f"{headers[name]}, {value.strip()}" if name in headers else value.strip()
    return int(answer[1]) if answer else 0, headers


def request(method: str, url: str, headers: Mapping[str, str]) -> bytes:
    """One request without a body."""
    lines = [f"{method} {url} RTSP/1.0", *(f"{name}: {value}" for name, value in headers.items())]
    return ("\r\n".join(lines) + "\r\n\r\n").encode()


def session_of(reply: Reply) -> tuple[str, int]:
    """(session, seconds that it lives without a request); BadStream when the answer names none."""
    found = _SESSION.match(reply.headers.get("session", ""))
    if found is None:
        raise BadStream("no session")
    given = int(found[2] or USUAL_TIMEOUT_S)
    return found[1], min(LONGEST_TIMEOUT_S, max(SHORTEST_TIMEOUT_S, given))


def channel_of(reply: Reply, asked: int) -> int:
    """The channel that the camera will use, which need not be the one that was asked for."""
    found = _CHANNEL.search(reply.headers.get("transport", ""))
    return asked if found is None else int(found[1])


# --- addresses ---


def at_home(url: str, base: str) -> str:
    """`url` on the host and port of `base`; empty when it cannot be asked for."""
    try:
        theirs, mine = urlsplit(url), urlsplit(base)
    except ValueError:
        return ""
    found = urlunsplit((mine.scheme, mine.netloc, theirs.path or "/", theirs.query, ""))
    return found if found.isascii() and found.isprintable() and " " not in found and len(found) <= LONGEST_URL else ""


def metadata_track(description: Reply, url: str) -> tuple[str, str]:
    """(address of the whole, address of its metadata track) by a DESCRIBE's answer; the latter empty: there is none."""
    named = description.headers.get("content-base") or description.headers.get("content-location") or url
    base = at_home(named, url) or url
    for section in re.split(r"(?m)^m=", description.body.decode("utf-8", "replace"))[1:]:
        control = re.search(r"(?m)^a=control:[ \t]*(\S+)", section)
        if section.startswith("application ") and _is_metadata(section):
            return base, _control("" if control is None else control[1], base)
    return base, ""


def _is_metadata(section: str) -> bool:
    return re.search(rf"(?mi)^a=rtpmap:\d+[ \t]+{re.escape(METADATA)}/{RATE_HZ}[ \t]*\r?$", section) is not None


def _control(control: str, base: str) -> str:
    if control in ("", "*"):
        return base
    if "://" in control:
        return at_home(control, base)
    joined = f"{base.rstrip('/')}/{control}"
    return joined if joined.isascii() and joined.isprintable() and len(joined) <= LONGEST_URL else ""


# --- RTP and documents ---


@dataclass(frozen=True, slots=True)
class Packet:
    """One RTP packet's payload."""

    sequence: int
    stamp: int
    marked: bool
    data: bytes


@dataclass(frozen=True, slots=True)
class Document:
    """One whole document. `stamp`: its 32-bit RTP time; `received`: when its last byte was here."""

    stamp: int
    received: Instant
    data: bytes


def packet_of(data: bytes) -> Packet | None:
    """The RTP packet that `data` is, or None (RFC 3550 5.1)."""
    if len(data) < 12 or data[0] >> 6 != 2:
        return None
    begin, end = 12 + 4 * (data[0] & 0x0F), len(data)
    if data[0] & 0x10:
        if len(data) < begin + 4:
            return None
        begin += 4 + 4 * int.from_bytes(data[begin + 2 : begin + 4], "big")
    if data[0] & 0x20:
        end -= data[-1]
    if begin > end:
        return None
    sequence, stamp = int.from_bytes(data[2:4], "big"), int.from_bytes(data[4:8], "big")
    return Packet(sequence, stamp, bool(data[1] & 0x80), data[begin:end])


class Assembler:
    """Packets -> documents. A camera that marks no last packet is understood as well, one document later."""

    def __init__(self) -> None:
        self.lost = 0
        """Documents of which a packet was missing, or that were too large."""
        self._parts = bytearray()
        self._last: Packet | None = None
        self._received = Instant(0)
        self._whole = True

    def add(self, packet: Packet, received: Instant) -> list[Document]:
        """The documents that this packet completes."""
        found: list[Document] = []
        last, self._last = self._last, packet
        if last is not None and not last.marked:
            if packet.sequence != (last.sequence + 1) & 0xFFFF:
                self._whole = False
            if packet.stamp != last.stamp:
                found += self._finish(last.stamp)
        if len(self._parts) + len(packet.data) > MOST_DOCUMENT:
            self._whole = False
        if self._whole:
            self._parts += packet.data
        self._received = received
        if packet.marked:
            found += self._finish(packet.stamp)
        return found

    def _finish(self, stamp: int) -> list[Document]:
        data, whole = bytes(self._parts), self._whole
        self._parts.clear()
        self._whole = True
        self.lost += not whole
        return [Document(stamp, self._received, data)] if whole else []
