"""The values that flow one way through the mast: Frame -> MaskedFrame -> AccessUnit.

Plain pixels live in `Frame` and nowhere else. Only `agent.masking` constructs a `MaskedFrame` (a test asserts it), and
the encoder takes nothing else: that is how "masks before anything leaves the box" is a type and not a habit.
"""

from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from agent.clock import Instant, WallTime

Plane = NDArray[np.uint8]

TICKS_PER_SECOND = 90_000
"""The media clock of RTP video (RFC 6184 section 8.2.1), used for every `pts_90k`."""


@dataclass(frozen=True, slots=True)
class Frame:
    """A decoded picture, unmasked: it never leaves `capture` and `masking`.

    `planes`: (rows, columns) uint8 views of the decoder's own memory, read-only, as `pixel_format` (FFmpeg's name) lays
    them out; empty for a format that is not 8-bit planar. `taken`: when it arrived. `wall`: UTC once it was decoded.
    `pts_90k`: it grows strictly. `epoch`: grows with each connection, so that masks are armed anew. `owner`: keeps the
    memory alive. `late_s`: how much later than the most punctual picture it came, as far as its stamps tell.
    """

    camera: str
    planes: tuple[Plane, ...]
    pixel_format: str
    width: int
    height: int
    full_range: bool
    taken: Instant
    wall: WallTime
    pts_90k: int
    epoch: int
    owner: object = field(repr=False, compare=False)
    late_s: float = 0.0


@dataclass(frozen=True, slots=True)
class Blind:
    """The whole picture is masked, and why: a short stable word such as `starting` or `pixel-format`."""

    reason: str


@dataclass(frozen=True, slots=True)
class Pose:
    """Where a head points, in degrees: pan clockwise from its own zero, tilt up from the horizon, hfov across."""

    pan_deg: float
    tilt_deg: float
    zoom: float
    hfov_deg: float


Interval = tuple[float, float]
"""(lowest, highest)."""


@dataclass(frozen=True, slots=True)
class PoseSet:
    """Everything that a head can have been at while a picture was exposed: a box of poses.

    `pan_deg`, `tilt_deg`: degrees, lowest first; pan may run on beyond +-180 where the box lies across the seam.
    `zoom`: position 0..1. A pose that is known exactly has equal ends.
    """

    pan_deg: Interval
    tilt_deg: Interval
    zoom: Interval

    @classmethod
    def exactly(cls, pan_deg: float, tilt_deg: float, zoom: float) -> "PoseSet":
        """The set of one pose."""
        return cls((pan_deg, pan_deg), (tilt_deg, tilt_deg), (zoom, zoom))


@dataclass(frozen=True, slots=True)
class Burned:
    """The privacy masks are in the picture; `share` of its area (0..1) lies under them.

    `poses`: what a turning head's masks were laid by; None for a camera that stands still.
    """

    share: float
    poses: PoseSet | None = None


MaskState = Blind | Burned


@dataclass(frozen=True, slots=True)
class MaskedFrame:
    """A picture that may leave: planar 4:2:0 in one contiguous (height * 3 // 2, width) uint8 array, sides even.

    The memory belongs to a small pool and is valid until the second-next frame of the same camera is masked: encode it
    at once, keep nothing.
    """

    camera: str
    picture: Plane = field(repr=False, compare=False)
    width: int
    height: int
    full_range: bool
    taken: Instant
    wall: WallTime
    pts_90k: int
    epoch: int
    masks: MaskState


@dataclass(frozen=True, slots=True)
class AccessUnit:
    """One encoded picture: H.264 Annex B, parameter sets before each keyframe, every keyframe an IDR (closed GOP)."""

    camera: str
    data: bytes = field(repr=False)
    keyframe: bool
    pts_90k: int
    width: int
    height: int
    taken: Instant
    wall: WallTime
    epoch: int
    masks: MaskState
