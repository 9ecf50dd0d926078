"""What the WebRTC library must go on doing, since some of it is not written in its documentation."""

import asyncio
import logging

import pytest

from agent.config import IceServer
from agent.live.webrtc import ice_servers
from tests.live.house import Viewer, house, token_for, until
from tests.live.scene import MASK_GREY, Scene


async def test_a_real_picture_loss_indication_asks_the_encoder_for_a_keyframe(scene: Scene) -> None:
    async with house(scene) as it, Viewer(it, token_for("parvis")) as viewer:
        await viewer.frames(3)
        before = scene.keyframe_requests
        receiver = viewer.peer.getTransceivers()[0].receiver
        ssrc = it_ssrc(viewer)
        await receiver._send_rtcp_pli(ssrc)
        await until(lambda: scene.keyframe_requests > before)
        assert scene.keyframe_requests == before + 1


def it_ssrc(viewer: Viewer) -> int:
    """The SSRC that the answer announced."""
    line = next(one for one in viewer.peer.remoteDescription.sdp.splitlines() if one.startswith("a=ssrc:"))
    return int(line[7:].split()[0])


async def test_a_viewer_starts_with_the_gop_under_way_and_asks_for_a_keyframe() -> None:
    with Scene(gop=10_000) as scene:
        await until(lambda: scene.number >= 20)
        scene.request_keyframe = lambda: None  # type: ignore[method-assign]  # no other picture than the replayed ones
        async with house(scene) as it, Viewer(it, token_for("parvis")) as viewer:
            pictures = await viewer.frames(5)
            assert abs(int(pictures[-1].to_ndarray(format="gray")[180, 240]) - MASK_GREY) < 6


async def test_joining_asks_for_a_keyframe(scene: Scene) -> None:
    async with house(scene) as it, Viewer(it, token_for("parvis")) as viewer:
        await viewer.frames(1)
        assert scene.keyframe_requests >= 1


async def test_a_camera_that_reconnects_or_leaps_goes_on_in_the_viewer_s_picture() -> None:
    with Scene() as scene:
        async with house(scene) as it, Viewer(it, token_for("parvis")) as viewer:
            first = await viewer.frames(5)
            scene.epoch, scene.pts_offset = 2, -1_000_000
            second = await viewer.frames(40)
            scene.pts_offset = 10**9
            third = await viewer.frames(40)
            stamps = [frame.pts for frame in [*first, *second, *third]]
            assert stamps == sorted(set(stamps))
            assert stamps[-1] - stamps[0] < 90_000 * 10


async def test_a_camera_that_stands_still_keeps_its_viewers(scene: Scene) -> None:
    async with house(scene) as it, Viewer(it, token_for("parvis")) as viewer:
        await viewer.frames(3)
        scene.paused = True
        await asyncio.sleep(2)
        assert it.server.viewers("parvis") == 1
        scene.paused = False
        await viewer.frames(10)


def test_ice_servers_are_the_configured_ones_and_never_a_stranger_s() -> None:
    assert ice_servers(()) == []
    (server,) = ice_servers((IceServer(urls=("stun:csu.example:3478",)),))
    (odd,) = ice_servers((IceServer(urls=("stun:[2001:db8::1]:3478", "turn:csu.example")),))
    assert odd.urls == ["turn:csu.example"]
    assert (server.urls, server.username, server.credential) == (["stun:csu.example:3478"], None, None)


async def test_no_log_names_a_viewer_s_address_or_grant(scene: Scene, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.DEBUG)
    token = token_for("parvis")
    async with house(scene) as it, Viewer(it, token) as viewer:
        await viewer.frames(2)
        await viewer.leave()
    assert token not in caplog.text
    assert "candidate" not in caplog.text.lower()
