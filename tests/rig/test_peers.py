"""The peers do what the benchmarks say that they do."""

import threading
import time
from pathlib import Path

import av
import numpy as np
import pytest

from tests.rig.footage import SMALL
from tests.rig.peers import Ffmpeg, Motion, count_pictures
from tests.rig.rtsp_server import RtspCamera

MASK = ((0.1, 0.1), (0.5, 0.1), (0.5, 0.6), (0.1, 0.6))
ENCODER = ("-c:v", "libx264", "-preset", "ultrafast")


def luma(path: Path) -> np.ndarray:
    """The first picture's brightness, the text at its edges left out."""
    with av.open(str(path)) as container:
        return next(container.decode(video=0)).to_ndarray(format="gray")


def test_ffmpeg_tells_as_many_pictures_as_it_wrote(tmp_path: Path) -> None:
    told: list[int] = []
    with RtspCamera(SMALL) as camera, Ffmpeg(tmp_path, camera.url, ENCODER, told.append):
        for _ in range(100):
            if told and told[-1] > 20:
                break
            time.sleep(0.1)
    assert 20 < told[-1] <= count_pictures(tmp_path / "out.mp4")


@pytest.mark.slow
def test_motion_burns_its_mask_with_either_encoder(tmp_path: Path) -> None:
    for name, encoder in (("own", ()), ("same", ENCODER)):
        pieces: list[Path] = []
        done = threading.Event()

        def piece(path: Path, pieces: list[Path] = pieces, done: threading.Event = done) -> None:
            pieces.append(path)
            done.set()

        size = (SMALL.width, SMALL.height, SMALL.fps)
        with (
            RtspCamera(SMALL) as camera,
            Motion(tmp_path / name, camera.url, *size, [MASK], encoder, 2, piece) as motion,
        ):
            assert done.wait(30), (tmp_path / name / "log").read_text()
            assert (motion.encoder_cpu_s > 0) == bool(encoder)
        assert count_pictures(pieces[0]) > 10
        picture = luma(pieces[0])
        height, width = picture.shape
        inside = picture[int(0.15 * height) : int(0.55 * height), int(0.15 * width) : int(0.45 * width)]
        outside = picture[int(0.15 * height) : int(0.55 * height), int(0.55 * width) : int(0.9 * width)]
        assert inside.max() < 40
        assert outside.std() > 10
