"""Reports: true but late, unless a fault makes them lie; the head itself never changes by a lie."""

from dataclasses import replace

import pytest

from agent.virtual.head import Head, Limits, Preset
from agent.virtual.reports import Ageing, Lies, Report, Reporter


def turning(**limits: float) -> Head:
    head = Head(Limits(**limits), 0.0, Preset("home", 5.0, 0.0, 0.1))
    head.velocity(0.0, pan=0.2, tilt=0.0, zoom=0.0, timeout_s=60)
    head.advance(2.0)
    return head


def told(reporter: Reporter, now_s: float, age_s: float = 0.1) -> Report:
    report = reporter.report(now_s, age_s)
    assert report is not None
    return report


def test_a_report_is_a_pose_that_the_head_truly_had() -> None:
    head = turning()
    reporter = Reporter(head, Ageing(), seed=3)
    for number in range(50):
        now_s = 2 + number * 0.05
        wait_s, age_s = reporter.delays()
        assert 0.08 <= age_s <= 0.2
        assert 0 <= wait_s < age_s
        report = told(reporter, now_s, age_s)
        assert report.pan_deg == head.shown(now_s - age_s).pan_deg
        assert (report.turning, report.zooming) == ("MOVING", "IDLE")


def test_lost_reports_are_the_share_that_was_asked_for() -> None:
    reporter = Reporter(turning(), Ageing(lost=0.3), seed=1)
    lost = sum(reporter.report(3.0, 0.1) is None for _ in range(1000))
    assert 250 < lost < 350


def test_a_frozen_report_stands_still_while_the_head_turns_and_thaws() -> None:
    head = turning()
    reporter = Reporter(head, Ageing())
    reporter.set_lies(Lies(frozen=True), 2.0)
    first, later = told(reporter, 2.1), told(reporter, 4.0)
    assert (first.pan_deg, first.turning) == (later.pan_deg, "IDLE")
    assert head.shown(4.0).pan_deg > first.pan_deg + 40
    reporter.set_lies(Lies(), 4.0)
    assert told(reporter, 4.0).pan_deg == head.shown(3.9).pan_deg


def test_a_lying_report_is_off_by_what_was_asked_for() -> None:
    head = turning()
    reporter = Reporter(head, Ageing())
    reporter.set_lies(Lies(offset=(-20.0, 5.0, 0.3)), 2.0)
    report, true = told(reporter, 3.0), head.shown(2.9)
    assert (report.pan_deg, report.tilt_deg, report.zoom) == pytest.approx((true.pan_deg - 20, 5.0, 0.4))


def test_a_zoom_that_is_digital_is_not_told() -> None:
    head = Head(Limits(), 0.0, Preset("home", 0.0, 0.0, 0.7))
    reporter = Reporter(head, Ageing())
    assert told(reporter, 1.0).zoom == 0.7
    reporter.set_lies(Lies(most_zoom=0.4), 1.0)
    assert told(reporter, 2.0).zoom == 0.4
    assert head.shown(2.0).zoom == 0.7


def test_it_may_claim_to_stand_still() -> None:
    reporter = Reporter(turning(), Ageing())
    reporter.set_lies(Lies(idle=True), 2.0)
    assert told(reporter, 3.0).turning == "IDLE"


def test_while_homing_it_says_home_the_truth_nothing_or_an_error() -> None:
    head = Head(Limits(), 0.0, Preset("home", 40.0, 0.0, 0.0))
    reporter = Reporter(head, Ageing())
    head.find_zero(0.0)
    assert abs(head.shown(0.9).pan_deg - 40) > 20
    assert (told(reporter, 1.0).pan_deg, told(reporter, 1.0).turning) == (40.0, "IDLE")
    reporter.set_lies(Lies(homing="truth"), 1.0)
    truth = told(reporter, 1.0)
    assert truth.pan_deg == head.shown(0.9).pan_deg
    assert told(reporter, 1.0).error == ""
    reporter.set_lies(Lies(homing="error"), 1.0)
    assert told(reporter, 1.0) == replace(truth, error="Homing")
    reporter.set_lies(Lies(homing="refuse"), 1.0)
    assert reporter.report(1.0, 0.1) is None


def test_after_a_flip_a_mirrored_head_tells_a_pan_half_a_turn_off() -> None:
    head = Head(Limits(lowest_deg=-150), 0.0, Preset("home", 10, -80, 0))
    head.absolute(0.0, pan_deg=None, tilt_deg=-110, zoom=None)
    reporter = Reporter(head, Ageing())
    assert told(reporter, 3.0).pan_deg == pytest.approx(-170)
    reporter.set_lies(Lies(mirrored=True), 3.0)
    assert (told(reporter, 3.0).pan_deg, told(reporter, 3.0).tilt_deg) == pytest.approx((10, -70))
