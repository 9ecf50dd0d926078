"""A small head with inertia, and what reports and pictures would tell of it: late, jittered, dropped, noisy.

Written apart from the product: truth is integrated in steps of 2 ms and read back at any moment.
"""

import math
import random
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field, replace
from itertools import pairwise

from agent.capture.capture import CREEP
from agent.clock import Instant
from agent.lateness import UNKNOWN_LATE_S, Lateness
from agent.ptz.evidence import HeadLimits, Report, Sight
from agent.ptz.optics import Optics
from agent.ptz.track import PoseTrack
from agent.units import Blind, PoseSet

OPTICS = Optics((0.0, 0.5, 1.0), (60.0, 13.4, 3.0))
STEP_S = 0.002
S = 10**9
PIXEL = 1 / 80
Pose = tuple[float, float, float]
Order = Callable[[float], Pose]
"""Seconds -> wanted velocities: pan and tilt in degrees a second, zoom in range a second."""


class Truth:
    """Where the head really was, from 0 to `seconds`."""

    def __init__(
        self,
        order: Order,
        seconds: float,
        acceleration: float = 200.0,
        start: Pose = (0.0, 0.0, 0.0),
        *,
        ends: tuple[float, float] = (-math.inf, math.inf),
        bounce: float = 0.0,
    ) -> None:
        """`ends`: where pan stops; `bounce`: the share of its speed with which the head comes back from an end."""
        x, v = list(start), [0.0, 0.0, 0.0]
        self.poses: list[Pose] = []
        for index in range(int(seconds / STEP_S) + 2):
            self.poses.append((x[0], x[1], x[2]))
            wanted = order(index * STEP_S)
            for axis, most in enumerate((acceleration, acceleration, 4.0)):
                change = wanted[axis] - v[axis]
                v[axis] += max(-most * STEP_S, min(most * STEP_S, change))
                x[axis] += v[axis] * STEP_S
            for axis, low, high, back in ((0, *ends, bounce), (1, -70.0, 70.0, bounce), (2, 0.0, 1.0, 0.0)):
                if not low <= x[axis] <= high:
                    x[axis], v[axis] = max(low, min(high, x[axis])), -back * v[axis]

    def at(self, second: float) -> Pose:
        place = max(0.0, second) / STEP_S
        index = min(int(place), len(self.poses) - 2)
        share = place - index
        a, b = self.poses[index], self.poses[index + 1]
        return tuple(p + share * (q - p) for p, q in zip(a, b, strict=True))  # type: ignore[return-value]

    def way(self, since: float, until: float) -> Pose:
        """How far it went on each axis, there and back."""
        steps = self.poses[int(max(0.0, since) / STEP_S) : int(max(0.0, until) / STEP_S) + 1 : 10]
        a, b, c = (sum(abs(q[axis] - p[axis]) for p, q in pairwise(steps)) for axis in range(3))
        return a, b, c

    def moving(self, second: float) -> bool:
        a, b = self.at(second - 0.05), self.at(second)
        return any(abs(p - q) > 1e-4 for p, q in zip(a, b, strict=True))


@dataclass
class World:
    """How late and how badly everything is told."""

    seed: int = 0
    report_age_s: tuple[float, float] = (0.08, 0.2)
    video_age_s: tuple[float, float] = (0.0, 0.3)
    dropped: float = 0.1
    unknown: float = 0.002
    blank: bool = False
    fps: float = 25.0
    scale_error: float = 0.008
    limits: HeadLimits = field(default_factory=HeadLimits)
    longest_stall_s: float = 0.0
    """Pictures are held up every second or two for so long at the most, and then come all at once."""
    lie: Callable[[float, Pose], Pose | None] = lambda _, pose: pose
    """What the head says instead of the truth at a second; None: nothing."""
    turned: Callable[[float], bool] = lambda _: False
    """True at seconds when the picture has been turned over."""
    shown: Callable[[float], float] = lambda second: second
    """At which second the picture that is exposed at a second really was (a frozen encoder)."""
    dark: Callable[[float], bool] = lambda _: False
    """True at seconds when no picture comes: the connection is gone, and the next picture is of another one."""


@dataclass(frozen=True)
class Verdict:
    """What was said of one frame, and the truth."""

    exposed_s: float
    said: PoseSet | Blind
    truth: Pose
    speed: Pose

    @property
    def wrong(self) -> bool:
        """True when the truth lies outside the set."""
        if isinstance(self.said, Blind):
            return False
        pan, tilt, zoom = self.truth
        middle = (self.said.pan_deg[0] + self.said.pan_deg[1]) / 2
        pan += 360 * round((middle - pan) / 360)
        sides = ((self.said.pan_deg, pan), (self.said.tilt_deg, tilt), (self.said.zoom, zoom))
        return any(not low - 1e-6 <= value <= high + 1e-6 for (low, high), value in sides)

    @property
    def half_deg(self) -> float:
        """Half the set's width in pan or tilt, whichever is more."""
        assert isinstance(self.said, PoseSet)
        sides = (self.said.pan_deg, self.said.tilt_deg)
        return max((high - low) / 2 for low, high in sides)


def frames(truth: Truth, world: World, seconds: float, rng: random.Random) -> Iterator[tuple[float, float, Sight]]:
    """(arrival, exposure, sight) of each frame: true motion, with the errors that the sight owns up to."""
    low, high = world.video_age_s
    base = rng.uniform(low, high)
    since_reference = arrival = 0.0
    before, noise, was_turned, was_dark = truth.at(world.shown(0)), (0.0, 0.0, 0.0), False, False
    for index in range(int(seconds * world.fps)):
        exposed = index / world.fps
        if world.dark(exposed):
            was_dark = True
            continue
        age = min(high, max(low, base + rng.gauss(0, 0.03)))
        arrival = min(exposed + high, max(arrival + 0.001, exposed + age))
        stamp = exposed + rng.uniform(-0.002, 0.002)
        taken = Instant(int(arrival * S))
        pose = truth.at(world.shown(exposed))
        half = math.tan(math.radians((OPTICS.hfov_deg(min(1.0, pose[2])) or 3.0) / 2))
        moved = ((pose[0] - before[0]) * math.cos(math.radians(pose[1])), pose[1] - before[1])
        across, up = (math.radians(one) / half for one in moved)
        zoomed = (OPTICS.spread(pose[2]) or 0.0) - (OPTICS.spread(before[2]) or 0.0)
        turned = world.turned(exposed)
        torn = was_dark or turned != was_turned or math.hypot(across, up) > 0.5 or abs(zoomed) > 0.2
        was_dark = False
        if world.blank or torn or rng.random() < world.unknown:
            if torn:
                before, noise = pose, (0.0, 0.0, 0.0)
            yield arrival, exposed, Sight(taken, stamp, torn, broken=torn, blank=world.blank, slack=PIXEL)
            was_turned = turned
            continue
        before = pose
        was, noise = noise, (rng.uniform(-0.1, 0.1) * PIXEL, rng.uniform(-0.1, 0.1) * PIXEL, rng.uniform(-2e-3, 2e-3))
        step = [
            one * (1 + world.scale_error) * (-1 if turned else 1) + new - old
            for one, new, old in zip((across, up, zoomed), noise, was, strict=True)
        ]
        drift = 0.0
        since_reference += math.hypot(across, up) + abs(zoomed)
        if since_reference > 0.2:
            since_reference, drift = 0.0, 0.15 * PIXEL
            step = [one + rng.uniform(-1, 1) * 0.15 * PIXEL for one in step]
        yield (
            arrival,
            exposed,
            Sight(
                taken,
                stamp,
                True,
                across=step[0],
                up=step[1],
                spread=step[2],
                slack=0.1 * PIXEL,
                slack_spread=2e-3,
                drift=drift,
                drift_spread=drift,
                quality=0.9,
            ),
        )


def arriving(frames: Iterator[tuple[float, float, Sight]], world: World) -> Iterator[tuple[float, float, Sight]]:
    """The same frames as a network that stalls delivers them, with what their stamps tell of it."""
    rng, lateness = random.Random(world.seed + 77), Lateness(CREEP)
    begins = ends = last = 0.0
    for arrival, exposed, sight in frames:
        while arrival >= ends:
            begins = ends + rng.uniform(0.5, 2.0)
            ends = begins + rng.uniform(0.1, world.longest_stall_s)
        last = max(ends if arrival >= begins else arrival, last + 0.002)
        taken = Instant(int(last * S))
        late_s = lateness.of(sight.stamp_s, taken)
        yield last, exposed, replace(sight, taken=taken, late_s=UNKNOWN_LATE_S if late_s is None else late_s)


def reports(truth: Truth, world: World, seconds: float, rng: random.Random) -> Iterator[tuple[float, Report]]:
    """(arrival, report): ten a second at first, while moving and a little after, and in fog; else two."""
    second, moved_at = 0.0, 2.0
    low, high = world.report_age_s
    while second < seconds:
        moved_at = second if truth.moving(second - 0.1) else moved_at
        asked, received = second, second + rng.uniform(0.002, 0.012)
        said = world.lie(received, truth.at(received - rng.uniform(low, high)))
        if said is not None and rng.random() > world.dropped:
            pan = (round(said[0], 2) + 180) % 360 - 180
            yield (
                received,
                Report(Instant(int(asked * S)), Instant(int(received * S)), pan, round(said[1], 2), round(said[2], 4)),
            )
        second += 0.1 if second - moved_at < 1.5 or world.blank else 0.5


def judged(truth: Truth, world: World, seconds: float) -> list[Verdict]:
    """Every frame's verdict, each given once the frame was held."""
    rng = random.Random(world.seed)
    track = PoseTrack(world.limits, OPTICS)
    hold = world.limits.hold_s
    seen = list(frames(truth, world, seconds, rng))
    if world.longest_stall_s:
        seen = list(arriving(iter(seen), world))
    acts: list[tuple[float, int, object]] = []
    acts += [(arrival, 0, sight) for arrival, _, sight in seen]
    acts += [(arrival, 1, report) for arrival, report in reports(truth, world, seconds, rng)]
    acts += [(arrival + hold, 2, (arrival, exposed)) for arrival, exposed, _ in seen]
    verdicts: list[Verdict] = []
    for second, kind, act in sorted(acts, key=lambda one: one[:2]):
        if isinstance(act, Sight):
            track.picture(act)
        elif isinstance(act, Report):
            track.report(act)
        else:
            assert kind == 2
            arrival, exposed = act  # type: ignore[misc]
            said = track.judge(Instant(int(arrival * S)), Instant(int(second * S)))
            a, b = truth.at(exposed - 0.02), truth.at(exposed + 0.02)
            speed = tuple(abs(q - p) / 0.04 for p, q in zip(a, b, strict=True))
            verdicts.append(Verdict(exposed, said, truth.at(world.shown(exposed)), speed))  # type: ignore[arg-type]
    return verdicts


def restless(rng: random.Random, *, fastest: float = 60.0, zooms: bool = True, pause: float = 0.3) -> Order:
    """Random orders of 0.2 to 3 s each: starts, stops, reversals, zooms."""
    plan: list[tuple[float, Pose]] = []
    end = 0.0
    while end < 120:
        if rng.random() < pause:
            wanted: Pose = (0.0, 0.0, 0.0)
        else:
            zoom = rng.choice((0.0, 0.0, 0.0, -0.5, 0.3, 0.5)) if zooms else 0.0
            wanted = (rng.uniform(-fastest, fastest), rng.uniform(-fastest, fastest) * rng.choice((0, 0.5)), zoom)
        end += rng.uniform(0.2, 3.0)
        plan.append((end, wanted))
    return lambda second: next(wanted for until, wanted in plan if until >= second)
