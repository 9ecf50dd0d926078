"""The truth about directions, worked out apart from the product: rays by turning vectors, insides by winding."""

import math

import numpy as np
from numpy.typing import NDArray

Array = NDArray[np.float64]


def look(pan_deg: float, tilt_deg: float) -> Array:
    """A turn about the horizontal, then one about the vertical: camera (right, forward, up) -> world (x, y, z)."""
    p, t = math.radians(pan_deg), math.radians(tilt_deg)
    tilt = np.array([[1, 0, 0], [0, math.cos(t), -math.sin(t)], [0, math.sin(t), math.cos(t)]])
    pan = np.array([[math.cos(p), math.sin(p), 0], [-math.sin(p), math.cos(p), 0], [0, 0, 1]])
    return pan @ tilt


def aim(pan_deg: float, tilt_deg: float) -> Array:
    """The direction of the picture's middle."""
    return look(pan_deg, tilt_deg) @ np.array([0.0, 1.0, 0.0])


def directions(pan_deg: float, tilt_deg: float, hfov_deg: float, width: int, height: int, step: int = 1) -> Array:
    """(rows, columns, 3): the ray through the middle of every `step`-th pixel."""
    scale = math.tan(math.radians(hfov_deg / 2)) / (width / 2)
    x = (np.arange(0, width, step) + 0.5 - width / 2) * scale
    y = (height / 2 - np.arange(0, height, step) - 0.5) * scale
    right, up = np.meshgrid(x, y)
    rays = np.stack([right, np.ones_like(right), up], axis=-1)
    return (rays / np.linalg.norm(rays, axis=-1, keepdims=True)) @ look(pan_deg, tilt_deg).T


def tilted_by(error_deg: float, random: np.random.Generator) -> Array:
    """A rotation by `error_deg` about any axis."""
    axis = random.normal(size=3)
    x, y, z = axis / np.linalg.norm(axis)
    cross = np.array([[0, -z, y], [z, 0, -x], [-y, x, 0]])
    angle = math.radians(error_deg)
    return np.eye(3) + math.sin(angle) * cross + (1 - math.cos(angle)) * cross @ cross


def dense(points: list[tuple[float, float]], pieces: int = 2) -> Array:
    """(N, 3): the outline with points all along its great circles."""
    corners = np.array([aim(*point) for point in points])
    shares = np.linspace(0, 1, pieces, endpoint=False)[None, :, None]
    along = corners[:, None] * (1 - shares) + np.roll(corners, -1, axis=0)[:, None] * shares
    along = along.reshape(-1, 3)
    return along / np.linalg.norm(along, axis=1, keepdims=True)


def windings(outline: Array, rays: Array) -> Array:
    """How often the outline goes round each ray, anticlockwise."""
    flat = rays.reshape(-1, 3)
    helper = np.where(np.abs(flat[:, 2:]) < 0.9, [[0.0, 0.0, 1.0]], [[1.0, 0.0, 0.0]])
    first = np.cross(helper, flat)
    first /= np.linalg.norm(first, axis=1, keepdims=True)
    second = np.cross(flat, first)
    turn = np.arctan2(second @ outline.T, first @ outline.T)
    steps = np.diff(np.concatenate([turn, turn[:, :1]], axis=1), axis=1)
    steps = (steps + np.pi) % (2 * np.pi) - np.pi
    return np.round(steps.sum(axis=1) / (2 * np.pi)).reshape(rays.shape[:-1])


def inside(points: list[tuple[float, float]], within: tuple[float, float], rays: Array) -> NDArray[np.bool_]:
    """Which rays lie in the polygon that holds the direction `within`, and does not hold what lies opposite."""
    outline = dense(points)
    side = windings(outline, aim(*within)[None])[0]
    assert side != 0
    return windings(outline, rays) == side


def star(random: np.random.Generator, radius_deg: float) -> tuple[list[tuple[float, float]], tuple[float, float]]:
    """A winding polygon around a random direction, and that direction."""
    middle = (float(random.uniform(-180, 180)), math.degrees(math.asin(random.uniform(-1, 1))))
    frame = look(*middle)
    count = int(random.integers(3, 9))
    turns = (np.arange(count) + random.uniform(0, 0.3, count)) / count * 2 * math.pi
    points = []
    for turn, share in zip(turns, random.uniform(0.25, 1, count), strict=True):
        size = math.radians(radius_deg * share)
        x, y, z = frame @ np.array([math.sin(size) * math.cos(turn), math.cos(size), math.sin(size) * math.sin(turn)])
        points.append((math.degrees(math.atan2(x, y)), math.degrees(math.asin(max(-1.0, min(1.0, z))))))
    return points, middle
