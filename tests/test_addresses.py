"""Addresses as people and attackers write them."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from agent.addresses import is_host, is_loopback, split_listen, split_url


@pytest.mark.parametrize(
    ("listen", "parts"),
    [
        ("127.0.0.1:8443", ("127.0.0.1", 8443)),
        ("[::1]:8443", ("::1", 8443)),
        ("0.0.0.0:0", ("0.0.0.0", 0)),
        ("mast.example:65535", ("mast.example", 65535)),
    ],
)
def test_a_listener_is_split(listen: str, parts: tuple[str, int]) -> None:
    assert split_listen(listen) == parts


@given(st.text(max_size=40) | st.text("[]:.0123456789a-", max_size=30))
def test_any_text_as_a_listener_is_split_or_refused(text: str) -> None:
    try:
        host, port = split_listen(text)
    except ValueError:
        return
    assert is_host(host)
    assert 0 <= port <= 65535


@pytest.mark.parametrize("host", ["127.0.0.1", "127.255.255.254", "::1", "localhost"])
def test_what_no_other_machine_reaches(host: str) -> None:
    assert is_loopback(host)


@pytest.mark.parametrize(
    "host",
    ["", "0.0.0.0", "::", "128.0.0.1", "127.0.0.1.evil.example", "localhost.evil.example", "127.1", "0x7f000001"],
)
def test_what_only_looks_like_loopback(host: str) -> None:
    assert not is_loopback(host)


def test_credentials_are_seen_wherever_they_stand() -> None:
    for url in ("rtsp://u:p@h/", "rtsp://u@h", "rtsp://:p@h", "rtsp://u:p@h:x/", "rtsp://u:p@[/", "rtsp://@h"):
        parts = split_url(url)
        assert parts is not None
        assert parts.credentials
    parts = split_url("rtsp://h/a@b?c=d@e")
    assert parts is not None
    assert (parts.host, parts.credentials, parts.rest) == ("h", False, "/a@b?c=d@e")


@given(st.text(max_size=60) | st.text("rtsp:/@[].%a0?# ", max_size=30).map(lambda text: f"rtsp://{text}"))
def test_any_text_as_a_url_is_split_or_refused(url: str) -> None:
    parts = split_url(url)
    if parts is not None and not parts.credentials:
        assert is_host(parts.host)
        assert parts.port is None or 0 < parts.port <= 65535
