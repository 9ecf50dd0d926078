"""A judge of masks: does the fine structure of the camera's own picture survive inside the true private area?

Blocks of 16 x 16 pixels, 3 pixels from the private area's edge, are compared with the unmasked picture of the same
number, both without their coarse part. A mosaic's cell or a fixed colour has no fine structure of the place's own. What
is taken off as the coarse part reaches beyond a block: one that is itself of one colour shows nothing, whatever lies
beside it. Where two cells meet there is an edge, and the place may have one just there: a block shows something only
where more of it than such lines has structure.
"""

from dataclasses import dataclass

import cv2
import numpy as np

BLOCK = 16
ALIKE = 0.6
FINE_LUMA = 3.0
"""Spread of the fine part, in levels, from which a block shows anything at all."""
LEAST_STEP = 3
"""Levels between a pixel and its neighbours from which it has structure: more than a codec makes in one colour."""
LINES = 0.35
"""Of a block's pixels: what the edges between cells take of it. A block that is half bare has more."""

Luma = np.ndarray


def _fine(luma: Luma) -> np.ndarray:
    whole = luma.astype(np.float32)
    return whole - cv2.GaussianBlur(whole, (0, 0), 3)


def _structured(luma: Luma) -> np.ndarray:
    """(rows, columns) 1.0 where a pixel differs from some neighbour."""
    near = np.ones((3, 3), np.uint8)
    return np.asarray(cv2.subtract(cv2.dilate(luma, near), cv2.erode(luma, near)) > LEAST_STEP, np.float32)


def _blocks(plane: np.ndarray) -> np.ndarray:
    rows, columns = plane.shape[0] // BLOCK, plane.shape[1] // BLOCK
    cut = plane[: rows * BLOCK, : columns * BLOCK].reshape(rows, BLOCK, columns, BLOCK)
    return cut.transpose(0, 2, 1, 3).reshape(rows * columns, BLOCK * BLOCK)


def _inside(private: Luma) -> np.ndarray:
    """Which blocks are judged: those within the private area and off its edge."""
    safe = cv2.erode(private, np.ones((7, 7), np.uint8), borderType=cv2.BORDER_CONSTANT, borderValue=255)
    return np.asarray((_blocks(safe) > 0).all(axis=1))


def bare(unmasked: np.ndarray, original: Luma, private: Luma) -> int:
    """How many whole blocks with structure no mask covers; `unmasked`: True where the picture is the original."""
    told = _blocks(_fine(original)).std(axis=1) > FINE_LUMA
    return int((_inside(private) & told & _blocks(unmasked).all(axis=1)).sum())


@dataclass(frozen=True, slots=True)
class Leak:
    """A block in which the original's structure shows: its upper left corner, how alike, and both spreads in levels."""

    x: int
    y: int
    alike: float
    shown: float
    original: float

    def __str__(self) -> str:
        return f"({self.x}, {self.y}) alike {self.alike:.2f}, spread {self.shown:.1f} of {self.original:.1f}"


def leaks(shown: Luma, original: Luma, private: Luma) -> tuple[list[Leak], int]:
    """(blocks in which the original's structure shows, how many blocks were judged)."""
    inside = _inside(private)
    truth, seen, places = _blocks(_fine(original))[inside], _blocks(_fine(shown))[inside], np.flatnonzero(inside)
    told = truth.std(axis=1) > FINE_LUMA
    structured = _blocks(_structured(shown))[places[told]].mean(axis=1)
    truth, seen, places = truth[told], seen[told], places[told]
    spread = np.minimum(seen.std(axis=1), _blocks(shown.astype(np.float32))[places].std(axis=1))
    centred = (truth - truth.mean(axis=1, keepdims=True), seen - seen.mean(axis=1, keepdims=True))
    norms = np.linalg.norm(centred[0], axis=1) * np.linalg.norm(centred[1], axis=1)
    alike = (centred[0] * centred[1]).sum(axis=1) / np.maximum(norms, 1e-6)
    columns = shown.shape[1] // BLOCK
    found = [
        Leak(
            int(places[at] % columns) * BLOCK,
            int(places[at] // columns) * BLOCK,
            float(alike[at]),
            float(spread[at]),
            float(truth[at].std()),
        )
        for at in np.flatnonzero((spread > FINE_LUMA) & (alike > ALIKE) & (structured > LINES))
    ]
    return found, len(truth)
