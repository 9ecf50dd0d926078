"""SOAP: requests that are none are refused, logins cannot be guessed, replayed late or taken from another user."""

import base64
import hashlib
from datetime import UTC, datetime, timedelta

import pytest

from agent.virtual.soap import (
    SoapFault,
    Token,
    authenticate,
    envelope,
    fault,
    http_digest_holds,
    parse,
    seconds,
)

NOW = datetime(2026, 11, 22, 20, 0, tzinfo=UTC)


def token(password: str = "secret", username: str = "vigie", at: datetime = NOW, digest: bool = True) -> Token:
    created, nonce = at.strftime("%Y-%m-%dT%H:%M:%SZ"), b"0123456789"
    hashed = base64.b64encode(hashlib.sha1(nonce + created.encode() + password.encode()).digest()).decode()
    return Token(username, hashed if digest else password, digest, base64.b64encode(nonce).decode(), created)


def test_the_right_user_is_let_in() -> None:
    try:
        authenticate(token(), "vigie", "secret", NOW)
    except SoapFault as refusal:
        pytest.fail(f"refused: {refusal}")


@pytest.mark.parametrize(
    "given",
    [
        None,
        token("wrong"),
        token(username="root"),
        token(at=NOW - timedelta(minutes=6)),
        token(at=NOW + timedelta(minutes=6)),
        token(digest=False),
        Token("vigie", "", True, "%%%", "yesterday"),
    ],
)
def test_nobody_else_is(given: Token | None) -> None:
    with pytest.raises(SoapFault):
        authenticate(given, "vigie", "secret", NOW)


def test_a_request_is_read_with_its_parameters() -> None:
    body = envelope('<tptz:GetNode><tptz:NodeToken> n1 </tptz:NodeToken><tptz:A><tt:B x="1"/></tptz:A></tptz:GetNode>')
    request = parse(body)
    assert (request.operation, request.namespace) == ("GetNode", "http://www.onvif.org/ver20/ptz/wsdl")
    assert (request.text("NodeToken"), request.text("Missing"), request.token) == ("n1", "", None)
    found = request.child("A", "B")
    assert found is not None
    assert found.get("x") == "1"
    assert request.child("A", "C", "D") is None


BOMB = b"".join(
    [
        b'<!DOCTYPE b [<!ENTITY a "aaaaaaaaaa">',
        *(b'<!ENTITY %c "%s">' % (98 + n, b"&%c;" % (97 + n) * 20) for n in range(9)),
        b"]><b>&j;</b>",
    ]
)


@pytest.mark.parametrize("body", [b"", b"<a", b"\xff\xfe", b"<a/>", envelope(""), BOMB, b"[]" * 1000])
def test_what_is_no_soap_is_refused(body: bytes) -> None:
    with pytest.raises(SoapFault):
        parse(body)


def test_a_fault_carries_whose_it_is_and_all_codes() -> None:
    text = fault(SoapFault("no <preset>", "ter:InvalidArgVal", "ter:NoToken")).decode()
    assert "env:Sender" in text
    assert text.index("ter:InvalidArgVal") < text.index("ter:NoToken")
    assert "no &lt;preset&gt;" in text
    assert (SoapFault("a").status, SoapFault("a", sender=False).status) == (400, 500)


@pytest.mark.parametrize(
    ("text", "wanted"), [("PT1S", 1.0), ("PT0.25S", 0.25), ("PT1M30S", 90.0), ("P1DT1H", 90_000.0)]
)
def test_durations(text: str, wanted: float) -> None:
    assert seconds(text) == wanted


@pytest.mark.parametrize("text", ["", "P", "PT", "1S", "PT-1S", "PT1e9S", "P1Y"])
def test_what_is_no_duration_is_refused(text: str) -> None:
    with pytest.raises(SoapFault):
        seconds(text)


def test_http_digest_as_rfc_7616_has_it() -> None:
    def md5(text: str) -> str:
        return hashlib.md5(text.encode()).hexdigest()

    first, second = md5("vigie:virtual:secret"), md5("POST:/onvif/ptz")
    response = md5(f"{first}:abc:00000001:xyz:auth:{second}")
    header = (
        'Digest username="vigie", realm="virtual", nonce="abc", uri="/onvif/ptz", qop=auth, nc=00000001, '
        f'cnonce="xyz", response="{response}", algorithm=MD5'
    )
    assert http_digest_holds(header, "POST", "abc", "vigie", "secret")
    assert not http_digest_holds(header, "POST", "abc", "vigie", "other")
    assert not http_digest_holds(header, "POST", "old", "vigie", "secret")
    assert not http_digest_holds(header, "GET", "abc", "vigie", "secret")
    assert not http_digest_holds("", "POST", "abc", "vigie", "secret")
