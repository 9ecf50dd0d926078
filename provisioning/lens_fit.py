"""Readings at several zooms -> the lens table, and by how much it may be wrong. Pure.

    fit = fit_lens(readings, aspect=16 / 9)     # CalibrationError when the readings cannot give a table
    fit.zoom, fit.hfov_deg, fit.calibration_error_deg

How
- At each zoom the readings vote on the view's size (`votes`).
- Between two entries the agent interpolates the logarithm of the field of view. How wrong that is, the entries tell
  themselves: each inner one is left out and guessed from its neighbours. What it misses by is the curve's bend, and a
  bend c over a gap g costs c g^2 / 8 in the gap's middle. An entry more halves the gap and quarters the cost.
- A view that is thought wider or narrower by a share e moves what lies at the angle a from the axis by e sin(2a) / 2:
  most at the picture's corner. The bound is the worst of that over all zooms, at `SIGMAS` standard errors, and on top
  what the head itself is wrong by: the play of its gears and the scatter of its positions.
- A common error of all steps (what ONVIF's -1..1 means) does not show: it stretches the table as it stretches the
  head's own degrees, in which the masks are written.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise

from provisioning.readings import Reading
from provisioning.votes import Vote, refusal, take_vote

LEAST_ZOOMS = 3
SAME_ZOOM = 0.004
"""Readings whose zooms differ by no more belong to one entry: heads tell it in coarse steps."""
SIGMAS = 3.0
FLOOR = 0.002
"""A share of the field of view that no calibration knows better: distortion, parallax, a lens that was refocused."""
BEND_SAFETY = 1.5
STEEPER = 2.0
"""So many times more the curve may bend at its end than at the entry next to it."""
WORST_DEG = 5.0
"""`calibration_error_deg` goes no further."""
LARGEST_RATIO, NARROWEST_DEG = 60.0, 0.8
"""No turning camera's glass goes beyond; what does is cut out of the sensor's picture."""
STEADY, SUDDEN = 1.5, 2.5
"""The view falls steadily when its steepest stretch is so little steeper than its flattest; then suddenly faster."""
WORTH_DEG = 0.02
"""An entry more is worth its while when it saves so much."""


@dataclass(frozen=True, slots=True)
class Entry:
    """One entry of the table. `share`: the standard error of ln tan(hfov / 2); `error_deg`: the same of `hfov_deg`."""

    zoom: float
    hfov_deg: float
    error_deg: float
    share: float
    readings: int
    left_out: int


@dataclass(frozen=True, slots=True)
class Fit:
    """The table and its errors.

    `between_deg`: for each gap by how much a direction may be off in its middle for the interpolation alone.
    `pointing_deg`: what the head's own positions scatter by; `play_deg`: what it loses when it turns back.
    `another`: zooms at which one entry more would help, the most helpful first.
    """

    entries: tuple[Entry, ...]
    between_deg: tuple[float, ...]
    pointing_deg: float
    play_deg: float
    calibration_error_deg: float
    another: tuple[float, ...]

    @property
    def zoom(self) -> tuple[float, ...]:
        """The table's zooms, as it is written."""
        return tuple(round(one.zoom, 4) for one in self.entries)

    @property
    def hfov_deg(self) -> tuple[float, ...]:
        """The table's fields of view, as it is written."""
        return tuple(round(one.hfov_deg, 3) for one in self.entries)


@dataclass(frozen=True, slots=True)
class _Gap:
    """Between two entries: the middle's zoom, all that a direction may be off by there, the interpolation's share of
    it, and what another entry there would save, in degrees."""

    zoom: float
    off_deg: float
    between_deg: float
    saved_deg: float


def fit_lens(readings: Sequence[Reading], aspect: float = 4 / 3) -> Fit:
    """The table; CalibrationError names what is wrong and what helps. `aspect`: the picture's width over its height."""
    groups = [take_vote(part) for part in _by_zoom(readings)]
    if len(groups) < LEAST_ZOOMS:
        raise refusal(
            "few-zooms",
            en=f"readings at {len(groups)} zoom(s): measure at {LEAST_ZOOMS} at the least, 0 and 1 among them",
            fr=f"mesures à {len(groups)} zoom(s) : mesurer à {LEAST_ZOOMS} au moins, dont 0 et 1",
        )
    _check_falling(groups)
    _check_optical(groups)
    entries = tuple(_entry(one) for one in groups)
    gaps = _gaps(entries, aspect)
    pointing, play = min(one.scatter_deg for one in groups), max(one.play_deg for one in groups)
    worth = sorted((one for one in gaps if one.saved_deg > WORTH_DEG), key=lambda one: -one.off_deg)
    another = tuple(round(one.zoom, 3) for one in worth)
    own = max(_off(_half(one), SIGMAS * one.share + FLOOR, aspect) for one in entries)
    bound = math.ceil(100 * (max(own, *(one.off_deg for one in gaps)) + max(2 * pointing, play))) / 100
    if bound > WORST_DEG:
        raise refusal(
            "too-wrong",
            en=f"the table would be off by {bound:.1f} degrees: measure more zooms{_listed(another)}, in larger steps",
            fr=f"table fausse de {bound:.1f} degrés : mesurer plus de zooms{_listed(another)}, à plus grands pas",
        )
    return Fit(entries, tuple(one.between_deg for one in gaps), pointing, play, bound, another)


def _listed(zooms: Sequence[float]) -> str:
    return f" ({', '.join(f'{one:g}' for one in zooms)})" if zooms else ""


def _by_zoom(readings: Sequence[Reading]) -> list[list[Reading]]:
    """Readings of one zoom together, zooms growing."""
    groups: list[list[Reading]] = []
    for one in sorted(readings, key=lambda reading: reading.zoom):
        if groups and one.zoom - groups[-1][0].zoom <= SAME_ZOOM:
            groups[-1].append(one)
        else:
            groups.append([one])
    return groups


# --- all zooms ---


def _check_falling(groups: Sequence[Vote]) -> None:
    """CalibrationError unless the view narrows from each zoom to the next, by more than may be chance."""
    sure = [SIGMAS * math.hypot(a.error, b.error) for a, b in pairwise(groups)]
    falls = [a.log_h - b.log_h for a, b in pairwise(groups)]
    if all(abs(fall) <= max(FLOOR, margin) for fall, margin in zip(falls, sure, strict=True)):
        raise refusal(
            "no-zoom",
            en="the zoom does nothing: the view is the same at all positions; check that the head obeys zoom orders",
            fr="le zoom n'agit pas : même champ à toutes les positions ; vérifier que la tête obéit aux ordres de zoom",
        )
    for (a, b), fall, margin in zip(pairwise(groups), falls, sure, strict=True):
        if fall < -max(FLOOR, margin):
            raise refusal(
                "not-falling",
                en=f"the view widens from zoom {a.zoom:.2f} to {b.zoom:.2f}; it must narrow: measure these two again, "
                "and check that zoom 0 is the wide end",
                fr=f"le champ s'élargit du zoom {a.zoom:.2f} à {b.zoom:.2f} ; il doit se resserrer : remesurer ces "
                "deux positions, et vérifier que le zoom 0 est le grand angle",
            )
        if fall <= max(FLOOR, margin):
            raise refusal(
                "no-zoom",
                en=f"the zoom does nothing between {a.zoom:.2f} and {b.zoom:.2f}: leave one of them out, "
                "or end the table there",
                fr=f"le zoom n'agit pas entre {a.zoom:.2f} et {b.zoom:.2f} : omettre l'une des deux, "
                "ou arrêter la table là",
            )


def _check_optical(groups: Sequence[Vote]) -> None:
    """CalibrationError where the view goes on to narrow as only digital zoom does."""
    narrow = 2 * math.degrees(math.atan(math.exp(groups[-1].log_h)))
    ratio = math.exp(groups[0].log_h - groups[-1].log_h)
    falls = [(a.log_h - b.log_h) / (b.zoom - a.zoom) for a, b in pairwise(groups)]
    since = next(
        (
            index
            for index in range(2, len(falls))
            if max(falls[:index]) < STEADY * min(falls[:index]) and falls[index] > SUDDEN * max(falls[:index])
        ),
        None,
    )
    if since is None and ratio <= LARGEST_RATIO and narrow >= NARROWEST_DEG:
        return
    last = groups[-2 if since is None else since].zoom
    raise refusal(
        "digital",
        en=f"digital zoom beyond {last:.2f}, it seems ({ratio:.0f} times, down to {narrow:.2f} degrees): switch it off "
        f"in the camera and measure again, or end the table at {last:.2f}; if it is glass, measure zooms in between",
        fr=f"zoom numérique au-delà de {last:.2f}, semble-t-il ({ratio:.0f} fois, jusqu'à {narrow:.2f} degrés) : le "
        f"désactiver dans la caméra et remesurer, ou arrêter la table à {last:.2f} ; s'il est optique, mesurer des "
        "zooms intermédiaires",
    )


def _entry(group: Vote) -> Entry:
    angle = 2 * math.atan(math.exp(group.log_h))
    error_deg = math.degrees(group.error * math.sin(angle))
    return Entry(group.zoom, math.degrees(angle), error_deg, group.error, group.kept, group.left_out)


def _bends(entries: Sequence[Entry]) -> list[float]:
    """The second derivative of ln hfov over zoom at each inner entry, from what it misses its neighbours' guess by."""
    bends = []
    for a, b, c in zip(entries, entries[1:], entries[2:], strict=False):
        share = (b.zoom - a.zoom) / (c.zoom - a.zoom)
        guess = (1 - share) * math.log(a.hfov_deg) + share * math.log(c.hfov_deg)
        bends.append(2 * abs(guess - math.log(b.hfov_deg)) / ((b.zoom - a.zoom) * (c.zoom - b.zoom)))
    return bends


def _beyond(bends: Sequence[float]) -> float:
    """The bend at the table's end, which nothing measures: it may go on growing as it grew."""
    growth = bends[0] / max(1e-9, bends[1]) if len(bends) > 1 else STEEPER
    return bends[0] * min(STEEPER, max(1.0, growth))


def _gaps(entries: Sequence[Entry], aspect: float) -> list[_Gap]:
    """What the agent's interpolation may be wrong by in each gap."""
    bends = _bends(entries)
    around = [max(pair) for pair in zip([_beyond(bends), *bends], [*bends, _beyond(bends[::-1])], strict=True)]
    gaps = []
    for (a, b), bend in zip(pairwise(entries), around, strict=True):
        angle = math.radians(a.hfov_deg)
        stretch = angle / math.sin(angle) if angle < 2.5 else 4.0  # of ln tan(hfov / 2) for each of ln hfov
        between = stretch * BEND_SAFETY * bend * (b.zoom - a.zoom) ** 2 / 8
        ends = SIGMAS * max(a.share, b.share) + FLOOR
        shares = ((ends, between), (0.0, between), (ends, between / 4))
        whole, alone, halved = (_worst(a, b, flat, curved, aspect) for flat, curved in shares)
        gaps.append(_Gap((a.zoom + b.zoom) / 2, whole, alone, whole - halved))
    return gaps


def _worst(a: Entry, b: Entry, ends: float, between: float, aspect: float) -> float:
    """Degrees by which a direction may be off somewhere in a gap: `ends` all along it, `between` in its middle."""
    wide, narrow = _half(a), _half(b)
    way = [step / 10 for step in range(11)]
    return max(_off(wide ** (1 - s) * narrow**s, ends + between * 4 * s * (1 - s), aspect) for s in way)


def _half(entry: Entry) -> float:
    return math.tan(math.radians(entry.hfov_deg) / 2)


def _off(half: float, share: float, aspect: float) -> float:
    """Degrees by which a direction in the corner is off when the view's size is off by `share`."""
    corner = min(1.0, half * math.hypot(1.0, 1 / aspect))
    return math.degrees(share * corner / (1 + corner * corner))
