"""The index: counters without holes, signatures that anyone can check, statements that stay quick as it grows."""

import json
import sqlite3
import threading
from dataclasses import replace
from pathlib import Path

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey
from cryptography.hazmat.primitives.serialization import load_pem_public_key

from agent.errors import VaultError
from agent.vault import index as module
from agent.vault.index import Index
from agent.vault.names import segment_name
from agent.vault.recovery import unopened
from agent.vault.report import list_segments
from agent.vault.rows import Segment
from agent.vault.schema import EVICTABLE
from tests.vault.rig import NOON, Bench, Feed, HandClock, Scene, film, until


def segment(camera: str, number: int, size: int = 100) -> Segment:
    return unopened(
        segment_name(camera, NOON + number), size, "00" * 32, NOON + number + 50, whole=True, end_reason="time"
    )


@pytest.fixture
def index(tmp_path: Path) -> Index:
    return Index(tmp_path / "index.sqlite")


def unsigned(_: bytes) -> bytes:
    return b""


def test_counters_have_no_holes_when_threads_write_at_once(index: Index) -> None:
    def write(camera: str) -> None:
        for number in range(20):
            index.add(segment(camera, number), unsigned)

    writers = [threading.Thread(target=write, args=(camera,)) for camera in ("lane", "square", "park")]
    for one in writers:
        one.start()
    for one in writers:
        one.join()
    rows = [(name, seq) for camera in ("lane", "square", "park") for name, (seq, _) in _rows(index, camera)]
    assert sorted(seq for _, seq in rows) == list(range(1, 61))
    assert index.live_bytes == 6000
    index.close()


def _rows(index: Index, camera: str) -> list[tuple[str, tuple[int, str]]]:
    return sorted(index.states(f"segments/{camera}/2026/11/21").items())


def test_a_row_that_cannot_be_signed_leaves_no_hole(index: Index) -> None:
    def broken(_: bytes) -> bytes:
        raise OSError("no key")

    with pytest.raises(OSError, match="no key"):
        index.add(segment("lane", 1), broken)
    row = index.add(segment("lane", 2), unsigned)
    assert (row.seq, row.counter) == (1, 1)
    with pytest.raises(VaultError):
        index.add(segment("lane", 2), unsigned)  # the name is taken
    assert index.add(segment("lane", 3), unsigned).counter == 2
    index.close()


def test_the_signature_can_be_checked_from_what_is_printed(bench: Bench) -> None:
    bench.record(film(Scene(), 50))
    (row,) = bench.rows()
    printed = json.loads(json.dumps(row.as_json()))
    names = ["seq", "counter", "camera", "name", "start_ms", "end_ms", "duration_ms", "frames", "blind_frames", "width"]
    names += ["height", "size_bytes", "sha256", "whole", "synchronised", "clock_error_ms", "end_reason"]
    body = json.dumps({name: printed[name] for name in names}, sort_keys=True, separators=(",", ":"))
    key = load_pem_public_key((bench.state / "identity/device.pub").read_bytes())
    assert isinstance(key, Ed25519PublicKey)
    key.verify(bytes.fromhex(printed["signature"]), b"vigie-segment-v1\n" + body.encode())


def test_the_last_time_and_name_count_destroyed_ones_too(index: Index) -> None:
    assert index.last_recorded_ms() is None
    assert index.last_name_ms("lane") is None
    for number in (1, 2, 3):
        index.add(segment("lane", number), unsigned)
    index.add(segment("lane-2", 9), unsigned)
    index.begin_eviction([(3, "budget"), (4, "age")])
    index.end_eviction([3, 4], NOON)
    assert index.last_name_ms("lane") == NOON + 3
    assert index.last_recorded_ms() == NOON + 9 + 50
    assert index.live_bytes == 200
    assert index.folders() == {"segments/lane/2026/11/21"}
    index.close()


def test_an_index_of_a_newer_agent_is_refused(tmp_path: Path) -> None:
    Index(tmp_path / "index.sqlite").close()
    with sqlite3.connect(tmp_path / "index.sqlite") as database:
        database.execute("PRAGMA user_version = 99")
    database.close()
    with pytest.raises(VaultError, match="version 99"):
        Index(tmp_path / "index.sqlite")


def test_what_runs_after_each_segment_never_reads_the_whole_table(index: Index, tmp_path: Path) -> None:
    on_disk = f"WHERE state IN {EVICTABLE}"
    statements = [
        f"{module._CANDIDATE} {on_disk} ORDER BY seq LIMIT 5",
        f"{module._CANDIDATE} {on_disk} AND synchronised = 1 AND start_ms < 5 ORDER BY start_ms LIMIT 5",
        f"{module._CANDIDATE} {on_disk} AND synchronised = 0 ORDER BY seq LIMIT 5",
        "SELECT seq, name FROM segment WHERE state = 'evicting' ORDER BY seq",
        "SELECT coalesce(max(counter), 0) + 1 FROM segment WHERE camera = 'lane'",
        "SELECT coalesce(max(seq), 0) + 1 FROM segment",
        module._FIRST_START,
        module._LAST_END,
        module._LATEST,
        module._LAST_NAME.replace("?", "'lane'"),
        module._IN_FOLDER.replace("?", "'segments/lane/2026/11/21'"),
    ]
    with sqlite3.connect(tmp_path / "index.sqlite") as database:
        for statement in statements:
            steps = [step for *_, step in database.execute(f"EXPLAIN QUERY PLAN {statement}")]
            assert not [step for step in steps if step.startswith("SCAN") and "INDEX" not in step], (statement, steps)
            assert not [step for step in steps if "TEMP B-TREE" in step], (statement, steps)
    database.close()
    index.close()


def test_the_floor_for_the_clock_is_the_latest_end(bench: Bench) -> None:
    units = film(Scene(), 50)
    bench.clock.pass_ms(2000)
    bench.record(units)
    vault = bench.vault()
    with pytest.raises(VaultError, match="not open"):
        vault.last_recorded_utc_ns()
    vault.open()
    assert vault.last_recorded_utc_ns() == (NOON + 2000) * 1_000_000
    vault.close()


def test_a_picture_that_lasts_into_the_next_second_makes_no_floor_above_the_clock(bench: Bench) -> None:
    """The last picture's length is an estimate, and what comes in a burst is sealed before it is over."""
    bench.clock.pass_ms(2000)
    units = [replace(unit, wall=bench.clock.wall()) for unit in film(Scene(), 51, HandClock())]
    vault = bench.vault()
    vault.open()
    feed = Feed()
    vault.record("lane", feed, 1000)
    feed.put(units)
    until(lambda: list_segments(bench.state))
    assert vault.last_recorded_utc_ns() == bench.clock.wall().utc_ns
    vault.close()
    (first, second) = list_segments(bench.state)
    assert first.segment.end_ms == second.segment.start_ms == bench.clock.wall_ms
