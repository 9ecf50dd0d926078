"""Scenes that repeat themselves, and heads that set off hard before them: what the motion told says of the true one.

    facade = Facade(dice, hfov_deg=9.0)
    told = follow(facade.picture, hard_start(dice, 0.08, "rest"), facade.hfov_deg, dice)

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
WALL_PX = 1400
"""So wide and high a wall is drawn before it begins anew; it is bordered by itself."""
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
        columns, rows = 2 * -(-WALL_PX // (2 * across)), 2 * -(-WALL_PX // (2 * down))
        row = np.tile(window, (1, columns))
        aside = across // 2 if dice.random() < 0.3 else 0  # every other row, as of bricks
        wall = np.concatenate([np.roll(row, aside * (index % 2), axis=1) for index in range(rows)])
        share = dice.choice((0.0, 0.1, 0.2)) if unlike is None else unlike
        for cell in range(rows * columns):
            if dice.random() < share:
                top, left = cell // columns * down, cell % columns * across
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
class Journey:
    """A head whose rate changes evenly at some moments: degrees and seconds, each rate pan and tilt.

    `changes`: from when on, how hard, and to what rate; each once the one before is done.
    """

    changes: tuple[tuple[float, float, Aim], ...]
    gap_s: float
    pictures: int
    rate_deg_s: Aim = (0.0, 0.0)

    def aim(self, at_s: float) -> Aim:
        """Where it looks."""
        pan, tilt = (self._gone(axis, at_s) for axis in (0, 1))
        return pan, tilt

    def _gone(self, axis: int, at_s: float) -> float:
        gone, now, rate = 0.0, 0.0, self.rate_deg_s[axis]
        for since_s, hard, rates in self.changes:
            began = max(now, since_s)
            if at_s <= began:
                break
            takes = min(at_s - began, abs(rates[axis] - rate) / hard)
            hard = math.copysign(hard, rates[axis] - rate)
            gone += rate * (began - now) + rate * takes + hard * takes * takes / 2
            now, rate = began + takes, rate + hard * takes
        return gone + rate * (at_s - now)


KINDS = ("rest", "steady", "amid")


def hard_start(dice: random.Random, gap_s: float, kind: str) -> Journey:
    """A head that sets off, changes its rate or turns back by 100 to 290 degrees a second squared, amid some gap.

    `kind`: it does so from "rest", from a "steady" rate that it took gently, or it turned from the first picture on
    ("amid").
    """
    axes = dice.choice(((1, 0), (0, 1), (1, 1)))

    def rate(most: float) -> Aim:
        return axes[0] * dice.uniform(-most, most), axes[1] * dice.uniform(-most, most)

    before = (0.0, 0.0) if kind == "rest" else rate(40)
    hard, then = dice.uniform(100, 290), rate(60)
    gently_s = 0.8 if kind == "steady" else 0.0
    at_s = gently_s + gap_s * (9 + dice.random())
    changes = [(at_s, hard, then)]
    if dice.random() < 0.5:
        takes = max(abs(a - b) for a, b in zip(before, then, strict=True)) / hard
        changes.append((at_s + takes + dice.choice((0.0, dice.uniform(0, 0.3))), hard, before))
    if gently_s:
        changes.insert(0, (4 * gap_s, 50.0, before))
    return Journey(tuple(changes), gap_s, round(gently_s / gap_s) + 19, before if kind == "amid" else (0.0, 0.0))


@dataclass(frozen=True)
class Told:
    """What was told of a journey's pictures: how many were `known`, told nothing (`lost`) or began the thread anew.

    `wrong`: by how many degrees each was off that said that it knew; `after`: the same, once the thread had begun anew
    amid the turn: nothing is known of the rate then, and nothing was shown yet.
    """

    known: int
    lost: int
    begun: int
    wrong: tuple[float, ...]
    after: tuple[float, ...]


def follow(
    picture: Callable[[Aim], Plane], way: Journey, hfov_deg: float, dice: random.Random, noise: float = 2.0
) -> Told:
    """Plays `way` and lays each motion against the true one since the last picture that told anything."""
    motion, numbers = Motion(), np.random.default_rng(dice.randrange(2**32))
    known = lost = begun = 0
    wrong: list[float] = []
    after: list[float] = []
    last = way.aim(0.0)
    for index in range(way.pictures):
        at_s = index * way.gap_s
        aim = way.aim(at_s)
        luma = picture(aim)
        luma = np.clip(luma + numbers.normal(0, noise, luma.shape), 0, 255).astype(np.uint8)
        sight = motion.look(luma, Instant(int(at_s * 1e9)), at_s, hfov_deg)
        if not sight.known:
            lost += 1
            continue
        if sight.broken:
            begun += index > 0
        else:
            known += 1
            off = _off(sight.across, sight.up, last, aim, hfov_deg)
            if off > 0:
                (after if begun else wrong).append(off)
        last = aim
    return Told(known, lost, begun, tuple(wrong), tuple(after))


def _off(across: float, up: float, before: Aim, after: Aim, hfov_deg: float) -> float:
    """Degrees by which a motion was told wrong beyond three columns and a twentieth of itself, or 0."""
    unit = math.degrees(math.tan(math.radians(hfov_deg / 2)))
    level = math.cos(math.radians((before[1] + after[1]) / 2))
    true = ((after[0] - before[0]) * level, after[1] - before[1])
    off = max(abs(across * unit - true[0]), abs(up * unit - true[1]))
    return off if off > 3 * hfov_deg / COLUMNS + 0.05 * max(map(abs, true)) else 0.0
