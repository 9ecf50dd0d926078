"""Masks that follow a turning head: the places of the world that are private, burned wherever they may be in a picture.

Laws
- What is covered depends on the whole set of poses that the head can have had (`agent.masking.cover`); what is shown
  in its stead is a mosaic anchored to the world (`agent.masking.anchored`), or one fixed colour.
- When the set is too large to be followed, or the zoom is outside the calibrated table, nothing is burned and the
  answer is Blind: the caller masks the whole picture.
- All colours are read before any mask is painted, so masks that overlap do not read each other. While a mask shows the
  same cells, their colours serve a second of pictures: that tells less than reading each.
- What was made ready for a set serves every set inside it, as long as that is not much smaller: at rest the pose is
  told a little differently with each picture, and nothing has to be drawn anew for that.

    following = FollowingMasks(masks, 1920, 1080, error_deg=0.3)
    state = following.burn(picture, PoseSet.exactly(10.0, -4.0, 0.0), lens)
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache

import cv2
import numpy as np

from agent.masking.anchored import Cells, Grid, cells_in_view, number_cells
from agent.masking.cover import Box, Cover, Stencil
from agent.masking.lens import View, ZoomTable, widened
from agent.masking.mosaic import SOLID
from agent.masking.planes import Picture
from agent.masking.sphere import WorldMask, place_of
from agent.units import Blind, Burned, Plane, PoseSet

OUTSIDE_TABLE = "zoom-outside-calibration"
TOO_WIDE = "pose-uncertain"
SPARE_PX = 0.35
"""At rest, masks are made ready for a set that is larger by so much on each side."""
MOST_SPARE_PX = 0.8
"""A set that is smaller by more than that gets masks of its own."""
RESTING_PX = 2.0
"""The head rests while its set stays, within so much."""
SHARE_EVERY = 8
"""Of the picture's rows and columns, one in so many is counted for the masked share."""
READ_EVERY = 25
"""Pictures: a mask's colours are read anew with every so many, while it shows the same cells."""
FIXED = tuple(np.full(256, colour, np.uint8) for colour in SOLID)
WIDE = {2: np.uint16, 4: np.uint32}
REPEATED = {2: 0x0101, 4: 0x01010101}


@dataclass(frozen=True, slots=True)
class _Patch:
    """One mask in one view: where it is painted, and what.

    `cells`: None where it has the fixed colour. `numbers`: the finest cell that each 4 x 4 pixels show; None where the
    whole is of one colour.
    """

    place: int
    stencil: Stencil
    numbers: Plane | None
    cells: Cells | None

    @classmethod
    def of(cls, place: int, stencil: Stencil, cells: Cells | None) -> "_Patch":
        if cells is None or len(cells.union.cells) == 1:
            return cls(place, stencil, None, cells)
        height, width = stencil.fine.shape
        return cls(place, stencil, number_cells(cells, stencil.left, stencil.top, width, height), cells)

    def painting(self, colours: tuple[Plane, ...]) -> "_Painting":
        """What it shows in these colours."""
        fine, half = self.stencil.fine.shape, self.stencil.half.shape
        y, u, v = colours
        numbers = self.numbers
        if numbers is None:
            return _Painting(self, colours, (_even(int(y[0]), fine), _even(int(u[0]), half), _even(int(v[0]), half)))
        planes = _spread(numbers, y, fine, 4), _spread(numbers, u, half, 2), _spread(numbers, v, half, 2)
        return _Painting(self, colours, planes)


def _even(colour: int, shape: tuple[int, int]) -> Plane:
    """(rows, columns) of `shape`, all of one colour; others look at the same memory, which cannot be written to."""
    samples = shape[0] * shape[1]
    return _samples(colour, samples.bit_length())[:samples].reshape(shape)


@lru_cache(maxsize=8)
def _samples(colour: int, bits: int) -> Plane:
    """(2^bits,): each at most some megabytes, for the largest picture."""
    samples = np.full(1 << bits, colour, np.uint8)
    samples.flags.writeable = False
    return samples


def _spread(numbers: Plane, colours: Plane, shape: tuple[int, int], times: int) -> Plane:
    """(rows, columns) of `shape`: the colours of `numbers`, each of which stands for `times` x `times` samples."""
    small = np.asarray(cv2.LUT(numbers, colours), np.uint8)
    # `times` equal samples are one number
    wide = small.astype(WIDE[times])
    wide *= wide.dtype.type(REPEATED[times])
    row = wide.view(np.uint8)
    spread = np.empty((len(row), times, row.shape[1]), np.uint8)
    spread[:] = row[:, None]
    return spread.reshape(-1, row.shape[1])[: shape[0], : shape[1]]


@dataclass(frozen=True, slots=True)
class _Painting:
    """A patch in its colours: y, u and v of its whole box."""

    patch: _Patch
    colours: tuple[Plane, ...]
    planes: tuple[Plane, Plane, Plane]

    def serves(self, patch: _Patch, colours: tuple[Plane, ...]) -> bool:
        """True when the same would be made again."""
        return self.patch is patch and self.colours is colours

    def burn(self, picture: Picture) -> None:
        """Puts it over the picture."""
        stencil = self.patch.stencil
        left, top = stencil.left, stencil.top
        y, u, v = self.planes
        _put(y, stencil.fine, picture.y, left, top)
        _put(u, stencil.half, picture.u, left // 2, top // 2)
        _put(v, stencil.half, picture.v, left // 2, top // 2)


def _put(painted: Plane, where: Plane, plane: Plane, left: int, top: int) -> None:
    height, width = painted.shape
    box = plane[top : top + height, left : left + width]
    if not box.shape == where.shape == painted.shape:  # OpenCV would write elsewhere, and say nothing
        raise ValueError(f"a mask of {painted.shape} does not fit a place of {box.shape}")
    cv2.copyTo(painted, where, box)


@dataclass(frozen=True, slots=True)
class _Colours:
    """What was read of one mask, and with which picture."""

    picture: int
    cells: Cells
    tables: tuple[Plane, ...]

    def shows(self, cells: Cells) -> bool:
        """True when the same cells would be read again."""
        return cells.union is self.cells.union and np.array_equal(cells.shown, self.cells.shown)


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
        self._corner = math.hypot(width, height) / 2
        """Pixels from the picture's middle to its corner."""
        self._strip = strip
        self._hfov_error = hfov_error
        self._aimed: Box | None = None
        self._asked: Box | None = None
        self._state: Burned | Blind = Blind(TOO_WIDE)
        self._patches: list[_Patch] = []
        self._pictures = 0
        self._colours: dict[int, _Colours] = {}
        self._paintings: dict[int, _Painting] = {}

    def burn(self, picture: Picture, poses: PoseSet, lens: ZoomTable) -> Burned | Blind:
        """Burns every mask into all three planes; Blind, with the picture as it was, when that cannot be done."""
        if not all(-math.inf < low <= high < math.inf for low, high in (poses.pan_deg, poses.tilt_deg, poses.zoom)):
            return Blind(TOO_WIDE)
        focal = lens.focals(poses.zoom, self._size[0])
        if focal is None:
            return Blind(OUTSIDE_TABLE)
        box = Box(poses.pan_deg, poses.tilt_deg, focal)
        rests = self._asked is not None and _holds(_spared(self._asked, RESTING_PX, self._corner), box)
        self._asked = box
        if self._aimed is None or not _serves(self._aimed, box, self._corner):
            self._aimed = _spared(box, SPARE_PX if rests else 0.0, self._corner)
            self._state = self._aim(self._aimed)
        if isinstance(self._state, Burned):
            self._pictures += 1
            colours = [self._colours_of(patch, picture) for patch in self._patches]
            for patch, tables in zip(self._patches, colours, strict=True):
                self._painting(patch, tables).burn(picture)
        return self._state

    def _colours_of(self, patch: _Patch, picture: Picture) -> tuple[Plane, ...]:
        """A table of 256 colours a plane; those of a picture before, where the same cells are shown."""
        cells = patch.cells
        if cells is None:
            return FIXED
        known = self._colours.get(patch.place)
        fresh = known is not None and self._pictures - known.picture < READ_EVERY and known.shows(cells)
        if known is None or not fresh:
            known = self._colours[patch.place] = _Colours(self._pictures, cells, cells.colours(picture))
        return known.tables

    def _painting(self, patch: _Patch, colours: tuple[Plane, ...]) -> _Painting:
        """The patch in these colours; that of the picture before, where it would be the same."""
        known = self._paintings.get(patch.place)
        if known is None or not known.serves(patch, colours):
            known = self._paintings[patch.place] = patch.painting(colours)
        return known

    def _aim(self, box: Box) -> Burned | Blind:
        """Makes the patches for a set of poses."""
        self._patches = []
        wider = widened(box.focal, self._size[0], self._hfov_error)
        stencils = self._cover.draw(Box(box.pan_deg, box.tilt_deg, wider))
        if stencils is None:
            return Blind(TOO_WIDE)
        focal = math.sqrt(box.focal[0] * box.focal[1])
        view = View.at(sum(box.pan_deg) / 2, sum(box.tilt_deg) / 2, focal, *self._size)
        from_world, doubt = view.from_world(), doubt_px(box, self._size)
        for place, (grid, stencil) in enumerate(zip(self._grids, stencils, strict=True)):
            if stencil is None:
                continue
            cells = cells_in_view(grid, from_world, self._size, self._strip, doubt) if grid else None
            self._patches.append(_Patch.of(place, stencil, cells))
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
    """True when `inner` lies inside `outer`."""
    return (
        outer.pan_deg[0] <= inner.pan_deg[0] <= inner.pan_deg[1] <= outer.pan_deg[1]
        and outer.tilt_deg[0] <= inner.tilt_deg[0] <= inner.tilt_deg[1] <= outer.tilt_deg[1]
        and outer.focal[0] <= inner.focal[0] <= inner.focal[1] <= outer.focal[1]
    )


def _serves(aimed: Box, box: Box, corner: float) -> bool:
    """True when masks made ready for `aimed` serve `box`: it lies inside, and fills it but for a little."""
    return _holds(aimed, box) and _holds(_spared(box, MOST_SPARE_PX, corner), aimed)


def _share(stencils: Sequence[Stencil], size: tuple[int, int]) -> float:
    """Of the picture under any of the stencils (0..1), from one in SHARE_EVERY rows and columns."""
    step = SHARE_EVERY
    union = np.zeros((-(-(size[1] & ~1) // step), -(-(size[0] & ~1) // step)), np.uint8)
    for stencil in stencils:
        part = stencil.fine[-stencil.top % step :: step, -stencil.left % step :: step]
        top, left = -(-stencil.top // step), -(-stencil.left // step)
        place = union[top : top + part.shape[0], left : left + part.shape[1]]
        place |= part
    return float(cv2.countNonZero(union)) / union.size


def doubt_px(box: Box, size: tuple[int, int]) -> float:
    """How far a point of the picture may move over a box of poses, at the most."""
    corner = math.hypot(*size) / 2
    stretch = 1 + (corner / box.focal[0]) ** 2
    turned = math.radians(box.pan_deg[1] - box.pan_deg[0]) + math.radians(box.tilt_deg[1] - box.tilt_deg[0])
    return box.focal[1] * turned * stretch + corner * (box.focal[1] / box.focal[0] - 1)
