import asyncio

import aiohttp
import pytest

from agent.events import UnitsDropped, ViewEnded, ViewStarted
from tests.live.house import (
    KEY,
    House,
    TestClock,
    Viewer,
    bearer_of,
    grant_for,
    house,
    loose_offer,
    mint,
    open_sockets,
    token_for,
    until,
)
from tests.live.scene import Scene


def endings(it: House) -> list[str]:
    return [event.reason for event in it.seen(ViewEnded)]


async def test_a_view_ends_when_its_grant_does_and_the_source_is_left(scene: Scene) -> None:
    async with house(scene) as it, Viewer(it, token_for("parvis", seconds=3)) as viewer:
        await viewer.frames(3)
        assert scene.subscribers == 1
        await until(lambda: endings(it) == ["grant-expired"])
        assert scene.subscribers == 0
        assert it.server.viewers("parvis") == 0
        await until(lambda: viewer.peer.connectionState == "closed")


async def test_a_clock_that_loses_trust_ends_views(scene: Scene) -> None:
    clock = TestClock()
    async with house(scene, clock=clock) as it, Viewer(it, token_for("parvis")) as viewer:
        await viewer.frames(1)
        clock.trusted = False
        await until(lambda: endings(it))
        assert endings(it) == ["grant-expired"]
        assert scene.subscribers == 0


async def test_revocation_ends_the_views_under_that_grant_and_no_others(scene: Scene) -> None:
    bad, good = grant_for("parvis"), grant_for("parvis")
    async with house(scene) as it, Viewer(it, mint(KEY, bad)) as one, Viewer(it, mint(KEY, good)) as other:
        await one.frames(1)
        await other.frames(1)
        it.server.replace_judge(it.judge(bad.jti))
        await until(lambda: endings(it) == ["grant-revoked"])
        await other.frames(30)
        assert it.server.viewers("parvis") == 1
        async with Viewer(it, mint(KEY, bad)) as again:
            assert again.status == 401


async def test_a_viewer_that_closes_its_page_is_noticed(scene: Scene) -> None:
    async with house(scene) as it, Viewer(it, token_for("parvis")) as viewer:
        await viewer.frames(1)
        await viewer.peer.close()
        await until(lambda: endings(it) == ["connection-lost"])
        assert scene.subscribers == 0


async def test_a_viewer_that_never_connects_is_given_up_and_its_place_is_free(scene: Scene) -> None:
    clock = TestClock()
    async with house(scene, clock=clock, max_viewers=1) as it:
        async with Viewer(it, token_for("parvis")) as viewer:
            assert viewer.status == 201
            await viewer.peer.close()
        await asyncio.sleep(0.1)
        if not endings(it):  # its goodbye may have come through
            clock.late_s = 16
        await until(lambda: endings(it) == ["connection-lost"])
        async with Viewer(it, token_for("parvis")) as viewer:
            assert viewer.status == 201


async def test_stopping_ends_every_view_and_the_viewers_are_told(scene: Scene) -> None:
    async with house(scene) as it:
        viewers = [Viewer(it, token_for("parvis")) for _ in range(3)]
        for viewer in viewers:
            await viewer.__aenter__()
            await viewer.frames(1)
    assert endings(it) == ["stopping"] * 3
    assert [event.session for event in it.seen(ViewStarted)] == [1, 2, 3]
    for viewer in viewers:
        await until(lambda: viewer.peer.connectionState == "closed")  # noqa: B023 - awaited within the round
        await viewer.peer.close()


async def test_what_a_viewer_lost_is_counted_and_reported(scene: Scene) -> None:
    async with house(scene) as it, Viewer(it, token_for("parvis")) as viewer:
        await viewer.frames(2)
        track = next(iter(it.server._sessions._views.values())).peer._track
        track._unsent = lambda: 1 << 30  # the way is full: nothing leaves
        await until(lambda: track._queue._units)
        await asyncio.sleep(1.6)
        track._unsent = lambda: 0
        await until(lambda: it.seen(UnitsDropped))
        assert {(event.camera, event.consumer) for event in it.seen(UnitsDropped)} == {("parvis", "live")}
        await viewer.frames(30)


def _fail(*_: object) -> str:
    raise RuntimeError("a fault of ours, once the sockets are open")


async def test_an_answer_that_fails_half_way_leaves_no_view_and_no_socket(
    scene: Scene, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("agent.live.webrtc.whole_answer", _fail)
    async with house(scene, max_viewers=1) as it:
        offer = await loose_offer()
        held = open_sockets()
        headers = {**bearer_of(token_for("parvis")), "Content-Type": "application/sdp"}
        async with aiohttp.ClientSession() as session:
            for _ in range(3):
                async with session.post(f"{it.url}/whep/parvis", data=offer, headers=headers) as response:
                    assert response.status == 500
        monkeypatch.undo()
        await until(lambda: open_sockets() <= held)
        assert it.events == []
        async with Viewer(it, token_for("parvis")) as viewer:
            assert viewer.status == 201
