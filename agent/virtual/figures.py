"""What moves and lives in the virtual street: people, cars, rooms behind windows. Drawing only, on a BGR picture.

Positions and sizes are in pixels of that picture and may be fractions; `light` (0..1) is how bright the street is.
Whatever lies outside the picture is clipped, so a window's room is drawn onto that window's part of the picture alone.
"""

from dataclasses import dataclass
from math import pi, sin

import cv2
import numpy as np
from numpy.typing import NDArray

Picture = NDArray[np.uint8]
Colour = tuple[float, float, float]
"""Blue, green, red; 0..255."""

FINE = 4  # cv2 draws in sixteenths of a pixel, so that slow things glide
SKIN: Colour = (140, 170, 215)


def lit(colour: Colour, light: float) -> Colour:
    """The colour under that light."""
    blue, green, red = colour
    return (blue * light, green * light, red * light)


def polygon(picture: Picture, points: list[tuple[float, float]], colour: Colour) -> None:
    """A filled polygon."""
    fine = np.array(points, np.float64) * (1 << FINE)
    cv2.fillPoly(picture, [fine.round().astype(np.int32)], colour, cv2.LINE_AA, FINE)


def box(picture: Picture, x: float, y: float, width: float, height: float, colour: Colour) -> None:
    """A filled rectangle."""
    polygon(picture, [(x, y), (x + width, y), (x + width, y + height), (x, y + height)], colour)


def disc(picture: Picture, x: float, y: float, across: float, down: float, colour: Colour) -> None:
    """A filled ellipse around (x, y); `across` and `down` are its half axes."""
    centre, axes = (round(x * 16), round(y * 16)), (max(1, round(across * 16)), max(1, round(down * 16)))
    cv2.ellipse(picture, centre, axes, 0, 0, 360, colour, -1, cv2.LINE_AA, FINE)


def limb(picture: Picture, start: tuple[float, float], end: tuple[float, float], width: float, colour: Colour) -> None:
    """A thick line with round ends."""
    first, last = (
        (round(start[0] * 16), round(start[1] * 16)),
        (round(end[0] * 16), round(end[1] * 16)),
    )
    cv2.line(picture, first, last, colour, max(1, round(width)), cv2.LINE_AA, FINE)


@dataclass(frozen=True, slots=True)
class Looks:
    """What a person wears."""

    coat: Colour
    trousers: Colour
    hair: Colour = (30, 40, 55)


def shadow(picture: Picture, x: float, y: float, across: float, down: float) -> None:
    """Darkens the ground around (x, y)."""
    left, right = max(0, int(x - across)), min(picture.shape[1], int(x + across) + 1)
    top, bottom = max(0, int(y - down)), min(picture.shape[0], int(y + down) + 1)
    if left >= right or top >= bottom:
        return
    ground = picture[top:bottom, left:right]
    shade = ground.copy()
    disc(shade, x - left, y - top, across, down, (18, 16, 16))
    cv2.addWeighted(shade, 0.45, ground, 0.55, 0, dst=ground)


def walker(picture: Picture, x: float, feet_y: float, height: float, stride: float, looks: Looks, light: float) -> None:
    """A person who walks; `stride` counts double steps, its sign is where they look."""
    swing = sin(stride * 2 * pi)
    lean = height * 0.13
    hip, shoulder, head = feet_y - height * 0.48, feet_y - height * 0.80, feet_y - height * 0.91
    shadow(picture, x, feet_y, height * 0.22, height * 0.035)
    coat, trousers = lit(looks.coat, light), lit(looks.trousers, light)
    for side in (-1, 1):
        knee = (x + side * swing * lean * 0.6, feet_y - height * 0.25)
        foot = (x + side * swing * lean * 1.4, feet_y - max(0.0, -side * swing) * height * 0.03)
        limb(picture, (x, hip), knee, height * 0.085, trousers)
        limb(picture, knee, foot, height * 0.07, trousers)
        hand = (x - side * swing * lean * 1.1, hip + height * 0.02)
        limb(picture, (x, shoulder + height * 0.04), hand, height * 0.055, lit(looks.coat, light * 0.8))
    wide = height * 0.095
    polygon(
        picture,
        [
            (x - wide, shoulder),
            (x + wide, shoulder),
            (x + wide * 0.85, hip + height * 0.05),
            (x - wide * 0.85, hip + height * 0.05),
        ],
        coat,
    )
    disc(picture, x, head, height * 0.055, height * 0.068, lit(SKIN, light))
    disc(picture, x, head - height * 0.03, height * 0.058, height * 0.045, lit(looks.hair, light))


def car(
    picture: Picture, x: float, ground_y: float, length: float, colour: Colour, light: float, *, right: bool
) -> None:
    """A car whose middle is at `x`, driving to the right or to the left, its lamps on."""
    turn = 1 if right else -1
    tall = length * 0.30
    shadow(picture, x, ground_y, length * 0.54, length * 0.05)

    def at(along: float, up: float) -> tuple[float, float]:
        return x + turn * along * length, ground_y - up * tall

    body = [(-0.5, 0.2), (-0.49, 0.55), (-0.3, 0.62), (0.3, 0.6), (0.49, 0.48), (0.5, 0.2)]
    roof = [(-0.34, 0.6), (-0.22, 1.0), (0.1, 1.0), (0.28, 0.6)]
    polygon(picture, [at(*point) for point in roof], lit(colour, light * 0.9))
    polygon(picture, [at(*point) for point in body], lit(colour, light))
    for glass in (
        [(-0.29, 0.62), (-0.2, 0.94), (-0.07, 0.94), (-0.07, 0.62)],
        [(-0.04, 0.62), (-0.04, 0.94), (0.08, 0.94), (0.22, 0.62)],
    ):
        polygon(picture, [at(*point) for point in glass], lit((95, 80, 70), light))
    driver = at(0.05, 0.76)
    disc(picture, *driver, length * 0.024, length * 0.03, lit(SKIN, light * 0.7))
    polygon(picture, [at(-0.5, 0.36), at(-0.5, 0.46), at(-0.465, 0.46), at(-0.465, 0.36)], (40, 40, 230))
    polygon(picture, [at(0.5, 0.34), at(0.5, 0.46), at(0.45, 0.48), at(0.45, 0.36)], (220, 250, 255))
    for along in (-0.31, 0.31):
        hub = at(along, 0.2)
        disc(picture, *hub, length * 0.075, length * 0.075, (22, 20, 20))
        disc(picture, *hub, length * 0.04, length * 0.04, lit((150, 150, 150), light))


def resident(room: Picture, x: float, height: float, looks: Looks, raised: float) -> None:
    """Somebody at home, seen from the waist up, standing behind the window sill; `raised` (0..1) is one arm."""
    floor = room.shape[0]
    shoulder, head = floor - height * 0.68, floor - height * 0.86
    hand = (x + height * 0.32, floor - height * (0.25 + 0.65 * raised))
    limb(room, (x + height * 0.14, shoulder + height * 0.08), hand, height * 0.10, looks.coat)
    disc(room, *hand, height * 0.06, height * 0.06, SKIN)
    wide = height * 0.22
    polygon(room, [(x - wide, floor), (x - wide, shoulder), (x + wide, shoulder), (x + wide, floor)], looks.coat)
    disc(room, x, shoulder, wide, height * 0.09, looks.coat)
    disc(room, x, head, height * 0.115, height * 0.15, SKIN)
    disc(room, x, head - height * 0.075, height * 0.125, height * 0.10, looks.hair)
    for eye in (-0.045, 0.045):
        disc(room, x + eye * height, head + height * 0.01, 1.3, 1.6, (30, 25, 25))


def television(room: Picture, time_s: float) -> None:
    """A flickering screen by the right-hand wall, and its glow."""
    height, width = room.shape[:2]
    flicker = 0.75 + 0.15 * sin(time_s * 2 * pi * 1.5) + 0.10 * sin(time_s * 2 * pi * 3.5)
    cv2.convertScaleAbs(room, dst=room, alpha=0.55 + 0.25 * flicker)
    box(room, width * 0.56, height * 0.52, width * 0.36, height * 0.30, (20, 20, 20))
    box(room, width * 0.59, height * 0.55, width * 0.30, height * 0.24, lit((255, 205, 150), flicker))
