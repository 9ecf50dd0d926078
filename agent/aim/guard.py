"""The guard of one still camera's aim: what the masker asks before a picture may leave, and what the mast is told.

    guard = AimGuard("parvis-fixed", store, clock, emit)
    blind = guard.look(picture.y, hidden, frame.taken)       # picture thread, for each burned picture
    answer = guard.approve("C. Durand")                      # any thread; a Future of `Answer`

Law: whatever it meets, it never lets a picture through that it could not judge: an error leaves as one, and the line
begins again, blind.
"""

import hashlib
import logging
import threading
from concurrent.futures import Future
from dataclasses import replace
from typing import Literal, Protocol

import numpy as np

from agent.aim.edges import Area, Look, beyond_rim, hidden_area, look
from agent.aim.lens import Cleared, Clouded, LensWatch
from agent.aim.references import AimState, encode
from agent.aim.watch import STEADY_NS, AimLost, Approved, Learned, News, Watch
from agent.clock import Clock, Instant
from agent.events import AimApproved, AimLearned, Emit, Tamper, TamperEnded
from agent.facts import AimFacts
from agent.lenses import FisheyeLens
from agent.units import Blind, Plane

log = logging.getLogger(__name__)

APPROVAL_S = 20.0
"""So long may a steady, clear picture take to come."""

Answer = Literal["approved", "no-picture", "not-steady", "busy"]


class Keeper(Protocol):
    """Where the state is kept; `agent.aim.store` on disk."""

    def load(self, camera: str) -> AimState | None:
        """None: nothing was kept yet. What cannot be read comes as a lost aim."""
        ...

    def put(self, camera: str, state: AimState) -> None:
        """Keeps it; from any thread, without waiting for the disk."""
        ...


class AimGuard:
    """One camera's; `look` and `begin` belong to the picture thread, the rest to any."""

    def __init__(
        self, camera: str, keeper: Keeper, clock: Clock, emit: Emit, fisheye: FisheyeLens | None = None
    ) -> None:
        self._fisheye = fisheye
        self._camera = camera
        self._keeper = keeper
        self._clock = clock
        self._emit = emit
        self._watch = Watch(keeper.load(camera) or AimState())
        self._lens = LensWatch()
        self._lens_ns = 0
        self._started_ns = clock.instant()
        self._area: tuple[Plane, int, Area] | None = None
        self._lock = threading.Lock()
        self._asked: tuple[str, Future[Answer]] | None = None
        self._asked_ns: int | None = None

    @property
    def facts(self) -> AimFacts:
        """What is true now."""
        watch = self._watch
        lost = ("aim-lost",) if watch.state.lost is not None else ()
        clouded = () if self._lens.kind is None else (self._lens.kind,)
        confirmed = watch.confirmed_ns if watch.confirmed_ns is not None else self._started_ns
        age_s = (self._clock.instant() - confirmed) / 1e9
        return AimFacts(watch.word, age_s, len(watch.state.references), (*lost, *clouded))

    def begin(self) -> None:
        """A gap before the next picture."""
        self._watch.begin()
        self._lens.begin()

    def approve(self, by: str) -> Future[Answer]:
        """Asks for new references, under the register's entry `by`; one at a time."""
        answer: Future[Answer] = Future()
        with self._lock:
            if self._asked is not None:
                answer.set_result("busy")
            else:
                self._asked, self._asked_ns = (by, answer), None
        return answer

    def withdraw(self, answer: Future[Answer]) -> None:
        """Nobody waits any more."""
        with self._lock:
            if self._asked is not None and self._asked[1] is answer:
                self._asked = None

    def due(self, taken: Instant) -> bool:
        """True when a picture of that moment would be looked at, and not only answered for."""
        return self._watch.due(taken) or taken >= self._lens_ns

    def look(self, luma: Plane, masks: Plane, strip_rows: int, taken: Instant) -> Blind | None:
        """Why this burned picture must be masked whole, or None. `masks`: raster of all masks, one object a size."""
        self._take_request(taken)
        if self.due(taken):
            sight = look(luma, self._hidden(masks, strip_rows))
            utc_ms = self._clock.wall().utc_ms
            if self._watch.due(taken):
                for news in self._watch.take(sight, taken, utc_ms):
                    self._tell(news, utc_ms)
            self._look_at_lens(sight, taken)
        return self._watch.blind

    def _hidden(self, masks: Plane, strip_rows: int) -> Area:
        """The area that is left out; references lose what lies under it before anything is compared."""
        if self._area is None or self._area[0] is not masks:
            hidden = hidden_area(masks, strip_rows)
            if self._fisheye is not None:
                hidden |= beyond_rim(self._fisheye.centre, self._fisheye.radius, masks.shape[0] / masks.shape[1])
            self._area = masks, strip_rows, hidden
            self._clean(hidden)
        return self._area[2]

    def _clean(self, hidden: Area) -> None:
        state = self._watch.state
        digest = hashlib.sha256(np.packbits(hidden).tobytes()).hexdigest()
        if state.masks == digest:
            return
        kept = tuple(one.without(hidden) for one in state.references)
        self._watch.state = replace(state, references=kept, masks=digest)
        if kept:
            self._keeper.put(self._camera, self._watch.state)

    def _look_at_lens(self, sight: Look, now_ns: int) -> None:
        if now_ns < self._lens_ns:
            return
        self._lens_ns = now_ns + STEADY_NS
        for change in self._lens.take(sight, now_ns, recognised=self._watch.confirmed_ns == now_ns):
            self._emit(lens_event(self._camera, change))

    def _take_request(self, now_ns: int) -> None:
        with self._lock:
            if self._asked is None:
                if self._watch.approving:  # nobody waits for it any more
                    self._watch.give_up_approval()
                return
            if self._asked_ns is None:
                self._asked_ns = now_ns
                self._watch.approve(self._asked[0])
            elif now_ns - self._asked_ns > APPROVAL_S * 1e9:
                self._watch.give_up_approval()
                self._finish("not-steady")

    def _finish(self, word: Answer) -> None:
        """With the lock held."""
        assert self._asked is not None
        answer, self._asked = self._asked[1], None
        if answer.set_running_or_notify_cancel():
            answer.set_result(word)

    def _tell(self, news: News, utc_ms: int) -> None:
        state = self._watch.state
        self._keeper.put(self._camera, state)
        match news:
            case Learned():
                self._emit(AimLearned(self._camera, news.count, news.first, hashlib.sha256(encode(state)).hexdigest()))
            case AimLost():
                self._emit(Tamper(self._camera, "aim-lost"))
            case Approved():
                log.info("%s: aim approved by %s", self._camera, state.approvals[-1].by)
                self._emit(AimApproved(self._camera))
                if news.lost_ms is not None:
                    seconds = round(max(0, utc_ms - news.lost_ms) / 1000, 1)
                    self._emit(TamperEnded(self._camera, "aim-lost", seconds))
                with self._lock:
                    if self._asked is not None:
                        self._finish("approved")


def lens_event(camera: str, change: Clouded | Cleared) -> Tamper | TamperEnded:
    """What the mast is told of a lens."""
    match change:
        case Clouded():
            return Tamper(camera, change.kind)
        case Cleared():
            return TamperEnded(camera, change.kind, change.seconds)
