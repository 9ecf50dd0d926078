"""`verify` finds each harm, and nothing where there is none, while the agent runs and after it has ended."""

import os
import sqlite3
from collections.abc import Callable
from pathlib import Path

import pytest

from agent.errors import KeyFileError, UsageError, VaultError
from agent.identity import load_or_make
from agent.vault.report import Finding, list_segments, verify
from tests.vault.disks import read_only
from tests.vault.rig import NOON, Bench, Camera, RunningClock, Scene, film, until


@pytest.fixture
def three(bench: Bench) -> Bench:
    """Three segments."""
    units = film(Scene(), 150)
    bench.clock.pass_ms(6000)
    bench.record(units)
    assert verify(bench.state) == []
    return bench


def faults(bench: Bench) -> list[Finding]:
    return [one for one in verify(bench.state) if one.severity == "fault"]


def change(bench: Bench, statement: str) -> None:
    """What someone with root on the box could do to the index."""
    with sqlite3.connect(bench.state / "index.sqlite") as database:
        database.execute(statement)
    database.close()


def flip(path: Path) -> None:
    content = bytearray(path.read_bytes())
    content[-20] ^= 1
    path.write_bytes(content)


HARMS: dict[str, tuple[Callable[[Bench], object], str]] = {
    "a bit flipped": (lambda one: flip(one.segments()[1]), "not those that were recorded"),
    "a file cut short": (lambda one: os.truncate(one.segments()[1], 1000), "holds 1000 bytes"),
    "a file removed": (lambda one: one.segments()[1].unlink(), "not on disk"),
    "two files exchanged": (lambda one: one.segments()[0].rename(one.segments()[1]), "not on disk"),
    "a row removed": (lambda one: change(one, "DELETE FROM segment WHERE seq = 2"), "row 2 is missing"),
    "the last row removed": (lambda one: change(one, "DELETE FROM segment WHERE seq = 3"), "not indexed"),
    "a start altered": (
        lambda one: change(one, "UPDATE segment SET start_ms = start_ms + 60000 WHERE seq = 3"),
        "signed",
    ),
    "a hash altered": (
        lambda one: change(one, "UPDATE segment SET sha256 = hex(zeroblob(32)) WHERE seq = 1"),
        "signed",
    ),
    "a clock called synchronised": (lambda one: change(one, "UPDATE segment SET clock_error_ms = 0"), "signed"),
    "another mast's key": (
        lambda one: (one.state / "identity/device.pub").write_text(load_or_make(one.state.parent / "other").public_pem),
        "signed",
    ),
    "a foreign file": (lambda one: one.segments()[0].with_name("film.mp4").write_bytes(b"x"), "no segment"),
    "a copied segment": (
        lambda one: one.segments()[0].with_name("20261121T130000.000Z.mp4.age").write_bytes(b"x"),
        "not indexed",
    ),
}


@pytest.mark.parametrize("harm", HARMS)
def test_each_harm_is_found(three: Bench, harm: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("agent.vault.report.LOOK_AGAIN_S", 0.01)
    inflict, words = HARMS[harm]
    inflict(three)
    assert words in " ".join(one.text for one in faults(three))


def test_a_missing_public_key_is_a_sentence(three: Bench) -> None:
    (three.state / "identity/device.pub").unlink()
    with pytest.raises(KeyFileError, match="mends it"):
        verify(three.state)


def test_a_hole_in_time_is_a_notice_with_its_length(three: Bench) -> None:
    three.clock.pass_ms(54_000)
    three.record(film(Scene(), 50, three.clock))
    (notice,) = verify(three.state)
    assert notice.severity == "notice"
    assert "54.0 s without pictures" in notice.text


def test_it_agrees_while_the_agent_records_and_evicts(bench: Bench) -> None:
    bench.clock = clock = RunningClock()
    vault = bench.vault(gib=0.001)
    vault.open()
    with Camera(clock, scene=Scene(kbps=2000)) as camera:
        recorder = vault.record("lane", camera, 1000)
        until(lambda: recorder.facts().segments >= 2)
        looks = 0
        while recorder.facts().segments < 8:
            assert faults(bench) == []
            looks += 1
        assert looks > 2
        assert [one.name.endswith(".part") for one in verify(bench.state)] in ([True], [])
    vault.close()
    assert "destroyed" in {row.state for row in list_segments(bench.state)}


def test_listing_takes_one_camera_and_a_span_of_time(three: Bench) -> None:
    starts = [row.segment.start_ms for row in list_segments(three.state, camera="lane")]
    assert starts == [NOON, NOON + 2000, NOON + 4000]
    assert list_segments(three.state, camera="square") == []
    chosen = list_segments(three.state, since_ms=NOON + 2500, until_ms=NOON + 4000)
    assert [row.segment.start_ms for row in chosen] == [NOON + 2000]
    printed = chosen[0].as_json()
    assert (printed["start"], printed["end"]) == ("2026-11-21T12:00:02.000Z", "2026-11-21T12:00:04.000Z")
    assert (printed["state"], printed["frames"], printed["destroyed"]) == ("sealed", 50, None)


def test_a_disk_that_is_mounted_read_only_can_be_verified(three: Bench) -> None:
    with read_only(three.state):
        assert verify(three.state) == []


def test_a_directory_without_an_index_is_a_usage_error(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="state directory"):
        list_segments(tmp_path)
    with pytest.raises(UsageError, match="state directory"):
        verify(tmp_path / "nowhere")


def test_a_broken_index_is_a_sentence(three: Bench) -> None:
    (three.state / "index.sqlite").write_bytes(b"x" * 8192)
    with pytest.raises(VaultError, match="cannot be used"):
        verify(three.state)
