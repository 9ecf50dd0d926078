"""One segment's plaintext: pulls access units, muxes them, fills chunks in time, and ends where the segment ends.

This is the sealer's source: `read` waits for pictures, so the sealing thread is paced by the camera and the disk alone.
"""

from math import ceil

from agent.clock import Clock, Instant
from agent.units import TICKS_PER_SECOND, AccessUnit, Blind
from agent.vault.chunks import Ledger, must_fill
from agent.vault.cutting import EndReason, judge
from agent.vault.intake import Intake
from agent.vault.muxer import FRAGMENT_MS, Muxer
from agent.vault.pointing import Track
from agent.vault.rows import Segment

LOST_AFTER_NS = 3 * 10**9
POLL_S = 0.25
ASK_AGAIN_NS = 10**9


class Pictures:
    """From `first`, a keyframe, to the unit before the next segment's first, which goes back to the intake."""

    def __init__(self, first: AccessUnit, intake: Intake, segment_seconds: float, bound_ms: int, clock: Clock) -> None:
        self._first = first
        self._last = first
        self._intake = intake
        self._segment_ticks = round(segment_seconds * TICKS_PER_SECOND)
        self._bound_ms = bound_ms
        self._clock = clock
        self._muxer = Muxer(first)
        self._ledger = Ledger()
        self._buffer = bytearray()
        self._due: EndReason | None = None
        self._asked: Instant | None = None
        self._ended: EndReason | None = None
        self._fragment_taken = first.taken
        self._heard = clock.instant()
        self._synchronised = True
        self._error_ms = 0.0
        self._blind_frames = 0
        self.frames = 0
        self.track = Track()
        self._mux(first)

    def read(self, size: int) -> bytes:
        """Up to `size` bytes of MP4, waiting for pictures; none at the segment's end."""
        while not self._buffer and self._ended is None:
            self._step()
        taken = bytes(self._buffer[:size])
        del self._buffer[:size]
        return taken

    def _step(self) -> None:
        unit = self._intake.take(POLL_S)
        now = self._clock.instant()
        if unit is not None:
            self._heard = now
            self._judge(unit, now)
        elif self._intake.ended:
            self._end("stopping")
        elif now - self._heard >= LOST_AFTER_NS:
            self._end("camera-lost")

    def _judge(self, unit: AccessUnit, now: Instant) -> None:
        verdict = judge(self._first, self._last, unit, self._segment_ticks, self._due)
        if verdict.cut is not None:
            self._intake.give_back(unit)
            self._end(verdict.cut)
            return
        self._due = verdict.due
        if self._due is not None and (self._asked is None or now - self._asked >= ASK_AGAIN_NS):
            self._asked = now
            self._intake.ask_for_keyframe()
        if verdict.skip:
            self._intake.refuse(1)
        else:
            self._mux(unit)

    def _mux(self, unit: AccessUnit) -> None:
        fragment = self._muxer.add(unit)
        self._count(unit)
        if not fragment:
            return
        self._pass_on(fragment)
        self._fragment_taken = unit.taken
        oldest = self._ledger.oldest_unsealed()
        if oldest is not None:
            age_ms = (self._clock.instant() - oldest) / 1e6
            next_ms = FRAGMENT_MS + self._muxer.interval_90k * 1000 / TICKS_PER_SECOND
            if must_fill(age_ms, next_ms, self._bound_ms):
                self._buffer += self._ledger.fill()

    def _count(self, unit: AccessUnit) -> None:
        self._last = unit
        self.frames += 1
        self._blind_frames += isinstance(unit.masks, Blind)
        self.track.add(unit.wall.utc_ms, unit.masks)
        self._synchronised = self._synchronised and unit.wall.synchronised and unit.wall.trusted
        self._error_ms = max(self._error_ms, unit.wall.error_ms or 0.0)

    def _pass_on(self, fragment: bytes) -> None:
        self._buffer += fragment
        self._ledger.add(len(fragment), self._fragment_taken)

    def _end(self, reason: EndReason) -> None:
        self._ended = reason
        self._pass_on(self._muxer.finish())

    def segment(self, camera: str, name: str, size_bytes: int, sha256: str) -> Segment:
        """What is to be known of the segment, once it has ended; the file's name, size and hash are given."""
        interval_ms = self._muxer.interval_90k * 1000 // TICKS_PER_SECOND
        last_ms = self._last.wall.utc_ms
        return Segment(
            camera=camera,
            name=name,
            start_ms=self._first.wall.utc_ms,
            # its length is an estimate, and a row's time is the clock's floor: none may lie beyond the clock's now
            end_ms=max(last_ms, min(last_ms + interval_ms, self._clock.wall().utc_ms)),
            duration_ms=self._muxer.duration_90k * 1000 // TICKS_PER_SECOND,
            frames=self.frames,
            blind_frames=self._blind_frames,
            width=self._first.width,
            height=self._first.height,
            size_bytes=size_bytes,
            sha256=sha256,
            whole=True,
            synchronised=self._synchronised,
            clock_error_ms=ceil(self._error_ms) if self._synchronised else None,
            end_reason=self._ended or "stopping",
        )
