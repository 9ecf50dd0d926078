"""What the walls, the ground and the sky of the turning street look like, drawn flat; `panorama` puts them in place.

Walls are BGRA: where alpha is 0 one looks through (the gaps where the gardens are). `light` is 1.0 by day and
`NIGHT` by night. Private windows are drawn as dark holes with a frame: what is behind them belongs to `homes`.
"""

from math import cos, pi, sin

import cv2
import numpy as np

from agent.virtual.figures import Colour, Picture, box, disc, limb, lit, polygon
from agent.virtual.world import EAST, NORTH, SOUTH, WEST, Wall

NIGHT = 0.34
PX_PER_M = 36.0
GROUND_PX_PER_M = 24.0
GROUND_X, GROUND_Z = 80.0, (-16.0, 14.0)
ROAD_Z = (2.0, 10.0)

Stone = tuple[float, float, float, str, Colour]
"""From and to (metres across the wall), height, what it is, its colour."""

BUILDINGS: dict[str, tuple[Stone, ...]] = {
    NORTH.name: (
        (0, 14, 9, "shutters", (120, 150, 175)),
        (14, 31, 11, "shutters", (110, 120, 160)),
        (31, 49, 8, "school", (150, 175, 190)),
        (49, 63.5, 7, "works", (135, 140, 140)),
        (63.5, 76.5, 12, "house", (150, 185, 205)),
        (76.5, 85, 9, "bakery", (125, 165, 200)),
        (85, 94.5, 26, "tower", (165, 170, 175)),
        (113, 131, 10, "hall", (165, 178, 186)),
        (131, 146, 9, "shutters", (140, 165, 180)),
        (146, 160, 11, "shutters", (105, 130, 170)),
    ),
    SOUTH.name: (
        (0, 22, 9, "shutters", (135, 160, 180)),
        (22, 38, 7, "works", (120, 125, 130)),
        (62, 75, 10, "shutters", (115, 145, 185)),
        (75, 91, 13, "house", (160, 180, 190)),
        (91, 110, 13, "house", (130, 155, 175)),
        (110, 130, 8, "school", (155, 170, 180)),
        (130, 160, 10, "shutters", (125, 150, 165)),
    ),
    EAST.name: ((0, 13, 15, "house", (140, 165, 190)), (13, 30, 11, "shutters", (120, 140, 165))),
    WEST.name: ((0, 11, 9, "shutters", (125, 155, 180)), (11, 30, 13, "house", (150, 170, 185))),
}
HEDGES = {NORTH.name: (94.5, 113.0), SOUTH.name: (38.0, 62.0)}


class Front:
    """A wall to draw on, in metres across and above the ground."""

    def __init__(self, wall: Wall, light: float) -> None:
        self.light = light
        self._height_m = wall.height_m
        size = (round(wall.height_m * PX_PER_M), round(wall.width_m * PX_PER_M))
        self.colour: Picture = np.zeros((*size, 3), np.uint8)
        self.alpha: Picture = np.zeros(size, np.uint8)

    def px(self, across_m: float, up_m: float) -> tuple[float, float]:
        """Metres -> pixels."""
        return across_m * PX_PER_M, (self._height_m - up_m) * PX_PER_M

    def box(self, across: float, up: float, width: float, height: float, colour: Colour, glows: bool = False) -> None:
        """A filled rectangle, from its lower left corner; `glows` keeps its colour at night."""
        x, y = self.px(across, up + height)
        shade = colour if glows else lit(colour, self.light)
        box(self.colour, x, y, width * PX_PER_M, height * PX_PER_M, shade)

    def line(self, start: tuple[float, float], end: tuple[float, float], width: float, colour: Colour) -> None:
        """A line, `width` in metres."""
        limb(self.colour, self.px(*start), self.px(*end), width * PX_PER_M, lit(colour, self.light))

    def text(self, across: float, up: float, words: str, size: float, colour: Colour) -> None:
        """Letters about `size` metres high."""
        x, y = self.px(across, up)
        scale = size * PX_PER_M / 21
        shade = lit(colour, max(self.light, 0.6))
        where = (round(x), round(y))
        cv2.putText(self.colour, words, where, cv2.FONT_HERSHEY_DUPLEX, scale, shade, max(1, round(scale)), cv2.LINE_AA)

    def stand(self, across: float, width: float, height: float) -> None:
        """From here on that part of the wall hides what is behind it."""
        (left, top), (right, bottom) = self.px(across, height), self.px(across + width, 0)
        self.alpha[round(top) : round(bottom), round(left) : round(right)] = 255


def _bricks(front: Front, across: float, width: float, height: float, colour: Colour, seed: int) -> None:
    front.box(across, 0, width, height, colour)
    dark = (colour[0] * 0.84, colour[1] * 0.84, colour[2] * 0.84)
    for row in range(int(height / 0.3)):
        front.line((across, row * 0.3), (across + width, row * 0.3), 0.03, dark)
        for stone in range(int(width / 0.8)):
            x = across + stone * 0.8 + 0.4 * (row % 2)
            front.line((x, row * 0.3), (x, row * 0.3 + 0.3), 0.03, dark)
    (left, top), (right, bottom) = front.px(across, height), front.px(across + width, 0)
    face = front.colour[round(top) : round(bottom), round(left) : round(right)]
    noise = np.random.default_rng(seed).normal(0, 1, (face.shape[0] // 3 + 1, face.shape[1] // 3 + 1))
    rough = cv2.resize(noise, (face.shape[1], face.shape[0]), interpolation=cv2.INTER_CUBIC)
    stain = cv2.resize(noise[::20, ::20], (face.shape[1], face.shape[0]), interpolation=cv2.INTER_CUBIC)
    face[:] = np.clip(face + (9 * rough + 7 * stain)[..., None] * front.light, 0, 255).astype(np.uint8)


def _roof(front: Front, across: float, width: float, height: float) -> None:
    corners = [(across - 0.3, height), (across + width + 0.3, height)]
    corners += [(across + width - 0.8, height + 2.0), (across + 0.8, height + 2.0)]
    points = [front.px(*corner) for corner in corners]
    polygon(front.colour, points, lit((70, 66, 80), front.light))
    cv2.fillPoly(front.alpha, [np.array(points).round().astype(np.int32)], 255)
    for tile in range(1, 6):
        front.line((across, height + tile * 0.33), (across + width, height + tile * 0.33), 0.04, (55, 50, 62))


def _window(front: Front, x: float, up: float, width: float, height: float) -> None:
    front.box(x - 0.15, up - 0.15, width + 0.3, height + 0.3, (195, 205, 212))
    front.box(x, up, width, height, (60, 50, 44))


def _shutters(front: Front, across: float, width: float, height: float, paint: Colour) -> None:
    for floor in range(int((height - 1) / 3.1)):
        for column in range(int(width / 2.6)):
            x, up = across + 0.8 + column * 2.6, 1.0 + floor * 3.1
            _window(front, x, up, 1.1, 1.6)
            front.box(x, up, 1.1, 1.6, paint)
            for slat in range(1, 12):
                front.line((x, up + slat * 0.133), (x + 1.1, up + slat * 0.133), 0.025, (50, 60, 50))
            front.line((x + 0.55, up), (x + 0.55, up + 1.6), 0.05, (40, 45, 40))


def _school(front: Front, across: float, width: float, height: float) -> None:
    front.text(across + 2, height - 0.9, "ECOLE JEAN JAURES", 0.6, (45, 45, 60))
    for column in range(int(width / 3)):
        x = across + 0.7 + column * 3
        front.box(x, 1.2, 2.3, height - 3.2, (190, 195, 200))
        front.box(x + 0.1, 1.3, 2.1, height - 3.4, (120, 105, 90))
        for bar in (0.7, 1.4):
            front.line((x + 0.1 + bar, 1.3), (x + 0.1 + bar, height - 2.1), 0.06, (190, 195, 200))


def _works(front: Front, across: float, width: float, height: float) -> None:
    front.text(across + 1.5, height - 1.2, "GARAGE DU PARVIS", 0.7, (40, 50, 150))
    for door in range(int(width / 4.8)):
        x = across + 0.6 + door * 4.8
        front.box(x, 0, 4, height - 2.4, (110, 105, 98))
        for slat in range(1, int((height - 2.4) / 0.35)):
            front.line((x, slat * 0.35), (x + 4, slat * 0.35), 0.04, (84, 80, 72))


def _bakery(front: Front, across: float, width: float, height: float) -> None:
    _shutters(front, across, width, height, (70, 95, 60))
    front.box(across + 0.5, 0, width - 1, 3.4, (40, 60, 35))
    front.text(across + 1.0, 2.75, "BOULANGERIE", 0.55, (150, 215, 235))
    front.box(across + 0.8, 0.5, width - 1.6, 2.0, (120, 205, 235), glows=True)
    for shelf in (0.9, 1.6):
        front.box(across + 0.9, shelf, width - 1.8, 0.08, (60, 90, 120), glows=True)
        for loaf in range(int((width - 2) / 0.6)):
            x, y = front.px(across + 1.2 + loaf * 0.6, shelf + 0.2)
            disc(front.colour, x, y, 7, 4, (70, 130, 185))


def _hall(front: Front, across: float, width: float, height: float) -> None:
    front.text(across + 4, height - 1.2, "HOTEL DE VILLE", 0.9, (50, 50, 55))
    for column in range(int(width / 2.9)):
        x = across + 0.6 + column * 2.9
        front.box(x, 0, 0.7, height - 2.2, (200, 208, 214))
        front.box(x + 1.2, 1.0, 1.1, 2.6, (95, 80, 70))
        front.box(x + 1.2, 5.0, 1.1, 2.2, (80, 68, 60))
    for index, stripe in enumerate(((150, 60, 20), (235, 235, 235), (50, 40, 200))):
        front.box(across + width - 3 + index * 0.6, height - 1.8, 0.6, 1.2, stripe)


def _plain(front: Front, across: float, width: float, height: float) -> None:
    """A house or a tower: bands between its floors; its windows are private and drawn as holes by `_holes`."""
    for floor in range(1, int(height / 3.2)):
        front.box(across, floor * 3.25 - 0.1, width, 0.2, (185, 208, 220))
    front.box(across, 0, width, 0.7, (120, 125, 130))


# the windows of homes: wall -> (across, up, width, height) of each pane group, as `world.PRIVATE` has them
HOLES: dict[str, tuple[tuple[float, float, float, float], ...]] = {
    NORTH.name: (
        *((65, 4.6, 10, 2.2), (65, 7.9, 10, 2.2), (69.1, 1.2, 1.3, 2.4)),
        *((87, 8.5, 6, 2.0), (89, 19.5, 2.5, 2.5)),
    ),
    SOUTH.name: ((77.5, 4.6, 5, 2.4), (85, 8.0, 4, 2.0), (100, 7.5, 6, 3.5)),
    EAST.name: ((9.6, 10.0, 1.4, 0.98),),
    WEST.name: ((13, 7.0, 5, 2.5),),
}


def draw_wall(wall: Wall, light: float) -> tuple[Picture, Picture]:
    """(colour, alpha) of a wall: (rows, columns, 3) and (rows, columns), `PX_PER_M`."""
    front = Front(wall, light)
    for number, (start, end, height, kind, colour) in enumerate(BUILDINGS[wall.name]):
        width = end - start
        front.stand(start, width, height)
        _bricks(front, start, width, height, colour, number)
        match kind:
            case "shutters":
                _shutters(front, start, width, height, ((90, 70, 50), (60, 95, 60), (60, 60, 110))[number % 3])
            case "school":
                _school(front, start, width, height)
            case "works":
                _works(front, start, width, height)
            case "bakery":
                _bakery(front, start, width, height)
            case "hall":
                _hall(front, start, width, height)
            case _:
                _plain(front, start, width, height)
        if kind in ("shutters", "house", "bakery"):
            _roof(front, start, width, height)
    for hole in HOLES[wall.name]:
        _window(front, *hole)
    if wall.name in HEDGES:
        _hedge(front, *HEDGES[wall.name])
    return front.colour, front.alpha


def _hedge(front: Front, start: float, end: float) -> None:
    front.stand(start, end - start, 1.3)
    front.box(start, 0, end - start, 1.3, (45, 85, 50))
    place = np.random.default_rng(9)
    for _ in range(1600):
        x, y = front.px(place.uniform(start, end), place.uniform(0, 1.4))
        tone = place.uniform(0.6, 1.4)
        disc(front.colour, x, y, 4, 3, lit((45 * tone, 90 * tone, 55 * tone), front.light))


def draw_ground(light: float) -> Picture:
    """(rows, columns, 3): x grows to the right, z grows upwards, `GROUND_PX_PER_M`; pavement, road, square."""
    scale = GROUND_PX_PER_M
    height, width = round((GROUND_Z[1] - GROUND_Z[0]) * scale), round(2 * GROUND_X * scale)
    ground: Picture = np.zeros((height, width, 3), np.uint8)

    def row(z: float) -> float:
        return (GROUND_Z[1] - z) * scale

    ground[:] = lit((150, 152, 155), light)
    for z in np.arange(GROUND_Z[0], GROUND_Z[1], 1.0):
        limb(ground, (0, row(z)), (width, row(z)), 1, lit((122, 124, 128), light))
    for column in range(0, width, round(scale)):
        limb(ground, (column, 0), (column, height), 1, lit((122, 124, 128), light))
    box(ground, 0, row(ROAD_Z[1]), width, (ROAD_Z[1] - ROAD_Z[0]) * scale, lit((84, 82, 80), light))
    for z in ROAD_Z:
        box(ground, 0, row(z) - 4, width, 8, lit((190, 192, 195), light))
    for dash in range(0, width, round(6 * scale)):
        box(ground, dash, row(6.08), 3 * scale, 0.16 * scale, lit((225, 228, 230), light))
    for crossing in (-22.0, 12.0):
        for stripe in np.arange(ROAD_Z[0] + 0.3, ROAD_Z[1], 1.0):
            box(ground, (crossing + 80) * scale, row(stripe + 0.5), 3 * scale, 0.5 * scale, lit((222, 225, 228), light))
    for turn in range(16):  # a rose of dark slabs in the square, north of the mast's foot
        x, z = 5 + 3 * cos(turn * pi / 8), -9 + 3 * sin(turn * pi / 8)
        disc(ground, (x + 80) * scale, row(z), 11, 11, lit((90, 95, 120), light))
    noise = np.random.default_rng(3).normal(0, 6, (height // 2, width // 2))
    rough = cv2.resize(noise, (width, height), interpolation=cv2.INTER_CUBIC)
    return np.clip(ground + rough[..., None] * light, 0, 255).astype(np.uint8)


def sky_colours(light: float) -> tuple[Colour, Colour]:
    """(overhead, at the horizon)."""
    if light > 0.9:
        return (205, 150, 95), (225, 215, 205)
    return (44, 26, 16), (70, 52, 48)
