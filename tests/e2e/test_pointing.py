"""The judge of tracks itself: by which picture a point is judged, and what is untrue to it."""

from dataclasses import replace

import av
import numpy as np
import pytest

from agent.masking.strip import strip_height
from agent.units import Burned, PoseSet
from agent.vault.pointing import Point, point_of
from agent.virtual.ptz_camera import TruePose
from agent.virtual.video import Encoder
from tests.e2e.pointing import Placed, Shelf, Stamped, StripClock, lay

WIDTH, HEIGHT, FPS = 704, 576, 25
BEGAN_MS = 1_800_000_000_900
"""The second turns meanwhile, and so does its tens digit."""


def pose(number: int, pan_deg: float = 0.0, tilt_deg: float = 3.0) -> TruePose:
    """A head that turns by a degree and a half a picture."""
    turned = (pan_deg + 1.5 * number + 180) % 360 - 180
    return TruePose(number, 0, 0, 0, turned, tilt_deg, 60.0, 0.0, False, False, "")


def arrives_ms(number: int) -> int:
    """As unevenly as pictures do; once by a millisecond after the one before."""
    return BEGAN_MS + number * 40 + (13 * number) % 39


CLOCK = StripClock("tete", WIDTH, HEIGHT)


@pytest.fixture(scope="module")
def pictures() -> list[Stamped]:
    """Four seconds of them as they come out of an encoder, numbered from 0."""
    dice = np.random.default_rng(5)
    encoder, decoder = Encoder(WIDTH, HEIGHT, FPS, 4000), av.CodecContext.create("h264", "r")
    found = []
    for number in range(100):
        picture = dice.integers(60, 200, (HEIGHT // 8, WIDTH // 8), np.uint8).repeat(8, 0).repeat(8, 1)
        picture[: strip_height(HEIGHT)] = CLOCK.strip(arrives_ms(number), synchronised=number < 50)
        data, _ = encoder.encode(np.repeat(picture[:, :, None], 3, 2), number * 3600)
        (decoded,) = decoder.decode(av.Packet(data))  # type: ignore[attr-defined]
        found.append(Stamped.of(decoded.to_ndarray(format="gray"), number))
    return found


def point(number: int, of: TruePose, half_deg: float = 0.2) -> Point:
    """What the index keeps of a picture whose pose is known to `half_deg`."""
    pan, tilt = ((one - half_deg, one + half_deg) for one in (of.pan_deg, of.tilt_deg))
    made = point_of(arrives_ms(number), Burned(0.1, PoseSet(pan, tilt, (0.0, 0.001))))
    assert made is not None
    return made


def laid(points: list[Point], pictures: list[Stamped], **of: float) -> Placed:
    placed = Placed()
    lay(points, Shelf(CLOCK, pictures), lambda number: pose(number, **of), placed)
    return placed


def test_each_picture_is_found_by_the_time_that_it_bears(pictures: list[Stamped]) -> None:
    shelf = Shelf(CLOCK, pictures)
    assert [shelf.number(arrives_ms(number)) for number in range(100)] == list(range(100))
    assert all(shelf.number(arrives_ms(number) + 1) in (None, number + 1) for number in range(99))


def test_a_point_of_the_picture_before_is_untrue_and_its_own_is_true(pictures: list[Stamped]) -> None:
    own = [point(number, pose(number)) for number in range(1, 100, 7)]
    assert laid(own, pictures) == Placed(len(own))
    lagging = [point(number, pose(number - 1)) for number in range(1, 100, 7)]
    assert len(laid(lagging, pictures).untrue) == len(lagging)


def test_a_point_whose_picture_is_missing_or_has_no_number_is_judged_by_no_other(pictures: list[Stamped]) -> None:
    missing = pictures[:40] + pictures[41:]
    nameless = [replace(one, number=None) if one.number == 40 else one for one in pictures]
    for those in (missing, nameless, []):
        assert laid([point(40, pose(40))], those) == Placed(1, nameless=1)


def test_a_set_across_the_seam_and_a_head_past_its_nadir_are_told_true(pictures: list[Stamped]) -> None:
    seam = replace(point(0, pose(0)), pan_mdeg=180_100)
    assert laid([seam], pictures, pan_deg=-179.95).untrue == []
    upright = replace(point(0, pose(0)), pan_mdeg=10_000 - 180_000, tilt_mdeg=-80_000)
    assert laid([upright], pictures, pan_deg=10.0, tilt_deg=-100.0).untrue == []
    assert laid([upright], pictures, pan_deg=10.0, tilt_deg=-80.0).untrue != []
