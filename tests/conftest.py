"""How property tests run: the same examples each time, so that a red run is red again. And the street, drawn once.

`VIGIE_FUZZ_EXAMPLES=100000 pytest tests/fuzz` looks for new ones.
"""

import os
from pathlib import Path

import pytest
from hypothesis import HealthCheck, settings

from agent.virtual.render import TurningStreet
from tests.rig.drawings import drawings as drawn

EXAMPLES = int(os.environ.get("VIGIE_FUZZ_EXAMPLES", "0"))

settings.register_profile(
    "vigie",
    deadline=None,  # assertions are about what happens, never about how fast
    derandomize=not EXAMPLES,
    max_examples=EXAMPLES or 100,
    database=None,
    suppress_health_check=[HealthCheck.too_slow],  # a loaded machine generates slowly
)
settings.load_profile("vigie")


@pytest.fixture(scope="session")
def drawings() -> Path:
    """A folder that has the street's drawings."""
    return drawn()


@pytest.fixture(scope="session")
def turning_street(drawings: Path) -> TurningStreet:
    """The street by day; who changes it puts it back."""
    return TurningStreet(drawings)
