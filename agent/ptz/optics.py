"""The zoom's calibration table as arithmetic: zoom position <-> horizontal field of view <-> spread. Pure.

`spread` is ln(tan(hfov / 2)): when the picture grows by a factor, the spread falls by that factor's logarithm, so the
change of scale between two pictures is a difference of spreads, whatever the zoom.

>>> lens = Optics((0.0, 0.5, 1.0), (60.0, 13.4, 3.0))
>>> round(lens.hfov_deg(0.25), 2)
28.35
>>> lens.hfov_deg(1.2) is None
True
"""

import math
from collections.abc import Sequence
from itertools import pairwise

from agent.masking.lens import ZoomTable


class Optics(ZoomTable):
    """The table of one lens, that of the masks, read the other way round as well."""

    def __init__(self, zoom: Sequence[float], hfov_deg: Sequence[float]) -> None:
        super().__init__(zoom, hfov_deg)
        self.widest_deg, self.narrowest_deg = max(hfov_deg), min(hfov_deg)

    def zoom(self, hfov_deg: float) -> float:
        """The zoom that shows `hfov_deg`; beyond the table its nearer end."""
        log = math.log(max(1e-9, hfov_deg))
        if log >= self._logs[0]:
            return self._zoom[0]
        for index in range(1, len(self._zoom)):
            if log >= self._logs[index]:
                share = (log - self._logs[index - 1]) / (self._logs[index] - self._logs[index - 1])
                return self._zoom[index - 1] + share * (self._zoom[index] - self._zoom[index - 1])
        return self._zoom[-1]

    def spread(self, zoom: float) -> float | None:
        """ln(tan(hfov / 2)) at `zoom`, or None outside the table."""
        hfov = self.hfov_deg(zoom)
        return None if hfov is None else spread_of(hfov)

    def spreads(self, zoom: float, around: float) -> tuple[float, float]:
        """The least and the most spread within `around` of `zoom`; any where that is outside the table.

        Beyond the table's ends it goes on as steeply as anywhere: no head is there, but what else is laid against a
        bound is wrong by a little, and would leave out a head that stands at its end.
        """
        if self.spread(zoom) is None:
            return -math.inf, math.inf
        return self._beyond(zoom + around), self._beyond(zoom - around)

    def _beyond(self, zoom: float) -> float:
        inside = min(max(zoom, self._zoom[0]), self._zoom[-1])
        spread = self.spread(inside)
        assert spread is not None
        return spread - self.steepest() * (zoom - inside)

    def zoom_of_spread(self, spread: float) -> float:
        """The zoom at a spread; beyond the table its nearer end."""
        return self.zoom(2 * math.degrees(math.atan(math.exp(spread))))

    def steepest(self) -> float:
        """The most that the spread changes for each unit of zoom, anywhere in the table."""
        points = [(zoom, spread_of(math.exp(log))) for zoom, log in zip(self._zoom, self._logs, strict=True)]
        # the spread is steeper than the logarithm of the angle by h / sin(h), which is largest at the wide end
        steepest = max(abs(b[1] - a[1]) / (b[0] - a[0]) for a, b in pairwise(points))
        return steepest * _widening(self.widest_deg)


def spread_of(hfov_deg: float) -> float:
    """ln(tan(hfov / 2))."""
    return math.log(math.tan(math.radians(hfov_deg) / 2))


def _widening(hfov_deg: float) -> float:
    angle = math.radians(hfov_deg)
    return max(1.0, angle / max(1e-6, math.sin(angle))) if angle < math.pi / 2 else 2.0
