"""Ends holds: entered first, then let go. A hold outlives its date while the register cannot be written."""

from collections.abc import Callable, Sequence

from agent.clock import WallTime
from agent.register.bodies import Entered, SegmentsReleased
from agent.vault.holds import Holds, Kept

Enter = Callable[[Entered], int]
"""Enters something in the register; RegisterError when it cannot be written."""


def release(holds: Holds, kept: Kept, reason: str, enter: Enter) -> tuple[int, ...]:
    """Ends one requisition's hold; the entries that say so. RegisterError: nothing has changed."""
    entries = tuple(
        enter(SegmentsReleased(camera=one.camera, held=one.entry, reason=reason)) for one in holds.held(kept.id)
    )
    holds.end(kept.id)
    return entries


def release_due(holds: Holds, now: WallTime, enter: Enter) -> Sequence[Kept]:
    """Ends those whose date has come, by a clock that a time service keeps; which they were."""
    if not (now.synchronised and now.trusted):
        return ()
    due = holds.due(now.utc_ms)
    for kept in due:
        release(holds, kept, f"{kept.reference}: its date has come", enter)
    return due
