"""Mosaics that cannot be read back: few, large, quantised cells that stay where they are.

- At most 12 cells across a mask's longer side and never a cell under 1/45 of the picture's width: what is left of a
  face is one colour or two.
- The grid is fixed to the picture of a camera that does not move: one that wanders over the scene averages away.
- A cell takes its mean from every fourth row of luma: noise stays below the quantisation, and the cost too.
- All three planes, one grid: chroma alone shows shapes.

`arm` is done once for a picture size; `burn` then costs a fraction of a millisecond for each mask.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal, Protocol

import cv2
import numpy as np
from numpy.typing import NDArray

from agent.masking.planes import NEUTRAL, Picture
from agent.units import Plane

MOST_CELLS = 12
SMALLEST_CELL = 1 / 45
"""Of the picture's width."""
BLIND_GRID = (16, 9)
SOLID = (64, NEUTRAL, NEUTRAL)
LUMA_ROW_STEP = 4

# 16 levels a plane: luma's are shown as their middle; chroma's keep grey grey
LUMA_LEVELS = ((np.arange(256) & 0xF0) | 0x08).astype(np.uint8)
CHROMA_LEVELS = np.minimum(np.arange(256) + 8 & 0xF0, 240).astype(np.uint8)


@dataclass(frozen=True, slots=True)
class PictureMask:
    """A privacy mask as it was configured: a polygon of (x, y) picture fractions and its style."""

    polygon: Sequence[tuple[float, float]]
    style: Literal["pixelate", "solid"] = "pixelate"

    def shapes(self, width: int, height: int) -> list[Plane]:
        """The one raster of `rasterise`."""
        return [rasterise(self.polygon, width, height)]


class StillMask(Protocol):
    """A mask that stays where it is in the picture."""

    @property
    def style(self) -> Literal["pixelate", "solid"]:
        """A mosaic or one colour."""
        ...

    def shapes(self, width: int, height: int) -> list[Plane]:
        """(height, width) rasters, 255 where the mask is, one for each part that gets a mosaic of its own."""
        ...


@dataclass(frozen=True, slots=True)
class Grid:
    """Cells along one axis in luma samples: `count` cells of `cell`, from `start`; the last one reaches to `stop`."""

    start: int
    stop: int
    cell: int
    count: int

    def halved(self) -> "Grid":
        """The same cells in chroma samples."""
        return Grid(self.start // 2, self.stop // 2, self.cell // 2, self.count)

    @property
    def spans(self) -> list[int]:
        """The cells' widths as painted."""
        last = self.stop - self.start - self.cell * (self.count - 1)
        return [self.cell] * (self.count - 1) + [last]


def cell_size(longer_side: int, picture_width: int) -> int:
    """Luma samples across a cell, even, for a mask of `longer_side` in a picture of `picture_width`."""
    wanted = max(longer_side / MOST_CELLS, picture_width * SMALLEST_CELL)
    return 2 * int(np.ceil(wanted / 2))


def lay_grid(low: int, high: int, cell: int, limit: int) -> Grid:
    """The grid over [low, high) of an axis of `limit` samples (even); grown to one cell where the mask is smaller."""
    low, high = low & ~1, min(limit, high + 1 & ~1)
    cell = min(cell, limit)
    missing = cell - (high - low)
    if missing > 0:
        low = min(max(0, low - (missing // 2 & ~1)), limit - cell)
        high = low + cell
    return Grid(low, high, cell, max(1, (high - low) // cell))


def _centres_inside(points: NDArray[np.float64], width: int, height: int) -> Plane:
    """(height, width) uint8: 255 where a sample's centre lies inside the outline (even-odd), exactly, however far out.

    Along each row of centres, the inside begins and ends where an edge crosses it.
    """
    rows = np.arange(height) + 0.5
    turns = np.zeros((height, width + 1), np.int32)
    for (x0, y0), (x1, y1) in zip(points, np.roll(points, -1, axis=0), strict=True):
        low, high = min(y0, y1), max(y0, y1)
        crossed = np.flatnonzero((rows >= low) & (rows < high))
        at = x0 + (rows[crossed] - y0) * (x1 - x0) / (y1 - y0) if len(crossed) else rows[:0]
        np.add.at(turns, (crossed, np.clip(np.ceil(at - 0.5), 0, width).astype(int)), 1)
    return ((np.cumsum(turns[:, :width], axis=1) & 1) * 255).astype(np.uint8)


def rasterise(polygon: Sequence[tuple[float, float]], width: int, height: int) -> Plane:
    """(height, width) uint8: 255 on every sample that the polygon holds or its outline touches, grown by one sample."""
    points = np.array(polygon, np.float64) * (width, height)
    mask = _centres_inside(points, width, height)
    near = np.clip(points, -4 * max(width, height), 5 * max(width, height))  # OpenCV's fixed point overflows beyond
    outline = np.round((near - 0.5) * 16).astype(np.int32).reshape(-1, 1, 2)
    cv2.polylines(mask, [outline], True, 255, lineType=cv2.LINE_8, shift=4)
    return cv2.dilate(mask, np.ones((3, 3), np.uint8)).astype(np.uint8, copy=False)


def halve_mask(mask: Plane) -> Plane:
    """A mask for chroma: set wherever any of the four luma samples is."""
    height, width = mask.shape
    halved: Plane = mask.reshape(height // 2, 2, width // 2, 2).max(axis=(1, 3))
    return halved


@dataclass(frozen=True, slots=True)
class _PlaneMask:
    """One mask in one plane: where, in which levels or colour, under which stencil (None: the whole box)."""

    down: Grid
    across: Grid
    stencil: Plane | None
    row_step: int
    levels: Plane
    colour: int | None

    def burn(self, plane: Plane) -> None:
        box = plane[self.down.start : self.down.stop, self.across.start : self.across.stop]
        if self.colour is not None:
            if self.stencil is None:
                box.fill(self.colour)
            else:
                box[self.stencil > 0] = self.colour
            return
        sampled = box[: self.down.cell * self.down.count : self.row_step, : self.across.cell * self.across.count]
        cells = self.levels[cv2.resize(sampled, (self.across.count, self.down.count), interpolation=cv2.INTER_AREA)]
        cells = cells.reshape(self.down.count, self.across.count)
        painted = np.repeat(np.repeat(cells, self.across.spans, axis=1), self.down.spans, axis=0)
        if self.stencil is None:
            np.copyto(box, painted)
        else:
            cv2.copyTo(painted, self.stencil, box)


def _stencil(mask: Plane, down: Grid, across: Grid) -> Plane | None:
    cut = mask[down.start : down.stop, across.start : across.stop]
    return None if cut.all() else np.ascontiguousarray(cut)


def _arm_one(mask: StillMask, shape: Plane, width: int, height: int) -> tuple[_PlaneMask, ...]:
    rows, columns = np.flatnonzero(shape.any(axis=1)), np.flatnonzero(shape.any(axis=0))
    if not len(rows):
        return ()
    top, bottom, left, right = int(rows[0]), int(rows[-1]) + 1, int(columns[0]), int(columns[-1]) + 1
    cell = cell_size(max(bottom - top, right - left), width)
    down, across = lay_grid(top, bottom, cell, height), lay_grid(left, right, cell, width)
    small, down_half, across_half = halve_mask(shape), down.halved(), across.halved()
    luma, blue, red = SOLID if mask.style == "solid" else (None, None, None)
    step = LUMA_ROW_STEP if down.cell % LUMA_ROW_STEP == 0 else 1 if down.cell % 2 else 2
    chroma = _stencil(small, down_half, across_half)
    return (
        _PlaneMask(down, across, _stencil(shape, down, across), step, LUMA_LEVELS, luma),
        _PlaneMask(down_half, across_half, chroma, 1, CHROMA_LEVELS, blue),
        _PlaneMask(down_half, across_half, chroma, 1, CHROMA_LEVELS, red),
    )


class ArmedMasks:
    """All masks of one camera, made ready for pictures of one size.

    `share` of the picture (0..1) lies under them; `union` is (height, width), 255 there.
    """

    def __init__(self, masks: Sequence[StillMask], width: int, height: int) -> None:
        self._masks = []
        union = np.zeros((height, width), np.uint8)
        for mask in masks:
            for shape in mask.shapes(width, height):
                union |= shape
                if armed := _arm_one(mask, shape, width, height):
                    self._masks.append(armed)
        self.union = union
        self.share = float(np.count_nonzero(union)) / (width * height)

    def burn(self, picture: Picture) -> None:
        """Burns every mask into all three planes, in place."""
        for luma, blue, red in self._masks:
            luma.burn(picture.y)
            blue.burn(picture.u)
            red.burn(picture.v)


def burn_whole(picture: Picture) -> None:
    """Masks the whole picture: a mosaic of 16 x 9 quantised cells, all three planes."""
    columns, rows = BLIND_GRID
    for plane, levels in ((picture.y, LUMA_LEVELS), (picture.u, CHROMA_LEVELS), (picture.v, CHROMA_LEVELS)):
        height, width = plane.shape
        cells = levels[cv2.resize(plane[:: max(1, height // 135)], BLIND_GRID, interpolation=cv2.INTER_AREA)]
        across = np.diff(np.linspace(0, width, columns + 1).astype(int))
        down = np.diff(np.linspace(0, height, rows + 1).astype(int))
        np.copyto(plane, np.repeat(np.repeat(cells, across, axis=1), down, axis=0))


def fill_grey(picture: Picture) -> None:
    """What can be shown of a picture in an unknown format: nothing, which is a mosaic of equal cells."""
    picture.buffer.fill(NEUTRAL)
