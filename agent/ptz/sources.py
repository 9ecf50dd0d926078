"""Two tellers of one head, GetStatus and the metadata stream: which of their reports count, and who keeps pace. Pure.

>>> sources = Sources(limits)
>>> sources.admit(report, streamed=True)
True
>>> sources.streaming(now)              # the stream keeps pace: GetStatus is asked as a cross-check only
False

Laws
- Both tell of the same head with delays of their own. A slow answer that newer positions have overtaken may differ from
  them by as much as the head can have turned meanwhile: it proves nothing, and is left out. What differs by more is no
  matter of delays: it counts, and the pose's own judgement finds the contradiction.
- A stream keeps pace while it tells at least `PACE` positions a second.
"""

from collections import deque

from agent.clock import Instant
from agent.ptz.evidence import HeadLimits, Report

PACE = 4
S = 1_000_000_000


class Sources:
    """What came last, and from whom. Not thread-safe: `head` locks around it."""

    def __init__(self, limits: HeadLimits) -> None:
        self._limits = limits
        self._last: Report | None = None
        self._streamed: deque[Instant] = deque(maxlen=PACE)

    def admit(self, report: Report, *, streamed: bool) -> bool:
        """True when this report is to be laid against the others."""
        if streamed:
            self._streamed.append(report.received)
        before = self._last
        if before is not None and self._overtaken(before, report):
            return False
        self._last = report
        return True

    def streaming(self, now: Instant) -> bool:
        """True while the stream alone tells often enough."""
        return len(self._streamed) == PACE and now - self._streamed[0] <= S

    def _overtaken(self, before: Report, report: Report) -> bool:
        """True when `report` may be older than `before`, and differs by no more than that explains."""
        forth_s, back_s = ((b - a) / S for a, b in ((before.asked, report.received), (report.asked, before.received)))
        if back_s <= forth_s:
            return False
        return self._apart_s(before, report, forth_s) and not self._apart_s(before, report, back_s)

    def _apart_s(self, before: Report, report: Report, seconds: float) -> bool:
        """True when the head cannot have turned from the one to the other in so many seconds and the reports' age."""
        seconds += self._limits.pose_age_s
        pan, tilt = abs(report.pan_deg - before.pan_deg), abs(report.tilt_deg - before.tilt_deg)
        pan = min(pan % 360, 360 - pan % 360) if self._limits.pan_turns else pan
        return pan > self._limits.pan_speed_deg_s * seconds or tilt > self._limits.tilt_speed_deg_s * seconds
