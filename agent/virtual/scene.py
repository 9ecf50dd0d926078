"""The virtual street: a house front with lit windows and people behind them, a town hall, a pavement, a road.

A deterministic function of time that repeats after `LOOP_S` seconds without a jump:

    scene = Street()
    picture = scene.render(3.2)       # (720, 1280, 3) uint8, BGR

`PRIVATE` says where the private places are, in picture fractions, as masks are configured: what lies inside must never
leave the mast. Nothing here knows how the picture is encoded or served.
"""

from dataclasses import dataclass
from math import cos, pi, sin
from typing import Literal

import cv2
import numpy as np

from agent.virtual.figures import (
    Colour,
    Looks,
    Picture,
    box,
    car,
    disc,
    limb,
    lit,
    polygon,
    resident,
    television,
    walker,
)

WIDTH, HEIGHT = 1280, 720
LOOP_S = 24.0

HOUSE = (70, 44, 820, 452)  # left, top, right, bottom
KERB_Y, ROAD_Y = 540, 556
COLUMNS = tuple(118 + 141 * column for column in range(5))
FLOORS = (92, 226)
WINDOW = (92, 104)
DOOR = (398, 356, 76, 96)
HALL = (860, 90, 1240, 452)

Point = tuple[float, float]


@dataclass(frozen=True, slots=True)
class PrivatePlace:
    """Somebody's home, seen from the street: a polygon in picture fractions and how to mask it."""

    name: str
    polygon: tuple[Point, ...]
    style: Literal["pixelate", "solid"]


def _around(left: float, top: float, right: float, bottom: float) -> tuple[Point, ...]:
    corners = ((left, top), (right, top), (right, bottom), (left, bottom))
    return tuple((round(x / WIDTH, 4), round(y / HEIGHT, 4)) for x, y in corners)


def _row(floor: int) -> tuple[Point, ...]:
    return _around(COLUMNS[0] - 10, FLOORS[floor] - 8, COLUMNS[-1] + WINDOW[0] + 10, FLOORS[floor] + WINDOW[1] + 10)


PRIVATE = (
    PrivatePlace("2e étage, fenêtres", _row(0), "pixelate"),
    PrivatePlace("1er étage, fenêtres", _row(1), "pixelate"),
    PrivatePlace(
        "porte du 12", _around(DOOR[0] - 6, DOOR[1] - 8, DOOR[0] + DOOR[2] + 6, DOOR[1] + DOOR[3] + 2), "solid"
    ),
)
"""Two rows of windows and the door of the house."""

NIGHT, DAY = 0.62, 1.0
DARK_ROOMS = frozenset({(1, 0), (4, 1)})
RESIDENTS = {
    (0, 0): (Looks((60, 60, 190), (60, 60, 60)), 0.5, 0.20),
    (2, 0): (Looks((160, 110, 40), (60, 60, 60), (60, 90, 140)), 0.35, 0.15),
    (3, 0): (Looks((70, 150, 70), (60, 60, 60)), 0.6, 0.10),
    (1, 1): (Looks((190, 190, 200), (60, 60, 60), (120, 125, 130)), 0.45, 0.22),
    (2, 1): (Looks((50, 110, 200), (60, 60, 60)), 0.6, 0.05),
    (3, 1): (Looks((140, 60, 120), (60, 60, 60), (40, 60, 110)), 0.4, 0.18),
}
"""(column, floor) -> who lives there, where they stand (of the window's width), how far they walk about."""
TELEVISIONS = frozenset({(3, 0), (0, 1)})


@dataclass(frozen=True, slots=True)
class Passage:
    """Somebody or something that crosses the street's picture once a loop, from `begin_s` on for `lasts_s` seconds."""

    begin_s: float
    lasts_s: float
    y: float
    size: float
    right: bool

    def progress(self, time_s: float) -> float | None:
        """0 to 1 while they cross, None while they are elsewhere."""
        done = ((time_s - self.begin_s) % LOOP_S) / self.lasts_s
        return done if done <= 1 else None

    def x(self, progress: float) -> float:
        """Where their middle is; they come from beyond one edge and leave beyond the other."""
        along = progress if self.right else 1 - progress
        return -self.size + along * (WIDTH + 2 * self.size)


WALKERS = (
    (Passage(0.0, 18.0, 500, 118, True), Looks((60, 60, 170), (70, 50, 40))),
    (Passage(5.0, 20.0, 516, 126, False), Looks((120, 130, 60), (50, 50, 55), (90, 130, 180))),
    (Passage(6.2, 20.0, 520, 112, False), Looks((170, 140, 190), (90, 70, 60), (30, 50, 90))),
    (Passage(11.0, 15.0, 530, 134, True), Looks((70, 70, 75), (60, 45, 35))),
    (Passage(17.0, 22.0, 508, 122, True), Looks((80, 160, 210), (45, 45, 50))),
)
CARS = (
    (Passage(1.5, 7.0, 612, 255, True), (60, 50, 165)),
    (Passage(7.0, 8.0, 668, 300, False), (190, 185, 180)),
    (Passage(12.5, 6.5, 612, 250, True), (150, 95, 40)),
    (Passage(18.5, 7.5, 668, 310, False), (45, 45, 50)),
)


def _grain(picture: Picture, strength: float, seed: int) -> None:
    """Gives a surface a fixed texture."""
    noise = np.random.default_rng(seed).normal(0, strength, picture.shape[:2])
    rough = cv2.GaussianBlur(noise, (0, 0), 1.2) * 2
    picture[:] = np.clip(picture + rough[:, :, None], 0, 255).astype(np.uint8)


def _sky(picture: Picture, light: float) -> None:
    top, bottom = np.array(lit((165, 120, 80), light)), np.array(lit((190, 190, 225), light))
    share = np.linspace(0, 1, KERB_Y)[:, None]
    picture[:KERB_Y] = (top * (1 - share) + bottom * share)[:, None, :].astype(np.uint8)


def _house(picture: Picture, light: float) -> None:
    left, top, right, bottom = HOUSE
    box(picture, left, top, right - left, bottom - top, lit((150, 185, 205), light))
    _grain(picture[top:bottom, left:right], 7, 1)
    polygon(picture, [(left - 20, top), (right + 20, top), (right - 24, 8), (left + 24, 8)], lit((80, 70, 66), light))
    for chimney in (190, 640):
        box(picture, chimney, 0, 40, 16, lit((70, 80, 120), light))
    for y in (top, 216, 350):
        box(picture, left - 6, y - 5, right - left + 12, 9, lit((175, 205, 220), light))
    for x in range(left, right, 50):  # the joints of the ground floor's stone
        limb(picture, (x, 356), (x, bottom), 1, lit((120, 150, 170), light))
    for y in range(376, bottom, 20):
        limb(picture, (left, y), (right, y), 1, lit((120, 150, 170), light))
    box(picture, 96, 366, 250, 86, lit((40, 60, 35), light))
    box(picture, 104, 384, 234, 68, (120, 205, 235))
    cv2.putText(picture, "BOULANGERIE", (120, 381), cv2.FONT_HERSHEY_DUPLEX, 0.55, (150, 215, 235), 1, cv2.LINE_AA)
    for shelf in (412, 432):
        box(picture, 108, shelf, 226, 3, (60, 90, 120))
        for loaf in range(9):
            disc(picture, 124 + loaf * 24, shelf - 4, 9, 5, (70, 130, 185))
    x, y, width, height = DOOR
    box(picture, x - 6, y - 8, width + 12, height + 8, lit((175, 205, 220), light))
    box(picture, x, y, width, height, lit((70, 55, 40), light))
    box(picture, x + 10, y + 8, width - 20, 34, (110, 190, 230))
    cv2.putText(picture, "12", (x + 26, y + 32), cv2.FONT_HERSHEY_DUPLEX, 0.6, (40, 40, 40), 1, cv2.LINE_AA)
    for bell, name in enumerate(("MARTIN", "PETIT", "LEROY")):
        cv2.putText(
            picture, name, (x + 12, y + 56 + bell * 13), cv2.FONT_HERSHEY_PLAIN, 0.75, (230, 240, 240), 1, cv2.LINE_AA
        )
    for garage in (520, 668):
        box(picture, garage, 372, 128, 80, lit((110, 105, 95), light))
        for y in range(380, 452, 12):
            limb(picture, (garage, y), (garage + 128, y), 1, lit((85, 80, 72), light))


def _hall(picture: Picture, light: float) -> None:
    left, top, right, bottom = HALL
    box(picture, left, top, right - left, bottom - top, lit((165, 178, 186), light))
    _grain(picture[top:bottom, left:right], 5, 2)
    polygon(picture, [(left - 14, top), (right + 14, top), ((left + right) / 2, 30)], lit((140, 155, 165), light))
    cv2.putText(
        picture,
        "HOTEL DE VILLE",
        (left + 92, top + 32),
        cv2.FONT_HERSHEY_DUPLEX,
        0.75,
        lit((50, 50, 55), light),
        1,
        cv2.LINE_AA,
    )
    for column in range(6):
        x = left + 22 + column * 66
        box(picture, x, top + 60, 18, bottom - top - 60, lit((195, 205, 212), light))
        if column < 5:
            box(picture, x + 28, top + 84, 28, 90, lit((95, 80, 70), light))
            box(picture, x + 28, top + 210, 28, 110, lit((80, 68, 60), light))
    for index, colour in enumerate(((150, 60, 20), (235, 235, 235), (50, 40, 200))):
        box(picture, right - 70 + index * 18, top + 46, 18, 34, lit(colour, light))
    disc(picture, (left + right) / 2, 66, 19, 19, lit((235, 240, 240), light))


def _ground(picture: Picture, light: float) -> None:
    box(picture, 0, 452, WIDTH, KERB_Y - 452, lit((150, 152, 155), light))
    for x in range(-400, WIDTH + 400, 64):
        limb(picture, (x, KERB_Y), (640 + (x - 640) * 0.8, 452), 1, lit((128, 130, 132), light))
    for y in (470, 494):
        limb(picture, (0, y), (WIDTH, y), 1, lit((128, 130, 132), light))
    box(picture, 0, KERB_Y, WIDTH, ROAD_Y - KERB_Y, lit((185, 188, 190), light))
    box(picture, 0, ROAD_Y, WIDTH, HEIGHT - ROAD_Y, lit((84, 82, 80), light))
    _grain(picture[452:], 5, 3)
    for x in range(20, WIDTH, 120):
        polygon(picture, [(x, 634), (x + 62, 634), (x + 60, 640), (x - 3, 640)], lit((225, 228, 230), light))
    for y in range(ROAD_Y + 6, HEIGHT, 26):
        polygon(picture, [(905, y), (1040, y), (1046, y + 14), (903, y + 14)], lit((222, 225, 228), light))


def _trees(picture: Picture, light: float) -> None:
    for x, seed in ((842, 4), (26, 5), (1262, 6)):
        limb(picture, (x, 470), (x, 300), 14, lit((50, 65, 80), light))
        place = np.random.default_rng(seed)
        for _ in range(70):
            dx, dy = place.normal(0, 26), place.normal(0, 38)
            tone = place.uniform(0.7, 1.2)
            disc(picture, x + dx, 262 + dy, 13, 11, lit((50 * tone, 105 * tone, 70 * tone), light))


def _lamps(picture: Picture, light: float) -> None:
    glow = (DAY - light) / (DAY - NIGHT)
    for x in (368, 1090):
        limb(picture, (x, 536), (x, 330), 6, (45, 45, 45))
        disc(picture, x, 324, 11, 13, (235, 245, 250) if glow > 0 else (200, 205, 205))
        pool = np.zeros(picture.shape, np.float32)
        cv2.ellipse(pool, (x, 505), (150, 46), 0, 0, 360, (60, 110, 135), -1)
        cv2.circle(pool, (x, 324), 34, (70, 120, 140), -1)
        soft = cv2.GaussianBlur(pool, (0, 0), 28) * glow * 0.6
        picture[:] = np.clip(picture + soft, 0, 255).astype(np.uint8)


def _room(column: int, floor: int) -> Picture:
    """A room as it is when nobody is in it."""
    width, height = WINDOW
    room = np.zeros((height, width, 3), np.uint8)
    if (column, floor) in DARK_ROOMS:
        room[:] = (60, 48, 42)
        polygon(room, [(8, 0), (40, 0), (10, height), (0, height), (0, 20)], (82, 68, 60))
        return room
    tint = np.random.default_rng(column * 7 + floor).uniform(0.85, 1.0, 3)
    wall: Colour = (125 * tint[0], 205 * tint[1], 245 * tint[2])
    shade = np.linspace(1.05, 0.75, height)[:, None, None]
    room[:] = np.clip(np.array(wall) * shade, 0, 255).astype(np.uint8)
    for stripe in range(4, width, 11):  # wallpaper
        limb(room, (stripe, 0), (stripe, height), 2, lit(wall, 0.86))
    box(room, 10, 18, 26, 22, (45, 60, 95))
    box(room, 13, 21, 20, 16, (190, 170, 120) if column % 2 else (90, 150, 120))
    disc(room, width * 0.72, 10, 13, 8, (215, 250, 255))
    box(room, width - 24, 46, 20, 58, (55, 75, 110))
    for book in range(4):
        colour: Colour = ((60, 70, 180), (160, 90, 50), (70, 140, 70), (50, 160, 200))[(book + column) % 4]
        box(room, width - 22 + book * 4.4, 50, 3.6, 14, colour)
    return room


class Street:
    """The scene; made once (half a second), then `render` gives the picture of any moment."""

    def __init__(self) -> None:
        self._night, self._day = self._empty(NIGHT), self._empty(DAY)
        self._rooms = {(column, floor): _room(column, floor) for column in range(5) for floor in range(2)}

    @staticmethod
    def _empty(light: float) -> Picture:
        picture = np.zeros((HEIGHT, WIDTH, 3), np.uint8)
        _sky(picture, light)
        _hall(picture, light)
        _house(picture, light)
        _ground(picture, light)
        _trees(picture, light)
        _lamps(picture, light)
        return picture

    def render(self, time_s: float) -> Picture:
        """The picture at that moment: (720, 1280, 3) uint8, BGR. Moments `LOOP_S` apart look the same."""
        day = 0.5 + 0.5 * cos(time_s / LOOP_S * 2 * pi)
        light = NIGHT + (DAY - NIGHT) * day
        picture: Picture = np.asarray(cv2.addWeighted(self._day, day, self._night, 1 - day, 0), np.uint8)
        self._hands(picture, time_s)
        for (column, floor), room in self._rooms.items():
            self._window(picture, column, floor, room, time_s)
        moving = [(passage.y, passage, looks) for passage, looks in (*WALKERS, *CARS)]
        for _, passage, looks in sorted(moving, key=lambda one: one[0]):
            progress = passage.progress(time_s)
            if progress is None:
                continue
            x = passage.x(progress)
            if isinstance(looks, Looks):
                walker(picture, x, passage.y, passage.size, progress * passage.lasts_s * 0.9, looks, light)
            else:
                car(picture, x, passage.y, passage.size, looks, light, right=passage.right)
        return picture

    def _window(self, picture: Picture, column: int, floor: int, room: Picture, time_s: float) -> None:
        x, y = COLUMNS[column], FLOORS[floor]
        width, height = WINDOW
        box(picture, x - 7, y - 7, width + 14, height + 14, (190, 200, 205))
        view = picture[y : y + height, x : x + width]
        view[:] = room
        if (column, floor) in TELEVISIONS:
            television(view, time_s)
        if who := RESIDENTS.get((column, floor)):
            looks, place, way = who
            turn = time_s / LOOP_S * 2 * pi
            paced = place + way * sin(turn * (2 + column % 3) + column)
            raised = 0.5 + 0.5 * sin(turn * (5 + column) + floor)
            resident(view, paced * width, height * 0.92, looks, raised)
        for side in (0, 1):  # curtains
            edge = side * width
            inner = edge + (1 - 2 * side) * width * 0.14
            polygon(view, [(edge, 0), (inner, 0), (edge + (inner - edge) * 0.6, height), (edge, height)], (70, 60, 150))
        limb(view, (width / 2, 0), (width / 2, height), 4, (225, 232, 235))
        limb(view, (0, height * 0.3), (width, height * 0.3), 3, (225, 232, 235))

    @staticmethod
    def _hands(picture: Picture, time_s: float) -> None:
        """The town hall's clock; its one hand goes round once a loop."""
        x, y = (HALL[0] + HALL[2]) / 2, 66
        turn = time_s / LOOP_S * 2 * pi
        limb(picture, (x, y), (x + 14 * sin(turn), y - 14 * cos(turn)), 3, (40, 40, 45))
