"""Consultations and steering: the entries of one act, put together again. Pure.

An act belongs to the period in which it was asked for, whole: so no act is in two reports and none in no report.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Literal

from agent.register.bodies import (
    AgentStarted,
    SteeringReleased,
    SteeringTaken,
    ViewEnded,
    ViewRefused,
    ViewRequested,
    ViewStarted,
)
from agent.register.entries import Entry
from agent.register.values import Ground, Person

Outcome = Literal["ended", "open", "not-started", "cut", "refused"]


@dataclass(slots=True)
class Act:
    """One act. `entry`: where it is asked for. `why`: why it ended or was refused. `length_ms`: None where unknown."""

    kind: Literal["view", "steering"]
    entry: int
    camera: str
    at_ms: int
    synchronised: bool
    person: Person | None = None
    ground: Ground | None = None
    outcome: Outcome = "not-started"
    length_ms: int | None = None
    why: str = ""


class Acts:
    """Takes every entry in order; `wanted` says whether an act that is asked for then is to be kept."""

    def __init__(self) -> None:
        self._kept: list[Act] = []
        self._pending: dict[int, Act | None] = {}

    def __iter__(self) -> Iterator[Act]:
        return iter(self._kept)

    def take(self, entry: Entry, wanted: bool) -> None:
        """One entry."""
        match entry.body:
            case ViewRequested(camera=camera, person=person, ground=ground):
                self._begin(entry, Act("view", entry.index, camera, *_when(entry), person, ground), wanted)
            case ViewRefused(camera=camera, person=person, ground=ground, why=why):
                refused = Act("view", entry.index, camera, *_when(entry), person, ground, "refused", None, why)
                self._begin(entry, refused, wanted)
            case ViewStarted(camera=camera, requested=requested):
                unknown = Act("view", entry.index, camera, *_when(entry))
                if requested not in self._pending:  # who asked has expired, or stands nowhere
                    self._begin(entry, unknown, wanted)
                act = self._pending.get(requested, self._pending.get(entry.index))
                self._pending[entry.index] = act
                if act is not None:
                    act.outcome = "open"
            case SteeringTaken(camera=camera, person=person, ground=ground):
                taken = Act("steering", entry.index, camera, *_when(entry), person, ground, "open")
                self._begin(entry, taken, wanted)
            case (
                ViewEnded(started=begun, length_ms=length, reason=why)
                | SteeringReleased(taken=begun, length_ms=length, reason=why)
            ):
                act = self._pending.pop(begun, None)
                if act is not None:
                    act.outcome, act.length_ms, act.why = "ended", length, why
            case AgentStarted():
                for act in self._pending.values():
                    if act is not None and act.outcome == "open":
                        act.outcome = "cut"
                self._pending.clear()

    def _begin(self, entry: Entry, act: Act, wanted: bool) -> None:
        if act.outcome != "refused":
            self._pending[entry.index] = act if wanted else None
        if wanted:
            self._kept.append(act)


def _when(entry: Entry) -> tuple[int, bool]:
    return entry.utc_ms, entry.synchronised
