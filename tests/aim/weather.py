"""What a camera's day does to a picture: (height, width, 3) BGR in, the same out. Rough on purpose."""

import cv2
import numpy as np
from numpy.typing import NDArray

from agent.virtual.figures import Picture

Random = np.random.Generator


def _picture(values: NDArray[np.floating]) -> Picture:
    return np.clip(values, 0, 255).astype(np.uint8)


def noise(picture: Picture, random: Random, levels: float) -> Picture:
    """A sensor with its gain up."""
    return _picture(picture + random.normal(0, levels, picture.shape))


def dark(picture: Picture, random: Random, light: float) -> Picture:
    """Little light, and the noise that comes with it."""
    return noise(_picture(picture * light), random, 8)


def fog(picture: Picture, thick: float) -> Picture:
    """Grey, more so the farther up in the picture; `thick` 0..1."""
    through = np.clip((1 - thick) * np.linspace(0.4, 1.3, len(picture)), 0, 1)[:, None, None]
    return _picture(picture * through + 200 * (1 - through))


def rain(picture: Picture, random: Random, streaks: int) -> Picture:
    """Streaks, and less contrast behind them."""
    layer = np.zeros(picture.shape[:2], np.uint8)
    height, width = layer.shape
    for x, y, long in zip(
        random.integers(0, width, streaks),
        random.integers(0, height, streaks),
        random.integers(10, 40, streaks),
        strict=True,
    ):
        cv2.line(layer, (int(x), int(y)), (int(x + long // 5), int(y + long)), 110, 1, cv2.LINE_AA)
    return _picture(picture * 0.8 + 40 + layer[:, :, None] * 0.6)


def drops(picture: Picture, random: Random, count: int) -> Picture:
    """Drops on the dome: blurred spots."""
    spots = np.zeros(picture.shape[:2], np.float32)
    height, width = spots.shape
    for _ in range(count):
        centre = (int(random.integers(0, width)), int(random.integers(0, height)))
        cv2.circle(spots, centre, int(random.integers(10, 45)), 1.0, -1)
    spots = cv2.GaussianBlur(spots, (0, 0), 5)[:, :, None]
    return _picture(picture * (1 - spots) + cv2.GaussianBlur(picture, (0, 0), 14) * spots)


def snow(picture: Picture, random: Random, lies: float, flakes: int) -> Picture:
    """The ground white to the share `lies`, and flakes in the air."""
    height, width = picture.shape[:2]
    ground = np.clip((np.linspace(0, 1, height) - 0.6) * 8, 0, 1)[:, None, None] * 0.85 * lies
    layer = np.zeros((height, width), np.float32)
    for _ in range(flakes):
        centre = (int(random.integers(0, width)), int(random.integers(0, height)))
        cv2.circle(layer, centre, int(random.integers(1, 5)), 1.0, -1)
    air = cv2.GaussianBlur(layer, (0, 0), 1)[:, :, None]
    white = (picture * (1 - ground) + 235 * ground) * 0.8 + 40
    return _picture(white * (1 - air) + 250 * air)


def infrared(picture: Picture, random: Random) -> Picture:
    """The camera's own infrared lamp: grey, other materials bright, the corners black."""
    blue, green, red = (picture[:, :, i].astype(np.float32) for i in range(3))
    height, width = blue.shape
    y, x = np.mgrid[0:height, 0:width]
    lit = np.exp(-(((x - width / 2) / (0.45 * width)) ** 2) - ((y - 0.65 * height) / (0.5 * height)) ** 2)
    grey = noise(_picture((0.9 * green + 0.5 * red - 0.5 * blue) * lit * 2.2 + 4), random, 6)
    return np.asarray(cv2.merge([grey, grey, grey]), np.uint8)


def headlights(picture: Picture, random: Random, count: int) -> Picture:
    """Lamps that shine into the lens, with their bloom."""
    height, width = picture.shape[:2]
    lamps = np.zeros((height, width), np.float32)
    for _ in range(count):
        centre = (int(random.integers(0, width)), int(random.integers(height // 2, height)))
        cv2.circle(lamps, centre, int(random.integers(6, 14)), 1.0, -1)
    bloom = np.clip(cv2.GaussianBlur(lamps, (0, 0), 40) * 12 + cv2.GaussianBlur(lamps, (0, 0), 3), 0, 1)
    return _picture(picture + 255.0 * bloom[:, :, None])


def shadow(picture: Picture, hour: float) -> Picture:
    """A roof's shadow that wanders over the street as the sun does; `hour` 0..1."""
    height, width = picture.shape[:2]
    layer = np.zeros((height, width), np.float32)
    edge = [(width * (hour - 0.4), height), (width * (hour + 0.1), height * 0.3), (width * (hour + 0.6), height)]
    cv2.fillPoly(layer, [np.array(edge, np.int32)], 1.0)
    return _picture(picture * (1 - 0.6 * cv2.GaussianBlur(layer, (0, 0), 2)[:, :, None]))


def lorry(picture: Picture, share: float) -> Picture:
    """A lorry that hides the left `share` of the picture but for its uppermost part."""
    hidden = picture.copy()
    height, width = picture.shape[:2]
    right = int(width * share)
    cv2.rectangle(hidden, (0, int(height * 0.15)), (right, height), (150, 140, 60), -1)
    cv2.rectangle(hidden, (0, int(height * 0.15)), (right, height), (60, 60, 60), 6)
    cv2.putText(hidden, "TRANSPORTS", (right - width, height // 2), 0, 2.5, (255, 255, 255), 8)
    return hidden


def rolled(picture: Picture, degrees: float) -> Picture:
    """The camera turned about its own axis."""
    height, width = picture.shape[:2]
    turn = cv2.getRotationMatrix2D((width / 2, height / 2), degrees, 1)
    return np.asarray(cv2.warpAffine(picture, turn, (width, height), borderMode=cv2.BORDER_REFLECT), np.uint8)


def luma(picture: Picture, quality: int = 40) -> Picture:
    """What the decoder gives: grey, after a camera's rough compression."""
    coded = cv2.imencode(".jpg", picture, [cv2.IMWRITE_JPEG_QUALITY, quality])[1]
    return np.asarray(cv2.imdecode(coded, cv2.IMREAD_GRAYSCALE), np.uint8)
