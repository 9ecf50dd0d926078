"""Full, read-only, broken, vanished and stuck disks: it is said once, nothing waits, recording resumes by itself."""

import errno
import shutil
import subprocess
import threading
from pathlib import Path
from typing import Any

import pytest

from agent.errors import VaultBusy, VaultError
from agent.events import RecordingLost, RecordingRestored, UnitsDropped
from agent.vault import RecorderFacts
from agent.vault.index import Index
from agent.vault.names import FOLDER
from agent.vault.rows import SegmentRow
from tests.vault.disks import FrozenDisk, SickDisk, fill, freezable_disk, read_only, small_disk
from tests.vault.rig import Bench, Camera, Feed, RunningClock, Scene, film, until

LOUD = Scene("street", kbps=2000)


class Running(Bench):
    """A bench whose clock runs."""

    clock: RunningClock


@pytest.fixture
def running(bench: Bench) -> Running:
    """The same with a clock that runs."""
    return Running(bench.state, bench.keys, RunningClock(), bench.events)


def healthy(facts: RecorderFacts) -> bool:
    return facts.recording and not facts.reason


def test_a_disk_that_others_fill_is_told_once_and_left_by_itself(running: Running) -> None:
    with small_disk(running.state, "8m"):
        vault = running.vault()
        vault.open()
        foreign = running.state / "foreign"
        until(lambda: vault.disk_free_bytes())  # the ring's first round is over
        fill(foreign)  # from the start: there is nothing to let go
        with Camera(running.clock, scene=LOUD) as camera:
            recorder = vault.record("lane", camera, 2000)
            until(lambda: running.events.of(RecordingLost))
            assert "disk is full" in running.events.of(RecordingLost)[0].reason
            assert not recorder.facts().recording
            sent = camera.sent
            until(lambda: camera.sent > sent + 50)  # capture goes on
            foreign.unlink()
            until(lambda: healthy(recorder.facts()))
        vault.close()
        assert len(running.events.of(RecordingRestored)) == len(running.events.of(RecordingLost)) == 1
        assert running.events.of(RecordingRestored)[0].lost_seconds > 0
        dropped = sum(one.count for one in running.events.of(UnitsDropped))
        assert dropped == recorder.facts().dropped > 0
        assert running.agrees()
        assert running.rows()[-1].state == "sealed"


def test_a_disk_that_others_fill_to_the_last_byte_lets_the_oldest_go(running: Running) -> None:
    with small_disk(running.state, "64m"):
        vault = running.vault()
        vault.open()
        with Camera(running.clock, scene=LOUD) as camera:
            recorder = vault.record("lane", camera, 2000)
            until(lambda: recorder.facts().segments >= 2)
            fill(running.state / "foreign")
            until(lambda: running.events.of(RecordingLost))
            until(lambda: healthy(recorder.facts()))
        vault.close()
        assert ("destroyed", "disk") in {(row.state, row.rule) for row in running.rows()}
        assert running.agrees()


def test_a_budget_larger_than_the_disk_lets_the_oldest_go_in_time(running: Running) -> None:
    with small_disk(running.state, "64m"):
        fill(running.state / "foreign", leave=6 << 20)
        vault = running.vault(gib=64)
        vault.open()
        with Camera(running.clock, scene=Scene("noise", kbps=8000)) as camera:
            recorder = vault.record("lane", camera, 8000)
            until(lambda: recorder.facts().bytes > 10 << 20, 40)
        vault.close()
        assert running.events.of(RecordingLost) == []
        assert ("destroyed", "disk") in {(row.state, row.rule) for row in running.rows()}
        assert running.agrees()


def test_a_read_only_folder_is_told_once_and_left_by_itself(running: Running) -> None:
    vault = running.vault()
    vault.open()
    with Camera(running.clock) as camera:
        recorder = vault.record("lane", camera, 1000)
        until(lambda: recorder.facts().segments >= 1)
        with read_only(running.state / FOLDER):
            until(lambda: running.events.of(RecordingLost))
            assert "read-only" in recorder.facts().reason
            assert not recorder.facts().recording
        until(lambda: healthy(recorder.facts()))
    vault.close()
    assert len(running.events.of(RecordingLost)) == len(running.events.of(RecordingRestored)) == 1
    assert running.agrees()


def test_a_read_only_state_at_the_start_is_a_sentence(running: Running) -> None:
    running.record(film(Scene(), 50))
    with read_only(running.state), pytest.raises(VaultError, match="read-only"):
        running.vault().open()


def test_a_folder_that_vanishes_is_made_again(running: Running) -> None:
    vault = running.vault()
    vault.open()
    with Camera(running.clock) as camera:
        recorder = vault.record("lane", camera, 1000)
        until(lambda: recorder.facts().segments >= 1)
        shutil.rmtree(running.state / FOLDER)
        until(lambda: running.events.of(RecordingLost))
        assert "vanished" in running.events.of(RecordingLost)[0].reason
        segments = recorder.facts().segments
        until(lambda: recorder.facts().segments > segments)
    vault.close()
    assert len(running.events.of(RecordingRestored)) == 1
    assert running.rows()[0].state == "sealed"
    running.record([])
    assert running.rows()[0].state == "lost"
    assert running.rows()[-1].state == "sealed"


def test_an_input_output_error_keeps_what_was_whole(running: Running) -> None:
    disk = SickDisk(errno.EIO)
    vault = running.vault(disk)
    vault.open()
    with Camera(running.clock, scene=Scene("noise", kbps=4000)) as camera:
        recorder = vault.record("lane", camera, 4000)
        until(lambda: recorder.facts().bytes > 1 << 18)
        disk.sick = True
        until(lambda: running.events.of(RecordingLost))
        assert "input/output" in running.events.of(RecordingLost)[0].reason
        disk.sick = False
        until(lambda: running.events.of(RecordingRestored))
    vault.close()
    assert len(running.events.of(RecordingLost)) == 1
    found = [row for row in running.rows() if row.state == "found"]
    assert [row.segment.end_reason for row in found] == ["fault"]
    assert found[0].segment.size_bytes > 1 << 16
    assert running.agrees()


def test_one_camera_s_fault_leaves_the_other_recording(running: Running) -> None:
    disk = SickDisk(errno.EIO, where="/lane/")
    vault = running.vault(disk)
    vault.open()
    with Camera(running.clock) as lane, Camera(running.clock, camera="square") as square:
        sick, well = vault.record("lane", lane, 1000), vault.record("square", square, 1000)
        until(lambda: sick.facts().segments >= 1 and well.facts().segments >= 1)
        disk.sick = True
        until(lambda: running.events.of(RecordingLost))
        segments = well.facts().segments
        until(lambda: well.facts().segments > segments + 1)
        assert healthy(well.facts())
        assert not healthy(sick.facts())
        disk.sick = False
        until(lambda: healthy(sick.facts()))
    vault.close()
    assert {one.camera for one in running.events.of(RecordingLost)} == {"lane"}
    assert well.facts().dropped == 0
    assert running.agrees()


def test_a_commit_whose_answer_is_lost_is_not_made_twice(running: Running, monkeypatch: pytest.MonkeyPatch) -> None:
    add, failed = Index.add, []

    def add_and_fail(index: Index, *values: Any) -> SegmentRow:
        row = add(index, *values)
        if not failed:
            failed.append(row)
            raise VaultError("the answer never came")
        return row

    monkeypatch.setattr(Index, "add", add_and_fail)
    vault = running.vault()
    vault.open()
    with Camera(running.clock) as camera:
        recorder = vault.record("lane", camera, 1000)
        until(lambda: recorder.facts().segments >= 2)
    vault.close()
    assert len(running.events.of(RecordingLost)) == len(running.events.of(RecordingRestored)) == 1
    assert recorder.facts().segments == len(running.rows())
    assert running.agrees()


def put_all(feed: Feed, rounds: int) -> None:
    """Many more pictures than the queue takes."""
    units = film(Scene(), 100)
    for _ in range(rounds):
        feed.put(units)


def test_a_disk_that_stands_still_never_makes_the_camera_wait(running: Running) -> None:
    disk = FrozenDisk()
    vault = running.vault(disk)
    vault.open()
    feed = Feed()
    recorder = vault.record("lane", feed, 1000)
    disk.freeze()
    putting = threading.Thread(target=put_all, args=(feed, 20))
    putting.start()
    assert disk.waiting.wait(20)
    putting.join(20)
    assert not putting.is_alive()  # with the disk still frozen
    assert recorder.facts().dropped > 0
    assert vault.buffer_hours() == 0.0  # neither do the facts wait
    disk.thaw()
    vault.close()
    told = sum(one.count for one in running.events.of(UnitsDropped))
    kept = sum(row.segment.frames or 0 for row in running.rows())
    assert told == recorder.facts().dropped
    assert told + kept == 2000
    assert running.agrees()


def test_a_frozen_file_system_never_makes_the_camera_wait(running: Running, tmp_path: Path) -> None:
    with freezable_disk(running.state, tmp_path / "image"):
        vault = running.vault()
        vault.open()
        with Camera(running.clock) as camera:
            recorder = vault.record("lane", camera, 1000)
            until(lambda: recorder.facts().segments >= 1)
            subprocess.run(["fsfreeze", "-f", str(running.state)], check=True)
            sent = camera.sent
            until(lambda: camera.sent > sent + 60)
            recorder.facts()
            subprocess.run(["fsfreeze", "-u", str(running.state)], check=True)
            segments = recorder.facts().segments
            until(lambda: recorder.facts().segments > segments + 1)
        vault.close()
        assert running.events.of(RecordingLost) == []
        assert recorder.facts().dropped == 0  # the queue held them
        assert running.agrees()


def test_a_second_agent_is_refused_and_the_first_records_on(bench: Bench) -> None:
    first = bench.vault()
    first.open()
    with pytest.raises(VaultBusy, match=str(bench.state)):
        bench.vault().open()
    feed = Feed()
    first.record("lane", feed, 1000)
    feed.put(film(Scene(), 50))
    first.close()
    assert len(bench.rows()) == 1
    bench.record([])  # the lock is free again


def test_a_state_directory_that_cannot_be_made_is_a_sentence(bench: Bench, tmp_path: Path) -> None:
    vault = bench.vault()
    shutil.rmtree(bench.state)
    bench.state.write_text("in the way")
    with pytest.raises(VaultError, match=str(bench.state)):
        vault.open()


def test_a_broken_index_is_a_sentence_with_a_mend(bench: Bench) -> None:
    bench.record(film(Scene(), 50))
    (bench.state / "index.sqlite").write_bytes(b"x" * 8192)
    with pytest.raises(VaultError, match="move it away"):
        bench.vault().open()
    (bench.state / "index.sqlite").unlink()
    bench.record([])
    assert bench.agrees()
