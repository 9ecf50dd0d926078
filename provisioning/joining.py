"""Recordings -> one MP4 a camera, not re-encoded, with a timecode track in UTC. The only file here that touches PyAV.

    with Joiner(folder, "parvis-fixed") as joiner:
        joiner.add(path, start_ms)          # in the order of recording; `path` can be removed afterwards
    joiner.files                            # one; more where the picture's size or coding changed

Laws
- Every picture is copied as it was coded, and stands at its own time: a gap in recording is a gap in the file.
- Where two recordings meet within a picture's length they are joined without a seam.
- The timecode (tmcd) is the UTC time of day of the first picture; the date stands in `creation_time`.
"""

from datetime import UTC, datetime
from fractions import Fraction
from pathlib import Path
from types import TracebackType
from typing import Self

import av
from av.container import InputContainer, OutputContainer
from av.video.stream import VideoStream

from agent.clock import rfc3339
from agent.errors import EvidenceRefused
from agent.language import say

RATES = (24, 25, 30, 48, 50, 60, 100, 120)
"""Those that a timecode track can count in."""
SEAM = Fraction(1, 10)
_TICKS = 90_000


def timecode(start_ms: int, rate: int) -> str:
    """HH:MM:SS:FF of a UTC time at `rate` a second."""
    moment = datetime.fromtimestamp(start_ms // 1000, tz=UTC)
    return f"{moment:%H:%M:%S}:{start_ms % 1000 * rate // 1000:02d}"


def timecode_rate(pictures_a_second: Fraction) -> int:
    """The smallest rate of a timecode that is a multiple of the pictures' own; 25 where none is."""
    nearest = max(1, round(pictures_a_second))
    return next((rate for rate in RATES if rate % nearest == 0), 25)


class Joiner:
    """See the module."""

    def __init__(self, folder: Path, name: str) -> None:
        self._folder = folder
        self._name = name
        self._out: OutputContainer | None = None
        self._stream: VideoStream | None = None
        self._coding: bytes | None = None
        self._begin_ms = 0
        self._end = 0
        self.files: list[Path] = []
        self.pictures = 0

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._close()

    def _close(self) -> None:
        if self._out is not None:
            self._out.close()
            self._out = None

    def add(self, path: Path, start_ms: int) -> int:
        """One more recording; how many pictures it has. One that breaks off is joined as far as it goes.

        EvidenceRefused when it holds none.
        """
        try:
            with av.open(str(path), "r", format="mp4") as found:
                video = found.streams.video[0]
                coding = bytes(video.codec_context.extradata or b"")
                if self._out is None or coding != self._coding:
                    self._begin(video, start_ms, coding)
                return self._copy(found, video, start_ms)
        except (av.FFmpegError, IndexError) as error:
            text = say(en="holds no film that can be read", fr="ne contient aucun film lisible")
            raise EvidenceRefused(text) from error

    def _begin(self, video: VideoStream, start_ms: int, coding: bytes) -> None:
        self._close()
        number = len(self.files) + 1
        path = self._folder / f"{self._name}{'' if number == 1 else f'.{number}'}.mp4"  # no camera's id has a dot
        out = av.open(str(path), "w", format="mp4", options={"movflags": "+faststart"})
        self._stream = out.add_stream_from_template(video)
        rate = timecode_rate(video.average_rate or Fraction(25))
        self._stream.time_base = Fraction(1, rate)  # what the timecode counts in; the muxer takes a finer one itself
        self._stream.metadata["timecode"] = timecode(start_ms, rate)
        out.metadata["creation_time"] = rfc3339(start_ms)
        out.metadata["title"] = self._name
        self._out, self._coding, self._begin_ms, self._end = out, coding, start_ms, 0
        self.files.append(path)

    def _copy(self, found: InputContainer, video: VideoStream, start_ms: int) -> int:
        assert self._out is not None
        assert self._stream is not None
        offset = (start_ms - self._begin_ms) * _TICKS // 1000
        if offset < self._end or offset - self._end < SEAM * _TICKS:
            offset = self._end
        count = 0
        try:
            for packet in found.demux(video):
                if packet.dts is None or packet.pts is None:
                    continue  # the demuxer's end
                unit = packet.time_base * _TICKS
                length = int((packet.duration or 0) * unit)
                packet.pts = offset + int(packet.pts * unit)
                packet.dts = offset + int(packet.dts * unit)
                packet.duration = length
                packet.time_base = Fraction(1, _TICKS)
                self._end = max(self._end, packet.pts + length)
                packet.stream = self._stream
                self._out.mux(packet)
                count += 1
        except av.InvalidDataError:
            pass  # it breaks off there
        self.pictures += count
        return count
