"""Where a small picture is like itself: rows of windows, bricks, anything by which a motion is taken for another. Pure.

    for lag_px in likenesses(small):        # the likeliest first; whether its corners agree is for `agreement` to say
        ...

A picture that is laid over itself, shifted by a whole repeat, looks the same. All shifts are tried at once, at half
the size, by the picture's power spectrum; every part counts alike, whatever its contrast, as do the corners that vote.
"""

import cv2
import numpy as np
from numpy.typing import NDArray

from agent.ptz.agreement import Floats, Points
from agent.units import Plane

LEAST_LIKENESS = 0.3
"""Of 1: where six of ten corners find themselves again."""
MOST_LAGS = 48
OVERLAP = 0.35
"""Of the picture's height and of its width: so much must be seen of it twice."""
FAR_OFF_PX, SAME_PX, LEAST_PROOF = 3.0, 1.0, 6
LIKENESS = 0.5
LEAST_LAG_PX = 6
"""What lies closer is the same."""


def likenesses(small: Plane) -> Points:
    """(2 n, 2) pixels right and down by which the picture looks like itself: n of them, then their opposites."""
    height, width = small.shape[0] // 2, small.shape[1] // 2
    half = cv2.resize(small, (width, height), interpolation=cv2.INTER_AREA).astype(np.float32) - 128.0
    half /= np.sqrt(cv2.blur(half * half, (11, 11))) + 2.0
    padded = np.zeros((cv2.getOptimalDFTSize(2 * height), cv2.getOptimalDFTSize(2 * width)), np.float32)
    padded[:height, :width] = half
    spectrum = cv2.dft(padded)
    alike = cv2.idft(cv2.mulSpectrums(spectrum, spectrum, 0, conjB=True), flags=cv2.DFT_SCALE | cv2.DFT_REAL_OUTPUT)
    down, across = int(height * (1 - OVERLAP)), int(width * (1 - OVERLAP))
    alike = np.roll(alike, (0, across), axis=(0, 1))[: down + 1, : 2 * across + 1]
    rows = height - np.arange(down + 1, dtype=np.float32)
    columns = width - np.abs(np.arange(-across, across + 1, dtype=np.float32))
    alike = alike / (rows[:, None] * columns * (float(np.mean(half * half)) + 1e-6))
    peaks = (alike >= cv2.dilate(alike, np.ones((3, 3), np.uint8))) & (alike > LEAST_LIKENESS)
    found = np.argwhere(peaks)
    lags = (found[:, ::-1] - (across, 0)) * 2
    once = (np.abs(lags).max(axis=1) >= LEAST_LAG_PX) & ((lags[:, 1] > 0) | (lags[:, 0] > 0))
    lags, found = lags[once], found[once]
    seen_twice = rows[found[:, 0]] * columns[found[:, 1]]
    order = np.argsort(-alike[found[:, 0], found[:, 1]] * np.sqrt(seen_twice))[:MOST_LAGS]
    return np.ascontiguousarray(np.concatenate((lags[order], -lags[order])), np.float32)


def agreeing(lag: Points, good: NDArray[np.intp], moved: Floats, count: int) -> NDArray[np.bool_]:
    """(count,): the corners that find themselves again by `lag`, (2,)."""
    agree = np.zeros(count, np.bool_)
    off = moved - lag[:, None]
    near = np.abs(off).max(axis=0) < FAR_OFF_PX
    if np.count_nonzero(near) >= LEAST_PROOF:
        exact = np.median(off[:, near], axis=1)
        agree[good[np.abs(off - exact[:, None]).max(axis=0) < SAME_PX]] = True
    return agree
