"""Lays the slices of a file against a signed list: which are there, altered, missing, or out of their place. Pure.

Each slice has a few hashes that it may have been signed under; the list has one a slice. What is in both, in the same
order, is kept (the longest such row); the rest is what somebody did.

>>> align([{b"a"}, {b"x"}, {b"c"}], [b"a", b"b", b"c", b"d"])
Alignment(matched=(0, 2), head=0, altered=1, moved=0, missing=1)
"""

from bisect import bisect_left
from collections import defaultdict, deque
from collections.abc import Sequence, Set
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Alignment:
    """`matched`: places in the file that agree. Then counts of slices: `head`: strange ones before the first that
    agrees; `altered`: other strange ones; `moved`: signed here, but not in this order; `missing`: signed, not there.
    """

    matched: tuple[int, ...]
    head: int
    altered: int
    moved: int
    missing: int


def _longest_row(places: Sequence[int | None]) -> set[int]:
    """The positions of a longest strictly growing row among `places` (patience sorting)."""
    tops: list[int] = []
    owners: list[int] = []
    before: dict[int, int | None] = {}
    for position, place in enumerate(places):
        if place is None:
            continue
        pile = bisect_left(tops, place)
        before[position] = owners[pile - 1] if pile else None
        if pile == len(tops):
            tops.append(place)
            owners.append(position)
        else:
            tops[pile], owners[pile] = place, position
    row: set[int] = set()
    at = owners[-1] if owners else None
    while at is not None:
        row.add(at)
        at = before[at]
    return row


def align(found: Sequence[Set[bytes]], signed: Sequence[bytes]) -> Alignment:
    """Lays `found` (the candidate hashes of each slice) against the `signed` hashes."""
    free: defaultdict[bytes, deque[int]] = defaultdict(deque)
    for place, one in enumerate(signed):
        free[one].append(place)  # equal slices are taken in their order
    places: list[int | None] = []
    for candidates in found:
        hit = next((one for one in candidates if free.get(one)), None)
        places.append(free[hit].popleft() if hit is not None else None)
    row = _longest_row(places)
    matched = tuple(sorted(row))
    strange = [position for position, place in enumerate(places) if place is None]
    head = sum(1 for position in strange if not matched or position < matched[0])
    return Alignment(
        matched=matched,
        head=head,
        altered=len(strange) - head,
        moved=sum(1 for position, place in enumerate(places) if place is not None and position not in row),
        missing=sum(len(left) for left in free.values()) - _overwritten(places, len(signed)),
    )


def _overwritten(places: Sequence[int | None], signed: int) -> int:
    """Strange slices that stand where a signed one is missing: these were altered, not added."""
    overwritten = strange = 0
    last = -1
    for place in (*places, signed):
        if place is None:
            strange += 1
        elif place > last:
            overwritten += min(strange, place - last - 1)
            strange, last = 0, place
    return overwritten
