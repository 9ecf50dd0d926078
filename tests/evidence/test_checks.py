"""A pack against whoever changes it: each byte, each file, each statement that its signer did not make."""

import os
import random
from collections.abc import Callable
from dataclasses import replace
from hashlib import sha256
from pathlib import Path

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

from agent.access.keys import load_public
from agent.access.requisitions import fingerprint
from agent.clock import rfc3339
from agent.evidence import names
from agent.evidence.manifest import BlindSpan, Manifest, Policy, read_manifest
from agent.evidence.proofs import read_proof
from agent.register.bodies import BlindBegan, BlindEnded, MaskPolicyChanged, RecordingGap
from agent.register.notes import Checkpoint, Key, Note, cosign
from agent.verifier_keys import COSIGNATURE
from provisioning.evidence_checks import check
from provisioning.evidence_opening import read_contents
from provisioning.evidence_verdict import Checked, Contents, Trust
from provisioning.pack_source import Folder
from tests.evidence.rig import JUDGE, PROSECUTOR, House
from tests.register.rig import WITNESS, WITNESS_KEY
from tests.vault.rig import Scene

FORGER = Ed25519PrivateKey.from_private_bytes(b"forger".ljust(32, b"."))


def contents(folder: Path) -> Contents:
    return read_contents(Folder(folder))


def bad(checked: Checked) -> list[str]:
    return [f"{line.what}: {line.text}" for line in checked.lines if line.status == "bad"]


def notes(checked: Checked) -> list[str]:
    return [f"{line.what}: {line.text}" for line in checked.lines if line.status == "note"]


def changed(before: Contents, **files: bytes) -> Contents:
    """With other bytes under some names."""
    measured = {name: (len(raw), sha256(raw).hexdigest()) for name, raw in files.items()}
    small = {name: raw for name, raw in files.items() if not names.is_segment(name)}
    return Contents({**before.small, **small}, {**before.measured, **measured})


def forged(before: Contents, key: Ed25519PrivateKey, **files: bytes) -> Contents:
    """With other files, and every signature over the pack made again by `key`: what only the mast should be able to."""
    now = changed(before, **files)
    manifest = now.small[names.MANIFEST]
    pem = key.public_key().public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo)
    now = changed(now, **{names.MANIFEST + names.SIGNATURE: key.sign(manifest), names.DEVICE: pem})
    sums = {
        name: told for name, (_, told) in now.measured.items() if name not in (names.SUMS, names.SUMS + names.SIGNATURE)
    }
    text = names.sums_text(sums)
    return changed(now, **{names.SUMS: text, names.SUMS + names.SIGNATURE: key.sign(text)})


LARGEST = 1 << 40
TINY = Scene("still", width=64, height=48, fps=1, kbps=10)
"""Two pictures in two seconds."""


@pytest.fixture
def pack(house: House, tmp_path: Path) -> Path:
    return house.export(tmp_path / "stick")


def trust(house: House) -> Trust:
    return Trust(device=load_public(house.device), judicial=[load_public(house.judicial)])


def test_an_honest_pack_verifies(house: House, pack: Path) -> None:
    checked = check(contents(pack), trust(house))
    assert bad(checked) == []
    assert checked.good
    assert ["witness" in one or "témoin" in one for one in notes(checked)] == [True]


@pytest.mark.parametrize("most", [25, pytest.param(LARGEST, marks=pytest.mark.slow)])
def test_every_single_changed_byte_is_seen(tmp_path: Path, most: int) -> None:
    """All bytes of all files, or so many of each, to one other value on the disk; each time the whole pack is read and
    verified anew, with nothing but the keys that the town holds. So small a pack that all of it takes minutes."""
    house = House(tmp_path)
    house.record(2, TINY, at_once=True)
    house.open()
    pack = house.export(tmp_path / "stick")
    mine, number = trust(house), 0
    honest = contents(pack)
    assert check(honest, mine).good
    missed: list[tuple[str, int]] = []
    for name, (size, _) in sorted(honest.measured.items()):
        with (pack / name).open("r+b", buffering=0) as file:
            for at in range(0, size, max(1, size // most)):
                old = os.pread(file.fileno(), 1, at)[0]
                os.pwrite(file.fileno(), bytes([old ^ 1 << number % 8]), at)
                if check(contents(pack), mine).good:
                    missed.append((name, at))
                os.pwrite(file.fileno(), bytes([old]), at)
                number += 1
    assert missed == []
    assert check(contents(pack), mine).good  # nothing else was broken meanwhile
    total = sum(size for size, _ in honest.measured.values())
    assert (number == total < 25_000) if most == LARGEST else number > 200
    print(f"{number} changes of {total} bytes in {len(honest.measured)} files")
    house.close()


@pytest.mark.parametrize("what", ["dropped", "emptied", "cut", "grown"])
def test_a_file_that_is_dropped_emptied_cut_or_grown_is_seen(house: House, pack: Path, what: str) -> None:
    for name in sorted(contents(pack).measured):
        path = pack / name
        raw = path.read_bytes()
        if what == "dropped":
            path.unlink()
        else:
            path.write_bytes({"emptied": b"", "cut": raw[:-1], "grown": raw + b"\0"}[what])
        assert not check(contents(pack), trust(house)).good, name
        path.write_bytes(raw)
    assert check(contents(pack), trust(house)).good


def test_a_file_that_is_added_is_seen(house: House, pack: Path) -> None:
    (first, *_) = sorted(name for name in contents(pack).measured if names.is_segment(name))
    for name in ("register/witnessed", "keys/requisition-2.pub", first.replace("T12", "T11")):
        (pack / name).write_bytes(b"x")
        assert not check(contents(pack), trust(house)).good, name
        (pack / name).unlink()


def test_two_recordings_that_change_places_are_seen(house: House, pack: Path) -> None:
    one, other, *_ = sorted(name for name in contents(pack).measured if names.is_segment(name))
    a, b = (pack / one).read_bytes(), (pack / other).read_bytes()
    (pack / one).write_bytes(b)
    (pack / other).write_bytes(a)
    assert len(bad(check(contents(pack), trust(house)))) >= 2


def test_a_pack_that_somebody_else_signed_whole_is_refused_where_the_masts_key_is_known(
    house: House, pack: Path
) -> None:
    now = forged(contents(pack), FORGER)
    checked = check(now, trust(house))
    assert checked.manifest is None
    assert "--device-pub" in bad(checked)[0]


def test_a_pack_that_somebody_else_signed_whole_needs_the_masts_own_signatures_too(house: House, pack: Path) -> None:
    """Even where nobody knows the mast's key: recordings, register and manifest name another one."""
    honest = contents(pack)
    assert check(forged(honest, FORGER), Trust()).manifest is None
    manifest = read_manifest(honest.small[names.MANIFEST])
    mine = replace(manifest, device=fingerprint(FORGER.public_key()))
    checked = check(forged(honest, FORGER, **{names.MANIFEST: mine.text()}), Trust())
    assert len([one for one in bad(checked) if one.startswith("segments/")]) == 4
    assert any("register" in one or "registre" in one for one in bad(checked))


Change = Callable[[Manifest], Manifest]


def _camera(manifest: Manifest, **changes: object) -> Manifest:
    return replace(manifest, cameras=(replace(manifest.cameras[0], **changes),))  # type: ignore[arg-type]


LIES: dict[str, Change] = {
    "a recording left out": lambda one: _camera(one, segments=one.cameras[0].segments[1:]),
    "a recording twice": lambda one: _camera(one, segments=(*one.cameras[0].segments, one.cameras[0].segments[0])),
    "another interval": lambda one: replace(one, end="2026-11-21T12:00:04.000Z"),
    "a gap that there is not": lambda one: replace(one, start="2026-11-21T11:00:00.000Z"),
    "another camera": lambda one: replace(one, cameras=(replace(one.cameras[0], id="square"),)),
    "another requisition": lambda one: replace(one, requisition=replace(one.requisition, reference="PV 1")),
    "another entry": lambda one: replace(one, requisition=replace(one.requisition, entry=0)),
    "another recipient": lambda one: replace(one, requisition=replace(one.requisition, recipient="Me")),
    "nobody signed": lambda one: replace(one, requisition=replace(one.requisition, signers=())),
    "masks that the register does not know": lambda one: _camera(
        one, mask_policy=(Policy("ab" * 32, "2026-11-21T11:00:00.000Z", 99),)
    ),
    "blindness that the register does not know": lambda one: _camera(
        one, blind=(BlindSpan("2026-11-21T11:00:00.000Z", None, "starting", 99),)
    ),
    "another sealing": lambda one: _camera(
        one, segments=(replace(one.cameras[0].segments[0], sealed=2), *one.cameras[0].segments[1:])
    ),
    "a later start": lambda one: _camera(
        one,
        segments=(
            replace(
                one.cameras[0].segments[0],
                segment=replace(
                    one.cameras[0].segments[0].segment, start_ms=one.cameras[0].segments[0].segment.start_ms + 1
                ),
            ),
            *one.cameras[0].segments[1:],
        ),
    ),
}


@pytest.mark.parametrize("lie", LIES)
def test_a_manifest_that_lies_is_seen_even_when_the_mast_signed_it(house: House, pack: Path, lie: str) -> None:
    """As by an agent that was tampered with: the register and the requisition tell otherwise."""
    honest = contents(pack)
    manifest = LIES[lie](read_manifest(honest.small[names.MANIFEST]))
    checked = check(forged(honest, house.identity.key, **{names.MANIFEST: manifest.text()}), trust(house))
    assert not checked.good


def test_whom_a_requisition_is_for_is_read_from_what_was_signed(house: House, pack: Path) -> None:
    """A mast that was tampered with could write another recipient into its register, too."""
    honest = contents(pack)
    manifest = LIES["another recipient"](read_manifest(honest.small[names.MANIFEST]))
    checked = check(forged(honest, house.identity.key, **{names.MANIFEST: manifest.text()}), trust(house))
    assert any("another recipient" in one or "autre destinataire" in one for one in bad(checked))


def test_a_requisition_of_another_authority_is_seen(house: House, pack: Path) -> None:
    mine = Trust(device=load_public(house.device), judicial=[JUDGE.public_key()])
    assert any("requisition" in one or "réquisition" in one for one in bad(check(contents(pack), mine)))
    mine = Trust(device=load_public(house.device), judicial=[JUDGE.public_key(), PROSECUTOR.public_key()])
    assert check(contents(pack), mine).good


def test_a_register_that_leaves_out_the_transmission_is_seen(house: House, pack: Path) -> None:
    honest = contents(pack)
    proof = read_proof(honest.small[names.PROOF])
    for kind in ("segments_exported", "requisition_presented", "segments_sealed"):
        less = replace(proof, entries=tuple(one for one in proof.entries if one.entry.kind != kind))
        checked = check(forged(honest, house.identity.key, **{names.PROOF: less.text()}), trust(house))
        assert not checked.good, kind


def test_an_entry_that_is_not_in_the_register_is_seen(house: House, pack: Path) -> None:
    honest = contents(pack)
    proof = read_proof(honest.small[names.PROOF])
    for number, one in enumerate(proof.entries):
        other = replace(one, entry=replace(one.entry, run=9))
        entries = (*proof.entries[:number], other, *proof.entries[number + 1 :])
        now = forged(honest, house.identity.key, **{names.PROOF: replace(proof, entries=entries).text()})
        assert not check(now, trust(house)).good


def witness(house: House) -> None:
    """The register's head is cosigned, and the receipt entered."""
    note = Note.parse(house.book.checkpoint().encode())
    head = Checkpoint.parse(note.text)
    house.book.add_cosignature(str(cosign(head.text, WITNESS_KEY, WITNESS.sign, 1)), head.size, [WITNESS_KEY])


def test_a_witnessed_register_is_told_with_who_witnessed_it(house: House, tmp_path: Path) -> None:
    witness(house)
    found = contents(house.export(tmp_path / "stick"))
    known = replace(trust(house), witnesses=[WITNESS_KEY])
    checked = check(found, known)
    assert checked.good
    assert any("csu.example/w1" in line.text for line in checked.lines if line.status == "good")
    assert any("--witness" in one for one in notes(check(found, trust(house))))
    stranger = Key(WITNESS_KEY.name, COSIGNATURE, FORGER.public_key().public_bytes_raw())
    assert any("--witness" in one for one in notes(check(found, replace(trust(house), witnesses=[stranger]))))


def test_a_register_that_was_rewritten_after_it_was_witnessed_is_seen(house: House, tmp_path: Path) -> None:
    witness(house)
    found = contents(house.export(tmp_path / "stick"))
    note = Note.parse(found.small[names.WITNESSED])
    head = Checkpoint.parse(note.text)
    other = replace(head, root=bytes(32))
    signature = house.identity.sign(other.text.encode())
    lied = Note(other.text, (replace(note.signatures[0], signature=signature),))
    now = forged(found, house.identity.key, **{names.WITNESSED: str(lied).encode()})
    assert any("witness" in one or "témoin" in one for one in bad(check(now, trust(house))))


def test_what_the_register_says_of_the_interval_stands_in_the_manifest(tmp_path: Path) -> None:
    house = House(tmp_path)
    house.open()
    entered = house.book.enter
    old = entered(MaskPolicyChanged(camera="lane", old=None, new="11" * 32))
    blind = entered(BlindBegan(camera="lane", reason="starting"))
    entered(BlindEnded(camera="lane", began=blind, length_ms=1))
    house.clock.pass_ms(1000)
    policy = entered(MaskPolicyChanged(camera="lane", old="11" * 32, new="22" * 32))
    entered(MaskPolicyChanged(camera="square", old=None, new="33" * 32))
    house.close()
    house.clock.pass_ms(1000)
    house.began_ms = house.clock.wall_ms
    house.record(4)
    house.open()
    again = house.book.enter(BlindBegan(camera="lane", reason="aim-lost"))
    later = house.book.enter(MaskPolicyChanged(camera="lane", old="22" * 32, new="44" * 32))
    house.clock.pass_ms(4000)
    gap = RecordingGap(
        camera="lane", began=rfc3339(house.began_ms + 4000), ended=rfc3339(house.began_ms + 8000), cause="disk full"
    )
    house.book.enter(gap)
    folder = house.export(tmp_path / "stick")
    (camera,) = read_manifest((folder / names.MANIFEST).read_bytes()).cameras
    assert [one.entry for one in camera.mask_policy] == [policy, later]
    assert old not in {one.entry for one in camera.mask_policy}
    assert [(one.entry, one.reason, one.end) for one in camera.blind] == [(again, "aim-lost", None)]
    assert [(one.causes) for one in camera.gaps] == [("disk full",)]
    checked = check(contents(folder), trust(house))
    assert bad(checked) == []
    assert any("disk full" in one for one in notes(checked))
    house.close()


@pytest.mark.slow
def test_ten_thousand_random_changes_of_a_large_pack_are_seen(tmp_path: Path) -> None:
    house = House(tmp_path)
    for _ in range(6):
        house.record(10, Scene("noise", kbps=4000))
    house.open()
    folder = house.export(tmp_path / "stick")
    honest, mine = contents(folder), trust(house)
    assert sum(size for size, _ in honest.measured.values()) > 10 << 20
    raws = {name: (folder / name).read_bytes() for name in honest.measured}
    choice = random.Random(4)
    every = sorted(raws)
    for _ in range(10_000):
        name = (
            choice.choices(every, [len(raws[one]) for one in every])[0]
            if choice.random() < 0.5
            else choice.choice(every)
        )
        raw = bytearray(raws[name])
        raw[choice.randrange(len(raw))] ^= choice.randrange(1, 256)
        assert not check(changed(honest, **{name: bytes(raw)}), mine).good, name
    house.close()


def test_the_hash_that_is_compared_is_of_the_file_that_lies_there(house: House, pack: Path) -> None:
    """`changed` above stands in for the disk; this is the disk itself, one byte in each file."""
    for name in sorted(contents(pack).measured):
        path = pack / name
        raw = bytearray(path.read_bytes())
        at = int.from_bytes(os.urandom(4), "big") % len(raw)
        raw[at] ^= 1
        path.write_bytes(bytes(raw))
        assert not check(contents(pack), trust(house)).good, (name, at)
        raw[at] ^= 1
        path.write_bytes(bytes(raw))
