"""Events that go on whatever the register says -> entries, in a thread of their own, so that no picture waits for it.

    scribe = Scribe(ledger, clock)
    scribe.start()
    scribe.tell(MasksBlind("parvis", "starting"))      # from any thread, never waits
    scribe.stop()                                      # what waits is entered first

Laws
- In order, each once. An end names the entry of its beginning; one whose beginning is not in the register is left out.
- The queue holds `MOST_WAITING`; what comes above (a disk that hangs for minutes) is told in the journal, counted, and
  entered as `EventsMissed` once half of what waited is entered.
"""

import logging
import queue
import re
import threading
from dataclasses import dataclass, field

from agent import events
from agent.clock import Clock, rfc3339
from agent.events import Event
from agent.faults import one_line
from agent.language import say
from agent.register import bodies
from agent.register.bodies import Entered
from agent.register.ledger import Ledger

log = logging.getLogger(__name__)

MOST_WAITING = 4096
LONGEST_TEXT = 500
STOP_S = 30.0
KEPT = (
    *(events.MasksBlind, events.MasksRestored, events.Tamper, events.TamperEnded, events.AimLearned),
    *(events.CaptureLost, events.CaptureRestored, events.RecordingLost, events.RecordingRestored),
    *(events.SigningLost, events.SigningRestored, events.UnitsDropped, events.ClockStepped),
    *(events.ViewEnded, events.SteeringReleased),
)
"""What the register keeps of events; the rest is passed over."""


def _words(text: str, otherwise: str) -> str:
    """`text` as the register takes it."""
    line = one_line(text)[:LONGEST_TEXT]
    return line if any(one.isalnum() for one in line) else otherwise


def _word(event: Event) -> str:
    """`MasksBlind` -> `masks_blind`, as it goes over MQTT too."""
    return re.sub(r"(?<!^)(?=[A-Z])", "_", type(event).__name__).lower()


@dataclass(slots=True)
class _Missed:
    """What found no place in the queue."""

    count: int = 0
    first_ms: int = 0
    last_ms: int = 0
    what: set[str] = field(default_factory=set)

    def body(self) -> Entered:
        """As it is entered."""
        return bodies.EventsMissed(
            count=self.count, first=rfc3339(self.first_ms), last=rfc3339(self.last_ms), what=tuple(sorted(self.what))
        )


class Scribe:
    """One mast's."""

    def __init__(self, ledger: Ledger, clock: Clock) -> None:
        self._ledger = ledger
        self._clock = clock
        self._waiting: queue.Queue[tuple[Event, int] | None] = queue.Queue(MOST_WAITING)
        self._thread = threading.Thread(target=self._run, name="register-scribe", daemon=True)
        self._begun: dict[tuple[str, str], int] = {}
        self._causes: dict[tuple[str, str], str] = {}
        self._missed: _Missed | None = None
        self._missing = threading.Lock()

    def start(self) -> None:
        """From now on what was told is entered."""
        self._thread.start()

    def tell(self, event: Event) -> None:
        """Takes an event; what the register does not keep is passed over."""
        if not isinstance(event, KEPT):
            return
        at_ms = self._clock.wall().utc_ms
        try:
            self._waiting.put_nowait((event, at_ms))
        except queue.Full:
            self._miss(event, at_ms)
            log.error(say(en="the register misses an event: %s", fr="événement absent du registre : %s"), event)

    def _miss(self, event: Event, at_ms: int) -> None:
        with self._missing:
            missed = self._missed = self._missed or _Missed(first_ms=at_ms)
            missed.count += 1
            missed.last_ms = at_ms
            missed.what.add(_word(event))

    def _enter_missed(self) -> None:
        """Where that fails it is tried again after the next event."""
        with self._missing:
            missed, self._missed = self._missed, None
        if missed is not None and self._ledger.note(missed.body()) is None:
            self._miss_still(missed)

    def _miss_still(self, missed: _Missed) -> None:
        with self._missing:
            later = self._missed
            if later is not None:
                missed.count, missed.last_ms = missed.count + later.count, later.last_ms
                missed.what |= later.what
            self._missed = missed

    def stop(self) -> None:
        """Enters what waits and ends."""
        if self._thread.is_alive():
            self._waiting.put(None)
            self._thread.join(STOP_S)

    def _run(self) -> None:
        while (told := self._waiting.get()) is not None:
            event, at_ms = told
            key, body = self._body(event, at_ms)
            number = None if body is None else self._ledger.note(body)
            if key is not None and number is not None:
                self._begun.setdefault(key, number)
            if self._missed is not None and self._waiting.qsize() <= MOST_WAITING // 2:
                self._enter_missed()
        self._enter_missed()

    def _body(self, event: Event, at_ms: int) -> tuple[tuple[str, str] | None, Entered | None]:
        """(what begins with it, what to enter)."""
        match event:
            case events.MasksBlind(camera, reason):
                return (camera, "blind"), bodies.BlindBegan(camera=camera, reason=_words(reason, "blind"))
            case events.Tamper(camera, kind):
                return (camera, kind), bodies.TamperFound(camera=camera, what=_words(kind, "tamper"))
            case events.SigningLost(camera, reason):
                return (camera, "unsigned"), bodies.UnsignedBegan(camera=camera, reason=_words(reason, "unsigned"))
            case events.CaptureLost(camera, reason):
                return None, self._lost(camera, "capture", reason, at_ms)
            case events.RecordingLost(camera, reason):
                return None, self._lost(camera, "recording", reason, at_ms)
            case events.CaptureRestored(camera, seconds):
                return None, self._restored(camera, "capture", seconds, at_ms)
            case events.RecordingRestored(camera, seconds):
                return None, self._restored(camera, "recording", seconds, at_ms)
            case events.ClockStepped(seconds):
                return None, bodies.ClockStepped(step_ms=round(seconds * 1000))
            case events.AimLearned(camera) if event.sha256:
                return None, bodies.AimLearned(camera=camera, sha256=event.sha256)
        return None, self._end(event, at_ms)

    def _end(self, event: Event, at_ms: int) -> Entered | None:
        match event:
            case events.MasksRestored(camera, seconds):
                began = self._begun.pop((camera, "blind"), None)
                if began is not None:
                    return bodies.BlindEnded(camera=camera, began=began, length_ms=_ms(seconds))
            case events.SigningRestored(camera, seconds):
                began = self._begun.pop((camera, "unsigned"), None)
                if began is not None:
                    return bodies.UnsignedEnded(camera=camera, began=began, length_ms=_ms(seconds))
            case events.TamperEnded(camera, kind, seconds):
                found = self._begun.pop((camera, kind), None)
                if found is not None:
                    return bodies.TamperEnded(camera=camera, found=found, length_ms=_ms(seconds))
            case events.ViewEnded():
                return bodies.ViewEnded(
                    camera=event.camera, started=event.entry, length_ms=_ms(event.seconds), reason=event.reason
                )
            case events.SteeringReleased():
                return bodies.SteeringReleased(
                    camera=event.camera, taken=event.entry, length_ms=_ms(event.seconds), reason=event.reason
                )
            case events.UnitsDropped(camera, "vault", count):
                cause = say(
                    en=f"{count} pictures lost, the disk was too slow",
                    fr=f"{count} images perdues, disque trop lent",
                )
                return bodies.RecordingGap(camera=camera, began=rfc3339(at_ms), ended=rfc3339(at_ms), cause=cause)
        return None

    def _lost(self, camera: str, what: str, reason: str, at_ms: int) -> Entered:
        cause = self._causes[camera, what] = _words(reason, f"{what} lost")
        return bodies.RecordingGap(camera=camera, began=rfc3339(at_ms), ended=None, cause=cause)

    def _restored(self, camera: str, what: str, seconds: float, at_ms: int) -> Entered:
        cause = self._causes.pop((camera, what), f"{what} lost")
        began = max(0, at_ms - _ms(seconds))
        return bodies.RecordingGap(camera=camera, began=rfc3339(began), ended=rfc3339(at_ms), cause=cause)


def _ms(seconds: float) -> int:
    return max(0, round(seconds * 1000))
