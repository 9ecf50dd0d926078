"""Masks that follow a turning head: the places of the world that are private, burned wherever they may be in a picture.

Laws
- What is covered depends on the whole set of poses that the head can have had (`agent.masking.cover`); what is shown
  in its stead is a mosaic anchored to the world (`agent.masking.anchored`), or one fixed colour.
- When the set is too large to be followed, or the zoom is outside the calibrated table, nothing is burned and the
  answer is Blind: the caller masks the whole picture.
- All colours are read before any mask is painted, so masks that overlap do not read each other.
- What was made ready for a set serves every set inside it, as long as that is not much smaller: at rest the pose is
  told a little differently with each picture, and nothing has to be drawn anew for that.

    following = FollowingMasks(masks, 1920, 1080, error_deg=0.3)
    state = following.burn(picture, PoseSet.exactly(10.0, -4.0, 0.0), lens)
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass

import cv2
import numpy as np

from agent.masking.anchored import Cells, Grid, cells_in_view, doubled, number_cells
from agent.masking.cover import Box, Cover, Stencil
from agent.masking.lens import View, ZoomTable, widened
from agent.masking.mosaic import SOLID
from agent.masking.planes import Picture
from agent.masking.sphere import WorldMask, place_of
from agent.units import Blind, Burned, Plane, PoseSet

OUTSIDE_TABLE = "zoom-outside-calibration"
TOO_WIDE = "pose-uncertain"
SPARE_PX = 0.5
"""At rest, masks are made ready for a set that is larger by so much on each side."""
MOST_SPARE_PX = 2.0
"""A set that is smaller by more than that gets masks of its own."""
SHARE_EVERY = 4
"""Of the stencils' rows and columns, one in so many is counted for the masked share."""


@dataclass(frozen=True, slots=True)
class _Patch:
    """One mask in one view: where it is painted, in blocks of 2 x 2 and in samples, and what; None: a fixed colour."""

    stencil: Stencil
    fine: Plane
    numbers: Plane | None
    cells: Cells | None

    @classmethod
    def of(cls, stencil: Stencil, cells: Cells | None, view: View) -> "_Patch":
        height, width = stencil.cells.shape
        numbers = None
        if cells is not None:
            numbers = number_cells(cells.grid, view.from_world(), stencil.left, stencil.top, width, height)
        return cls(stencil, doubled(stencil.cells), numbers, cells)

    def paint(self, picture: Picture, colours: tuple[Plane, ...] | None) -> None:
        stencil = self.stencil
        rows = slice(stencil.top, stencil.top + stencil.cells.shape[0])
        columns = slice(stencil.left, stencil.left + stencil.cells.shape[1])
        fine = (slice(2 * rows.start, 2 * rows.stop), slice(2 * columns.start, 2 * columns.stop))
        boxes = (picture.y[fine], picture.u[rows, columns], picture.v[rows, columns])
        for index, (box, where) in enumerate(zip(boxes, (self.fine, stencil.cells, stencil.cells), strict=True)):
            if colours is None or self.numbers is None:
                painted = np.full(where.shape, SOLID[index], np.uint8)
            else:
                painted = np.asarray(cv2.LUT(self.numbers, colours[index]), np.uint8)
                painted = painted if index else doubled(painted)
            cv2.copyTo(painted, where, box)


class FollowingMasks:
    """The masks of one camera, for pictures of one size. Not thread-safe.

    `width`, `height`: the optical picture's; odd sides lose their last column or row in the picture that is burned.
    `error_deg`: by how much any direction may be off; `hfov_error`: the share by which the field of view may be.
    `strip`: rows under the name along the upper edge.
    """

    def __init__(
        self,
        masks: Sequence[WorldMask],
        width: int,
        height: int,
        *,
        error_deg: float,
        hfov_error: float = 0.0,
        strip: int = 0,
    ) -> None:
        places = [place_of(mask) for mask in masks]
        self._grids = [
            Grid.over(place.tangent) if place.tangent is not None and mask.style == "pixelate" else None
            for mask, place in zip(masks, places, strict=True)
        ]
        self._cover = Cover([place.parts for place in places], width, height, error_deg)
        self._size = (width, height)
        self._strip = strip
        self._hfov_error = hfov_error
        self._aimed: Box | None = None
        self._asked: Box | None = None
        self._state: Burned | Blind = Blind(TOO_WIDE)
        self._patches: list[_Patch] = []

    def burn(self, picture: Picture, poses: PoseSet, lens: ZoomTable) -> Burned | Blind:
        """Burns every mask into all three planes; Blind, with the picture as it was, when that cannot be done."""
        if not all(-math.inf < low <= high < math.inf for low, high in (poses.pan_deg, poses.tilt_deg, poses.zoom)):
            return Blind(TOO_WIDE)
        focal = lens.focals(poses.zoom, self._size[0])
        if focal is None:
            return Blind(OUTSIDE_TABLE)
        box = Box(poses.pan_deg, poses.tilt_deg, focal)
        rests = self._asked is not None and _holds(_spared(self._asked, MOST_SPARE_PX, self._corner), box)
        self._asked = box
        if self._aimed is None or not _serves(self._aimed, box, self._corner):
            self._aimed = _spared(box, SPARE_PX if rests else 0.0, self._corner)
            self._state = self._aim(self._aimed)
        if isinstance(self._state, Burned):
            colours = [patch.cells.colours(picture) if patch.cells else None for patch in self._patches]
            for patch, table in zip(self._patches, colours, strict=True):
                patch.paint(picture, table)
        return self._state

    @property
    def _corner(self) -> float:
        """Pixels from the picture's middle to its corner."""
        return math.hypot(*self._size) / 2

    def _aim(self, box: Box) -> Burned | Blind:
        """Makes the patches for a set of poses."""
        self._patches = []
        wider = widened(box.focal, self._size[0], self._hfov_error)
        stencils = self._cover.draw(Box(box.pan_deg, box.tilt_deg, wider))
        if stencils is None:
            return Blind(TOO_WIDE)
        focal = math.sqrt(box.focal[0] * box.focal[1])
        view = View.at(sum(box.pan_deg) / 2, sum(box.tilt_deg) / 2, focal, *self._size)
        for grid, stencil in zip(self._grids, stencils, strict=True):
            if stencil is None:
                continue
            cells = None
            if grid is not None:
                cells = cells_in_view(grid, view.from_world(), self._size, self._strip, doubt_px(box, self._size))
            self._patches.append(_Patch.of(stencil, cells, view))
        return Burned(_share([patch.stencil for patch in self._patches], self._size))


def _spared(box: Box, spare_px: float, corner: float) -> Box:
    """`box` with `spare_px` more on each side, as it shows in the picture's middle (pan, tilt) and corner (zoom)."""
    spare = math.degrees(spare_px / box.focal[1])
    wider = 1 + spare_px / corner
    return Box(
        (box.pan_deg[0] - spare, box.pan_deg[1] + spare),
        (box.tilt_deg[0] - spare, box.tilt_deg[1] + spare),
        (box.focal[0] / wider, box.focal[1] * wider),
    )


def _holds(outer: Box, inner: Box) -> bool:
    pairs = ((outer.pan_deg, inner.pan_deg), (outer.tilt_deg, inner.tilt_deg), (outer.focal, inner.focal))
    return all(a[0] <= b[0] and b[1] <= a[1] for a, b in pairs)


def _serves(aimed: Box, box: Box, corner: float) -> bool:
    """True when masks made ready for `aimed` serve `box`: it lies inside, and fills it but for a little."""
    return _holds(aimed, box) and _holds(_spared(box, MOST_SPARE_PX, corner), aimed)


def _share(stencils: Sequence[Stencil], size: tuple[int, int]) -> float:
    """Of the picture under any of the stencils (0..1), from one in SHARE_EVERY rows and columns."""
    step = SHARE_EVERY
    union = np.zeros((-(-(size[1] // 2) // step), -(-(size[0] // 2) // step)), np.uint8)
    for stencil in stencils:
        part = stencil.cells[-stencil.top % step :: step, -stencil.left % step :: step]
        top, left = -(-stencil.top // step), -(-stencil.left // step)
        place = union[top : top + part.shape[0], left : left + part.shape[1]]
        np.bitwise_or(place, part, out=place)
    return float(cv2.countNonZero(union)) / union.size


def doubt_px(box: Box, size: tuple[int, int]) -> float:
    """How far a point of the picture may move over a box of poses, at the most."""
    corner = math.hypot(*size) / 2
    stretch = 1 + (corner / box.focal[0]) ** 2
    turned = math.radians(box.pan_deg[1] - box.pan_deg[0]) + math.radians(box.tilt_deg[1] - box.tilt_deg[0])
    return box.focal[1] * turned * stretch + corner * (box.focal[1] / box.focal[0] - 1)
