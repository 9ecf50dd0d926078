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

import itertools
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

Point = tuple[float, float]
"""(x, y) in pixels."""
UNIONS = (1, 2, 4, 12)
"""Cells of the finest grid along each side of a cell of the coarser ones: 12, 6, 3 and 1 across."""
LARGEST_DOUBT = 0.25
"""Of a cell: how far the set of poses may move it."""
NEAREST = 1e-3
"""Corners nearer to the camera's own plane are nowhere in the picture."""
BEHIND = (-1e9, -1e9)
"""Where such a corner is said to be."""
SAMPLES = 8
"""Along each side of a cell, from a picture in which a cell has at least so many."""
_HALF_ON = np.array([[1, 0, 0.5], [0, 1, 0.5], [0, 0, 1]])
"""From samples, whose middles are at whole numbers, to coordinates."""
_FROM_SAMPLES = np.array([[1, 0, 0.5], [0, 1, 0.5], [0, 0, SAMPLES]]) / SAMPLES
"""From SAMPLES along each side of a cell to coordinates of the grid."""


@dataclass(frozen=True, slots=True)
class Union:
    """The cells of one coarseness, `size` finest ones along each side; the last of a row or column takes the rest.

    `span`: the longest shorter side of its cells, in finest ones.
    `corners`: (N, 3) directions of its cells' corners. `cells`: of each one its corners' numbers, once around. `sides`:
    two corners and the cells that it is between, one cell twice at the edge.
    `owner`: (rows * columns,) number of the cell that each finest one is part of. `weights`: (finest, cells) shares.
    """

    size: int
    span: int
    corners: Vectors
    cells: tuple[tuple[int, int, int, int], ...]
    sides: tuple[tuple[int, int, int, int], ...]
    owner: NDArray[np.intp]
    weights: NDArray[np.float32]

    @classmethod
    def of(cls, size: int, columns: int, rows: int, to_world: Vectors) -> "Union":
        """Cells of `size` x `size` finest ones on a grid of `columns` x `rows`."""
        across, down = max(1, columns // size), max(1, rows // size)
        column = np.minimum(np.arange(columns) // size, across - 1)
        row = np.minimum(np.arange(rows) // size, down - 1)
        owner = (row[:, None] * across + column).ravel()
        members = owner[:, None] == np.arange(across * down)
        borders = np.append(np.arange(across) * size, columns), np.append(np.arange(down) * size, rows)
        corners = np.stack([*np.meshgrid(*borders), np.ones((down + 1, across + 1))], axis=-1).reshape(-1, 3)
        first = [i + j * (across + 1) for j in range(down) for i in range(across)]
        cells = tuple((one, one + 1, one + across + 2, one + across + 1) for one in first)
        between: dict[tuple[int, int], list[int]] = {}
        for number, (a, b, c, d) in enumerate(cells):
            for side in ((a, b), (b, c), (d, c), (a, d)):
                between.setdefault(side, []).append(number)
        return cls(
            size,
            min(int(np.diff(one).max()) for one in borders),
            corners @ to_world.T,
            cells,
            tuple((*side, numbers[0], numbers[-1]) for side, numbers in between.items()),
            owner,
            (members / members.sum(axis=0)).astype(np.float32),
        )


@dataclass(frozen=True, slots=True)
class Grid:
    """The finest grid, `columns` x `rows` square cells, and its unions. `to_world`: (column, row, 1) -> direction.

    `cell`: a cell's side in the tangent plane. `numbers`: (rows, columns) of the cells.
    """

    to_world: Vectors
    cell: float
    columns: int
    rows: int
    unions: tuple[Union, ...]
    numbers: Plane

    @classmethod
    def over(cls, tangent: Tangent) -> "Grid":
        """The grid of a mask: as few cells as hold it, centred on it."""
        across, down = tangent.right - tangent.left, tangent.top - tangent.bottom
        cell = max(across, down) / MOST_CELLS
        columns, rows = (min(MOST_CELLS, max(1, math.ceil(side / cell - 1e-9))) for side in (across, down))
        left = (tangent.left + tangent.right - columns * cell) / 2
        top = (tangent.top + tangent.bottom + rows * cell) / 2
        plane = np.array([[cell, 0.0, left], [0.0, -cell, top], [0.0, 0.0, 1.0]])
        to_world = np.asarray(tangent.axes.T @ plane)
        unions = tuple(Union.of(size, columns, rows, to_world) for size in UNIONS)
        numbers = np.arange(rows * columns, dtype=np.uint8).reshape(rows, columns)
        return cls(to_world, cell, columns, rows, unions, numbers)


def _shrunk(plane: Plane, times: int) -> Plane:
    """The means of `times` x `times` samples, by halves: a power of two that divides both sides."""
    while times > 1:
        height, width = plane.shape
        plane = np.asarray(cv2.resize(plane, (width // 2, height // 2), interpolation=cv2.INTER_AREA), np.uint8)
        times //= 2
    return plane


@dataclass(frozen=True, slots=True)
class Sampling:
    """How the cells of one mask are read in one view: a box of the picture, shrunk, then warped into the grid."""

    box: tuple[int, int, int, int]
    shrink: int
    from_samples: Vectors

    def read(self, picture: Picture, columns: int, rows: int) -> NDArray[np.float32]:
        """(planes, rows * columns) means of y, u and v."""
        left, top, right, bottom = self.box
        half = (slice(top // 2, bottom // 2), slice(left // 2, right // 2))
        boxes = (
            _shrunk(picture.y[top:bottom, left:right], self.shrink),
            _shrunk(picture.u[half], self.shrink // 2),
            _shrunk(picture.v[half], self.shrink // 2),
        )
        small = cv2.merge(boxes)
        # luma pixels -> samples of the shrunk box, whose middles are at whole numbers
        scale = 1 / self.shrink
        to_small = np.array([[scale, 0, -left * scale - 0.5], [0, scale, -top * scale - 0.5], [0, 0, 1]])
        samples = cv2.warpPerspective(
            small,
            to_small @ self.from_samples,
            (columns * SAMPLES, rows * SAMPLES),
            flags=cv2.INTER_LINEAR | cv2.WARP_INVERSE_MAP,
            borderMode=cv2.BORDER_REPLICATE,
        )
        means = cv2.resize(samples, (columns, rows), interpolation=cv2.INTER_AREA)
        return np.asarray(means, np.float32).reshape(-1, 3).T


@dataclass(frozen=True, slots=True)
class Cells:
    """What a mask shows in one view: cells of one coarseness, and which of them have a colour of their own.

    `shown`: (rows * columns,) of the finest grid. `to_picture`: (column, row, 1) -> (x, y, 1) times depth.
    """

    grid: Grid
    to_picture: Vectors
    union: Union
    shown: NDArray[np.bool_]
    sampling: Sampling

    def colours(self, picture: Picture) -> tuple[Plane, ...]:
        """One table of 256 colours a plane, by number of the finest cell."""
        means = self.sampling.read(picture, self.grid.columns, self.grid.rows)
        united = (means @ self.union.weights + 0.5).astype(np.uint8)
        tables = np.repeat(np.array(SOLID, np.uint8), 256).reshape(3, 256)
        for table, values, levels in zip(tables, united, (LUMA_LEVELS, CHROMA_LEVELS, CHROMA_LEVELS), strict=True):
            table[: self.shown.size] = np.where(self.shown, levels[values][self.union.owner], table[0])
        return tuple(tables)


def _standing(directions: Vectors, from_world: Vectors) -> list[Point]:
    """Where (N, 3) directions stand, in pixels; those not before the camera are far outside."""
    placed = (directions @ from_world.T).tolist()
    return [(x / depth, y / depth) if depth > NEAREST else BEHIND for x, y, depth in placed]


def _visible(at: Sequence[Point], size: tuple[int, int], strip: int) -> list[bool]:
    """Which points are in the picture, below the strip."""
    return [0 <= x <= size[0] and strip <= y <= size[1] for x, y in at]


def cells_in_view(grid: Grid, from_world: Vectors, size: tuple[int, int], strip: int, doubt_px: float) -> Cells | None:
    """Which cells have a colour in a view; None when none has.

    `from_world`: (3, 3) direction -> (x, y, 1) times depth. `size`: the picture's (width, height), `strip` of its rows
    are under the name. `doubt_px`: how far the set of poses may move a point of the picture.
    """
    needed = max(size[0] * SMALLEST_CELL, doubt_px / LARGEST_DOUBT)
    most = grid.cell * _most_px(from_world, size)
    for union in grid.unions:
        if union.span * most < needed:  # none of its cells can be large enough
            continue
        at = _standing(union.corners, from_world)
        visible = _visible(at, size, strip)
        inside = [visible[a] and visible[b] and visible[c] and visible[d] for a, b, c, d in union.cells]
        if not any(inside):
            return None
        smallest = min(math.dist(at[a], at[b]) for a, b, i, j in union.sides if inside[i] or inside[j])
        if smallest < needed:
            continue
        if union.size > 1 and not all(inside):  # else the finest ones' corners reach no further
            at = _standing(grid.unions[0].corners, from_world)
            visible = _visible(at, size, strip)
        seen = list(itertools.compress(at, visible))
        to_picture = from_world @ grid.to_world
        sampling = _sampling(to_picture, seen, smallest / union.size, size, strip)
        return Cells(grid, to_picture, union, np.array(inside)[union.owner], sampling)
    return None


def _most_px(from_world: Vectors, size: tuple[int, int]) -> float:
    """What a line of length 1 in a plane that touches the sphere takes in a picture that shows all of it, at the most.

    From the sphere's middle it is seen under an angle of 1 radian at the most, and a radian takes focal / cos^2 pixels
    at the most where the picture is farthest from its middle.
    """
    x, y, z = from_world[0].tolist()
    square: float = x * x + y * y + z * z - (size[0] / 2) ** 2
    return (square + (size[0] ** 2 + size[1] ** 2) / 4) / math.sqrt(square)


def _sampling(
    to_picture: Vectors, seen: Sequence[Point], cell_px: float, size: tuple[int, int], strip: int
) -> Sampling:
    """The box around the corners that are seen, to be shrunk until a cell has few more than SAMPLES along a side."""
    shrink = 1 << min(6, max(1, int(math.log2(max(1.0, cell_px / SAMPLES)))))
    low, high = ([best(axis) for axis in zip(*seen, strict=True)] for best in (min, max))
    left, top = math.floor(low[0]) // 2 * 2, max(strip, math.floor(low[1])) // 2 * 2
    room = (size[0] // 2 * 2 - left, size[1] // 2 * 2 - top)
    wide, tall = (-(-(math.ceil(one) - start) // shrink) * shrink for one, start in zip(high, (left, top), strict=True))
    wide, tall = (max(shrink, min(one, most // shrink * shrink)) for one, most in zip((wide, tall), room, strict=True))
    return Sampling((left, top, left + wide, top + tall), shrink, to_picture @ _FROM_SAMPLES)


def number_cells(cells: Cells, left: int, top: int, width: int, height: int) -> Plane:
    """(height / 4, width / 4), rounded up: the number of the finest cell that each 4 x 4 pixels show; cells are much
    larger. Beyond the grid its nearest cell's.

    `left`, `top`: the box's corner in pixels.
    """
    to_middles = np.array([[0.25, 0, -(left + 2) / 4], [0, 0.25, -(top + 2) / 4], [0, 0, 1]])
    numbers = cv2.warpPerspective(
        cells.grid.numbers,
        to_middles @ cells.to_picture @ _HALF_ON,
        (-(-width // 4), -(-height // 4)),
        flags=cv2.INTER_NEAREST,
        borderMode=cv2.BORDER_REPLICATE,
    )
    return np.asarray(numbers, np.uint8)
