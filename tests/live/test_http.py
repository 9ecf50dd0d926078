import asyncio
import json
import time
from collections.abc import Callable
from typing import Any

import aiohttp
import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from agent.acts import ground, person
from agent.events import ViewStarted
from agent.live.http import is_local
from agent.live.refusals import refusal
from agent.register import bodies
from tests.live.house import House, TestClock, Viewer, bearer_of, grant_for, house, loose_offer, token_for
from tests.live.scene import Scene

CSU = "https://csu.example"


async def call(it: House, method: str, path: str, token: str = "", **options: Any) -> tuple[int, str, Any]:
    """(status, body, headers) of one request under `token`."""
    headers = {**(bearer_of(token) if token else {}), **options.pop("headers", {})}
    async with (
        aiohttp.ClientSession() as session,
        session.request(method, it.url + path, headers=headers, **options) as response,
    ):
        return response.status, await response.text(), response.headers


SDP = {"Content-Type": "application/sdp"}


def token_to_come() -> str:
    """A grant that begins tomorrow."""
    begin = int(time.time()) + 86_400
    return token_for("parvis", issued_at=begin, not_before=begin, expires_at=begin + 600)


@pytest.mark.parametrize(
    ("bad", "word"),
    [
        (lambda: "", "grant"),
        (lambda: "not.a.grant", "grant"),
        (lambda: token_for("parvis", key=Ed25519PrivateKey.generate()), "authority"),
        (lambda: token_for("parvis", masts=("another-mast",)), "mast"),
        (token_to_come, "not valid before"),
    ],
)
async def test_no_grant_or_a_bad_one_gets_401_everywhere(scene: Scene, bad: Callable[[], str], word: str) -> None:
    token = bad()  # made now: in a long run a grant of the start would be refused for its age
    async with house(scene) as it:
        for method, path in (
            ("POST", "/whep/parvis"),
            ("POST", "/whep/nowhere"),
            ("DELETE", "/whep/parvis/x"),
            ("GET", "/state"),
        ):
            status, body, headers = await call(it, method, path, token, data="v=0" if method == "POST" else None)
            assert status == 401, path
            assert headers["WWW-Authenticate"] == "Bearer"
            assert word in body
            assert token not in body or not token


async def test_an_expired_grant_gets_401(scene: Scene) -> None:
    clock = TestClock()
    token = token_for("parvis", seconds=60)
    async with house(scene, clock=clock) as it:
        assert (await call(it, "GET", "/state", token))[0] == 200
        clock.ahead_s = 61
        assert (await call(it, "GET", "/state", token))[0] == 401


async def test_a_clock_below_its_floor_gets_503_clock(scene: Scene) -> None:
    clock = TestClock()
    clock.trusted = False
    async with house(scene, clock=clock) as it:
        status, body, _ = await call(it, "POST", "/whep/parvis", token_for("parvis"), headers=SDP, data="v=0")
        assert status == 503
        assert '"clock"' in body


@pytest.mark.parametrize("name", ["access_token", "grant", "token", "authorization"])
async def test_a_grant_in_the_url_is_never_taken(scene: Scene, name: str) -> None:
    async with house(scene) as it:
        assert (await call(it, "GET", f"/state?{name}={token_for('parvis')}"))[0] == 401


async def test_a_good_grant_for_something_else_gets_403(scene: Scene) -> None:
    async with house(scene) as it:
        for token in (token_for("gare"), token_for("parvis", allow="ptz,export")):
            assert (await call(it, "POST", "/whep/parvis", token, headers=SDP, data="v=0"))[0] == 403
        assert (await call(it, "GET", "/state", token_for("parvis", allow="ptz")))[0] == 403
        assert (await call(it, "GET", "/state", token_for("elsewhere")))[0] == 403


@pytest.mark.parametrize(
    ("method", "path", "content", "data", "status"),
    [
        ("POST", "/whep/nowhere", "application/sdp", b"v=0", 404),
        ("POST", "/whep/parvis", "application/json", b"{}", 415),
        ("POST", "/whep/parvis?rendition=huge", "application/sdp", b"v=0", 400),
        ("POST", "/whep/parvis", "application/sdp", b"hello", 400),
        ("POST", "/whep/parvis", "application/sdp", b"", 400),
        ("POST", "/whep/parvis", "application/sdp", b"v=0\r\n" + b"a=x\r\n" * 20_000, 413),
        ("PATCH", "/whep/parvis/some-session", "application/trickle-ice-sdpfrag", b"a=candidate", 405),
        ("PATCH", "/whep/parvis", "application/trickle-ice-sdpfrag", b"a=candidate", 405),
        ("PUT", "/whep/parvis", "application/sdp", b"v=0", 405),
        ("GET", "/whep/parvis", "application/sdp", b"", 405),
        ("DELETE", "/whep/parvis/some-session", "text/plain", b"", 404),
        ("GET", "/page/../server.py", "text/plain", b"", 404),
        ("GET", "/nothing", "text/plain", b"", 404),
    ],
)
async def test_each_wrong_request_gets_its_status_and_a_sentence(
    scene: Scene, method: str, path: str, content: str, data: bytes, status: int
) -> None:
    async with house(scene) as it:
        found, body, headers = await call(
            it, method, path, token_for("parvis"), headers={"Content-Type": content}, data=data
        )
        assert found == status
        assert '"message"' in body
        assert "Traceback" not in body
        assert headers["Content-Security-Policy"].startswith("default-src 'none'")
        assert it.events == []


async def test_a_session_is_ended_by_the_grant_that_opened_it_and_by_no_other(scene: Scene) -> None:
    async with house(scene) as it, Viewer(it, token_for("parvis")) as viewer:
        path = viewer.location.removeprefix(it.url)
        assert path.startswith("/whep/parvis/")
        assert (await call(it, "DELETE", path, token_for("parvis")))[0] == 403
        assert (await call(it, "DELETE", path))[0] == 401
        assert (await call(it, "DELETE", path.replace("parvis", "gare"), token_for("parvis", "gare")))[0] == 404
        assert it.server.viewers("parvis") == 1
        assert await viewer.leave() == 200
        assert await viewer.leave() == 404


async def test_the_viewer_limit_gets_503_with_retry_after_and_a_place_that_is_left_is_free_again(scene: Scene) -> None:
    token = token_for("parvis", "gare")
    async with house(scene, max_viewers=2) as it, Viewer(it, token) as first, Viewer(it, token, "gare") as second:
        assert (first.status, second.status) == (201, 201)
        async with Viewer(it, token) as third:
            assert third.status == 503
        status, body, headers = await call(it, "POST", "/whep/parvis", token, headers=SDP, data=await loose_offer())
        assert (status, headers["Retry-After"]) == (503, "10")
        assert '"viewers"' in body
        await first.leave()
        async with Viewer(it, token) as fourth:
            assert fourth.status == 201


async def test_the_tile_comes_from_the_tile_s_own_encoder_and_runs_only_while_watched(scene: Scene) -> None:
    with Scene(320, 192) as tile:
        async with house(scene, tile) as it:
            async with Viewer(it, token_for("parvis"), rendition="tile") as viewer:
                assert [(frame.width, frame.height) for frame in await viewer.frames(1)] == [(320, 192)]
                assert (tile.subscribers, scene.subscribers) == (1, 0)
                await viewer.leave()
            assert tile.subscribers == 0


async def test_cors_answers_configured_origins_and_no_others(scene: Scene) -> None:
    ask = {"Access-Control-Request-Method": "POST", "Access-Control-Request-Headers": "authorization,content-type"}
    async with house(scene, origins=(CSU,)) as it:
        status, _, headers = await call(it, "OPTIONS", "/whep/parvis", headers={"Origin": CSU, **ask})
        assert (status, headers["Access-Control-Allow-Origin"], headers["Vary"]) == (204, CSU, "Origin")
        assert {"POST", "DELETE"} <= set(headers["Access-Control-Allow-Methods"].split(", "))
        assert {"Authorization", "Content-Type"} <= set(headers["Access-Control-Allow-Headers"].split(", "))
        status, _, headers = await call(it, "OPTIONS", "/whep/parvis/some-session", headers={"Origin": CSU, **ask})
        assert (status, headers["Access-Control-Allow-Origin"]) == (204, CSU)
        for origin in ("https://evil.example", "null", CSU + ".evil.example", CSU.upper()):
            status, _, headers = await call(it, "OPTIONS", "/whep/parvis", headers={"Origin": origin, **ask})
            assert status == 403
            assert "Access-Control-Allow-Origin" not in headers
            _, _, headers = await call(it, "GET", "/state", token_for("parvis"), headers={"Origin": origin})
            assert "Access-Control-Allow-Origin" not in headers
        offer = await loose_offer()
        status, _, headers = await call(
            it, "POST", "/whep/parvis", token_for("parvis"), headers={"Origin": CSU, **SDP}, data=offer
        )
        assert (status, headers["Access-Control-Allow-Origin"]) == (201, CSU)
        assert "Location" in headers["Access-Control-Expose-Headers"]
        status, _, headers = await call(it, "POST", "/whep/parvis", "", headers={"Origin": CSU, **SDP})
        assert (status, headers["Access-Control-Allow-Origin"]) == (401, CSU)


async def test_options_without_cors_says_what_a_player_may_post(scene: Scene) -> None:
    async with house(scene) as it:
        status, _, headers = await call(it, "OPTIONS", "/whep/parvis")
        assert (status, headers["Accept-Post"]) == (204, "application/sdp")


async def test_healthz_says_ok_or_not_and_nothing_else(scene: Scene) -> None:
    async with house(scene) as it:
        assert (await call(it, "GET", "/healthz"))[:2] == (200, "ok\n")
        it.healthy = False
        assert (await call(it, "GET", "/healthz"))[:2] == (503, "not ok\n")


async def test_metrics_name_cameras_and_nobody_and_refuse_what_a_proxy_passed_on(scene: Scene) -> None:
    async with house(scene) as it, Viewer(it, token_for("parvis")):
        status, body, _ = await call(it, "GET", "/metrics")
        assert status == 200
        assert 'vigie_camera_viewers{camera="parvis"} 1.0' in body
        assert "Moreau" not in body
        assert "4711" not in body
        for name in ("X-Forwarded-For", "Forwarded"):
            assert (await call(it, "GET", "/metrics", headers={name: "for=203.0.113.9"}))[0] == 403


@pytest.mark.parametrize(
    ("address", "local"),
    [
        ("127.0.0.1", True),
        ("127.9.9.9", True),
        ("::1", True),
        ("::ffff:127.0.0.1", True),
        ("192.0.2.7", False),
        ("::ffff:192.0.2.7", False),
        ("fe80::1%eth0", False),
        ("", False),
        (None, False),
    ],
)
def test_only_loopback_is_local(address: str | None, local: bool) -> None:
    assert is_local(address) is local


async def test_state_tells_of_covered_cameras_only_and_of_no_person(scene: Scene) -> None:
    async with house(scene) as it:
        status, body, _ = await call(it, "GET", "/state", token_for("parvis", "elsewhere"))
        assert status == 200
        assert "Parvis, fixe" in body
        assert "Gare" not in body
        assert "Moreau" not in body


async def test_a_body_that_never_ends_is_given_up(scene: Scene, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("agent.live.http.BODY_S", 0.3)

    async def slow() -> Any:
        yield b"v=0\r\n"
        await asyncio.Event().wait()
        yield b"a=x\r\n"

    async with house(scene) as it:
        status, body, _ = await call(it, "POST", "/whep/parvis", token_for("parvis"), headers=SDP, data=slow())
        assert status == 408
        assert '"slow"' in body


async def test_a_peer_that_goes_in_the_middle_of_its_body_is_no_fault_of_ours(
    scene: Scene, caplog: pytest.LogCaptureFixture
) -> None:
    async with house(scene) as it:
        for _ in range(3):
            _, writer = await asyncio.open_connection("127.0.0.1", it.server.port)
            head = f"POST /whep/parvis HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer {token_for('parvis')}\r\n"
            writer.write(f"{head}Content-Type: application/sdp\r\nContent-Length: 500\r\n\r\nv=0".encode())
            await writer.drain()
            await asyncio.sleep(0.1)
            writer.transport.abort()
        await asyncio.sleep(0.2)
        assert (await call(it, "GET", "/state", token_for("parvis")))[0] == 200
    assert "unexpected" not in caplog.text


async def test_an_unforeseen_error_says_nothing_of_its_inside(scene: Scene, caplog: pytest.LogCaptureFixture) -> None:
    async with house(scene) as it:
        it.server._api._facts = lambda: 1 // 0  # type: ignore[assignment,return-value]
        token = token_for("parvis")
        status, body, _ = await call(it, "GET", "/state", token)
        assert status == 500
        assert "Division" not in body
        assert token not in caplog.text
        assert "ZeroDivisionError" in caplog.text


def test_a_grant_s_text_is_never_part_of_what_a_view_shows_of_itself() -> None:
    from dataclasses import fields

    from agent.live.sessions import View

    assert not next(one for one in fields(View) if one.name == "token").repr
    assert grant_for("parvis").jti


async def test_a_register_that_cannot_be_written_gets_503_and_nobody_looks(scene: Scene) -> None:
    async with house(scene) as it:
        it.acts.ledger.close()
        data = await loose_offer()
        status, body, headers = await call(it, "POST", "/whep/parvis", token_for("parvis"), headers=SDP, data=data)
        assert (status, json.loads(body)["error"]) == (503, "register")
        assert headers["Retry-After"]
        assert it.server.viewers("parvis") == 0
        assert it.events == []


async def test_who_looks_and_who_was_refused_is_in_the_register(scene: Scene) -> None:
    async with house(scene) as it:
        token, data = token_for("parvis"), await loose_offer()
        for path, sent in (("/whep/parvis", token), ("/whep/gare", token), ("/whep/parvis", "a.b.c")):
            await call(it, "POST", path, sent, headers=SDP, data=data)
        (begun,) = it.seen(ViewStarted)
        assert it.acts.kinds == ["grant_presented", "view_requested", "view_started", "view_refused", "view_refused"]
        assert isinstance(begun, ViewStarted)
        assert begun.entry == 2
        requested, known, stranger = it.acts.bodies[1], it.acts.bodies[3], it.acts.bodies[4]
        assert isinstance(requested, bodies.ViewRequested)
        assert (requested.grant, requested.camera) == (0, "parvis")
        assert isinstance(known, bodies.ViewRefused)
        assert isinstance(stranger, bodies.ViewRefused)
        assert (known.camera, known.person, stranger.person) == ("gare", requested.person, None)


async def test_an_agent_whose_grant_counts_no_more_is_named_where_it_is_refused(scene: Scene) -> None:
    clock = TestClock()
    async with house(scene, clock=clock) as it:
        token, elsewhere = token_for("parvis", seconds=60), token_for("parvis", masts=("another-mast",))
        forged = token_for("parvis", key=Ed25519PrivateKey.generate())
        clock.ahead_s = 61
        for path, sent in (
            *(("/whep/parvis", one) for one in (token, elsewhere, forged)),
            ("/whep/nowhere", token_for("parvis", seconds=1800)),
        ):
            await call(it, "POST", path, sent, headers=SDP, data=await loose_offer())
        told = it.acts.bodies
        assert all(isinstance(one, bodies.ViewRefused) for one in told)
        expired, other, stranger, unknown = told
        assert (expired.person, expired.ground) == (person(grant_for("parvis")), ground(grant_for("parvis")))  # type: ignore[union-attr]
        assert other.person == expired.person  # type: ignore[union-attr]
        assert (stranger.person, stranger.ground) == (None, None)  # type: ignore[union-attr]
        assert (unknown.camera, unknown.why) == ("", "no such camera on this mast")  # type: ignore[union-attr]


def test_an_answer_can_be_read_by_eye() -> None:
    assert "caméra inconnue" in (refusal(404, "caméra inconnue").text or "")
