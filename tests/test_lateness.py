"""How late something is by its sender's stamps: pure, with time as a value."""

import pytest

from agent.clock import Instant
from agent.lateness import SETTLE_S, Lateness

S = 10**9


def told(lateness: Lateness, sent_s: float, held_s: float = 0.0) -> float | None:
    return lateness.of(sent_s, Instant(int((100 + sent_s + held_s) * S)))


def settled(creep: float = 1e-3) -> Lateness:
    lateness = Lateness(creep)
    for at in range(50):
        told(lateness, at / 25)
    return lateness


def test_the_first_second_tells_nothing() -> None:
    lateness = Lateness(1e-3)
    assert [told(lateness, at / 25) for at in range(round(25 * SETTLE_S))] == [None] * round(25 * SETTLE_S)
    assert told(lateness, SETTLE_S) is not None


def test_a_backlog_is_late_by_as_much_as_it_waited() -> None:
    lateness = settled()
    found = [lateness.of(2 + at / 25, Instant(103 * S)) for at in range(25)]
    assert found == pytest.approx([1 - at / 25 for at in range(25)], abs=2e-3)
    assert told(lateness, 3.0) == pytest.approx(0.0, abs=2e-3)


def test_what_stays_late_is_not_taken_for_punctual_within_a_minute() -> None:
    lateness = settled()
    found = [told(lateness, 2 + at / 25, held_s=0.4) for at in range(25 * 60)]
    assert min(one or 0 for one in found) > 0.33


def test_a_camera_that_was_late_when_it_was_first_seen_is_found_out_by_its_first_punctual_picture() -> None:
    lateness = Lateness(1e-3)
    for at in range(50):
        told(lateness, at / 25, held_s=0.5)
    assert told(lateness, 2.0) == 0.0
    assert told(lateness, 2.04, held_s=0.5) == pytest.approx(0.5, abs=1e-3)


def test_a_new_connection_begins_anew() -> None:
    lateness = settled()
    lateness.restart()
    assert told(lateness, 9000.0) is None
