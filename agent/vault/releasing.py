"""Ends holds, entered first, then let go; and after a cut or a fault makes register and index agree about them again.

Laws
- A hold outlives its date while the register cannot be written.
- A release that was entered is carried out: `finish` ends the hold, and all of its entries say so, each once.
- A hold that was entered and holds nothing (its answer was cut short before) is closed by an entry: `close_unheld`.
  One answer at a time is entered, a camera an entry, so that such an entry is among the newest (`LOOK_BACK`).
"""

from collections.abc import Callable, Collection, Sequence

from agent.clock import WallTime
from agent.register.bodies import Entered, SegmentsHeld, SegmentsReleased
from agent.register.ledger import Ledger
from agent.vault.holds import Holds, Kept

Enter = Callable[[Entered], int]
"""Enters something in the register; RegisterError when it cannot be written."""
LOOK_BACK = 256
NOTHING_HELD = "cut short: nothing is held under this entry"


def release(holds: Holds, kept: Kept, reason: str, enter: Enter, said: Collection[int] = ()) -> tuple[int, ...]:
    """Ends one requisition's hold; the entries that say so. `said`: of which of its entries the register has it.

    RegisterError: nothing is let go; `finish` goes on with what was entered.
    """
    entries = tuple(
        enter(SegmentsReleased(camera=one.camera, held=one.entry, reason=reason))
        for one in holds.held(kept.id)
        if one.entry not in said
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


def finish(holds: Holds, ledger: Ledger) -> None:
    """Carries out releases that were entered. RegisterError."""
    standing = {one.entry: kept for kept in holds.standing() for one in holds.held(kept.id)}
    said: dict[int, str] = {}
    for entry in ledger.newest(("segments_released",)) if standing else ():
        if entry.index < min(standing):
            break
        assert isinstance(entry.body, SegmentsReleased)
        said[entry.body.held] = entry.body.reason
    for kept, reason in {standing[one].id: (standing[one], said[one]) for one in standing.keys() & said}.values():
        release(holds, kept, reason, ledger.enter, said)


def close_unheld(holds: Holds, ledger: Ledger) -> None:
    """Says of each hold that was entered and holds nothing that it is released. RegisterError."""
    known, released, unheld = holds.entries(), set[int](), list[tuple[int, str]]()
    seen = 0
    for entry in ledger.newest(("segments_held", "segments_released")):
        match entry.body:
            case SegmentsReleased(held=number):
                released.add(number)
            case SegmentsHeld(camera=camera) if entry.index not in known:
                unheld.append((entry.index, camera))
            case _:
                seen += 1
        if seen > LOOK_BACK:
            break
    for number, camera in reversed(unheld):
        if number not in released:
            ledger.enter(SegmentsReleased(camera=camera, held=number, reason=NOTHING_HELD))
