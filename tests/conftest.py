"""How property tests run: the same examples each time, so that a red run is red again.

`VIGIE_FUZZ_EXAMPLES=100000 pytest tests/fuzz` looks for new ones.
"""

import os

from hypothesis import HealthCheck, settings

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
