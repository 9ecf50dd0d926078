"""Every kind of tampering on a real encoded stream, each seen and named; and what is left intact stays valid."""

import dataclasses
import random
from collections.abc import Callable
from dataclasses import replace

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from agent.signing import nal
from agent.signing.check import MOST_PENDING, Judge
from agent.signing.document import Document, Signed, parse, seal, to_be_signed
from agent.signing.signer import Signer
from agent.signing.verdict import Report, Verdict
from agent.units import AccessUnit
from tests.signing.material import DEVICE, KEY, judge, made_identity, made_key, nals, plain, rebuilt, signed

Units = list[AccessUnit]
PICTURES = 160
SEIS = [13, 26, 39, 51, 63, 76, 89, 101, 113, 126, 139, 151]
"""Pictures that carry a signature."""


def kinds(report: Report) -> list[str]:
    return [one.kind for one in report.findings]


def at(units: Units, n: int, change: Callable[[list[bytes]], list[bytes]]) -> Units:
    """The units, with the NAL units of picture `n` changed."""
    return [rebuilt(unit, change(nals(unit))) if k == n else unit for k, unit in enumerate(units)]


def is_slice(unit: bytes) -> bool:
    return nal.kind(unit) in nal.SLICES


def is_signature(unit: bytes) -> bool:
    return parse(unit) is not None


def strip(parts: list[bytes]) -> list[bytes]:
    return [one for one in parts if not is_signature(one)]


def flip(unit: bytes, bit: int) -> bytes:
    """One bit of a NAL unit's body turned over."""
    place = 2 + bit // 8 % (len(unit) - 3)
    return unit[:place] + bytes((unit[place] ^ 1 << bit % 8,)) + unit[place + 1 :]


def flip_slice(which: int, bit: int) -> Callable[[list[bytes]], list[bytes]]:
    def change(parts: list[bytes]) -> list[bytes]:
        places = [k for k, one in enumerate(parts) if is_slice(one)]
        return [flip(one, bit) if k == places[which] else one for k, one in enumerate(parts)]

    return change


def resigned(change: Callable[[Document], Document]) -> Callable[[list[bytes]], list[bytes]]:
    """A document changed under its old signature."""

    def one(unit: bytes) -> bytes:
        read = parse(unit)
        return seal(to_be_signed(change(read.document)), read.signature) if isinstance(read, Signed) else unit

    return lambda parts: [one(unit) for unit in parts]


def period(**changes: object) -> Callable[[Document], Document]:
    return lambda document: replace(document, period=replace(document.period, **changes))  # type: ignore[arg-type]


def the_stretch(report: Report, kind: str) -> tuple[int, int]:
    """Where a finding of this kind lies, counted from 0."""
    (one,) = [one for one in report.findings if one.kind == kind]
    return one.first_picture - 1, one.last_picture - 1


def test_an_untouched_stream_is_valid_up_to_its_tail() -> None:
    report = judge(signed())
    assert kinds(report) == ["valid", "tail"]
    assert the_stretch(report, "valid") == (0, 149)
    assert (report.pictures, report.vouched, report.source) == (PICTURES, True, "m/c/main")
    assert Verdict(report).word == "up-to"
    assert Verdict(report).verified_to == report.findings[0].last_picture


@pytest.mark.parametrize("picture", [0, 1, 12, 13, 45, 50, 51, 100, 149])
@pytest.mark.parametrize("which", [0, 1])
def test_one_bit_of_a_slice(picture: int, which: int) -> None:
    draw = random.Random(picture * 2 + which)
    report = judge(at(signed(), picture, flip_slice(which, draw.randrange(10_000))))
    assert kinds(report).count("altered") == 1
    first, last = the_stretch(report, "altered")
    assert first <= picture <= last <= first + 13
    assert not report.intact


def test_two_slices_of_a_picture_swapped() -> None:
    report = judge(at(signed(), 30, lambda parts: parts[::-1]))
    assert kinds(report) == ["valid", "moved", "valid", "tail"]


def test_two_pictures_swapped() -> None:
    units = signed()
    units[70], units[71] = units[71], units[70]
    report = judge(units)
    assert kinds(report) == ["valid", "moved", "valid", "tail"]
    assert the_stretch(report, "moved") == (63, 75)


@pytest.mark.parametrize("picture", [5, 13, 45, 50, 51, 75, 99, 149])
def test_a_picture_dropped(picture: int) -> None:
    units = signed()
    del units[picture]
    report = judge(units)
    assert "missing" in kinds(report) or picture == SEIS[0]  # with it went the certificate: unsigned up to the next
    assert not report.intact


def test_a_gop_dropped_at_its_keyframes() -> None:
    units = signed()
    report = judge(units[:50] + units[100:])
    assert {"missing"} <= set(kinds(report)) <= {"valid", "missing", "unsigned", "tail"}
    assert sum(one.slices for one in report.findings if one.why == "counter" and one.kind == "missing") >= 3


def test_half_a_second_dropped_with_its_signature() -> None:
    units = signed()
    report = judge(units[:64] + units[77:])  # pictures and SEI of one period, exactly
    assert "missing" in kinds(report)


def test_gops_in_another_order() -> None:
    units = signed()
    report = judge(units[:50] + units[100:150] + units[50:100] + units[150:])
    assert "moved" in kinds(report)
    assert not report.intact


def test_a_gop_shown_twice() -> None:
    units = signed()
    report = judge(units[:100] + units[50:100] + units[100:])
    assert not report.intact
    assert "moved" in kinds(report)


def test_a_picture_shown_twice() -> None:
    units = signed()
    report = judge(units[:31] + units[30:])
    assert kinds(report) == ["valid", "altered", "valid", "tail"]


@pytest.mark.parametrize("picture", [30, 50])
def test_a_picture_of_another_film(picture: int) -> None:
    units, other = signed(), signed(seed=1)
    units[picture] = rebuilt(
        units[picture],
        [*filter(is_signature, nals(units[picture])), *(one for one in nals(other[picture]) if not is_signature(one))],
    )
    report = judge(units)
    assert kinds(report) == ["valid", "altered", "valid", "tail"]


def test_every_signature_stripped_reads_as_unsigned() -> None:
    report = judge([rebuilt(unit, strip(nals(unit))) for unit in signed()])
    assert [(one.kind, one.first_picture, one.last_picture) for one in report.findings] == [("unsigned", 1, PICTURES)]
    assert not report.intact


@pytest.mark.parametrize("picture", SEIS[:-1])
def test_one_signature_stripped(picture: int) -> None:
    report = judge(at(signed(), picture, strip))
    assert "unsigned" in kinds(report)
    assert not report.intact
    bad = [one for one in report.findings if one.kind not in ("valid", "tail")]
    reach = 40 if picture == SEIS[0] else 15  # the first one brought the certificate
    assert all(picture - 15 <= one.first_picture and one.last_picture <= picture + reach for one in bad)


@pytest.mark.parametrize("picture", SEIS)
def test_the_signature_of_another_film(picture: int) -> None:
    other = nals(signed(seed=1)[picture])
    taken = [one for one in other if is_signature(one)]
    report = judge(at(signed(), picture, lambda parts: [*taken, *strip(parts)]))
    assert not report.intact
    assert "altered" in kinds(report)


@pytest.mark.parametrize("picture", SEIS)
def test_one_bit_of_a_signature(picture: int) -> None:
    def harm(unit: bytes) -> bytes:
        read = parse(unit)
        if not isinstance(read, Signed):
            return unit
        return seal(read.message, read.signature[:20] + bytes((read.signature[20] ^ 4,)) + read.signature[21:])

    report = judge(at(signed(), picture, lambda parts: list(map(harm, parts))))
    bad = [one for one in report.findings if one.kind not in ("valid", "tail")]
    assert ("altered", "signature") in {(one.kind, one.why) for one in bad}
    assert not report.intact


@pytest.mark.parametrize(
    "change",
    [
        period(counter=99),
        period(counter=5),
        period(link=bytes(32)),
        period(partial=False),
        period(begin_100ns=1),
        period(end_100ns=1),
        lambda document: replace(document, vendor=replace(document.vendor, serial="m/other/main")),
        lambda document: replace(document, vendor=replace(document.vendor, firmware="vigie")),
        lambda document: replace(document, chain=made_key().chain),
    ],
)
def test_a_document_rewritten_under_its_signature(change: Callable[[Document], Document]) -> None:
    report = judge(at(signed(), 76, resigned(change)))
    assert kinds(report).count("valid") == 2
    assert kinds(report)[1] in ("altered", "foreign")


def test_a_list_rewritten_for_other_pictures_and_signed_with_another_key() -> None:
    """Somebody who has no key of the mast signs their own film: never valid where the mast is named."""
    film = signed(seed=2, key=made_key(made_identity()))
    report = judge(film)
    assert report.vouched is False
    assert "valid" not in kinds(report)
    assert "foreign" in kinds(report)
    alone = judge(film, device=None)
    assert (alone.intact, Verdict(alone).word, Verdict(alone).verified_to) == (True, "unvouched", 0)


@pytest.mark.parametrize("first", ["ours", "theirs"])
@pytest.mark.parametrize("named", [True, False])
def test_a_film_of_another_key_spliced_in(first: str, named: bool) -> None:
    ours, theirs = signed(), signed(seed=2, key=made_key(made_identity()))
    film = ours[:100] + theirs[100:] if first == "ours" else theirs[:100] + ours[100:]
    report = judge(film, DEVICE if named else None)
    assert not report.intact
    assert "foreign" in kinds(report)


def test_a_film_of_another_camera_of_the_same_mast_spliced_in() -> None:
    report = judge(signed()[:100] + signed(seed=3, name="m/other/main")[100:])
    assert not report.intact
    assert ("foreign", "camera") in {(one.kind, one.why) for one in report.findings}


def test_another_signing_key_of_the_same_mast_is_believed() -> None:
    """The signing key was lost and made anew: both are the mast's, and the seam is told."""
    report = judge(signed() + signed(seed=1, key=made_key()))
    assert report.vouched is True
    assert "restart" in kinds(report)
    assert "foreign" not in kinds(report)


def test_another_run_of_the_same_length_spliced_in_at_a_keyframe() -> None:
    """Both runs count from 1 and are the mast's own: only the link to what came before tells them apart."""
    one, other = signed(), signed(seed=1)
    seam = [*filter(is_signature, nals(one[101])), *strip(nals(other[101]))]
    report = judge([*one[:100], other[100], rebuilt(other[101], seam), *other[102:]])
    assert [(found.kind, found.why) for found in report.findings] == [
        ("valid", ""),
        ("altered", "link"),
        ("valid", ""),
        ("tail", "end"),
    ]


def test_a_restart_is_told_and_what_was_not_signed_before_it() -> None:
    report = judge(signed() + signed(seed=1))
    assert kinds(report) == ["valid", "restart", "unsigned", "valid", "tail"]
    assert not report.intact


@pytest.mark.parametrize("begin", [50, 100])
@pytest.mark.parametrize("end", [120, 149, 150, 151, 152, 159, 160])
def test_a_file_from_a_keyframe_on_verifies_as_far_as_it_goes(begin: int, end: int) -> None:
    report = judge(signed()[begin:end])
    assert kinds(report) == ["valid", "tail"]
    assert Verdict(report).word == "up-to"
    assert Verdict(report).verified_to == report.findings[0].last_picture
    assert report.findings[1].slices <= 2 * 14
    assert report.findings[0].last_picture + 1 == report.findings[1].first_picture


@pytest.mark.parametrize("end", range(14, 64))
def test_a_file_cut_at_any_picture_verifies_up_to_half_a_second_before(end: int) -> None:
    report = judge(signed()[:end])
    assert kinds(report) == ["valid", "tail"]
    assert the_stretch(report, "tail")[0] >= end - 14


def test_a_tail_longer_than_any_signed_period_is_unsigned() -> None:
    units = signed()
    report = judge(units[:100] + [rebuilt(unit, strip(nals(unit))) for unit in units[100:]])
    assert kinds(report) == ["valid", "unsigned"]


def test_a_forged_tail_of_fewer_slices_gets_no_longer_than_half_a_second() -> None:
    """As many slices as a signature may cover, but one a picture and not two: twice the time."""
    units = signed()
    forged = [rebuilt(unit, [next(filter(is_slice, nals(unit)))]) for unit in plain(190)[152:174]]
    report = judge(units[:152] + forged)
    assert kinds(report) == ["valid", "unsigned"]


@pytest.mark.parametrize("end", range(100, 151, 7))
def test_a_forged_tail_is_never_within_what_is_verified(end: int) -> None:
    forged = [rebuilt(unit, strip(nals(unit))) for unit in signed(seed=1)[end : end + 10]]
    verdict = Verdict(judge(signed()[:end] + forged))
    assert 0 <= verdict.verified_to <= end
    assert verdict.word != "whole"


def test_a_file_too_short_for_a_signature_proves_nothing() -> None:
    report = judge(signed()[:5])
    assert kinds(report) == ["unsigned"]
    assert not report.intact


def sets(parts: list[bytes]) -> list[bytes]:
    return [one for one in parts if nal.kind(one) in (nal.SPS, nal.PPS)]


@pytest.mark.parametrize("picture", [0, 50, 51, 60])
def test_parameter_sets_altered_or_slipped_in(picture: int) -> None:
    """A cropping rectangle in an SPS hides a part of every picture and changes no slice."""
    sps = flip(sets(nals(signed()[0]))[0], 40)
    report = judge(at(signed(), picture, lambda parts: [sps, *(one for one in parts if nal.kind(one) != nal.SPS)]))
    assert ("altered", "parameter-sets") in {(one.kind, one.why) for one in report.findings}


def test_parameter_sets_slipped_in_behind_the_slices() -> None:
    sps = flip(sets(nals(signed()[0]))[0], 40)
    report = judge(at(signed(), 59, lambda parts: [*parts, sps]))
    assert ("altered", "parameter-sets") in {(one.kind, one.why) for one in report.findings}


def test_a_header_that_nobody_signed() -> None:
    honest = sets(nals(signed()[0]))
    for header, intact in ((honest, True), ([flip(honest[0], 40), honest[1]], False)):
        made = Judge(None, header)
        for unit in signed():
            made.take(nals(unit))
        assert made.report().intact is intact


def test_a_muxer_that_keeps_parameter_sets_in_the_header_only() -> None:
    made = Judge(None, sets(nals(signed()[0])))
    for unit in signed():
        made.take([one for one in nals(unit) if nal.kind(one) not in (nal.SPS, nal.PPS)])
    assert made.report().intact


def test_a_signature_sent_twice_counts_once() -> None:
    def twice(parts: list[bytes]) -> list[bytes]:
        return [one for part in parts for one in ([part, part] if is_signature(part) else [part])]

    assert judge([rebuilt(unit, twice(nals(unit))) for unit in signed()]).intact


def test_delimiters_and_other_seis_change_nothing() -> None:
    """What a muxer may add: an access unit delimiter, and an SEI of its own, which is told as not covered."""
    report = judge([rebuilt(unit, [b"\x09\xf0", b"\x06\x80\x01\x00\x80", *nals(unit)]) for unit in signed()])
    assert Verdict(report).word == "up-to"
    assert Verdict(report).verified_to == report.findings[0].last_picture
    assert report.uncovered[nal.SEI] >= PICTURES
    assert nal.DELIMITER not in report.uncovered


def test_a_file_of_slices_alone_needs_bounded_memory() -> None:
    judged = Judge()
    for n in range(3):
        judged.take([b"\x65\x88" + n.to_bytes(1) + k.to_bytes(3) for k in range(MOST_PENDING)])
    assert len(judged._pending) <= MOST_PENDING
    report = judged.report()
    assert kinds(report) == ["unsigned"]
    assert sum(one.slices for one in report.findings) == 3 * MOST_PENDING


UNITS = signed(80)


@settings(max_examples=150, deadline=None)
@given(st.integers(0, 63), st.integers(0, 2**20), st.data())
def test_any_bit_of_any_covered_unit_is_seen(picture: int, bit: int, data: st.DataObject) -> None:
    """Pictures 0 to 62 are signed here; only what the specification does not hash may change unseen."""
    parts = nals(UNITS[picture])
    covered = [k for k, one in enumerate(parts) if is_slice(one) or is_signature(one) or sets([one])]
    which = data.draw(st.sampled_from(covered))
    place = bit % len(parts[which])
    harmed = bytearray(parts[which])
    harmed[place] ^= 1 << (bit >> 8) % 8
    renamed = place == 0 and sets([parts[which]])  # no parameter set any more: the decoder keeps the one it has
    if not renamed:
        report = judge(at(UNITS, picture, lambda _: [*parts[:which], bytes(harmed), *parts[which + 1 :]]))
        padding = is_signature(parts[which]) and place > len(parts[which]) - 4  # after the signature's true end
        assert not report.intact or padding


@settings(max_examples=60, deadline=None)
@given(st.lists(st.integers(0, 79), min_size=1, max_size=80))
def test_any_other_choice_of_pictures_is_valid_only_in_one_piece(order: list[int]) -> None:
    report = judge([UNITS[n] for n in order])
    whole = order == list(range(order[0], order[0] + len(order)))
    assert not report.intact or whole


@settings(max_examples=100, deadline=None)
@given(st.lists(st.lists(st.binary(max_size=40), max_size=4), max_size=8))
def test_hostile_units_never_raise_and_are_never_valid(pictures: list[list[bytes]]) -> None:
    made = Judge()
    for parts in pictures:
        made.take(parts)
    assert not made.report().intact


def test_findings_are_values() -> None:
    assert dataclasses.is_dataclass(judge(signed()).findings[0])
    assert plain(5) == plain(5)
    assert Signer(KEY, "x") is not Signer(KEY, "x")
