"""A lens that is covered or out of focus, on every kind of camera: sudden losses of shape. Decides; touches nothing.

    lens = LensWatch()
    for change in lens.take(sight, now_ns): ...      # Clouded("covered") or Cleared("covered", 12.0)

A picture is measured against its own last minute. `covered`: the large shapes are gone too, nothing is recognised, and
it had been light enough to tell that from lamps that go out. `defocused`: the large shapes are there and the fine lines
are not; lines count when two of three looks have them, so that rain, which comes and goes, is none. Dusk, fog, dew and
a slow zoom change both slowly and are followed; a head that turns begins anew (`begin`), while what is covered stays so
until shapes are seen again.
"""

from dataclasses import dataclass
from typing import Literal

import numpy as np

from agent.aim.edges import Look, detail
from agent.units import Plane

Kind = Literal["covered", "defocused"]

MEMORY_S = 60.0
SETTLED_S = 5.0
"""A picture is known after so long."""
SUSTAINED_S = 5.0
CLEARED_S = 2.0
LOST_SHAPES = 0.25
KEPT_SHAPES = 0.6
LOST_LINES = 0.45
BACK = 2.0
"""Times what a covered or defocused lens still showed."""
LEAST_SHAPES = 1.5
"""A scene that had less has nothing to lose."""
DARK_LEVEL = 80.0
"""Mean luma that only a day gives: street lamps go out at once, as a lens that is covered does."""


@dataclass(frozen=True, slots=True)
class Clouded:
    """The lens is covered or defocused from now on."""

    kind: Kind


@dataclass(frozen=True, slots=True)
class Cleared:
    """It no longer is, after `seconds`."""

    kind: Kind
    seconds: float


@dataclass(frozen=True, slots=True)
class _Measure:
    """What one picture has of large shapes and of fine lines, and how light it is."""

    coarse: float
    detail: float
    level: float


@dataclass(frozen=True, slots=True)
class _Usual:
    """Means over the last minute, since when, and when last."""

    coarse: float
    detail: float
    level: float
    since_ns: int
    at_ns: int

    def with_one(self, sight: _Measure, now_ns: int) -> "_Usual":
        seconds = (now_ns - self.at_ns) / 1e9
        memory_s = min(MEMORY_S, max(1.0, (now_ns - self.since_ns) / 1e9))
        share = min(1.0, seconds / memory_s)
        return _Usual(
            self.coarse + share * (sight.coarse - self.coarse),
            self.detail + share * (sight.detail - self.detail),
            self.level + share * (sight.level - self.level),
            self.since_ns,
            now_ns,
        )


class LensWatch:
    """One camera's lens. Not thread-safe."""

    def __init__(self) -> None:
        self.kind: Kind | None = None
        self._usual: _Usual | None = None
        self._doubt: tuple[Kind, int] | None = None
        self._since_ns = 0
        self._clouded = (0.0, 0.0)  # shapes and lines while clouded
        self._clear_ns: int | None = None
        self._fine: tuple[Plane, ...] = ()

    def begin(self) -> None:
        """Another view: what was usual no longer is. What is clouded stays so."""
        self._usual = self._doubt = None
        self._fine = ()

    def take(self, look: Look, now_ns: int, *, recognised: bool = False) -> tuple[Clouded | Cleared, ...]:
        """What this picture changes; `recognised`: it shows what it should, so that nothing covers it."""
        self._fine = (*self._fine[-2:], look.fine)
        if len(self._fine) < 3:
            return ()
        sight = _Measure(look.coarse, detail(_median(*self._fine), look.seen), look.level)
        if self.kind is not None:
            return self._clouded_still(sight, now_ns, recognised=recognised)
        usual = self._usual
        if usual is None:
            self._usual = _Usual(sight.coarse, sight.detail, sight.level, now_ns, now_ns)
            return ()
        kind = _suspect(sight, usual, recognised=recognised) if now_ns - usual.since_ns >= SETTLED_S * 1e9 else None
        if kind is None:
            self._doubt = None
            self._usual = usual.with_one(sight, now_ns)
            return ()
        if self._doubt is None or self._doubt[0] != kind:
            self._doubt = kind, now_ns
        if now_ns - self._doubt[1] < SUSTAINED_S * 1e9:
            return ()
        self.kind, self._since_ns, self._clear_ns = kind, self._doubt[1], None
        self._clouded, self._doubt = (sight.coarse, sight.detail), None
        return (Clouded(kind),)

    def _clouded_still(self, sight: _Measure, now_ns: int, *, recognised: bool) -> tuple[Cleared, ...]:
        assert self.kind is not None
        coarse, detail = self._clouded
        if self.kind == "covered":
            clear = recognised or sight.coarse > max(BACK * coarse, LEAST_SHAPES)
        else:
            clear = sight.detail / max(sight.coarse, 0.1) > BACK * 0.8 * detail / max(coarse, 0.1)
        if not clear:
            self._clear_ns = None
            return ()
        if self._clear_ns is None:
            self._clear_ns = now_ns
        if now_ns - self._clear_ns < CLEARED_S * 1e9:
            return ()
        done = Cleared(self.kind, round((now_ns - self._since_ns) / 1e9, 1))
        self.kind, self._usual = None, None
        return (done,)


def _median(a: Plane, b: Plane, c: Plane) -> Plane:
    return np.maximum(np.minimum(a, b), np.minimum(np.maximum(a, b), c))


def _suspect(sight: _Measure, usual: _Usual, *, recognised: bool) -> Kind | None:
    if usual.coarse < LEAST_SHAPES:
        return None
    if sight.coarse < LOST_SHAPES * usual.coarse and sight.detail < LOST_SHAPES * usual.detail:
        return "covered" if usual.level >= DARK_LEVEL and not recognised else None
    if sight.coarse > KEPT_SHAPES * usual.coarse and sight.detail < LOST_LINES * usual.detail:
        return "defocused"
    return None
