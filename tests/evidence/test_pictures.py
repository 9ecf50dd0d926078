"""The signed pictures of the films that a pack is opened into: what is said of them, beside what its hashes say."""

import json
from collections.abc import Callable
from dataclasses import replace
from hashlib import sha256
from pathlib import Path

import pyrage
import pytest

from agent.access.requisitions import fingerprint
from agent.evidence import names
from agent.evidence.manifest import read_manifest
from agent.signing.nal import SLICES, kind
from agent.units import AccessUnit
from provisioning.cli import main
from tests.evidence.rig import House
from tests.evidence.test_checks import FORGER, contents, forged
from tests.evidence.test_opening import opened
from tests.needs import needs
from tests.signing.material import nals, rebuilt
from tests.vault.rig import Scene, film

pytestmark = needs("ffmpeg", "ffmpeg")

NOISE = Scene("noise", width=96, height=64, kbps=400)


def told(house: House, pack: Path, out: Path, capsys: pytest.CaptureFixture[str]) -> tuple[int, list[tuple[str, str]]]:
    """The exit status, and the lines about pictures: status and text."""
    capsys.readouterr()
    status = opened(house, pack, out, "--json")
    return status, about(capsys.readouterr().out)


def about(answer: str) -> list[tuple[str, str]]:
    lines = json.loads(answer)["lines"]
    return [(one["status"], one["text"]) for one in lines if one["what"] in ("signed pictures", "images signées")]


def exported(house: House, to: Path) -> Path:
    house.open()
    return house.export(to)


def flipped(unit: AccessUnit) -> AccessUnit:
    """One bit of its last slice turned over."""
    parts = nals(unit)
    at = max(k for k, part in enumerate(parts) if kind(part) in SLICES)
    parts[at] = parts[at][:-2] + bytes([parts[at][-2] ^ 0x10]) + parts[at][-1:]
    return rebuilt(unit, parts)


def altering(sign: Callable[[AccessUnit], AccessUnit], number: int) -> Callable[[AccessUnit], AccessUnit]:
    """Signs, and alters the picture of that number afterwards."""
    count = iter(range(10_000))

    def through(unit: AccessUnit) -> AccessUnit:
        signed = sign(unit)
        return flipped(signed) if next(count) == number else signed

    return through


def test_an_honest_pack_is_signed_up_to_its_last_half_second(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    house = House(tmp_path)
    house.record(8, NOISE, sign=house.signer().sign)
    pack = exported(house, tmp_path / "stick")
    status, [(mark, text)] = told(house, pack, tmp_path / "out", capsys)
    assert (status, mark) == (0, "note")
    last = int(text.split("1 to ")[1].split()[0] if "1 to " in text else text.split("1 à ")[1].split()[0])
    assert 180 < last < 200
    house.close()


def test_pictures_that_were_altered_before_the_mast_sealed_them_are_told(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """Every hash and every signature over the pack is right: only the pictures' own tell."""
    house = House(tmp_path)
    house.record(8, NOISE, sign=altering(house.signer().sign, 60))
    pack = exported(house, tmp_path / "stick")
    status, [(mark, text)] = told(house, pack, tmp_path / "out", capsys)
    assert (status, mark) == (1, "bad")
    assert "NOT as" in text or "AUTRES" in text
    house.close()


@pytest.mark.parametrize("again", ["the same start", "a new start"])
def test_around_a_gap_or_a_restart_nothing_is_called_forged(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], again: str
) -> None:
    house = House(tmp_path)
    signer = house.signer()
    house.record(4, NOISE, sign=signer.sign)
    if again == "the same start":  # it went on signing while nothing was recorded
        for unit in film(NOISE, 250, house.clock):
            signer.sign(unit)
        house.clock.pass_ms(10_000)
    else:
        house.clock.pass_ms(10_000)
        signer = house.signer()
    house.record(4, NOISE, sign=signer.sign)
    pack = exported(house, tmp_path / "stick")
    status, [(mark, text)] = told(house, pack, tmp_path / "out", capsys)
    assert (status, mark) == (0, "note"), text
    house.close()


def test_an_alteration_beside_a_gap_is_still_told(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    house = House(tmp_path)
    house.record(4, NOISE, sign=altering(house.signer().sign, 30))
    house.clock.pass_ms(10_000)
    house.record(4, NOISE, sign=house.signer().sign)
    pack = exported(house, tmp_path / "stick")
    status, [(mark, _)] = told(house, pack, tmp_path / "out", capsys)
    assert (status, mark) == (1, "bad")
    house.close()


def test_pictures_that_were_never_signed_are_a_note(
    house: House, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    status, [(mark, text)] = told(house, house.export(tmp_path / "stick"), tmp_path / "out", capsys)
    assert (status, mark) == (0, "note")
    assert "no signature" in text or "sans signature" in text


def test_footage_that_a_forger_altered_and_sealed_again_is_refuted_by_its_pictures(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """He has no device key: he seals to the vault's public key, and signs the whole pack with a key of his own."""
    house = House(tmp_path)
    house.record(8, NOISE, sign=house.signer().sign)
    pack = exported(house, tmp_path / "stick")
    manifest = read_manifest((pack / names.MANIFEST).read_bytes())
    (camera,) = manifest.cameras
    victim = camera.segments[1]
    plain = bytearray(house.bench.open_segment(pack / victim.segment.name).read_bytes())
    at = len(plain) // 2
    plain[at] ^= 0x10
    raw = pyrage.encrypt(bytes(plain), [pyrage.x25519.Recipient.from_str(house.keys.recipient)])
    segment = replace(victim.segment, sha256=sha256(raw).hexdigest(), size_bytes=len(raw))
    changed = replace(
        camera, segments=tuple(replace(one, segment=segment) if one is victim else one for one in camera.segments)
    )
    lie = replace(manifest, device=fingerprint(FORGER.public_key()), cameras=(changed,))
    files = {victim.segment.name: raw, names.MANIFEST: lie.text()}
    now = forged(contents(pack), FORGER, **files)
    for name, content in {**now.small, victim.segment.name: raw}.items():
        (pack / name).write_bytes(content)
    out = tmp_path / "out"
    capsys.readouterr()
    assert main(["evidence", "open", str(pack), "--identity", str(house.keys.path), "--out", str(out), "--json"]) == 1
    [(mark, text)] = about(capsys.readouterr().out)
    assert mark == "bad", text
    assert opened(house, pack, tmp_path / "none") == 1  # and by whoever knows the mast's key nothing is opened
    assert not (tmp_path / "none").exists()
    house.close()
