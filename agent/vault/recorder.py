"""One camera's recording: a thread that seals segment after segment, and goes on after whatever the disk does.

Laws
- Capture is never delayed: what the disk cannot take is dropped in this camera's own queue and counted.
- A fault is told once when it begins and once when segments reach the disk again; tries are 1 s to 10 s apart.
- What a fault leaves half done is settled before the next segment begins, so names, rows and files stay in order.
"""

import logging
import threading
from collections.abc import Callable
from dataclasses import dataclass

from agent.clock import Clock, Instant
from agent.errors import VaultError
from agent.events import Emit, RecordingLost, RecordingRestored
from agent.language import say
from agent.queues import UnitSource
from agent.units import AccessUnit
from agent.vault.chunks import bound_ms
from agent.vault.index import Index
from agent.vault.intake import Intake
from agent.vault.names import PART, next_name_ms, segment_name
from agent.vault.open_track import OpenTrack
from agent.vault.pictures import Pictures
from agent.vault.reasons import why
from agent.vault.recovery import Sign, rescue
from agent.vault.rows import Segment
from agent.vault.sealing import Sealers
from agent.vault.storage import Part, Storage

logger = logging.getLogger(__name__)

POLL_S = 0.25
FIRST_WAIT_S = 1.0
LONGEST_WAIT_S = 10.0
STOP_S = 30.0
STEADY_NS = 3 * 10**9


@dataclass(frozen=True, slots=True)
class RecorderFacts:
    """One camera's recording now; `reason` is a sentence, empty while all is well. Counters run since its start."""

    recording: bool
    reason: str
    last_segment: str | None
    dropped: int
    segments: int
    bytes: int


@dataclass(frozen=True, slots=True)
class Tools:
    """What all recorders of a vault share."""

    storage: Storage
    index: Index
    sealers: Sealers
    sign: Sign
    clock: Clock
    emit: Emit
    poke: Callable[[], None]
    require_room: Callable[[], None] = lambda: None


@dataclass(frozen=True, slots=True)
class _HalfDone:
    """A segment that a fault interrupted; `segment` when it was sealed whole before that."""

    name: str
    frames: int
    segment: Segment | None
    track: str | None = None


class Recorder:
    """Made and started by `Vault.record`."""

    def __init__(
        self, camera: str, source: UnitSource, bitrate_kbps: int, segment_seconds: float, tools: Tools
    ) -> None:
        self.camera = camera
        self._segment_seconds = segment_seconds
        self._bound_ms = bound_ms(bitrate_kbps)
        self._tools = tools
        self._last_name_ms = tools.index.last_name_ms(camera)
        self._half_done: _HalfDone | None = None
        self._beside = OpenTrack(tools.storage)
        self._part: Part | None = None
        self._open_since_ms: int | None = None
        self._recording = False  # between two segments too
        self._fault = ""
        self._fault_since = Instant(0)
        self._failed = Instant(0)
        self._begun = Instant(0)
        self._wait_s = FIRST_WAIT_S
        self._last_segment: str | None = None
        self._segments = 0
        self._bytes = 0
        self._intake = Intake(camera, source, tools.emit)
        self._thread = threading.Thread(target=self._run, name=f"vault-{camera}", daemon=True)

    def start(self) -> None:
        """Begins with the next keyframe."""
        self._thread.start()

    def end(self) -> None:
        """No further pictures; never blocks. `stop` waits for what follows."""
        self._intake.close()

    def stop(self) -> bool:
        """Records what waits, seals the open segment and ends; False when the disk does not let it in 30 s."""
        self.end()
        self._thread.join(STOP_S)
        if self._thread.is_alive():
            logger.error("%s: the disk does not answer; the open segment stays open", self.camera)
        return not self._thread.is_alive()

    @property
    def ended(self) -> bool:
        """True once the thread has ended."""
        return not self._thread.is_alive()

    def facts(self) -> RecorderFacts:
        """Now, from any thread; never blocks."""
        recording, reason = self._recording, self._fault
        if not reason and not recording:
            reason = say(en="no pictures to record", fr="aucune image à enregistrer")
        return RecorderFacts(
            recording=recording and not reason,
            reason=reason,
            last_segment=self._last_segment,
            dropped=self._intake.dropped,
            segments=self._segments,
            bytes=self._bytes + self.open_bytes(),
        )

    @property
    def open_since_ms(self) -> int | None:
        """The time in the open segment's name, UTC ms; None while none is open."""
        return self._open_since_ms

    def open_bytes(self) -> int:
        """How large the open segment is."""
        part = self._part
        return 0 if part is None else part.size_bytes

    def _run(self) -> None:
        while not self._intake.ended:
            if self._fault and not self._time_to_try():
                self._discard()
                continue
            try:
                self._settle()
                self._next_segment()
            except Exception as error:
                # Whatever it is, capture and live go on, and so does this thread.
                if not isinstance(error, OSError | VaultError):
                    logger.exception("%s: recording failed in a way that nobody foresaw", self.camera)
                self._fail(error)
        self._recording = False
        self._beside.end(keep=self._half_done is not None)

    def _time_to_try(self) -> bool:
        return self._tools.clock.instant() - self._failed >= self._wait_s * 1e9

    def _discard(self) -> None:
        if self._intake.take(POLL_S) is not None:
            self._intake.refuse(1)

    def _next_segment(self) -> None:
        unit = self._intake.take(POLL_S)
        if unit is None:
            self._recording = False
            return
        if not unit.keyframe:
            self._intake.refuse(1)
            self._intake.ask_for_keyframe()
            return
        try:
            self._tools.require_room()
        except VaultError:
            self._intake.refuse(1)
            raise
        self._record(unit)

    def _record(self, first: AccessUnit) -> None:
        """One segment that begins with `first`."""
        tools = self._tools
        name_ms = next_name_ms(first.wall.utc_ms, self._last_name_ms)
        name = segment_name(self.camera, name_ms)
        if not self._fault:
            self._intake.tell()
        self._begun = tools.clock.instant()
        pictures = Pictures(first, self._intake, self._segment_seconds, self._bound_ms, tools.clock)
        segment: Segment | None = None
        self._open_since_ms = name_ms
        self._beside.begin(name, pictures.track)
        try:
            part = self._part = tools.storage.open(name, tools.clock, self._durable, self._beside)
            self._last_name_ms = name_ms
            self._recording = True
            try:
                tools.sealers.at(name_ms).seal(pictures, part)
                segment = pictures.segment(self.camera, name, part.size_bytes, part.finish())
            finally:
                part.close()
            self._recording = segment.end_reason != "camera-lost"
            self._publish(segment, pictures.track.text())
            self._beside.clear()
        except BaseException:
            self._half_done = _HalfDone(name, pictures.frames, segment, pictures.track.text())
            raise
        finally:
            self._part = None
            self._open_since_ms = None

    def _publish(self, segment: Segment, track: str | None) -> None:
        self._tools.storage.publish(segment.name)
        self._tools.index.add(segment, self._tools.sign, track)
        self._enter(segment.name, segment.size_bytes)

    def _enter(self, name: str, size_bytes: int) -> None:
        self._restored()
        self._last_segment = name
        self._segments += 1
        self._bytes += size_bytes
        self._tools.poke()

    def _settle(self) -> None:
        """Brings to an end what a fault left half done."""
        half = self._half_done
        if half is not None:
            if not self._keep(half):
                self._intake.refuse(half.frames)
            self._half_done = None
            self._beside.clear()

    def _keep(self, half: _HalfDone) -> bool:
        """False when nothing of it is there or worth keeping."""
        storage = self._tools.storage
        path, part = storage.path(half.name), storage.path(half.name + PART)
        if half.segment is not None and (path.exists() or part.exists()):
            if half.name in self._tools.index.states(half.name.rpartition("/")[0]):
                self._enter(half.name, half.segment.size_bytes)  # the commit went through, its answer did not
            else:
                self._publish(half.segment, half.track)
            return True
        if part.exists() and rescue(storage, self._tools.index, self._tools.sign, half.name, "fault", half.track):
            self._segments += 1
            self._bytes += path.stat().st_size
            return True
        return False

    def _durable(self) -> None:
        """Something of the open segment is on disk for good; after a while that is not by luck."""
        if self._fault and self._tools.clock.instant() - self._begun >= STEADY_NS:
            self._restored()

    def _restored(self) -> None:
        if self._fault:
            lost_s = (self._tools.clock.instant() - self._fault_since) / 1e9
            self._fault = ""
            self._wait_s = FIRST_WAIT_S
            self._intake.tell()
            self._tools.emit(RecordingRestored(self.camera, lost_s))

    def _fail(self, error: Exception) -> None:
        now = self._tools.clock.instant()
        text = why(error)
        if self._fault:
            self._wait_s = min(self._wait_s * 2, LONGEST_WAIT_S)
        else:
            self._fault_since = now
            self._wait_s = FIRST_WAIT_S
            self._tools.emit(RecordingLost(self.camera, text))
        self._fault = text
        self._failed = now  # the wait begins when the try has failed, however long that took
        self._tools.poke()
