"""Not by blinding alone: how seldom a picture is blind, and how little more than the private place a mask covers.

Each run plays in virtual time (`studio`), so that no load of the machine changes what is found.
"""

from collections.abc import Iterator, Sequence
from itertools import pairwise
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest

from agent.units import Blind
from agent.virtual.render import TurningStreet, truth
from agent.virtual.reports import Ageing
from tests.e2e.studio import CALIBRATION, Setup, Shot, Studio, go, lie, turn
from tests.e2e.tightness import STRIP_ROWS, beyond_px, growth

SURVEYED: dict[str, Any] = {**CALIBRATION, "calibration_error_deg": 0.01, "hfov_error": 0.001}
EXACT = {"accuracy_deg": 0.01, "accuracy_zoom": 0.0002}
"""A lens that was surveyed, and a head that tells hundredths of a degree."""
LOSES = Ageing(lost=0.1)
MEASURED = {"video_age_ms": 140}
"""Instead of the default 300, as `vigie-provision calibrate` tells it of pictures that are 50 to 150 ms old.

It tells what the most punctual ones are at the most, which was 40 ms above the truth in quiet, and 50 ms more.
"""
ON_THE_MAST_S = (0.05, 0.07)
"""How old pictures are that come over the mast's own cable; all others here come up to 100 ms later than some."""


@pytest.fixture(scope="module")
def street(drawings: Path) -> TurningStreet:
    return TurningStreet(drawings)


def leaking(shot: Shot) -> bool:
    """Whether a block of 16 x 16 private pixels, or the half of one, is as the camera made it, sample by sample.

    Another test than the judge of encoded pictures: not deceived by the edges of a mosaic's cells, and blind to
    structure that survives altered.
    """
    private = truth(shot.view, shot.shown.shape[1], shot.shown.shape[0])
    private[:STRIP_ROWS] = 0
    same = ((shot.shown == shot.original) & (private > 0)).astype(np.float32)
    return bool(cv2.blur(same, (16, 16)).max() > 0.5)


def at_rest(studio: Studio, seconds: float, since_s: float = 1.0) -> Iterator[Shot]:
    """The pictures that were exposed when the head had stood for `since_s` at least."""
    moved_s, last = 0.0, None
    for shot in studio.shots(seconds):
        pose = (shot.truth.pan_deg, shot.truth.tilt_deg, shot.truth.zoom)
        if pose != last:
            moved_s, last = shot.exposed_s, pose
        if shot.exposed_s - moved_s > since_s and shot.exposed_s > 2:
            yield shot


@pytest.mark.parametrize(
    ("place", "zooms"),
    [
        pytest.param((51.0, -6.0), (0.0, 0.5, 1.0), id="garden"),
        pytest.param((-90.3, 1.6), (0.25, 0.75), id="small", marks=pytest.mark.slow),
        pytest.param((-33.0, 3.0), (0.0, 0.25, 0.5, 0.75, 1.0), id="facade", marks=pytest.mark.slow),
    ],
)
def test_at_rest_a_mask_is_hardly_larger_than_its_polygon_and_hardly_a_picture_is_blind(
    street: TurningStreet, place: tuple[float, float], zooms: tuple[float, ...]
) -> None:
    script = tuple((0.1 + 6.0 * i, go(*place, zoom)) for i, zoom in enumerate(zooms))
    setup = Setup(start=(*place, 0.0), lens=SURVEYED, ptz=EXACT, video_age_s=ON_THE_MAST_S)
    studio = Studio(street, setup, script)
    shots = list(at_rest(studio, 6.0 * len(zooms)))
    blind = [shot for shot in shots if isinstance(shot.masks, Blind)]
    assert len(shots) > 50 * len(zooms)
    assert len(blind) < 0.01 * len(shots)
    for shot in shots[::12]:
        assert not leaking(shot)
        assert beyond_px(shot) == 0, shot.view


def hardly_larger(shots: Sequence[Shot]) -> None:
    """Hardly a picture is blind, each side of each mask is bounded by itself, and areas with a margin below 2.5."""
    seen = [shot for shot in shots if not isinstance(shot.said, Blind)]
    assert len(shots) - len(seen) < 0.10 * len(shots)
    grown = [growth(shot) for shot in seen[::6] if not leaking(shot)]
    assert len(grown) == len(seen[::6])
    assert 2 < max(one.farthest_deg for one in grown) <= 8
    assert all(ratio <= 2.3 for one in grown for ratio in one.ratios)


WIDE_TO_NARROW = pytest.mark.parametrize(
    "zoom",
    [
        pytest.param(0.0, id="wide"),
        pytest.param(0.25, id="middle", marks=pytest.mark.slow),
        pytest.param(0.5, id="narrow", marks=pytest.mark.slow),
    ],
)


@WIDE_TO_NARROW
def test_between_two_stops_no_side_of_a_mask_is_8_degrees_larger(street: TurningStreet, zoom: float) -> None:
    """To and fro by 120 degrees at 30 a second, with the ages that the configuration has by itself."""
    script = tuple((2.0 + 5.5 * i, turn(pan=(-1) ** i * 0.25, seconds=4.0)) for i in range(2))
    shots = list(Studio(street, Setup(start=(-120.0, 4.0, zoom), ageing=LOSES), script).shots(11.5))
    turning = [after for before, after in pairwise(shots) if abs(after.truth.pan_deg - before.truth.pan_deg) > 1.0]
    assert len(turning) > 150
    hardly_larger(turning)


@WIDE_TO_NARROW
def test_for_ever_round_where_the_age_of_pictures_was_measured_no_side_is_8_degrees_larger(
    street: TurningStreet, zoom: float
) -> None:
    setup = Setup(start=(-120.0, 4.0, zoom), ageing=LOSES, ptz=MEASURED)
    shots = Studio(street, setup, ((2.0, turn(pan=0.25)),)).shots(34.0 if zoom else 18.0)
    hardly_larger([shot for shot in shots if shot.exposed_s > 3])


@pytest.mark.slow
@pytest.mark.parametrize(
    "lies",
    [{"frozen": True}, {"offset": (7.0, 0.0, 0.0)}, {"offset": (0.0, -3.0, 0.0)}, {"offset": (0.0, 0.0, 0.2)}],
    ids=["frozen", "pan", "tilt", "zoom"],
)
def test_a_lie_blinds_until_it_ends_and_nothing_private_shows_meanwhile(
    street: TurningStreet, lies: dict[str, Any]
) -> None:
    script = ((4.0, lie(**lies)), (4.2, turn(pan=0.05, seconds=1.0)), (9.0, lie()))
    shots = list(Studio(street, Setup(start=(-33.0, 2.0, 0.2)), script).shots(14))
    assert not any(leaking(shot) for shot in shots if not isinstance(shot.masks, Blind))
    lying = [shot.said for shot in shots if 6.5 < shot.exposed_s < 9]
    assert set(lying) == {Blind("contradiction-picture")}
    after = [shot.masks for shot in shots if shot.exposed_s > 12]
    assert not any(isinstance(one, Blind) for one in after)
