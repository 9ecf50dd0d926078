"""The aim's state on disk."""

import asyncio
import os
import stat
from pathlib import Path

import pytest

from agent.aim.references import AimState, Approval, Lost, decode
from agent.aim.store import AimStore

STATE = AimState(lost=Lost(1_795_000_000_000), approvals=(Approval("entry 7", 1),))


def mode(path: Path) -> int:
    return stat.S_IMODE(path.stat().st_mode)


def test_what_is_put_is_given_at_once_and_found_by_the_next_start(tmp_path: Path) -> None:
    store = AimStore(tmp_path)
    assert store.load("rue") is None
    store.put("rue", STATE)
    assert store.load("rue") is STATE
    store.flush()
    assert AimStore(tmp_path).load("rue") == STATE
    assert (mode(tmp_path / "aim"), mode(tmp_path / "aim" / "rue.json")) == (0o700, 0o600)
    assert [one.name for one in (tmp_path / "aim").iterdir()] == ["rue.json"]


@pytest.mark.parametrize("content", [b"", b"{", b"{}", b"\xff" * 100, b"[" * 100_000])
def test_a_file_that_cannot_be_read_is_a_lost_aim_and_no_first_start(tmp_path: Path, content: bytes) -> None:
    (tmp_path / "aim").mkdir()
    (tmp_path / "aim" / "rue.json").write_bytes(content)
    state = AimStore(tmp_path).load("rue")
    assert state is not None
    assert state.lost is not None


def test_a_write_that_a_power_cut_left_half_done_changes_nothing(tmp_path: Path) -> None:
    store = AimStore(tmp_path)
    store.put("rue", STATE)
    store.flush()
    (tmp_path / "aim" / "rue.json.new").write_bytes(b"half")
    assert AimStore(tmp_path).load("rue") == STATE
    store.put("rue", AimState())
    store.flush()
    assert decode((tmp_path / "aim" / "rue.json").read_bytes()) == AimState()


def test_a_disk_that_refuses_loses_nothing_that_was_put(tmp_path: Path) -> None:
    store = AimStore(tmp_path)
    (tmp_path / "aim").write_text("in the way")
    store.put("rue", STATE)
    with pytest.raises(OSError):  # noqa: PT011  the system's own
        store.flush()
    assert store.load("rue") is STATE
    (tmp_path / "aim").unlink()
    store.flush()
    assert AimStore(tmp_path).load("rue") == STATE


async def test_the_running_store_writes_by_itself(tmp_path: Path) -> None:
    store = AimStore(tmp_path)
    task = asyncio.create_task(store.run())
    await asyncio.sleep(0)
    await asyncio.to_thread(store.put, "rue", STATE)
    async with asyncio.timeout(20):
        while not (tmp_path / "aim" / "rue.json").exists():  # noqa: ASYNC110  a file, which tells nobody
            await asyncio.sleep(0.01)
    task.cancel()
    assert AimStore(tmp_path).load("rue") == STATE


@pytest.mark.skipif(os.geteuid() != 0, reason="needs root")
def test_what_root_writes_belongs_to_the_agent_s_user(tmp_path: Path) -> None:
    os.chown(tmp_path, 65534, 65534)
    store = AimStore(tmp_path)
    store.put("rue", STATE)
    store.flush()
    assert {(tmp_path / "aim").stat().st_uid, (tmp_path / "aim" / "rue.json").stat().st_uid} == {65534}
