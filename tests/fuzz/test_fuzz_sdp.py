"""Random and mutated SDP offers: a sentence or an answer, never a traceback, and nothing is left behind."""

import asyncio
from collections.abc import Awaitable, Callable
from typing import Any

import aiohttp
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from agent.errors import OfferRefused
from agent.live.answer import canonical
from agent.live.sdp import read_offer
from tests.live.house import bearer_of, house, loose_offer, open_sockets, token_for
from tests.live.scene import Scene

GOOD = asyncio.run(loose_offer()).encode()
LINES = GOOD.split(b"\r\n")

SPITE = st.sampled_from(
    [
        b"",
        b"a=",
        b"m=",
        b"a=group:BUNDLE",
        b"a=mid:",
        b"a=fmtp:97",
        b"a=fmtp:97 apt",
        b"a=rtpmap:97 H264/90000/x",
        b"a=candidate:1 1 udp 1 ::1%lo 1 typ host",
        b"a=extmap:0/x/y u",
        b"a=ssrc:1",
        b"a=rtcp:x",
        b"a=setup:actpass:x",
        b"m=video 9 UDP/TLS/RTP/SAVPF",
        b"m=video 9 A 72",
        b"m=application 9 DTLS/SCTP x",
        b"a=sctpmap:x",
        b"c=IN",
        b"a=ice-ufrag:" + b"u" * 5000,
        b"a=fingerprint:sha-256",
        b"a=fmtp:97 packetization-mode=1;;=;profile-level-id",
        "a=mid:\u2028m=video".encode(),
        b"a=ice-pwd:\x85",
        b"v=0",
        b"a=inactive",
        b"a=rtcp-fb:* nack",
    ]
)


@st.composite
def mutated(draw: Any) -> bytes:
    """The good offer with some lines left out, doubled, swapped, spoiled or replaced."""
    lines = list(LINES)
    for _ in range(draw(st.integers(1, 6))):
        at = draw(st.integers(0, len(lines) - 1))
        match draw(st.integers(0, 5)):
            case 0:
                del lines[at]
            case 1:
                lines.insert(at, lines[draw(st.integers(0, len(lines) - 1))])
            case 2:
                other = draw(st.integers(0, len(lines) - 1))
                lines[at], lines[other] = lines[other], lines[at]
            case 3:
                lines.insert(at, draw(SPITE))
            case 4:
                lines[at] = lines[at][: draw(st.integers(0, 40))]
            case _:
                spoiled = bytearray(lines[at] or b"x")
                spoiled[draw(st.integers(0, len(spoiled) - 1))] = draw(st.integers(0, 255))
                lines[at] = bytes(spoiled)
        if not lines:
            return b""
    return b"\r\n".join(lines)


OFFERS = st.one_of(
    mutated(), st.binary(max_size=2000), st.text(max_size=500).map(lambda text: b"v=0\n" + text.encode())
)
BOUNDED = settings(deadline=None, suppress_health_check=list(HealthCheck), derandomize=True)


@settings(BOUNDED, max_examples=1500)
@given(OFFERS)
def test_any_bytes_are_an_offer_or_are_refused_with_a_sentence(body: bytes) -> None:
    try:
        offer = read_offer(body)
    except OfferRefused as error:
        refused: OfferRefused | None = error
    else:
        refused = None
        ours = canonical(offer)
        assert ours.isascii()
        assert len(ours.split("m=video ")) == 2
        assert canonical(read_offer(ours.encode())) == ours
    assert refused is None or (refused.status in (400, 406) and " " in str(refused))


async def post_all(bodies: list[bytes], scene: Scene) -> set[int]:
    """The statuses that a running server gave; afterwards no view and no socket is left."""
    token = token_for("parvis")
    headers = {**bearer_of(token), "Content-Type": "application/sdp"}
    statuses = set()
    before = open_sockets()
    async with house(scene, max_viewers=64) as it, aiohttp.ClientSession() as session:
        for body in bodies:
            async with session.post(f"{it.url}/whep/parvis", data=body, headers=headers) as response:
                statuses.add(response.status)
                answer = await response.text()
                assert "Traceback" not in answer
                where = response.headers.get("Location")
            if where is not None:
                async with session.delete(it.url + where, headers=headers) as response:
                    assert response.status == 200
        assert len(it.server._sessions) == 0
    await asyncio.sleep(0)
    assert open_sockets() <= before
    return statuses


@pytest.fixture
def poster(scene: Scene) -> Callable[[list[bytes]], Awaitable[set[int]]]:
    """Posts to a server in front of the scene."""
    return lambda bodies: post_all(bodies, scene)


@pytest.fixture
def scene() -> Any:
    """An encoder of its own."""
    with Scene(320, 192) as scene:
        yield scene


async def test_no_offer_makes_the_server_stumble_or_leaks_a_session(
    poster: Callable[[list[bytes]], Awaitable[set[int]]],
) -> None:
    bodies: list[bytes] = [GOOD]

    @settings(BOUNDED, max_examples=120)
    @given(mutated())
    def gather(body: bytes) -> None:
        bodies.append(body)

    gather()
    statuses = await poster(bodies)
    assert statuses <= {201, 400, 406}
    assert {201, 400} <= statuses
