"""The metadata link against the virtual camera, and against sockets that do what no camera should."""

import asyncio
import socket
import threading
import time
import tracemalloc
from collections.abc import Callable, Iterator
from contextlib import contextmanager

import pytest

from agent.clock import SystemClock
from agent.errors import HeadError, HeadRefused, HeadSilent
from agent.ptz import metadata_link
from agent.ptz.metadata import read
from agent.ptz.metadata_link import Login, MetadataLink
from agent.ptz.rtsp import MOST_DOCUMENT
from agent.virtual.rtsp_server import Access
from tests.ptz.device import Rig, virtual_head
from tests.ptz.test_rtsp import SDP
from tests.ptz.test_wire import peer

LOGIN = Login("vigie", "secret", plain=True)


def link_to(url: str, login: Login = LOGIN) -> MetadataLink:
    return MetadataLink(url, login, SystemClock())


@pytest.fixture(scope="module")
def rig() -> Iterator[Rig]:
    with virtual_head(metadata=True) as rig:
        yield rig


@pytest.mark.parametrize("login", ["none", "basic", "digest"])
def test_each_login_gives_whole_documents_and_no_picture(rig: Rig, login: str) -> None:
    rig.rtsp._access = Access(login, "vigie", "secret")  # type: ignore[arg-type]
    rig.rtsp.heard.clear()
    with link_to(rig.rtsp.url) as link:
        [viewer] = [one for one in rig.rtsp._viewers if one.playing]
        assert viewer.video is None
        documents = link.documents()
        for _ in range(3):
            told = read(next(documents).data)
            assert told is not None
            assert abs(told.x) < 0.001
    assert rig.rtsp.heard["SETUP"] == 1
    until = time.monotonic() + 5
    while not rig.rtsp.heard.get("TEARDOWN"):
        assert time.monotonic() < until
        time.sleep(0.01)


@pytest.mark.parametrize("login", ["basic", "digest"])
def test_a_wrong_password_is_refused_and_never_told(rig: Rig, login: str) -> None:
    rig.rtsp._access = Access(login, "vigie", "secret")  # type: ignore[arg-type]
    rig.rtsp.heard.clear()
    with pytest.raises(HeadRefused) as found, link_to(rig.rtsp.url, Login("vigie", "hunter2-wrong", plain=True)):
        pass
    assert "hunter2" not in str(found.value)
    assert rig.rtsp.heard["DESCRIBE"] == 2
    with pytest.raises(HeadRefused), link_to(rig.rtsp.url, Login("", "")):
        pass


def test_the_password_goes_in_the_clear_only_where_that_is_allowed(rig: Rig) -> None:
    rig.rtsp._access = Access("basic", "vigie", "secret")
    rig.rtsp.heard.clear()
    with pytest.raises(HeadRefused), link_to(rig.rtsp.url, Login("vigie", "secret")):
        pass
    assert rig.rtsp.heard["DESCRIBE"] == 1


def test_another_thread_can_cut_a_link_that_waits(rig: Rig) -> None:
    rig.rtsp._access = Access()
    rig.sender.faults = type(rig.sender.faults)(silent=True)
    try:
        with link_to(rig.rtsp.url) as link:
            threading.Timer(0.3, link.cut).start()
            with pytest.raises(HeadSilent):
                next(link.documents())
    finally:
        rig.sender.faults = type(rig.sender.faults)()


# --- sockets that misbehave ---


def answer(request: bytes, body: bytes = b"", status: str = "200 OK", **headers: str) -> bytes:
    cseq = next(line.split(b":")[1].strip() for line in request.split(b"\r\n") if line.startswith(b"CSeq"))
    lines = [f"RTSP/1.0 {status}".encode(), b"CSeq: " + cseq, b"Content-Length: %d" % len(body)]
    lines += [f"{name}: {value}".encode() for name, value in headers.items()]
    return b"\r\n".join(lines) + b"\r\n\r\n" + body


def read_request(held: socket.socket) -> bytes:
    data = b""
    while not data.endswith(b"\r\n\r\n"):
        more = held.recv(65536)
        if not more:
            return b""
        data += more
    return data


def camera(
    then: Callable[[socket.socket], None], asked: list[bytes] | None = None, session: str = "1;timeout=4"
) -> Callable[[socket.socket], None]:
    """A camera that plays as it should, and `then` goes wrong."""

    def talk(held: socket.socket) -> None:
        replies = ((SDP % "track3").encode(), {}), (b"", {"Session": session}), (b"", {"Session": session})
        for body, headers in replies:
            request = read_request(held)
            if not request:
                return
            if asked is not None:
                asked.append(request)
            held.sendall(answer(request, body, **headers))
        then(held)

    return talk


@contextmanager
def rtsp_peer(talk: Callable[[socket.socket], None]) -> Iterator[str]:
    with peer(talk) as url:
        yield url.replace("http:", "rtsp:")


def first_document(url: str) -> bytes:
    with link_to(url) as link:
        return next(link.documents()).data


def given_up(talk: Callable[[socket.socket], None], error: type[HeadError] = HeadSilent) -> float:
    """Seconds until a link to `talk` ended so."""
    with rtsp_peer(talk) as url:
        began = time.monotonic()
        with pytest.raises(error) as found:
            first_document(url)
        assert "secret" not in str(found.value)
        return time.monotonic() - began


def says(data: bytes) -> Callable[[socket.socket], None]:
    def talk(held: socket.socket) -> None:
        read_request(held)
        held.sendall(data)

    return talk


def never(held: socket.socket) -> None:
    while held.recv(65536):
        pass


@pytest.fixture
def hasty(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(metadata_link, "OPEN_S", 1.0)
    monkeypatch.setattr(metadata_link, "ANSWER_S", 1.0)


def test_a_camera_that_accepts_and_says_nothing_is_given_up(hasty: None) -> None:
    assert given_up(never) < 5


def test_an_answer_that_drips_for_ever_ends_by_the_deadline(hasty: None) -> None:
    def talk(held: socket.socket) -> None:
        read_request(held)
        held.sendall(b"RTSP/1.0 200 OK\r\n")
        while True:
            held.sendall(b"X")
            time.sleep(0.05)

    assert given_up(talk) < 5


@pytest.mark.parametrize(
    "data",
    [
        b"RTSP/1.0 200 OK\r\n" + b"X: y\r\n" * 100_000,
        b"RTSP/1.0 200 OK\r\nCSeq: 1\r\nContent-Length: 2000000000\r\n\r\n",
        b"HTTP/1.1 200 OK\r\n\r\n",
        b"\x00\xff" * 5000,
        b"",
    ],
    ids=["endless-header", "huge-body", "http", "rubbish", "closed"],
)
def test_what_is_no_bounded_rtsp_is_silence_at_once(data: bytes) -> None:
    assert given_up(says(data)) < 5


@pytest.mark.parametrize(
    ("body", "status"),
    [
        (b"", "404 Not Found"),
        (b"", "200 OK"),
        (b"v=0\r\nm=video 0 RTP/AVP 96\r\na=control:x\r\n", "200 OK"),
        (b"\xff\xfe" * 100, "200 OK"),
        (b"", "302 Moved"),
    ],
)
def test_a_stream_without_the_track_is_refused(body: bytes, status: str) -> None:
    def talk(held: socket.socket) -> None:
        held.sendall(answer(read_request(held), body, status, Location="rtsp://192.0.2.1/"))
        never(held)

    assert given_up(talk, HeadRefused) < 5


def test_a_track_that_the_camera_will_not_set_up_is_refused() -> None:
    def talk(held: socket.socket) -> None:
        held.sendall(answer(read_request(held), (SDP % "track3").encode()))
        held.sendall(answer(read_request(held), status="461 Unsupported Transport"))

    assert given_up(talk, HeadRefused) < 5


def test_a_login_that_never_ends_is_not_followed_for_ever() -> None:
    asked = []

    def talk(held: socket.socket) -> None:
        while request := read_request(held):
            asked.append(request)
            challenge = 'Digest realm="x", nonce="n", qop="auth"'
            held.sendall(answer(request, status="401 No", **{"WWW-Authenticate": challenge}))

    assert given_up(talk, HeadRefused) < 5
    assert len(asked) == 2
    assert b"Digest" in asked[1]


def document_bytes(text: bytes, sequence: int = 0, stamp: int = 9000, channel: int = 0, marked: bool = True) -> bytes:
    head = bytes((0x80, 107 | (0x80 if marked else 0))) + sequence.to_bytes(2, "big") + stamp.to_bytes(4, "big")
    data = head + b"\0\0\0\1" + text
    return b"$" + bytes((channel,)) + len(data).to_bytes(2, "big") + data


def test_rubbish_on_other_channels_and_requests_of_the_camera_are_passed_over() -> None:
    def then(held: socket.socket) -> None:
        held.sendall(document_bytes(b"<video/>", channel=2) + b"$\x01\x00\x02xy" + b"$\x00\x00\x03abc")
        held.sendall(b"OPTIONS rtsp://x RTSP/1.0\r\nCSeq: 9\r\n\r\n" + document_bytes(b"<a/>"))
        never(held)

    with rtsp_peer(camera(then)) as url:
        assert first_document(url) == b"<a/>"


def test_a_packet_that_stalls_half_way_is_not_lost() -> None:
    def then(held: socket.socket) -> None:
        data = document_bytes(b"<a>" + b"x" * 500 + b"</a>")
        held.sendall(data[:100])
        time.sleep(1.3)
        held.sendall(data[100:])
        never(held)

    with rtsp_peer(camera(then)) as url:
        assert first_document(url).endswith(b"x</a>")


def test_rubbish_amid_the_stream_ends_it() -> None:
    assert given_up(camera(lambda held: held.sendall(b"\x01\x02\x03" * 1000))) < 5


def test_endless_documents_cost_no_memory() -> None:
    def then(held: socket.socket) -> None:
        for sequence in range(400):
            held.sendall(document_bytes(b"x" * 60_000, sequence, marked=False))
        held.sendall(document_bytes(b"", 400) + document_bytes(b"<a/>", 401, 18_000))
        never(held)

    tracemalloc.start()
    try:
        with rtsp_peer(camera(then)) as url:
            assert first_document(url) == b"<a/>"
        assert tracemalloc.get_traced_memory()[1] < 30 * MOST_DOCUMENT
    finally:
        tracemalloc.stop()


def test_silence_is_asked_about_and_a_camera_that_answers_is_kept() -> None:
    asked: list[bytes] = []

    def then(held: socket.socket) -> None:
        asked.append(request := read_request(held))
        held.sendall(answer(request) + document_bytes(b"<a/>"))
        never(held)

    with rtsp_peer(camera(then, asked)) as url:
        assert first_document(url) == b"<a/>"
    assert asked[3].startswith(b"GET_PARAMETER rtsp://")
    assert b"Session: 1\r\n" in asked[3]


def test_a_camera_that_falls_silent_for_good_is_given_up(hasty: None) -> None:
    assert given_up(camera(never)) < 10


def test_a_nonce_that_has_grown_old_is_answered_once_more_and_not_for_ever() -> None:
    asked = []

    def then(held: socket.socket) -> None:
        for _ in range(2):
            asked.append(request := read_request(held))
            held.sendall(answer(request, status="401 No", **{"WWW-Authenticate": 'Digest realm="x", nonce="new"'}))
        held.sendall(document_bytes(b"<a/>"))
        never(held)

    with rtsp_peer(camera(then)) as url:
        assert first_document(url) == b"<a/>"
    assert b'nonce="new"' in asked[1]


def test_a_session_that_the_camera_forgot_ends_the_link() -> None:
    def then(held: socket.socket) -> None:
        held.sendall(answer(read_request(held), status="454 Session Not Found"))
        never(held)

    assert given_up(camera(then)) < 10


def test_a_camera_that_is_not_there_is_silence() -> None:
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    with pytest.raises(HeadSilent):
        first_document(f"rtsp://127.0.0.1:{port}/stream")


def test_tls_with_nobody_that_we_trust_is_silence(hasty: None) -> None:
    with rtsp_peer(says(b"RTSP/1.0 200 OK\r\n\r\n")) as url, pytest.raises(HeadSilent):
        first_document(url.replace("rtsp:", "rtsps:"))


async def test_two_links_at_once_do_not_disturb_each_other(rig: Rig) -> None:
    rig.rtsp._access = Access("digest", "vigie", "secret")
    found = await asyncio.gather(*(asyncio.to_thread(first_document, rig.rtsp.url) for _ in range(2)))
    assert all(read(one) is not None for one in found)
