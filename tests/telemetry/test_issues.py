"""Each fault that a person must know of becomes an issue, and a healthy mast has none."""

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest

from agent.clock import WallTime
from agent.facts import AimFacts, MastFacts, RegisterFacts, Trouble
from agent.telemetry import issues
from agent.telemetry.values import MachineFacts, OutboxFacts, Throttling
from agent.units import Blind
from tests.telemetry.brokers import World

GOOD = replace(World().facts(), wall=WallTime(1_795_000_000 * 10**9, True, 1.5))
COOL = MachineFacts(55.0, Throttling(), 20.0, 0.5, 4 << 30, 2 << 30, 200 << 20, 0.1)


def _camera(**fields: Any) -> MastFacts:
    return replace(GOOD, cameras=(replace(GOOD.cameras[0], **fields),))


def _wall(**fields: Any) -> MastFacts:
    return replace(GOOD, wall=replace(GOOD.wall, **fields))


def _register(**fields: Any) -> MastFacts:
    return replace(GOOD, register=RegisterFacts(**fields))


def test_a_register_that_was_witnessed_an_hour_ago_is_no_issue() -> None:
    assert issues.find(_register(unwitnessed_s=3600.0), COOL, OutboxFacts()) == ()


def test_a_healthy_mast_has_no_issue() -> None:
    assert issues.find(GOOD, COOL, OutboxFacts(), GOOD, retention_hours=15 * 24) == ()


def test_a_machine_that_cannot_say_raises_no_alarm() -> None:
    assert issues.find(GOOD, MachineFacts(), OutboxFacts()) == ()


@pytest.mark.parametrize(
    ("facts", "key", "severity"),
    [
        (replace(GOOD, disk_free_bytes=1 << 30), "disk_low", "warning"),
        (replace(GOOD, disk_free_bytes=1 << 20), "disk_low", "error"),
        (replace(GOOD, held_share=0.99, crowded=True), "holds_full", "error"),
        (replace(GOOD, held_share=0.5), "holds_large", "warning"),
        (replace(GOOD, troubles=(Trouble("signing_key_replaced", "a", "b"),)), "signing_key_replaced", "warning"),
        (replace(GOOD, uptime_s=200 * 3600.0, buffer_hours=100.0), "buffer_short", "warning"),
        (_wall(synchronised=False, error_ms=None), "clock_unsynchronised", "warning"),
        (_wall(synchronised=False, trusted=False), "clock_untrusted", "error"),
        (_register(fault="the disk is full"), "register_unwritable", "error"),
        (_register(unwitnessed_s=7 * 3600.0), "register_unwitnessed", "warning"),
        (_register(unwitnessed_s=7 * 3600.0, conflict=True), "register_conflict", "error"),
        (_wall(error_ms=1500.0), "clock_uncertain", "warning"),
        (_camera(capture="lost", capture_reason="no picture for 5 s", recording=False), "capture_lost", "error"),
        (_camera(masks=Blind("pixel-format")), "blind", "error"),
        (_camera(recording=False, recording_reason="disk full"), "recording_off", "error"),
        (_camera(signing_reason="the key is gone"), "unsigned", "error"),
        (_camera(dropped={"signatures": 1}), "unsigned", "error"),
        (_camera(below_minimum=True, width=352, height=288), "below_minimum", "error"),
        (_camera(frames=350, dropped={"frames": 20}), "frames_dropped", "warning"),
        (_camera(dropped={"vault": 1}), "recording_gap", "error"),
        (_camera(dropped={"live": 5}), "viewer_slow", "info"),
    ],
)
def test_a_fault_is_named_in_both_languages(facts: MastFacts, key: str, severity: str) -> None:
    found = issues.find(facts, COOL, OutboxFacts(), GOOD, retention_hours=15 * 24)
    assert [(one.key, one.severity) for one in found] == [(key, severity)]
    assert found[0].en != found[0].fr
    assert (found[0].camera == "parvis-fixed") == (facts.cameras != GOOD.cameras)


@pytest.mark.parametrize(
    ("change", "key", "severity"),
    [
        (lambda m: replace(m, temperature_c=82.0), "temperature", "warning"),
        (lambda m: replace(m, temperature_c=95.0), "temperature", "error"),
        (lambda m: replace(m, throttling=Throttling(("under-voltage",))), "throttling", "warning"),
        (lambda m: replace(m, memory_available_bytes=50 << 20), "memory_low", "warning"),
    ],
)
def test_a_suffering_machine_is_named(change: Callable[[MachineFacts], MachineFacts], key: str, severity: str) -> None:
    found = issues.find(GOOD, change(COOL), OutboxFacts())
    assert [(one.key, one.severity) for one in found] == [(key, severity)]


def test_throttling_that_is_over_raises_no_alarm() -> None:
    assert issues.find(GOOD, replace(COOL, throttling=Throttling((), ("throttled",))), OutboxFacts()) == ()


def test_lost_events_are_named() -> None:
    assert [one.key for one in issues.find(GOOD, COOL, OutboxFacts(0, 7))] == ["events_lost"]


def test_a_mast_that_has_not_run_long_enough_is_not_blamed_for_a_short_buffer() -> None:
    young = replace(GOOD, uptime_s=3 * 3600.0, buffer_hours=3.0)
    assert issues.find(young, COOL, OutboxFacts(), retention_hours=360) == ()


def test_a_few_dropped_frames_are_no_issue_and_old_losses_are_not_told_again() -> None:
    assert issues.find(_camera(frames=350, dropped={"frames": 2}), COOL, OutboxFacts(), GOOD) == ()
    old = _camera(dropped={"vault": 9, "live": 9})
    assert issues.find(old, COOL, OutboxFacts(), old) == ()


def test_the_gravest_comes_first() -> None:
    facts = replace(_camera(masks=Blind("starting"), dropped={"live": 1}), disk_free_bytes=1 << 30)
    found = issues.find(facts, COOL, OutboxFacts(), GOOD)
    assert [one.severity for one in found] == ["error", "warning", "info"]


@pytest.mark.parametrize(
    ("aim", "keys"),
    [
        (AimFacts("held"), set()),
        (AimFacts("lost", tamper=("aim-lost",)), {"aim_lost"}),
        (AimFacts("unsure", tamper=("covered",)), {"lens_covered"}),
        (AimFacts("turning", tamper=("defocused",)), {"lens_defocused"}),
        (AimFacts("unsure", age_s=600), set()),
        (AimFacts("unsure", age_s=3601), {"aim_unknown"}),
        (AimFacts("learning", age_s=3601), {"aim_unknown"}),
        (AimFacts("held", age_s=3601), set()),
    ],
)
def test_a_camera_that_was_turned_covered_or_cannot_be_judged_is_an_issue(aim: AimFacts, keys: set[str]) -> None:
    found = issues.find(_camera(aim=aim), COOL, OutboxFacts())
    assert {issue.key for issue in found} == keys
    assert all(issue.camera == GOOD.cameras[0].id and issue.en != issue.fr for issue in found)
