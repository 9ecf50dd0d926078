"""What can be entered: a closed list of kinds, each a frozen dataclass. Pure.

Laws
- Names of people stand here and nowhere else on the mast; what leaves it says an entry's number.
- An act that follows another names its entry: a view's end names the view's start, so who looked is written once.
- What their members may say is for `values.py`. It is long because the list is whole in one place.

>>> ViewStarted(camera="parvis-fixed", rendition="full", requested=41)
"""

from dataclasses import dataclass
from typing import Annotated, Literal, TypeAlias

from pydantic import Field

from agent.register.values import (
    LARGEST,
    Body,
    Camera,
    Command,
    Count,
    Gones,
    Ground,
    Names,
    Person,
    Rule,
    Segments,
    Sha256,
    Text,
    Time,
    Words,
)


@dataclass(frozen=True, slots=True)
class AgentStarted(Body):
    """The agent runs, in this version, under this configuration file."""

    version: Words
    configuration_sha256: Sha256
    kind: Literal["agent_started"] = "agent_started"


@dataclass(frozen=True, slots=True)
class AgentStopped(Body):
    """A clean stop; without it before the next start, power or process was cut."""

    reason: Words
    kind: Literal["agent_stopped"] = "agent_stopped"


@dataclass(frozen=True, slots=True)
class CommandBegan(Body):
    """At the box, while no agent ran: a command works on the state in its place. What it does follows."""

    command: Command
    version: Words
    configuration_sha256: Sha256
    kind: Literal["command_began"] = "command_began"


@dataclass(frozen=True, slots=True)
class CommandEnded(Body):
    """It lets go of the state, whatever came of it."""

    command: Command
    kind: Literal["command_ended"] = "command_ended"


@dataclass(frozen=True, slots=True)
class PowerCutFound(Body):
    """At a start: the run before did not stop cleanly, and left so many segments open."""

    segments: Count
    kind: Literal["power_cut_found"] = "power_cut_found"


@dataclass(frozen=True, slots=True)
class TailCut(Body):
    """At a start: the register ended in bytes that are no entry (a torn write, never acknowledged); they were cut."""

    size_bytes: Count
    sha256: Sha256
    kind: Literal["tail_cut"] = "tail_cut"


@dataclass(frozen=True, slots=True)
class RegisterResumed(Body):
    """The register can be written again. Since `since` it could not; `missed`: what happened and is not in it."""

    since: Time
    missed: Count
    cause: Words
    kind: Literal["register_resumed"] = "register_resumed"


@dataclass(frozen=True, slots=True)
class SegmentsSealed(Body):
    """Recordings made (CSI R252-11), in batches. `found`: rescued after a power cut."""

    camera: Camera
    segments: Segments
    found: bool = False
    kind: Literal["segments_sealed"] = "segments_sealed"


@dataclass(frozen=True, slots=True)
class RecordingGap(Body):
    """No pictures were recorded from `began` to `ended` (None: still so)."""

    camera: Camera
    began: Time
    ended: Time | None
    cause: Words
    kind: Literal["recording_gap"] = "recording_gap"


@dataclass(frozen=True, slots=True)
class SegmentsDestroyed(Body):
    """Recordings destroyed (CSI R252-11), by age, by the budget or for want of space."""

    camera: Camera
    segments: Gones
    rule: Rule
    kind: Literal["segments_destroyed"] = "segments_destroyed"


@dataclass(frozen=True, slots=True)
class SegmentsHeld(Body):
    """Recordings kept past their age for a requisition, until its end."""

    camera: Camera
    first: Count
    last: Count
    reference: Words
    until: Time
    kind: Literal["segments_held"] = "segments_held"


@dataclass(frozen=True, slots=True)
class SegmentsReleased(Body):
    """A hold that ends: its age counts again. `held`: the hold's entry."""

    camera: Camera
    held: Count
    reason: Words
    kind: Literal["segments_released"] = "segments_released"


@dataclass(frozen=True, slots=True)
class SegmentsExported(Body):
    """Recordings transmitted (CSI R252-11). `requisition`: the entry that presented it."""

    camera: Camera
    segments: Gones
    requisition: Count
    recipient: Words
    manifest_sha256: Sha256
    kind: Literal["segments_exported"] = "segments_exported"


@dataclass(frozen=True, slots=True)
class GrantPresented(Body):
    """A good grant, the first time that it comes."""

    jti: Words
    person: Person
    ground: Ground
    cameras: Names
    allow: Names
    expires: Time
    kind: Literal["grant_presented"] = "grant_presented"


@dataclass(frozen=True, slots=True)
class ViewRequested(Body):
    """A live view was asked for under a good grant. `grant`: the entry that presented it."""

    camera: Camera
    rendition: Words
    grant: Count
    person: Person
    ground: Ground
    kind: Literal["view_requested"] = "view_requested"


@dataclass(frozen=True, slots=True)
class ViewRefused(Body):
    """A view was asked for and not given. `person`, `ground`: of a grant that an authority has signed, good or not."""

    camera: Text
    why: Words
    person: Person | None = None
    ground: Ground | None = None
    kind: Literal["view_refused"] = "view_refused"


@dataclass(frozen=True, slots=True)
class ViewStarted(Body):
    """Pictures leave. `requested`: the entry that says who and why."""

    camera: Camera
    rendition: Words
    requested: Count
    kind: Literal["view_started"] = "view_started"


@dataclass(frozen=True, slots=True)
class ViewEnded(Body):
    """No more pictures leave. `started`: the entry of its start."""

    camera: Camera
    started: Count
    length_ms: Count
    reason: Words
    kind: Literal["view_ended"] = "view_ended"


@dataclass(frozen=True, slots=True)
class SteeringTaken(Body):
    """Somebody turns the camera from now on."""

    camera: Camera
    grant: Count
    person: Person
    ground: Ground
    kind: Literal["steering_taken"] = "steering_taken"


@dataclass(frozen=True, slots=True)
class SteeringReleased(Body):
    """They no longer do. `taken`: the entry of its taking."""

    camera: Camera
    taken: Count
    length_ms: Count
    reason: Words
    kind: Literal["steering_released"] = "steering_released"


@dataclass(frozen=True, slots=True)
class RequisitionPresented(Body):
    """A requisition that this mast verified. `requester`: number may be the quality. `start`, `end`: what is asked."""

    sha256: Sha256
    ground: Ground
    requester: Person
    recipient: Words
    signers: Names
    cameras: Names
    start: Time
    end: Time
    expires: Time
    kind: Literal["requisition_presented"] = "requisition_presented"


@dataclass(frozen=True, slots=True)
class RequisitionRefused(Body):
    """A requisition that this mast refused, and why. `reference`: what it called itself, not verified."""

    sha256: Sha256
    reference: Text
    why: Words
    kind: Literal["requisition_refused"] = "requisition_refused"


@dataclass(frozen=True, slots=True)
class MaskPolicyChanged(Body):
    """Other privacy masks of a camera from now on. `old` is None at its first start."""

    camera: Camera
    old: Sha256 | None
    new: Sha256
    kind: Literal["mask_policy_changed"] = "mask_policy_changed"


@dataclass(frozen=True, slots=True)
class ConfigurationChanged(Body):
    """Another configuration file runs."""

    old: Sha256 | None
    new: Sha256
    kind: Literal["configuration_changed"] = "configuration_changed"


@dataclass(frozen=True, slots=True)
class SigningKeyChanged(Body):
    """Another key signs pictures: the file was damaged or lost. SHA-256 of their SubjectPublicKeyInfo."""

    old: Sha256
    new: Sha256
    kind: Literal["signing_key_changed"] = "signing_key_changed"


@dataclass(frozen=True, slots=True)
class BlindBegan(Body):
    """The whole picture is masked from now on."""

    camera: Camera
    reason: Words
    kind: Literal["blind_began"] = "blind_began"


@dataclass(frozen=True, slots=True)
class BlindEnded(Body):
    """Only the privacy masks again. `began`: the entry of its beginning."""

    camera: Camera
    began: Count
    length_ms: Count
    kind: Literal["blind_ended"] = "blind_ended"


@dataclass(frozen=True, slots=True)
class UnsignedBegan(Body):
    """Pictures are recorded and shown without a signature in them from now on."""

    camera: Camera
    reason: Words
    kind: Literal["unsigned_began"] = "unsigned_began"


@dataclass(frozen=True, slots=True)
class UnsignedEnded(Body):
    """No longer: they are signed again, or the camera was stopped. `began`: the entry of its beginning."""

    camera: Camera
    began: Count
    length_ms: Count
    kind: Literal["unsigned_ended"] = "unsigned_ended"


@dataclass(frozen=True, slots=True)
class EventsMissed(Body):
    """So much happened from `first` to `last` and is not in the register: it came faster than it could be entered."""

    count: Count
    first: Time
    last: Time
    what: Names
    kind: Literal["events_missed"] = "events_missed"


@dataclass(frozen=True, slots=True)
class TamperFound(Body):
    """Moved, covered, defocused, or its signal is gone."""

    camera: Camera
    what: Words
    kind: Literal["tamper_found"] = "tamper_found"


@dataclass(frozen=True, slots=True)
class TamperEnded(Body):
    """As it was. `found`: the entry that found it."""

    camera: Camera
    found: Count
    length_ms: Count
    kind: Literal["tamper_ended"] = "tamper_ended"


@dataclass(frozen=True, slots=True)
class AimLearned(Body):
    """References of where a camera looks were taken; `sha256` is theirs."""

    camera: Camera
    sha256: Sha256
    kind: Literal["aim_learned"] = "aim_learned"


@dataclass(frozen=True, slots=True)
class AimApproved(Body):
    """Somebody answers for where a camera looks from now on."""

    camera: Camera
    by: Words
    kind: Literal["aim_approved"] = "aim_approved"


@dataclass(frozen=True, slots=True)
class ClockStepped(Body):
    """Wall time jumped by so much against the monotonic clock."""

    step_ms: Annotated[int, Field(ge=-LARGEST, le=LARGEST)]
    kind: Literal["clock_stepped"] = "clock_stepped"


@dataclass(frozen=True, slots=True)
class Witnessed(Body):
    """A witness's receipt: it has seen this head. `cosignature`: its whole line under the checkpoint."""

    witness: Words
    size: Count
    root: Annotated[str, Field(pattern=r"^[A-Za-z0-9+/]{43}=$")]
    at: Time
    cosignature: Annotated[str, Field(max_length=1000)]
    kind: Literal["witnessed"] = "witnessed"


@dataclass(frozen=True, slots=True)
class EntriesExpired(Body):
    """The entries below number `end` were kept as long as they may be: their text goes, their hashes stay."""

    end: Count
    keep_days: Count
    kind: Literal["entries_expired"] = "entries_expired"


Entered: TypeAlias = (
    AgentStarted
    | AgentStopped
    | PowerCutFound
    | TailCut
    | SegmentsSealed
    | RecordingGap
    | SegmentsDestroyed
    | SegmentsHeld
    | SegmentsReleased
    | SegmentsExported
    | GrantPresented
    | ViewRequested
    | ViewRefused
    | ViewStarted
    | ViewEnded
    | SteeringTaken
    | SteeringReleased
    | RequisitionPresented
    | RequisitionRefused
    | MaskPolicyChanged
    | ConfigurationChanged
    | SigningKeyChanged
    | BlindBegan
    | BlindEnded
    | UnsignedBegan
    | UnsignedEnded
    | EventsMissed
    | TamperFound
    | TamperEnded
    | AimLearned
    | AimApproved
    | ClockStepped
    | Witnessed
    | EntriesExpired
    | RegisterResumed
    | CommandBegan
    | CommandEnded
)


def cameras_of(body: Entered) -> frozenset[str]:
    """The cameras that an entry names; none where it is about the mast as a whole."""
    one, several = getattr(body, "camera", None), getattr(body, "cameras", ())
    return frozenset(several if one is None else (one, *several))
