"""A question that is asked often: the same message as any other call's, and whatever is no position told as ever."""

import re
import socket
from collections.abc import Callable
from datetime import datetime, timedelta

import pytest
from lxml import etree

from agent.errors import HeadError, HeadRefused, HeadSilent
from agent.ptz.onvif import status_in
from agent.ptz.soap import Question, Soap
from agent.ptz.status import Told
from agent.virtual.soap import SoapFault, Token, authenticate, envelope, fault
from tests.ptz.test_wire import peer, read_request, says

FIELDS = {"ProfileToken": "profile_1"}
POSITION = '<tt:Position><tt:PanTilt x="0.5" y="-0.1"/><tt:Zoom x="0.2"/></tt:Position>'
STATUS = f"<tptz:PTZStatus>{POSITION}<tt:UtcTime>2026-11-26T06:00:00Z</tt:UtcTime></tptz:PTZStatus>"
GOOD = envelope(f"<tptz:GetStatusResponse>{STATUS}</tptz:GetStatusResponse>")


TOKEN = ("Username", "Password", "Nonce", "Created")


def at(created: str | None) -> datetime:
    return datetime.fromisoformat((created or "").replace("Z", "+00:00"))


def answer(body: bytes, status: str = "200 OK", kind: str = "application/soap+xml; charset=utf-8") -> bytes:
    return b"HTTP/1.1 %s\r\nContent-Type: %s\r\nContent-Length: %d\r\n\r\n%s" % (
        status.encode(),
        kind.encode(),
        len(body),
        body,
    )


def where(soap: Soap, url: str) -> Question:
    return soap.question("ptz", url, "GetStatus", FIELDS)


def asked(talk: Callable[[socket.socket], None]) -> Told:
    soap = Soap("vigie", "s3cret-word")
    with peer(talk) as url:
        try:
            return soap.ask(where(soap, url), status_in, 3)
        finally:
            soap.close()


def refused(talk: Callable[[socket.socket], None]) -> HeadError:
    """What a question and a whole call both say."""
    soap = Soap("vigie", "s3cret-word")
    with peer(talk) as url:
        try:
            with pytest.raises(HeadError) as found:
                soap.ask(where(soap, url), status_in, 3)
            with pytest.raises(HeadError) as whole:
                soap.call(soap.service("ptz", url), "GetStatus", FIELDS, 3)
        finally:
            soap.close()
    assert (type(found.value), str(found.value)) == (type(whole.value), str(whole.value))
    assert "s3cret" not in str(found.value)
    return found.value


def test_a_position_is_read_as_it_stands_in_the_answer() -> None:
    told = asked(says(answer(GOOD)))
    assert (told.x, told.y, told.zoom) == (0.5, -0.1, 0.2)


def test_a_question_is_the_message_of_a_whole_call_with_a_token_of_its_own_each_time() -> None:
    heard: list[tuple[bytes, etree._Element]] = []

    def talk(held: socket.socket) -> None:
        while request := read_request(held):
            head, _, body = request.partition(b"\r\n\r\n")
            heard.append((head, etree.fromstring(body)))
            held.sendall(answer(GOOD))

    soap = Soap("vigie", "secret")
    with peer(talk) as url:
        question = where(soap, url)
        for skew_days in (0, 2):
            soap.set_skew(timedelta(days=skew_days))
            soap.ask(question, status_in, 3)
        soap.call(soap.service("ptz", url), "GetStatus", FIELDS, 3)
        soap.close()
    for _, one in heard:
        user, digest, nonce, created = (one.findtext(f".//{{*}}{name}") or "" for name in TOKEN)
        authenticate(Token(user, digest, digest=True, nonce=nonce, created=created), "vigie", "secret", at(created))
    nonces = {one.findtext(".//{*}Nonce") for _, one in heard}
    assert len(nonces) == 3
    assert at(heard[1][1].findtext(".//{*}Created")) - at(heard[0][1].findtext(".//{*}Created")) >= timedelta(days=2)
    for _, one in heard:
        for changing in one.iterfind(".//{*}UsernameToken/*"):
            changing.text = ""
    heads = {re.sub(rb"Content-Length: \d+", b"", head) for head, _ in heard}
    assert len(heads) == len({etree.tostring(one, method="c14n") for _, one in heard}) == 1


@pytest.mark.parametrize(
    ("refusal", "part"),
    [
        (SoapFault("Sender not authorized", "ter:NotAuthorized"), "user name or password"),
        (SoapFault("No such profile", "ter:InvalidArgVal", "ter:NoProfile"), "No such profile"),
        (SoapFault("PTZStatus not there", "ter:Action", sender=False), "PTZStatus not there"),
    ],
    ids=["unauthorized", "argument", "receiver"],
)
@pytest.mark.parametrize("status", ["200 OK", "400 Bad Request", "500 Internal Server Error"])
def test_a_fault_is_told_with_its_reason_whatever_http_says(refusal: SoapFault, part: str, status: str) -> None:
    error = refused(says(answer(fault(refusal), status)))
    assert isinstance(error, HeadRefused)
    assert part in str(error)


@pytest.mark.parametrize("status", ["401 Unauthorized", "403 Forbidden"])
@pytest.mark.parametrize("page", [b"", b"<html>Login<br></html>"])
def test_an_http_refusal_is_one_of_the_password(status: str, page: bytes) -> None:
    error = refused(says(answer(page, status, "text/html")))
    assert isinstance(error, HeadRefused)
    assert "password_file" in str(error)


@pytest.mark.parametrize("status", ["202 Accepted", "401 Unauthorized", "500 Internal Server Error"])
def test_a_position_under_another_status_than_200_is_not_believed(status: str) -> None:
    refused(says(answer(GOOD, status)))


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"\xff\xfe",
        GOOD[:-40],
        GOOD.decode().encode("utf-16"),
        b'<!DOCTYPE a SYSTEM "http://192.0.2.1/x">' + GOOD,
        GOOD.replace(b"<env:Body>", b"<env:Body>" + b"<a>" * 1000),
        GOOD.replace(b"2003/05/soap-envelope", b"2003/05/no-envelope"),
        GOOD.replace(STATUS.encode(), b"&a;"),
    ],
    ids=["empty", "binary", "cut", "utf16", "dtd", "deep", "envelope", "entity"],
)
def test_what_is_no_answer_to_the_question_is_silence(body: bytes) -> None:
    assert isinstance(refused(says(answer(body))), HeadSilent)


@pytest.mark.parametrize(
    "body",
    [
        GOOD.partition(b"?>")[2].replace(b"<env:Body>", b"<!-- %s --><env:Body>" % (b"x" * 5000)) + b"<!DOCTYPE a>",
        b"<!-- %s --><!DOCTYPE a [<!ENTITY b '0.5'>]>" % (b"x" * 5000)
        + GOOD.partition(b"?>")[2].replace(b"0.5", b"&b;"),
        GOOD.replace(b'x="0.5"', b'x="&b;"'),
        GOOD.replace(b"<tt:UtcTime>", b"<tt:Error>\xe9</tt:Error><tt:UtcTime>"),
        GOOD.replace(STATUS.encode(), 2 * STATUS.encode()),
        GOOD.replace(STATUS.encode(), b"<tptz:PTZStatus/>"),
        GOOD.replace(b'<tt:Zoom x="0.2"/>', b""),
        envelope("<tptz:GetPresetsResponse/>"),
        b"PTZStatus <",
    ],
    ids=["dtd-behind", "entity-far-in", "entity", "no-utf8", "twice", "no-position", "no-zoom", "presets", "no-xml"],
)
def test_an_answer_without_one_sure_position_is_silence(body: bytes) -> None:
    with pytest.raises(HeadSilent, match="cannot be read"):
        asked(says(answer(body)))


def test_a_multipart_answer_is_silence() -> None:
    assert isinstance(refused(says(answer(GOOD, kind='multipart/related; boundary="x"'))), HeadSilent)
