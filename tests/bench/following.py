"""What it costs to follow: one stream, masked as a fixed camera's and as a turning one's, in turn.

Beside each an ffmpeg decodes the same stream. Between two windows the machine may be slower or faster by a sixth, which
is more than following costs; ffmpeg's work is the same each time, so what it takes tells by how much.
"""

import json
import shutil
import statistics
import time
from dataclasses import dataclass

from tests.bench.mast import Mast, state_folder
from tests.bench.processes import Window, own_cpu_s
from tests.bench.tables import Table
from tests.bench.turning_camera import FPS, HEIGHT, LOGIN, WAYS, WIDTH, TurningCamera, Way
from tests.rig.peers import Decoder

WARM_S = 10
WORLD_MASKS = (
    ((-26, 12), (-14, 13), (-14, 1), (-26, 0)),
    ((-8, 9), (4, 10), (4, -3), (-8, -3)),
    ((9, 12), (21, 11), (21, -1), (16, 3), (9, 0)),
)
"""(pan, tilt) degrees: a fifth of the picture together, as the masks that stand still; one of them concave."""


def table(camera: TurningCamera, *, error_deg: float = 0.3) -> str:
    """`[[camera]]` for the head."""
    folder_pass = "head.pass"
    masks = "".join(
        f'[[camera.mask]]\nname = "facade {number}"\nworld_deg = {json.dumps([list(corner) for corner in corners])}\n'
        for number, corners in enumerate(WORLD_MASKS, 1)
    )
    return f"""[[camera]]
id = "cam-1"
name = "Bench"
kind = "ptz"
source = "{camera.rtsp_url}"
encoder = "x264"
fps = {FPS}
bitrate_kbps = 4000
[camera.onvif]
url = "{camera.onvif_url}"
username = "{LOGIN[0]}"
password_file = "{folder_pass}"
[camera.lens]
zoom = [0.0, 0.5, 1.0]
hfov_deg = [60.0, 13.4, 3.0]
calibration_error_deg = {error_deg}
{masks}"""


def turning_mast(camera: TurningCamera) -> Mast:
    """The agent on the turning camera; its state folder is fresh."""
    folder = state_folder("following")
    (folder / "head.pass").write_text(LOGIN[1] + "\n", encoding="utf-8")
    return Mast(folder, [camera.rtsp_url], camera=table(camera))


@dataclass(frozen=True, slots=True)
class _Found:
    """One window: ms a picture of the agent and of the ffmpeg beside it, the masked share, other processes' cores."""

    agent_ms: float
    ffmpeg_ms: float
    share: float
    others_cores: float


def _window(mast: Mast, seconds: float) -> _Found:
    """CPU over `seconds`, and the masked share of the picture at the end of each second."""
    with mast, Decoder(mast.folder / "ffmpeg", mast.urls[0]) as ffmpeg:
        time.sleep(WARM_S)
        first, decoding, shares = mast.mark(), own_cpu_s(ffmpeg.pid), []
        while (left := first.at_s + seconds - time.monotonic()) > 0:
            time.sleep(min(1.0, left))
            shares.append(mast.metrics().get('vigie_camera_masked_share{camera="cam-1"}', 0.0))
        last, decoded = mast.mark(), own_cpu_s(ffmpeg.pid)
    if decoded <= decoding:
        raise RuntimeError(f"ffmpeg decodes nothing; {mast.folder / 'ffmpeg' / 'log'} says why")
    recorded = mast.recorded_pictures()
    if recorded < last.pictures:
        raise RuntimeError(f"{last.pictures} pictures were claimed, {recorded} are in the segments")
    shutil.rmtree(mast.folder)
    window = Window.between(first, last)
    ffmpeg_cores = (decoded - decoding) / window.seconds
    return _Found(
        window.ms_per_picture,
        (decoded - decoding) / (FPS * window.seconds) * 1000,
        statistics.mean(shares),
        window.others_cores - ffmpeg_cores,
    )


def measure(rounds: int, seconds: float) -> list[Table]:
    """`rounds` alternating runs of both kinds on both ways; the difference is what following adds."""
    result = Table(
        f"Following three masks, {WIDTH}x{HEIGHT} at {FPS}, beside three masks that stand still",
        (
            "head",
            "fixed ms",
            "ptz ms",
            "ffmpeg ms",
            "added cores: median",
            "min",
            "max",
            "fixed share",
            "ptz share",
            "others' cores",
        ),
    )
    for way in WAYS:
        rows = [_round(way, seconds) for _ in range(rounds)]
        ffmpeg_ms = statistics.median(one.ffmpeg_ms for row in rows for one in row)
        added = [
            (ptz.agent_ms / ptz.ffmpeg_ms - fixed.agent_ms / fixed.ffmpeg_ms) * ffmpeg_ms * FPS / 1000
            for fixed, ptz in rows
        ]
        result.add(
            way,
            statistics.median(fixed.agent_ms for fixed, _ in rows),
            statistics.median(ptz.agent_ms for _, ptz in rows),
            ffmpeg_ms,
            *(statistics.median(added), min(added), max(added)),
            statistics.median(fixed.share for fixed, _ in rows),
            statistics.median(ptz.share for _, ptz in rows),
            statistics.median(ptz.others_cores for _, ptz in rows),
        )
        raw = [(ptz.agent_ms - fixed.agent_ms) * FPS / 1000 for fixed, ptz in rows]
        result.samples.append({"way": way, "added_cores": added, "as_measured_cores": raw})
    return [result]


def _round(way: Way, seconds: float) -> tuple[_Found, _Found]:
    with TurningCamera(way) as camera:
        fixed = _window(Mast(state_folder("still"), [camera.rtsp_url]), seconds)
        ptz = _window(turning_mast(camera), seconds)
    told = ", ".join(f"{name} {one.agent_ms:.2f} ms" for name, one in (("fixed", fixed), ("following", ptz)))
    print(f"  {way}: {told} a picture; ffmpeg {fixed.ffmpeg_ms:.2f} and {ptz.ffmpeg_ms:.2f}", flush=True)
    return fixed, ptz
