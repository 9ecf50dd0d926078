"""How the whole picture moved, from small luma pictures: the head's motion, and not that of people, cars or light.

    motion = Motion()
    sight = motion.look(frame.planes[0], taken, stamp_s, hfov_deg)     # for each frame, in the picture thread

Laws
- It sees plain luma, so it lives beside masking: it keeps two pictures of 160 columns in memory and gives away numbers.
- What the picture's corners do not agree on (`agreement`) is no motion but "unknown"; so is one that a tenth of the
  picture stands still against, or that comes from one picture to the next as no motor could: that is a lorry and not
  the head.
- Motion is measured against a reference picture for as long as it reaches, so that nothing adds up while the head
  rests; each new reference adds its own error to `drift`. What two pictures' motions from it say of the way between
  them takes into account how the view rolled and zoomed (`between`), and by which field of view each was measured.
- Where the scene repeats itself and a motor can have hidden a whole repeat since the last picture (`pace`), nothing
  tells which of two motions it was: the thread is lost and begins anew. What stands as it stood is taken to stand: a
  head that set off would have to be a repeat aside to a sixth of a column just then.
- Slow changes of light are taken out: only what stands out from its surroundings is compared.
"""

import math
from functools import lru_cache

import cv2
import numpy as np

from agent.clock import Instant
from agent.ptz.agreement import LEAST_POINTS, LEAST_SLACK_PX, NONE, Fit, Move, between
from agent.ptz.evidence import Sight
from agent.ptz.pace import UNEVEN_S, Pace
from agent.ptz.reference import LEAST_ROWS, Reference
from agent.ptz.repeats import LEAST_LAG_PX
from agent.units import Plane

COLUMNS = 160
FAST_PX = 3.0
"""A motion for each picture beyond which it is looked for farther away."""
FAR_SHARE = 0.12
"""Of the picture's width: after so much motion a new reference is taken."""
FAR_ZOOM = 0.08
WEAK_PICTURES = 50
"""In a row, in which less than `STRONG` agrees: the reference has aged, as the light and the parked cars have."""
STRONG = 0.75
HARDEST_RAD_S2 = math.radians(600.0)
"""No head turns harder; twice what `track` takes for the fastest, since pictures come a little unevenly."""
LOST_PICTURES = 3
LOST_S = 0.5
STANDS_PX = 0.15
"""By so much a picture of what stands may be off: half as much again as people who pass make of it."""
MOST_PROOFS = 3
"""The likeliest; each costs a tenth of a picture's time, but is asked of a reference only once."""
SLACK_PX = 1.0
"""Of what is said of the picture's middle, elsewhere in it."""


def shrink(luma: Plane) -> Plane:
    """(rows, columns) luma -> about 90 rows of 160, with slow changes of light taken out."""
    factor, skip = _thinning(luma.shape[1])
    rows, columns = luma.shape[0] // factor, luma.shape[1] // factor
    thinned = luma[: rows * factor : skip, : columns * factor]
    if not thinned.size:
        return np.zeros((LEAST_ROWS, LEAST_ROWS), np.uint8)
    if factor % 2 == 0:  # then two rows in `factor` are left
        thinned = np.asarray(cv2.resize(thinned, (columns * factor // 2, rows), interpolation=cv2.INTER_AREA), np.uint8)
    small = cv2.resize(thinned, (columns, rows), interpolation=cv2.INTER_AREA)
    slow = cv2.blur(small, (21, 21))
    return np.asarray(cv2.addWeighted(small, 1.0, slow, -1.0, 128.0), np.uint8)


@lru_cache(maxsize=8)
def _thinning(columns: int) -> tuple[int, int]:
    """By what factor so wide a picture is shrunk, and which of its rows serve: the first of so many.

    Whole factors only, which OpenCV shrinks by several times faster, fastest by halves, and of the rows no more than
    serve.
    """
    factor = max(1, round(columns / COLUMNS))
    return factor, next(one for one in range(max(1, factor // 2), 0, -1) if factor % one == 0)


class Motion:
    """Follows one camera's picture. Not thread-safe: the picture thread owns it."""

    def __init__(self, fastest_deg_s: float = 132.0) -> None:
        """`fastest_deg_s`: no axis of the head turns faster."""
        self._fastest = math.radians(fastest_deg_s)
        self._reference: Reference | None = None
        self._last: Plane | None = None
        self._half = 1.0  # the tangent that the angles below are measured by
        self._placed = NONE  # the last known picture, from the reference
        self._pace: Pace | None = None
        self._known_s = 0.0
        self._lost = self._weak = 0

    def forget(self) -> None:
        """The next picture has nothing to do with the last one: another connection, size or format."""
        self._reference = self._last = None

    def look(self, luma: Plane, taken: Instant, stamp_s: float, hfov_deg: float | None) -> Sight:
        """What the picture tells; `hfov_deg` is what the view is thought to be, None when nobody knows."""
        small = shrink(luma)
        if self._reference is None or self._reference.small.shape != small.shape:
            return self._begin(small, taken, stamp_s)
        self._rescale(math.tan(math.radians((hfov_deg or 40.0) / 2)))
        seconds = self._seconds(stamp_s)
        guess, fast = self._expected(small, seconds)
        fit = self._reference.fit(small, guess, self._half, fast=fast)
        if fit is not None and fit.still:
            return self._unknown(small, taken, stamp_s)
        if fit is not None and self._plausible(fit, self._placed, seconds):
            if self._has_rival(self._reference, fit, self._placed, seconds):
                return self._begin(small, taken, stamp_s)
            return self._known(small, taken, stamp_s, fit, rebased=False)
        before = Reference(self._last) if self._last is not None else self._reference
        fit = before.fit(small, _jump(before.small, small, self._half), self._half, fast=True)
        if fit is None or fit.still or not self._plausible(fit, NONE, seconds):
            return self._unknown(small, taken, stamp_s)
        if self._has_rival(before, fit, NONE, seconds):
            return self._begin(small, taken, stamp_s)
        # the reference is out of sight; the last picture takes its place
        self._reference, self._placed = before, NONE
        return self._known(small, taken, stamp_s, fit, rebased=True)

    def _rescale(self, half: float) -> None:
        """What was measured under another field of view, in angles of this one: in pixels it is the same."""
        if half != self._half:
            self._placed = self._placed.scaled(half / self._half)
            self._pace = None if self._pace is None else self._pace.scaled(half / self._half)
            self._half = half

    def _seconds(self, stamp_s: float) -> float:
        """Since the last known picture."""
        return max(0.001, stamp_s - self._known_s)

    def _expected(self, small: Plane, seconds: float) -> tuple[Move, bool]:
        """Where the picture would be if nothing changed, and whether that is far from the last known one.

        However long ago that was: what repeats itself in the scene would be taken for itself one repeat off.
        """
        if self._pace is None:
            return self._placed, self._lost > 0
        seconds = min(LOST_S, seconds)
        fast = max(map(abs, self._pace.rate)) * seconds * _focal_px(small, self._half) > FAST_PX
        return self._pace.after_s(self._placed, seconds), self._lost > 0 or fast

    def _plausible(self, fit: Fit, placed: Move, seconds: float) -> bool:
        """Whether a motor could have come from the last motion to this one."""
        if self._pace is None:
            return True
        yaw = (fit.motion.yaw - placed.yaw) / seconds - self._pace.rate.yaw
        pitch = (fit.motion.pitch - placed.pitch) / seconds - self._pace.rate.pitch
        return max(abs(yaw), abs(pitch)) < HARDEST_RAD_S2 * seconds + 4 * fit.error / seconds

    def _has_rival(self, reference: Reference, fit: Fit, placed: Move, seconds: float) -> bool:
        """Whether the scene repeats itself so that the motion may as well be another one that a motor could make."""
        focal = _focal_px(reference.small, self._half)
        across, down = focal * (placed.yaw - fit.motion.yaw), focal * (fit.motion.pitch - placed.pitch)
        step_px = max(abs(across), abs(down))
        fastest_px = self._fastest * (seconds + UNEVEN_S) * focal
        led, hidden_px = (0.0, 0.0), fastest_px
        if self._pace is not None:
            led = -self._pace.rate.yaw * seconds * focal, self._pace.rate.pitch * seconds * focal
            hidden_px = self._pace.hides(seconds) * focal + SLACK_PX
        if max(step_px, abs(led[0]), abs(led[1])) < STANDS_PX:
            return False
        if max(abs(across - led[0]), abs(down - led[1])) + hidden_px < LEAST_LAG_PX:
            return False
        lags = reference.lags
        rivals = lags + np.array((across, down))
        possible = (np.abs(rivals - led).max(axis=1) < hidden_px) & (np.abs(rivals).max(axis=1) < fastest_px)
        # by the rival, what is seen where a corner was found lies the other way from it
        opposite = (np.flatnonzero(possible)[:MOST_PROOFS] + len(lags) // 2) % max(1, len(lags))
        return any(reference.resembles(which, fit) for which in opposite.tolist())

    def _begin(self, small: Plane, taken: Instant, stamp_s: float) -> Sight:
        self._reference = Reference(small)
        self._last, self._lost, self._known_s = None, 0, stamp_s
        self._placed, self._pace = NONE, None
        blank = len(self._reference.corners) < LEAST_POINTS
        pixel = 2.0 / small.shape[1]
        return Sight(taken, stamp_s, not blank, broken=not blank, blank=blank, slack=pixel * LEAST_SLACK_PX)

    def _unknown(self, small: Plane, taken: Instant, stamp_s: float) -> Sight:
        self._lost += 1
        assert self._reference is not None
        blank = len(self._reference.corners) < LEAST_POINTS
        if blank or self._lost >= LOST_PICTURES or stamp_s - self._known_s > LOST_S:
            return self._begin(small, taken, stamp_s)
        return Sight(taken, stamp_s, False)

    def _known(self, small: Plane, taken: Instant, stamp_s: float, fit: Fit, *, rebased: bool) -> Sight:
        half, seconds = self._half, self._seconds(stamp_s)
        step = fit.motion.less(self._placed)
        moved = between(self._placed, fit.motion)
        self._pace = Pace.after(self._pace, step, seconds, fit.error)
        self._lost, self._known_s, self._last = 0, stamp_s, small
        self._placed = fit.motion
        drift = drift_zoom = 0.0
        self._weak = self._weak + 1 if fit.quality < STRONG else 0
        far = fit.shift_px > FAR_SHARE * small.shape[1] or abs(fit.motion.zoom) > FAR_ZOOM
        if far or rebased or self._weak > WEAK_PICTURES:
            drift, drift_zoom = 2 * fit.error / half, 2 * fit.error_zoom
        if far or self._weak > WEAK_PICTURES:
            self._weak = 0
            self._reference, self._placed = Reference(small), NONE
        return Sight(
            taken,
            stamp_s,
            True,
            across=moved.real / half,
            up=-moved.imag / half,
            spread=-step.zoom,
            slack=fit.error / half,
            slack_spread=fit.error_zoom,
            drift=drift,
            drift_spread=drift_zoom,
            quality=fit.quality,
        )


def _focal_px(small: Plane, half: float) -> float:
    return float(small.shape[1] / 2 / half)


def _jump(before: Plane, small: Plane, half: float) -> Move:
    """A first guess of a large motion, by phase correlation of the two pictures."""
    height, width = small.shape
    window = cv2.createHanningWindow((width, height), cv2.CV_32F)
    (across, down), _ = cv2.phaseCorrelate(before.astype(np.float32), small.astype(np.float32), window)
    focal = _focal_px(small, half)
    return Move(-across / focal, down / focal, 0.0, 0.0)
