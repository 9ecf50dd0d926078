"""Payloads keep their names, carry no secret, and can always be written as JSON."""

import json
import math
from dataclasses import replace
from typing import get_args

import pytest
from hypothesis import given
from hypothesis import strategies as st

from agent.clock import WallTime
from agent.events import AimApproved, CaptureLost, Event, MasksBlind, ViewEnded
from agent.facts import AimFacts, MastFacts
from agent.telemetry import payloads
from agent.telemetry.values import Issue, MachineFacts, OutboxFacts, Throttling
from agent.units import Blind
from tests.telemetry.brokers import World

WALL = WallTime(1_795_000_000_042_000_000, True, 1.5)


def test_a_blind_picture_says_why_and_a_burned_one_says_nothing() -> None:
    camera = World().camera
    assert payloads.camera_state(camera, WALL)["masks"] == "burned"
    assert payloads.camera_state(camera, WALL)["reason"] is None
    blind = payloads.camera_state(replace(camera, masks=Blind("pixel-format")), WALL)
    assert (blind["masks"], blind["reason"]) == ("blind", "pixel-format")


def test_the_state_has_every_key_of_the_contract() -> None:
    keys = payloads.camera_state(World().camera, WALL).keys()
    assert {"capture", "masks", "fps", "bitrate", "viewers", "last_segment", "recording"} <= keys


def test_the_state_tells_how_long_a_head_s_pictures_wait() -> None:
    assert payloads.camera_state(replace(World().camera, hold_ms=317.4), WALL)["hold_ms"] == 317


def test_a_flickering_rate_is_no_change_and_a_new_viewer_is_one() -> None:
    camera = World().camera
    before = payloads.lasting(payloads.camera_state(camera, WALL))
    later = WallTime(WALL.utc_ns + 10**9, True, 1.5)
    flickered = replace(camera, fps=24.1, frames=500, hold_ms=317.0)
    assert payloads.lasting(payloads.camera_state(flickered, later)) == before
    assert payloads.lasting(payloads.camera_state(replace(camera, viewers=1), later)) != before


def test_event_names_that_readers_match_on_stay_as_they_are() -> None:
    kinds = {payloads._WORD.sub("_", one.__name__).lower() for one in get_args(Event)}
    assert {
        "capture_lost",
        "capture_restored",
        "stream_changed",
        "masks_blind",
        "masks_restored",
        "tamper",
        "tamper_ended",
        "aim_learned",
        "aim_approved",
        "recording_lost",
        "recording_restored",
        "units_dropped",
        "power_cut_found",
        "view_started",
        "view_ended",
        "configuration_applied",
        "configuration_refused",
        "clock_stepped",
    } <= kinds


def test_an_event_carries_its_fields_its_time_and_an_identity() -> None:
    event = payloads.event_payload("ab-00000001", WALL, ViewEnded("cam", 3, "left", 12.5, 41))
    assert json.loads(payloads.encode(event)) == {
        "id": "ab-00000001",
        "event": "view_ended",
        "at": "2026-11-18T11:06:40.042Z",
        "camera": "cam",
        "session": 3,
        "reason": "left",
        "seconds": 12.5,
        "entry": 41,
    }


@pytest.mark.parametrize(
    "reason",
    [
        "rtsp://admin:s3cret@10.0.0.10/stream1 timed out",
        "rtsp://admin:s3cret@10.0.0.10",
        "rtsp://admin:s3c@ret@10.0.0.10/x",
        "http://s3cret@host",
    ],
)
def test_credentials_in_a_url_are_cut_out(reason: str) -> None:
    text = payloads.encode(payloads.event_payload("x", WALL, CaptureLost("cam", reason))).decode()
    assert "s3c" not in text
    assert "admin" not in text


def test_numbers_that_json_cannot_say_become_null() -> None:
    camera = replace(World().camera, fps=math.nan, bitrate_kbps=math.inf)
    state = json.loads(payloads.encode(payloads.camera_state(camera, WALL)))
    assert (state["fps"], state["bitrate"]) == (None, None)


def test_a_text_without_end_is_cut() -> None:
    text = payloads.encode(payloads.event_payload("x", WALL, MasksBlind("cam", "y" * 100_000)))
    assert len(text) < 1000


@given(
    st.recursive(
        st.none() | st.booleans() | st.integers() | st.floats() | st.text(st.characters()) | st.binary(),
        lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(), inner, max_size=4),
        max_leaves=12,
    )
)
def test_whatever_comes_in_is_encoded_as_utf_8_json(value: object) -> None:
    assert set(json.loads(payloads.encode({"value": value}).decode("utf-8"))) == {"value"}


def test_health_names_the_gravest_severity_and_both_languages() -> None:
    facts = MastFacts(WALL, 42.4, 1 << 30, 3.5, (World().camera,))
    machine = MachineFacts(55.0, Throttling(("under-voltage",), ()), 12.0, 0.5, 4 << 30, 1 << 30, 200 << 20, 0.02)
    found = (Issue("disk_low", "warning", "low", "bas"), Issue("blind", "error", "blind", "aveugle", "parvis-fixed"))
    health = json.loads(payloads.encode(payloads.health(facts, machine, OutboxFacts(2, 1), found)))
    assert (health["worst"], health["uptime_s"], health["temperature_c"]) == ("error", 42, 55.0)
    assert health["throttling"] == {"active": True, "now": ["under-voltage"], "since_boot": []}
    assert health["clock"] == {"offset_ms": 0.02, "error_ms": 1.5, "synchronised": True, "trusted": True}
    assert health["memory"]["used_percent"] == 75.0
    assert health["issues"][1] == {
        "key": "blind",
        "severity": "error",
        "camera": "parvis-fixed",
        "en": "blind",
        "fr": "aveugle",
    }
    assert health["cameras"]["parvis-fixed"]["capture"] == "live"


def test_a_machine_that_says_nothing_gives_nulls_and_no_issue_is_ok() -> None:
    facts = MastFacts(WALL, 1, 1, 0, ())
    health = json.loads(payloads.encode(payloads.health(facts, MachineFacts(), OutboxFacts(), ())))
    assert health["worst"] == "ok"
    assert health["temperature_c"] is None
    assert health["throttling"] is None
    assert health["memory"]["used_percent"] is None


def test_a_will_does_not_pretend_to_know_when() -> None:
    assert payloads.offline("connection-lost", "1", None)["since"] is None


def test_a_camera_s_state_tells_its_aim_and_what_was_done_to_it() -> None:
    camera = replace(World().camera, aim=AimFacts("lost", 12.0, 1, ("aim-lost", "covered")))
    told = json.loads(payloads.encode(payloads.camera_state(camera, WALL)))
    assert (told["aim"], told["tamper"]) == ("lost", ["aim-lost", "covered"])


def test_an_approval_names_nobody() -> None:
    event = payloads.event_payload("x", WALL, AimApproved("parvis-fixed"))
    assert set(event) == {"id", "event", "at", "camera"}
