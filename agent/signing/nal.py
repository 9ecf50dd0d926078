"""H.264 NAL units (ITU-T H.264 sections 7.3.1, 7.4.1, annex B): cutting, kinds, emulation prevention. Pure and total.

Whatever bytes come in, something comes out: a length that lies yields a shorter unit, whose hash is then wrong.

>>> [nal.hex() for nal in split_annex_b(bytes.fromhex("00000001 09f0 000001 6588"))]
['09f0', '6588']
"""

import re

SEI, SPS, PPS, DELIMITER = 6, 7, 8, 9
IDR = 5
SLICES = frozenset({1, 2, 3, 4, 5})
"""The kinds that carry picture (VCL) in a baseline stream."""
START = b"\x00\x00\x01"
LONG_START = b"\x00\x00\x00\x01"

_NEEDS_ESCAPE = re.compile(rb"\x00\x00(?=[\x00-\x03])")


def kind(nal: bytes) -> int:
    """nal_unit_type; 0 (unspecified) of an empty one."""
    return nal[0] & 0x1F if nal else 0


def starts_picture(nal: bytes) -> bool:
    """True for a picture's first slice: `first_mb_in_slice` is 0, which ue(v) writes as a single 1 bit."""
    return kind(nal) in SLICES and len(nal) > 1 and nal[1] & 0x80 != 0


def starts_gop(nal: bytes) -> bool:
    """True for the first slice of an IDR picture."""
    return kind(nal) == IDR and starts_picture(nal)


def places(data: bytes) -> list[tuple[int, int]]:
    """(begin, end) of each NAL unit in an Annex B access unit, without start codes and trailing zeros."""
    found = []
    at = data.find(START)
    while at != -1:
        begin = at + len(START)
        at = data.find(START, begin)
        end = len(data) if at == -1 else at
        while end > begin and data[end - 1] == 0:
            end -= 1
        if end > begin:
            found.append((begin, end))
    return found


def split_annex_b(data: bytes) -> list[bytes]:
    """The NAL units of an Annex B access unit."""
    return [data[begin:end] for begin, end in places(data)]


def split_lengths(data: bytes, length_size: int) -> list[bytes]:
    """The NAL units of an access unit as MP4 stores it: each behind its length in `length_size` bytes (big endian)."""
    found = []
    at = 0
    while at + length_size < len(data):
        begin = at + length_size
        at = begin + int.from_bytes(data[at:begin], "big")
        if nal := data[begin:at].rstrip(b"\x00"):
            found.append(nal)
    return found


def escape(payload: bytes) -> bytes:
    """With emulation prevention bytes (section 7.4.1.1)."""
    return _NEEDS_ESCAPE.sub(b"\x00\x00\x03", payload)


def unescape(nal: bytes) -> bytes:
    """Without emulation prevention bytes."""
    return nal.replace(b"\x00\x00\x03", b"\x00\x00")
