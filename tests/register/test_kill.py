"""Power cuts: SIGKILL at any moment, death at each change to the disk, and every length of a torn write.

`VIGIE_KILLS` sets how often the slow run kills.
"""

import os
import random
import subprocess
import sys
import time
from pathlib import Path

import pytest

from agent.register.bodies import TailCut
from agent.register.disk import Disk
from tests.register.rig import DAY_MS, DyingDisk, HandClock, faults, files, filled, judged, opened, view
from tests.rig.child import child

ROOT = Path(__file__).resolve().parents[2]


@pytest.mark.parametrize("kills", [8, pytest.param(int(os.environ.get("VIGIE_KILLS", "300")), marks=pytest.mark.slow)])
def test_nothing_acknowledged_is_lost_to_sigkill(tmp_path: Path, kills: int) -> None:
    seed = random.randrange(1 << 32)
    chance = random.Random(seed)
    acknowledged = -1
    for _ in range(kills):
        command = [sys.executable, "-m", "tests.register.child", str(tmp_path)]
        with child(command, stdout=subprocess.PIPE, cwd=ROOT) as process:
            assert process.stdout.readline() == b"open\n"
            time.sleep(chance.uniform(0, 0.15))
            process.kill()
            said = [line for line in process.communicate()[0].splitlines(keepends=True) if line.endswith(b"\n")]
        acknowledged = max([acknowledged, *map(int, said)])
        register = opened(tmp_path)
        entries = list(register.entries())
        assert [entry.index for entry in entries] == list(range(register.size)), seed
        assert register.size > acknowledged, seed
        assert faults(judged(tmp_path, *([register.checkpoint()] if register.size else []))) == [], seed
        register.close()


def dies(state: Path, disk: Disk, entries: int, days: int, expire: bool) -> tuple[bool, int]:
    """(whether a child with this disk came to its point, how many entries it had acknowledged)."""
    reading, writing = os.pipe()
    pid = os.fork()
    if pid == 0:
        status = 1
        try:
            clock = HandClock()
            register = opened(state, clock, disk)
            for number in range(entries):
                register.append(view(number))
                os.write(writing, b".")
                clock.wall_ms += days * DAY_MS // entries
            if expire:
                clock.wall_ms += DAY_MS
                register.expire(1)
            status = 0
        finally:
            os._exit(status)
    os.close(writing)
    status = os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1])
    assert status in (0, 9)
    with os.fdopen(reading, "rb") as told:
        return status == 9, len(told.read())


@pytest.mark.parametrize("torn", [-1, 0, 1, 100])
@pytest.mark.parametrize("expire", [False, True])
def test_death_at_each_change_to_the_disk(tmp_path: Path, torn: int, expire: bool) -> None:
    reached = 0
    for point in range(200):
        state = tmp_path / str(point)
        state.mkdir()
        died, acknowledged = dies(state, DyingDisk(point, torn), entries=6, days=3, expire=expire)
        clock = HandClock()
        clock.wall_ms += 4 * DAY_MS
        if not died:
            break
        reached += 1
        register = opened(state, clock)
        gone = register.size - len(list(register.entries()))
        if not expire:
            assert gone == 0
            views = [entry.body for entry in register.entries(kinds=["view_started"])]
            assert views[:acknowledged] == [view(number) for number in range(acknowledged)]
        assert register.size >= acknowledged
        register.append(view(0))
        assert faults(judged(state, register.checkpoint())) == [], point
        register.close()
    assert reached > 15


def test_a_write_torn_at_each_byte_is_cut_off_said_and_nothing_else_is_lost(tmp_path: Path) -> None:
    heads = filled(tmp_path, 4)
    section, tree = files(tmp_path)
    raw, hashes = section.read_bytes(), tree.read_bytes()
    last = raw.rindex(b"\n", 0, -1) + 1
    for length in range(last, len(raw)):
        section.write_bytes(raw[:length])
        tree.write_bytes(hashes[: 4 * 32])
        register = opened(tmp_path)
        assert register.checkpoint(3) == heads[3]
        cut = [entry.body for entry in register.entries(kinds=["tail_cut"])]
        if length == last:
            assert (cut, register.size) == ([], 3)
        else:
            assert [one.size_bytes for one in cut if isinstance(one, TailCut)] == [length - last]
            assert register.size == 4
        register.append(view(9))
        assert judged(tmp_path, heads[3], register.checkpoint()).findings == ()
        register.close()


def test_a_last_line_with_a_block_that_never_came_to_the_disk_is_cut_off_and_said(tmp_path: Path) -> None:
    heads = filled(tmp_path, 4)
    section, _ = files(tmp_path)
    raw = section.read_bytes()
    last = raw.rindex(b"\n", 0, -1) + 1
    section.write_bytes(raw[: last + 50] + bytes(100) + raw[last + 150 :])
    register = opened(tmp_path)
    assert [entry.kind for entry in register.entries()][3:] == ["tail_cut"]
    assert judged(tmp_path, heads[3], register.checkpoint()).findings == ()


def test_the_first_write_of_a_day_that_was_torn_leaves_no_file(tmp_path: Path) -> None:
    heads = filled(tmp_path, 4)
    (tmp_path / "register" / "0000000004-2026-11-22.jsonl").write_bytes(b'{"entry":{"bo')
    clock = HandClock()
    clock.wall_ms += DAY_MS
    register = opened(tmp_path, clock)
    register.append(view(4))
    assert [entry.kind for entry in register.entries()] == ["view_started"] * 4 + ["tail_cut", "view_started"]
    assert judged(tmp_path, heads[4], register.checkpoint()).findings == ()
