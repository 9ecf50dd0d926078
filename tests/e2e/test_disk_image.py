"""A full image of a mast's disk, with every key on it, opens no closed segment and shows nothing plain."""

import shutil
import sqlite3
from pathlib import Path

import pyrage
import pytest

from agent.vault.chunks import SEALED_CHUNK_BYTES, header_bytes, whole_chunks
from tests.e2e import disk_image
from tests.e2e.box import Box, wait_for
from tests.e2e.disk_image import IDENTITY, file_key, findings, plain_of, scalar_of, segments, standing
from tests.evidence.rig import House
from tests.needs import needs
from tests.rig.footage import SMALL, make
from tests.vault.rig import Bench, Events, HandClock, Keys, Scene, film

pytestmark = [needs("age", "age")]

TAKEN = ["vigie.toml", "camera.pass", "mqtt.pass", "keys/authority.pub", "keys/judicial.pub", "keys/vault.pub"]


def holds_a_chunk(part: Path) -> bool:
    """Whether a power cut now leaves a torn segment: an open one without a whole chunk is removed."""
    try:
        head = part.read_bytes()
    except FileNotFoundError:
        return False  # closed meanwhile
    return whole_chunks(len(head), head) > 0


def image_of(box: Box, name: str) -> Path:
    """What a mast's disk holds: its state, and its configuration with the keys that it has; never the vault's."""
    image = box.folder / name
    shutil.copytree(box.state, image / "state", ignore=shutil.ignore_patterns("*.sock"))
    for part in TAKEN:
        (image / "etc" / part).parent.mkdir(parents=True, exist_ok=True)
        shutil.copy(box.folder / part, image / "etc" / part)
    return image


@needs("mosquitto_sub", "mosquitto-clients")
def test_every_key_on_a_mast_s_disk_opens_no_closed_segment_and_nothing_on_it_is_plain(tmp_path: Path) -> None:
    with Box(tmp_path, f"file:{make(SMALL)}", password="cam-secret") as box:
        text = box.path.read_text().replace("[http]", 'requisition_authorities = ["keys/judicial.pub"]\n[http]')
        box.path.write_text(text)
        box.start()
        wait_for(lambda: len(box.sealed()) >= 2)
        wait_for(lambda: any(map(holds_a_chunk, box.state.rglob("*.part"))))
        box.kill()
        seized = image_of(box, "seized")  # the plug was pulled: the index's log and an open segment lie there
        box.start()
        wait_for(lambda: len(box.sealed()) >= 4)
        assert box.stop() == 0
        stopped = image_of(box, "stopped")
    names = {path.name for path in seized.rglob("*")}
    assert {"device.key", "signing.key", "authority.pub", "judicial.pub", "index.sqlite", "index.sqlite-wal"} <= names
    assert "vault.key" not in names
    for image in (seized, stopped):
        assert len(segments(image)) >= 2
        assert findings(image, tmp_path / "keys" / "vault.key") == []
    require_that_a_leak_would_be_found(stopped, tmp_path / "keys" / "vault.key")


def require_that_a_leak_would_be_found(image: Path, vault_key: Path) -> None:
    """The control: the vault's identity and a piece of film, each left in the same image, are found there."""
    left = image / "state" / "identity" / "left"
    shutil.copy(vault_key, left)
    told = " ".join(findings(image, vault_key))
    for segment in segments(image):
        for words in (f"opens {segment.name}: an identity", f"opens {segment.name}: age with left"):
            assert words in told
    assert "secret identity in left" in told
    for segment in segments(image):
        plain = plain_of(segment, vault_key)
        left.write_bytes(plain[len(plain) // 2 :][:16384])
        assert "plain in left" in standing(image, vault_key)


@pytest.fixture
def bench(tmp_path: Path) -> Bench:
    """A vault with sealed segments of real pictures."""
    made = Bench(tmp_path / "image" / "state", Keys(tmp_path), HandClock(), Events())
    made.record(film(Scene(), 50))
    return made


def test_the_search_finds_a_vault_identity_in_each_form_in_which_it_could_lie_there(bench: Bench) -> None:
    image, vault_key = bench.state.parent, bench.keys.path
    assert findings(image, vault_key) == []
    (text,) = IDENTITY.findall(vault_key.read_bytes())
    scalar = scalar_of(text.decode())
    lying = bench.state / "identity" / "left"
    lying.parent.mkdir(exist_ok=True)
    for content, tells in (
        (vault_key.read_bytes(), ("an identity", "age with left", "secret identity in left")),
        (b"x" + scalar + b"y", ("32 bytes", "secret identity in left")),
        (b"key=\n" + scalar.hex().encode(), ("32 bytes", "secret identity in left")),
        (bytes(9000) + text + b"\n", ("an identity", "secret identity in left")),
    ):
        lying.write_bytes(content)
        told = " ".join(findings(image, vault_key))
        for words in tells:
            assert words in told, (content[:40], told)


def test_the_search_finds_file_keys_in_free_pages_and_pictures_that_lie_plain(bench: Bench) -> None:
    image, vault_key = bench.state.parent, bench.keys.path
    (text,) = IDENTITY.findall(vault_key.read_bytes())
    sealed = segments(image)[0].read_bytes()
    key = file_key(sealed, scalar_of(text.decode()))
    with sqlite3.connect(bench.state / "left.sqlite") as base:
        base.execute("PRAGMA secure_delete = OFF")
        base.execute("CREATE TABLE one (key BLOB)")
        base.execute("INSERT INTO one VALUES (?)", (key,))
        base.commit()
        base.execute("DELETE FROM one")
    base.close()
    plain = pyrage.decrypt(sealed, [pyrage.x25519.Identity.from_str(text.decode())])
    (bench.state / "whole").write_bytes(b"-" + plain)
    (bench.state / "middle").write_bytes(plain[4000:9000])
    told = findings(image, vault_key)
    for words in ("secret file key in left.sqlite", "plain ftyp in whole", "plain moof in whole", "plain in middle"):
        assert words in told
    assert not [one for one in told if one.startswith("opens")]


def test_a_segment_torn_by_a_power_cut_is_searched_for_like_a_whole_one(tmp_path: Path) -> None:
    bench = Bench(tmp_path / "image" / "state", Keys(tmp_path), HandClock(), Events())
    bench.record(film(Scene(kbps=4000), 50))
    image, torn = bench.state.parent, bench.segments()[0]
    sealed = torn.read_bytes()
    assert whole_chunks(len(sealed), sealed) >= 2
    torn.write_bytes(sealed[: (header_bytes(sealed) or 0) + SEALED_CHUNK_BYTES + 100])
    assert findings(image, bench.keys.path) == []
    (bench.state / "left").write_bytes(plain_of(torn, bench.keys.path)[20_000:30_000])
    assert "plain in left" in findings(image, bench.keys.path)
    shutil.copy(bench.keys.path, bench.state / "left")
    told = findings(image, bench.keys.path)
    for words in (f"opens {torn.name}: age with left", f"opens {torn.name}: an identity", "secret identity in left"):
        assert words in told


def test_the_certificate_that_a_signed_film_carries_is_no_find(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(disk_image, "TRACE_EVERY_BYTES", 61)  # none of it is stepped over
    house = House(tmp_path)
    signer = house.signer()
    house.record(sign=signer.sign)
    certificate = house.bench.state / "identity" / "left.crt"
    plain = plain_of(house.bench.segments()[0], house.keys.path)
    begin = plain.index(b"-----BEGIN CERTIFICATE")
    certificate.write_bytes(plain[begin : plain.index(b"-----END", begin)])
    assert standing(house.bench.state, house.keys.path) == []
