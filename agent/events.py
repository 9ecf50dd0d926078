"""What happens on a mast, as values: rooms emit them, telemetry puts them on MQTT, the register's scribe enters them.

Every event names no person: `entry` is the number of the register's entry that leads to who it was.
"""

from collections.abc import Callable
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class CaptureLost:
    """Pictures stopped coming; `reason` is a sentence without credentials."""

    camera: str
    reason: str


@dataclass(frozen=True, slots=True)
class CaptureRestored:
    """Pictures come again after `lost_seconds`."""

    camera: str
    lost_seconds: float


@dataclass(frozen=True, slots=True)
class StreamChanged:
    """The camera changed its resolution, pixel format or timestamps mid-stream, and capture carried on."""

    camera: str
    what: str


@dataclass(frozen=True, slots=True)
class MasksBlind:
    """The whole picture is masked from now on."""

    camera: str
    reason: str


@dataclass(frozen=True, slots=True)
class MasksRestored:
    """The privacy masks are burned again, the rest of the picture is visible."""

    camera: str
    blind_seconds: float


@dataclass(frozen=True, slots=True)
class Tamper:
    """Somebody or something was at the camera: `aim-lost`, `covered` or `defocused`."""

    camera: str
    kind: str


@dataclass(frozen=True, slots=True)
class TamperEnded:
    """That is over, after `seconds`; an aim that was lost is so only when it was approved."""

    camera: str
    kind: str
    seconds: float


@dataclass(frozen=True, slots=True)
class AimLearned:
    """A reference of the aim was taken, `references` are kept; `first`: there had been none before."""

    camera: str
    references: int
    first: bool
    sha256: str = ""
    """Of all that is kept of the aim."""


@dataclass(frozen=True, slots=True)
class AimApproved:
    """Somebody said that the aim is right, and new references were taken; who it was is in the register."""

    camera: str


@dataclass(frozen=True, slots=True)
class RecordingLost:
    """Segments cannot be written; `reason` names the fault and the mend."""

    camera: str
    reason: str


@dataclass(frozen=True, slots=True)
class RecordingRestored:
    """Segments are written again."""

    camera: str
    lost_seconds: float


@dataclass(frozen=True, slots=True)
class SigningLost:
    """Pictures are recorded and shown unsigned; `reason` is a sentence without credentials."""

    camera: str
    reason: str


@dataclass(frozen=True, slots=True)
class SigningRestored:
    """They are signed again, in a chain of their own; or the camera was stopped."""

    camera: str
    lost_seconds: float


@dataclass(frozen=True, slots=True)
class UnitsDropped:
    """A slow consumer (`vault` or `live`) lost `count` access units; it goes on at the next keyframe."""

    camera: str
    consumer: str
    count: int


@dataclass(frozen=True, slots=True)
class PowerCutFound:
    """At start, `segments` open segments of an earlier run were found, closed and indexed."""

    segments: int


@dataclass(frozen=True, slots=True)
class ViewStarted:
    """A viewer's WebRTC session began."""

    camera: str
    session: int
    rendition: str
    entry: int


@dataclass(frozen=True, slots=True)
class ViewEnded:
    """A view ended after `seconds`: `left`, `grant-expired`, `grant-revoked`, `connection-lost` or `stopping`."""

    camera: str
    session: int
    reason: str
    seconds: float
    entry: int


@dataclass(frozen=True, slots=True)
class SteeringTaken:
    """Somebody steers a turning camera from now on; `holder` counts them, it names nobody."""

    camera: str
    holder: int
    entry: int


@dataclass(frozen=True, slots=True)
class SteeringReleased:
    """They no longer do, after `seconds`: `idle`, `left`, `taken-over`, `grant-ended` or `stopping`."""

    camera: str
    holder: int
    reason: str
    seconds: float
    entry: int


@dataclass(frozen=True, slots=True)
class ConfigurationApplied:
    """A configuration runs; `sha256` is the file's."""

    sha256: str


@dataclass(frozen=True, slots=True)
class ConfigurationRefused:
    """A reload was refused and the old configuration runs on; `faults` counts what was wrong."""

    faults: int


@dataclass(frozen=True, slots=True)
class ClockStepped:
    """Wall time jumped by `seconds` against the monotonic clock."""

    seconds: float


Event = (
    CaptureLost
    | CaptureRestored
    | StreamChanged
    | MasksBlind
    | MasksRestored
    | Tamper
    | TamperEnded
    | AimLearned
    | AimApproved
    | RecordingLost
    | RecordingRestored
    | SigningLost
    | SigningRestored
    | UnitsDropped
    | PowerCutFound
    | ViewStarted
    | ViewEnded
    | SteeringTaken
    | SteeringReleased
    | ConfigurationApplied
    | ConfigurationRefused
    | ClockStepped
)

Emit = Callable[[Event], None]
"""Takes an event from any thread, never blocks and never fails."""
