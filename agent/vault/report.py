"""`vigie segments list` and `verify`: the index against the disk, read only, while an agent runs or after it has ended.

An agent that runs changes both meanwhile: what looks wrong is looked at again before it is reported.
"""

import hashlib
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path
from typing import Literal

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey
from cryptography.hazmat.primitives.serialization import load_pem_public_key

from agent.errors import KeyFileError, UsageError, VaultError
from agent.identity import FOLDER as IDENTITY
from agent.identity import PUBLIC
from agent.language import say
from agent.vault.index import FILE, Reader
from agent.vault.names import FOLDER, PART, parse_name
from agent.vault.reasons import why
from agent.vault.rows import SegmentRow, signed_bytes

GAP_MS = 2000
LOOK_AGAIN_S = 2.0


@dataclass(frozen=True, slots=True)
class Finding:
    """Something about `name` (a segment's, a file's or a camera's). A `fault` means that `verify` fails."""

    severity: Literal["fault", "notice"]
    name: str
    text: str


def _open(state: Path) -> Reader:
    try:
        if not (state / FILE).is_file():
            raise UsageError(
                say(
                    en=f"{state}: holds no index; give the state directory (mast.state) of an agent that has recorded",
                    fr=f"{state} : pas d'index ; donner le répertoire d'état (mast.state) d'un agent qui a enregistré",
                )
            )
        return Reader(state / FILE)
    except OSError as error:
        raise VaultError(f"{state}: {why(error)}") from error


def list_segments(
    state: Path, camera: str | None = None, since_ms: int | None = None, until_ms: int | None = None
) -> list[SegmentRow]:
    """Rows in the order of recording, destroyed ones too; times are UTC ms. UsageError or VaultError with the mend."""
    reader = _open(state)
    try:
        return reader.rows(camera, since_ms, until_ms)
    finally:
        reader.close()


def verify(state: Path) -> list[Finding]:
    """Everything that does not agree: files, sizes, hashes, signatures, order, holes. Reads each segment whole."""
    reader = _open(state)
    try:
        files = _files(state)  # before the rows: what is sealed in between is then no surprise
        rows = reader.rows()
        findings = [*_sequence(rows), *_signatures(state, rows)]
        for row in rows:
            findings += _row(state, reader, row)
        findings += _strangers(reader, files, rows)
    except OSError as error:
        raise VaultError(f"{state}: {why(error)}") from error
    finally:
        reader.close()
    return findings


def _files(state: Path) -> list[str]:
    return sorted(str(path.relative_to(state)) for path in (state / FOLDER).rglob("*") if not path.is_dir())


def _fault(name: str, *, en: str, fr: str) -> Finding:
    return Finding("fault", name, say(en=en, fr=fr))


def _notice(name: str, *, en: str, fr: str) -> Finding:
    return Finding("notice", name, say(en=en, fr=fr))


def _sequence(rows: Sequence[SegmentRow]) -> Iterator[Finding]:
    """Holes in `seq` and in each camera's counter, names out of order, holes in time."""
    for number, row in enumerate(rows, start=1):
        if row.seq != number:
            yield _fault(row.segment.name, en=f"row {number} is missing", fr=f"la ligne {number} manque")
            break
    for camera in sorted({row.segment.camera for row in rows}):
        mine = [row for row in rows if row.segment.camera == camera]
        if [row.counter for row in mine] != list(range(1, len(mine) + 1)):
            yield _fault(camera, en="its counter has holes or is out of order", fr="compteur troué ou désordonné")
        for before, after in pairwise(mine):
            yield from _neighbours(before, after)


def _neighbours(before: SegmentRow, after: SegmentRow) -> Iterator[Finding]:
    name = after.segment.name
    if name <= before.segment.name:
        yield _fault(name, en="is named before the one that precedes it", fr="nommé avant celui qui le précède")
    if before.segment.end_ms is None:
        return
    gap_ms = after.segment.start_ms - before.segment.end_ms
    if gap_ms > GAP_MS:
        seconds, reason = f"{gap_ms / 1000:.1f}", before.segment.end_reason
        yield _notice(
            name,
            en=f"{seconds} s without pictures before it (the one before ended by: {reason})",
            fr=f"{seconds} s sans image avant lui (fin du précédent : {reason})",
        )
    elif gap_ms < -GAP_MS:
        yield _notice(name, en="the clock went back before it", fr="l'horloge a reculé avant lui")


def _public_key(state: Path) -> Ed25519PublicKey:
    path = state / IDENTITY / PUBLIC
    try:
        key = load_pem_public_key(path.read_bytes())
    except (OSError, ValueError):
        key = None
    if not isinstance(key, Ed25519PublicKey):
        raise KeyFileError(
            say(
                en=f"{path}: is not an Ed25519 public key; the agent mends it from device.key at its next start",
                fr=f"{path} : pas une clé publique Ed25519 ; l'agent la refait depuis device.key au démarrage",
            )
        )
    return key


def _signatures(state: Path, rows: Sequence[SegmentRow]) -> Iterator[Finding]:
    key = _public_key(state)
    for row in rows:
        try:
            key.verify(row.signature, signed_bytes(row.seq, row.counter, row.segment))
        except InvalidSignature:
            yield _fault(row.segment.name, en="its row is not what this mast signed", fr="ligne non signée par ce mât")


def _row(state: Path, reader: Reader, row: SegmentRow) -> Iterator[Finding]:
    """One row against its file."""
    name = row.segment.name
    path = state / name
    if row.state == "lost":
        yield _fault(name, en="is lost: no eviction took it", fr="perdu : aucune éviction ne l'a pris")
    elif row.state == "destroyed":
        if path.exists():
            yield _fault(name, en="was destroyed and is there again", fr="détruit, et de nouveau présent")
    elif row.live:
        try:
            size, sha256 = _measure(path)
        except FileNotFoundError:
            now = reader.row(name)
            if now is None or now.live:
                yield _fault(name, en="is not on disk", fr="absent du disque")
            return
        if size != row.segment.size_bytes:
            yield _fault(
                name,
                en=f"holds {size} bytes, the index says {row.segment.size_bytes}",
                fr=f"{size} octets, l'index en dit {row.segment.size_bytes}",
            )
        elif sha256 != row.segment.sha256:
            yield _fault(name, en="its bytes are not those that were recorded", fr="octets différents de l'original")


def _measure(path: Path) -> tuple[int, str]:
    with path.open("rb") as file:
        digest = hashlib.file_digest(file, "sha256")
        return file.tell(), digest.hexdigest()


def _strangers(reader: Reader, files: Sequence[str], rows: Sequence[SegmentRow]) -> Iterator[Finding]:
    """Files that no row knows."""
    known = {row.segment.name for row in rows}
    looked_again = False
    for file in files:
        name = file.removesuffix(PART)
        if parse_name(name) is None:
            yield _fault(file, en="is no segment; nothing else belongs there", fr="pas un segment ; rien d'autre ici")
        elif file != name:
            yield _notice(file, en="is open, or was at a power cut", fr="ouvert, ou l'était à une coupure")
        elif file not in known:
            if not looked_again:
                time.sleep(LOOK_AGAIN_S)  # it may have been sealed a moment ago
                looked_again = True
            if reader.row(file) is None:
                yield _fault(file, en="is not indexed; the next start does it", fr="non indexé ; le démarrage le fera")
