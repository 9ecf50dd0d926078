"""What goes on whatever the register says is entered all the same: in order, each end with its beginning."""

from pathlib import Path

from agent import events
from agent.events import Event
from agent.register import bodies
from agent.register.bodies import Entered
from agent.register.ledger import Ledger
from agent.register.scribe import Scribe
from tests.register.rig import HASH, IDENTITY, HandClock


def entered(state: Path, *told: Event) -> list[Entered]:
    clock = HandClock()
    ledger = Ledger(state, IDENTITY, clock, town="lievin", mast="m")
    ledger.open()
    scribe = Scribe(ledger, clock)
    for event in told:
        scribe.tell(event)
    scribe.start()
    scribe.stop()
    return [entry.body for entry in ledger.entries()]


def test_intervals_name_the_entry_of_their_beginning(tmp_path: Path) -> None:
    assert entered(
        tmp_path,
        events.MasksBlind("a", "starting"),
        events.Tamper("b", "covered"),
        events.MasksRestored("a", 1.5),
        events.TamperEnded("b", "covered", 60),
        events.MasksRestored("a", 2),
    ) == [
        bodies.BlindBegan(camera="a", reason="starting"),
        bodies.TamperFound(camera="b", what="covered"),
        bodies.BlindEnded(camera="a", began=0, length_ms=1500),
        bodies.TamperEnded(camera="b", found=1, length_ms=60_000),
    ]


def test_a_second_reason_to_be_blind_is_the_same_interval(tmp_path: Path) -> None:
    told = entered(
        tmp_path, events.MasksBlind("a", "starting"), events.MasksBlind("a", "aim-lost"), events.MasksRestored("a", 9)
    )
    assert told[2] == bodies.BlindEnded(camera="a", began=0, length_ms=9000)


def test_a_gap_is_entered_when_it_begins_and_with_both_its_times_when_it_ends(tmp_path: Path) -> None:
    first, second = entered(tmp_path, events.CaptureLost("a", "no picture for 5 s"), events.CaptureRestored("a", 0.01))
    assert isinstance(first, bodies.RecordingGap)
    assert isinstance(second, bodies.RecordingGap)
    assert (first.ended, first.cause, second.cause) == (None, "no picture for 5 s", "no picture for 5 s")
    assert second.began == first.began
    assert second.ended is not None
    assert second.ended > second.began


def test_ends_of_acts_clock_steps_aims_and_lost_pictures(tmp_path: Path) -> None:
    told = entered(
        tmp_path,
        events.ViewEnded("a", 3, "left", 12.5, 41),
        events.SteeringReleased("a", 2, "idle", 3.25, 42),
        events.ClockStepped(-2.5),
        events.AimLearned("a", 1, True, HASH),
        events.UnitsDropped("a", "vault", 7),
        events.UnitsDropped("a", "live", 7),
        events.ConfigurationApplied(HASH),
    )
    assert told[:4] == [
        bodies.ViewEnded(camera="a", started=41, length_ms=12_500, reason="left"),
        bodies.SteeringReleased(camera="a", taken=42, length_ms=3250, reason="idle"),
        bodies.ClockStepped(step_ms=-2500),
        bodies.AimLearned(camera="a", sha256=HASH),
    ]
    assert [body.kind for body in told[4:]] == ["recording_gap"]


def test_words_that_an_entry_does_not_take_are_made_such(tmp_path: Path) -> None:
    told = entered(tmp_path, events.MasksBlind("a", "\x1b[2J" + "x" * 900), events.CaptureLost("a", "…"))
    assert [body.kind for body in told] == ["blind_began", "recording_gap"]
