from agent.clock import WallTime
from agent.facts import MastFacts
from agent.live.metrics import exposition
from agent.units import Blind, Burned
from tests.live.test_state import camera


def test_each_scrape_tells_the_facts_of_that_moment() -> None:
    masks = [Burned(0.5)]
    cameras = lambda: (camera(masks[0]),)  # noqa: E731 - gathered anew at each scrape
    scrape = exposition(lambda: MastFacts(WallTime(0, True, 1.0), 12.5, 10**9, 48.0, cameras()))
    first = scrape().decode()
    assert "vigie_uptime_seconds 12.5" in first
    assert 'vigie_camera_blind{camera="parvis"} 0.0' in first
    assert 'vigie_camera_frames_total{camera="parvis",what="captured"} 7.0' in first
    masks[0] = Blind("starting")  # type: ignore[call-overload]
    assert 'vigie_camera_blind{camera="parvis"} 1.0' in scrape().decode()
