import asyncio
import contextlib
import socket
import ssl
import warnings
from pathlib import Path

import aiohttp
import pytest

from agent.config import Http
from agent.errors import KeyFileError, ListenError
from agent.live import listener
from tests.live.house import house
from tests.live.scene import Scene
from tests.rig.certificates import Authority


def lan_address() -> str:
    """An address of this machine that is not loopback; nothing is sent to find it."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as probe:
        try:
            probe.connect(("192.0.2.1", 9))
        except OSError:
            pytest.skip("this machine has no address beyond loopback")
        return str(probe.getsockname()[0])


async def leave(held: list[tuple[asyncio.StreamReader, asyncio.StreamWriter]]) -> None:
    for _, writer in held:
        writer.close()
        with contextlib.suppress(ConnectionError):
            await writer.wait_closed()


async def test_a_busy_port_is_named_with_the_mend(scene: Scene) -> None:
    async with house(scene) as it:
        with pytest.raises(ListenError, match=f"127.0.0.1:{it.server.port}"):
            async with house(scene, listen=f"127.0.0.1:{it.server.port}"):
                pass


async def test_an_address_of_another_machine_is_named_too(scene: Scene, tmp_path: Path) -> None:
    pair = Authority(tmp_path).issue("mast", "127.0.0.1")
    files = {"certificate": pair.certificate, "private_key": pair.private_key}
    with pytest.raises(ListenError, match=r"203\.0\.113\.77"):
        async with house(scene, listen="203.0.113.77:8443", **files):
            pass


async def test_tls_serves_from_1_2_up_and_metrics_refuse_another_machine(scene: Scene, tmp_path: Path) -> None:
    address = lan_address()
    authority = Authority(tmp_path)
    pair = authority.issue("mast", address)
    files = {"certificate": pair.certificate, "private_key": pair.private_key}
    trust = ssl.create_default_context(cafile=str(authority.certificate))
    async with house(scene, listen="0.0.0.0:0", **files) as it, aiohttp.ClientSession() as session:
        url = f"https://{address}:{it.server.port}"
        async with session.get(f"{url}/healthz", ssl=trust) as response:
            assert response.status == 200
        async with session.get(f"{url}/metrics", ssl=trust) as response:
            assert response.status == 403
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", DeprecationWarning)  # that it is deprecated is the point
            trust.minimum_version = ssl.TLSVersion.TLSv1
            trust.maximum_version = ssl.TLSVersion.TLSv1_1
        trust.set_ciphers("ALL:@SECLEVEL=0")
        with pytest.raises((ssl.SSLError, ConnectionResetError)):
            await asyncio.open_connection(address, it.server.port, ssl=trust)


def test_a_key_that_was_exchanged_since_the_configuration_was_checked_is_named(tmp_path: Path) -> None:
    authority = Authority(tmp_path)
    one, other = authority.issue("one", "127.0.0.1"), authority.issue("other", "127.0.0.1")
    http = Http(certificate=one.certificate, private_key=one.private_key)
    one.private_key.write_bytes(other.private_key.read_bytes())
    with pytest.raises(KeyFileError, match="one"):
        listener.tls(http)


async def test_a_connection_that_sends_no_whole_request_is_cut(scene: Scene, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(listener, "REQUEST_S", 0.3)
    monkeypatch.setattr(listener, "LOOK_S", 0.1)
    async with house(scene) as it:
        reader, writer = await asyncio.open_connection("127.0.0.1", it.server.port)
        writer.write(b"GET /healthz HTTP/1.1\r\nHost: x\r\nX-Slow: ")
        async with asyncio.timeout(5):
            assert await reader.read() == b""
        writer.close()
        await writer.wait_closed()


async def test_in_a_full_house_the_longest_waiting_gives_way_to_who_comes(
    scene: Scene, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(listener, "MAX_CONNECTIONS", 3)
    async with house(scene) as it:
        held = []
        for _ in range(3):
            held.append(await asyncio.open_connection("127.0.0.1", it.server.port))
            await asyncio.sleep(0.05)
        try:
            async with aiohttp.ClientSession() as session, session.get(f"{it.url}/healthz") as response:
                assert response.status == 200
                async with asyncio.timeout(5):
                    with contextlib.suppress(ConnectionError):
                        assert await held[0][0].read() == b""
                with pytest.raises(TimeoutError):
                    async with asyncio.timeout(0.3):
                        await held[1][0].read()
        finally:
            await leave(held)


async def test_connections_that_never_shake_hands_fill_the_house_no_further_than_others(
    scene: Scene, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(listener, "MAX_CONNECTIONS", 3)
    authority = Authority(tmp_path)
    pair = authority.issue("mast", "127.0.0.1")
    trust = ssl.create_default_context(cafile=str(authority.certificate))
    files = {"certificate": pair.certificate, "private_key": pair.private_key}
    async with house(scene, **files) as it:
        held = [await asyncio.open_connection("127.0.0.1", it.server.port) for _ in range(40)]
        try:
            url = f"https://127.0.0.1:{it.server.port}/healthz"
            async with aiohttp.ClientSession() as session, session.get(url, ssl=trust) as response:
                assert response.status == 200
                assert await asyncio.gather(*(cut(reader) for reader, _ in held)) == [True] * 38 + [False] * 2
                for number in range(3):  # the place of who has left is free again
                    async with aiohttp.ClientSession() as other, other.get(url, ssl=trust) as again:
                        assert (number, again.status) == (number, 200)
        finally:
            await leave(held)


async def test_a_connection_that_never_shakes_hands_is_cut_in_time(
    scene: Scene, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(listener, "REQUEST_S", 0.3)
    monkeypatch.setattr(listener, "LOOK_S", 0.1)
    pair = Authority(tmp_path).issue("mast", "127.0.0.1")
    async with house(scene, certificate=pair.certificate, private_key=pair.private_key) as it:
        reader, writer = await asyncio.open_connection("127.0.0.1", it.server.port)
        assert await cut(reader, within_s=5)
        writer.close()


async def cut(reader: asyncio.StreamReader, within_s: float = 1.0) -> bool:
    """Whether the other side ends the connection."""
    try:
        async with asyncio.timeout(within_s):
            return await reader.read() == b""
    except ConnectionError:
        return True
    except TimeoutError:
        return False


async def test_a_header_without_end_is_refused(scene: Scene) -> None:
    async with (
        house(scene) as it,
        aiohttp.ClientSession() as session,
        session.get(f"{it.url}/healthz", headers={"X-Long": "x" * 40_000}) as response,
    ):
        assert response.status == 400
