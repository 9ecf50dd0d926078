"""What stands in a day's folder and in the index decides alone what the next start does."""

import os
from pathlib import Path

import pytest

from agent.vault.index import FILE
from agent.vault.recovery import Adopt, Lose, Remove, Rescue, Step, TakeBack, plan
from agent.vault.rows import State
from tests.vault.rig import Bench, Scene, film

NAME = "segments/lane/2026/11/21/20261121T120000.000Z.mp4.age"
OTHER = "segments/lane/2026/11/21/20261121T120002.000Z.mp4.age"


@pytest.mark.parametrize(
    ("files", "state", "steps"),
    [
        ({NAME}, "sealed", []),
        ({NAME}, "held", []),
        ({NAME}, None, [Adopt(NAME)]),
        ({NAME + ".part"}, None, [Rescue(NAME)]),
        ({NAME, NAME + ".part"}, None, [Rescue(NAME)]),
        ({NAME, NAME + ".part"}, "found", [Rescue(NAME)]),
        (set(), "found", [Lose(NAME, 7)]),
        (set(), "held", [Lose(NAME, 7)]),
        (set(), "evicting", []),
        ({NAME}, "evicting", []),
        (set(), "destroyed", []),
        ({NAME}, "destroyed", [Remove(NAME)]),
        ({NAME}, "lost", [TakeBack(NAME, 7)]),
        (set(), "lost", []),
        ({"segments/lane/2026/11/21/notes.txt", "segments/lane/2026/11/21/x.part"}, None, []),
    ],
)
def test_each_state_of_file_and_row_has_its_step(files: set[str], state: State | None, steps: list[Step]) -> None:
    assert plan(files, {} if state is None else {NAME: (7, state)}) == steps


def test_steps_come_in_the_order_of_recording() -> None:
    assert plan({OTHER, NAME + ".part"}, {}) == [Rescue(NAME), Adopt(OTHER)]


def test_a_removed_file_is_lost_and_taken_back_when_it_returns(bench: Bench, tmp_path: Path) -> None:
    bench.record(film(Scene(), 100))
    first, _ = bench.segments()
    aside = tmp_path / "aside"
    first.rename(aside)
    bench.record([])
    assert [row.state for row in bench.rows()] == ["lost", "sealed"]
    aside.rename(first)
    bench.record([])
    assert [row.state for row in bench.rows()] == ["sealed", "sealed"]
    assert bench.agrees()


def test_a_lost_file_that_returns_altered_stays_lost(bench: Bench) -> None:
    bench.record(film(Scene(), 50))
    (path,) = bench.segments()
    content = path.read_bytes()
    path.unlink()
    bench.record([])
    path.write_bytes(content[:-1] + b"x")
    bench.record([])
    assert [row.state for row in bench.rows()] == ["lost"]


def test_a_vanished_index_is_made_anew_from_the_segments(bench: Bench) -> None:
    bench.record(film(Scene(), 100))
    names = [row.segment.name for row in bench.rows()]
    for name in (FILE, FILE + "-wal", FILE + "-shm"):
        (bench.state / name).unlink(missing_ok=True)
    bench.record([])
    rows = bench.rows()
    assert [(row.segment.name, row.state, row.segment.end_reason) for row in rows] == [
        (name, "sealed", "unindexed") for name in names
    ]
    assert not any(row.segment.synchronised for row in rows)
    assert bench.agrees()


def test_a_copy_of_a_destroyed_segment_is_removed_at_the_next_start(bench: Bench) -> None:
    bench.record(film(Scene(), 100))
    first = bench.segments()[0]
    content = first.read_bytes()
    bench.record([], gib=bench.segments()[1].stat().st_size * 1.01 / 2**30)
    assert [row.state for row in bench.rows()] == ["destroyed", "sealed"]
    first.write_bytes(content)
    os.chmod(first, 0o600)
    bench.record([])
    assert not first.exists()
    assert bench.agrees()
