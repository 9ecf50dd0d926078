"""The manifest: what a pack holds, what it does not hold, and under which conditions it was recorded. Pure.

Laws
- Canonical JSON (`register.canonical`): one manifest has one text, and a text that is not it is refused.
- Whatever of the interval is missing is declared: a gap, with its cause.
- Each recording stands as the mast signed it when it was sealed (`vault.rows`), with that signature.
"""

from dataclasses import asdict, dataclass
from typing import Annotated, Literal

from pydantic import ConfigDict, Field, TypeAdapter, ValidationError
from pydantic.dataclasses import dataclass as strict_dataclass

from agent.access.strict import told
from agent.clock import from_rfc3339
from agent.errors import EvidenceRefused
from agent.language import say
from agent.register.canonical import decode, encode
from agent.register.values import Camera, Count, Sha256, Text, Time, Words
from agent.vault.rows import Segment

_CONFIG = ConfigDict(strict=True, extra="forbid", hide_input_in_errors=True)


@dataclass(frozen=True, slots=True)
class Recording:
    """One sealed segment. `signature`: the device's over `vault.rows.signed_bytes`, hex. `sealed`: the register's
    entry that says that it was made, None where there is none (recorded before there was a register)."""

    seq: Count
    counter: Count
    segment: Segment
    signature: Annotated[str, Field(pattern=r"^[0-9a-f]{128}$")]
    sealed: Count | None


@dataclass(frozen=True, slots=True)
class Gap:
    """A part of the interval without recordings. `causes`: `destroyed`, `lost`, `not-recorded`, or the register's."""

    start: Time
    end: Time
    causes: tuple[Words, ...]


@dataclass(frozen=True, slots=True)
class BlindSpan:
    """The whole picture was masked. `end`: None while it lasted beyond the interval. `entry`: the register's."""

    start: Time
    end: Time | None
    reason: Words
    entry: Count


@dataclass(frozen=True, slots=True)
class Policy:
    """The privacy masks in force from `since` on: their hash, and the register's entry."""

    sha256: Sha256
    since: Time
    entry: Count


@dataclass(frozen=True, slots=True)
class PtzPoint:
    """Where a head pointed when one picture was taken; it lies within the halves to each side of the middle.

    Thousandths of a degree (pan clockwise from the head's own zero, tilt up from the horizon), millionths of the
    zoom's way. `blind`: nothing is known, why, and the numbers are 0; else empty.
    """

    at: Time
    pan_mdeg: int
    pan_half_mdeg: Count
    tilt_mdeg: int
    tilt_half_mdeg: Count
    zoom_ppm: int
    zoom_half_ppm: Count
    blind: Annotated[str, Field(max_length=64)]


@dataclass(frozen=True, slots=True)
class CameraPart:
    """One camera. `ptz_track`: `none` for a camera that stands still, `recorded` for a head, whose `ptz_points` are
    those of the interval, every `ptz_every`-th where there were too many, and `ptz_missing` the counters of recordings
    that have no track."""

    id: Camera
    name: Text
    kind: Text
    mask_policy: tuple[Policy, ...]
    segments: tuple[Recording, ...]
    gaps: tuple[Gap, ...]
    blind: tuple[BlindSpan, ...]
    ptz_track: Literal["none", "recorded"]
    ptz_every: Count
    ptz_points: tuple[PtzPoint, ...]
    ptz_missing: tuple[Count, ...]


@dataclass(frozen=True, slots=True)
class Asked:
    """The requisition. `entry`: the register's that presented it."""

    sha256: Sha256
    id: Words
    reference: Words
    recipient: Words
    entry: Count
    signers: tuple[Sha256, ...]


@dataclass(frozen=True, slots=True)
class ClockStatus:
    """The mast's clock when the pack was made. `error_ms`: the kernel's bound, None when unsynchronised."""

    synchronised: bool
    error_ms: Count | None


@strict_dataclass(frozen=True, slots=True, config=_CONFIG)
class Manifest:
    """A pack's. `device`: SHA-256 of the device key's SubjectPublicKeyInfo. `start`, `end`: the interval asked for."""

    format: Literal["vigie-evidence-v1"]
    made: Time
    clock: ClockStatus
    town: Camera
    mast: Camera
    site: Text
    agent_version: Words
    configuration_sha256: Sha256
    device: Sha256
    requisition: Asked
    start: Time
    end: Time
    cameras: tuple[CameraPart, ...]

    def text(self) -> bytes:
        """manifest.json."""
        return encode(asdict(self))


_MANIFEST = TypeAdapter(Manifest)


def read_manifest(raw: bytes) -> Manifest:
    """Of a file's bytes; EvidenceRefused names what is wrong."""
    try:
        decode(raw)
        manifest = _MANIFEST.validate_json(raw)
        for time in (manifest.made, manifest.start, manifest.end):
            from_rfc3339(time)  # ValueError: no 31st of February
    except ValidationError as error:
        raise _refused(told(error)) from None
    except ValueError as error:
        raise _refused(str(error)) from None
    if manifest.text() != raw:
        raise _refused(say(en="says what no manifest says", fr="dit ce qu'aucun manifeste ne dit"))
    return manifest


def _refused(why: str) -> EvidenceRefused:
    return EvidenceRefused(f"manifest.json: {why}")
