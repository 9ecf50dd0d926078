"""Real people and cars, and a fisheye: none of them moves the camera."""

from dataclasses import replace

import cv2
import numpy as np
import pytest

from agent.aim.edges import hidden_area, look
from agent.aim.guard import AimGuard
from agent.events import AimLearned, Tamper
from agent.lenses import FisheyeLens as Fisheye
from agent.units import Blind
from agent.virtual.fisheye import FisheyeLens
from agent.virtual.render import TurningStreet
from tests.aim.street import STRIP, Clock, Keeper
from tests.rig.footage import STREET, STREET_PICTURES


class Camera:
    """A guard that is shown pictures, half a second apart."""

    def __init__(self, height: int, width: int, fisheye: Fisheye | None = None) -> None:
        self.events: list[object] = []
        self.clock, self.keeper = Clock(), Keeper()
        self.guard = AimGuard("c", self.keeper, self.clock, self.events.append, fisheye)
        self.masks = np.zeros((height, width), np.uint8)
        self.masks[height // 3 : height // 2, : width // 4] = 255

    def show(self, luma: np.ndarray) -> Blind | None:
        self.clock.now += 500_000_000
        seen = luma.copy()
        seen[self.masks > 0] = 100
        return self.guard.look(seen, self.masks, STRIP, self.clock.instant())


@pytest.mark.skipif(not STREET.exists(), reason="needs Debian's opencv-doc: apt install opencv-doc")
def test_real_people_in_a_real_street_trip_nothing_and_a_knock_there_is_found() -> None:
    film = cv2.VideoCapture(str(STREET))
    shown, camera, luma = 0, None, None
    while True:
        more, picture = film.read()
        if not more:
            break
        luma = cv2.cvtColor(picture, cv2.COLOR_BGR2GRAY)
        camera = camera or Camera(*luma.shape)
        assert camera.show(luma) is None, shown
        shown += 1
    assert shown == STREET_PICTURES
    assert camera is not None
    assert luma is not None
    assert {type(event) for event in camera.events} == {AimLearned}
    height, width = luma.shape
    for _ in range(20):
        moved = cv2.warpAffine(
            luma, np.array([[1, 0, 0.0], [0, 1, 0.025 * height]]), (width, height), borderMode=cv2.BORDER_REFLECT
        )
        camera.show(np.asarray(moved, np.uint8))
    assert Tamper("c", "aim-lost") in camera.events


def test_a_fisheye_holds_through_its_day_and_a_knock_is_found_though_its_rim_stays(
    turning_street: TurningStreet,
) -> None:
    size, axis = 640, {"pan_deg": 0.0, "tilt_deg": -15.0, "fov_deg": 180.0}
    eye = FisheyeLens(turning_street, size, size, **axis)
    lens = Fisheye(model="fisheye", pan_deg=0, tilt_deg=-15, fov_deg=180, centre=(0.5, 0.5), radius=0.5)
    camera = Camera(size, size, lens)

    def show(lens: FisheyeLens, looks: int) -> list[Blind | None]:
        return [camera.show(cv2.cvtColor(lens.picture(5 + n / 2), cv2.COLOR_BGR2GRAY)) for n in range(looks)]

    assert not any(show(eye, 40))
    try:
        turning_street.set_night(True)
        assert not any(show(eye, 20))
    finally:
        turning_street.set_night(False)
    knocked = FisheyeLens(turning_street, size, size, **{**axis, "pan_deg": 4.0})
    show(knocked, 2)
    assert show(knocked, 1) == [Blind("aim-unsure")]
    show(knocked, 27)
    assert camera.guard.facts.word == "lost"


def test_a_dark_picture_s_noise_is_nothing_to_see() -> None:
    random = np.random.default_rng(4)
    hidden = hidden_area(np.zeros((576, 704), np.uint8), STRIP)
    for level, noise in ((4, 3), (10, 8), (40, 12)):
        luma = np.clip(random.normal(level, noise, (576, 704)), 0, 255).astype(np.uint8)
        assert look(luma, hidden).clear_regions == 0


def test_the_strip_and_masks_are_left_out_whatever_the_picture_s_size() -> None:
    for height, width in ((576, 704), (1080, 1920), (90, 160), (64, 64), (481, 641)):
        masks = np.zeros((height, width), np.uint8)
        masks[height // 2, width // 2] = 255
        hidden = hidden_area(masks, max(1, height // 30))
        luma = np.random.default_rng(0).integers(0, 255, (height, width), dtype=np.uint8)
        sight = look(luma, hidden)
        assert hidden[45, 80]
        assert hidden[0].all()
        assert not sight.edges[hidden].any()
        assert np.array_equal(replace(sight).seen, ~hidden)
