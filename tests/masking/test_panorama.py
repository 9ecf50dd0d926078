"""World polygons in panoramic pictures: every private pixel is covered, through each lens, at seams and poles."""

import math
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from agent.lenses import CylindricalLens, EquirectangularLens, FisheyeLens, PanoramicLens
from agent.masking import Masker, PanoramaMask
from agent.units import Blind, Burned
from tests.masking.test_masker import noise_frame, planes_of
from tests.masking.worlds import Array, aim, dense, inside, look, star, tilted_by

SIZE = (640, 320)
WHOLE = EquirectangularLens(model="equirectangular", pan_deg=(-180, 180), tilt_deg=(-90, 90), calibration_error_deg=0)
PART = EquirectangularLens(model="equirectangular", pan_deg=(100, 260), tilt_deg=(-40, 20), calibration_error_deg=0)
BAND = CylindricalLens(model="cylindrical", pan_deg=(-90, 270), tilt_deg=(-50, 40), calibration_error_deg=0)
DOWN = FisheyeLens(
    model="fisheye", centre=(0.5, 0.5), radius=0.25, fov_deg=185, pan_deg=30, tilt_deg=-90, calibration_error_deg=0
)
WALL = FisheyeLens(
    model="fisheye", centre=(0.47, 0.55), radius=0.3, fov_deg=170, pan_deg=-60, tilt_deg=-25, roll_deg=12,
    calibration_error_deg=0,
)  # fmt: skip
LENSES = {"whole sphere": WHOLE, "part": PART, "cylinder": BAND, "ceiling": DOWN, "wall": WALL}


def traced(lens: PanoramicLens, width: int, height: int) -> Array:
    """(height, width, 3): what each pixel sees, worked out point by point; nan for nothing."""
    rays = np.full((height, width, 3), np.nan)
    for row in range(height):
        for column in range(width):
            x, y = (column + 0.5) / width, (row + 0.5) / height
            match lens:
                case EquirectangularLens():
                    pan = lens.pan_deg[0] * (1 - x) + lens.pan_deg[1] * x
                    rays[row, column] = aim(pan, lens.tilt_deg[1] * (1 - y) + lens.tilt_deg[0] * y)
                case CylindricalLens():
                    pan = lens.pan_deg[0] * (1 - x) + lens.pan_deg[1] * x
                    low, high = (math.tan(math.radians(one)) for one in lens.tilt_deg)
                    rays[row, column] = aim(pan, math.degrees(math.atan(high * (1 - y) + low * y)))
                case FisheyeLens():
                    right, up = x * width - lens.centre[0] * width, lens.centre[1] * height - y * height
                    off = math.hypot(right, up) / (lens.radius * width) * math.radians(lens.fov_deg / 2)
                    turn = math.atan2(up, right) - math.radians(lens.roll_deg)
                    if off <= math.radians(lens.fov_deg / 2):  # the image circle ends there
                        seen = [math.sin(off) * math.cos(turn), math.cos(off), math.sin(off) * math.sin(turn)]
                        rays[row, column] = look(lens.pan_deg, lens.tilt_deg) @ np.array(seen)
    return rays


@pytest.fixture(scope="module")
def fields() -> dict[str, Array]:
    """What the pixels of each lens see."""
    return {name: traced(lens, 240, 120) for name, lens in LENSES.items()}


def covered(lens: PanoramicLens, points: list[tuple[float, float]], width: int, height: int) -> NDArray[np.bool_]:
    found = np.zeros((height, width), bool)
    for shape in PanoramaMask(tuple(points), lens).shapes(width, height):
        found |= shape > 0
    return found


@pytest.mark.parametrize("name", LENSES)
def test_no_private_pixel_is_bare_and_the_cover_is_tight(name: str, fields: dict[str, Array]) -> None:
    random = np.random.default_rng(len(name))
    rays = fields[name]
    sees = ~np.isnan(rays[..., 0])
    seen = 0
    for _ in range(15):
        points, middle = star(random, float(random.uniform(2, 50)))
        truth = np.zeros(sees.shape, bool)
        truth[sees] = inside(points, middle, rays[sees][None])[0]
        mask = covered(LENSES[name], points, 240, 120)
        assert not (truth & ~mask).any(), points
        seen += int(truth.sum())
        near = (rays[sees] @ dense(points, 40).T).max(axis=1) > math.cos(math.radians(5))  # a little over two blocks
        assert not mask[sees][~(near | truth[sees])].any(), points
    assert seen > 1000


@pytest.mark.parametrize("name", LENSES)
def test_a_lens_that_is_off_by_its_calibration_error_leaves_nothing_bare(name: str, fields: dict[str, Array]) -> None:
    random = np.random.default_rng(9)
    lens = LENSES[name].model_copy(update={"calibration_error_deg": 2.0})
    rays = fields[name]
    sees = ~np.isnan(rays[..., 0])
    for _ in range(8):
        points, middle = star(random, 30)
        mask = covered(lens, points, 240, 120)[sees]
        for _ in range(3):
            truth = inside(points, middle, (rays[sees] @ tilted_by(2.0, random))[None])[0]
            assert not (truth & ~mask).any(), points


def test_a_place_across_the_seam_is_masked_at_both_ends_with_a_mosaic_each() -> None:
    points = [(170.0, 5.0), (-170.0, 5.0), (-170.0, -8.0), (170.0, -8.0)]
    shapes = PanoramaMask(tuple(points), WHOLE).shapes(*SIZE)
    assert len(shapes) == 2
    assert {bool(one[:, 0].any()) for one in shapes} == {True, False}
    assert not any(one[:, 100:540].any() for one in shapes)


def test_a_place_around_the_pole_is_masked_all_along_the_edge() -> None:
    points = [(float(pan), -70.0) for pan in range(0, 360, 30)]
    mask = covered(WHOLE, points, *SIZE)
    assert mask[-30:].all()
    assert not mask[:250].any()
    assert covered(DOWN, points, *SIZE)[160, 320]


@pytest.mark.parametrize(
    ("lens", "points"),
    [(WHOLE, [(170.0, 5.0), (-160.0, 5.0), (-160.0, -20.0)]), (DOWN, [(0.0, -60.0), (50.0, -60.0), (20.0, -20.0)])],
    ids=["equirectangular", "fisheye"],
)
def test_a_panorama_is_burned_like_any_still_picture(lens: Any, points: list[tuple[float, float]]) -> None:
    frame = noise_frame(width=SIZE[0], height=SIZE[1])
    masker = Masker("c", "Place", [PanoramaMask(tuple(points), lens)])
    assert masker.mask(frame).masks == Blind("starting")
    masked = masker.mask(frame)
    assert isinstance(masked.masks, Burned)
    mask = covered(lens, points, *SIZE)
    mask[:16] = False
    picture = planes_of(masked)
    shown = picture.y == frame.planes[0]
    assert shown[mask].mean() < 0.02
    assert shown[16:][~mask[16:]].all()
    for plane in (picture.u, picture.v):
        assert len(np.unique(plane[mask[::2, ::2]])) <= 17


def test_a_place_that_no_pixel_sees_takes_nothing_from_the_picture() -> None:
    assert PanoramaMask(((0.0, 10.0), (5.0, 10.0), (5.0, 15.0)), PART).shapes(*SIZE) == []
