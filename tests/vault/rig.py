"""What the vault's tests stand on: real H.264, a camera that tests feed by hand, a clock that they own, stock tools.

feed = Feed()
recorder = vault.record("lane", feed, bitrate_kbps=1000)
feed.put(film(Scene("street"), 250))
"""

import json
import subprocess
import threading
import time
from collections.abc import Callable, Iterable
from dataclasses import dataclass, replace
from fractions import Fraction
from functools import cache
from pathlib import Path
from typing import Any, Literal, Self

import av
import numpy as np
import pyrage

from agent.clock import Instant, WallTime
from agent.config import Rotation
from agent.config import Vault as Settings
from agent.events import Event
from agent.identity import load_or_make
from agent.queues import GopQueue
from agent.units import AccessUnit, Burned, MaskState, PoseSet
from agent.vault import Vault
from agent.vault.disk import Disk
from agent.vault.report import list_segments, verify
from agent.vault.rows import SegmentRow
from tests.rig.footage import STREET

NOON = 1_795_262_400_000
"""2026-11-21T12:00:00Z in ms."""


class HandClock:
    """Stands still until a test moves it."""

    def __init__(self, wall_ms: int = NOON, *, synchronised: bool = True) -> None:
        self.wall_ms = wall_ms
        self.synchronised = synchronised
        self.trusted = True
        self.now_ns = 10**12

    def instant(self) -> Instant:
        return Instant(self.now_ns)

    def wall(self) -> WallTime:
        known = 2.5 if self.synchronised else None
        return WallTime(self.wall_ms * 1_000_000, self.synchronised, known, self.trusted)

    def pass_ms(self, ms: float) -> None:
        """Time passes as it does."""
        self.now_ns += round(ms * 1e6)
        self.wall_ms += round(ms)


class RunningClock(HandClock):
    """Runs on by itself from where it was set, `SPEED` times as fast as time does, so that tests are short."""

    SPEED = 4

    def __init__(self) -> None:
        super().__init__()
        self._begin = time.monotonic_ns()

    def instant(self) -> Instant:
        return Instant(self.now_ns + (time.monotonic_ns() - self._begin) * self.SPEED)

    def wall(self) -> WallTime:
        return WallTime(self.wall_ms * 1_000_000 + self.instant() - self.now_ns, True, 2.5)


@dataclass(frozen=True)
class Scene:
    """What the camera sees and how it is encoded."""

    kind: Literal["street", "still", "noise"] = "street"
    width: int = 384
    height: int = 288
    fps: int = 25
    kbps: int = 1000
    gop: int = 50


def frames(scene: Scene) -> Iterable[av.VideoFrame]:
    """Endless pictures in 4:2:0."""
    size = {"width": scene.width, "height": scene.height, "format": "yuv420p"}
    if scene.kind == "street":
        while True:
            with av.open(str(STREET)) as film:
                for frame in film.decode(video=0):
                    yield frame.reformat(**size)
    random = np.random.default_rng(1)
    rows = scene.height * 3 // 2
    while True:
        if scene.kind == "still":
            picture = np.full((rows, scene.width), 60, np.uint8)
        else:
            picture = random.integers(0, 255, (rows, scene.width), np.uint8)
        yield av.VideoFrame.from_ndarray(picture, format="yuv420p")


class Encoder:
    """x264 as the agent's own encoder sets it: baseline, no delay, closed GOPs, parameter sets before each keyframe."""

    def __init__(self, scene: Scene) -> None:
        self._codec = av.CodecContext.create("libx264", "w")
        self._codec.width, self._codec.height = scene.width, scene.height
        self._codec.pix_fmt, self._codec.framerate = "yuv420p", Fraction(scene.fps)
        self._codec.time_base = Fraction(1, 90000)
        self._codec.bit_rate = scene.kbps * 1000
        rate = f"vbv-maxrate={scene.kbps}:vbv-bufsize={scene.kbps}"
        self._codec.options = {
            "preset": "ultrafast",
            "tune": "zerolatency",
            "profile": "baseline",
            "x264-params": f"annexb=1:repeat-headers=1:keyint={scene.gop}:min-keyint=1:scenecut=0:{rate}",
        }
        self._frames = iter(frames(scene))

    def next(self, pts_90k: int, *, keyframe: bool = False) -> tuple[bytes, bool]:
        """(Annex B, keyframe) of the next picture."""
        frame = next(self._frames)
        frame.pts, frame.time_base = pts_90k, Fraction(1, 90000)
        frame.pict_type = av.video.frame.PictureType.I if keyframe else av.video.frame.PictureType.NONE
        (packet,) = self._codec.encode(frame)
        return bytes(packet), packet.is_keyframe


@cache
def encoded(scene: Scene, count: int) -> tuple[tuple[bytes, bool], ...]:
    """The first `count` pictures, encoded once a test run."""
    encoder = Encoder(scene)
    return tuple(encoder.next(number * 90000 // scene.fps) for number in range(count))


def film(
    scene: Scene,
    count: int,
    clock: HandClock | None = None,
    *,
    camera: str = "lane",
    epoch: int = 1,
    begin_90k: int = 900_000,
    masks: MaskState | None = None,
) -> list[AccessUnit]:
    """`count` units, as taken from `clock`'s now on at their own pace."""
    clock = clock or HandClock()
    now_ns, wall = clock.now_ns, clock.wall()
    return [
        AccessUnit(
            camera=camera,
            data=data,
            keyframe=keyframe,
            pts_90k=begin_90k + number * 90000 // scene.fps,
            width=scene.width,
            height=scene.height,
            taken=Instant(now_ns + number * 10**9 // scene.fps),
            wall=replace(wall, utc_ns=wall.utc_ns + number * 10**9 // scene.fps),
            epoch=epoch,
            masks=masks or Burned(0.1),
        )
        for number, (data, keyframe) in enumerate(encoded(scene, count))
    ]


def pan_deg(number: int) -> float:
    """Where the head of `turned` points in picture `number`: it turns 25 degrees a second."""
    return float(number % 360)


def turned(units: Iterable[AccessUnit]) -> list[AccessUnit]:
    """The same from a head that turns."""
    return [
        replace(one, masks=Burned(0.1, PoseSet((pan_deg(number) - 0.1, pan_deg(number) + 0.1), (-4, -4), (0.2, 0.2))))
        for number, one in enumerate(units)
    ]


class Feed:
    """A UnitSource that a test feeds."""

    def __init__(self) -> None:
        self._queues: list[GopQueue] = []
        self.asked = 0

    def subscribe(self, queue: GopQueue, *, replay: bool) -> None:
        self._queues.append(queue)

    def unsubscribe(self, queue: GopQueue) -> None:
        if queue in self._queues:
            self._queues.remove(queue)

    def request_keyframe(self) -> None:
        self.asked += 1

    def put(self, units: Iterable[AccessUnit]) -> None:
        """All at once."""
        for unit in units:
            for queue in self._queues:
                queue.put(unit)


class Camera(Feed):
    """Goes on sending the street at its own pace until the `with` block ends."""

    def __init__(self, clock: RunningClock, camera: str = "lane", scene: Scene | None = None) -> None:
        super().__init__()
        self._scene = scene or Scene()
        self._clock = clock
        self._camera = camera
        self._off = threading.Event()
        self._thread = threading.Thread(target=self._send)
        self.sent = 0

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._off.set()
        self._thread.join()

    def _send(self) -> None:
        units = film(self._scene, 2 * self._scene.gop, camera=self._camera)
        begin = self._clock.instant()
        while not self._off.wait(self._until(begin + self.sent * 10**9 // self._scene.fps)):
            unit = units[self.sent % len(units)]
            pts = self.sent * 90000 // self._scene.fps
            self.put([replace(unit, pts_90k=pts, taken=self._clock.instant(), wall=self._clock.wall())])
            self.sent += 1

    def _until(self, moment: int) -> float:
        """Seconds of real time."""
        return max(0, moment - self._clock.instant()) / 1e9 / self._clock.SPEED


class Events:
    """Keeps what was emitted."""

    def __init__(self) -> None:
        self.seen: list[Event] = []

    def __call__(self, event: Event) -> None:
        self.seen.append(event)

    def of(self, kind: type) -> list[Any]:
        """Those of one kind."""
        return [event for event in self.seen if isinstance(event, kind)]


def until(condition: Callable[[], object], seconds: float = 20) -> None:
    """Waits for something that must come; how long it takes is not the test's matter."""
    end = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < end, "it never came"
        time.sleep(0.01)


class Keys:
    """An age identity, as the key-holder has it."""

    def __init__(self, folder: Path) -> None:
        identity = pyrage.x25519.Identity.generate()
        self.recipient = str(identity.to_public())
        self.path = folder / "vault.key"
        self.path.write_text(f"{identity}\n")

    def open(self, segment: Path, into: Path) -> int:
        """Stock `age -d`; its exit status. What it gave stands in `into`."""
        with into.open("wb") as out:
            command = ["age", "-d", "-i", str(self.path), str(segment)]
            return subprocess.run(command, stdout=out, stderr=subprocess.DEVNULL, check=False).returncode


def probe(path: Path) -> dict[str, Any]:
    """What ffprobe says of all streams, pictures counted by decoding them."""
    command = ["ffprobe", "-v", "error", "-count_frames", "-show_streams", "-show_format", "-of", "json", str(path)]
    done = subprocess.run(command, capture_output=True, check=True)
    return dict(json.loads(done.stdout))


def pictures(path: Path) -> int:
    """How many pictures ffmpeg decodes."""
    (stream,) = probe(path)["streams"]
    return int(stream.get("nb_read_frames", 0))


def packets(path: Path) -> list[dict[str, Any]]:
    """ffprobe's packets."""
    command = ["ffprobe", "-v", "error", "-show_packets", "-of", "json", str(path)]
    return list(json.loads(subprocess.run(command, capture_output=True, check=True).stdout)["packets"])


def settings(
    recipient: str, *, days: int = 15, gib: float = 1.0, seconds: float = 2, rotation: tuple[Rotation, ...] = ()
) -> Settings:
    """A `[vault]` table."""
    return Settings(
        recipients=(recipient,), retention_days=days, max_gib=gib, segment_seconds=seconds, rotation=rotation
    )


@dataclass
class Bench:
    """A vault on a state directory, with everything around it."""

    state: Path
    keys: Keys
    clock: HandClock
    events: Events

    def vault(self, disk: Disk | None = None, **options: Any) -> Vault:
        """Not yet open."""
        identity = load_or_make(self.state)
        return Vault(self.state, settings(self.keys.recipient, **options), self.clock, identity, self.events, disk)

    def record(self, units: Iterable[AccessUnit], **options: Any) -> None:
        """Opens, records `units` to their end, closes."""
        vault = self.vault(**options)
        vault.open()
        feed = Feed()
        vault.record("lane", feed, 1000)
        feed.put(units)
        vault.close()

    def segments(self) -> list[Path]:
        """Segment files in the order of their names."""
        return sorted((self.state / "segments").rglob("*.age"))

    def open_segment(self, path: Path) -> Path:
        """Decrypted by stock age with status 0."""
        into = self.keys.path.parent / (path.name.removesuffix(".age"))
        assert self.keys.open(path, into) == 0
        return into

    def rows(self) -> list[SegmentRow]:
        """What the index holds."""
        return list_segments(self.state)

    def agrees(self) -> bool:
        """True when `verify` finds no fault, nothing is left open, and each whole segment opens with status 0."""
        faults = [one for one in verify(self.state) if one.severity == "fault"]
        assert faults == []
        assert list(self.state.rglob("*.part")) == []
        for row in self.rows():
            if row.live and row.segment.whole:
                self.open_segment(self.state / row.segment.name)
        return True
