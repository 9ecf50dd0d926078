"""What lies behind the private places: rooms with people, gardens, each on a flat sheet of its own.

Laws
- Every part of a private place has structure of strong contrast at every zoom: patterns with blotches from 0.9 down to
  0.012 degrees lie over everything that is drawn, the coarser ones in colour. A judge can measure what survives.
- The patterns are random, so that no mosaic's grid falls in step with them, and they do not look like a mosaic.

A sheet is the plane that touches the sphere at the place's middle; great circles are straight lines on it.
"""

from dataclasses import dataclass
from math import ceil, cos, pi, radians, sin

import cv2
import numpy as np

from agent.virtual.figures import Looks, Picture, box, disc, limb, lit, polygon, resident, television
from agent.virtual.sphere import Values, Vectors, angles, axes
from agent.virtual.world import LOOP_S, PrivatePlace

FINEST_PX_PER_DEG, MOST_PX = 96.0, 900
CELLS_DEG = ((0.9, 34.0), (0.3, 30.0), (0.1, 26.0))
"""(across a blotch, contrast) of the patterns that are drawn on the sheet."""
_PEOPLE = (
    Looks((60, 60, 190), (60, 60, 60)),
    Looks((160, 110, 40), (60, 60, 60), (60, 90, 140)),
    Looks((70, 150, 70), (60, 60, 60)),
    Looks((190, 190, 200), (60, 60, 60), (120, 125, 130)),
)


def blotches(width: int, height: int, across_px: float, random: np.random.Generator) -> Values:
    """(height, width) in -1..1: random blotches with hard edges, about `across_px` in size; nothing like a mosaic."""
    columns, rows = ceil(width / across_px) + 3, ceil(height / across_px) + 3
    grid = random.uniform(-1, 1, (rows, columns)).astype(np.float32)
    step = np.array(((across_px, 0, -across_px), (0, across_px, -across_px)), np.float64)
    smooth = cv2.warpAffine(grid, step, (width, height), flags=cv2.INTER_CUBIC, borderMode=cv2.BORDER_REFLECT)
    return np.asarray(np.clip(2.2 * smooth, -1, 1), np.float32)


@dataclass(frozen=True, slots=True)
class Sheet:
    """A plane before the lens: `matrix` (3, 3) turns its pixels (x, y, 1) into directions."""

    matrix: Vectors
    width: int
    height: int
    px_per_deg: float


def sheet_for(place: PrivatePlace) -> Sheet:
    """The plane that touches the sphere at the place's middle, large enough for all of it."""
    turned = axes(*angles(place.middle()))
    local = place.corners() @ turned.T
    flat = local[:, :2] / local[:, 2:]
    low, high = flat.min(axis=0), flat.max(axis=0)
    px_per_deg = min(FINEST_PX_PER_DEG, MOST_PX / float(np.degrees((high - low).max())))
    step = radians(1 / px_per_deg)
    width, height = (ceil(float(side) / step) + 4 for side in high - low)
    left, top = float(low[0]) - 2 * step, float(high[1]) + 2 * step
    to_local = np.array(((step, 0, left), (0, -step, top), (0, 0, 1)))
    return Sheet(turned.T @ to_local, width, height, px_per_deg)


class Home:
    """One private place: its sheet, and its picture at any moment."""

    def __init__(self, place: PrivatePlace, seed: int) -> None:
        self.place = place
        self.sheet = sheet_for(place)
        self._seed = seed
        self._rooms = max(1, round(self.sheet.width / self.sheet.height / 1.3)) if place.inside == "room" else 1
        self._empty = {light: self._furnished(light) for light in (True, False)}
        self._pattern = self._patterned()

    def picture(self, time_s: float, night: bool) -> Picture:
        """(height, width, 3): who is at home at that moment."""
        view = self._empty[night].copy()
        if self.place.inside in ("room", "garden"):
            self._live(view, time_s)
        out = np.empty_like(view)
        cv2.addWeighted(view, 0.75, self._pattern, 1.0, -96.0, dst=out)
        return out

    def _patterned(self) -> Picture:
        random, (width, height) = np.random.default_rng(self._seed), (self.sheet.width, self.sheet.height)
        total = np.full((height, width, 3), 128.0)
        for across_deg, contrast in CELLS_DEG:
            across = max(2.0, across_deg * self.sheet.px_per_deg)
            total += 0.8 * contrast * blotches(width, height, across, random)[..., None]
            for colour in range(3):
                total[..., colour] += 0.35 * contrast * blotches(width, height, across, random)
        return np.asarray(np.clip(total, 0, 255), np.uint8)

    def _furnished(self, night: bool) -> Picture:
        sheet: Picture = np.zeros((self.sheet.height, self.sheet.width, 3), np.uint8)
        match self.place.inside:
            case "room":
                for number in range(self._rooms):
                    self._room(self._part(sheet, number), number, night)
            case "garden":
                _garden(sheet, 0.5 if night else 1.0)
            case "door":
                box(sheet, 0, 0, sheet.shape[1], sheet.shape[0], lit((90, 70, 50), 0.6 if night else 1.0))
                box(sheet, sheet.shape[1] * 0.2, sheet.shape[0] * 0.1, sheet.shape[1] * 0.6, 60, (110, 190, 230))
            case "glass":
                box(sheet, 0, 0, sheet.shape[1], sheet.shape[0], (150, 190, 200))
                for x in range(0, sheet.shape[1], 90):
                    limb(sheet, (x, 0), (x, sheet.shape[0]), 9, (225, 230, 235))
        return sheet

    def _part(self, sheet: Picture, number: int) -> Picture:
        wide = sheet.shape[1] / self._rooms
        return sheet[:, round(number * wide) : round((number + 1) * wide)]

    def _room(self, room: Picture, number: int, night: bool) -> None:
        height, width = room.shape[:2]
        tint = np.random.default_rng(self._seed * 7 + number).uniform(0.8, 1.0, 3)
        wall = np.array((125, 205, 245)) * tint * (1.0 if night else 0.72)
        room[:] = np.clip(wall * np.linspace(1.05, 0.75, height)[:, None, None], 0, 255).astype(np.uint8)
        box(room, width * 0.1, height * 0.15, width * 0.25, height * 0.25, (45, 60, 95))
        box(
            room,
            width * 0.12,
            height * 0.18,
            width * 0.21,
            height * 0.19,
            ((190, 170, 120), (90, 150, 120))[number % 2],
        )
        disc(room, width * 0.7, height * 0.1, width * 0.1, height * 0.06, (215, 250, 255))
        box(room, width * 0.75, height * 0.45, width * 0.2, height * 0.55, (55, 75, 110))
        for side in (0, 1):  # curtains
            edge = side * width
            inner = edge + (1 - 2 * side) * width * 0.12
            polygon(room, [(edge, 0), (inner, 0), (edge + (inner - edge) * 0.6, height), (edge, height)], (70, 60, 150))
        limb(room, (width / 2, 0), (width / 2, height), max(2, width * 0.03), (225, 232, 235))

    def _live(self, view: Picture, time_s: float) -> None:
        turn = time_s / LOOP_S * 2 * pi
        for number in range(self._rooms):
            room, looks = self._part(view, number), _PEOPLE[(self._seed + number) % len(_PEOPLE)]
            height, width = room.shape[:2]
            if self.place.inside == "room" and (number + self._seed) % 3 == 2:
                television(room, time_s)
            paced = 0.5 + 0.22 * sin(turn * (3 + number) + self._seed)
            tall = height * (0.9 if self.place.inside == "room" else 0.5)
            resident(room, paced * width, tall, looks, 0.5 + 0.5 * cos(turn * 7 + number))


def _garden(sheet: Picture, light: float) -> None:
    height, width = sheet.shape[:2]
    box(sheet, 0, 0, width, height, lit((70, 150, 95), light))
    box(sheet, 0, 0, width, height * 0.25, lit((60, 95, 130), light))
    polygon(
        sheet,
        [(width * 0.1, height * 0.6), (width * 0.45, height * 0.55), (width * 0.5, height * 0.9), (0, height * 0.9)],
        lit((210, 170, 70), light),
    )
    for number in range(7):  # the washing line
        x = width * (0.55 + 0.06 * number)
        colour = ((230, 230, 235), (60, 60, 190), (190, 120, 60), (80, 190, 220))[number % 4]
        box(sheet, x, height * 0.35, width * 0.045, height * 0.22, lit(colour, light))
    limb(sheet, (width * 0.53, height * 0.34), (width * 0.98, height * 0.34), 2, lit((220, 220, 220), light))
