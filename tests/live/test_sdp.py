import pytest

from agent.errors import OfferRefused
from agent.live.sdp import MAX_BYTES, MAX_CANDIDATES, read_offer

PRINT = ":".join(["A1"] * 32)
SESSION = ["v=0", "o=- 1 2 IN IP4 127.0.0.1", "s=-", "t=0 0", "a=group:BUNDLE 0 1"]
TRANSPORT = [
    "a=ice-ufrag:abcd",
    "a=ice-pwd:" + "p" * 22,
    f"a=fingerprint:sha-256 {PRINT}",
    "a=setup:actpass",
    "a=rtcp-mux",
]
AUDIO = ["m=audio 9 UDP/TLS/RTP/SAVPF 111", "a=mid:0", "a=recvonly", "a=rtpmap:111 opus/48000/2", *TRANSPORT]
VIDEO = [
    "m=video 9 UDP/TLS/RTP/SAVPF 96 102 103 104",
    "a=mid:1",
    "a=recvonly",
    "a=rtpmap:96 VP8/90000",
    "a=rtpmap:102 H264/90000",
    "a=fmtp:102 level-asymmetry-allowed=1;packetization-mode=1;profile-level-id=42001f",
    "a=rtpmap:103 H264/90000",
    "a=fmtp:103 level-asymmetry-allowed=1;packetization-mode=1;profile-level-id=42e01f",
    "a=rtpmap:104 rtx/90000",
    "a=fmtp:104 apt=103",
    *TRANSPORT,
]


def text(*lines: str) -> bytes:
    return "\r\n".join([*lines, ""]).encode()


def offer(*changes: tuple[str, str], extra: tuple[str, ...] = ()) -> bytes:
    lines = [*SESSION, *AUDIO, *VIDEO, *extra]
    for old, new in changes:
        assert any(line.startswith(old) for line in lines)
        lines = [new if line.startswith(old) else line for line in lines]
    return text(*(line for line in lines if line))


def refused(body: bytes) -> OfferRefused:
    with pytest.raises(OfferRefused) as caught:
        read_offer(body)
    return caught.value


def test_constrained_baseline_is_preferred_wherever_it_stands() -> None:
    good = read_offer(offer())
    assert (good.video, good.mid, good.payload_type, good.profile, good.rtx) == (1, "1", 103, "42e01f", 104)


def test_plain_baseline_is_taken_when_there_is_nothing_better() -> None:
    good = read_offer(offer(("a=rtpmap:103", "a=rtpmap:103 VP9/90000")))
    assert (good.payload_type, good.profile, good.rtx) == (102, "42001f", 0)


@pytest.mark.parametrize("profile", ["640c1f", "4d001f", "f4001f", "42e0", "zzzzzz"])
def test_only_profiles_that_the_encoder_does_not_make_are_refused_with_the_mend(profile: str) -> None:
    body = offer(
        ("a=fmtp:102", f"a=fmtp:102 packetization-mode=1;profile-level-id={profile}"),
        ("a=fmtp:103", "a=fmtp:103 packetization-mode=0;profile-level-id=42e01f"),
    )
    assert refused(body).status == 406
    assert "packetization-mode=1" in str(refused(body))


def test_an_offer_without_h264_gets_406() -> None:
    body = offer(("a=rtpmap:102", "a=rtpmap:102 AV1/90000"), ("a=rtpmap:103", "a=rtpmap:103 VP9/90000"))
    assert refused(body).status == 406


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"\x00" * 100,
        b"\xff\xfe",
        b"v=0",
        b"hello",
        text(*SESSION),
        text(*SESSION, *AUDIO),
        text(*SESSION, *AUDIO, *VIDEO, "a=bell:\x07"),
        text(*SESSION, *AUDIO, *VIDEO) + b"a=" + b"x" * MAX_BYTES,
        text(*SESSION, *["m=audio 9 RTP/AVP 0"] * 9, *VIDEO),
        text(*SESSION, *["a=x"] * 3000, *VIDEO),
        offer(("m=video", "m=video 99999 UDP/TLS/RTP/SAVPF 103")),
        offer(("m=video", "m=video nine UDP/TLS/RTP/SAVPF 103")),
        offer(("m=video", "m=video 9 UDP/TLS/RTP/SAVPF " + " ".join(["103"] * 200))),
        offer(("m=video", "m=video 0 UDP/TLS/RTP/SAVPF 96 102 103")),
        offer(("a=recvonly", "a=sendonly")),
        offer(("a=mid:1", "")),
        offer(("a=mid:1", "a=mid:0")),
        offer(("a=mid:1", "a=mid:one two")),
        offer(("a=rtcp-mux", "")),
        offer(("a=setup", "a=setup:holdconn")),
        offer(("a=setup", "")),
        offer(("a=fingerprint", "")),
        offer(("a=fingerprint", "a=fingerprint:sha-1 " + ":".join(["A1"] * 20))),
        offer(("a=fingerprint", "a=fingerprint:sha-512 " + PRINT)),
        offer(("a=ice-ufrag", "a=ice-ufrag:x")),
        offer(("a=ice-ufrag", "")),
        offer(("a=ice-pwd", "a=ice-pwd:" + "é" * 22)),
        offer(("a=ice-pwd", "a=ice-pwd:" + "p" * 300)),
    ],
)
def test_a_hostile_or_broken_offer_is_refused_with_a_sentence(body: bytes) -> None:
    found = refused(body)
    assert found.status == 400
    assert " " in str(found)


def test_candidates_are_bounded_and_only_addresses_that_a_viewer_can_have() -> None:
    kept = "a=candidate:1 1 udp 2130706431 192.0.2.7 50000 typ host generation 0"
    dropped = (
        "a=candidate:1 1 udp 1 8f1c.local 50000 typ host",
        "a=candidate:1 1 tcp 1 192.0.2.7 9 typ host tcptype active",
        "a=candidate:1 2 udp 1 192.0.2.7 50001 typ host",
        "a=candidate:1 1 udp 1 224.0.0.251 5353 typ host",
        "a=candidate:1 1 udp 1 255.255.255.255 5353 typ host",
        "a=candidate:1 1 udp 1 0.0.0.0 5353 typ host",
        "a=candidate:1 1 udp 1 127.0.0.1 5353 typ host",
        "a=candidate:1 1 udp 1 fe80::1 5353 typ host",
        "a=candidate:1 1 udp 1 192.0.2.7 0 typ host",
        "a=candidate:1 1 udp 1 192.0.2.7 70000 typ host",
        "a=candidate:1 1 udp 99999999999 192.0.2.7 50000 typ host",
        "a=candidate:1 1 udp 1 192.0.2.7 50000 typ prflx",
        "a=candidate:",
    )
    assert [(one.address, one.port) for one in read_offer(offer(extra=(kept, *dropped))).candidates] == [
        ("192.0.2.7", 50000)
    ]
    many = tuple(f"a=candidate:1 1 udp 1 192.0.2.7 {50000 + n} typ host" for n in range(100))
    assert len(read_offer(offer(extra=many)).candidates) == MAX_CANDIDATES


def test_a_bundled_video_section_takes_its_transport_from_the_first_section() -> None:
    plain = [line for line in VIDEO if line not in TRANSPORT or line == "a=rtcp-mux"]
    plain[0] = plain[0].replace(" 9 ", " 0 ")
    tagged = [*AUDIO, "a=candidate:1 1 udp 1 192.0.2.7 50000 typ host"]
    found = read_offer(text(*SESSION, *tagged, *plain, "a=bundle-only"))
    assert (found.ufrag, found.candidates[0].address) == ("abcd", "192.0.2.7")
