"""An hour of 4 Mbit/s exported to a folder, hashed on the way, beside `cp` of the same files, and the zip beside `cat`.

Both end with everything flushed; they take turns, so that the disk's mood is the same for both. The files are read from
the disk each time where the kernel lets their cached pages go (posix_fadvise).
"""

import os
import shutil
import statistics
import subprocess
import tempfile
import time
from collections.abc import Callable
from hashlib import sha256
from pathlib import Path

from agent.clock import rfc3339
from agent.evidence.copying import copy_pack
from agent.evidence.download import Zip
from agent.evidence.manifest import Asked, ClockStatus, Manifest
from agent.evidence.shelf import Pack
from tests.bench.tables import Table

SEGMENT_S = 6
BYTES_A_SECOND = 4_000_000 // 8
NOON = 1_795_262_400_000


def measure(seconds: int, rounds: int) -> list[Table]:
    """On the disk that holds the checkout."""
    with tempfile.TemporaryDirectory(dir=Path(__file__).parent) as name:
        return _measure(Path(name), seconds, rounds)


def _measure(folder: Path, seconds: int, rounds: int) -> list[Table]:
    pack = _pack(folder / "state", seconds)
    size = sum(path.stat().st_size for path in pack.files.values())
    times: dict[str, list[float]] = {"cp": [], "export": [], "zip": []}
    for number in range(rounds):
        order: list[tuple[str, Callable[[Path], object]]] = [
            ("cp", lambda out: _cp(folder / "state", out)),
            ("export", lambda out: copy_pack(pack, out)),
            ("zip", lambda out: _zip(pack, out)),
        ]
        for who, act in order if number % 2 else reversed(order):
            out = folder / f"out-{who}"
            out.mkdir()
            _forget(pack)
            begin = time.perf_counter()
            act(out)
            times[who].append(time.perf_counter() - begin)
            shutil.rmtree(out)
    table = Table(f"{seconds} s at 4 Mbit/s, {size / 1e6:.0f} MB", ("who", "seconds", "times cp", "bar"))
    cp_s = statistics.median(times["cp"])
    for who, bar in (("cp", ""), ("export", 1.3), ("zip", "")):
        median = statistics.median(times[who])
        table.add({"cp": "cp -r, sync", "export": "vigie export", "zip": "the zip"}[who], median, median / cp_s, bar)
    return [table]


def _pack(state: Path, seconds: int) -> Pack:
    """Segments of random bytes, as sealed ones look."""
    files: dict[str, Path] = {}
    sums: dict[str, str] = {}
    for number in range(-(-seconds // SEGMENT_S)):
        name = f"segments/lane/2026/11/21/{number:06d}.mp4.age"
        path = state / name
        path.parent.mkdir(parents=True, exist_ok=True)
        raw = os.urandom(SEGMENT_S * BYTES_A_SECOND)
        path.write_bytes(raw)
        files[name], sums[name] = path, sha256(raw).hexdigest()
    os.sync()
    asked = Asked("0" * 64, "0", "0", "0", 0, ())
    time_ = rfc3339(NOON)
    manifest = Manifest(
        *("vigie-evidence-v1", time_, ClockStatus(True, 1), "lievin", "lievin-042", "", "0", "0" * 64, "0" * 64),  # type: ignore[arg-type]
        requisition=asked,
        start=time_,
        end=time_,
        cameras=(),
    )
    return Pack("0", "pack", manifest, files, sums, "", "0")


def _forget(pack: Pack) -> None:
    for path in pack.files.values():
        descriptor = os.open(path, os.O_RDONLY)
        os.posix_fadvise(descriptor, 0, 0, os.POSIX_FADV_DONTNEED)
        os.close(descriptor)


def _cp(state: Path, out: Path) -> None:
    subprocess.run(["cp", "-r", str(state / "segments"), str(out)], check=True)
    subprocess.run(["sync", "-f", str(out)], check=True)


def _zip(pack: Pack, out: Path) -> None:
    zipped = Zip(pack)
    with (out / "pack.zip").open("wb") as file:
        for block in zipped.blocks(0, zipped.size_bytes):
            file.write(block)
        file.flush()
        os.fsync(file.fileno())
