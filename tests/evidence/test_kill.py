"""Cuts at any moment of holding, releasing, handing over and destroying: register, index, files and packs agree again.

`kill.py` says how it dies, `judging.py` what must be true then. `VIGIE_KILLS` sets how often the slow run kills.
"""

import os
import random
import subprocess
import sys
from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
MASTS = 2
EACH = 50
"""Points of one mast; then another begins, so that no register grows beyond what a test reads in no time."""


def killed(folder: Path, seed: int, points: int) -> list[str]:
    """What the program says of each point."""
    command = [sys.executable, "-m", "tests.evidence.kill", str(folder), str(seed), str(points)]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=True)
    lines = done.stdout.splitlines()
    assert len(lines) == points, (seed, lines[-1:], done.stderr[-4000:])
    assert not [line for line in lines if line.startswith("FAULT")], (seed, lines[-1], done.stderr[-4000:])
    return lines


@pytest.mark.parametrize(
    "kills", [24, pytest.param(int(os.environ.get("VIGIE_KILLS", "1000")), marks=pytest.mark.slow)]
)
def test_a_cut_while_holding_releasing_exporting_or_destroying_loses_nothing(tmp_path: Path, kills: int) -> None:
    chance = random.Random()
    points = min(EACH, kills // MASTS)
    with ThreadPoolExecutor(MASTS) as pool:
        runs = [
            pool.submit(killed, tmp_path / str(number), chance.randrange(1 << 32), points)
            for number in range(-(-kills // points))
        ]
        lines = [line for run in runs for line in run.result()]
    assert len(lines) >= kills
    print(Counter(line.split()[1] for line in lines))
