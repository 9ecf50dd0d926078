"""The register: 100,000 entries beside a bare loop that writes and flushes the same bytes; opening, verifying, proofs.

The two loops take turns, a thousand entries at a time, so that the disk's mood is the same for both.
"""

import os
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

from agent.clock import SystemClock
from agent.identity import DeviceIdentity
from agent.register import Register
from agent.register.bodies import ViewRequested
from agent.register.proving import verify
from agent.register.values import Ground, Person
from tests.bench.tables import Table

TURN = 1000
BODY = ViewRequested(
    "parvis-fixed",
    "full",
    41,
    Person("0042", "C. Durand", "Police municipale"),
    Ground("event", "MC-118", "Attroupement"),
)


def _timed(act: Callable[[], object]) -> float:
    begin = time.perf_counter()
    act()
    return time.perf_counter() - begin


def _bare(descriptor: int, line: bytes) -> None:
    os.write(descriptor, line)
    os.fdatasync(descriptor)


def measure(entries: int) -> list[Table]:
    """On the disk that holds the checkout."""
    with tempfile.TemporaryDirectory(dir=Path(__file__).parent) as name:
        return _measure(Path(name), entries)


def _measure(state: Path, entries: int) -> list[Table]:
    key = Ed25519PrivateKey.generate()
    identity = DeviceIdentity(key, "")

    def opened() -> Register:
        return Register.open(state, identity, SystemClock(), town="lievin", mast="lievin-042")

    register = opened()
    register.append(BODY)
    line = next((state / "register").glob("*.jsonl")).read_bytes()
    bare = os.open(state / "bare", os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600)
    ours_s: list[float] = []
    bare_s: list[float] = []
    for _ in range(0, entries, TURN):
        ours_s += [_timed(lambda: register.append(BODY)) for _ in range(TURN)]
        bare_s += [_timed(lambda: _bare(bare, line)) for _ in range(TURN)]
    os.close(bare)
    appends = Table("one entry, ms", ("who", "p50", "p99", "p99.9", "bar of p99"))
    for who, times in (("append", ours_s), ("write + fdatasync, the same bytes", bare_s)):
        times.sort()
        appends.add(who, *(times[int(len(times) * part)] * 1000 for part in (0.5, 0.99, 0.999)), 5)
    rest = Table(f"{register.size} entries", ("what", "seconds", "bar"))
    proof_s = _timed(lambda: register.inclusion_proof(register.size // 3))
    longest = max(len(register.inclusion_proof(index)) for index in range(0, register.size, 997))
    rest.add("one inclusion proof", proof_s, "")
    register.close()
    rest.add("open", _timed(lambda: opened().close()), "")
    (state / "register" / "tree").unlink()
    rest.add("open without the stored hashes", _timed(lambda: opened().close()), "")
    public = key.public_key().public_bytes(Encoding.Raw, PublicFormat.Raw)
    rest.add("verify every byte", _timed(lambda: verify(state, public)), 10)
    sizes = Table("sizes", ("what", "value"))
    sizes.add("hashes in the longest inclusion proof", longest)
    sizes.add("bytes a line", len(line))
    return [appends, rest, sizes]
