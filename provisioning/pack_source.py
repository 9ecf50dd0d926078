"""An evidence pack as it lies there, folder or zip, read in place: nothing is unpacked anywhere.

Laws
- A pack holds files of known names (`agent.evidence.names`) and nothing else: no links, no other kinds of file, no name
  that leads out of it, none twice. Whatever is different is refused before a byte of it is used.
- A pack's zip is stored: an entry that says that it is compressed, encrypted or larger than the file that it lies in is
  refused unread, so nothing in it can grow.
- What is not a recording is `LARGEST_SMALL` together at most, and a zip's directory `LARGEST_DIRECTORY`: both are
  judged before they are read, so no pack fills the memory of whoever opens it. A file that grows meanwhile is refused.
"""

import io
import os
import re
import stat
import weakref
import zipfile
from collections.abc import Iterator
from pathlib import Path
from typing import IO, NoReturn, Protocol, Self

from agent.errors import EvidenceRefused
from agent.evidence.names import LARGEST_SMALL, MOST_SEGMENTS, is_pack_folder, is_pack_name, is_segment
from agent.faults import one_line
from agent.language import reason, say

MOST_FILES = MOST_SEGMENTS + 64
LARGEST_DIRECTORY = 16 << 20
"""Of a zip: `MOST_FILES` with the longest names take some 11 MB."""
_FAULTS = (zipfile.BadZipFile, ValueError, OverflowError, NotImplementedError, RuntimeError, OSError, EOFError)
_TOP = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,120}", re.ASCII)


class File:
    """A file to read from its beginning, in a `with`; whatever fails is a refusal."""

    def __init__(self, file: IO[bytes], name: str) -> None:
        self._file = file
        self._name = name

    def read(self, size: int = -1) -> bytes:
        """Up to `size` bytes, all of them without."""
        try:
            return self._file.read(size)
        except _FAULTS as error:
            raise _broken(self._name) from error

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._file.close()


class Source(Protocol):
    """A pack's files by their names."""

    def names(self) -> list[str]:
        """All of them, in order."""
        ...

    def size(self, name: str) -> int:
        """Bytes."""
        ...

    def open(self, name: str) -> File:
        """To read it from its beginning; EvidenceRefused."""
        ...


def read_small(source: Source) -> Iterator[tuple[str, bytes]]:
    """(name, content) of each file that is no recording, in order."""
    names = [one for one in source.names() if not is_segment(one)]
    if sum(map(source.size, names)) > LARGEST_SMALL:
        largest = max(names, key=source.size)
        _refuse(largest, en="is larger than it can be", fr="est plus grand que possible")
    for name in names:
        size = source.size(name)
        with source.open(name) as file:
            content = file.read(size + 1)
        if len(content) != size:
            _refuse(name, en="changed while it was read", fr="a changé pendant la lecture")
        yield name, content


def _refuse(name: str, *, en: str, fr: str) -> NoReturn:
    shown = one_line(name[:120])
    raise EvidenceRefused(say(en=f"{shown}: {en}", fr=f"{shown} : {fr}"))


def open_source(path: Path) -> Source:
    """Of a folder or a zip; EvidenceRefused names what no pack has."""
    try:
        if path.is_dir():
            return Folder(path)
        if path.is_file():
            return Zipped(path)
    except OSError as error:
        raise EvidenceRefused(f"{path}: {reason(error)}") from error
    raise EvidenceRefused(say(en=f"{path}: is no folder and no zip", fr=f"{path} : ni dossier ni zip"))


class Folder:
    """A pack as a folder."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._sizes: dict[str, int] = {}
        for name, size in self._walk(""):
            self._sizes[name] = size
            if len(self._sizes) > MOST_FILES:
                _refuse(str(path), en="holds more files than a pack can", fr="contient plus de fichiers qu'un paquet")

    def _walk(self, below: str) -> Iterator[tuple[str, int]]:
        with os.scandir(self._path / below) as found:
            for one in sorted(found, key=lambda entry: entry.name):
                name = f"{below}/{one.name}" if below else one.name
                facts = one.stat(follow_symlinks=False)
                if stat.S_ISDIR(facts.st_mode) and is_pack_folder(name):
                    yield from self._walk(name)
                elif stat.S_ISLNK(facts.st_mode):
                    _refuse(name, en="is a symbolic link; a pack has none", fr="est un lien symbolique ; interdit")
                elif stat.S_ISREG(facts.st_mode) and is_pack_name(name):
                    yield name, facts.st_size
                else:
                    _refuse(name, en="is no part of a pack", fr="ne fait pas partie d'un paquet")

    def names(self) -> list[str]:
        """All of them, in order."""
        return sorted(self._sizes)

    def size(self, name: str) -> int:
        """Bytes."""
        return self._sizes[name]

    def open(self, name: str) -> File:
        """To read it from its beginning."""
        try:
            descriptor = os.open(self._path / name, os.O_RDONLY | os.O_NOFOLLOW | os.O_CLOEXEC | os.O_NONBLOCK)
        except OSError as error:
            raise EvidenceRefused(f"{name}: {reason(error)}") from error
        if not stat.S_ISREG(os.fstat(descriptor).st_mode):
            os.close(descriptor)
            _refuse(name, en="is no file", fr="n'est pas un fichier")
        return File(os.fdopen(descriptor, "rb"), name)


class _Modest(io.FileIO):
    """A file that is read in pieces of `most` bytes at the largest."""

    most = LARGEST_DIRECTORY

    def read(self, size: int | None = -1, /) -> bytes:
        """As a file's; ValueError where more is asked for."""
        if size is None or size < 0:
            size = max(0, os.fstat(self.fileno()).st_size - self.tell())
        if size > self.most:
            raise ValueError("more at once than a pack has")
        return super().read(size) or b""


class Zipped:
    """A pack as a zip, with or without a folder around all of it."""

    def __init__(self, path: Path) -> None:
        self._entries: dict[str, zipfile.ZipInfo] = {}
        try:
            file = _Modest(path)
            weakref.finalize(self, file.close)
            self._zip = zipfile.ZipFile(file)
            file.most = LARGEST_SMALL + 1
        except _FAULTS as error:
            raise EvidenceRefused(
                say(en=f"{path}: is no zip that can be read", fr=f"{path} : pas un zip lisible")
            ) from error
        infos = [one for one in self._zip.infolist() if not self._is_folder(one)]
        if len(infos) > MOST_FILES:
            _refuse(str(path), en="holds more files than a pack can", fr="contient plus de fichiers qu'un paquet")
        self._check_room(path, infos)
        top = _top(infos)
        for info in infos:
            self._take(info, info.filename.removeprefix(top))

    def _is_folder(self, info: zipfile.ZipInfo) -> bool:
        name = info.filename.removesuffix("/")
        if not info.filename.endswith("/") or info.file_size:
            return False
        inner = name.partition("/")[2]
        return is_pack_folder(name) or (
            _TOP.fullmatch(name.partition("/")[0]) is not None and (not inner or is_pack_folder(inner))
        )

    def _check_room(self, path: Path, infos: list[zipfile.ZipInfo]) -> None:
        end = 0
        for info in sorted(infos, key=lambda one: one.header_offset):
            if info.header_offset < end:
                _refuse(info.filename, en="lies over another file", fr="empiète sur un autre fichier")
            end = info.header_offset + info.compress_size
        if end > path.stat().st_size:
            _refuse(str(path), en="says that it is larger than it is", fr="se dit plus grand qu'il n'est")

    def _take(self, info: zipfile.ZipInfo, name: str) -> None:
        if info.orig_filename != info.filename or not is_pack_name(name):
            _refuse(info.orig_filename, en="is no part of a pack", fr="ne fait pas partie d'un paquet")
        if stat.S_IFMT(info.external_attr >> 16) not in (0, stat.S_IFREG):
            _refuse(name, en="is a link or no file; a pack has none", fr="est un lien ou pas un fichier ; interdit")
        if info.compress_type != zipfile.ZIP_STORED or info.file_size != info.compress_size:
            _refuse(name, en="is compressed; a pack's zip never is", fr="est compressé ; un paquet ne l'est jamais")
        if info.flag_bits & 0x2041:
            _refuse(name, en="is encrypted by the zip; a pack's is not", fr="est chiffré par le zip ; un paquet non")
        if name in self._entries:
            _refuse(name, en="stands twice", fr="figure deux fois")
        self._entries[name] = info

    def names(self) -> list[str]:
        """All of them, in order."""
        return sorted(self._entries)

    def size(self, name: str) -> int:
        """Bytes."""
        return self._entries[name].file_size

    def open(self, name: str) -> File:
        """To read it from its beginning."""
        try:
            return File(self._zip.open(self._entries[name]), name)
        except _FAULTS as error:
            raise _broken(name) from error


def _broken(name: str) -> EvidenceRefused:
    return EvidenceRefused(say(en=f"{name}: cannot be read whole", fr=f"{name} : illisible en entier"))


def _top(infos: list[zipfile.ZipInfo]) -> str:
    """`folder/` that stands before every name, or nothing."""
    firsts = {one.filename.partition("/")[0] for one in infos if "/" in one.filename}
    if len(firsts) == 1 and all("/" in one.filename for one in infos):
        top = firsts.pop()
        if _TOP.fullmatch(top):
            return f"{top}/"
    return ""
