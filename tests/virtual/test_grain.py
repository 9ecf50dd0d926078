"""Grain: tiles whose edges meet, laid out the same however they are looked up."""

import cv2
import numpy as np
import pytest

from agent.virtual.grain import HOME_CELLS_PX, TILE_PX, Grain, halvings, level_for, level_matrix, tile


def test_the_fine_tiles_edges_meet() -> None:
    grain = tile(HOME_CELLS_PX, 1).astype(int)
    assert grain.shape == (TILE_PX, TILE_PX)
    inner = np.abs(np.diff(grain, axis=1)).mean()
    assert np.abs(grain[:, 0] - grain[:, -1]).mean() < 1.5 * inner
    assert np.abs(grain[0] - grain[-1]).mean() < 1.5 * inner


def test_halvings_keep_their_place() -> None:
    levels = halvings(tile(HOME_CELLS_PX, 1))
    assert [level_for(shown, 256, len(levels)) for shown in (400, 200, 100, 12)] == [0, 0, 1, 4]
    assert level_matrix(3) @ (0, 0, 1) == pytest.approx((3.5, 3.5, 1))


@pytest.mark.parametrize("far", [0.0, -70_000.0, 31_337.0])
@pytest.mark.parametrize("shown", [400.0, 180.0, 90.0, 20.0])
def test_the_layout_shows_what_the_repeating_tile_shows(shown: float, far: float) -> None:
    grain, scale = Grain(HOME_CELLS_PX, 1), shown / 256
    matrix = np.array(((scale, 0.1 * scale, far * scale), (-0.1 * scale, scale, 40), (1e-6, 0, 1)))
    level = level_for(shown, 256, 6)
    direct = cv2.warpPerspective(
        grain._tiles[level], matrix @ level_matrix(level), (704, 576), borderMode=cv2.BORDER_WRAP
    )
    pane = np.full((576, 704, 3), 128, np.uint8)
    grain.add(pane, matrix, shown)
    assert grain._shift(matrix @ level_matrix(level), (704, 576), level) is not None
    assert np.abs(pane[..., 0].astype(int) - direct).mean() < 2
    assert direct.std() > 3


def test_a_plane_seen_edge_on_is_looked_up_tile_by_tile() -> None:
    grain, pane = Grain(HOME_CELLS_PX, 1), np.full((576, 704, 3), 128, np.uint8)
    matrix = np.array(((1.0, 0, 0), (0, 1.0, 0), (0.002, 0, -0.5)))
    assert grain._shift(matrix, (704, 576), 0) is None
    grain.add(pane, matrix, 256)
    assert pane.std() > 10


def test_what_is_shown_too_small_is_left_alone() -> None:
    pane = np.full((64, 64, 3), 128, np.uint8)
    Grain(HOME_CELLS_PX, 1).add(pane, np.eye(3) / 100, 2.0)
    assert pane.std() == 0
