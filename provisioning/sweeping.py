"""Lets a head sweep while its pictures are followed: what `ages` tells their age from.

    sweeps = Sweeper(head, eye, fit).sweeps(way)

Laws
- Followed are the pictures' own motion, by the agent's own means (`agent.ptz.motion`, `path`), from rest to rest.
- A picture that tells nothing is left out. A sweep ends where its pictures lose their thread, or another connection
  begins.
"""

import time
from collections.abc import Callable, Sequence

from agent.clock import Instant
from agent.ptz.belief import Box
from agent.ptz.evidence import HeadLimits, Report, Sight
from agent.ptz.optics import Optics, spread_of
from agent.ptz.path import Path
from provisioning.ages import Seen, Sweep, Told
from provisioning.eye import Eye
from provisioning.lens_fit import FLOOR, SIGMAS, Fit
from provisioning.sent_head import SentHead, wrapped

SWEEPS = 12
WAY, LONGEST_DEG = 0.5, 30.0
"""Of the view's width: pictures of both ends of a sweep still show the same things."""
BEFORE_S, AFTER_S = 0.4, 0.5
"""Pictures of rest on both sides; those after it are on their way for as long as they are old."""
ASK_APART_S = 0.02
TILT_DEG = 0.1
S = 1e9


class Sweeper:
    """One head at its widest zoom, to and fro."""

    def __init__(self, head: SentHead, eye: Eye, fit: Fit) -> None:
        self._head, self._eye = head, eye
        widest = fit.entries[0]
        self._hfov_deg = widest.hfov_deg
        self._zoom = widest.zoom
        self._share = SIGMAS * widest.share + FLOOR
        self._optics = Optics(fit.zoom, fit.hfov_deg)

    def sweeps(self, way: Callable[[Report], float]) -> list[Sweep]:
        """All sweeps; `way`: to which side of where the head stands there is room."""
        start = self._head.start
        here = self._head.go(start.pan_deg, start.tilt_deg, self._zoom)
        length, done = way(here) * min(LONGEST_DEG, WAY * self._hfov_deg), []
        for number in range(SWEEPS):
            sweep, here = self._sweep(here, length * (-1) ** number)
            done.append(sweep)
        return done

    def _sweep(self, here: Report, pan_deg: float) -> tuple[Sweep, Report]:
        self._eye.rest()
        with self._eye.following(self._hfov_deg) as sights:
            time.sleep(BEFORE_S)
            ordered, heard = self._head.go_and_listen(here.pan_deg + pan_deg, here.tilt_deg, None, ASK_APART_S)
            time.sleep(AFTER_S)
        return Sweep(ordered / S, self._followed(sights, here), tuple(_told(one, here) for one in heard)), heard[-1]

    def _followed(self, sights: Sequence[Sight], here: Report) -> tuple[Seen, ...]:
        """The pictures as far as each hangs together with the one before it."""
        path = Path(HeadLimits(), self._optics)
        seen: list[Seen] = []
        spread = spread_of(self._hfov_deg)
        around = Box(
            (here.pan_deg, here.tilt_deg - TILT_DEG, spread - self._share),
            (here.pan_deg, here.tilt_deg + TILT_DEG, spread + self._share),
        )
        for sight in sights:
            if seen and sight.broken:
                break
            if not sight.known:
                continue  # the next one that tells something tells it from the last one that did
            path.add(sight, around)
            node = path.newest
            assert node is not None
            seen.append(Seen(_seconds(sight.taken), sight.stamp_s, node.x[0], node.drift[0] + 2 * node.slack[0]))
        return tuple(seen)


def _told(report: Report, start: Report) -> Told:
    return Told(_seconds(report.asked), _seconds(report.received), wrapped(report.pan_deg - start.pan_deg))


def _seconds(instant: Instant) -> float:
    return instant / S
