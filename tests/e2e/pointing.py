"""Whether the index tells truly where the head pointed: each point laid against the truth of its own picture.

    placed = pointing(folder, "tete", head, verdict)
    assert placed.untrue == []

A point has the time that its picture bears in its strip, so the picture is found by that, to the millisecond, however
long it was under way; and the picture's number tells what was truly seen. No clock of the judge's own takes part.
"""

import sqlite3
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path

import numpy as np

from agent.clock import WallTime
from agent.masking.planes import Picture
from agent.masking.strip import Strip, strip_height
from agent.vault.pointing import Point, read_track
from agent.virtual.ptz_camera import TruePose, VirtualPtz

Luma = np.ndarray

ALIKE, APART = 0.98, 0.002
"""How alike a strip is at least with one drawn with its time (0.995 after encoding), and by how much no other is as
alike: one digit that differs takes 0.004 off."""


@dataclass(frozen=True, slots=True)
class Stamped:
    """A sealed picture's strip, and its number where that is known."""

    strip: Luma
    number: int | None

    @classmethod
    def of(cls, luma: Luma, number: int | None) -> "Stamped":
        return cls(luma[: strip_height(luma.shape[0])].copy(), number)


@dataclass
class Placed:
    """Points by what they are; `untrue` as text, each with the truth beside it."""

    points: int = 0
    nameless: int = 0
    """Their picture's number is not known: it lies under a mask, at a segment's edge, or was never sealed."""
    untrue: list[str] = field(default_factory=list)

    def __str__(self) -> str:
        return f"{self.points} points of its track, {self.nameless} nameless, {len(self.untrue)} untrue"


def pointing(folder: Path, camera: str, head: VirtualPtz, pictures: Mapping[str, list[Stamped]]) -> Placed:
    """Lays each point of a camera's track that is not blind against the truth; `pictures`: by their segment's name."""
    placed = Placed()
    for name, text in _tracks(folder, camera):
        for point in read_track(text):
            if point.blind:
                continue
            placed.points += 1
            number = _number(point, camera, pictures.get(name, []), head.setup.height)
            pose = None if number is None else head.true_pose(number)
            if pose is None:
                placed.nameless += 1
            elif not _holds(point, pose):
                placed.untrue.append(f"{point} of {pose}")
    return placed


def _tracks(folder: Path, camera: str) -> list[tuple[str, str]]:
    """(name of the segment, its track)."""
    with sqlite3.connect(f"file:{folder / 'state' / 'index.sqlite'}?mode=ro", uri=True) as base:
        asked = "SELECT name, track FROM segment WHERE camera = ? AND track IS NOT NULL"
        rows: list[tuple[str, str]] = base.execute(asked, (camera,)).fetchall()
    base.close()
    return rows


def _number(point: Point, camera: str, pictures: Sequence[Stamped], height: int) -> int | None:
    """The number of the picture that bears the point's time."""
    if not pictures:
        return None
    width = pictures[0].strip.shape[1]
    drawn = [_drawn(camera, width, height, point.at_ms, synchronised) for synchronised in (True, False)]
    alike = [max(_alike(one.strip, other) for other in drawn) for one in pictures]
    best = max(range(len(pictures)), key=alike.__getitem__)
    rest = max((one for at, one in enumerate(alike) if at != best), default=0.0)
    return pictures[best].number if alike[best] > max(ALIKE, rest + APART) else None


@cache
def _strip(camera: str, width: int, height: int) -> Strip:
    return Strip(camera, width, height)


def _drawn(camera: str, width: int, height: int, at_ms: int, synchronised: bool) -> Luma:
    picture = Picture.empty(width, height)
    _strip(camera, width, height).draw(picture, WallTime(at_ms * 1_000_000, synchronised, 1.0))
    return picture.y[: strip_height(height)]


def _alike(one: Luma, other: Luma) -> float:
    return float(np.corrcoef(one.ravel(), other.ravel())[0, 1])


def _holds(point: Point, pose: TruePose) -> bool:
    """True where the point has the pose within it, whichever way round a head past its nadir is told."""
    told = [(pose.pan_deg, pose.tilt_deg)]
    if pose.tilt_deg < -90:
        told.append((pose.pan_deg + 180, -180 - pose.tilt_deg))
    return any(_near(point, *one, pose.zoom) for one in told)


def _near(point: Point, pan_deg: float, tilt_deg: float, zoom: float) -> bool:
    pan_mdeg = abs((point.pan_mdeg - pan_deg * 1000 + 180_000) % 360_000 - 180_000)
    tilt_mdeg = abs(point.tilt_mdeg - tilt_deg * 1000)
    zoom_ppm = abs(point.zoom_ppm - zoom * 1_000_000)
    halves = point.pan_half_mdeg, point.tilt_half_mdeg, point.zoom_half_ppm
    return all(off <= half + 1 for off, half in zip((pan_mdeg, tilt_mdeg, zoom_ppm), halves, strict=True))
