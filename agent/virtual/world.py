"""The street all around the virtual mast, as numbers: where walls stand, who passes, and which places are private.

A flat world, in metres: the mast's lens is at (0, 0, 0), the ground 6 m below it, +z is pan 0 (the north side), +x is
pan 90. Everything is a function of time and repeats after `LOOP_S` seconds.

Laws
- `PRIVATE` is exact: what is drawn there is drawn inside its polygon and nowhere else, and nothing that moves in the
  street ever stands before it.
- A polygon's edges are arcs of great circles, as those of `[[camera.mask]] world_deg`.

>>> len(PRIVATE) >= 8, PRIVATE[8].name
(True, 'maison 7, séjour')
"""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Literal

import numpy as np

from agent.virtual.figures import Colour, Looks
from agent.virtual.sphere import Vectors, angles, between_deg, direction

GROUND_M = -6.0
LOOP_S = 48.0

Point = tuple[float, float]
Inside = Literal["room", "door", "garden", "glass"]


@dataclass(frozen=True, slots=True)
class Wall:
    """An upright plane: `left` is its lower left corner as seen from the mast, `along` the way to its right."""

    name: str
    left: tuple[float, float, float]
    along: tuple[float, float, float]
    width_m: float
    height_m: float

    def at(self, across_m: float, up_m: float) -> Vectors:
        """(3,): the point so far along the wall and above the ground."""
        return np.array(self.left) + across_m * np.array(self.along) + up_m * np.array((0.0, 1.0, 0.0))


NORTH = Wall("north", (-80, GROUND_M, 14), (1, 0, 0), 160, 30)
SOUTH = Wall("south", (80, GROUND_M, -16), (-1, 0, 0), 160, 30)
EAST = Wall("east", (80, GROUND_M, 14), (0, 0, -1), 30, 22)
WEST = Wall("west", (-80, GROUND_M, -16), (0, 0, 1), 30, 22)
WALLS = (EAST, WEST, NORTH, SOUTH)


@dataclass(frozen=True, slots=True)
class PrivatePlace:
    """Somebody's home or garden: its (pan, tilt) corners in order, how to mask it, and what goes on behind."""

    name: str
    world_deg: tuple[Point, ...]
    style: Literal["pixelate", "solid"]
    inside: Inside

    def corners(self) -> Vectors:
        """(n, 3): the corners as unit vectors."""
        return np.array([direction(*corner) for corner in self.world_deg])

    def middle(self) -> Vectors:
        """(3,): the unit vector towards its middle."""
        total = self.corners().sum(axis=0)
        middle: Vectors = total / np.linalg.norm(total)
        return middle

    def reach_deg(self) -> float:
        """The angle from its middle to its farthest corner."""
        middle = self.middle()
        return max(between_deg(middle, corner) for corner in self.corners())


def _rounded(points: list[Vectors]) -> tuple[Point, ...]:
    return tuple((round(pan, 3), round(tilt, 3)) for pan, tilt in map(angles, points))


def _pane(wall: Wall, x: float, up: float, width: float, height: float) -> tuple[Point, ...]:
    corners = ((x, up + height), (x + width, up + height), (x + width, up), (x, up))
    return _rounded([wall.at(*corner) for corner in corners])


def _ground(*corners: Point) -> tuple[Point, ...]:
    return _rounded([np.array((x, GROUND_M, z)) for x, z in corners])


PRIVATE = (
    PrivatePlace("maison 12, 1er étage", _pane(NORTH, 65, 4.6, 10, 2.2), "pixelate", "room"),
    PrivatePlace("maison 12, 2e étage", _pane(NORTH, 65, 7.9, 10, 2.2), "pixelate", "room"),
    PrivatePlace("porte du 12", _pane(NORTH, 69.1, 1.2, 1.3, 2.4), "solid", "door"),
    PrivatePlace("tour, 3e étage", _pane(NORTH, 87, 8.5, 6, 2.0), "pixelate", "room"),
    PrivatePlace("tour, dernier étage", _pane(NORTH, 89, 19.5, 2.5, 2.5), "pixelate", "room"),
    PrivatePlace(
        "jardin des Leroy",
        ((44, -3.5), (51, -3.1), (58, -3.5), (58, -8.2), (52, -8.5), (44, -8.4)),
        "pixelate",
        "garden",
    ),
    PrivatePlace("fenêtre au loin", _pane(EAST, 9.6, 10.0, 1.4, 0.98), "pixelate", "room"),
    PrivatePlace(
        "jardin des Petit",
        ((112, -6), (120, -5.4), (128, -6), (128, -12.5), (119, -10.4), (112, -12)),  # hollow along its lower edge
        "pixelate",
        "garden",
    ),
    PrivatePlace("maison 7, séjour", _pane(SOUTH, 77.5, 4.6, 5, 2.4), "pixelate", "room"),
    PrivatePlace("maison 7, chambres", _pane(SOUTH, 85, 8.0, 4, 2.0), "pixelate", "room"),
    PrivatePlace("balcons du 3", _pane(SOUTH, 100, 7.5, 6, 3.5), "pixelate", "room"),
    PrivatePlace("maison du bout", _pane(WEST, 13, 7.0, 5, 2.5), "pixelate", "room"),
    PrivatePlace("verrière", _ground((1.2, -3.4), (1.2, -2.0), (2.8, -2.0), (2.8, -3.4)), "solid", "glass"),
)
"""Spread over the circle: one crosses +-180 (séjour), one is high (dernier étage), one tiny (au loin), one near the
foot of the mast (verrière), one hollow (jardin des Petit)."""


@dataclass(frozen=True, slots=True)
class Passage:
    """Somebody or something that goes along the street once a loop: at `z` metres, from -`far_m` to `far_m` or back."""

    begin_s: float
    lasts_s: float
    z: float
    far_m: float
    east: bool

    def x(self, time_s: float) -> float | None:
        """Metres along the street, None while elsewhere."""
        done = ((time_s - self.begin_s) % LOOP_S) / self.lasts_s
        if done > 1:
            return None
        return self.far_m * (2 * done - 1) * (1 if self.east else -1)


@dataclass(frozen=True, slots=True)
class Walker:
    """A person `size_m` tall."""

    passage: Passage
    size_m: float
    looks: Looks


@dataclass(frozen=True, slots=True)
class Car:
    """A car `size_m` long."""

    passage: Passage
    size_m: float
    colour: Colour


MOVING: tuple[Walker | Car, ...] = (
    Walker(Passage(0.0, 40.0, 10.8, 26, True), 1.75, Looks((60, 60, 170), (70, 50, 40))),
    Walker(Passage(9.0, 44.0, 11.2, 28, False), 1.68, Looks((120, 130, 60), (50, 50, 55), (90, 130, 180))),
    Walker(Passage(10.5, 44.0, 11.3, 28, False), 1.60, Looks((170, 140, 190), (90, 70, 60), (30, 50, 90))),
    Walker(Passage(20.0, 36.0, -5.0, 24, True), 1.80, Looks((70, 70, 75), (60, 45, 35))),
    Walker(Passage(30.0, 40.0, -4.6, 24, False), 1.70, Looks((80, 160, 210), (45, 45, 50))),
    Walker(Passage(42.0, 38.0, 10.6, 26, True), 1.72, Looks((50, 140, 60), (80, 60, 50))),
    Car(Passage(1.5, 13.0, 4.6, 60, True), 4.2, (60, 50, 165)),
    Car(Passage(8.0, 15.0, 7.6, 60, False), 4.5, (190, 185, 180)),
    Car(Passage(19.0, 12.0, 4.6, 60, True), 4.0, (150, 95, 40)),
    Car(Passage(27.0, 14.0, 7.6, 60, False), 4.4, (45, 45, 50)),
    Car(Passage(36.0, 12.5, 4.6, 60, True), 4.1, (90, 150, 170)),
)


def passing(time_s: float) -> Iterator[tuple[Walker | Car, Vectors]]:
    """Who is in the street, with the point on the ground below them; the farthest first."""
    present = []
    for one in MOVING:
        if (x := one.passage.x(time_s)) is not None:
            present.append((one, np.array((x, GROUND_M, one.passage.z))))
    yield from sorted(present, key=lambda item: -float(np.linalg.norm(item[1])))
