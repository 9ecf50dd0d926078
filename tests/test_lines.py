"""How a picture's way from capture to masking goes: at once, or held."""

from pathlib import Path

import numpy as np
import pytest

from agent.clock import Instant
from agent.lines import TurningLine
from agent.ptz.head import TurningHead
from agent.units import Blind, Frame, Plane, PoseSet
from agent.virtual.render import TurningStreet
from tests.e2e.studio import S, Setup, Studio, VirtualClock, settings, turn

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


@pytest.mark.parametrize("hold_ms", [0, 300])
def test_pictures_of_a_head_at_rest_are_looked_at_by_twos_before_they_are_judged_and_each_at_once_when_it_turns(
    drawings: Path, hold_ms: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    looked, judged = list[Instant](), list[Instant]()
    late = dict[Instant, int]()
    picture, judge = TurningHead.picture, TurningHead.judge

    def looking(head: TurningHead, luma: Plane, taken: Instant, stamp_s: float, late_s: float = 0.0) -> None:
        looked.append(taken)
        late[taken] = head._clock.instant() - taken
        picture(head, luma, taken, stamp_s, late_s)

    def judging(head: TurningHead, taken: Instant) -> PoseSet | Blind:
        assert taken in late
        judged.append(taken)
        return judge(head, taken)

    monkeypatch.setattr(TurningHead, "picture", looking)
    monkeypatch.setattr(TurningHead, "judge", judging)
    setup = Setup(start=(-33.0, 2.0, 0.0), ptz={"hold_ms": hold_ms})
    shots = list(Studio(TurningStreet(drawings), setup, ((5.0, turn(pan=0.1)),)).shots(7.0))
    assert looked == sorted(looked)
    assert judged == looked[: len(judged)]
    waited = [late[one] > 0 for one in looked]
    rest, turning = waited[3 * setup.fps : 5 * setup.fps - 10], waited[-setup.fps :]
    assert not any(turning)
    assert abs(sum(rest) - len(rest) / 2) <= 1 if hold_ms else not any(rest)
    assert not any(isinstance(shot.masks, Blind) for shot in shots[3 * setup.fps :]) or not hold_ms
