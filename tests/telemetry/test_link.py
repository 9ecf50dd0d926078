"""The connection itself: a stop is never swallowed, nothing is left open, a refusal says what to mend."""

import asyncio
import time
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

import pytest

from agent.config import Mqtt
from agent.errors import LinkError, LinkSilent, LinkVersionRefused
from agent.telemetry.dialling import Protocol
from agent.telemetry.link import Call, session
from agent.telemetry.values import Publication
from tests.telemetry.brokers import HostileBroker, Mosquitto, Observer, free_port

WILL = Publication("vigie/t/m/status", b'{"state":"offline"}', retain=True)
EVENT = Publication("vigie/lievin/lievin-042/event", b"{}", retain=False)


@pytest.fixture
def broker(tmp_path: Path) -> Iterator[Mosquitto]:
    with Mosquitto(tmp_path) as running:
        yield running


def _mqtt(port: int) -> Mqtt:
    return Mqtt(url=f"mqtt://127.0.0.1:{port}")


def _call(protocol: Protocol = "5", answer_s: float = 5) -> Call:
    return Call("vigie-test", protocol, WILL, answer_s=answer_s)


async def test_a_stop_in_the_instant_of_the_acknowledgement_is_not_swallowed(broker: Mosquitto) -> None:
    async with session(_mqtt(broker.port), _call()) as link:
        pending = link._client._pending_publishes
        for _ in range(20):
            task = asyncio.create_task(link.publish(EVENT))
            for _ in range(3):  # until it waits for the broker
                await asyncio.sleep(0)
            await next(iter(pending.values())).wait()
            task.cancel()
            with pytest.raises(asyncio.CancelledError):
                await task


@pytest.mark.parametrize("protocol", ["5", "3.1.1"])
async def test_an_acknowledged_message_is_at_the_broker(broker: Mosquitto, protocol: Protocol) -> None:
    async with Observer(broker.port) as seen, session(_mqtt(broker.port), _call(protocol)) as link:
        await link.publish(EVENT)
        await seen.until(lambda: seen.on("event"))
        assert len(seen.on("event")) == 1


async def test_a_stop_while_the_broker_keeps_silent_closes_the_socket() -> None:
    closed = asyncio.Event()

    async def silent(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        while await reader.read(4096):
            pass
        closed.set()

    async def call(port: int) -> None:
        async with session(_mqtt(port), _call(answer_s=3600)):
            raise AssertionError("accepted by nobody")

    async with HostileBroker(silent) as hostile:
        task = asyncio.create_task(call(hostile.port))
        await hostile.called(1)
        task.cancel()
        with suppress(asyncio.CancelledError):
            await task
        await asyncio.wait_for(closed.wait(), 20)
    assert task.cancelled()


@pytest.mark.parametrize("accepted", [b"", b"\x20\x03\x00\x00\x00"])
async def test_a_packet_that_cannot_be_read_ends_the_call_and_is_not_read_for_ever(accepted: bytes) -> None:
    async def garble(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(accepted)
        await writer.drain()
        await asyncio.sleep(0.2)
        writer.write(b"\x30\x05\x00\x01\xff\x00x" * 3)  # a topic that is not UTF-8
        while await reader.read(4096):
            pass

    async with HostileBroker(garble) as hostile, asyncio.timeout(20):
        with pytest.raises(LinkError, match=r"unreadable|illisible"):
            async with session(_mqtt(hostile.port), _call(answer_s=3600)) as link:
                await link.lost()


async def test_messages_that_a_broker_begins_and_never_finishes_are_not_heaped_up() -> None:
    async def begin(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(b"\x20\x03\x00\x00\x00")
        for number in range(1, 21):
            writer.write(b"\x34\x07\x00\x01a" + bytes((0, number)) + b"\x00x")  # QoS 2, and no PUBREL ever
        while await reader.read(4096):
            pass

    async with HostileBroker(begin) as hostile, asyncio.timeout(20):
        with pytest.raises(LinkError):
            async with session(_mqtt(hostile.port), _call(answer_s=3600)) as link:
                await link.lost()


async def test_a_broker_that_is_away_is_an_ordinary_link_error() -> None:
    with pytest.raises(LinkError) as caught:
        async with session(_mqtt(free_port()), _call()):
            pass
    assert not isinstance(caught.value, LinkSilent | LinkVersionRefused)


@pytest.mark.parametrize(
    ("answer", "error"),
    [
        (b"\x20\x02\x00\x01", LinkVersionRefused),
        (b"\x20\x03\x00\x84\x00", LinkVersionRefused),
        (b"", LinkSilent),
        (b"\x20\x03\x00", LinkSilent),
    ],
)
async def test_how_brokers_say_that_they_do_not_speak_mqtt_5(answer: bytes, error: type[LinkError]) -> None:
    async def old(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(answer)
        await writer.drain()

    async with HostileBroker(old) as hostile:
        with pytest.raises(error):
            async with session(_mqtt(hostile.port), _call()):
                pass


async def test_a_name_that_cannot_be_one_is_an_ordinary_link_error() -> None:
    mqtt = Mqtt.model_construct(url=f"mqtt://{'a' * 70}..b:1883", username="", password_file=None)
    with pytest.raises(LinkError):
        async with session(mqtt, _call()):
            pass


async def test_a_socket_that_is_closed_before_the_loop_watches_it_is_never_watched(broker: Mosquitto) -> None:
    """Its number would be nobody's, which asyncio complains of, or another socket's by then."""
    complaints: list[str] = []
    asyncio.get_running_loop().set_exception_handler(lambda _, told: complaints.append(str(told["message"])))
    for turns in range(3, 13):
        dialling = asyncio.create_task(_dial(broker.port))
        for _ in range(turns):  # until paho's thread has begun
            await asyncio.sleep(0)
        dialling.cancel()
        time.sleep(0.03)  # noqa: ASYNC251 - a busy loop: paho's thread opens the socket, and the stop comes first
        await asyncio.gather(dialling, return_exceptions=True)
    await asyncio.sleep(0.1)
    assert complaints == []


async def _dial(port: int) -> None:
    async with session(_mqtt(port), _call()):
        await asyncio.sleep(1)
