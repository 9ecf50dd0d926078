"""What is asked, what is there and what the register says -> the manifest, and the entries that say so. Pure."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass
from hashlib import sha256
from math import ceil
from typing import Literal

from agent.access.demands import Export, Requisition
from agent.clock import WallTime, rfc3339
from agent.evidence.gaps import Span, explain, holes
from agent.evidence.gathering import CameraFacts, Gathered
from agent.evidence.manifest import Asked, BlindSpan, CameraPart, ClockStatus, Gap, Manifest, PtzPoint, Recording
from agent.register.bodies import SegmentsExported
from agent.register.values import MOST_SEGMENTS, Gone
from agent.vault.pointing import read_track
from agent.vault.rows import SegmentRow

MOST_PTZ_POINTS = 200_000
"""Of one camera: eleven hours of turning without rest, 33 MB of the manifest."""


@dataclass(frozen=True, slots=True)
class CameraName:
    """How a camera is called, and its kind (`fixed`, `ptz`, `panoramic`); both empty when it is here no more."""

    name: str = ""
    kind: str = ""


@dataclass(frozen=True, slots=True)
class About:
    """The mast that answers. `device`: SHA-256 of the device key's SubjectPublicKeyInfo, hex."""

    town: str
    mast: str
    site: str
    version: str
    configuration_sha256: str
    device: str
    cameras: Mapping[str, CameraName]


@dataclass(frozen=True, slots=True)
class Found:
    """One camera's rows of the interval: those that are handed over, and those that are gone."""

    kept: tuple[SegmentRow, ...]
    gone: tuple[SegmentRow, ...]


def recipient_of(export: Export) -> str:
    """Who receives, on one line."""
    return f"{export.recipient.name}, {export.recipient.service}"


def make_manifest(
    about: About,
    requisition: Requisition,
    document: bytes,
    entry: int,
    found: Mapping[str, Found],
    gathered: Gathered,
    now: WallTime,
) -> Manifest:
    """The manifest of the pack that answers an export; `entry`: the register's that presented it."""
    asked = requisition.demand
    assert isinstance(asked, Export)
    return Manifest(
        format="vigie-evidence-v1",
        made=rfc3339(now.utc_ms),
        clock=ClockStatus(now.synchronised, None if now.error_ms is None else ceil(now.error_ms)),
        town=about.town,
        mast=about.mast,
        site=about.site,
        agent_version=about.version,
        configuration_sha256=about.configuration_sha256,
        device=about.device,
        requisition=Asked(
            sha256=sha256(document).hexdigest(),
            id=requisition.id,
            reference=requisition.reference,
            recipient=recipient_of(asked),
            entry=entry,
            signers=requisition.signers,
        ),
        start=rfc3339(asked.from_ms),
        end=rfc3339(asked.to_ms),
        cameras=tuple(
            _camera(one, about.cameras.get(one, CameraName()), found[one], gathered, asked) for one in asked.cameras
        ),
    )


def _camera(camera: str, named: CameraName, found: Found, gathered: Gathered, asked: Export) -> CameraPart:
    facts = gathered.cameras.get(camera, CameraFacts())
    # a camera that is here no more has no kind: its recordings tell
    turns = named.kind == "ptz" or (not named.kind and any(map(_turned, found.kept)))
    track: Literal["none", "recorded"] = "recorded" if turns else "none"
    points = tuple(_pointed(found, asked.from_ms, asked.to_ms)) if turns else ()
    every = max(1, -(-len(points) // MOST_PTZ_POINTS))
    return CameraPart(
        id=camera,
        name=named.name,
        kind=named.kind,
        mask_policy=facts.policy,
        segments=tuple(
            Recording(
                row.seq, row.counter, row.segment, row.signature.hex(), gathered.sealed.get((camera, row.counter))
            )
            for row in found.kept
        ),
        gaps=tuple(declared_gaps(found, facts.gaps, asked.from_ms, asked.to_ms)),
        blind=tuple(BlindSpan(one.start, one.end, one.reason, one.entry) for one in facts.blind),
        ptz_track=track,
        ptz_every=every,
        ptz_points=points[::every],
        ptz_missing=tuple(row.counter for row in found.kept if row.track is None) if turns else (),
    )


def _turned(row: SegmentRow) -> bool:
    """True for a recording of a head: a camera that stands still has no points but blind ones."""
    return row.track is not None and any(not one.blind for one in read_track(row.track))


def _pointed(found: Found, from_ms: int, to_ms: int) -> Iterator[PtzPoint]:
    """Where the head pointed in [from_ms, to_ms), as it was noted while it was recorded."""
    for row in found.kept:
        for one in () if row.track is None else read_track(row.track):
            if from_ms <= one.at_ms < to_ms:
                told = asdict(one)
                yield PtzPoint(at=rfc3339(told.pop("at_ms")), **told)


def span_of(row: SegmentRow, cause: str = "") -> Span:
    """The pictures of a segment, as its row says."""
    segment = row.segment
    return Span(segment.start_ms, segment.start_ms if segment.end_ms is None else segment.end_ms, cause)


def declared_gaps(found: Found, known: Sequence[Span], from_ms: int, to_ms: int) -> Iterator[Gap]:
    """The parts of the interval that no recording handed over has pictures of, with why."""
    covered = [(one.from_ms, one.to_ms) for one in map(span_of, found.kept)]
    causes = [*known, *(span_of(row, "lost" if row.state == "lost" else "destroyed") for row in found.gone)]
    for hole in holes(covered, from_ms, to_ms):
        yield Gap(rfc3339(hole[0]), rfc3339(hole[1]), explain(hole, causes))


def exported(manifest: Manifest) -> Iterator[SegmentsExported]:
    """The entries that say what was transmitted, to whom."""
    hashed = sha256(manifest.text()).hexdigest()
    for camera in manifest.cameras:
        gone = tuple(Gone(one.counter, one.segment.sha256) for one in camera.segments)
        for batch in (gone[at : at + MOST_SEGMENTS] for at in range(0, len(gone), MOST_SEGMENTS)):
            yield SegmentsExported(
                camera=camera.id,
                segments=batch,
                requisition=manifest.requisition.entry,
                recipient=manifest.requisition.recipient,
                manifest_sha256=hashed,
            )
