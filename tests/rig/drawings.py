"""The virtual street's drawings, made once and kept under build/street/: they take ten seconds and more.

async with virtual_ptz(drawings(), Setup()) as ptz:
    ...

Their file's name says by what code they were drawn, so old ones are never taken for new ones. Processes that test side
by side wait for the one that draws.
"""

import fcntl
from functools import cache
from pathlib import Path

from agent.virtual.panorama import load_sides

FOLDER = Path(__file__).resolve().parents[2] / "build" / "street"


@cache
def drawings() -> Path:
    """A folder that has them; nobody else writes there."""
    FOLDER.mkdir(parents=True, exist_ok=True)
    with (FOLDER / "lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        before = set(FOLDER.glob("panorama-*"))
        load_sides(FOLDER)
        if set(FOLDER.glob("panorama-*")) - before:
            for old in before:  # what other code drew, or what was cut off
                old.unlink()
    return FOLDER
