"""The demo's virtual camera: a street with private windows, behind a real RTSP server on this machine.

    async with virtual_camera(state / "virtual") as camera:
        camera.url       # rtsp://127.0.0.1:...: 1280x720, 25 fps, H.264, for ever
        camera.masks     # the private places in it, ready for [[camera.mask]]

The first start in a folder draws the film there, which takes some seconds and shows its progress.
"""

import asyncio
import importlib.util
import sys
from asyncio.subprocess import PIPE
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path

from agent.errors import SourceError, UsageError
from agent.language import say
from agent.virtual.scene import PRIVATE, PrivatePlace

_STOP_S = 5.0


@dataclass(frozen=True, slots=True)
class VirtualCamera:
    """Where the stream is, and which places in its picture are private."""

    url: str
    masks: tuple[PrivatePlace, ...]


@asynccontextmanager
async def virtual_camera(folder: Path) -> AsyncIterator[VirtualCamera]:
    """Runs a camera while entered, its film in `folder`; UsageError without aio-rtsp-toolkit."""
    if importlib.util.find_spec("aio_rtsp_toolkit") is None:
        raise UsageError(
            say(
                en="the virtual camera needs aio-rtsp-toolkit: pip install 'vigie[demo]'",
                fr="la caméra virtuelle a besoin d'aio-rtsp-toolkit : pip install 'vigie[demo]'",
            )
        )
    command = (sys.executable, "-m", "agent.virtual.server", str(folder))
    process = await asyncio.create_subprocess_exec(*command, stdin=PIPE, stdout=PIPE, start_new_session=True)
    try:
        yield VirtualCamera(await _url(process), PRIVATE)
    finally:
        await _end(process)


async def _url(process: asyncio.subprocess.Process) -> str:
    assert process.stdout is not None
    url = (await process.stdout.readline()).decode().strip()
    if not url:
        raise SourceError(
            say(
                en="the virtual camera did not start; its complaint is above",
                fr="la caméra virtuelle n'a pas démarré ; sa plainte est ci-dessus",
            )
        )
    return url


async def _end(process: asyncio.subprocess.Process) -> None:
    assert process.stdin is not None
    process.stdin.close()
    try:
        await asyncio.wait_for(process.wait(), _STOP_S)
    except TimeoutError:
        process.kill()
        await process.wait()
