"""Lenses whose truth is known, and what a technician would read through them.

Landmarks are placed by the virtual street's own projection, which shares no code with the estimator.
"""

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np

from agent.virtual.head import LensTable
from agent.virtual.sphere import View, camera_matrix, project
from provisioning.lens_fit import Fit
from provisioning.readings import Reading

Lens = Callable[[float], float]
"""zoom -> true hfov in degrees."""
WIDTH, HEIGHT = 1920, 1080
ASPECT = WIDTH / HEIGHT


def glass(zoom: float) -> float:
    """The focal length grows in a straight line: the view falls at once and then hardly."""
    return math.degrees(2 * math.atan(math.tan(math.radians(30)) / (1 + 18 * zoom)))


LENSES: dict[str, Lens] = {
    "even": lambda zoom: 60.0 * (3.0 / 60.0) ** zoom,
    "kinked": LensTable((0.0, 0.5, 1.0), (60.0, 20.0, 3.0)).at,
    "glass": glass,
    "hurried": lambda zoom: 62.0 * math.exp(-3.0 * (0.4 * zoom + 0.6 * zoom * zoom)),
    "bowed": lambda zoom: 60.0 * math.exp(-3.0 * (0.8 * zoom + 0.2 * zoom * zoom)),
    "straight": lambda zoom: 60.0 - 52.0 * zoom,
    "wavy": lambda zoom: 66.0 * math.exp(-2.8 * zoom + 0.06 * math.sin(5 * zoom)),
    "wide": lambda zoom: 100.0 * 0.4**zoom,
}


@dataclass(frozen=True)
class Habits:
    """How somebody measures. `share`: a step's part of the view. `noise`: of a landmark, in half widths."""

    tilt_deg: float = -8.0
    share: float = 0.2
    steps: int = 6
    noise: float = 0.002
    rounded_deg: float = 0.0
    tilted: bool = False


def look_through(
    lens: Lens, zooms: Sequence[float], dice: np.random.Generator, habits: Habits | None = None
) -> list[Reading]:
    """Readings of landmarks that stand anywhere in the picture before the step and are still in it after."""
    habits = habits or Habits()
    return [_read(zoom, lens(zoom), dice, habits) for zoom in zooms for _ in range(habits.steps)]


def _read(zoom: float, hfov_deg: float, dice: np.random.Generator, habits: Habits) -> Reading:
    level = 1.0 if habits.tilted else math.cos(math.radians(habits.tilt_deg))
    step = habits.share * hfov_deg / level * dice.choice((-1, 1))
    pan, up = (0.0, step) if habits.tilted else (step, 0.0)
    before = View(0.0, habits.tilt_deg, hfov_deg)
    after = View(pan, habits.tilt_deg + up, hfov_deg)
    while True:
        x, y = int(dice.integers(WIDTH)), int(dice.integers(HEIGHT))
        ray = np.linalg.inv(camera_matrix(before, WIDTH, HEIGHT)) @ np.array([x, y, 1.0])
        there = project(after, WIDTH, HEIGHT, ray[None])[0]
        if 0 <= there[0] < WIDTH and 0 <= there[1] < HEIGHT:
            break
    across, rise = _halves(*there)
    end = (across + dice.normal(0, habits.noise), rise + dice.normal(0, habits.noise))
    error = habits.rounded_deg * math.sqrt(2 / 12)
    told = [_rounded(one, habits.rounded_deg, dice) if one else one for one in (pan, up)]
    return Reading(zoom, *told, habits.tilt_deg, _halves(x, y), end, habits.noise or 1e-5, error)


def _halves(x: float, y: float) -> tuple[float, float]:
    """Pixels -> half widths from the middle, x right and y up."""
    half = WIDTH / 2
    return float(x + 0.5 - half) / half, float(HEIGHT / 2 - y - 0.5) / half


def _rounded(step: float, unit: float, dice: np.random.Generator) -> float:
    """The difference of two positions that are both told in whole units; a unit of 0: exactly."""
    if not unit:
        return step
    start = float(dice.uniform(-50, 50))
    return round((start + step) / unit) * unit - round(start / unit) * unit


def worst_deg(fit: Fit, lens: Lens) -> float:
    """By how much a direction in the picture is really off at the worst zoom, as the agent reads the table."""
    table = LensTable(fit.zoom, fit.hfov_deg)
    corner = math.hypot(1.0, 1 / ASPECT)
    worst = 0.0
    for zoom in np.linspace(fit.zoom[0], fit.zoom[-1], 401):
        true, told = (math.tan(math.radians(one) / 2) for one in (lens(float(zoom)), table.at(float(zoom))))
        for r in np.linspace(0.05, corner, 12):
            worst = max(worst, abs(math.degrees(math.atan(r * true) - math.atan(r * told))))
    return worst
