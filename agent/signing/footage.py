"""The H.264 units of a file, one picture after the other: the only file here that touches PyAV. It decodes nothing.

    with Footage(Path("x.mp4")) as footage:          # or the file's bytes
        for nals in footage.pictures(): ...

The file may be anybody's: it may name no other file and no network, and is opened as MP4, Matroska, MPEG-TS or bare
H.264 only.
"""

import io
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path
from types import TracebackType

import av
from av.container import InputContainer

from agent.errors import UsageError
from agent.language import reason, say
from agent.signing.nal import PPS, SPS, kind, split_annex_b, split_lengths

_OPTIONS = {"format_whitelist": "mov,mp4,m4a,3gp,3g2,mj2,matroska,webm,mpegts,h264", "protocol_whitelist": "file"}


class Footage:
    """One file's first video track, and what else is in it; UsageError when it cannot be read."""

    def __init__(self, film: Path | bytes) -> None:
        self._name = film if isinstance(film, Path) else say(en="the film", fr="le film")
        try:
            opened = av.open(str(film.resolve()) if isinstance(film, Path) else io.BytesIO(film), options=_OPTIONS)
        except (av.FFmpegError, OSError, ValueError) as error:
            why = reason(error) if isinstance(error, OSError) else getattr(error, "strerror", None) or str(error)
            raise self._unfit(why) from error
        assert isinstance(opened, InputContainer)
        self._container = opened
        tracks = opened.streams.video
        if not tracks or getattr(tracks[0].codec_context, "name", None) != "h264":  # an unknown codec has no context
            opened.close()
            raise self._unfit(say(en="no H.264 in it", fr="sans H.264"))
        self._track = tracks[0]
        header = self._track.codec_context.extradata or b""
        self._length_size = _length_size(header)
        self.header = _sets(header)
        self.others = tuple(one.type for one in opened.streams if one.index != self._track.index)
        """Kinds of the tracks besides: `video`, `audio`, `subtitle`, `data`."""

    def _unfit(self, why: str) -> UsageError:
        return UsageError(
            say(
                en=f"{self._name}: cannot be read ({why}); give an MP4 of decrypted footage",
                fr=f"{self._name} : illisible ({why}) ; donner le MP4 d'un enregistrement déchiffré",
            )
        )

    def pictures(self) -> Iterator[list[bytes]]:
        """The NAL units of each access unit, in the file's order; what is broken at the end is left out."""
        with suppress(av.FFmpegError):
            for packet in self._container.demux(self._track):
                if packet.size:
                    changed = packet.has_sidedata("new_extradata")  # the container gives other sets from here on
                    sets = _sets(bytes(packet.get_sidedata("new_extradata"))) if changed else []
                    yield [*sets, *self._split(bytes(packet))]

    def _split(self, data: bytes) -> list[bytes]:
        return split_lengths(data, self._length_size) if self._length_size else split_annex_b(data)

    def __enter__(self) -> "Footage":
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._container.close()


def _length_size(header: bytes) -> int:
    """Of the lengths before each NAL unit (ISO/IEC 14496-15 section 5.3.3); 0: start codes instead."""
    return (header[4] & 3) + 1 if len(header) > 4 and header[0] == 1 else 0


def _sets(header: bytes) -> list[bytes]:
    """The parameter sets of a track's header, in MP4's form (avcC) or with start codes."""
    if not _length_size(header):
        return [one for one in split_annex_b(header) if kind(one) in (SPS, PPS)]
    found, at, left = [], 6, header[5] & 0x1F if len(header) > 5 else 0
    for _ in range(2):  # SPS, then PPS
        for _ in range(left):
            size = int.from_bytes(header[at : at + 2], "big")
            found.append(header[at + 2 : at + 2 + size])
            at += 2 + size
        left, at = header[at] if at < len(header) else 0, at + 1
    return [one for one in found if one]
