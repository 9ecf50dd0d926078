"""Packs that are traps: names that lead elsewhere, links, bombs. Each is refused, and nothing is written anywhere."""

import os
import random
import stat
import struct
import tracemalloc
import zipfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from agent.errors import EvidenceRefused
from provisioning.cli import main
from provisioning.evidence_opening import read_contents
from provisioning.pack_source import LARGEST_DIRECTORY, Folder, Zipped, open_source, read_small
from tests.evidence.rig import House

NAME = "segments/lane/2026/11/21/20261121T120000.000Z.mp4.age"
TRICKS = [
    "../outside.txt",
    "segments/../../outside.txt",
    "/etc/cron.d/x",
    "pack/../../outside.txt",
    "..\\outside.txt",
    "C:\\outside.txt",
    "manifest.json\\..\\x",
    "segments/lane/2026/11/21/../../../../../x.mp4.age",
    "segments/lane/2026/11/31/20261131T120000.000Z.mp4.age",
    "segments/lane/2026/11/21/20261121T120000.000Z.mp4.age\n",
    "MANIFEST.JSON",
    "manifest.json/x",
    ".bashrc",
    "README.txt\u202e",
]


def snapshot(folder: Path) -> set[str]:
    return {str(path) for path in folder.rglob("*")}


def opened(house: House, pack: Path, out: Path) -> int:
    return main(["evidence", "open", str(pack), "--identity", str(house.keys.path), "--out", str(out)])


def zipped(folder: Path, into: Path, change: Callable[[zipfile.ZipFile], None], top: str = "pack/") -> Path:
    """The pack as an ordinary zip, with whatever `change` adds."""
    with zipfile.ZipFile(into, "w") as target:
        for path in sorted(folder.rglob("*")):
            if path.is_file():
                target.write(path, top + path.relative_to(folder).as_posix())
        change(target)
    return into


@pytest.fixture
def pack(house: House, tmp_path: Path) -> Path:
    return house.export(tmp_path / "stick")


def test_a_plain_zip_of_the_folder_opens_with_and_without_a_folder_around_it(
    house: House, pack: Path, tmp_path: Path
) -> None:
    for number, top in enumerate(("", "pack/", f"{pack.name}/")):
        path = zipped(pack, tmp_path / f"{number}.zip", lambda _: None, top)
        assert opened(house, path, tmp_path / f"out-{number}") == 0


def test_a_zip_whose_names_lead_elsewhere_is_refused(
    house: House, pack: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path = tmp_path / "trap.zip"
    for trick in TRICKS:
        for top in ("", "pack/"):
            zipped(pack, path, lambda one, name=top + trick: one.writestr(name, b"x"), top)  # type: ignore[misc]
            before = snapshot(tmp_path)
            assert opened(house, path, tmp_path / "out") == 1, trick
            assert snapshot(tmp_path) == before, trick
            assert "Traceback" not in "".join(capsys.readouterr())


def _symlink(target: zipfile.ZipFile) -> None:
    info = zipfile.ZipInfo("pack/register/witnessed")
    info.external_attr = (stat.S_IFLNK | 0o777) << 16
    target.writestr(info, "/etc/passwd")


def _bomb(target: zipfile.ZipFile) -> None:
    target.writestr("pack/register/witnessed", bytes(64 << 20), zipfile.ZIP_DEFLATED)


def _twice(target: zipfile.ZipFile) -> None:
    with pytest.warns(UserWarning, match="Duplicate"):
        target.writestr("pack/manifest.json", b"{}")


@pytest.mark.parametrize("trap", [_symlink, _bomb, _twice])
def test_links_bombs_and_doubles_in_a_zip_are_refused(
    house: House, pack: Path, tmp_path: Path, trap: Callable[[zipfile.ZipFile], None]
) -> None:
    path = zipped(pack, tmp_path / "trap.zip", trap)
    before = snapshot(tmp_path)
    assert opened(house, path, tmp_path / "out") == 1
    assert snapshot(tmp_path) == before


def test_a_zip_whose_files_lie_over_each_other_is_refused(pack: Path, tmp_path: Path) -> None:
    """One block of bytes under many names: small on disk, endless when read."""
    path = zipped(pack, tmp_path / "trap.zip", lambda _: None)
    raw = bytearray(path.read_bytes())
    entries = []
    at = raw.find(b"PK\1\2")
    while at >= 0:
        entries.append(at)
        at = raw.find(b"PK\1\2", at + 4)
    offset = struct.unpack_from("<I", raw, entries[0] + 42)[0]
    struct.pack_into("<I", raw, entries[1] + 42, offset)
    path.write_bytes(bytes(raw))
    with pytest.raises(EvidenceRefused):
        Zipped(path)


def test_a_zip_that_says_it_is_larger_than_it_is_is_refused(pack: Path, tmp_path: Path) -> None:
    path = zipped(pack, tmp_path / "trap.zip", lambda _: None)
    raw = bytearray(path.read_bytes())
    at = raw.rfind(b"PK\1\2")
    struct.pack_into("<2I", raw, at + 20, 1 << 30, 1 << 30)
    path.write_bytes(bytes(raw))
    with pytest.raises(EvidenceRefused):
        Zipped(path)


def test_a_zip_that_is_cut_or_none_is_refused(house: House, pack: Path, tmp_path: Path) -> None:
    path = zipped(pack, tmp_path / "whole.zip", lambda _: None)
    raw = path.read_bytes()
    for number, broken in enumerate((b"", b"PK", raw[: len(raw) // 2], raw[:-30], os.urandom(1000))):
        trap = tmp_path / f"{number}.zip"
        trap.write_bytes(broken)
        assert opened(house, trap, tmp_path / "out") == 1
    assert not (tmp_path / "out").exists()


def test_random_damage_to_a_zip_ends_in_a_refusal_and_in_nothing_else(pack: Path, tmp_path: Path) -> None:
    path = zipped(pack, tmp_path / "whole.zip", lambda _: None)
    raw, choice = path.read_bytes(), random.Random(7)
    directory = raw.find(b"PK\1\2")
    refused: list[str] = []
    for _ in range(600):
        broken = bytearray(raw)
        at = choice.randrange(directory, len(raw)) if choice.random() < 0.8 else choice.randrange(len(raw))
        broken[at] = choice.randrange(256)
        path.write_bytes(bytes(broken))
        try:
            read_contents(open_source(path))
        except EvidenceRefused as error:
            refused.append(str(error))
    assert len(refused) > 100
    assert all(refused)


@pytest.mark.parametrize("kind", ["link", "link-folder", "fifo", "stranger", "folder"])
def test_a_folder_with_anything_but_a_packs_files_is_refused(
    house: House, pack: Path, tmp_path: Path, kind: str
) -> None:
    match kind:
        case "link":
            (pack / "register/witnessed").symlink_to("/etc/passwd")
        case "link-folder":
            (pack / "timestamp").symlink_to("/etc")
        case "fifo":
            os.mkfifo(pack / "register/witnessed")
        case "stranger":
            (pack / "autorun.inf").write_text("x")
        case _:
            (pack / "register/more").mkdir()
    before = snapshot(tmp_path)
    with pytest.raises(EvidenceRefused):
        Folder(pack)
    assert opened(house, pack, tmp_path / "out") == 1
    assert snapshot(tmp_path) == before


def test_a_recording_that_is_a_link_to_another_is_refused(house: House, pack: Path, tmp_path: Path) -> None:
    segment = next(iter(sorted(pack.rglob("*.age"))))
    copy = tmp_path / "copy"
    copy.write_bytes(segment.read_bytes())
    segment.unlink()
    segment.symlink_to(copy)
    assert opened(house, pack, tmp_path / "out") == 1
    assert not (tmp_path / "out").exists()


@contextmanager
def at_most(most_bytes: int) -> Iterator[None]:
    """Fails where more memory than that was taken at any moment."""
    tracemalloc.start()
    try:
        yield
        assert tracemalloc.get_traced_memory()[1] < most_bytes
    finally:
        tracemalloc.stop()


def test_small_files_that_are_large_together_are_refused_before_any_is_read(pack: Path) -> None:
    for number in range(1, 60):
        path = pack / f"keys/requisition-{number}.pub"
        path.touch()
        os.truncate(path, 5 << 20)  # 295 MB, and none of it on disk
    with at_most(4 << 20), pytest.raises(EvidenceRefused, match="larger"):
        read_contents(open_source(pack))


def test_a_file_that_grows_while_it_is_read_is_refused(pack: Path) -> None:
    source = open_source(pack)
    os.truncate(pack / "README.txt", 64 << 20)
    with at_most(4 << 20), pytest.raises(EvidenceRefused, match=r"README\.txt"):
        dict(read_small(source))


def test_a_zip_whose_directory_is_a_bomb_is_refused_unread(tmp_path: Path) -> None:
    name = b"keys/requisition-1.pub"
    one = (
        struct.pack("<4s4B4HL2L5H2L", b"PK\1\2", 20, 3, 20, 0, 0, 0, 0, 0, 0, 0, 0, len(name), 0, 0, 0, 0, 0, 0) + name
    )
    count = LARGEST_DIRECTORY // len(one) + 1
    end = struct.pack("<4s4H2LH", b"PK\5\6", 0, 0, count & 0xFFFF, count & 0xFFFF, count * len(one), 0, 0)
    bomb = tmp_path / "bomb.zip"
    bomb.write_bytes(one * count + end)
    with at_most(4 << 20), pytest.raises(EvidenceRefused, match=r"bomb\.zip"):
        open_source(bomb)
    few = tmp_path / "few.zip"  # the same, only shorter, is read, and refused for what it says
    few.write_bytes(one * 3 + struct.pack("<4s4H2LH", b"PK\5\6", 0, 0, 3, 3, 3 * len(one), 0, 0))
    with pytest.raises(EvidenceRefused, match="is no part of a pack"):
        open_source(few)
