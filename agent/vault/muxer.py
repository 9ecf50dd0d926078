"""Fragmented MP4: the only file of this room that touches PyAV. Access units in, whole fragments out.

Laws
- One video track, no audio, ever.
- A fragment ends before half a second is over, for 6 pictures a second (the law's least) as for 60, so that a broken
  off file plays to within half a second of its end.
- Nothing is written that would need going back: `moov` comes first and empty, and there is no index at the end.

Times in the file begin at 0; the wall time of the first frame stands in `moov` as its creation time, to the second.
"""

from fractions import Fraction

import av

from agent.clock import rfc3339
from agent.errors import VaultError
from agent.language import say
from agent.units import TICKS_PER_SECOND, AccessUnit

FRAGMENT_MS = 330
"""From a fragment's first picture to the first one that no longer belongs to it: this and less than one interval."""

_TIME_BASE = Fraction(1, TICKS_PER_SECOND)
_OPTIONS = {
    "movflags": "delay_moov+default_base_moof+skip_trailer",
    "frag_duration": str(FRAGMENT_MS * 1000),
}


class _Outlet:
    """The file object that libavformat writes into; it cannot seek."""

    def __init__(self) -> None:
        self._bytes = bytearray()

    def write(self, data: bytes) -> int:
        self._bytes += data
        return len(data)

    def take(self) -> bytes:
        taken = bytes(self._bytes)
        self._bytes.clear()
        return taken


class Muxer:
    """One segment's container; it begins with a keyframe."""

    def __init__(self, first: AccessUnit) -> None:
        self._outlet = _Outlet()
        self._container = av.open(self._outlet, "w", format="mp4", options=_OPTIONS)
        self._container.metadata["creation_time"] = rfc3339(first.wall.utc_ms)
        self._stream = self._container.add_mux_stream(
            "h264", rate=25, width=first.width, height=first.height, time_base=_TIME_BASE
        )
        self._begin = first.pts_90k
        self._last = first.pts_90k
        self.interval_90k = TICKS_PER_SECOND // 25

    def add(self, unit: AccessUnit) -> bytes:
        """The fragment that `unit` ended (it is the first of the next one), mostly nothing. `pts_90k` must grow."""
        if unit.pts_90k > self._last:
            self.interval_90k = unit.pts_90k - self._last
        self._last = unit.pts_90k
        packet = av.Packet(unit.data)
        packet.stream = self._stream
        packet.time_base = _TIME_BASE
        packet.pts = packet.dts = unit.pts_90k - self._begin
        packet.duration = self.interval_90k
        packet.is_keyframe = unit.keyframe
        try:
            self._container.mux_one(packet)
        except av.FFmpegError as error:
            raise VaultError(
                say(en=f"a picture does not fit into MP4: {error}", fr=f"une image n'entre pas dans le MP4 : {error}")
            ) from error
        return self._outlet.take()

    def finish(self) -> bytes:
        """The last fragment."""
        self._container.close()
        return self._outlet.take()

    @property
    def duration_90k(self) -> int:
        """From the first picture to the end of the last one, which is taken to last as long as the one before."""
        return self._last - self._begin + self.interval_90k
