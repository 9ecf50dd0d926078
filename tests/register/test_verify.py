"""Every byte of a register is covered; whatever is dropped, swapped, repeated, cut, rewritten or forked is named."""

import base64
import hashlib
import json
import random
import shutil
from collections.abc import Callable
from pathlib import Path

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from agent.errors import NoteRefused, UsageError
from agent.identity import DeviceIdentity
from agent.register import proving
from agent.register.findings import Witness
from agent.register.notes import Key, Note, Signature
from tests.register.rig import (
    DAY_MS,
    DEVICE,
    WITNESS_KEY,
    HandClock,
    faults,
    files,
    filled,
    judged,
    opened,
    public,
    view,
    witnessed,
)

VALUES = (1, 0x20, 0x80, 0xFF)


@pytest.fixture(autouse=True)
def _no_second_look(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(proving, "LOOK_AGAIN_S", 0)


def unseen(state: Path, places: list[tuple[Path, int, int]]) -> list[tuple[str, int, int]]:
    """Each (file, offset, value) is changed, looked at, and changed back; those that went unseen."""
    found = []
    for path, offset, value in places:
        with path.open("r+b") as file:
            file.seek(offset)
            (was,) = file.read(1)
            file.seek(offset)
            file.write(bytes([was ^ value]))
        if judged(state).good:
            found.append((path.name, offset, value))
        with path.open("r+b") as file:
            file.seek(offset)
            file.write(bytes([was]))
    return found


def test_every_change_of_a_single_byte_in_any_file_is_detected(tmp_path: Path) -> None:
    head = filled(tmp_path, 7, days=3)[-1]
    places = [
        (path, offset, VALUES[offset % len(VALUES)])
        for path in files(tmp_path)
        for offset in range(path.stat().st_size)
    ]
    assert unseen(tmp_path, places) == []
    assert judged(tmp_path, head).findings == ()


@pytest.mark.slow
def test_any_other_value_of_any_byte_of_a_small_register_is_detected(tmp_path: Path) -> None:
    head = filled(tmp_path, 2)[-1]
    places = [
        (path, at, value) for path in files(tmp_path) for at in range(path.stat().st_size) for value in range(1, 256)
    ]
    assert unseen(tmp_path, random.Random(5).sample(places, 10_000)) == []
    assert judged(tmp_path, head).findings == ()


@pytest.mark.slow
def test_ten_thousand_random_changes_in_a_larger_register_are_detected(tmp_path: Path) -> None:
    head = filled(tmp_path, 300, days=5)[-1]
    chance = random.Random(7)
    every = files(tmp_path)
    sizes = [path.stat().st_size for path in every]
    chosen = chance.choices(range(len(every)), sizes, k=10_000)
    assert (
        unseen(tmp_path, [(every[one], chance.randrange(sizes[one]), chance.randrange(1, 256)) for one in chosen]) == []
    )
    assert judged(tmp_path, head).findings == ()


def edit(change: Callable[[list[bytes]], list[bytes]]) -> Callable[[Path], None]:
    """A change to the lines of the only section."""

    def edited(state: Path) -> None:
        section = files(state)[0]
        section.write_bytes(b"".join(change(section.read_bytes().splitlines(keepends=True))))

    return edited


TAMPERINGS = {
    "entry 4 dropped": (edit(lambda lines: lines[:4] + lines[5:]), "entry 5: before it, 4 missing"),
    "entries 3 and 4 dropped": (edit(lambda lines: lines[:3] + lines[5:]), "entry 5: before it, 3-4 missing"),
    "entries 4 and 5 swapped": (
        edit(lambda lines: [*lines[:4], lines[5], lines[4], *lines[6:]]),
        "entry 4: stands again or out of its order",
    ),
    "entry 4 repeated": (edit(lambda lines: [*lines[:5], lines[4], *lines[5:]]), "entry 4: stands again"),
    "entry 4 rewritten": (
        edit(lambda lines: [one.replace(b'"requested":4', b'"requested":5') for one in lines]),
        "entry 4: is not what `tree` has the hash of",
    ),
    "its signature replaced": (
        edit(lambda lines: [*lines[:4], lines[4][:-96] + lines[3][-96:], *lines[5:]]),
        "entry 5: does not follow on the line before it",
    ),
    "the first dropped": (edit(lambda lines: lines[1:]), "entry 1: before it, 0 missing"),
    "the last dropped": (edit(lambda lines: lines[:-1]), "tree: has hashes of more than the 9 entries"),
    "half the last cut off": (edit(lambda lines: [*lines[:-1], lines[-1][:99]]), "ends in 99 bytes that are no line"),
    "a line of nonsense": (edit(lambda lines: [*lines[:4], b"nonsense\n", *lines[4:]]), "entry 4: its line in"),
    "all dropped": (edit(lambda _: []), "tree: has hashes of more than the 0 entries"),
    "a stranger's file": (lambda state: (state / "register" / "notes.txt").write_text("x"), "notes.txt: is no part"),
    "a link": (lambda state: (state / "register" / "other").symlink_to("/etc/passwd"), "other: is no part"),
    "the section renamed": (
        lambda state: files(state)[0].rename(state / "register" / "0000000000-2026-11-22.jsonl"),
        "begins with entry 0 of 2026-11-21",
    ),
    "the section renumbered": (
        lambda state: files(state)[0].rename(state / "register" / "0000000001-2026-11-21.jsonl"),
        "begins with entry 0 of 2026-11-21",
    ),
}


@pytest.mark.parametrize("name", TAMPERINGS)
def test_tampering_is_named(tmp_path: Path, name: str) -> None:
    filled(tmp_path, 10)
    tamper, told = TAMPERINGS[name]
    tamper(tmp_path)
    assert any(told in one for one in faults(judged(tmp_path))), faults(judged(tmp_path))


def test_a_whole_day_dropped_from_the_middle_or_the_beginning_is_named(tmp_path: Path) -> None:
    (tmp_path / "a").mkdir()
    filled(tmp_path / "a", 9, days=3)
    shutil.copytree(tmp_path / "a", tmp_path / "b")
    files(tmp_path / "a")[1].unlink()
    assert any("entry 6: before it, 3-5 missing" in one for one in faults(judged(tmp_path / "a")))
    files(tmp_path / "b")[0].unlink()
    assert faults(judged(tmp_path / "b")) == [
        "entry 0: and those up to 2 are gone, and no entry says that they expired"
    ]


def test_hashes_of_expired_entries_are_covered_too(tmp_path: Path) -> None:
    clock = HandClock()
    filled(tmp_path, 9, clock, days=3)
    register = opened(tmp_path, clock)
    clock.wall_ms += 28 * DAY_MS - DAY_MS // 2
    assert register.expire(30) == 1
    head = register.checkpoint()
    register.close()
    tree = tmp_path / "register" / "tree"
    assert unseen(tmp_path, [(tree, offset, 1) for offset in range(tree.stat().st_size)]) == []
    assert judged(tmp_path, head).findings == ()
    tree.write_bytes(b"")
    assert any("has no hash of entry 0" in one for one in faults(judged(tmp_path)))


def test_an_entry_that_a_key_thief_rewrites_and_signs_again_shows_against_the_witness(tmp_path: Path) -> None:
    honest, forged = tmp_path / "honest", tmp_path / "forged"
    for folder in (honest, forged):
        folder.mkdir()
    heads = filled(honest, 10)
    register = opened(forged)
    for number in range(12):
        register.append(view(99 if number == 4 else number))
    register.close()
    assert judged(forged).good  # nothing on the disk gives it away
    assert judged(forged, witnessed(heads[4])).good  # up to there it is the same
    for size in (5, 10):
        assert f"rewritten or forked: the first {size} entries" in faults(judged(forged, witnessed(heads[size])))[0]


def test_a_register_that_is_cut_back_with_all_that_belongs_to_it_shows_against_the_witness(tmp_path: Path) -> None:
    heads = filled(tmp_path, 10)
    for path in files(tmp_path):
        path.unlink()
    filled(tmp_path, 6)
    assert judged(tmp_path).good
    (told,) = faults(judged(tmp_path, witnessed(heads[10])))
    assert "cut back: 10 entries were witnessed, 6 are there" in told
    for path in files(tmp_path):
        path.unlink()
    assert "cut back" in faults(judged(tmp_path, witnessed(heads[10])))[0]


def test_a_checkpoint_that_nobody_known_signed_proves_nothing(tmp_path: Path) -> None:
    head = filled(tmp_path, 3)[-1]
    note = Note.parse(head.encode())
    other = Key("vigie/lievin/other", 1, bytes(32))
    by_other = str(Note(note.text, (Signature(other.name, other.id, bytes(64)),)))
    assert "nobody known" in faults(judged(tmp_path, by_other))[0]
    forged = str(Note(note.text, (Signature(note.signatures[0].name, note.signatures[0].key_id, bytes(64)),)))
    assert "does not match" in faults(judged(tmp_path, forged))[0]


def test_a_cosignature_of_an_unknown_witness_is_said_and_no_fault(tmp_path: Path) -> None:
    note = Note.parse(filled(tmp_path, 3)[-1].encode())
    stranger = Signature("unknown.example/w", b"1234", bytes(72))
    verdict = judged(tmp_path, str(Note(note.text, (*note.signatures, stranger))))
    assert verdict.good
    assert "unknown.example/w was not checked" in verdict.findings[0].text


@pytest.mark.parametrize("value", VALUES)
def test_no_byte_of_a_witnessed_checkpoint_can_be_changed(tmp_path: Path, value: int) -> None:
    head = witnessed(filled(tmp_path, 3)[-1]).encode()
    for offset in range(len(head)):
        changed = bytearray(head)
        changed[offset] ^= value
        try:
            verdict = proving.verify(tmp_path, public(DEVICE), [Witness.parse("c", bytes(changed))], [WITNESS_KEY])
        except NoteRefused:
            continue
        assert verdict.findings, offset  # a fault, or a signature that is not of anybody known any more


def test_another_device_key_does_not_verify_it(tmp_path: Path) -> None:
    filled(tmp_path, 3)
    verdict = proving.verify(tmp_path, bytes(31) + b"\1")
    assert [one.name for one in verdict.findings] == ["signed head"]


def test_two_registers_mixed_are_named(tmp_path: Path) -> None:
    for name in "ab":
        (tmp_path / name).mkdir()
        filled(tmp_path / name, 5, days=2)
    stranger = DeviceIdentity(Ed25519PrivateKey.generate(), "")
    (tmp_path / "c").mkdir()
    register = opened(tmp_path / "c", key=stranger)
    for number in range(3):
        register.append(view(number))
    register.close()
    shutil.copy(files(tmp_path / "c")[0], files(tmp_path / "a")[0])
    assert not judged(tmp_path / "a").good


def test_hashes_that_lag_behind_are_said_and_no_fault(tmp_path: Path) -> None:
    head = filled(tmp_path, 10)[-1]
    tree = tmp_path / "register" / "tree"
    for size in (0, 32, 33, 100, tree.stat().st_size - 1):
        raw = tree.read_bytes()
        tree.write_bytes(raw[:size])
        verdict = judged(tmp_path, head)
        assert verdict.good
        assert ["lags behind" in one.text for one in verdict.findings] == [True]
        tree.write_bytes(raw)


def test_it_verifies_while_the_agent_writes(tmp_path: Path) -> None:
    register = opened(tmp_path)
    for number in range(20):
        register.append(view(number))
        assert judged(tmp_path, register.checkpoint()).findings == ()


def test_without_a_register_it_says_so(tmp_path: Path) -> None:
    with pytest.raises(UsageError):
        judged(tmp_path)


def test_an_empty_register_is_said_to_be_empty(tmp_path: Path) -> None:
    opened(tmp_path).close()
    assert [(one.severity, one.text) for one in judged(tmp_path).findings] == [("notice", "holds no entry")]


@pytest.mark.parametrize("seed", range(30))
def test_any_bytes_as_a_section_are_judged_without_a_traceback(tmp_path: Path, seed: int) -> None:
    filled(tmp_path, 5)
    chance = random.Random(seed)
    section = files(tmp_path)[0]
    raw = section.read_bytes()
    cut = chance.randrange(len(raw))
    section.write_bytes(raw[:cut] + chance.randbytes(chance.randrange(1, 3000)) + raw[cut:][:: chance.choice([1, -1])])
    assert not judged(tmp_path).good


def test_the_line_can_be_checked_with_standard_tools_only(tmp_path: Path) -> None:
    filled(tmp_path, 3)
    lines = files(tmp_path)[0].read_bytes().splitlines(keepends=True)
    assert json.loads(lines[1])["entry"]["previous"] == hashlib.sha256(lines[0]).hexdigest()
    leaf = lines[0][len(b'{"entry":') : lines[0].index(b',"signature":"')]
    stored = (tmp_path / "register" / "tree").read_bytes()[:32]
    assert hashlib.sha256(b"\0" + leaf).digest() == stored
    assert len(base64.b64decode(json.loads(lines[0])["signature"])) == 68
