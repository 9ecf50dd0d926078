"""Anything at all as a steering order: refused as malformed, or an order that means what it says."""

import json
from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from agent.clock import Instant
from agent.errors import OrderRefused
from agent.ptz.digest import parse as parse_challenge
from agent.ptz.orders import parse
from agent.ptz.pilot import Drive, Go, Pilot, Plan, Where
from tests.ptz.device import OPTICS

JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=20),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=10), inner, max_size=4),
    max_leaves=12,
)
NAMES = st.sampled_from(["velocity", "absolute", "relative", "stop", "home", "area", "preset_goto", "patrol_start"])
KEYS = st.sampled_from(["pan", "tilt", "zoom", "pan_deg", "tilt_deg", "x", "y", "width", "height", "preset", "patrol"])
NUMBERS = st.floats(-2, 2) | st.floats(allow_nan=True, allow_infinity=True) | st.integers(-800, 800)
PLAN = Plan(pan_deg=(-90.0, 90.0), tilt_deg=(-45.0, 30.0), turns=False)


def refused_or_meant(raw: bytes) -> None:
    """Whatever is taken stays within what the head may do."""
    pilot = Pilot(PLAN, OPTICS, lambda: 16 / 9, Instant(0))
    where = Where(Instant(10**9), 80.0, -40.0, 0.3, moving=False)
    try:
        commands = pilot.order(parse(raw), Instant(10**9), where)
    except OrderRefused as error:
        commands = ()
        refused = error.status
    else:
        refused = 400
    assert refused in (400, 422)
    for command in commands:
        if isinstance(command, Drive):
            assert all(-1 <= one <= 1 for one in (command.pan, command.tilt, command.zoom))
            assert command.pan < 0.2
            assert command.tilt > -0.2
        if isinstance(command, Go):
            assert command.pan_deg is None or -90 <= command.pan_deg <= 90
            assert command.tilt_deg is None or -45 <= command.tilt_deg <= 30
            assert command.zoom is None or 0 <= command.zoom <= 1


@given(st.binary(max_size=300) | st.text(max_size=200).map(str.encode))
def test_any_bytes(raw: bytes) -> None:
    refused_or_meant(raw)


@given(JSON)
def test_any_json(told: Any) -> None:
    refused_or_meant(json.dumps(told).encode())


@given(NAMES, st.dictionaries(KEYS, JSON | NUMBERS, max_size=5))
def test_any_values_in_a_known_order(name: str, fields: dict[str, Any]) -> None:
    refused_or_meant(json.dumps({"order": name, **fields}).encode())


@given(NAMES, st.dictionaries(KEYS, st.floats(-1, 1) | st.floats(-400, 400), max_size=4))
def test_any_numbers_in_a_known_order(name: str, fields: dict[str, float]) -> None:
    refused_or_meant(json.dumps({"order": name, **fields}).encode())


@given(
    st.text(max_size=300) | st.text('Digest realm="nonce", qop=auth\\', max_size=200).map(lambda one: f"Digest {one}")
)
def test_any_challenge_of_a_camera(header: str) -> None:
    found = parse_challenge(header)
    assert found is None or found.nonce
