"""The SEI byte for byte as the specification lays it down, and any other bytes refused."""

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from agent.signing.document import Document, Flawed, Period, Signed, Vendor, list_hash, parse, seal, to_be_signed
from agent.signing.nal import escape, unescape

HASH = st.binary(min_size=32, max_size=32)
INT64 = st.integers(-(2**63), 2**63 - 1)


@st.composite
def documents(draw: st.DrawFn) -> Document:
    hashes = tuple(draw(st.lists(HASH, min_size=1, max_size=20)))
    texts = [draw(st.text(max_size=60)) for _ in range(3)]
    period = Period(
        draw(st.booleans()),
        draw(INT64),
        draw(INT64),
        draw(st.integers(0, 2**32 - 1)),
        len(hashes),
        list_hash(hashes),
        draw(HASH),
    )
    return Document(period, hashes, Vendor(*texts), draw(st.binary(max_size=700)))


PLAIN = Document(
    Period(True, 0x0102030405060708, 0x1112131415161718, 0x21222324, 1, list_hash([b"\xaa" * 32]), b"\xbb" * 32),
    (b"\xaa" * 32,),
    Vendor("1.0", "mast", "Vigie"),
)


def test_a_document_byte_for_byte() -> None:
    message = to_be_signed(PLAIN)
    tlvs = (
        "04 0010 01 0b 0609608648016503040201 00 0000"  # SHA-256; nothing said of EC; no RSA
        "05 0010 01 03 312e30 04 6d617374 05 5669676965"
        "01 005b 02 1a0600 01 0102030405060708 1112131415161718 21222324 0001"
        + list_hash([b"\xaa" * 32]).hex()
        + "bb" * 32
        + "02 0021 01"
        + "aa" * 32
    )
    size = 16 + 1 + len(bytes.fromhex(tlvs)) + 3 + 3 + 72
    head = "06 05" + "ff" * (size // 255) + f"{size % 255:02x}" + "005bc93f2d715e95ada4796f90877a6f 00"
    assert message.hex() == bytes.fromhex(head + tlvs).hex()
    tail = "03 004b 01 0003 090909" + "01" * 69 + "80"
    assert unescape(seal(message, b"\x09\x09\x09")).hex() == message.hex() + bytes.fromhex(tail).hex()


@given(documents(), st.binary(min_size=1, max_size=72))
def test_what_is_sealed_is_read_again(document: Document, signature: bytes) -> None:
    sei = seal(to_be_signed(document), signature)
    assert parse(sei) == Signed(document, to_be_signed(document), signature)
    assert b"\x00\x00\x00" not in sei
    assert b"\x00\x00\x01" not in sei


def test_a_document_hashed_after_emulation_prevention_is_read_as_such() -> None:
    whole = unescape(seal(to_be_signed(PLAIN), b"s"))
    at = whole.index(b"\x6f\x00\x04") + 1
    read = parse(escape(whole[:at] + b"\x40" + whole[at + 1 :]))
    assert isinstance(read, Signed)
    assert read.message == escape(whole[:at] + b"\x40" + whole[at + 1 : -79])
    assert read.message != unescape(read.message)


@pytest.mark.parametrize(
    ("why", "harm"),
    [
        ("size", lambda raw: raw[:-1]),
        ("size", lambda raw: raw + b"\x80"),
        ("size", lambda raw: raw[:40]),
        ("reserved", lambda raw: raw.replace(b"\x6f\x00\x04", b"\x6f\x01\x04")),
        ("certificate-only", lambda raw: raw.replace(b"\x6f\x00\x04", b"\x6f\x80\x04")),
        ("tlv", lambda raw: raw.replace(b"\x02\x00\x21\x01", b"\x02\xff\x21\x01")),
        ("tlv", lambda raw: raw.replace(b"\x02\x00\x21\x01", b"\x01\x00\x21\x01")),
        ("tags", lambda raw: raw.replace(b"\x02\x00\x21\x01", b"\x09\x00\x21\x01")),
        ("no-signature", lambda raw: raw.replace(b"\x03\x00\x4b\x01", b"\x09\x00\x4b\x01")),
        ("values", lambda raw: raw.replace(b"\x03\x00\x4b\x01\x00", b"\x03\x00\x4b\x01\x01")),
        ("values", lambda raw: raw.replace(b"\x01\x00\x5b\x02", b"\x01\x00\x5b\x01")),
        ("values", lambda raw: raw.replace(b"\x05\x00\x10\x01\x03", b"\x05\x00\x10\x01\x09")),
        ("algorithm", lambda raw: raw.replace(b"\x03\x04\x02\x01", b"\x03\x04\x02\x03")),
        ("list", lambda raw: raw.replace(b"\xaa" * 32, b"\xac" * 32)),
        ("list", lambda raw: raw.replace(b"\x24\x00\x01", b"\x24\x00\x02")),
    ],
)
def test_a_malformed_sei_is_told_with_its_reason(why: str, harm) -> None:  # type: ignore[no-untyped-def]
    raw = unescape(seal(to_be_signed(PLAIN), b"s"))
    harmed = harm(raw)
    assert harmed != raw
    assert parse(escape(harmed)) == Flawed(why)


def test_nothing_may_stand_behind_the_signature_where_it_would_not_be_signed() -> None:
    raw = unescape(seal(to_be_signed(PLAIN), b"s"))
    at = raw.index(b"\x05\x00\x10\x01\x03")
    vendor = raw[at : at + 19]
    assert parse(escape(raw.replace(vendor, b"", 1)[:-1] + vendor + b"\x80")) == Flawed("tlv")


def test_other_units_are_none_of_ours() -> None:
    sei = seal(to_be_signed(PLAIN), b"s")
    assert parse(b"") is None
    assert parse(b"\x65\x88") is None
    assert parse(sei.replace(b"\x5b\xc9", b"\x5b\xc8")) is None
    assert parse(b"\x06\x05\xff") is None


@given(st.binary(max_size=200), st.integers(0, 600), st.binary(max_size=8))
def test_hostile_bytes_never_raise(tail: bytes, cut: int, patch: bytes) -> None:
    sei = unescape(seal(to_be_signed(PLAIN), b"s"))
    for raw in (sei[:cut] + tail, sei[:cut] + patch + sei[cut + len(patch) :], b"\x06" + tail):
        assert isinstance(parse(escape(raw)), Signed | Flawed | None)


def test_texts_longer_than_their_field_are_cut() -> None:
    read = parse(seal(to_be_signed(replace(PLAIN, vendor=Vendor("f" * 300))), b"s"))
    assert isinstance(read, Signed)
    assert read.document.vendor.firmware == "f" * 255
