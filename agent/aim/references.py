"""What is kept of a camera's aim, and its form on disk. Decides; touches nothing.

>>> decode(encode(AimState(lost=Lost(1_795_000_000_000)))).lost
Lost(since_ms=1795000000000, far_px=None)
"""

import base64
import json
import re
import zlib
from dataclasses import asdict, dataclass
from typing import Annotated

import numpy as np
from pydantic import BaseModel, ConfigDict, Field, ValidationError

from agent.aim.edges import COLUMNS, ROWS, Area, Edges
from agent.aim.match import Offset

VERSION = 1
STEPS = 30.0
"""Of an edge, in whole numbers on disk."""
MOST_BYTES = 1 << 20
MOST_APPROVALS = 50
NOWHERE = Offset()
_ENTRY = re.compile(r"entry [0-9]{1,16}")


@dataclass(frozen=True, slots=True, eq=False)
class Reference:
    """Edges in their place. `first`: taken when the aim was commissioned or approved.

    `offset`: how far it lies beside the first ones; `slack_px`: how wrong that may be. `at_ms`: UTC when it was taken.
    """

    edges: Edges
    seen: Area
    first: bool
    at_ms: int
    offset: Offset = NOWHERE
    slack_px: float = 0.0

    def without(self, hidden: Area) -> "Reference":
        """The same with nothing left of what lies under `hidden`."""
        seen = self.seen & ~hidden
        edges = np.where(seen, self.edges, 0).astype(np.float32)
        return Reference(edges, seen, self.first, self.at_ms, self.offset, self.slack_px)


@dataclass(frozen=True, slots=True)
class Lost:
    """Since when the aim is lost, in UTC milliseconds, and by how much where that is known (small pixels)."""

    since_ms: int
    far_px: float | None = None


@dataclass(frozen=True, slots=True)
class Approval:
    """That somebody said that the aim is right, and when (UTC milliseconds). `by`: `entry 412`, the register's, which
    says who; a name stands in no file but the register's.
    """

    by: str
    at_ms: int


@dataclass(frozen=True, slots=True)
class AimState:
    """All that must survive a restart. `masks`: SHA-256 of the hidden area that the references were cleaned for."""

    references: tuple[Reference, ...] = ()
    lost: Lost | None = None
    approvals: tuple[Approval, ...] = ()
    masks: str = ""


class _Model(BaseModel):
    model_config = ConfigDict(extra="forbid", strict=True)


Small = Annotated[float, Field(ge=-100, le=100, allow_inf_nan=False)]


class _Reference(_Model):
    edges: str = Field(max_length=64 << 10)
    seen: str = Field(max_length=8 << 10)
    first: bool
    at_ms: int
    offset: list[Small] = Field(min_length=4, max_length=4)
    slack_px: Small


class _Lost(_Model):
    since_ms: int
    far_px: float | None


class _Approval(_Model):
    by: str = Field(max_length=200)
    at_ms: int


class _State(_Model):
    version: int = Field(ge=VERSION, le=VERSION)
    masks: str = Field(max_length=64)
    lost: _Lost | None
    approvals: list[_Approval] = Field(max_length=MOST_APPROVALS)
    references: list[_Reference] = Field(max_length=64)


def _pack(raw: bytes) -> str:
    return base64.b64encode(zlib.compress(raw, 6)).decode("ascii")


def _unpack(text: str, size: int) -> bytes:
    """At most `size` bytes come out, whatever stands in the file."""
    try:
        raw = zlib.decompressobj().decompress(base64.b64decode(text, validate=True), size)
    except zlib.error as error:
        raise ValueError("a reference that does not unpack") from error
    if len(raw) != size:
        raise ValueError("a reference of another size")
    return raw


def quantised(edges: Edges) -> Edges:
    """`edges` as they come back from disk."""
    return (np.clip(np.round(edges * STEPS), -127, 127) / STEPS).astype(np.float32)


def encode(state: AimState) -> bytes:
    """JSON; edges in steps of 1/30, compressed."""
    references = [
        {
            "edges": _pack(np.clip(np.round(one.edges * STEPS), -127, 127).astype(np.int8).tobytes()),
            "seen": _pack(np.packbits(one.seen).tobytes()),
            "first": one.first,
            "at_ms": one.at_ms,
            "offset": [one.offset.x, one.offset.y, one.offset.zoom, one.offset.roll],
            "slack_px": one.slack_px,
        }
        for one in state.references
    ]
    told = {
        "version": VERSION,
        "masks": state.masks,
        "lost": None if state.lost is None else asdict(state.lost),
        "approvals": [asdict(one) for one in state.approvals[-MOST_APPROVALS:]],
        "references": references,
    }
    return json.dumps(told, ensure_ascii=False, allow_nan=False).encode()


def _reference(told: _Reference) -> Reference:
    whole = np.frombuffer(_unpack(told.edges, ROWS * COLUMNS), np.int8).reshape(ROWS, COLUMNS)
    bits = np.frombuffer(_unpack(told.seen, ROWS * COLUMNS // 8), np.uint8)
    seen = np.unpackbits(bits).reshape(ROWS, COLUMNS) > 0
    edges = whole.astype(np.float32) / np.float32(STEPS)
    return Reference(edges, seen, told.first, told.at_ms, Offset(*told.offset), told.slack_px)


def decode(raw: bytes) -> AimState:
    """What `encode` wrote; ValueError for anything else."""
    try:
        told = _State.model_validate_json(raw)
    except ValidationError as error:
        raise ValueError("not an aim file of this version") from error
    references = tuple(_reference(one) for one in told.references)
    lost = None if told.lost is None else Lost(told.lost.since_ms, told.lost.far_px)
    approvals = tuple(Approval(one.by if _ENTRY.fullmatch(one.by) else "", one.at_ms) for one in told.approvals)
    return AimState(references, lost, approvals, told.masks)
