"""When one segment ends and the next begins. Pure.

Laws
- A segment begins with a keyframe and is cut at keyframes only, so each plays on its own.
- When its time is up a keyframe is asked for; the cut waits for it. With the encoder's GOP of 2 s at the most, a
  segment is never longer than its time and one GOP.
- Another size, a new connection, a gap in the pictures and a jump of the clock cut as well: a segment has one size, no
  holes, and its name is true for all of it.
"""

from dataclasses import dataclass
from typing import Literal

from agent.units import TICKS_PER_SECOND, AccessUnit

EndReason = Literal[
    "time",  # its time was up
    "changed",  # another size or a new connection to the camera
    "gap",  # pictures are missing: the camera paused, or the disk was too slow
    "clock",  # wall time jumped against the pictures
    "camera-lost",  # no picture came any more
    "stopping",  # the agent ended, or was configured anew
    "fault",  # the disk refused while it was open
    "power-cut",  # found open at the next start
    "unindexed",  # found whole at the next start, its row had not been written
]

GAP_TICKS = TICKS_PER_SECOND
CLOCK_JUMP_MS = 2000


@dataclass(frozen=True, slots=True)
class Verdict:
    """What to do with a unit: `cut` begins a new segment with it, `skip` drops it.

    `due`: why the segment is to end at the next keyframe, which is then to be asked for.
    """

    cut: EndReason | None = None
    due: EndReason | None = None
    skip: bool = False


def _clock_moved_ms(first: AccessUnit, unit: AccessUnit) -> float:
    wall_ms = (unit.wall.utc_ns - first.wall.utc_ns) / 1e6
    media_ms = (unit.pts_90k - first.pts_90k) * 1000 / TICKS_PER_SECOND
    return abs(wall_ms - media_ms)


def _reason(first: AccessUnit, last: AccessUnit, unit: AccessUnit, segment_ticks: int) -> EndReason | None:
    if (unit.width, unit.height, unit.epoch) != (first.width, first.height, first.epoch):
        return "changed"
    if not 0 < unit.pts_90k - last.pts_90k <= GAP_TICKS:
        return "gap"
    if _clock_moved_ms(first, unit) > CLOCK_JUMP_MS:
        return "clock"
    return "time" if unit.pts_90k - first.pts_90k >= segment_ticks else None


def judge(
    first: AccessUnit, last: AccessUnit, unit: AccessUnit, segment_ticks: int, due: EndReason | None = None
) -> Verdict:
    """What `unit` means for the segment that began with `first`, whose newest is `last`, and may be `due` to end."""
    reason = due or _reason(first, last, unit, segment_ticks)
    if reason is not None and unit.keyframe:
        return Verdict(cut=reason)
    # Between keyframes, another size or a time that does not grow cannot go into the open file.
    unfit = (unit.width, unit.height, unit.epoch) != (first.width, first.height, first.epoch)
    return Verdict(due=reason, skip=unfit or unit.pts_90k <= last.pts_90k)
