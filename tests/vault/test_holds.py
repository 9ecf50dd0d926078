"""Holds: what requisitions keep outlives age, budget, a full disk and a restart, and not its own date."""

import sqlite3
from pathlib import Path

import pytest

from agent.clock import WallTime
from agent.errors import RegisterError
from agent.events import RecordingLost, RecordingRestored
from agent.identity import load_or_make
from agent.register.bodies import Entered, SegmentsReleased
from agent.register.ledger import Ledger
from agent.vault import Vault, schema
from agent.vault import index as module
from agent.vault.holds import _HELD, _STILL, Holds, Kept
from agent.vault.index import Index
from agent.vault.releasing import release, release_due
from agent.vault.ring import DAY_MS, Room, crowded, reserve_bytes
from tests.vault.rig import NOON, Bench, Feed, Scene, film, settings, until
from tests.vault.test_index import segment, unsigned

ID = "7b0f6c1e-92a4-4c53-8a0e-3d4f8f1f2a55"
OTHER = "00000000-0000-4000-8000-000000000000"
YEAR_MS = 365 * DAY_MS


def kept(name: str = ID, until_ms: int = NOON + YEAR_MS, entry: int = 7) -> Kept:
    return Kept(name, "hold", "ab" * 32, "PV 2026/004211", entry, until_ms)


class Register:
    """Takes entries until it is told to refuse."""

    def __init__(self) -> None:
        self.entered: list[Entered] = []
        self.broken = False

    def __call__(self, body: Entered) -> int:
        if self.broken:
            raise RegisterError("the disk is gone")
        self.entered.append(body)
        return len(self.entered) - 1


@pytest.fixture
def index(tmp_path: Path) -> Index:
    found = Index(tmp_path / "index.sqlite")
    for number in range(4):
        found.add(segment("lane", number), unsigned)
    return found


def states(index: Index) -> list[str]:
    return [state for _, (_, state) in sorted(index.states("segments/lane/2026/11/21").items())]


def recorded(bench: Bench) -> Vault:
    """A vault that has recorded and is open, with the first segment held."""
    bench.record(film(Scene(), 150, bench.clock))
    vault = bench.vault()
    vault.open()
    vault.holds.begin(kept(), [(1, 8)])
    vault.holds.settle(ID)
    return vault


def live(bench: Bench) -> list[tuple[int, str]]:
    return [(row.seq, row.state) for row in bench.rows() if row.live]


def test_held_segments_outlive_their_age(bench: Bench) -> None:
    vault = recorded(bench)
    bench.clock.pass_ms(20 * DAY_MS)
    vault.poke()
    until(lambda: live(bench) == [(1, "held")])
    vault.close()
    assert bench.agrees()


def test_a_budget_takes_everything_but_what_is_held(bench: Bench) -> None:
    recorded(bench).close()
    vault = bench.vault(gib=1e-6)
    vault.open()
    until(lambda: live(bench) == [(1, "held")])
    vault.close()
    assert bench.agrees()


def test_a_hold_survives_a_restart(bench: Bench) -> None:
    recorded(bench).close()
    bench.clock.pass_ms(40 * DAY_MS)
    vault = bench.vault()
    vault.open()
    until(lambda: live(bench) == [(1, "held")])
    assert vault.holds.standing() == [Kept(**{**_fields(kept()), "settled": True})]
    assert vault.holds.answered(ID)
    vault.close()


def _fields(one: Kept) -> dict[str, object]:
    return {name: getattr(one, name) for name in Kept.__slots__}


def test_a_hold_whose_date_has_come_is_entered_and_lets_go(bench: Bench) -> None:
    recorded(bench).close()
    ledger = Ledger(bench.state, load_or_make(bench.state), bench.clock, town="lievin", mast="lievin-042")
    ledger.open()
    options = (bench.state, settings(bench.keys.recipient), bench.clock, load_or_make(bench.state), bench.events)
    vault = Vault(*options, ledger=ledger)
    bench.clock.pass_ms(YEAR_MS + 1)
    vault.open()
    until(lambda: live(bench) == [])
    vault.close()
    (entered,) = [entry.body for entry in ledger.entries(kinds=("segments_released",))]
    ledger.close()
    assert isinstance(entered, SegmentsReleased)
    assert (entered.camera, entered.held) == ("lane", 8)
    assert "PV 2026/004211" in entered.reason


def test_a_hold_stays_while_its_end_cannot_be_entered(index: Index) -> None:
    holds, register = Holds(index), Register()
    holds.begin(kept(until_ms=NOON), [(1, 8)])
    register.broken = True
    with pytest.raises(RegisterError):
        release_due(holds, WallTime((NOON + 1) * 10**6, True, 1.0), register)
    assert states(index) == ["held", "sealed", "sealed", "sealed"]
    register.broken = False
    assert [one.id for one in release_due(holds, WallTime((NOON + 1) * 10**6, True, 1.0), register)] == [ID]
    assert states(index) == ["sealed"] * 4
    index.close()


@pytest.mark.parametrize(
    ("ahead_ms", "synchronised", "trusted"), [(-1, True, True), (1, False, True), (1, True, False)]
)
def test_a_hold_ends_only_by_a_clock_that_is_known_to_be_right(
    index: Index, ahead_ms: int, synchronised: bool, trusted: bool
) -> None:
    holds = Holds(index)
    holds.begin(kept(until_ms=NOON), [(1, 8)])
    wall = WallTime((NOON + ahead_ms) * 10**6, synchronised, None, trusted)
    assert list(release_due(holds, wall, Register())) == []
    assert states(index)[0] == "held"
    index.close()


def test_what_two_requisitions_hold_is_free_when_both_have_ended(index: Index) -> None:
    holds = Holds(index)
    holds.begin(kept(), [(1, 8), (2, 8)])
    holds.begin(kept(OTHER, entry=9), [(2, 10), (3, 10)])
    release(holds, kept(), "released", Register())
    assert states(index) == ["sealed", "held", "held", "sealed"]
    release(holds, kept(OTHER), "released", Register())
    assert states(index) == ["sealed"] * 4
    index.close()


def test_a_hold_takes_nothing_that_is_being_destroyed(index: Index) -> None:
    index.begin_eviction([(1, "age")])
    assert Holds(index).begin(kept(), [(1, 8), (2, 8)]) == {2}
    assert states(index)[:2] == ["evicting", "held"]
    index.begin_eviction([(2, "budget")])
    assert states(index)[1] == "held"
    index.close()


def test_a_requisition_that_was_cut_short_may_come_again_and_one_that_was_answered_may_not(index: Index) -> None:
    holds = Holds(index)
    holds.begin(kept(), [(1, 8)])
    assert not holds.answered(ID)
    holds.begin(kept(entry=11), [(1, 12), (2, 12)])
    holds.settle(ID)
    assert holds.answered(ID)
    found = holds.find(ID)
    assert found is not None
    assert (found.entry, found.settled) == (11, True)
    assert {(one.entry, one.seqs) for one in holds.held(ID)} == {(8, (1,)), (12, (2,))}
    holds.end(ID)
    assert holds.answered(ID)
    index.close()


def test_a_held_segment_that_the_disk_lost_and_found_is_held_again(index: Index) -> None:
    Holds(index).begin(kept(), [(1, 8)])
    index.mark_lost([1])
    index.take_back(1)
    assert states(index)[0] == "held"
    index.close()


def test_an_index_of_before_there_were_holds_is_taken_over(tmp_path: Path) -> None:
    path = tmp_path / "index.sqlite"
    with sqlite3.connect(path) as database:
        database.executescript(f"{schema._SEGMENTS} PRAGMA user_version = 1;")
    database.close()
    index = Index(path)
    index.add(segment("lane", 0), unsigned)
    assert Holds(index).begin(kept(), [(1, 8)]) == {1}
    index.close()
    again = Index(path)
    assert states(again) == ["held"]
    again.close()


def test_the_interval_takes_whole_segments_and_no_more(index: Index) -> None:
    """Four segments of 51, 50, ... ms, one a millisecond after the other; each ends where its end says."""
    first = segment("lane", 0)
    assert first.end_ms is not None
    assert [row.seq for row in index.forced("lane", NOON, NOON + 1)] == [1]
    assert [row.seq for row in index.forced("lane", first.end_ms, first.end_ms + 1)] == [2, 3, 4]
    assert [row.seq for row in index.forced("lane", NOON - 50, NOON)] == []
    assert [row.seq for row in index.forced("square", NOON, NOON + 50)] == []
    index.close()


def test_holds_never_read_the_whole_table(index: Index, tmp_path: Path) -> None:
    statements = [
        f"SELECT seq FROM segment {module._FORCED.replace('?', '5').replace('camera = 5', 'camera = ' + repr('lane'))}",
        module._HELD_BYTES,
        _HELD.replace("?", "'x'"),
        _STILL.replace("?", "'x'"),
    ]
    with sqlite3.connect(tmp_path / "index.sqlite") as database:
        for statement in statements:
            steps = [step for *_, step in database.execute(f"EXPLAIN QUERY PLAN {statement}")]
            assert not [step for step in steps if step.startswith("SCAN") and "INDEX" not in step], (statement, steps)
    database.close()
    index.close()


@pytest.mark.parametrize(
    ("held", "free", "evictable", "expected"),
    [
        (0, 0, False, False),  # nothing is held: that the disk is full is another fault
        (97, 1 << 40, True, False),
        (98, 1 << 40, True, True),
        (10, reserve_bytes(1 << 41) - 1, True, False),
        (10, reserve_bytes(1 << 41) - 1, False, True),
    ],
)
def test_holds_crowd_when_they_leave_no_room(held: int, free: int, evictable: bool, expected: bool) -> None:
    assert crowded(held, Room(held, 0, free, 1 << 41), evictable, 100) is expected


def test_recording_pauses_with_an_alarm_where_holds_leave_no_room_and_goes_on_when_one_ends(bench: Bench) -> None:
    bench.record(film(Scene(), 100, bench.clock))
    held_bytes = sum(row.segment.size_bytes for row in bench.rows())
    vault = bench.vault(gib=held_bytes / 2**30)
    vault.open()
    vault.holds.begin(kept(), [(row.seq, 8) for row in bench.rows()])
    vault.poke()
    until(lambda: vault.held_share() > 0.9)
    feed = Feed()
    recorder = vault.record("lane", feed, 1000)
    units = film(Scene(), 100, bench.clock, begin_90k=10**7)
    feed.put(units[:50])
    until(lambda: bench.events.of(RecordingLost))
    (lost,) = bench.events.of(RecordingLost)
    assert "requisition" in lost.reason or "réquisition" in lost.reason
    assert len(bench.rows()) == 2
    vault.holds.end(ID)
    vault.poke()
    until(lambda: vault.held_share() == 0)
    bench.clock.pass_ms(11_000)
    asked = feed.asked
    until(lambda: feed.put(units[49:50]) or feed.asked > asked)  # it tries again, and wants a keyframe
    feed.put(units[50:])
    recorder.stop()
    assert bench.events.of(RecordingRestored)
    vault.close()
    assert bench.rows()[-1].segment.frames == 50
