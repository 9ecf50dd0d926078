"""What the ring does, entered in the register: segments sealed, in batches, and segments destroyed, before they are.

    book = Book(index, ledger, clock)
    book.sealed()                        # what the index has and the register does not, once a minute
    ended = book.destroyed(seqs)         # those of them that are entered now: their rows may say `destroyed`

Laws
- The index is what is entered from, by each camera's counter: what a power cut or a full disk kept out of the register
  is entered later, in order, each segment once.
- A segment's sealing is entered before its destruction.
- Destruction waits for nobody (the law's month, the budget): a row whose destruction could not be entered stays
  `evicting`, without its file, until it can.
- What was entered before a cut is not entered again: no more than `MOST_AT_ONCE` rows are ever between entry and row.
"""

import logging
from collections.abc import Iterable, Sequence
from itertools import groupby, islice

from agent.clock import Clock, Instant, rfc3339
from agent.errors import RegisterError
from agent.register.bodies import SegmentsDestroyed, SegmentsSealed
from agent.register.ledger import Ledger
from agent.register.values import MOST_SEGMENTS, Gone, Segment
from agent.register.values import Rule as EnteredRule
from agent.vault.index import Index
from agent.vault.rows import Rule, SegmentRow

logger = logging.getLogger(__name__)

EVERY_S = 60.0
MOST_AT_ONCE = 512
LOOK_BACK = 2 * MOST_AT_ONCE
"""Entries of destruction, newest first: more cannot lie between what was entered and what the index knows."""
_RULES: dict[Rule, EnteredRule] = {"age": "age", "budget": "budget", "disk": "space"}


def _sealed(row: SegmentRow) -> Segment:
    segment = row.segment
    return Segment(
        counter=row.counter,
        name=segment.name,
        sha256=segment.sha256,
        size_bytes=segment.size_bytes,
        start=rfc3339(segment.start_ms),
        duration_ms=segment.duration_ms,
    )


def batches(rows: Iterable[SegmentRow]) -> list[SegmentsSealed]:
    """One camera's rows as entries, in order; those found after a power cut apart."""
    made = []
    for whole, group in groupby(rows, key=lambda row: row.segment.whole):
        while batch := list(islice(group, MOST_SEGMENTS)):
            made.append(
                SegmentsSealed(
                    camera=batch[0].segment.camera, segments=tuple(_sealed(one) for one in batch), found=not whole
                )
            )
    return made


class Book:
    """Used by the ring's keeper, in one thread at a time."""

    def __init__(self, index: Index, ledger: Ledger, clock: Clock) -> None:
        self._index = index
        self._ledger = ledger
        self._clock = clock
        self._last: dict[str, int] | None = None
        self._before: set[tuple[str, int]] | None = None
        self._due: Instant | None = None

    def sealed(self, *, now: bool = False) -> None:
        """Enters what was sealed since; once in `EVERY_S`, or `now`."""
        at = self._clock.instant()
        if self._ledger.fault or (self._due is not None and at < self._due and not now):
            return
        self._due = Instant(at + int(EVERY_S * 1e9))
        try:
            for camera in self._index.recorded():
                self._enter_sealed(camera)
        except (RegisterError, OSError) as error:  # a disk that cannot be read keeps nothing past its age
            logger.debug("%s", error)

    def _enter_sealed(self, camera: str) -> None:
        last = self._entered()
        if camera not in last:
            last[camera] = self._index.first_counter(camera) - 1
        while rows := self._index.after(camera, last[camera], MOST_SEGMENTS):
            for body in batches(rows):
                self._ledger.enter(body)
                last[camera] = body.segments[-1].counter

    def _entered(self) -> dict[str, int]:
        """The last counter that the register has of each camera."""
        if self._last is None:
            wanted, found = set(self._index.recorded()), dict[str, int]()
            entries = self._ledger.newest(("segments_sealed",)) if wanted else iter(())
            for entry in entries:
                assert isinstance(entry.body, SegmentsSealed)
                found.setdefault(entry.body.camera, entry.body.segments[-1].counter)
                if wanted <= set(found):
                    break
            self._last = found
        return self._last

    def destroyed(self, seqs: Sequence[int]) -> list[int]:
        """Enters the destruction of these rows; of which of them the register knows now."""
        ended: list[int] = []
        try:
            rows = self._index.by_seq(seqs[:MOST_AT_ONCE])
            if any(row.counter > self._entered().get(row.segment.camera, -1) for row in rows):
                self.sealed(now=True)  # else a ring that is full would enter each segment by itself
            known = self._known()
            for (camera, rule), group in groupby(sorted(rows, key=_kind), key=_kind):
                for batch in _cut(list(group)):
                    gone = [one for one in batch if (camera, one.counter) not in known]
                    if gone:
                        told = tuple(Gone(counter=one.counter, sha256=one.segment.sha256) for one in gone)
                        self._ledger.enter(SegmentsDestroyed(camera=camera, segments=told, rule=_RULES[rule]))
                    ended += [one.seq for one in batch]
        except (RegisterError, OSError) as error:  # a disk that cannot be read keeps nothing past its age
            logger.debug("%s", error)
        return ended

    def _known(self) -> set[tuple[str, int]]:
        """What an earlier run entered as destroyed and may not have told the index."""
        if self._before is None:
            entries = islice(self._ledger.newest(("segments_destroyed",)), LOOK_BACK)
            bodies = [entry.body for entry in entries]
            self._before = {
                (body.camera, one.counter)
                for body in bodies
                if isinstance(body, SegmentsDestroyed)
                for one in body.segments
            }
        return self._before


def _kind(row: SegmentRow) -> tuple[str, Rule]:
    return row.segment.camera, row.rule or "budget"


def _cut(rows: list[SegmentRow]) -> list[list[SegmentRow]]:
    return [rows[at : at + MOST_SEGMENTS] for at in range(0, len(rows), MOST_SEGMENTS)]
