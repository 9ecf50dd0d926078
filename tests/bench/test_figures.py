"""The arithmetic behind the tables: a wrong quantile or share would flatter or slander without anybody noticing."""

import math

import pytest

from agent.polygons import area
from tests.bench.latency import buckets, quantile
from tests.bench.mast import MASKS
from tests.bench.processes import Mark, Window
from tests.bench.tables import Table


def test_a_quantile_lies_between_the_bounds_of_its_bucket() -> None:
    counts = {0.01: 50.0, 0.02: 90.0, 0.04: 100.0, math.inf: 100.0}
    assert quantile(counts, 0.5) == pytest.approx(10)
    assert quantile(counts, 0.95) == pytest.approx(30)


def test_pictures_beyond_the_last_bound_are_not_called_quick() -> None:
    assert quantile({0.01: 90.0, math.inf: 100.0}, 0.95) == math.inf


def test_no_picture_is_an_error_and_not_a_good_figure() -> None:
    with pytest.raises(ValueError, match="no picture"):
        quantile({0.01: 0.0, math.inf: 0.0}, 0.95)


def test_buckets_are_read_from_the_exposition() -> None:
    name = 'vigie_picture_latency_seconds_bucket{camera="cam-1",le="%s"}'
    assert buckets({name % "0.005": 1.0, name % "+Inf": 3.0, "vigie_uptime_seconds": 9.0}) == {
        0.005: 1.0,
        math.inf: 3.0,
    }


def test_a_window_divides_by_pictures_and_tells_the_noise() -> None:
    window = Window.between(Mark(0, 1.0, 10.0, 100), Mark(10, 3.0, 15.0, 300))
    assert (window.ms_per_picture, window.cores, window.others_cores) == (10, 0.2, 0.3)


def test_a_window_without_pictures_costs_nothing_that_can_be_compared() -> None:
    assert math.isnan(Window.between(Mark(0, 1.0, 1.0, 5), Mark(1, 2.0, 2.0, 5)).ms_per_picture)


def test_the_masks_cover_a_fifth_of_the_picture() -> None:
    assert 0.19 < sum(area(tuple(mask)) for mask in MASKS) < 0.22


def test_a_row_with_a_missing_figure_is_refused() -> None:
    with pytest.raises(ValueError, match="cells"):
        Table("x", ("a", "b")).add("only one")
