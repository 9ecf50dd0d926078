"""Processes that die at a chosen change to the disk; `test_crash_points.py` starts this program.

    python -m tests.vault.crash FOLDER RECIPIENT PICTURES KIB before|after POINT...

One after the other, in FOLDER/POINT/state, it records PICTURES with a budget of KIB in a child that dies before (or
right after) its POINTth change. It prints the points that were reached.
"""

import os
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

from agent.identity import load_or_make
from agent.vault import Vault
from agent.vault.disk import Disk
from tests.vault.rig import Events, Feed, HandClock, Scene, film, settings, turned

CHANGES = (
    "make_folder",
    "create",
    "write",
    "write_at",
    "allocate",
    "sync_data",
    "sync",
    "rename",
    "link",
    "remove",
    "remove_folder",
    "sync_folder",
)
DIED = 9
SMALL = Scene("street", width=192, height=144, kbps=600, gop=50)


class DyingDisk(Disk):
    """The process is gone before, or right after, its `point`th change to the disk; -1 never."""

    def __init__(self, point: int, *, after: bool) -> None:
        self._point = point
        self._after = after
        self.done = 0
        for name in CHANGES:
            setattr(self, name, self._guarded(getattr(super(), name)))

    def _guarded(self, change: Callable[..., Any]) -> Callable[..., Any]:
        def guarded(*values: Any) -> Any:
            mine, self.done = self.done, self.done + 1
            if mine == self._point and not self._after:
                os._exit(DIED)
            result = change(*values)
            if mine == self._point:
                os._exit(DIED)
            return result

        return guarded


def live(state: Path, recipient: str, pictures: int, kib: float, disk: Disk) -> None:
    """Opens the vault, records, closes."""
    vault = Vault(state, settings(recipient, gib=kib / 2**20), HandClock(), load_or_make(state), Events(), disk)
    vault.open()
    feed = Feed()
    vault.record("lane", feed, 1000)
    feed.put(turned(film(SMALL, pictures)))
    vault.close()


def died(state: Path, recipient: str, pictures: int, kib: float, disk: Disk) -> bool:
    """Whether a child that lives so comes to its point."""
    child = os.fork()
    if child == 0:
        status = 1
        try:
            live(state, recipient, pictures, kib, disk)
            status = 0
        finally:
            os._exit(status)
    status = os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])
    if status not in (0, DIED):
        raise RuntimeError(f"{disk} ended with {status}")
    return status == DIED


def main(folder: Path, recipient: str, pictures: int, kib: float, when: str, points: list[int]) -> None:
    """Goes through the points."""
    film(SMALL, pictures)  # encoded once, before the children are made
    for point in points:
        disk = DyingDisk(point, after=when == "after")
        if died(folder / str(point) / "state", recipient, pictures, kib, disk):
            print(point)


if __name__ == "__main__":
    main(
        Path(sys.argv[1]),
        sys.argv[2],
        int(sys.argv[3]),
        float(sys.argv[4]),
        sys.argv[5],
        [int(n) for n in sys.argv[6:]],
    )
