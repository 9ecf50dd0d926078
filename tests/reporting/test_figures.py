"""What a period's report says, from entries whose truth is known."""

from dataclasses import replace
from pathlib import Path

import pytest

from agent.clock import rfc3339
from agent.register import bodies
from agent.register.values import Gone, Ground, Person, Segment
from agent.reporting import content
from agent.reporting.figures import LISTED_SINGLY, SEVERAL, Gathering, Period, Report
from agent.reporting.footage import BLOCK, Footage
from agent.reporting.layout import Table
from tests.register.rig import DAY_MS, HASH, KINDS, NOON, HandClock, opened, sample

HOUR = 3_600_000
DURAND = Person("0042", "C. Durand", "Police municipale")
EVENT = Ground("event", "MC-118", "14 juillet")
WHOLE = Period(NOON - DAY_MS, NOON + 100 * DAY_MS)


class Story:
    """Entries at chosen times: (hours after noon, body)."""

    def __init__(self, tmp_path: Path) -> None:
        self._clock = HandClock()
        self.register = opened(tmp_path, self._clock)

    def at(self, hour: float, body: bodies.Entered, synchronised: bool = True) -> int:
        self._clock.wall_ms = NOON + round(hour * HOUR) - 10
        self._clock.synchronised = synchronised
        return self.register.append(body)

    def report(self, period: Period = WHOLE) -> Report:
        gathering = Gathering(period)
        for entry in self.register.entries():
            gathering.take(entry)
        return gathering.report()


@pytest.fixture
def story(tmp_path: Path) -> Story:
    return Story(tmp_path)


def sealed(camera: str, hour: float, counters: range, minutes: int = 30) -> bodies.SegmentsSealed:
    """Recordings of half an hour each, the first at `hour`."""
    starts = (NOON + round(hour * HOUR) + number * minutes * 60_000 for number in range(len(counters)))
    segments = (
        Segment(counter, "s", HASH, 1000, rfc3339(start), minutes * 60_000)
        for counter, start in zip(counters, starts, strict=True)
    )
    return bodies.SegmentsSealed(camera, tuple(segments))


def gone(*counters: int) -> tuple[Gone, ...]:
    return tuple(Gone(counter, HASH) for counter in counters)


def test_what_was_recorded_before_the_period_and_destroyed_in_it_has_its_hours(story: Story) -> None:
    story.at(1, sealed("parvis", 0, range(1, 5)))
    story.at(30 * 24, bodies.SegmentsDestroyed("parvis", gone(1, 2), "age"))
    story.at(30 * 24 + 1, bodies.SegmentsDestroyed("parvis", gone(3), "budget"))
    report = story.report(Period(NOON + 20 * DAY_MS, NOON + 40 * DAY_MS))
    (figures,) = report.cameras
    assert (figures.recorded, figures.destroyed, figures.destroyed_ms) == (0, 3, 3 * HOUR // 2)
    assert (figures.destroyed_by_age, figures.destroyed_by_budget, figures.destroyed_by_space) == (2, 1, 0)
    assert [(lot.rule, lot.count, lot.counters, lot.length_ms) for lot in report.destroyed] == [
        ("age", 2, (1, 2), HOUR),
        ("budget", 1, (3, 3), HOUR // 2),
    ]
    assert report.destroyed[0].span_ms == (NOON, NOON + HOUR)


def test_a_recording_counts_where_it_began_and_another_cameras_counter_is_another_recording(story: Story) -> None:
    story.at(1, sealed("parvis", 0, range(1, 4)))
    story.at(1.1, sealed("gare", 0, range(1, 2)))
    story.at(5, bodies.SegmentsDestroyed("gare", gone(1), "space"))
    report = story.report(Period(NOON + HOUR // 2, NOON + 9 * HOUR))
    gare, parvis = report.cameras
    assert (parvis.recorded, parvis.recorded_ms, parvis.recorded_bytes, parvis.destroyed) == (2, HOUR, 2000, 0)
    assert (gare.recorded, gare.destroyed, gare.destroyed_ms) == (0, 1, HOUR // 2)


def test_while_no_agent_runs_each_camera_that_recorded_has_a_gap(story: Story) -> None:
    story.at(0, bodies.AgentStarted("1", HASH))
    story.at(1, sealed("parvis", 0, range(1, 3)))
    story.at(1, sealed("gare", 0, range(1, 3)))
    story.at(2, bodies.AgentStopped("stopped"))
    story.at(3, bodies.CommandBegan("export", "1", HASH))
    story.at(3, bodies.CommandEnded("export"))
    again = story.at(5, bodies.AgentStarted("1", HASH))
    story.at(6, sealed("parvis", 5, range(3, 5)))
    cut = story.at(9, bodies.AgentStarted("1", HASH))  # power was cut some time after 6
    report = story.report()
    gaps = [
        (one.entry, one.camera, one.start_ms, one.end_ms, one.cause) for one in report.intervals if one.kind == "gap"
    ]
    assert gaps == [
        (again, "gare", NOON + 2 * HOUR, NOON + 5 * HOUR, "agent-stopped"),
        (again, "parvis", NOON + 2 * HOUR, NOON + 5 * HOUR, "agent-stopped"),
        (cut, "parvis", NOON + 6 * HOUR, NOON + 9 * HOUR, "agent-cut"),
    ]
    assert {one.camera: (one.gaps, one.gap_ms) for one in report.cameras} == {
        "gare": (1, 3 * HOUR),
        "parvis": (2, 6 * HOUR),
    }


def test_recordings_of_the_last_hour_in_utc_are_of_the_next_day(story: Story) -> None:
    story.at(13, sealed("parvis", 10, range(1, 5)))
    story.at(30 * 24 + 11.5, bodies.SegmentsDestroyed("parvis", gone(1), "age"))
    report = story.report()
    assert [(lot.day, lot.count) for lot in report.made] == [("2026-11-21", 2), ("2026-11-22", 2)]
    assert [lot.day for lot in report.destroyed] == ["2026-12-22"]


def test_a_consultation_is_told_with_who_why_and_how_long(story: Story) -> None:
    asked = story.at(1, bodies.ViewRequested("parvis", "full", 0, DURAND, EVENT))
    started = story.at(1, bodies.ViewStarted("parvis", "full", asked))
    story.at(2, bodies.ViewEnded("parvis", started, HOUR, "closed"))
    (act,) = story.report().acts
    assert (act.person, act.ground, act.outcome, act.length_ms, act.at_ms) == (
        DURAND,
        EVENT,
        "ended",
        HOUR,
        NOON + HOUR,
    )
    assert (story.report().cameras[0].views, story.report().cameras[0].view_ms) == (1, HOUR)


def test_a_consultation_over_midnight_is_in_one_report_and_whole(story: Story) -> None:
    asked = story.at(11.9, bodies.ViewRequested("parvis", "full", 0, DURAND, EVENT))
    started = story.at(11.9, bodies.ViewStarted("parvis", "full", asked))
    story.at(12.9, bodies.ViewEnded("parvis", started, HOUR, "closed"))
    midnight = NOON + 12 * HOUR
    (act,) = story.report(Period(midnight - DAY_MS, midnight)).acts
    assert act.length_ms == HOUR
    assert story.report(Period(midnight, midnight + DAY_MS)).acts == ()


def test_refused_never_opened_cut_and_open_views_are_told_apart(story: Story) -> None:
    story.at(1, bodies.ViewRefused("anything", "expired"))
    story.at(2, bodies.ViewRequested("parvis", "full", 0, DURAND, EVENT))
    asked = story.at(3, bodies.ViewRequested("parvis", "full", 0, DURAND, EVENT))
    story.at(3, bodies.ViewStarted("parvis", "full", asked))
    story.at(4, bodies.AgentStarted("0.1", HASH))
    asked = story.at(5, bodies.ViewRequested("parvis", "full", 0, DURAND, EVENT))
    story.at(5, bodies.ViewStarted("parvis", "full", asked))
    report = story.report()
    assert [act.outcome for act in report.acts] == ["refused", "not-started", "cut", "open"]
    unknown, parvis = report.cameras
    assert (unknown.camera, unknown.views_refused, parvis.views, parvis.views_refused) == ("", 1, 2, 0)


def test_pictures_that_left_without_a_request_are_a_consultation_by_nobody_known(story: Story) -> None:
    story.at(1, bodies.ViewStarted("parvis", "full", 77))
    story.at(2, bodies.ViewEnded("parvis", 0, HOUR, "closed"))
    (act,) = story.report().acts
    assert (act.person, act.ground, act.outcome, act.length_ms) == (None, None, "ended", HOUR)


def test_only_the_part_of_an_interval_that_lies_in_the_period_counts(story: Story) -> None:
    began = story.at(1, bodies.BlindBegan("parvis", "starting"))
    story.at(3, bodies.BlindEnded("parvis", began, 2 * HOUR))
    story.at(4, bodies.RecordingGap("parvis", rfc3339(NOON), rfc3339(NOON + 4 * HOUR), "lost"))
    story.at(5, sealed("parvis", 4, range(8)))
    (figures,) = story.report(Period(NOON + 2 * HOUR, NOON + 20 * HOUR)).cameras
    assert (figures.blinds, figures.blind_ms, figures.gaps, figures.gap_ms) == (1, HOUR, 1, 2 * HOUR)
    assert figures.blind_share == 0.25
    (figures,) = story.report(Period(NOON + 10 * HOUR, NOON + 20 * HOUR)).cameras
    assert (figures.blinds, figures.gaps, figures.blind_share) == (0, 0, None)


def test_a_gap_that_was_told_open_and_then_closed_counts_once(story: Story) -> None:
    story.at(1, bodies.RecordingGap("parvis", rfc3339(NOON), None, "lost"))
    story.at(4, bodies.RecordingGap("parvis", rfc3339(NOON), rfc3339(NOON + 3 * HOUR), "lost"))
    (figures,) = story.report().cameras
    assert (figures.gaps, figures.gap_ms) == (1, 3 * HOUR)


def test_what_a_power_cut_left_open_ends_with_the_last_entry_before_the_next_start(story: Story) -> None:
    story.at(1, bodies.TamperFound("parvis", "covered"))
    story.at(3, bodies.ClockStepped(5))
    story.at(9, bodies.AgentStarted("0.1", HASH))
    (interval,) = story.report().intervals
    assert (interval.cut, interval.end_ms) == (True, NOON + 3 * HOUR)


def test_time_that_nobody_confirmed_is_an_interval(story: Story) -> None:
    story.at(1, bodies.ClockStepped(5))
    story.at(2, bodies.ClockStepped(5), synchronised=False)
    story.at(3, bodies.ClockStepped(5), synchronised=False)
    story.at(4, bodies.ClockStepped(5))
    (interval,) = story.report().intervals
    assert (interval.kind, interval.start_ms, interval.end_ms) == ("clock", NOON + 2 * HOUR, NOON + 4 * HOUR)


def test_a_transmission_names_the_requisition_that_stood_before_the_period(story: Story) -> None:
    asked = sample(bodies.RequisitionPresented)
    assert isinstance(asked, bodies.RequisitionPresented)
    number = story.at(1, asked)
    story.at(1, sealed("parvis", 0, range(4)))
    story.at(40, bodies.SegmentsExported("parvis", gone(0, 1), number, "TJ Béthune", HASH))
    (one,) = story.report(Period(NOON + DAY_MS, NOON + 3 * DAY_MS)).transmitted
    assert one.requisition == asked
    assert (one.lot.count, one.lot.length_ms, one.lot.span_ms) == (2, HOUR, (NOON, NOON + HOUR))


def test_an_entry_of_each_kind_is_taken_and_counted(story: Story) -> None:
    for kind in KINDS:
        story.at(1, sample(kind))  # type: ignore[arg-type]
    report = story.report()
    assert set(report.kinds.values()) == {1}
    assert len(report.kinds) == len(KINDS)


def test_footage_keeps_nothing_of_what_was_destroyed() -> None:
    footage = Footage()
    for counter in range(5 * BLOCK):
        footage.add("parvis", counter, NOON, 6000)
    for counter in range(5 * BLOCK):
        assert footage.find("parvis", counter, forget=True) == (NOON, 6000)
        assert footage.find("parvis", counter) is None
    assert not footage._blocks


def test_hundreds_of_short_intervals_of_a_day_stand_in_one_row_and_long_ones_by_themselves(story: Story) -> None:
    for number in range(300):
        began = story.at(0.01 * number, bodies.BlindBegan("dome", "pose-old" if number < 299 else "moves-too-fast"))
        story.at(0.01 * number + 0.001, bodies.BlindEnded("dome", began, 2_000))
    long = story.at(5, bodies.BlindBegan("dome", "pose-old"))
    story.at(5.1, bodies.BlindEnded("dome", long, 60_000))
    other = story.at(6, bodies.BlindBegan("parvis", "pose-old"))
    story.at(6.1, bodies.BlindEnded("parvis", other, 2_000))
    story.at(24.5, bodies.BlindBegan("dome", "pose-old"))
    report = story.report()
    dome = [one for one in report.intervals if one.camera == "dome"]
    assert [one.times for one in dome] == [1] * LISTED_SINGLY + [280, 1, 1]
    joined = dome[LISTED_SINGLY]
    assert (joined.sum_ms, joined.cause, joined.entry) == (560_000, SEVERAL, dome[LISTED_SINGLY - 1].entry + 2)
    assert joined.end_ms == joined.start_ms + round(279 * 0.01 * HOUR) + 2_000
    assert dome[-1].end_ms is None
    assert [one.times for one in report.intervals if one.camera == "parvis"] == [1]
    figures = next(one for one in report.cameras if one.camera == "dome")
    assert (figures.blinds, figures.blind_ms) == (302, 300 * 2_000 + 60_000)


def test_a_year_of_blindness_makes_no_more_rows_than_its_days_have_room_for(story: Story) -> None:
    for day in range(3):
        for number in range(100):
            began = story.at(24 * day + 0.01 * number, bodies.BlindBegan("dome", f"reason-{number}"))
            story.at(24 * day + 0.01 * number + 0.001, bodies.BlindEnded("dome", began, 1_000))
    report = story.report()
    assert len(report.intervals) == 3 * (LISTED_SINGLY + 1)
    assert sum(one.times for one in report.intervals) == 300


def test_a_release_is_told_as_such_and_an_export_by_its_interval(story: Story) -> None:
    export = sample(bodies.RequisitionPresented)
    assert isinstance(export, bodies.RequisitionPresented)
    export = replace(export, start="2026-11-20T08:00:00.000Z", end="2026-11-20T09:00:00.000Z")
    release = replace(export, start="2026-11-21T12:00:00.000Z", end=export.expires)
    for hour, body in enumerate((export, release)):
        story.at(hour, body)
    tables = [one for one in content._requisitions(story.report()) if isinstance(one, Table)]
    assert [row[8] for row in tables[0].rows] == [
        "20/11/2026 09:00:00 au 20/11/2026 10:00:00",
        "levée d'une conservation",
    ]


def test_a_day_of_short_intervals_is_one_in_paris(story: Story) -> None:
    for hour in (10.6, 11.1):  # 23:36 and 00:06 there
        for number in range(25):
            began = story.at(hour + 0.01 * number, bodies.BlindBegan("dome", "pose-old"))
            story.at(hour + 0.01 * number + 0.001, bodies.BlindEnded("dome", began, 1_000))
    assert [one.times for one in story.report().intervals] == [*[1] * LISTED_SINGLY, 5] * 2
