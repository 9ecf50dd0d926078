"""Key files: openssl reads what is written, and nothing else than an Ed25519 key is read."""

import subprocess
from pathlib import Path

import pytest
from cryptography.hazmat.primitives.asymmetric import rsa
from cryptography.hazmat.primitives.asymmetric.ed448 import Ed448PrivateKey
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.serialization import (
    BestAvailableEncryption,
    Encoding,
    NoEncryption,
    PrivateFormat,
    PublicFormat,
)

from agent.access.keys import load_private, load_public, save_private, save_public
from agent.errors import KeyFileError

KEY = Ed25519PrivateKey.from_private_bytes(b"key".ljust(32, b"."))


def test_a_key_pair_comes_back_and_openssl_agrees(tmp_path: Path) -> None:
    save_private(tmp_path / "a.key", KEY)
    save_public(tmp_path / "a.pub", KEY.public_key())
    assert load_private(tmp_path / "a.key").private_bytes_raw() == KEY.private_bytes_raw()
    assert load_public(tmp_path / "a.pub") == KEY.public_key()
    derived = subprocess.run(["openssl", "pkey", "-in", tmp_path / "a.key", "-pubout"], capture_output=True, check=True)
    assert derived.stdout == (tmp_path / "a.pub").read_bytes()
    assert (tmp_path / "a.key").stat().st_mode & 0o777 == 0o600


def test_a_key_made_by_openssl_is_read(tmp_path: Path) -> None:
    path = tmp_path / "openssl.key"
    subprocess.run(["openssl", "genpkey", "-algorithm", "ed25519", "-out", path], check=True)
    subprocess.run(["openssl", "pkey", "-in", path, "-pubout", "-out", tmp_path / "openssl.pub"], check=True)
    assert load_private(path).public_key() == load_public(tmp_path / "openssl.pub")


def test_an_existing_file_is_never_overwritten(tmp_path: Path) -> None:
    (tmp_path / "a.key").write_text("precious")
    (tmp_path / "link.key").symlink_to(tmp_path / "nowhere")
    for name in ("a.key", "link.key"):
        with pytest.raises(KeyFileError, match=name):
            save_private(tmp_path / name, KEY)
    with pytest.raises(KeyFileError):
        save_public(tmp_path / "a.key", KEY.public_key())
    assert (tmp_path / "a.key").read_text() == "precious"
    assert not (tmp_path / "nowhere").exists()


def test_a_folder_that_is_not_there(tmp_path: Path) -> None:
    with pytest.raises(KeyFileError, match="none"):
        save_private(tmp_path / "none" / "a.key", KEY)


def _private(key: Ed448PrivateKey | rsa.RSAPrivateKey | Ed25519PrivateKey, password: bytes = b"") -> bytes:
    lock = BestAvailableEncryption(password) if password else NoEncryption()
    return key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, lock)


SEVERAL = {
    "empty": b"",
    "noise": b"\x00\xff" * 50,
    "half": _private(KEY)[:60],
    "ed448": _private(Ed448PrivateKey.generate()),
    "rsa": _private(rsa.generate_private_key(65537, 2048)),
    "locked": _private(KEY, b"password"),
    "public": KEY.public_key().public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo),
}


@pytest.mark.parametrize("kind", SEVERAL)
def test_what_is_no_private_ed25519_key(kind: str, tmp_path: Path) -> None:
    path = tmp_path / "some.key"
    path.write_bytes(SEVERAL[kind])
    with pytest.raises(KeyFileError) as caught:
        load_private(path)
    assert "some.key" in str(caught.value)


@pytest.mark.parametrize("kind", [kind for kind in SEVERAL if kind != "public"])
def test_what_is_no_public_ed25519_key(kind: str, tmp_path: Path) -> None:
    path = tmp_path / "some.pub"
    path.write_bytes(SEVERAL[kind])
    with pytest.raises(KeyFileError):
        load_public(path)


def test_a_private_key_in_the_place_of_a_public_one_is_named_but_not_shown(tmp_path: Path) -> None:
    save_private(tmp_path / "a.key", KEY)
    with pytest.raises(KeyFileError) as caught:
        load_public(tmp_path / "a.key")
    body = (tmp_path / "a.key").read_text().splitlines()[1]
    assert body not in str(caught.value)


def test_a_key_file_that_is_missing_or_a_folder(tmp_path: Path) -> None:
    for path in (tmp_path / "missing.key", tmp_path):
        with pytest.raises(KeyFileError, match="cannot be read"):
            load_private(path)
