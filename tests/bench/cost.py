"""CPU a picture: the agent with masks, sealing and index, beside ffmpeg without any, and motion with its own mask."""

import shutil
import statistics
import threading
import time
from collections.abc import Callable
from pathlib import Path

from agent.encoding.settings import EncoderSettings, ffmpeg_arguments
from tests.bench.mast import MASKS, Mast, state_folder
from tests.bench.processes import Mark, Window, cpu_s, own_cpu_s
from tests.bench.tables import Table
from tests.rig.footage import STREET_1080P
from tests.rig.peers import Ffmpeg, Motion, count_pictures
from tests.rig.rtsp_server import RtspCamera

WARM_S = 10
"""Everybody runs so long before the first mark: motion's pieces are that long, and start-up is nobody's cost."""


def agent(url: str, seconds: float) -> Window:
    """The agent; its count of pictures is checked against its sealed segments."""
    folder = state_folder("agent")
    with Mast(folder, [url]) as mast:
        time.sleep(WARM_S)
        first = mast.mark()
        time.sleep(seconds)
        last = mast.mark()
    recorded = mast.recorded_pictures()
    if recorded < last.pictures:
        raise RuntimeError(f"{last.pictures} pictures were claimed, {recorded} are in the segments")
    shutil.rmtree(folder)
    return Window.between(first, last)


def ffmpeg(url: str, seconds: float) -> Window:
    """ffmpeg's transcode; marks fall on its own progress reports."""
    folder = state_folder("ffmpeg")
    marks: list[Mark] = []
    reported = threading.Condition()

    def progress(pictures: int) -> None:
        with reported:
            if pictures:
                marks.append(Mark.of(cpu_s(process.pid), pictures))
                reported.notify()

    def next_mark() -> Mark:
        with reported:
            known = len(marks)
            if not reported.wait_for(lambda: len(marks) > known, 20):
                raise RuntimeError(f"ffmpeg gives no pictures; {folder / 'log'} says why")
            return marks[-1]

    with Ffmpeg(folder, url, ffmpeg_arguments(EncoderSettings()), progress) as process:
        next_mark()
        time.sleep(WARM_S)
        first = next_mark()
        time.sleep(seconds)
        last = next_mark()
    shutil.rmtree(folder)
    return Window.between(first, last)


def _motion(url: str, seconds: float, encoder: list[str]) -> Window:
    folder = state_folder("motion")
    pieces: list[tuple[Path, Mark]] = []
    wanted = 1 + max(1, round(seconds / WARM_S))
    done = threading.Event()

    def piece(path: Path) -> None:
        used = own_cpu_s(process.pid) + process.encoder_cpu_s
        pictures = (pieces[-1][1].pictures if pieces else 0) + count_pictures(path)
        pieces.append((path, Mark.of(used, pictures)))
        if len(pieces) == wanted:
            done.set()

    size = (STREET_1080P.width, STREET_1080P.height, STREET_1080P.fps)
    with Motion(folder, url, *size, MASKS, encoder, WARM_S, piece) as process:
        if not done.wait((wanted + 3) * WARM_S):
            raise RuntimeError(f"motion finishes no files; {folder / 'log'} says why")
    shutil.rmtree(folder)
    return Window.between(pieces[0][1], pieces[wanted - 1][1])


def motion_same(url: str, seconds: float) -> Window:
    """motion with its mask and the agent's x264 settings, by way of its pipe to ffmpeg."""
    return _motion(url, seconds, ffmpeg_arguments(EncoderSettings()))


def motion_own(url: str, seconds: float) -> Window:
    """motion with its mask and its own H.264: x264 ultrafast, constant quality, which is less work."""
    return _motion(url, seconds, [])


RUNNERS: dict[str, Callable[[str, float], Window]] = {
    "agent": agent,
    "ffmpeg, no mask": ffmpeg,
    "motion, same x264": motion_same,
    "motion, its own x264": motion_own,
}


def measure(rounds: int, seconds: float) -> list[Table]:
    """`rounds` alternating runs of each; medians, ranges, and the agent's ratio to each peer round by round."""
    windows: dict[str, list[Window]] = {name: [] for name in RUNNERS}
    with RtspCamera(STREET_1080P) as camera:
        for number in range(rounds):
            for name, run in RUNNERS.items():
                window = run(camera.url, seconds)
                windows[name].append(window)
                print(f"  round {number + 1}: {name}: {window.ms_per_picture:.2f} ms a picture", flush=True)
    cost = Table(
        "CPU a picture, 1080p25 street footage over RTSP",
        ("", "ms median", "min", "max", "pictures/s", "cores", "others' cores", "agent's ratio: median", "min", "max"),
    )
    ours = [window.ms_per_picture for window in windows["agent"]]
    for name, runs in windows.items():
        each = [window.ms_per_picture for window in runs]
        ratios = [mine / theirs for mine, theirs in zip(ours, each, strict=True)]
        cost.add(
            name,
            *(statistics.median(each), min(each), max(each)),
            statistics.median(window.pictures / window.seconds for window in runs),
            statistics.median(window.cores for window in runs),
            statistics.median(window.others_cores for window in runs),
            *(statistics.median(ours) / statistics.median(each), min(ratios), max(ratios)),
        )
    return [cost]
