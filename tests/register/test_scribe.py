"""What goes on whatever the register says is entered all the same: in order, each end with its beginning."""

import threading
import time
from pathlib import Path
from typing import Any

import pytest

from agent import events
from agent.clock import from_rfc3339
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


def test_pictures_that_left_unsigned_are_an_interval(tmp_path: Path) -> None:
    assert entered(
        tmp_path,
        events.SigningLost("a", "the key is gone"),
        events.SigningRestored("b", 4),
        events.SigningLost("a", "…"),
        events.SigningRestored("a", 2.5),
        events.SigningRestored("a", 9),
    ) == [
        bodies.UnsignedBegan(camera="a", reason="the key is gone"),
        bodies.UnsignedBegan(camera="a", reason="unsigned"),
        bodies.UnsignedEnded(camera="a", began=0, length_ms=2500),
    ]


class Stuck(Ledger):
    """A register on a disk that hangs until it is let go."""

    def __init__(self, *values: Any, **named: Any) -> None:
        super().__init__(*values, **named)
        self.gone_on = threading.Event()
        self.refusing = 0

    def note(self, body: Entered) -> int | None:
        assert self.gone_on.wait(20)
        if self.refusing and isinstance(body, bodies.EventsMissed):
            self.refusing -= 1
            return None
        return super().note(body)


@pytest.mark.parametrize("refusing", [0, 2])
def test_what_found_no_place_while_the_disk_hung_is_entered_as_missed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, refusing: int
) -> None:
    monkeypatch.setattr("agent.register.scribe.MOST_WAITING", 8)
    clock = HandClock()
    ledger = Stuck(tmp_path, IDENTITY, clock, town="lievin", mast="m")
    ledger.refusing = refusing
    ledger.open()
    scribe = Scribe(ledger, clock)
    scribe.start()
    scribe.tell(events.ClockStepped(1))
    while scribe._waiting.qsize():  # the scribe takes it and hangs with it
        time.sleep(0.001)
    for _ in range(8):
        scribe.tell(events.ClockStepped(1))
    first_ms = clock.wall_ms
    scribe.tell(events.MasksBlind("a", "starting"))
    scribe.tell(events.ConfigurationApplied(HASH))  # the register would not have kept it
    clock.wall_ms += 5000
    scribe.tell(events.MasksRestored("a", 5))
    ledger.gone_on.set()
    scribe.stop()
    told = [entry.body for entry in ledger.entries()]
    (missed,) = [body for body in told if not isinstance(body, bodies.ClockStepped)]
    assert len(told) == 10
    assert told.index(missed) < 9 or refusing  # as soon as there is room, and not at the stop
    assert isinstance(missed, bodies.EventsMissed)
    assert (missed.count, missed.what) == (2, ("masks_blind", "masks_restored"))
    assert from_rfc3339(missed.first) - first_ms in range(50_000)
    assert from_rfc3339(missed.last) > from_rfc3339(missed.first)
