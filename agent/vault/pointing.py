"""Where a turning head pointed while a segment was recorded: few points, each what was known of one picture. Pure.

    track = Track()
    track.add(unit.wall.utc_ms, unit.masks)     # each picture
    text = track.text()                         # kept in the segment's own row
    points = read_track(text)

Laws
- A point is what the masks of that picture were laid by: the middle of its set of poses and half its width, or blind,
  and why. Nothing is interpolated, and nothing is left out afterwards.
- Noted when it changed by more than `STEP`, no more than five times a second; at rest every ten seconds at the most.
- Bounded: `MOST_POINTS` a segment; beyond them the last point says so.
- The first picture that can be noted is: a track begins with its segment.
"""

import json
from collections.abc import Sequence
from dataclasses import astuple, dataclass

from agent.units import Blind, Interval, MaskState

APART_MS = 200
REST_MS = 9_900
"""A picture of the slowest camera later it is within ten seconds."""
STEP = 100
"""A tenth of a degree, a ten-thousandth of the zoom's way."""
MOST_POINTS = 20_000
"""More than an hour of turning without rest."""
FULL = "track-full"
CUT = "track-cut"
"""From here on a power cut, or a fault of the disk, took the track (`vault.open_track`)."""


@dataclass(frozen=True, slots=True)
class Point:
    """`at_ms`: UTC. Thousandths of a degree, and millionths of the zoom's way; `*_half`: as far to each side it may
    have been. `blind`: why nothing is known, and then the numbers are 0; else empty."""

    at_ms: int
    pan_mdeg: int
    pan_half_mdeg: int
    tilt_mdeg: int
    tilt_half_mdeg: int
    zoom_ppm: int
    zoom_half_ppm: int
    blind: str = ""


def point_of(at_ms: int, masks: MaskState) -> Point | None:
    """What is known of one picture; None where no head turns."""
    if isinstance(masks, Blind):
        return Point(at_ms, 0, 0, 0, 0, 0, 0, masks.reason)
    poses = masks.poses
    if poses is None:
        return None
    pan, tilt = _middle(poses.pan_deg, 1000), _middle(poses.tilt_deg, 1000)
    return Point(at_ms, *pan, *tilt, *_middle(poses.zoom, 1_000_000))


def _middle(of: Interval, scale: int) -> tuple[int, int]:
    """(middle, half the width), rounded so that the box still holds the interval."""
    low, high = of[0] * scale, of[1] * scale
    middle = round((low + high) / 2)
    return middle, int(max(high - middle, middle - low)) + 1


def _differs(one: Point, other: Point) -> bool:
    if one.blind or other.blind:
        return one.blind != other.blind
    turned = (
        abs(a - b) > STEP
        for a, b in (
            (one.pan_mdeg, other.pan_mdeg),
            (one.pan_half_mdeg, other.pan_half_mdeg),
            (one.tilt_mdeg, other.tilt_mdeg),
            (one.tilt_half_mdeg, other.tilt_half_mdeg),
            (one.zoom_ppm, other.zoom_ppm),
            (one.zoom_half_ppm, other.zoom_half_ppm),
        )
    )
    return any(turned)


class Track:
    """Of one segment. One thread owns it."""

    def __init__(self) -> None:
        self._points: list[Point] = []

    def add(self, at_ms: int, masks: MaskState) -> None:
        """One more picture."""
        if len(self._points) >= MOST_POINTS:
            return
        last = self._points[-1] if self._points else None
        # a clock that was set back is no reason to note nothing
        gone = at_ms - last.at_ms if last is not None and at_ms >= last.at_ms else REST_MS
        if gone < APART_MS:  # asked first: most pictures come so soon
            return
        point = point_of(at_ms, masks)
        if point is None or (last is not None and gone < REST_MS and not _differs(last, point)):
            return
        if len(self._points) == MOST_POINTS - 1:
            point = Point(at_ms, 0, 0, 0, 0, 0, 0, FULL)
        self._points.append(point)

    def text(self) -> str | None:
        """For the index; None where nothing was noted, as of a camera that stands still and was not blind."""
        return text_of(self._points) if self._points else None

    def since(self, count: int) -> Sequence[Point]:
        """The points after the first `count`."""
        return self._points[count:]


def text_of(points: Sequence[Point]) -> str:
    """For the index."""
    return json.dumps([astuple(one) for one in points], separators=(",", ":"))


def read_track(text: str) -> tuple[Point, ...]:
    """The points that `Track.text` wrote."""
    return tuple(Point(*one) for one in json.loads(text))
