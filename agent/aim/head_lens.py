"""The lens of a camera that turns: covered or defocused, seen in its masked pictures while the head rests.

    lens = HeadLens("parvis-ptz", emit)
    lens.look(masked, pose)                         # for each masked picture

A head that has turned or zoomed shows something else: what was usual is forgotten, and that picture is not looked at,
since nothing could be laid beside it. A blind picture tells nothing.
"""

import numpy as np

from agent.aim.edges import Area, hidden_area, look
from agent.aim.guard import lens_event
from agent.aim.lens import LensWatch
from agent.events import Emit
from agent.facts import AimFacts
from agent.masking.strip import strip_height
from agent.units import Blind, Burned, MaskedFrame, PoseSet

LOOK_NS = 500_000_000
TURNED_DEG = 0.1
ZOOMED = 0.002


class HeadLens:
    """One camera's. Not thread-safe: the picture thread owns it; `facts` may be read from any."""

    def __init__(self, camera: str, emit: Emit) -> None:
        self._camera = camera
        self._emit = emit
        self._lens = LensWatch()
        self._next_ns = 0
        self._where: tuple[float, float, float] | None = None
        self._area: tuple[tuple[int, int], Area] | None = None

    @property
    def facts(self) -> AimFacts:
        """What is true now; a turning camera has no aim to hold."""
        kind = self._lens.kind
        return AimFacts("turning", tamper=() if kind is None else (kind,))

    def look(self, masked: MaskedFrame, pose: PoseSet | Blind) -> None:
        """One picture, with the poses that it may have been taken from."""
        if isinstance(pose, Blind) or not isinstance(masked.masks, Burned):
            return
        where = (sum(pose.pan_deg) / 2, sum(pose.tilt_deg) / 2, sum(pose.zoom) / 2)
        if self._where is None or _turned(self._where, where):
            self._where = where
            self._lens.begin()
            return
        if masked.taken < self._next_ns:
            return
        self._next_ns = masked.taken + LOOK_NS
        size = (masked.width, masked.height)
        if self._area is None or self._area[0] != size:
            nothing = np.zeros((masked.height, masked.width), np.uint8)
            self._area = size, hidden_area(nothing, strip_height(masked.height))
            self._lens.begin()
        sight = look(masked.picture[: masked.height], self._area[1])
        for change in self._lens.take(sight, masked.taken):
            self._emit(lens_event(self._camera, change))


def _turned(before: tuple[float, float, float], now: tuple[float, float, float]) -> bool:
    degrees = max(abs(before[0] - now[0]), abs(before[1] - now[1]))
    return degrees > TURNED_DEG or abs(before[2] - now[2]) > ZOOMED
