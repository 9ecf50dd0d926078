"""`vigie demo`: a whole virtual mast on this machine, used the way a town uses a real one.

Three virtual cameras (fixed, dome, fisheye) on one street, a broker, keys made by `vigie-provision`, a configuration
file and the agent as a process of its own: nothing is wired together that would not be wired so on a mast. Needs no
root and listens on loopback only. What a visitor can do to the cameras meanwhile is `pranks`' business.
"""

import asyncio
import contextlib
import signal
import socket
import sys
import time
from collections.abc import AsyncIterator, Mapping
from dataclasses import replace
from pathlib import Path

from agent.config import load
from agent.errors import UsageError, VigieError
from agent.language import reason, say
from agent.virtual.broker import embedded_broker
from agent.virtual.demo_agent import Agent, Figures, recorded
from agent.virtual.demo_mast import DOME, MAST, PASSWORD_FILE, SETUPS, configuration
from agent.virtual.panorama import load_sides
from agent.virtual.pranks import Pranks
from agent.virtual.ptz_camera import VirtualPtz, virtual_ptz

START_LIMIT_S = 60.0
TELL_EVERY_S = 10.0
USUAL_PORT = 8443


def _tell(text: str) -> None:
    print(text, flush=True)


def _make_folder(folder: Path) -> Path:
    folder = folder.resolve()
    try:
        folder.mkdir(parents=True, exist_ok=True)
        (folder / "vigie.toml").touch()
    except OSError as error:
        why = reason(error)
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


def _draw(folder: Path) -> None:
    """Draws the street where `folder` has none, and counts up meanwhile: a line on a terminal, one word in a log."""
    text = say(en="drawing the street, once", fr="dessin de la rue, une fois")

    def show(share: float) -> None:
        if sys.stdout.isatty():
            print(f"\r{text}: {share:.0%}", end="\n" if share == 1 else "", flush=True)
        elif share == 1:
            _tell(text)

    load_sides(folder, show)


def _write_configuration(folder: Path, cameras: Mapping[str, VirtualPtz], http_port: int, mqtt_port: int) -> Path:
    recipient = (folder / "keys" / "vault.pub").read_text(encoding="utf-8").strip()
    (folder / PASSWORD_FILE).write_text(cameras[DOME].password + "\n", encoding="utf-8")
    path = folder / "vigie.toml"
    path.write_text(configuration(cameras, recipient, http_port, mqtt_port), encoding="utf-8")
    load(path)  # a fault here is ours: it must show before the agent starts
    return path


async def _wait_until_healthy(agent: Agent, folder: Path, stop: asyncio.Event) -> None:
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
        *("--name", "Demonstration", "--service", "Demonstration", "--mast", MAST, "--camera", *SETUPS),
        *("--allow", "live,ptz", "--basis", "maintenance", "--reference", "DEMO-1", "--reason", "vigie demo"),
        *("--valid", "2h"),
    )


def _summary(figures: Figures, seconds: float) -> str:
    rows = [
        (say(en="ran for", fr="durée"), f"{seconds:.0f} s"),
        *(
            (say(en=f"frames masked and encoded, {camera}", fr=f"images masquées et encodées, {camera}"), str(count))
            for camera, count in figures.frames.items()
        ),
        *(
            (say(en=f"masked share of the picture, {camera}", fr=f"part masquée de l'image, {camera}"), f"{share:.1%}")
            for camera, share in figures.masked.items()
        ),
        (say(en="sealed segments", fr="segments scellés"), f"{figures.segments}"),
        (say(en="bytes sealed", fr="octets scellés"), f"{figures.bytes:,}".replace(",", " ")),
        (say(en="agent's CPU (one core = 100 %)", fr="CPU de l'agent (un cœur = 100 %)"), f"{figures.agent_cpu:.0%}"),
        (say(en="virtual cameras' CPU", fr="CPU des caméras virtuelles"), f"{figures.cameras_cpu:.0%}"),
    ]
    width = max(len(name) for name, _ in rows)
    return "\n".join(f"  {name:<{width}}  {value:>14}" for name, value in rows)


def _progress(figures: Figures) -> str:
    frames = sum(figures.frames.values())
    agent, cameras = f"{figures.agent_cpu:.0%}", f"{figures.cameras_cpu:.0%}"
    return "  " + say(
        en=f"{frames} frames, {figures.segments} segments, CPU of the agent {agent}, of the virtual cameras {cameras}",
        fr=f"{frames} images, {figures.segments} segments, CPU de l'agent {agent}, des caméras virtuelles {cameras}",
    )


async def _watch(agent: Agent, state: Path, stop: asyncio.Event, seconds: float) -> Figures:
    """Tells how it goes until `stop`, the time or the agent's end; the last figures that could be read."""
    end = time.monotonic() + seconds if seconds else None
    figures, told = Figures(), 0.0
    while not agent.ended and not stop.is_set() and (end is None or time.monotonic() < end):
        figures = await agent.figures(state) or figures
        if time.monotonic() - told >= TELL_EVERY_S:
            told = time.monotonic()
            _tell(_progress(figures))
        wait = 1.0 if end is None else min(1.0, max(0.0, end - time.monotonic()))
        with contextlib.suppress(TimeoutError):
            await asyncio.wait_for(stop.wait(), wait)
    return await agent.figures(state) or figures


@contextlib.asynccontextmanager
async def _street(folder: Path) -> AsyncIterator[dict[str, VirtualPtz]]:
    """The three cameras; they start side by side."""
    async with contextlib.AsyncExitStack() as stack:
        async with asyncio.TaskGroup() as tasks:
            starting = {
                name: tasks.create_task(stack.enter_async_context(virtual_ptz(folder, setup)), name=f"start-{name}")
                for name, setup in SETUPS.items()
            }
        yield {name: task.result() for name, task in starting.items()}


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
    await asyncio.to_thread(_draw, folder / "virtual")
    _tell(
        say(en="starting the broker and three virtual cameras", fr="démarrage du broker et de trois caméras virtuelles")
    )
    async with embedded_broker() as mqtt_port, _street(folder / "virtual") as cameras:
        http_port = _free_port()
        agent = Agent(folder, http_port)
        _tell(say(en="starting the agent", fr="démarrage de l'agent"))
        await agent.start(_write_configuration(folder, cameras, http_port, mqtt_port))
        began = time.monotonic()
        try:
            await _wait_until_healthy(agent, folder, stop)
            _tell_where(http_port, mqtt_port, await _grant(folder), folder)
            figures = await _play(cameras, agent, folder, stop, seconds)
            died = agent.ended
        finally:
            status = await agent.stop()
    segments, size_bytes = recorded(folder / "mast")  # the last segments were sealed by the stop
    figures = replace(figures, segments=segments, bytes=size_bytes)
    _tell(_summary(figures, time.monotonic() - began))
    if died or status:
        log = folder / "agent.log"
        raise VigieError(say(en=f"the agent ended by itself; {log} says why", fr=f"l'agent s'est arrêté ; voir {log}"))
    return 0


async def _play(
    cameras: Mapping[str, VirtualPtz], agent: Agent, folder: Path, stop: asyncio.Event, seconds: float
) -> Figures:
    """Watches, and lets whoever sits at the terminal play tricks on the cameras."""
    async with asyncio.TaskGroup() as tasks:
        pranks = None
        if sys.stdin is not None and sys.stdin.isatty():
            pranks = tasks.create_task(Pranks(cameras, _tell).listen(sys.stdin.fileno()), name="pranks")
        figures = await _watch(agent, folder / "mast", stop, seconds)
        if pranks is not None:
            pranks.cancel()
    return figures


def _tell_where(http_port: int, mqtt_port: int, grant: str, folder: Path) -> None:
    lines = [
        (say(en="page", fr="page"), f"http://127.0.0.1:{http_port}/"),
        (say(en="grant (paste it there)", fr="autorisation (à y coller)"), grant),
        (say(en="MQTT broker", fr="broker MQTT"), f"mqtt://127.0.0.1:{mqtt_port}"),
        (say(en="MQTT topics", fr="sujets MQTT"), f"vigie/demo/{MAST}/#"),
        (say(en="open a segment", fr="ouvrir un segment"), f"age -d -i {folder}/keys/vault.key SEGMENT > x.mp4"),
        (say(en="segments", fr="segments"), f"vigie segments list --state {folder}/mast"),
    ]
    for name, value in lines:
        _tell(f"{name}: {value}")
