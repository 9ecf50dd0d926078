"""The street as a film: rendered once, H.264 in an MP4 file, so that the virtual camera costs next to nothing to serve.

The file's name carries a hash of the code that drew it: a changed scene makes a new film. A film is complete or absent.
"""

import hashlib
import os
from collections.abc import Callable
from pathlib import Path

import av

from agent.virtual import figures, scene

FPS = 25
_DRAWN_BY = (Path(figures.__file__), Path(scene.__file__), Path(__file__))
_X264 = {"preset": "veryfast", "crf": "22", "maxrate": "4M", "bufsize": "4M", "bf": "0", "g": "50", "sc_threshold": "0"}


def film_path(folder: Path) -> Path:
    """Where the film of this very scene is, or will be."""
    code = hashlib.sha256(b"".join(path.read_bytes() for path in _DRAWN_BY))
    return folder / f"street-{code.hexdigest()[:12]}.mp4"


def make_film(folder: Path, progress: Callable[[float], None]) -> Path:
    """The film's file; made now (some seconds) unless it exists. `progress` is told the share that is done, 0..1."""
    path = film_path(folder)
    if path.exists():
        return path
    folder.mkdir(parents=True, exist_ok=True)
    partial = path.with_name(f"{path.stem}.{os.getpid()}.part")
    street, pictures = scene.Street(), round(scene.LOOP_S * FPS)
    with av.open(str(partial), "w", format="mp4") as container:
        stream = container.add_stream("libx264", rate=FPS, options=_X264)
        stream.width, stream.height, stream.pix_fmt = scene.WIDTH, scene.HEIGHT, "yuv420p"
        for index in range(pictures):
            picture = av.VideoFrame.from_ndarray(street.render(index / FPS), format="bgr24")
            container.mux(stream.encode(picture))
            progress((index + 1) / pictures)
        container.mux(stream.encode(None))
    partial.replace(path)
    return path
