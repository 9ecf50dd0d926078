"""A month of a mast's register, as the product batches it, and what its report, its table and its verification cost.

Each camera: ten recordings a minute sealed in one entry, and once the retention has passed ten destroyed in another; a
head that turns is blind a few seconds every three minutes and is tampered with every other day. The whole mast: three
hundred consultations, a hundred of them steered, ten requisitions answered. Time is virtual, flushes are left out.
"""

import hashlib
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

from agent.clock import Instant, WallTime, rfc3339
from agent.identity import DeviceIdentity
from agent.register import Register, bodies
from agent.register.disk import Disk
from agent.register.values import Gone, Ground, Person, Segment
from tests.bench.tables import Table

BEGIN_MS = 1_793_491_200_000
"""2026-11-01T00:00:00Z."""
MINUTE_MS = 60_000
DAY_MS = 24 * 60 * MINUTE_MS
SEGMENT_MS = 6_000
A_MINUTE = MINUTE_MS // SEGMENT_MS
KEPT_DAYS = 15
GROUND = Ground("event", "MC-2026-1187", "Attroupement place Gambetta")
REQUIRED = Ground("requisition_60_1", "PV 2026/118", "Vol avec violence place du marché")


class _Clock:
    """Where the story is."""

    def __init__(self) -> None:
        self.at_ms = BEGIN_MS

    def instant(self) -> Instant:
        return Instant(self.at_ms * 1_000_000)

    def wall(self) -> WallTime:
        self.at_ms += 1
        return WallTime(self.at_ms * 1_000_000, True, 2.5, True)


class _Unflushed(Disk):
    """What this measures is read, not written."""

    def sync_data(self, descriptor: int) -> None:
        """Not here."""


def _hash(camera: str, counter: int) -> str:
    return hashlib.sha256(f"{camera} {counter}".encode()).hexdigest()


def _name(camera: str, start_ms: int) -> str:
    day, stamp = time.strftime("%Y/%m/%d %Y%m%dT%H%M%S", time.gmtime(start_ms // 1000)).split()
    return f"segments/{camera}/{day}/{stamp}.{start_ms % 1000:03d}Z.mp4.age"


def _sealed(camera: str, minute: int) -> bodies.SegmentsSealed:
    made = []
    for counter in range(minute * A_MINUTE + 1, (minute + 1) * A_MINUTE + 1):
        start_ms = BEGIN_MS + counter * SEGMENT_MS
        told = rfc3339(start_ms)
        made.append(Segment(counter, _name(camera, start_ms), _hash(camera, counter), 3_000_000, told, SEGMENT_MS))
    return bodies.SegmentsSealed(camera, tuple(made))


def _destroyed(camera: str, minute: int) -> bodies.SegmentsDestroyed:
    first = (minute - KEPT_DAYS * 1440) * A_MINUTE + 1
    gone = (Gone(counter, _hash(camera, counter)) for counter in range(first, first + A_MINUTE))
    return bodies.SegmentsDestroyed(camera, tuple(gone), "age")


def _looked(register: Register, camera: str, number: int, *, steered: bool) -> None:
    who = Person(f"{number % 12:04d}", f"Agent {number % 12}", "Police municipale")
    expires = rfc3339(BEGIN_MS + 30 * DAY_MS)
    allow = ("live", "ptz") if steered else ("live",)
    grant = register.append(bodies.GrantPresented(f"grant-{number}", who, GROUND, (camera,), allow, expires))
    asked = register.append(bodies.ViewRequested(camera, "full", grant, who, GROUND))
    began = register.append(bodies.ViewStarted(camera, "full", asked))
    if steered:
        taken = register.append(bodies.SteeringTaken(camera, grant, who, GROUND))
        register.append(bodies.SteeringReleased(camera, taken, 42_000, "released"))
    register.append(bodies.ViewEnded(camera, began, 600_000, "closed"))


def _transmitted(register: Register, camera: str, minute: int) -> None:
    who = Person("OPJ", "C. Durand", "Commissariat de Lens")
    start, end = rfc3339(BEGIN_MS + (minute - 70) * MINUTE_MS), rfc3339(BEGIN_MS + (minute - 10) * MINUTE_MS)
    asked = register.append(
        bodies.RequisitionPresented(
            *(_hash("requisition", minute), REQUIRED, who, "L. Petit, Commissariat de Lens", (_hash("judicial", 0),)),
            *((camera,), start, end, rfc3339(BEGIN_MS + 30 * DAY_MS)),
        )
    )
    for batch in range(minute - 70, minute - 10, 10):
        gone = tuple(Gone(one, _hash(camera, one)) for one in range(batch * A_MINUTE + 1, (batch + 10) * A_MINUTE + 1))
        register.append(
            bodies.SegmentsExported(camera, gone, asked, "L. Petit, Commissariat de Lens", _hash("manifest", minute))
        )


def _minute(register: Register, cameras: list[str], minute: int) -> None:
    """All that happens in it; the first camera turns."""
    for camera in cameras:
        register.append(_sealed(camera, minute))
        if minute >= KEPT_DAYS * 1440:
            register.append(_destroyed(camera, minute))
    if minute % 3 == 0:
        began = register.append(bodies.BlindBegan(cameras[0], "moves-too-fast"))
        register.append(bodies.BlindEnded(cameras[0], began, 2_400))
    if minute % 2880 == 100:
        tampered = register.append(bodies.TamperFound(cameras[0], "covered"))
        register.append(bodies.TamperEnded(cameras[0], tampered, 90_000))
    if minute % 144 == 7:
        _looked(register, cameras[minute % len(cameras)], minute // 144, steered=minute % 432 == 7)
    if minute % 4320 == 200:
        _transmitted(register, cameras[0], minute)


def make(state: Path, cameras: int, days: int) -> int:
    """A register under `state`; how many entries it has."""
    key, clock = Ed25519PrivateKey.generate(), _Clock()
    identity = state / "identity"
    identity.mkdir(parents=True)
    (identity / "device.pub").write_bytes(
        key.public_key().public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo)
    )
    register = Register.open(state, DeviceIdentity(key, ""), clock, town="lievin", mast="lievin-042", disk=_Unflushed())
    register.append(bodies.AgentStarted("1.0", _hash("configuration", 0)))
    names = [f"camera-{number}" for number in range(cameras)]
    for minute in range(days * 1440):
        clock.at_ms = BEGIN_MS + (minute + 1) * MINUTE_MS
        _minute(register, names, minute)
    size = register.size
    register.close()
    return size


def _costs(command: list[str]) -> tuple[float, float]:
    """(CPU seconds, most memory in MB) of a command."""
    child = subprocess.Popen([sys.executable, "-m", "agent", *command], stdout=subprocess.DEVNULL)
    _, status, used = os.wait4(child.pid, 0)
    child.returncode = os.waitstatus_to_exitcode(status)
    if child.returncode:
        raise RuntimeError(f"{command} ended with {child.returncode}")
    return used.ru_utime + used.ru_stime, used.ru_maxrss / 1024


def _commands(state: Path, days: int) -> Iterator[tuple[str, list[str]]]:
    end = time.strftime("%Y-%m-%d", time.gmtime(BEGIN_MS // 1000 + (days - 1) * 86_400))
    period, where = ["--from", "2026-11-01", "--to", end], ["--state", str(state)]
    yield "verify", ["register", "verify", *where]
    yield "show", ["register", "show", *where]
    yield "show --json", ["register", "show", "--json", *where]
    yield "figures", ["register", "figures", *where, *period]
    yield "report", ["register", "report", *where, *period, "--out", str(state / "month.pdf")]


def measure(runs: tuple[tuple[int, int], ...]) -> list[Table]:
    """`runs`: (cameras, days)."""
    table = Table(
        "a month of the register", ("cameras", "days", "entries", "MB", "vigie register", "CPU s", "MB at the most")
    )
    for cameras, days in runs:
        with tempfile.TemporaryDirectory(dir=Path(__file__).parent) as name:
            state = Path(name)
            size = make(state, cameras, days)
            disk = sum(one.stat().st_size for one in (state / "register").iterdir()) / 1e6
            for what, command in _commands(state, days):
                table.add(cameras, days, size, disk, what, *_costs(command))
            table.add(cameras, days, size, disk, "(the PDF, MB)", "", (state / "month.pdf").stat().st_size / 1e6)
    return [table]
