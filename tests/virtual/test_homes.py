"""What is behind private places: structure everywhere, people who move, nothing that repeats like a grid."""

import numpy as np
import pytest

from agent.virtual.homes import HOME_CELLS_PX, TILE_PX, Home, halvings, level_for, level_matrix, sheet_for, tile
from agent.virtual.sphere import angles
from agent.virtual.world import PRIVATE


@pytest.mark.parametrize("place", PRIVATE, ids=lambda place: place.name)
def test_the_sheet_holds_the_whole_place(place) -> None:
    sheet = sheet_for(place)
    flat = place.corners() @ np.linalg.inv(sheet.matrix).T
    points = flat[:, :2] / flat[:, 2:]
    assert (points > 0).all()
    assert (points < (sheet.width, sheet.height)).all()


def test_somebody_moves_in_a_room_and_it_looks_otherwise_at_night() -> None:
    home = Home(PRIVATE[0], 0)
    first, later, night = home.picture(1.0, False), home.picture(6.0, False), home.picture(1.0, True)
    moved = np.abs(first.astype(int) - later).max(axis=2) > 30
    assert 0.005 < moved.mean() < 0.6
    assert night.mean() > first.mean() + 10
    assert np.array_equal(first, home.picture(1.0, False))


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


def test_a_sheet_faces_the_mast() -> None:
    sheet = sheet_for(PRIVATE[4])
    middle = sheet.matrix @ (sheet.width / 2, sheet.height / 2, 1)
    assert angles(middle) == pytest.approx(angles(PRIVATE[4].middle()), abs=1.0)
