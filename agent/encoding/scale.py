"""The small rendition for a 4 x 4 wall: the same masked picture, scaled to fit 640 x 360."""

import cv2
import numpy as np

from agent.units import Plane

TILE_SIZE = (640, 360)
TILE_BITRATE_KBPS = 500


def fit(width: int, height: int, limit: tuple[int, int] = TILE_SIZE) -> tuple[int, int]:
    """The largest even size within `limit` that keeps the picture's shape; never larger than the picture."""
    scale = min(1.0, limit[0] / width, limit[1] / height)
    return max(2, int(width * scale) & ~1), max(2, int(height * scale) & ~1)


def _planes(picture: Plane, width: int, height: int) -> tuple[Plane, Plane, Plane]:
    flat = picture.reshape(-1)
    luma, chroma, half = width * height, width * height // 4, (height // 2, width // 2)
    return (
        flat[:luma].reshape(height, width),
        flat[luma : luma + chroma].reshape(half),
        flat[luma + chroma :].reshape(half),
    )


def scale(picture: Plane, width: int, height: int, target: tuple[int, int]) -> Plane:
    """A planar 4:2:0 picture of `width` x `height`, area-averaged to `target`; fresh memory."""
    small = np.empty((target[1] * 3 // 2, target[0]), np.uint8)
    pairs = zip(_planes(picture, width, height), _planes(small, *target), strict=True)
    for source, into in pairs:
        cv2.resize(source, (into.shape[1], into.shape[0]), dst=into, interpolation=cv2.INTER_AREA)
    return small
