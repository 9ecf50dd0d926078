"""A head that turns, its camera and the product's own way from frames to masked frames, all in one virtual time.

    studio = Studio(street, Script(((2.0, turn(pan=0.25)),)), Optical(width=704, height=576))
    for shot in studio.shots(20.0):
        shot.shown, shot.original, shot.view, shot.said

Nothing is mocked: the virtual head with its inertia, its reports with their age and their lies, the rendered street
through the virtual camera's own encoder and a decoder, and then the product's line (motion, pose track, masks) as the
configuration makes it. Only the sockets are left out: a run gives the same pictures each time, and no load disturbs it.
"""

from collections import deque
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from random import Random
from typing import Any

import av
import numpy as np

from agent.cameras import Camera
from agent.capture.capture import CREEP
from agent.clock import Instant, WallTime
from agent.lateness import UNKNOWN_LATE_S, Lateness
from agent.lines import TurningLine
from agent.ptz.evidence import Report
from agent.units import Blind, Burned, Frame, Plane, PoseSet
from agent.virtual.head import Head, LensTable, Limits, Preset, Shown
from agent.virtual.ptz_process import spoiled
from agent.virtual.render import Lens, TurningStreet
from agent.virtual.reports import Ageing, Lies, Reporter
from agent.virtual.sphere import View
from agent.virtual.video import Encoder
from agent.virtual.world import PRIVATE

S = 10**9
LENS = LensTable()
CALIBRATION: dict[str, Any] = {"zoom": list(LENS.zoom), "hfov_deg": list(LENS.hfov_deg)}


class VirtualClock:
    """Time stands still until it is told."""

    def __init__(self) -> None:
        self.second = 0.0

    def instant(self) -> Instant:
        return Instant(round(self.second * S))

    def wall(self) -> WallTime:
        return WallTime(1_800_000_000 * S + round(self.second * S), True, 1.0)


@dataclass(frozen=True)
class Setup:
    """The camera, and how late and how badly its head tells."""

    width: int = 704
    height: int = 576
    fps: int = 25
    bitrate_kbps: int = 4000
    start: tuple[float, float, float] = (0.0, 0.0, 0.0)
    limits: Limits = field(default_factory=Limits)
    ageing: Ageing = field(default_factory=Ageing)
    video_age_s: tuple[float, float] = (0.05, 0.15)
    lens: dict[str, Any] = field(default_factory=lambda: dict(CALIBRATION))
    ptz: dict[str, Any] = field(default_factory=dict)
    seed: int = 0


@dataclass(frozen=True)
class Shot:
    """One picture that left: luma as it was shown and as the camera made it, and the truth about it."""

    number: int
    exposed_s: float
    shown: Plane
    original: Plane
    planes: tuple[Plane, Plane]
    """Chroma: the two u planes, as shown and as the camera made it."""
    truth: Shown
    view: View
    said: PoseSet | Blind
    masks: Burned | Blind


@dataclass(frozen=True)
class _Taken:
    number: int
    exposed_s: float
    frame: Frame
    truth: Shown
    view: View


Act = Callable[["Studio", float], None]
"""Does something to the head, its reports or its picture at a moment."""


class Studio:
    """One run; `script`: (second, act) in order."""

    def __init__(self, street: TurningStreet, setup: Setup, script: tuple[tuple[float, Act], ...] = ()) -> None:
        self.setup = setup
        self.street = street
        self.head = Head(setup.limits, 0.0, Preset("home", *setup.start))
        self.reporter = Reporter(self.head, setup.ageing, seed=setup.seed)
        self.effect = ""
        self._random = Random(setup.seed + 1)
        self._script = deque(script)
        self._clock = VirtualClock()
        self._optics = Lens(street, setup.width, setup.height)
        self.line = TurningLine(settings(setup), self._clock, lambda _: None)
        self._turning = self.line.head
        assert self._turning is not None
        self._said: dict[int, PoseSet | Blind] = {}
        judge = self._turning.judge

        def remembered(taken: Instant) -> PoseSet | Blind:
            self._said[taken] = found = judge(taken)
            return found

        self._turning.judge = remembered  # type: ignore[method-assign]

    def shots(self, seconds: float) -> Iterator[Shot]:
        """The pictures that leave within so many seconds, in order."""
        held: deque[_Taken] = deque()
        answers = self._answers(seconds)
        answer = next(answers, None)
        for taken in self._pictures(seconds):
            while answer is not None and answer.received <= taken.frame.taken:
                self._clock.second = answer.received / S
                self._turning._take(answer)  # type: ignore[union-attr]
                answer = next(answers, None)
            self._clock.second = taken.frame.taken / S
            held.append(taken)
            for masked in self.line.take(taken.frame):
                one = held.popleft()
                height, width = masked.height, masked.width
                rest = masked.picture[height:].reshape(2, height // 2, width // 2)
                yield Shot(
                    one.number,
                    one.exposed_s,
                    masked.picture[:height].copy(),
                    one.frame.planes[0],
                    (rest[0].copy(), one.frame.planes[1]),
                    one.truth,
                    one.view,
                    self._said[one.frame.taken],
                    masked.masks,
                )

    # --- what the camera sends ---

    def _acts(self, second: float) -> None:
        while self._script and self._script[0][0] <= second:
            at_s, act = self._script.popleft()
            act(self, at_s)

    def _pictures(self, seconds: float) -> Iterator[_Taken]:
        """Each picture when it arrives, through the camera's encoder and the box's decoder."""
        setup = self.setup
        encoder = Encoder(setup.width, setup.height, setup.fps, setup.bitrate_kbps)
        decoder = av.CodecContext.create("h264", "r")
        decoder.thread_count = 1
        arrives, lateness = 0.0, Lateness(CREEP)
        for number in range(1, round(seconds * setup.fps)):
            second = number / setup.fps
            self._acts(second)
            arrives = max(arrives + 0.001, second + self._random.uniform(*setup.video_age_s))
            shown = self.head.shown(second)
            view = self.view(shown)
            picture = spoiled(self._optics.picture(view, second), self.effect)
            data, _ = encoder.encode(picture, number * 3600)
            (decoded,) = decoder.decode(av.Packet(data))  # type: ignore[attr-defined]
            planes = _planes(decoded)
            at = Instant(round(arrives * S))
            wall = WallTime(1_800_000_000 * S + at, True, 1.0)
            stamp = round(second * 90_000)
            size = (setup.width, setup.height)
            late_s = lateness.of(second, at)
            late_s = UNKNOWN_LATE_S if late_s is None else late_s
            frame = Frame("tete", planes, "yuv420p", *size, False, at, wall, stamp, 1, decoded, late_s)
            yield _Taken(number, second, frame, shown, view)

    def view(self, shown: Shown) -> View:
        view = shown.view(upright=not self.reporter.lies.mirrored)
        return View(view.pan_deg, view.tilt_deg, view.hfov_deg, self.effect == "mirrored")

    # --- what the head says ---

    def _answers(self, seconds: float) -> Iterator[Report]:
        """Reports in the rhythm in which the product asks."""
        second = 0.0
        while second < seconds:
            wait_s, age_s = self.reporter.delays()
            report = self.reporter.report(second + wait_s, age_s)
            if report is None:
                second += max(0.1, wait_s)
                continue
            moving = report.turning == "MOVING" or report.zooming == "MOVING"
            asked, received = Instant(round(second * S)), Instant(round((second + wait_s) * S))
            pan, tilt = (round(one / 180, 5) * 180 for one in (report.pan_deg, report.tilt_deg))
            yield Report(asked, received, pan, tilt, round(report.zoom, 5), moving)
            second = max(second + self._turning._period_s(), second + wait_s)  # type: ignore[union-attr]


def _planes(decoded: Any) -> tuple[Plane, ...]:
    planes = []
    for plane in decoded.planes:
        rows = np.frombuffer(plane, np.uint8).reshape(plane.height, plane.line_size)
        planes.append(rows[:, : plane.width])
    return tuple(planes)


def settings(setup: Setup) -> Camera:
    """The camera's table, as a technician would write it."""
    masks = [
        {"name": place.name, "world_deg": [list(corner) for corner in place.world_deg], "style": place.style}
        for place in PRIVATE
    ]
    return Camera.model_validate(
        {
            "id": "tete",
            "name": "Tete",
            "kind": "ptz",
            "source": "rtsp://127.0.0.1/stream",
            "fps": setup.fps,
            "onvif": {"url": "http://127.0.0.1/onvif"},
            "lens": setup.lens,
            "ptz": setup.ptz,
            "mask": masks,
        }
    )


# --- acts ---


def turn(pan: float = 0.0, tilt: float = 0.0, zoom: float = 0.0, seconds: float = 60.0) -> Act:
    """Velocities as shares of the top speeds."""
    return lambda studio, now_s: studio.head.velocity(now_s, pan=pan, tilt=tilt, zoom=zoom, timeout_s=seconds)


def go(pan_deg: float, tilt_deg: float, zoom: float, speed: float = 1.0) -> Act:
    return lambda studio, now_s: studio.head.absolute(now_s, pan_deg=pan_deg, tilt_deg=tilt_deg, zoom=zoom, speed=speed)


def lie(**lies: Any) -> Act:
    """Reports are false from now on; none given: true again."""
    return lambda studio, now_s: studio.reporter.set_lies(Lies(**lies), now_s)
