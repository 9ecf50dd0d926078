"""The street is drawn once for all tests of this folder."""

from pathlib import Path

import pytest

from agent.virtual.panorama import load_sides
from agent.virtual.render import TurningStreet


@pytest.fixture(scope="session")
def drawings(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder that has the street's drawings."""
    folder = tmp_path_factory.mktemp("street")
    load_sides(folder)
    return folder


@pytest.fixture(scope="session")
def turning_street(drawings: Path) -> TurningStreet:
    """The street by day; who changes it puts it back."""
    return TurningStreet(drawings)
