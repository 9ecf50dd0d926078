"""No inside pixel is ever bare: covers against rays that are traced apart from the product, for every pose of a set."""

import itertools
import math

import cv2
import numpy as np
import pytest

from agent.masking.cover import Box, Cover
from agent.masking.lens import focal_px
from agent.masking.sphere import WorldMask, place_of
from agent.world_polygons import world_polygon_fault
from tests.masking.worlds import aim, directions, inside, look, star, tilted_by

Points = list[tuple[float, float]]


def bare(
    points: Points,
    within: tuple[float, float],
    box: tuple[tuple[float, float], tuple[float, float], tuple[float, float]],
    poses: list[tuple[float, float, float]],
    *,
    size: tuple[int, int] = (640, 360),
    error_deg: float = 0.0,
    step: int = 4,
    random: np.random.Generator | None = None,
) -> tuple[int, int]:
    """(inside pixels, those of them that are not covered), over all poses; `box` and `poses`: pan, tilt, hfov."""
    width, height = size
    cover = Cover([place_of(WorldMask(tuple(points))).parts], width, height, error_deg)
    focal = (focal_px(box[2][1], width), focal_px(box[2][0], width))
    drawn = cover.draw(Box(box[0], box[1], focal))
    assert drawn is not None
    whole = np.zeros((height, width), np.uint8)
    if (one := drawn[0]) is not None:
        rows, columns = one.fine.shape
        whole[one.top : one.top + rows, one.left : one.left + columns] = one.fine
    covered = whole[::step, ::step] > 0
    seen = missed = 0
    for pose in poses:
        rays = directions(*pose, width, height, step)
        if random is not None:
            rays = rays @ tilted_by(error_deg, random)
        truth = inside(points, within, rays)
        seen += int(truth.sum())
        missed += int((truth & ~covered).sum())
    return seen, missed


def some_of(
    box: tuple[tuple[float, float], tuple[float, float], tuple[float, float]], random: np.random.Generator
) -> list[tuple[float, float, float]]:
    """The corners of a set and poses from its inside."""
    corners = list(itertools.product(*box))
    picked = [corners[i] for i in random.choice(len(corners), 3, replace=False)]
    return picked + [tuple(float(random.uniform(*axis)) for axis in box) for _ in range(3)]  # type: ignore[misc]


@pytest.mark.parametrize("seed", range(6))
def test_random_polygons_under_random_sets_of_poses_leave_no_inside_pixel_bare(seed: int) -> None:
    random = np.random.default_rng(seed)
    seen = 0
    for _ in range(20):
        hfov = float(np.exp(random.uniform(math.log(3), math.log(70))))
        points, middle = star(random, float(min(50, hfov * np.exp(random.uniform(math.log(0.02), math.log(2))))))
        spans = random.choice([0, 1], 3) * np.array([random.uniform(0, 12), random.uniform(0, 8), 0.2])
        pan, tilt = (
            middle[0] + random.uniform(-0.6, 0.6) * hfov / max(0.2, math.cos(math.radians(middle[1]))),
            middle[1],
        )
        tilt = float(np.clip(tilt + random.uniform(-0.4, 0.4) * hfov, -90, 90 - spans[1]))
        box = ((pan, pan + spans[0]), (tilt, tilt + spans[1]), (hfov * (1 - spans[2]), hfov))
        found, missed = bare(points, middle, box, some_of(box, random))
        assert missed == 0, (points, box)
        seen += found
    assert seen > 10_000


@pytest.mark.parametrize("seed", range(4))
def test_a_head_that_is_off_by_its_calibration_error_about_any_axis_leaves_nothing_bare(seed: int) -> None:
    random = np.random.default_rng(100 + seed)
    seen = 0
    for _ in range(15):
        hfov = float(random.uniform(5, 70))
        points, middle = star(random, hfov / 3)
        box = ((middle[0], middle[0] + 1), (middle[1] - 0.5, middle[1]), (hfov, hfov))
        found, missed = bare(points, middle, box, some_of(box, random), error_deg=1.5, random=random)
        assert missed == 0, (points, box)
        seen += found
    assert seen > 10_000


def test_the_calibration_error_is_as_large_as_it_looks_where_a_place_is_farthest_from_the_middle() -> None:
    random = np.random.default_rng(1)
    seen = 0
    for _ in range(30):
        hfov = float(random.uniform(100, 130))
        points, middle = star(random, hfov / 2.2)
        across, up = random.uniform(-0.4, 0.4, 2) * hfov
        pan = middle[0] + across / max(0.2, math.cos(math.radians(middle[1])))
        tilt = float(np.clip(middle[1] + up, -88, 80))
        pose = (pan, tilt, hfov)
        found, missed = bare(
            points, middle, ((pan, pan), (tilt, tilt), (hfov, hfov)), [pose] * 3, error_deg=1.5, random=random
        )
        assert missed == 0, (points, pose)
        seen += found
    assert seen > 10_000


@pytest.mark.parametrize("tilt", [0.0, -35.0, -70.0])
def test_boxes_cut_coarsely_are_covered_by_the_bound_on_the_bend(tilt: float, monkeypatch: pytest.MonkeyPatch) -> None:
    """A pan alone moves things along curves; half way they are furthest from where they are at both ends."""
    monkeypatch.setattr("agent.masking.cover.STEP_DEG", 20.0)
    seen = 0
    for pan in (-8.0, 10.0, 26.0):
        for rise in (-14, 12):
            points = [(pan, tilt + rise), (pan + 5, tilt + rise), (pan + 5, tilt + rise + 2), (pan, tilt + rise + 2)]
            box = ((0.0, 20.0), (tilt, tilt), (60.0, 60.0))
            poses = [(10.0, tilt, 60.0), (5.0, tilt, 60.0)]
            found, missed = bare(points, (pan + 2.5, tilt + rise + 1), box, poses, size=(1920, 1080), step=4)
            assert missed == 0, (points, box)
            seen += found
    assert seen > 1000


EXTREMES: dict[str, tuple[Points, tuple[float, float]]] = {
    "across the seam": ([(170, 5), (-170, 6), (-172, -8), (171, -5)], (180, 0)),
    "around the zenith": ([(pan, 80) for pan in range(0, 360, 40)], (0, 90)),
    "around the nadir": ([(pan, -75) for pan in range(0, 360, 60)], (0, -90)),
    "an arrow": ([(-20, 10), (20, 10), (20, -20), (0, 0), (-20, -20)], (0, 5)),
    "a sliver": ([(-40, 0), (40, 0), (40, 0.3), (-40, 0.3)], (0, 0.2)),
    "far larger than the view": ([(-60, -50), (60, -50), (60, 50), (-60, 50)], (0, 0)),
    "smaller than a pixel": ([(0, 0), (0.02, 0), (0.02, 0.02), (0, 0.02)], (0.01, 0.01)),
    "a wide band, bent": ([(-110, 5), (-55, 5), (0, 5), (55, 5), (110, 5), (110, -5), (0, -5), (-110, -5)], (0, 2)),
}


@pytest.mark.parametrize("name", EXTREMES)
def test_extreme_places_seen_from_everywhere_leave_nothing_bare(name: str) -> None:
    points, within = EXTREMES[name]
    assert world_polygon_fault(tuple(points)) == ""
    random = np.random.default_rng(7)
    seen = 0
    for pan, tilt in itertools.product(range(-180, 180, 60), (-90, -60, -25, 0, 30, 65, 85)):
        hfov = float(random.choice([4, 20, 65]))
        box = ((pan + within[0], pan + within[0] + 2.0), (float(tilt), tilt + 3.0), (hfov * 0.9, hfov))
        found, missed = bare(points, within, box, some_of(box, random)[2:5], size=(320, 180))
        assert missed == 0, box
        seen += found
    for off in (-1.0, 0.0, 1.0):
        box = ((within[0] - 0.5, within[0] + off + 1), (within[1] + off, within[1] + off), (20.0, 20.0))
        found, missed = bare(points, within, box, some_of(box, random), size=(320, 180), step=1)
        assert missed == 0
        seen += found
    assert seen > 0 or name == "smaller than a pixel"


def test_a_place_smaller_than_a_pixel_is_covered_and_not_lost() -> None:
    cover = Cover([place_of(WorldMask(((0, 0), (0.02, 0), (0.02, 0.02)))).parts], 640, 360, 0.0)
    focal = focal_px(60, 640)
    drawn = cover.draw(Box((0, 0), (0, 0), (focal, focal)))
    assert drawn is not None
    assert drawn[0] is not None
    assert drawn[0].fine.any()


def test_a_place_behind_the_camera_or_beside_the_view_is_not_painted() -> None:
    cover = Cover([place_of(WorldMask(((0, 0), (10, 0), (10, 10)))).parts], 640, 360, 0.3)
    focal = focal_px(60, 640)
    for pan in (180, 90, -60, 60):
        assert cover.draw(Box((pan, pan + 2), (0, 2), (focal, focal))) == [None]


@pytest.mark.parametrize("hfov", [3.0, 20.0, 60.0])
@pytest.mark.parametrize("name", ["square", "arrow", "low"])
def test_at_rest_a_cover_is_within_4_pixels_of_its_polygon(name: str, hfov: float) -> None:
    shape = {
        "square": [(-0.3, 0.2), (0.2, 0.2), (0.2, -0.2), (-0.3, -0.2)],
        "arrow": [(-0.4, 0.25), (0.4, 0.25), (0.4, -0.25), (0.0, 0.0), (-0.4, -0.25)],
        "low": [(-0.2, -0.1), (0.3, -0.15), (0.25, -0.4), (-0.3, -0.3)],
    }[name]
    points = [(40 + x * hfov, -20 + y * hfov) for x, y in shape]
    width, height = 640, 360
    cover = Cover([place_of(WorldMask(tuple(points))).parts], width, height, 0.0)
    focal = focal_px(hfov, width)
    drawn = cover.draw(Box((40, 40), (-20, -20), (focal, focal)))
    assert drawn is not None
    one = drawn[0]
    assert one is not None
    whole = np.zeros((height, width), np.uint8)
    whole[one.top : one.top + one.fine.shape[0], one.left : one.left + one.fine.shape[1]] = one.fine
    within = (40 + 0.05 * hfov, -20 + (0.1 if name == "arrow" else -0.2 if name == "low" else 0) * hfov)
    truth = inside(points, within, directions(40, -20, hfov, width, height)).astype(np.uint8)
    far = cv2.distanceTransform(1 - truth, cv2.DIST_L2, cv2.DIST_MASK_PRECISE)
    painted = whole > 0
    four = painted.reshape(height // 2, 2, width // 2, 2).any(axis=(1, 3))
    colour = np.zeros_like(four)
    top, left = one.top // 2, one.left // 2
    colour[top : top + one.half.shape[0], left : left + one.half.shape[1]] = one.half > 0
    assert np.array_equal(colour, four)
    assert truth.sum() > 1000
    assert far[painted].max() <= 3.5
    assert far[np.repeat(np.repeat(colour, 2, axis=0), 2, axis=1)].max() <= 4.5
    assert not (truth & ~painted).any()


@pytest.mark.parametrize("seed", range(4))
def test_drawing_misses_no_pixel_that_the_widened_hull_touches_and_no_right_neighbour_of_a_private_one(
    seed: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Each pixel is cut into 11 x 11 points: one of them in the polygon is enough."""
    random = np.random.default_rng(seed)
    width, height, fine = 24, 20, 11
    focal = focal_px(4, width)
    rays = directions(0, 0, 4, width * fine, height * fine)
    touched_in_all = 0
    for _ in range(40):
        points, middle = star(random, float(np.exp(random.uniform(math.log(0.05), math.log(1.5)))))
        move = np.array(middle) - random.uniform(-1.2, 1.2, 2)
        if abs(middle[1]) > 60:
            continue
        seen = inside(points, middle, rays @ look(float(move[0]), float(move[1])).T)
        if not seen.any():
            continue
        parts = place_of(WorldMask(tuple(points))).parts
        touched = seen.reshape(height, fine, width, fine).any(axis=(1, 3))
        private = seen[fine // 2 :: fine, fine // 2 :: fine]
        for growth in (0.0, 0.3):
            monkeypatch.setattr("agent.masking.cover.GROWTH_PX", growth)
            drawn = Cover([parts], width, height, 0.0).draw(Box((move[0], move[0]), (move[1], move[1]), (focal, focal)))
            assert drawn is not None
            assert drawn[0] is not None
            whole = np.zeros((height, width), bool)
            rows, columns = drawn[0].fine.shape
            whole[drawn[0].top : drawn[0].top + rows, drawn[0].left : drawn[0].left + columns] = drawn[0].fine > 0
            assert not (touched & ~whole).any()
        assert not (private[:, :-1] & ~whole[:, 1:]).any()
        touched_in_all += int(touched.sum())
    assert touched_in_all > 200


def test_a_set_of_poses_that_cannot_be_followed_is_refused_and_not_drawn() -> None:
    cover = Cover([place_of(WorldMask(((0, 0), (10, 0), (10, 10)))).parts], 640, 360, 0.3)
    focal = focal_px(60, 640)
    assert cover.draw(Box((0, 50), (0, 0), (focal, focal))) is None
    assert cover.draw(Box((0, 0), (-20, 20), (focal, focal))) is None
    wide = focal_px(140, 640)
    assert cover.draw(Box((0, 28), (0, 28), (focal_px(160, 640), wide))) is None
    assert aim(0, 0)[1] == 1
