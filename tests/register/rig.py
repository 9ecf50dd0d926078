"""What the register's tests stand on: a mast's register with a clock that tests own, and entries of every kind."""

import dataclasses
import os
import typing
from pathlib import Path

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

from agent.clock import Instant, WallTime
from agent.identity import DeviceIdentity
from agent.register import Register, bodies
from agent.register.bodies import ViewStarted
from agent.register.disk import Disk
from agent.register.findings import Verdict, Witness
from agent.register.notes import Checkpoint, Key, Note, cosign
from agent.register.proving import verify
from agent.register.values import Gone, Ground, Person, Segment
from agent.verifier_keys import COSIGNATURE

NOON = 1_795_262_400_000
"""2026-11-21T12:00:00Z in ms."""
DAY_MS = 24 * 3600 * 1000
HASH = "0123456789abcdef" * 4

DEVICE = Ed25519PrivateKey.from_private_bytes(bytes(range(32)))
WITNESS = Ed25519PrivateKey.from_private_bytes(bytes(range(1, 33)))
IDENTITY = DeviceIdentity(DEVICE, "")


def public(key: Ed25519PrivateKey) -> bytes:
    return key.public_key().public_bytes(Encoding.Raw, PublicFormat.Raw)


WITNESS_KEY = Key("csu.example/w1", COSIGNATURE, public(WITNESS))


class HandClock:
    """Ten milliseconds pass each time that somebody looks."""

    def __init__(self) -> None:
        self.wall_ms = NOON
        self.synchronised = True
        self.trusted = True

    def instant(self) -> Instant:
        return Instant(self.wall_ms * 1_000_000 - NOON * 999_999)

    def wall(self) -> WallTime:
        self.wall_ms += 10
        return WallTime(self.wall_ms * 1_000_000, self.synchronised, 2.5 if self.synchronised else None, self.trusted)


def opened(
    state: Path, clock: HandClock | None = None, disk: Disk | None = None, key: DeviceIdentity = IDENTITY
) -> Register:
    return Register.open(state, key, clock or HandClock(), town="lievin", mast="lievin-042", disk=disk)


def view(number: int) -> ViewStarted:
    return ViewStarted(camera="parvis", rendition="full", requested=number)


def filled(state: Path, count: int, clock: HandClock | None = None, days: int = 1) -> list[str]:
    """A register of `count` entries over `days`; the checkpoint after each, from the empty one on."""
    clock = clock or HandClock()
    register = opened(state, clock)
    heads = [register.checkpoint()]
    for number in range(count):
        register.append(view(number))
        heads.append(register.checkpoint())
        if days > 1 and (number + 1) % -(-count // days) == 0:
            clock.wall_ms += DAY_MS
    register.close()
    return heads


def judged(state: Path, *checkpoints: str) -> Verdict:
    """As `vigie register verify --checkpoint ... --witness ...` judges."""
    seen = [Witness.parse(f"checkpoint {number}", text.encode()) for number, text in enumerate(checkpoints)]
    return verify(state, public(DEVICE), seen, [WITNESS_KEY])


def faults(verdict: Verdict) -> list[str]:
    return [f"{one.name}: {one.text}" for one in verdict.findings if one.severity == "fault"]


def witnessed(head: str, at: int = NOON // 1000) -> str:
    """A checkpoint with the witness's line."""
    note = Note.parse(head.encode())
    return str(note) + str(cosign(Checkpoint.parse(note.text).text, WITNESS_KEY, WITNESS.sign, at))


def files(state: Path) -> list[Path]:
    return sorted(path for path in (state / "register").iterdir())


def sample(kind: type, field: str = "") -> object:
    """A good value of an annotation or a body."""
    known: dict[object, object] = {
        Person: Person("0042", "C. Durand", "Police municipale"),
        Ground: Ground("requisition_60_1", "PV 2026/118", "Vol avec violence place du marché"),
        Segment: Segment(7, "segments/parvis/x", HASH, 1000, "2026-11-21T12:00:00.000Z", None),
        Gone: Gone(7, HASH),
    }
    if kind in known:
        return known[kind]
    if dataclasses.is_dataclass(kind):
        hints = typing.get_type_hints(kind, include_extras=True)
        return kind(
            **{one.name: sample(hints[one.name], one.name) for one in dataclasses.fields(kind) if one.name != "kind"}
        )
    for annotation, value in (
        (bodies.Camera, "parvis"),
        (bodies.Count, 3),
        (bodies.Text, "texte"),
        (bodies.Words, "mots é"),
        (bodies.Sha256, HASH),
        (bodies.Time, "2026-11-21T12:00:00.000Z"),
        (bodies.Names, ("un", "deux")),
        (bodies.Segments, (known[Segment],)),
        (bodies.Gones, (known[Gone],)),
        (bodies.Rule, "age"),
        (bodies.Command, "export"),
    ):
        if kind == annotation:
            return value
    special = {"root": "A" * 43 + "=", "cosignature": "— w AAAA", "step_ms": -5, "found": True}
    if field in special:
        return special[field]
    return sample(typing.get_args(kind)[0])


KINDS = typing.get_args(bodies.Entered)


class DyingDisk(Disk):
    """The process is gone at its `point`th change; where that is a write, after `torn` of its bytes (-1: all)."""

    def __init__(self, point: int, torn: int = -1) -> None:
        self._point, self._torn = point, torn
        self.done = 0

    def _step(self) -> bool:
        mine, self.done = self.done, self.done + 1
        return mine == self._point

    def write(self, descriptor: int, data: bytes, offset: int) -> None:
        if self._step():
            super().write(descriptor, data if self._torn < 0 else data[: self._torn], offset)
            os._exit(9)
        super().write(descriptor, data, offset)

    def truncate(self, descriptor: int, size_bytes: int) -> None:
        if self._step():
            os._exit(9)
        super().truncate(descriptor, size_bytes)

    def sync_data(self, descriptor: int) -> None:
        if self._step():
            os._exit(9)
        super().sync_data(descriptor)

    def remove(self, path: Path) -> None:
        if self._step():
            os._exit(9)
        super().remove(path)

    def sync_folder(self, path: Path) -> None:
        if self._step():
            os._exit(9)
        super().sync_folder(path)
