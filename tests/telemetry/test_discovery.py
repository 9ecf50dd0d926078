"""Home Assistant is told of everything under names that do not change, and of nothing twice."""

import json

from agent.telemetry.discovery import discovery
from agent.telemetry.payloads import encode
from agent.telemetry.topics import Topics
from tests.telemetry.brokers import World

TOPICS = Topics("lievin", "lievin-042")


def _told() -> dict[str, object]:
    told: dict[str, object] = json.loads(encode(discovery(TOPICS, "Parvis", "1.2", (World().camera,))))
    return told


def test_it_has_the_keys_that_home_assistant_asks_for() -> None:
    told = _told()
    assert {"dev", "o", "cmps"} <= told.keys()
    assert told["dev"] == {
        "ids": ["vigie_lievin_lievin-042"],
        "name": "Vigie lievin-042",
        "mf": "Vigie",
        "mdl": "Mast",
        "sw": "1.2",
        "sa": "Parvis",
    }
    assert told["availability_topic"] == TOPICS.status


def test_every_component_has_a_platform_a_topic_and_an_identity_of_its_own() -> None:
    components = _told()["cmps"]
    assert isinstance(components, dict)
    assert {"problem", "temperature", "parvis-fixed_capture", "parvis-fixed_blind"} <= components.keys()
    for one in components.values():
        assert one["p"] in ("sensor", "binary_sensor")
        assert one["state_topic"] in (TOPICS.health, TOPICS.camera_state("parvis-fixed"))
        assert one["value_template"].startswith("{{")
    identities = [one["unique_id"] for one in components.values()]
    assert len(set(identities)) == len(identities)
