"""Masks on a head that turns: nothing private survives in any plane, and a long look tells no more than a glance."""

import dataclasses
import itertools
import math
from collections.abc import Iterator

import cv2
import numpy as np
import pytest
from numpy.typing import NDArray

from agent.directions import basis
from agent.masking.anchored import Grid, cells_in_view
from agent.masking.cover import Box
from agent.masking.following import FollowingMasks, doubt_px
from agent.masking.lens import View, ZoomTable
from agent.masking.masker import PtzMasker
from agent.masking.mosaic import SOLID
from agent.masking.planes import Picture
from agent.masking.sphere import WorldMask, place_of
from agent.masking.strip import strip_height
from agent.units import Blind, Burned, Frame, PoseSet
from tests.masking.test_masker import FORMATS, noise_frame, planes_of
from tests.masking.worlds import directions, inside

LENS = ZoomTable((0.0, 0.5, 1.0), (60.0, 13.4, 3.0))
FACADE = ((-8.0, 5.0), (8.0, 6.0), (9.0, -6.0), (-8.0, -5.0))
MASK = WorldMask(FACADE)
REST = PoseSet.exactly(0.0, 0.0, 0.0)


def armed(frame: Frame, masks: list[WorldMask] | None = None, error_deg: float = 0.3) -> PtzMasker:
    masker = PtzMasker("c", "Place", masks or [MASK], LENS, error_deg=error_deg)
    assert masker.mask(frame, REST).masks == Blind("starting")
    return masker


def truth(pan: float, tilt: float, hfov: float, width: int, height: int) -> NDArray[np.bool_]:
    return inside(list(FACADE), (0, 0), directions(pan, tilt, hfov, width, height))


# --- what leaves ---


@pytest.mark.parametrize("name", FORMATS)
@pytest.mark.parametrize(("width", "height"), [(640, 360), (641, 361)])
def test_every_format_and_odd_size_is_masked_in_all_planes(name: str, width: int, height: int) -> None:
    frame = noise_frame(name, width, height)
    masked = armed(frame).mask(frame, PoseSet((9.5, 10.0), (3.0, 3.0), (0.0, 0.0)))
    assert isinstance(masked.masks, Burned)
    picture = planes_of(masked)
    private = truth(9.7, 3.0, 60, width, height)[: masked.height, : masked.width]
    shown = picture.y == frame.planes[0][: masked.height, : masked.width]
    assert shown[private].mean() < 0.02  # by chance 1 sample of noise in 256 has the colour of its cell
    public = cv2.dilate(private.astype(np.uint8), np.ones((41, 41))) == 0
    public[: strip_height(height)] = False
    assert shown[public].all()
    for plane in (picture.u, picture.v):
        assert len(np.unique(plane[private[::2, ::2]])) <= 17


def test_the_public_part_is_the_camera_s_own_sample_by_sample() -> None:
    frame = noise_frame()
    picture = planes_of(armed(frame).mask(frame, REST))
    assert np.array_equal(picture.y[300:], frame.planes[0][300:])
    assert np.array_equal(picture.u[150:], frame.planes[1][150:])
    before = [plane.copy() for plane in frame.planes]
    assert all(np.array_equal(a, b) for a, b in zip(before, frame.planes, strict=True))


def test_the_mask_moves_with_the_head_and_grows_with_the_doubt() -> None:
    frame = noise_frame()
    masker = armed(frame)
    shares = []
    for pose in (REST, PoseSet((-1.0, 1.0), (0.0, 0.0), (0.0, 0.0)), PoseSet((-4.0, 4.0), (-2.0, 2.0), (0.0, 0.05))):
        masked = masker.mask(frame, pose)
        assert isinstance(masked.masks, Burned)
        shares.append(masked.masks.share)
        shown = planes_of(masked).y == frame.planes[0]
        for pan in pose.pan_deg:
            for zoom in pose.zoom:
                assert shown[truth(pan, pose.tilt_deg[0], LENS.hfov_deg(zoom) or 0, 640, 360)].mean() < 0.02
    assert shares == sorted(shares)
    assert shares[2] > 1.5 * shares[0]


@pytest.mark.parametrize(("pan", "off"), [(5.0, 1 / 1.05), (19.0, 1.05)])
def test_a_field_of_view_that_is_off_by_its_share_is_covered(pan: float, off: float) -> None:
    poses = PoseSet.exactly(pan, 3.0, 0.1)
    private = truth(pan, 3.0, (LENS.hfov_deg(0.1) or 0) * off, 640, 360)
    private[:40] = False
    frame = noise_frame()
    leaking = []
    for hfov_error in (0.05, 0.0):
        masker = PtzMasker("c", "Place", [MASK], LENS, error_deg=0.0, hfov_error=hfov_error)
        masker.mask(frame, poses)
        shown = planes_of(masker.mask(frame, poses)).y == frame.planes[0]
        leaking.append((shown & private).sum() / private.sum())
    assert leaking[0] < 0.01
    assert leaking[1] > 3 * leaking[0]  # the control: without the share it shows


def test_nothing_of_a_frame_before_stays_when_the_head_has_moved() -> None:
    frame = noise_frame()
    masker = armed(frame)
    masker.mask(frame, REST)
    picture = planes_of(masker.mask(frame, PoseSet.exactly(100, 0, 0)))
    assert np.array_equal(picture.y[22:], frame.planes[0][22:])


def test_a_solid_mask_is_one_colour_in_all_planes() -> None:
    frame = noise_frame()
    picture = planes_of(armed(frame, [WorldMask(FACADE, "solid")]).mask(frame, REST))
    private = truth(0, 0, 60, 640, 360)
    assert set(np.unique(picture.y[private])) == {SOLID[0]}
    assert set(np.unique(picture.u[private[::2, ::2]])) == set(np.unique(picture.v[private[::2, ::2]])) == {128}


def shade(masker: PtzMasker, level: int, poses: PoseSet) -> int:
    """What luma the mask's middle shows of a picture of one grey."""
    frame = noise_frame()
    planes = (np.full_like(frame.planes[0], level), *frame.planes[1:])
    picture = planes_of(masker.mask(dataclasses.replace(frame, planes=planes), poses))
    return int(picture.y[180, 320])


def test_colours_that_were_read_serve_a_second_of_pictures_and_none_where_other_cells_are_shown() -> None:
    masker = armed(noise_frame())
    shown = [shade(masker, 40 if index == 0 else 200, REST) for index in range(26)]
    assert shown == [40] * 25 + [200]
    assert shade(masker, 100, REST) == 200
    assert shade(masker, 100, PoseSet.exactly(25, 0, 0)) != 200
    assert shade(masker, 40, REST) == 40


# --- blind ---


@pytest.mark.parametrize(
    ("pose", "reason"),
    [
        (Blind("pose-old"), "pose-old"),
        (PoseSet((0, 0), (0, 0), (0.9, 1.2)), "zoom-outside-calibration"),
        (PoseSet((0, 0), (0, 0), (-0.1, 0.1)), "zoom-outside-calibration"),
        (PoseSet((0, 0), (0, 0), (float("nan"), float("nan"))), "pose-uncertain"),
        (PoseSet((float("nan"), 0), (0, 0), (0, 0)), "pose-uncertain"),
        (PoseSet((-float("inf"), float("inf")), (0, 0), (0, 0)), "pose-uncertain"),
        (PoseSet((5, -5), (0, 0), (0, 0)), "pose-uncertain"),
        (PoseSet((-180, 180), (0, 0), (0, 0)), "pose-uncertain"),
        (PoseSet((0, 0), (-60, 60), (0, 0)), "pose-uncertain"),
    ],
)
def test_a_pose_that_cannot_be_followed_shows_nothing_of_the_picture(pose: PoseSet | Blind, reason: str) -> None:
    frame = noise_frame()
    masker = armed(frame)
    for _ in range(2):
        masked = masker.mask(frame, pose)
        assert masked.masks == Blind(reason)
        assert len(np.unique(planes_of(masked).y[22:])) == 1
        assert len(np.unique(planes_of(masked).u[11:])) == 1
    assert isinstance(masker.mask(frame, REST).masks, Burned)


@pytest.mark.parametrize(
    ("change", "reason"), [({"epoch": 2}, "reconnected"), ({"pixel_format": "yuvj420p"}, "picture-changed")]
)
def test_any_change_of_the_picture_blinds_it_though_the_pose_is_known(change: dict[str, object], reason: str) -> None:
    frame = noise_frame()
    masker = armed(frame)
    other = dataclasses.replace(frame, **change)  # type: ignore[arg-type]
    assert masker.mask(other, REST).masks == Blind(reason)
    assert isinstance(masker.mask(other, REST).masks, Burned)


def test_another_size_arms_the_masks_anew() -> None:
    masker = armed(noise_frame())
    frame = noise_frame(width=800, height=450)
    assert masker.mask(frame, REST).masks == Blind("picture-changed")
    masked = masker.mask(frame, REST)
    shown = planes_of(masked).y == frame.planes[0]
    assert shown[truth(0, 0, 60, 800, 450)].mean() < 0.02


def test_an_unknown_pixel_format_shows_nothing() -> None:
    frame = dataclasses.replace(noise_frame(), pixel_format="p010le")
    masked = PtzMasker("c", "Place", [MASK], LENS, error_deg=0.3).mask(frame, REST)
    assert masked.masks == Blind("pixel-format")
    assert len(np.unique(planes_of(masked).y[22:])) == 1


# --- the mosaic ---

SIZE = (640, 360)


def cells_at(pose: PoseSet, doubt_px: float = 0.0) -> NDArray[np.bool_] | None:
    place = place_of(MASK)
    assert place.tangent is not None
    grid = Grid.over(place.tangent)
    focal = (LENS.focals(pose.zoom, SIZE[0]) or (0, 0))[0]
    view = View.at(pose.pan_deg[0], pose.tilt_deg[0], focal, *SIZE)
    found = cells_in_view(grid, view.from_world(), SIZE, strip_height(SIZE[1]), doubt_px)
    return None if found is None else found.shown.reshape(grid.rows, grid.columns)


def test_a_cell_has_its_colour_only_while_it_is_wholly_in_the_picture() -> None:
    everything = cells_at(REST)
    assert everything is not None
    assert everything.all()
    at_the_edge = cells_at(PoseSet.exactly(30, 0, 0))
    assert at_the_edge is not None
    assert not at_the_edge.all()
    assert at_the_edge.any()
    under_the_strip = cells_at(PoseSet.exactly(0, -13, 0))
    assert under_the_strip is not None
    assert not under_the_strip[0].any()
    assert under_the_strip[-1].any()
    assert cells_at(PoseSet.exactly(180, 0, 0)) is None
    assert cells_at(PoseSet.exactly(0, 0, 1.0)) is not None


def test_cells_that_the_picture_cuts_are_painted_in_the_fixed_colour() -> None:
    frame = noise_frame()
    masker = armed(frame)
    picture = planes_of(masker.mask(frame, PoseSet.exactly(30, 0, 0)))
    private = truth(30, 0, 60, 640, 360)
    assert private[100:250, 0].any()
    assert set(picture.y[private[:, 0], 0]) == {SOLID[0]}
    assert set(picture.u[private[::2, 0], 0]) == {SOLID[1]}
    assert len(set(picture.y[private])) > 1


def test_the_cells_under_the_strip_wait_until_they_have_left_it() -> None:
    """Their picture is under the name: what is read there is the scene, but only a part of the cell."""
    place = place_of(MASK)
    assert place.tangent is not None
    grid = Grid.over(place.tangent)
    view = View.at(0, -10.2, (LENS.focals((0, 0), SIZE[0]) or (0, 0))[0], *SIZE)
    without = cells_in_view(grid, view.from_world(), SIZE, 0, 0.0)
    below = cells_in_view(grid, view.from_world(), SIZE, 40, 0.0)
    assert without is not None
    assert below is not None
    assert without.shown.all()
    assert not below.shown.all()
    assert below.shown.any()


def test_no_cell_that_could_be_shown_is_left_out_for_being_too_small_for_any_picture() -> None:
    """Beside a grid of which every cell is looked for, in views of all kinds and at doubts around the edge."""
    random = np.random.default_rng(8)
    place = place_of(MASK)
    assert place.tangent is not None
    grid = Grid.over(place.tangent)
    unbound = dataclasses.replace(grid, cell=1e9)
    outcomes = []
    for _ in range(1500):
        hfov = float(np.exp(random.uniform(np.log(5), np.log(160))))
        focal = SIZE[0] / 2 / math.tan(math.radians(hfov / 2))
        pan, tilt = (float(one) * hfov for one in random.uniform(-0.4, 0.4, 2) * (1, 9 / 16))
        view = View.at(pan, tilt, focal, *SIZE).from_world()
        doubt_px = float(random.uniform(0, 0.4)) * focal * math.tan(math.radians(17))
        found, wanted = (cells_in_view(one, view, SIZE, 0, doubt_px) for one in (grid, unbound))
        if found is None or wanted is None:
            assert found is wanted
        else:
            assert found.union is wanted.union
            assert np.array_equal(found.shown, wanted.shown)
        outcomes.append(0 if found is None else found.union.size)
    assert set(outcomes) == {0, 1, 2, 4, 12}


@pytest.mark.parametrize("hfov", [60.0, 110.0, 170.0])
def test_the_grid_is_coarser_where_finer_cells_would_be_too_small(hfov: float) -> None:
    place = place_of(MASK)
    assert place.tangent is not None
    grid = Grid.over(place.tangent)
    focal = SIZE[0] / 2 / math.tan(math.radians(hfov / 2))
    found = cells_in_view(grid, View.at(0, 0, focal, *SIZE).from_world(), SIZE, 0, 0.0)
    cell_px = focal * math.tan(math.radians(17 / 12))
    if found is None:
        assert cell_px * 12 < 1.4 * SIZE[0] / 45
    else:
        assert cell_px * found.union.size > 0.95 * SIZE[0] / 45


@pytest.mark.parametrize(
    ("pan", "tilt", "zoom"),
    [((0.0, 2.0), (0.0, 0.0), (0.0, 0.0)), ((0, 0), (5.0, 6.0), (0.0, 0.0)), ((0, 0), (0, 0), (0, 0.1))],
)
def test_no_point_of_the_picture_moves_further_than_the_doubt_says(
    pan: tuple[float, float], tilt: tuple[float, float], zoom: tuple[float, float]
) -> None:
    focal = LENS.focals(zoom, SIZE[0])
    assert focal is not None
    seen = directions(pan[0], tilt[0], LENS.hfov_deg(zoom[0]) or 0, *SIZE)
    placed = seen @ View.at(pan[1], tilt[1], focal[1], *SIZE).from_world().T
    placed = placed[..., :2] / placed[..., 2:]
    columns, rows = np.meshgrid(np.arange(SIZE[0]) + 0.5, np.arange(SIZE[1]) + 0.5)
    moved = np.hypot(placed[..., 0] - columns, placed[..., 1] - rows)
    still_there = ((placed >= 0) & (placed <= SIZE)).all(axis=-1)
    doubt = doubt_px(Box(pan, tilt, focal), SIZE)
    assert 0.5 * doubt < moved[still_there].max() <= doubt


def test_a_cell_has_no_colour_while_the_doubt_is_a_quarter_of_it() -> None:
    cell = 640 / 45
    assert cells_at(REST, doubt_px=1.0) is not None
    assert cells_at(REST, doubt_px=cell) is not None  # coarser cells take over
    assert cells_at(REST, doubt_px=60.0) is None


def test_cells_of_coarser_grids_are_unions_of_finer_ones() -> None:
    tangent = place_of(MASK).tangent
    assert tangent is not None
    grid = Grid.over(tangent)
    assert grid.columns == 12
    assert [len(union.cells) for union in grid.unions] == [
        across * max(1, grid.rows * across // 12) for across in (12, 6, 3, 1)
    ]
    for union in grid.unions:
        assert union.weights.sum(axis=0) == pytest.approx(1)
        assert len(union.owner) == grid.rows * grid.columns
        assert set(union.owner.tolist()) == set(range(len(union.cells)))


@pytest.mark.parametrize("zoom", [0.0, 0.1, 0.2, 0.3, 0.45])
def test_no_cell_is_smaller_than_a_45th_of_the_width(zoom: float) -> None:
    frame = noise_frame(width=1280, height=720)
    masker = armed(frame)
    hfov = LENS.hfov_deg(zoom) or 0
    picture = planes_of(masker.mask(frame, PoseSet.exactly(0, 0, zoom)))
    private = truth(0, 0, hfov, 1280, 720)
    rows = np.flatnonzero(private.sum(axis=1) > 100)[5:-5]
    for row in rows[:: max(1, len(rows) // 15)]:
        if row < 60:
            continue
        columns = np.flatnonzero(private[row])
        borders = np.flatnonzero(np.diff(picture.y[row, columns.min() : columns.max()].astype(int)))
        inner = [b - a for a, b in itertools.pairwise(borders)]
        assert all(b >= 1280 / 45 - 3 for b in inner)
        assert len(borders) <= 12


def test_a_polygon_of_more_than_100_degrees_has_no_grid_and_one_colour() -> None:
    wide = WorldMask(((-60.0, 10.0), (60.0, 10.0), (60.0, -10.0), (-60.0, -10.0)))
    assert place_of(wide).tangent is None
    frame = noise_frame()
    picture = planes_of(armed(frame, [wide]).mask(frame, REST))
    assert len(np.unique(picture.y[150:200])) == 1


# --- watching for long ---

SCENE = 96
"""Texture samples across the longer side of the mask: 8 in each of its 12 cells, each black or white by chance."""


class Window:
    """A camera that looks at a private window full of noise, and an onlooker who knows where it looks."""

    def __init__(self) -> None:
        tangent = place_of(MASK).tangent
        assert tangent is not None
        self.grid = Grid.over(tangent)
        self.random = np.random.default_rng(5)
        shape = (self.grid.rows * 8, self.grid.columns * 8)
        self.secret = (self.random.integers(0, 2, shape) * 160 + 48).astype(np.uint8)
        column, row = np.meshgrid((np.arange(shape[1]) + 0.5) / 8, (np.arange(shape[0]) + 0.5) / 8)
        rays = np.stack([column, row, np.ones_like(row)], axis=-1) @ self.grid.to_world.T
        private = inside(list(FACADE), (0, 0), rays / np.linalg.norm(rays, axis=-1, keepdims=True))
        whole = private.reshape(self.grid.rows, 8, self.grid.columns, 8).all(axis=(1, 3))
        self.private = np.repeat(np.repeat(whole, 8, axis=0), 8, axis=1)

    def sight(self, pan: float, tilt: float, hfov: float) -> NDArray[np.float64]:
        """(3, 3): texture sample -> picture."""
        focal = SIZE[0] / 2 / math.tan(math.radians(hfov / 2))
        camera = np.array([[focal, 0, SIZE[0] / 2], [0, -focal, SIZE[1] / 2], [0, 0, 1]]) @ basis(pan, tilt)
        middles = np.array([[1 / 8, 0, 1 / 16], [0, 1 / 8, 1 / 16], [0, 0, 1]])
        half = np.array([[1, 0, -0.5], [0, 1, -0.5], [0, 0, 1]])
        return np.asarray(half @ camera @ self.grid.to_world @ middles)

    def poses(self, count: int) -> Iterator[tuple[float, float, float]]:
        """A head that pans, tilts and zooms over the window."""
        for i in range(count):
            zoom = 0.15 + 0.13 * math.sin(i / 90)
            yield 7 * math.sin(i / 37) + self.random.normal(0, 0.3), 3 * math.sin(i / 23), zoom

    def frame(self, sight: NDArray[np.float64]) -> Frame:
        """What the camera sees, with the noise of its sensor."""
        seen = cv2.warpPerspective(self.secret, sight, SIZE, flags=cv2.INTER_AREA, borderValue=(128,))
        noisy = np.clip(seen + self.random.normal(0, 6, seen.shape), 0, 255).astype(np.uint8)
        grey = np.full((SIZE[1] // 2, SIZE[0] // 2), 128, np.uint8)
        return dataclasses.replace(noise_frame(), planes=(noisy, grey, grey))

    def back(self, picture: NDArray[np.uint8], sight: NDArray[np.float64]) -> NDArray[np.float64]:
        """The window out of a picture, laid straight; nan where the picture ends."""
        warped = cv2.warpPerspective(
            picture.astype(np.float32),
            sight,
            self.secret.shape[::-1],
            flags=cv2.INTER_LINEAR | cv2.WARP_INVERSE_MAP,
            borderValue=(float("nan"),),
        )
        return np.asarray(warped, np.float64)

    def told(self, pictures: list[NDArray[np.float64]]) -> float:
        """How like the secret the sum of pictures is, once everything that is even within the cells is taken away."""
        mean = np.nanmean(pictures, axis=0)
        secret = self.inner(self.secret.astype(float))[self.private]
        return float(np.corrcoef(self.inner(mean)[self.private], secret)[0, 1])

    def inner(self, image: NDArray[np.float64]) -> NDArray[np.float64]:
        """An image less the means of its cells."""
        cells = image.reshape(self.grid.rows, 8, self.grid.columns, 8).mean(axis=(1, 3))
        return np.asarray(image - np.repeat(np.repeat(cells, 8, axis=0), 8, axis=1))


def picture_mosaic(picture: NDArray[np.uint8], cell: int = 16) -> NDArray[np.uint8]:
    """The control: the same cells, fixed to the picture."""
    small = cv2.resize(picture, (SIZE[0] // cell, SIZE[1] // cell), interpolation=cv2.INTER_AREA)
    return np.asarray(cv2.resize(small, SIZE, interpolation=cv2.INTER_NEAREST), np.uint8)


def test_a_thousand_frames_of_pan_and_zoom_tell_no_more_than_the_cells_of_one() -> None:
    window = Window()
    masks = FollowingMasks([MASK], *SIZE, error_deg=0.0, strip=strip_height(SIZE[1]))
    straight, anchored, control = [], [], []
    cell_deg = 17 / 12
    for pan, tilt, zoom in window.poses(1000):
        sight = window.sight(pan, tilt, LENS.hfov_deg(zoom) or 0)
        frame = window.frame(sight)
        picture = Picture.empty(*SIZE)
        for plane, source in zip((picture.y, picture.u, picture.v), frame.planes, strict=True):
            np.copyto(plane, source)
        # what is reported is off by up to a little less than the mosaic allows
        off = window.random.uniform(-1, 1, 2) * cell_deg / 24
        poses = PoseSet(
            (pan + off[0] - cell_deg / 24, pan + off[0] + cell_deg / 24),
            (tilt + off[1] - cell_deg / 48, tilt + off[1] + cell_deg / 48),
            (zoom, zoom),
        )
        assert isinstance(masks.burn(picture, poses, LENS), Burned)
        straight.append(window.back(frame.planes[0], sight))
        anchored.append(window.back(picture.y, sight))
        control.append(window.back(picture_mosaic(frame.planes[0]), sight))
    assert window.told(straight) > 0.9
    assert window.told(control) > 0.1
    assert abs(window.told(anchored)) < 0.04
    assert np.mean([len(np.unique(np.round(one[window.private]))) for one in anchored[::50]]) > 4  # it is a mosaic
