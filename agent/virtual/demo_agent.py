"""The demo's agent: a process as systemd would run it, and what it says of itself over loopback.

agent = Agent(folder, http_port)
await agent.start(folder / "vigie.toml")
figures = await agent.figures(folder / "mast")
status = await agent.stop()
"""

import asyncio
import ctypes
import re
import signal
import sys
import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

import aiohttp
import psutil

from agent.errors import VigieError
from agent.vault.report import list_segments

STOP_LIMIT_S = 20.0
PR_SET_PDEATHSIG = 1  # linux/prctl.h


@dataclass(frozen=True, slots=True)
class Figures:
    """What the agent did: `frames` and `masked` (share of the picture) by camera; CPU as shares of one core."""

    frames: Mapping[str, int] = field(default_factory=dict)
    masked: Mapping[str, float] = field(default_factory=dict)
    segments: int = 0
    bytes: int = 0
    agent_cpu: float = 0.0
    cameras_cpu: float = 0.0


def _end_with_parent() -> None:
    """In the child: the kernel sends SIGTERM when the demo dies, however it dies (prctl(2), PR_SET_PDEATHSIG)."""
    ctypes.CDLL(None).prctl(PR_SET_PDEATHSIG, signal.SIGTERM, 0, 0, 0)


class Agent:
    """`folder` gets its log, `port` is its listener's."""

    def __init__(self, folder: Path, port: int) -> None:
        self._folder = folder
        self._base = f"http://127.0.0.1:{port}"
        self._process: asyncio.subprocess.Process | None = None
        self._cpu_since: tuple[float, float, float] | None = None
        self._cpu = (0.0, 0.0)

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
        """True once every camera is captured and recorded."""
        return await self._get("/healthz") is not None

    async def figures(self, state: Path) -> Figures | None:
        """The figures now; None when the agent does not answer."""
        exposition = await self._get("/metrics")
        if exposition is None:
            return None
        self._measure()
        segments, size_bytes = await asyncio.to_thread(recorded, state)
        frames = _labelled(exposition, "vigie_camera_encoded_total", 'rendition="main"')
        return Figures(
            frames={camera: int(count) for camera, count in frames.items()},
            masked=_labelled(exposition, "vigie_camera_masked_share"),
            segments=segments,
            bytes=size_bytes,
            agent_cpu=self._cpu[0],
            cameras_cpu=self._cpu[1],
        )

    def _measure(self) -> None:
        """The CPU shares since the first look."""
        if self._process is None or self.ended:
            return
        now = (time.monotonic(), *_cpu_s(self._process.pid))
        since = self._cpu_since = self._cpu_since or now
        if now[0] > since[0]:
            self._cpu = ((now[1] - since[1]) / (now[0] - since[0]), (now[2] - since[2]) / (now[0] - since[0]))

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


def _cpu_s(agent: int) -> tuple[float, float]:
    """(the agent's, the virtual cameras') seconds of CPU since their starts."""
    spent = {}
    for child in psutil.Process().children():
        times = child.cpu_times()
        spent[child.pid] = times.user + times.system
    mine = spent.pop(agent, 0.0)
    return mine, sum(spent.values())


def recorded(state: Path) -> tuple[int, int]:
    """(segments, bytes) on disk; nothing before the first one."""
    try:
        rows = list_segments(state)
    except VigieError:
        return 0, 0
    return len(rows), sum(row.segment.size_bytes for row in rows)


def _labelled(exposition: str, name: str, also: str = "") -> dict[str, float]:
    """Camera -> value of a metric's samples that carry the label `also`."""
    found = {}
    for line in exposition.splitlines():
        sample, _, value = line.rpartition(" ")
        camera = re.search(r'camera="([^"]*)"', sample)
        if camera and sample.startswith(f"{name}{{") and also in sample:
            found[camera[1]] = float(value)
    return found
