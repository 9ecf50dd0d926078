"""What each message says: facts and events -> values that JSON can carry. Decides; touches nothing.

Laws
- Names of people, grants and credentials are in none of the inputs; as a second fence, whatever looks like a user name
  and password inside a URL is cut out, and no text is longer than 500 characters.
- A number that JSON has no word for (nan, infinity) becomes null; `encode` never fails.
- Times are RFC 3339 UTC with milliseconds, rates are in kbit/s, sizes in bytes.

>>> encode(event_payload("9f0c-00000001", WallTime(0, False, None), PowerCutFound(2)))
b'{"id":"9f0c-00000001","event":"power_cut_found","at":"1970-01-01T00:00:00.000Z","segments":2}'
"""

import json
import math
import re
from collections.abc import Mapping, Sequence
from dataclasses import asdict

from agent.clock import WallTime, rfc3339
from agent.events import Event
from agent.facts import CameraFacts, MastFacts, PtzFacts, RegisterFacts
from agent.telemetry.values import Issue, MachineFacts, OutboxFacts, Throttling
from agent.units import Blind

Json = Mapping[str, object]

MAX_TEXT = 500
_CREDENTIALS = re.compile(r"://[^/\s]*@")
_WORD = re.compile(r"(?<!^)(?=[A-Z])")


def _tidy(value: object) -> object:
    match value:
        case float():
            return round(value, 3) if math.isfinite(value) else None
        case str():
            return _CREDENTIALS.sub("://", value)[:MAX_TEXT]
        case Mapping():
            return {str(key): _tidy(one) for key, one in value.items()}
        case Sequence() | set() | frozenset():
            return [_tidy(one) for one in value]
        case _:
            return value


def encode(payload: Json) -> bytes:
    """Compact JSON in UTF-8."""
    text = json.dumps(_tidy(payload), ensure_ascii=False, allow_nan=False, separators=(",", ":"), default=str)
    return text.encode("utf-8", "replace")


def online(at: WallTime, started: WallTime, agent: str, public_key: str, about: Json) -> Json:
    """The birth message: online since `at`, by an agent of version `agent` that started at `started`."""
    return {
        "state": "online",
        "since": rfc3339(at.utc_ms),
        "started": rfc3339(started.utc_ms),
        "agent": agent,
        "public_key": public_key,
        **about,
    }


def offline(reason: str, agent: str, at: WallTime | None) -> Json:
    """`stopped` at a known time, or `connection-lost`: the will is written beforehand, so its time is unknown."""
    return {"state": "offline", "since": None if at is None else rfc3339(at.utc_ms), "reason": reason, "agent": agent}


def camera_state(camera: CameraFacts, at: WallTime) -> Json:
    """One camera's state; `reason` says why the picture is blind, null when the masks are burned."""
    blind = isinstance(camera.masks, Blind)
    return {
        "at": rfc3339(at.utc_ms),
        "name": camera.name,
        "capture": camera.capture,
        "capture_reason": camera.capture_reason,
        "masks": "blind" if blind else "burned",
        "reason": camera.masks.reason if isinstance(camera.masks, Blind) else None,
        "aim": camera.aim.word,
        "tamper": camera.aim.tamper,
        "masked_share": 1.0 if isinstance(camera.masks, Blind) else camera.masks.share,
        "hold_ms": round(camera.hold_ms),
        "fps": round(camera.fps, 1),
        "bitrate": round(camera.bitrate_kbps) if math.isfinite(camera.bitrate_kbps) else None,
        "width": camera.width,
        "height": camera.height,
        "encoder": camera.encoder,
        "viewers": camera.viewers,
        "last_segment": camera.last_segment,
        "recording": camera.recording,
        "recording_reason": camera.recording_reason,
        "frames": camera.frames,
        "dropped": camera.dropped,
    }


def ptz_state(ptz: PtzFacts, at: WallTime) -> Json:
    """Where a head points, as it last said."""
    return {"at": rfc3339(at.utc_ms), **asdict(ptz)}


_PASSING = ("at", "age_ms", "fps", "bitrate", "masked_share", "hold_ms", "frames", "dropped")


def lasting(state: Json) -> Json:
    """The part of a camera's state whose change is worth a message at once; the rest flickers."""
    return {key: value for key, value in state.items() if key not in _PASSING}


def _throttling(throttling: Throttling | None) -> Json | None:
    if throttling is None:
        return None
    return {"active": bool(throttling.now), "now": throttling.now, "since_boot": throttling.since_boot}


def _summary(camera: CameraFacts) -> Json:
    return {
        "capture": camera.capture,
        "masks": "blind" if isinstance(camera.masks, Blind) else "burned",
        "recording": camera.recording,
        "fps": round(camera.fps, 1),
        "viewers": camera.viewers,
        "tamper": camera.aim.tamper,
        "below_minimum": camera.below_minimum,
        "dropped": camera.dropped,
    }


def _memory(machine: MachineFacts) -> Json:
    total, available = machine.memory_total_bytes, machine.memory_available_bytes
    used = None if not total or available is None else round(100 * (1 - available / total), 1)
    return {
        "total_bytes": total,
        "available_bytes": available,
        "used_percent": used,
        "agent_bytes": machine.agent_resident_bytes,
    }


def _issue(issue: Issue) -> Json:
    where = {} if issue.camera is None else {"camera": issue.camera}
    return {"key": issue.key, "severity": issue.severity, **where, "en": issue.en, "fr": issue.fr}


def health(facts: MastFacts, machine: MachineFacts, outbox: OutboxFacts, issues: tuple[Issue, ...]) -> Json:
    """The mast's health; `worst` is the gravest severity among the issues, `ok` when there is none."""
    wall = facts.wall
    worst = next((one for one in ("error", "warning", "info") if any(i.severity == one for i in issues)), "ok")
    return {
        "at": rfc3339(wall.utc_ms),
        "worst": worst,
        "uptime_s": round(facts.uptime_s),
        "temperature_c": machine.temperature_c,
        "throttling": _throttling(machine.throttling),
        "cpu_percent": machine.cpu_percent,
        "load": machine.load,
        "memory": _memory(machine),
        "disk_free_bytes": facts.disk_free_bytes,
        "buffer_hours": facts.buffer_hours,
        "clock": {
            "offset_ms": machine.clock_offset_ms,
            "error_ms": wall.error_ms,
            "synchronised": wall.synchronised,
            "trusted": wall.trusted,
        },
        "outbox": {"waiting": outbox.waiting, "dropped": outbox.dropped},
        "cameras": {camera.id: _summary(camera) for camera in facts.cameras},
        "issues": [_issue(issue) for issue in issues],
    }


def kind(event: Event) -> str:
    """The event's stable name: `CaptureLost` -> `capture_lost`."""
    return _WORD.sub("_", type(event).__name__).lower()


def event_payload(identity: str, at: WallTime, event: Event) -> Json:
    """One event; `identity` lets a reader recognise a repeat (QoS 1 delivers at least once)."""
    return {"id": identity, "event": kind(event), "at": rfc3339(at.utc_ms), **asdict(event)}


def checkpoint(register: RegisterFacts, at: WallTime) -> Json:
    """The register's signed head: `checkpoint` is the C2SP note, which holds by itself; the rest is for people."""
    origin, size, root = register.head.split("\n")[:3]
    return {"origin": origin, "size": int(size), "root": root, "at": rfc3339(at.utc_ms), "checkpoint": register.head}
