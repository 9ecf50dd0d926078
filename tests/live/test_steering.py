"""Steering over the real listener: statuses, a joystick's WebSocket, and grants that end."""

import asyncio
import json
from typing import Any

import aiohttp
import pytest

from agent.live.steering import MOST_AT_ONCE
from tests.live.house import House, Recorder, TestClock, bearer_of, house, token_for, until
from tests.live.scene import Scene
from tests.live.test_http import call

STICK = b'{"order":"velocity","pan":0.2,"tilt":0,"zoom":0}'


def ptz_token(*cameras: str, **changes: Any) -> str:
    return token_for(*(cameras or ("parvis",)), allow="live,ptz", **changes)


async def test_an_order_under_a_good_grant_is_carried_out(scene: Scene) -> None:
    it_steers = Recorder()
    async with house(scene, steering={"parvis": it_steers}) as it:
        status, body, _ = await call(it, "POST", "/ptz/parvis", ptz_token(), data=STICK)
        assert (status, json.loads(body)) == (200, {"ok": True})
        assert it_steers.orders == [STICK]


async def test_first_who_then_what(scene: Scene) -> None:
    it_steers = Recorder()
    async with house(scene, steering={"parvis": it_steers}) as it:
        for path, token, status in (
            ("/ptz/parvis", "", 401),
            ("/ptz/nowhere", "", 401),
            ("/ptz/parvis", "not.a.grant", 401),
            ("/ptz/nowhere", ptz_token(), 404),
            ("/ptz/gare", ptz_token("gare"), 404),  # it is there, and does not turn
            ("/ptz/parvis", token_for("parvis"), 403),
            ("/ptz/parvis", ptz_token("gare"), 403),
        ):
            found, body, _ = await call(it, "POST", path, token, data=STICK)
            assert (found, path) == (status, path)
            assert '"message"' in body
        assert it_steers.orders == []
        assert (await call(it, "GET", "/ptz/parvis", ptz_token()))[0] == 405


@pytest.mark.parametrize("status", [400, 409, 422, 429, 502, 503])
async def test_each_refusal_keeps_its_status_and_says_when_to_come_back(scene: Scene, status: int) -> None:
    it_steers = Recorder()
    it_steers.answer = (status, {"ok": False, "error": "word", "message": "why", "retry_after_s": 6.2})
    async with house(scene, steering={"parvis": it_steers}) as it:
        found, body, headers = await call(it, "POST", "/ptz/parvis", ptz_token(), data=STICK)
        assert found == status
        assert json.loads(body)["message"] == "why"
        assert headers["Retry-After"] == "7"


async def test_a_body_that_is_too_large_never_reaches_the_helm(scene: Scene) -> None:
    it_steers = Recorder()
    async with house(scene, steering={"parvis": it_steers}) as it:
        assert (await call(it, "POST", "/ptz/parvis", ptz_token(), data=b"x" * 200_000))[0] == 413
        assert it_steers.orders == []


class Stick:
    """A joystick's WebSocket."""

    def __init__(self, it: House, path: str = "/ptz/parvis/ws") -> None:
        self._url = it.url + path
        self._session = aiohttp.ClientSession()

    async def __aenter__(self) -> "Stick":
        self.socket = await self._session.ws_connect(self._url)
        return self

    async def __aexit__(self, *_: object) -> None:
        await self._session.close()

    async def say(self, message: Any) -> dict[str, Any]:
        await self.tell(message)
        return await self.hear()

    async def tell(self, message: Any) -> None:
        await self.socket.send_str(message if isinstance(message, str) else json.dumps(message))

    async def hear(self) -> dict[str, Any]:
        async with asyncio.timeout(10):
            found: dict[str, Any] = await self.socket.receive_json()
        return found

    async def ended(self) -> int:
        async with asyncio.timeout(10):
            message = await self.socket.receive()
        assert message.type in (aiohttp.WSMsgType.CLOSE, aiohttp.WSMsgType.CLOSED, aiohttp.WSMsgType.CLOSING)
        return self.socket.close_code or 0


async def test_a_joystick_says_its_grant_first_then_orders_and_each_is_answered(scene: Scene) -> None:
    it_steers = Recorder()
    async with house(scene, steering={"parvis": it_steers}) as it:
        async with Stick(it) as stick:
            assert await stick.say({"grant": ptz_token()}) == {"ok": True, "status": 200}
            for _ in range(3):
                assert await stick.say(STICK.decode()) == {"ok": True, "status": 200}
            it_steers.answer = (422, {"ok": False, "error": "limits", "message": "why"})
            assert (await stick.say({"order": "absolute"}))["status"] == 422
        await until(lambda: it_steers.left)
        assert it_steers.left == ["left"]
        assert len(it_steers.orders) == 4


@pytest.mark.parametrize(
    ("first", "status"),
    [
        ("nonsense", 400),
        ("[]", 400),
        ({"grant": 7}, 400),
        ({"order": "stop"}, 400),
        ({"grant": "x", "order": "stop"}, 400),
        ({"grant": "not.a.grant"}, 401),
        ({"camera": "parvis", "allow": "live"}, 403),
        ({"camera": "gare", "allow": "ptz"}, 403),
    ],
)
async def test_before_a_good_grant_nothing_is_an_order(scene: Scene, first: Any, status: int) -> None:
    it_steers = Recorder()
    if isinstance(first, dict) and "camera" in first:  # a good grant, made now: it lasts ten minutes
        first = {"grant": token_for(first["camera"], allow=first["allow"])}
    async with house(scene, steering={"parvis": it_steers}) as it, Stick(it) as stick:
        assert (await stick.say(first))["status"] == status
        assert await stick.ended() == 1008
        assert it_steers.orders == []
        assert it_steers.left == []


async def test_who_says_nothing_is_shown_the_door(scene: Scene, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("agent.live.steering.FIRST_S", 0.3)
    async with house(scene, steering={"parvis": Recorder()}) as it, Stick(it) as stick:
        assert await stick.ended() == 1008


async def test_a_connection_that_is_torn_off_frees_the_head(scene: Scene) -> None:
    it_steers = Recorder()
    async with house(scene, steering={"parvis": it_steers}) as it, Stick(it) as stick:
        await stick.say({"grant": ptz_token()})
        transport = stick.socket._response.connection
        assert transport is not None
        assert transport.transport is not None
        transport.transport.abort()
        await until(lambda: it_steers.left)


async def test_a_far_end_that_vanishes_without_a_word_is_noticed(scene: Scene, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("agent.live.http.BEAT_S", 0.4)
    it_steers = Recorder()
    async with house(scene, steering={"parvis": it_steers}) as it:
        reader, writer = await asyncio.open_connection("127.0.0.1", it.server.port)
        key = "dGhlIHNhbXBsZSBub25jZQ=="
        writer.write(
            f"GET /ptz/parvis/ws HTTP/1.1\r\nHost: x\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
            f"Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: {key}\r\n\r\n".encode()
        )
        await reader.readuntil(b"\r\n\r\n")
        payload = json.dumps({"grant": ptz_token()}).encode()
        frame = bytes((0x81, 0x80 | 126)) + len(payload).to_bytes(2, "big") + b"\0\0\0\0" + payload
        writer.write(frame)
        await until(lambda: it_steers.left)  # it never answers a ping
        assert it_steers.left == ["left"]
        writer.close()


async def test_a_grant_that_ends_ends_the_joystick_without_another_word(scene: Scene) -> None:
    it_steers, clock = Recorder(), TestClock()
    async with house(scene, clock=clock, steering={"parvis": it_steers}) as it, Stick(it) as stick:
        await stick.say({"grant": ptz_token(seconds=60)})
        clock.ahead_s = 61
        assert (await stick.hear())["status"] == 401
        assert await stick.ended() == 1008
        await until(lambda: it_steers.left)
        assert it_steers.left == ["grant-ended"]


async def test_a_grant_that_is_revoked_ends_the_joystick(scene: Scene) -> None:
    it_steers = Recorder()
    async with house(scene, steering={"parvis": it_steers}) as it, Stick(it) as stick:
        await stick.say({"grant": ptz_token(jti="gone")})
        it.server.replace_judge(it.judge("gone"))
        assert (await stick.say(STICK.decode()))["status"] == 401
        assert it_steers.orders == []


async def test_a_slow_head_does_not_make_a_stop_wait_and_its_orders_are_bounded(scene: Scene) -> None:
    it_steers = Recorder()
    it_steers.gate = asyncio.Event()
    async with house(scene, steering={"parvis": it_steers}) as it, Stick(it) as stick:
        await stick.say({"grant": ptz_token()})
        await stick.tell(STICK.decode())
        assert (await stick.say({"order": "stop"}))["status"] == 200  # the velocity before it still waits
        for _ in range(MOST_AT_ONCE + 5):
            await stick.tell(STICK.decode())
        assert (await stick.hear())["status"] == 429
        await until(lambda: it_steers.refused >= 5)
        it_steers.gate.set()


async def test_the_listener_s_end_ends_the_joysticks(scene: Scene) -> None:
    it_steers = Recorder()
    async with house(scene, steering={"parvis": it_steers}) as it:
        stick = Stick(it)
        await stick.__aenter__()
        await stick.say({"grant": ptz_token()})
    assert it_steers.left
    await stick.__aexit__()


async def test_a_message_of_a_megabyte_ends_the_joystick(scene: Scene) -> None:
    it_steers = Recorder()
    async with house(scene, steering={"parvis": it_steers}) as it, Stick(it) as stick:
        await stick.say({"grant": ptz_token()})
        await stick.tell("x" * (1 << 20))
        await until(lambda: it_steers.left)
        assert it_steers.orders == []


async def test_an_unknown_camera_and_a_plain_request_are_no_websocket(scene: Scene) -> None:
    async with house(scene, steering={"parvis": Recorder()}) as it:
        assert (await call(it, "GET", "/ptz/nowhere/ws"))[0] == 404
        assert (await call(it, "GET", "/ptz/parvis/ws"))[0] == 400


async def test_no_grant_is_logged(scene: Scene, caplog: pytest.LogCaptureFixture) -> None:
    token = ptz_token()
    async with house(scene, steering={"parvis": Recorder()}) as it, Stick(it) as stick:
        await stick.say({"grant": token})
        await call(it, "POST", "/ptz/parvis", token, data=STICK)
    assert token not in caplog.text
    assert bearer_of(token)["Authorization"] not in caplog.text
