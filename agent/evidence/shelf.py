"""Packs that wait to be fetched: `<state>/exports/<id>/`. The recordings stay where they are, held; only what is small
is written here.

    exports/<id>/pack/...      the pack's small files, by their names
    exports/<id>/token         SHA-256 of the word under which the zip is fetched, hex

Laws
- A pack appears whole or not at all: it is written beside its name, flushed, and renamed.
- One that is bound anew takes the place of what was there, and a cut in between leaves one of the two (`restore`).
- It goes with its hold. What names people does not outlive it here; the register keeps who asked.
"""

import shutil
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from agent.durable import sync_folder, write_flushed
from agent.evidence.manifest import Manifest, read_manifest
from agent.evidence.names import MANIFEST, SUMS, is_segment, read_sums
from agent.evidence.zip_layout import Member

FOLDER = "exports"
PACK, TOKEN = "pack", "token"
OLD = ".old"


@dataclass(frozen=True, slots=True)
class Pack:
    """One that waits. `files`: where each of its files is, in the zip's order; `sums`: their SHA-256."""

    id: str
    name: str
    manifest: Manifest
    files: Mapping[str, Path]
    sums: Mapping[str, str]
    token_sha256: str
    etag: str

    def members(self) -> list[Member]:
        """As the zip has them, in a folder of the pack's name."""
        return [Member(f"{self.name}/{name}", path.stat().st_size) for name, path in self.files.items()]


class Shelf:
    """Below one state directory. OSError where the disk refuses."""

    def __init__(self, state: Path) -> None:
        self._state = state
        self._folder = state / FOLDER

    def put(self, requisition: str, files: Mapping[str, bytes], token_sha256: str) -> Path:
        """A pack's small files, flushed; its folder. What was there of an earlier try goes."""
        self._folder.mkdir(mode=0o700, exist_ok=True)
        self.restore()
        final = self._folder / requisition
        new = self._folder / f".{requisition}"
        shutil.rmtree(new, ignore_errors=True)
        new.mkdir(mode=0o700)
        for name, content in {
            **{f"{PACK}/{name}": content for name, content in files.items()},
            TOKEN: token_sha256.encode(),
        }.items():
            path = new / name
            path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
            write_flushed(path, content)
        for folder in sorted({path.parent for path in new.rglob("*")}, reverse=True):
            sync_folder(folder)
        old = self._folder / f".{requisition}{OLD}"
        if final.exists():
            final.rename(old)
        new.rename(final)
        sync_folder(self._folder)
        shutil.rmtree(old, ignore_errors=True)
        return final / PACK

    def restore(self) -> None:
        """After a cut: a pack that another was about to replace is there again, or goes. Nobody may put meanwhile."""
        for old in list(self._folder.glob(f".*{OLD}")):
            final = self._folder / old.name.removeprefix(".").removesuffix(OLD)
            if final.exists():
                shutil.rmtree(old, ignore_errors=True)
            else:
                old.rename(final)
                sync_folder(self._folder)

    def find(self, requisition: str) -> Pack | None:
        """The pack of that requisition, if it waits here whole. ValueError: what is there was altered."""
        folder = self._folder / requisition
        try:
            raw = (folder / PACK / SUMS).read_bytes()
            manifest = read_manifest((folder / PACK / MANIFEST).read_bytes())
            token = (folder / TOKEN).read_text()
            sums = read_sums(raw)
        except FileNotFoundError:
            return None
        names = [*sorted(one for one in sums if not is_segment(one)), SUMS, f"{SUMS}.sig"]
        names += sorted(one for one in sums if is_segment(one))
        files = {one: self._state / one if is_segment(one) else folder / PACK / one for one in names}
        etag = sums[MANIFEST][:32]
        return Pack(requisition, pack_name(manifest), manifest, files, sums, token, etag)

    def names(self) -> list[str]:
        """Requisitions of which something is here."""
        if not self._folder.is_dir():
            return []
        return sorted({one.name.removeprefix(".").removesuffix(OLD) for one in self._folder.iterdir()})

    def remove(self, requisition: str) -> None:
        """A pack, whole or half."""
        final, half = self._folder / requisition, self._folder / f".{requisition}"
        shutil.rmtree(half, ignore_errors=True)
        if final.exists():
            final.rename(half)  # nobody finds what is half removed
        for path in (half, self._folder / f".{requisition}{OLD}"):
            shutil.rmtree(path, ignore_errors=True)


def pack_name(manifest: Manifest) -> str:
    """`vigie-lievin-042-20261121T120000Z-7b0f6c1e`: what its folder and its zip are called."""
    began = manifest.start[:19].replace("-", "").replace(":", "")
    return f"vigie-{manifest.mast}-{began}Z-{manifest.requisition.id[:8]}"
