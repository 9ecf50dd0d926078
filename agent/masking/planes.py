"""The one copy: decoded planes of every format that cameras send -> one contiguous planar 4:2:0 picture.

The copy is also the conversion, so that there is one format to burn and one to encode. Odd sizes lose their last column
or row here: 4:2:0 has none to give them.
"""

from dataclasses import dataclass

import cv2
import numpy as np

from agent.errors import UnknownPixelFormat
from agent.units import Frame, Plane

NEUTRAL = 128
"""Chroma of grey."""


def compute_alone() -> None:
    """From now on OpenCV computes in the thread that asks, in this whole process.

    Each camera has a thread of its own, and the pool that would help it spins while it waits: on small pictures that
    costs more than it gives.
    """
    cv2.setNumThreads(1)


@dataclass(frozen=True, slots=True)
class Picture:
    """Planar 4:2:0: `buffer` is (height * 3 // 2, width) uint8; y, u and v are views into it; sides are even."""

    buffer: Plane
    y: Plane
    u: Plane
    v: Plane

    @classmethod
    def empty(cls, width: int, height: int) -> "Picture":
        """Fresh memory for a picture of even sides."""
        buffer = np.empty((height * 3 // 2, width), np.uint8)
        flat = buffer.reshape(-1)
        luma, chroma = width * height, (width // 2) * (height // 2)
        half = (height // 2, width // 2)
        return cls(
            buffer,
            flat[:luma].reshape(height, width),
            flat[luma : luma + chroma].reshape(half),
            flat[luma + chroma :].reshape(half),
        )


def even_size(frame: Frame) -> tuple[int, int]:
    """(width, height) of the picture that leaves: the frame's, rounded down to even."""
    return frame.width & ~1, frame.height & ~1


def _halve(plane: Plane, rows: int, columns: int, target: Plane) -> None:
    """Averages `rows` x `columns` blocks of a chroma plane into `target`."""
    height, width = target.shape
    source = plane[: height * rows, : width * columns]
    cv2.resize(source, (width, height), dst=target, interpolation=cv2.INTER_AREA)


def _planar(frame: Frame, picture: Picture, rows: int, columns: int) -> None:
    height, width = picture.y.shape
    np.copyto(picture.y, frame.planes[0][:height, :width])
    for plane, target in ((frame.planes[1], picture.u), (frame.planes[2], picture.v)):
        if rows == columns == 1:
            np.copyto(target, plane[: target.shape[0], : target.shape[1]])
        else:
            _halve(plane, rows, columns, target)


def _nv12(frame: Frame, picture: Picture) -> None:
    height, width = picture.y.shape
    np.copyto(picture.y, frame.planes[0][:height, :width])
    interleaved = frame.planes[1][: height // 2, :width]
    np.copyto(picture.u, interleaved[:, 0::2])
    np.copyto(picture.v, interleaved[:, 1::2])


def _grey(frame: Frame, picture: Picture) -> None:
    height, width = picture.y.shape
    np.copyto(picture.y, frame.planes[0][:height, :width])
    picture.u.fill(NEUTRAL)
    picture.v.fill(NEUTRAL)


# FFmpeg's name -> (planes, rows and columns of its chroma that make one of 4:2:0)
PLANAR = {
    "yuv420p": (1, 1),
    "yuvj420p": (1, 1),
    "yuv422p": (2, 1),
    "yuvj422p": (2, 1),
    "yuv444p": (2, 2),
    "yuvj444p": (2, 2),
}
KNOWN = frozenset({*PLANAR, "nv12", "gray"})
"""FFmpeg's names of every pixel format that can be burned; any other blinds."""


def can_burn(frame: Frame) -> bool:
    """True when the frame is in a known format and its planes are as large as that format says."""
    name = frame.pixel_format
    luma = (frame.height, frame.width)
    half_across, half_down = (frame.width + 1) // 2, (frame.height + 1) // 2
    if name in PLANAR:
        rows, columns = PLANAR[name]
        chroma = (frame.height if rows == 2 else half_down, frame.width if columns == 2 else half_across)
        expected = [luma, chroma, chroma]
    elif name == "nv12":
        expected = [luma, (half_down, 2 * half_across)]
    elif name == "gray":
        expected = [luma]
    else:
        return False
    return [plane.shape for plane in frame.planes] == expected


def copy_picture(frame: Frame, picture: Picture) -> None:
    """Copies `frame` into `picture`, whose size is `even_size(frame)`; UnknownPixelFormat when it cannot be done."""
    if not can_burn(frame):
        raise UnknownPixelFormat(frame.pixel_format)
    if frame.pixel_format == "nv12":
        _nv12(frame, picture)
    elif frame.pixel_format == "gray":
        _grey(frame, picture)
    else:
        _planar(frame, picture, *PLANAR[frame.pixel_format])
