"""The masker on made pictures: what is private never survives, in any plane, format or size."""

import dataclasses
import itertools

import cv2
import numpy as np
import pytest

from agent.clock import Instant, WallTime
from agent.masking import Masker, PictureMask
from agent.masking.mosaic import rasterise
from agent.masking.planes import Picture, even_size
from agent.units import Blind, Burned, Frame, MaskedFrame

WALL = WallTime(1_795_380_000_000_000_000, True, 1.0)
SQUARE = PictureMask([(0.25, 0.25), (0.75, 0.25), (0.75, 0.75), (0.25, 0.75)])
FORMATS = ["yuv420p", "yuvj420p", "yuv422p", "yuvj422p", "yuv444p", "yuvj444p", "nv12", "gray"]


def shapes(name: str, width: int, height: int) -> list[tuple[int, int]]:
    half = ((height + 1) // 2, (width + 1) // 2)
    return {
        "nv12": [(height, width), (half[0], 2 * half[1])],
        "gray": [(height, width)],
        "yuv422p": [(height, width), (height, half[1]), (height, half[1])],
        "yuvj422p": [(height, width), (height, half[1]), (height, half[1])],
        "yuv444p": [(height, width)] * 3,
        "yuvj444p": [(height, width)] * 3,
    }.get(name, [(height, width), half, half])


def noise_frame(name: str = "yuv420p", width: int = 640, height: int = 360, *, seed: int = 0, epoch: int = 1) -> Frame:
    """White noise in every plane: any sample that survives is seen."""
    random = np.random.default_rng(seed)
    planes = []
    for rows, columns in shapes(name, width, height):
        padded = random.integers(0, 256, (rows, columns + 32), dtype=np.uint8)  # decoders pad their rows
        view = padded[:, :columns]
        view.flags.writeable = False
        planes.append(view)
    return Frame("c", tuple(planes), name, width, height, False, Instant(0), WALL, 1, epoch, None)


def planes_of(masked: MaskedFrame) -> Picture:
    picture = Picture.empty(masked.width, masked.height)
    picture.buffer[:] = masked.picture
    return picture


def armed(masks: list[PictureMask], frame: Frame) -> Masker:
    masker = Masker("c", "Place", masks)
    assert isinstance(masker.mask(frame).masks, Blind)
    return masker


def edges(plane: np.ndarray) -> int:
    """How often neighbours differ: noise differs almost everywhere, a mosaic only at its cells' borders."""
    return int(np.count_nonzero(np.diff(plane.astype(np.int16), axis=1)))


def test_the_first_picture_is_a_mosaic_of_16_by_9_and_the_second_is_burned() -> None:
    masker = Masker("c", "Place", [SQUARE])
    first = masker.mask(noise_frame())
    assert first.masks == Blind("starting")
    below_strip = planes_of(first).y[40:]
    assert all(len(np.unique(row)) <= 16 for row in below_strip)
    assert len(np.unique(below_strip[:, ::40].T, axis=0)) <= 16
    second = masker.mask(noise_frame())
    assert isinstance(second.masks, Burned)
    assert 0.24 < second.masks.share < 0.27


@pytest.mark.parametrize("name", FORMATS)
@pytest.mark.parametrize(("width", "height"), [(640, 360), (641, 361), (127, 65)])
def test_every_format_and_odd_size_is_masked_in_all_planes(name: str, width: int, height: int) -> None:
    frame = noise_frame(name, width, height)
    masked = armed([SQUARE], frame).mask(frame)
    assert isinstance(masked.masks, Burned)
    assert (masked.width, masked.height) == even_size(frame)
    picture = planes_of(masked)
    for plane in (picture.y, picture.u, picture.v):
        rows, columns = plane.shape
        inside = plane[rows // 4 + 1 : rows * 3 // 4 - 1, columns // 4 + 1 : columns * 3 // 4 - 1]
        assert edges(inside) <= 12 * inside.shape[0]
    outside = picture.y[masked.height * 3 // 4 + 4 :, :]
    assert edges(outside) > 0.9 * outside.size  # and the public part is left as it was


def test_the_public_part_is_the_camera_s_own_sample_by_sample() -> None:
    frame = noise_frame()
    picture = planes_of(armed([SQUARE], frame).mask(frame))
    assert np.array_equal(picture.y[300:], frame.planes[0][300:])
    assert np.array_equal(picture.u[140:], frame.planes[1][140:])
    assert np.array_equal(picture.v[140:], frame.planes[2][140:])


def test_the_decoder_s_memory_is_never_written() -> None:
    frame = noise_frame()
    before = [plane.copy() for plane in frame.planes]
    armed([SQUARE], frame).mask(frame)
    assert all(np.array_equal(a, b) for a, b in zip(before, frame.planes, strict=True))


def test_a_solid_mask_is_one_colour() -> None:
    frame = noise_frame()
    solid = dataclasses.replace(SQUARE, style="solid")
    picture = planes_of(armed([solid], frame).mask(frame))
    assert len(np.unique(picture.y[91:269, 161:479])) == 1
    assert len(np.unique(picture.u[46:134, 81:239])) == 1


def test_a_concave_mask_covers_its_polygon_and_leaves_its_notch() -> None:
    arrow = PictureMask([(0.1, 0.2), (0.9, 0.2), (0.9, 0.9), (0.5, 0.5), (0.1, 0.9)])
    frame = noise_frame()
    picture = planes_of(armed([arrow], frame).mask(frame))
    polygon = np.array([(x * 640, y * 360) for x, y in arrow.polygon], np.int32)
    truth = np.zeros((360, 640), np.uint8)
    cv2.fillPoly(truth, [polygon], 255)
    shown = picture.y == frame.planes[0]
    assert shown[truth > 0].mean() < 0.02  # a quantised cell may equal a sample of noise by chance: 1 in 256
    notch = cv2.erode(255 - truth, np.ones((5, 5), np.uint8)) > 0
    notch[:40] = False
    assert shown[notch].all()


@pytest.mark.parametrize("seed", range(60))
def test_every_sample_inside_any_polygon_is_in_the_mask(seed: int) -> None:
    """Against the even-odd rule for each centre, with outlines that reach far out of the picture."""
    random = np.random.default_rng(seed)
    width, height = [(640, 360), (1920, 64), (64, 1024), (8192, 64)][seed % 4]
    reach = [1.0, 3.0, 9.5][seed % 3]
    angles = np.sort(random.uniform(0, 2 * np.pi, 12))  # star-shaped, so that it never crosses itself
    radii = random.uniform(0.05, reach, 12)
    centre = random.uniform(0.2, 0.8, 2)
    polygon = [(centre[0] + r * np.cos(t), centre[1] + r * np.sin(t)) for t, r in zip(angles, radii, strict=True)]
    mask = rasterise(polygon, width, height)
    y, x = np.mgrid[0:height, 0:width]
    x, y = (x + 0.5) / width, (y + 0.5) / height
    inside = np.zeros((height, width), bool)
    for (ax, ay), (bx, by) in itertools.pairwise([*polygon, polygon[0]]):
        with np.errstate(divide="ignore", invalid="ignore"):
            inside ^= ((ay > y) != (by > y)) & (x < (bx - ax) * (y - ay) / (by - ay) + ax)
    assert not (inside & (mask == 0)).any()
    grown = cv2.dilate(inside.astype(np.uint8), np.ones((7, 7), np.uint8)) > 0
    outline_only = (mask > 0) & ~grown
    assert outline_only.mean() < 0.02  # tight: nothing beyond three samples but slivers of the outline


def test_overlapping_masks_and_masks_partly_outside_cover_what_is_inside() -> None:
    masks = [
        SQUARE,
        PictureMask([(0.6, 0.6), (1.4, 0.6), (1.4, 1.6), (0.6, 1.6)], "solid"),
        PictureMask([(-0.5, -0.5), (0.4, -0.5), (0.4, 0.4), (-0.5, 0.4)]),
    ]
    frame = noise_frame()
    picture = planes_of(armed(masks, frame).mask(frame))
    for rows, columns in [(slice(91, 269), slice(161, 479)), (slice(217, 360), slice(385, 640))]:
        assert (picture.y[rows, columns] == frame.planes[0][rows, columns]).mean() < 0.02
    corner = (slice(40, 144), slice(0, 256))
    assert (picture.y[corner] == frame.planes[0][corner]).mean() < 0.02


@pytest.mark.parametrize(
    "polygon",
    [
        [(0.5, 0.5), (0.502, 0.5), (0.502, 0.503)],  # smaller than a cell
        [(0.0, 0.3), (1.0, 0.3), (1.0, 0.305), (0.0, 0.305)],  # a sliver
        [(0.98, 0.9), (1.0, 0.9), (1.0, 1.0), (0.98, 1.0)],  # in the corner
        [(0.1, 0.2), (0.3, 0.2), (0.3, 0.4), (0.1, 0.4)],  # where 12 cells would be too small
        [(-2, -2), (3, -2), (3, 3), (-2, 3)],  # everything
    ],
)
def test_extreme_masks_keep_cells_of_a_45th_of_the_width(polygon: list[tuple[float, float]]) -> None:
    frame = noise_frame(width=1280, height=720)
    picture = planes_of(armed([PictureMask(polygon)], frame).mask(frame))
    changed = picture.y[48:] != frame.planes[0][48:]
    assert changed.any()
    # wherever the mask painted, runs of one colour along a row end only at cell borders at least 1280 / 45 apart
    rows = np.flatnonzero(changed.sum(axis=1) > 100)
    for row in rows[:: max(1, len(rows) // 20)]:
        columns = np.flatnonzero(changed[row])
        painted = picture.y[48:][row, columns.min() : columns.max() + 1]
        borders = np.flatnonzero(np.diff(painted.astype(int)))
        assert all(b - a >= 28 for a, b in itertools.pairwise(borders))
        assert len(borders) <= 12


def test_averaging_a_thousand_frames_recovers_no_more_than_the_cells() -> None:
    """A grid that stays put gives the mean of each cell and nothing finer, however long one watches."""
    height, width = 360, 640
    secret = (np.indices((height, width)).sum(axis=0) // 5 % 2 * 80 + 80).astype(np.uint8)
    random = np.random.default_rng(1)
    grey = np.full((height // 2, width // 2), 128, np.uint8)
    frame = noise_frame()
    masker = armed([SQUARE], frame)
    total = np.zeros((height, width))
    for _ in range(1000):
        noisy = np.clip(secret + random.normal(0, 12, secret.shape), 0, 255).astype(np.uint8)
        total += planes_of(masker.mask(dataclasses.replace(frame, planes=(noisy, grey, grey)))).y
    inside = (slice(91, 269), slice(161, 479))
    recovered, truth = total[inside].ravel(), secret[inside].astype(float).ravel()
    assert abs(np.corrcoef(recovered + random.normal(0, 1e-6, recovered.shape), truth)[0, 1]) < 0.05
    control = (slice(280, 350), slice(0, 640))
    assert np.corrcoef(total[control].ravel(), secret[control].ravel())[0, 1] > 0.99


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        ({"epoch": 2}, "reconnected"),
        ({"width": 642}, "picture-changed"),
        ({"pixel_format": "yuvj420p"}, "picture-changed"),
    ],
)
def test_any_change_of_the_picture_blinds_until_masks_are_armed_anew(change: dict[str, object], reason: str) -> None:
    frame = noise_frame()
    masker = armed([SQUARE], frame)
    assert isinstance(masker.mask(frame).masks, Burned)
    other = noise_frame(width=int(change.get("width", 640)))  # type: ignore[call-overload]
    other = dataclasses.replace(other, **change)
    assert masker.mask(other).masks == Blind(reason)
    assert isinstance(masker.mask(other).masks, Burned)


@pytest.mark.parametrize("name", ["yuv420p10le", "rgb24", "p010le", "pal8", "", "vaapi"])
def test_an_unknown_pixel_format_shows_nothing_at_all(name: str) -> None:
    frame = dataclasses.replace(noise_frame(), pixel_format=name)
    masker = Masker("c", "Place", [SQUARE])
    for _ in range(3):
        masked = masker.mask(frame)
        assert masked.masks == Blind("pixel-format")
        assert len(np.unique(planes_of(masked).y[40:])) == 1


def test_planes_that_do_not_fit_their_format_show_nothing() -> None:
    frame = noise_frame()
    lying = dataclasses.replace(frame, planes=(frame.planes[0], frame.planes[1][:, :100], frame.planes[2]))
    assert Masker("c", "Place", [SQUARE]).mask(lying).masks == Blind("pixel-format")


def test_after_an_unknown_format_the_masks_are_armed_anew() -> None:
    frame = noise_frame()
    masker = armed([SQUARE], frame)
    masker.mask(dataclasses.replace(frame, pixel_format="p010le"))
    assert masker.mask(frame).masks == Blind("starting")


def test_the_strip_is_drawn_with_name_and_time_and_differs_by_the_millisecond() -> None:
    frame = noise_frame(width=1280, height=720)
    masker = armed([SQUARE], frame)
    one = planes_of(masker.mask(frame))
    later = dataclasses.replace(WALL, utc_ns=WALL.utc_ns + 111_000_000)
    two = planes_of(masker.mask(dataclasses.replace(frame, wall=later)))
    assert not np.array_equal(one.y[:22], two.y[:22])
    assert np.array_equal(one.y[:22, :640], two.y[:22, :640])  # the name's half
    assert len(np.unique(one.u[:11])) == 1
    unsure = dataclasses.replace(WALL, synchronised=False)
    three = planes_of(masker.mask(dataclasses.replace(frame, wall=unsure)))
    assert not np.array_equal(one.y[:22, 1200:], three.y[:22, 1200:])


@pytest.mark.parametrize("width", [64, 100, 352])
def test_a_narrow_picture_gets_a_strip_too(width: int) -> None:
    frame = noise_frame(width=width, height=64)
    masked = armed([SQUARE], frame).mask(frame)
    assert edges(planes_of(masked).y[:16]) < 16 * width * 0.7
