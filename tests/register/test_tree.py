"""The Merkle tree against published vectors, and against RFC 6962's own recursive words."""

import base64
import json
from hashlib import sha256
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from agent.register.tree import (
    EMPTY_ROOT,
    Peaks,
    consistency_proof,
    consistent,
    included,
    inclusion_proof,
    leaf_hash,
    position,
    stored,
)

VECTORS = json.loads((Path(__file__).parents[1] / "vectors" / "merkle.json").read_text())
DO_NOT_CARE = "additional/sizes-are-equal-one-and-proof-is-empty"
"""A good proof there between roots that are no hashes, which are refused here."""
MANY = [leaf_hash(str(number).encode()) for number in range(130)]


def grown(leaves: list[bytes]) -> tuple[list[bytes], list[bytes]]:
    """(stored hashes, the root at each size from 0) of leaves' hashes."""
    peaks, store, roots = Peaks(), [], [EMPTY_ROOT]
    for leaf in leaves:
        store += peaks.add(leaf)
        roots.append(peaks.root())
    return store, roots


STORE, ROOTS = grown(MANY)


def mth(leaves: list[bytes]) -> bytes:
    """MTH of RFC 6962 section 2.1, word for word, over leaf hashes."""
    if not leaves:
        return sha256(b"").digest()
    if len(leaves) == 1:
        return leaves[0]
    middle = 1
    while middle * 2 < len(leaves):
        middle *= 2
    return sha256(b"\1" + mth(leaves[:middle]) + mth(leaves[middle:])).digest()


def path(index: int, leaves: list[bytes]) -> list[bytes]:
    """PATH of RFC 6962 section 2.1.1, word for word."""
    if len(leaves) == 1:
        return []
    middle = 1
    while middle * 2 < len(leaves):
        middle *= 2
    if index < middle:
        return [*path(index, leaves[:middle]), mth(leaves[middle:])]
    return [*path(index - middle, leaves[middle:]), mth(leaves[:middle])]


def subproof(old: int, leaves: list[bytes], known: bool) -> list[bytes]:
    """SUBPROOF of RFC 6962 section 2.1.2, word for word."""
    if old == len(leaves):
        return [] if known else [mth(leaves)]
    middle = 1
    while middle * 2 < len(leaves):
        middle *= 2
    if old <= middle:
        return [*subproof(old, leaves[:middle], known), mth(leaves[middle:])]
    return [*subproof(old - middle, leaves[middle:], False), mth(leaves[:middle])]


def test_published_roots() -> None:
    leaves = [leaf_hash(bytes.fromhex(leaf)) for leaf in VECTORS["leaves"]]
    assert [root.hex() for root in grown(leaves)[1]] == VECTORS["roots"]


@pytest.mark.parametrize("case", VECTORS["inclusion"], ids=lambda case: case["desc"])
def test_published_inclusion_proofs(case: dict) -> None:
    proof = [base64.b64decode(one) for one in case["proof"]]
    leaf, root = base64.b64decode(case["leafHash"] or ""), base64.b64decode(case["root"] or "")
    assert included(leaf, case["leafIdx"], case["treeSize"], proof, root) is not case["wantErr"]


@pytest.mark.parametrize("case", VECTORS["consistency"], ids=lambda case: case["desc"])
def test_published_consistency_proofs(case: dict) -> None:
    proof = [base64.b64decode(one) for one in case["proof"]]
    old, new = base64.b64decode(case["root1"] or ""), base64.b64decode(case["root2"] or "")
    good = not case["wantErr"] and not case["desc"].endswith(DO_NOT_CARE)
    assert consistent(case["size1"], case["size2"], proof, old, new) is good


def test_the_vectors_hold_both_good_and_bad_proofs() -> None:
    for kind in ("inclusion", "consistency"):
        assert {case["wantErr"] for case in VECTORS[kind]} == {True, False}


@pytest.mark.parametrize("size", range(len(MANY)))
def test_roots_and_proofs_are_those_of_the_rfcs_recursion(size: int) -> None:
    leaves = MANY[:size]
    assert ROOTS[size] == mth(leaves)
    assert Peaks.of(STORE.__getitem__, size).root() == ROOTS[size]
    for index in range(0, size, 7):
        proof = inclusion_proof(STORE.__getitem__, index, size)
        assert list(proof) == path(index, leaves)
        assert included(MANY[index], index, size, proof, ROOTS[size])
        assert not included(MANY[index], index + 1, size, proof, ROOTS[size]) or size == 1
    for old in range(0, size + 1, 5):
        proof = consistency_proof(STORE.__getitem__, old, size)
        assert list(proof) == (subproof(old, leaves, True) if old else [])
        assert consistent(old, size, proof, ROOTS[old], ROOTS[size])


def test_stored_hashes_are_as_many_as_is_said_and_where_is_said() -> None:
    for size in range(len(MANY) + 1):
        assert len(grown(MANY[:size])[0]) == stored(size)
    for level in range(7):
        for number in range(len(MANY) >> level):
            assert STORE[position(level, number)] == mth(MANY[number << level : (number + 1) << level])


@given(st.integers(1, 129), st.integers(0, 129), st.integers(0, 7), st.integers(0, 255))
def test_a_proof_with_one_bit_changed_proves_nothing(size: int, index: int, step: int, bit: int) -> None:
    index %= size
    for proof, holds in (
        (inclusion_proof(STORE.__getitem__, index, size), lambda p: included(MANY[index], index, size, p, ROOTS[size])),
        (
            consistency_proof(STORE.__getitem__, index, size),
            lambda p: consistent(index, size, p, ROOTS[index], ROOTS[size]),
        ),
    ):
        assert holds(proof)
        assert not holds((*proof, MANY[0]))
        if proof:
            changed = list(proof)
            at = step % len(proof)
            changed[at] = (int.from_bytes(changed[at]) ^ 1 << bit).to_bytes(32)
            assert not holds(changed)
            assert not holds(proof[:-1])


@given(st.integers(1, 10**12), st.data())
def test_proofs_grow_with_the_logarithm(size: int, data: st.DataObject) -> None:
    index = data.draw(st.integers(0, size - 1))
    zero = bytes(32)
    assert len(inclusion_proof(lambda _: zero, index, size)) <= size.bit_length()
    assert len(consistency_proof(lambda _: zero, index, size)) <= size.bit_length() + 1


@given(st.integers(-3, 20), st.integers(-3, 20), st.lists(st.binary(max_size=33), max_size=6), st.binary(), st.binary())
def test_any_proof_at_all_gets_an_answer(a: int, b: int, proof: list[bytes], one: bytes, two: bytes) -> None:
    assert included(one, a, b, proof, two) in (True, False)
    assert consistent(a, b, proof, one, two) in (True, False)
