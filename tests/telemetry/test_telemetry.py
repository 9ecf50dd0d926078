"""Telemetry against mosquitto (MQTT 5) and the embedded amqtt (MQTT 3.1.1): what the CSU sees through every fault."""

import asyncio
import json
import logging
import re
import signal
import subprocess
import sys
import threading
from collections.abc import AsyncIterator, Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from agent import __version__
from agent.events import CaptureLost, ClockStepped, PowerCutFound, ViewStarted
from agent.units import Blind
from agent.virtual.broker import embedded_broker
from tests.rig.certificates import Authority
from tests.telemetry.brokers import (
    FAST,
    KEY,
    ROOT,
    HostileBroker,
    Mosquitto,
    Observer,
    Running,
    World,
    free_port,
    publications,
    retained,
    until,
)

TIME = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z")


@pytest.fixture
def broker(tmp_path: Path) -> Iterator[Mosquitto]:
    with Mosquitto(tmp_path) as running:
        yield running


@pytest.fixture(params=["mosquitto", "amqtt"])
async def either(request: pytest.FixtureRequest, tmp_path: Path) -> AsyncIterator[tuple[int, bool]]:
    """(port, speaks MQTT 5)."""
    if request.param == "mosquitto":
        with Mosquitto(tmp_path) as running:
            yield running.port, True
    else:
        async with embedded_broker() as port:
            yield port, False


async def test_a_dashboard_finds_everything_the_contract_names(either: tuple[int, bool]) -> None:
    port, five = either
    world = World()
    async with Observer(port, five=five) as seen, Running(world.telemetry(port)) as telemetry:
        telemetry.emit(ViewStarted("parvis-fixed", 7, "main", 41))
        await seen.until(lambda: seen.on("event") and seen.on("health") and seen.on("status"))
        await seen.until(lambda: len(seen.on("health")) > 1)
        async with Observer(port, five=five) as late:
            await late.until(lambda: len({str(m.topic) for m in late.heard if m.retain}) == 4)
            assert {str(m.topic) for m in late.heard if m.retain} == {
                f"{ROOT}/status",
                f"{ROOT}/health",
                f"{ROOT}/camera/parvis-fixed/state",
                "homeassistant/device/lievin-042/config",
            }
            assert not late.on("event"), "an event is told once, not kept"
    birth, state = seen.on("status")[0], seen.on("camera/parvis-fixed/state")[0]
    health, event = seen.on("health")[-1], seen.on("event")[0]
    assert (birth["state"], birth["agent"], birth["public_key"]) == ("online", __version__, KEY)
    assert birth["protocol"] == ("5" if five else "3.1.1")
    assert all(TIME.fullmatch(text) for text in (birth["since"], state["at"], health["at"], event["at"]))
    assert (state["capture"], state["masks"], state["recording"], state["viewers"]) == ("live", "burned", True, 0)
    assert (state["fps"], state["bitrate"], state["last_segment"]) == (25.0, 3987, world.camera.last_segment)
    wanted = "uptime_s temperature_c throttling cpu_percent memory disk_free_bytes buffer_hours clock cameras issues"
    assert set(wanted.split()) <= health.keys()
    assert (event["event"], event["camera"], event["session"]) == ("view_started", "parvis-fixed", 7)
    assert all(m.qos == 1 for m in seen.heard if str(m.topic) == f"{ROOT}/event")
    for message in seen.heard:
        json.loads(bytes(message.payload))


async def test_a_clean_stop_tells_what_waited_and_leaves_offline(either: tuple[int, bool]) -> None:
    port, five = either
    async with Observer(port, five=five) as seen:
        async with Running(World().telemetry(port)) as telemetry:
            await seen.state("online")
            assert telemetry.connected
            telemetry.emit(PowerCutFound(3))
        assert not telemetry.connected
        await seen.state("offline")
        assert [event["event"] for event in seen.on("event")] == ["power_cut_found"]
    assert (await retained(port, "status", five=five))["reason"] == "stopped"


def _child(port: int) -> subprocess.Popen[bytes]:
    return subprocess.Popen([sys.executable, "-m", "tests.telemetry.child", str(port)])


async def test_a_killed_agent_is_told_offline_by_its_will(either: tuple[int, bool]) -> None:
    port, five = either
    async with Observer(port, five=five) as seen:
        child = _child(port)
        try:
            await seen.state("online")
        finally:
            child.send_signal(signal.SIGKILL)
            child.wait()
        told = await seen.state("offline")
        assert told["reason"] == "connection-lost"
    assert (await retained(port, "status", five=five))["state"] == "offline"


async def test_an_agent_that_takes_over_from_a_frozen_one_stays_online(either: tuple[int, bool]) -> None:
    port, five = either
    async with Observer(port, five=five) as seen:
        child = _child(port)
        try:
            await seen.state("online")
            child.send_signal(signal.SIGSTOP)
            async with Running(World().telemetry(port)):
                await seen.until(lambda: len({one["since"] for one in seen.on("status") if "started" in one}) == 2)
                child.send_signal(signal.SIGKILL)
                child.wait()
                await asyncio.sleep(2 * FAST.will_delay_s + 1)
                assert (await retained(port, "status", five=five))["state"] == "online"
                if five:  # with a will delay nobody even saw it flash
                    assert {one["state"] for one in seen.on("status")} == {"online"}
        finally:
            child.kill()
            child.wait()


async def test_a_broker_that_forgot_everything_is_told_everything_again(broker: Mosquitto) -> None:
    async with Running(World().telemetry(broker.port)) as telemetry:
        async with Observer(broker.port) as seen:
            first = await seen.state("online")
        broker.stop()
        broker.start()
        async with Observer(broker.port) as seen:
            again = await seen.state("online")
            assert again["since"] > first["since"]
            assert again["started"] == first["started"]
            await seen.until(lambda: seen.on("health") and seen.on("camera/parvis-fixed/state"))
            await seen.until(lambda: any(str(m.topic).startswith("homeassistant/") for m in seen.heard))
        assert telemetry.connected


async def _outage(broker: Mosquitto, seconds: float, events: int) -> list[float]:
    """The numbers of the events that arrived once it was over, as they came; the state is the one of afterwards."""
    world = World()
    async with Running(world.telemetry(broker.port)) as telemetry:
        async with Observer(broker.port) as seen:
            telemetry.emit(ClockStepped(0))
            await seen.until(lambda: seen.on("event"))
        broker.stop()
        for number in range(1, events):
            telemetry.emit(ClockStepped(number))
            await asyncio.sleep(seconds / events)
        world.change(masks=Blind("picture-changed"))
        broker.start()
        async with Observer(broker.port) as seen:  # subscribed before the agent's next call, most of the time
            telemetry.emit(ClockStepped(events))
            await seen.until(lambda: seen.on("event") and seen.on("event")[-1]["seconds"] == events)
            state = seen.on("camera/parvis-fixed/state")[-1]
    assert (state["masks"], state["reason"]) == ("blind", "picture-changed")
    ids = [event["id"] for event in seen.on("event")]
    assert ids == sorted(set(ids))
    assert telemetry._outbox.facts().waiting == 0
    return [event["seconds"] for event in seen.on("event")]


async def test_events_of_an_outage_arrive_afterwards_in_order(broker: Mosquitto) -> None:
    kept = await _outage(broker, seconds=1.0, events=40)
    assert kept == sorted(kept)
    assert kept[-1] == 40


@pytest.mark.slow
async def test_events_of_a_whole_minute_without_broker_arrive_in_order(broker: Mosquitto) -> None:
    kept = await _outage(broker, seconds=60.0, events=600)
    assert kept == sorted(kept)
    assert kept[-1] == 600


async def test_no_event_of_an_outage_is_lost_to_a_reader_that_keeps_its_session(tmp_path: Path) -> None:
    """The reader subscribes before the agent can reconnect: a slow retry gives it the time."""
    broker = Mosquitto(tmp_path)
    telemetry = World().telemetry(broker.port, replace(FAST, first_retry_s=4, longest_retry_s=4))
    async with Running(telemetry):
        for number in range(300):
            telemetry.emit(ClockStepped(number))
        await asyncio.sleep(0.3)
        assert not telemetry.connected
        with broker:
            async with Observer(broker.port) as seen:
                await seen.until(lambda: len(seen.on("event")) >= 300)
                assert [event["seconds"] for event in seen.on("event")] == list(range(300))
                order = [str(message.topic).removeprefix(ROOT) for message in seen.heard]
                assert order[0] == "/status"
                assert order.index("/event") > order.index("/camera/parvis-fixed/state"), "the truth comes first"


async def test_events_that_a_choking_broker_did_not_acknowledge_are_sent_again() -> None:
    acknowledged: list[int] = []

    async def choking(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(b"\x20\x03\x00\x00\x00")
        async for topic, identifier, payload in publications(reader):
            if topic.endswith("/event"):
                if len(acknowledged) == 35:
                    continue
                acknowledged.append(json.loads(payload)["seconds"])
            writer.write(b"\x40\x02" + identifier)

    async with HostileBroker(choking) as hostile:
        telemetry = World().telemetry(hostile.port, replace(FAST, first_retry_s=4, longest_retry_s=4, answer_s=1))
        for number in range(100):
            telemetry.emit(ClockStepped(number))
        async with Running(telemetry):
            await until(lambda: len(acknowledged) == 35 and not telemetry.connected)
            await hostile.__aexit__()
            async with embedded_broker(hostile.port), Observer(hostile.port, five=False) as seen:
                await seen.until(lambda: seen.on("event") and seen.on("event")[-1]["seconds"] == 99)
    assert acknowledged == list(range(35))
    assert [event["seconds"] for event in seen.on("event")] == list(range(35, 100))


async def test_an_event_waits_for_no_tick(broker: Mosquitto) -> None:
    still = replace(FAST, look_s=3600, health_s=3600, state_s=3600, birth_s=3600)
    async with Observer(broker.port) as seen, Running(World().telemetry(broker.port, still)) as telemetry:
        await seen.until(lambda: seen.on("health") and seen.on("camera/parvis-fixed/state"))
        await asyncio.sleep(0.3)
        await asyncio.to_thread(telemetry.emit, PowerCutFound(1))
        await seen.until(lambda: seen.on("event"))
        assert [one["event"] for one in seen.on("event")] == ["power_cut_found"]


async def test_many_threads_emit_and_every_event_arrives_once(broker: Mosquitto) -> None:
    async with Observer(broker.port) as seen, Running(World().telemetry(broker.port)) as telemetry:
        threads = [
            threading.Thread(target=lambda n=n: [telemetry.emit(ClockStepped(n * 1000 + i)) for i in range(50)])
            for n in range(8)
        ]
        for thread in threads:
            thread.start()
        await seen.until(lambda: len(seen.on("event")) >= 400)
        for thread in threads:
            thread.join()
    ids = [event["id"] for event in seen.on("event")]
    assert ids == sorted(set(ids))
    assert len(ids) == 400


async def test_a_change_is_told_at_once_and_a_flicker_is_not(broker: Mosquitto) -> None:
    world, quiet = World(), replace(FAST, state_s=1000.0)
    async with Observer(broker.port) as seen, Running(world.telemetry(broker.port, quiet)) as telemetry:
        await seen.until(lambda: seen.on("camera/parvis-fixed/state"))
        world.change(fps=24.7, bitrate_kbps=4100.0, frames=200)
        await asyncio.sleep(1)
        assert len(seen.on("camera/parvis-fixed/state")) == 1
        world.change(capture="lost", capture_reason="no picture for 5 s", recording=False)
        telemetry.emit(CaptureLost("parvis-fixed", "no picture for 5 s"))
        await seen.until(lambda: len(seen.on("camera/parvis-fixed/state")) == 2)
        assert seen.on("camera/parvis-fixed/state")[-1]["capture"] == "lost"
        await seen.until(lambda: "capture_lost" in {one["key"] for one in seen.on("health")[-1]["issues"]})


async def test_a_broker_that_accepts_and_never_reads_holds_up_nobody() -> None:
    async def stall(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(b"\x20\x03\x00\x00\x00")  # CONNACK of MQTT 5, accepted
        await asyncio.sleep(3600)

    async with HostileBroker(stall) as slow:
        telemetry = World().telemetry(slow.port)
        async with Running(telemetry):
            await slow.called(1)
            for number in range(10_500):
                telemetry.emit(ClockStepped(number))
            facts = telemetry._outbox.facts()
            assert (facts.waiting, facts.dropped) == (10_000, 500)
            assert len(telemetry._outbox._truth) <= 4
        assert not telemetry.connected


async def test_lost_events_are_counted_in_health(broker: Mosquitto) -> None:
    telemetry = World().telemetry(broker.port)
    for number in range(10_003):
        telemetry.emit(ClockStepped(number))
    async with Observer(broker.port) as seen, Running(telemetry):
        await seen.until(lambda: seen.on("health"))
        health = seen.on("health")[0]
        assert health["outbox"]["dropped"] == 3
        assert "events_lost" in {issue["key"] for issue in health["issues"]}


async def test_a_stop_while_the_broker_cannot_be_reached_ends() -> None:
    async with Running(World().telemetry(free_port())) as telemetry:
        await asyncio.sleep(0.5)
        telemetry.emit(PowerCutFound(1))
    telemetry.emit(PowerCutFound(2))  # after the end too: nobody hears it, nothing fails
    assert not telemetry.connected


async def test_a_stop_that_the_broker_does_not_acknowledge_leaves_the_will_standing() -> None:
    """A DISCONNECT would delete the will, and `online` would be retained for ever."""
    sent = bytearray()

    async def deaf(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(b"\x20\x03\x00\x00\x00")
        while data := await reader.read(4096):
            sent.extend(data)

    async with HostileBroker(deaf) as broker:
        async with Running(World().telemetry(broker.port)):
            await broker.called(1)
            await asyncio.sleep(0.2)
        await asyncio.sleep(0.2)
    assert b'"online"' in sent
    assert not sent.endswith(b"\xe0\x00")


async def test_a_broker_that_refuses_a_version_is_called_in_the_other() -> None:
    async def old(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(b"\x20\x02\x00\x01")
        await writer.drain()

    async with HostileBroker(old) as broker, Running(World().telemetry(broker.port)):
        await broker.called(2)
    assert broker.versions[:2] == [5, 4]


async def test_connect_asks_to_keep_the_session_so_that_a_takeover_takes_the_will_back() -> None:
    async def silent(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.read()

    async with HostileBroker(silent) as broker, Running(World().telemetry(broker.port)):
        await broker.called(1)
    connect = broker.connects[0]  # \x00\x04MQTT, version, flags, keep alive, properties
    assert connect[6:8] == bytes((5, 0b0010_1100)), "will retained at QoS 1, no clean start"
    expiry = connect[connect.index(b"\x11", 10) + 1 :][:4]
    delay = connect[connect.rindex(b"\x18", 0, connect.index(b"vigie/")) + 1 :][:4]
    assert int.from_bytes(expiry) > int.from_bytes(delay) == FAST.will_delay_s


def _secure(folder: Path, authority: Authority, *lines: str) -> Mosquitto:
    server = authority.issue("broker", "127.0.0.1")
    return Mosquitto(
        folder,
        f"cafile {authority.certificate}",
        f"certfile {server.certificate}",
        f"keyfile {server.private_key}",
        *lines,
    )


async def test_tls_with_a_client_certificate(tmp_path: Path) -> None:
    authority = Authority(tmp_path)
    mine = authority.issue("lievin-042")
    with _secure(tmp_path, authority, "require_certificate true", "use_identity_as_username true") as broker:
        keys = {"certificate": mine.certificate, "private_key": mine.private_key}
        telemetry = World().telemetry(broker.port, ca_file=authority.certificate, **keys)
        async with Running(telemetry):
            await until(lambda: telemetry.connected)
            telemetry.emit(PowerCutFound(1))
            await until(lambda: not telemetry._outbox.facts().waiting)
            assert telemetry.connected


async def _complaint(telemetry_log: pytest.LogCaptureFixture, wanted: str) -> str:
    for _ in range(500):
        if found := [text for text in telemetry_log.messages if re.search(wanted, text)]:
            return found[0]
        await asyncio.sleep(0.02)
    raise AssertionError(telemetry_log.messages)


async def test_a_broker_of_another_authority_is_refused(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    (tmp_path / "other").mkdir()
    stranger = Authority(tmp_path / "other", "stranger")
    with _secure(tmp_path, Authority(tmp_path)) as broker:
        telemetry = World().telemetry(broker.port, ca_file=stranger.certificate)
        async with Running(telemetry):
            text = await _complaint(caplog, "ca_file")
            await asyncio.sleep(1)
            assert not telemetry.connected
        assert len([one for one in caplog.messages if one == text]) == 1, "one line for a fault that stays"


async def test_an_agent_without_certificate_is_refused_where_one_is_required(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    authority = Authority(tmp_path)
    with _secure(tmp_path, authority, "require_certificate true") as broker:
        telemetry = World().telemetry(broker.port, ca_file=authority.certificate)
        async with Running(telemetry):
            await _complaint(caplog, "broker|courtier")
            assert not telemetry.connected


async def test_a_certificate_file_that_vanished_is_named_and_the_link_comes_back(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    authority = Authority(tmp_path)
    mine = tmp_path / "mine.pem"
    mine.write_bytes(authority.certificate.read_bytes())
    with _secure(tmp_path, authority) as broker:
        telemetry = World().telemetry(broker.port, ca_file=mine)
        mine.unlink()
        async with Running(telemetry):
            await _complaint(caplog, r"\[mqtt\]")
            assert not telemetry.connected
            mine.write_bytes(authority.certificate.read_bytes())
            await until(lambda: telemetry.connected)


async def test_a_wrong_password_is_refused_untold_and_its_correction_is_read(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.DEBUG)
    users, secret = tmp_path / "users", tmp_path / "mqtt.pass"
    command = ["mosquitto_passwd", "-b", "-c", str(users), "lievin-042", "juste-7f3a"]
    await asyncio.to_thread(subprocess.run, command, check=True)
    secret.write_text("faux-5b1c\n")
    with Mosquitto(tmp_path, "allow_anonymous false", f"password_file {users}") as broker:
        telemetry = World().telemetry(broker.port, username="lievin-042", password_file=secret)
        async with Running(telemetry):
            await _complaint(caplog, "refuse")
            assert not telemetry.connected
            secret.write_text("juste-7f3a\n")
            await until(lambda: telemetry.connected)
    assert not [text for text in caplog.messages if "faux-5b1c" in text or "juste-7f3a" in text]
