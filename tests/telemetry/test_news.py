"""What is told, when: on change at once, else every ten seconds; a set of cameras only once it has settled."""

from dataclasses import replace

from agent.facts import MastFacts
from agent.telemetry.news import SETTLE_S, News
from agent.telemetry.topics import Topics
from tests.telemetry.brokers import World

TOPICS = Topics("lievin", "lievin-042")
STATE = TOPICS.camera_state("parvis-fixed")


def _facts(*cameras: str) -> MastFacts:
    world = World()
    return replace(world.facts(), cameras=tuple(replace(world.camera, id=name, name=name) for name in cameras))


def _told(news: News, facts: MastFacts, now_s: float) -> list[str]:
    return [one.topic for one in news.look(facts, now_s)]


def test_a_camera_is_told_at_once_and_then_every_ten_seconds() -> None:
    world, news = World(), News(TOPICS, "", "1", 10)
    assert _told(news, world.facts(), 0) == [STATE, TOPICS.discovery]
    assert [s for s in range(1, 31) if _told(news, world.facts(), s)] == [10, 20, 30]
    world.change(viewers=1)
    assert _told(news, world.facts(), 31) == [STATE]


def test_a_stopping_agent_without_cameras_takes_nothing_back() -> None:
    news = News(TOPICS, "", "1", 1000)
    news.look(_facts("a", "b"), 0)
    assert _told(news, _facts(), 1) == []
    assert _told(news, _facts(), 100) == []


def test_a_reload_that_drops_a_camera_for_a_moment_takes_nothing_back() -> None:
    news = News(TOPICS, "", "1", 1000)
    news.look(_facts("a", "b"), 0)
    assert _told(news, _facts("a"), 1) == []
    assert _told(news, _facts("a", "b"), 2) == []
    assert _told(news, _facts("a", "b"), 2 + SETTLE_S) == []


def test_a_camera_that_is_gone_for_good_is_cleared_from_the_broker() -> None:
    news = News(TOPICS, "", "1", 1000)
    news.look(_facts("a", "b"), 0)
    news.look(_facts("a"), 1)
    due = news.look(_facts("a"), 1 + SETTLE_S)
    assert [(one.topic, one.payload == b"") for one in due] == [
        (TOPICS.camera_state("b"), True),
        (TOPICS.discovery, False),
    ]
    assert all(one.retain for one in due)
