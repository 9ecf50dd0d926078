"""What it costs to follow: one stream, masked as a fixed camera's and as a turning one's, in turn."""

import json
import shutil
import statistics
import time

from tests.bench.mast import Mast, state_folder
from tests.bench.processes import Window
from tests.bench.tables import Table
from tests.bench.turning_camera import FPS, HEIGHT, LOGIN, WAYS, WIDTH, TurningCamera, Way

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


def _window(mast: Mast, seconds: float) -> tuple[Window, float]:
    """CPU over `seconds`, and the masked share of the picture at the end of each second."""
    with mast:
        time.sleep(WARM_S)
        first, shares = mast.mark(), []
        while (left := first.at_s + seconds - time.monotonic()) > 0:
            time.sleep(min(1.0, left))
            shares.append(mast.metrics().get('vigie_camera_masked_share{camera="cam-1"}', 0.0))
        last = mast.mark()
    recorded = mast.recorded_pictures()
    if recorded < last.pictures:
        raise RuntimeError(f"{last.pictures} pictures were claimed, {recorded} are in the segments")
    shutil.rmtree(mast.folder)
    return Window.between(first, last), statistics.mean(shares)


def measure(rounds: int, seconds: float) -> list[Table]:
    """`rounds` alternating runs of both kinds on both ways; the difference is what following adds."""
    result = Table(
        f"Following three masks, {WIDTH}x{HEIGHT} at {FPS}, beside three masks that stand still",
        (
            "head",
            "fixed ms",
            "ptz ms",
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
        added = [(ptz.ms_per_picture - fixed.ms_per_picture) * FPS / 1000 for fixed, _, ptz, _ in rows]
        result.add(
            way,
            statistics.median(fixed.ms_per_picture for fixed, *_ in rows),
            statistics.median(ptz.ms_per_picture for _, _, ptz, _ in rows),
            *(statistics.median(added), min(added), max(added)),
            statistics.median(share for _, share, _, _ in rows),
            statistics.median(share for *_, share in rows),
            statistics.median(ptz.others_cores for _, _, ptz, _ in rows),
        )
        result.samples.append({"way": way, "added_cores": added})
    return [result]


def _round(way: Way, seconds: float) -> tuple[Window, float, Window, float]:
    with TurningCamera(way) as camera:
        fixed, fixed_share = _window(Mast(state_folder("still"), [camera.rtsp_url]), seconds)
        ptz, ptz_share = _window(turning_mast(camera), seconds)
    print(f"  {way}: fixed {fixed.ms_per_picture:.2f} ms, following {ptz.ms_per_picture:.2f} ms a picture", flush=True)
    return fixed, fixed_share, ptz, ptz_share
