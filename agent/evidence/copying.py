"""A pack into a folder, on whatever disk: copied once, hashed on the way by a thread beside the copy.

Laws
- Bytes go through a bounded queue: the reader waits for the slower of hash and writing, and memory stays small.
- What arrives is flushed, and its hash is what SHA256SUMS says, or the copy has failed.
- Nothing is written over: the pack's folder is new. It bears another name until it is whole.
"""

import hashlib
import os
import queue
import threading
from collections.abc import Mapping
from pathlib import Path

from agent.errors import EvidenceRefused
from agent.evidence.shelf import Pack, sync_folder
from agent.language import say

BLOCK = 1 << 20
DEPTH = 8
PARTIAL = ".partial"


class Hasher:
    """Hashes blocks in a thread of its own, a file after the other."""

    def __init__(self) -> None:
        self._blocks: queue.Queue[bytes | str | None] = queue.Queue(DEPTH)
        self.sums: dict[str, str] = {}
        self._thread = threading.Thread(target=self._run, name="evidence-hash", daemon=True)
        self._thread.start()

    def add(self, block: bytes) -> None:
        """The next block of the file; waits where hashing is slower than the disk."""
        self._blocks.put(block)

    def end_file(self, name: str) -> None:
        """That was all of `name`."""
        self._blocks.put(name)

    def close(self) -> Mapping[str, str]:
        """Name -> SHA-256 in hex of each file, once all is hashed."""
        self._blocks.put(None)
        self._thread.join()
        return self.sums

    def _run(self) -> None:
        digest = hashlib.sha256()
        while (one := self._blocks.get()) is not None:
            if isinstance(one, str):
                self.sums[one] = digest.hexdigest()
                digest = hashlib.sha256()
            else:
                digest.update(one)


def copy_pack(pack: Pack, out: Path) -> Path:
    """The pack in a new folder below `out`, whole and flushed. EvidenceRefused: it differs, or the disk refuses."""
    final = out / pack.name
    new = out / (pack.name + PARTIAL)
    if final.exists() or new.exists():
        there = final if final.exists() else new
        raise EvidenceRefused(
            say(
                en=f"{there}: is there already and is not written over; move it away or choose another folder",
                fr=f"{there} : existe déjà et n'est pas écrasé ; l'écarter ou choisir un autre dossier",
            )
        )
    try:
        out.mkdir(parents=True, exist_ok=True)
        new.mkdir(mode=0o700)
        sums = _copy_files(pack, new)
    except OSError as error:
        why = error.strerror or type(error).__name__
        raise EvidenceRefused(
            say(en=f"{out}: cannot be written ({why})", fr=f"{out} : écriture impossible ({why})")
        ) from error
    wrong = sorted(name for name, told in pack.sums.items() if sums.get(name) != told)
    if wrong:
        raise EvidenceRefused(
            say(
                en=f"{', '.join(wrong[:6])}: not what the mast recorded; the copy stays in {new}",
                fr=f"{', '.join(wrong[:6])} : pas ce que le mât a enregistré ; la copie reste dans {new}",
            )
        )
    new.rename(final)
    sync_folder(out)
    return final


def _copy_files(pack: Pack, new: Path) -> Mapping[str, str]:
    hasher = Hasher()
    try:
        for name, path in pack.files.items():
            _copy_one(path, new / name, hasher)
            hasher.end_file(name)
    finally:
        sums = hasher.close()
    for name in pack.files:  # by now most of it is on the disk
        with (new / name).open("rb") as file:
            os.fsync(file.fileno())
    for folder in (new, *(path for path in new.rglob("*") if path.is_dir())):
        sync_folder(folder)
    return sums


def _copy_one(old: Path, new: Path, hasher: Hasher) -> None:
    new.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    with old.open("rb", buffering=0) as source, new.open("xb", buffering=0) as target:
        while block := source.read(BLOCK):
            hasher.add(block)
            view = memoryview(block)
            while view:
                view = view[target.write(view) :]
