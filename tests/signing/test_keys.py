"""The signing key beside the device key: made once, kept, vouched for; its certificate is one that openssl verifies."""

import errno
import os
import shutil
import stat
import subprocess
from functools import partial
from pathlib import Path

import pytest
from cryptography.hazmat.primitives.asymmetric.ec import SECP384R1, generate_private_key
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat

from agent.identity import load_or_make
from agent.language import say
from agent.signing import certificates, keys
from agent.signing.certificates import MOST_CHAIN_BYTES, authority, issued_by, read_leaf
from agent.signing.keys import MOST_ASIDE, load_signing
from tests.signing.material import DEVICE, KEY, made_identity, made_key, public


def test_the_first_start_makes_a_key_that_stays(tmp_path: Path) -> None:
    identity = load_or_make(tmp_path)
    first, again = load_signing(tmp_path, identity).key, load_signing(tmp_path, identity).key
    assert first.chain == again.chain
    assert stat.S_IMODE((tmp_path / "identity/signing.key").stat().st_mode) == 0o600
    assert "PRIVATE" not in repr(first)
    leaf = read_leaf(first.chain)
    assert leaf is not None
    assert issued_by(leaf, identity.key.public_key())


def test_openssl_verifies_the_chain_from_the_root_that_the_mast_writes(tmp_path: Path) -> None:
    key = load_signing(tmp_path, load_or_make(tmp_path)).key
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
    load_signing(tmp_path, identity)
    root = tmp_path / "identity/device.crt"
    whole = root.read_bytes()
    if harm == "missing":
        root.unlink()
    else:
        root.write_bytes(whole[:50])
    load_signing(tmp_path, identity)
    assert root.read_bytes() == whole


def harm(path: Path, how: str) -> None:
    """Does to the key file what a worn card or a careless hand does."""
    match how:
        case "empty":
            path.write_bytes(b"")
        case "text":
            path.write_text("hello")
        case "torn":
            path.write_bytes(path.read_bytes()[:100])
        case "ed25519":
            shutil.copy(path.with_name("device.key"), path)
        case "P-384":
            key = generate_private_key(SECP384R1())
            path.write_bytes(key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()))
        case "folder":
            path.unlink()
            path.mkdir()
        case "pipe":  # opening one would wait for ever
            path.unlink()
            os.mkfifo(path)
        case "loop":
            path.unlink()
            path.symlink_to(path)


@pytest.mark.parametrize("how", ["empty", "text", "torn", "ed25519", "P-384", "folder", "pipe", "loop"])
def test_a_damaged_signing_key_is_kept_aside_and_a_new_one_signs(
    tmp_path: Path, how: str, caplog: pytest.LogCaptureFixture
) -> None:
    identity = load_or_make(tmp_path)
    path = tmp_path / "identity/signing.key"
    old = load_signing(tmp_path, identity).key
    harm(path, how)
    content = path.read_bytes() if path.is_file() else None
    loaded = load_signing(tmp_path, identity)
    leaf = read_leaf(loaded.key.chain)
    assert leaf is not None
    assert issued_by(leaf, identity.key.public_key())
    assert loaded.key.chain != old.chain
    aside = path.with_name("signing.key.damaged-1")
    assert content is None or aside.read_bytes() == content
    assert [one.key for one in loaded.troubles] == ["signing_key_replaced"]
    assert "signing.key.damaged-1" in loaded.troubles[0].en
    assert "signing.key.damaged-1" in loaded.troubles[0].fr
    assert loaded.troubles[0].en in caplog.text
    again = load_signing(tmp_path, identity)
    assert again.key.chain == loaded.key.chain, "the new one stays"
    assert [one.key for one in again.troubles] == ["signing_key_replaced"], "told until somebody takes the file away"
    aside.rmdir() if aside.is_dir() and not aside.is_symlink() else aside.unlink()
    assert load_signing(tmp_path, identity).troubles == ()


def test_the_journal_speaks_the_language_of_the_system(
    tmp_path: Path, caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(keys, "say", partial(say, language="fr"))
    identity = load_or_make(tmp_path)
    (tmp_path / "identity/signing.key").write_bytes(b"")
    (trouble,) = load_signing(tmp_path, identity).troubles
    assert trouble.fr in caplog.text
    assert trouble.en not in caplog.text


def test_a_key_that_is_damaged_at_every_start_fills_no_disk(tmp_path: Path) -> None:
    identity = load_or_make(tmp_path)
    path = tmp_path / "identity/signing.key"
    for n in range(MOST_ASIDE + 3):
        path.write_text(f"damage {n}")
        load_signing(tmp_path, identity)
    kept = sorted(path.parent.glob("signing.key.damaged-*"))
    assert len(kept) == MOST_ASIDE
    assert kept[0].read_text() == "damage 0", "the first damage tells most"


def test_where_nothing_can_be_written_a_key_of_this_run_signs(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    identity = load_or_make(tmp_path)
    (tmp_path / "identity/signing.key").write_text("hello")

    def refuse(*_: object) -> None:
        raise OSError(errno.EROFS, os.strerror(errno.EROFS))

    with monkeypatch.context() as patch:  # root writes everywhere, so that a mode would not do
        patch.setattr(Path, "rename", refuse)
        patch.setattr(keys, "keep_private", refuse)
        patch.setattr(keys, "mend", refuse)
        loaded = load_signing(tmp_path, identity)
    leaf = read_leaf(loaded.key.chain)
    assert leaf is not None
    assert issued_by(leaf, identity.key.public_key())
    assert [one.key for one in loaded.troubles] == ["signing_key_unkept", "signing_root_unwritten"]
    assert all("Read-only" in one.en for one in loaded.troubles)
    assert (tmp_path / "identity/signing.key").read_text() == "hello", "nothing was overwritten"


def test_a_signing_key_that_others_could_read_is_closed(tmp_path: Path) -> None:
    identity = load_or_make(tmp_path)
    load_signing(tmp_path, identity)
    path = tmp_path / "identity/signing.key"
    path.chmod(0o644)
    load_signing(tmp_path, identity)
    assert stat.S_IMODE(path.stat().st_mode) == 0o600


def test_a_root_that_cannot_be_mended_is_told_and_the_key_signs_on(tmp_path: Path) -> None:
    identity = load_or_make(tmp_path)
    key = load_signing(tmp_path, identity).key
    (tmp_path / "identity/device.crt").unlink()
    (tmp_path / "identity/device.crt").mkdir()
    loaded = load_signing(tmp_path, identity)
    assert loaded.key.chain == key.chain
    assert [one.key for one in loaded.troubles] == ["signing_root_unwritten"]
    assert "device.pub" in loaded.troubles[0].en, "what a validator can be given meanwhile"


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
