"""Masks that follow a head that really turns: each picture in the sealed segments is judged against the truth."""

import asyncio
import subprocess
import sys
import threading
from collections.abc import Callable
from pathlib import Path
from typing import Any

import aiohttp
import av
import numpy as np

from agent.virtual import frame_code
from agent.virtual.ptz_camera import Setup, VirtualPtz, virtual_ptz
from agent.virtual.render import truth
from tests.e2e.box import ROOT, free_port, vigie
from tests.e2e.judge import leaks
from tests.needs import needs

pytestmark = [needs("age", "age")]

MARK_ROWS = 24
"""The frame's number is burned at the bottom; it is not part of the scene."""


class Witness:
    """A second client of the camera that keeps its unmasked pictures, by number."""

    def __init__(self, url: str) -> None:
        self.pictures: dict[int, np.ndarray] = {}
        self._url = url
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._watch, daemon=True)
        self._thread.start()

    def _watch(self) -> None:
        options = {"rtsp_transport": "tcp", "fpsprobesize": "0", "analyzeduration": "100000"}
        with av.open(self._url, options=options, timeout=5) as container:
            for frame in container.decode(video=0):
                luma = frame.to_ndarray(format="gray")
                number = frame_code.read(luma)
                if number is not None:
                    self.pictures[number] = luma
                if self._stop.is_set():
                    return

    def stop(self) -> None:
        self._stop.set()
        self._thread.join(10)


def configuration(folder: Path, ptz: VirtualPtz, port: int = 0) -> Path:
    """A mast with this one head, as a technician would write it."""
    assert vigie("keys", "init", "--out", str(folder / "keys"), module="provisioning.cli").returncode == 0
    (folder / "head.pass").write_text(ptz.password + "\n")
    text = f"""
[mast]
id = "mat-1"
town = "essai"
state = "state"
[vault]
recipients = ["{(folder / "keys" / "vault.pub").read_text().strip()}"]
retention_days = 1
max_gib = 1
segment_seconds = 4
[access]
authorities = ["keys/authority.pub"]
[http]
listen = "127.0.0.1:{port}"
[[camera]]
id = "tete"
name = "Tete"
kind = "ptz"
source = "{ptz.rtsp_url}"
bitrate_kbps = 4000
[camera.onvif]
url = "{ptz.onvif_url}"
username = "{ptz.username}"
password_file = "head.pass"
[camera.lens]
zoom = {list(ptz.lens.zoom)}
hfov_deg = {list(ptz.lens.hfov_deg)}
"""
    for place in ptz.masks:
        corners = [list(corner) for corner in place.world_deg]
        text += f'[[camera.mask]]\nname = "{place.name}"\nworld_deg = {corners}\nstyle = "{place.style}"\n'
    path = folder / "vigie.toml"
    path.write_text(text)
    return path


async def journey(ptz: VirtualPtz) -> None:
    """At rest, sweeps of 15, 30 and 60 degrees a second with reversals, zooms over the range, a far look and back."""
    await asyncio.sleep(5)
    for pan, seconds in ((0.125, 3), (-0.25, 3), (0.25, 2), (0.5, 1.5), (-0.5, 1.5)):
        await ptz.velocity(pan=pan, tilt=0.05, timeout_s=seconds)
        await asyncio.sleep(seconds)
    await asyncio.sleep(2)
    for zoom in (0.4, 0.9, 0.0):
        await ptz.absolute(pan_deg=-12, tilt_deg=4, zoom=zoom)
        await asyncio.sleep(3)


def shown_pictures(folder: Path) -> list[np.ndarray]:
    """Luma of every picture in the sealed segments, in order."""
    found = []
    for path in sorted((folder / "state").glob("segments/tete/*/*/*/*.age")):
        plain = folder / "plain.mp4"
        with plain.open("wb") as out:
            identity = str(folder / "keys" / "vault.key")
            subprocess.run(["age", "-d", "-i", identity, str(path)], stdout=out, check=True)
        with av.open(str(plain)) as container:
            found += [frame.to_ndarray(format="gray") for frame in container.decode(video=0)]
    return found


def judged(shown: dict[int, np.ndarray], witness: Witness, ptz: VirtualPtz) -> tuple[int, int, list[int]]:
    """(blocks that leak, blocks judged, numbers of the pictures that leak)."""
    bad, total, numbers = 0, 0, []
    for number, luma in shown.items():
        pose, original = ptz.true_pose(number), witness.pictures.get(number)
        if pose is None or original is None:
            continue
        private = truth(pose.view(), luma.shape[1], luma.shape[0])
        private[:24] = private[-MARK_ROWS:] = 0
        found, count = leaks(luma, original, private)
        bad, total = bad + found, total + count
        numbers += [number] if found else []
    return bad, total, numbers


async def record(folder: Path, ptz: VirtualPtz, drive: Callable[[VirtualPtz], object]) -> Witness:
    """Runs the agent on the camera while `drive` turns the head."""
    path = configuration(folder, ptz)
    witness = Witness(ptz.rtsp_url)
    with (folder / "log").open("wb") as log:
        command = [sys.executable, "-m", "agent", "run", "--config", str(path)]
        agent = await asyncio.create_subprocess_exec(*command, stdout=log, stderr=log, cwd=ROOT)
    await drive(ptz)  # type: ignore[misc]
    agent.terminate()
    assert await agent.wait() == 0
    await asyncio.to_thread(witness.stop)
    await ptz.refresh()
    return witness


async def test_no_picture_of_a_turning_head_shows_a_private_place(tmp_path: Path) -> None:
    async with virtual_ptz(tmp_path / "virtual", Setup(lost=0.1)) as ptz:
        witness = await record(tmp_path, ptz, journey)
        pictures = await asyncio.to_thread(shown_pictures, tmp_path)
        numbered = {number: luma for luma in pictures if (number := frame_code.read(luma)) is not None}
        blind = len(pictures) - len(numbered)  # a blind picture shows nothing, its number neither
        assert len(pictures) > 500
        assert len(numbered) > len(pictures) / 2, f"{blind} of {len(pictures)} pictures are blind"
        bad, total, where = judged(numbered, witness, ptz)
        assert total > 1000
        # the control: on the camera's own pictures the judge sees what is private
        seen, of, _ = judged(witness.pictures, witness, ptz)
        assert seen > 0.8 * of
        assert bad == 0, f"{bad} of {total} blocks leak, in pictures {where[:20]}"


async def test_an_order_over_http_turns_the_head_and_silence_stops_it(tmp_path: Path) -> None:
    port = free_port()
    async with virtual_ptz(tmp_path / "virtual", Setup()) as ptz, aiohttp.ClientSession() as web:
        path = configuration(tmp_path, ptz, port)
        allowed, watcher = grant(tmp_path, "live,ptz"), grant(tmp_path, "live")
        url = f"http://127.0.0.1:{port}/ptz/tete"

        async def order(token: str, **values: object) -> int:
            async with web.post(url, json=values, headers={"Authorization": f"Bearer {token}"}) as answer:
                return answer.status

        async def becomes(condition: Callable[[dict[str, Any]], bool]) -> bool:
            for _ in range(200):
                if condition(await ptz.now()):
                    return True
                await asyncio.sleep(0.1)
            return False

        with (tmp_path / "log").open("wb") as log:
            command = [sys.executable, "-m", "agent", "run", "--config", str(path)]
            agent = await asyncio.create_subprocess_exec(*command, stdout=log, stderr=log, cwd=ROOT)
        async with asyncio.timeout(30):
            while True:
                try:
                    if await order(allowed, order="absolute", pan_deg=20, tilt_deg=0, zoom=0.2) == 200:
                        break
                except aiohttp.ClientConnectionError:
                    pass
                await asyncio.sleep(0.2)
        assert await becomes(lambda now: abs(now["pan_deg"] - 20) < 0.5)
        assert await order(watcher, order="stop") == 403
        assert await order(allowed, order="fly") == 400
        assert await order(allowed, order="velocity", pan=0.2, tilt=0, zoom=0) == 200
        await asyncio.sleep(0.3)
        assert (await ptz.now())["turning"]
        assert await becomes(lambda now: not now["turning"])  # the dead man's stop: nothing is sent any more
        assert 20 < (await ptz.now())["pan_deg"] < 80
        agent.terminate()
        assert await agent.wait() == 0
        assert "eyJ" not in (tmp_path / "log").read_text()


def grant(folder: Path, allow: str) -> str:
    """A grant for this head, as the authority makes one."""
    done = vigie(
        *("grant", "--authority", str(folder / "keys" / "authority.key"), "--agent", "7", "--name", "N", "--service"),
        *("PM", "--mast", "mat-1", "--camera", "tete", "--allow", allow, "--basis", "event", "--reference", "R-1"),
        *("--reason", "14 juillet", "--valid", "1h"),
        module="provisioning.cli",
    )
    assert done.returncode == 0, done.stderr
    return done.stdout.strip()
