"""Reads the box: temperature, throttling, processor, memory, clock offset. What a machine does not have is None.

Laws
- Reading never fails and never waits for anything but the kernel; values are taken from sysfs and procfs (psutil).
- `root` is where sys/ is looked for, so that a recorded tree of another machine can be read on this one.
"""

import math
from pathlib import Path

import psutil

from agent.clock import kernel_offset_ms
from agent.telemetry.values import MachineFacts, Throttling

PI_THROTTLED = "sys/devices/platform/soc/soc:firmware/get_throttled"
PI_BITS = {0: "under-voltage", 1: "frequency-capped", 2: "throttled", 3: "soft-temperature-limit"}
"""Raspberry Pi documentation, `vcgencmd get_throttled`: bits 0 to 3 now, 16 to 19 the same since boot."""

JETSON_EVENTS = "sys/class/hwmon/hwmon*/oc*_event_cnt"
"""Jetson developer guide: how often each over-current alarm has throttled the processor since boot."""

_PROCESSOR_ZONES = ("cpu", "soc", "x86_pkg", "coretemp", "tj", "package", "bcm2835", "k10temp")


def _text(path: Path) -> str | None:
    try:
        return path.read_text(encoding="ascii", errors="replace").strip()
    except OSError:
        return None


def _number(path: Path, base: int = 10) -> int | None:
    try:
        return int(_text(path) or "", base)
    except ValueError:
        return None


def temperature_c(root: Path) -> float | None:
    """The hottest zone of the processor, or the hottest of all when none is named as its; in degrees Celsius."""
    zones: list[tuple[bool, float]] = []
    for zone in root.glob("sys/class/thermal/thermal_zone*"):
        thousandths = _number(zone / "temp")
        if thousandths is not None and -40_000 < thousandths < 200_000:  # unpowered sensors report nonsense
            kind = (_text(zone / "type") or "").lower()
            zones.append((kind.startswith(_PROCESSOR_ZONES), thousandths / 1000))
    processor = [degrees for named, degrees in zones if named]
    return max(processor or [degrees for _, degrees in zones], default=None)


class Machine:
    """One box; remembers only what is needed to tell a new throttling event from an old one."""

    def __init__(self, root: Path = Path("/")) -> None:
        self._root = root
        self._process = psutil.Process()
        self._alarms: dict[str, int] | None = None
        psutil.cpu_percent(None)  # the first call has nothing to compare with

    def read(self) -> MachineFacts:
        """Everything at once; takes a few milliseconds, so a caller in a loop asks a thread."""
        memory = psutil.virtual_memory()
        return MachineFacts(
            temperature_c=temperature_c(self._root),
            throttling=self._throttling(),
            cpu_percent=psutil.cpu_percent(None),
            load=_finite(psutil.getloadavg()[0]),
            memory_total_bytes=memory.total,
            memory_available_bytes=memory.available,
            agent_resident_bytes=self._process.memory_info().rss,
            clock_offset_ms=kernel_offset_ms(),
        )

    def _throttling(self) -> Throttling | None:
        pi, jetson = self._raspberry_pi(), self._jetson()
        if pi is None or jetson is None:
            return pi or jetson
        return Throttling(pi.now + jetson.now, pi.since_boot + jetson.since_boot)

    def _raspberry_pi(self) -> Throttling | None:
        bits = _number(self._root / PI_THROTTLED, 16)
        if bits is None:
            return None
        now = tuple(word for bit, word in PI_BITS.items() if bits >> bit & 1)
        return Throttling(now, tuple(word for bit, word in PI_BITS.items() if bits >> (bit + 16) & 1))

    def _jetson(self) -> Throttling | None:
        counted = {path.name: _number(path) or 0 for path in self._root.glob(JETSON_EVENTS)}
        if not counted:
            return None
        earlier, self._alarms = self._alarms, counted
        grown = earlier is not None and any(count > earlier.get(name, 0) for name, count in counted.items())
        alarm = ("over-current",)
        return Throttling(alarm if grown else (), alarm if any(counted.values()) else ())


def _finite(value: float) -> float | None:
    return value if math.isfinite(value) else None
