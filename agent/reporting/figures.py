"""Entries in, a period's report out: what was recorded, destroyed, transmitted, seen, and what was missing. Pure.

Laws
- Every entry of the register is taken, in order, also those before the period: a destruction names a recording's
  counter, and its hours stand where it was made.
- Recordings, destructions, transmissions and acts belong to the period by their time; of intervals (gaps, wholly masked
  pictures, tampering) the part that lies in the period counts.
- A head may be blind for seconds hundreds of times a day: of a camera, kind and day `LISTED_SINGLY` intervals under
  `SHORT_MS` stand singly, the rest as one row with their number and their sum, so that a report has no thousand pages.
- What an agent's end left open ends with the last entry before the next start, and is marked so.
- While no agent runs nothing is recorded, and nobody enters that: it is a gap of each camera that recorded before, from
  the stop, or from the last entry before a cut, to the next start.

>>> gathering = Gathering(Period(start_ms, end_ms))
>>> for entry in entries: gathering.take(entry)
>>> report = gathering.report()
"""

from collections import Counter, defaultdict
from dataclasses import asdict, dataclass

from agent.paris import day_of
from agent.register.bodies import (
    AgentStarted,
    AgentStopped,
    BlindBegan,
    BlindEnded,
    CommandBegan,
    Entered,
    RecordingGap,
    RequisitionPresented,
    SegmentsDestroyed,
    SegmentsExported,
    SegmentsSealed,
    TamperEnded,
    TamperFound,
    UnsignedBegan,
    UnsignedEnded,
    ViewRefused,
)
from agent.register.entries import Entry, utc_ms
from agent.register.values import Gone
from agent.reporting.acts import Act, Acts
from agent.reporting.footage import Footage

LISTED_SINGLY = 20
SHORT_MS = 60_000
SEVERAL = "several"
UNKNOWN = ""
"""Where refused views are counted that name no camera of the mast."""
LISTED = ("requisition_presented", "requisition_refused", "segments_held", "segments_released")
JOURNAL = (
    *("agent_started", "agent_stopped", "command_began", "command_ended", "power_cut_found", "tail_cut"),
    *("clock_stepped", "configuration_changed", "mask_policy_changed", "aim_learned", "aim_approved"),
    "signing_key_changed",
    *("entries_expired", "events_missed"),
)


@dataclass(frozen=True, slots=True)
class Period:
    """From `start_ms` to before `end_ms`, UTC milliseconds."""

    start_ms: int
    end_ms: int

    def holds(self, at_ms: int) -> bool:
        """Whether a moment lies in it."""
        return self.start_ms <= at_ms < self.end_ms

    def part_ms(self, start_ms: int, end_ms: int) -> int:
        """How much of an interval lies in it."""
        return max(0, min(end_ms, self.end_ms) - max(start_ms, self.start_ms))


@dataclass(frozen=True, slots=True)
class CameraFigures:
    """A camera's figures. `found`: rescued after a power cut. `unknown_length`: those of no known length."""

    camera: str
    recorded: int = 0
    recorded_ms: int = 0
    recorded_bytes: int = 0
    found: int = 0
    unknown_length: int = 0
    gaps: int = 0
    gap_ms: int = 0
    destroyed: int = 0
    destroyed_ms: int = 0
    destroyed_by_age: int = 0
    destroyed_by_budget: int = 0
    destroyed_by_space: int = 0
    exports: int = 0
    exported: int = 0
    exported_ms: int = 0
    views: int = 0
    view_ms: int = 0
    views_refused: int = 0
    steerings: int = 0
    steering_ms: int = 0
    blinds: int = 0
    blind_ms: int = 0
    unsigneds: int = 0
    unsigned_ms: int = 0
    tampers: int = 0
    tamper_ms: int = 0

    @property
    def blind_share(self) -> float | None:
        """Time wholly masked to time recorded, 1 at most; None where nothing was recorded."""
        return min(1.0, self.blind_ms / self.recorded_ms) if self.recorded_ms else None

    def as_json(self) -> dict[str, object]:
        """The figures and the share."""
        share = self.blind_share
        return {**asdict(self), "blind_share": None if share is None else round(share, 6)}


@dataclass(slots=True)
class Lot:
    """Recordings of one camera and day in Paris that were made, or that were destroyed under one rule."""

    camera: str
    day: str
    rule: str
    count: int = 0
    length_ms: int = 0
    size_bytes: int = 0
    counters: tuple[int, int] | None = None
    span_ms: tuple[int, int] | None = None

    def add(self, counter: int, start_ms: int | None, length_ms: int | None, size_bytes: int = 0) -> None:
        """One more recording."""
        self.count += 1
        self.length_ms += length_ms or 0
        self.size_bytes += size_bytes
        self.counters = _wider(self.counters, counter, counter)
        if start_ms is not None:
            self.span_ms = _wider(self.span_ms, start_ms, start_ms + (length_ms or 0))


@dataclass(frozen=True, slots=True)
class Transmission:
    """Recordings that were handed over, and on what ground."""

    entry: Entry
    body: SegmentsExported
    requisition: RequisitionPresented | None
    lot: Lot


@dataclass(slots=True)
class Interval:
    """`kind`: gap, blind, unsigned, tamper or clock (unsynchronised). `cut`: it ends where the agent itself ended.

    `times`: so many short ones, from the first one's start to the last one's end, `sum_ms` long together; `cause` is
    theirs, or `SEVERAL`.
    """

    kind: str
    entry: int
    camera: str
    start_ms: int
    end_ms: int | None
    cause: str
    cut: bool = False
    times: int = 1
    sum_ms: int = 0

    def join(self, other: "Interval", end_ms: int) -> None:
        """One more, that ended at `end_ms`."""
        self.times += 1
        self.sum_ms += end_ms - other.start_ms
        self.end_ms = max(self.end_ms or 0, end_ms)
        self.cut = self.cut or other.cut
        self.cause = self.cause if self.cause == other.cause else SEVERAL


@dataclass(frozen=True, slots=True)
class Report:
    """All of a period. `at_ms`: time of the register's last entry. `unread`: entries of another version."""

    period: Period
    origin: str
    at_ms: int
    entries: int
    unread: int
    cameras: tuple[CameraFigures, ...]
    made: tuple[Lot, ...]
    destroyed: tuple[Lot, ...]
    transmitted: tuple[Transmission, ...]
    acts: tuple[Act, ...]
    intervals: tuple[Interval, ...]
    listed: tuple[Entry, ...]
    journal: tuple[Entry, ...]
    kinds: dict[str, int]


class Gathering:
    """Takes a register's entries in order."""

    def __init__(self, period: Period) -> None:
        self._period = period
        self._sums: defaultdict[str, Counter[str]] = defaultdict(Counter)
        self._footage = Footage()
        self._acts = Acts()
        self._lots: dict[tuple[str, str, str, str], Lot] = {}
        self._transmitted: list[Transmission] = []
        self._requisitions: dict[int, RequisitionPresented] = {}
        self._open: dict[tuple[str, object], Interval] = {}
        self._intervals: list[Interval] = []
        self._short: Counter[tuple[str, str, str]] = Counter()
        self._joined: dict[tuple[str, str, str], Interval] = {}
        self._listed: list[Entry] = []
        self._journal: list[Entry] = []
        self._kinds: Counter[str] = Counter()
        self._unread = 0
        self._at_ms = 0
        self._origin = ""
        self._down: tuple[int, str] | None = None
        self._recording: set[str] = set()

    def unread(self) -> None:
        """An entry in words that this version does not know."""
        self._unread += 1

    def take(self, entry: Entry) -> None:
        """One entry."""
        body, inside = entry.body, self._period.holds(entry.utc_ms)
        self._running(entry, body)
        self._acts.take(entry, inside)
        self._intervals_of(entry, body)
        self._clock(entry)
        self._recordings(entry, body, inside)
        if not isinstance(body, ViewRefused) and (camera := getattr(body, "camera", None)):
            self._sums[camera].update()  # a row for each of the mast's cameras; a refused view may name anything
        if isinstance(body, RequisitionPresented):
            self._requisitions[entry.index] = body
        if inside:
            self._kinds[body.kind] += 1
            if body.kind in LISTED:
                self._listed.append(entry)
            elif body.kind in JOURNAL:
                self._journal.append(entry)
        self._at_ms, self._origin = entry.utc_ms, entry.origin

    def _running(self, entry: Entry, body: Entered) -> None:
        """Since when no agent ran, and what that ended."""
        match body:
            case AgentStopped():
                self._down = entry.utc_ms, "agent-stopped"
            case CommandBegan():
                self._down = self._down or (self._at_ms, "agent-cut")
            case AgentStarted():
                self._cut()
                since_ms, cause = self._down or (self._at_ms, "agent-cut")
                for camera in sorted(self._recording):
                    self._keep(Interval("gap", entry.index, camera, since_ms, max(since_ms, entry.utc_ms), cause))
                self._down, self._recording = None, set()
            case SegmentsSealed(camera=camera, found=False):
                self._recording.add(camera)

    # --- recordings ---

    def _recordings(self, entry: Entry, body: Entered, inside: bool) -> None:
        match body:
            case SegmentsSealed(camera=camera):
                self._made(body)
            case SegmentsDestroyed(camera=camera, rule=rule):
                lot = self._lot("destroyed", camera, day_of(entry.utc_ms), rule) if inside else Lot(camera, "", "")
                before = lot.length_ms
                self._add(lot, camera, body.segments, forget=True)
                if inside:
                    sums = self._sums[camera]
                    sums.update({"destroyed": len(body.segments), f"destroyed_by_{rule}": len(body.segments)})
                    sums["destroyed_ms"] += lot.length_ms - before
            case SegmentsExported(camera=camera) if inside:
                lot = Lot(camera, day_of(entry.utc_ms), "")
                self._add(lot, camera, body.segments)
                requisition = self._requisitions.get(body.requisition)
                self._transmitted.append(Transmission(entry, body, requisition, lot))
                self._sums[camera].update(exports=1, exported=lot.count, exported_ms=lot.length_ms)

    def _made(self, body: SegmentsSealed) -> None:
        for one in body.segments:
            start_ms = utc_ms(one.start)
            self._footage.add(body.camera, one.counter, start_ms, one.duration_ms)
            if not self._period.holds(start_ms):
                continue
            lot = self._lot("made", body.camera, day_of(start_ms), "")
            lot.add(one.counter, start_ms, one.duration_ms, one.size_bytes)
            sums = self._sums[body.camera]
            sums["recorded"] += 1
            sums["recorded_ms"] += one.duration_ms or 0
            sums["recorded_bytes"] += one.size_bytes
            sums["found"] += body.found
            sums["unknown_length"] += one.duration_ms is None

    def _lot(self, what: str, camera: str, day: str, rule: str) -> Lot:
        return self._lots.setdefault((what, camera, day, rule), Lot(camera, day, rule))

    def _add(self, lot: Lot, camera: str, segments: tuple[Gone, ...], forget: bool = False) -> None:
        for one in segments:
            start_ms, length_ms = self._footage.find(camera, one.counter, forget) or (None, None)
            lot.add(one.counter, start_ms, length_ms)

    # --- intervals ---

    def _intervals_of(self, entry: Entry, body: Entered) -> None:
        at = entry.utc_ms
        match body:
            case RecordingGap(camera=camera, began=began, ended=ended, cause=cause):
                end = None if ended is None else utc_ms(ended)
                self._open[f"gap {camera}", began] = Interval("gap", entry.index, camera, utc_ms(began), end, cause)
                if end is not None:
                    self._close((f"gap {camera}", began), end)
            case BlindBegan(camera=camera, reason=cause):
                self._open["blind", entry.index] = Interval("blind", entry.index, camera, at, None, cause)
            case UnsignedBegan(camera=camera, reason=cause):
                self._open["unsigned", entry.index] = Interval("unsigned", entry.index, camera, at, None, cause)
            case TamperFound(camera=camera, what=cause):
                self._open["tamper", entry.index] = Interval("tamper", entry.index, camera, at, None, cause)
            case BlindEnded(began=began_entry, length_ms=length):
                self._close(("blind", began_entry), None, length)
            case UnsignedEnded(began=began_entry, length_ms=length):
                self._close(("unsigned", began_entry), None, length)
            case TamperEnded(found=found, length_ms=length):
                self._close(("tamper", found), None, length)

    def _clock(self, entry: Entry) -> None:
        """Time that nobody confirms, from the first such entry to the first that is confirmed again."""
        key = ("clock", 0)
        if not entry.synchronised and key not in self._open:
            self._open[key] = Interval("clock", entry.index, "", entry.utc_ms, None, "")
        elif entry.synchronised:
            self._close(key, entry.utc_ms)

    def _close(self, key: tuple[str, object], end_ms: int | None, length_ms: int = 0) -> None:
        one = self._open.pop(key, None)
        if one is not None:
            one.end_ms = one.start_ms + length_ms if end_ms is None else end_ms
            self._keep(one)

    def _cut(self) -> None:
        for key in [key for key in self._open if key[0] != "clock"]:
            self._open[key].cut = True
            self._close(key, max(self._at_ms, self._open[key].start_ms))

    def _keep(self, one: Interval) -> None:
        end_ms = max(self._at_ms, one.start_ms) if one.end_ms is None else one.end_ms
        part = self._period.part_ms(one.start_ms, end_ms)
        if not part and not self._period.holds(one.start_ms):
            return
        self._list(one)
        if one.camera:
            self._sums[one.camera].update({f"{one.kind}s": 1, f"{one.kind}_ms": part})

    def _list(self, one: Interval) -> None:
        key = (one.kind, one.camera, day_of(one.start_ms))
        if one.end_ms is None or one.end_ms - one.start_ms >= SHORT_MS:
            self._intervals.append(one)
            return
        self._short[key] += 1
        if self._short[key] <= LISTED_SINGLY:
            self._intervals.append(one)
        elif key in self._joined:
            self._joined[key].join(one, one.end_ms)
        else:
            one.sum_ms = one.end_ms - one.start_ms
            self._joined[key] = one
            self._intervals.append(one)

    # --- the end ---

    def report(self) -> Report:
        """What was gathered; nothing may be taken afterwards."""
        for one in self._open.values():
            self._keep(one)
        for act in self._acts:
            if act.outcome == "refused":
                self._sums[act.camera if act.camera in self._sums else UNKNOWN]["views_refused"] += 1
            elif act.kind == "steering" or act.outcome != "not-started":
                self._sums[act.camera].update({f"{act.kind}s": 1, f"{act.kind}_ms": act.length_ms or 0})
        figures = (CameraFigures(camera, **sums) for camera, sums in sorted(self._sums.items()))
        lots = sorted(self._lots.items())
        return Report(
            period=self._period,
            origin=self._origin,
            at_ms=self._at_ms,
            entries=sum(self._kinds.values()),
            unread=self._unread,
            cameras=tuple(figures),
            made=tuple(lot for key, lot in lots if key[0] == "made"),
            destroyed=tuple(lot for key, lot in lots if key[0] == "destroyed"),
            transmitted=tuple(self._transmitted),
            acts=tuple(self._acts),
            intervals=tuple(sorted(self._intervals, key=lambda one: (one.kind, one.start_ms, one.entry))),
            listed=tuple(self._listed),
            journal=tuple(self._journal),
            kinds=dict(sorted(self._kinds.items())),
        )


def _wider(span: tuple[int, int] | None, first: int, last: int) -> tuple[int, int]:
    return (first, last) if span is None else (min(span[0], first), max(span[1], last))
