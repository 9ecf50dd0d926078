"""Binds a pack: manifest, leaflets, proofs and signatures, all but the recordings themselves.

Law: what is transmitted is entered (`SegmentsExported`, with the manifest's hash) before the pack's last file is made,
so that the pack can carry the proof that it was.
"""

from collections.abc import Collection, Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from hashlib import sha256
from typing import Protocol

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

from agent.access.demands import Export, Requisition
from agent.access.requisitions import fingerprint
from agent.clock import WallTime
from agent.errors import NoteRefused
from agent.evidence import names
from agent.evidence.gathering import KINDS, Gathered, Gathering
from agent.evidence.leaflet import leaflets
from agent.evidence.manifest import Manifest
from agent.evidence.packing import About, Found, exported, make_manifest
from agent.evidence.proofs import Proof, Proven
from agent.evidence.stamping import stamp
from agent.identity import DeviceIdentity
from agent.register.bodies import Entered
from agent.register.entries import Entry
from agent.register.notes import Checkpoint, Note
from agent.timestamping import TimestampService


class Book(Protocol):
    """The register as a pack needs it (`agent.register.Register` and whoever stands before it)."""

    def enter(self, body: Entered) -> int:
        """Enters; the number. RegisterError."""
        ...

    def checkpoint(self, size: int | None = None) -> str:
        """The signed head of the first `size` entries."""
        ...

    def witnessed(self) -> str | None:
        """The newest head that a witness has cosigned."""
        ...

    def inclusion_proof(self, index: int, size: int | None = None) -> tuple[bytes, ...]:
        """That an entry is among the first `size`."""
        ...

    def consistency_proof(self, old: int, new: int | None = None) -> tuple[bytes, ...]:
        """That the first `old` entries are the beginning of the first `new`."""
        ...

    def entries(
        self, since_ms: int | None = None, until_ms: int | None = None, kinds: Collection[str] | None = None
    ) -> Iterator[Entry]:
        """What was entered, in order."""
        ...


@dataclass(frozen=True, slots=True)
class Mast:
    """Who answers, and by whose signatures. `authorities`: may sign requisitions, `threshold` of them must have.

    `timestamp`: says when a pack was there; None where no service is configured.
    """

    about: About
    identity: DeviceIdentity
    authorities: Sequence[Ed25519PublicKey]
    threshold: int
    timestamp: TimestampService | None = None


@dataclass(frozen=True, slots=True)
class Bound:
    """A pack without its recordings. `files`: name -> content."""

    manifest: Manifest
    files: Mapping[str, bytes]


def bind(
    mast: Mast,
    book: Book,
    requisition: Requisition,
    document: bytes,
    presented: int,
    held: Collection[int],
    found: Mapping[str, Found],
    now: WallTime,
) -> Bound:
    """Enters what is transmitted and makes the files. RegisterError.

    `presented`: the requisition's entry; `held`: those of its holds, of an earlier try too.
    """
    demand = requisition.demand
    assert isinstance(demand, Export)
    wanted = {camera: {row.counter for row in one.kept} for camera, one in found.items()}
    gathered = Gathering(wanted, demand.from_ms, demand.to_ms).through(book.entries(kinds=KINDS))
    manifest = make_manifest(mast.about, requisition, document, presented, found, gathered, now)
    text, sign = manifest.text(), mast.identity.sign
    for body in exported(manifest):
        book.enter(body)
    stamped = None if mast.timestamp is None else stamp(mast.timestamp, text)
    files = {
        names.REQUISITION: document,
        names.DEVICE: mast.identity.public_pem.encode("ascii"),
        names.MANIFEST: text,
        names.MANIFEST + names.SIGNATURE: sign(text),
        **leaflets(manifest, None if stamped is None else stamped.at, asked=mast.timestamp is not None),
        **_signers(mast.authorities, requisition.signers),
        **_register_files(book, gathered, presented, held),
    }
    if stamped is not None:
        files |= {names.QUERY: stamped.query, names.STAMP: stamped.raw}
    sums = {name: sha256(content).hexdigest() for name, content in files.items()}
    sums |= {row.segment.name: row.segment.sha256 for one in found.values() for row in one.kept}
    files[names.SUMS] = names.sums_text(sums)
    files[names.SUMS + names.SIGNATURE] = sign(files[names.SUMS])
    return Bound(manifest, files)


def _signers(authorities: Sequence[Ed25519PublicKey], signers: Sequence[str]) -> dict[str, bytes]:
    by_name = {fingerprint(key): key for key in authorities}
    pems = (by_name[one].public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo) for one in signers)
    return {names.signer_name(number): pem for number, pem in enumerate(pems, start=1)}


def _register_files(book: Book, gathered: Gathered, presented: int, held: Collection[int]) -> dict[str, bytes]:
    """The head, the entries that bear on this pack with their proofs, and what a witness has seen."""
    kinds = ("requisition_presented", "segments_held", "segments_exported")
    entries = dict(gathered.entries)
    entries |= {one.index: one for one in book.entries(kinds=kinds) if one.index >= presented or one.index in held}
    size = max(entries) + 1
    files: dict[str, bytes] = {}
    seen: int | None = None
    witnessed = book.witnessed()
    with suppress(NoteRefused):
        if witnessed is not None:
            seen = Checkpoint.parse(Note.parse(witnessed.encode()).text).size
            files[names.WITNESSED] = witnessed.encode()
            size = max(size, seen)
    consistency = () if seen is None else book.consistency_proof(seen, size)
    files[names.CHECKPOINT] = book.checkpoint(size).encode()
    proven = tuple(Proven(one, book.inclusion_proof(number, size)) for number, one in sorted(entries.items()))
    files[names.PROOF] = Proof(size, proven, seen, consistency).text()
    return files
