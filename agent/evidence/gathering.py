"""What the register says about an interval: masks, blindness, gaps, and which entry sealed which recording. Pure."""

from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass, field

from agent.evidence.gaps import Span
from agent.evidence.manifest import BlindSpan, Policy
from agent.register.bodies import (
    AgentStarted,
    BlindBegan,
    BlindEnded,
    ClockStepped,
    ConfigurationChanged,
    MaskPolicyChanged,
    RecordingGap,
    SegmentsSealed,
)
from agent.register.entries import Entry, utc_ms

KINDS = (
    *("agent_started", "blind_began", "blind_ended", "clock_stepped", "configuration_changed"),
    *("mask_policy_changed", "recording_gap", "segments_sealed"),
)
"""What is looked at."""
FOR_EVER = 1 << 53


@dataclass
class _Camera:
    policy: list[tuple[int, Policy]] = field(default_factory=list)
    blind: dict[int, tuple[int, BlindSpan]] = field(default_factory=dict)
    gaps: list[Span] = field(default_factory=list)


@dataclass(frozen=True, slots=True)
class CameraFacts:
    """Of one camera in the interval."""

    policy: tuple[Policy, ...] = ()
    blind: tuple[BlindSpan, ...] = ()
    gaps: tuple[Span, ...] = ()


@dataclass(frozen=True, slots=True)
class Gathered:
    """`cameras` by id; `sealed`: (camera, counter) -> entry; `entries`: all that any of it rests on, by number."""

    cameras: Mapping[str, CameraFacts]
    sealed: Mapping[tuple[str, int], int]
    entries: Mapping[int, Entry]


class Gathering:
    """Goes through entries once, in their order.

    `wanted`: the counters of the recordings, by camera.
    """

    def __init__(self, wanted: Mapping[str, Collection[int]], from_ms: int, to_ms: int) -> None:
        self._wanted = {camera: frozenset(counters) for camera, counters in wanted.items()}
        self._from_ms, self._to_ms = from_ms, to_ms
        self._cameras = {camera: _Camera() for camera in wanted}
        self._sealed: dict[tuple[str, int], int] = {}
        self._entries: dict[int, Entry] = {}
        self._started: Entry | None = None

    def through(self, entries: Iterable[Entry]) -> Gathered:
        """All of them; what they say."""
        for entry in entries:
            self._take(entry)
        if self._started is not None:
            self._entries[self._started.index] = self._started
        facts = {camera: self._facts(of) for camera, of in self._cameras.items()}
        return Gathered(facts, self._sealed, dict(sorted(self._entries.items())))

    def _take(self, entry: Entry) -> None:
        body = entry.body
        match body:
            case AgentStarted():
                self._started = entry
            case ClockStepped() | ConfigurationChanged() if self._from_ms <= entry.utc_ms < self._to_ms:
                self._entries[entry.index] = entry
            case SegmentsSealed() if body.camera in self._wanted:
                mine = [one.counter for one in body.segments if one.counter in self._wanted[body.camera]]
                for counter in mine:
                    self._sealed[body.camera, counter] = entry.index
                if mine:
                    self._entries[entry.index] = entry
            case MaskPolicyChanged() if body.camera in self._cameras and entry.utc_ms < self._to_ms:
                self._policy(entry, body)
            case BlindBegan() if body.camera in self._cameras:
                told = BlindSpan(entry.time, None, body.reason, entry.index)
                self._cameras[body.camera].blind[entry.index] = (FOR_EVER, told)
                self._entries[entry.index] = entry
            case BlindEnded() if body.camera in self._cameras:
                self._sees_again(entry, body)
            case RecordingGap() if body.camera in self._cameras:
                self._gap(entry, body)

    def _policy(self, entry: Entry, body: MaskPolicyChanged) -> None:
        policies = self._cameras[body.camera].policy
        if entry.utc_ms <= self._from_ms:  # what was in force before is of no matter any more
            for _, old in policies:
                del self._entries[old.entry]
            policies.clear()
        policies.append((entry.utc_ms, Policy(body.new, entry.time, entry.index)))
        self._entries[entry.index] = entry

    def _sees_again(self, entry: Entry, body: BlindEnded) -> None:
        blind = self._cameras[body.camera].blind
        if body.began not in blind:
            return
        began = blind[body.began][1]
        if entry.utc_ms <= self._from_ms:
            del blind[body.began], self._entries[body.began]
            return
        blind[body.began] = (entry.utc_ms, BlindSpan(began.start, entry.time, began.reason, began.entry))
        self._entries[entry.index] = entry

    def _gap(self, entry: Entry, body: RecordingGap) -> None:
        span = Span(utc_ms(body.began), FOR_EVER if body.ended is None else utc_ms(body.ended), body.cause)
        if span.from_ms < self._to_ms and span.to_ms > self._from_ms:
            self._cameras[body.camera].gaps.append(span)
            self._entries[entry.index] = entry

    def _facts(self, of: _Camera) -> CameraFacts:
        early = [began for began, (_, told) in of.blind.items() if utc_ms(told.start) >= self._to_ms]
        for began in early:  # the end of one that lasted beyond the interval is kept, a later one is not
            del of.blind[began], self._entries[began]
        return CameraFacts(
            tuple(one for _, one in of.policy), tuple(told for _, told in of.blind.values()), tuple(of.gaps)
        )
