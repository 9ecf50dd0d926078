"""The zip of a pack: stock tools read it, and any part of it can be asked for at any time."""

import io
import random
import shutil
import subprocess
import zipfile
import zlib
from itertools import pairwise
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from agent.errors import EvidenceRefused
from agent.evidence.download import Zip
from agent.evidence.zip_layout import Layout, Member
from tests.evidence.rig import House
from tests.vault.rig import NOON


def whole(layout: Layout, files: list[bytes]) -> bytes:
    crcs = [zlib.crc32(one) for one in files]
    parts = [layout.header(number, crc) + files[number] for number, crc in enumerate(crcs)]
    return b"".join(parts) + layout.directory(crcs)


@given(files=st.lists(st.binary(max_size=300), max_size=8), data=st.data())
def test_every_part_lies_where_the_layout_says(files: list[bytes], data: st.DataObject) -> None:
    layout = Layout([Member(f"pack/file-{number}", len(raw)) for number, raw in enumerate(files)], NOON)
    raw = whole(layout, files)
    assert len(raw) == layout.size_bytes
    start = data.draw(st.integers(0, len(raw)))
    end = data.draw(st.integers(start, len(raw)))
    crcs = [zlib.crc32(one) for one in files]
    got = b""
    for piece in layout.pieces(start, end):
        source = {"header": lambda n: layout.header(n, crcs[n]), "file": lambda n: files[n]}.get(
            piece.kind, lambda _: layout.directory(crcs)
        )(piece.number)
        got += source[piece.start : piece.end]
    assert got == raw[start:end]
    with zipfile.ZipFile(io.BytesIO(raw)) as found:
        assert found.testzip() is None
        assert [found.read(one) for one in found.namelist()] == files


class Vast(io.RawIOBase):
    """A zip of files that are too large to make: headers and directory are real, all files are zeroes."""

    def __init__(self, layout: Layout) -> None:
        self._layout = layout
        self._at = 0

    def seekable(self) -> bool:
        return True

    def readable(self) -> bool:
        return True

    def tell(self) -> int:
        return self._at

    def seek(self, offset: int, whence: int = 0) -> int:
        self._at = offset + (0, self._at, self._layout.size_bytes)[whence]
        return self._at

    def read(self, size: int = -1) -> bytes:
        end = self._layout.size_bytes if size < 0 else min(self._layout.size_bytes, self._at + size)
        got = b""
        for piece in self._layout.pieces(self._at, end):
            if piece.kind == "file":
                got += bytes(piece.end - piece.start)
            else:
                many = [7] * len(self._layout.members)
                source = (
                    self._layout.header(piece.number, 7) if piece.kind == "header" else self._layout.directory(many)
                )
                got += source[piece.start : piece.end]
        self._at = end
        return got


@pytest.mark.parametrize(
    "sizes",
    [
        [5 << 30, 1, 3],  # one file beyond 4 GiB
        [3 << 20] * 1500,  # offsets beyond 4 GiB
        [1] * 70_000,  # more files than 65,535
    ],
)
def test_what_is_too_large_for_an_old_zip_is_zip64(sizes: list[int]) -> None:
    layout = Layout([Member(f"pack/{number}", size) for number, size in enumerate(sizes)], NOON)
    with zipfile.ZipFile(Vast(layout)) as found:  # type: ignore[arg-type]
        infos = found.infolist()
        assert [one.file_size for one in infos] == sizes
        for one in (infos[0], infos[-1]):
            found.open(one).close()  # reads its own header


def test_the_zip_of_a_pack_can_be_fetched_in_any_pieces_by_other_processes(house: House, tmp_path: Path) -> None:
    pack = house.pack(house.desk.answer(house.document()))
    raw = b"".join(Zip(pack).blocks(0, Zip(pack).size_bytes))
    choice = random.Random(1)
    cuts = sorted({0, len(raw), *(choice.randrange(len(raw)) for _ in range(200))})
    pieces = [b"".join(Zip(pack).blocks(a, b)) for a, b in pairwise(cuts)]
    assert b"".join(pieces) == raw
    path = tmp_path / "pack.zip"
    path.write_bytes(raw)
    subprocess.run(["unzip", "-q", "-t", str(path)] if shutil.which("unzip") else ["true"], check=True)
    with zipfile.ZipFile(path) as found:
        assert found.testzip() is None
        folder = house.export(tmp_path / "stick", id="00000000-0000-4000-8000-000000000000")
        names = {one.partition("/")[2] for one in found.namelist()}
        assert names == {one.relative_to(folder).as_posix() for one in folder.rglob("*") if one.is_file()}
        for one in found.infolist():
            assert one.compress_type == zipfile.ZIP_STORED


def test_a_recording_that_shrinks_meanwhile_ends_the_download(house: House) -> None:
    pack = house.pack(house.desk.answer(house.document()))
    zipped = Zip(pack)
    (first, *_) = (path for path in pack.files.values() if path.suffix == ".age")
    first.write_bytes(first.read_bytes()[:-1])
    with pytest.raises(EvidenceRefused):
        list(zipped.blocks(0, zipped.size_bytes))
