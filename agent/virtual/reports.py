"""What the virtual camera says of its head: late, jittered, lost, and false when a fault asks for it. Values only.

    reporter = Reporter(head, Ageing(), seed=1)
    report = reporter.report(now_s, arrives_s)        # None: this one is lost

Laws
- Without a fault a report is a pose that the head truly had, `youngest_s` to `oldest_s` before it arrives.
- A fault changes what is said and never the head: `Head.shown` remains the truth.
"""

from dataclasses import dataclass, replace
from random import Random
from typing import Literal

from agent.virtual.head import Head, Shown, wrapped

Homing = Literal["zero", "truth", "refuse", "error"]


@dataclass(frozen=True, slots=True)
class Ageing:
    """How old a report is when it arrives, seconds, and the share (0..1) of them that never does.

    `step_deg`: pan and tilt are told in such steps; 0: as they are.
    """

    youngest_s: float = 0.08
    oldest_s: float = 0.20
    lost: float = 0.0
    step_deg: float = 0.0

    def told(self, degrees: float) -> float:
        """An angle as the head tells it."""
        return round(degrees / self.step_deg) * self.step_deg if self.step_deg else degrees


@dataclass(frozen=True, slots=True)
class Lies:
    """Faults of what is said. `frozen`: the pose of the moment it began, for ever, and idle.

    `offset`: (pan, tilt, zoom) added to each report. `mirrored`: once the head has gone over the nadir it tells the pan
    that it had before, half a turn off, and its picture hangs upside down. `idle`: it always claims to stand still.
    `homing`: while the head finds its zero it says its home pose and idle, the truth, nothing, or the truth with an
    error. `most_zoom`: no zoom beyond this is told, as when the rest is digital.
    """

    frozen: bool = False
    offset: tuple[float, float, float] | None = None
    mirrored: bool = False
    idle: bool = False
    homing: Homing = "zero"
    most_zoom: float = 1.0


@dataclass(frozen=True, slots=True)
class Report:
    """A position as it goes into GetStatus: ONVIF's MoveStatus of pan and tilt and of zoom, and its Error."""

    pan_deg: float
    tilt_deg: float
    zoom: float
    turning: Literal["IDLE", "MOVING", "UNKNOWN"]
    zooming: Literal["IDLE", "MOVING", "UNKNOWN"]
    error: str = ""


class Reporter:
    """Makes reports of one head. `seed` makes its luck repeatable."""

    def __init__(self, head: Head, ageing: Ageing, *, seed: int = 0) -> None:
        self._head = head
        self._random = Random(seed)  # noqa: S311  a simulation's dice, no secret
        self._frozen: Shown | None = None
        self._lies = Lies()
        self.ageing = ageing

    def set_lies(self, lies: Lies, now_s: float) -> None:
        """From now on it lies so; `Lies()` is the truth again."""
        if not lies.frozen:
            self._frozen = None
        elif self._frozen is None:
            self._frozen = self._head.shown(now_s)
        self._lies = lies

    @property
    def lies(self) -> Lies:
        """What it lies about at present."""
        return self._lies

    def delays(self) -> tuple[float, float]:
        """(seconds until the answer goes out, the age that its pose has then), drawn anew for each report."""
        age = self._random.uniform(self.ageing.youngest_s, self.ageing.oldest_s)
        wait = self._random.uniform(0.0, 0.2) * age
        return wait, age

    def report(self, now_s: float, age_s: float) -> Report | None:
        """The report that goes out at `now_s` with a pose `age_s` old; None when it is lost or refused."""
        if self._random.random() < self.ageing.lost:
            return None
        self._head.advance(now_s)
        shown = self._frozen or self._head.shown(now_s - age_s)
        if shown.homing and self._lies.homing == "refuse":
            return None
        if shown.homing and self._lies.homing == "zero":
            home = self._head.home
            return Report(home.pan_deg, home.tilt_deg, home.zoom, "IDLE", "IDLE")
        idle = self._lies.idle or self._frozen is not None
        view = shown.view()
        report = Report(
            self.ageing.told(shown.pan_deg if self._lies.mirrored else view.pan_deg),
            self.ageing.told(view.tilt_deg),
            min(shown.zoom, self._lies.most_zoom),
            "MOVING" if shown.turning and not idle else "IDLE",
            "MOVING" if shown.zooming and not idle else "IDLE",
            "Homing" if shown.homing and self._lies.homing == "error" else "",
        )
        return self._lied(report)

    def _lied(self, report: Report) -> Report:
        if self._lies.offset is None:
            return report
        pan, tilt, zoom = self._lies.offset
        return replace(
            report,
            pan_deg=wrapped(report.pan_deg + pan),
            tilt_deg=min(max(report.tilt_deg + tilt, -90.0), 90.0),
            zoom=min(max(report.zoom + zoom, 0.0), 1.0),
        )
