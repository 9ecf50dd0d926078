"""How cost grows from one camera to four on one box, each with its own RTSP server."""

import shutil
import time
from contextlib import ExitStack

from tests.bench.mast import Mast, state_folder
from tests.bench.processes import Window, resident_mb
from tests.bench.tables import Table
from tests.rig.footage import STREET_1080P
from tests.rig.rtsp_server import RtspCamera

SETTLE_S = 8.0


def measure(seconds: float, most: int = 4) -> list[Table]:
    """1 to `most` cameras: cores, CPU a picture, pictures that were dropped because the box had no time, memory."""
    table = Table(
        "Cameras on one box, 1080p25 each",
        ("cameras", "cores", "ms a picture", "pictures/s each", "dropped %", "MB", "others' cores"),
    )
    for count in range(1, most + 1):
        folder = state_folder(f"cameras-{count}")
        with ExitStack() as stack:
            urls = [stack.enter_context(RtspCamera(STREET_1080P)).url for _ in range(count)]
            mast = stack.enter_context(Mast(folder, urls))
            time.sleep(SETTLE_S)
            dropped, first = _dropped(mast), mast.mark()
            time.sleep(seconds)
            dropped, last = _dropped(mast) - dropped, mast.mark()
            megabytes = resident_mb(mast.pid)
        shutil.rmtree(folder)
        window = Window.between(first, last)
        share = 100 * dropped / (dropped + window.pictures)
        rate = window.pictures / window.seconds / count
        table.add(count, window.cores, window.ms_per_picture, rate, share, megabytes, window.others_cores)
        print(f"  {count} cameras: {window.cores:.2f} cores, {rate:.1f} pictures/s each", flush=True)
    return [table]


def _dropped(mast: Mast) -> float:
    return sum(
        value
        for name, value in mast.metrics().items()
        if name.startswith("vigie_camera_dropped_total") and "frames" in name
    )
