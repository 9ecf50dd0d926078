"""What is told, when: on change at once, else every ten seconds; a set of cameras only once it has settled."""

import json
from dataclasses import replace

from agent.facts import MastFacts, PtzFacts, RegisterFacts
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


def test_where_a_head_points_is_told_when_it_turns_and_taken_back_when_the_camera_goes() -> None:
    world, news = World(), News(TOPICS, "", "1", 10)
    topic = TOPICS.camera_ptz("parvis-fixed")
    head = PtzFacts(10.0, -2.0, 0.5, 13.4, False, "", False, 80.0)
    world.change(ptz=head)
    found = {one.topic: one.payload for one in news.look(world.facts(), 0)}
    assert json.loads(found[topic])["pan_deg"] == 10.0
    world.change(ptz=replace(head, age_ms=900.0))  # only older: nothing to tell
    assert _told(news, world.facts(), 1) == []
    world.change(ptz=replace(head, pan_deg=11.0))
    assert _told(news, world.facts(), 2) == [topic]
    news.look(_facts("another"), 3)
    gone = news.look(_facts("another"), 3 + SETTLE_S)
    assert (topic, b"") in [(one.topic, one.payload) for one in gone]


def test_the_register_s_head_is_told_when_it_changes_and_five_seconds_apart_at_least() -> None:
    world, news = World(), News(TOPICS, "", "1", 1000)

    def at(now_s: float, size: int) -> list[dict[str, object]]:
        head = f"vigie/lievin/lievin-042\n{size}\nROOT=\n\n— name sig\n" if size else ""
        due = news.look(replace(world.facts(), register=RegisterFacts("", size, head)), now_s)
        heads = [one for one in due if one.topic == "vigie/lievin/lievin-042/register/checkpoint"]
        assert all(one.retain for one in heads)
        return [json.loads(one.payload) for one in heads]

    assert at(0, 0) == []
    (first,) = at(1, 3)
    assert (first["origin"], first["size"], first["root"]) == ("vigie/lievin/lievin-042", 3, "ROOT=")
    assert str(first["checkpoint"]).endswith("— name sig\n")
    assert [at(second, 4) != [] for second in (2, 5, 6, 7, 300)] == [False, False, True, False, False]
