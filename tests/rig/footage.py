"""Footage for tests: what cameras send, made once with ffmpeg and kept under build/footage/.

Street footage is Debian's vtest.avi (package opencv-doc), real CCTV of people walking, 795 pictures. It is played at
2.5 times its pace, so that at 25 pictures a second every picture is a new one: repeated pictures would flatter each
encoder in a benchmark. `pattern` is ffmpeg's own moving test picture, for tests that want sharp detail everywhere.

    path = make(Recipe(width=704, height=576, pixel_format="yuv422p"))

A file's name says how it was made. Two test runs may make the same file at the same time: the last one to finish wins
and both are whole.
"""

import os
import subprocess
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Literal

import cv2
import numpy as np

STREET = Path("/usr/share/doc/opencv-doc/examples/data/vtest.avi")
STREET_PICTURES = 795
FOLDER = Path(__file__).resolve().parents[2] / "build" / "footage"


@dataclass(frozen=True, slots=True)
class Recipe:
    """What a camera sends. `bitrate_kbps` and `b_frames` do not matter to MJPEG; `audio` adds an AAC track."""

    scene: Literal["street", "pattern"] = "street"
    codec: Literal["h264", "h265", "mjpeg"] = "h264"
    width: int = 704
    height: int = 576
    fps: int = 25
    seconds: float = 8
    pixel_format: str = "yuv420p"
    bitrate_kbps: int = 2000
    gop: int = 50
    b_frames: int = 0
    audio: bool = False

    @property
    def pictures(self) -> int:
        """How many pictures the file holds."""
        return round(self.seconds * self.fps)

    @property
    def path(self) -> Path:
        """Where it is, or will be."""
        rate = "" if self.codec == "mjpeg" else f"-{self.bitrate_kbps}k-g{self.gop}-b{self.b_frames}"
        sound = "-audio" if self.audio else ""
        size = f"{self.width}x{self.height}"
        name = f"{self.scene}-{self.codec}-{size}-{self.pixel_format}-{self.fps}fps-{self.seconds:g}s{rate}{sound}"
        return FOLDER / f"{name}.mkv"


STREET_1080P = Recipe(width=1920, height=1080, seconds=STREET_PICTURES / 25, bitrate_kbps=5000)
"""What the benchmarks use: the whole street scene once, as a 1080p25 camera at 5 Mbit/s sends it."""

SMALL = Recipe()
"""A small street camera for quick tests."""

PIXEL_FORMATS: tuple[Recipe, ...] = (
    SMALL,
    replace(SMALL, seconds=4, pixel_format="yuvj420p"),
    replace(SMALL, seconds=4, pixel_format="yuv422p"),
    replace(SMALL, seconds=4, pixel_format="yuv444p"),
    replace(SMALL, seconds=4, pixel_format="gray"),  # FFmpeg decodes H.264's 4:0:0 into yuvj420p ...
    replace(SMALL, seconds=4, codec="h265", pixel_format="gray"),  # ... and H.265's into gray
    replace(SMALL, seconds=4, codec="h265"),
    replace(SMALL, seconds=4, codec="mjpeg", pixel_format="yuvj420p"),
    replace(SMALL, seconds=4, codec="mjpeg", pixel_format="yuvj422p"),
)
"""One file for each format that cameras send and RTSP carries; NV12 exists on the decoder's side only."""

ODD_SIZES: tuple[Recipe, ...] = (
    Recipe(width=641, height=479, seconds=2, pixel_format="yuv444p"),
    Recipe(width=641, height=479, seconds=2, pixel_format="gray"),
    Recipe(width=641, height=479, seconds=2, codec="h265", pixel_format="gray"),
    Recipe(width=641, height=479, seconds=2, codec="mjpeg", pixel_format="yuvj420p"),
    Recipe(width=641, height=479, seconds=2, codec="mjpeg", pixel_format="yuvj422p"),
)
"""Odd widths and heights. RTP's JPEG (RFC 2435) knows multiples of 8 only: serve those two as files."""

WITH_AUDIO = replace(SMALL, seconds=4, audio=True)


def _input(recipe: Recipe) -> list[str]:
    if recipe.scene == "pattern":
        return ["-f", "lavfi", "-i", f"testsrc2=size={recipe.width}x{recipe.height}:rate={recipe.fps}"]
    return ["-stream_loop", "-1", "-i", str(STREET)]


def _filter(recipe: Recipe) -> str:
    if recipe.scene == "pattern":
        return f"format={recipe.pixel_format}"
    size = f"{recipe.width}:{recipe.height}"
    fill = f"scale={size}:force_original_aspect_ratio=increase,crop={size}:exact=1"
    return f"settb=1/{recipe.fps},setpts=N,format=yuv444p,{fill},format={recipe.pixel_format}"


def _codec(recipe: Recipe) -> list[str]:
    if recipe.codec == "mjpeg":
        return ["-c:v", "mjpeg", "-q:v", "4", "-huffman", "default"]  # RFC 2435 takes the standard tables only
    gop, rate = str(recipe.gop), f"{recipe.bitrate_kbps}k"
    control = ["-b:v", rate, "-maxrate", rate, "-bufsize", rate, "-g", gop, "-bf", str(recipe.b_frames)]
    if recipe.codec == "h265":
        x265 = f"keyint={gop}:min-keyint={gop}:scenecut=0:bframes={recipe.b_frames}:open-gop=0:log-level=error"
        return ["-c:v", "libx265", "-preset", "ultrafast", *control, "-x265-params", x265]
    return ["-c:v", "libx264", "-preset", "veryfast", *control, "-keyint_min", gop, "-sc_threshold", "0"]


def make(recipe: Recipe) -> Path:
    """The footage's file; made at the first call, which takes seconds, and kept."""
    path = recipe.path
    if path.exists():
        return path
    if recipe.scene == "street" and not STREET.exists():
        raise FileNotFoundError(f"{STREET} is missing: apt install opencv-doc")
    FOLDER.mkdir(parents=True, exist_ok=True)
    partial = path.with_suffix(f".{os.getpid()}.mkv")
    sound = ["-f", "lavfi", "-i", "sine=frequency=440"] if recipe.audio else []
    command = ["ffmpeg", "-nostdin", "-loglevel", "error", "-y", *_input(recipe), *sound, "-vf", _filter(recipe)]
    command += ["-r", str(recipe.fps), "-map", "0:v:0", *(["-map", "1:a:0", "-c:a", "aac"] if recipe.audio else [])]
    command += ["-frames:v", str(recipe.pictures), "-t", str(recipe.seconds)]
    if (recipe.codec, recipe.pixel_format) == ("mjpeg", "yuvj422p"):
        _jpeg_422(command, recipe, partial)
    else:
        subprocess.run([*command, *_codec(recipe), str(partial)], check=True)
    partial.replace(path)
    return path


def _jpeg_422(command: list[str], recipe: Recipe, path: Path) -> None:
    """JPEG 4:2:2 as cameras make it: ffmpeg's own encoder writes sampling factors that RFC 2435 cannot carry."""
    raw = subprocess.run([*command, "-pix_fmt", "bgr24", "-f", "rawvideo", "-"], check=True, stdout=subprocess.PIPE)
    pictures = np.frombuffer(raw.stdout, np.uint8).reshape(-1, recipe.height, recipe.width, 3)
    options = [cv2.IMWRITE_JPEG_QUALITY, 85, cv2.IMWRITE_JPEG_SAMPLING_FACTOR, cv2.IMWRITE_JPEG_SAMPLING_FACTOR_422]
    stream = b"".join(cv2.imencode(".jpg", picture, options)[1].tobytes() for picture in pictures)
    mux = ["ffmpeg", "-nostdin", "-loglevel", "error", "-y", "-f", "mjpeg", "-framerate", str(recipe.fps), "-i", "-"]
    subprocess.run([*mux, "-c", "copy", str(path)], check=True, input=stream)
