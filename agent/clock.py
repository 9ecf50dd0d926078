"""Time: `Instant` for durations, `WallTime` for names and registers, and a clock that tests can own.

Laws
- Durations, stalls and leases use the monotonic clock only.
- Wall time counts only at or above the floor: the latest of the build's date and the last time that the index (or the
  register) recorded. Below it, `WallTime.trusted` is false and grants are refused.
- Whether the kernel calls the clock synchronised is asked of the kernel (adjtimex(2)); setting the clock by hand
  clears that by itself, so a jump never counts as synchronised until a time service has confirmed it.
"""

import ctypes
import re
import time
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import NewType, Protocol

Instant = NewType("Instant", int)
"""Nanoseconds of the monotonic clock; only differences mean anything."""

BUILD_EPOCH_NS = 1_790_000_000 * 10**9
"""No agent of this build ran before this (2026-09-21): a lower clock is wrong."""

_RFC3339 = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(?:\.\d{1,3})?(?:Z|[+-]\d\d:\d\d)", re.ASCII)

STA_UNSYNC = 0x0040  # linux/timex.h
STA_NANO = 0x2000
TIME_ERROR = 5


@dataclass(frozen=True, slots=True)
class WallTime:
    """A UTC time with what is known of its worth.

    `utc_ns`: nanoseconds since 1970, never below the floor. `synchronised`: a time service disciplines the clock.
    `error_ms`: the kernel's bound on the error, None when unsynchronised. `trusted`: at or above the floor.
    """

    utc_ns: int
    synchronised: bool
    error_ms: float | None
    trusted: bool = True

    @property
    def utc_ms(self) -> int:
        """Milliseconds since 1970."""
        return self.utc_ns // 1_000_000


def rfc3339(utc_ms: int) -> str:
    """RFC 3339 UTC with milliseconds: 2026-11-22T20:37:11.042Z."""
    moment = datetime.fromtimestamp(utc_ms // 1000, tz=UTC)
    return f"{moment:%Y-%m-%dT%H:%M:%S}.{utc_ms % 1000:03d}Z"


def from_rfc3339(text: str) -> int:
    """UTC milliseconds of an RFC 3339 date and time with its zone; ValueError for anything else, and for 1969."""
    if _RFC3339.fullmatch(text) is None:
        raise ValueError("not RFC 3339")
    moment = datetime.fromisoformat(text)  # ValueError: no such day or hour
    since = moment - datetime(1970, 1, 1, tzinfo=UTC)
    if since.days < 0:
        raise ValueError("before 1970")
    return since // timedelta(milliseconds=1)


class Clock(Protocol):
    """What rooms ask the time of."""

    def instant(self) -> Instant:
        """Now, monotonic."""
        ...

    def wall(self) -> WallTime:
        """Now, UTC."""
        ...


class _Timex(ctypes.Structure):
    """struct timex of adjtimex(2), the leading part that is read here; the tail is room for the kernel."""

    _fields_ = (
        ("modes", ctypes.c_uint),
        ("offset", ctypes.c_long),
        ("freq", ctypes.c_long),
        ("maxerror", ctypes.c_long),
        ("esterror", ctypes.c_long),
        ("status", ctypes.c_int),
        ("rest", ctypes.c_byte * 256),
    )


class KernelDiscipline:
    """Asks the kernel whether a time service keeps the clock; the answer is kept for a second."""

    def __init__(self) -> None:
        self._libc = ctypes.CDLL(None, use_errno=True)
        self._asked: int | None = None
        self._answer: tuple[bool, float | None] = (False, None)

    def __call__(self) -> tuple[bool, float | None]:
        """(synchronised, error bound in ms or None). A kernel that refuses to answer counts as unsynchronised."""
        now = time.monotonic_ns()
        if self._asked is None or now - self._asked > 10**9:
            self._asked = now
            timex = _Timex()
            state = self._libc.adjtimex(ctypes.byref(timex))
            good = state not in (-1, TIME_ERROR) and not timex.status & STA_UNSYNC
            self._answer = (good, timex.maxerror / 1000 if good else None)
        return self._answer


def kernel_offset_ms() -> float | None:
    """What the kernel still has to correct (adjtimex(2), `offset`), in ms; None when it refuses to answer."""
    timex = _Timex()
    if ctypes.CDLL(None).adjtimex(ctypes.byref(timex)) == -1:
        return None
    return float(timex.offset) / (1_000_000 if timex.status & STA_NANO else 1000)


class SystemClock:
    """The machine's clocks, held at the floor until wall time has passed it."""

    def __init__(self, floor_ns: int = BUILD_EPOCH_NS) -> None:
        self._discipline = KernelDiscipline()
        self._floor_ns = max(floor_ns, BUILD_EPOCH_NS)
        self._floor_set = time.monotonic_ns()

    def raise_floor(self, floor_ns: int) -> None:
        """Wall time below `floor_ns` no longer counts; the floor never goes down."""
        if floor_ns > self._floor_ns:
            self._floor_ns = floor_ns
            self._floor_set = time.monotonic_ns()

    def instant(self) -> Instant:
        """Now, monotonic."""
        return Instant(time.monotonic_ns())

    def wall(self) -> WallTime:
        """Now, UTC; below the floor it runs on from the floor, unsynchronised and untrusted."""
        now = time.time_ns()
        if now < self._floor_ns:
            return WallTime(self._floor_ns + time.monotonic_ns() - self._floor_set, False, None, trusted=False)
        synchronised, error_ms = self._discipline()
        return WallTime(now, synchronised, error_ms)
