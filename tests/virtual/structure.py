"""A judge: how much of a private place's structure is still to be seen in a picture."""

import cv2
import numpy as np

from agent.virtual.figures import Picture

STRUCTURE = 12.0
"""The spread of luma, in levels, above which a block shows something; a mosaic's cell has none inside."""


def survives(luma: Picture, private: Picture, block: int = 16) -> float:
    """The share (0..1) of blocks inside `private`, 3 pixels from its edge, that show structure; 1 without any block."""
    safe = cv2.erode(private, np.ones((7, 7), np.uint8), borderType=cv2.BORDER_CONSTANT, borderValue=255)
    rows, columns = luma.shape[0] // block, luma.shape[1] // block
    cut = np.s_[: rows * block, : columns * block]
    whole = (safe[cut] > 0).reshape(rows, block, columns, block).all(axis=(1, 3))
    if not whole.any():
        return 1.0
    spread = luma[cut].astype(np.float64).reshape(rows, block, columns, block).std(axis=(1, 3))
    return float((spread[whole] > STRUCTURE).mean())
