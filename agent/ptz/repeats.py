"""Where a small picture is like itself: rows of windows, bricks, anything by which a motion is taken for another. Pure.

    lags_px = likenesses(small)                     # by which it may look like itself, the likeliest first
    agree = agreeing(lag_px, found, moved_px, len(corners))     # the corners that find themselves again by one of them

A picture that is laid over itself, shifted by a whole repeat, looks the same. All shifts are tried at once, at half
the size, by the picture's power spectrum; every part counts alike, whatever its contrast, as do the corners that vote.
"""

from functools import lru_cache

import cv2
import numpy as np
from numpy.typing import NDArray

from agent.ptz.agreement import Floats, Points
from agent.units import Plane

LEAST_LIKENESS = 0.3
"""Of 1: by less no half of the corners find themselves again."""
OVERLAP = 0.35
"""So much of the picture's height and of its width must be seen twice."""
LEAST_LAG_PX = 6
"""What lies closer is the same."""
MOST_LAGS = 48
FAINTEST = 2.0
"""Grey levels: where there is less contrast there is none."""
NEAR_PX, SAME_PX = 3.0, 1.0
"""A lag is told at half the size, and to a pixel of it; by the corners' own it is exact."""
LEAST_ALIKE = 6
"""Corners that tell anything."""
PATCH = np.ones((3, 3), np.uint8)


def likenesses(small: Plane) -> Points:
    """(2 n, 2) pixels right and down by which the picture may look like itself: n of them, then their opposites."""
    height, width = small.shape[0] // 2, small.shape[1] // 2
    half = cv2.resize(small, (width, height), interpolation=cv2.INTER_AREA).astype(np.float32) - np.float32(128)
    half = half / (cv2.sqrt(cv2.blur(half * half, (11, 11))) + np.float32(FAINTEST))
    padded = np.zeros((cv2.getOptimalDFTSize(2 * height), cv2.getOptimalDFTSize(2 * width)), np.float32)
    padded[:height, :width] = half
    spectrum = cv2.dft(padded, nonzeroRows=height)
    whole = cv2.idft(cv2.mulSpectrums(spectrum, spectrum, 0, conjB=True), flags=cv2.DFT_SCALE | cv2.DFT_REAL_OUTPUT)
    seen_twice = _seen_twice(height, width)
    down, across = seen_twice.shape[0], seen_twice.shape[1] // 2
    alike = np.concatenate((whole[:down, -across:], whole[:down, : across + 1]), axis=1)
    alike = alike / (seen_twice * max(1e-6, float(whole[0, 0])))
    peaks = (alike > LEAST_LIKENESS) & (alike >= cv2.dilate(alike, PATCH))
    row, column = np.nonzero(peaks)
    lags = np.stack((column - across, row), axis=1) * 2
    once = (np.abs(lags).max(axis=1) >= LEAST_LAG_PX) & ((row > 0) | (column > across))
    row, column, lags = row[once], column[once], lags[once]
    order = np.argsort(-alike[row, column] * np.sqrt(seen_twice[row, column]))[:MOST_LAGS]
    return np.ascontiguousarray(np.concatenate((lags[order], -lags[order])), np.float32)


@lru_cache(maxsize=4)
def _seen_twice(height: int, width: int) -> NDArray[np.float32]:
    """(down, 2 across + 1): the share of the picture that lies over itself, for each shift down and across."""
    down, across = int(height * (1 - OVERLAP)), int(width * (1 - OVERLAP))
    rows = 1 - np.arange(down + 1, dtype=np.float32) / height
    columns = 1 - np.abs(np.arange(-across, across + 1, dtype=np.float32)) / width
    return np.asarray(rows[:, None] * columns, np.float32)


def agreeing(lag: Points, good: NDArray[np.intp], moved: Floats, count: int) -> NDArray[np.bool_]:
    """(count,): which corners find themselves again by `lag`, (2,); `good` were found, `moved` by (2, n) pixels."""
    agree = np.zeros(count, np.bool_)
    off = moved - lag[:, None]
    near = np.abs(off).max(axis=0) < NEAR_PX
    if np.count_nonzero(near) >= LEAST_ALIKE:
        exact = np.median(off[:, near], axis=1)
        agree[good[np.abs(off - exact[:, None]).max(axis=0) < SAME_PX]] = True
    return agree
