"""RTSP and RTP bytes: requests, packets that add up again, descriptions that name the parameter sets."""

import struct

import pytest

from agent.virtual import rtsp

SPS, PPS = bytes.fromhex("674d401f"), bytes.fromhex("68ee3c80")
BIG = b"\x65" + bytes(range(256)) * 40
KEYFRAME = b"\0\0\0\1" + SPS + b"\0\0\0\1" + PPS + b"\0\0\1" + BIG


def unpack(data: bytes) -> list[tuple[int, bytes]]:
    """(channel, packet) of interleaved framing."""
    out = []
    while data:
        assert data[:1] == b"$"
        size = int.from_bytes(data[2:4], "big")
        out.append((data[1], data[4 : 4 + size]))
        data = data[4 + size :]
    return out


def test_an_access_unit_comes_out_of_its_packets_as_it_went_in() -> None:
    packets = [packet for _, packet in unpack(rtsp.Packetiser(7, 0, 1).packets(KEYFRAME, 90_000))]
    heads = [struct.unpack("!BBHII", packet[:12]) for packet in packets]
    assert [head[2] for head in heads] == list(range(len(packets)))
    assert {(head[3], head[4]) for head in heads} == {(90_000, 7)}
    assert [head[1] >> 7 for head in heads] == [0] * (len(packets) - 1) + [1]
    assert max(len(packet) for packet in packets) <= rtsp.MOST_PAYLOAD + 12
    payloads = [packet[12:] for packet in packets]
    assert payloads[:2] == [SPS, PPS]
    pieces = payloads[2:]
    assert all(piece[0] & 0x1F == 28 for piece in pieces)
    assert [piece[1] >> 6 for piece in pieces] == [2] + [0] * (len(pieces) - 2) + [1]
    rebuilt = bytes((pieces[0][0] & 0xE0 | pieces[0][1] & 0x1F,)) + b"".join(piece[2:] for piece in pieces)
    assert rebuilt == BIG


def test_a_sender_report_names_the_utc_moment() -> None:
    packetiser = rtsp.Packetiser(7, 2, 3)
    packetiser.packets(KEYFRAME, 1000)
    [(channel, report)] = unpack(packetiser.sender_report(1_800_000_000.5, 1000))
    _, kind, _, ssrc, ntp, at, count, _ = struct.unpack("!BBHIQIII", report)
    assert (channel, kind, ssrc, at, count) == (3, 200, 7, 1000, 10)
    assert ntp / (1 << 32) - rtsp.NTP_EPOCH_S == pytest.approx(1_800_000_000.5)


def test_the_description_names_profile_and_parameter_sets() -> None:
    text = rtsp.sdp(KEYFRAME, 25)
    assert "profile-level-id=4D401F;sprop-parameter-sets=Z01AHw==,aO48gA==" in text
    assert "a=framerate:25" in text


@pytest.mark.parametrize("text", ["", "GET / HTTP/1.1", "DESCRIBE rtsp://x", "\x00\x01\x02"])
def test_what_is_no_rtsp_is_refused(text: str) -> None:
    with pytest.raises(rtsp.BadRequest):
        rtsp.parse(text)


def test_only_interleaved_transport_has_channels() -> None:
    assert rtsp.channels("RTP/AVP/TCP;unicast;interleaved=4-5") == (4, 5)
    assert rtsp.channels("RTP/AVP;unicast;client_port=5000-5001") is None
