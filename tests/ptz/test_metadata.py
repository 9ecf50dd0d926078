"""Metadata documents: what counts as a position, what is refused, and documents that the network held back."""

from datetime import UTC, datetime

import pytest

from agent.clock import Instant
from agent.lateness import SETTLE_S
from agent.ptz.metadata import Delay, read
from agent.ptz.spaces import Spaces
from agent.ptz.status import BadDocument, Told
from agent.virtual.metadata import spoiled
from agent.virtual.onvif_answers import Ranges, metadata_document
from agent.virtual.reports import Report

SPACES = Spaces((-180.0, 180.0), (-90.0, 90.0), degrees=False)
S = 1_000_000_000


def document(pan_deg: float = 12.5, spaces: str = "generic", *, move_status: bool = True) -> bytes:
    report = Report(pan_deg, -7.25, 0.4, "MOVING", "IDLE")
    ranges = Ranges(spaces=spaces)  # type: ignore[arg-type]
    return metadata_document(report, datetime.now(UTC), ranges, move_status=move_status)


@pytest.mark.parametrize("spaces", ["generic", "degrees"])
def test_a_position_is_the_same_degrees_in_every_space(spaces: str) -> None:
    told = read(document(spaces=spaces))
    assert told is not None
    report = told.report(SPACES, Instant(1), Instant(2))
    assert report is not None
    assert (report.pan_deg, report.tilt_deg, report.zoom) == pytest.approx((12.5, -7.25, 0.4), abs=1e-3)
    assert (report.asked, report.received, report.moving, report.fault) == (1, 2, True, "")


def test_without_a_movestatus_nothing_is_said_about_moving() -> None:
    told = read(document(move_status=False))
    assert told is not None
    report = told.report(SPACES, Instant(1), Instant(2))
    assert report is not None
    assert report.moving is None


def wrapped(inside: str) -> bytes:
    return f'<m:MetadataStream xmlns:m="http://www.onvif.org/ver10/schema">{inside}</m:MetadataStream>'.encode()


def status(x: str = "0", zoom: str = '<m:Zoom x="0"/>', more: str = "") -> str:
    turn = f'<m:PanTilt x="{x}" y="0"/>'
    return f"<m:PTZ><m:PTZStatus><m:Position>{turn}{zoom}</m:Position>{more}</m:PTZStatus></m:PTZ>"


def test_the_last_whole_position_of_a_document_counts() -> None:
    told = read(wrapped(status("0.1") + status("0.2") + status("0.3", zoom="")))
    assert told is not None
    assert told.x == 0.2


def test_a_head_that_says_it_is_ill_is_heard() -> None:
    told = read(wrapped(status(more="<m:Error>Homing</m:Error>")))
    assert told is not None
    assert told.error == "Homing"
    report = told.report(SPACES, Instant(1), Instant(1))
    assert report is not None
    assert report.fault == "Homing"
    well = read(wrapped(status(more="<m:Error>no error</m:Error>")))
    assert well is not None
    report = well.report(SPACES, Instant(1), Instant(1))
    assert report is not None
    assert report.fault == ""


@pytest.mark.parametrize(
    "text",
    [
        wrapped("<m:Event>PTZStatus</m:Event>"),
        wrapped("<m:PTZ><m:PTZStatus><m:MoveStatus/></m:PTZStatus></m:PTZ>"),
        wrapped(status(zoom="")),
        b"<PTZStatus/>",
        wrapped("<m:VideoAnalytics/>"),
    ],
)
def test_what_says_nothing_of_the_head_is_no_position(text: bytes) -> None:
    assert read(text) is None


@pytest.mark.parametrize("how", ["broken", "bomb", "nonsense", "binary", "empty"])
def test_a_hostile_document_is_no_position(how: str) -> None:
    text = spoiled(document(), how)  # type: ignore[arg-type]
    try:
        told = read(text)
    except BadDocument:
        assert how in ("broken", "bomb", "binary")
        return
    assert how in ("nonsense", "empty")
    assert told is None or told.report(SPACES, Instant(1), Instant(1)) is None


@pytest.mark.parametrize(
    "text",
    [
        b'<?xml version="1.0" encoding="ISO-8859-1"?>'
        + wrapped(status(more="<m:Error>x</m:Error>")).replace(b"x<", b"\xe9<"),
        b'<!DOCTYPE a SYSTEM "http://192.0.2.1/x">' + wrapped(status()),
        wrapped(status(more="<m:Error>&unknown;</m:Error>")),
        wrapped("<a>" * 1000 + status() + "</a>" * 1000),
        wrapped(status()).decode().encode("utf-16"),
    ],
    ids=["latin", "dtd", "entity", "deep", "utf16"],
)
def test_xml_that_no_camera_has_reason_to_send_is_refused(text: bytes) -> None:
    with pytest.raises(BadDocument):
        read(text)


def test_long_words_are_cut_and_odd_signs_left_out() -> None:
    told = read(wrapped(status(more=f"<m:Error>a\n{'b' * 1000}</m:Error>")))
    assert told is not None
    assert len(told.error) <= 200
    assert told.error.isprintable()


@pytest.mark.parametrize(
    "told", [Told(float("nan"), 0, 0), Told(0, 2.0, 0), Told(0, 0, -7), Told(0, 0, float("inf")), Told(0, 0, 0, "x:y")]
)
def test_a_position_that_cannot_be_is_none(told: Told) -> None:
    assert told.report(SPACES, Instant(1), Instant(1)) is None


def test_documents_held_back_are_known_to_be_old_and_the_first_second_teaches() -> None:
    delay = Delay()
    start = (1 << 32) - 40_000  # the RTP clock turns over on the way
    found = []
    for at in range(60):
        held_s = 0.6 if 30 <= at < 40 else 0.0
        found.append(delay.of((start + at * 9000) % (1 << 32), Instant(int((at / 10 + held_s) * S))))
    assert found[:10] == [None] * 10
    assert all(one is None or one < 0.001 for one in (*found[:30], *found[41:]))
    assert [round(one or 0, 2) for one in found[30:40]] == [0.6] * 10


def test_a_burst_at_the_beginning_does_not_become_the_measure() -> None:
    delay = Delay()
    assert [delay.of(at * 9000, Instant(2 * S)) for at in range(20)] == [None] * 20
    for at in range(20, 40):
        found = delay.of(at * 9000, Instant(int((0.1 + at / 10) * S)))
    assert found == pytest.approx(0.0, abs=0.002)


def test_a_camera_clock_that_runs_slow_is_followed() -> None:
    delay = Delay()
    for second in range(1, 3600):
        found = delay.of(int(second * 90_000 * (1 - 2e-4)) % (1 << 32), Instant(second * S))
        assert found is None or found < 0.02
    assert SETTLE_S <= 1
