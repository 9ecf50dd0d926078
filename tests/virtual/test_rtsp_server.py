"""The live RTSP server: stock players play it, slow ones lose pictures, strangers are shown out."""

import asyncio
import time
from collections.abc import AsyncIterator

import av
import numpy as np
import pytest

from agent.virtual.rtsp import nal_units
from agent.virtual.rtsp_server import WAITING, RtspServer
from agent.virtual.video import Encoder


class Filmed:
    """A server and an encoder of grey pictures."""

    def __init__(self) -> None:
        self.encoder = Encoder(320, 240, 25, 500)
        self.server = RtspServer(25, self.encoder.force)
        self.number = 0

    def next(self) -> tuple[bytes, bool]:
        picture = np.random.default_rng(self.number).integers(0, 255, (240, 320, 3)).astype(np.uint8)
        self.number += 1
        return self.encoder.encode(picture, self.number * 3600)

    def publish(self) -> None:
        data, keyframe = self.next()
        self.server.publish(data, self.number * 3600, time.time(), keyframe=keyframe)


@pytest.fixture
async def filmed() -> AsyncIterator[Filmed]:
    one = Filmed()
    one.server.describe(one.next()[0])
    await one.server.start()
    yield one
    await one.server.stop()


async def say(port: int, *lines: str) -> tuple[asyncio.StreamReader, asyncio.StreamWriter, str]:
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    writer.write(("\r\n".join(lines) + "\r\n\r\n").encode())
    return reader, writer, (await reader.readline()).decode().strip()


async def test_a_stock_player_gets_the_timestamps_of_exposure(filmed: Filmed) -> None:
    def play() -> list[int]:
        with av.open(filmed.server.url, options={"rtsp_transport": "tcp"}) as container:
            packets = container.demux(video=0)
            return [int(packet.pts) for packet, _ in zip(packets, range(20), strict=False) if packet.pts is not None]

    playing = asyncio.create_task(asyncio.to_thread(play))
    while not playing.done():
        filmed.publish()
        await asyncio.sleep(0.02)
    times = await playing
    assert len(times) >= 15
    assert set(np.diff(times)) == {3600}


async def test_a_player_that_does_not_keep_up_loses_pictures_until_the_next_keyframe(filmed: Filmed) -> None:
    url = filmed.server.url
    _, writer, first = await say(filmed.server.port, f"PLAY {url} RTSP/1.0", "CSeq: 1", "Session: 1")
    assert first == "RTSP/1.0 200 OK"
    [viewer] = filmed.server._viewers
    waiting = []
    for _ in range(
        3 * WAITING
    ):  # nothing is awaited: the sender has no chance to run, as when it waits for the network
        filmed.publish()
        waiting.append(viewer.queue.qsize())
    assert max(waiting) == WAITING
    full = waiting.index(WAITING)
    assert waiting[full + 1] == 0
    begun = next(number for number, size in enumerate(waiting) if number > full + 1 and size)
    filmed.server._viewers.clear()
    data = (await viewer.queue.get()).data
    assert 7 in [unit[0] & 0x1F for unit in nal_units(data)], f"it went on at picture {begun} without a keyframe"
    writer.close()


@pytest.mark.parametrize(
    ("lines", "status"),
    [
        (("OPTIONS * RTSP/1.0", "CSeq: 1"), "200 OK"),
        (("DESCRIBE rtsp://x/other RTSP/1.0", "CSeq: 1"), "404 Not Found"),
        (("SETUP rtsp://x/stream RTSP/1.0", "Transport: RTP/AVP;unicast;client_port=1-2"), "461 Unsupported Transport"),
        (("RECORD rtsp://x/stream RTSP/1.0", "CSeq: 1"), "405 Method Not Allowed"),
    ],
)
async def test_what_cannot_be_is_refused(filmed: Filmed, lines: tuple[str, ...], status: str) -> None:
    _, writer, first = await say(filmed.server.port, *lines)
    assert first == f"RTSP/1.0 {status}"
    writer.close()


@pytest.mark.parametrize(
    "rubbish",
    [b"GET / HTTP/1.1\r\n\r\n", b"A" * 70_000, b"$\x00\xff\xff", b"X rtsp RTSP/1.0\r\ncontent-length: x\r\n\r\n"],
)
async def test_rubbish_ends_its_own_connection_only(filmed: Filmed, rubbish: bytes) -> None:
    reader, writer = await asyncio.open_connection("127.0.0.1", filmed.server.port)
    writer.write(rubbish)
    writer.write_eof()
    with pytest.raises((asyncio.IncompleteReadError, ConnectionError)):
        await reader.readexactly(1)
    _, other, first = await say(filmed.server.port, "OPTIONS * RTSP/1.0", "CSeq: 1")
    assert first == "RTSP/1.0 200 OK"
    writer.close()
    other.close()


async def test_a_stopped_server_cuts_its_viewers_off_and_comes_back_at_its_port(filmed: Filmed) -> None:
    port = filmed.server.port
    reader, writer, _ = await say(port, f"PLAY {filmed.server.url} RTSP/1.0", "CSeq: 1")
    assert filmed.server.viewers == 1
    await filmed.server.stop()
    with pytest.raises((asyncio.IncompleteReadError, ConnectionError)):
        await reader.readexactly(100_000)
    with pytest.raises(ConnectionRefusedError):
        await asyncio.open_connection("127.0.0.1", port)
    await filmed.server.start()
    assert filmed.server.port == port
    writer.close()
