"""The pictures' own motion as a path in pan, tilt and spread, with what may be wrong about it. Pure.

Laws
- A frame that tells nothing stands where the last known one stood, give or take the head's full speed since then; the
  next known one is exact again. Where the pictures lose their thread for good, the path goes on with that much drift.
- Near the zenith the picture's motion across says nothing of pan. Before the first report nobody knows how steeply the
  head looks; a report that tells that it was steep then says nothing of pan either.
"""

import math
from collections import deque
from dataclasses import replace

from agent.clock import Instant
from agent.lateness import UNKNOWN_LATE_S
from agent.ptz.belief import INFINITE, Box, Node, Triple, triple
from agent.ptz.evidence import HeadLimits, Sight
from agent.ptz.optics import Optics, spread_of

KEPT_S = 6.0
MOST_NODES = 512
BROKEN_MARGIN = 2.0
"""Of the head's reach between two pictures that do not hang together: one of them may have been late as well."""
STEEPEST_TILT_DEG = 75.0
STEEPEST = 1.001 / math.cos(math.radians(STEEPEST_TILT_DEG))
FAST_MARGIN = 1.1
NOWHERE: Triple = (INFINITE,) * 3
S = 1_000_000_000


def cos_deg(angle: float) -> float:
    """The cosine of an angle in degrees."""
    return math.cos(math.radians(angle))


class Path:
    """The last few seconds of frames."""

    def __init__(self, limits: HeadLimits, optics: Optics) -> None:
        self.speed: Triple = (
            limits.pan_speed_deg_s * FAST_MARGIN,
            limits.tilt_speed_deg_s * FAST_MARGIN,
            limits.zoom_speed_per_s * optics.steepest() * FAST_MARGIN,
        )
        self._scale_error = limits.scale_error
        self._video_age = int(limits.video_age_s * S)
        self._nodes: deque[Node] = deque(maxlen=MOST_NODES)
        self._known: Node | None = None
        self._widest, self._narrowest = spread_of(optics.widest_deg), spread_of(optics.narrowest_deg)
        self._broke_at: Instant | None = None

    @property
    def newest(self) -> Node | None:
        """The frame that came last."""
        return self._nodes[-1] if self._nodes else None

    def before(self, sight: Sight) -> Node | None:
        """The frame that `sight` is seen from: the last known one, or the last of all where the thread is lost."""
        return self.newest if sight.broken else self._known

    def broke_since(self, then: Instant) -> bool:
        """True when the pictures lost their thread since `then`; one that tells nothing and hangs together is none."""
        return self._broke_at is not None and self._broke_at >= then

    def at(self, taken: Instant) -> Node | None:
        """The frame taken at `taken`, or None when it is not (or no longer) on the path."""
        return next((node for node in reversed(self._nodes) if node.taken == taken), None)

    def between(self, since: Instant, until: Instant) -> list[Node]:
        """From the last frame exposed before `since` to the first one after `until`; none when either is missing."""
        found: list[Node] = []
        for node in reversed(self._nodes):
            if node.earliest >= until:
                found = [node]
                continue
            if not found:
                return []
            found.append(node)
            if node.taken <= since:
                return found[::-1]
        return []

    def add(self, sight: Sight, around: Box) -> None:
        """The next frame; `around` is what the head's pose may be at the frame `before` it, as wide as may be."""
        before = self._known
        if before is None:
            node = self._first(sight, around)
        elif not sight.known:
            node = self._lost(sight, before)
        elif sight.broken:
            node = self._broken(sight, before, around)
        else:
            node = self._moved(sight, before, around)
        if sight.broken:
            self._broke_at = sight.taken
        if sight.known:
            node = self._known = replace(node, assumed=True) if _unknown_tilt(around) else node
        self._nodes.append(node)
        while sight.taken - self._nodes[0].taken > KEPT_S * S:
            self._nodes.popleft()

    def _node(self, sight: Sight, x: Triple, drift: Triple, slack: Triple) -> Node:
        earliest = sight.taken - self._video_age - int(sight.late_s * S)
        if self.newest is not None:  # exposed after the picture before it
            earliest = max(earliest, self.newest.earliest)
        return Node(sight.taken, earliest, sight.stamp_s, sight.known, sight.blank, x, drift, slack)

    def _gap_s(self, sight: Sight, before: Node) -> float:
        """Seconds that may lie between two exposures; the media clock is doubted where arrivals say more.

        Where the camera's own clock was set, or nothing is known of it yet, arrivals alone say how much it may be.
        """
        since = before.earliest if sight.late_s >= UNKNOWN_LATE_S else before.taken + self._video_age
        apart = (sight.taken - since) / S
        return max(sight.stamp_s - before.stamp_s, apart, 0.01)

    def _first(self, sight: Sight, around: Box) -> Node:
        zero = (0.0, 0.0, 0.0)
        slack = self._slack(sight, around) if sight.known else NOWHERE
        return self._node(sight, zero, zero, slack)

    def _reach(self, sight: Sight, before: Node) -> Triple:
        gap = self._gap_s(sight, before)
        return triple(lambda axis: self.speed[axis] * gap)

    def _lost(self, sight: Sight, before: Node) -> Node:
        return self._node(sight, before.x, before.drift, self._reach(sight, before))

    def _broken(self, sight: Sight, before: Node, around: Box) -> Node:
        reach = self._reach(sight, before)
        drift = triple(lambda axis: before.drift[axis] + BROKEN_MARGIN * reach[axis])
        return self._node(sight, before.x, drift, self._slack(sight, around))

    def _moved(self, sight: Sight, before: Node, around: Box) -> Node:
        unit, unit_error = self._unit_deg(around, sight.spread)
        across, up = sight.across * unit, sight.up * unit
        widening, widening_error = _widening(around, up)
        error_across = abs(sight.across) * unit_error + self._scale_error * abs(across) + sight.drift * unit
        error_up = abs(sight.up) * unit_error + self._scale_error * abs(up) + sight.drift * unit
        pan = across * widening
        error_pan = error_across * (widening + widening_error) + abs(across) * widening_error
        if widening + widening_error > STEEPEST:
            pan, error_pan = 0.0, self._reach(sight, before)[0]
        drift = (
            before.drift[0] + error_pan,
            before.drift[1] + error_up,
            before.drift[2] + self._scale_error * abs(sight.spread) + sight.drift_spread,
        )
        x = (before.x[0] + pan, before.x[1] + up, before.x[2] + sight.spread)
        return self._node(sight, x, drift, self._slack(sight, around))

    def _unit_deg(self, around: Box, widened: float = 0.0) -> tuple[float, float]:
        """Degrees in half a view's width at the picture's middle, and by how much that may be wrong."""
        low, high = max(around.low[2] + widened, self._narrowest), min(around.high[2] + widened, self._widest)
        ends = sorted(math.degrees(math.exp(one)) for one in (low, max(low, high)))
        return (ends[0] + ends[1]) / 2, (ends[1] - ends[0]) / 2

    def _slack(self, sight: Sight, around: Box) -> Triple:
        unit, unit_error = self._unit_deg(around)
        slack = sight.slack * (unit + unit_error)
        return slack * sum(_widening(around)), slack, sight.slack_spread


def _widening(around: Box, up_deg: float = 0.0) -> tuple[float, float]:
    """1 / cos(tilt), by which pan exceeds the picture's motion across, and by how much that may be wrong.

    The tilt is anywhere on the way from where the head was to `up_deg` above it. Before the first report it is assumed
    not to be steep, and `Node.assumed` says so.
    """
    low, high = max(-89.0, around.low[1] + min(0.0, up_deg)), min(89.0, around.high[1] + max(0.0, up_deg))
    if _unknown_tilt(around):
        low, high = -STEEPEST_TILT_DEG, STEEPEST_TILT_DEG
    ends = [1 / cos_deg(low), 1 / cos_deg(high)]
    least, most = (1.0 if low <= 0 <= high else min(ends)), max(ends)
    return (least + most) / 2, (most - least) / 2


def _unknown_tilt(around: Box) -> bool:
    return math.isinf(around.high[1] - around.low[1])
