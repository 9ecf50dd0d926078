"""One camera's way from `Frame` to `MaskedFrame`: copy, decide, burn, sign with name and time."""

from collections.abc import Sequence

from agent.masking.mosaic import ArmedMasks, PictureMask, burn_whole, fill_grey
from agent.masking.planes import Picture, can_burn, copy_picture, even_size
from agent.masking.policy import PictureKey, Policy
from agent.masking.strip import Strip
from agent.units import Blind, Burned, Frame, MaskedFrame, MaskState

POOL = 2
"""Pictures in flight: the one that the encoder reads and the one that is being made."""


class _Bench:
    """Everything that is made ready for pictures of one size: memory, armed masks, the strip."""

    def __init__(self, masks: Sequence[PictureMask], name: str, width: int, height: int) -> None:
        self.size = (width, height)
        self._pool = [Picture.empty(width, height) for _ in range(POOL)]
        self._next = 0
        self.masks = ArmedMasks(masks, width, height)
        self.strip = Strip(name, width, height)

    def picture(self) -> Picture:
        self._next = (self._next + 1) % POOL
        return self._pool[self._next]


class Masker:
    """Burns the masks of one fixed or panoramic camera. Not thread-safe: one thread owns it."""

    def __init__(self, camera: str, name: str, masks: Sequence[PictureMask]) -> None:
        self._camera = camera
        self._name = name
        self._masks = tuple(masks)
        self._policy = Policy()
        self._bench: _Bench | None = None

    def mask(self, frame: Frame) -> MaskedFrame:
        """The picture with its masks burned, or masked whole; its memory is valid until the second-next call."""
        width, height = even_size(frame)
        bench = self._bench
        if bench is None or bench.size != (width, height):
            bench = self._bench = _Bench(self._masks, self._name, width, height)
        picture = bench.picture()
        state = self._burn(frame, picture, bench)
        bench.strip.draw(picture, frame.wall)
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

    def _burn(self, frame: Frame, picture: Picture, bench: _Bench) -> MaskState:
        key = PictureKey(frame.epoch, frame.width, frame.height, frame.pixel_format)
        blind = self._policy.judge(key, known=can_burn(frame))
        if blind == Blind("pixel-format"):
            fill_grey(picture)
            return blind
        copy_picture(frame, picture)
        if blind is not None:
            burn_whole(picture)
            return blind
        bench.masks.burn(picture)
        return Burned(bench.masks.share)
