"""Cutting and escaping NAL units, whatever bytes come."""

from hypothesis import given
from hypothesis import strategies as st

from agent.signing.nal import (
    SLICES,
    escape,
    kind,
    split_annex_b,
    split_lengths,
    starts_gop,
    starts_picture,
    unescape,
)

ZEROS = st.lists(st.sampled_from([b"\x00", b"\x01", b"\x02", b"\x03", b"\x04", b"\xff"])).map(b"".join)


def test_start_codes_of_three_and_four_bytes_and_trailing_zeros() -> None:
    data = bytes.fromhex("00000001 09f0 000001 6588 0000 00000001 4188 000000")
    assert [one.hex() for one in split_annex_b(data)] == ["09f0", "6588", "4188"]


def test_lengths_that_lie_give_shorter_units() -> None:
    assert split_lengths(bytes.fromhex("00000002 6588 00000009 4188"), 4) == [b"\x65\x88", b"\x41\x88"]
    assert split_lengths(bytes.fromhex("0002 6588"), 2) == [b"\x65\x88"]
    assert split_lengths(b"\x00\x00\x00", 4) == []


def test_the_first_slice_of_an_idr_opens_a_gop() -> None:
    assert starts_gop(b"\x65\x88")
    assert not starts_gop(b"\x65\x08")  # a later slice: first_mb_in_slice is not 0
    assert not starts_gop(b"\x41\x9a")
    assert starts_picture(b"\x41\x9a")
    assert not starts_picture(b"\x67\x9a")
    assert kind(b"") not in SLICES


@given(ZEROS)
def test_escaping_leaves_no_start_code_and_is_undone(payload: bytes) -> None:
    payload += b"\x80"
    escaped = escape(payload)
    assert not any(code in escaped for code in (b"\x00\x00\x00", b"\x00\x00\x01", b"\x00\x00\x02"))
    assert unescape(escaped) == payload
    assert split_annex_b(b"\x00\x00\x01" + escaped) == [escaped]


@given(st.binary(max_size=300), st.integers(1, 4))
def test_any_bytes_are_cut_into_units_that_lie_within_them(data: bytes, length_size: int) -> None:
    for units in (split_annex_b(data), split_lengths(data, length_size)):
        assert all(one and one in data for one in units)
        assert sum(map(len, units)) <= len(data)
