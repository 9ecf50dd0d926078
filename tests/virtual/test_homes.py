"""What is behind private places: structure everywhere, people who move, nothing that repeats like a grid."""

import numpy as np
import pytest

from agent.virtual.homes import Home, sheet_for
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


def test_a_sheet_faces_the_mast() -> None:
    sheet = sheet_for(PRIVATE[4])
    middle = sheet.matrix @ (sheet.width / 2, sheet.height / 2, 1)
    assert angles(middle) == pytest.approx(angles(PRIVATE[4].middle()), abs=1.0)
