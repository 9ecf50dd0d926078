"""The values of this room: what the machine says of itself, what the outbox says, an issue, a message to publish."""

from dataclasses import dataclass
from typing import Literal

Severity = Literal["error", "warning", "info"]


@dataclass(frozen=True, slots=True)
class Throttling:
    """What holds the processor back, in stable words such as `under-voltage`: now, and at any time since boot."""

    now: tuple[str, ...] = ()
    since_boot: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class MachineFacts:
    """The box now; None is what this machine cannot say. Percentages are of the whole machine, 0..100."""

    temperature_c: float | None = None
    throttling: Throttling | None = None
    cpu_percent: float | None = None
    load: float | None = None
    memory_total_bytes: int | None = None
    memory_available_bytes: int | None = None
    agent_resident_bytes: int | None = None
    clock_offset_ms: float | None = None


@dataclass(frozen=True, slots=True)
class OutboxFacts:
    """`waiting`: events not yet acknowledged by the broker. `dropped`: events lost since the agent's start."""

    waiting: int = 0
    dropped: int = 0


@dataclass(frozen=True, slots=True)
class Issue:
    """Something that a person ought to look at; `key` is stable, `camera` None when it concerns the mast."""

    key: str
    severity: Severity
    en: str
    fr: str
    camera: str | None = None


@dataclass(frozen=True, slots=True)
class Publication:
    """One MQTT message, always sent at QoS 1."""

    topic: str
    payload: bytes
    retain: bool
