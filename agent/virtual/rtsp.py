"""RTSP and RTP as bytes: requests read, answers written, H.264 and metadata cut into packets. No socket, no clock.

Sources: RFC 2326 (RTSP), RFC 3550 (RTP, sender reports), RFC 6184 (H.264: single NAL units and FU-A), RFC 4566 (SDP),
ONVIF Streaming Specification 5.1.2.1 (a metadata document over several packets, the last one marked).
"""

import base64
import re
import struct
from dataclasses import dataclass

MOST_PAYLOAD = 1400
PAYLOAD_TYPE, METADATA_TYPE = 96, 107
VIDEO_TRACK, METADATA_TRACK = "track1", "track2"
NTP_EPOCH_S = 2_208_988_800
_START = re.compile(b"\x00\x00\x00?\x01")


class BadRequest(Exception):
    """What came is no RTSP request."""


@dataclass(frozen=True, slots=True)
class Request:
    """Header names are in lower case."""

    method: str
    url: str
    headers: dict[str, str]


def parse(text: str) -> Request:
    """The head of a request, or BadRequest."""
    first, *lines = text.split("\r\n")
    parts = first.split(" ")
    if len(parts) != 3 or not parts[2].startswith("RTSP/1."):
        raise BadRequest(first[:80])
    pairs = (line.partition(":") for line in lines if ":" in line)
    return Request(parts[0], parts[1], {name.strip().lower(): value.strip() for name, _, value in pairs})


def answer(request: Request, status: str, headers: dict[str, str] | None = None, body: str = "") -> bytes:
    """A whole answer; `status` is such as `200 OK`."""
    lines = [f"RTSP/1.0 {status}", f"CSeq: {request.headers.get('cseq', '0')}"]
    lines += [f"{name}: {value}" for name, value in (headers or {}).items()]
    if body:
        lines += ["Content-Type: application/sdp", f"Content-Length: {len(body.encode())}"]
    return ("\r\n".join(lines) + "\r\n\r\n" + body).encode()


def channels(transport: str) -> tuple[int, int] | None:
    """The (RTP, RTCP) channels of `RTP/AVP/TCP;unicast;interleaved=0-1`; None for another transport."""
    found = re.search(r"interleaved=(\d{1,3})-(\d{1,3})", transport)
    if "RTP/AVP/TCP" not in transport or found is None:
        return None
    return int(found[1]) & 0xFF, int(found[2]) & 0xFF


def nal_units(access_unit: bytes) -> list[bytes]:
    """The NAL units of an Annex B access unit."""
    marks = [(found.start(), found.end()) for found in _START.finditer(access_unit)]
    ends = [start for start, _ in marks[1:]] + [len(access_unit)]
    return [access_unit[begin:end] for (_, begin), end in zip(marks, ends, strict=True) if end > begin]


def sdp(keyframe: bytes, fps: int, *, metadata: bool = False) -> str:
    """The description of a stream whose keyframes carry their parameter sets; with `metadata` it has that track too."""
    units = nal_units(keyframe)
    sets = [unit for unit in units if unit[0] & 0x1F in (7, 8)]
    profile = next(unit for unit in sets if unit[0] & 0x1F == 7)[1:4].hex().upper()
    shown = ",".join(base64.b64encode(unit).decode() for unit in sets)
    lines = ("v=0", "o=- 1 1 IN IP4 127.0.0.1", "s=Rue virtuelle", "c=IN IP4 0.0.0.0", "t=0 0", "a=control:*")
    media = (f"m=video 0 RTP/AVP {PAYLOAD_TYPE}", f"a=rtpmap:{PAYLOAD_TYPE} H264/90000", f"a=framerate:{fps}")
    form = f"a=fmtp:{PAYLOAD_TYPE} packetization-mode=1;profile-level-id={profile};sprop-parameter-sets={shown}"
    video = (*media, form, f"a=control:{VIDEO_TRACK}")
    rtpmap = f"a=rtpmap:{METADATA_TYPE} vnd.onvif.metadata/90000"
    told = (f"m=application 0 RTP/AVP {METADATA_TYPE}", rtpmap, f"a=control:{METADATA_TRACK}", "a=recvonly")
    return "\r\n".join((*lines, *video, *(told if metadata else ()))) + "\r\n"


class Packetiser:
    """One client's RTP: `packets` gives what goes onto the wire, interleaved framing included."""

    def __init__(self, ssrc: int, rtp_channel: int, rtcp_channel: int, kind: int = PAYLOAD_TYPE) -> None:
        self._ssrc, self._rtp, self._rtcp, self._kind = ssrc, rtp_channel, rtcp_channel, kind
        self._sequence = self._sent = self._octets = 0

    def packets(self, access_unit: bytes, pts_90k: int) -> bytes:
        """All RTP packets of one access unit."""
        units = nal_units(access_unit)
        out = bytearray()
        for number, unit in enumerate(units):
            last = number == len(units) - 1
            if len(unit) <= MOST_PAYLOAD:
                out += self._packet(unit, pts_90k, last)
                continue
            step, body = MOST_PAYLOAD - 2, unit[1:]
            for begin in range(0, len(body), step):
                end = begin + step >= len(body)
                head = (unit[0] & 0xE0 | 28, unit[0] & 0x1F | (0x80 if begin == 0 else 0) | (0x40 if end else 0))
                out += self._packet(bytes(head) + body[begin : begin + step], pts_90k, last and end)
        return bytes(out)

    def document(self, text: bytes, pts_90k: int) -> bytes:
        """All RTP packets of one metadata document."""
        starts = range(0, max(1, len(text)), MOST_PAYLOAD)
        pieces = [self._packet(text[at : at + MOST_PAYLOAD], pts_90k, at == starts[-1]) for at in starts]
        return b"".join(pieces)

    def _packet(self, payload: bytes, pts_90k: int, marker: bool) -> bytes:
        kind = self._kind | (0x80 if marker else 0)
        head = struct.pack("!BBHII", 0x80, kind, self._sequence, pts_90k & 0xFFFFFFFF, self._ssrc)
        self._sequence = (self._sequence + 1) & 0xFFFF
        self._sent, self._octets = self._sent + 1, self._octets + len(payload)
        return struct.pack("!cBH", b"$", self._rtp, len(head) + len(payload)) + head + payload

    def sender_report(self, wall_s: float, pts_90k: int) -> bytes:
        """The RTCP packet that says which UTC moment `pts_90k` is."""
        ntp = int((wall_s + NTP_EPOCH_S) * (1 << 32)) & (1 << 64) - 1
        counts = (self._sent & 0xFFFFFFFF, self._octets & 0xFFFFFFFF)
        report = struct.pack("!BBHIQIII", 0x80, 200, 6, self._ssrc, ntp, pts_90k & 0xFFFFFFFF, *counts)
        return struct.pack("!cBH", b"$", self._rtcp, len(report)) + report
