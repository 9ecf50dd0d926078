"""The judge of masks itself: what is a leak to it, and what is none."""

import cv2
import numpy as np
import pytest

from tests.e2e.judge import BLOCK, leaks

SIZE = 160
PRIVATE = np.full((SIZE, SIZE), 255, np.uint8)


def scene(seed: int) -> np.ndarray:
    """A private place: texture everywhere, and something bright on its right half."""
    dice = np.random.default_rng(seed)
    texture = cv2.GaussianBlur(dice.normal(0, 60, (SIZE, SIZE)).astype(np.float32), (0, 0), 1.2)
    texture[:, SIZE // 2 + 8 :] += 60
    return np.clip(texture + 90, 0, 255).astype(np.uint8)


def mosaic(picture: np.ndarray, cell: int, left: int) -> np.ndarray:
    """Cells of one colour each, the first column of them `left` pixels wide."""
    shown = picture.copy()
    for top in range(0, SIZE, cell):
        for x in (0, *range(left, SIZE, cell)):
            part = np.s_[top : top + cell, x : (left if x == 0 else x + cell)]
            shown[part] = int(picture[part].mean())
    return shown


@pytest.mark.parametrize("seed", range(8))
@pytest.mark.parametrize("cell", [40, 80])
def test_a_mosaic_is_no_leak_even_where_two_cells_meet_on_an_edge_of_the_place(seed: int, cell: int) -> None:
    picture = scene(seed)
    found, judged = leaks(mosaic(picture, cell, left=(SIZE // 2 + 8) % cell), picture, PRIVATE)
    assert judged > 50
    assert found == []


@pytest.mark.parametrize("seed", range(8))
@pytest.mark.parametrize("columns", [BLOCK, BLOCK * 3 // 4])
def test_a_block_that_is_bare_or_nearly_so_is_found(seed: int, columns: int) -> None:
    picture = scene(seed)
    shown = mosaic(picture, 40, left=8)
    bare = np.s_[3 * BLOCK : 4 * BLOCK, 2 * BLOCK : 2 * BLOCK + columns]
    shown[bare] = picture[bare]
    found, _ = leaks(shown, picture, PRIVATE)
    assert [(one.x, one.y) for one in found] == [(2 * BLOCK, 3 * BLOCK)]


@pytest.mark.parametrize("seed", range(8))
def test_a_picture_that_is_only_a_little_blurred_or_coarse_is_found(seed: int) -> None:
    picture = scene(seed)
    for shown in (cv2.GaussianBlur(picture, (0, 0), 1.0), picture // 8 * 8):
        found, judged = leaks(shown, picture, PRIVATE)
        assert len(found) > 0.9 * judged
