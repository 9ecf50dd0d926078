"""Looks through a camera and says by how much the view moved, in numbers: the only file here that sees pictures.

    with Eye(settings, clock) as eye:
        eye.rest()                         # waits until what arrives stands still
        eye.keep()
        ...                                # the head takes its step
        glance = eye.compare().shift(60.0)  # None: the two cannot be laid upon each other
    with eye.following(60.0) as sights:
        ...                                # how each picture moved, while the head sweeps

Laws
- No picture is stored, shown or sent. The last few are in memory, as the decoder's own; what leaves is a shift, its
  error, and whether there is anything to see.
- Several pictures before are laid against several after, each pair on its own: the middle one counts, so that one that
  was hit by noise or by the encoder does not.
"""

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from types import TracebackType
from typing import Self

import numpy as np

from agent.capture import Capture, SourceSettings
from agent.clock import Clock
from agent.errors import CalibrationError, SourceError
from agent.language import say
from agent.ptz.evidence import Sight
from agent.ptz.motion import Motion
from agent.queues import LatestFrame
from agent.units import Frame

PICTURES = 3
FIRST_S, FRAME_S = 15.0, 8.0
REST_S = 6.0
AGE_S = 0.4
"""So old may a picture be when it arrives."""
STILL_SHARE = 0.004
"""In half widths from one look to the next, a fifth of a second later: what moves less stands still."""
LOOK_APART_S = 0.2
MOST_FOLLOWED = 3000
"""Pictures in one row: a minute of them."""


@dataclass(frozen=True, slots=True)
class Glance:
    """How the view moved, right and up in half widths; `error` is one standard error of each."""

    across: float
    up: float
    error: float


class Eye:
    """One camera's pictures while entered. SourceError when they stop coming."""

    def __init__(self, settings: SourceSettings, clock: Clock) -> None:
        self._clock = clock
        self._frames = LatestFrame(depth=1)
        self._capture = Capture(settings, clock, self._take, lambda _: None)
        self._follow: Callable[[Frame], None] | None = None
        self._before: list[Frame] = []
        self.aspect = 4 / 3

    def __enter__(self) -> Self:
        self._capture.start()
        try:
            first = self._next(FIRST_S)
        except BaseException:
            self._capture.stop()
            raise
        self.aspect = first.width / first.height
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._before = []
        self._capture.stop()

    def _take(self, frame: Frame) -> None:
        follow = self._follow
        if follow is not None and frame.planes:
            follow(frame)
        self._frames.put(frame)

    @contextmanager
    def following(self, hfov_deg: float) -> Iterator[list[Sight]]:
        """While entered, how each picture moved comes to the list: an unbroken row, or what begins it anew."""
        motion, epochs = Motion(), set[int]()
        sights: list[Sight] = []

        def follow(frame: Frame) -> None:
            if frame.epoch not in epochs:  # stamps of another connection begin anew
                epochs.add(frame.epoch)
                motion.forget()
            if len(sights) < MOST_FOLLOWED:
                sights.append(motion.look(frame.planes[0], frame.taken, frame.pts_90k / 90_000, hfov_deg))

        self._follow = follow
        try:
            yield sights
        finally:
            self._follow = None

    def _next(self, patience_s: float = FRAME_S) -> Frame:
        """The next picture that arrives."""
        self._frames.get(0.0)  # an old one that waits
        until = time.monotonic() + patience_s
        while time.monotonic() < until:
            frame = self._frames.get(0.25)
            if frame is not None and not frame.planes:
                raise SourceError(
                    say(
                        en=f"the pictures come as {frame.pixel_format}; set the camera to 8 bits a sample",
                        fr=f"images en {frame.pixel_format} ; régler la caméra sur 8 bits par échantillon",
                    )
                )
            if frame is not None:
                return frame
            self._capture.check()
            if self._capture.state == "lost":
                break
        why = self._capture.reason or say(en="no picture in time", fr="pas d'image à temps")
        raise SourceError(say(en=f"the camera's stream: {why}", fr=f"flux de la caméra : {why}"))

    def rest(self) -> None:
        """Waits until pictures stand still; those of the next `AGE_S` may still show the way here."""
        until = time.monotonic() + AGE_S
        while time.monotonic() < until:
            self._next()
        until = time.monotonic() + REST_S
        last, still = self._next(), False
        while not still:
            time.sleep(LOOK_APART_S)
            fresh = self._next()
            sight = _pair(last, fresh, 40.0)
            if sight.blank:
                raise _blank()
            still = sight.known and max(abs(sight.across), abs(sight.up)) < STILL_SHARE
            last = fresh
            if not still and time.monotonic() > until:
                raise CalibrationError(
                    say(
                        en="the picture does not come to rest; measure without wind, without traffic that fills it, "
                        "and with nobody else steering",
                        fr="l'image ne s'immobilise pas ; mesurer sans vent, sans circulation qui la remplisse, "
                        "et sans autre pilotage",
                    ),
                    "restless",
                )

    def keep(self) -> None:
        """The next pictures are what later ones are laid against."""
        self._before = self._few()

    def _few(self) -> list[Frame]:
        return [self._next() for _ in range(PICTURES)]

    def compare(self) -> "Pair":
        """The kept pictures against the next ones, which are kept from now on."""
        before, self._before = self._before, self._few()
        return Pair(before, self._before)


class Pair:
    """Pictures before and after a step, to be looked at under one field of view and another until it fits."""

    def __init__(self, before: list[Frame], after: list[Frame]) -> None:
        self._before, self._after = before, after

    def shift(self, hfov_deg: float) -> Glance | None:
        """How the view moved if it is `hfov_deg` wide; None when most pairs cannot tell."""
        pairs = zip(self._before, self._after, strict=True)
        sights = [one for one in (_pair(a, b, hfov_deg) for a, b in pairs) if one.known and not one.broken]
        if 2 * len(sights) <= len(self._before):
            return None
        across, up = (float(np.median([getattr(one, name) for one in sights])) for name in ("across", "up"))
        error = float(np.median([one.slack for one in sights])) / 2  # slack is a bound; half of it is usual
        return Glance(across, up, error)


def _pair(before: Frame, after: Frame, hfov_deg: float) -> Sight:
    motion = Motion()
    first = motion.look(before.planes[0], before.taken, 0.0, hfov_deg)
    if first.blank:
        return first
    return motion.look(after.planes[0], after.taken, 1.0, hfov_deg)


def _blank() -> CalibrationError:
    return CalibrationError(
        say(
            en="there is nothing to see in the picture (night, fog, a covered lens, a blank wall or sky); aim the head "
            "at a street or a facade by daylight and begin again",
            fr="rien à voir dans l'image (nuit, brouillard, objectif couvert, mur nu ou ciel) ; viser une rue ou une "
            "façade en plein jour et recommencer",
        ),
        "featureless",
    )
