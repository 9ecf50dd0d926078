"""A process that dies at a chosen system call of the vault; started by `test_crash_points.py` through a forkserver."""

import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

from agent.identity import load_or_make
from agent.units import AccessUnit
from agent.vault import Vault
from agent.vault.disk import Disk
from tests.vault.rig import Events, Feed, HandClock, settings

CHANGES = (
    "make_folder",
    "create",
    "write",
    "sync_data",
    "sync",
    "rename",
    "link",
    "remove",
    "remove_folder",
    "sync_folder",
)
DIED = 9


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


def live(state: Path, recipient: str, units: list[AccessUnit], kib: float, point: int, after: bool) -> None:
    """Opens the vault with a budget of `kib`, records, closes: status 0, or DIED on the way."""
    disk = DyingDisk(point, after=after)
    options = settings(recipient, gib=kib / 2**20)
    vault = Vault(state, options, HandClock(), load_or_make(state), Events(), disk)
    vault.open()
    feed = Feed()
    vault.record("lane", feed, 1000)
    feed.put(units)
    vault.close()
    os._exit(0)
