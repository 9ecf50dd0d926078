"""What systemd is told (sd_notify(3)) and when its watchdog may be fed. Without systemd all of it is silent.

>>> notify("READY=1")
False

Law: the watchdog is fed only while each camera's pictures really flow or their loss is known. A camera that claims to
be live while its counter stands still, or that is starting for ever, starves it, and systemd starts the agent afresh.
"""

import os
import socket
import time
from dataclasses import dataclass

from agent.facts import Capture, MastFacts

STILL_S = 10.0
"""So long may the counter of a live camera stand still."""

STARTING_S = 60.0
"""So long may a camera be neither live nor lost."""


def notify(*lines: str) -> bool:
    """Sends `lines` (READY=1, STOPPING=1, STATUS=..., WATCHDOG=1) in one datagram; False when nobody took it."""
    address = os.environ.get("NOTIFY_SOCKET", "")
    if not address.startswith(("/", "@")):
        return False
    if address.startswith("@"):  # the abstract namespace (unix(7))
        address = "\0" + address[1:]
    try:
        with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM | socket.SOCK_CLOEXEC) as sender:
            sender.settimeout(1)
            sender.sendto("\n".join(lines).encode(), address)
    except OSError:
        return False
    return True


def notify_reloading() -> bool:
    """Says that a reload has begun; READY=1 ends it (Type=notify-reload wants the monotonic time)."""
    return notify("RELOADING=1", f"MONOTONIC_USEC={time.clock_gettime_ns(time.CLOCK_MONOTONIC) // 1000}")


def watchdog_interval() -> float | None:
    """Seconds between two feedings, half of what systemd allows; None when it expects none from this process."""
    try:
        allowed_us = int(os.environ.get("WATCHDOG_USEC", "0"))
        process = int(os.environ.get("WATCHDOG_PID", "") or os.getpid())
    except ValueError:
        return None
    if allowed_us <= 0 or process != os.getpid():
        return None
    return allowed_us / 2_000_000


@dataclass(frozen=True, slots=True)
class _Seen:
    capture: Capture
    frames: int
    changed_s: float


class Watchdog:
    """Remembers since when each camera's counter and state have stood still; touches nothing."""

    def __init__(self) -> None:
        self._seen: dict[str, _Seen] = {}

    def may_feed(self, facts: MastFacts, now_s: float) -> bool:
        """True when every camera moves or is known to be lost; `now_s` is monotonic seconds."""
        seen = {}
        for camera in facts.cameras:
            last = self._seen.get(camera.id)
            if last is None or (last.capture, last.frames) != (camera.capture, camera.frames):
                last = _Seen(camera.capture, camera.frames, now_s)
            seen[camera.id] = last
        self._seen = seen  # a camera that was taken away is forgotten
        return all(_alive(one, now_s) for one in seen.values())


def _alive(camera: _Seen, now_s: float) -> bool:
    still_s = now_s - camera.changed_s
    match camera.capture:
        case "live":
            return still_s <= STILL_S
        case "starting":
            return still_s <= STARTING_S
        case "lost":
            return True
