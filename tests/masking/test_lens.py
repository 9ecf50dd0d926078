"""The zoom table and the pinhole: the logarithm between entries, nothing outside, directions where they belong."""

import math

import numpy as np
import pytest

from agent.masking.lens import View, ZoomTable, focal_px
from tests.masking.worlds import aim, directions

TABLE = ZoomTable((0.1, 0.5, 1.0), (60.0, 13.4, 3.0))


def test_between_entries_the_logarithm_of_the_angle_is_even() -> None:
    assert TABLE.hfov_deg(0.5) == pytest.approx(13.4)
    assert TABLE.hfov_deg(0.3) == pytest.approx(math.sqrt(60 * 13.4))
    assert TABLE.hfov_deg(0.75) == pytest.approx(math.sqrt(13.4 * 3))


@pytest.mark.parametrize("zoom", [0.0, 0.098, 1.002, 2.0, -1.0, float("nan"), float("inf")])
def test_outside_the_table_nothing_is_known(zoom: float) -> None:
    assert TABLE.hfov_deg(zoom) is None
    assert TABLE.focals((zoom, zoom), 1920) is None
    assert TABLE.focals((0.5, zoom), 1920) is None or zoom < 0.5


def test_a_zoom_that_is_a_rounding_beyond_the_end_is_the_end() -> None:
    assert TABLE.hfov_deg(1.0005) == pytest.approx(3.0)
    assert TABLE.hfov_deg(0.0995) == pytest.approx(60.0)


def test_focal_lengths_run_from_the_widest_to_the_narrowest() -> None:
    found = TABLE.focals((0.1, 1.0), 1920)
    assert found is not None
    assert found == pytest.approx((960 / math.tan(math.radians(30)), 960 / math.tan(math.radians(1.5))))


@pytest.mark.parametrize(
    ("pan", "tilt", "hfov"), [(0, 0, 60), (179, -30, 20), (-90, 89, 40), (37, -90, 60), (0, 60, 3), (200, 10, 100)]
)
def test_directions_stand_where_the_rays_of_the_pixels_come_from(pan: float, tilt: float, hfov: float) -> None:
    width, height = 64, 36
    view = View.at(pan, tilt, focal_px(hfov, width), width, height)
    placed = directions(pan, tilt, hfov, width, height) @ view.from_world().T
    assert (placed[..., 2] > 0).all()
    columns, rows = np.meshgrid(np.arange(width) + 0.5, np.arange(height) + 0.5)
    assert placed[..., 0] / placed[..., 2] == pytest.approx(columns)
    assert placed[..., 1] / placed[..., 2] == pytest.approx(rows)
    assert (view.from_world() @ -aim(pan, tilt))[2] < 0
