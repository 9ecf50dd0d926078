"""The virtual head: three motors with inertia and limits, as values. Orders and `now` in, poses out.

    head = Head(Limits(), now_s=0.0)
    head.velocity(0.1, pan=1.0, tilt=0.0, zoom=None, timeout_s=2.0)
    head.shown(3.0)           # where it was at that moment: the pan has gone round, slowed down and stands

Laws
- The truth is `shown`: it knows no latency and no fault. What a client is told is `reports`' business.
- Nothing jumps: speed changes by at most `acceleration` a second, on the way to a stop as well.
- A velocity order ends by itself after its timeout, as ONVIF's ContinuousMove does.
"""

from bisect import bisect_right
from collections import deque
from dataclasses import dataclass, field
from math import copysign, exp, floor, inf, log, sqrt

from agent.virtual.sphere import View

STEP_S = 0.002
HISTORY_S = 30.0
STILL = 1e-6


@dataclass(frozen=True, slots=True)
class LensTable:
    """Zoom position (0..1, growing) -> horizontal field of view in degrees; between two, the logarithm is straight."""

    zoom: tuple[float, ...] = (0.0, 0.5, 1.0)
    hfov_deg: tuple[float, ...] = (60.0, 13.4, 3.0)

    def at(self, zoom: float) -> float:
        """The field of view at that zoom, held at the table's ends."""
        zoom = min(max(zoom, self.zoom[0]), self.zoom[-1])
        after = min(max(bisect_right(self.zoom, zoom), 1), len(self.zoom) - 1)
        share = (zoom - self.zoom[after - 1]) / (self.zoom[after] - self.zoom[after - 1])
        low, high = log(self.hfov_deg[after - 1]), log(self.hfov_deg[after])
        return exp(low + share * (high - low))


@dataclass(frozen=True, slots=True)
class Limits:
    """What the head can do. `flip`: its tilt goes on past the nadir, to `lowest_deg`. Pan is endless."""

    pan_speed_deg_s: float = 120.0
    tilt_speed_deg_s: float = 60.0
    zoom_speed_per_s: float = 0.5
    acceleration_deg_s2: float = 200.0
    zoom_acceleration_per_s2: float = 2.0
    highest_deg: float = 90.0
    lowest_deg: float = -90.0
    lens: LensTable = field(default_factory=LensTable)


@dataclass(slots=True)
class _Motor:
    """One axis. With a `goal` it goes there and stands; else it holds the `wanted` speed."""

    at: float
    top_speed: float
    acceleration: float
    low: float = -inf
    high: float = inf
    speed: float = 0.0
    wanted: float = 0.0
    goal: float | None = None

    @property
    def still(self) -> bool:
        return self.goal is None and self.speed == 0.0 and self.wanted == 0.0

    def go(self, goal: float, top_speed: float | None = None) -> None:
        self.goal, self.wanted = min(max(goal, self.low), self.high), top_speed or self.top_speed

    def run(self, share: float) -> None:
        self.goal, self.wanted = None, min(max(share, -1.0), 1.0) * self.top_speed

    def step(self) -> None:
        change = self.acceleration * STEP_S
        if self.goal is not None:
            away = self.goal - self.at
            if abs(away) < change * STEP_S + STILL and abs(self.speed) <= 2 * change:
                self.at, self.speed, self.goal, self.wanted = self.goal, 0.0, None, 0.0
                return
            aim = copysign(min(abs(self.wanted), self._stoppable(abs(away))), away)
        else:
            room = (self.high if self.wanted > 0 else self.low) - self.at
            aim = copysign(min(abs(self.wanted), self._stoppable(abs(room))), self.wanted)
        self.speed += min(max(aim - self.speed, -change), change)
        self.at += self.speed * STEP_S
        if not self.low <= self.at <= self.high:
            self.at, self.speed = min(max(self.at, self.low), self.high), 0.0
        if self.goal is None and abs(self.speed) < STILL and abs(aim) < STILL:
            self.speed, self.wanted = 0.0, 0.0

    def _stoppable(self, away: float) -> float:
        """The speed from which the motor still stops within that distance, in whole steps."""
        slack = self.acceleration * STEP_S
        return max(0.0, sqrt(slack * slack / 4 + 2 * self.acceleration * away) - slack / 2) if away < inf else inf


@dataclass(frozen=True, slots=True)
class Shown:
    """Where the head truly is: pan in [-180, 180), a tilt past -90 after a flip; `homing`: it looks for its zero."""

    at_s: float
    pan_deg: float
    tilt_deg: float
    zoom: float
    hfov_deg: float
    turning: bool
    zooming: bool
    homing: bool = False

    def view(self, *, upright: bool = True) -> View:
        """What its lens sees; `upright`: firmware turns the picture the right way up after a flip."""
        if upright and self.tilt_deg < -90:
            return View(wrapped(self.pan_deg + 180), -180 - self.tilt_deg, self.hfov_deg)
        return View(self.pan_deg, self.tilt_deg, self.hfov_deg)


def wrapped(pan_deg: float) -> float:
    """The same pan in [-180, 180)."""
    return (pan_deg + 180) % 360 - 180


@dataclass(frozen=True, slots=True)
class Preset:
    """A pose that the head remembers."""

    name: str
    pan_deg: float
    tilt_deg: float
    zoom: float


class Head:
    """The head from `now_s` on. Times only grow; every method brings it up to the time it is told."""

    def __init__(self, limits: Limits, now_s: float, start: Preset = Preset("home", 0.0, 0.0, 0.0)) -> None:
        self.limits = limits
        turn, zoom = limits.acceleration_deg_s2, limits.zoom_acceleration_per_s2
        self._pan = _Motor(start.pan_deg, limits.pan_speed_deg_s, turn)
        self._tilt = _Motor(start.tilt_deg, limits.tilt_speed_deg_s, turn, limits.lowest_deg, limits.highest_deg)
        self._zoom = _Motor(start.zoom, limits.zoom_speed_per_s, zoom, 0.0, 1.0)
        self._began_s, self._steps = now_s, 0
        self._ends_s = inf
        self._laps: list[tuple[float, float]] = []
        self._history: deque[Shown] = deque(maxlen=round(HISTORY_S / STEP_S))
        self._remember()
        self.home = start
        self.presets: dict[str, Preset] = {}

    # --- orders ---

    def velocity(
        self, now_s: float, *, pan: float | None, tilt: float | None, zoom: float | None, timeout_s: float
    ) -> None:
        """Shares of the top speeds, -1..1; an axis left out goes on as it was (ONVIF PTZ 5.3.3)."""
        self.advance(now_s)
        if self._laps:
            return
        for motor, share in ((self._pan, pan), (self._tilt, tilt), (self._zoom, zoom)):
            if share is not None:
                motor.run(share)
        self._ends_s = now_s + timeout_s

    def absolute(
        self, now_s: float, *, pan_deg: float | None, tilt_deg: float | None, zoom: float | None, speed: float = 1.0
    ) -> None:
        """Goes there, the shorter way round; `speed` is a share of the top speeds."""
        self.advance(now_s)
        if self._laps:
            return
        self._ends_s = inf
        if pan_deg is not None:
            self._pan.go(self._pan.at + wrapped(pan_deg - self._pan.at), speed * self._pan.top_speed)
        if tilt_deg is not None:
            self._tilt.go(tilt_deg, speed * self._tilt.top_speed)
        if zoom is not None:
            self._zoom.go(zoom, speed * self._zoom.top_speed)

    def relative(self, now_s: float, *, pan_deg: float, tilt_deg: float, zoom: float) -> None:
        """Goes so far from where it is."""
        self.advance(now_s)
        if self._laps:
            return
        self._ends_s = inf
        for motor, way in ((self._pan, pan_deg), (self._tilt, tilt_deg), (self._zoom, zoom)):
            if way:
                motor.go(motor.at + way)

    def stop(self, now_s: float, *, turning: bool = True, zooming: bool = True) -> None:
        """Brakes; it stands after its speed is gone."""
        self.advance(now_s)
        if self._laps:
            return
        for motor, meant in ((self._pan, turning), (self._tilt, turning), (self._zoom, zooming)):
            if meant:
                motor.run(0.0)

    def go_to(self, now_s: float, preset: Preset) -> None:
        """Goes to a remembered pose."""
        self.absolute(now_s, pan_deg=preset.pan_deg, tilt_deg=preset.tilt_deg, zoom=preset.zoom)

    def remember(self, now_s: float, name: str) -> Preset:
        """The present pose as a preset."""
        shown = self.shown(now_s)
        return Preset(name, shown.pan_deg, shown.tilt_deg, shown.zoom)

    def find_zero(self, now_s: float) -> None:
        """After a start: a whole turn there and back, tilt and zoom to their ends, then home; orders are not heard."""
        self.advance(now_s)
        self._ends_s = inf
        self._laps = [(180.0, -60.0), (-180.0, 60.0), (self.home.pan_deg, self.home.tilt_deg)]
        self._next_lap()

    def _next_lap(self) -> None:
        pan_deg, tilt_deg = self._laps[0]
        if len(self._laps) == 3:
            self._pan.at = wrapped(self._pan.at)
        self._pan.go(pan_deg)
        self._tilt.go(tilt_deg)
        self._zoom.go(self.home.zoom if len(self._laps) == 1 else 0.0)

    # --- the truth ---

    def advance(self, now_s: float) -> None:
        """Brings the motors up to `now_s`."""
        while self._steps < self._step_at(now_s):
            self._steps += 1
            if self._began_s + self._steps * STEP_S >= self._ends_s:
                self._ends_s = inf
                for motor in (self._pan, self._tilt, self._zoom):
                    motor.run(0.0)
            for motor in (self._pan, self._tilt, self._zoom):
                motor.step()
            if self._laps and self._pan.still and self._tilt.still and self._zoom.still:
                self._laps.pop(0)
                if self._laps:
                    self._next_lap()
            self._remember()

    def shown(self, at_s: float) -> Shown:
        """Where it was at that moment, up to `HISTORY_S` ago; a later one brings it up to then."""
        self.advance(at_s)
        back = self._steps - self._step_at(at_s)
        return self._history[max(-len(self._history), -1 - back)]

    def _step_at(self, at_s: float) -> int:
        """The last step at or before that moment; a millionth of a step makes up for rounding."""
        return floor((at_s - self._began_s) / STEP_S + 1e-6)

    def _remember(self) -> None:
        zoom = self._zoom.at
        turning = not (self._pan.still and self._tilt.still)
        hfov_deg, homing = self.limits.lens.at(zoom), bool(self._laps)
        pan_deg, tilt_deg = wrapped(self._pan.at), self._tilt.at
        self._history.append(
            Shown(
                self._began_s + self._steps * STEP_S,
                pan_deg,
                tilt_deg,
                zoom,
                hfov_deg,
                turning,
                not self._zoom.still,
                homing,
            )
        )
