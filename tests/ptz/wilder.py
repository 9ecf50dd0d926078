"""Heads, networks and pictures that go wrong in several ways at once, at random: seed -> every frame's verdict.

What `trajectories` lays down beforehand happens here as it does at a mast: the next question leaves after the last
answer, more often while the pose is unsure; two tellers pass `Sources`; stamps pass the media clock; a lie begins when
the pose has been shown for a while, and as often as not when the head begins to turn.
"""

import math
import random
from collections.abc import Iterator
from dataclasses import dataclass, field

from agent.capture.capture import CREEP
from agent.capture.timeline import Timeline
from agent.clock import Instant
from agent.lateness import UNKNOWN_LATE_S, Lateness
from agent.ptz.evidence import HeadLimits, Report, Sight
from agent.ptz.head import CHECK_S, FAST_S, SLOW_S, STIRRED_S
from agent.ptz.motion import LOST_PICTURES, LOST_S
from agent.ptz.sources import Sources
from agent.ptz.track import PoseTrack
from agent.units import Blind
from tests.ptz.trajectories import OPTICS, PIXEL, Pose, S, Truth, Verdict, restless

TORN = 0.5
"""Of half a view, from one picture to the next: more is not followed."""
SHOWN_S = 1.2
"""A lie begins at the earliest when the pose has been shown for so long."""
LIES = ("offset", "far", "creep", "frozen", "lag", "mirror", "scaled", "zoom", "wander")


@dataclass
class Wild:
    """One seed's dice: how each thing goes wrong."""

    seed: int
    seconds: float = 14.0
    lies: bool = True
    dice: random.Random = field(init=False)

    def __post_init__(self) -> None:
        self.dice = dice = random.Random(self.seed)
        self.limits = HeadLimits()
        fastest = dice.choice((0.3, 2.0, 5.0, 20.0, 60.0, 115.0))
        self.ends = (-170.0, 170.0) if dice.random() < 0.3 else (-1e9, 1e9)
        self.truth = Truth(
            restless(dice, fastest=fastest, pause=dice.choice((0.1, 0.5, 0.8)), zooms=dice.random() < 0.4),
            self.seconds + 1,
            acceleration=dice.choice((60.0, 200.0, 290.0)),
            start=(dice.uniform(-180, 180), dice.uniform(-68, 68), dice.choice((0.0, 1.0, dice.random()))),
            bounce=dice.choice((0.0, 0.3, 0.9)),
            ends=self.ends,
        )
        self.fps = dice.choice((12.5, 25.0, 30.0))
        self.video_age = sorted((dice.uniform(0, 0.3), dice.uniform(0, 0.3)))
        young = dice.uniform(0.0, 0.19)
        self.report_age = (young, dice.uniform(young, 0.2))
        self.dropped = dice.choice((0.0, 0.0, 0.1, 0.5))
        self.unknown = dice.choice((0.0, 0.0, 0.002, 0.02, 0.1))
        self.stall_s = dice.choice((0.0, 0.0, 0.0, 0.4, 1.5))
        self.slow_answers = dice.choice((0.0, 0.0, 0.0, 0.1, 0.4))
        self.scale_error = dice.uniform(-0.009, 0.009)
        self.rounded = dice.choice((True, False))
        self.off = dice.uniform(-0.04, 0.04)
        self.streamed = dice.random() < 0.3
        self.steps_at = sorted(dice.uniform(1, self.seconds) for _ in range(dice.choice((0, 0, 0, 1, 3))))
        self.fog = spans(dice, self.seconds, dice.choice((0, 0, 0, 0, 0, 1, 2)), 0.3, 4.0)
        self.traffic = spans(dice, self.seconds, dice.choice((0, 0, 0, 2, 5)), 0.05, 0.4)
        self.dark = spans(dice, self.seconds, dice.choice((0, 0, 0, 0, 0, 0, 1)), 0.1, 3.0)


def spans(dice: random.Random, seconds: float, count: int, least: float, most: float) -> list[tuple[float, float]]:
    """`count` stretches of time."""
    begins = [dice.uniform(0.5, seconds) for _ in range(count)]
    return [(one, one + dice.uniform(least, most)) for one in begins]


def within(second: float, stretches: list[tuple[float, float]]) -> bool:
    return any(begin <= second < end for begin, end in stretches)


def pictures(wild: Wild, dice: random.Random) -> Iterator[tuple[float, float, float, Sight]]:
    """(arrival, stamp, exposure, sight) as a follower of pictures that loses its thread would tell them."""
    low, high = wild.video_age
    base, lost, arrival, since, stamp_shift, known_s = dice.uniform(low, high), 0, 0.0, 0.0, 0.0, 0.0
    before: Pose | None = None
    noise = (0.0, 0.0, 0.0)
    begins = ends = 0.0
    steps = list(wild.steps_at)
    for index in range(int(wild.seconds * wild.fps)):
        exposed = index / wild.fps
        if within(exposed, wild.dark):
            before = None
            continue
        arrival = max(arrival + 0.001, exposed + min(high, max(low, base + dice.gauss(0, 0.03))))
        arrival = min(arrival, exposed + high) if not wild.stall_s else arrival
        while wild.stall_s and arrival >= ends:
            begins = ends + dice.uniform(0.3, 2.0)
            ends = begins + dice.uniform(0.1, wild.stall_s)
        come = ends if wild.stall_s and arrival >= begins else arrival
        while steps and exposed > steps[0]:
            steps.pop(0)
            stamp_shift += dice.choice((-3600.0, -5.0, -0.5, -0.03, 0.2, 0.45, 3.0, 3600.0))
        stamp = exposed + dice.uniform(-0.002, 0.002) + stamp_shift
        pose = wild.truth.at(exposed)
        blank = within(exposed, wild.fog)
        torn, step = _step(before, pose)
        taken = Instant(0)
        if before is not None and (blank or torn or within(exposed, wild.traffic) or dice.random() < wild.unknown):
            lost += 1
            if not blank and lost < LOST_PICTURES and exposed - known_s <= LOST_S:
                yield come, stamp, exposed, Sight(taken, 0.0, False)
                continue
            before = None
        if before is None:
            lost = 0
            if not blank:
                before, known_s, noise = pose, exposed, _noise(dice)
            yield come, stamp, exposed, Sight(taken, 0.0, not blank, broken=not blank, blank=blank, slack=0.1 * PIXEL)
            continue
        before, lost, known_s = pose, 0, exposed
        was, noise = noise, _noise(dice)
        since += math.hypot(step[0], step[1]) + abs(step[2])
        drift = 0.15 * PIXEL if since > 0.2 else 0.0
        since = 0.0 if since > 0.2 else since
        told = [
            one * (1 + wild.scale_error) + new - old + dice.uniform(-1, 1) * drift
            for one, new, old in zip(step, noise, was, strict=True)
        ]
        yield come, stamp, exposed, Sight(
            taken, 0.0, True, across=told[0], up=told[1], spread=told[2],
            slack=0.1 * PIXEL, slack_spread=2e-3, drift=drift, drift_spread=drift, quality=0.9,
        )  # fmt: skip


def _noise(dice: random.Random) -> Pose:
    return (dice.uniform(-0.1, 0.1) * PIXEL, dice.uniform(-0.1, 0.1) * PIXEL, dice.uniform(-2e-3, 2e-3))


def _step(before: Pose | None, pose: Pose) -> tuple[bool, Pose]:
    """Whether it is too far to be followed, and the motion as a picture shows it."""
    if before is None:
        return False, (0.0, 0.0, 0.0)
    half = math.tan(math.radians((OPTICS.hfov_deg(pose[2]) or 3.0) / 2))
    across = math.radians(pose[0] - before[0]) * math.cos(math.radians((pose[1] + before[1]) / 2)) / half
    up = math.radians(pose[1] - before[1]) / half
    zoomed = (OPTICS.spread(pose[2]) or 0.0) - (OPTICS.spread(before[2]) or 0.0)
    return math.hypot(across, up) > TORN or abs(zoomed) > 0.2, (across, up, zoomed)


def arrived(wild: Wild, dice: random.Random) -> list[tuple[float, float, Sight]]:
    """(arrival, exposure, sight), with what capture makes of stamps and lateness."""
    timeline, lateness, last, out, before = Timeline(), Lateness(CREEP), 0.0, [], -1.0
    for come, stamp, exposed, sight in pictures(wild, dice):
        last = max(come, last + 0.001)
        taken = Instant(int(last * S))
        if exposed - before > 0.2:  # another connection
            timeline.restart()
            lateness.restart()
        before = exposed
        placed = timeline.place(stamp, taken)
        if placed.jumped:
            lateness.restart()
        late_s = lateness.of(stamp, taken)
        fields = {name: getattr(sight, name) for name in Sight.__dataclass_fields__}
        fields |= {"taken": taken, "stamp_s": placed.pts_90k / 90_000}
        fields["late_s"] = UNKNOWN_LATE_S if late_s is None else late_s
        out.append((last, exposed, Sight(**fields)))
    return out


@dataclass
class Liar:
    """What the head says: the truth, or from some moment on one lie, told by both tellers or by one of them."""

    wild: Wild
    dice: random.Random
    kind: str = ""
    since: float = 0.0
    until: float = 0.0
    streams: tuple[bool, ...] = (False, True)
    told: int = 0
    first: float = 0.0
    """When the first lie began: what it narrowed stays narrow."""

    def __post_init__(self) -> None:
        self.wants = self.dice.uniform(2.0, self.wild.seconds - 3)
        self.waits_for_turn = self.dice.random() < 0.6
        self.amount = self.dice.choice((-1, 1)) * self.dice.choice((0.3, 1.0, 3.0, 8.0))
        self.axis = self.dice.randrange(2)

    def may_begin(self, second: float, shown_s: float) -> None:
        """Begins to lie where it is time, and the pose has been shown for `shown_s`."""
        if not self.wild.lies or self.told > 2 or second < self.wants or second < self.until or shown_s < SHOWN_S:
            return
        if self.waits_for_turn and not self.wild.truth.moving(second):
            return
        self.kind, self.since, self.told = self.dice.choice(LIES), second, self.told + 1
        self.first = self.first or second
        self.until = second + self.dice.choice((0.4, 2.0, 5.0, 99.0))
        self.wants = self.until + self.dice.choice((0.0, 0.5, 2.0))
        self.streams = self.dice.choice(((False, True), (False, True), (False,), (True,)))
        self.start = self.wild.truth.at(second)

    def says(self, at: float, second: float, streamed: bool) -> Pose:
        """Of where it was at `at`, at `second`."""
        pose = self.wild.truth.at(at)
        if not self.kind or second >= self.until or streamed not in self.streams:
            return pose
        off, since = self.amount, second - self.since
        match self.kind:
            case "offset":
                return _off(pose, self.axis, off)
            case "far":
                return _off(pose, self.axis, 15 * off)
            case "creep":
                return _off(pose, self.axis, 0.3 * off * since)
            case "frozen":
                return self.start
            case "lag":
                return self.wild.truth.at(max(self.since - 0.2, at - 0.3 * abs(off)))
            case "mirror":
                return _off(self.start, self.axis, self.start[self.axis] - pose[self.axis])
            case "scaled":
                return _off(pose, self.axis, 0.1 * off * (pose[self.axis] - self.start[self.axis]))
            case "zoom":
                return (pose[0], pose[1], min(1.0, max(0.0, pose[2] + 0.05 * off)))
            case _:
                return _off(pose, self.axis, off * math.sin(3 * since))


def _off(pose: Pose, axis: int, by: float) -> Pose:
    return (pose[0] + by, pose[1], pose[2]) if axis == 0 else (pose[0], pose[1] + by, pose[2])


@dataclass(frozen=True)
class Told:
    """One frame's verdict and what went on: what the head lied since, or ""."""

    verdict: Verdict
    lie: str
    lied_since: float
    lost_thread: bool
    """The pictures have hung together no more since the lie began: nothing can find it out."""
    hidden: Pose = (0.0, 0.0, 0.0)
    """So little a lie may be off without contradicting anything: what was said since it began was no closer, nor is
    what was trusted before it, as far as the pictures could carry that."""

    @property
    def fault(self) -> bool:
        """True when the truth lies outside and something could have told."""
        if not self.verdict.wrong or self.lost_thread:
            return False
        return any(one > most for one, most in zip(self.outside, self.hidden, strict=True))

    @property
    def outside(self) -> tuple[float, float, float]:
        """By how much the truth lies outside on each axis."""
        said, (pan, tilt, zoom) = self.verdict.said, self.verdict.truth
        assert not isinstance(said, Blind)
        pan += 360 * round((sum(said.pan_deg) / 2 - pan) / 360)
        sides = ((said.pan_deg, pan), (said.tilt_deg, tilt), (said.zoom, zoom))
        a, b, c = (max(low - one, one - high, 0.0) for (low, high), one in sides)
        return a, b, c


def told(wild: Wild) -> list[Told]:
    """Every frame's verdict, each given once the frame was held."""
    dice = random.Random(wild.seed + 1)
    track, sources, liar = PoseTrack(wild.limits, OPTICS), Sources(wild.limits), Liar(wild, dice)
    shots = arrived(wild, dice)
    acts: list[tuple[float, int, int, object]] = []
    for index, (arrival, exposed, sight) in enumerate(shots):
        acts.append((arrival, 0, index, sight))
        acts.append((arrival + wild.limits.hold_s, 2, index, (arrival, exposed)))
    acts.sort(key=lambda one: one[:3])
    out: list[Told] = []
    shown_since: float | None = None
    wide = [0.0, 0.0, 0.0]
    lost_at, moved_at, last_pose = -1.0, 0.0, (0.0, 0.0, 0.0)
    coming: dict[bool, tuple[float, float]] = {False: (0.0, _answer(wild, dice))}
    if wild.streamed:
        coming[True] = (0.0, 0.05)

    def deliver(until: float) -> None:
        nonlocal moved_at, last_pose
        while True:
            streamed = min(coming, key=lambda one: coming[one][1])
            asked, received = coming[streamed]
            if received > until:
                return
            liar.may_begin(received, 0.0 if shown_since is None else received - shown_since)
            oldest = received if streamed or dice.random() < 0.5 else asked + dice.random() * (received - asked)
            said = liar.says(oldest - dice.uniform(*wild.report_age), received, streamed)
            asked_at = received if streamed else asked
            if dice.random() >= wild.dropped:
                report = _report(wild, asked_at, received, said, streamed)
                if sources.admit(report, streamed=streamed):
                    track.report(report)
                    if max(abs(a - b) for a, b in zip(said, last_pose, strict=True)) > 0.03:
                        moved_at = received
                    last_pose = said
                else:
                    track.heard(report)
            if streamed:
                coming[True] = (received, received + dice.uniform(0.08, 0.12))
                continue
            lively = shown_since is None or received - moved_at < STIRRED_S
            period = CHECK_S if sources.streaming(Instant(int(received * S))) else FAST_S if lively else SLOW_S
            left = max(received, asked + period)
            coming[False] = (left, left + _answer(wild, dice))

    for second, kind, _, act in acts:
        deliver(second)
        if kind == 0:
            assert isinstance(act, Sight)
            track.picture(act)
            lost_at = second if act.broken or act.blank else lost_at
            continue
        arrival, exposed = act  # type: ignore[misc]
        said = track.judge(Instant(int(arrival * S)), Instant(int(second * S)))
        trusted = track._carried(Instant(int(arrival * S))) if liar.kind else None
        if trusted is not None and track._is_tight(trusted):
            wide = [max(2 * half, most) for half, most in zip(trusted.half, wide, strict=True)]
        shown_since = None if isinstance(said, Blind) else second if shown_since is None else shown_since
        verdict = Verdict(exposed, said, wild.truth.at(exposed), (0.0, 0.0, 0.0))
        lost = lost_at > liar.first - 0.7
        if not isinstance(said, Blind):
            sides = [high - low for low, high in (said.pan_deg, said.tilt_deg, said.zoom)]
            wide = [max(pair) for pair in zip(sides, wide, strict=True)] if liar.kind else sides
        way = wild.truth.way(liar.first, exposed) if liar.kind else (0.0, 0.0, 0.0)
        hidden = (
            [one + 0.025 * far + least for one, far, least in zip(wide, way, (0.1, 0.1, 0.01), strict=True)]
            if liar.kind
            else [0.0] * 3
        )
        out.append(Told(verdict, liar.kind, liar.since, bool(liar.kind) and lost, (hidden[0], hidden[1], hidden[2])))
    return out


def _answer(wild: Wild, dice: random.Random) -> float:
    """Seconds that the head takes to answer."""
    return dice.uniform(0.1, 1.8) if dice.random() < wild.slow_answers else dice.uniform(0.002, 0.012)


def _report(wild: Wild, asked: float, received: float, said: Pose, streamed: bool) -> Report:
    """As it comes over the wire: rounded, or off by as much as the head may be."""
    pan = (said[0] + 180) % 360 - 180
    at = Instant(int(asked * S)), Instant(int(received * S))
    if wild.rounded:
        return Report(*at, round(pan, 2), round(said[1], 2), round(said[2], 4), streamed=streamed)
    return Report(*at, pan + wild.off, said[1] - wild.off, said[2], streamed=streamed)
