"""A hostile MQTT broker: whatever it answers, the link lives on, holds no more than it may, and then serves a good one.

Every test ends in the same way: a real broker takes the hostile one's port and must be told `online`. Meanwhile no
socket may be left behind and the event loop must have nothing to complain of.
"""

import asyncio
import gc
import os
import struct
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from dataclasses import replace
from random import Random
from typing import Any

import pytest

from agent.events import ClockStepped
from agent.telemetry.link import MAX_PACKET_BYTES
from agent.telemetry.telemetry import Telemetry
from agent.virtual.broker import embedded_broker
from tests.telemetry.brokers import FAST, Answer, HostileBroker, Observer, Running, World

HASTY = replace(FAST, first_retry_s=0.01, longest_retry_s=0.03, unknown_answer_s=0.4, answer_s=0.6)

ACCEPTED_5 = b"\x20\x03\x00\x00\x00"
ACCEPTED_311 = b"\x20\x02\x00\x00"
PACKETS = [kind << 4 for kind in range(16)]


def _sockets() -> int:
    gc.collect()
    count = 0
    for name in os.listdir("/proc/self/fd"):
        with suppress(OSError):
            count += os.readlink(f"/proc/self/fd/{name}").startswith("socket:")
    return count


@asynccontextmanager
async def _against(answer: Answer) -> AsyncIterator[tuple[HostileBroker, Telemetry]]:
    """The telemetry against `answer`, then against a good broker on the same port."""
    complaints: list[dict[str, Any]] = []
    asyncio.get_running_loop().set_exception_handler(lambda _, context: complaints.append(context))
    before = _sockets()
    hostile = HostileBroker(answer)
    await hostile.__aenter__()
    telemetry = World().telemetry(hostile.port, HASTY)
    async with Running(telemetry):
        try:
            telemetry.emit(ClockStepped(1))
            yield hostile, telemetry
        finally:
            await hostile.__aexit__()
        async with embedded_broker(hostile.port) as port, Observer(port, five=False) as seen:
            await seen.state("online")
            await seen.until(lambda: not telemetry._outbox.facts().waiting)
    await asyncio.sleep(0)
    assert _sockets() <= before
    assert not complaints


def _told(telemetry: Telemetry) -> bool:
    """True when the good broker has got all that there was to tell."""
    facts = telemetry._outbox.facts()
    return facts.waiting == 0 and facts.dropped == 0


def _accepted(version: int) -> bytes:
    return ACCEPTED_5 if version == 5 else ACCEPTED_311


async def test_random_bytes_instead_of_an_answer_and_after_it() -> None:
    random = Random(20261122)
    hostile: HostileBroker

    async def answer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        if random.random() < 0.6:
            writer.write(_accepted(hostile.versions[-1]))
        for _ in range(random.randrange(1, 40)):
            writer.write(random.randbytes(random.randrange(1, 200)))
        await writer.drain()
        await asyncio.sleep(0.02)

    async with _against(answer) as (hostile, telemetry):
        await hostile.called(25, seconds=40)
    assert _told(telemetry)


def _packet(random: Random) -> bytes:
    """A packet whose head is right and whose body is anything: what a parser trusts most."""
    body = random.randbytes(random.choice((0, 1, 2, 3, 4, 7, 30, 300)))
    if random.random() < 0.5:  # begins like a string of that length
        body = struct.pack("!H", random.choice((0, 1, 3, 0xFFFF))) + body
    length = bytearray()
    left = len(body)
    while True:
        left, digit = divmod(left, 128)
        length.append(digit | (0x80 if left else 0))
        if not left:
            break
    return bytes([random.choice(PACKETS) | random.randrange(16)]) + bytes(length) + body


async def test_well_framed_packets_with_rubbish_inside() -> None:
    random = Random(5)
    hostile: HostileBroker

    async def answer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(_accepted(hostile.versions[-1]))
        for _ in range(random.randrange(1, 12)):
            writer.write(_packet(random))
            await asyncio.sleep(0)
        await writer.drain()
        await asyncio.sleep(0.02)

    async with _against(answer) as (hostile, telemetry):
        await hostile.called(40, seconds=60)
    assert _told(telemetry)


@pytest.mark.parametrize("length", [1, 2, 3, 4])
async def test_an_answer_that_breaks_off(length: int) -> None:
    async def answer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(ACCEPTED_5[:length])
        await writer.drain()

    async with _against(answer) as (hostile, telemetry):
        await hostile.called(4)
    assert _told(telemetry)


async def test_every_refusal_there_is_and_those_there_are_not() -> None:
    codes = iter(range(1, 256))
    hostile: HostileBroker

    async def answer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        code = next(codes, 0x87)
        writer.write(
            b"\x20\x03\x00" + bytes([code, 0]) if hostile.versions[-1] == 5 else b"\x20\x02\x00" + bytes([code])
        )
        await writer.drain()

    async with _against(answer) as (hostile, telemetry):
        await hostile.called(255, seconds=120)
    assert _told(telemetry)


async def test_a_broker_that_hangs_up_at_once() -> None:
    async def answer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        return

    async with _against(answer) as (hostile, _):
        await hostile.called(6)
    assert set(hostile.versions) == {4, 5}


async def test_a_broker_that_never_answers() -> None:
    async def answer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await asyncio.sleep(3600)

    async with _against(answer) as (hostile, telemetry):
        await hostile.called(4)
    assert _told(telemetry)
    assert set(hostile.versions) == {4, 5}


@pytest.mark.parametrize("accepted", [False, True])
async def test_a_packet_that_claims_a_quarter_of_a_gigabyte_is_not_collected(accepted: bool) -> None:
    taken: list[int] = []

    async def answer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        if accepted:
            writer.write(ACCEPTED_5)
        writer.write(b"\x30\xff\xff\xff\x7f")
        sent = 0
        try:
            for _ in range(4096):
                writer.write(bytes(65536))
                await writer.drain()
                sent += 65536
        finally:
            taken.append(sent)

    async with _against(answer) as (hostile, _):
        await hostile.called(3)
    assert taken
    assert max(taken) < 32 * 2**20, "the socket's own buffers, and no more"


async def test_the_largest_packet_that_is_read_is_bounded(monkeypatch: pytest.MonkeyPatch) -> None:
    """What fits is thrown away and the connection holds; one byte more ends it."""
    size = MAX_PACKET_BYTES
    body = b"\x00\x01a\x00" + bytes(size - 4)

    async def answer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(ACCEPTED_5)
        writer.write(b"\x30\x80\x80\x04" + body)
        while await reader.read(4096):
            pass

    async with _against(answer) as (hostile, telemetry):
        await hostile.called(1)
        await asyncio.sleep(0.5)
        assert telemetry.connected
        assert hostile.calls == 1


@pytest.mark.parametrize("qos", [0, 1, 2])
async def test_a_flood_of_publications_that_nobody_asked_for(qos: int) -> None:
    async def answer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(ACCEPTED_5)
        for number in range(1, 3001):
            identifier = struct.pack("!H", number) if qos else b""
            body = b"\x00\x01a" + identifier + b"\x00" + bytes(16_000)
            writer.write(bytes((0x30 | qos << 1, len(body) & 127 | 128, len(body) >> 7)) + body)
            await writer.drain()

    async with _against(answer) as (hostile, telemetry):
        await hostile.called(2, seconds=40)
    assert _told(telemetry)
