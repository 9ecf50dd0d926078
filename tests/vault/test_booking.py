"""What the ring does is in the register: every segment once, through cuts and while the register cannot be written."""

import errno
import time
from collections import Counter
from pathlib import Path

import pytest

from agent.config import Vault as Settings
from agent.identity import load_or_make
from agent.register.bodies import SegmentsDestroyed, SegmentsSealed
from agent.register.disk import Disk as RegisterDisk
from agent.register.ledger import Ledger
from agent.register.values import MOST_SEGMENTS
from agent.vault import Vault, booking
from agent.vault.booking import Book
from agent.vault.disk import Disk
from agent.vault.index import Index
from agent.vault.keeper import Keeper
from agent.vault.ring import DAY_MS
from agent.vault.rows import Segment
from agent.vault.storage import Storage
from tests.register.rig import IDENTITY, NOON, HandClock
from tests.vault.rig import Bench, Scene, film, settings, until

HASH = "0123456789abcdef" * 4


class FillingDisk(RegisterDisk):
    """Refuses every write while `full`."""

    full = False

    def write(self, descriptor: int, data: bytes, offset: int) -> None:
        if self.full:
            raise OSError(errno.ENOSPC, "No space left on device")
        super().write(descriptor, data, offset)


class Ring:
    """An index with its files, a keeper, and a register beside it."""

    def __init__(self, state: Path) -> None:
        self.state = state
        self.clock, self.disk = HandClock(), FillingDisk()
        self.storage = Storage(state, Disk())
        self.number = 0
        self.open()

    def open(self) -> None:
        """As at a start."""
        self.index = Index(self.state / "index.sqlite")
        self.ledger = Ledger(self.state, IDENTITY, self.clock, town="lievin", mast="m", disk=self.disk)
        self.ledger.open()
        self.book = Book(self.index, self.ledger, self.clock)
        settings = Settings.model_construct(
            retention_days=1, max_gib=1.0, recipients=(), rotation=(), segment_seconds=6
        )
        self.keeper = Keeper(self.index, self.storage, settings, self.clock, lambda: 0, self.book)

    def cut(self) -> None:
        """The process is gone; another one starts."""
        self.ledger.close()
        self.index.close()
        self.open()

    def seal(self, count: int, camera: str = "lane", *, whole: bool = True) -> None:
        """So many segments, a second apart."""
        for _ in range(count):
            self.number += 1
            name = f"segments/{camera}/2026/11/21/{self.number:06d}.mp4.age"
            path = self.state / name
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(b"x")
            start = NOON + 1000 * self.number
            segment = Segment(
                *(camera, name, start, start + 900, 900 if whole else None, 20, 0, 64, 48, 1, HASH, whole, True, 3),
                end_reason="full",
            )
            self.index.add(segment, lambda _: b"signature")

    def entered(self, kind: type) -> list[tuple[str, int]]:
        """(camera, counter) of all segments in entries of `kind`, in order."""
        bodies = [entry.body for entry in self.ledger.entries() if isinstance(entry.body, kind)]
        return [(body.camera, one.counter) for body in bodies for one in body.segments]  # type: ignore[attr-defined]

    def age(self) -> None:
        """All of them are past retention."""
        self.clock.wall_ms += 3 * DAY_MS

    def files(self) -> int:
        return len(list((self.state / "segments").rglob("*.age")))


@pytest.fixture
def ring(tmp_path: Path) -> Ring:
    return Ring(tmp_path)


def each(count: int, camera: str = "lane") -> list[tuple[str, int]]:
    return [(camera, counter) for counter in range(1, count + 1)]


def test_segments_are_entered_in_batches_each_once_and_found_ones_apart(ring: Ring) -> None:
    ring.seal(MOST_SEGMENTS + 5)
    ring.seal(1, whole=False)
    ring.seal(2, "quay")
    ring.keeper.round()
    ring.book.sealed(now=True)
    bodies = [entry.body for entry in ring.ledger.entries()]
    told = [(body.camera, len(body.segments), body.found) for body in bodies if isinstance(body, SegmentsSealed)]
    assert told == [("lane", MOST_SEGMENTS, False), ("lane", 5, False), ("lane", 1, True), ("quay", 2, False)]
    ring.seal(1)
    ring.book.sealed()  # a minute has not passed
    assert ring.entered(SegmentsSealed).count(("lane", MOST_SEGMENTS + 7)) == 0
    ring.clock.wall_ms += 61_000
    ring.book.sealed()
    assert ring.entered(SegmentsSealed) == [*each(MOST_SEGMENTS + 6), *each(2, "quay"), ("lane", MOST_SEGMENTS + 7)]


def test_what_a_cut_kept_out_is_entered_at_the_next_start_and_nothing_twice(ring: Ring) -> None:
    ring.seal(3)
    ring.book.sealed(now=True)
    ring.seal(4)
    ring.cut()
    ring.keeper.round()
    assert ring.entered(SegmentsSealed) == each(7)


def test_destruction_is_entered_before_the_file_goes_and_sealing_before_destruction(
    ring: Ring, monkeypatch: pytest.MonkeyPatch
) -> None:
    ring.seal(5)
    ring.age()
    seen: list[int] = []
    destroy = ring.storage.destroy
    monkeypatch.setattr(
        ring.storage, "destroy", lambda names: (seen.append(len(ring.entered(SegmentsDestroyed))), destroy(names))
    )
    ring.keeper.round()
    assert seen == [5]
    assert (ring.entered(SegmentsSealed), ring.entered(SegmentsDestroyed)) == (each(5), each(5))
    rules = {entry.body.rule for entry in ring.ledger.entries() if isinstance(entry.body, SegmentsDestroyed)}
    assert (rules, ring.files()) == ({"age"}, 0)
    kinds = [entry.kind for entry in ring.ledger.entries()]
    assert kinds.index("segments_sealed") < kinds.index("segments_destroyed")


def test_the_law_s_month_does_not_wait_for_the_register_which_hears_of_it_afterwards(ring: Ring) -> None:
    ring.seal(5)
    ring.age()
    ring.disk.full = True
    ring.keeper.round()
    ring.keeper.round()
    assert (ring.files(), len(ring.index.evicting())) == (0, 5)
    ring.disk.full = False
    ring.keeper.round()
    assert ring.index.evicting() == []
    assert ring.entered(SegmentsDestroyed) == each(5)
    ring.cut()
    ring.keeper.round()
    assert ring.entered(SegmentsDestroyed) == each(5)


def test_a_cut_between_entry_and_row_enters_nothing_twice(ring: Ring, monkeypatch: pytest.MonkeyPatch) -> None:
    ring.seal(5)
    ring.seal(3, "quay")
    ring.age()

    def gone(*_: object) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr(ring.storage, "destroy", gone)
    with pytest.raises(KeyboardInterrupt):
        ring.keeper.round()
    monkeypatch.undo()
    assert (ring.files(), len(ring.entered(SegmentsDestroyed))) == (8, 8)
    ring.cut()
    ring.keeper.round()
    assert ring.files() == 0
    assert Counter(ring.entered(SegmentsDestroyed)) == Counter([*each(5), *each(3, "quay")])


def test_more_than_one_turn_s_rows_are_all_entered_in_the_end(ring: Ring, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(booking, "MOST_AT_ONCE", 4)
    ring.seal(10)
    ring.age()
    for _ in range(4):
        ring.keeper.round()
    assert (ring.files(), ring.index.evicting()) == (0, [])
    assert Counter(ring.entered(SegmentsDestroyed)) == Counter(each(10))


def test_a_register_that_begins_late_begins_with_the_oldest_segment_that_is_there(ring: Ring) -> None:
    ring.seal(6)
    ring.index.begin_eviction([(1, "age"), (2, "age")])
    ring.index.end_eviction([1, 2], NOON)
    ring.book.sealed(now=True)
    assert ring.entered(SegmentsSealed) == each(6)[2:]


def test_a_register_that_cannot_be_read_keeps_nothing_past_its_age(ring: Ring, monkeypatch: pytest.MonkeyPatch) -> None:
    def unreadable(*_: object) -> None:
        raise OSError(errno.EIO, "Input/output error")

    ring.seal(5)
    ring.age()
    monkeypatch.setattr(ring.ledger, "newest", unreadable)
    ring.keeper.round()
    assert (ring.files(), len(ring.index.evicting())) == (0, 5)
    monkeypatch.undo()
    ring.keeper.round()
    assert ring.entered(SegmentsDestroyed) == each(5)


def test_a_ring_whose_register_opens_after_the_vault_destroys_nothing_before_that(bench: Bench) -> None:
    bench.record(film(Scene("still", width=64, height=48, kbps=50), 100, bench.clock))
    bench.clock.pass_ms(20 * DAY_MS)
    ledger = Ledger(bench.state, load_or_make(bench.state), bench.clock, town="lievin", mast="m")
    options = (bench.state, settings(bench.keys.recipient), bench.clock, load_or_make(bench.state), bench.events)
    vault = Vault(*options, ledger=ledger)
    vault.open()
    vault.poke()
    time.sleep(0.3)
    assert len(bench.segments()) == 2
    ledger.open()
    vault.keep()
    until(lambda: all(row.state == "destroyed" for row in bench.rows()))
    assert [entry.kind for entry in ledger.entries()] == ["segments_sealed", "segments_destroyed"]
    vault.close()
    ledger.close()
