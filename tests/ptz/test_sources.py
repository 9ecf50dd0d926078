"""Two tellers of one head: a slow answer that was overtaken proves nothing, a real contradiction still does."""

from agent.clock import Instant
from agent.ptz.evidence import HeadLimits, Report
from agent.ptz.sources import Sources

S = 1_000_000_000


def report(asked_s: float, received_s: float, pan_deg: float, tilt_deg: float = 0.0) -> Report:
    return Report(Instant(int(asked_s * S)), Instant(int(received_s * S)), pan_deg, tilt_deg, 0.0)


def streamed(sources: Sources, at_s: float, pan_deg: float) -> bool:
    return sources.admit(report(at_s, at_s, pan_deg), streamed=True)


def test_a_slow_answer_that_newer_positions_overtook_is_left_out() -> None:
    sources = Sources(HeadLimits())
    assert streamed(sources, 10.0, 100.0)
    assert not sources.admit(report(9.0, 10.01, 0.0), streamed=False)  # the head turned 100 degrees meanwhile
    assert streamed(sources, 10.1, 112.0)


def test_a_slow_answer_that_agrees_counts() -> None:
    sources = Sources(HeadLimits())
    assert streamed(sources, 10.0, 20.0)
    assert sources.admit(report(9.0, 10.01, 0.0), streamed=False)


def test_what_no_delay_explains_counts_so_that_it_blinds() -> None:
    sources = Sources(HeadLimits())
    assert streamed(sources, 10.0, 170.0)
    assert sources.admit(report(9.9, 10.01, 0.0), streamed=False)
    assert sources.admit(report(10.02, 10.03, 0.0, 80.0), streamed=False)


def test_turns_of_an_endless_pan_are_one_place() -> None:
    sources = Sources(HeadLimits())
    assert streamed(sources, 10.0, 179.0)
    assert sources.admit(report(9.9, 10.01, -179.0), streamed=False)


def test_the_stream_keeps_pace_while_it_tells_four_positions_a_second() -> None:
    sources = Sources(HeadLimits())
    for at_s in (1.0, 1.5, 2.0, 2.5):
        assert not sources.streaming(Instant(int(at_s * S)))
        streamed(sources, at_s, 0.0)
    assert not sources.streaming(Instant(int(2.5 * S)))
    for at_s in (2.7, 2.9, 3.1, 3.3):
        streamed(sources, at_s, 0.0)
    assert sources.streaming(Instant(int(3.4 * S)))
    assert not sources.streaming(Instant(int(3.8 * S)))
    sources.admit(report(3.7, 3.8, 0.0), streamed=False)
    assert not sources.streaming(Instant(int(3.8 * S)))
