"""Topics are what the contract names, letter for letter."""

from agent.telemetry.topics import Topics


def test_topics_are_those_that_dashboards_subscribe_to() -> None:
    topics = Topics("lievin", "lievin-042")
    assert topics.status == "vigie/lievin/lievin-042/status"
    assert topics.health == "vigie/lievin/lievin-042/health"
    assert topics.event == "vigie/lievin/lievin-042/event"
    assert topics.camera_state("parvis-fixed") == "vigie/lievin/lievin-042/camera/parvis-fixed/state"
    assert topics.discovery == "homeassistant/device/lievin-042/config"


def test_two_masts_never_share_a_client_identifier() -> None:
    assert Topics("lens", "a-1").client_id != Topics("lens", "a-2").client_id
