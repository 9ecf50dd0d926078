"""By how much a picture's edges lie beside a reference's: shift, zoom and roll. Decides; touches nothing.

    fit = match(reference.edges, reference.seen, sight)
    fit.support, fit.far_px                     # regions that agree, and how far the farthest corner is off

Each of 24 regions is laid over the picture in all places up to `REACH` away (normalised correlation). One motion is
then fitted to all regions, each weighted by how sharply it knows its own place, so that a kerb speaks only across
itself, and those that disagree with the rest (a lorry, a crowd, snow) lose their voice. It is done twice, from "nothing
moved" and from the place where all regions together fit best; the one that more of them agree on counts.

Lengths are in small pixels across: 160 make the picture's width.
"""

from dataclasses import dataclass, replace

import cv2
import numpy as np
from numpy.typing import NDArray

from agent.aim.edges import BORDERS, COLUMNS, ROWS, Area, Edges, Look

Floats = NDArray[np.float64]

REACH = 8
TEXTURE = 0.03
"""Mean square of a region's edges below which it has nothing to be found by."""
LEAST_ENERGY = 0.05
AGREES, FIRM = 0.3, 0.45
"""Correlation of a region that is found again, and of one that is so beyond doubt, also alone."""
NEAR_PX = 1.0
LOOSE = (2.5, 1.5, 0.7)
"""How far off a region may lie, in each round, before its voice is halved twice."""
STIFF = np.diag((1e-3, 1e-3, 1.0, 1.0))
"""Nothing is believed to zoom or roll without need."""

CENTRES = np.array([((c.start + c.stop - COLUMNS) / 2, (r.start + r.stop - ROWS) / 2) for r, c in BORDERS])


@dataclass(frozen=True, slots=True)
class Offset:
    """A motion of the picture: right and down in small pixels, zoom as a share, roll in radians clockwise."""

    x: float = 0.0
    y: float = 0.0
    zoom: float = 0.0
    roll: float = 0.0

    def plus(self, other: "Offset") -> "Offset":
        """One after the other; for small ones."""
        return Offset(self.x + other.x, self.y + other.y, self.zoom + other.zoom, self.roll + other.roll)

    def far_px(self, aspect: float) -> float:
        """How far the picture's farthest corner moves; `aspect` as in `Look`."""
        right, bottom = COLUMNS / 2, ROWS / 2 * aspect
        return max(
            float(np.hypot(self.x + self.zoom * x - self.roll * y, self.y + self.zoom * y + self.roll * x))
            for x in (-right, right)
            for y in (-bottom, bottom)
        )


@dataclass(frozen=True, slots=True)
class Fit:
    """What was found: `support` of `regions` agree on `offset`; `score` is their mean correlation there.

    `firm`: the numbers of those that are found there without doubt.
    """

    offset: Offset
    far_px: float
    support: int
    regions: int
    score: float
    firm: frozenset[int] = frozenset()


def match(edges: Edges, seen: Area, sight: Look) -> Fit:
    """The best fit of `sight` to reference edges; only what both of them see is compared."""
    both = (seen & sight.seen).astype(np.float32)
    surfaces, known = _surfaces(edges * both, sight.edges * both)
    if not known.any():
        return Fit(Offset(), 0.0, 0, 0, 0.0)
    surfaces, centres = surfaces[known], CENTRES[known]
    basis = _basis(centres, sight.aspect)
    row, column = np.unravel_index(int(surfaces.mean(axis=0).argmax()), surfaces.shape[1:])
    found = _refine(surfaces, basis, np.zeros(4), sight.aspect)
    if abs(column - REACH) > 1 or abs(row - REACH) > 1:
        start = np.array([column - REACH, (row - REACH) * sight.aspect, 0.0, 0.0])
        other = _refine(surfaces, basis, start, sight.aspect)
        if (other.support, other.score) > (found.support, found.score):
            found = other
    numbers = np.flatnonzero(known)
    return replace(found, firm=frozenset(int(numbers[one]) for one in found.firm))


def _surfaces(reference: Edges, live: Edges) -> tuple[Floats, NDArray[np.bool_]]:
    """(24, 17, 17) correlations of each region with each place around it, and which regions have texture."""
    side = 2 * REACH + 1
    padded = cv2.copyMakeBorder(live, REACH, REACH, REACH, REACH, cv2.BORDER_CONSTANT, value=0)
    sums = cv2.integral(padded * padded, sdepth=cv2.CV_64F)
    surfaces, known = np.zeros((len(BORDERS), side, side)), np.zeros(len(BORDERS), bool)
    for number, (rows, columns) in enumerate(BORDERS):
        part = reference[rows, columns]
        energy = float(np.square(part).mean())
        if energy < TEXTURE:
            continue
        known[number] = True
        height, width = part.shape
        window = padded[rows.start : rows.stop + 2 * REACH, columns.start : columns.stop + 2 * REACH]
        found = cv2.matchTemplate(window, np.ascontiguousarray(part), cv2.TM_CCORR)
        box = sums[rows.start : rows.start + height + side, columns.start : columns.start + width + side]
        inside = box[height:, width:] - box[:-height, width:] - box[height:, :-width] + box[:-height, :-width]
        floor = LEAST_ENERGY * part.size
        surfaces[number] = found / np.sqrt(max(energy * part.size, floor) * np.maximum(inside, floor))
    return surfaces, known


def _basis(centres: Floats, aspect: float) -> Floats:
    """(n, 2, 4): how far a region's middle moves, in samples, for each unit of an offset."""
    x, y = centres[:, 0], centres[:, 1] * aspect
    one, none = np.ones_like(x), np.zeros_like(x)
    across = np.stack([one, none, x, -y], axis=1)
    down = np.stack([none, one, y, x], axis=1) / aspect
    return np.stack([across, down], axis=1)


def _places(surfaces: Floats, expected: Floats) -> tuple[Floats, Floats, Floats]:
    """Each region's best place within two of where it is expected: (n, 2) to a fraction, its (n, 2, 2) sharpness, its
    correlation.
    """
    count = np.arange(len(surfaces))
    middle = np.clip(np.round(expected), -REACH + 3, REACH - 3).astype(int) + REACH
    steps = np.arange(-2, 3)
    near = surfaces[count[:, None, None], (middle[:, 1:] + steps)[:, :, None], (middle[:, :1] + steps)[:, None, :]]
    best = near.reshape(len(surfaces), -1).argmax(axis=1)
    row, column = middle[:, 1] + best // 5 - 2, middle[:, 0] + best % 5 - 2
    steps = np.arange(-1, 2)
    n = surfaces[count[:, None, None], (row[:, None] + steps)[:, :, None], (column[:, None] + steps)[:, None, :]]
    slope = np.stack([(n[:, 1, 2] - n[:, 1, 0]) / 2, (n[:, 2, 1] - n[:, 0, 1]) / 2], axis=1)
    across = 2 * n[:, 1, 1] - n[:, 1, 0] - n[:, 1, 2]
    down = 2 * n[:, 1, 1] - n[:, 0, 1] - n[:, 2, 1]
    mixed = -(n[:, 2, 2] + n[:, 0, 0] - n[:, 0, 2] - n[:, 2, 0]) / 4
    bend = np.stack([np.stack([across, mixed], axis=1), np.stack([mixed, down], axis=1)], axis=1)
    values, ways = np.linalg.eigh(bend)
    values = np.maximum(values, 0.0)
    along = np.einsum("nji,nj->ni", ways, slope) * np.where(values > 0.01, 1 / np.maximum(values, 0.01), 0.0)
    place = np.stack([column - REACH, row - REACH], axis=1) + np.einsum("nij,nj->ni", ways, np.clip(along, -1, 1))
    sharp = np.einsum("nij,nj,nkj->nik", ways, values, ways)
    return place, sharp, n[:, 1, 1]


def _refine(surfaces: Floats, basis: Floats, start: Floats, aspect: float) -> Fit:
    """One motion for all regions, from a first guess, by weighted least squares whose outliers lose their weight."""
    motion = start
    for loose in LOOSE:
        place, sharp, value = _places(surfaces, basis @ motion)
        beside = np.square(place - basis @ motion).sum(axis=1)
        weight = np.maximum(0.0, value - 0.2) / np.square(1 + beside / loose**2)
        information = sharp * weight[:, None, None]
        left = np.einsum("nki,nkl,nlj->ij", basis, information, basis) + STIFF
        right = np.einsum("nki,nkl,nl->i", basis, information, place)
        motion = np.linalg.solve(left, right)
    place, _, value = _places(surfaces, basis @ motion)
    near = np.sqrt(np.square(place - basis @ motion).sum(axis=1)) < NEAR_PX
    offset = Offset(*(float(one) for one in motion))
    score = float(np.where(near, value, 0.0).mean())
    firm = frozenset(int(one) for one in np.flatnonzero(near & (value > FIRM)))
    return Fit(offset, offset.far_px(aspect), int((near & (value > AGREES)).sum()), len(surfaces), score, firm)
