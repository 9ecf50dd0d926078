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


class Move(NamedTuple):
    """A motion of the view: yaw right, pitch up and roll in radians, zoom in as a logarithm."""

    yaw: float
    pitch: float
    roll: float
    zoom: float

    def scaled(self, times: float) -> "Move":
        """The same in angles of another field of view."""
        return self._replace(yaw=self.yaw * times, pitch=self.pitch * times)


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

    `quarter`: (n,) which of the picture's four quarters each lies in. `half`: the tangent of half the view.
    """

    half: float
    focal: float
    rays: Floats
    basis: Floats
    quarter: NDArray[np.intp]

    @classmethod
    def of(cls, corners: Points, width: int, height: int, half: float) -> "Rays":
        """Of corners in pixels, in a picture of that size."""
        focal = width / 2 / half
        rays = (corners.T - np.array([[(width - 1) / 2], [(height - 1) / 2]])) / focal
        right, low = rays > 0
        return cls(half, focal, rays, _basis(rays), right + 2 * low)


def between(before: Move, after: Move) -> complex:
    """How far the second motion's axis lies to the right and (imaginary) down of the first's, in angles of the second.

    Both are from the same reference, seen from the middle of the way: where the picture was zoomed or rolled since, as
    steeply down each turn rolls it, the one less the other is no motion.
    """
    half_turn = [complex(one.zoom, one.roll) / 2 for one in (before, after)]
    axes = [complex(one.yaw, -one.pitch) / (1 + turn) for one, turn in zip((before, after), half_turn, strict=True)]
    scale_before, scale_after = ((1 + turn) / (1 - turn) for turn in half_turn)
    grown = scale_after / scale_before
    return (axes[1] - axes[0]) * scale_before * cmath.sqrt(grown / abs(grown)) * abs(grown)


def _basis(rays: Floats) -> Floats:
    """(4, 2 n) how points move, all across and then all down, for each radian of yaw right, pitch up and roll, and
    each unit of zoom in; `rays`: (2, n).
    """
    x, y = rays
    basis = np.empty((4, *rays.shape))
    yaw, pitch, roll, zoom = basis
    np.multiply(rays, -x, out=yaw)
    yaw[0] -= 1.0
    np.multiply(rays, y, out=pitch)
    pitch[1] += 1.0
    np.negative(y, out=roll[0])
    roll[1] = x
    zoom[:] = rays
    return basis.reshape(4, -1)


def _median(values: Floats) -> float:
    """The median, several times faster than numpy's own for few values."""
    ordered = np.sort(values)
    count = len(ordered)
    return float(ordered[(count - 1) // 2] + ordered[count // 2]) / 2


def _solve(basis: Floats, moved: Floats, agree: NDArray[np.bool_]) -> Floats | None:
    """The motion that fits best where `agree`, (n,), says so; None where that tells none."""
    counted = (basis.reshape(4, 2, -1) * agree).reshape(4, -1)
    solved, motion = cv2.solve(counted @ basis.T + TINY, (counted @ moved)[:, None], flags=cv2.DECOMP_CHOLESKY)
    return np.asarray(motion, np.float64).ravel() if solved else None


def vote(seen: Rays, good: NDArray[np.intp], moved: Floats, voters: int) -> Fit | None:
    """The one motion that enough corners of all quarters agree on, with its error.

    `good`: (n,) which of the corners were found again; `moved`: (2, n) pixels by which they moved.
    """
    focal = seen.focal
    rays = seen.rays.take(good, axis=1)
    basis = _basis(rays + moved * (0.5 / focal))  # at the middle of the way it is right to the second order
    agreed = _agreed(basis, moved)
    if agreed is None:
        return None
    motion, agree, error_px = agreed
    agreeing = int(np.count_nonzero(agree))
    if agreeing < max(LEAST_POINTS, AGREEMENT * voters):
        return None
    moved_px = np.maximum(*np.abs(moved))
    standing = (moved_px < NEAR_PX) & ~agree
    if np.count_nonzero(standing) > STANDING * voters or not _everywhere(seen.quarter.take(good), agree):
        return None
    agreed_px = error_px[agree]
    deviation = math.sqrt(float(agreed_px @ agreed_px) / agreeing)
    error = max(LEAST_SLACK_PX, 4 * deviation / math.sqrt(agreeing)) / focal  # neighbours err together
    reach = max(0.1, float(np.abs(rays[:, agree]).max()))
    each_px = np.maximum(*np.abs((motion @ basis).reshape(2, -1)))  # what the motion says of each corner
    claimed_px = _median(each_px)
    stood = (moved_px < STILL * claimed_px) & (moved_px < STOOD * each_px)  # in the middle of a zoom nothing moves
    still = claimed_px > LEAST_CLAIM_PX and np.count_nonzero(stood) > STANDING * voters
    move, shift_px = Move(*(motion / focal).tolist()), math.hypot(motion[0], motion[1])
    return Fit(move, agreeing / voters, error, 2 * error / reach, shift_px, bool(still), good[agree])


def _agreed(basis: Floats, moved: Floats) -> tuple[Floats, NDArray[np.bool_], Floats] | None:
    """The motion, (4,) in pixels, that most of `moved`, (2, n), agree on; which of them, and how far each is off."""
    count = moved.shape[1]
    ordered = np.sort(moved, axis=1)
    off = np.abs(moved - (ordered[:, (count - 1) // 2, None] + ordered[:, count // 2, None]) / 2)
    agree = np.maximum(*off) < 4 + 3 * _median(off.ravel())
    counted, motion, error_px = None, np.zeros(4), np.zeros(count)
    for near_px in (1.5, NEAR_PX):
        if counted is None or not np.array_equal(agree, counted):  # the same would give the same
            solved = _solve(basis, moved.ravel(), agree) if np.count_nonzero(agree) >= LEAST_POINTS else None
            if solved is None:
                return None
            counted, motion = agree, solved
            error_px = np.maximum(*np.abs(moved - (motion @ basis).reshape(2, -1)))
        agree = error_px < max(near_px, min(3 * _median(error_px), 2 * near_px))
    return motion, agree, error_px


def _everywhere(quarter: NDArray[np.intp], agree: NDArray[np.bool_]) -> bool:
    """True when the agreement is not one thing in one corner: every quarter that can vote does, two at the least."""
    voters = np.bincount(quarter, minlength=4).tolist()
    voting = np.bincount(quarter[agree], minlength=4).tolist()
    able = [(all_, some) for all_, some in zip(voters, voting, strict=True) if all_ >= 3]
    return len(able) >= 2 and all(3 * some >= all_ for all_, some in able)
