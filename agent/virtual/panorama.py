"""The whole street without its homes and its passers-by, seen from the mast, as the six sides of a cube.

Each side is a square picture through a lens a little wider than 90 degrees; `render` shows them through any other lens.
Drawing all of it takes some seconds and is kept in a folder; the files' name carries a hash of the code that drew them.

    day, night = load_sides(folder, progress)     # two tuples of six (SIDE_PX, SIDE_PX, 3) pictures
"""

import hashlib
import os
from collections.abc import Callable
from dataclasses import dataclass, replace
from math import tan
from pathlib import Path

import cv2
import numpy as np
from numpy.typing import NDArray

from agent.virtual import figures, masonry, sphere, world
from agent.virtual.figures import Picture, disc, limb, lit
from agent.virtual.masonry import GROUND_PX_PER_M, GROUND_X, GROUND_Z, NIGHT, PX_PER_M
from agent.virtual.sphere import Values, View, camera_matrix, rays
from agent.virtual.world import GROUND_M, WALLS, Wall

SIDE_PX = 1536
SIDE_DEG = 90.5
SIDES = tuple(View(pan, tilt, SIDE_DEG) for pan, tilt in ((0, 0), (90, 0), (180, 0), (-90, 0), (0, 90), (0, -90)))
TREES = ((-20.0, 12.6), (4.5, 12.8), (32.0, 12.6), (55.0, 12.8), (-48.0, 12.7), (62.0, -13.0), (-36.0, -13.0))
LAMPS = ((-28.0, 1.4), (24.0, 1.4), (52.0, 1.4), (-60.0, 1.4))
_DRAWN_BY = (
    Path(figures.__file__),
    Path(masonry.__file__),
    Path(sphere.__file__),
    Path(world.__file__),
    Path(__file__),
)


def _sky(directions: Values, light: float) -> Picture:
    """Sky, clouds and the hills at the horizon."""
    pan = np.arctan2(directions[..., 0], directions[..., 2])
    tilt = np.arctan2(directions[..., 1], np.hypot(directions[..., 0], directions[..., 2]))
    share = np.clip(tilt / 1.2, 0, 1)[..., None] ** 0.6
    top, low = (np.array(colour, np.float32) for colour in masonry.sky_colours(light))
    picture = top * share + low * (1 - share)
    waves = np.sin(3 * pan + 2 * np.sin(5 * tilt + pan)) + np.sin(7 * pan + 11 * tilt) + np.sin(13 * pan - 17 * tilt)
    picture += np.clip(waves - 0.6, 0, 2)[..., None] * 14 * light
    hills = 0.05 + 0.018 * np.sin(5 * pan) + 0.012 * np.sin(11 * pan + 1) + 0.004 * np.sin(47 * pan)
    picture[tilt < hills] = lit((95, 115, 90), light)
    picture[tilt < hills * 0.55] = lit((70, 105, 80), light)
    picture[tilt < -0.01] = lit((60, 115, 85), light)  # the meadow behind the houses
    return np.clip(picture, 0, 255).astype(np.uint8)


@dataclass(frozen=True, slots=True)
class _Found:
    """Where a plane is seen in a side: which pixels, and the plane's own (x, y) there."""

    there: NDArray[np.bool_]
    x: Values
    y: Values

    def copy(self, drawn: Picture, side: Picture) -> None:
        """Puts what is drawn on the plane where it is seen."""
        seen = cv2.remap(drawn, self.x, self.y, cv2.INTER_LINEAR, borderMode=cv2.BORDER_REPLICATE)
        side[self.there] = seen[self.there]


def _find_ground(directions: Values) -> _Found:
    with np.errstate(divide="ignore", invalid="ignore"):
        reach = GROUND_M / directions[..., 1]
        x, z = reach * directions[..., 0], reach * directions[..., 2]
        there = (reach > 0) & (np.abs(x) < GROUND_X) & (z > GROUND_Z[0]) & (z < GROUND_Z[1])
    across = np.where(there, (x + GROUND_X) * GROUND_PX_PER_M, 0).astype(np.float32)
    return _Found(there, across, np.where(there, (GROUND_Z[1] - z) * GROUND_PX_PER_M, 0).astype(np.float32))


def _find_wall(directions: Values, wall: Wall) -> _Found:
    left, along = np.array(wall.left), np.array(wall.along, np.float32)
    out = np.cross(along, (0.0, 1.0, 0.0)).astype(np.float32)
    with np.errstate(divide="ignore", invalid="ignore"):
        reach = float(left @ out) / (directions @ out)
        up = reach * directions[..., 1] - GROUND_M
        across = reach * (directions @ along) - float(left @ along)
        there = (reach > 0) & (across > 0) & (across < wall.width_m) & (up >= 0) & (up < wall.height_m)
    x = np.where(there, across * PX_PER_M, 0).astype(np.float32)
    return _Found(there, x, np.where(there, (wall.height_m - up) * PX_PER_M, 0).astype(np.float32))


def _plant(side: Picture, view: View, light: float) -> None:
    """Trees and lamps, drawn upright where they stand."""
    matrix = camera_matrix(view, SIDE_PX, SIDE_PX)

    def at(x: float, up: float, z: float) -> tuple[float, float, float] | None:
        flat = matrix @ np.array((x, GROUND_M + up, z))
        if flat[2] < 0.2 * float(np.hypot(x, z)):
            return None
        return float(flat[0] / flat[2]), float(flat[1] / flat[2]), float(matrix[0].max() / flat[2])

    for number, (x, z) in enumerate(TREES):
        place = np.random.default_rng(number)
        foot, crown = at(x, 0, z), at(x, 3.2, z)
        if foot is None or crown is None:
            continue
        limb(side, foot[:2], crown[:2], max(1.0, 0.3 * crown[2]), lit((50, 65, 80), light))
        for _ in range(140):
            tone, (dx, dy) = place.uniform(0.6, 1.3), np.clip(place.normal(0, 0.75, 2), -1.4, 1.4)
            leaf = at(x + dx, 4.4 + dy, z)
            if leaf is not None:
                disc(
                    side,
                    leaf[0],
                    leaf[1],
                    0.3 * leaf[2],
                    0.26 * leaf[2],
                    lit((50 * tone, 105 * tone, 70 * tone), light),
                )
    for x, z in LAMPS:
        foot, head = at(x, 0, z), at(x, 5.0, z)
        if foot is not None and head is not None:
            limb(side, foot[:2], head[:2], max(1.0, 0.12 * head[2]), (45, 45, 45))
            glow = (220, 245, 255) if light < 0.9 else (200, 205, 205)
            disc(side, head[0], head[1], 0.3 * head[2], 0.3 * head[2], glow)
            if light < 0.9:
                _shine(side, head)


def _shine(side: Picture, head: tuple[float, float, float]) -> None:
    """A lamp's light around it."""
    reach = int(2.5 * head[2])
    left, top = int(head[0]) - reach, int(head[1]) - reach
    pane = side[max(0, top) : max(0, top + 2 * reach), max(0, left) : max(0, left + 2 * reach)]
    if not pane.size:
        return
    rows, columns = np.mgrid[: pane.shape[0], : pane.shape[1]]
    away = np.hypot(columns + max(0, left) - head[0], rows + max(0, top) - head[1]) / reach
    pane[:] = np.clip(pane + (np.clip(1 - away, 0, 1) ** 2)[..., None] * (60, 110, 135), 0, 255).astype(np.uint8)


@dataclass(frozen=True, slots=True)
class _Drawn:
    """Everything flat under one light."""

    light: float
    walls: tuple[tuple[Picture, Picture], ...]
    ground: Picture


def _flat(light: float) -> _Drawn:
    return _Drawn(light, tuple(masonry.draw_wall(wall, light) for wall in WALLS), masonry.draw_ground(light))


def _draw_side(view: View, lights: tuple[_Drawn, ...]) -> list[Picture]:
    """One side under each light."""
    directions = rays(view, SIDE_PX, SIDE_PX).astype(np.float32)
    sides = [_sky(directions, drawn.light) for drawn in lights]
    ground = _find_ground(directions)
    for side, drawn in zip(sides, lights, strict=True):
        ground.copy(drawn.ground, side)
    for number, wall in enumerate(WALLS):
        if not _find_wall(directions[::8, ::8], wall).there.any():
            continue
        found = _find_wall(directions, wall)
        alpha = cv2.remap(lights[0].walls[number][1], found.x, found.y, cv2.INTER_NEAREST)
        found = replace(found, there=found.there & (alpha > 127))
        for side, drawn in zip(sides, lights, strict=True):
            found.copy(drawn.walls[number][0], side)
    for side, drawn in zip(sides, lights, strict=True):
        _plant(side, view, drawn.light)
    return sides


def load_sides(
    folder: Path, progress: Callable[[float], None] = lambda _: None
) -> tuple[tuple[Picture, ...], tuple[Picture, ...]]:
    """(by day, by night), six sides each; drawn now unless the folder has them. `progress` is told the share, 0..1."""
    code = hashlib.sha256(b"".join(path.read_bytes() for path in _DRAWN_BY)).hexdigest()[:12]
    path = folder / f"panorama-{code}.npy"
    if not path.exists():
        folder.mkdir(parents=True, exist_ok=True)
        lights, sides = (_flat(1.0), _flat(NIGHT)), []
        for done, view in enumerate(SIDES):
            progress(done / len(SIDES))
            sides.append(_draw_side(view, lights))
        progress(1.0)
        everything = np.stack([np.stack([side[light] for side in sides]) for light in range(len(lights))])
        partial = path.with_name(f"{path.stem}.{os.getpid()}.part")
        with partial.open("wb") as file:
            np.save(file, everything)
        partial.replace(path)
    kept = np.load(path, mmap_mode="r")
    return tuple(kept[0]), tuple(kept[1])


def side_px_per_degree() -> float:
    """How fine a side is in its middle."""
    return SIDE_PX / 2 / tan(np.radians(SIDE_DEG / 2)) * float(np.radians(1))
