"""The device key survives what a power cut and a careless copy leave behind."""

import os
import stat
from pathlib import Path

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey
from cryptography.hazmat.primitives.asymmetric.rsa import generate_private_key
from cryptography.hazmat.primitives.serialization import (
    Encoding,
    NoEncryption,
    PrivateFormat,
    load_pem_public_key,
)

from agent.errors import KeyFileError
from agent.identity import DeviceIdentity, load_or_make


def verifies(identity: DeviceIdentity, pem: bytes) -> bool:
    public = load_pem_public_key(pem)
    assert isinstance(public, Ed25519PublicKey)
    public.verify(identity.sign(b"row"), b"row")
    return True


def test_first_start_makes_a_key_that_stays(tmp_path: Path) -> None:
    state = tmp_path / "deep" / "state"
    first = load_or_make(state)
    again = load_or_make(state)
    assert first.public_pem == again.public_pem
    assert verifies(again, (state / "identity/device.pub").read_bytes())
    assert stat.S_IMODE((state / "identity/device.key").stat().st_mode) == 0o600
    assert stat.S_IMODE(state.stat().st_mode) == 0o700
    assert "PRIVATE" not in repr(first)


@pytest.mark.parametrize("harm", ["missing", "torn", "of another key"])
def test_a_harmed_public_half_is_mended_from_the_key(tmp_path: Path, harm: str) -> None:
    identity = load_or_make(tmp_path)
    public = tmp_path / "identity/device.pub"
    if harm == "missing":
        public.unlink()
    elif harm == "torn":
        public.write_text(identity.public_pem[:40])
    else:
        public.write_text(load_or_make(tmp_path / "other").public_pem)
    assert load_or_make(tmp_path).public_pem == identity.public_pem
    assert public.read_text() == identity.public_pem


def test_a_cut_while_the_key_was_written_leaves_a_first_start(tmp_path: Path) -> None:
    folder = tmp_path / "identity"
    folder.mkdir()
    (folder / "device.key.new").write_text("-----BEGIN PRIV")
    (folder / "device.key.new").chmod(0o644)
    identity = load_or_make(tmp_path)
    assert verifies(identity, (folder / "device.pub").read_bytes())
    assert stat.S_IMODE((folder / "device.key").stat().st_mode) == 0o600
    assert not (folder / "device.key.new").exists()


@pytest.mark.parametrize("harm", ["empty", "torn", "RSA"])
def test_an_unreadable_key_is_refused_and_kept(tmp_path: Path, harm: str) -> None:
    load_or_make(tmp_path)
    path = tmp_path / "identity/device.key"
    content = {
        "empty": b"",
        "torn": path.read_bytes()[:50],
        "RSA": generate_private_key(65537, 2048).private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()),
    }[harm]
    path.write_bytes(content)
    with pytest.raises(KeyFileError, match=str(path)):
        load_or_make(tmp_path)
    assert path.read_bytes() == content


def test_a_key_open_to_others_is_closed_again(tmp_path: Path) -> None:
    load_or_make(tmp_path)
    path = tmp_path / "identity/device.key"
    path.chmod(0o644)
    load_or_make(tmp_path)
    assert stat.S_IMODE(path.stat().st_mode) == 0o600


def test_a_state_that_cannot_be_made_is_a_sentence(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(KeyFileError, match=os.strerror(20)):
        load_or_make(tmp_path / "file" / "state")
