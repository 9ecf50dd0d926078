"""Which segments go: by age, by budget, or because the disk is nearly full. Pure.

Laws
- Oldest first, in the order in which they were recorded; one that is held never goes, nor one that is still open.
- Age is judged only by a clock that a time service keeps and that is above its floor: a jump evicts nothing.
- A segment recorded under an unsynchronised clock ages from the next synchronised one's start, plus the longest that a
  segment can be: later than it was really recorded, never earlier.
- Retention is a ceiling (CSI L252-5), so age counts from a segment's first picture.
"""

from collections.abc import Sequence
from dataclasses import dataclass

from agent.clock import WallTime
from agent.vault.rows import Rule

LONGEST_SEGMENT_MS = 120_000
DAY_MS = 86_400_000
LEAST_ROOM_PERCENT = 2
"""Of the budget: where holds leave less, what is recorded would be gone at once."""


@dataclass(frozen=True, slots=True)
class Candidate:
    """A segment on disk that is not held. `next_synchronised_ms`: start of the next synchronised one, any camera's."""

    seq: int
    name: str
    size_bytes: int
    start_ms: int
    synchronised: bool
    next_synchronised_ms: int | None


@dataclass(frozen=True, slots=True)
class Room:
    """What is in use: `live_bytes` in the index (with held ones), `open_bytes` in open segments, and the disk."""

    live_bytes: int
    open_bytes: int
    free_bytes: int
    disk_bytes: int


@dataclass(frozen=True, slots=True)
class Eviction:
    """One segment to destroy, and under which rule."""

    seq: int
    name: str
    rule: Rule


def reserve_bytes(disk_bytes: int) -> int:
    """How much of the disk stays free: 2 % or 64 MiB, whichever is less."""
    return min(disk_bytes // 50, 64 << 20)


def margin_bytes(budget_bytes: int) -> int:
    """1/512 of the budget: of 64 GiB 128 MiB, four minutes at 4 Mbit/s."""
    return budget_bytes >> 9


def crowded(held_bytes: int, room: Room, evictable: bool, budget_bytes: int) -> bool:
    """Whether holds leave no room to record: nearly all of the budget is theirs, or the disk is full of them."""
    if not held_bytes:
        return False
    if held_bytes >= budget_bytes * (100 - LEAST_ROOM_PERCENT) // 100:
        return True
    return not evictable and room.free_bytes < reserve_bytes(room.disk_bytes)


def ages_from_ms(row: Candidate) -> int | None:
    """The UTC ms from which retention counts; None when nothing is known yet."""
    if row.synchronised:
        return row.start_ms
    if row.next_synchronised_ms is None:
        return None
    return row.next_synchronised_ms + LONGEST_SEGMENT_MS


def age_cutoff_ms(now: WallTime, retention_days: int) -> int | None:
    """What was recorded before this is too old; None under a clock by which nothing may be judged."""
    return now.utc_ms - retention_days * DAY_MS if now.synchronised and now.trusted else None


def too_old(rows: Sequence[Candidate], cutoff_ms: int, ahead_ms: int = 0) -> tuple[Eviction, ...]:
    """Those past retention, and those that will be within `ahead_ms`, unless nobody knows their time well enough."""
    aged = ((row, ages_from_ms(row), cutoff_ms + ahead_ms * row.synchronised) for row in rows)
    return tuple(Eviction(row.seq, row.name, "age") for row, since, end in aged if since is not None and since < end)


def too_much(rows: Sequence[Candidate], room: Room, budget_bytes: int) -> tuple[Eviction, ...]:
    """The fewest of `rows` (oldest first) that bring the ring under its budget and the disk above its reserve.

    A ring that is over its budget gives a little more, `margin_bytes`: else each segment would take one away, and
    stand in the register by itself.
    """
    over = room.live_bytes + room.open_bytes - budget_bytes
    short = reserve_bytes(room.disk_bytes) - room.free_bytes
    over += margin_bytes(budget_bytes) if over > 0 else 0
    going = []
    for row in rows:
        if over <= 0 and short <= 0:
            break
        going.append(Eviction(row.seq, row.name, "budget" if over > 0 else "disk"))
        over -= row.size_bytes
        short -= row.size_bytes
    return tuple(going)
