"""A mast with heads that really turn, the camera's own pictures kept aside, and the verdict on every sealed picture.

    async with Mast(folder, {"tete": Setup(lost=0.1)}) as mast:
        await mast.burned("tete")                       # the agent runs and its masks are burned
        mark = mast.mark()
        await mast.heads["tete"].lies(frozen=True)
        reason = await mast.blind("tete", since=mark)
    verdict = mast.verdict("tete")                      # after the agent has stopped

What the agent says is read from its journal. The originals are kept as the packets that the camera sent, in memory, and
decoded when the verdict is asked for: judging takes nothing from what runs in real time.
"""

import asyncio
import re
import signal
import sqlite3
import subprocess
import sys
import threading
import time
from collections import Counter, deque
from collections.abc import Iterator
from contextlib import AsyncExitStack
from dataclasses import dataclass, field
from pathlib import Path
from types import TracebackType
from typing import Any, Self

import av
import cv2
import numpy as np

from agent.masking.following import FollowingMasks
from agent.masking.lens import ZoomTable
from agent.masking.planes import Picture
from agent.masking.sphere import WorldMask
from agent.units import PoseSet
from agent.vault.pointing import Point, read_track
from agent.virtual import frame_code
from agent.virtual.demo_mast import table_of
from agent.virtual.ptz_camera import Setup, TruePose, VirtualPtz, virtual_ptz
from agent.virtual.render import truth
from tests.e2e.box import ROOT, vigie
from tests.e2e.judge import BLOCK, bare, leaks
from tests.rig.child import reap
from tests.rig.drawings import drawings

Luma = np.ndarray
STRIP_ROWS = 24
"""The name and the time stand here, and the number at the bottom: neither is part of the scene."""
PATIENCE_S = 40.0
FLAT = 2.5
"""Spread of the luma of a blind picture, which is one colour, after encoding."""
KEPT = 60
"""Originals that are kept behind the newest."""


class Witness:
    """A second client of the camera that keeps what it sends: the packets of each connection."""

    def __init__(self, url: str) -> None:
        self.connections: list[list[bytes]] = []
        self._url = url
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._watch, daemon=True)
        self._thread.start()

    def _watch(self) -> None:
        options = {"rtsp_transport": "tcp", "fpsprobesize": "0", "analyzeduration": "100000"}
        while not self._stop.is_set():
            try:
                with av.open(self._url, options=options, timeout=5) as container:
                    packets: list[bytes] = []
                    self.connections.append(packets)
                    for packet in container.demux(video=0):
                        packets.append(bytes(packet))
                        if self._stop.is_set():
                            return
            except av.FFmpegError:
                self._stop.wait(0.1)  # the camera restarts

    def stop(self) -> None:
        self._stop.set()
        self._thread.join(10)

    def pictures(self) -> Iterator[tuple[int, Luma]]:
        """(number, luma) of every picture, in order."""
        for packets in self.connections:
            decoder = av.CodecContext.create("h264", "r")
            decoder.thread_count = 1
            for packet in packets:
                try:
                    frames = decoder.decode(av.Packet(packet)) if packet else []  # type: ignore[attr-defined]
                except av.FFmpegError:
                    continue
                for frame in frames:
                    luma = frame.to_ndarray(format="gray")
                    if (number := frame_code.read(luma)) is not None:
                        yield number, luma


class Originals:
    """The camera's own pictures by number, going on and never back."""

    def __init__(self, witness: Witness) -> None:
        self._source = witness.pictures()
        self._kept: deque[tuple[int, Luma]] = deque(maxlen=KEPT)

    def at(self, number: int) -> Luma | None:
        """The picture of that number."""
        self._read_until(number)
        return next((luma for one, luma in self._kept if one == number), None)

    def _read_until(self, number: int) -> None:
        while not self._kept or self._kept[-1][0] < number:
            if (fresh := next(self._source, None)) is None:
                return
            self._kept.append(fresh)


@dataclass
class Verdict:
    """What the judge found: pictures by what they are, blocks of private structure, and which pictures leak."""

    pictures: int = 0
    blind: int = 0
    unmatched: int = 0
    misplaced: int = 0
    """Pictures whose own number is not the one that their time tells: those without one are known by theirs."""
    blocks: int = 0
    leaking: list[int] = field(default_factory=list)
    effects: Counter[str] = field(default_factory=Counter)
    evidence: list[str] = field(default_factory=list)

    @property
    def judged(self) -> int:
        """Pictures that were laid against the truth; a blind one shows one colour and nothing else."""
        return self.pictures - self.unmatched

    def __str__(self) -> str:
        return (
            f"{self.judged} pictures judged ({self.blind} blind, {self.unmatched} unmatched, "
            f"{self.misplaced} misplaced), {self.blocks} blocks, "
            f"leaking: {self.leaking[:20]} {'; '.join(self.evidence[:5])}"
        )


@dataclass(frozen=True, slots=True)
class Sealed:
    """One sealed picture: in which segment, when in it, and its number where that can be read."""

    segment: int
    time_s: float
    luma: Luma
    number: int | None

    def near(self, anchor: "Sealed", fps: float) -> int:
        """Its number by the media clock, counted from `anchor`, a picture of the same segment with a number."""
        assert anchor.number is not None
        return anchor.number + round((self.time_s - anchor.time_s) * fps)


def sealed(folder: Path, camera: str) -> Iterator[Sealed]:
    """Every picture in the sealed segments of a camera, in order; what a kill left of one counts too."""
    for segment, path in enumerate(sorted((folder / "state").glob(f"segments/{camera}/*/*/*/*.age"))):
        plain = folder / f"{camera}.mp4"
        with plain.open("wb") as out:
            command = ["age", "-d", "-i", str(folder / "keys" / "vault.key"), str(path)]
            subprocess.run(command, stdout=out, stderr=subprocess.DEVNULL, check=False)
        with av.open(str(plain)) as container:
            try:
                for frame in container.decode(video=0):
                    luma = frame.to_ndarray(format="gray")
                    yield Sealed(segment, float(frame.time or 0.0), luma, frame_code.read(luma))
            except av.FFmpegError:
                continue


def private_area(pose: TruePose, luma: Luma) -> Luma:
    """255 where a private place is, without the rows that are not of the scene."""
    private = truth(pose.view(), luma.shape[1], luma.shape[0])
    private[:STRIP_ROWS] = private[-STRIP_ROWS:] = 0
    return private


def is_flat(luma: Luma) -> bool:
    """True for a picture of one colour below the strip."""
    return float(luma[STRIP_ROWS + 8 :].std()) < FLAT


class Mast:
    """Virtual heads, one agent that guards them all, and a witness beside each."""

    def __init__(
        self, folder: Path, setups: dict[str, Setup], lenses: dict[str, tuple[Any, Any]] | None = None
    ) -> None:
        self.folder, self._setups, self._lenses = folder, setups, lenses or {}
        self.heads: dict[str, VirtualPtz] = {}
        self.witnesses: dict[str, Witness] = {}
        self._stack = AsyncExitStack()
        self._agent: asyncio.subprocess.Process | None = None
        self._log = folder / "log"

    async def __aenter__(self) -> Self:
        async with AsyncExitStack() as starting:
            for name, setup in self._setups.items():
                self.heads[name] = await starting.enter_async_context(virtual_ptz(drawings(), setup))
                witness = self.witnesses[name] = Witness(self.heads[name].rtsp_url)
                starting.push_async_callback(asyncio.to_thread, witness.stop)
            self._configure()
            self._log.touch()
            await self.start()
            self._stack = starting.pop_all()
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        async with self._stack:
            try:
                if self._agent is not None and self._agent.returncode is None:
                    await self.stop()
            finally:
                await self.kill()
            for name, witness in self.witnesses.items():
                await asyncio.to_thread(witness.stop)
                await self.heads[name].refresh()

    # --- the agent ---

    async def start(self) -> None:
        with self._log.open("ab") as log:
            command = [sys.executable, "-m", "agent", "run", "--config", str(self.folder / "vigie.toml")]
            self._agent = await asyncio.create_subprocess_exec(*command, stdout=log, stderr=log, cwd=ROOT)

    async def stop(self) -> None:
        """A clean end: every segment is sealed."""
        assert self._agent is not None
        self._agent.send_signal(signal.SIGTERM)
        async with asyncio.timeout(PATIENCE_S):
            status = await self._agent.wait()
        assert status == 0, self._log.read_text()[-2000:]

    async def kill(self) -> None:
        """A power cut; nothing where it has ended."""
        if self._agent is not None:
            await reap(self._agent)

    def mark(self) -> int:
        """This place in the journal."""
        return self._log.stat().st_size

    def told(self, camera: str, since: int = 0) -> list[str]:
        """What the agent told of the masks since a mark: `restored` or the reason for which it is blind."""
        with self._log.open("rb") as log:
            log.seek(since)
            text = log.read().decode("utf-8", "replace")
        found = re.findall(rf"Masks(Blind|Restored)\(camera='{camera}'(?:, reason='([^']*)')?", text)
        return [reason if kind == "Blind" else "restored" for kind, reason in found]

    async def burned(self, camera: str, since: int = 0) -> None:
        """Waits until the masks are burned, as told since a mark."""
        async with asyncio.timeout(PATIENCE_S):
            while True:
                if self.told(camera, since)[-1:] == ["restored"]:
                    return
                await asyncio.sleep(0.1)

    async def tells(self, words: str) -> None:
        """Waits until the agent's journal has these words."""
        async with asyncio.timeout(PATIENCE_S):
            while True:
                if words in self._log.read_text("utf-8", "replace"):
                    return
                await asyncio.sleep(0.1)

    async def blind(self, camera: str, since: int, reasons: frozenset[str]) -> str:
        """Waits until it is blind for one of `reasons`; which."""
        async with asyncio.timeout(PATIENCE_S):
            while True:
                found = [one for one in self.told(camera, since) if one in reasons]
                if found:
                    return found[-1]
                await asyncio.sleep(0.1)

    def _configure(self) -> None:
        tables = [
            camera_table(name, ptz, self.folder, self._lenses.get(name))
            if ptz.setup.kind == "ptz"
            else table_of(name, name, ptz)
            for name, ptz in self.heads.items()
        ]
        configuration(self.folder, "".join(tables))

    # --- the verdict ---

    def verdict(self, camera: str) -> Verdict:
        """Lays every sealed picture against the truth."""
        verdict, head = Verdict(), self.heads[camera]
        originals, fps = Originals(self.witnesses[camera]), self._setups[camera].fps
        last: Sealed | None = None
        waiting: list[Sealed] = []
        for one in sealed(self.folder, camera):
            verdict.pictures += 1
            if one.number is None and is_flat(one.luma):
                verdict.blind += 1
            elif one.number is None:
                waiting.append(one)
            else:
                if last is not None and last.segment == one.segment and one.near(last, fps) != one.number:
                    verdict.misplaced += 1
                for hidden in waiting:
                    self._judge_unnumbered(hidden, originals, (last, one), head, verdict, fps)
                waiting, last = [], one
                self._judge(one.luma, originals.at(one.number), head.true_pose(one.number), verdict)
        verdict.unmatched += len(waiting)
        return verdict

    def _judge_unnumbered(
        self,
        one: Sealed,
        originals: Originals,
        around: tuple[Sealed | None, Sealed],
        head: VirtualPtz,
        verdict: Verdict,
        fps: float,
    ) -> None:
        """A picture whose number is under a mask is known by its time from the next one that shows its own."""
        anchors = [other for other in around if other is not None and other.segment == one.segment]
        if not anchors:
            verdict.unmatched += 1
            return
        number = one.near(min(anchors, key=lambda other: abs(other.time_s - one.time_s)), fps)
        self._judge(one.luma, originals.at(number), head.true_pose(number), verdict)

    def _judge(self, luma: Luma, original: Luma | None, pose: TruePose | None, verdict: Verdict) -> None:
        if original is None or pose is None:
            verdict.unmatched += 1
            return
        verdict.effects[pose.effect or ("night" if pose.night else "homing" if pose.homing else "")] += 1
        private = private_area(pose, luma)
        if private.any():
            bad, count = leaks(luma, original, private)
            verdict.blocks += count
            if bad:
                verdict.leaking.append(pose.number)
                verdict.evidence.append(f"{pose}: {len(bad)} of {count}: {', '.join(map(str, bad[:5]))}")
                for name, plane in (("shown", luma), ("original", original), ("private", private)):
                    cv2.imwrite(str(self.folder / f"leak-{pose.number}-{name}.png"), plane)

    def pointing(self, camera: str) -> tuple[int, list[Point]]:
        """How many points the index keeps of where the head pointed, and those that are not true of it.

        A point is of a picture when it arrived: one of the poses of the time before must lie within it.
        """
        with sqlite3.connect(f"file:{self.folder / 'state' / 'index.sqlite'}?mode=ro", uri=True) as base:
            rows = base.execute(
                "SELECT track FROM segment WHERE camera = ? AND track IS NOT NULL", (camera,)
            ).fetchall()
        base.close()
        points = [one for (text,) in rows for one in read_track(text) if not one.blind]
        utc_ns = time.time_ns() - time.monotonic_ns()
        poses = self.heads[camera].poses
        return len(points), [one for one in points if not any(_within(one, pose, utc_ns) for pose in poses)]

    def controls(self, camera: str, most: int = 240) -> tuple[list[bool], list[bool]]:
        """(unmasked, lagging): for moving pictures with something private in sight, whether the judge sees it leak.

        `unmasked`: the camera's own picture. `lagging`: the product's own masks, exact but for the picture before, and
        only pictures in which such masks leave a whole block of the private area bare: what is less, no judge sees.
        """
        head = self.heads[camera]
        masks = [WorldMask(place.world_deg, place.style) for place in head.masks]
        table = ZoomTable(head.lens.zoom, head.lens.hfov_deg)
        unmasked, lagging = [], []
        for number, luma in self.witnesses[camera].pictures():
            before, pose = head.true_pose(number - 1), head.true_pose(number)
            if before is None or pose is None or not _moved(before, pose, luma.shape[1]):
                continue
            private = private_area(pose, luma)
            if leaks(luma, luma, private)[1] < 20:
                continue
            picture = Picture.empty(luma.shape[1], luma.shape[0])
            picture.y[:] = luma
            exactly = PoseSet.exactly(before.pan_deg, before.tilt_deg, before.zoom)
            FollowingMasks(masks, luma.shape[1], luma.shape[0], error_deg=0.0).burn(picture, exactly, table)
            unmasked.append(bool(leaks(luma, luma, private)[0]))
            if bare(picture.y == luma, luma, private):
                lagging.append(bool(leaks(picture.y, luma, private)[0]))
            if len(unmasked) == most:
                break
        return unmasked, lagging


OLDEST_PICTURE_NS = 450_000_000
"""When it arrives on a loaded machine."""


def _within(point: Point, pose: TruePose, utc_ns: int) -> bool:
    """True where a head that stood there may have been told as `point`; `utc_ns`: of the monotonic clock's zero."""
    if not 0 <= point.at_ms * 1_000_000 - (pose.taken_ns + utc_ns) <= OLDEST_PICTURE_NS:
        return False
    pan_mdeg = abs((point.pan_mdeg - pose.pan_deg * 1000 + 180_000) % 360_000 - 180_000)
    tilt_mdeg = abs(point.tilt_mdeg - pose.tilt_deg * 1000)
    zoom_ppm = abs(point.zoom_ppm - pose.zoom * 1_000_000)
    halves = point.pan_half_mdeg, point.tilt_half_mdeg, point.zoom_half_ppm
    return all(off <= half + 1 for off, half in zip((pan_mdeg, tilt_mdeg, zoom_ppm), halves, strict=True))


def _moved(before: TruePose, pose: TruePose, width: int) -> bool:
    """True when the scene has moved by more than a block from one picture to the next."""
    away = (pose.pan_deg - before.pan_deg + 180) % 360 - 180
    return abs(away) / pose.hfov_deg * width > BLOCK


def configuration(folder: Path, cameras: str, port: int = 0) -> Path:
    """A mast with these cameras' tables."""
    assert vigie("keys", "init", "--out", str(folder / "keys"), module="provisioning.cli").returncode == 0
    path = folder / "vigie.toml"
    path.write_text(
        f"""
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
{cameras}"""
    )
    return path


def camera_table(name: str, ptz: VirtualPtz, folder: Path, lens: tuple[Any, Any] | None = None) -> str:
    """One head's tables, as a technician would write them."""
    (folder / f"{name}.pass").write_text(ptz.password + "\n")
    zoom, hfov_deg = lens or (ptz.lens.zoom, ptz.lens.hfov_deg)
    text = f"""
[[camera]]
id = "{name}"
name = "{name}"
kind = "ptz"
source = "{ptz.rtsp_url}"
bitrate_kbps = 4000
[camera.onvif]
url = "{ptz.onvif_url}"
username = "{ptz.username}"
password_file = "{name}.pass"
[camera.lens]
zoom = {list(zoom)}
hfov_deg = {list(hfov_deg)}
"""
    for place in ptz.masks:
        corners = [list(corner) for corner in place.world_deg]
        text += f'[[camera.mask]]\nname = "{place.name}"\nworld_deg = {corners}\nstyle = "{place.style}"\n'
    return text
