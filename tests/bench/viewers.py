"""What viewers cost: the agent's cores at 0, 1, 4 and 16, and the proof that nobody's joining starts an encoder."""

import contextlib
import json
import shutil
import statistics
import subprocess
import sys
import time
from collections.abc import Iterator
from typing import Any

import psutil

from tests.bench.mast import ROOT, Mast, state_folder
from tests.bench.processes import Window
from tests.bench.tables import Table
from tests.rig.footage import STREET_1080P
from tests.rig.rtsp_server import RtspCamera

COUNTS = (0, 1, 4, 16)
SETTLE_S = 4.0


class Viewers:
    """A running viewer process."""

    def __init__(self, process: "subprocess.Popen[str]") -> None:
        self._process = process

    def ask(self, line: str) -> Any:
        """Sends a line, reads one of JSON."""
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        self._process.stdin.write(line + "\n")
        self._process.stdin.flush()
        answer = self._process.stdout.readline()
        if not answer:
            raise RuntimeError("the viewers' process ended")
        return json.loads(answer)


@contextlib.contextmanager
def watching(mast: Mast, count: int) -> Iterator[Viewers]:
    """`count` viewers of the first camera while entered; all of them receive pictures."""
    camera = mast.cameras[0]
    command = [sys.executable, "-m", "tests.bench.viewer", f"http://127.0.0.1:{mast.port}", camera, str(count)]
    pipe = subprocess.PIPE
    with subprocess.Popen(command, cwd=ROOT, stdin=pipe, stdout=pipe, text=True) as process:
        viewers = Viewers(process)
        try:
            told = viewers.ask(mast.grant(camera))
            if told["viewers"] != count:
                raise RuntimeError(f"{told['viewers']} of {count} viewers receive")
            yield viewers
        finally:
            assert process.stdin is not None
            process.stdin.close()
            try:
                process.wait(15)
            except subprocess.TimeoutExpired:
                process.kill()


def _encoder_threads(pid: int) -> int:
    """All threads of the agent: x264 starts some for each encoder that is opened."""
    return psutil.Process(pid).num_threads()


def measure(rounds: int, seconds: float) -> list[Table]:
    """Cores at each number of viewers, `rounds` times; what each further viewer adds.

    Cores are CPU a picture times 25 pictures a second, so that a box too busy for all pictures does not look cheap.
    """
    table = Table(
        "Viewers of one 1080p25 camera at 4 Mbit/s",
        ("viewers", "cores", "core a further viewer", "pictures/s each", "Mbit/s each", "encoded/s", "tile", "threads"),
    )
    folder = state_folder("viewers")
    cost: dict[int, list[float]] = {count: [] for count in COUNTS}
    seen: dict[int, tuple[float, float, float, int, int]] = {}
    with RtspCamera(STREET_1080P) as camera, Mast(folder, [camera.url]) as mast:
        time.sleep(SETTLE_S)
        for _ in range(rounds):
            for count in COUNTS:
                window, seen[count] = _one(mast, count, seconds)
                cost[count].append(window.ms_per_picture * STREET_1080P.fps / 1000)
                print(f"  {count} viewers: {cost[count][-1]:.3f} cores", flush=True)
                table.samples.append({"viewers": count, "cores": window.cores, "others": window.others_cores})
    shutil.rmtree(folder)
    median = {count: statistics.median(values) for count, values in cost.items()}
    for count, before in zip(COUNTS, (None, *COUNTS), strict=False):
        each = (median[count] - median[before]) / (count - before) if before is not None else 0.0
        table.add(count, median[count], each, *seen[count])
    return [table]


def _one(mast: Mast, count: int, seconds: float) -> tuple[Window, tuple[float, float, float, int, int]]:
    with watching(mast, count) if count else contextlib.nullcontext() as viewers:
        time.sleep(SETTLE_S)
        got = viewers.ask("") if viewers else []
        first = mast.mark()
        time.sleep(seconds)
        last = mast.mark()
        then = viewers.ask("") if viewers else []
        threads = _encoder_threads(mast.pid)
        tile = sum(mast.encoded("tile").values())
    window = Window.between(first, last)
    pictures = [after["pictures"] - before["pictures"] for after, before in zip(then, got, strict=True)]
    bits = [(after["bytes"] - before["bytes"]) * 8e-6 for after, before in zip(then, got, strict=True)]
    if pictures and min(pictures) < 0.9 * window.pictures:
        raise RuntimeError(f"a viewer got {min(pictures)} of {window.pictures} pictures: the figure would be too good")
    least = min(pictures, default=0) / window.seconds
    rate = sum(bits) / len(bits) / window.seconds if bits else 0.0
    return window, (least, rate, window.pictures / window.seconds, tile, threads)
