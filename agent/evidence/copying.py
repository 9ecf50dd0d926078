"""A pack into a folder, on whatever disk: copied by the kernel, hashed by a thread beside the copy.

Laws
- It is the copy that is hashed, out of memory, while the next file is copied; at most `DEPTH` files wait for that.
- What arrives is flushed, and its hash is what SHA256SUMS says, or the copy has failed.
- Nothing is written over: the pack's folder is new. It bears another name until it is whole.
- Nothing is begun that the disk has no room for, and a copy that the disk refuses is taken away again. One that differs
  from what the mast recorded stays for a person to look at.
"""

import ctypes
import hashlib
import os
import queue
import shutil
import threading
from collections.abc import Mapping
from pathlib import Path

from agent.durable import sync_folder
from agent.errors import EvidenceRefused
from agent.evidence.shelf import Pack
from agent.language import reason, say

DEPTH = 8
PARTIAL = ".partial"


class Hasher:
    """Hashes files in a thread of its own, a file after the other."""

    def __init__(self) -> None:
        self._files: queue.Queue[tuple[str, Path] | None] = queue.Queue(DEPTH)
        self._sums: dict[str, str] = {}
        self._error: OSError | None = None
        self._thread = threading.Thread(target=self._run, name="evidence-hash", daemon=True)
        self._thread.start()

    def add(self, name: str, path: Path) -> None:
        """One more file; waits where hashing is slower than the disk."""
        self._files.put((name, path))

    def close(self) -> Mapping[str, str]:
        """Name -> SHA-256 in hex of each file, once all is hashed. OSError where one could not be read."""
        self._files.put(None)
        self._thread.join()
        if self._error is not None:
            raise self._error
        return self._sums

    def _run(self) -> None:
        while (one := self._files.get()) is not None:
            try:
                with one[1].open("rb") as file:
                    self._sums[one[0]] = hashlib.file_digest(file, "sha256").hexdigest()
            except OSError as error:
                self._error = error


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
        _require_room(pack, out)
        new.mkdir(mode=0o700)
        try:
            sums = _copy_files(pack, new)
        except OSError:
            shutil.rmtree(new, ignore_errors=True)
            raise
    except OSError as error:
        why = reason(error)
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


def _require_room(pack: Pack, out: Path) -> None:
    needed = sum(path.stat().st_size for path in pack.files.values())
    free = shutil.disk_usage(out).free
    if needed > free:
        raise EvidenceRefused(
            say(
                en=f"{out}: the pack needs {needed / 1e6:.1f} MB and {free / 1e6:.1f} MB are free; take a larger disk",
                fr=f"{out} : le paquet demande {needed / 1e6:.1f} Mo et {free / 1e6:.1f} Mo sont libres ; prendre un "
                "disque plus grand",
            )
        )


def _copy_files(pack: Pack, new: Path) -> Mapping[str, str]:
    hasher = Hasher()
    try:
        for name, path in pack.files.items():
            target = new / name
            target.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
            shutil.copyfile(path, target, follow_symlinks=False)
            hasher.add(name, target)
    finally:
        sums = hasher.close()
    sync_file_system(new)
    return sums


def sync_file_system(path: Path) -> None:
    """All that was written to the file system that holds `path` survives a power cut (syncfs(2)); one call, not one a
    file. OSError."""
    libc = ctypes.CDLL(None, use_errno=True)
    descriptor = os.open(path, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        if libc.syncfs(descriptor):
            raise OSError(ctypes.get_errno(), os.strerror(ctypes.get_errno()))
    finally:
        os.close(descriptor)
