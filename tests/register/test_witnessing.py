"""What a witness answers (C2SP tlog-witness), decided on values: each status, and anything at all as a request."""

import dataclasses
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from agent.errors import NoteRefused
from agent.register.notes import Checkpoint, Key, Note, sign
from agent.register.tree import EMPTY_ROOT, Peaks, consistency_proof, leaf_hash
from agent.register.witnessing import Answer, Cosigner, Seen, decide, parse, request
from agent.verifier_keys import ED25519
from tests.register.rig import DEVICE, WITNESS, WITNESS_KEY, public

LOG = Key("vigie/lievin/lievin-042", ED25519, public(DEVICE))
LOGS = {LOG.name: (LOG,)}
OWN = Cosigner(WITNESS_KEY, WITNESS.sign)
NOW_S = 1_795_262_400

STORE: list[bytes] = []
ROOTS = [EMPTY_ROOT]
_peaks = Peaks()
for _number in range(40):
    STORE += _peaks.add(leaf_hash(bytes([_number])))
    ROOTS.append(_peaks.root())


def head(size: int, root: bytes | None = None) -> str:
    text = Checkpoint(LOG.name, size, ROOTS[size] if root is None else root).text
    return str(Note(text, (sign(text, LOG, DEVICE.sign),)))


def seen(size: int) -> dict[str, Seen]:
    return {LOG.name: Seen(size, ROOTS[size], head(size))} if size else {}


def proof(old: int, new: int) -> tuple[bytes, ...]:
    return consistency_proof(STORE.__getitem__, old, new)


def asked(body: bytes, at: int = 7) -> Answer:
    return decide(body, LOGS, seen(at), OWN, NOW_S)


@pytest.mark.parametrize(("old", "new"), [(0, 0), (0, 7), (7, 8), (7, 40), (8, 40), (32, 33)])
def test_a_head_that_follows_on_the_last_is_cosigned_and_remembered(old: int, new: int) -> None:
    answer = asked(request(old, proof(old, new), head(new)), at=old)
    assert answer.status == 200
    note = Note.parse((head(new) + answer.body).encode())
    assert len(note.signed_by([LOG, WITNESS_KEY])) == 2
    assert answer.remember is not None
    origin, kept = answer.remember
    assert (origin, kept.size, kept.root) == (LOG.name, new, ROOTS[new])
    assert kept.note == str(note)


def test_the_same_head_again_is_cosigned_again_and_is_nothing_new_to_remember() -> None:
    answer = asked(request(7, (), head(7)))
    assert (answer.status, answer.remember) == (200, None)
    assert len(Note.parse((head(7) + answer.body).encode()).signed_by([WITNESS_KEY])) == 1


def test_another_old_size_gets_409_with_the_size_that_was_seen() -> None:
    for old in (0, 6, 8):
        answer = asked(request(old, (), head(9)))
        assert (answer.status, answer.body, answer.content_type) == (409, "7\n", "text/x.tlog.size")
        assert answer.remember is None


def test_a_proof_that_does_not_show_it_gets_422() -> None:
    good = proof(7, 9)
    for wrong in ((), good[:-1], good[::-1], (*good, bytes(32)), proof(6, 9)):
        assert asked(request(7, wrong, head(9))).status == 422
    assert asked(request(7, good, head(9, root=bytes(32)))).status == 422


def test_a_fork_of_the_same_size_gets_422() -> None:
    assert asked(request(7, (), head(7, root=bytes(32)))).status == 422


def test_a_proof_from_nothing_and_a_wrong_empty_root_get_422() -> None:
    assert asked(request(0, (bytes(32),), head(7)), at=0).status == 422
    assert asked(request(0, (), head(0, root=bytes(32))), at=0).status == 422


def test_a_head_cut_back_gets_400() -> None:
    assert asked(request(7, (), head(5))).status == 400


def test_an_unknown_origin_gets_404() -> None:
    text = Checkpoint("vigie/lievin/other", 7, ROOTS[7]).text
    assert asked(request(7, (), str(Note(text, (sign(text, LOG, DEVICE.sign),))))).status == 404


def test_a_head_that_the_mast_did_not_sign_gets_403() -> None:
    text = Checkpoint(LOG.name, 7, ROOTS[7]).text
    forged = str(Note(text, (dataclasses.replace(sign(text, LOG, DEVICE.sign), signature=bytes(64)),)))
    stranger = str(Note(text, (sign(text, Key("x", ED25519, public(WITNESS)), WITNESS.sign),)))
    for note in (forged, stranger):
        assert asked(request(7, (), note)).status == 403


def test_what_was_not_cosigned_is_not_remembered() -> None:
    for body in (b"", request(6, (), head(9)), request(7, (), head(9)), request(7, (), head(5))):
        answer = asked(body)
        assert answer.status != 200
        assert answer.remember is None


@pytest.mark.parametrize(
    "change",
    [
        lambda body: body.replace(b"old 7", b"old 07"),
        lambda body: body.replace(b"old 7", b"old -7"),
        lambda body: body.replace(b"old 7", b"old"),
        lambda body: body.replace(b"old 7\n", b""),
        lambda body: body.replace(b"old 7\n", b"old 7\n\n"),
        lambda body: body.replace(b"old 7\n", b"old 7\nAAAA\n"),
        lambda body: body.replace(b"old 7\n", b"old 7\n" + (b"A" * 43 + b"=\n") * 64),
        lambda body: body[:-1],
        lambda body: body.replace(b"\n", b"\r\n"),
    ],
)
def test_a_malformed_request_gets_400(change: object) -> None:
    body = request(7, proof(7, 9), head(9))
    assert asked(change(body)).status == 400  # type: ignore[operator]


def test_a_huge_request_gets_413() -> None:
    assert asked(b"x" * 70_000).status == 413


@given(st.binary(max_size=300) | st.text("old 0123456789\n— AB=+/", max_size=200).map(str.encode))
def test_any_bytes_as_a_request(body: bytes) -> None:
    assert asked(body).status == 400
    with pytest.raises(NoteRefused):
        parse(body)


@given(st.integers(0, 400), st.integers(1, 255), st.integers(0, 39), st.integers(0, 39))
def test_no_changed_byte_gets_a_cosignature_for_another_history(at: int, value: int, old: int, new: int) -> None:
    old, new = sorted((old, new))
    body = bytearray(request(old, proof(old, new), head(new)))
    body[at % len(body)] ^= value
    answer = asked(bytes(body), at=old)
    if answer.remember is not None:
        assert (answer.remember[1].size, answer.remember[1].root) == (new, ROOTS[new])


def test_the_specifications_example_is_read(tmp_path: Path) -> None:
    # c2sp.org/tlog-witness, add-checkpoint, "Example request body"
    body = """old 20852014
PlRNCrwHpqhGrupue0L7gxbjbMiKA9temvuZZDDpkaw=
jrJZDmY8Y7SyJE0MWLpLozkIVMSMZcD5kvuKxPC3swk=
5+pKlUdi2LeF/BcMHBn+Ku6yhPGNCswZZD1X/6QgPd8=
/6WVhPs2CwSsb5rYBH5cjHV/wSmA79abXAwhXw3Kj/0=

example.com/behind-the-sofa
20852163
CsUYapGGPo4dkMgIAUqom/Xajj7h2fB2MPA3j2jxq2I=

— example.com/behind-the-sofa Az3grlgtzPICa5OS8npVmf1Myq/5IZniMp+ZJurmRDeOoRDe4URYN7u5/Zhcyv2q1gGzGku9nTo+zyWE+xeMcTOAYQ8=
— example.com/behind-the-sofa opLqBQsREYCgu6xQkYQwJr9fo45a62DN9EdmHXnZdXNqlcVGlCum2Wks+49/V6267UEjw6QUXTS5Rovnzv++qbSzm9Q=
"""  # noqa: E501
    read = parse(body.encode())
    assert (read.old, len(read.proof), read.checkpoint.size, len(read.note.signatures)) == (20852014, 4, 20852163, 2)
    assert request(read.old, read.proof, str(read.note)).decode() == body
