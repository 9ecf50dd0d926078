"""Masks that follow a turning head: the places of the world that are private, burned wherever they may be in a picture.

Laws
- What is covered depends on the whole set of poses that the head can have had (`agent.masking.cover`); what is shown
  in its stead is a mosaic anchored to the world (`agent.masking.anchored`), or one fixed colour.
- When the set is too large to be followed, or the zoom is outside the calibrated table, nothing is burned and the
  answer is Blind: the caller masks the whole picture.
- All colours are read before any mask is painted, so masks that overlap do not read each other.

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
        self._known: tuple[PoseSet, ZoomTable] | None = None
        self._state: Burned | Blind = Blind(TOO_WIDE)
        self._patches: list[_Patch] = []

    def burn(self, picture: Picture, poses: PoseSet, lens: ZoomTable) -> Burned | Blind:
        """Burns every mask into all three planes; Blind, with the picture as it was, when that cannot be done."""
        if self._known != (poses, lens):
            self._state = self._aim(poses, lens)
            self._known = (poses, lens)
        if isinstance(self._state, Burned):
            colours = [patch.cells.colours(picture) if patch.cells else None for patch in self._patches]
            for patch, table in zip(self._patches, colours, strict=True):
                patch.paint(picture, table)
        return self._state

    def _aim(self, poses: PoseSet, lens: ZoomTable) -> Burned | Blind:
        """Makes the patches for a set of poses."""
        self._patches = []
        if not all(-math.inf < low <= high < math.inf for low, high in (poses.pan_deg, poses.tilt_deg, poses.zoom)):
            return Blind(TOO_WIDE)
        focal = lens.focals(poses.zoom, self._size[0])
        if focal is None:
            return Blind(OUTSIDE_TABLE)
        box = Box(poses.pan_deg, poses.tilt_deg, focal)
        wider = widened(focal, self._size[0], self._hfov_error)
        stencils = self._cover.draw(Box(poses.pan_deg, poses.tilt_deg, wider))
        if stencils is None:
            return Blind(TOO_WIDE)
        view = View.at(sum(box.pan_deg) / 2, sum(box.tilt_deg) / 2, math.sqrt(focal[0] * focal[1]), *self._size)
        union = np.zeros((self._size[1] // 2, self._size[0] // 2), np.uint8)
        for grid, stencil in zip(self._grids, stencils, strict=True):
            if stencil is None:
                continue
            cells = None
            if grid is not None:
                cells = cells_in_view(grid, view.from_world(), self._size, self._strip, doubt_px(box, self._size))
            self._patches.append(_Patch.of(stencil, cells, view))
            height, width = stencil.cells.shape
            part = union[stencil.top : stencil.top + height, stencil.left : stencil.left + width]
            cv2.bitwise_or(part, stencil.cells, part)
        return Burned(float(cv2.countNonZero(union)) / union.size)


def doubt_px(box: Box, size: tuple[int, int]) -> float:
    """How far a point of the picture may move over a box of poses, at the most."""
    corner = math.hypot(*size) / 2
    stretch = 1 + (corner / box.focal[0]) ** 2
    turned = math.radians(box.pan_deg[1] - box.pan_deg[0]) + math.radians(box.tilt_deg[1] - box.tilt_deg[0])
    return box.focal[1] * turned * stretch + corner * (box.focal[1] / box.focal[0] - 1)
