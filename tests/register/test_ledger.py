"""The ledger: a register that cannot be opened or written refuses acts, and says so when it can be written again."""

import errno
import threading
from pathlib import Path

import pytest

from agent.errors import EntryRefused, RegisterError
from agent.register.bodies import BlindBegan, RegisterResumed, ViewRefused
from agent.register.disk import Disk
from agent.register.ledger import RETRY_S, Ledger
from tests.register.rig import IDENTITY, HandClock, faults, filled, judged, view


class FillingDisk(Disk):
    """Refuses every write while `full`."""

    full = False

    def write(self, descriptor: int, data: bytes, offset: int) -> None:
        if self.full:
            raise OSError(errno.ENOSPC, "No space left on device")
        super().write(descriptor, data, offset)


def ledger(state: Path, clock: HandClock | None = None, disk: Disk | None = None) -> Ledger:
    made = Ledger(state, IDENTITY, clock or HandClock(), town="lievin", mast="lievin-042", disk=disk)
    made.open()
    return made


def kinds(one: Ledger) -> list[str]:
    return [entry.kind for entry in one.entries()]


def blind() -> BlindBegan:
    return BlindBegan(camera="parvis", reason="starting")


def test_an_act_has_its_number_and_is_on_disk(tmp_path: Path) -> None:
    one = ledger(tmp_path)
    assert (one.enter(view(0)), one.note(view(1)), one.size, one.fault) == (0, 1, 2, "")
    one.close()
    assert faults(judged(tmp_path)) == []
    again = ledger(tmp_path)
    assert kinds(again) == ["view_started"] * 2
    assert again.last_ms() == list(again.entries())[-1].utc_ms


def test_while_the_disk_is_full_acts_are_refused_and_what_happens_all_the_same_is_counted(tmp_path: Path) -> None:
    clock, disk = HandClock(), FillingDisk()
    one = ledger(tmp_path, clock, disk)
    one.enter(view(0))
    disk.full = True
    with pytest.raises(RegisterError):
        one.enter(view(1))
    assert [one.note(blind()), one.note(blind())] == [None, None]
    assert "No space left" in one.fault
    disk.full = False
    assert one.enter(view(2)) == 2
    assert one.fault == ""
    told = list(one.entries())[1].body
    assert isinstance(told, RegisterResumed)
    assert told.missed == 2
    assert "No space left" in told.cause
    assert kinds(one) == ["view_started", "register_resumed", "view_started"]
    one.close()
    assert faults(judged(tmp_path)) == []


def test_a_look_is_enough_to_resume_and_a_second_fault_counts_anew(tmp_path: Path) -> None:
    disk = FillingDisk()
    one = ledger(tmp_path, None, disk)
    for lost in (1, 3):
        disk.full = True
        assert [one.note(blind()) for _ in range(lost)] == [None] * lost
        one.look()
        assert one.fault
        disk.full = False
        one.look()
        assert not one.fault
    bodies = [entry.body for entry in one.entries()]
    assert [body.missed for body in bodies if isinstance(body, RegisterResumed)] == [1, 3]


def test_a_register_that_does_not_open_is_tried_again_after_a_while_and_not_before(tmp_path: Path) -> None:
    (tmp_path / "register").write_text("in the way")
    clock = HandClock()
    one = ledger(tmp_path, clock)
    with pytest.raises(RegisterError):
        one.enter(view(0))
    with pytest.raises(RegisterError):
        one.checkpoint()
    assert one.note(view(0)) is None
    assert one.size == 0
    (tmp_path / "register").unlink()
    with pytest.raises(RegisterError):
        one.enter(view(0))  # not yet: the disk is not asked at every knock
    clock.wall_ms += int(RETRY_S * 1000)
    assert one.enter(view(1)) == 1
    assert kinds(one) == ["register_resumed", "view_started"]


def test_a_register_that_was_altered_is_refused_and_left_as_it_is(tmp_path: Path) -> None:
    filled(tmp_path, 5)
    path = next(tmp_path.glob("register/*.jsonl"))
    whole = path.read_bytes()
    altered = whole[:-20] + bytes([whole[-20] ^ 1]) + whole[-19:]  # in the last head's signature
    path.write_bytes(altered)
    one = ledger(tmp_path)
    assert one.fault
    with pytest.raises(RegisterError):
        one.enter(view(9))
    assert path.read_bytes() == altered


def test_what_is_no_entry_is_refused_and_is_no_fault_of_the_register(tmp_path: Path) -> None:
    one = ledger(tmp_path)
    with pytest.raises(EntryRefused):
        one.enter(ViewRefused(camera="parvis", why="\x1b[2J"))
    assert one.note(ViewRefused(camera="parvis", why=" ")) is None
    assert (one.fault, one.size) == ("", 0)
    assert one.enter(view(0)) == 0


def test_a_closed_ledger_refuses_and_does_not_open_by_itself(tmp_path: Path) -> None:
    clock = HandClock()
    one = ledger(tmp_path, clock)
    one.close()
    clock.wall_ms += 60_000
    for _ in range(2):
        with pytest.raises(RegisterError):
            one.enter(view(0))
        one.look()
    never = Ledger(tmp_path, IDENTITY, HandClock(), town="lievin", mast="lievin-042")
    with pytest.raises(RegisterError):
        never.enter(view(0))


def test_threads_share_it(tmp_path: Path) -> None:
    one = ledger(tmp_path)
    numbers: list[int] = []
    threads = [threading.Thread(target=lambda: numbers.append(one.enter(view(0)))) for _ in range(20)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(numbers) == list(range(20))
