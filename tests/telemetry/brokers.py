"""What the tests of telemetry share: mosquitto, a broker that misbehaves, an observer, and a mast to tell of.

with Mosquitto(tmp_path) as broker:
    async with Observer(broker.port) as seen: ...
"""

import asyncio
import json
import socket
import subprocess
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import suppress
from dataclasses import replace
from pathlib import Path
from types import TracebackType
from typing import Any, Self

import aiomqtt

from agent.clock import SystemClock
from agent.config import Mast, Mqtt
from agent.facts import CameraFacts, MastFacts
from agent.telemetry.telemetry import Telemetry, Timing
from agent.units import Burned

FAST = Timing(
    look_s=0.1,
    state_s=1.0,
    health_s=1.0,
    first_retry_s=0.1,
    longest_retry_s=0.3,
    unknown_answer_s=0.5,
    birth_s=1.0,
    farewell_s=1.0,
    will_delay_s=1,
)
ROOT = "vigie/lievin/lievin-042"
KEY = "-----BEGIN PUBLIC KEY-----\nMCowBQYDK2VwAyEA\n-----END PUBLIC KEY-----\n"


def free_port() -> int:
    """A port that nobody listens on just now."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


class Mosquitto:
    """Debian's broker on a loopback port that stays the same across restarts; it keeps nothing on disk."""

    def __init__(self, folder: Path, *lines: str) -> None:
        self.port = free_port()
        self._file = folder / "mosquitto.conf"
        own = () if any(line.startswith("allow_anonymous") for line in lines) else ("allow_anonymous true",)
        self._file.write_text("\n".join((f"listener {self.port} 127.0.0.1", "user root", *own, *lines)) + "\n")
        self._process: subprocess.Popen[bytes] | None = None

    def start(self) -> None:
        """Returns once it listens."""
        command = ["/usr/sbin/mosquitto", "-c", str(self._file)]
        self._process = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        try:
            self._wait_until_it_listens(self._process)
        except BaseException:
            self.stop()
            raise

    def _wait_until_it_listens(self, process: "subprocess.Popen[bytes]") -> None:
        for _ in range(200):
            assert process.poll() is None, "mosquitto ended at once"
            with suppress(OSError), socket.create_connection(("127.0.0.1", self.port), 1):
                return
            time.sleep(0.05)
        raise AssertionError("mosquitto does not listen")

    def stop(self) -> None:
        """Stops it; retained messages are gone."""
        if self._process is not None:
            self._process.kill()
            self._process.wait()
            self._process = None

    def __enter__(self) -> Self:
        self.start()
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, tb: TracebackType | None) -> None:
        self.stop()


class Observer:
    """Hears every message of a broker."""

    def __init__(self, port: int, *, five: bool = True, **options: Any) -> None:
        version = aiomqtt.ProtocolVersion.V5 if five else aiomqtt.ProtocolVersion.V311
        self._client = aiomqtt.Client("127.0.0.1", port, protocol=version, **options)
        self.heard: list[aiomqtt.Message] = []
        self._task: asyncio.Task[None] | None = None

    async def __aenter__(self) -> Self:
        await self._client.__aenter__()
        await self._client.subscribe("#", qos=1)
        self._task = asyncio.create_task(self._hear())
        return self

    async def __aexit__(self, *what: Any) -> None:
        assert self._task is not None
        self._task.cancel()
        with suppress(asyncio.CancelledError, aiomqtt.MqttError):
            await self._task
        with suppress(aiomqtt.MqttError):
            await self._client.__aexit__(None, None, None)

    async def _hear(self) -> None:
        async for message in self._client.messages:
            self.heard.append(message)

    def on(self, topic: str) -> list[dict[str, Any]]:
        """The JSON heard on a topic below the mast's root, oldest first."""
        return [json.loads(bytes(m.payload)) for m in self.heard if str(m.topic) == f"{ROOT}/{topic}"]

    async def until(self, condition: Callable[[], object], seconds: float = 20) -> None:
        """Waits until the condition holds."""
        for _ in range(int(seconds * 50)):
            if condition():
                return
            await asyncio.sleep(0.02)
        raise AssertionError(f"not seen; heard {[(str(m.topic), bytes(m.payload)[:80]) for m in self.heard][-20:]}")

    async def state(self, wanted: str) -> dict[str, Any]:
        """Waits for the newest status to be `wanted`."""
        await self.until(lambda: self.on("status") and self.on("status")[-1]["state"] == wanted)
        return self.on("status")[-1]


async def retained(port: int, topic: str, *, five: bool = True) -> dict[str, Any]:
    """What a dashboard that joins now is told of a topic below the mast's root."""
    async with Observer(port, five=five) as late:
        await late.until(lambda: late.on(topic))
        assert all(m.retain for m in late.heard[:1])
        return late.on(topic)[0]


class World:
    """A mast with one camera, to be changed by the test."""

    def __init__(self) -> None:
        self.clock = SystemClock()
        self.camera = CameraFacts(
            id="parvis-fixed",
            name="Parvis, fixe",
            capture="live",
            capture_reason="",
            masks=Burned(0.12),
            fps=25.0,
            bitrate_kbps=3987.4,
            width=1920,
            height=1080,
            encoder="x264",
            recording=True,
            recording_reason="",
            last_segment="20261122T203711.042Z.mp4.age",
            viewers=0,
            frames=100,
            below_minimum=False,
            dropped={"frames": 0, "vault": 0, "live": 0},
        )

    def change(self, **fields: Any) -> None:
        """Sets facts of the camera."""
        self.camera = replace(self.camera, **fields)

    def facts(self) -> MastFacts:
        """The mast now."""
        return MastFacts(self.clock.wall(), 42.0, 50 << 30, 3.5, (self.camera,))

    def telemetry(self, port: int, timing: Timing = FAST, **mqtt: Any) -> Telemetry:
        """A telemetry for this mast; `mqtt` are keys of [mqtt]."""
        scheme = "mqtts" if "ca_file" in mqtt else "mqtt"
        mast = Mast(id="lievin-042", town="lievin", site="Parvis de l'Hôtel de Ville", state=Path("unused"))
        settings = Mqtt.model_validate({"url": f"{scheme}://127.0.0.1:{port}", **mqtt})
        return Telemetry(mast, settings, self.clock, self.facts, KEY, timing=timing)


class Running:
    """Runs a telemetry while entered, then stops it cleanly."""

    def __init__(self, telemetry: Telemetry) -> None:
        self.telemetry = telemetry
        self._task: asyncio.Task[None] | None = None

    async def __aenter__(self) -> Telemetry:
        self._task = asyncio.create_task(self.telemetry.run())
        return self.telemetry

    async def __aexit__(self, *what: Any) -> None:
        assert self._task is not None
        self._task.cancel()
        with suppress(asyncio.CancelledError):
            await self._task


Answer = Callable[[asyncio.StreamReader, asyncio.StreamWriter], Awaitable[None]]


class HostileBroker:
    """A TCP listener that reads what a client sends first and then does as `answer` likes."""

    def __init__(self, answer: Answer, port: int = 0) -> None:
        self._answer = answer
        self.port = port
        self.calls = 0
        self.versions: list[int] = []
        self.connects: list[bytes] = []
        self._server: asyncio.Server | None = None
        self._tasks: set[asyncio.Task[None]] = set()

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        assert task is not None
        self._tasks.add(task)
        try:
            connect = await reader.read(4096)
            at = connect.find(b"\x00\x04MQTT")
            if at >= 0:
                self.calls += 1
                self.versions.append(connect[at + 6])
                self.connects.append(connect[at:])
            await self._answer(reader, writer)
        except (OSError, asyncio.CancelledError):
            pass
        finally:
            self._tasks.discard(task)
            writer.transport.abort()

    async def __aenter__(self) -> Self:
        self._server = await asyncio.start_server(self._serve, "127.0.0.1", self.port)
        self.port = self._server.sockets[0].getsockname()[1]
        return self

    async def __aexit__(self, *what: Any) -> None:
        assert self._server is not None
        self._server.close()
        tasks = list(self._tasks)
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        await self._server.wait_closed()

    async def called(self, times: int, seconds: float = 20) -> None:
        """Waits until `times` CONNECTs have come."""
        for _ in range(int(seconds * 50)):
            if self.calls >= times:
                return
            await asyncio.sleep(0.02)
        raise AssertionError(f"{self.calls} calls")


async def publications(reader: asyncio.StreamReader) -> AsyncIterator[tuple[str, bytes, bytes]]:
    """(topic, packet identifier, payload) of each QoS 1 PUBLISH that a client sends in MQTT 5; the rest is skipped."""
    while True:
        kind, length, shift = (await reader.readexactly(1))[0], 0, 0
        while True:
            digit = (await reader.readexactly(1))[0]
            length |= (digit & 127) << shift
            shift += 7
            if not digit & 128:
                break
        body = await reader.readexactly(length)
        if kind >> 4 == 3:
            end = 2 + int.from_bytes(body[:2])
            yield body[2:end].decode(), body[end : end + 2], body[end + 3 :]


async def until(condition: Callable[[], object], seconds: float = 20) -> None:
    """Waits until the condition holds."""
    for _ in range(int(seconds * 50)):
        if condition():
            return
        await asyncio.sleep(0.02)
    raise AssertionError("it never came")
