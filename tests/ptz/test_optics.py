import math

import pytest

from agent.ptz.optics import Optics, spread_of

OPTICS = Optics((0.0, 0.5, 1.0), (60.0, 13.4, 3.0))


@pytest.mark.parametrize(
    ("zoom", "hfov"), [(0, 60), (0.5, 13.4), (1, 3), (0.25, math.sqrt(60 * 13.4)), (0.75, math.sqrt(13.4 * 3))]
)
def test_the_table_is_interpolated_by_the_logarithm_and_back(zoom: float, hfov: float) -> None:
    assert OPTICS.hfov_deg(zoom) == pytest.approx(hfov)
    assert OPTICS.zoom(hfov) == pytest.approx(zoom)
    assert OPTICS.zoom_of_spread(OPTICS.spread(zoom) or 0) == pytest.approx(zoom)


@pytest.mark.parametrize("zoom", [-0.1, 1.01, 4.0, float("nan")])
def test_a_zoom_outside_the_table_has_no_field_of_view(zoom: float) -> None:
    assert OPTICS.hfov_deg(zoom) is None
    assert OPTICS.spread(zoom) is None


def test_nowhere_does_the_spread_change_faster_than_it_says() -> None:
    steps = [(OPTICS.spread(i / 1000) or 0) - (OPTICS.spread((i + 1) / 1000) or 0) for i in range(1000)]
    assert max(steps) * 1000 <= OPTICS.steepest()
    assert max(steps) * 1000 > 0.8 * OPTICS.steepest()


def test_the_change_of_scale_is_a_difference_of_spreads() -> None:
    assert math.exp(spread_of(60) - spread_of(30)) == pytest.approx(
        math.tan(math.radians(30)) / math.tan(math.radians(15))
    )
