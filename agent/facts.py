"""What is true of the mast at this moment, as values: `mast` gathers them, `telemetry` and `live` tell them."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Literal

from agent.clock import WallTime
from agent.units import MaskState

Capture = Literal["starting", "live", "lost"]


@dataclass(frozen=True, slots=True)
class CameraFacts:
    """One camera now. Rates are over the last few seconds; counters run since the agent's start.

    `capture_reason` and `recording_reason` are sentences without credentials, empty when all is well. `below_minimum`
    says that the picture is smaller or slower than the law asks of its view.
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
    """Lost on the way: `frames` before masking, `vault` and `live` access units."""


@dataclass(frozen=True, slots=True)
class MastFacts:
    """The whole mast now; `buffer_hours` is how far back the ring reaches, `uptime_s` the agent's."""

    wall: WallTime
    uptime_s: float
    disk_free_bytes: int
    buffer_hours: float
    cameras: tuple[CameraFacts, ...]
