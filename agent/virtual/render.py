"""The street through a lens: (pan, tilt, field of view, moment) -> picture, and which of its pixels are private.

    street = TurningStreet(folder)
    lens = Lens(street, 704, 576)
    picture = lens.picture(View(30, 10, 13.4), time_s=3.2)      # (576, 704, 3) uint8, BGR
    private = truth(View(30, 10, 13.4), 704, 576)              # (576, 704) uint8, 255 where a private place is

A plane of the world seen through a lens without distortion is a homography, so nearly all of the work is OpenCV's
`warpPerspective`: the cube's sides, the fine grain of the street, each home, and then whoever passes. A picture of
704x576 takes 7 to 14 ms of one core (AMD EPYC), one of 1280x720 twice that; while the lens stands still the street is
kept and only homes and passers-by are drawn. Fields of view up to 90 degrees.
"""

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import cv2
import numpy as np

from agent.virtual.figures import Picture, car, walker
from agent.virtual.grain import (
    HOME_CELLS_PX,
    STREET_CELLS_PX,
    TILE_PX_PER_DEG,
    Grain,
    halvings,
    level_for,
    level_matrix,
)
from agent.virtual.homes import Home
from agent.virtual.masonry import NIGHT
from agent.virtual.panorama import SIDE_PX, SIDES, load_sides, side_px_per_degree
from agent.virtual.sphere import Vectors, View, axes, camera_matrix, focal_px
from agent.virtual.world import PRIVATE, Car, passing

NEAR = 0.01
"""What lies less than this ahead of the lens (a cosine) has no place in the picture."""
GRAIN_FROM_PX_PER_DEG = 14.0
"""The street's grain grows in from here to twice this: coarser pictures would only flicker with it."""
_CORNERS = np.array(((-0.5, -0.5), (SIDE_PX - 0.5, -0.5), (SIDE_PX - 0.5, SIDE_PX - 0.5), (-0.5, SIDE_PX - 0.5)))


Sides = tuple[tuple[Picture, ...], ...]
"""The cube's sides, each with its halvings."""
Box = tuple[int, int, int, int]
"""left, top, width, height; in pixels."""


@dataclass(frozen=True, slots=True)
class _Sight:
    """A home that is in the picture: the box around it, and which of the box's pixels are its own."""

    home: Home
    box: Box
    mask: Picture


def cut_behind(corners: Vectors, matrix: Vectors) -> Vectors:
    """(n, 3) directions -> (m, 2) pixels of the part of that polygon that lies ahead (Sutherland-Hodgman)."""
    flat = corners @ matrix.T
    kept: list[Vectors] = []
    for a, b in zip(flat, np.roll(flat, -1, axis=0), strict=True):
        if (a[2] > NEAR) != (b[2] > NEAR):
            share = (NEAR - a[2]) / (b[2] - a[2])
            kept.append(a + share * (b - a))
        if b[2] > NEAR:
            kept.append(b)
    if len(kept) < 3:
        return np.zeros((0, 2))
    points = np.array(kept)
    placed: Vectors = points[:, :2] / points[:, 2:]
    return placed


def fill(polygon: Vectors, left: int, top: int, width: int, height: int) -> Picture:
    """(height, width) uint8: 255 where a pixel's centre lies in the polygon (even-odd), for the box at (left, top)."""
    changes = np.zeros((height, width + 1), np.uint8)
    for a, b in zip(polygon, np.roll(polygon, -1, axis=0), strict=True):
        (x0, y0), (x1, y1) = (a, b) if a[1] < b[1] else (b, a)
        first, last = max(0, int(np.ceil(y0 - top))), min(height, int(np.ceil(y1 - top)))
        if first >= last:
            continue
        rows = np.arange(first, last)
        x = x0 + (rows + top - y0) * (x1 - x0) / (y1 - y0)
        columns = np.clip(np.ceil(x - left), 0, width).astype(np.intp)
        changes[rows, columns] ^= 255
    filled: Picture = np.bitwise_xor.accumulate(changes[:, :width], axis=1)
    return filled


def clip_box(points: Vectors, width: int, height: int) -> Box:
    """(left, top, width, height) of the picture's part that the points reach over; sides of 0 when they miss it."""
    if not len(points):
        return 0, 0, 0, 0
    low, high = np.floor(points.min(axis=0)), np.ceil(points.max(axis=0)) + 1
    left, top = max(0, int(min(low[0], width))), max(0, int(min(low[1], height)))
    right, bottom = min(width, int(max(0, high[0]))), min(height, int(max(0, high[1])))
    return left, top, max(0, right - left), max(0, bottom - top)


def truth(view: View, width: int, height: int) -> Picture:
    """(height, width) uint8: 255 on exactly the pixels whose centre lies in a private place."""
    private: Picture = np.zeros((height, width), np.uint8)
    matrix = camera_matrix(view, width, height)
    for place in PRIVATE:
        outline = cut_behind(place.corners(), matrix)
        left, top, across, down = clip_box(outline, width, height)
        if across and down:
            private[top : top + down, left : left + across] |= fill(outline, left, top, across, down)
    return private


class TurningStreet:
    """What every lens of the street shares: the cube's sides by day or night, the homes. Made once per process."""

    def __init__(
        self, folder: Path, *, night: bool = False, progress: Callable[[float], None] = lambda _: None
    ) -> None:
        self._both = load_sides(folder, progress)
        self.homes = tuple(Home(place, seed) for seed, place in enumerate(PRIVATE))
        self.home_grain = Grain(HOME_CELLS_PX, 1)
        self.street_grain = Grain(STREET_CELLS_PX, 2)
        self.set_night(night)

    def set_night(self, night: bool) -> None:
        """Day or night from the next picture on."""
        # the pictures come last: who draws meanwhile still has those of before
        self.night = night
        self.light = NIGHT if night else 1.0
        self.sides = tuple(halvings(np.ascontiguousarray(side))[:4] for side in self._both[int(night)])


class Lens:
    """The street in pictures of one size. Not thread-safe."""

    def __init__(self, street: TurningStreet, width: int, height: int) -> None:
        self._street = street
        self.width, self.height = width, height
        lenses = [camera_matrix(side, SIDE_PX, SIDE_PX) for side in SIDES]
        self._side_to_direction = [np.linalg.inv(lens).astype(np.float64) for lens in lenses]
        self._still: tuple[View, Sides, Picture] | None = None

    def picture(self, view: View, time_s: float) -> Picture:
        """(height, width, 3) uint8, BGR: what the lens sees at that moment."""
        matrix = camera_matrix(view, self.width, self.height)
        shown = float(np.radians(focal_px(view.hfov_deg, self.width)))
        homes = [(home, *self._box(home.place.corners(), matrix)) for home in self._street.homes]
        in_sight = [_Sight(home, box, fill(outline, *box)) for home, outline, box in homes if box[2] and box[3]]
        canvas = self._street_picture(view, matrix, shown, in_sight)
        for sight in in_sight:
            self._show_home(canvas, sight, matrix, shown, time_s)
        self._show_passing(canvas, matrix, time_s, view)
        return canvas

    def _street_picture(self, view: View, matrix: Vectors, shown: float, in_sight: list[_Sight]) -> Picture:
        """What never moves, drawn anew only when the lens or the light has changed; nothing where a home fills it."""
        sides = self._street.sides
        if self._still is None or self._still[0] != view or self._still[1] is not sides:
            canvas: Picture = np.zeros((self.height, self.width, 3), np.uint8)
            whole = self.width * self.height
            if not any(sight.mask.size == whole and sight.mask.all() for sight in in_sight):
                for levels, to_direction in zip(sides, self._side_to_direction, strict=True):
                    self._show_side(canvas, levels, to_direction, matrix, shown)
            self._still = (view, sides, canvas)
        return self._still[2].copy()

    def truth(self, view: View) -> Picture:
        """`truth` for this lens."""
        return truth(view, self.width, self.height)

    def _box(self, corners: Vectors, matrix: Vectors) -> tuple[Vectors, Box]:
        outline = cut_behind(corners, matrix)
        return outline, clip_box(outline, self.width, self.height)

    def _show_side(
        self, canvas: Picture, levels: tuple[Picture, ...], to_direction: Vectors, matrix: Vectors, shown: float
    ) -> None:
        corners = np.column_stack((_CORNERS, np.ones(4))) @ to_direction.T
        unit = corners / np.linalg.norm(corners, axis=1, keepdims=True)
        outline, (left, top, width, height) = self._box(unit, matrix)
        if not (width and height):
            return
        level = level_for(shown, side_px_per_degree(), len(levels))
        pane = canvas[top : top + height, left : left + width]
        whole = _moved(matrix @ to_direction @ level_matrix(level), left, top)
        cv2.warpPerspective(levels[level], whole, (width, height), dst=pane, borderMode=cv2.BORDER_TRANSPARENT)
        amount = min(1.0, shown / GRAIN_FROM_PX_PER_DEG - 1.0)
        if amount > 0:
            mask = fill(outline, left, top, width, height)
            grained = _moved(matrix @ _around(to_direction), left, top)
            self._street.street_grain.add(pane, grained, shown, amount, mask)

    def _show_home(self, canvas: Picture, sight: _Sight, matrix: Vectors, shown: float, time_s: float) -> None:
        home, (left, top, width, height) = sight.home, sight.box
        picture = home.picture(time_s, self._street.night)
        level = level_for(shown, home.sheet.px_per_deg, 5)
        for _ in range(level):
            picture = np.asarray(cv2.resize(picture, None, fx=0.5, fy=0.5, interpolation=cv2.INTER_AREA), np.uint8)
        whole = _moved(matrix @ home.sheet.matrix @ level_matrix(level), left, top)
        seen: Picture = np.zeros((height, width, 3), np.uint8)
        cv2.warpPerspective(picture, whole, (width, height), dst=seen, borderMode=cv2.BORDER_REPLICATE)
        self._street.home_grain.add(seen, _moved(matrix @ _around(home.sheet.matrix), left, top), shown)
        cv2.copyTo(seen, sight.mask, canvas[top : top + height, left : left + width])

    def _show_passing(self, canvas: Picture, matrix: Vectors, time_s: float, view: View) -> None:
        ahead = axes(view.pan_deg, view.tilt_deg)[2]
        for who, foot in passing(time_s):
            if float(foot @ ahead) < 0.3 * float(np.linalg.norm(foot)):
                continue
            if isinstance(who, Car):
                self._show_car(canvas, who, foot, matrix)
            else:
                low, high = _place(matrix, foot), _place(matrix, foot + np.array((0, who.size_m, 0)))
                tall = low[1] - high[1]
                if tall > 1 and -tall < low[0] < self.width + tall and high[1] < self.height and low[1] > 0:
                    stride = time_s * (0.9 if who.passage.east else -0.9)
                    walker(canvas, low[0], low[1], tall, stride, who.looks, self._street.light)

    def _show_car(self, canvas: Picture, who: Car, foot: Vectors, matrix: Vectors) -> None:
        across = np.array((foot[2], 0, -foot[0])) / float(np.hypot(foot[0], foot[2])) * who.size_m / 2
        ends, middle = (_place(matrix, foot - across), _place(matrix, foot + across)), _place(matrix, foot)
        length = abs(ends[1][0] - ends[0][0])
        if length > 2 and -length < middle[0] < self.width + length and -length < middle[1] < self.height + length:
            to_the_right = (ends[1][0] > ends[0][0]) == (who.passage.east == (foot[2] > 0))
            light = self._street.light
            car(canvas, middle[0], middle[1], length, who.colour, light, right=to_the_right)


def _place(matrix: Vectors, point: Vectors) -> tuple[float, float]:
    x, y, w = (float(part) for part in matrix @ point)
    return x / w, y / w


def _moved(matrix: Vectors, left: int, top: int) -> Vectors:
    """The same homography, into the part of the picture that begins at (left, top)."""
    shifted: Vectors = np.array(((1, 0, -left), (0, 1, -top), (0, 0, 1))) @ matrix
    return shifted


def _around(to_direction: Vectors) -> Vectors:
    """(3, 3): pixels of a grain tile -> directions, on the plane of a side or a sheet, from that plane's own corner."""
    step = float(np.linalg.norm(to_direction[:, 0]))
    reach = float(np.linalg.norm(np.linalg.inv(to_direction)[2])) ** -1  # how far the plane is from the lens
    scale = float(np.radians(1 / TILE_PX_PER_DEG)) * reach / step
    return to_direction @ np.diag((scale, scale, 1.0))
