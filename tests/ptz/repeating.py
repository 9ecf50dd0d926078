"""Scenes that repeat themselves, and heads that set off hard before them: what the motion told says of the true one.

    facade = Facade(random.Random(3), hfov_deg=9.0)
    told = follow(facade.picture, starts(random.Random(4), gap_s=0.08), facade.hfov_deg)

A facade is flat and drawn at the picture's own fineness, so that a picture takes a millisecond.
"""

import math
import random
from collections.abc import Callable
from dataclasses import dataclass

import cv2
import numpy as np

from agent.clock import Instant
from agent.ptz.motion import COLUMNS, Motion
from agent.units import Plane
from agent.virtual.sphere import View, camera_matrix

WIDTH, HEIGHT = 320, 180
CELLS = 9
"""Windows across and down before the drawing begins anew; it is bordered by itself."""
Aim = tuple[float, float]
"""Pan and tilt in degrees."""


class Facade:
    """Like windows in even rows, `unlike` of them different; `alike` = False: nothing of it repeats."""

    def __init__(
        self, dice: random.Random, hfov_deg: float, *, alike: bool = True, unlike: float | None = None
    ) -> None:
        self.hfov_deg = hfov_deg
        self._focal = WIDTH / 2 / math.tan(math.radians(hfov_deg / 2))
        numbers = np.random.default_rng(dice.randrange(2**32))
        self.period_px = (dice.randint(24, 110), dice.randint(24, 90))
        if not alike:
            self._wall = _marble(numbers)
            return
        across, down = self.period_px
        window = _window(numbers, across, down)
        rows = [np.roll(np.tile(window, (1, CELLS)), dice.choice((0, 0, across // 2)), axis=1)] * CELLS
        if dice.random() < 0.3:  # every other row is set off, as of bricks
            rows = [np.roll(row, across // 2 * (index % 2), axis=1) for index, row in enumerate(rows)]
        wall = np.concatenate(rows)
        share = dice.choice((0.0, 0.1, 0.2)) if unlike is None else unlike
        for cell in range(CELLS * CELLS):
            if dice.random() < share:
                top, left = cell // CELLS * down, cell % CELLS * across
                wall[top : top + down, left : left + across] = _window(numbers, across, down)
        self._wall = wall

    @property
    def period_deg(self) -> Aim:
        """Across and down, at the middle."""
        across, down = (math.degrees(one / self._focal) for one in self.period_px)
        return across, down

    def picture(self, aim: Aim) -> Plane:
        """What the lens sees, (180, 320)."""
        height, width = self._wall.shape
        to_ray = np.array(((1, 0, -width / 2), (0, -1, height / 2), (0, 0, self._focal)))
        matrix = camera_matrix(View(*aim, self.hfov_deg), WIDTH, HEIGHT) @ to_ray
        seen = cv2.warpPerspective(self._wall, matrix, (WIDTH, HEIGHT), borderMode=cv2.BORDER_WRAP)
        return np.asarray(seen, np.uint8)


def _window(numbers: np.random.Generator, across: int, down: int) -> Plane:
    """(down, across): a wall with some opening in it, drawn at random; its edges meet."""
    cell = np.full((down, across), numbers.uniform(110, 200), np.float32)
    grain = numbers.normal(0, 9, (down, across)).astype(np.float32)
    cell += cv2.GaussianBlur(np.tile(grain, (3, 3)), (0, 0), 2)[down : 2 * down, across : 2 * across] * 3
    left, right = sorted(numbers.integers(2, across - 2, 2))
    top, low = sorted(numbers.integers(2, down - 2, 2))
    cell[top : low + 1, left : right + 1] += numbers.choice((-70, -40, 40))
    for _ in range(4):
        x, y = int(numbers.integers(2, across - 4)), int(numbers.integers(2, down - 4))
        wide, high = int(numbers.integers(2, 2 + across // 3)), int(numbers.integers(2, 2 + down // 3))
        cell[y : y + high, x : x + wide] += numbers.uniform(-50, 50)
    return np.clip(cell, 0, 255).astype(np.uint8)


def _marble(numbers: np.random.Generator) -> Plane:
    """(900, 900): blotches of many sizes."""
    wall = np.full((900, 900), 128.0, np.float32)
    for blotch in (2, 5, 12):
        noise = numbers.normal(0, 1, (900, 900)).astype(np.float32)
        smooth = cv2.GaussianBlur(noise, (0, 0), blotch, borderType=cv2.BORDER_REFLECT)
        wall += 25 * smooth / smooth.std()
    return np.clip(wall, 0, 255).astype(np.uint8)


@dataclass(frozen=True)
class Start:
    """A head that turns with a steady rate and changes it hard: degrees and seconds; each side pan and tilt.

    From `at_s` on it turns by `harder_deg_s2` more until it is as fast as `then_deg_s`, and after `back_s` of that
    back again, if at all.
    """

    gap_s: float
    rate_deg_s: Aim
    at_s: float
    harder_deg_s2: float
    then_deg_s: Aim
    back_s: float | None
    seconds: float
    eases_s: float = 0.0
    """So long it takes for its first rate."""

    def aim(self, at_s: float) -> Aim:
        """Where it looks."""
        pan, tilt = (self._gone(axis, at_s) for axis in (0, 1))
        return pan, tilt

    def _gone(self, axis: int, at_s: float) -> float:
        rate, then = self.rate_deg_s[axis], self.then_deg_s[axis]
        takes = abs(then - rate) / self.harder_deg_s2
        changes = [(self.at_s, then)]
        if self.back_s is not None:
            changes.append((self.at_s + takes + self.back_s, rate))
        if at_s < self.eases_s:
            gone_s = max(0.0, at_s - 5 * self.gap_s)
            return rate * gone_s * gone_s / (2 * (self.eases_s - 5 * self.gap_s))
        gone, now, speed = rate * max(0.0, self.eases_s - 5 * self.gap_s) / 2, self.eases_s, rate
        for when, wanted in changes:
            if at_s <= when:
                break
            gone, now = gone + speed * (when - now), when
            takes = abs(wanted - speed) / self.harder_deg_s2
            part = min(at_s - when, takes)
            hard = math.copysign(self.harder_deg_s2, wanted - speed)
            gone, now, speed = gone + speed * part + hard * part * part / 2, now + part, speed + hard * part
        return gone + speed * (at_s - now)


def start(dice: random.Random, gap_s: float, kind: str = "rest", pictures: int = 10) -> Start:
    """Some head that sets off, changes its rate or turns back, hard, somewhere between two pictures.

    `kind`: it did so from "rest", from a rate that it took gently ("eased"), or it turned from the first picture on
    ("amid").
    """
    eases_s = 0.8 + 5 * gap_s if kind == "eased" else 0.0
    axes = dice.choice(((1, 0), (0, 1), (1, 1)))

    def rate(most: float) -> Aim:
        return axes[0] * dice.uniform(-most, most), axes[1] * dice.uniform(-most, most)

    return Start(
        gap_s,
        (0.0, 0.0) if kind == "rest" else rate(40),
        eases_s + gap_s * (5 + dice.random()),
        dice.uniform(100, 290),
        rate(60),
        dice.choice((None, None, 0.0, dice.uniform(0, 0.3))),
        eases_s + gap_s * (5 + pictures),
        eases_s,
    )


@dataclass(frozen=True)
class Told:
    """What was told of a journey's pictures. `wrong`: by how many degrees each was off that said that it knew."""

    known: int
    unknown: int
    broken: int
    wrong: tuple[float, ...]
    anew: int
    """How many of the wrong ones followed a break."""


def follow(
    picture: Callable[[Aim], Plane], way: Start, hfov_deg: float, dice: random.Random, noise: float = 2.0
) -> Told:
    """Plays `way` and lays each motion against the true one since the last picture that told anything."""
    motion, numbers = Motion(), np.random.default_rng(dice.randrange(2**32))
    known = unknown = broken = anew = 0
    wrong: list[float] = []
    last = way.aim(0.0)
    for index in range(round(way.seconds / way.gap_s)):
        at_s = index * way.gap_s
        aim = way.aim(at_s)
        luma = picture(aim)
        luma = np.clip(luma + numbers.normal(0, noise, luma.shape), 0, 255).astype(np.uint8)
        sight = motion.look(luma, Instant(int(at_s * 1e9)), at_s, hfov_deg)
        if not sight.known:
            unknown += 1
            continue
        if sight.broken:
            broken += index > 0
        else:
            known += 1
            off = _off(sight.across, sight.up, last, aim, hfov_deg)
            if off > 0:
                wrong.append(off)
                anew += broken > 0
        last = aim
    return Told(known, unknown, broken, tuple(wrong), anew)


def _off(across: float, up: float, before: Aim, after: Aim, hfov_deg: float) -> float:
    """Degrees by which a motion was told wrong beyond three columns and a twentieth of itself, or 0."""
    unit = math.degrees(math.tan(math.radians(hfov_deg / 2)))
    level = math.cos(math.radians((before[1] + after[1]) / 2))
    true = ((after[0] - before[0]) * level, after[1] - before[1])
    off = max(abs(across * unit - true[0]), abs(up * unit - true[1]))
    return off if off > 3 * hfov_deg / COLUMNS + 0.05 * max(map(abs, true)) else 0.0
