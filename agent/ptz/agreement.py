"""The one motion of the view that most corners of a picture agree on. Pure.

    rays = Rays.of(corners, 160, 90, half)                  # of the reference, once for each field of view
    fit = vote(rays, found, moved_px, voters)               # None when they do not agree

Laws
- Every corner votes. Less than `AGREEMENT` of them, or none in whole quarters, is no motion at all; so is a motion that
  a tenth of the picture stands still against. What stands is looked for among those that agree, too: a lorry that sets
  off gently looks like a turn with some zoom for as long as it has moved by less than a pixel.
- Points are angles on the picture's own axis (tangents), so that a turn is told from a shift, and a roll from both.
"""

import cmath
import math
from dataclasses import dataclass
from typing import NamedTuple

import cv2
import numpy as np
from numpy.typing import NDArray

from agent.units import Plane

Floats = NDArray[np.float64]
Points = NDArray[np.float32]

LEAST_POINTS = 12
AGREEMENT = 0.6
STANDING = 0.1
STILL, STOOD = 0.2, 0.5
"""A corner stands that moved by less than the first share of what half the picture is said to have moved, and by less
than the second of what is said of itself: around a point that a zoom or a roll leaves in its place others hardly move
either, and are said to."""
LEAST_CLAIM_PX = 0.2
"""Where less than this is said of half the picture, nothing can be told to stand."""
NEAR_PX = 0.3
"""A corner agrees when it lies so close to where the motion takes it, or within three times the usual."""
LEAST_SLACK_PX = 0.03
TINY = 1e-9 * np.eye(4)
ASIDE = np.array([[-1.0], [1.0]])
"""A roll takes what lies below to the left, and what lies to the right down."""
AHEAD = np.array([[[-1.0], [0.0]], [[0.0], [1.0]]])
"""How the axis itself moves by a yaw right and a pitch up: left and down."""


class Move(NamedTuple):
    """A motion of the view: yaw right, pitch up and roll in radians, zoom in as a logarithm."""

    yaw: float
    pitch: float
    roll: float
    zoom: float

    def scaled(self, times: float) -> "Move":
        """The same in angles of another field of view."""
        return Move(self.yaw * times, self.pitch * times, self.roll, self.zoom)

    def less(self, other: "Move") -> "Move":
        """Its difference from `other`."""
        return Move(self.yaw - other.yaw, self.pitch - other.pitch, self.roll - other.roll, self.zoom - other.zoom)


NONE = Move(0.0, 0.0, 0.0, 0.0)


@dataclass(frozen=True, slots=True)
class Fit:
    """A motion from a reference; what may be wrong.

    `still`: a part of the picture stands, though it agrees within its error.
    """

    motion: Move
    quality: float
    error: float
    error_zoom: float
    shift_px: float
    still: bool
    agree: NDArray[np.intp]


@dataclass(frozen=True, slots=True)
class Rays:
    """A reference's corners under one field of view: (2, n) tangents right and down, and how they move (`_basis`).

    `half`: the tangent of half the view. `quarter`: (n,) which of the picture's four quarters each lies in. `reach`:
    (n,) how far from the middle, across or down.
    """

    half: float
    focal: float
    rays: Floats
    basis: Floats
    quarter: Plane
    reach: Floats

    @classmethod
    def of(cls, corners: Points, width: int, height: int, half: float) -> "Rays":
        """Of corners in pixels, in a picture of that size."""
        focal = width / 2 / half
        rays = (corners.T - np.array([[(width - 1) / 2], [(height - 1) / 2]])) / focal
        right, low = rays > 0
        return cls(half, focal, rays, _basis(rays), right + np.uint8(2) * low, _larger(rays))

    def shifts(self, move: Move) -> Points:
        """(n, 2) pixels by which `move` takes the corners."""
        shifts = np.array([one * self.focal for one in move]) @ self.basis
        return shifts.astype(np.float32).reshape(2, -1).T


def between(before: Move, after: Move) -> complex:
    """How far the second motion's axis lies to the right and (imaginary) down of the first's, in angles of the second.

    Both are from the same reference, seen from the middle of the way: where the picture was zoomed or rolled since, as
    steeply down each turn rolls it, the one less the other is no motion.
    """
    (axis_before, scale_before), (axis_after, scale_after) = _halfway(before), _halfway(after)
    grown = scale_after / scale_before
    return (axis_after - axis_before) * scale_before * cmath.sqrt(grown / abs(grown)) * abs(grown)


def _halfway(move: Move) -> tuple[complex, complex]:
    """Where the axis lies, seen from the middle of the way; by how much all grew and rolled on the whole of it."""
    half_turn = complex(move.zoom, move.roll) / 2
    return complex(move.yaw, -move.pitch) / (1 + half_turn), (1 + half_turn) / (1 - half_turn)


def _basis(rays: Floats) -> Floats:
    """(4, 2 n) how points move, all across and then all down, for each radian of yaw right, pitch up and roll, and
    each unit of zoom in; `rays`: (2, n).
    """
    basis = np.empty((4, *rays.shape))
    turns = basis[:2]
    np.multiply((rays * ASIDE)[:, None], rays, out=turns)
    turns += AHEAD
    np.multiply(rays[::-1], ASIDE, out=basis[2])
    basis[3] = rays
    return basis.reshape(4, -1)


def _larger(apart: Floats) -> Floats:
    """(n,): of each the larger part, across or down; `apart`: (2, n)."""
    across, down = np.abs(apart)
    return np.asarray(np.maximum(across, down))


def _median(values: Floats) -> float:
    """The median, several times faster than numpy's own for few values."""
    ordered = values.copy()
    ordered.sort()
    count = len(ordered)
    return float(ordered[(count - 1) // 2] + ordered[count // 2]) / 2


def _solve(basis: Floats, moved: Floats, agree: NDArray[np.bool_]) -> Floats | None:
    """The motion that fits best where `agree`, (n,), says so; None where that tells none."""
    agreeing = np.count_nonzero(agree)
    if agreeing < LEAST_POINTS:
        return None
    counted = basis if agreeing == len(agree) else (basis.reshape(4, 2, -1) * agree).reshape(4, -1)
    solved, motion = cv2.solve(counted @ basis.T + TINY, (counted @ moved.ravel())[:, None], flags=cv2.DECOMP_CHOLESKY)
    return np.asarray(motion, np.float64).ravel() if solved else None


def vote(seen: Rays, good: NDArray[np.intp], moved: Floats, voters: int) -> Fit | None:
    """The one motion that enough corners of all quarters agree on, with its error.

    `good`: (n,) which of the corners were found again; `moved`: (2, n) pixels by which they moved.
    """
    focal = seen.focal
    # at the middle of the way it is right to the second order
    agreed = _agreed(_basis(seen.rays.take(good, axis=1) + moved * (0.5 / focal)), moved)
    if agreed is None:
        return None
    motion, agree, error_px, said = agreed
    where, agreed_px = good[agree], error_px[agree]
    agreeing, standing = len(where), STANDING * voters
    if agreeing < max(LEAST_POINTS, AGREEMENT * voters) or not _everywhere(seen.quarter, good, where):
        return None
    # where fewer than may stand do not agree, none need be looked at
    if len(good) - agreeing > standing and np.count_nonzero((_larger(moved) < NEAR_PX) & ~agree) > standing:
        return None
    deviation = math.sqrt(float(agreed_px @ agreed_px) / agreeing)
    error = max(LEAST_SLACK_PX, 4 * deviation / math.sqrt(agreeing)) / focal  # neighbours err together
    reach = max(0.1, *seen.reach.take(where).tolist())
    yaw_px, pitch_px, roll_px, zoom_px = motion.tolist()
    return Fit(
        Move(yaw_px / focal, pitch_px / focal, roll_px / focal, zoom_px / focal),
        agreeing / voters,
        error,
        2 * error / reach,
        math.hypot(yaw_px, pitch_px),
        _stood(moved, _larger(said)) > standing,
        where,
    )


def _stood(moved: Floats, said_px: Floats) -> int:
    """How many corners stand still against what is `said_px`, (n,) of each, and of half the picture."""
    claimed_px = _median(said_px)
    if claimed_px <= LEAST_CLAIM_PX:
        return 0
    moved_px = _larger(moved)
    # in the middle of a zoom nothing moves
    return int(np.count_nonzero((moved_px < STILL * claimed_px) & (moved_px < STOOD * said_px)))


def _agreed(basis: Floats, moved: Floats) -> tuple[Floats, NDArray[np.bool_], Floats, Floats] | None:
    """The motion, (4,) in pixels, that most of `moved`, (2, n), agree on; which of them, how far each is off, and
    (2, n) what the motion says of each.
    """
    agree = _together(moved)
    found = _found(basis, moved, agree)
    if found is None:
        return None
    motion, said, error_px, usual_px = found
    closer = error_px < max(1.5, min(usual_px, 3.0))
    if closer.tobytes() != agree.tobytes():  # the same would give the same
        found = _found(basis, moved, closer)
        if found is None:
            return None
        motion, said, error_px, usual_px = found
    return motion, error_px < max(NEAR_PX, min(usual_px, 2 * NEAR_PX)), error_px, said


def _found(basis: Floats, moved: Floats, agree: NDArray[np.bool_]) -> tuple[Floats, Floats, Floats, float] | None:
    """The motion that fits those that `agree`, what it says of each corner, how far each is off, and three times the
    usual of that.
    """
    motion = _solve(basis, moved, agree)
    if motion is None:
        return None
    said = (motion @ basis).reshape(2, -1)
    error_px = _larger(moved - said)
    return motion, said, error_px, 3 * _median(error_px)


def _together(moved: Floats) -> NDArray[np.bool_]:
    """(n,): which of `moved`, (2, n), lie by less than 4 pixels, or not much farther than usual, from their middle."""
    count = moved.shape[1]
    ordered = moved.copy()
    ordered.sort()
    if max((ordered[:, -1] - ordered[:, 0]).tolist()) < 4:  # then all do
        return np.ones(count, np.bool_)
    off = np.abs(moved - (ordered[:, (count - 1) // 2, None] + ordered[:, count // 2, None]) / 2)
    return np.asarray(np.maximum(*off) < 4 + 3 * _median(off.ravel()))


def _everywhere(quarter: Plane, good: NDArray[np.intp], where: NDArray[np.intp]) -> bool:
    """True when the agreement is not one thing in one corner: every quarter that can vote does, two at the least.

    `quarter`: (n,) each corner's; `good`: those that can; `where`: those that agree.
    """
    voters, voting = quarter.take(good).tobytes(), quarter.take(where).tobytes()
    able = 0
    for one in range(4):
        if voters.count(one) >= 3:
            able += 1
            if 3 * voting.count(one) < voters.count(one):
                return False
    return able >= 2
