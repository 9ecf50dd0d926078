"""Fine texture for what is shown large: a tile that repeats over a plane, and pictures halved for what is shown small.

Law: grain is fixed to its plane, so it moves with the street: whoever follows the picture's motion can hold on to it.
"""

import cv2
import numpy as np

from agent.virtual.figures import Picture
from agent.virtual.sphere import Vectors

TILE_PX, TILE_PX_PER_DEG = 1024, 256.0
"""One tile serves every plane; it is 4 degrees across."""
HOME_CELLS_PX, STREET_CELLS_PX = ((8, 30.0), (3, 26.0)), ((32, 8.0), (10, 8.0), (4, 7.0))
"""(across a blotch, contrast) of the private places' and the street's."""
COARSEST = 5
SPREAD_PX = (2880, 2400)
"""How far the finest and the coarser halvings are laid out, tile by tile: more than a picture 1280 across needs."""


def halvings(picture: Picture) -> tuple[Picture, ...]:
    """The picture, half of it, a quarter, ... down to 16 samples: what is shown small is shown without flicker."""
    levels = [picture]
    while min(levels[-1].shape[:2]) >= 32:
        height, width = (side // 2 for side in levels[-1].shape[:2])
        smaller = cv2.resize(levels[-1], (width, height), interpolation=cv2.INTER_AREA)
        levels.append(np.asarray(smaller, np.uint8))
    return tuple(levels)


def level_for(shown: float, drawn: float, levels: int) -> int:
    """Which halving serves `shown` pixels a degree of a picture drawn with `drawn`."""
    level = 0
    while level + 1 < levels and shown < drawn * 0.71:
        drawn /= 2
        level += 1
    return level


def level_matrix(level: int) -> Vectors:
    """(3, 3): pixels of that halving -> pixels of the whole picture, centre to centre."""
    scale = float(1 << level)
    return np.array(((scale, 0, (scale - 1) / 2), (0, scale, (scale - 1) / 2), (0, 0, 1)))


def tile(cells: tuple[tuple[int, float], ...], seed: int) -> Picture:
    """(TILE_PX, TILE_PX): random blotches around 128; its edges meet."""
    random, total = np.random.default_rng(seed), np.full((TILE_PX, TILE_PX), 128.0)
    for across, contrast in cells:
        grid = random.uniform(-1, 1, (TILE_PX // across, TILE_PX // across)).astype(np.float32)
        beyond = np.pad(grid, 2, mode="wrap")
        scale = TILE_PX / grid.shape[0]
        step = np.array(((scale, 0, -1.5 * scale), (0, scale, -1.5 * scale)))
        smooth = cv2.warpAffine(beyond, step, (TILE_PX, TILE_PX), flags=cv2.INTER_CUBIC, borderMode=cv2.BORDER_REFLECT)
        total += contrast * np.clip(2.2 * smooth, -1, 1)
    return np.asarray(np.clip(total, 0, 255), np.uint8)


class Grain:
    """A repeating tile, ready at every fineness."""

    def __init__(self, cells: tuple[tuple[int, float], ...], seed: int) -> None:
        self._tiles = halvings(tile(cells, seed))[: COARSEST + 1]
        self._spread = []
        for level, one in enumerate(self._tiles):
            times = -(-SPREAD_PX[level > 0] // one.shape[0])
            self._spread.append(np.tile(one, (times, times)))

    def add(
        self,
        pane: Picture,
        matrix: Vectors,
        shown: float,
        amount: float = 1.0,
        mask: Picture | None = None,
    ) -> None:
        """Adds it to `pane` in place, `amount` (0..1) strong; `matrix`: pixels of the tile -> pixels of the pane."""
        level = level_for(shown, TILE_PX_PER_DEG, COARSEST + 2)
        if level > COARSEST:  # nothing but grey would be left of it
            return
        whole, size = matrix @ level_matrix(level), (pane.shape[1], pane.shape[0])
        shift = self._shift(whole, size, level)
        if shift is None:
            seen = cv2.warpPerspective(self._tiles[level], whole, size, borderMode=cv2.BORDER_WRAP)
        else:
            seen = cv2.warpPerspective(self._spread[level], whole @ shift, size, borderMode=cv2.BORDER_REPLICATE)
        rough = cv2.addWeighted(pane, 1.0, cv2.cvtColor(seen, cv2.COLOR_GRAY2BGR), amount, -128.0 * amount)
        if mask is None:
            np.copyto(pane, rough)
        else:
            cv2.copyTo(rough, mask, pane)

    def _shift(self, whole: Vectors, size: tuple[int, int], level: int) -> Vectors | None:
        """By how many whole tiles to move the layout so that the pane lies on it; None when it is too small.

        Looking up beyond an edge costs OpenCV several times as much as looking up inside.
        """
        right, bottom = size[0] - 1.0, size[1] - 1.0
        corners = np.array(((0, 0, 1), (right, 0, 1), (right, bottom, 1), (0, bottom, 1)))
        flat = corners @ np.linalg.inv(whole).T
        if not ((flat[:, 2] > 0).all() or (flat[:, 2] < 0).all()):
            return None
        points = flat[:, :2] / flat[:, 2:]
        period, spread = TILE_PX >> level, self._spread[level].shape[0]
        start = np.floor(points.min(axis=0) / period) * period
        if (points.max(axis=0) - start > spread - 2).any():
            return None
        return np.array(((1, 0, start[0]), (0, 1, start[1]), (0, 0, 1)))
