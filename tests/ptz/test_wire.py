"""One HTTP connection against a socket that does what no head should."""

import socket
import ssl
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from agent.errors import HeadSilent
from agent.ptz.wire import MOST_BYTES, Wire
from tests.rig.certificates import Authority

GOOD = b"HTTP/1.1 200 OK\r\nContent-Type: text/xml\r\nContent-Length: 2\r\n\r\nok"


def read_request(peer: socket.socket) -> bytes:
    """One request with its body, or nothing when the other side has left."""
    data = b""
    while b"\r\n\r\n" not in data:
        more = peer.recv(65536)
        if not more:
            return b""
        data += more
    head, _, body = data.partition(b"\r\n\r\n")
    length = next(
        int(line.split(b":")[1]) for line in head.split(b"\r\n") if line.lower().startswith(b"content-length")
    )
    while len(body) < length:
        body += peer.recv(65536)
    return head + b"\r\n\r\n" + body


@contextmanager
def peer(talk: Callable[[socket.socket], None]) -> Iterator[str]:
    """A listener that does `talk` with each connection, one after the other; its URL."""
    listener = socket.create_server(("127.0.0.1", 0))

    def serve() -> None:
        while True:
            try:
                held, _ = listener.accept()
            except OSError:
                return
            with held:
                try:
                    talk(held)
                except OSError:
                    continue

    thread = threading.Thread(target=serve)
    thread.start()
    try:
        yield f"http://127.0.0.1:{listener.getsockname()[1]}/onvif/ptz"
    finally:
        listener.shutdown(socket.SHUT_RDWR)
        listener.close()
        thread.join(10)


def given_up(talk: Callable[[socket.socket], None], deadline_s: float = 0.5) -> float:
    """Seconds until a request to `talk` ended with HeadSilent."""
    wire = Wire("vigie", "s3cret-word")
    with peer(talk) as url:
        began = time.monotonic()
        with pytest.raises(HeadSilent) as found:
            wire.post(url, b"<x/>", "text/xml", deadline_s)
        taken = time.monotonic() - began
        wire.close()
    assert "s3cret" not in str(found.value)
    return taken


def drip(data: bytes, pause_s: float = 0.05) -> Callable[[socket.socket], None]:
    def talk(held: socket.socket) -> None:
        read_request(held)
        for index in range(len(data)):
            held.sendall(data[index : index + 1])
            time.sleep(pause_s)

    return talk


def says(data: bytes) -> Callable[[socket.socket], None]:
    def talk(held: socket.socket) -> None:
        read_request(held)
        held.sendall(data)

    return talk


def test_headers_that_drip_byte_by_byte_end_by_the_deadline() -> None:
    assert 0.4 < given_up(drip(GOOD[:-10] + b"x" * 200)) < 5


def test_a_body_that_drips_ends_by_the_deadline() -> None:
    assert 0.4 < given_up(drip(GOOD.replace(b": 2", b": 2000") + b"x" * 200, 0.02), 1.5) < 8


def test_an_answer_that_begins_late_and_stops_has_no_second_deadline() -> None:
    def talk(held: socket.socket) -> None:
        read_request(held)
        time.sleep(2.2)
        held.sendall(GOOD[:20])
        time.sleep(2.2)

    assert 2.4 < given_up(talk, 2.5) < 3.9


@pytest.mark.parametrize(
    "data",
    [
        b"HTTP/1.1 200 OK\r\n\r\n" + b"x" * (MOST_BYTES + 10),
        b"HTTP/1.1 200 OK\r\nContent-Encoding: gzip\r\nContent-Length: 2\r\n\r\nok",
        b"HTTP/1.1 200 OK\r\nContent-Length: 200\r\n\r\nok",
        b"HTTP/1.1 200 OK\r\n" + b"X: y\r\n" * 1000,
        b"HTTP/1.1 200 OK\r\nX: " + b"y" * 100_000,
        b"\x00\xff\x00\xff not HTTP",
        b"HTTP/1.1 two hundred\r\n\r\n",
        b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nffffffffffffffffff\r\nx",
        b"",
    ],
    ids=["huge", "encoded", "cut-short", "many-headers", "long-header", "no-http", "no-status", "chunks", "nothing"],
)
def test_whatever_is_not_a_whole_bounded_answer_is_silence(data: bytes) -> None:
    wire = Wire("vigie", "s3cret-word")
    with peer(says(data)) as url:
        with pytest.raises(HeadSilent) as found:
            wire.post(url, b"<x/>", "text/xml", 3.0)
        wire.close()
    assert "s3cret" not in str(found.value)


def test_an_answer_that_ends_with_its_connection_is_whole() -> None:
    wire = Wire("", "")
    with peer(says(b"HTTP/1.0 200 OK\r\nContent-Type: text/xml\r\n\r\n" + b"x" * 300_000)) as url:
        assert [len(wire.post(url, b"x", "text/xml", 3).body) for _ in range(2)] == [300_000] * 2
        wire.close()


def test_no_thread_is_started_for_a_request() -> None:
    during: list[int] = []

    def talk(held: socket.socket) -> None:
        read_request(held)
        during.append(threading.active_count())
        held.sendall(GOOD)

    wire = Wire("", "")
    with peer(talk) as url:
        before = threading.active_count()
        wire.post(url, b"x", "text/xml", 3)
        wire.close()
    assert during == [before]


def test_a_redirect_is_not_followed() -> None:
    data = b"HTTP/1.1 307 Moved\r\nLocation: http://192.0.2.1/\r\nContent-Length: 0\r\n\r\n"
    wire = Wire("", "")
    with peer(says(data)) as url:
        assert wire.post(url, b"", "text/xml", 2).status == 307
        wire.close()


def test_a_kept_connection_that_the_head_closed_is_opened_again_without_a_word() -> None:
    wire = Wire("", "")
    with peer(says(GOOD)) as url:  # one answer, then it closes
        assert [wire.post(url, b"x", "text/xml", 2).body for _ in range(3)] == [b"ok"] * 3
        wire.close()


def test_the_proxy_of_the_environment_is_not_asked(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("http_proxy", "http://192.0.2.1:1")
    monkeypatch.setenv("HTTP_PROXY", "http://192.0.2.1:1")
    wire = Wire("", "")
    with peer(says(GOOD)) as url:
        assert wire.post(url, b"x", "text/xml", 2).status == 200
        wire.close()


def test_a_camera_that_always_asks_for_the_password_is_not_asked_for_ever() -> None:
    asked: list[bytes] = []

    def talk(held: socket.socket) -> None:
        while request := read_request(held):
            asked.append(request)
            challenge = b'WWW-Authenticate: Digest realm="x", nonce="n", qop="auth"\r\n'
            held.sendall(b"HTTP/1.1 401 No\r\n" + challenge + b"Content-Length: 0\r\n\r\n")

    wire = Wire("vigie", "wrong")
    with peer(talk) as url:
        assert wire.post(url, b"x", "text/xml", 2).status == 401
        wire.close()
    assert len(asked) == 2
    assert b"Authorization: Digest" in asked[1]
    assert b"wrong" not in asked[1]


def certified(folder: Path) -> tuple[Authority, ssl.SSLContext]:
    """An authority, and what a camera on this machine says to show its certificate."""
    authority = Authority(folder)
    pair = authority.issue("camera", "127.0.0.1")
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(pair.certificate, pair.private_key)
    return authority, context


def test_a_drip_through_tls_ends_by_the_deadline(tmp_path: Path) -> None:
    authority, context = certified(tmp_path)

    def talk(held: socket.socket) -> None:
        with context.wrap_socket(held, server_side=True) as inside:
            drip(GOOD.replace(b": 2", b": 2000") + b"x" * 200, 0.02)(inside)

    wire = Wire("", "", authority.certificate)
    with peer(talk) as url:
        began = time.monotonic()
        with pytest.raises(HeadSilent, match="in time"):
            wire.post(url.replace("http:", "https:"), b"x", "text/xml", 1.5)
        assert 1.4 < time.monotonic() - began < 8
        wire.close()


def test_only_a_trusted_certificate_is_talked_to(tmp_path: Path) -> None:
    authority, context = certified(tmp_path)

    def talk(held: socket.socket) -> None:
        with context.wrap_socket(held, server_side=True) as inside:
            says(GOOD)(inside)

    with peer(talk) as url:
        url = url.replace("http:", "https:")
        trusting, wary = Wire("", "", authority.certificate), Wire("", "")
        assert trusting.post(url, b"x", "text/xml", 3).body == b"ok"
        with pytest.raises(HeadSilent) as found:
            wary.post(url, b"x", "text/xml", 3)
        assert "ca_file" in str(found.value)
        trusting.close()
