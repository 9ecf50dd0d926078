"""May the masks be burned into this picture, or must the whole of it be masked? Decides; touches nothing.

>>> policy = Policy()
>>> policy.judge(PictureKey(1, 1920, 1080, "yuv420p"), known=True)
Blind(reason='starting')
>>> policy.judge(PictureKey(1, 1920, 1080, "yuv420p"), known=True) is None
True
"""

from dataclasses import dataclass

from agent.units import Blind


@dataclass(frozen=True, slots=True)
class PictureKey:
    """What the masks are armed for: one connection, one size, one pixel format."""

    epoch: int
    width: int
    height: int
    pixel_format: str


class Policy:
    """For cameras that do not move. The picture that arms the masks is itself masked whole."""

    def __init__(self) -> None:
        self._armed: PictureKey | None = None

    def judge(self, key: PictureKey, *, known: bool) -> Blind | None:
        """None when the masks armed for `key` may be burned, else why the whole picture must be masked."""
        if not known:
            self._armed = None
            return Blind("pixel-format")
        if key == self._armed:
            return None
        reason = self._reason(key)
        self._armed = key
        return Blind(reason)

    def _reason(self, key: PictureKey) -> str:
        if self._armed is None:
            return "starting"
        return "reconnected" if key.epoch != self._armed.epoch else "picture-changed"
