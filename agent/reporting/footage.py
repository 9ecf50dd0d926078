"""Which recordings exist while the register is read, so that a destroyed counter has its hours. Pure.

Law: it holds what is not yet destroyed, eight bytes a segment, so that years of entries take a month's memory.
"""

from array import array
from dataclasses import dataclass

BLOCK = 1024
_UNKNOWN = 2**32 - 1


@dataclass(slots=True)
class _Block:
    starts_s: "array[int]"
    lengths_ms: "array[int]"
    alive: int = 0


class Footage:
    """Counter of a camera -> (start in ms UTC, length in ms or None)."""

    def __init__(self) -> None:
        self._blocks: dict[tuple[str, int], _Block] = {}

    def add(self, camera: str, counter: int, start_ms: int, length_ms: int | None) -> None:
        """A recording that was made."""
        key, at = (camera, counter // BLOCK), counter % BLOCK
        block = self._blocks.get(key)
        if block is None:
            block = self._blocks[key] = _Block(array("I", [0]) * BLOCK, array("I", [0]) * BLOCK)
        block.alive += not block.starts_s[at]
        block.starts_s[at] = max(1, start_ms // 1000)
        block.lengths_ms[at] = _UNKNOWN if length_ms is None else min(length_ms, _UNKNOWN - 1)

    def find(self, camera: str, counter: int, forget: bool = False) -> tuple[int, int | None] | None:
        """What is known of it; `forget`: it is destroyed by this."""
        key, at = (camera, counter // BLOCK), counter % BLOCK
        block = self._blocks.get(key)
        if block is None or not block.starts_s[at]:
            return None
        length = block.lengths_ms[at]
        found = block.starts_s[at] * 1000, None if length == _UNKNOWN else length
        if forget:
            block.starts_s[at], block.alive = 0, block.alive - 1
            if not block.alive:
                del self._blocks[key]
        return found
