"""A process that records from a real encoder, and a head that turns, at the camera's pace until it is killed.

    python -m tests.vault.child STATE RECIPIENT KIND KBPS

Before each picture goes to the vault its time (monotonic ns) is written to standard output, one line each.
"""

import os
import sys
import time
from pathlib import Path

from agent.clock import SystemClock
from agent.identity import load_or_make
from agent.units import AccessUnit, Burned, PoseSet
from agent.vault import Vault
from tests.vault.rig import Encoder, Events, Feed, Scene, settings


def main(state: Path, recipient: str, kind: str, kbps: int) -> None:
    """Records for ever."""
    clock = SystemClock()
    vault = Vault(state, settings(recipient), clock, load_or_make(state), Events())
    vault.open()
    feed = Feed()
    vault.record("lane", feed, kbps)
    scene = Scene(kind, width=768, height=576, kbps=kbps)  # type: ignore[arg-type]
    encoder = Encoder(scene)
    begin = time.monotonic_ns()
    number, asked = 0, feed.asked
    while True:
        time.sleep(max(0, begin + number * 10**9 // scene.fps - time.monotonic_ns()) / 1e9)
        taken, wall, pts = clock.instant(), clock.wall(), number * 90000 // scene.fps
        data, keyframe = encoder.next(pts, keyframe=feed.asked > asked)
        asked = feed.asked
        os.write(1, b"%d\n" % taken)
        masks = Burned(0.0, PoseSet((float(number), float(number)), (-4.0, -4.0), (0.2, 0.2)))
        feed.put([AccessUnit("lane", data, keyframe, pts, scene.width, scene.height, taken, wall, 1, masks)])
        number += 1


if __name__ == "__main__":
    main(Path(sys.argv[1]), sys.argv[2], sys.argv[3], int(sys.argv[4]))
