"""Anything at all as a file of measurements: a table that the agent takes, or a sentence; never another exception."""

import json
import math

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from agent.errors import CalibrationError, UsageError
from provisioning import lens_file
from provisioning.lens_fit import Fit, fit_lens
from tests.provisioning.lenses import ASPECT, LENSES, look_through

JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=10),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=8), inner, max_size=3),
    max_leaves=8,
)
GOOD = lens_file.measurements(look_through(LENSES["even"], (0.0, 0.5, 1.0), np.random.default_rng(1)), ASPECT)
KEYS = st.sampled_from(sorted(GOOD["readings"][0]))
NEAR = st.floats(-1, 2) | st.sampled_from([0.0, -0.0, 1.0, 1e-300, 1e300, math.inf, -math.inf, math.nan])
ANGLE = st.floats(-90, 90)
READING = st.fixed_dictionaries(
    {"before": st.lists(NEAR, min_size=2, max_size=2), "after": st.lists(NEAR, min_size=2, max_size=2)},
    optional={
        "zoom": st.floats(0, 1) | st.sampled_from([0.0, 0.5, 1.0]),
        "pan_deg": ANGLE,
        "tilt_deg": ANGLE,
        "at_tilt_deg": ANGLE,
        "error": st.floats(1e-12, 0.5),
        "step_error_deg": st.floats(0, 10),
        "turned_back": st.booleans(),
    },
)


def outcome(text: bytes) -> Fit | UsageError | CalibrationError:
    """What the command makes of a file."""
    try:
        given = lens_file.parse(text, "m.json")
        return fit_lens(given.halves(), given.aspect)
    except (UsageError, CalibrationError) as error:
        return error


def wrong(found: Fit | UsageError | CalibrationError) -> list[str]:
    """What is wrong with it: a table that the agent's own check would not take, or a fault without file or reason."""
    if isinstance(found, UsageError):
        return [] if str(found).startswith("m.json: ") else [f"names no file: {found}"]
    if isinstance(found, CalibrationError):
        return [] if found.word and str(found) else ["says nothing"]
    table = lens_file.lens(found)
    told = (*found.between_deg, found.pointing_deg, found.play_deg)
    laws = {
        "error out of bounds": 0 < table.calibration_error_deg <= 5,
        "the view does not narrow": list(table.hfov_deg) == sorted(table.hfov_deg, reverse=True),
        "no number": all(math.isfinite(one) for one in told),
        "no table": "[camera.lens]" in lens_file.toml(found),
        "an empty line": all(lens_file.report(found)),
    }
    return [what for what, holds in laws.items() if not holds]


def test_the_honest_file_gives_a_table() -> None:
    found = outcome(json.dumps(GOOD).encode())
    assert isinstance(found, Fit)
    assert wrong(found) == []


@given(st.binary(max_size=300) | JSON.map(lambda one: json.dumps(one).encode()))
def test_no_bytes_and_no_json_is_more_than_a_sentence(text: bytes) -> None:
    found = outcome(text)
    assert isinstance(found, UsageError)
    assert wrong(found) == []


@given(st.integers(0, len(GOOD["readings"]) - 1), KEYS, JSON | NEAR)
def test_one_value_of_an_honest_file_changed(number: int, key: str, value: object) -> None:
    readings = [dict(one) for one in GOOD["readings"]]
    readings[number][key] = value
    assert wrong(outcome(json.dumps({**GOOD, "readings": readings}).encode())) == []


@given(st.lists(READING, min_size=1, max_size=24), st.floats(0.2, 5))
def test_well_formed_nonsense(readings: list[object], aspect: float) -> None:
    assert wrong(outcome(json.dumps({"aspect": aspect, "readings": readings}).encode())) == []


@given(st.integers(0, 10**6), st.sampled_from(sorted(LENSES)), st.floats(0, 0.3), st.integers(3, 9))
def test_readings_of_real_lenses_by_a_shaky_hand(seed: int, name: str, noise: float, zooms: int) -> None:
    dice = np.random.default_rng(seed)
    readings = look_through(LENSES[name], tuple(np.linspace(0, 1, zooms)), dice)
    told = lens_file.measurements(readings, ASPECT)
    for one in told["readings"]:
        one["after"] = [float(np.clip(at + dice.normal(0, noise), -1, 2)) for at in one["after"]]
    assert wrong(outcome(json.dumps(told).encode())) == []
