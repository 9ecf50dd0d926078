"""A power cut between any two changes to the disk: the next start makes index and files agree, and records on.

The process is ended from within, without any clean-up, at each of its changes to the disk in turn.
"""

import multiprocessing
import shutil
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from agent.events import PowerCutFound
from agent.units import AccessUnit
from agent.vault.names import PART
from tests.vault.crash import DIED, live
from tests.vault.rig import Bench, Events, HandClock, Keys, Scene, film

SMALL = Scene("street", width=192, height=144, kbps=600, gop=50)
CONTEXT = multiprocessing.get_context("forkserver")
CONTEXT.set_forkserver_preload(["tests.vault.crash"])


def dies(bench: Bench, units: list[AccessUnit], kib: float, point: int, *, after: bool) -> bool:
    """False when the process came to its end before the point."""
    arguments = (bench.state, bench.keys.recipient, units, kib, point, after)
    process = CONTEXT.Process(target=live, args=arguments)
    process.start()
    process.join()
    status = process.exitcode
    process.close()
    assert status in (0, DIED)
    return status == DIED


def recovers(bench: Bench) -> None:
    """The next start agrees with the disk and records on; found ones break off, whole ones open."""
    before = {row.segment.name: row for row in bench.rows()} if (bench.state / "index.sqlite").exists() else {}
    vault = bench.vault()
    vault.open()
    vault.close()
    assert bench.agrees()
    for row in bench.rows():
        if row.segment.name in before:  # what was indexed stays as it was written
            assert row.segment == before[row.segment.name].segment
        assert row.state in ("sealed", "found", "destroyed")
    count = len(bench.rows())
    bench.record(film(SMALL, 10, bench.clock))
    rows = bench.rows()
    assert len(rows) == count + 1
    assert rows[-1].segment.name == max(row.segment.name for row in rows)
    assert bench.agrees()


def box(folder: Path) -> Bench:
    folder.mkdir()
    return Bench(folder / "state", Keys(folder), HandClock(), Events())


def each_point(tmp_path: Path, points: range, *, after: bool) -> int:
    """How many points were reached."""
    units = film(SMALL, 150)

    def one(point: int) -> bool:
        bench = box(tmp_path / f"{after}-{point}")
        died = dies(bench, units, 250, point, after=after)
        recovers(bench)
        shutil.rmtree(bench.state)
        return died

    with ThreadPoolExecutor(2) as pool:
        return sum(pool.map(one, points))


@pytest.mark.parametrize("after", [False, True], ids=["before", "after"])
def test_power_cut_at_each_change_while_sealing_and_evicting(tmp_path: Path, after: bool) -> None:
    # every third point here, all of them in the slow run below
    assert each_point(tmp_path, range(int(after), 60, 3), after=after) >= 12


@pytest.mark.slow
@pytest.mark.parametrize("after", [False, True], ids=["before", "after"])
def test_power_cut_at_every_change_while_sealing_and_evicting(tmp_path: Path, after: bool) -> None:
    assert each_point(tmp_path, range(60), after=after) >= 36


def torn(bench: Bench) -> bytes:
    """Leaves one open segment with whole chunks and a torn one; what it holds."""
    bench.record(film(Scene("noise", kbps=4000), 50))
    (path,) = bench.segments()
    content = path.read_bytes()[:-1000]
    other = path.with_name("20261121T120500.000Z.mp4.age" + PART)
    other.write_bytes(content)
    return content


@pytest.mark.parametrize("after", [False, True], ids=["before", "after"])
def test_power_cut_at_every_change_of_the_recovery_itself(tmp_path: Path, after: bool) -> None:
    reached = 0
    for point in range(6):
        bench = box(tmp_path / str(point))
        content = torn(bench)
        reached += dies(bench, [], 2**20, point, after=after)
        vault = bench.vault()
        vault.open()
        vault.close()
        assert bench.agrees()
        first, second = bench.rows()
        assert (first.state, second.state) == ("sealed", "found")
        assert second.segment.end_reason == "power-cut"
        assert (bench.state / second.segment.name).read_bytes() == content
    assert reached >= 5  # flush, link, flush of the folder, remove, flush of the folder


def test_what_a_power_cut_left_open_is_told_once(bench: Bench) -> None:
    torn(bench)
    garbage = bench.state / "segments/lane/2026/11/21/20261121T121000.000Z.mp4.age.part"
    garbage.write_bytes(b"age-encryption.org/v1\n-> X25519")
    for _ in range(2):
        vault = bench.vault()
        vault.open()
        vault.close()
    assert bench.events.of(PowerCutFound) == [PowerCutFound(1)]
    assert not garbage.exists()
    assert bench.agrees()
