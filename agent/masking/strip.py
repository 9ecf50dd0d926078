"""The strip along the top edge: the camera's name and the time, in OpenCV's built-in font (no font of the system).

The line is laid out once a second; each frame then only exchanges its three digits of milliseconds. Time that no
service keeps right is marked, because a wrong clock in evidence is worse than none.
"""

from datetime import UTC, datetime

import cv2
import numpy as np

from agent.clock import WallTime
from agent.masking.planes import NEUTRAL, Picture
from agent.units import Plane

INK, PAPER = 235, 24
UNSURE = " ?"
"""After a time that is not synchronised."""


def _scale(height: int) -> tuple[float, int]:
    """Font scale and thickness for a strip of `height` samples."""
    return height / 40, max(1, round(height / 22))


def strip_height(height: int) -> int:
    """Rows of the strip in a picture of `height` rows."""
    return min(height, max(16, height // 32 + 1 & ~1))


class Strip:
    """Draws the strip for pictures of one size."""

    def __init__(self, name: str, width: int, height: int) -> None:
        self._name = name
        self._height = strip_height(height)
        self._width = width
        self._font_scale, self._thickness = _scale(self._height)
        self._digits = [self._render(str(digit))[:, : self._advance()] for digit in range(10)]
        self._second: tuple[int, bool] | None = None
        self._line: Plane = np.full((self._height, width), PAPER, np.uint8)
        self._millis_at = 0

    def _advance(self) -> int:
        """Samples that a digit takes; all digits get the widest one's."""
        sizes = [
            cv2.getTextSize(str(n), cv2.FONT_HERSHEY_SIMPLEX, self._font_scale, self._thickness) for n in range(10)
        ]
        return max(size[0][0] for size in sizes) + max(1, self._height // 16)

    def _text_width(self, text: str) -> int:
        (width, _), _ = cv2.getTextSize(text, cv2.FONT_HERSHEY_SIMPLEX, self._font_scale, self._thickness)
        return int(width)

    def _render(self, text: str) -> Plane:
        image = np.full((self._height, max(self._width, 64)), PAPER, np.uint8)
        base = round(self._height * 0.74)
        origin = (0, base)
        cv2.putText(image, text, origin, cv2.FONT_HERSHEY_SIMPLEX, self._font_scale, INK, self._thickness, cv2.LINE_AA)
        return image

    def _lay_out(self, wall: WallTime) -> None:
        margin = self._height // 2
        moment = datetime.fromtimestamp(wall.utc_ns // 10**9, tz=UTC)
        clock = f"{moment:%Y-%m-%d %H:%M:%S}."
        tail = "UTC" if wall.synchronised else f"UTC{UNSURE}"
        millis = 3 * self._advance()
        gap = self._height // 4
        clock_width, tail_width = self._text_width(clock) + 2, self._text_width(tail) + 2
        self._millis_at = max(0, self._width - margin - tail_width - gap - millis)
        clock_at = max(0, self._millis_at - clock_width)
        self._line = np.full((self._height, self._width), PAPER, np.uint8)
        self._place(self._name, margin, clock_at - margin)
        self._place(clock, clock_at, self._millis_at)
        self._place(tail, self._millis_at + millis + gap, self._width)

    def _place(self, text: str, start: int, stop: int) -> None:
        """Writes `text` from column `start`, cut at `stop`: on a narrow picture the time wins over the name."""
        if stop > start:
            self._line[:, start:stop] = self._render(text)[:, : stop - start]

    def draw(self, picture: Picture, wall: WallTime) -> None:
        """Draws the strip for `wall` over the picture's first rows."""
        second = (wall.utc_ns // 10**9, wall.synchronised)
        if second != self._second:
            self._lay_out(wall)
            self._second = second
        at = self._millis_at
        for digit in f"{wall.utc_ms % 1000:03d}":
            glyph = self._digits[int(digit)]
            room = min(glyph.shape[1], self._width - at)
            self._line[:, at : at + room] = glyph[:, :room]
            at += room
        np.copyto(picture.y[: self._height], self._line)
        picture.u[: self._height // 2].fill(NEUTRAL)
        picture.v[: self._height // 2].fill(NEUTRAL)
