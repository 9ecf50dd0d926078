"""PyAV's side of encoding: masked pictures in, Annex B out. Its types and its errors stop here."""

import logging
from fractions import Fraction
from functools import cache

import av
import numpy as np
from av.video.codeccontext import VideoCodecContext
from av.video.frame import PictureType, VideoFrame
from av.video.reformatter import ColorRange

from agent.encoding.settings import FFMPEG_NAMES, EncoderSettings, codec_options
from agent.errors import EncoderUnavailable
from agent.units import TICKS_PER_SECOND, Plane

log = logging.getLogger(__name__)

TIME_BASE = Fraction(1, TICKS_PER_SECOND)
TRIAL_FRAMES = 3
TRIAL_SIZE = (640, 360)
NAL_SPS = 7


def has_parameter_sets(data: bytes) -> bool:
    """True when an Annex B access unit carries an SPS (ITU-T H.264 section 7.4.1: nal_unit_type 7)."""
    at = data.find(b"\x00\x00\x01")
    while at != -1 and at + 3 < len(data):
        kind = data[at + 3] & 0x1F
        if kind == NAL_SPS:
            return True
        if kind in (1, 5):  # slices: parameter sets come before them or not at all
            return False
        at = data.find(b"\x00\x00\x01", at + 3)
    return False


class Encoder:
    """One opened encoder for pictures of one size; `name` is the configuration's word for it."""

    def __init__(self, name: str, width: int, height: int, full_range: bool, settings: EncoderSettings) -> None:
        self.name = name
        self.size = (width, height)
        self.full_range = full_range
        try:
            context = av.CodecContext.create(FFMPEG_NAMES[name], "w")
            assert isinstance(context, VideoCodecContext)
            context.width, context.height, context.pix_fmt = width, height, "yuv420p"
            context.time_base = TIME_BASE
            context.framerate = Fraction(settings.fps).limit_denominator(1001)
            context.bit_rate = settings.bitrate_kbps * 1000
            context.gop_size = settings.gop
            context.max_b_frames = 0
            context.color_range = ColorRange.JPEG if full_range else ColorRange.MPEG
            context.thread_count = settings.threads
            context.options = codec_options(name, settings)
            context.open()
        except (av.error.FFmpegError, OSError, ValueError) as error:
            raise EncoderUnavailable(f"{name}: {getattr(error, 'strerror', None) or type(error).__name__}") from error
        self._context = context

    def _wrap(self, picture: Plane, pts_90k: int, *, keyframe: bool) -> VideoFrame:
        frame = VideoFrame.from_numpy_buffer(picture, "yuv420p", width=self.size[0])
        frame.pts, frame.time_base = pts_90k, TIME_BASE
        frame.color_range = ColorRange.JPEG if self.full_range else ColorRange.MPEG
        frame.pict_type = PictureType.I if keyframe else PictureType.NONE
        return frame

    def encode(self, picture: Plane, pts_90k: int, *, keyframe: bool) -> list[tuple[bytes, bool, int]]:
        """(Annex B, is a keyframe, pts in 90 kHz) for each access unit that comes out, each with its parameter sets."""
        try:
            packets = self._context.encode(self._wrap(picture, pts_90k, keyframe=keyframe))
        except (av.error.FFmpegError, OSError, ValueError) as error:
            raise EncoderUnavailable(f"{self.name}: {type(error).__name__}") from error
        units = []
        for packet in packets:
            data = bytes(packet)
            if packet.is_keyframe and not has_parameter_sets(data):  # a hardware encoder that says them once
                data = (self._context.extradata or b"") + data
            units.append((data, packet.is_keyframe, packet.pts if packet.pts is not None else pts_90k))
        return units


def _trial(name: str) -> None:
    """Really encodes a few pictures: a driver that opens is not yet one that works."""
    width, height = TRIAL_SIZE
    settings = EncoderSettings(name)
    encoder = Encoder(name, width, height, False, settings)
    grey = np.full((height * 3 // 2, width), 128, np.uint8)
    step = round(TICKS_PER_SECOND / settings.fps)
    units = [u for n in range(TRIAL_FRAMES) for u in encoder.encode(grey, n * step, keyframe=n == 0)]
    if not units or not units[0][1] or not has_parameter_sets(units[0][0]):
        raise EncoderUnavailable(f"{name}: no keyframe came out of a trial")


@cache
def working(candidates: tuple[str, ...]) -> tuple[str, ...]:
    """Those of `candidates` that pass a real trial encode, tried once; EncoderUnavailable when none does."""
    names, refusals = [], []
    for name in candidates:
        try:
            _trial(name)
        except EncoderUnavailable as error:
            refusals.append(str(error))
            log.info("encoder not taken: %s", error)
        else:
            names.append(name)
    if not names:
        raise EncoderUnavailable("; ".join(refusals))
    return tuple(names)
