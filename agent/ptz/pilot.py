"""What the head is told: orders, time and the last report in, commands out. Pure.

    pilot = Pilot(plan, optics, aspect=lambda: 16 / 9, now=now)   # the picture's, asked at each `area`
    commands = pilot.order(order, now, where)      # or OrderRefused (422, 503) that says why
    commands = pilot.tick(now, where)              # ten times a second, seldom while `busy` is false

Laws
- A velocity lasts `DEAD_MAN_S`: without another order the head is told to stop, and told again until it is.
- The same velocity again is passed on `REFRESH_S` apart, so that a head is not flooded; another one at once.
- Soft limits: a velocity towards a limit shrinks with the way that is left; a position beyond one is refused.
- Nobody steering for `idle_return_s`: home, or the idle patrol. Any order that moves ends a patrol.
"""

import math
from collections.abc import Callable
from dataclasses import dataclass

from agent.clock import Instant
from agent.errors import OrderRefused
from agent.language import say
from agent.ptz.area import Aim, aim_of
from agent.ptz.optics import Optics
from agent.ptz.orders import Absolute, Area, Home, Order, PatrolStart, PatrolStop, PresetGoto, Relative, Stop, Velocity

DEAD_MAN_S = 0.5
REFRESH_S = 0.15
BRAKING_S = 0.6
"""The way to a limit is gone in no less than this: reports are late, and heads brake."""
FRESH_S = 2.0
SETTLE_S = 1.5
LONGEST_WAY_S = 60.0
S = 1_000_000_000


@dataclass(frozen=True, slots=True)
class Where:
    """The head's last report: degrees, zoom 0..1, whether it moves."""

    at: Instant
    pan_deg: float
    tilt_deg: float
    zoom: float
    moving: bool


@dataclass(frozen=True, slots=True)
class Drive:
    """Turn at these shares of full speed."""

    pan: float
    tilt: float
    zoom: float


@dataclass(frozen=True, slots=True)
class Halt:
    """Stop these axes."""

    turning: bool = True
    zooming: bool = True


@dataclass(frozen=True, slots=True)
class Go:
    """Go there; None: stay as it is."""

    pan_deg: float | None
    tilt_deg: float | None
    zoom: float | None


@dataclass(frozen=True, slots=True)
class GoPreset:
    """Go to the preset of this token or name."""

    preset: str


@dataclass(frozen=True, slots=True)
class GoHome:
    """Go to the head's own home."""


Command = Drive | Halt | Go | GoPreset | GoHome


@dataclass(frozen=True, slots=True)
class Round:
    """A patrol: where it stops and for how long."""

    name: str
    stops: tuple[tuple[Command, float], ...]


@dataclass(frozen=True, slots=True)
class Plan:
    """What the configuration says of one head. `turns`: pan has no end."""

    pan_deg: tuple[float, float] = (-180.0, 180.0)
    tilt_deg: tuple[float, float] = (-90.0, 90.0)
    turns: bool = True
    pan_speed_deg_s: float = 120.0
    tilt_speed_deg_s: float = 60.0
    home: str = ""
    idle_return_s: float = 0.0
    idle_patrol: str = ""
    rounds: tuple[Round, ...] = ()


@dataclass(slots=True)
class _Walk:
    """A patrol under way: at which stop, and since when it goes there or stands there."""

    round: Round
    index: int
    since: Instant
    standing: bool = False


def impossible(en: str, fr: str, word: str = "impossible", status: int = 422) -> OrderRefused:
    """A refusal of what cannot be done, with why."""
    return OrderRefused(say(en=en, fr=fr), status, word)


class Pilot:
    """Steers one head. Not thread-safe: the event loop owns it."""

    def __init__(self, plan: Plan, optics: Optics, aspect: Callable[[], float], now: Instant) -> None:
        self._plan = plan
        self._optics = optics
        self._aspect = aspect
        self._wanted: Velocity | None = None
        self._wanted_at = now
        self._sent: Drive | None = None
        self._sent_at = now
        self._goal: tuple[Instant, Go] | None = None
        self._walk: _Walk | None = None
        self._last_order = now
        self._returned = False

    @property
    def driving(self) -> bool:
        """True while a velocity holds."""
        return self._wanted is not None

    @property
    def busy(self) -> bool:
        """True while there is something to keep up: a velocity, or a patrol."""
        return self._wanted is not None or self._walk is not None

    @property
    def patrol(self) -> str:
        """The name of the patrol under way, or nothing."""
        return self._walk.round.name if self._walk is not None else ""

    # --- orders ---

    def order(self, order: Order, now: Instant, where: Where | None) -> tuple[Command, ...]:
        """What the head is told for `order`; `where` is its last report, None when there is none that counts."""
        commands = self._commands(order, now, self._fresh(where, now))
        self._last_order, self._returned = now, False
        if not isinstance(order, PatrolStart):
            self._walk = None
        if not isinstance(order, Velocity):
            self._wanted = self._sent = None
        return commands

    def _commands(self, order: Order, now: Instant, where: Where | None) -> tuple[Command, ...]:
        match order:
            case Velocity():
                return self._velocity(order, now, where)
            case Stop() | PatrolStop():
                self._goal = None
                return (Halt(),)
            case Absolute():
                return self._go(Go(order.pan_deg, order.tilt_deg, order.zoom), now, where)
            case Relative():
                return self._go(self._further(order, now, where), now, where)
            case Area():
                return self._go(self._area(order, where), now, where)
            case Home():
                return (self._home(),)
            case PresetGoto():
                return (GoPreset(order.preset),)
            case PatrolStart():
                return self._start_patrol(order.patrol, now)
            case _:
                return ()

    def _fresh(self, where: Where | None, now: Instant) -> Where | None:
        return where if where is not None and now - where.at <= FRESH_S * S else None

    def _home(self) -> Command:
        return GoPreset(self._plan.home) if self._plan.home else GoHome()

    def _velocity(self, order: Velocity, now: Instant, where: Where | None) -> tuple[Command, ...]:
        drive = self._cut(order, where)
        self._wanted, self._wanted_at, self._goal = order, now, None
        if order.pan == order.tilt == order.zoom == 0:
            self._wanted = self._sent = None
            return (Halt(),)
        return self._send(drive, now)

    def _send(self, drive: Drive, now: Instant) -> tuple[Command, ...]:
        before = self._sent
        if drive == before and now - self._sent_at < REFRESH_S * S:
            return ()
        self._sent, self._sent_at = drive, now
        if before is None:
            return (drive,)
        # an axis that stops: some heads take a zero for "as before", so they are told to stop as well
        turning = (before.pan, before.tilt) != (0, 0) and (drive.pan, drive.tilt) == (0, 0)
        zooming = before.zoom != 0 and drive.zoom == 0
        return (Halt(turning, zooming), drive) if turning or zooming else (drive,)

    def _cut(self, order: Velocity, where: Where | None) -> Drive:
        """The velocity as the soft limits leave it."""
        plan = self._plan
        bounded = not plan.turns or plan.tilt_deg != (-90.0, 90.0)
        if where is None and bounded and (order.pan or order.tilt):
            raise impossible(
                "the head does not say where it is, and it has limits to keep; try again shortly",
                "la tête ne dit pas où elle est, et elle a des limites à tenir ; réessayer bientôt",
                "pose",
                503,
            )
        pan, tilt = order.pan, order.tilt
        if where is not None:
            if not plan.turns:
                pan = _towards(pan, where.pan_deg, plan.pan_deg, plan.pan_speed_deg_s)
            tilt = _towards(tilt, where.tilt_deg, plan.tilt_deg, plan.tilt_speed_deg_s)
        return Drive(pan, tilt, order.zoom)

    def _go(self, goal: Go, now: Instant, where: Where | None) -> tuple[Command, ...]:
        pan, tilt = goal.pan_deg, goal.tilt_deg
        if (pan is None) != (tilt is None):
            if where is None:
                raise self._nowhere()
            pan, tilt = (where.pan_deg if pan is None else pan), (where.tilt_deg if tilt is None else tilt)
        if pan is not None and tilt is not None:
            pan = self._within(pan, tilt)
        found = Go(pan, tilt, goal.zoom)
        self._goal = (now, found)
        return (found,)

    def _within(self, pan: float, tilt: float) -> float:
        """`pan` in the head's own turn; refused beyond the limits."""
        low, high = self._plan.pan_deg
        pan = next((one for one in (pan, pan - 360, pan + 360, pan - 720, pan + 720) if low <= one <= high), pan)
        if not low <= pan <= high:
            raise impossible(
                f"pan {pan:g} lies outside {low:g}..{high:g} degrees, where this head may turn",
                f"pan {pan:g} est hors de {low:g}..{high:g} degrés, où la tête peut tourner",
                "limits",
            )
        low, high = self._plan.tilt_deg
        if not low <= tilt <= high:
            raise impossible(
                f"tilt {tilt:g} lies outside {low:g}..{high:g} degrees, where this head may turn",
                f"tilt {tilt:g} est hors de {low:g}..{high:g} degrés, où la tête peut tourner",
                "limits",
            )
        return pan

    def _nowhere(self) -> OrderRefused:
        return impossible(
            "the head does not say where it is; try again shortly",
            "la tête ne dit pas où elle est ; réessayer bientôt",
            "pose",
            503,
        )

    def _further(self, order: Relative, now: Instant, where: Where | None) -> Go:
        """Further than where it was told to go a moment ago, or than where it is."""
        if where is None:
            raise self._nowhere()
        pan, tilt, zoom = where.pan_deg, where.tilt_deg, where.zoom
        if self._goal is not None and where.moving and now - self._goal[0] < LONGEST_WAY_S * S:
            goal = self._goal[1]
            pan = pan if goal.pan_deg is None else goal.pan_deg
            tilt = tilt if goal.tilt_deg is None else goal.tilt_deg
            zoom = zoom if goal.zoom is None else goal.zoom
        return Go(
            pan + order.pan_deg if order.pan_deg or order.tilt_deg else None,
            tilt + order.tilt_deg if order.pan_deg or order.tilt_deg else None,
            min(1.0, max(0.0, zoom + order.zoom)) if order.zoom else None,
        )

    def _area(self, order: Area, where: Where | None) -> Go:
        hfov = None if where is None else self._optics.hfov_deg(where.zoom)
        if where is None or hfov is None:
            raise self._nowhere()
        aim = aim_of(
            Aim(where.pan_deg, where.tilt_deg, hfov), (order.x, order.y, order.width, order.height), self._aspect()
        )
        tilt = min(self._plan.tilt_deg[1], max(self._plan.tilt_deg[0], aim.tilt_deg))
        return Go(aim.pan_deg, tilt, self._optics.zoom(aim.hfov_deg))

    def _start_patrol(self, name: str, now: Instant) -> tuple[Command, ...]:
        known = self._plan.rounds
        found = next((one for one in known if one.name == name or not name), None)
        if found is None:
            names = ", ".join(one.name for one in known) or "-"
            raise impossible(f"no such patrol; there are: {names}", f"ronde inconnue ; il y a : {names}", "patrol")
        self._walk = _Walk(found, 0, now)
        self._goal = None
        return (found.stops[0][0],)

    # --- time ---

    def tick(self, now: Instant, where: Where | None) -> tuple[Command, ...]:
        """What is to be told without an order: dead man's stop, limits, patrol, return."""
        where = self._fresh(where, now)
        if self._wanted is not None:
            return self._keep_driving(self._wanted, now, where)
        if self._walk is not None:
            return self._keep_walking(self._walk, now, where)
        idle = self._plan.idle_return_s
        if idle > 0 and not self._returned and now - self._last_order > idle * S:
            self._returned = True
            if self._plan.idle_patrol:
                return self._start_patrol(self._plan.idle_patrol, now)
            return (self._home(),)
        return ()

    def _keep_driving(self, wanted: Velocity, now: Instant, where: Where | None) -> tuple[Command, ...]:
        if now - self._wanted_at > DEAD_MAN_S * S:
            self._wanted = self._sent = None
            return (Halt(),)
        try:
            drive = self._cut(wanted, where)
        except OrderRefused:  # it has stopped saying where it is
            self._wanted = self._sent = None
            return (Halt(),)
        return () if drive == self._sent else self._send(drive, now)

    def _keep_walking(self, walk: _Walk, now: Instant, where: Where | None) -> tuple[Command, ...]:
        gone_s = (now - walk.since) / S
        if not walk.standing:
            there = where is not None and not where.moving and where.at - walk.since > SETTLE_S * S
            if there or gone_s > LONGEST_WAY_S:
                walk.standing, walk.since = True, now
            return ()
        if gone_s < walk.round.stops[walk.index][1]:
            return ()
        walk.index = (walk.index + 1) % len(walk.round.stops)
        walk.standing, walk.since = False, now
        return (walk.round.stops[walk.index][0],)

    def halted(self) -> None:
        """Nobody steers any more: the next tick has nothing to keep up."""
        self._wanted = self._sent = None


def _towards(share: float, at: float, limits: tuple[float, float], speed: float) -> float:
    """`share` of `speed` as far as the way to the limit allows; away from it always."""
    left = (limits[1] - at) if share > 0 else (at - limits[0])
    most = max(0.0, left) / BRAKING_S / speed
    return math.copysign(min(abs(share), most if most > 0.002 else 0.0), share) if share else 0.0
