"""A burned picture -> its edges, at most 160x90, nothing of them from masked areas. Decides; keeps no picture.

    hidden = hidden_area(raster_of_all_masks, strip_rows)      # once for a picture size
    sight = look(picture.y, hidden)                            # about a millisecond

An edge is told relative to the edges around it, so that night, fog and a camera's gain change little. What lies under a
mask, within `MARGIN` of one, or under the strip with name and time is zero: it is neither compared nor kept.
"""

from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

from agent.units import Plane

Edges = NDArray[np.float32]
Area = NDArray[np.bool_]

COLUMNS, ROWS = 160, 90
MARGIN = 2
"""Small pixels around a mask that are left out with it: the reach of the gradient."""
RIM = 0.94
"""Of a fisheye's radius: farther out is its rim, with the reach of the gradient."""
SURROUNDINGS = (25, 25)
FAINT = 1.5
"""Gradient, in levels a small pixel, that is added to its surroundings' mean: noise is not blown up into edges."""
CLEAR_EDGE = 2.0
"""Gradient from which there is something to be seen; the noise of a dark picture, averaged, stays below."""
CLEAR_SHARE = 0.03
"""Of a region's pixels that must show such an edge for the region to count as clear."""
STRONGEST = 4.0
DETAIL = 4
"""Samples across a small pixel in which sharpness is measured."""
REGIONS = (6, 4)
"""Across and down: each is matched for itself."""


@dataclass(frozen=True, slots=True)
class Look:
    """One picture as it is compared.

    `edges`: (90, 160), zero mean, zero where hidden. `seen`: where it is not hidden. `clear`: which of the 24
    regions show anything. `aspect`: a small pixel's height over its width. `level`: mean luma. `coarse`: mean
    gradient of the scene's large shapes. `fine`: (90, 640) luma in which its finest lines are measured (`detail`).
    """

    edges: Edges
    seen: Area
    clear: frozenset[int]
    aspect: float
    level: float
    coarse: float
    fine: Plane

    @property
    def clear_regions(self) -> int:
        """How many show anything."""
        return len(self.clear)


def borders() -> list[tuple[slice, slice]]:
    """(rows, columns) of each region, row by row."""
    across, down = REGIONS
    xs, ys = np.linspace(0, COLUMNS, across + 1).astype(int), np.linspace(0, ROWS, down + 1).astype(int)
    return [
        (slice(int(ys[j]), int(ys[j + 1])), slice(int(xs[i]), int(xs[i + 1])))
        for j in range(down)
        for i in range(across)
    ]


BORDERS = borders()


def hidden_area(masks: Plane, strip_rows: int) -> Area:
    """(90, 160): what is left out, from the raster of all masks (255 where one is) and the strip's height."""
    height = masks.shape[0]
    touched = cv2.resize(masks, (COLUMNS, ROWS), interpolation=cv2.INTER_AREA) > 0
    touched[: int(np.ceil(strip_rows * ROWS / height))] = True
    kernel = np.ones((2 * MARGIN + 1, 2 * MARGIN + 1), np.uint8)
    return np.asarray(cv2.dilate(touched.astype(np.uint8), kernel) > 0)


def beyond_rim(centre: tuple[float, float], radius: float, aspect: float) -> Area:
    """(90, 160): a fisheye's rim and what lies beyond it, which stay in place however the camera is turned.

    `centre` in picture fractions, `radius` in fractions of its width, `aspect` the picture's height over its width.
    """
    x = (np.arange(COLUMNS) + 0.5) / COLUMNS - centre[0]
    y = ((np.arange(ROWS) + 0.5) / ROWS - centre[1]) * aspect
    return np.asarray(np.hypot(x[None, :], y[:, None]) > RIM * radius)


def look(luma: Plane, hidden: Area) -> Look:
    """What (height, width) burned luma shows outside `hidden`."""
    height, width = luma.shape
    thinned = luma[:: max(1, height // 360)]
    fine = np.asarray(cv2.resize(thinned, (COLUMNS * DETAIL, ROWS), interpolation=cv2.INTER_AREA), np.uint8)
    small = np.asarray(cv2.resize(thinned, (COLUMNS, ROWS), interpolation=cv2.INTER_AREA), np.float32)
    seen = ~hidden
    gradient = _gradient(np.asarray(cv2.GaussianBlur(small, (3, 3), 0.8), np.float32))
    large = cv2.resize(small, (COLUMNS // 4, ROWS // 4), interpolation=cv2.INTER_AREA)
    large_seen = cv2.resize(seen.astype(np.float32), (COLUMNS // 4, ROWS // 4), interpolation=cv2.INTER_AREA) > 0.99
    return Look(
        _relative(gradient, seen),
        seen,
        _clear(gradient, seen),
        (height / ROWS) / (width / COLUMNS),
        _mean(small, seen),
        _mean(_gradient(np.asarray(large, np.float32)), large_seen),
        fine,
    )


def detail(fine: Plane, seen: Area) -> float:
    """Mean gradient across of the finest lines that are kept, in levels."""
    steps = cv2.absdiff(fine[:, 1:], fine[:, :-1])
    return _mean(np.asarray(cv2.resize(steps, (COLUMNS, ROWS), interpolation=cv2.INTER_AREA), np.float32), seen)


def _mean(values: Edges, where: Area) -> float:
    return float(values[where].mean()) if where.any() else 0.0


def _gradient(small: NDArray[np.float32]) -> Edges:
    across, down = (cv2.Sobel(small, cv2.CV_32F, dx, 1 - dx, ksize=3, scale=1 / 8) for dx in (1, 0))
    return np.asarray(cv2.magnitude(across, down), np.float32)


def _around(values: Edges, weight: Edges) -> Edges:
    """The mean of the values around each pixel, hidden ones left out."""
    total = cv2.blur(values * weight, SURROUNDINGS, borderType=cv2.BORDER_CONSTANT)
    share = cv2.blur(weight, SURROUNDINGS, borderType=cv2.BORDER_CONSTANT)
    return np.asarray(total / (share + 1e-3), np.float32)


def _relative(gradient: Edges, seen: Area) -> Edges:
    weight = seen.astype(np.float32)
    edges = np.minimum(gradient / (_around(gradient, weight) + FAINT), STRONGEST).astype(np.float32)
    return np.asarray((edges - _around(edges, weight)) * weight, np.float32)


def _clear(gradient: Edges, seen: Area) -> frozenset[int]:
    """Which regions show something."""
    shown = (gradient > CLEAR_EDGE) & seen
    return frozenset(i for i, box in enumerate(BORDERS) if shown[box].sum() > CLEAR_SHARE * shown[box].size)
