"""A mosaic that is anchored to a place in the world: it can be panned over and zoomed into and shows no more.

What a cell may tell, and why that is all that an onlooker ever gets:
- The grid lies in the plane that touches the sphere at the mask's centre, 12 cells across the longer side. It does not
  depend on pan, tilt or zoom, so a picture from any of them asks for the same averages over the same parts of the
  world: at most 144 numbers a plane, however many pictures are added up. (A grid that is fixed to the picture gives
  other averages with every pan; a thousand of them are a thousand equations for the same window.)
- Coarser grids, for small pictures of the mask, have unions of these cells for theirs: their averages follow from the
  finer ones and add nothing.
- A cell that is only partly in the picture would be averaged over the visible part, and the picture's edge would scan
  it row by row; so it has one fixed colour until it is in the picture as a whole, below the strip with the name.
- A pose that is off moves the cell over the world by as much. So a cell takes its colour only while the set of poses
  moves it by less than a quarter of a cell; what can then be gained is a mean over three quarters of a cell or more.
- The means are taken over the whole cell (the picture is first shrunk by areas), then rounded to 16 levels a plane.
- Cells are never smaller than 1/45 of the picture's width, as in the other mosaic.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

from agent.directions import Vectors
from agent.masking.mosaic import CHROMA_LEVELS, LUMA_LEVELS, MOST_CELLS, SMALLEST_CELL, SOLID
from agent.masking.planes import Picture
from agent.masking.sphere import Tangent
from agent.units import Plane

UNIONS = (1, 2, 4, 12)
"""Cells of the finest grid along each side of a cell of the coarser ones: 12, 6, 3 and 1 across."""
LARGEST_DOUBT = 0.25
"""Of a cell: how far the set of poses may move it."""
SAMPLES = 8
"""Along each side of a cell, from a picture in which a cell has at least so many."""


@dataclass(frozen=True, slots=True)
class Grid:
    """The finest grid: `columns` x `rows` square cells of `cell` tangents, its upper left corner at (`left`, `top`)."""

    axes: Vectors
    left: float
    top: float
    cell: float
    columns: int
    rows: int

    @classmethod
    def over(cls, tangent: Tangent) -> "Grid":
        """The grid of a mask: as few cells as hold it, centred on it."""
        across, down = tangent.right - tangent.left, tangent.top - tangent.bottom
        cell = max(across, down) / MOST_CELLS
        columns, rows = (min(MOST_CELLS, max(1, math.ceil(side / cell - 1e-9))) for side in (across, down))
        left = (tangent.left + tangent.right - columns * cell) / 2
        top = (tangent.top + tangent.bottom + rows * cell) / 2
        return cls(tangent.axes, left, top, cell, columns, rows)

    def to_world(self) -> Vectors:
        """(3, 3): (column, row, 1) -> a world direction of any length."""
        plane = np.array([[self.cell, 0.0, self.left], [0.0, -self.cell, self.top], [0.0, 0.0, 1.0]])
        return np.asarray(self.axes.T @ plane)

    def bounds(self, union: int) -> tuple[NDArray[np.intp], NDArray[np.intp]]:
        """(column, row) borders of the cells of a coarser grid; the last cell takes what is left over."""

        def borders(count: int) -> NDArray[np.intp]:
            return np.append(np.arange(max(1, count // union)) * union, count)

        return borders(self.columns), borders(self.rows)


@dataclass(frozen=True, slots=True)
class Sampling:
    """How the cells of one mask are read in one view: a box of the picture, shrunk, then warped into the grid."""

    box: tuple[int, int, int, int]
    shrink: int
    from_samples: Vectors

    def read(self, plane: Plane, halving: int, columns: int, rows: int) -> Plane:
        """(rows, columns) means in a plane that is `halving` times smaller than luma."""
        left, top, right, bottom = (one // halving for one in self.box)
        shrink = max(1, self.shrink // halving)
        small = plane[top:bottom, left:right]
        if shrink > 1:
            size = ((right - left) // shrink, (bottom - top) // shrink)
            small = np.asarray(cv2.resize(small, size, interpolation=cv2.INTER_AREA), np.uint8)
        factor = 1 / (halving * shrink)
        # luma pixels -> samples of the shrunk box, whose middles are at whole numbers
        to_small = np.array(
            [[factor, 0, -left / shrink - 0.5], [0, factor, -top / shrink - 0.5], [0, 0, 1]],
        )
        samples = cv2.warpPerspective(
            small,
            to_small @ self.from_samples,
            (columns * SAMPLES, rows * SAMPLES),
            flags=cv2.INTER_LINEAR | cv2.WARP_INVERSE_MAP,
            borderMode=cv2.BORDER_REPLICATE,
        )
        means = np.asarray(cv2.resize(samples, (columns, rows), interpolation=cv2.INTER_AREA), np.uint8)
        return means.reshape(rows, columns)


@dataclass(frozen=True, slots=True)
class Cells:
    """What a mask shows in one view: which cells have their own colour, on which grid, and how they are read.

    `shown`: (rows, columns) of the finest grid. `sampling` is None when none has a colour of its own.
    """

    grid: Grid
    union: int
    shown: NDArray[np.bool_]
    sampling: Sampling | None

    def colours(self, picture: Picture) -> tuple[Plane, Plane, Plane]:
        """One table of 256 colours a plane, by number of the finest cell."""
        tables = tuple(np.full(256, colour, np.uint8) for colour in SOLID)
        if self.sampling is not None:
            planes = ((picture.y, 1, LUMA_LEVELS), (picture.u, 2, CHROMA_LEVELS), (picture.v, 2, CHROMA_LEVELS))
            for table, (plane, halving, levels) in zip(tables, planes, strict=True):
                means = self.sampling.read(plane, halving, self.grid.columns, self.grid.rows)
                cells = levels[self._united(means)]
                table[: cells.size][self.shown.ravel()] = cells[self.shown]
        return tables[0], tables[1], tables[2]

    def _united(self, means: Plane) -> Plane:
        if self.union == 1:
            return means
        columns, rows = self.grid.bounds(self.union)
        sums = np.add.reduceat(np.add.reduceat(means.astype(np.int32), rows[:-1], axis=0), columns[:-1], axis=1)
        counts = np.outer(np.diff(rows), np.diff(columns))
        united = (sums // counts).astype(np.uint8)
        return np.repeat(np.repeat(united, np.diff(rows), axis=0), np.diff(columns), axis=1)


def _corners(grid: Grid, to_picture: Vectors) -> NDArray[np.float64]:
    """(rows + 1, columns + 1, 2): the cells' corners in pixels, nan for those that are not before the camera."""
    column, row = np.meshgrid(np.arange(grid.columns + 1), np.arange(grid.rows + 1))
    placed = np.stack([column, row, np.ones_like(row)], axis=-1) @ to_picture.T
    depth = np.where(placed[..., 2:] > 1e-3, placed[..., 2:], np.nan)
    return np.asarray(placed[..., :2] / depth)


def _quads(corners: NDArray[np.float64], columns: Sequence[int], rows: Sequence[int]) -> NDArray[np.float64]:
    """(rows, columns, 4, 2): each cell's corners, in order."""
    at = corners[np.ix_(rows, columns)]
    return np.stack([at[:-1, :-1], at[:-1, 1:], at[1:, 1:], at[1:, :-1]], axis=2)


def cells_in_view(grid: Grid, from_world: Vectors, size: tuple[int, int], strip: int, doubt_px: float) -> Cells:
    """Which cells have a colour in a view.

    `from_world`: (3, 3) direction -> (x, y, 1) times depth. `size`: the picture's (width, height), `strip` of its rows
    are under the name. `doubt_px`: how far the set of poses may move a point of the picture.
    """
    width, height = size
    to_picture = from_world @ grid.to_world()
    corners = _corners(grid, to_picture)
    nothing = np.zeros((grid.rows, grid.columns), bool)
    for union in UNIONS:
        columns, rows = grid.bounds(union)
        quads = _quads(corners, columns.tolist(), rows.tolist())
        x, y = quads[..., 0], quads[..., 1]
        inside = ((x >= 0) & (x <= width) & (y >= strip) & (y <= height)).all(axis=2)
        if not inside.any():
            continue
        smallest = float(np.linalg.norm(quads - np.roll(quads, 1, axis=2), axis=3)[inside].min())
        if smallest < max(width * SMALLEST_CELL, doubt_px / LARGEST_DOUBT):
            continue
        shown = np.repeat(np.repeat(inside, np.diff(rows), axis=0), np.diff(columns), axis=1)
        return Cells(grid, union, shown, _sampling(to_picture, quads[inside], smallest / union, size, strip))
    return Cells(grid, 1, nothing, None)


def _sampling(
    to_picture: Vectors, seen: NDArray[np.float64], cell_px: float, size: tuple[int, int], strip: int
) -> Sampling | None:
    """The box around the cells that are seen, shrunk until a cell has a little more than SAMPLES along a side."""
    shrink = 1 << min(6, max(0, int(math.log2(max(1.0, cell_px / SAMPLES)))))
    step = max(2, shrink)
    low, high = seen.reshape(-1, 2).min(axis=0), seen.reshape(-1, 2).max(axis=0)
    left, top = int(low[0]) // step * step, max(strip + step - 1, int(low[1])) // step * step
    right, bottom = (min(limit, -(-math.ceil(one) // step) * step) for one, limit in zip(high, size, strict=True))
    right, bottom = left + (right - left) // step * step, top + (bottom - top) // step * step
    if right <= left or bottom <= top:
        return None
    # sample (i, j) stands at ((i + 0.5) / SAMPLES, (j + 0.5) / SAMPLES) in the grid
    samples = np.array([[1, 0, 0.5], [0, 1, 0.5], [0, 0, SAMPLES]], float) / SAMPLES
    return Sampling((left, top, right, bottom), shrink, to_picture @ samples)


def number_cells(grid: Grid, from_world: Vectors, left: int, top: int, width: int, height: int) -> Plane:
    """(height, width): the number of the finest cell that each 2 x 2 block shows; beyond the grid its nearest cell's.

    `left`, `top`: the box's corner in blocks.
    """
    numbers = np.arange(grid.rows * grid.columns, dtype=np.uint8).reshape(grid.rows, grid.columns)
    to_picture = from_world @ grid.to_world()
    blocks = np.array([[2, 0, 2 * left + 1], [0, 2, 2 * top + 1], [0, 0, 1]], float)
    to_middles = np.array([[1, 0, -0.5], [0, 1, -0.5], [0, 0, 1]], float)
    return np.asarray(
        cv2.warpPerspective(
            numbers,
            to_middles @ np.linalg.inv(to_picture) @ blocks,
            (width, height),
            flags=cv2.INTER_NEAREST | cv2.WARP_INVERSE_MAP,
            borderMode=cv2.BORDER_REPLICATE,
        ),
        np.uint8,
    )
