"""The virtual camera's encoder: pictures in, H.264 access units (Annex B) out.

Parameter sets stand before each keyframe.
"""

from fractions import Fraction

import av
from av.video.frame import PictureType

from agent.virtual.figures import Picture

KEYFRAME_EVERY_S = 2


class Encoder:
    """x264, without B-frames, at a bounded rate as cameras do. Not thread-safe."""

    def __init__(self, width: int, height: int, fps: int, bitrate_kbps: int) -> None:
        self._context = av.CodecContext.create("libx264", "w")
        assert isinstance(self._context, av.VideoCodecContext)
        self._context.width, self._context.height = width, height
        self._context.pix_fmt = "yuv420p"
        self._context.time_base, self._context.framerate = Fraction(1, 90_000), Fraction(fps)
        self._context.bit_rate = bitrate_kbps * 1000
        self._context.gop_size = fps * KEYFRAME_EVERY_S
        self._context.max_b_frames = 0
        self._context.thread_count = 1
        self._context.options = {
            "preset": "superfast",
            "tune": "zerolatency",
            "profile": "main",
            "maxrate": f"{bitrate_kbps}k",
            "bufsize": f"{bitrate_kbps // 2}k",
            "forced-idr": "1",
            "x264-params": "scenecut=0:repeat-headers=1",
        }
        self._force = True

    def force(self) -> None:
        """The next picture is a keyframe."""
        self._force = True

    def encode(self, picture: Picture, pts_90k: int) -> tuple[bytes, bool]:
        """(access unit, whether it is a keyframe) of a BGR picture."""
        frame = av.VideoFrame.from_ndarray(picture, format="bgr24").reformat(format="yuv420p")
        frame.pts, frame.time_base = pts_90k, Fraction(1, 90_000)
        if self._force:
            frame.pict_type, self._force = PictureType.I, False
        assert isinstance(self._context, av.VideoCodecContext)
        packets = self._context.encode(frame)
        return b"".join(bytes(packet) for packet in packets), any(packet.is_keyframe for packet in packets)
