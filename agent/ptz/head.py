"""One turning head: the threads that ask it where it is and listen to it, the one that tells it where to go, its pose.

    head = TurningHead(settings, clock)
    head.start()
    head.picture(frame.planes[0], frame.taken, stamp_s)     # in the picture thread, for each frame
    head.judge(frame.taken)                                 # PoseSet | Blind, once the frame was held
    head.tell(Drive(0.2, 0, 0), arrived)                    # -> Future, done when the head has answered

Laws
- Each thread has a client of its own: a head that takes seconds to say where it is does not hold up a stop.
- A stop waits `PATIENCE_S` for the order that is under way, then cuts it off. A stop that gets no answer is told again.
- A head that cannot be reached is tried again for ever, with growing pauses; meanwhile the pose is blind.
- Where the camera streams its head's position too (`listening`), both count; while that stream keeps pace, the head is
  asked only each `CHECK_S`, so that two witnesses stay. Silence is that of both.
"""

import contextlib
import logging
import queue
import threading
import time
from collections import deque
from collections.abc import Callable
from concurrent.futures import Future
from dataclasses import dataclass, field, replace
from pathlib import Path

from agent.clock import Clock, Instant
from agent.errors import HeadError, HeadRefused, HeadSilent
from agent.facts import PoseSource
from agent.language import say
from agent.ptz.evidence import HeadLimits, Report
from agent.ptz.listening import Listener
from agent.ptz.mailbox import Letter, Mailbox, Outcome
from agent.ptz.motion import Motion
from agent.ptz.onvif import OnvifClient, Preset
from agent.ptz.optics import Optics
from agent.ptz.path import FAST_MARGIN
from agent.ptz.pilot import Command, Drive, Go, GoHome, GoPreset, Halt, Where
from agent.ptz.sources import Sources
from agent.ptz.track import PoseTrack
from agent.units import Blind, Plane, PoseSet

log = logging.getLogger(__name__)

FAST_S, SLOW_S = 0.1, 0.5
"""Between two questions: while anything moves or is unsure, and at rest."""
CHECK_S = 1.0
"""Between two questions while the metadata stream keeps pace."""
LIVELY_S = 2.0
"""For so long after an order or a motion that was told, a head that does not say whether it moves is taken to."""
STIRRED_S = 1.0
"""For so long after that, or a motion that the pictures show, it is asked often."""
STANDS = 0.004
"""A picture that moved by less than this, in half its width, shows no motion: a third of a pixel of the small one."""
CONNECT_S, ASK_S, ORDER_S, CHORE_S = 10.0, 2.0, 1.0, 3.0
ORDER_CONNECT_S = 3.0
PATIENCE_S = 0.2
STOP_TRIES = 5
SHORTEST_PAUSE_S, LONGEST_PAUSE_S = 0.5, 10.0
MOVED_DEG = 0.03
MOVED_ZOOM = 0.001
CHORES = 4
JOIN_S = 3.0


@dataclass(frozen=True, slots=True)
class HeadSettings:
    """How one head is reached and what it can do. `pan_deg`, `tilt_deg`: what ONVIF's -1..1 means."""

    camera: str
    url: str
    username: str
    password: str = field(repr=False)
    ca_file: Path | None
    pan_deg: tuple[float, float]
    tilt_deg: tuple[float, float]
    limits: HeadLimits
    optics: Optics


class TurningHead:
    """Runs one head from `start` to `stop`."""

    def __init__(self, settings: HeadSettings, clock: Clock) -> None:
        self.settings = settings
        self._clock = clock
        self._asking, self._ordering = self._client(), self._client()
        fastest_deg_s = max(settings.limits.pan_speed_deg_s, settings.limits.tilt_speed_deg_s)
        self._motion = Motion(FAST_MARGIN * fastest_deg_s)
        self._track = PoseTrack(settings.limits, settings.optics)
        self._lock = threading.Lock()
        self._sources = Sources(settings.limits)
        self._listener = Listener(settings.camera, self._client(), clock, self._take_streamed)
        self._mailbox = Mailbox()
        self._chores: queue.Queue[tuple[Callable[[], object], Future[object]]] = queue.Queue(CHORES)
        self._stopping = threading.Event()
        self._wake = threading.Event()
        self._report: Report | None = None
        self._lively_until = self._stirred_until = clock.instant()
        self._sure = self._stands = False
        self._presets: tuple[Preset, ...] = ()
        self._busy_since: Instant | None = None
        self._threads = [
            threading.Thread(target=self._ask, name=f"ptz-ask-{settings.camera}", daemon=True),
            threading.Thread(target=self._order, name=f"ptz-order-{settings.camera}", daemon=True),
        ]
        self.fault = ""
        self.latencies_s: deque[float] = deque(maxlen=1024)
        """From an order's arrival to its request leaving, the last thousand."""

    def _client(self) -> OnvifClient:
        one = self.settings
        return OnvifClient(one.url, one.username, one.password, self._clock, (one.pan_deg, one.tilt_deg), one.ca_file)

    def start(self) -> None:
        """Starts all threads."""
        for thread in self._threads:
            thread.start()
        self._listener.start()

    def stop(self) -> None:
        """Tells the head to stop if it was driven, and ends all threads."""
        self._stopping.set()
        self._wake.set()
        self._mailbox.close()
        self._asking.cut()
        self._listener.stop()
        for thread in self._threads:
            if thread.is_alive():
                thread.join(JOIN_S)

    # --- pose ---

    @property
    def hold_s(self) -> float:
        """How long a frame is held before it is judged."""
        return self.settings.limits.hold_s

    def picture(self, luma: Plane, taken: Instant, stamp_s: float, late_s: float = 0.0) -> None:
        """One frame's plain luma, in the picture thread; it is looked at and not kept."""
        report = self._report
        hfov = None if report is None else self.settings.optics.hfov_deg(report.zoom)
        sight = self._motion.look(luma, taken, stamp_s, hfov)
        moved = max(abs(sight.across), abs(sight.up), abs(sight.spread))
        self._stands = sight.known and not sight.broken and moved < STANDS
        if moved >= STANDS:
            self._see_motion()
        with self._lock:
            self._track.picture(replace(sight, late_s=late_s))

    def _see_motion(self) -> None:
        """A head that sets off by itself is asked at once, and not when it would have been at rest."""
        slumbered = self._clock.instant() >= self._stirred_until
        self._stir()
        if slumbered and self.source == "status":
            self._wake.set()

    @property
    def rests(self) -> bool:
        """True while its pose is sure and the last picture showed no motion."""
        return self._sure and self._stands

    def forget_pictures(self) -> None:
        """The next frame is of another connection, size or format."""
        self._motion.forget()

    def judge(self, taken: Instant) -> PoseSet | Blind:
        """Everything that the head can have been at while the frame taken at `taken` was exposed, or why not."""
        with self._lock:
            found = self._track.judge(taken, self._clock.instant())
        self._sure = isinstance(found, PoseSet)
        return found

    def where(self) -> Where | None:
        """The head's last report."""
        report = self._report
        if report is None:
            return None
        return Where(report.received, report.pan_deg, report.tilt_deg, report.zoom, self._moves(report))

    def _moves(self, report: Report) -> bool:
        if report.moving is not None:
            return report.moving
        return self._clock.instant() < self._lively_until

    # --- asking ---

    def _ask(self) -> None:
        pause_s = SHORTEST_PAUSE_S
        while not self._stopping.is_set():
            try:
                self._asking.connect(CONNECT_S)
                pause_s = SHORTEST_PAUSE_S
                self._keep_asking()
            except HeadError as error:
                self._tell_fault(str(error))
            except Exception as error:  # a fault of ours must not end the asking for good; its text may hold an address
                log.error("%s: %s", self.settings.camera, type(error).__name__)
            self._asking.close()
            self._refuse_chores()
            self._stopping.wait(pause_s)
            pause_s = min(LONGEST_PAUSE_S, 2 * pause_s)

    def _tell_fault(self, text: str) -> None:
        if text != self.fault and not self._stopping.is_set():
            log.warning("%s: %s", self.settings.camera, text)
        self.fault = text

    def _keep_asking(self) -> None:
        """Asks until the head falls silent (HeadSilent); one answer that is lost is no silence."""
        misses = 0
        while not self._stopping.is_set():
            began = time.monotonic()
            try:
                self._take(self._asking.report(ASK_S))
                misses, self.fault = 0, ""
            except HeadSilent:
                misses += 1
                if misses > 2:
                    raise
            self._do_chores()
            self._wake.wait(max(0.0, began + self._period_s() - time.monotonic()))
            self._wake.clear()

    def _period_s(self) -> float:
        if self.source == "metadata":
            return CHECK_S
        stirred = not self._sure or self._clock.instant() < self._stirred_until
        return FAST_S if stirred else SLOW_S

    @property
    def source(self) -> PoseSource:
        """Who tells the position at present: the metadata stream while it keeps pace, else GetStatus."""
        with self._lock:
            return "metadata" if self._sources.streaming(self._clock.instant()) else "status"

    def _take_streamed(self, report: Report) -> None:
        self._take(report, streamed=True)

    def _take(self, report: Report, *, streamed: bool = False) -> None:
        with self._lock:
            report = replace(report, streamed=streamed)
            if not self._sources.admit(report, streamed=streamed):
                self._track.heard(report)
                return
            before, self._report = self._report, report
            self._track.report(report)
        moved = before is None or (
            abs(report.pan_deg - before.pan_deg) > MOVED_DEG
            or abs(report.tilt_deg - before.tilt_deg) > MOVED_DEG
            or abs(report.zoom - before.zoom) > MOVED_ZOOM
        )
        if moved or report.moving:
            self._be_lively()

    def _be_lively(self) -> None:
        self._lively_until = Instant(self._clock.instant() + int(LIVELY_S * 1e9))
        self._stir()

    def _stir(self) -> None:
        self._stirred_until = Instant(self._clock.instant() + int(STIRRED_S * 1e9))

    # --- chores: presets ---

    def presets(self) -> Future[object]:
        """The presets that the head remembers: a tuple of `Preset`, asked between two reports."""
        return self._chore(self._read_presets)

    def set_preset(self, name: str) -> Future[object]:
        """Remembers where the head is as `name`: its token."""
        return self._chore(lambda: self._write_preset(name))

    def _chore(self, work: Callable[[], object]) -> Future[object]:
        outcome: Future[object] = Future()
        try:
            self._chores.put_nowait((work, outcome))
        except queue.Full:
            outcome.set_exception(HeadSilent(say(en="the head is busy; try again", fr="tête occupée ; réessayer")))
        self._wake.set()
        return outcome

    def _read_presets(self) -> tuple[Preset, ...]:
        self._presets = self._asking.presets(CHORE_S)
        return self._presets

    def _write_preset(self, name: str) -> str:
        known = next((one.token for one in self._read_presets() if name in (one.name, one.token)), "")
        return self._asking.set_preset(name, known, CHORE_S)

    def _do_chores(self) -> None:
        while not self._chores.empty():
            work, outcome = self._chores.get_nowait()
            if not outcome.set_running_or_notify_cancel():
                continue
            try:
                outcome.set_result(work())
            except HeadError as error:
                outcome.set_exception(error)

    def _refuse_chores(self) -> None:
        while not self._chores.empty():
            _, outcome = self._chores.get_nowait()
            if outcome.set_running_or_notify_cancel():
                outcome.set_exception(HeadSilent(self.fault or say(en="the head is silent", fr="tête muette")))

    # --- ordering ---

    def tell(self, command: Command, arrived: Instant) -> Future[Outcome]:
        """Hands `command` to the ordering thread; done when the head has taken it, HeadError when it has not."""
        letter = Letter(command, arrived)
        self._be_lively()
        self._wake.set()
        self._mailbox.post(letter)
        if isinstance(command, Halt):
            self._hurry()
        return letter.outcome

    def _hurry(self) -> None:
        """Cuts off an order that has been under way for too long, so that the stop gets through."""
        since = self._busy_since
        if since is None:
            return
        left_s = PATIENCE_S - (self._clock.instant() - since) / 1e9

        def cut() -> None:
            if self._busy_since == since:
                self._ordering.cut()

        timer = threading.Timer(max(0.0, left_s), cut)
        timer.daemon = True
        timer.start()

    def _order(self) -> None:
        driven = False
        while not self._stopping.is_set() or self._mailbox.waiting:
            self._connect_ahead()
            letter = self._mailbox.take(0.5)
            if letter is None:
                continue
            if not self._stopping.is_set() or isinstance(letter.command, Halt):
                self._carry_out(letter)
                driven = not isinstance(letter.command, Halt)
            else:
                letter.settle("overtaken")
        if driven:
            self._carry_out(Letter(Halt(), self._clock.instant()))
        self._ordering.close()

    def _connect_ahead(self) -> None:
        """Finds the head before the first order, once it answers at all."""
        if self._ordering.connected or self._report is None or self._stopping.is_set():
            return
        with contextlib.suppress(HeadError):  # the order that needs it meets it again, and tells
            self._ordering.connect(ORDER_CONNECT_S)

    def _carry_out(self, letter: Letter) -> None:
        tries = STOP_TRIES if isinstance(letter.command, Halt) else 1
        for left in reversed(range(tries)):
            try:
                self._do(letter)
            except HeadRefused as error:
                letter.fail(error)
                return
            except HeadSilent as error:
                if not left or self._mailbox.waiting:
                    letter.fail(error)
                    return
            except Exception as error:  # a fault of ours must not end the ordering for good
                log.error("%s: %s", self.settings.camera, type(error).__name__)
                letter.fail(HeadSilent(say(en="internal error", fr="erreur interne")))
                return
            else:
                letter.settle("done")
                return

    def _do(self, letter: Letter) -> None:
        self._busy_since = self._clock.instant()
        try:
            if not self._ordering.connected:
                self._ordering.connect(ORDER_CONNECT_S)
            self._send(letter.command)
            self.latencies_s.append((self._ordering.sent - letter.arrived) / 1e9)
        finally:
            self._busy_since = None

    def _send(self, command: Command) -> None:
        client = self._ordering
        match command:
            case Drive(pan, tilt, zoom):
                client.drive(pan, tilt, zoom, ORDER_S)
            case Halt(turning, zooming):
                client.stop(ORDER_S, turning=turning, zooming=zooming)
            case Go(pan_deg, tilt_deg, zoom_at):
                client.go(pan_deg, tilt_deg, zoom_at, ORDER_S)
            case GoPreset(preset):
                client.go_preset(self._token(preset), ORDER_S)
            case GoHome():
                client.go_home(ORDER_S)

    def _token(self, preset: str) -> str:
        """The token of a preset that is given by token or by name."""
        for fresh in (False, True):
            if fresh or not self._presets:
                self._presets = self._ordering.presets(ORDER_S)
            found = next((one for one in self._presets if preset == one.token), None)
            found = found or next((one for one in self._presets if preset == one.name), None)
            if found is not None:
                return found.token
        raise HeadRefused(say(en="the head knows no such preset", fr="la tête ne connaît pas ce préréglage"))
