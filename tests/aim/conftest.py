"""The street is drawn once; a camera in it is commissioned once a view, and each test takes up from there."""

from collections.abc import Callable

import pytest

from agent.virtual.render import TurningStreet
from agent.virtual.sphere import View
from tests.aim.street import Life

FACADE, TOWER, BRICK = View(-33, 5, 60), View(36, 3, 60), View(143, 0, 50)
Live = Callable[[View], Life]


@pytest.fixture(scope="session")
def commissioned() -> dict[View, dict[str, bytes]]:
    """What is on disk after the first start, by view."""
    return {}


@pytest.fixture
def live(turning_street: TurningStreet, commissioned: dict[View, dict[str, bytes]]) -> Live:
    """A camera that was commissioned by day and whose agent has just started."""

    def make(view: View) -> Life:
        life = Life(turning_street, view)
        if view not in commissioned:
            life.commission()
            commissioned[view] = dict(life.keeper.kept)
        life.keeper.kept = dict(commissioned[view])
        life.restart()
        life.events.clear()
        life.blinds.clear()
        return life

    return make
