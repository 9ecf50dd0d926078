"""A state directory, keys and a clock for each test."""

from pathlib import Path

import pytest

from tests.vault.rig import Bench, Events, HandClock, Keys


@pytest.fixture
def bench(tmp_path: Path) -> Bench:
    """Nothing recorded yet."""
    return Bench(tmp_path / "state", Keys(tmp_path), HandClock(), Events())
