"""A ring that is full destroys as much as it records: how often that stands in the register, in virtual time."""

from collections import Counter
from pathlib import Path

import pytest

from agent.config import Vault as Settings
from agent.identity import load_or_make
from agent.register.bodies import SegmentsDestroyed
from agent.register.ledger import Ledger
from agent.vault.booking import Book
from agent.vault.disk import Disk
from agent.vault.index import FILE, Index
from agent.vault.keeper import AHEAD_MS, Keeper
from agent.vault.names import segment_name
from agent.vault.ring import DAY_MS
from agent.vault.rows import Segment
from agent.vault.storage import Storage
from tests.vault.rig import HandClock, Keys

SEGMENT_MS = 6000
SIZE_BYTES = 3_000_000
MINUTES = 10


class FullRing:
    """One camera whose ring is full: each segment that comes pushes one out. No file is made: the rows say enough."""

    def __init__(self, folder: Path, kept: int, gib: float) -> None:
        state = folder / "state"
        state.mkdir()
        self.clock = HandClock()
        identity = load_or_make(state)
        self.sign = identity.sign
        self.ledger = Ledger(state, identity, self.clock, town="t", mast="m")
        self.ledger.open()
        self.index = Index(state / FILE)
        settings = Settings(recipients=[Keys(folder).recipient], retention_days=1, max_gib=gib)
        book = Book(self.index, self.ledger, self.clock)
        tools = (self.index, Storage(state, Disk()), settings, self.clock, lambda: 0)
        self.keeper = Keeper(*tools, book, self.ledger)
        self.first_ms = self.clock.wall_ms - (DAY_MS if gib > 1 + kept * SIZE_BYTES / 2**30 else kept * SEGMENT_MS)
        for number in range(kept):
            self.seal(self.first_ms + number * SEGMENT_MS)
        self.keeper.round()

    def seal(self, start_ms: int) -> None:
        known = (SEGMENT_MS, 150, 0, 704, 576, SIZE_BYTES, "ab" * 32, True, True, 2, "length")
        name = segment_name("lane", start_ms)
        self.index.add(Segment("lane", name, start_ms, start_ms + SEGMENT_MS, *known), self.sign)

    def go_on(self) -> None:
        for _ in range(MINUTES * 60_000 // SEGMENT_MS):
            self.clock.pass_ms(SEGMENT_MS)
            self.seal(self.clock.wall_ms - SEGMENT_MS)
            self.keeper.round()  # as after each sealed segment

    def close(self) -> None:
        self.index.close()
        self.ledger.close()


@pytest.mark.parametrize(
    ("kept", "gib", "rule", "most"), [(MINUTES * 10 + 20, 64, "age", MINUTES + 1), (1200, 0, "budget", 52)]
)
def test_a_full_ring_stands_in_the_register_in_batches(
    tmp_path: Path, kept: int, gib: float, rule: str, most: int
) -> None:
    ring = FullRing(tmp_path, kept, gib or kept * SIZE_BYTES / 2**30)
    before = ring.ledger.size
    ring.go_on()
    entered = [entry.body for entry in ring.ledger.entries()][before:]
    kinds = Counter(one.kind for one in entered)
    assert MINUTES - 1 <= kinds["segments_sealed"] <= MINUTES + 1
    assert 2 <= kinds["segments_destroyed"] <= most
    gone = [one.counter for body in entered if isinstance(body, SegmentsDestroyed) for one in body.segments]
    assert {one.rule for one in entered if isinstance(one, SegmentsDestroyed)} == {rule}
    assert gone == list(range(gone[0], gone[0] + len(gone)))
    assert len(gone) >= MINUTES * 60_000 // SEGMENT_MS - 12
    now_ms = ring.clock.wall_ms
    oldest_ms = min(one.start_ms for one in ring.index.oldest(1))
    if rule == "age":
        assert DAY_MS - AHEAD_MS - SEGMENT_MS <= now_ms - oldest_ms <= DAY_MS  # never later, a minute earlier at most
    else:
        assert ring.index.live_bytes <= kept * SIZE_BYTES
    ring.close()
