"""What is true of the mast at this moment, as values: `mast` gathers them, `telemetry` and `live` tell them."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Literal

from agent.clock import WallTime
from agent.units import MaskState

LATENCY_BOUNDS_S = (0.005, 0.01, 0.015, 0.02, 0.025, 0.03, 0.04, 0.05, 0.06, 0.08, 0.1, 0.15, 0.2, 0.5, 1.0)
"""Upper bounds of the latency histogram's buckets; one more, without bound, follows."""


@dataclass(frozen=True, slots=True)
class Latency:
    """From a picture's compressed arrival to its access unit in the queues: counts per bucket, and their sum."""

    counts: tuple[int, ...] = (0,) * (len(LATENCY_BOUNDS_S) + 1)
    sum_s: float = 0.0


Capture = Literal["starting", "live", "lost"]
PoseSource = Literal["status", "metadata"]


@dataclass(frozen=True, slots=True)
class PtzFacts:
    """A turning head as it last reported: degrees, zoom 0..1 and the view that it gives (None outside the table).

    `preset`: where it was last sent by name. `held`: somebody steers. `age_ms`: how long ago the report came.
    `source`: who tells the position, GetStatus (`status`) or the camera's metadata stream while it keeps pace.
    """

    pan_deg: float
    tilt_deg: float
    zoom: float
    hfov_deg: float | None
    moving: bool
    preset: str
    held: bool
    age_ms: float
    source: PoseSource = "status"


@dataclass(frozen=True, slots=True)
class AimFacts:
    """Whether a camera points where it did, and its lens.

    `word`: `learning`, `held`, `unsure`, `lost`, or `turning` for a head, which has no aim of this kind. `age_s`: since
    it was last seen to be right. `tamper`: `aim-lost`, `covered`, `defocused`.
    """

    word: str
    age_s: float = 0.0
    references: int = 0
    tamper: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class CameraFacts:
    """One camera now. Rates are over the last few seconds; counters run since the agent's start.

    `capture_reason`, `recording_reason` and `signing_reason` are sentences without credentials, empty when all is well.
    `below_minimum` says that the picture is smaller or slower than the law asks of its view.
    """

    id: str
    name: str
    capture: Capture
    capture_reason: str
    masks: MaskState
    fps: float
    bitrate_kbps: float
    width: int
    height: int
    encoder: str
    recording: bool
    recording_reason: str
    last_segment: str | None
    viewers: int
    frames: int
    below_minimum: bool
    dropped: Mapping[str, int] = field(default_factory=dict)
    """Lost on the way: `frames` before masking, `vault` and `live` access units, `corrupt` packets, `signatures`; and
    `orders` to a head that were malformed or too many."""
    encoded: Mapping[str, int] = field(default_factory=dict)
    """Pictures encoded, by rendition (`main`, `tile`)."""
    latency: Latency = Latency()
    ptz: PtzFacts | None = None
    """None for a camera that stands still, and for a head that has not reported yet."""
    aim: AimFacts = AimFacts("held")
    signing_reason: str = ""
    hold_ms: float = 0.0
    """How long the picture that left last was held for the reports of its head."""


@dataclass(frozen=True, slots=True)
class Trouble:
    """What was found at the start and lasts until a person mends it, in a sentence with the mend."""

    key: str
    en: str
    fr: str


@dataclass(frozen=True, slots=True)
class RegisterFacts:
    """How the register stands. `fault`: why it cannot be written, empty when it can. `head`: its signed head, a note
    for `size` entries. `unwitnessed_s`: since when it holds what its witness has not seen, None where none is
    configured; `conflict`: the witness has seen something else.
    """

    fault: str = ""
    size: int = 0
    head: str = ""
    unwitnessed_s: float | None = None
    conflict: bool = False


@dataclass(frozen=True, slots=True)
class MastFacts:
    """The whole mast now; `buffer_hours` is how far back the ring reaches, `uptime_s` the agent's. `held_share`: of the
    budget, what is held for requisitions; `crowded`: holds leave no room, so recording waits.
    """

    wall: WallTime
    uptime_s: float
    disk_free_bytes: int
    buffer_hours: float
    cameras: tuple[CameraFacts, ...]
    troubles: tuple[Trouble, ...] = ()
    register: RegisterFacts = RegisterFacts()
    held_share: float = 0.0
    crowded: bool = False
