"""The same street through an equidistant fisheye that stands still: 180 degrees and more in one picture.

    eye = FisheyeLens(street, 960, 960, pan_deg=0, tilt_deg=-20, fov_deg=180)
    eye.picture(3.2), eye.truth()

Where each pixel looks is worked out once, and the street without its people is drawn once: a picture is then a handful
of table look-ups.
"""

from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

from agent.virtual.figures import Picture, walker
from agent.virtual.grain import level_for
from agent.virtual.homes import sheet_for
from agent.virtual.panorama import SIDE_PX, SIDES, side_px_per_degree
from agent.virtual.render import Sides, TurningStreet
from agent.virtual.sphere import Values, Vectors, axes, camera_matrix, fisheye_rays
from agent.virtual.world import PrivatePlace, Walker, passing


@dataclass(frozen=True, slots=True)
class _Part:
    """Where a plane's pixels go: for the box at (left, top), the plane's (x, y) and which pixels are its own."""

    left: int
    top: int
    x: Values
    y: Values
    mask: Picture

    def paint(self, source: Picture, level: int, canvas: Picture) -> None:
        """Copies what the plane shows there; `source` is `level` halvings of it."""
        scale = 1 / (1 << level)
        seen = cv2.remap(source, self.x * scale, self.y * scale, cv2.INTER_LINEAR, borderMode=cv2.BORDER_REPLICATE)
        height, width = self.mask.shape
        cv2.copyTo(seen, self.mask, canvas[self.top : self.top + height, self.left : self.left + width])


def _part(flat: Vectors, own: NDArray[np.bool_]) -> _Part | None:
    rows, columns = np.flatnonzero(own.any(axis=1)), np.flatnonzero(own.any(axis=0))
    if not len(rows):
        return None
    box = np.s_[int(rows[0]) : int(rows[-1]) + 1, int(columns[0]) : int(columns[-1]) + 1]
    with np.errstate(divide="ignore", invalid="ignore"):
        placed = np.where(own[box][..., None], flat[box][..., :2] / flat[box][..., 2:], 0.0).astype(np.float32)
    mask = np.where(own[box], 255, 0).astype(np.uint8)
    return _Part(int(columns[0]), int(rows[0]), placed[..., 0].copy(), placed[..., 1].copy(), mask)


def inside(place: PrivatePlace, looked: Vectors) -> NDArray[np.bool_]:
    """(rows, columns): which rays end in that private place (even-odd on its own plane)."""
    plane = np.linalg.inv(sheet_for(place).matrix)
    flat = looked @ plane.T
    ahead = flat[..., 2] > 0
    with np.errstate(divide="ignore", invalid="ignore"):
        x, y = flat[..., 0] / flat[..., 2], flat[..., 1] / flat[..., 2]
    corners = place.corners() @ plane.T
    points = corners[:, :2] / corners[:, 2:]
    odd = np.zeros(ahead.shape, bool)
    for (x0, y0), (x1, y1) in zip(points, np.roll(points, -1, axis=0), strict=True):
        if y0 == y1:
            continue
        with np.errstate(invalid="ignore"):
            odd ^= ((y0 > y) != (y1 > y)) & (x < x0 + (y - y0) * (x1 - x0) / (y1 - y0))
    return odd & ahead


class FisheyeLens:
    """`fov_deg` across the picture's shorter side; black outside that circle. Not thread-safe."""

    def __init__(
        self, street: TurningStreet, width: int, height: int, *, pan_deg: float, tilt_deg: float, fov_deg: float
    ) -> None:
        self._street = street
        self.width, self.height = width, height
        self._focal = min(width, height) / np.radians(fov_deg)
        self._axes, self._half = axes(pan_deg, tilt_deg), float(np.radians(fov_deg / 2))
        looked = fisheye_rays(pan_deg, tilt_deg, fov_deg, width, height)
        seen = (looked != 0).any(axis=2)
        nearest = np.argmax(np.stack([looked @ axes(side.pan_deg, side.tilt_deg)[2] for side in SIDES]), axis=0)
        flats = [looked @ camera_matrix(side, SIDE_PX, SIDE_PX).T for side in SIDES]
        self._sides = [_part(flat, seen & (nearest == number)) for number, flat in enumerate(flats)]
        self._homes: list[_Part | None] = []
        for home in street.homes:
            flat = looked @ np.linalg.inv(home.sheet.matrix).T
            self._homes.append(_part(flat, seen & inside(home.place, looked)))
        self._shown = float(np.radians(self._focal))
        self._still: tuple[Sides, Picture] | None = None

    def picture(self, time_s: float) -> Picture:
        """(height, width, 3) uint8, BGR."""
        canvas = self._street_picture()
        for home, part in zip(self._street.homes, self._homes, strict=True):
            if part is not None:
                picture = home.picture(time_s, self._street.night)
                level = level_for(self._shown, home.sheet.px_per_deg, 5)
                small = cv2.resize(picture, None, fx=0.5**level, fy=0.5**level, interpolation=cv2.INTER_AREA)
                part.paint(np.asarray(small, np.uint8), level, canvas)
        self._passing(canvas, time_s)
        return canvas

    def _street_picture(self) -> Picture:
        """What never moves, drawn anew only when the light has changed."""
        sides = self._street.sides
        if self._still is None or self._still[0] is not sides:
            canvas: Picture = np.zeros((self.height, self.width, 3), np.uint8)
            for levels, part in zip(sides, self._sides, strict=True):
                if part is not None:
                    level = level_for(self._shown, side_px_per_degree(), len(levels))
                    part.paint(levels[level], level, canvas)
            self._still = (sides, canvas)
        return self._still[1].copy()

    def truth(self) -> Picture:
        """(height, width) uint8: 255 on exactly the pixels whose centre lies in a private place."""
        private: Picture = np.zeros((self.height, self.width), np.uint8)
        for part in self._homes:
            if part is not None:
                height, width = part.mask.shape
                private[part.top : part.top + height, part.left : part.left + width] |= part.mask
        return private

    def _passing(self, canvas: Picture, time_s: float) -> None:
        for who, foot in passing(time_s):
            if not isinstance(who, Walker):
                continue
            low, high = self._place(foot), self._place(foot + np.array((0, who.size_m, 0)))
            if low is not None and high is not None:
                walker(canvas, low[0], low[1], low[1] - high[1], time_s * 0.9, who.looks, self._street.light)

    def _place(self, point: Vectors) -> tuple[float, float] | None:
        x, y, z = (float(part) for part in self._axes @ (point / np.linalg.norm(point)))
        angle, away = float(np.arccos(min(1.0, z))), float(np.hypot(x, y))
        if angle > self._half or away == 0:
            return None
        reach = self._focal * angle / away
        return self.width / 2 - 0.5 + reach * x, self.height / 2 - 0.5 - reach * y
