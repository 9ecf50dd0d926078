"""What signing adds to a picture's encoding: the same pictures with and without it, in turn, in CPU time.

The encoder's own threads count. Both sides encode the same masked street pictures, once round the film each turn.
"""

import statistics
import time

import av
import numpy as np
from cryptography.hazmat.primitives.asymmetric.ec import SECP256R1, generate_private_key
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from agent.clock import Instant, WallTime
from agent.encoding import EncoderSettings, Rendition
from agent.encoding.scale import TILE_BITRATE_KBPS, TILE_SIZE
from agent.identity import DeviceIdentity
from agent.queues import GopQueue
from agent.signing.keys import certified
from agent.signing.signer import Signer
from agent.units import AccessUnit, Burned, MaskedFrame
from tests.bench.tables import Table
from tests.rig.footage import STREET_1080P, make

STEP_90K = 3600
KEY = certified(DeviceIdentity(Ed25519PrivateKey.generate(), ""), generate_private_key(SECP256R1()))


def street(pictures: int) -> list[MaskedFrame]:
    """Consecutive pictures of the street, decoded once."""
    found: list[MaskedFrame] = []
    with av.open(str(make(STREET_1080P))) as film:
        for frame in film.decode(video=0):
            planes = frame.to_ndarray(format="yuv420p").astype(np.uint8, copy=False)
            n = len(found)
            taken, wall = Instant(n * 40_000_000), WallTime(n * 40_000_000, True, 1.0)
            size = (frame.width, frame.height)
            found.append(MaskedFrame("c", planes, *size, False, taken, wall, n * STEP_90K, 1, Burned(0.2)))
            if n + 1 == pictures:
                break
    return found


def encoded(frames: list[MaskedFrame], settings: EncoderSettings, limit: tuple[int, int] | None) -> list[AccessUnit]:
    """Their access units, unsigned."""
    queue = GopQueue(len(frames))
    rendition = Rendition("c", settings, limit)
    rendition.source.subscribe(queue, replay=False)
    for frame in frames:
        rendition.encode(frame)
    return [unit for _ in frames if (unit := queue.get()) is not None]


def cpu_ms(frames: list[MaskedFrame], settings: EncoderSettings, limit: tuple[int, int] | None, *, sign: bool) -> float:
    """CPU a picture, all threads; signing is done where the agent does it."""
    signer = Signer(KEY, "lievin-042/parvis-fixed/main")
    rendition = Rendition("c", settings, limit, sign=signer.sign) if sign else Rendition("c", settings, limit)
    rendition.source.subscribe(GopQueue(len(frames)), replay=False)
    rendition.encode(frames[0])  # the encoder's start is nobody's cost
    begin = time.process_time()
    for frame in frames[1:]:
        rendition.encode(frame)
    return (time.process_time() - begin) * 1000 / (len(frames) - 1)


def alone_ms(units: list[AccessUnit], rounds: int) -> tuple[float, float]:
    """(a picture, the dearest picture) of signing alone: mean of all rounds, median of the rounds' worst."""
    signer = Signer(KEY, "lievin-042/parvis-fixed/main")
    all_ms: list[float] = []
    worst: list[float] = []
    for _ in range(rounds):
        times = []
        for unit in units:
            begin = time.thread_time()
            signer.sign(unit)
            times.append((time.thread_time() - begin) * 1000)
        all_ms += times
        worst.append(max(times))
    return statistics.fmean(all_ms), statistics.median(worst)


def measure(rounds: int, pictures: int) -> list[Table]:
    """Both renditions."""
    frames = street(pictures)
    table = Table(
        "CPU a picture, ms",
        ("rendition", "unsigned", "signed", "ratio", "min", "max", "signing alone", "dearest picture", "added kbit/s"),
    )
    for name, settings, limit in (
        ("main, 1080p, 4 Mbit/s", EncoderSettings(), None),
        ("tile", EncoderSettings(bitrate_kbps=TILE_BITRATE_KBPS, threads=1), TILE_SIZE),
    ):
        pairs = []
        for _ in range(rounds):
            without = cpu_ms(frames, settings, limit, sign=False)
            pairs.append((without, cpu_ms(frames, settings, limit, sign=True)))
        units = encoded(frames, settings, limit)
        signer = Signer(KEY, "lievin-042/parvis-fixed/main")
        added = sum(len(signer.sign(unit).data) - len(unit.data) for unit in units)
        ratios = [signed / without for without, signed in pairs]
        medians = [statistics.median(one) for one in zip(*pairs, strict=True)]
        shown = (*medians, medians[1] / medians[0], min(ratios), max(ratios), *alone_ms(units, rounds))
        table.add(name, *shown, added * 8 / (len(units) / 25) / 1000)
        table.samples += pairs
    return [table]
