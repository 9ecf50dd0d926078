"""The configuration of one head -> what its pilot, its pose and its threads go by. Pure.

>>> plan = plan_of(settings.ptz)
"""

from agent.heads import Patrol, PatrolPose, Ptz
from agent.lenses import ZoomLens
from agent.ptz.evidence import HeadLimits
from agent.ptz.pilot import Command, Go, GoPreset, Plan, Round

WHOLE_TURN_DEG = 360.0
LEAST_SCALE_ERROR = 0.01
"""Of any motion seen: the lens between its table's entries, the picture's edges, rounding."""


def turns(ptz: Ptz) -> bool:
    """True when pan has no end: a whole turn, and no soft limit."""
    low, high = ptz.reach()[0]
    return high - low >= WHOLE_TURN_DEG


def plan_of(ptz: Ptz) -> Plan:
    """What orders may do, where home is, and the patrols."""
    pan_deg, tilt_deg = ptz.reach()
    return Plan(
        pan_deg=pan_deg,
        tilt_deg=tilt_deg,
        turns=turns(ptz),
        pan_speed_deg_s=ptz.pan_speed_deg_s,
        tilt_speed_deg_s=ptz.tilt_speed_deg_s,
        home=ptz.home,
        idle_return_s=ptz.idle_return_s,
        idle_patrol=ptz.idle_patrol,
        rounds=tuple(_round(one) for one in ptz.patrol),
    )


def limits_of(ptz: Ptz, lens: ZoomLens) -> HeadLimits:
    """What the head can do and how late it tells."""
    return HeadLimits(
        pan_speed_deg_s=ptz.pan_speed_deg_s,
        tilt_speed_deg_s=ptz.tilt_speed_deg_s,
        zoom_speed_per_s=ptz.zoom_speed_per_s,
        pan_turns=ptz.pan_deg[1] - ptz.pan_deg[0] >= WHOLE_TURN_DEG,
        pose_age_s=ptz.pose_age_ms / 1000,
        video_age_s=ptz.video_age_ms / 1000,
        hold_s=ptz.hold_ms / 1000,
        accuracy_deg=ptz.accuracy_deg,
        accuracy_zoom=ptz.accuracy_zoom,
        scale_error=LEAST_SCALE_ERROR + 2 * lens.hfov_error,
    )


def _round(patrol: Patrol) -> Round:
    stops: list[tuple[Command, float]] = [(GoPreset(one), patrol.dwell_s) for one in patrol.presets]
    stops += [(_pose(one), patrol.dwell_s if one.dwell_s is None else one.dwell_s) for one in patrol.poses]
    return Round(patrol.name, tuple(stops))


def _pose(one: PatrolPose) -> Go:
    return Go(one.pan_deg, one.tilt_deg, one.zoom)
