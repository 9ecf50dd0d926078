"""What is kept of an aim: it comes back as it was, and no file can do harm."""

import base64
import contextlib
import json
import zlib

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from agent.aim.edges import COLUMNS, ROWS
from agent.aim.match import Offset
from agent.aim.references import AimState, Approval, Lost, Reference, decode, encode, quantised


def state() -> AimState:
    random = np.random.default_rng(3)
    edges = quantised(random.normal(0, 1, (ROWS, COLUMNS)).astype(np.float32))
    seen = random.random((ROWS, COLUMNS)) > 0.2
    one = Reference(edges, seen, False, 1_795_000_000_000, Offset(0.25, -0.5, 0.001, 0.002), 0.15)
    return AimState((one,), Lost(1_795_000_000_001, 3.25), (Approval("entry 5", 5),), "ab")


def test_a_state_comes_back_as_it_was() -> None:
    before, after = state(), decode(encode(state()))
    assert (after.lost, after.approvals, after.masks) == (before.lost, before.approvals, before.masks)
    a, b = before.references[0], after.references[0]
    assert np.array_equal(a.edges, b.edges)
    assert np.array_equal(a.seen, b.seen)
    assert (a.first, a.at_ms, a.offset, a.slack_px) == (b.first, b.at_ms, b.offset, b.slack_px)


@pytest.mark.parametrize(
    "change",
    [
        {"version": 2},
        {"references": [{}]},
        {"lost": {"since_ms": "x", "far_px": None}},
        {"extra": 1},
        {"approvals": None},
    ],
)
def test_a_file_of_another_shape_is_refused(change: dict[str, object]) -> None:
    told = json.loads(encode(state()))
    with pytest.raises(ValueError, match="aim file"):
        decode(json.dumps({**told, **change}).encode())


@pytest.mark.parametrize(
    "edges",
    [
        "****",
        base64.b64encode(b"no zlib").decode(),
        base64.b64encode(zlib.compress(b"short")).decode(),
        base64.b64encode(zlib.compress(bytes(ROWS * COLUMNS + 1)[:-2])).decode(),
    ],
)
def test_edges_that_do_not_unpack_are_refused(edges: str) -> None:
    told = json.loads(encode(state()))
    told["references"][0]["edges"] = edges
    with pytest.raises(ValueError):  # noqa: PT011  whatever it says: the file is of no use
        decode(json.dumps(told).encode())


def test_a_packed_bomb_gives_no_more_than_a_reference() -> None:
    told = json.loads(encode(state()))
    told["references"][0]["edges"] = base64.b64encode(zlib.compress(bytes(20 << 20))).decode()
    assert decode(json.dumps(told).encode()).references[0].edges.shape == (ROWS, COLUMNS)


@given(st.binary(max_size=200), st.integers(0, 4000))
def test_a_damaged_file_is_refused_or_read_and_never_more(junk: bytes, at: int) -> None:
    raw = encode(state())
    damaged = raw[:at] + junk + raw[at + len(junk) :]
    with contextlib.suppress(ValueError):
        assert isinstance(decode(damaged), AimState)


def test_a_name_that_an_older_file_holds_is_forgotten() -> None:
    older = encode(AimState(approvals=(Approval("C. Durand", 5), Approval("entry 6", 6))))
    assert decode(older).approvals == (Approval("", 5), Approval("entry 6", 6))
