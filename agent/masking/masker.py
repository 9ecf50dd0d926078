"""One camera's way from `Frame` to `MaskedFrame`: copy, decide, burn, sign with name and time."""

from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import Protocol

from agent.clock import Instant
from agent.masking.following import FollowingMasks
from agent.masking.lens import ZoomTable
from agent.masking.mosaic import ArmedMasks, StillMask, burn_whole, fill_grey
from agent.masking.planes import Picture, can_burn, copy_picture, even_size
from agent.masking.policy import PictureKey, Policy
from agent.masking.sphere import WorldMask
from agent.masking.strip import Strip, strip_height
from agent.units import Blind, Burned, Frame, MaskedFrame, MaskState, Plane, PoseSet

POOL = 2
"""Pictures in flight: the one that the encoder reads and the one that is being made."""


class _Bench:
    """What is made ready for pictures of one size: memory and the strip."""

    def __init__(self, name: str, width: int, height: int) -> None:
        self.size = (width, height)
        self._pool = [Picture.empty(width, height) for _ in range(POOL)]
        self._next = 0
        self.strip = Strip(name, width, height)

    def picture(self) -> Picture:
        self._next = (self._next + 1) % POOL
        return self._pool[self._next]


class _Line:
    """What all maskers have in common: the policy, a copy of the picture, the strip, and the frame that leaves."""

    def __init__(self, camera: str, name: str) -> None:
        self._camera = camera
        self._name = name
        self._policy = Policy()
        self._bench: _Bench | None = None

    def _judge(self, frame: Frame) -> Blind | None:
        key = PictureKey(frame.epoch, frame.width, frame.height, frame.pixel_format)
        return self._policy.judge(key, known=can_burn(frame))

    def _make(self, frame: Frame, burn: Callable[[Picture], MaskState]) -> MaskedFrame:
        width, height = even_size(frame)
        if self._bench is None or self._bench.size != (width, height):
            self._bench = _Bench(self._name, width, height)
        picture = self._bench.picture()
        state = burn(picture)
        self._bench.strip.draw(picture, frame.wall)
        return MaskedFrame(
            camera=self._camera,
            picture=picture.buffer,
            width=width,
            height=height,
            full_range=frame.full_range,
            taken=frame.taken,
            wall=frame.wall,
            pts_90k=frame.pts_90k,
            epoch=frame.epoch,
            masks=state,
        )


class Guard(Protocol):
    """Who says whether a still camera points where its masks were drawn."""

    def begin(self) -> None:
        """The next picture comes after a gap."""
        ...

    def look(self, luma: Plane, masks: Plane, strip_rows: int, taken: Instant) -> Blind | None:
        """Why this burned picture must be masked whole. `masks`: 255 under a mask; the same object for one size."""
        ...


class Masker(_Line):
    """Burns the masks of one fixed or panoramic camera. Not thread-safe: one thread owns it.

    Where its `guard` says that the camera points elsewhere it shows one colour: a mosaic over a camera that is being
    turned would be drawn over the scene.
    """

    def __init__(self, camera: str, name: str, masks: Sequence[StillMask], guard: Guard | None = None) -> None:
        super().__init__(camera, name)
        self._masks = tuple(masks)
        self._guard = guard
        self._armed: tuple[tuple[int, int], ArmedMasks] | None = None

    def mask(self, frame: Frame) -> MaskedFrame:
        """The picture with its masks burned, or masked whole; its memory is valid until the second-next call."""
        return self._make(frame, lambda picture: self._burn(frame, picture))

    def _burn(self, frame: Frame, picture: Picture) -> MaskState:
        size = even_size(frame)
        blind = self._judge(frame)
        if blind == Blind("pixel-format"):
            fill_grey(picture)
            return blind
        if self._armed is None or self._armed[0] != size:
            self._armed = (size, ArmedMasks(self._masks, *size))
        copy_picture(frame, picture)
        armed = self._armed[1]
        if blind is not None:
            if self._guard is not None:
                self._guard.begin()
            burn_whole(picture)
            return blind
        armed.burn(picture)
        if self._guard is not None:
            elsewhere = self._guard.look(picture.y, armed.union, strip_height(size[1]), frame.taken)
            if elsewhere is not None:
                fill_grey(picture)
                return elsewhere
        return Burned(armed.share)


class PtzMasker(_Line):
    """Burns the masks of one turning camera. Not thread-safe: one thread owns it.

    Blind, it shows one colour and no mosaic: while the head turns, a mosaic that is fixed to the picture would be drawn
    over the scene, and what its cells show by turns adds up to the scene.
    """

    def __init__(
        self,
        camera: str,
        name: str,
        masks: Sequence[WorldMask],
        lens: ZoomTable,
        *,
        error_deg: float,
        hfov_error: float = 0.0,
    ) -> None:
        super().__init__(camera, name)
        self._masks = tuple(masks)
        self._lens = lens
        self._error_deg = error_deg
        self._hfov_error = hfov_error
        self._following: tuple[tuple[int, int], FollowingMasks] | None = None

    def mask(self, frame: Frame, pose: PoseSet | Blind) -> MaskedFrame:
        """The picture with its masks burned wherever they may be under `pose`, or masked whole, with the reason.

        Its memory is valid until the second-next call.
        """
        return self._make(frame, lambda picture: self._burn(frame, pose, picture))

    def _burn(self, frame: Frame, pose: PoseSet | Blind, picture: Picture) -> MaskState:
        state: MaskState | None = self._judge(frame)
        if state is None:
            state = pose if isinstance(pose, Blind) else self._follow(frame, pose, picture)
        if isinstance(state, Blind):
            fill_grey(picture)
        return state

    def _follow(self, frame: Frame, pose: PoseSet, picture: Picture) -> MaskState:
        size = (frame.width, frame.height)
        if self._following is None or self._following[0] != size:
            strip = strip_height(even_size(frame)[1])
            following = FollowingMasks(
                self._masks, *size, error_deg=self._error_deg, hfov_error=self._hfov_error, strip=strip
            )
            self._following = (size, following)
        copy_picture(frame, picture)
        state = self._following[1].burn(picture, pose, self._lens)
        return replace(state, poses=pose) if isinstance(state, Burned) else state
