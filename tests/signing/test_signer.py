"""What the stage between encoder and fan-out puts into the stream, and what it leaves alone."""

import itertools
from dataclasses import replace
from hashlib import sha256

import av
import pytest

from agent.signing import nal
from agent.signing.chain import MOST_NALS, PERIOD_90K, Chain
from agent.signing.document import NO_LINK, Document, Signed, list_hash, parse
from agent.signing.signer import Signer, signed_sets, utc_ms
from agent.units import AccessUnit
from tests.signing.material import BEGIN_NS, KEY, STEP, judge, nals, plain, rebuilt, signed


def documents(units: list[AccessUnit]) -> list[tuple[int, Document]]:
    """(number of the picture that carries it, document)."""
    found = []
    for n, unit in enumerate(units):
        for one in nals(unit):
            read = parse(one)
            if read is not None:
                assert isinstance(read, Signed)
                found.append((n, read.document))
    return found


def without_signatures(unit: AccessUnit) -> list[bytes]:
    return [one for one in nals(unit) if parse(one) is None]


def test_nothing_but_the_bytes_changes_and_no_other_unit_is_touched() -> None:
    for before, after in zip(plain(160), signed(160), strict=True):
        assert replace(after, data=before.data) == before
        assert without_signatures(after) == nals(before)


def test_each_half_second_is_signed_and_each_gop_end_a_picture_behind_the_keyframe() -> None:
    found = documents(signed(160))
    assert [n for n, _ in found] == [13, 26, 39, 51, 63, 76, 89, 101, 113, 126, 139, 151]
    assert [one.period.partial for _, one in found] == [True, True, True, False] * 3
    assert [one.period.counter for _, one in found] == list(range(1, 13))
    begins = [(utc_ms(one.period.begin_100ns) - BEGIN_NS // 10**6) // 40 for _, one in found]
    assert begins == [0, 13, 26, 39, 50, 63, 76, 89, 100, 113, 126, 139]
    assert all(one.period.end_100ns == two.period.begin_100ns for (_, one), (_, two) in itertools.pairwise(found))
    assert [n for n, one in found if one.chain] == [13, 51, 101, 151]  # where files begin, and at the very first


def test_the_sei_stands_before_the_slices_and_behind_the_parameter_sets() -> None:
    for unit in signed(160):
        kinds = [nal.kind(one) for one in nals(unit)]
        assert kinds == sorted(kinds, key=[nal.SPS, nal.PPS, nal.SEI, 1, nal.IDR].index)


def test_the_hashes_are_those_of_the_specification() -> None:
    units = signed(60)
    (_, first), (_, second), *_ = documents(units)
    slices = [one for unit in units[:26] for one in nals(unit) if nal.kind(one) in nal.SLICES]
    anchor = sha256(slices[0]).digest()
    expected = [anchor, *(sha256(anchor + sha256(one).digest()).digest() for one in slices[1:])]
    assert list(first.hashes + second.hashes) == expected
    assert (first.period.link, second.period.link) == (NO_LINK, anchor)
    assert first.period.gop_hash == list_hash(first.hashes)
    assert first.period.nal_count == len(first.hashes) == 26  # 13 pictures of two slices


def test_gops_of_one_picture_are_each_signed() -> None:
    signer = Signer(KEY, "m")
    keyframe = plain(1)[0]
    units = [signer.sign(replace(keyframe, pts_90k=n * STEP)) for n in range(5)]
    assert [n for n, _ in documents(units)] == [2, 3, 4]
    report = judge(units)
    assert [one.kind for one in report.findings] == ["valid", "tail"]


def test_a_camera_of_one_picture_a_second_has_two_signatures_in_one_picture() -> None:
    signer = Signer(KEY, "m")
    units = [signer.sign(replace(unit, pts_90k=n * 90_000)) for n, unit in enumerate(plain(60))]
    assert [n for n, _ in documents(units)][-3:] == [57, 58, 59]
    assert [n for n, _ in documents(units)].count(51) == 2
    assert [one.kind for one in judge(units).findings] == ["valid", "tail"]


def test_a_new_connection_goes_on_in_the_same_chain() -> None:
    signer = Signer(KEY, "m")
    again = [replace(unit, pts_90k=unit.pts_90k + 400_000, epoch=2) for unit in plain(30)]
    units = [signer.sign(unit) for unit in (*plain(30), *again)]
    assert judge(units).intact
    assert [one.period.counter for _, one in documents(units)] == [1, 2, 3, 4, 5]
    assert [one.period.partial for _, one in documents(units)] == [True, True, False, True, True]


def test_a_media_clock_that_stands_still_cannot_make_a_period_endless() -> None:
    chain = Chain()
    pictures = [[b"\x65\x88" if n == k == 0 else b"\x41\x08" + bytes((n, k)) for k in range(16)] for n in range(60)]
    closed = [chain.take(slices, 0, 0) for slices in pictures]
    assert [len(one[1]) for one in closed if one is not None] == [MOST_NALS // 16 * 16] * 3


def test_before_the_first_keyframe_nothing_is_signed() -> None:
    signer = Signer(KEY, "m")
    units = [signer.sign(unit) for unit in plain(70)[5:]]
    assert documents(units)[0][0] == 45 + 13
    assert units[:45] == list(plain(70)[5:50])


def test_units_without_slices_pass() -> None:
    signer = Signer(KEY, "m")
    empty = rebuilt(plain(1)[0], [b"\x09\xf0"])
    assert signer.sign(empty) == empty
    assert signer.sign(replace(empty, data=b"")).data == b""


def test_the_parameter_sets_in_force_are_named() -> None:
    units = signed(60)
    sets = [one for one in nals(units[0]) if nal.kind(one) in (nal.SPS, nal.PPS)]
    (_, document), *_ = documents(units)
    assert len(sets) == len(signed_sets(document.vendor.firmware)) == 2
    assert document.vendor.serial == "m/c/main"


@pytest.mark.parametrize("threads", [1, 4])
def test_a_signed_stream_decodes_like_the_unsigned_one(threads: int) -> None:
    def decoded(units: list[AccessUnit]) -> list[bytes]:
        decoder = av.CodecContext.create("h264", "r")
        frames = [frame for unit in units for frame in decoder.decode(av.Packet(unit.data))]
        return [frame.to_ndarray().tobytes() for frame in (*frames, *decoder.decode(None))]

    assert decoded(signed(60, threads=threads)) == decoded(list(plain(60, threads=threads)))


def test_a_period_is_half_a_second() -> None:
    assert PERIOD_90K == 45_000
