"""RTSP and RTP as bytes: whatever pieces they come in, what breaks a bound, and documents with missing packets."""

import pytest

from agent.clock import Instant
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
    at_home,
    channel_of,
    metadata_track,
    packet_of,
    request,
    session_of,
)
from agent.virtual.rtsp import METADATA_TYPE, Packetiser

NOW = Instant(5)
OK = b"RTSP/1.0 200 OK\r\nCSeq: 7\r\nContent-Length: 3\r\n\r\nabc"
CHUNK = b"$\x02\x00\x04wxyz"
ASKED = b"OPTIONS rtsp://x/ RTSP/1.0\r\nCSeq: 1\r\n\r\n"


def test_messages_and_chunks_are_told_apart_in_whatever_pieces_they_come() -> None:
    data = OK + CHUNK + b"\r\n" + ASKED + CHUNK
    for size in (1, 2, 3, 7, 1000):
        stream = Interleaved()
        found = [one for at in range(0, len(data), size) for one in stream.feed(data[at : at + size])]
        reply, first, asked, second = found
        assert reply == Reply(200, {"cseq": "7", "content-length": "3"}, b"abc")
        assert first == second == Chunk(2, b"wxyz")
        assert isinstance(asked, Reply)
        assert asked.status == 0


@pytest.mark.parametrize(
    "data",
    [
        b"HTTP/1.1 200 OK\r\n\r\n",
        b"\x00\x01\x02\x03\x04\x05",
        b"RTSP/1.0 two hundred\r\n\r\n",
        b"RTSP/1.0 200 OK\r\n" + b"X: y\r\n" * MOST_HEAD,
        b"RTSP/1.0 200 OK\r\nContent-Length: %d\r\n\r\n" % (MOST_BODY + 1),
        b"RTSP/1.0 200 OK\r\nContent-Length: -5\r\n\r\n",
        b"RTSP/1.0 200 OK\r\nContent-Length: 99999999999999999999\r\n\r\n",
        "RTSP/1.0 200 OK\r\nContent-Length: ²\r\n\r\n".encode(),
        b"GET / HTTP/1.1\r\n\r\n",
    ],
    ids=["http", "rubbish", "no-status", "endless", "large", "negative", "huge", "no-digit", "get"],
)
def test_what_is_no_rtsp_or_breaks_a_bound_ends_the_connection(data: bytes) -> None:
    with pytest.raises(BadStream):
        Interleaved().feed(data)


def test_a_request_is_written_as_rfc_2326_wants_it() -> None:
    assert request("PLAY", "rtsp://x/y", {"CSeq": "3"}) == b"PLAY rtsp://x/y RTSP/1.0\r\nCSeq: 3\r\n\r\n"


@pytest.mark.parametrize(
    ("given", "session", "timeout_s"),
    [("12ab;timeout=30", "12ab", 30), ("x", "x", 60), (" y ; timeout = 99999", "y", 600), ("z;timeout=0", "z", 4)],
)
def test_a_session_has_a_name_and_lives_for_a_bounded_time(given: str, session: str, timeout_s: int) -> None:
    assert session_of(Reply(200, {"session": given}, b"")) == (session, timeout_s)


def test_no_session_and_another_channel() -> None:
    with pytest.raises(BadStream):
        session_of(Reply(200, {}, b""))
    assert channel_of(Reply(200, {"transport": "RTP/AVP/TCP;interleaved=4-5"}, b""), 0) == 4
    assert channel_of(Reply(200, {}, b""), 6) == 6


SDP = """v=0\r
s=x\r
a=control:*\r
m=video 0 RTP/AVP 96\r
a=rtpmap:96 H264/90000\r
a=control:track1\r
m=audio 0 RTP/AVP 0\r
a=control:track2\r
m=application 0 RTP/AVP 107\r
a=rtpmap:107 vnd.onvif.metadata/90000\r
a=control:%s\r
"""


def tracked(control: str, sdp: str = SDP, **headers: str) -> tuple[str, str]:
    body = (sdp % control if "%s" in sdp else sdp).encode()
    return metadata_track(Reply(200, headers, body), "rtsp://10.0.0.9:1554/live?a=1")


def test_the_metadata_track_is_found_and_no_other() -> None:
    assert tracked("track3") == ("rtsp://10.0.0.9:1554/live?a=1", "rtsp://10.0.0.9:1554/live?a=1/track3")
    assert tracked("*")[1] == "rtsp://10.0.0.9:1554/live?a=1"
    based = tracked("track3", **{"content-base": "rtsp://192.168.1.1/other/"})
    assert based == ("rtsp://10.0.0.9:1554/other/", "rtsp://10.0.0.9:1554/other/track3")


def test_a_track_on_another_host_is_asked_for_at_home() -> None:
    assert tracked("rtsp://evil.example/x?y=2")[1] == "rtsp://10.0.0.9:1554/x?y=2"
    assert at_home("rtsp://[/", "rtsp://10.0.0.9/") == ""
    assert at_home("rtsp://x/a\x00b", "rtsp://10.0.0.9/") == ""
    assert at_home("rtsp://x/" + "a" * 2000, "rtsp://10.0.0.9/") == ""


@pytest.mark.parametrize(
    "sdp",
    [
        "v=0\r\nm=video 0 RTP/AVP 96\r\na=rtpmap:96 H264/90000\r\n",
        SDP.replace("vnd.onvif.metadata", "vnd.onvif.metadata.gzip"),
        SDP.replace("m=application", "m=audio"),
        SDP.replace("/90000\r\na=control:%s", "/1000\r\na=control:%s"),
        "",
    ],
    ids=["none", "compressed", "audio", "other-clock", "empty"],
)
def test_a_stream_without_plain_metadata_has_none(sdp: str) -> None:
    assert tracked("track3", sdp)[1] == ""


def packets(*documents: bytes) -> list[Packet]:
    """The packets that the virtual camera sends for them."""
    sender = Packetiser(1, 0, 1, METADATA_TYPE)
    data = b"".join(sender.document(one, 9000 * at) for at, one in enumerate(documents, 1))
    found = [packet_of(one.data) for one in Interleaved().feed(data) if isinstance(one, Chunk)]
    return [one for one in found if one is not None]


LARGE, SMALL = b"<a>" + b"x" * 5000 + b"</a>", b"<b/>"


def test_a_document_over_several_packets_is_whole_at_its_mark() -> None:
    assembler = Assembler()
    counts = [assembler.add(one, Instant(at)) for at, one in enumerate(packets(LARGE, SMALL))]
    assert [len(one) for one in counts] == [0, 0, 0, 1, 1]
    assert (counts[3][0].data, counts[3][0].received, counts[3][0].stamp) == (LARGE, 3, 9000)
    assert counts[4][0].data == SMALL


@pytest.mark.parametrize("missing", [1, 2, 3])
def test_a_missing_packet_loses_its_document_and_no_other(missing: int) -> None:
    assembler, sent = Assembler(), packets(LARGE, SMALL, SMALL)
    found = [one.data for at, packet in enumerate(sent) if at != missing for one in assembler.add(packet, NOW)]
    assert found == [SMALL, SMALL]
    assert assembler.lost == 1


def test_a_camera_that_marks_nothing_is_understood_one_document_later() -> None:
    assembler = Assembler()
    found = []
    for at, one in enumerate(packets(LARGE, SMALL, SMALL)):
        found += assembler.add(Packet(one.sequence, one.stamp, False, one.data), Instant(at))
    assert [(one.data, one.received) for one in found] == [(LARGE, 3), (SMALL, 4)]


def test_an_endless_document_is_left_out_and_the_next_one_counts() -> None:
    assembler = Assembler()
    piece = b"x" * 60_000
    for at in range(40):
        assert assembler.add(Packet(at, 1, False, piece), NOW) == []
        assert len(assembler._parts) <= MOST_DOCUMENT
    assert assembler.add(Packet(40, 1, True, b"x"), NOW) == []
    assert assembler.lost == 1
    assert [one.data for one in assembler.add(Packet(41, 2, True, SMALL), NOW)] == [SMALL]


@pytest.mark.parametrize(
    ("data", "payload"),
    [
        (b"\x80\xeb\x00\x01" + b"\0" * 8 + b"abc", b"abc"),
        (b"\x81\xeb\x00\x01" + b"\0" * 8 + b"csrcabc", b"abc"),
        (b"\x90\xeb\x00\x01" + b"\0" * 8 + b"\0\0\0\x01extnabc", b"abc"),
        (b"\xa0\xeb\x00\x01" + b"\0" * 8 + b"abc\0\0\x03", b"abc"),
        (b"\x80\xeb\x00\x01" + b"\0" * 7, None),
        (b"\x40\xeb\x00\x01" + b"\0" * 8, None),
        (b"\x8f\xeb\x00\x01" + b"\0" * 8, None),
        (b"\x90\xeb\x00\x01" + b"\0" * 8, None),
        (b"\x90\xeb\x00\x01" + b"\0" * 8 + b"\0\0\xff\xff", None),
        (b"\xa0\xeb\x00\x01" + b"\0" * 8 + b"\xff", None),
    ],
)
def test_an_rtp_packet_is_read_by_its_own_lengths_or_not_at_all(data: bytes, payload: bytes | None) -> None:
    found = packet_of(data)
    assert (None if found is None else found.data) == payload
    assert found is None or (found.sequence, found.marked) == (1, True)
