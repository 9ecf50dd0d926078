"""What an encoder is asked for. Decides; opens nothing.

x264 runs `superfast` with `zerolatency`: on the boards of a mast it is the most picture that real time leaves room for.
"""

import os
from dataclasses import dataclass

GOP_SECONDS = 2.0
KEYFRAME_SPACING_S = 0.5
"""Viewers that ask for keyframes get no more than two a second between them."""

FFMPEG_NAMES = {"x264": "libx264", "v4l2m2m": "h264_v4l2m2m", "nvenc": "h264_nvenc"}
ORDER = ("v4l2m2m", "nvenc", "x264")
"""What `auto` tries: the hardware first. NVIDIA's own V4L2 elements for Jetson are not in PyAV's wheels."""


@dataclass(frozen=True, slots=True)
class EncoderSettings:
    """One rendition's encoder: `choice` is the configuration's word, `threads` x264's slices."""

    choice: str = "auto"
    fps: float = 25.0
    bitrate_kbps: int = 4000
    threads: int = min(4, os.cpu_count() or 1)

    @property
    def candidates(self) -> tuple[str, ...]:
        """Encoders to try in turn, by the configuration's words."""
        return ORDER if self.choice == "auto" else (self.choice,)

    @property
    def gop(self) -> int:
        """Frames in a GOP at the full rate."""
        return max(1, round(self.fps * GOP_SECONDS))


def codec_options(name: str, settings: EncoderSettings) -> dict[str, str]:
    """FFmpeg's options for the encoder `name` (the configuration's word)."""
    rate = str(settings.bitrate_kbps * 1000)
    common = {"maxrate": rate, "bufsize": rate}
    if name == "x264":
        return {
            **common,
            "preset": "superfast",
            "tune": "zerolatency",
            "profile": "baseline",
            "forced-idr": "1",
            "sc_threshold": "0",
        }
    if name == "nvenc":
        return {**common, "preset": "p3", "tune": "ull", "profile": "baseline", "forced-idr": "1", "rc": "cbr"}
    return {}  # v4l2m2m takes its rate and GOP from the context, and knows no more


def ffmpeg_arguments(settings: EncoderSettings) -> list[str]:
    """The same x264 settings as arguments of the `ffmpeg` program, for a peer in a benchmark."""
    arguments = ["-c:v", "libx264", "-b:v", f"{settings.bitrate_kbps}k", "-g", str(settings.gop), "-bf", "0"]
    arguments += ["-threads", str(settings.threads), "-pix_fmt", "yuv420p"]
    for key, value in codec_options("x264", settings).items():
        arguments += [f"-{key}", value]
    return arguments
