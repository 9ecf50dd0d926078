"""The register as the agent uses it: numbers, heads, proofs, threads, starts, refusals, expiry."""

import errno
import json
import os
import threading
from pathlib import Path

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from agent.errors import NoteRefused, RegisterError
from agent.identity import DeviceIdentity
from agent.register import Register
from agent.register.bodies import EntriesExpired, TailCut, Witnessed
from agent.register.disk import Disk
from agent.register.notes import Checkpoint, Note, Signature, cosign
from agent.register.tree import consistent, included, leaf_hash
from agent.verifier_keys import from_base64
from tests.register.rig import (
    DAY_MS,
    IDENTITY,
    WITNESS,
    WITNESS_KEY,
    HandClock,
    faults,
    files,
    filled,
    judged,
    opened,
    view,
)
from tests.vault.disks import fill, small_disk


def checkpoint(head: str) -> Checkpoint:
    return Checkpoint.parse(Note.parse(head.encode()).text)


def test_entries_are_numbered_signed_and_kept_over_a_restart(tmp_path: Path) -> None:
    register = opened(tmp_path)
    assert [register.append(view(number)) for number in range(5)] == [0, 1, 2, 3, 4]
    head = register.checkpoint()
    assert len(Note.parse(head.encode()).signed_by([register.key])) == 1
    register.close()
    again = opened(tmp_path)
    assert again.checkpoint() == head
    assert again.append(view(5)) == 5
    assert [entry.body.requested for entry in again.entries()] == list(range(6))  # type: ignore[union-attr]
    assert [entry.run for entry in again.entries()] == [1] * 5 + [2]
    assert judged(tmp_path, head, again.checkpoint()).findings == ()


def test_proofs_verify_against_every_head_that_was_ever_signed(tmp_path: Path) -> None:
    heads = filled(tmp_path, 40)
    register = opened(tmp_path)
    leaves = [leaf_hash(entry.text()) for entry in register.entries()]
    for size in (1, 2, 7, 32, 40):
        assert register.checkpoint(size) == heads[size]
        root = checkpoint(heads[size]).root
        for index in range(size):
            assert included(leaves[index], index, size, register.inclusion_proof(index, size), root)
        for old in range(size + 1):
            proof = register.consistency_proof(old, size)
            assert consistent(old, size, proof, checkpoint(heads[old]).root, root)
    for wrong in (
        lambda: register.inclusion_proof(40),
        lambda: register.consistency_proof(41),
        lambda: register.checkpoint(41),
    ):
        with pytest.raises(RegisterError):
            wrong()


def test_threads_take_turns_and_each_gets_a_number_of_its_own(tmp_path: Path) -> None:
    register = opened(tmp_path)
    numbers: list[int] = []

    def work() -> None:
        for _ in range(25):
            numbers.append(register.append(view(0)))

    threads = [threading.Thread(target=work) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(numbers) == list(range(200))
    times = [entry.monotonic_ms for entry in register.entries()]
    assert times == sorted(times)
    assert judged(tmp_path, register.checkpoint()).findings == ()


def test_a_second_writer_is_refused(tmp_path: Path) -> None:
    first = opened(tmp_path)
    with pytest.raises(RegisterError):
        opened(tmp_path)
    first.close()
    opened(tmp_path).close()


def test_a_closed_register_refuses(tmp_path: Path) -> None:
    register = opened(tmp_path)
    register.close()
    register.close()
    for act in (lambda: register.append(view(1)), register.checkpoint, lambda: register.inclusion_proof(0)):
        with pytest.raises(RegisterError):
            act()


def test_another_device_key_or_another_mast_does_not_go_on_in_it(tmp_path: Path) -> None:
    filled(tmp_path, 3)
    before = [path.read_bytes() for path in files(tmp_path)]
    with pytest.raises(RegisterError, match=r"another device key|une autre clé"):
        opened(tmp_path, key=DeviceIdentity(Ed25519PrivateKey.generate(), ""))
    with pytest.raises(RegisterError):
        Register.open(tmp_path, IDENTITY, HandClock(), town="lievin", mast="lievin-043")
    assert [path.read_bytes() for path in files(tmp_path)] == before


@pytest.mark.parametrize("damage", [b"", b"x" * 100, None])
def test_lost_or_damaged_hashes_are_made_again_from_the_lines(tmp_path: Path, damage: bytes | None) -> None:
    heads = filled(tmp_path, 30, days=3)
    tree = tmp_path / "register" / "tree"
    whole = tree.read_bytes()
    tree.write_bytes(damage if damage is not None else whole[:-32] + bytes(32))
    register = opened(tmp_path)
    assert tree.read_bytes() == whole
    register.append(view(30))
    assert judged(tmp_path, *heads[1:], register.checkpoint()).findings == ()


def test_a_register_whose_entries_were_rewritten_is_not_gone_on_with(tmp_path: Path) -> None:
    filled(tmp_path, 10)
    section = files(tmp_path)[0]
    section.write_bytes(section.read_bytes().replace(b'"requested":4', b'"requested":5'))
    (tmp_path / "register" / "tree").unlink()
    with pytest.raises(RegisterError):
        opened(tmp_path)


def test_a_full_disk_refuses_entries_and_takes_them_again_afterwards(tmp_path: Path) -> None:
    with small_disk(tmp_path / "disk", "256k"):
        state = tmp_path / "disk" / "state"
        state.mkdir()
        register = opened(state)
        for number in range(10):
            register.append(view(number))
        fill(tmp_path / "disk" / "other")
        accepted = 10
        with pytest.raises(RegisterError):  # noqa: PT012
            for number in range(1000):
                register.append(view(number))
                accepted += 1
        for _ in range(3):
            with pytest.raises(RegisterError):
                register.append(view(0))
        head = register.checkpoint()
        assert checkpoint(head).size == accepted
        assert faults(judged(state, head)) == []
        (tmp_path / "disk" / "other").unlink()
        assert register.append(view(0)) == accepted
        register.close()
        again = opened(state)
        assert again.size == accepted + 1
        assert judged(state, head, again.checkpoint()).findings == ()
        again.close()


class Sick(Disk):
    """Refuses what is named in `refuses`."""

    def __init__(self) -> None:
        self.refuses: set[str] = set()

    def _maybe(self, name: str) -> None:
        if name in self.refuses:
            raise OSError(errno.EIO, os.strerror(errno.EIO))

    def write(self, descriptor: int, data: bytes, offset: int) -> None:
        if "half" in self.refuses:
            super().write(descriptor, data[: len(data) // 2], offset)
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
        self._maybe("write")
        super().write(descriptor, data, offset)

    def sync_data(self, descriptor: int) -> None:
        self._maybe("sync_data")
        super().sync_data(descriptor)

    def truncate(self, descriptor: int, size_bytes: int) -> None:
        self._maybe("truncate")
        super().truncate(descriptor, size_bytes)

    def sync_folder(self, path: Path) -> None:
        self._maybe("sync_folder")
        super().sync_folder(path)


@pytest.mark.parametrize(
    "refuses", [{"write"}, {"sync_data"}, {"half"}, {"half", "truncate"}, {"sync_data", "truncate"}, {"sync_folder"}]
)
@pytest.mark.parametrize("new_day", [False, True])
def test_what_a_sick_disk_refuses_is_not_entered_and_leaves_no_trace(
    tmp_path: Path, refuses: set[str], new_day: bool
) -> None:
    disk, clock = Sick(), HandClock()
    register = opened(tmp_path, clock, disk)
    register.append(view(0))
    head = register.checkpoint()
    clock.wall_ms += DAY_MS if new_day or "sync_folder" in refuses else 0
    disk.refuses = refuses
    for _ in range(3):
        with pytest.raises(RegisterError):
            register.append(view(1))
    assert register.checkpoint() == head
    disk.refuses = set()
    assert register.append(view(2)) == 1
    register.close()
    again = opened(tmp_path, clock)
    assert [entry.body.requested for entry in again.entries()] == [0, 2]  # type: ignore[union-attr]
    assert judged(tmp_path, head, again.checkpoint()).findings == ()


def test_hashes_that_could_not_be_written_are_made_up_before_the_next_entry(tmp_path: Path) -> None:
    class OneFile(Sick):
        def write(self, descriptor: int, data: bytes, offset: int) -> None:
            if len(data) % 32 == 0 and not data.startswith(b"{"):
                self._maybe("tree")
            super().write(descriptor, data, offset)

    disk = OneFile()
    register = opened(tmp_path, disk=disk)
    register.append(view(0))
    disk.refuses = {"tree"}
    assert register.append(view(1)) == 1  # the line is on disk: it is entered
    with pytest.raises(RegisterError):
        register.append(view(2))
    with pytest.raises(RegisterError):
        register.inclusion_proof(1)
    disk.refuses = set()
    assert register.append(view(3)) == 2
    assert judged(tmp_path, register.checkpoint()).findings == ()


def test_each_day_has_its_file_and_old_days_go_without_breaking_the_proofs_of_the_rest(tmp_path: Path) -> None:
    clock = HandClock()
    heads = filled(tmp_path, 30, clock, days=3)
    assert [path.name for path in files(tmp_path)][:3] == [
        "0000000000-2026-11-21.jsonl",
        "0000000010-2026-11-22.jsonl",
        "0000000020-2026-11-23.jsonl",
    ]
    register = opened(tmp_path, clock)
    clock.wall_ms += 28 * DAY_MS - DAY_MS // 2
    assert register.expire(30) == 1
    expired = [entry.body for entry in register.entries(kinds=["entries_expired"])]
    assert expired == [EntriesExpired(end=10, keep_days=30)]
    assert [entry.index for entry in register.entries()] == list(range(10, 31))
    assert checkpoint(register.checkpoint(30)) == checkpoint(heads[30])
    assert register.checkpoint(5) == heads[5]
    assert included(
        leaf_hash(next(register.entries()).text()),
        10,
        31,
        register.inclusion_proof(10),
        checkpoint(register.checkpoint()).root,
    )
    assert judged(tmp_path, *heads[1:], register.checkpoint()).findings == ()
    assert register.expire(30) == 0
    register.close()
    opened(tmp_path, clock).close()


def test_an_unsynchronised_clock_destroys_no_entry_and_no_setting_keeps_them_over_three_years(tmp_path: Path) -> None:
    clock = HandClock()
    filled(tmp_path, 30, clock, days=3)
    register = opened(tmp_path, clock)
    clock.wall_ms += 1095 * DAY_MS
    clock.synchronised = False
    assert register.expire(1) == 0
    clock.synchronised = True
    assert register.expire(5000) == 2  # the first two days are older than 1096


def test_entries_of_a_clock_that_leapt_ahead_do_not_outlive_those_after_them(tmp_path: Path) -> None:
    clock = HandClock()
    clock.wall_ms += 9000 * DAY_MS
    filled(tmp_path, 3, clock)
    clock.wall_ms -= 9000 * DAY_MS
    register = opened(tmp_path, clock)
    register.append(view(0))
    clock.wall_ms += DAY_MS
    register.append(view(1))
    clock.wall_ms += 30 * DAY_MS
    assert register.expire(30) == 2


def test_a_witness_receipt_is_entered_and_given_out_with_its_checkpoint(tmp_path: Path) -> None:
    filled(tmp_path, 7)
    register = opened(tmp_path)
    head = Note.parse(register.checkpoint().encode())
    line = cosign(head.text, WITNESS_KEY, WITNESS.sign, 1_795_262_400)
    assert register.witnessed() is None
    assert register.add_cosignature(str(line), 7, [WITNESS_KEY]) == (7,)
    (receipt,) = register.entries(kinds=["witnessed"])
    assert isinstance(receipt.body, Witnessed)
    assert (receipt.body.size, receipt.body.at) == (7, "2026-11-21T12:00:00.000Z")
    assert from_base64(receipt.body.root) == checkpoint(str(head)).root
    register.append(view(1))
    register.close()
    kept = opened(tmp_path).witnessed()
    assert kept is not None
    assert len(Note.parse(kept.encode()).signed_by([register.key, WITNESS_KEY])) == 2
    assert judged(tmp_path, kept).findings == ()


def test_a_receipt_for_another_head_or_by_a_stranger_is_not_entered(tmp_path: Path) -> None:
    heads = filled(tmp_path, 7)
    register = opened(tmp_path)
    line = cosign(Note.parse(heads[6].encode()).text, WITNESS_KEY, WITNESS.sign, 1)
    stranger = Signature("other", line.key_id, line.signature)
    for answer in (str(line), str(stranger), "", "nonsense\n"):
        with pytest.raises(NoteRefused):
            register.add_cosignature(answer, 7, [WITNESS_KEY])
    assert register.size == 7


def test_entries_by_period_and_kind(tmp_path: Path) -> None:
    clock = HandClock()
    register = opened(tmp_path, clock)
    register.append(view(0))
    between = clock.wall_ms + 5
    register.append(TailCut(size_bytes=3, sha256="0" * 64))
    assert [entry.index for entry in register.entries(since_ms=between)] == [1]
    assert [entry.index for entry in register.entries(until_ms=between)] == [0]
    assert [entry.kind for entry in register.entries(kinds=["tail_cut", "view_ended"])] == ["tail_cut"]


def test_time_run_and_worth_of_the_clock_stand_in_each_entry(tmp_path: Path) -> None:
    clock = HandClock()
    register = opened(tmp_path, clock)
    clock.synchronised = False
    register.append(view(0))
    line = json.loads(files(tmp_path)[0].read_bytes())
    assert line["entry"]["time"] == "2026-11-21T12:00:00.010Z"
    assert line["entry"]["synchronised"] is False
    assert (line["entry"]["town"], line["entry"]["mast"], line["entry"]["run"]) == ("lievin", "lievin-042", 1)


class Recorded(Disk):
    """What was done, in order."""

    def __init__(self) -> None:
        self.done: list[str] = []

    def open(self, path: Path) -> int:
        self.done.append(f"open {path.name}")
        return super().open(path)

    def write(self, descriptor: int, data: bytes, offset: int) -> None:
        self.done.append("line" if data.startswith(b"{") else "hashes")
        super().write(descriptor, data, offset)

    def sync_data(self, descriptor: int) -> None:
        self.done.append("flush")
        super().sync_data(descriptor)

    def remove(self, path: Path) -> None:
        self.done.append("remove")
        super().remove(path)

    def sync_folder(self, path: Path) -> None:
        self.done.append("flush folder")
        super().sync_folder(path)


def test_a_line_is_flushed_before_its_number_is_given_and_before_its_hashes(tmp_path: Path) -> None:
    disk, clock = Recorded(), HandClock()
    register = opened(tmp_path, clock, disk)
    assert disk.done == ["flush folder", "open tree"]
    disk.done.clear()
    register.append(view(0))
    name = "0000000000-2026-11-21.jsonl"
    assert disk.done == ["flush", f"open {name}", "flush folder", f"open {name}", "line", "flush", "hashes"]
    disk.done.clear()
    register.append(view(1))
    assert disk.done == ["line", "flush", "hashes"]
    clock.wall_ms += 40 * DAY_MS
    register.append(view(2))
    disk.done.clear()
    register.expire(30)
    assert disk.done == ["line", "flush", "hashes", "flush", "remove", "flush folder"]
