"""Whether the index tells truly where the head pointed: each point laid against the truth of its own picture.

    placed = pointing(folder, "tete", head, verdict.strips)
    assert placed.untrue == []

A point has the time that its picture bears in its strip, so the picture is found by that, to the millisecond, however
long it was under way; and the picture's number tells what was truly seen. No clock of the judge's own takes part.
"""

import sqlite3
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np

from agent.clock import WallTime
from agent.masking.planes import Picture
from agent.masking.strip import Strip, strip_height
from agent.vault.pointing import Point, read_track
from agent.virtual.ptz_camera import TruePose, VirtualPtz

Luma = np.ndarray


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
    placed, clock = Placed(), StripClock(camera, head.setup.width, head.setup.height)
    for name, text in _tracks(folder, camera):
        lay(read_track(text), Shelf(clock, pictures.get(name, [])), head.true_pose, placed)
    return placed


def lay(points: Iterable[Point], shelf: "Shelf", truth: Callable[[int], TruePose | None], placed: Placed) -> None:
    """One segment's points, each laid against the truth of its picture on the `shelf`."""
    for point in points:
        if point.blind:
            continue
        placed.points += 1
        number = shelf.number(point.at_ms)
        pose = None if number is None else truth(number)
        if pose is None:
            placed.nameless += 1
        elif not _holds(point, pose):
            placed.untrue.append(f"{point} of {pose}")


class StripClock:
    """Draws the strip that pictures of one camera bear at any time."""

    def __init__(self, camera: str, width: int, height: int) -> None:
        self._strip, self._picture = Strip(camera, width, height), Picture.empty(width, height)

    def strip(self, at_ms: int, *, synchronised: bool) -> Luma:
        """As it is drawn at that time."""
        self._strip.draw(self._picture, WallTime(at_ms * 1_000_000, synchronised, 1.0))
        return self._picture.y[: strip_height(len(self._picture.y))].copy()


class Shelf:
    """One segment's pictures, found by the times that they bear."""

    def __init__(self, clock: StripClock, pictures: Sequence[Stamped]) -> None:
        self._clock, self._pictures = clock, pictures
        self._strips = np.stack([_levelled(one.strip) for one in pictures]) if pictures else np.zeros((0, 0))

    def number(self, at_ms: int) -> int | None:
        """The number of the picture that bears this time; None where there is none, or its number is not known."""
        if not self._pictures:
            return None
        alike = {synchronised: self._strips @ self._drawn(at_ms, synchronised) for synchronised in (True, False)}
        synchronised = bool(alike[True].max() > alike[False].max())
        best = int(alike[synchronised].argmax())
        others = [self._drawn(other, synchronised) for other in _one_digit_off(at_ms)]
        bears = all(float(self._strips[best] @ other) < alike[synchronised][best] for other in others)
        return self._pictures[best].number if bears else None

    def _drawn(self, at_ms: int, synchronised: bool) -> Luma:
        return _levelled(self._clock.strip(at_ms, synchronised=synchronised))


def _one_digit_off(at_ms: int) -> list[int]:
    """The times that differ in one digit of the milliseconds or the seconds."""
    found = []
    for worth in (1, 10, 100, 1000):
        own = at_ms // worth % 10
        found += [at_ms + (digit - own) * worth for digit in range(10) if digit != own]
    return found


def _levelled(strip: Luma) -> Luma:
    """Flat, without its mean and of length 1: the product of two is how alike they are."""
    flat = strip.astype(np.float32).ravel()
    flat -= flat.mean()
    return flat / max(1.0, float(np.linalg.norm(flat)))


def _tracks(folder: Path, camera: str) -> list[tuple[str, str]]:
    """(name of the segment, its track)."""
    with sqlite3.connect(f"file:{folder / 'state' / 'index.sqlite'}?mode=ro", uri=True) as base:
        asked = "SELECT name, track FROM segment WHERE camera = ? AND track IS NOT NULL"
        rows: list[tuple[str, str]] = base.execute(asked, (camera,)).fetchall()
    base.close()
    return rows


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
