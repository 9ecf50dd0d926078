"""The SEI of ONVIF Media Signing 26.06 for H.264: a document of TLVs and its signature, as bytes and back. Pure.

    06 05 | payload size | UUID | reserved byte | TLVs ... | signature TLV | 80
    `------------------- the document, which is signed ----'

A TLV is a tag (1 byte), a length (2 bytes) and a value that begins with its version. The document is hashed before
emulation prevention (bit 2 of the reserved byte is 0), so that it does not matter who escapes it again. All numbers
are big endian, as the reference implementation of the specification writes and reads them; the specification's own
text says little endian for times and counter (docs/adr/0006).

>>> parse(seal(document, key.sign(to_be_signed(document)))).document == document
True
"""

import struct
from dataclasses import dataclass
from hashlib import sha256

from agent.signing import nal

UUID = bytes.fromhex("005bc93f2d715e95ada4796f90877a6f")
HASH_SIZE = 32
NO_LINK = bytes(HASH_SIZE)
"""What the very first period is linked to."""
SPECIFICATION = (26, 6, 0)
SIGNATURE_ROOM = 72
"""The longest ECDSA signature over P-256 in DER; the TLV's size must be known before it is signed."""
MOST_HASHES = 2000
"""A TLV holds 65,535 bytes."""

_GENERAL, _HASHES, _SIGNATURE, _CRYPTO, _VENDOR, _CHAIN = 1, 2, 3, 4, 5, 6
_PERIOD = struct.Struct(">B3BBqqIH")
_SHA256 = bytes.fromhex("0609608648016503040201")  # 2.16.840.1.101.3.4.2.1 in DER
_HEADER = b"\x06\x05"
_STOP = b"\x80"
_ESCAPED_FIRST, _CERTIFICATE_ONLY = 0x40, 0x80


@dataclass(frozen=True, slots=True)
class Period:
    """General GOP information (tag 1): a GOP or a part of one.

    `partial`: signed before the GOP's end. Times: of its first picture and of the first after it, in units of 100 ns
    since 1601. `counter`: one more with each period. `link`: the first hash of the period before.
    """

    partial: bool
    begin_100ns: int
    end_100ns: int
    counter: int
    nal_count: int
    gop_hash: bytes
    link: bytes
    specification: tuple[int, int, int] = SPECIFICATION


@dataclass(frozen=True, slots=True)
class Vendor:
    """ONVIF vendor information (tag 5), each at most 255 bytes of UTF-8."""

    firmware: str = ""
    serial: str = ""
    manufacturer: str = ""


@dataclass(frozen=True, slots=True)
class Document:
    """What is signed. `chain`: certificates in PEM, the leaf first, or empty."""

    period: Period
    hashes: tuple[bytes, ...]
    vendor: Vendor = Vendor()
    chain: bytes = b""


@dataclass(frozen=True, slots=True)
class Signed:
    """A document out of a stream: `message` is what `signature` was made over."""

    document: Document
    message: bytes
    signature: bytes


@dataclass(frozen=True, slots=True)
class Flawed:
    """An SEI with the UUID of Media Signing that holds no signed document, and why (a short stable word)."""

    why: str


def list_hash(hashes: tuple[bytes, ...] | list[bytes]) -> bytes:
    """The GOP hash: of all hashes in a row."""
    return sha256(b"".join(hashes)).digest()


def _tlv(tag: int, value: bytes) -> bytes:
    return struct.pack(">BH", tag, len(value)) + value


def _general(period: Period) -> bytes:
    return (
        _PERIOD.pack(
            2,
            *period.specification,
            period.partial,
            period.begin_100ns,
            period.end_100ns,
            period.counter & 0xFFFFFFFF,
            period.nal_count,
        )
        + period.gop_hash
        + period.link
    )


def _vendor(vendor: Vendor) -> bytes:
    texts = (text.encode()[:255] for text in (vendor.firmware, vendor.serial, vendor.manufacturer))
    return b"\x01" + b"".join(bytes((len(text),)) + text for text in texts)


def to_be_signed(document: Document) -> bytes:
    """From the NAL unit's header to the last TLV before the signature, not escaped."""
    tlvs = _tlv(_CRYPTO, b"\x01" + bytes((len(_SHA256),)) + _SHA256 + b"\x00\x00\x00")
    tlvs += _tlv(_VENDOR, _vendor(document.vendor))
    if document.chain:
        tlvs += _tlv(_CHAIN, b"\x01\x00" + document.chain)
    tlvs += _tlv(_GENERAL, _general(document.period))
    tlvs += _tlv(_HASHES, b"\x01" + b"".join(document.hashes))
    size = len(UUID) + 1 + len(tlvs) + 3 + 3 + SIGNATURE_ROOM
    return _HEADER + b"\xff" * (size // 255) + bytes((size % 255,)) + UUID + b"\x00" + tlvs


def seal(message: bytes, signature: bytes) -> bytes:
    """The NAL unit, escaped: `message` of `to_be_signed` with its signature (DER)."""
    room = signature.ljust(SIGNATURE_ROOM, b"\x01")
    return nal.escape(message + _tlv(_SIGNATURE, b"\x01" + struct.pack(">H", len(signature)) + room) + _STOP)


def _payload(raw: bytes) -> tuple[int, int] | None:
    """(begin, end) of the first SEI message's payload in an unescaped NAL unit, if it is user data of Media Signing."""
    if raw[:2] != _HEADER:
        return None
    at, size = 2, 0
    while at < len(raw) and raw[at] == 0xFF:
        at, size = at + 1, size + 255
    if at >= len(raw):
        return None
    begin, end = at + 1, at + 1 + size + raw[at]
    return (begin, end) if raw[begin : begin + len(UUID)] == UUID else None


def _read_vendor(value: bytes) -> Vendor | None:
    texts, at = [], 1
    for _ in range(3):
        if at >= len(value):
            return None
        texts.append(value[at + 1 : at + 1 + value[at]].decode("utf-8", "replace"))
        at += 1 + value[at]
    return Vendor(*texts) if at == len(value) else None


def _read_period(value: bytes) -> Period | None:
    if len(value) != _PERIOD.size + 2 * HASH_SIZE:
        return None
    version, major, minor, patch, partial, begin, end, counter, count = _PERIOD.unpack_from(value)
    link_at = _PERIOD.size + HASH_SIZE
    if version != 2 or partial > 1:
        return None
    gop_hash, link = value[_PERIOD.size : link_at], value[link_at:]
    return Period(bool(partial), begin, end, counter, count, gop_hash, link, (major, minor, patch))


def _read_hashes(value: bytes) -> tuple[bytes, ...] | None:
    if value[:1] != b"\x01" or (len(value) - 1) % HASH_SIZE:
        return None
    return tuple(value[at : at + HASH_SIZE] for at in range(1, len(value), HASH_SIZE))


def _read_signature(value: bytes) -> bytes | None:
    size = int.from_bytes(value[1:3], "big")
    return value[3 : 3 + size] if value[:1] == b"\x01" and 0 < size <= len(value) - 3 else None


def _read_crypto(value: bytes) -> bool:
    size = value[1] if len(value) > 1 else 0
    return value[:1] == b"\x01" and value[2 : 2 + size] == _SHA256


def _tlvs(raw: bytes, at: int, end: int) -> dict[int, tuple[int, bytes]] | None:
    """Where each tag begins, and its value; None when they do not fill the payload exactly or repeat themselves."""
    found: dict[int, tuple[int, bytes]] = {}
    while at < end:
        size = int.from_bytes(raw[at + 1 : at + 3], "big")
        value_at = at + 3
        if value_at + size > end or raw[at] in found or _SIGNATURE in found:
            return None
        found[raw[at]] = (at, raw[value_at : value_at + size])
        at = value_at + size
    return found


def parse(unit: bytes) -> Signed | Flawed | None:
    """What a NAL unit says; None when it is no SEI of Media Signing. Total: hostile bytes give `Flawed`."""
    if nal.kind(unit) != nal.SEI:
        return None
    raw = nal.unescape(unit)
    place = _payload(raw)
    if place is None:
        return None
    begin, end = place
    if raw[end:] != _STOP or end - begin < len(UUID) + 1:
        return Flawed("size")
    reserved = raw[begin + len(UUID)]
    if reserved & ~_ESCAPED_FIRST:
        return Flawed("certificate-only" if reserved & _CERTIFICATE_ONLY else "reserved")
    tlvs = _tlvs(raw, begin + len(UUID) + 1, end)
    if tlvs is None:
        return Flawed("tlv")
    if _SIGNATURE not in tlvs:
        return Flawed("no-signature")
    return _assemble(raw, tlvs, escaped=bool(reserved))


def _assemble(raw: bytes, tlvs: dict[int, tuple[int, bytes]], *, escaped: bool) -> Signed | Flawed:
    values = {tag: value for tag, (_, value) in tlvs.items()}
    if not values.keys() <= {_GENERAL, _HASHES, _SIGNATURE, _CRYPTO, _VENDOR, _CHAIN} or _GENERAL not in values:
        return Flawed("tags")
    if _CRYPTO in values and not _read_crypto(values[_CRYPTO]):
        return Flawed("algorithm")
    period, signature = _read_period(values[_GENERAL]), _read_signature(values[_SIGNATURE])
    hashes = _read_hashes(values.get(_HASHES, b"\x01"))
    vendor = _read_vendor(values.get(_VENDOR, b"\x01\x00\x00\x00"))
    chain = values.get(_CHAIN, b"\x01\x00")
    if period is None or signature is None or hashes is None or vendor is None or chain[:1] != b"\x01":
        return Flawed("values")
    if not hashes or len(hashes) != period.nal_count or list_hash(hashes) != period.gop_hash:
        return Flawed("list")
    message = raw[: tlvs[_SIGNATURE][0]]
    return Signed(Document(period, hashes, vendor, chain[2:]), nal.escape(message) if escaped else message, signature)
