"""The signing key beside the device key: made once, kept, vouched for; its certificate is one that openssl verifies."""

import shutil
import stat
import subprocess
from pathlib import Path

import pytest
from cryptography.hazmat.primitives.asymmetric.ec import SECP384R1, generate_private_key
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat

from agent.errors import KeyFileError
from agent.identity import load_or_make
from agent.signing import certificates
from agent.signing.certificates import MOST_CHAIN_BYTES, authority, issued_by, read_leaf
from agent.signing.keys import signing_key
from tests.signing.material import DEVICE, KEY, made_identity, made_key, public


def test_the_first_start_makes_a_key_that_stays(tmp_path: Path) -> None:
    identity = load_or_make(tmp_path)
    first, again = signing_key(tmp_path, identity), signing_key(tmp_path, identity)
    assert first.chain == again.chain
    assert stat.S_IMODE((tmp_path / "identity/signing.key").stat().st_mode) == 0o600
    assert "PRIVATE" not in repr(first)
    leaf = read_leaf(first.chain)
    assert leaf is not None
    assert issued_by(leaf, identity.key.public_key())


def test_openssl_verifies_the_chain_from_the_root_that_the_mast_writes(tmp_path: Path) -> None:
    key = signing_key(tmp_path, load_or_make(tmp_path))
    (tmp_path / "leaf.pem").write_bytes(key.chain)
    root = tmp_path / "identity/device.crt"
    command = ["openssl", "verify", "-x509_strict", "-CAfile", root, tmp_path / "leaf.pem"]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert (done.returncode, done.stdout) == (0, f"{tmp_path}/leaf.pem: OK\n"), done.stderr
    root.write_bytes(authority(made_identity().key))
    assert subprocess.run(command, capture_output=True, check=False).returncode != 0


@pytest.mark.parametrize("harm", ["missing", "torn"])
def test_a_harmed_root_is_mended(tmp_path: Path, harm: str) -> None:
    identity = load_or_make(tmp_path)
    signing_key(tmp_path, identity)
    root = tmp_path / "identity/device.crt"
    whole = root.read_bytes()
    if harm == "missing":
        root.unlink()
    else:
        root.write_bytes(whole[:50])
    signing_key(tmp_path, identity)
    assert root.read_bytes() == whole


@pytest.mark.parametrize("content", ["text", "P-384", "ed25519"])
def test_a_signing_key_of_another_kind_is_refused_with_the_mend(tmp_path: Path, content: str) -> None:
    identity = load_or_make(tmp_path)
    path = tmp_path / "identity/signing.key"
    if content == "text":
        path.write_text("hello")
    elif content == "ed25519":
        shutil.copy(tmp_path / "identity/device.key", path)
    else:
        key = generate_private_key(SECP384R1())
        path.write_bytes(key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()))
    before = path.read_bytes()
    with pytest.raises(KeyFileError, match=r"signing\.key: .*P-256.*still verifies"):
        signing_key(tmp_path, identity)
    assert path.read_bytes() == before


def test_a_signing_key_that_others_could_read_is_closed(tmp_path: Path) -> None:
    identity = load_or_make(tmp_path)
    signing_key(tmp_path, identity)
    path = tmp_path / "identity/signing.key"
    path.chmod(0o644)
    signing_key(tmp_path, identity)
    assert stat.S_IMODE(path.stat().st_mode) == 0o600


def test_a_state_that_cannot_be_written_is_told(tmp_path: Path) -> None:
    identity = load_or_make(tmp_path)
    (tmp_path / "identity/device.crt").mkdir()
    with pytest.raises(KeyFileError, match=r"signing\.key"):
        signing_key(tmp_path, identity)


def test_leaves_that_are_none() -> None:
    assert read_leaf(KEY.chain) is not None
    assert read_leaf(b"") is None
    assert read_leaf(KEY.chain[:200]) is None
    assert read_leaf(authority(DEVICE.key)) is None  # the device key vouches and signs no pictures
    issuer = certificates._issue(DEVICE.key, "x", KEY.key.public_key(), authority=True)
    assert read_leaf(issuer.public_bytes(Encoding.PEM)) is None  # a certificate that may not sign pictures
    assert read_leaf(KEY.chain.ljust(MOST_CHAIN_BYTES + 1)) is None


def test_a_leaf_of_another_device_is_not_vouched_for() -> None:
    stranger = read_leaf(made_key(made_identity()).chain)
    assert stranger is not None
    assert not issued_by(stranger, public())
