"""The capture thread of one camera: open, read, place in time, hand over; and again from the start, for ever."""

import logging
import threading
import time
import traceback
from collections.abc import Callable

from agent.capture.av_source import AvSource, Decoded, NoPicture, Restarted
from agent.capture.pace import FilePace, Thinner, backoff_s
from agent.capture.source import SourceSettings
from agent.capture.timeline import Timeline
from agent.clock import Clock, Instant
from agent.errors import SourceError
from agent.events import CaptureLost, CaptureRestored, Emit, StreamChanged
from agent.facts import Capture as CaptureState
from agent.language import say
from agent.lateness import UNKNOWN_LATE_S, Lateness
from agent.units import Frame

log = logging.getLogger(__name__)

STOP_WAIT_S = 2.0
"""For a thread that libavformat holds; it is a daemon, so the process never waits for a dead camera."""
OVERDUE_S = 1.0
"""What a source's own time-out has to tell of a stall first."""
STEADY_S = 10.0
"""A connection that held so long starts the backoff anew."""
CREEP = 1000e-6
"""A camera's clock may run so much slower than ours: cheap ones count their pictures and call each 40 ms."""


class Capture:
    """One camera's source, captured in a thread of its own from `start` to `stop`.

    `deliver` is called in that thread with each frame; it must not block.
    """

    def __init__(self, settings: SourceSettings, clock: Clock, deliver: Callable[[Frame], None], emit: Emit) -> None:
        self._settings = settings
        self._clock = clock
        self._deliver = deliver
        self._emit = emit
        self._timeline = Timeline()
        self._lateness = Lateness(CREEP)
        self._thinner = Thinner(settings.fps)
        self._pace = FilePace(settings.fps) if settings.url.startswith("file:") else None
        self._stopping = threading.Event()
        self._thread = threading.Thread(target=self._run, name=f"capture-{settings.camera}", daemon=True)
        self._epoch = 0
        self._shape: tuple[int, int, str] | None = None
        self._lost_at: float | None = None
        self._last_jump = 0.0
        self._last_picture = 0.0
        self.state: CaptureState = "starting"
        self.reason = ""
        self.frames = 0
        self.corrupt = 0

    def start(self) -> None:
        """Begins to capture."""
        self._thread.start()

    def check(self) -> None:
        """Called by whoever waits for frames: notices a source that neither delivers nor returns (a V4L2 driver)."""
        silent_s = time.monotonic() - self._last_picture
        if self.state == "live" and silent_s > self._settings.stall_s + OVERDUE_S:
            self._lose(say(en="delivers nothing", fr="ne livre plus rien"))

    def stop(self) -> None:
        """Ends the thread; waits a moment for it."""
        self._stopping.set()
        if self._thread.is_alive():
            self._thread.join(STOP_WAIT_S)

    def _run(self) -> None:
        waits = backoff_s()
        while not self._stopping.is_set():
            began = time.monotonic()
            try:
                self._connection()
            except SourceError as error:
                self._lose(str(error))
            except Exception as error:  # a fault of ours must not end recording for good
                # without the error's text, which may hold a location and with it a credential
                where = "".join(traceback.format_tb(error.__traceback__))
                log.error("%s: %s\n%s", self._settings.camera, type(error).__name__, where)
                self._lose(type(error).__name__)
            if time.monotonic() - began > STEADY_S:
                waits = backoff_s()
            self._stopping.wait(next(waits))

    def _connection(self) -> None:
        """One connection, from its opening to its loss (SourceError)."""
        self._epoch += 1
        self._restart_file()
        with AvSource(self._settings, self._clock) as source:
            before = self.corrupt
            for picture in source.pictures():
                if self._stopping.is_set():
                    return
                self.corrupt = before + source.corrupt
                match picture:
                    case Decoded():
                        self._take(picture)
                    case Restarted():
                        self._restart_file()
                    case NoPicture():
                        self._lose(say(en="sends nothing that decodes yet", fr="n'envoie encore rien de décodable"))

    def _restart_file(self) -> None:
        self._timeline.restart()
        self._lateness.restart()
        if self._pace is not None:
            self._pace.restart()

    def _take(self, picture: Decoded) -> None:
        taken = picture.taken
        if self._pace is not None:
            if self._stopping.wait(self._pace.wait_s(picture.stamp_s, time.monotonic())):
                return
            taken = self._clock.instant()  # a file's picture arrives when it is due
        placed = self._timeline.place(picture.stamp_s, taken)
        self._watch(picture, jumped=placed.jumped)
        late_s = self._late_s(picture.stamp_s, taken, jumped=placed.jumped)
        if not self._thinner.keeps(placed.pts_90k):
            return
        self.frames += 1
        self._deliver(
            Frame(
                camera=self._settings.camera,
                planes=picture.planes,
                pixel_format=picture.pixel_format,
                width=picture.width,
                height=picture.height,
                full_range=picture.full_range,
                taken=taken,
                wall=self._clock.wall(),
                pts_90k=placed.pts_90k,
                epoch=self._epoch,
                owner=picture.owner,
                late_s=late_s,
            )
        )

    def _late_s(self, stamp_s: float | None, taken: Instant, *, jumped: bool) -> float:
        """How much later the picture came than others take, or may have come where nothing tells."""
        if self._pace is not None:
            return 0.0
        if jumped:
            self._lateness.restart()
        late_s = None if stamp_s is None else self._lateness.of(stamp_s, taken)
        return UNKNOWN_LATE_S if late_s is None else late_s

    def _watch(self, picture: Decoded, *, jumped: bool) -> None:
        """Tells of what changed: back from a loss, another size or format, timestamps that broke."""
        camera = self._settings.camera
        if self.state != "live":
            if self._lost_at is not None:
                self._emit(CaptureRestored(camera, round(time.monotonic() - self._lost_at, 3)))
            self.state, self.reason, self._lost_at = "live", "", None
        self._last_picture = time.monotonic()
        shape = (picture.width, picture.height, picture.pixel_format)
        if self._shape is not None and shape != self._shape:
            self._emit(StreamChanged(camera, "{}x{} {}".format(*shape)))
        self._shape = shape
        if jumped and time.monotonic() - self._last_jump > STEADY_S:  # a camera may do it on each frame
            self._last_jump = time.monotonic()
            self._emit(StreamChanged(camera, "timestamps"))

    def _lose(self, reason: str) -> None:
        if self._stopping.is_set():
            return
        self.reason = reason
        if self.state != "lost":
            self.state = "lost"
            self._lost_at = time.monotonic()
            self._emit(CaptureLost(self._settings.camera, reason))
