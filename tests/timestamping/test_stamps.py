"""Stamps of a real authority (`openssl ts`) over HTTP: taken when they are good, and anything else refused."""

import asyncio
import contextlib
import random
from hashlib import sha256
from pathlib import Path

import pytest
from aiohttp import web
from cryptography.x509 import load_pem_x509_certificates
from hypothesis import given
from hypothesis import strategies as st

from agent.errors import StampRefused
from agent.network import Timestamp
from agent.timestamping import TimestampService, verify
from agent.timestamping.stamps import LARGEST_ANSWER, Stamp, nonce_of, request
from tests.needs import needs
from tests.timestamping.tsa import Tsa, openssl, served

pytestmark = needs("openssl", "openssl")

DIGEST = sha256(b"manifest").digest()
NONCE = 0x8123456789ABCDEF


@pytest.fixture(scope="module")
def tsa(tmp_path_factory: pytest.TempPathFactory) -> Tsa:
    return Tsa(tmp_path_factory.mktemp("tsa"))


@pytest.fixture(scope="module")
def good(tsa: Tsa) -> bytes:
    return tsa.reply(request(DIGEST, NONCE))


def service(tsa: Tsa, url: str, deadline_s: float = 15.0) -> TimestampService:
    return TimestampService(Timestamp.model_validate({"url": url, "ca_file": tsa.ca}), deadline_s)


def refused(raw: bytes, tsa: Tsa, digest: bytes = DIGEST, nonce: int | None = NONCE) -> str:
    with pytest.raises(StampRefused) as caught:
        verify(raw, digest, nonce, load_pem_x509_certificates(tsa.ca.read_bytes()))
    return str(caught.value)


@pytest.mark.parametrize("nonce", [1, 0x7F, 0x80, 0xFF00, NONCE, 2**63, 2**64 - 1])
def test_openssl_reads_a_request_as_it_was_meant(nonce: int, tmp_path: Path) -> None:
    (tmp_path / "query").write_bytes(request(DIGEST, nonce))
    told = openssl("ts", "-query", "-in", tmp_path / "query", "-text").decode()
    assert "Version: 1" in told
    assert "Hash Algorithm: sha256" in told
    assert f"Nonce: 0x{nonce:02X}" in told
    assert "Certificate required: yes" in told
    assert DIGEST[:8].hex() in told.replace(" ", "").replace("-", "")


@pytest.mark.parametrize("nonce", [1, 0xFF, NONCE, 2**64 - 1])
def test_a_request_tells_its_nonce_and_no_other_bytes_do(nonce: int) -> None:
    asked = request(DIGEST, nonce)
    assert nonce_of(asked, DIGEST) == nonce
    assert nonce_of(asked, sha256(b"another").digest()) is None
    for place in range(len(asked)):
        for bit in range(8):
            altered = asked[:place] + bytes([asked[place] ^ 1 << bit]) + asked[place + 1 :]
            told = nonce_of(altered, DIGEST)
            assert told is None or (told != nonce and altered == request(DIGEST, told))
        assert nonce_of(asked[:place], DIGEST) is None
        assert nonce_of(asked[:place] + b"\0" + asked[place:], DIGEST) is None
    head = asked[: -3 - (nonce.bit_length() // 8 + 1)]
    for wrong in (b"\0", b"\1" + bytes(8), b"\xff" * 9):  # 0, 2 ** 64, and more
        assert nonce_of(head + wrong + asked[-3:], DIGEST) is None


async def test_a_stamp_over_http_is_one_that_openssl_verifies(tsa: Tsa, tmp_path: Path) -> None:
    async with served(tsa.reply) as url:
        raw = await service(tsa, url).stamp(DIGEST)
        asked = await service(tsa, url).ask(DIGEST)
    assert raw is not None
    (tmp_path / "query").write_bytes(asked.query)
    (tmp_path / "asked").write_bytes(asked.raw)
    exchange = ("-queryfile", tmp_path / "query", "-in", tmp_path / "asked")
    assert b"OK" in openssl("ts", "-verify", *exchange, "-CAfile", tsa.ca)
    (tmp_path / "reply").write_bytes(raw)
    (tmp_path / "manifest").write_bytes(b"manifest")
    told = openssl("ts", "-verify", "-data", tmp_path / "manifest", "-in", tmp_path / "reply", "-CAfile", tsa.ca)
    assert b"OK" in told


def test_a_good_stamp_counts_for_its_digest_nonce_and_authority_only(tsa: Tsa, good: bytes, tmp_path: Path) -> None:
    authorities = load_pem_x509_certificates(tsa.ca.read_bytes())
    assert verify(good, DIGEST, NONCE, authorities).raw == good
    assert verify(good, DIGEST, None, authorities).at.tzinfo is not None
    refused(good, tsa, digest=sha256(b"another").digest())
    refused(good, tsa, nonce=NONCE + 1)
    refused(good, Tsa(tmp_path / "stranger"))


def test_an_answer_to_a_request_of_before_is_no_answer_to_this_one(tsa: Tsa) -> None:
    replayed = tsa.reply(request(DIGEST, 7))

    async def ask() -> bytes | None:
        async with served(lambda _: replayed) as url:
            return await service(tsa, url).stamp(DIGEST)

    assert asyncio.run(ask()) is None


def test_a_refusal_says_why(tmp_path: Path) -> None:
    strict = Tsa(tmp_path, digests="sha512")
    assert "2" in refused(strict.reply(request(DIGEST, NONCE)), strict)


def test_a_stamp_of_another_hash_of_the_same_length_is_refused(tmp_path: Path) -> None:
    other = Tsa(tmp_path, digests="sha3-256")
    sha3_256 = bytes.fromhex("608648016503040208")
    raw = other.reply(request(DIGEST, NONCE).replace(bytes.fromhex("608648016503040201"), sha3_256))
    told = refused(raw, other)
    assert "hash" in told or "empreinte" in told


def test_every_changed_byte_is_refused_or_leaves_the_stamp_as_it_was(tsa: Tsa, good: bytes) -> None:
    authorities = load_pem_x509_certificates(tsa.ca.read_bytes())
    at = verify(good, DIGEST, NONCE, authorities).at
    taken = 0
    for place in range(len(good)):
        altered = bytearray(good)
        altered[place] ^= 1 << (place % 8)
        with contextlib.suppress(StampRefused):
            assert verify(bytes(altered), DIGEST, NONCE, authorities).at == at
            taken += 1
    assert taken < len(good) // 4  # what the signature does not cover: versions, an unused certificate, a status text


def test_cut_and_prolonged_answers_are_refused(tsa: Tsa, good: bytes) -> None:
    for length in range(0, len(good), 7):
        assert refused(good[:length], tsa)
    assert refused(good + b"\0", tsa)
    assert refused(good + bytes(LARGEST_ANSWER), tsa)


@given(st.binary(max_size=300))
def test_any_bytes_as_an_answer(tsa: Tsa, raw: bytes) -> None:
    assert refused(raw, tsa)


@given(st.randoms(use_true_random=False), st.integers(1, 8))
def test_a_garbled_answer_never_raises_anything_else(tsa: Tsa, good: bytes, chance: random.Random, count: int) -> None:
    altered = bytearray(good)
    for _ in range(count):
        place = chance.randrange(len(altered))
        match chance.randrange(3):
            case 0:
                altered[place] = chance.randrange(256)
            case 1:
                del altered[place : place + chance.randrange(1, 40)]
            case _:
                altered[place:place] = chance.randbytes(chance.randrange(1, 40))
    authorities = load_pem_x509_certificates(tsa.ca.read_bytes())
    told: Stamp | str
    try:
        told = verify(bytes(altered), DIGEST, NONCE, authorities)
    except StampRefused as error:
        told = str(error)
    assert told


@pytest.mark.parametrize(
    "answer",
    [
        lambda _: b"",
        lambda _: bytes(LARGEST_ANSWER + 1),
        lambda _: web.Response(status=500),
        lambda _: web.Response(status=302, headers={"Location": "http://127.0.0.1:1/"}),
        lambda _: web.Response(text="<html>", content_type="text/html"),
        lambda _: web.Response(body=b"\x1f\x8b\0", headers={"Content-Encoding": "gzip"}),
    ],
)
async def test_a_hostile_service_costs_a_stamp_and_nothing_else(tsa: Tsa, answer: object) -> None:
    async with served(answer) as url:  # type: ignore[arg-type]
        assert await service(tsa, url).stamp(DIGEST) is None


async def test_a_good_stamp_counts_only_as_the_answer_that_the_protocol_has(tsa: Tsa) -> None:
    async with served(tsa.reply, content_type="text/plain") as url:
        assert await service(tsa, url).stamp(DIGEST) is None
    async with served(
        lambda query: web.Response(status=404, body=tsa.reply(query), content_type="application/timestamp-reply")
    ) as url:
        assert await service(tsa, url).stamp(DIGEST) is None


async def test_an_answer_is_read_no_farther_than_it_may_be_long(tsa: Tsa) -> None:
    async with served(lambda _: bytes(64 * LARGEST_ANSWER)) as url:
        with pytest.raises(StampRefused, match=f"> {LARGEST_ANSWER} B"):
            await service(tsa, url).ask(DIGEST)


async def test_a_service_that_never_ends_its_answer_is_left_at_the_deadline(tsa: Tsa) -> None:
    async def drip(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(b"HTTP/1.1 200 OK\r\nContent-Type: application/timestamp-reply\r\n\r\n")
        with contextlib.suppress(ConnectionError):
            while not writer.is_closing():
                writer.write(b"0")
                await writer.drain()
                await asyncio.sleep(0.01)
        writer.close()
        ended.set()

    ended = asyncio.Event()
    server = await asyncio.start_server(drip, "127.0.0.1", 0)
    async with server:
        port = server.sockets[0].getsockname()[1]
        assert await service(tsa, f"http://127.0.0.1:{port}/", deadline_s=0.5).stamp(DIGEST) is None
        await ended.wait()


async def test_a_service_that_is_not_there(tsa: Tsa) -> None:
    assert await service(tsa, "http://127.0.0.1:1/").stamp(DIGEST) is None
