"""A mast that has recorded eight seconds, and runs."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.evidence.rig import House


@pytest.fixture
def house(tmp_path: Path) -> Iterator[House]:
    found = House(tmp_path)
    found.record()
    found.open()
    yield found
    found.close()
