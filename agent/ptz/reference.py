"""A small picture that others are laid against: its corners, where they are again, and where it is like itself. Pure.

    reference = Reference(small)
    fit = reference.fit(other, guess, half, fast=False)     # the motion to another picture; None without agreement
    reference.resembles(which, fit)                         # whether `fit` may be off by that of `lags`

A motion is told from where corners are found again. Where the scene repeats itself they are found as well a whole
repeat aside. That cannot be seen in the motion; it is seen in the reference, whose corners find themselves again there.
"""

from functools import cached_property

import cv2
import numpy as np
from numpy.typing import NDArray

from agent.ptz.agreement import LEAST_POINTS, Fit, Floats, Move, Points, Rays, vote
from agent.ptz.repeats import LEAST_ALIKE, agreeing, likenesses
from agent.units import Plane

LEAST_ROWS = 16
"""A smaller picture is none."""
BLOCKS = (10, 6)
"""Across and down: each gives its best corner."""
WINDOW = (11, 11)
TEXTURE = 4e-4
"""Least eigenvalue of a corner worth following (of luma in 0..1)."""
ALIKE = 0.5
"""Of the corners that agree on a motion: so many that find themselves again a lag aside speak for that one as well."""
FLAGS = cv2.OPTFLOW_USE_INITIAL_FLOW | cv2.OPTFLOW_LK_GET_MIN_EIGENVALS
"""By the second it is not reckoned how well the surroundings match, which nobody asks."""
CRITERIA = (cv2.TERM_CRITERIA_COUNT | cv2.TERM_CRITERIA_EPS, 8, 0.02)

Found = tuple[NDArray[np.intp], Floats, int]
"""Which corners were found, (n,), by how many pixels they moved, (2, n), and how many could vote."""
Corners = NDArray[np.bool_]
"""(n,): of a reference's corners, some."""


class Reference:
    """A small picture and its corners, (n, 2) in pixels."""

    def __init__(self, small: Plane) -> None:
        self.small = small
        self.corners = corners(small)
        self._rays: Rays | None = None
        self._alike: dict[int, tuple[Plane, Corners]] = {}

    @cached_property
    def lags(self) -> Points:
        """(n, 2) pixels by which it may look like itself."""
        return likenesses(self.small)

    def rays(self, half: float) -> Rays:
        """Its corners under the field of view of that half tangent."""
        if self._rays is None or self._rays.half != half:
            height, width = self.small.shape
            self._rays = Rays.of(self.corners, width, height, half)
        return self._rays

    def fit(self, small: Plane, guess: Move, half: float, *, fast: bool) -> Fit | None:
        """The motion from here to `small`, or None when the corners do not agree on one.

        `fast`: it may be far from `guess`.
        """
        if len(self.corners) < LEAST_POINTS:
            return None
        seen = self.rays(half)
        good, moved, voters = self._find(small, seen.shifts(guess), 2 if fast else 1)
        return vote(seen, good, moved, voters) if len(good) >= LEAST_POINTS else None

    def _find(self, small: Plane, shifts: Points, levels: int) -> Found:
        """The corners in `small`; `shifts`, (n, 2): how far about they moved, the less is known the more `levels`."""
        start = self.corners
        ends, found, _ = cv2.calcOpticalFlowPyrLK(
            self.small,
            small,
            start,
            start + shifts,
            winSize=WINDOW,
            maxLevel=levels,
            criteria=CRITERIA,
            flags=FLAGS,
            minEigThreshold=1e-4,
        )
        inside = self._inside(np.asarray(ends, np.float32))
        good = (inside & np.asarray(found, np.uint8)[:, 0]).nonzero()[0]
        moved = (ends - start).take(good, axis=0).T.astype(np.float64, order="C")
        return good, moved, int(np.count_nonzero(inside))

    def _inside(self, points: Points) -> Plane:
        """(n,): not 0 where those of (n, 2) have their surroundings in a picture of this size, too."""
        height, width = self.small.shape
        return np.asarray(cv2.inRange(points[None], (2, 2), (width - 2, height - 2))[0], np.uint8)

    def resembles(self, which: int, fit: Fit) -> bool:
        """Whether half of what agrees on `fit` finds itself again by that of `lags`: it may be off by as much."""
        if which not in self._alike:
            lag = self.lags[which]
            good, moved, _ = self._find(self.small, np.broadcast_to(lag, self.corners.shape), 1)
            again = agreeing(lag, good, moved, len(self.corners))
            self._alike[which] = self._inside(self.corners + lag), again
        inside, again = self._alike[which]
        least = max(LEAST_ALIKE, ALIKE * np.count_nonzero(inside[fit.agree]))
        return bool(np.count_nonzero(again[fit.agree]) >= least)


def corners(small: Plane) -> Points:
    """(n, 2) the best corner of each block that has one worth following."""
    if min(small.shape) < LEAST_ROWS:
        return np.zeros((0, 2), np.float32)
    strength = cv2.cornerMinEigenVal(small, 5)
    across, down = BLOCKS
    height, width = small.shape
    rows, columns = height // down, width // across
    blocks = strength[: rows * down, : columns * across].reshape(down, rows, across, columns).transpose(0, 2, 1, 3)
    flat = blocks.reshape(down * across, rows * columns)
    best = flat.argmax(axis=1)
    block = np.arange(down * across)
    x = block % across * columns + best % columns
    y = block // across * rows + best // columns
    good = flat[block, best] > TEXTURE
    found: Points = np.stack([x, y], axis=1)[good].astype(np.float32)
    return found
