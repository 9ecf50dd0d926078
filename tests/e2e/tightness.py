"""How much more than the private places a mask covers: measured in the pictures, without asking the product."""

from dataclasses import dataclass

import cv2
import numpy as np

from agent.virtual.render import cut_behind, fill
from agent.virtual.sphere import View, camera_matrix, focal_px, rays
from agent.virtual.world import PRIVATE, PrivatePlace
from tests.e2e.studio import Shot

STRIP_ROWS = 24
LEAST_PX, LEAST_SHARE = 6.0, 0.05
EDGE_POINTS = 24
STEP = 8
"""Angles are measured at every so many pixels."""

Vectors = np.ndarray


def changed(shot: Shot, *, in_colour: bool = True) -> np.ndarray:
    """(rows, columns) bool: what is not as the camera made it, in luma or, unless it is left out, in colour."""
    colour = cv2.resize(
        (shot.planes[0] != shot.planes[1]).astype(np.uint8), shot.shown.shape[::-1], interpolation=cv2.INTER_NEAREST
    )
    found = np.asarray(shot.shown != shot.original)
    if in_colour:
        found |= colour > 0
    found[:STRIP_ROWS] = False
    return found


def area_of(place: PrivatePlace, view: View, width: int, height: int) -> np.ndarray:
    """(rows, columns) uint8: 255 on the pixels of one place."""
    outline = cut_behind(place.corners(), camera_matrix(view, width, height))
    return fill(outline, 0, 0, width, height) if len(outline) else np.zeros((height, width), np.uint8)


def side_px(place: PrivatePlace, view: View, width: int) -> float:
    """The side of a square as large as the whole polygon, in pixels of this view's middle."""
    flat = _flat(place)
    x, y = flat[:, 0], flat[:, 1]
    area = abs(float((x * np.roll(y, -1) - np.roll(x, -1) * y).sum())) / 2
    return float(np.sqrt(area)) * focal_px(view.hfov_deg, width)


def _flat(place: PrivatePlace) -> Vectors:
    """(n, 2): its corners in the plane that touches the sphere at its middle."""
    middle = place.middle()
    across = np.cross((0.0, 1.0, 0.0), middle)
    across /= np.linalg.norm(across)
    corners = place.corners()
    depth = corners @ middle
    return np.stack([corners @ across / depth, corners @ np.cross(middle, across) / depth], axis=1)


def beyond_px(shot: Shot, *, in_colour: bool = True) -> float:
    """By how many pixels some mask reaches farther than 6 pixels or 5 % of its polygon allow; 0 when none does."""
    found = changed(shot, in_colour=in_colour)
    height, width = found.shape
    over = np.full(found.shape, np.inf, np.float32)
    for place in PRIVATE:
        area = area_of(place, shot.view, width, height)
        if area.any():
            allowed = max(LEAST_PX, LEAST_SHARE * side_px(place, shot.view, width))
            np.minimum(over, cv2.distanceTransform(255 - area, cv2.DIST_L2, cv2.DIST_MASK_PRECISE) - allowed, out=over)
    if not np.isfinite(over).any():
        # its polygon is just outside: what is seen of the mask is its margin
        return 0.0
    return max(0.0, float(over[found].max(initial=0.0)))


@dataclass(frozen=True)
class Growth:
    """Of one picture: how far its masks reach beyond their polygons, and how much larger the wide ones are."""

    farthest_deg: float
    ratios: tuple[float, ...]


def growth(shot: Shot, wide_deg: float = 20.0) -> Growth:
    """Angles to the nearest private place, and areas of the masks of places of `wide_deg` that are wholly in sight."""
    found = changed(shot)
    height, width = found.shape
    edges = [_edge(place) for place in PRIVATE]
    rows, columns = np.nonzero(found[::STEP, ::STEP])
    if not len(rows):
        return Growth(0.0, ())
    seen = rays(shot.view, width, height)[::STEP, ::STEP][rows, columns]
    seen /= np.linalg.norm(seen, axis=1, keepdims=True)
    closeness = np.stack([(seen @ edge.T).max(axis=1) for edge in edges], axis=1)
    for i, place in enumerate(PRIVATE):
        closeness[area_of(place, shot.view, width, height)[::STEP, ::STEP][rows, columns] > 0, i] = 1.0
    nearest = closeness.argmax(axis=1)
    angles = np.degrees(np.arccos(np.clip(closeness.max(axis=1), -1, 1)))
    ratios = []
    for i, place in enumerate(PRIVATE):
        if 2 * place.reach_deg() >= wide_deg and _wholly_in_sight(place, shot.view, width, height):
            own = area_of(place, shot.view, width, height)[::STEP, ::STEP]
            ratios.append(float((nearest == i).sum()) / max(1, int((own > 0).sum())))
    return Growth(float(angles.max()), tuple(ratios))


def _edge(place: PrivatePlace) -> Vectors:
    corners = place.corners()
    share = np.linspace(0, 1, EDGE_POINTS, endpoint=False)[:, None]
    points = np.concatenate([a + share * (b - a) for a, b in zip(corners, np.roll(corners, -1, axis=0), strict=True)])
    return np.asarray(points / np.linalg.norm(points, axis=1, keepdims=True))


def _wholly_in_sight(place: PrivatePlace, view: View, width: int, height: int) -> bool:
    placed = place.corners() @ camera_matrix(view, width, height).T
    if (placed[:, 2] <= 0.05).any():
        return False
    points = placed[:, :2] / placed[:, 2:]
    return bool(((points >= (0, STRIP_ROWS)) & (points <= (width - 1, height - 1))).all())
