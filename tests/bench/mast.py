"""The agent as a benchmark runs it: a configuration of its own, a process of its own, read from outside only."""

import json
import os
import re
import signal
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from types import TracebackType
from typing import Self

from tests.bench.processes import Mark, cpu_s
from tests.rig.peers import Polygon, count_pictures

ROOT = Path(__file__).resolve().parents[2]
MAST = "bench-001"
START_LIMIT_S = 30.0

MASKS: tuple[Polygon, ...] = (
    ((0.04, 0.10), (0.29, 0.08), (0.31, 0.47), (0.05, 0.51)),
    ((0.55, 0.08), (0.74, 0.10), (0.74, 0.40), (0.56, 0.38)),
    ((0.80, 0.45), (0.96, 0.50), (0.95, 0.80), (0.88, 0.66), (0.80, 0.78)),
)
"""Three slanted masks, one of them concave: a fifth of the picture together."""


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def _provision(*arguments: str) -> str:
    command = [sys.executable, "-m", "provisioning.cli", *arguments]
    return subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=True).stdout.strip()


@dataclass
class Mast:
    """The agent on `urls`, one camera each, as long as the `with` block lasts; then stopped as systemd would."""

    folder: Path
    urls: Sequence[str]
    bitrate_kbps: int = 4000
    masks: Sequence[Polygon] = MASKS
    camera: str = ""
    """The whole table of the one camera, where it is not a fixed one with `masks`."""
    status: int | None = field(default=None, init=False)
    _process: "subprocess.Popen[bytes] | None" = field(default=None, init=False)

    def __enter__(self) -> Self:
        self.folder.mkdir(parents=True, exist_ok=True)
        _provision("keys", "init", "--out", str(self.folder / "keys"))
        self.port = _free_port()
        path = self.folder / "vigie.toml"
        path.write_text(self._configuration(), encoding="utf-8")
        command = [sys.executable, "-m", "agent", "run", "--config", str(path)]
        self.started_s = time.monotonic()
        with (self.folder / "log").open("wb") as log:
            self._process = subprocess.Popen(command, cwd=ROOT, stdin=subprocess.DEVNULL, stdout=log, stderr=log)
        try:
            self._wait_for_pictures()
        except BaseException:
            self._process.kill()
            self._process.wait()
            raise
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        assert self._process is not None
        self._process.send_signal(signal.SIGTERM)
        try:
            self.status = self._process.wait(30)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()

    @property
    def pid(self) -> int:
        """The agent's process."""
        assert self._process is not None
        return self._process.pid

    def metrics(self) -> dict[str, float]:
        """Prometheus sample, with its labels as they stand, -> value."""
        with urllib.request.urlopen(f"http://127.0.0.1:{self.port}/metrics", timeout=5) as answer:
            lines = answer.read().decode().splitlines()
        pairs = (line.rsplit(" ", 1) for line in lines if line and not line.startswith("#"))
        return {name: float(value) for name, value in pairs}

    def encoded(self, rendition: str = "main") -> dict[str, int]:
        """Camera -> pictures that were encoded, in one rendition."""
        name = re.compile(rf'vigie_camera_encoded_total{{camera="([^"]+)",rendition="{rendition}"}}')
        found = ((name.fullmatch(key), value) for key, value in self.metrics().items())
        return {match[1]: int(value) for match, value in found if match is not None}

    def mark(self) -> Mark:
        """Now: all cameras' encoded pictures together."""
        pictures = sum(self.encoded().values())
        return Mark.of(cpu_s(self.pid), pictures)

    def grant(self, *cameras: str, allow: str = "live") -> str:
        """A grant to watch, and to steer where `allow` says so."""
        covers = [word for camera in cameras for word in ("--camera", camera)]
        return _provision(
            *("grant", "--authority", str(self.folder / "keys" / "authority.key"), "--agent", "0000"),
            *("--name", "Bench", "--service", "Bench", "--mast", MAST, *covers, "--allow", allow),
            *("--basis", "maintenance", "--reference", "BENCH-1", "--reason", "measurement", "--valid", "2h"),
        )

    @property
    def cameras(self) -> list[str]:
        """The cameras' ids."""
        return [f"cam-{number}" for number in range(1, len(self.urls) + 1)]

    def segments(self) -> list[Path]:
        """The sealed segments so far."""
        return sorted((self.folder / "mast" / "segments").rglob("*.mp4.age"))

    def recorded_pictures(self) -> int:
        """Pictures that stock tools find in the sealed segments (age, then ffprobe)."""
        plain, total = self.folder / "opened.mp4", 0
        for segment in self.segments():
            key = str(self.folder / "keys" / "vault.key")
            subprocess.run(["age", "-d", "-i", key, "-o", str(plain), str(segment)], check=True)
            total += count_pictures(plain)
        plain.unlink(missing_ok=True)
        return total

    def _wait_for_pictures(self) -> None:
        end = time.monotonic() + START_LIMIT_S
        while time.monotonic() < end:
            assert self._process is not None
            if self._process.poll() is not None:
                break
            try:
                counts = self.encoded()
            except (urllib.error.URLError, ConnectionError):
                counts = {}
            if len(counts) == len(self.urls) and all(counts.values()):
                return
            time.sleep(0.1)
        raise RuntimeError(f"the agent gives no pictures; {self.folder / 'log'} says why")

    def _configuration(self) -> str:
        recipient = (self.folder / "keys" / "vault.pub").read_text(encoding="utf-8").strip()
        text = f"""[mast]
id = "{MAST}"
town = "bench"
state = "mast"
[vault]
recipients = ["{recipient}"]
retention_days = 1
max_gib = 8
[access]
authorities = ["keys/authority.pub"]
[http]
listen = "127.0.0.1:{self.port}"
"""
        if self.camera:
            return text + self.camera
        for camera, url in zip(self.cameras, self.urls, strict=True):
            text += f'[[camera]]\nid = "{camera}"\nname = "Bench"\nkind = "fixed"\nsource = "{url}"\n'
            text += f'encoder = "x264"\nfps = 25\nbitrate_kbps = {self.bitrate_kbps}\n'
            for number, polygon in enumerate(self.masks, 1):
                points = json.dumps([list(point) for point in polygon])
                text += f'[[camera.mask]]\nname = "mask {number}"\npolygon = {points}\n'
        return text


def state_folder(name: str) -> Path:
    """A fresh folder for one run, under build/bench, on the same disk for everybody who is compared."""
    folder = ROOT / "build" / "bench" / "state" / f"{name}-{os.getpid()}-{time.monotonic_ns()}"
    folder.mkdir(parents=True)
    return folder
