"""How a picture's way from capture to masking goes: at once, or held."""

import numpy as np
import pytest

from agent.clock import Instant
from agent.lines import TurningLine
from agent.units import Blind, Frame
from tests.e2e.studio import S, Setup, VirtualClock, settings

WIDTH, HEIGHT = 64, 48


def frame(clock: VirtualClock, number: int) -> Frame:
    """A grey picture, taken now."""
    sizes = ((HEIGHT, WIDTH), (HEIGHT // 2, WIDTH // 2), (HEIGHT // 2, WIDTH // 2))
    planes = tuple(np.full(size, 120, np.uint8) for size in sizes)
    at = Instant(clock.instant())
    return Frame("tete", planes, "yuv420p", WIDTH, HEIGHT, False, at, clock.wall(), number * 3600, 1, None)


@pytest.mark.parametrize("hold_ms", [0, 300, 500])
def test_a_head_s_picture_leaves_once_it_has_waited_as_configured_and_its_wait_is_told(hold_ms: int) -> None:
    clock = VirtualClock()
    line = TurningLine(settings(Setup(ptz={"hold_ms": hold_ms})), clock, lambda _: None)
    left = []
    for number in range(50):
        clock.second = 10 + number * 0.04
        for masked in line.take(frame(clock, number)):
            waited_ms = (clock.instant() - masked.taken) * 1000 / S
            assert hold_ms <= waited_ms < hold_ms + 40
            assert line.hold_ms == pytest.approx(waited_ms)
            assert masked.masks == Blind("starting")
            left.append(masked.taken)
    assert left == sorted(left)
    assert len(left) == 50 - -(-hold_ms // 40)
