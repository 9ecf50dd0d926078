"""`vigie demo`: a whole virtual mast on this machine, used the way a town uses a real one.

A virtual camera behind RTSP, a broker, keys made by `vigie-provision`, a configuration file and the agent as a process
of its own: nothing is wired together that would not be wired so on a mast. Needs no root and listens on loopback only.
"""

import asyncio
import contextlib
import ctypes
import signal
import socket
import sys
import time
from dataclasses import dataclass, replace
from pathlib import Path

import aiohttp
import psutil

from agent.config import load
from agent.errors import UsageError, VigieError
from agent.language import say
from agent.vault.report import list_segments
from agent.virtual.broker import embedded_broker
from agent.virtual.camera import VirtualCamera, virtual_camera

CAMERA = "rue-fixe"
MAST = "demo-001"
START_LIMIT_S = 60.0
STOP_LIMIT_S = 20.0
TELL_EVERY_S = 10.0
USUAL_PORT = 8443
PR_SET_PDEATHSIG = 1  # linux/prctl.h


@dataclass(frozen=True, slots=True)
class Figures:
    """What the agent did: `cpu_share` of one core, `masked_share` of the picture."""

    frames: int = 0
    masked_share: float = 0.0
    segments: int = 0
    bytes: int = 0
    cpu_share: float = 0.0


def _end_with_parent() -> None:
    """In the child: the kernel sends SIGTERM when the demo dies, however it dies (prctl(2), PR_SET_PDEATHSIG)."""
    ctypes.CDLL(None).prctl(PR_SET_PDEATHSIG, signal.SIGTERM, 0, 0, 0)


def _tell(text: str) -> None:
    print(text, flush=True)


def _make_folder(folder: Path) -> Path:
    folder = folder.resolve()
    try:
        folder.mkdir(parents=True, exist_ok=True)
        (folder / "vigie.toml").touch()
    except OSError as error:
        why = error.strerror or ""
        raise UsageError(
            say(
                en=f"--state {folder} cannot be used ({why}); name a folder that you may write",
                fr=f"--state {folder} est inutilisable ({why}) ; indiquer un dossier accessible en écriture",
            )
        ) from error
    return folder


def _free_port() -> int:
    for port in (USUAL_PORT, 0):
        with contextlib.suppress(OSError), socket.socket() as probe:
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            probe.bind(("127.0.0.1", port))
            return int(probe.getsockname()[1])
    raise VigieError(say(en="no free port on 127.0.0.1", fr="aucun port libre sur 127.0.0.1"))


async def _provision(*arguments: str) -> str:
    """Runs `vigie-provision` as a technician would; its stdout."""
    command = [sys.executable, "-m", "provisioning.cli", *arguments]
    process = await asyncio.create_subprocess_exec(*command, stdout=asyncio.subprocess.PIPE)
    out, _ = await process.communicate()
    if process.returncode:
        raise VigieError(say(en="vigie-provision failed", fr="vigie-provision a échoué"))
    return out.decode().strip()


def _write_configuration(folder: Path, camera: VirtualCamera, http_port: int, mqtt_port: int) -> Path:
    recipient = (folder / "keys" / "vault.pub").read_text(encoding="utf-8").strip()
    text = f"""[mast]
id = "{MAST}"
town = "demo"
site = "Rue virtuelle"
state = "mast"

[vault]
recipients = ["{recipient}"]
retention_days = 1
max_gib = 1
segment_seconds = 6

[access]
authorities = ["keys/authority.pub"]
requisition_authorities = ["keys/judicial.pub"]

[http]
listen = "127.0.0.1:{http_port}"

[mqtt]
url = "mqtt://127.0.0.1:{mqtt_port}"

[[camera]]
id = "{CAMERA}"
name = "Rue virtuelle, fixe"
kind = "fixed"
source = "{camera.url}"
fps = 25
bitrate_kbps = 2000
"""
    for place in camera.masks:
        points = ", ".join(f"[{x:.4f}, {y:.4f}]" for x, y in place.polygon)
        text += f'\n[[camera.mask]]\nname = "{place.name}"\npolygon = [{points}]\nstyle = "{place.style}"\n'
    path = folder / "vigie.toml"
    path.write_text(text, encoding="utf-8")
    load(path)  # a fault here is ours: it must show before the agent starts
    return path


class _Agent:
    """The agent's process, and what it says of itself over loopback."""

    def __init__(self, folder: Path, port: int) -> None:
        self._folder = folder
        self._base = f"http://127.0.0.1:{port}"
        self._process: asyncio.subprocess.Process | None = None
        self._cpu_s = 0.0

    async def start(self, configuration: Path) -> None:
        """Starts it; its log goes to `agent.log`."""
        command = [sys.executable, "-m", "agent", "run", "--config", str(configuration)]
        with (self._folder / "agent.log").open("wb") as log:
            # a session of its own, so that Ctrl-C reaches the demo alone and the figures can still be asked for
            self._process = await asyncio.create_subprocess_exec(
                *command, stdout=log, stderr=log, start_new_session=True, preexec_fn=_end_with_parent
            )

    @property
    def ended(self) -> bool:
        """True when the process is no more."""
        return self._process is None or self._process.returncode is not None

    async def _get(self, path: str) -> str | None:
        """The body of a 200 answer, else None."""
        limit = aiohttp.ClientTimeout(total=2)
        try:
            async with aiohttp.ClientSession(timeout=limit) as web, web.get(self._base + path) as answer:
                return await answer.text() if answer.status == 200 else None
        except (aiohttp.ClientError, TimeoutError):
            return None

    async def healthy(self) -> bool:
        """True once the agent captures and records."""
        return await self._get("/healthz") is not None

    async def figures(self, state: Path) -> Figures | None:
        """The figures now; None when the agent does not answer."""
        exposition = await self._get("/metrics")
        if exposition is None:
            return None
        metrics = _samples(exposition)
        if self._process is not None and not self.ended:
            times = psutil.Process(self._process.pid).cpu_times()
            self._cpu_s = times.user + times.system
        segments, size_bytes = await asyncio.to_thread(_recorded, state)
        uptime = metrics.get("vigie_uptime_seconds", 0.0)
        return Figures(
            frames=int(metrics.get(f'vigie_camera_encoded_total{{camera="{CAMERA}",rendition="main"}}', 0)),
            masked_share=metrics.get(f'vigie_camera_masked_share{{camera="{CAMERA}"}}', 0.0),
            segments=segments,
            bytes=size_bytes,
            cpu_share=self._cpu_s / uptime if uptime else 0.0,
        )

    async def stop(self) -> int:
        """Ends the agent as systemd would; its exit status."""
        assert self._process is not None
        if not self.ended:
            self._process.terminate()
        try:
            return await asyncio.wait_for(self._process.wait(), STOP_LIMIT_S)
        except TimeoutError:
            self._process.kill()
            return await self._process.wait()


def _recorded(state: Path) -> tuple[int, int]:
    """(segments, bytes) on disk; nothing before the first one."""
    try:
        rows = list_segments(state)
    except VigieError:
        return 0, 0
    return len(rows), sum(row.segment.size_bytes for row in rows)


def _samples(exposition: str) -> dict[str, float]:
    """Prometheus text -> sample name with labels -> value."""
    pairs = (line.rsplit(" ", 1) for line in exposition.splitlines() if line and not line.startswith("#"))
    return {name: float(value) for name, value in pairs}


async def _wait_until_healthy(agent: _Agent, folder: Path, stop: asyncio.Event) -> None:
    end = time.monotonic() + START_LIMIT_S
    while not await agent.healthy():
        if agent.ended or time.monotonic() > end:
            log = folder / "agent.log"
            raise VigieError(
                say(en=f"the agent did not start; {log} says why", fr=f"l'agent n'a pas démarré ; voir {log}")
            )
        if stop.is_set():
            return
        await asyncio.sleep(0.2)


async def _grant(folder: Path) -> str:
    return await _provision(
        *("grant", "--authority", str(folder / "keys" / "authority.key"), "--agent", "0000"),
        *("--name", "Demonstration", "--service", "Demonstration", "--mast", MAST, "--camera", CAMERA),
        *("--allow", "live", "--basis", "maintenance", "--reference", "DEMO-1", "--reason", "vigie demo"),
        *("--valid", "2h"),
    )


def _summary(figures: Figures, seconds: float) -> str:
    rows = [
        (say(en="ran for", fr="durée"), f"{seconds:.0f} s"),
        (say(en="frames masked and encoded", fr="images masquées et encodées"), f"{figures.frames}"),
        (say(en="masked share of the picture", fr="part masquée de l'image"), f"{figures.masked_share:.1%}"),
        (say(en="sealed segments", fr="segments scellés"), f"{figures.segments}"),
        (say(en="bytes sealed", fr="octets scellés"), f"{figures.bytes:,}".replace(",", " ")),
        (say(en="CPU share (one core = 100 %)", fr="part de CPU (un cœur = 100 %)"), f"{figures.cpu_share:.0%}"),
    ]
    width = max(len(name) for name, _ in rows)
    return "\n".join(f"  {name:<{width}}  {value:>14}" for name, value in rows)


async def _watch(agent: _Agent, state: Path, stop: asyncio.Event, seconds: float) -> Figures:
    """Tells how it goes until `stop`, the time or the agent's end; the last figures that could be read."""
    end = time.monotonic() + seconds if seconds else None
    figures, told = Figures(), 0.0
    while not agent.ended and not stop.is_set() and (end is None or time.monotonic() < end):
        figures = await agent.figures(state) or figures
        if time.monotonic() - told >= TELL_EVERY_S:
            told = time.monotonic()
            frames = say(en="frames", fr="images")
            _tell(f"  {figures.frames} {frames}, {figures.segments} segments, CPU {figures.cpu_share:.0%}")
        wait = 1.0 if end is None else min(1.0, max(0.0, end - time.monotonic()))
        with contextlib.suppress(TimeoutError):
            await asyncio.wait_for(stop.wait(), wait)
    return await agent.figures(state) or figures


async def demo(folder: Path, seconds: float) -> int:
    """Runs the virtual mast in `folder` for `seconds`, or until Ctrl-C when 0; the exit status."""
    if seconds < 0:
        raise UsageError(say(en="--seconds must not be negative", fr="--seconds ne doit pas être négatif"))
    folder = await asyncio.to_thread(_make_folder, folder)
    stop = asyncio.Event()
    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        asyncio.get_running_loop().add_signal_handler(number, stop.set)
    if not (folder / "keys" / "authority.key").exists():
        _tell(say(en="making keys", fr="création des clés"))
        await _provision("keys", "init", "--out", str(folder / "keys"))
    _tell(say(en="starting the broker and the virtual camera", fr="démarrage du broker et de la caméra virtuelle"))
    async with embedded_broker() as mqtt_port, virtual_camera(folder / "virtual") as camera:
        http_port = _free_port()
        configuration = _write_configuration(folder, camera, http_port, mqtt_port)
        agent = _Agent(folder, http_port)
        _tell(say(en="starting the agent", fr="démarrage de l'agent"))
        await agent.start(configuration)
        began = time.monotonic()
        try:
            await _wait_until_healthy(agent, folder, stop)
            _tell_where(http_port, mqtt_port, await _grant(folder), folder)
            figures = await _watch(agent, folder / "mast", stop, seconds)
            died = agent.ended
        finally:
            status = await agent.stop()
    segments, size_bytes = _recorded(folder / "mast")  # the last segment was sealed by the stop
    figures = replace(figures, segments=segments, bytes=size_bytes)
    _tell(_summary(figures, time.monotonic() - began))
    if died or status:
        log = folder / "agent.log"
        raise VigieError(say(en=f"the agent ended by itself; {log} says why", fr=f"l'agent s'est arrêté ; voir {log}"))
    return 0


def _tell_where(http_port: int, mqtt_port: int, grant: str, folder: Path) -> None:
    lines = [
        (say(en="page", fr="page"), f"http://127.0.0.1:{http_port}/"),
        (say(en="grant (paste it there)", fr="habilitation (à y coller)"), grant),
        (say(en="MQTT broker", fr="broker MQTT"), f"mqtt://127.0.0.1:{mqtt_port}"),
        (say(en="MQTT topics", fr="sujets MQTT"), f"vigie/demo/{MAST}/#"),
        (say(en="open a segment", fr="ouvrir un segment"), f"age -d -i {folder}/keys/vault.key SEGMENT > x.mp4"),
        (say(en="segments", fr="segments"), f"vigie segments list --state {folder}/mast"),
    ]
    for name, value in lines:
        _tell(f"{name}: {value}")
