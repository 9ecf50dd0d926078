"""What processes cost: CPU time and memory, read from the kernel."""

import os
import time
from dataclasses import dataclass
from pathlib import Path

import psutil


def cpu_s(pid: int) -> float:
    """CPU seconds, user and system, of a process with all its threads, of its children, and of those it has reaped."""
    total = 0.0
    root = psutil.Process(pid)
    for process in (root, *root.children(recursive=True)):
        try:
            times = process.cpu_times()
        except psutil.NoSuchProcess:
            continue
        total += times.user + times.system + times.children_user + times.children_system
    return total


def own_cpu_s(pid: int) -> float:
    """The same for the process alone, its threads included."""
    times = psutil.Process(pid).cpu_times()
    return float(times.user + times.system)


def resident_mb(pid: int) -> float:
    """Resident memory in MB (10^6 bytes) of a process and its children."""
    root = psutil.Process(pid)
    return sum(process.memory_info().rss for process in (root, *root.children(recursive=True))) / 1e6


def busy_s() -> float:
    """CPU seconds that this machine has spent on anything at all, over all cores."""
    times = psutil.cpu_times()
    return float(times.user + times.nice + times.system + times.irq + times.softirq + times.steal)


@dataclass(frozen=True, slots=True)
class Mark:
    """One moment of a process: when, what it has used, how many pictures it has finished."""

    at_s: float
    cpu_s: float
    busy_s: float
    pictures: int

    @classmethod
    def of(cls, cpu: float, pictures: int) -> "Mark":
        """This moment."""
        return cls(time.monotonic(), cpu, busy_s(), pictures)


@dataclass(frozen=True, slots=True)
class Window:
    """What happened between two marks. `others_cores` is the load of all else on the machine: noise."""

    seconds: float
    pictures: int
    cpu_s: float
    others_cores: float

    @classmethod
    def between(cls, first: Mark, last: Mark) -> "Window":
        """From `first` to `last`."""
        seconds, used = last.at_s - first.at_s, last.cpu_s - first.cpu_s
        others = (last.busy_s - first.busy_s - used) / seconds
        return cls(seconds, last.pictures - first.pictures, used, others)

    @property
    def ms_per_picture(self) -> float:
        """CPU milliseconds a picture."""
        return self.cpu_s / self.pictures * 1000 if self.pictures else float("nan")

    @property
    def cores(self) -> float:
        """CPU seconds a second."""
        return self.cpu_s / self.seconds


def machine() -> dict[str, object]:
    """What the figures were measured on."""
    told = Path("/proc/cpuinfo").read_text(encoding="utf-8").splitlines()
    model = next((line.split(":", 1)[1].strip() for line in told if "model name" in line), "?")
    memory = round(psutil.virtual_memory().total / 1e9, 1)
    return {"cpu": model, "cores": os.cpu_count(), "memory_gb": memory, "kernel": os.uname().release}
