"""Measures a lens with its own head: turns it in small steps, looks, and lets `lens_fit` say what the table is.

    with Bench(target, clock, tell) as bench:       # the head goes back to where it was, whatever happens
        fit, readings = bench.measure((0.0, 0.25, 0.5, 0.75, 1.0))
        ages = bench.ages(fit)                      # how old its pictures are

At each zoom a first small step tells roughly how wide the view is; the steps after it move the picture by `AIM` of half
its width, as far as the pictures' motion is sure of. Some forward, then some back: the first one back lacks the play of
the gears, and is only used to tell that. A step is the difference of two positions that the head reports at rest, so a
head that stops short of its order does no harm. A head that tells its positions in coarse steps shows it in the
smallest difference of two reports, and its readings are trusted so much less.

Laws
- No picture is stored, shown or sent: `eye` looks, and only numbers come here.
- The head is stopped and put back at the end, also after an error or Ctrl-C.
- Source: ONVIF PTZ 5.2.1 (generic zoom promises nothing about the field of view).
"""

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from types import TracebackType
from typing import Self

from agent.capture import SourceSettings
from agent.clock import Clock
from agent.errors import CalibrationError
from agent.language import say
from agent.ptz.evidence import Report
from provisioning.ages import Ages, fit_ages
from provisioning.eye import Eye, Glance, Pair
from provisioning.lens_fit import Fit, fit_lens
from provisioning.readings import STEEPEST_DEG, Reading, shifted, view
from provisioning.sent_head import Address, SentHead, wrapped
from provisioning.sweeping import Sweeper

FPS, STALL_S = 25.0, 5.0
FIRST_HFOV_DEG, FIRST_SHARE = 60.0, 0.03
AIM, LEAST, MOST = 0.28, 0.12, 0.5
"""Of half the picture's width, by which a step shall move it; less or more does not count."""
PROBES, STUCK = 8, 4
"""First steps that are tried; after so many without any movement the head does not move."""
ROUNDS = 4
LEAST_ACCURACY_DEG = 0.05
"""Of a position that the head tells; its coarse steps and the play of its gears come on top."""
LONGEST_STEP_DEG, SHORTEST_STEP_DEG = 20.0, 0.02


@dataclass(frozen=True, slots=True)
class Target:
    """The head and its pictures, `source`; `steps`: so many on, so many back. `pose_age_s`: of what it reports."""

    head: Address
    source: str
    steps: int = 4
    more: int = 4
    """Zooms that may be added where the interpolation would gain by it."""
    pose_age_s: float = 0.2


class Bench:
    """A head and its camera, connected while entered; `tell` is given a line of progress now and then."""

    def __init__(self, target: Target, clock: Clock, tell: Callable[[str], None]) -> None:
        self._target, self._tell = target, tell
        self._head = SentHead(target.head, clock, tell)
        one = target.head
        self._eye = Eye(
            SourceSettings("calibration", target.source, FPS, STALL_S, one.username, one.password, one.ca_file), clock
        )
        self._readings: list[Reading] = []

    @property
    def aspect(self) -> float:
        """The picture's width over its height."""
        return self._eye.aspect

    def __enter__(self) -> Self:
        try:
            self._head.connect()
            self._eye.__enter__()
        except BaseException:
            self._head.close()
            raise
        self._tell(
            say(
                en="connected; the head goes back to its place at the end (Ctrl-C ends early)",
                fr="connecté ; la tête reviendra à sa place à la fin (Ctrl-C pour arrêter)",
            )
        )
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        try:
            self._head.put_back()
        finally:
            self._head.close()
            self._eye.__exit__(kind, error, trace)

    # --- measuring ---

    def measure(self, zooms: Sequence[float]) -> tuple[Fit, tuple[Reading, ...]]:
        """The table, and what it comes from; CalibrationError, HeadError or SourceError tell why not."""
        guess_deg = FIRST_HFOV_DEG
        for zoom in sorted(zooms):
            guess_deg = self._at(zoom, guess_deg)
        fit = self._fit()
        for _ in range(self._target.more):
            if not fit.another:
                break
            wider = [one.hfov_deg for one in fit.entries if one.zoom < fit.another[0]]
            self._at(fit.another[0], wider[-1])
            fit = self._fit()
        return fit, self._told()

    def ages(self, fit: Fit) -> Ages:
        """How old its pictures are, seen through the lens that was measured; CalibrationError tells why not."""
        self._tell(
            say(
                en="the head sweeps to and fro, to tell how old its pictures are",
                fr="la tête balaie dans les deux sens, pour l'âge de ses images",
            )
        )
        sweeps = Sweeper(self._head, self._eye, fit).sweeps(self._way)
        accuracy_deg = LEAST_ACCURACY_DEG + self._head.quantum_deg + fit.play_deg
        return fit_ages(sweeps, self._target.pose_age_s, accuracy_deg)

    def _way(self, here: Report) -> float:
        """1.0 or -1.0: to which side of here there is more room."""
        return -1.0 if here.pan_deg > sum(self._target.head.pan_deg) / 2 else 1.0

    def _fit(self) -> Fit:
        return fit_lens(self._told(), self.aspect)

    def _told(self) -> tuple[Reading, ...]:
        """The readings, each with the error that the head's coarse positions make."""
        error = self._head.quantum_deg * math.sqrt(2 / 12)
        return tuple(replace(one, step_error_deg=error) for one in self._readings)

    def _at(self, zoom: float, guess_deg: float) -> float:
        """All steps at one zoom; the field of view that they come to."""
        start = self._head.start
        here = self._head.go(start.pan_deg, start.tilt_deg, zoom)
        if abs(here.tilt_deg) > STEEPEST_DEG - 5:
            raise CalibrationError(
                say(
                    en=f"the head looks too steeply ({here.tilt_deg:.0f} degrees); aim nearer to the horizon",
                    fr=f"inclinaison de {here.tilt_deg:.0f} degrés trop forte ; viser plus près de l'horizon",
                ),
                "too-steep",
            )
        self._eye.rest()
        self._eye.keep()
        way = self._way(here)
        hfov_deg, here = self._probe(here, guess_deg, way)
        taken: list[Reading] = []
        for turn in (way, -way):
            for number in range(self._target.steps):
                here, reading, hfov_deg = self._step(here, turn * self._length(hfov_deg, here), hfov_deg)
                if reading is not None:
                    back = turn != way and number == 0
                    taken.append(replace(reading, turned_back=back))
        self._readings += taken
        self._tell(
            say(
                en=f"zoom {here.zoom:.3f}: {hfov_deg:.2f} degrees, {len(taken)} of {2 * self._target.steps} steps seen",
                fr=f"zoom {here.zoom:.3f} : {hfov_deg:.2f} degrés, {len(taken)} pas vus sur {2 * self._target.steps}",
            )
        )
        return hfov_deg

    @staticmethod
    def _length(hfov_deg: float, here: Report) -> float:
        """Degrees of pan that move the picture by `AIM`."""
        angle = 2 * math.degrees(math.atan(AIM * math.tan(math.radians(hfov_deg) / 2) / 2))
        return min(LONGEST_STEP_DEG, max(SHORTEST_STEP_DEG, angle / math.cos(math.radians(here.tilt_deg))))

    def _probe(self, here: Report, guess_deg: float, way: float) -> tuple[float, Report]:
        """A first idea of the field of view, from steps that grow or shrink until one is well seen."""
        step, lost, moved = way * FIRST_SHARE * guess_deg, 0, False
        for number in range(PROBES):
            before, here = here, self._head.go(here.pan_deg + step, here.tilt_deg, None)
            self._eye.rest()
            pair = self._eye.compare()
            turned = wrapped(here.pan_deg - before.pan_deg)
            glance = pair.shift(guess_deg)
            seen = glance is not None and math.hypot(glance.across, glance.up) > 20 * glance.error
            moved = moved or abs(turned) > abs(step) / 3
            if seen and abs(turned) <= abs(step) / 10 and abs(step) > 0.2:
                raise _frozen()
            found = fitted(pair, before, here, guess_deg) if seen else None
            if found is not None:
                return found[1], here
            if not moved and number + 1 == STUCK:
                raise _stuck()
            lost += glance is None
            step = step / 2 if glance is None else 2 * step
            step = math.copysign(min(abs(step), LONGEST_STEP_DEG), step)
        raise _unmatched() if lost else _unmoved()

    def _step(self, here: Report, pan_deg: float, hfov_deg: float) -> tuple[Report, Reading | None, float]:
        """One step: (where the head is then, the reading if there is a good one, the better field of view)."""
        there = self._head.go(here.pan_deg + pan_deg, here.tilt_deg, None)
        self._eye.rest()
        found = fitted(self._eye.compare(), here, there, hfov_deg)
        if found is None:
            return there, None, hfov_deg
        reading, better = found
        length = math.dist(reading.before, reading.after)
        if not LEAST < length < MOST:
            return there, None, hfov_deg
        # a lorry must not lead the next steps astray
        return there, reading, better if 0.8 < better / hfov_deg < 1.25 else hfov_deg


def fitted(pair: Pair, before: Report, after: Report, hfov_deg: float) -> tuple[Reading, float] | None:
    """(the reading, its field of view) of two positions and two pictures, looked at until view and shift agree."""
    for _ in range(ROUNDS):
        glance = pair.shift(hfov_deg)
        if glance is None:
            return None
        reading = _reading(before, after, glance)
        size = view(reading)
        if size is None:
            return None
        found = 2 * math.degrees(math.atan(math.exp(size.log_h)))
        if abs(found / hfov_deg - 1) < 0.001:
            break
        hfov_deg = found
    return reading, found


def _reading(before: Report, after: Report, glance: Glance) -> Reading:
    return shifted(
        zoom=(before.zoom + after.zoom) / 2,
        pan_deg=wrapped(after.pan_deg - before.pan_deg),
        tilt_deg=after.tilt_deg - before.tilt_deg,
        at_tilt_deg=before.tilt_deg,
        shift=(glance.across, glance.up),
        error=glance.error,
    )


def _frozen() -> CalibrationError:
    return CalibrationError(
        say(
            en="the picture moves and the head's position stays the same: its reports cannot be trusted; restart the "
            "camera, or ask its maker for firmware that tells positions",
            fr="l'image bouge et la position annoncée reste la même : positions non fiables ; redémarrer la caméra, ou "
            "demander au fabricant un micrologiciel qui les donne",
        ),
        "frozen",
    )


def _stuck() -> CalibrationError:
    return CalibrationError(
        say(
            en="the head does not move: it takes orders and its position stays the same; check that it is not at its "
            "end stop, locked by another operator or on a patrol",
            fr="la tête ne bouge pas : ordres acceptés, position inchangée ; vérifier qu'elle n'est ni en butée, ni "
            "bloquée par un autre opérateur, ni en ronde",
        ),
        "no-movement",
    )


def _unmoved() -> CalibrationError:
    return CalibrationError(
        say(
            en="the head says that it moves and the picture does not follow: is --source the picture of this head?",
            fr="la tête dit bouger et l'image ne suit pas : --source est-il bien l'image de cette tête ?",
        ),
        "no-movement-seen",
    )


def _unmatched() -> CalibrationError:
    return CalibrationError(
        say(
            en="the pictures before and after a step do not match; aim the head at a scene with detail and little "
            "traffic, by daylight",
            fr="les images avant et après un pas ne se correspondent pas ; viser de jour une scène détaillée avec peu "
            "de circulation",
        ),
        "no-match",
    )
