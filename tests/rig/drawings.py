"""The virtual street's drawings, made once for all tests of a run: they take ten seconds and more.

async with virtual_ptz(drawings(), Setup()) as ptz:
    ...
"""

import atexit
import tempfile
from functools import cache
from pathlib import Path

from agent.virtual.panorama import load_sides


@cache
def drawings() -> Path:
    """A folder that has them, gone when the run ends; nobody writes there."""
    folder = tempfile.TemporaryDirectory(prefix="vigie-street-")
    atexit.register(folder.cleanup)
    load_sides(Path(folder.name))
    return Path(folder.name)
