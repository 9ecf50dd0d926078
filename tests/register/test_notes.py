"""Signed notes, checkpoints and cosignatures: the specifications' own examples, the openssl command, and anything."""

import subprocess
from pathlib import Path

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat
from hypothesis import given
from hypothesis import strategies as st

from agent.errors import NoteRefused
from agent.register.notes import Checkpoint, Key, Note, Signature, cosign, cosigned_at, sign
from agent.verifier_keys import COSIGNATURE, ED25519
from tests.needs import needs

PRIVATE = Ed25519PrivateKey.from_private_bytes(bytes(range(32)))
PUBLIC = PRIVATE.public_key().public_bytes(Encoding.Raw, PublicFormat.Raw)
LOG = Key("vigie/lievin/lievin-042", ED25519, PUBLIC)
WITNESS = Key("csu.example/w1", COSIGNATURE, PUBLIC)
CHECKPOINT = Checkpoint("vigie/lievin/lievin-042", 7, bytes(range(32)))

# c2sp.org/signed-note, section Example
VKEY = "example.com/foo+530d903a+AekyeRrm56hApGFkyQR4ZCbV54Id2LKaANYcrnKv3U2k"
EXAMPLE = """This is an example message.

— example.com/foo Uw2QOkn8srV1yJGh2VYRlL1Tnagv1YEq6TfXppzi2ONncAlTgK7Ztg1ERYNZXsYjOBH3mFXmRKuwHjG1Yu72IneyaQM=
"""
# c2sp.org/tlog-cosignature, the first example
COSIGNED = """example.com/behind-the-sofa
20852163
CsUYapGGPo4dkMgIAUqom/Xajj7h2fB2MPA3j2jxq2I=

— example.com/behind-the-sofa Az3grlgtzPICa5OS8npVmf1Myq/5IZniMp+ZJurmRDeOoRDe4URYN7u5/Zhcyv2q1gGzGku9nTo+zyWE+xeMcTOAYQ8=
— witness.example.com/w1 jWbPPwAAAABkGFDLEZMHwSRaJNiIDoe9DYn/zXcrtPHeolMI5OWXEhZCB9dlrDJsX3b2oyin1nPZqhf5nNo0xUe+mbIUBkBIfZ+qnA==
"""  # noqa: E501


def note(checkpoint: Checkpoint = CHECKPOINT, *, at: int = 1_790_000_000) -> Note:
    """Signed and witnessed."""
    lines = sign(checkpoint.text, LOG, PRIVATE.sign), cosign(checkpoint.text, WITNESS, PRIVATE.sign, at)
    return Note(checkpoint.text, lines)


def test_the_specifications_example_verifies_with_its_key() -> None:
    key = Key.parse(VKEY)
    assert str(key) == VKEY
    assert len(Note.parse(EXAMPLE.encode()).signed_by([key])) == 1


def test_the_specifications_example_altered_does_not() -> None:
    with pytest.raises(NoteRefused):
        Note.parse(EXAMPLE.replace("example message", "altered message").encode()).signed_by([Key.parse(VKEY)])


def test_the_specifications_cosigned_checkpoint_is_read_and_written_back() -> None:
    read = Note.parse(COSIGNED.encode())
    checkpoint = Checkpoint.parse(read.text)
    assert (checkpoint.origin, checkpoint.size) == ("example.com/behind-the-sofa", 20852163)
    assert cosigned_at(read.signatures[1]) == 0x641850CB  # 2023-03-20T12:25:47Z
    assert str(read) == COSIGNED


def test_what_is_signed_and_cosigned_verifies_and_unknown_keys_are_ignored() -> None:
    read = Note.parse(str(note()).encode())
    assert [one.name for one in read.signed_by([LOG, WITNESS])] == [LOG.name, WITNESS.name]
    assert read.signed_by([Key("other", ED25519, PUBLIC)]) == ()
    assert LOG.id != Key(LOG.name, COSIGNATURE, PUBLIC).id


@needs("openssl", "openssl")
def test_openssl_alone_verifies_a_checkpoint_and_its_cosignature(tmp_path: Path) -> None:
    pem = PRIVATE.public_key().public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo)
    (tmp_path / "key.pub").write_bytes(pem)
    signed, cosigned = note().signatures

    def verified(message: str, signature: bytes) -> bool:
        (tmp_path / "message").write_text(message)
        (tmp_path / "signature").write_bytes(signature)
        command = ["openssl", "pkeyutl", "-verify", "-pubin", "-inkey", "key.pub", "-rawin", "-in", "message"]
        done = subprocess.run([*command, "-sigfile", "signature"], cwd=tmp_path, check=False, capture_output=True)
        return done.returncode == 0

    assert verified(CHECKPOINT.text, signed.signature)
    assert not verified(CHECKPOINT.text.replace("7", "8"), signed.signature)
    message = f"cosignature/v1\ntime 1790000000\n{CHECKPOINT.text}"
    assert verified(message, cosigned.signature[8:])
    assert not verified(message.replace("1790000000", "1790000001"), cosigned.signature[8:])


@pytest.mark.parametrize("value", [1, 0x20, 0x80, 0xFF])
def test_no_byte_of_a_note_can_be_changed(value: int) -> None:
    raw = str(note()).encode()
    for at in range(len(raw)):
        changed = bytearray(raw)
        changed[at] ^= value
        try:
            good = Note.parse(bytes(changed)).signed_by([LOG, WITNESS])
        except NoteRefused:
            continue
        assert len(good) < 2, (at, bytes(changed))  # a name or a key that is not ours any more: not ours


@pytest.mark.parametrize(
    "text",
    [
        "",
        "a\n",
        "a\n\n",
        "a\n\n— name\n",
        "a\n\n— name AAAA\n",
        "a\n\n- name AAAAAAAA\n",
        "a\n\n— na+me AAAAAAAA\n",
        "a\n\n— name AAAAAAAA",
        "a\n\n— name AAAAAAB=\n",
        "a\n\n— name AAAAAAA==\n",
        "a\tb\n\n— name AAAAAAAA\n",
        "a\r\n\n— name AAAAAAAA\n",
        "\n\n— name AAAAAAAA\n"[1:],
        "a\n\n" + "— name AAAAAAAA\n" * 65,
        "a" * 70_000 + "\n\n— name AAAAAAAA\n",
    ],
)
def test_what_is_no_note_is_refused(text: str) -> None:
    with pytest.raises(NoteRefused):
        Note.parse(text.encode())


@pytest.mark.parametrize(
    "text",
    [
        "",
        "origin\n1\n",
        "origin\n01\n" + "A" * 43 + "=\n",
        "origin\n-1\n" + "A" * 43 + "=\n",
        "origin\n1\nAAAA\n",
        "origin\n1\n" + "A" * 42 + "B=\n",
        "\n1\n" + "A" * 43 + "=\n",
        "origin\n9223372036854775808\n" + "A" * 43 + "=\n",
        "origin\n1\n" + "A" * 43 + "=\n\n",
    ],
)
def test_what_is_no_checkpoint_is_refused(text: str) -> None:
    with pytest.raises(NoteRefused):
        Checkpoint.parse(text)


@pytest.mark.parametrize("text", ["", "a", "a+b", "a+b+c", VKEY[:-4], VKEY.replace("530d", "530e"), "é " + VKEY])
def test_what_is_no_verifier_key_is_refused(text: str) -> None:
    with pytest.raises(NoteRefused):
        Key.parse(text)


@given(st.binary(max_size=300) | st.text("a\n— +=AB01", max_size=200).map(str.encode))
def test_any_bytes_are_a_note_or_refused(raw: bytes) -> None:
    try:
        read = Note.parse(raw)
    except NoteRefused:
        return
    assert str(read).encode() == raw
    assert read.signed_by([LOG, WITNESS]) == ()


@given(st.text(max_size=200) | st.text("a\n10=AB", max_size=90))
def test_any_text_is_a_checkpoint_or_refused(text: str) -> None:
    try:
        read = Checkpoint.parse(text)
    except NoteRefused:
        return
    assert read.text == text


@given(st.binary(min_size=1, max_size=100), st.integers(0, 2**64 - 1))
def test_any_cosignature_of_a_known_key_is_refused(raw: bytes, at: int) -> None:
    for body in (raw, at.to_bytes(8, "big") + raw, at.to_bytes(8, "big") + raw[:1] * 64):
        forged = Note(CHECKPOINT.text, (Signature(WITNESS.name, WITNESS.id, body),))
        with pytest.raises(NoteRefused):
            forged.signed_by([WITNESS])
