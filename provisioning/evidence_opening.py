"""Opens a pack where the vault's identity lives: reads, checks, decrypts, joins.

Nothing is written before the pack is checked, and nothing outside the output folder.

    opened = open_pack(pack, identities, out, trust)
    opened.good, opened.lines, opened.films

Laws
- A pack whose form, sums or manifest do not hold leaves no trace: the output folder is not even made.
- What age gives is taken only when age has reached the end and the bytes that it read are those that were signed; of a
  recording that a power cut broke off, as far as it goes.
- Plain pictures are 0600 in a folder that is 0700; a recording's own plain file goes as soon as it is joined.
"""

import hashlib
import os
import shutil
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import pyrage
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey

from agent.errors import EvidenceRefused, KeyFileError, UsageError
from agent.evidence.manifest import CameraPart, Manifest, Recording
from agent.evidence.names import DEVICE, is_segment
from agent.language import reason, say
from agent.signing.film import judge_film
from provisioning.evidence_checks import check
from provisioning.evidence_heads import table
from provisioning.evidence_pictures import about_pictures
from provisioning.evidence_verdict import Contents, Line, Trust, public_key, word
from provisioning.joining import Joiner
from provisioning.pack_source import File, Source, open_source, read_small

BLOCK = 1 << 20
PARTIAL = ".partial"
_IDENTITY = "AGE-SECRET-KEY-1"
MOST_IDENTITY_BYTES = 64 << 10


@dataclass(frozen=True, slots=True)
class Opened:
    """What came of it. `films`: one a camera, more where its picture changed."""

    lines: tuple[Line, ...]
    films: tuple[Path, ...]

    @property
    def good(self) -> bool:
        """Nothing is wrong."""
        return all(line.status != "bad" for line in self.lines)


def read_identities(paths: Sequence[Path]) -> list[pyrage.x25519.Identity]:
    """Of age identity files; KeyFileError names the one that is none."""
    found = []
    for path in paths:
        try:
            with path.open("rb") as file:
                text = file.read(MOST_IDENTITY_BYTES).decode("ascii", "replace")
            mine = [
                pyrage.x25519.Identity.from_str(one.strip()) for one in text.splitlines() if one.startswith(_IDENTITY)
            ]
        except OSError as error:
            raise KeyFileError(f"{path}: {reason(error)}") from error
        except pyrage.IdentityError:
            mine = []
        if not mine:
            raise KeyFileError(
                say(
                    en=f"{path}: is no age identity; give vault.key (of shares, `keys combine` makes it)",
                    fr=f"{path} : pas une identité age ; donner vault.key (`keys combine` la refait à partir de parts)",
                )
            )
        found += mine
    return found


def read_contents(source: Source) -> Contents:
    """All small files, and every file's size and hash. EvidenceRefused where something cannot be read."""
    small = dict(read_small(source))
    measured = {name: (len(content), hashlib.sha256(content).hexdigest()) for name, content in small.items()}
    measured |= {name: _measure(source, name) for name in source.names() if is_segment(name)}
    return Contents(small, measured)


def _measure(source: Source, name: str) -> tuple[int, str]:
    digest, size = hashlib.sha256(), 0
    with source.open(name) as file:
        while block := file.read(BLOCK):
            digest.update(block)
            size += len(block)
    return size, digest.hexdigest()


def open_pack(pack: Path, identities: Sequence[pyrage.x25519.Identity], out: Path, trust: Trust) -> Opened:
    """Checks `pack`, and joins what holds into `out`, a new or empty folder. UsageError, EvidenceRefused."""
    if out.exists() and (not out.is_dir() or any(out.iterdir())):
        raise UsageError(
            say(
                en=f"--out {out}: is not empty; give a new folder",
                fr=f"--out {out} : n'est pas vide ; en donner un neuf",
            )
        )
    source = open_source(pack)
    contents = read_contents(source)
    checked = check(contents, trust)
    if checked.manifest is None:
        return Opened(checked.lines, ())
    lines = list(checked.lines)
    try:
        out.mkdir(mode=0o700, parents=True, exist_ok=True)
        work = out / PARTIAL
        work.mkdir(mode=0o700)
        try:
            films = _films(source, checked.manifest, checked.bad, identities, work, lines)
            device = public_key(contents.small[DEVICE])
            lines += [_judged(film, device, gaps=gaps) for film, gaps in films]
            final = tuple(_publish(film, out) for film, _ in films)
            _write_tracks(checked.manifest, out)
        finally:
            shutil.rmtree(work, ignore_errors=True)
    except OSError as error:
        raise EvidenceRefused(f"{out}: {reason(error)}") from error
    return Opened(tuple(lines), final)


def _films(
    source: Source,
    manifest: Manifest,
    bad: frozenset[str],
    identities: Sequence[pyrage.x25519.Identity],
    work: Path,
    lines: list[Line],
) -> list[tuple[Path, bool]]:
    """Each film, and whether something is missing in it."""
    films: list[tuple[Path, bool]] = []
    for camera in manifest.cameras:
        gaps = _is_broken(camera, bad)
        with Joiner(work, camera.id) as joiner:
            for one in camera.segments:
                if one.segment.name not in bad:
                    wrong = _join(source, one, identities, work, joiner)
                    lines += wrong
                    gaps = gaps or bool(wrong)
        films += [(path, gaps) for path in joiner.files]
        lines.append(_told(camera, joiner))
    return films


def _is_broken(camera: CameraPart, bad: frozenset[str]) -> bool:
    """Whether its film leaves anything out: recording paused or broke off, or a recording was changed."""
    return bool(camera.gaps) or any(not one.segment.whole or one.segment.name in bad for one in camera.segments)


def _judged(film: Path, device: Ed25519PublicKey | None, *, gaps: bool) -> Line:
    try:
        return about_pictures(film.name, judge_film(film, device), gaps=gaps)
    except UsageError as error:
        return Line("bad", word("pictures"), str(error))


def _told(camera: CameraPart, joiner: Joiner) -> Line:
    listed = ", ".join(path.name for path in joiner.files) or "-"
    pictures = joiner.pictures
    return Line(
        "good" if joiner.files or not camera.segments else "bad",
        camera.id,
        say(
            en=f"{pictures} pictures joined into {listed}, not re-encoded",
            fr=f"{pictures} images réunies dans {listed}, sans réencodage",
        ),
    )


def _join(
    source: Source, one: Recording, identities: Sequence[pyrage.x25519.Identity], work: Path, joiner: Joiner
) -> list[Line]:
    plain = work / "segment.mp4"
    name = one.segment.name
    try:
        fault = _decrypt(source, one, identities, plain)
        if fault:
            return [Line("bad", name, fault)]
        count = joiner.add(plain, one.segment.start_ms)
    except EvidenceRefused as error:
        return [Line("bad", name, str(error))]
    finally:
        plain.unlink(missing_ok=True)
    told = one.segment.frames
    if told is not None and told != count:
        text = say(en=f"has {count} pictures, {told} were sealed", fr=f"{count} images, {told} scellées")
        return [Line("bad", name, text)]
    return []


def _decrypt(source: Source, one: Recording, identities: Sequence[pyrage.x25519.Identity], plain: Path) -> str:
    """Why it does not open; empty when it did."""
    descriptor = os.open(plain, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600)
    with os.fdopen(descriptor, "wb") as target, source.open(one.segment.name) as file:
        read = _Hashed(file)
        try:
            pyrage.decrypt_io(read, target, identities)
        except (pyrage.DecryptError, OSError) as error:
            if one.segment.whole or not target.tell():
                return say(en=f"age does not open it ({error})", fr=f"age ne l'ouvre pas ({error})")
        if read.rest() != one.segment.sha256:
            return say(en="changed while it was read", fr="modifié pendant la lecture")
    return ""


class _Hashed:
    """A file whose bytes are hashed as they are read."""

    def __init__(self, file: File) -> None:
        self._file = file
        self._digest = hashlib.sha256()

    def read(self, size: int = -1) -> bytes:
        block = self._file.read(size)
        self._digest.update(block)
        return block

    def rest(self) -> str:
        """The whole file's SHA-256 in hex."""
        while self.read(BLOCK):
            pass
        return self._digest.hexdigest()


def _write_tracks(manifest: Manifest, out: Path) -> None:
    """Beside the films: where each head pointed."""
    for camera in manifest.cameras:
        if camera.ptz_track == "recorded":
            path = out / f"{camera.id}-head.csv"
            path.touch(mode=0o600)
            path.write_text(table(camera), encoding="utf-8", newline="")


def _publish(film: Path, out: Path) -> Path:
    film.chmod(0o600)
    return film.rename(out / film.name)
