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


def forbidden(raw: bytes) -> list[object]:
    """What comes of an order that may not: commands beyond what the head may do, refusals of another kind."""
    pilot = Pilot(PLAN, OPTICS, lambda: 16 / 9, Instant(0))
    where = Where(Instant(10**9), 80.0, -40.0, 0.3, moving=False)
    try:
        commands = pilot.order(parse(raw), Instant(10**9), where)
    except OrderRefused as error:
        return [] if error.status in (400, 422) else [error]
    return [one for one in commands if not allowed(one)]


def allowed(command: object) -> bool:
    """True for a command that stays within the plan, from where the head is."""
    match command:
        case Drive(pan=pan, tilt=tilt, zoom=zoom):
            return all(-1 <= one <= 1 for one in (pan, tilt, zoom)) and pan < 0.2 and tilt > -0.2
        case Go(pan_deg=pan, tilt_deg=tilt, zoom=zoom):
            return (
                (pan is None or -90 <= pan <= 90)
                and (tilt is None or -45 <= tilt <= 30)
                and (zoom is None or 0 <= zoom <= 1)
            )
    return True


@given(st.binary(max_size=300) | st.text(max_size=200).map(str.encode))
def test_any_bytes(raw: bytes) -> None:
    assert forbidden(raw) == []


@given(JSON)
def test_any_json(told: Any) -> None:
    assert forbidden(json.dumps(told).encode()) == []


@given(NAMES, st.dictionaries(KEYS, JSON | NUMBERS, max_size=5))
def test_any_values_in_a_known_order(name: str, fields: dict[str, Any]) -> None:
    assert forbidden(json.dumps({"order": name, **fields}).encode()) == []


@given(NAMES, st.dictionaries(KEYS, st.floats(-1, 1) | st.floats(-400, 400), max_size=4))
def test_any_numbers_in_a_known_order(name: str, fields: dict[str, float]) -> None:
    assert forbidden(json.dumps({"order": name, **fields}).encode()) == []


@given(
    st.text(max_size=300) | st.text('Digest realm="nonce", qop=auth\\', max_size=200).map(lambda one: f"Digest {one}")
)
def test_any_challenge_of_a_camera(header: str) -> None:
    found = parse_challenge(header)
    assert found is None or found.nonce
