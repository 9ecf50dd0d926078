"""Anything at all as a metadata stream: bounded, and a position only when it is one."""

import contextlib
import math

from hypothesis import given
from hypothesis import strategies as st

from agent.clock import Instant
from agent.ptz.metadata import Delay, read
from agent.ptz.rtsp import (
    MOST_BODY,
    MOST_DOCUMENT,
    MOST_HEAD,
    Assembler,
    BadStream,
    Chunk,
    Interleaved,
    Packet,
    Reply,
    channel_of,
    metadata_track,
    packet_of,
    session_of,
)
from agent.ptz.spaces import Spaces
from agent.ptz.status import BadDocument

HOME = "rtsp://10.0.0.9:554/live"
SPACES = Spaces((-180.0, 180.0), (-90.0, 90.0), degrees=False)
PIECES = st.sampled_from(
    [
        b"RTSP/1.0 200 OK\r\n",
        b"CSeq: 1\r\n",
        b"Content-Length: 4\r\n",
        b"\r\n",
        b"$\x00\x00\x04",
        b"abcd",
        b"OPTIONS x ",
    ]
)
WORDS = st.sampled_from(
    [
        "<m:PTZ>",
        "</m:PTZ>",
        "<m:PTZStatus>",
        "</m:PTZStatus>",
        "<m:Position>",
        "</m:Position>",
        "<m:Zoom x='0.1'/>",
        "<m:Zoom/>",
        "&a;",
        "]]>",
        "<?x?>",
        "<m:PanTilt x='0.5' y='-0.1'/>",
        "<m:PanTilt x='1e999' y='nan'/>",
        "<![CDATA[",
    ]
)
SDP = st.sampled_from(
    [
        "m=application 0 RTP/AVP 107\r\n",
        "a=rtpmap:107 vnd.onvif.metadata/90000\r\n",
        "a=control:",
        "rtsp://",
        "[",
        "*\r\n",
        "track1\r\n",
        "m=video 0 RTP/AVP 96\r\n",
        "\r\n",
        "@evil/",
        " ",
        "\x00",
        "?a=b\r\n",
    ]
)


@given(st.lists(st.binary(max_size=200) | PIECES, max_size=30))
def test_any_bytes_are_messages_or_end_the_connection_within_bounds(pieces: list[bytes]) -> None:
    stream = Interleaved()
    with contextlib.suppress(BadStream):
        for piece in pieces:
            for one in stream.feed(piece):
                if isinstance(one, Chunk):
                    assert len(one.data) < 1 << 16
                    packet_of(one.data)
                else:
                    assert one.status == 0 or 100 <= one.status < 600
                    channel_of(one, 0)
            assert len(stream._data) <= MOST_HEAD + MOST_BODY + 4


@given(st.lists(PIECES, max_size=20), st.integers(1, 7))
def test_how_the_bytes_are_cut_makes_no_difference(pieces: list[bytes], size: int) -> None:
    data = b"".join(pieces)
    one, other = Interleaved(), Interleaved()
    try:
        whole = one.feed(data)
    except BadStream:
        return
    cut: list[Reply | Chunk] = []
    for at in range(0, len(data), size):
        cut += other.feed(data[at : at + size])
    assert cut == whole


@given(st.binary(max_size=100))
def test_any_packet(data: bytes) -> None:
    found = packet_of(data)
    assert found is None or len(found.data) <= len(data) - 12


@given(st.lists(st.builds(Packet, st.integers(0, 65535), st.integers(0, 3), st.booleans(), st.binary(max_size=50))))
def test_any_packets_make_documents_within_bounds(packets: list[Packet]) -> None:
    assembler = Assembler()
    sent = sum(len(one.data) for one in packets)
    found = [one for packet in packets for one in assembler.add(packet, Instant(1))]
    assert sum(len(one.data) for one in found) <= min(sent, MOST_DOCUMENT * len(packets))


@given(st.binary(max_size=300) | st.lists(WORDS | st.text(max_size=5), max_size=20).map("".join).map(str.encode))
def test_any_document_is_refused_or_says_a_place_that_can_be(inside: bytes) -> None:
    text = b'<m:MetadataStream xmlns:m="http://www.onvif.org/ver10/schema">' + inside + b"</m:MetadataStream>"
    for one in (text, inside):
        try:
            told = read(one)
        except BadDocument:
            continue
        report = None if told is None else told.report(SPACES, Instant(1), Instant(2))
        if report is not None:
            assert all(math.isfinite(value) for value in (report.pan_deg, report.tilt_deg, report.zoom))
            assert -182 < report.pan_deg < 182


@given(st.lists(SDP | st.text(max_size=8), max_size=15).map("".join), st.text(max_size=30) | SDP)
def test_any_description_leads_nowhere_but_home(text: str, base: str) -> None:
    reply = Reply(200, {"content-base": base, "session": text}, text.encode("utf-8", "surrogatepass"))
    for found in metadata_track(reply, HOME):
        assert not found or found.startswith("rtsp://10.0.0.9:554/")
        assert found.isascii()
        assert not any(sign in found for sign in "\r\n \x00")
    with contextlib.suppress(BadStream):
        session, timeout_s = session_of(reply)
        assert session.isprintable()
        assert 4 <= timeout_s <= 600


@given(st.lists(st.tuples(st.integers(0, (1 << 32) - 1), st.integers(0, 10**10)), max_size=30))
def test_any_rtp_times_make_a_delay_that_is_never_negative(seen: list[tuple[int, int]]) -> None:
    delay, now = Delay(), 0
    for stamp, later in seen:
        now += later
        found = delay.of(stamp, Instant(now))
        assert found is None or found >= -1e-6
