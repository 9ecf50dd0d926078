"""PyAV's side of capture: one open container, decoded frames out. Its types and its errors stop here.

    with AvSource(settings, clock) as source:
        for picture in source.pictures():
            ...

libavformat's own log is off: it would print locations, and they may hold credentials. For the same reason an error is
told by its kind (`strerror`), never by its text.
"""

import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from types import TracebackType
from typing import Self

import av
import numpy as np
from av.container import InputContainer
from av.packet import Packet
from av.video.frame import VideoFrame
from av.video.reformatter import ColorRange
from av.video.stream import VideoStream

from agent.capture.source import OPEN_TIMEOUT_S, Opening, SourceSettings, opening
from agent.clock import Clock, Instant
from agent.errors import SourceError, SourceLost
from agent.language import say
from agent.units import Plane

LONGEST_GOP_S = 30.0
"""So long a stream may go without a keyframe; cameras that save bandwidth send one in ten seconds."""
SMALLEST_SIDE = 64
LARGEST_SIDE = 8192
# 8-bit formats that are packed, or named apart for their range: the planar twin of each, made by swscale in memory
PLANAR_TWIN = {
    "yuyv422": "yuv422p",
    "uyvy422": "yuv422p",
    "yvyu422": "yuv422p",
    "nv21": "yuv420p",
    "yuvj411p": "yuvj420p",
    "yuv411p": "yuv420p",
    "yuvj440p": "yuvj420p",
    "yuv440p": "yuv420p",
}
EIGHT_BIT_PLANAR = frozenset({"yuv420p", "yuvj420p", "yuv422p", "yuvj422p", "yuv444p", "yuvj444p", "nv12", "gray"})

av.logging.set_level(None)


@dataclass(frozen=True, slots=True)
class Decoded:
    """A decoded picture without its place in time yet; `stamp_s` is the camera's own time, None when it sends none."""

    planes: tuple[Plane, ...]
    pixel_format: str
    width: int
    height: int
    full_range: bool
    taken: Instant
    stamp_s: float | None
    owner: object = field(repr=False)


@dataclass(frozen=True, slots=True)
class Restarted:
    """A looped file begins again."""


@dataclass(frozen=True, slots=True)
class NoPicture:
    """Packets come and nothing decodes, for longer than a stall may last: a long wait for a keyframe, or damage."""


Seen = Decoded | Restarted | NoPicture


def _kind(error: BaseException) -> str:
    """What went wrong, in words that hold no location."""
    if isinstance(error, av.error.HTTPUnauthorizedError):
        return say(
            en="the camera refuses the user name or password; check username and password_file",
            fr="la caméra refuse le nom ou le mot de passe ; vérifier username et password_file",
        )
    if isinstance(error, av.error.ExitError | av.error.TimeoutError):
        return say(en="no answer in time", fr="pas de réponse à temps")
    text = getattr(error, "strerror", None)
    return str(text) if text else type(error).__name__


def _planes(frame: VideoFrame) -> tuple[Plane, ...]:
    """Read-only (rows, bytes) views of the decoder's memory; empty when the format is not one of 8-bit planes."""
    if frame.format.name not in EIGHT_BIT_PLANAR:
        return ()
    views: list[Plane] = []
    for plane in frame.planes:
        row = plane.line_size
        if row <= 0:
            return ()
        samples = plane.width * (2 if frame.format.name == "nv12" and views else 1)
        view: Plane = np.frombuffer(memoryview(plane), np.uint8)[: row * plane.height].reshape(plane.height, row)[
            :, :samples
        ]
        view.flags.writeable = False
        views.append(view)
    return tuple(views)


class AvSource:
    """One connection to a camera, a device or a file. Blocking: it lives in the capture thread."""

    def __init__(self, settings: SourceSettings, clock: Clock) -> None:
        self._settings = settings
        self._clock = clock
        self._how: Opening = opening(settings)
        self._container: InputContainer | None = None
        self.corrupt = 0
        """Packets that did not decode."""

    def __enter__(self) -> Self:
        """Opens the source; SourceError when it cannot be."""
        try:
            self._container = self._open(self._how.options)
        except (av.error.FFmpegError, OSError, ValueError) as error:
            if self._how.plainer is None or isinstance(error, FileNotFoundError):
                raise self._refused(error) from None
            try:
                self._container = self._open(self._how.plainer)
            except (av.error.FFmpegError, OSError, ValueError) as again:
                raise self._refused(again) from None
        if not self._container.streams.video:
            self.__exit__(None, None, None)
            raise SourceError(say(en="has no video track", fr="n'a pas de piste vidéo"))
        return self

    def _open(self, options: dict[str, str]) -> InputContainer:
        timeout = (OPEN_TIMEOUT_S, self._settings.stall_s)
        container = av.open(self._how.location, format=self._how.container, options=options, timeout=timeout)
        for stream in container.streams.video[:1]:
            # one frame in, one frame out: frame threads would hold pictures back
            stream.thread_type = "SLICE"
            stream.codec_context.flags |= av.codec.context.Flags.low_delay
        return container

    @staticmethod
    def _refused(error: Exception) -> SourceError:
        return SourceError(say(en=f"cannot be opened: {_kind(error)}", fr=f"ouverture impossible : {_kind(error)}"))

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._container is not None:
            self._container.close()
            self._container = None

    def pictures(self) -> Iterator[Seen]:
        """What comes of the source, in order. Ends with SourceLost, never quietly."""
        while True:
            some = False
            assert self._container is not None
            for seen in self._once(self._container.streams.video[0]):
                some = some or isinstance(seen, Decoded)
                yield seen
            if not (self._how.looped and some):
                raise SourceLost(say(en="the stream ended", fr="le flux s'est terminé"))
            self._rewind()
            yield Restarted()

    def _rewind(self) -> None:
        assert self._container is not None
        try:
            self._container.seek(0)
        except (av.error.FFmpegError, OSError):  # a raw stream cannot seek: it is opened again
            self._container.close()
            self.__enter__()

    def _once(self, stream: VideoStream) -> Iterator[Seen]:
        """Everything up to the end of the stream; SourceLost on an error or when nothing decodes for too long."""
        last_picture, told = time.monotonic(), False
        for packet in self._packets(stream):
            taken = self._clock.instant()
            for frame in self._decode(packet):
                last_picture, told = time.monotonic(), False
                yield self._decoded(frame, taken)
            silent_s = time.monotonic() - last_picture
            if silent_s > max(LONGEST_GOP_S, self._settings.stall_s):
                raise SourceLost(say(en="sends nothing that decodes", fr="n'envoie rien de décodable"))
            if silent_s > self._settings.stall_s and not told:
                told = True
                yield NoPicture()

    def _packets(self, stream: VideoStream) -> Iterator["Packet[VideoStream]"]:
        """Packets up to the end of the stream; those that cannot be parsed are counted and left out."""
        assert self._container is not None
        packets = self._container.demux(stream)
        end = time.monotonic() + self._settings.stall_s
        while True:
            try:
                packet = next(packets, None)
            except av.error.InvalidDataError:
                self.corrupt += 1
                if self._how.looped or time.monotonic() > end:
                    return
                packets = self._container.demux(stream)
                continue
            except (av.error.FFmpegError, OSError) as error:
                raise SourceLost(say(en=f"stopped: {_kind(error)}", fr=f"arrêté : {_kind(error)}")) from None
            if packet is None:
                return
            end = time.monotonic() + self._settings.stall_s
            yield packet

    def _decode(self, packet: "Packet[VideoStream]") -> list[VideoFrame]:
        try:
            return packet.decode()
        except (av.error.FFmpegError, OSError, ValueError):
            self.corrupt += 1
            return []

    def _decoded(self, frame: VideoFrame, taken: Instant) -> Decoded:
        if not (SMALLEST_SIDE <= frame.width <= LARGEST_SIDE and SMALLEST_SIDE <= frame.height <= LARGEST_SIDE):
            size = f"{frame.width}x{frame.height}"
            raise SourceLost(say(en=f"sends pictures of {size}", fr=f"envoie des images de {size}"))
        stamp = None if frame.pts is None or frame.time_base is None else float(frame.pts * frame.time_base)
        if twin := PLANAR_TWIN.get(frame.format.name):
            frame = frame.reformat(format=twin)
        full_range = frame.format.name.startswith("yuvj") or frame.color_range == ColorRange.JPEG
        return Decoded(_planes(frame), frame.format.name, frame.width, frame.height, full_range, taken, stamp, frame)
