"""Resident memory of one 1080p camera over minutes, and whether it grows."""

import shutil
import time

import numpy as np

from tests.bench.mast import Mast, state_folder
from tests.bench.processes import resident_mb
from tests.bench.tables import Table
from tests.rig.footage import STREET_1080P
from tests.rig.rtsp_server import RtspCamera

SETTLE_S = 60.0
EVERY_S = 2.0


def measure(seconds: float) -> list[Table]:
    """Samples every two seconds; the slope is that of a straight line through those after the first minute."""
    table = Table(
        "Resident memory, one 1080p25 camera",
        ("minutes", "MB at 10 s", "MB median", "MB max", "MB at end", "MB an hour"),
    )
    folder = state_folder("memory")
    samples: list[tuple[float, float]] = []
    with RtspCamera(STREET_1080P) as camera, Mast(folder, [camera.url]) as mast:
        while (age := time.monotonic() - mast.started_s) < seconds:
            samples.append((age, resident_mb(mast.pid)))
            time.sleep(EVERY_S)
    shutil.rmtree(folder)
    settle = min(SETTLE_S, seconds / 2)
    ages, sizes = np.array([sample for sample in samples if sample[0] > settle]).T
    slope = float(np.polyfit(ages, sizes, 1)[0]) * 3600
    early = next(size for age, size in samples if age >= 10)
    median, most, end = float(np.median(sizes)), float(max(size for _, size in samples)), float(sizes[-1])
    table.add(seconds / 60, early, median, most, end, slope)
    table.samples.extend([round(age, 1), round(size, 1)] for age, size in samples)
    return [table]
