"""What the index knows of a segment, and the bytes that the mast signs. Pure.

The signature (Ed25519, `identity/device.pub`) is over `vigie-segment-v1`, a newline, and the canonical JSON of the
fields that never change: keys sorted, no spaces, ASCII, only integers, strings, booleans and null. Whoever has a row as
`vigie segments list --json` prints it can build these bytes without any of our code.
"""

import json
from dataclasses import asdict, dataclass, field, fields
from typing import Any, Literal

from agent.clock import rfc3339

State = Literal["sealed", "found", "held", "evicting", "destroyed", "lost"]
"""`sealed`, `found`: on disk. `held`: kept under a procedure. `evicting`: about to go. `destroyed`, `lost`: gone."""

LIVE: tuple[State, ...] = ("sealed", "found", "held")

Rule = Literal["age", "budget", "disk"]
"""Why a segment was destroyed: older than retention, the ring's budget, or the disk was nearly full."""

CONTEXT = b"vigie-segment-v1\n"


@dataclass(frozen=True, slots=True)
class Segment:
    """One finished segment, as it is known when it enters the index; none of this changes later.

    `name`: relative path. `start_ms`: UTC of the first frame by the clock of that moment; of a found one, from its
    name. `end_ms`: UTC of the last frame's end, at the latest the moment of sealing; of a found one, when the file was
    last written, which is an estimate.
    `duration_ms`, `frames`, `blind_frames` (those masked as a whole), `width`, `height`: None for a found one, which
    the mast cannot open. `whole`: age opens it to its end; a found one breaks off. `synchronised`: a time service kept
    the clock from first to last frame. `clock_error_ms`: the kernel's bound on its error then, rounded up.
    """

    camera: str
    name: str
    start_ms: int
    end_ms: int | None
    duration_ms: int | None
    frames: int | None
    blind_frames: int | None
    width: int | None
    height: int | None
    size_bytes: int
    sha256: str
    whole: bool
    synchronised: bool
    clock_error_ms: int | None
    end_reason: str


SEGMENT_FIELDS: tuple[str, ...] = tuple(one.name for one in fields(Segment))


@dataclass(frozen=True, slots=True)
class SegmentRow:
    """A row of the index. `seq` orders all cameras' segments, `counter` one camera's, from 1 without holes.

    `track`: where a turning head pointed (`vault.pointing`); None where it is not known, and once the segment goes.
    """

    seq: int
    counter: int
    segment: Segment
    state: State
    signature: bytes = field(repr=False)
    destroyed_ms: int | None = None
    rule: Rule | None = None
    track: str | None = field(default=None, repr=False)

    @property
    def live(self) -> bool:
        """True while its file is to be on disk."""
        return self.state in LIVE

    def as_json(self) -> dict[str, Any]:
        """The row flat, for `--json`: the signed fields by their names, times also in RFC 3339."""
        ended, gone = self.segment.end_ms, self.destroyed_ms
        return {
            "seq": self.seq,
            "counter": self.counter,
            **asdict(self.segment),
            "start": rfc3339(self.segment.start_ms),
            "end": None if ended is None else rfc3339(ended),
            "state": self.state,
            "signature": self.signature.hex(),
            "destroyed": None if gone is None else rfc3339(gone),
            "rule": self.rule,
        }


def signed_bytes(seq: int, counter: int, segment: Segment) -> bytes:
    """What the device key signs for this row."""
    content = {"seq": seq, "counter": counter, **asdict(segment)}
    return CONTEXT + json.dumps(content, sort_keys=True, separators=(",", ":"), ensure_ascii=True).encode("ascii")
