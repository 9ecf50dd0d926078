"""The masker asks the guard of the aim before a picture may leave."""

import numpy as np

from agent.clock import Instant
from agent.masking import Masker, PictureMask
from agent.units import Blind, Burned, Plane
from tests.masking.test_masker import SQUARE, noise_frame, planes_of


class Guard:
    """Says what the test tells it to, and remembers what it was shown."""

    def __init__(self) -> None:
        self.blind: Blind | None = None
        self.began = 0
        self.seen: list[tuple[Plane, Plane]] = []

    def begin(self) -> None:
        self.began += 1

    def look(self, luma: Plane, masks: Plane, strip_rows: int, taken: Instant) -> Blind | None:
        self.seen.append((luma.copy(), masks))
        return self.blind


def masker(guard: Guard) -> Masker:
    masks: list[PictureMask] = [SQUARE]
    return Masker("c", "Place", masks, guard)


def test_a_camera_that_points_elsewhere_shows_one_colour_in_all_planes() -> None:
    guard = Guard()
    made = masker(guard)
    made.mask(noise_frame())
    assert isinstance(made.mask(noise_frame()).masks, Burned)
    guard.blind = Blind("aim-lost")
    masked = made.mask(noise_frame(seed=1))
    assert masked.masks == Blind("aim-lost")
    picture = planes_of(masked)
    for plane in (picture.y[32:], picture.u[16:], picture.v[16:]):
        assert len(np.unique(plane)) == 1


def test_the_guard_sees_the_picture_only_after_its_masks_are_burned() -> None:
    guard = Guard()
    made = masker(guard)
    made.mask(noise_frame())
    assert (guard.began, guard.seen) == (1, [])  # a picture that is masked whole proves nothing
    made.mask(noise_frame())
    luma, masks = guard.seen[0]
    inside = luma[masks > 0].reshape(-1)
    assert len(np.unique(inside)) <= 16
    made.mask(noise_frame(epoch=2))
    assert guard.began == 2


def test_a_guard_that_fails_lets_nothing_through() -> None:
    class Failing(Guard):
        def look(self, luma: Plane, masks: Plane, strip_rows: int, taken: Instant) -> Blind | None:
            raise RuntimeError("a fault of ours")

    made = masker(Failing())
    made.mask(noise_frame())
    try:
        shown = made.mask(noise_frame())
    except RuntimeError:
        shown = None
    assert shown is None
