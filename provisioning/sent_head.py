"""A head that is sent somewhere and waited for, for as long as a measurement takes.

head = SentHead(target, clock, tell)
head.connect()                      # HeadError tells why not; from here on `put_back` goes to where it was
there = head.go(12.0, -4.0, 0.5)    # its report once it rests
head.put_back(); head.close()
"""

import contextlib
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from itertools import pairwise
from pathlib import Path

from agent.clock import Clock, Instant
from agent.errors import CalibrationError, HeadError, HeadRefused, HeadSilent
from agent.language import say
from agent.ptz.evidence import Report
from agent.ptz.onvif import OnvifClient

Range = tuple[float, float]

CONNECT_S, ASK_S, ORDER_S, STOP_S = 10.0, 3.0, 3.0, 1.0
ASK_APART_S, STILL_S = 0.15, 0.5
MOVE_S = 40.0
"""The longest that a head may take to come to rest."""
STALE_S = 2.0
"""A report may be so old; a head that still tells its old position after that has not moved."""
MISSES = 3
STILL_DEG, STILL_ZOOM = 0.02, 0.002
NEAR_ZOOM = 0.02


@dataclass(frozen=True, slots=True)
class Address:
    """Where a head is and how it is spoken to. `pan_deg`, `tilt_deg`: what ONVIF's -1..1 means."""

    url: str
    username: str = ""
    password: str = field(default="", repr=False)
    ca_file: Path | None = None
    pan_deg: Range = (-180.0, 180.0)
    tilt_deg: Range = (-90.0, 90.0)


class SentHead:
    """One head; `tell` is given a line when something goes on that a person wants to know."""

    def __init__(self, address: Address, clock: Clock, tell: Callable[[str], None]) -> None:
        one = address
        self._client = OnvifClient(one.url, one.username, one.password, clock, (one.pan_deg, one.tilt_deg), one.ca_file)
        self._tell = tell
        self._start: Report | None = None
        self._pans: set[float] = set()

    def connect(self) -> None:
        """Finds the head and where it is."""
        try:
            self._client.connect(CONNECT_S)
        except HeadRefused as error:
            raise HeadRefused(
                say(
                    en=f"{error} (here: --url, --username, --password-file)",
                    fr=f"{error} (ici : --url, --username, --password-file)",
                )
            ) from None
        self._start = self._ask()

    def close(self) -> None:
        """Ends the connection; the head stays where it is."""
        self._client.close()

    @property
    def start(self) -> Report:
        """Where it was."""
        assert self._start is not None
        return self._start

    @property
    def quantum_deg(self) -> float:
        """The step in which it tells its pan."""
        return quantum(self._pans)

    def put_back(self) -> None:
        """Stops the head and sends it to where it was; tells when that fails."""
        start = self._start
        if start is None:
            return
        self._client.close()  # an interrupted request may have left its answer on the wire
        with contextlib.suppress(HeadError):
            self._client.stop(STOP_S)
        try:
            self._client.go(start.pan_deg, start.tilt_deg, start.zoom, ORDER_S)
        except HeadError as error:
            self._tell(say(en=f"the head was not put back: {error}", fr=f"tête non remise en place : {error}"))
        else:
            self._tell(say(en="the head goes back to its place", fr="la tête retourne à sa place"))

    def _ask(self) -> Report:
        for left in reversed(range(MISSES)):
            try:
                report = self._client.report(ASK_S)
            except HeadSilent as error:
                if left:
                    continue
                raise HeadSilent(
                    say(
                        en=f"{error}; without position reports no calibration: check that the head tells GetStatus",
                        fr=f"{error} ; pas d'étalonnage sans position : vérifier que la tête répond à GetStatus",
                    )
                ) from None
            self._pans.add(report.pan_deg)
            return report
        raise AssertionError

    def go(self, pan_deg: float, tilt_deg: float, zoom: float | None) -> Report:
        """Sends the head there and waits until it rests; its position then."""
        return self.go_and_listen(pan_deg, tilt_deg, zoom)[1][-1]

    def go_and_listen(
        self, pan_deg: float, tilt_deg: float, zoom: float | None, apart_s: float = ASK_APART_S
    ) -> tuple[Instant, list[Report]]:
        """The same: (when the order left, all that it told on its way), asked `apart_s` after each answer."""
        self._client.go(wrapped(pan_deg), tilt_deg, zoom, ORDER_S)
        ordered = self._client.sent
        began = time.monotonic()
        heard, still_since = [self._ask()], time.monotonic()
        while time.monotonic() - began < MOVE_S:
            time.sleep(apart_s)
            report = self._ask()
            now = time.monotonic()
            if report.moving or _moved(heard[-1], report):
                still_since = now
            heard.append(report)
            arrived = abs(wrapped(report.pan_deg - pan_deg)) < 0.1 and (
                zoom is None or abs(report.zoom - zoom) < NEAR_ZOOM
            )
            if now - still_since > STILL_S and (arrived or now - began > STALE_S):
                if zoom is not None and abs(report.zoom - zoom) > NEAR_ZOOM:
                    raise _no_such_zoom(zoom, report.zoom)
                return ordered, heard
        raise CalibrationError(
            say(
                en=f"the head does not come to rest within {MOVE_S:.0f} s; end patrols and other operators' steering",
                fr=f"la tête ne s'arrête pas en {MOVE_S:.0f} s ; arrêter les rondes et tout autre pilotage",
            ),
            "restless",
        )


def wrapped(pan_deg: float) -> float:
    """The same pan, or difference of pans, in [-180, 180)."""
    return (pan_deg + 180) % 360 - 180


def quantum(pans: set[float]) -> float:
    """The step in which a head tells its pan: the smallest difference of any two that it told, 0 below 0.001."""
    ordered = sorted(pans)
    apart = [b - a for a, b in pairwise(ordered) if b - a > 1e-6]
    least = min(apart, default=0.0)
    return least if least >= 1e-3 else 0.0


def _moved(a: Report, b: Report) -> bool:
    return (
        abs(wrapped(a.pan_deg - b.pan_deg)) > STILL_DEG
        or abs(a.tilt_deg - b.tilt_deg) > STILL_DEG
        or abs(a.zoom - b.zoom) > STILL_ZOOM
    )


def _no_such_zoom(zoom: float, said: float) -> CalibrationError:
    return CalibrationError(
        say(
            en=f"the head does not go to zoom {zoom:g}: it says {said:g}; leave that zoom out",
            fr=f"la tête ne va pas au zoom {zoom:g} : elle dit {said:g} ; omettre ce zoom",
        ),
        "no-zoom",
    )
