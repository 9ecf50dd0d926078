"""Sweeps of a head -> how old its pictures are on arrival, for `[camera.ptz] video_age_ms`. Pure.

    ages = fit_ages(sweeps, pose_age_s=0.2, accuracy_deg=0.05)     # CalibrationError when they cannot tell
    ages.video_age_ms

How
- From where the head stands its pictures carry its position through a sweep: so the camera's own stamp of the moment at
  which it was where a report says that it was is known, give or take what the motion may be wrong by. That report was
  true at some moment from `pose_age_s` before the question to the answer. Each report so bounds what lies between the
  camera's clock and ours (`_Clocks`), and what satisfies all of them is much narrower than a report's age.
- A head moves after its order and not before, and a picture is exposed before it arrives: two bounds more.
- With the clocks laid upon each other, a picture's arrival less its stamp is its age. `video_age_ms` is that of the
  most punctual pictures, and `MARGIN_S` for another connection and another hour: by how much later than those a picture
  comes the agent sees for itself, by the same stamps (`agent.lateness`), and adds it.
- All this stands on stamps that grow as exposures do. Where they do not, the bounds leave nothing, and no age is told.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise

from agent.errors import CalibrationError
from agent.language import say
from agent.ptz.evidence import ACCELERATION_DEG_S2

MARGIN_S = 0.05
LEAST_REPORTS = 12
"""That were true in mid-sweep, all sweeps together."""
LEAST_PICTURES = 10
CREEP = 1000e-6
"""By what share the camera's clock may run off ours between two sweeps."""


@dataclass(frozen=True, slots=True)
class Seen:
    """One picture of a sweep: seconds of its arrival and of its stamp; degrees that the head has turned by."""

    taken_s: float
    stamp_s: float
    turned_deg: float
    error_deg: float


@dataclass(frozen=True, slots=True)
class Told:
    """One report of a sweep: seconds of the question and of the answer, and degrees that it has turned by."""

    asked_s: float
    received_s: float
    turned_deg: float


@dataclass(frozen=True, slots=True)
class Sweep:
    """One way of the head, from rest to rest; the first picture shows it at rest. `ordered_s`: when the order left."""

    ordered_s: float
    pictures: tuple[Seen, ...]
    reports: tuple[Told, ...]

    def forward(self) -> "Sweep":
        """The same with all turns counted in its own direction."""
        if self.reports and self.reports[-1].turned_deg >= 0:
            return self
        return Sweep(
            self.ordered_s,
            tuple(Seen(one.taken_s, one.stamp_s, -one.turned_deg, one.error_deg) for one in self.pictures),
            tuple(Told(one.asked_s, one.received_s, -one.turned_deg) for one in self.reports),
        )


@dataclass(frozen=True, slots=True)
class Ages:
    """Seconds: how old the most punctual pictures are at the least and at the most, and how much later others came.

    `reports`: so many said where the head was while it turned.
    """

    least_s: float
    most_s: float
    late_s: float
    reports: int

    @property
    def video_age_ms(self) -> int:
        """What the agent is told, in whole tens."""
        return 10 * math.ceil(round(100 * (self.most_s + MARGIN_S), 6))


@dataclass(frozen=True, slots=True)
class _Clocks:
    """One sweep: our clock less the camera's is between `low` and `high`, by what was told and done in it."""

    at_s: float
    low: float
    high: float
    punctual: float
    late_s: float
    reports: int


def fit_ages(sweeps: Sequence[Sweep], pose_age_s: float, accuracy_deg: float) -> Ages:
    """How old pictures are; `accuracy_deg`: of what the head reports. CalibrationError names what does not fit."""
    clocks = [_clocks(one.forward(), pose_age_s, accuracy_deg) for one in sweeps if len(one.pictures) >= LEAST_PICTURES]
    reports = sum(one.reports for one in clocks)
    if reports < LEAST_REPORTS:
        raise CalibrationError(
            say(
                en=f"only {reports} positions were told while the head turned and its pictures could be followed",
                fr=f"seulement {reports} positions annoncées pendant que la tête tournait et que l'image la suivait",
            ),
            "few-reports",
        )
    met = [(_meet(clocks, one), one.punctual) for one in clocks]
    over_s = max(low - high for (low, high), _ in met)
    if over_s > 0:
        raise CalibrationError(
            say(
                en=f"positions come later than {1000 * pose_age_s:.0f} ms, by {1000 * over_s:.0f} ms at the least, or "
                "the camera stamps its pictures unevenly: raise pose_age_ms and give it as --pose-age-ms",
                fr=f"les positions arrivent après plus de {1000 * pose_age_s:.0f} ms, d'au moins {1000 * over_s:.0f} "
                "ms, ou la caméra date ses images irrégulièrement : augmenter pose_age_ms, le donner par --pose-age-ms",
            ),
            "late-reports",
        )
    least = max(punctual - high for (_, high), punctual in met)
    most = max(punctual - low for (low, _), punctual in met)
    return Ages(least, most, max(one.late_s for one in clocks), reports)


def _meet(clocks: Sequence[_Clocks], here: _Clocks) -> tuple[float, float]:
    """What all sweeps say of the clocks at the time of `here`."""
    away = [CREEP * abs(one.at_s - here.at_s) for one in clocks]
    low = max(one.low - creep for one, creep in zip(clocks, away, strict=True))
    return low, min(one.high + creep for one, creep in zip(clocks, away, strict=True))


def _clocks(sweep: Sweep, pose_age_s: float, accuracy_deg: float) -> _Clocks:
    behind = [one.taken_s - one.stamp_s for one in sweep.pictures]
    punctual = min(behind)
    began = _last_short(sweep.pictures, 0.0)
    low = -math.inf if began is None else sweep.ordered_s - began
    high, counted = punctual, 0
    for report in sweep.reports:
        first = _first_there(sweep.pictures, report.turned_deg - accuracy_deg)
        last = _last_short(sweep.pictures, report.turned_deg + accuracy_deg)
        if first is None or last is None:
            continue
        counted += 1
        low = max(low, report.asked_s - pose_age_s - last)
        high = min(high, report.received_s - first)
    return _Clocks(sweep.ordered_s, low, high, punctual, max(behind) - punctual, counted)


def _first_there(pictures: Sequence[Seen], turned_deg: float) -> float | None:
    """The stamp from which on the head may have turned so far; None where it may have at the first picture already."""
    return _crossing([(one.stamp_s, one.turned_deg + one.error_deg) for one in pictures], turned_deg)


def _last_short(pictures: Sequence[Seen], turned_deg: float) -> float | None:
    """The stamp up to which it may not have turned so far; None where it may not have at the last picture yet."""
    mirrored = [(-one.stamp_s, one.error_deg - one.turned_deg) for one in reversed(pictures)]
    found = _crossing(mirrored, -turned_deg)
    return None if found is None else -found


def _crossing(way: Sequence[tuple[float, float]], at: float) -> float | None:
    """Where `way`, points of (time, degrees), may first reach `at`."""
    if way[0][1] >= at:
        return None
    for (before_s, before), (after_s, after) in pairwise(way):
        hidden = ACCELERATION_DEG_S2 * (after_s - before_s) ** 2 / 8  # by so much it may swerve between the two
        if after + hidden >= at:
            share = (at - hidden - before) / max(1e-9, after - before)
            return before_s + min(1.0, max(0.0, share)) * (after_s - before_s)
    return None
