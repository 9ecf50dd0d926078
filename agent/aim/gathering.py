"""Looks of one steady picture -> a reference: their mean, so that whoever passes fades. Decides; touches nothing."""

import numpy as np

from agent.aim.edges import Look
from agent.aim.match import Offset, match
from agent.aim.references import Reference, quantised

STEADY_PX = 0.6


class Gathering:
    """Begins again whenever the picture moves. `parent`: the number of the reference that it lies on, if any."""

    def __init__(self, looks: int, parent: int | None = None) -> None:
        self.parent = parent
        self.offsets: list[Offset] = []
        self._wanted = looks
        self._looks: list[Look] = []

    def add(self, sight: Look, utc_ms: int) -> Reference | None:
        """The reference when enough looks agree, else None."""
        if self._looks:
            first = self._looks[0]
            fit = match(first.edges, first.seen, sight)
            same_area = np.array_equal(first.seen, sight.seen)
            if not same_area or fit.support < max(3, 0.3 * fit.regions) or fit.far_px > STEADY_PX:
                self._looks.clear()
                self.offsets.clear()
        self._looks.append(sight)
        if len(self._looks) < self._wanted:
            return None
        edges = np.asarray(np.mean([one.edges for one in self._looks], axis=0), np.float32)
        return Reference(quantised(edges), sight.seen, True, utc_ms)
