"""What is known of a head's pose, as values: what the head reports, and what the pictures show.

Laws
- A report that was received at `received` was true at some moment in [asked - pose_age, received].
- A picture that arrived at `taken`, `late_s` later than the most punctual ones do, was exposed at some moment in
  [taken - late_s - video_age, taken]; pictures are exposed in the order of their arrival.
"""

from dataclasses import dataclass

from agent.clock import Instant

ACCELERATION_DEG_S2 = 300.0
"""No head turns harder, or stops."""


@dataclass(frozen=True, slots=True)
class Report:
    """One answer to "where are you": degrees, zoom as the head counts it, `moving` where the head says so.

    `asked` and `received`: when the question left and the answer was there. `fault`: what the head says is wrong with
    it, empty when all is well. `streamed`: it came in the metadata stream, which may lie apart from GetStatus.
    """

    asked: Instant
    received: Instant
    pan_deg: float
    tilt_deg: float
    zoom: float
    moving: bool | None = None
    fault: str = ""
    streamed: bool = False


@dataclass(frozen=True, slots=True)
class Sight:
    """How the view moved since the last picture that told anything, seen from the pictures alone.

    `taken`: when the picture arrived. `stamp_s`: its media time. `known`: False when the picture tells nothing; what
    follows is then 0. `broken`: known, but not how it hangs together with the one before. `blank`: there is too little
    in the pictures to tell anything, as in fog. `across` (right) and `up`: tangents, in units of half the view's width.
    `spread`: the change of ln tan(hfov / 2), positive when the view widens. `slack` and `slack_spread`: by how much one
    picture may be misjudged. `drift` and `drift_spread`: what this step adds to errors that stay. `quality`: 0..1, the
    share of the picture that agrees. `late_s`: how much later than the most punctual pictures it came.
    """

    taken: Instant
    stamp_s: float
    known: bool
    broken: bool = False
    blank: bool = False
    across: float = 0.0
    up: float = 0.0
    spread: float = 0.0
    slack: float = 0.0
    slack_spread: float = 0.0
    drift: float = 0.0
    drift_spread: float = 0.0
    quality: float = 0.0
    late_s: float = 0.0


@dataclass(frozen=True, slots=True)
class HeadLimits:
    """What a head can do and how late it tells; speeds in degrees and in zoom range a second, ages in seconds.

    `accuracy_deg`, `accuracy_zoom`: of what it reports, with its rounding. `scale_error`: the share by which
    a motion that is seen in the pictures may be off.
    """

    pan_speed_deg_s: float = 120.0
    tilt_speed_deg_s: float = 60.0
    zoom_speed_per_s: float = 0.5
    pan_turns: bool = True
    pose_age_s: float = 0.2
    video_age_s: float = 0.3
    hold_s: float = 0.3
    accuracy_deg: float = 0.05
    accuracy_zoom: float = 0.001
    scale_error: float = 0.01
