"""SIGKILL at random moments: nothing recorded is harmed, and what was not yet on disk is at most the bound.
Each picture that is there has its point in the head's track.

`VIGIE_KILLS` sets how often each of the four cameras is killed in the slow run.
"""

import os
import random
import subprocess
import sys
import time
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path

import pytest

from agent.vault.chunks import CHUNK_BYTES, whole_chunks
from agent.vault.names import TRACKS
from agent.vault.pointing import CUT, read_track
from agent.vault.report import list_segments, verify
from agent.vault.rows import SegmentRow
from tests.rig.child import child
from tests.vault.rig import Bench, Events, HandClock, Keys, pictures

ROOT = Path(__file__).resolve().parents[2]
APART_NS = 205 * 10**6
"""A head that turns is noted each 200 ms; two clocks tell when."""
CAMERAS = [("street", 1000, 1.5), ("street", 4000, 1.0), ("still", 1000, 1.5), ("still", 4000, 1.0)]


@dataclass(frozen=True)
class Kill:
    """What one kill cost: how many pictures were put, how many came out, and how many seconds lie between them."""

    put: int
    opened: int
    lost_s: float


def run_and_kill(bench: Bench, kind: str, kbps: int, seconds: float) -> list[int]:
    """When each picture was taken, ns."""
    command = [sys.executable, "-m", "tests.vault.child", str(bench.state), bench.keys.recipient, kind, str(kbps)]
    with child(command, stdout=subprocess.PIPE, cwd=ROOT) as process:
        first = process.stdout.readline()
        time.sleep(seconds)
        process.kill()
        rest, _ = process.communicate()
    lines = (first + rest).splitlines(keepends=True)
    return [int(line) for line in lines if line.endswith(b"\n")]


def check(bench: Bench, row: SegmentRow) -> int:
    """How many pictures a segment gives to stock tools."""
    path = bench.state / row.segment.name
    into = bench.keys.path.parent / "opened.mp4"
    status = bench.keys.open(path, into)
    chunks = whole_chunks(path.stat().st_size, path.read_bytes()[:4096])
    if row.state == "sealed":
        assert status == 0
    elif status == 1:
        assert into.stat().st_size == chunks * CHUNK_BYTES > 0
    played = subprocess.run(["ffmpeg", "-v", "quiet", "-i", str(into), "-f", "null", "-"], check=False)
    assert played.returncode == 0
    count = pictures(into)
    assert count > 0
    assert row.segment.frames in (None, count)
    return count


def check_track(row: SegmentRow, taken: list[int], begin: int, end: int) -> int:
    """Each picture of the segment, from `begin` to before `end`, has its point; the picture of the last one."""
    *points, last = read_track(row.track or "[]")
    if row.state == "found":
        assert last.blind == CUT
        assert last.at_ms > points[-1].at_ms
    else:
        points.append(last)
    assert all(not one.blind for one in points)
    numbers = [one.pan_mdeg // 1000 for one in points]  # the head turned a degree a picture
    assert numbers[0] == begin
    assert numbers == sorted(set(numbers))
    for one, after in pairwise([*numbers, max(end, numbers[-1] + 1)]):
        assert taken[after - 1] - taken[one] < APART_NS
    return numbers[-1]


def one_kill(bench: Bench, kind: str, kbps: int, chance: random.Random) -> Kill:
    seen = max((row.seq for row in list_segments(bench.state)), default=0) if bench.state.exists() else 0
    taken = run_and_kill(bench, kind, kbps, chance.uniform(0.05, 3.2))
    vault = bench.vault()
    vault.open()
    vault.close()
    assert [one for one in verify(bench.state) if one.severity == "fault"] == []
    assert not list(bench.state.rglob("*.part"))
    assert not list((bench.state / TRACKS).glob("*"))
    rows = [row for row in list_segments(bench.state) if row.seq > seen]
    counts = [check(bench, row) for row in rows]
    opened = sum(counts)
    for number, row in enumerate(rows):
        begin, end = sum(counts[:number]), sum(counts[: number + 1])
        last = check_track(row, taken, begin, end)
        assert last < (len(taken) if row.state == "found" else end)
    assert opened <= len(taken)
    lost_ns = taken[-1] - taken[opened - 1] if opened else taken[-1] - taken[0] + 40_000_000
    return Kill(len(taken), opened, lost_ns / 1e9)


def camera(folder: Path, kind: str, kbps: int, kills: int, seed: int) -> list[Kill]:
    """One camera's box, killed again and again."""
    folder.mkdir()
    bench = Bench(folder / "state", Keys(folder), HandClock(), Events())
    chance = random.Random(seed)
    return [one_kill(bench, kind, kbps, chance) for _ in range(kills)]


@pytest.mark.parametrize(
    "kills",
    [5, pytest.param(int(os.environ.get("VIGIE_KILLS", "50")), marks=pytest.mark.slow)],
    ids=["20-in-all", "200-in-all"],
)
def test_kill_at_random_moments_loses_no_more_than_the_bound(tmp_path: Path, kills: int) -> None:
    seed = random.randrange(1 << 32)
    with ThreadPoolExecutor(len(CAMERAS)) as pool:
        runs = [
            pool.submit(camera, tmp_path / f"{kind}-{kbps}", kind, kbps, kills, seed + number)
            for number, (kind, kbps, _) in enumerate(CAMERAS)
        ]
        results = [run.result() for run in runs]
    for (kind, kbps, bound_s), outcome in zip(CAMERAS, results, strict=True):
        worst = max(one.lost_s for one in outcome)
        print(f"{kind} {kbps} kbit/s: {len(outcome)} kills, lost at most {worst:.3f} s")
        assert worst <= bound_s, (kind, kbps, seed, outcome)
    assert sum(one.opened for outcome in results for one in outcome) > 0
