"""How long a picture stays inside the agent, and how soon after its start the first segment is sealed."""

import math
import re
import shutil
import statistics
import time

from tests.bench.mast import Mast, state_folder
from tests.bench.tables import Table
from tests.rig.footage import STREET_1080P
from tests.rig.rtsp_server import RtspCamera

BUCKET = re.compile(r'vigie_picture_latency_seconds_bucket{camera="[^"]+",le="([^"]+)"}')
LIMIT_S = 30.0


def buckets(metrics: dict[str, float]) -> dict[float, float]:
    """Upper bound in seconds -> how many pictures took no longer; the last bound is infinite."""
    found = ((BUCKET.fullmatch(name), value) for name, value in metrics.items())
    return {float(match[1]): value for match, value in found if match is not None}


def quantile(counts: dict[float, float], share: float) -> float:
    """The latency below which `share` of the pictures lie, in ms, straight between the bounds; inf beyond the last."""
    if not counts[math.inf]:
        raise ValueError("no picture was measured")
    wanted, lower, below = share * counts[math.inf], 0.0, 0.0
    for bound, count in sorted(counts.items()):
        if count >= wanted:
            if math.isinf(bound):
                return math.inf
            return (lower + (bound - lower) * (wanted - below) / max(count - below, 1)) * 1000
        lower, below = bound, count
    return math.inf


def _first_segment_s(mast: Mast) -> float:
    """Seconds from the start of the process to the first sealed file; inf beyond the limit."""
    while time.monotonic() < mast.started_s + LIMIT_S:
        if mast.segments():
            return time.monotonic() - mast.started_s
        time.sleep(0.02)
    return math.inf


def measure(rounds: int, seconds: float) -> list[Table]:
    """Quantiles over `seconds`, and the first segment's delay from the start of the process, `rounds` times."""
    inside = Table(
        "From a picture's compressed arrival to its access unit", ("run", "pictures", "p50 ms", "p95 ms", "p99 ms")
    )
    first = Table(
        "First sealed segment after the process starts",
        ("runs", "first picture: median s", "segment: median s", "min", "max"),
    )
    pictures: list[float] = []
    delays: list[float] = []
    with RtspCamera(STREET_1080P) as camera:
        for number in range(rounds):
            folder = state_folder("latency")
            with Mast(folder, [camera.url]) as mast:
                pictures.append(time.monotonic() - mast.started_s)
                delays.append(_first_segment_s(mast))
                before = buckets(mast.metrics())
                time.sleep(seconds)
                counts = {bound: count - before[bound] for bound, count in buckets(mast.metrics()).items()}
            shutil.rmtree(folder)
            inside.add(number + 1, int(counts[math.inf]), *(quantile(counts, share) for share in (0.5, 0.95, 0.99)))
            print(
                f"  run {number + 1}: p95 {quantile(counts, 0.95):.1f} ms, first segment {delays[-1]:.2f} s", flush=True
            )
    first.add(rounds, statistics.median(pictures), statistics.median(delays), min(delays), max(delays))
    return [inside, first]
