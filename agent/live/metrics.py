"""The mast's facts as Prometheus metrics, gathered at each scrape; the only file that touches prometheus_client.

Labels name cameras and consumers, never a person.
"""

from collections.abc import Callable, Iterator, Mapping
from itertools import accumulate

from prometheus_client import CollectorRegistry, generate_latest
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, HistogramMetricFamily, Metric
from prometheus_client.exposition import CONTENT_TYPE_LATEST
from prometheus_client.registry import Collector

from agent.facts import LATENCY_BOUNDS_S, CameraFacts, MastFacts
from agent.units import Blind, Burned

CONTENT_TYPE = CONTENT_TYPE_LATEST

CAMERA_GAUGES: dict[str, tuple[str, Callable[[CameraFacts], float]]] = {
    "vigie_camera_live": ("Pictures come from the camera", lambda one: one.capture == "live"),
    "vigie_camera_blind": ("The whole picture is masked", lambda one: isinstance(one.masks, Blind)),
    "vigie_camera_tamper": ("Turned, covered or out of focus", lambda one: bool(one.aim.tamper)),
    "vigie_camera_masked_share": (
        "Share of the picture under privacy masks",
        lambda one: one.masks.share if isinstance(one.masks, Burned) else 1.0,
    ),
    "vigie_camera_frames_per_second": ("Encoded pictures a second", lambda one: one.fps),
    "vigie_camera_bits_per_second": ("Encoded bits a second", lambda one: one.bitrate_kbps * 1000),
    "vigie_camera_recording": ("Segments are written", lambda one: one.recording),
    "vigie_camera_viewers": ("Open views", lambda one: one.viewers),
    "vigie_camera_hold_seconds": (
        "How long a picture waits for the reports of its turning head",
        lambda one: one.hold_ms / 1000,
    ),
    "vigie_camera_below_minimum": ("Smaller or slower than the law asks", lambda one: one.below_minimum),
}
MAST_GAUGES: dict[str, tuple[str, Callable[[MastFacts], float]]] = {
    "vigie_uptime_seconds": ("Since the agent's start", lambda mast: mast.uptime_s),
    "vigie_disk_free_bytes": ("Free on the state directory's disk", lambda mast: mast.disk_free_bytes),
    "vigie_buffer_hours": ("How far back the ring reaches", lambda mast: mast.buffer_hours),
    "vigie_clock_synchronised": ("A time service keeps the clock", lambda mast: mast.wall.synchronised),
}


class _Facts(Collector):
    def __init__(self, facts: Callable[[], MastFacts]) -> None:
        self._facts = facts

    def collect(self) -> Iterator[Metric]:
        mast = self._facts()
        for name, (text, mast_value) in MAST_GAUGES.items():
            yield GaugeMetricFamily(name, text, value=float(mast_value(mast)))
        for name, (text, value) in CAMERA_GAUGES.items():
            gauge = GaugeMetricFamily(name, text, labels=["camera"])
            for camera in mast.cameras:
                gauge.add_metric([camera.id], float(value(camera)))
            yield gauge
        yield _counters("vigie_camera_frames", "Pictures captured", "what", mast, lambda one: {"captured": one.frames})
        yield _counters("vigie_camera_dropped", "Lost on the way", "what", mast, lambda one: one.dropped)
        yield _counters("vigie_camera_encoded", "Pictures encoded", "rendition", mast, lambda one: one.encoded)
        yield _latency(mast)


def _counters(
    name: str, text: str, label: str, mast: MastFacts, values: Callable[[CameraFacts], Mapping[str, int]]
) -> Metric:
    counter = CounterMetricFamily(name, text, labels=["camera", label])
    for camera in mast.cameras:
        for what, count in values(camera).items():
            counter.add_metric([camera.id, what], count)
    return counter


def _latency(mast: MastFacts) -> Metric:
    histogram = HistogramMetricFamily(
        "vigie_picture_latency_seconds", "From a picture's compressed arrival to its access unit", labels=["camera"]
    )
    bounds = [*(str(bound) for bound in LATENCY_BOUNDS_S), "+Inf"]
    for camera in mast.cameras:
        buckets = list(zip(bounds, map(float, accumulate(camera.latency.counts)), strict=True))
        histogram.add_metric([camera.id], buckets, camera.latency.sum_s)
    return histogram


def exposition(facts: Callable[[], MastFacts]) -> Callable[[], bytes]:
    """A function that gives the metrics as text in Prometheus's format."""
    registry = CollectorRegistry(auto_describe=False)
    registry.register(_Facts(facts))
    return lambda: generate_latest(registry)
