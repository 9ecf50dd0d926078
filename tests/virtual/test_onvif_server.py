"""The ONVIF endpoint under the stock onvif-zeep client, and its broken, hostile and slow answers over plain HTTP."""

import asyncio
import time
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Any

import aiohttp
import pytest
from onvif import ONVIFCamera
from onvif.exceptions import ONVIFError
from requests import Session
from requests.auth import HTTPDigestAuth
from zeep.transports import Transport

from agent.virtual.head import Head, Limits
from agent.virtual.onvif_answers import DEGREES, Ranges, SpaceChoice
from agent.virtual.onvif_device import Device, DeviceOptions, Login
from agent.virtual.onvif_server import Faults, OnvifServer
from agent.virtual.reports import Ageing, Lies, Reporter
from agent.virtual.soap import envelope

STATUS = envelope("<tptz:GetStatus><tptz:ProfileToken>profile_1</tptz:ProfileToken></tptz:GetStatus>")
STOP = envelope("<tptz:Stop><tptz:ProfileToken>profile_1</tptz:ProfileToken></tptz:Stop>")


@dataclass
class Rig:
    head: Head
    reporter: Reporter
    server: OnvifServer

    async def stock(self, work: Callable[[Any, Any], Any], password: str = "secret", **more: Any) -> Any:
        """Runs `work(media, ptz)` of a stock client in a thread of its own, as the library blocks."""

        def run() -> Any:
            client = ONVIFCamera("127.0.0.1", self.server.port, "vigie", password, no_cache=True, **more)
            return work(client.create_media_service(), client.create_ptz_service())

        return await asyncio.to_thread(run)

    async def post(self, body: bytes, limit_s: float = 5.0, path: str = "ptz") -> tuple[int, bytes]:
        """One request by hand."""
        timeout = aiohttp.ClientTimeout(total=limit_s)
        url = f"http://127.0.0.1:{self.server.port}/onvif/{path}"
        async with aiohttp.ClientSession(timeout=timeout) as session, session.post(url, data=body) as answer:
            return answer.status, await answer.read()


@asynccontextmanager
async def running(
    login: Login = "either",
    skew_s: float = 0.0,
    spaces: SpaceChoice = "generic",
    lost: float = 0.0,
    status: bool = True,
) -> AsyncIterator[Rig]:
    head = Head(Limits(), time.monotonic())
    reporter = Reporter(head, Ageing(lost=lost), seed=7)
    options = DeviceOptions(
        "vigie", "secret", login=login, clock_skew_s=skew_s, move_status=status, ranges=Ranges(spaces=spaces)
    )
    device = Device(head, options)
    device.stream = "rtsp://127.0.0.1:1/stream"
    async with OnvifServer(device, reporter, snapshot=lambda: b"jpeg") as server:
        yield Rig(head, reporter, server)


def profile(media: Any) -> str:
    return str(media.GetProfiles()[0].token)


def settle(ptz: Any, token: dict[str, str]) -> None:
    """Waits until the head has begun what it was told and stands again; a report is 0.2 s old at most."""
    time.sleep(0.25)
    while ptz.GetStatus(token).MoveStatus.PanTilt != "IDLE" or ptz.GetStatus(token).MoveStatus.Zoom != "IDLE":
        time.sleep(0.05)
    time.sleep(0.2)  # the next report may be older than the one that said so


async def test_the_stock_client_learns_what_the_head_is() -> None:
    def work(media: Any, ptz: Any) -> None:
        one = media.GetProfiles()[0]
        assert one.PTZConfiguration.NodeToken == "node_1"
        assert one.VideoEncoderConfiguration.Resolution.Width == 704
        wish = {"Stream": "RTP-Unicast", "Transport": {"Protocol": "RTSP"}}
        assert media.GetStreamUri({"StreamSetup": wish, "ProfileToken": one.token}).Uri.startswith("rtsp://")
        assert media.GetSnapshotUri({"ProfileToken": one.token}).Uri.endswith("/snapshot.jpg")
        assert media.GetVideoSources()[0].Framerate == 25
        node = ptz.GetNodes()[0]
        assert ptz.GetNode({"NodeToken": node.token}).HomeSupported
        assert node.SupportedPTZSpaces.ContinuousPanTiltVelocitySpace[0].XRange.Max == 1
        assert ptz.GetConfigurations()[0].token == one.PTZConfiguration.token
        options = ptz.GetConfigurationOptions({"ConfigurationToken": one.PTZConfiguration.token})
        assert options.PTZTimeout.Max.total_seconds() == 60

    async with running() as rig:
        await rig.stock(work)
        url = f"http://127.0.0.1:{rig.server.port}/snapshot.jpg"
        async with aiohttp.ClientSession() as session, session.get(url) as answer:
            assert await answer.read() == b"jpeg"


async def test_a_continuous_move_of_the_stock_client_stops_by_itself() -> None:
    def work(media: Any, ptz: Any) -> list[Any]:
        token = profile(media)
        velocity = {"PanTilt": {"x": 0.5, "y": 0.0}}
        ptz.ContinuousMove({"ProfileToken": token, "Velocity": velocity, "Timeout": "PT0.6S"})
        statuses = []
        for _ in range(12):
            statuses.append(ptz.GetStatus({"ProfileToken": token}))
            time.sleep(0.15)
        return statuses

    async with running() as rig:
        statuses = await rig.stock(work)
        pans = [one.Position.PanTilt.x * 180 for one in statuses]
        assert "MOVING" in [one.MoveStatus.PanTilt for one in statuses]
        assert statuses[-1].MoveStatus.PanTilt == "IDLE"
        assert pans[-1] == pans[-2] == pytest.approx(36, abs=1)
        assert rig.head.shown(time.monotonic()).pan_deg == pytest.approx(pans[-1], abs=0.01)


async def test_presets_home_absolute_and_relative_moves_of_the_stock_client() -> None:
    def work(media: Any, ptz: Any) -> None:
        token = {"ProfileToken": profile(media)}
        ptz.AbsoluteMove({**token, "Position": {"PanTilt": {"x": 0.1, "y": 0.1}, "Zoom": {"x": 0.5}}})
        settle(ptz, token)
        ptz.RelativeMove({**token, "Translation": {"PanTilt": {"x": 0.05, "y": -0.1}}})
        settle(ptz, token)
        preset = ptz.SetPreset({**token, "PresetName": "Entrée <1>"})
        ptz.GotoHomePosition(token)
        settle(ptz, token)
        assert ptz.GetStatus(token).Position.PanTilt.x == pytest.approx(0)
        ptz.GotoPreset({**token, "PresetToken": preset})
        settle(ptz, token)
        position = ptz.GetStatus(token).Position
        assert (position.PanTilt.x, position.PanTilt.y, position.Zoom.x) == pytest.approx((0.15, 0, 0.5), abs=1e-5)
        known = ptz.GetPresets(token)
        assert [(one.token, one.Name) for one in known] == [(preset, "Entrée <1>")]
        ptz.SetHomePosition(token)
        ptz.RemovePreset({**token, "PresetToken": preset})
        with pytest.raises(ONVIFError, match="no such preset"):
            ptz.GotoPreset({**token, "PresetToken": preset})

    async with running() as rig:
        await rig.stock(work)
        assert rig.head.home.pan_deg == pytest.approx(27)


async def test_a_head_may_tell_degrees_and_no_move_status() -> None:
    def work(media: Any, ptz: Any) -> Any:
        token = {"ProfileToken": profile(media)}
        ptz.AbsoluteMove({**token, "Position": {"PanTilt": {"x": -33.5, "y": 9, "space": DEGREES}}})
        time.sleep(1.2)
        return ptz.GetStatus(token)

    async with running(spaces="degrees", status=False) as rig:
        status = await rig.stock(work)
        assert (status.Position.PanTilt.x, status.Position.PanTilt.space) == (pytest.approx(-33.5), DEGREES)
        assert status.MoveStatus is None


async def test_a_wrong_password_and_a_camera_clock_that_is_off_are_refused() -> None:
    async with running() as rig:
        with pytest.raises(ONVIFError, match="not authorized"):
            await rig.stock(lambda media, ptz: ptz.GetNodes(), password="wrong")
        assert "GetNodes" in rig.server.heard
    async with running(skew_s=3600) as rig:
        with pytest.raises(ONVIFError, match="time"):
            await rig.stock(lambda media, ptz: ptz.GetNodes())
        assert await rig.stock(lambda media, ptz: ptz.GetNodes(), adjust_time=True)


async def test_http_digest_where_the_device_wants_it() -> None:
    async with running(login="digest") as rig:
        status, _ = await rig.post(STATUS)
        assert status == 401
        with pytest.raises(ONVIFError):
            await rig.stock(lambda media, ptz: ptz.GetNodes())
        session = Session()
        session.auth = HTTPDigestAuth("vigie", "secret")
        nodes = await rig.stock(lambda media, ptz: ptz.GetNodes(), transport=Transport(session=session))
        assert nodes[0].token == "node_1"


async def test_a_silent_status_leaves_stop_alone_and_ends_with_the_fault() -> None:
    async with running(login="none") as rig:
        rig.server.faults = Faults(silent=True, operations=frozenset({"GetStatus"}))
        with pytest.raises(TimeoutError):
            await rig.post(STATUS, limit_s=0.7)
        assert (await rig.post(STOP))[0] == 200
        rig.server.faults = Faults()
        assert b"PTZStatus" in (await rig.post(STATUS))[1]


async def test_a_slow_answer_comes_so_much_later() -> None:
    async with running(login="none") as rig:
        rig.server.faults = Faults(slow_s=0.8)
        with pytest.raises(TimeoutError):
            await rig.post(STATUS, limit_s=0.6)
        assert (await rig.post(STATUS))[0] == 200


async def test_lost_reports_break_the_connection() -> None:
    async with running(login="none", lost=1.0) as rig:
        with pytest.raises(aiohttp.ClientError):
            await rig.post(STATUS)
        assert (await rig.post(STOP))[0] == 200


async def test_a_head_that_finds_its_zero_may_say_so() -> None:
    async with running() as rig:
        rig.reporter.set_lies(Lies(homing="error"), time.monotonic())
        rig.head.find_zero(time.monotonic())
        await asyncio.sleep(0.3)
        status = await rig.stock(lambda media, ptz: ptz.GetStatus({"ProfileToken": profile(media)}))
        assert status.Error == "Homing"


async def test_a_frozen_position_goes_out_while_the_head_turns() -> None:
    async with running(login="none") as rig:
        rig.reporter.set_lies(Lies(frozen=True), time.monotonic())
        rig.head.velocity(time.monotonic(), pan=1, tilt=0, zoom=0, timeout_s=9)
        await asyncio.sleep(0.5)
        _, answer = await rig.post(STATUS)
        assert b'x="0.000000"' in answer
        assert b"MOVING" not in answer
        assert rig.head.shown(time.monotonic()).pan_deg > 5


@pytest.mark.parametrize(
    ("how", "seen"),
    [("broken", b"<env:Bo"), ("empty", b""), ("html", b"<html>"), ("bomb", b"ENTITY"), ("nonsense", b"NaN")],
)
async def test_hostile_answers_are_what_they_say(how: Any, seen: bytes) -> None:
    async with running(login="none") as rig:
        rig.server.faults = Faults(hostile=how)
        status, answer = await rig.post(STATUS)
        assert status == 200
        assert seen in answer
        if how != "nonsense":
            with pytest.raises(ONVIFError):
                await rig.stock(lambda media, ptz: ptz.GetNodes())


async def test_a_huge_answer_and_a_drip_never_end_and_do_not_hold_up_the_device() -> None:
    async with running(login="none") as rig:
        for how in ("huge", "drip"):
            rig.server.faults = Faults(hostile=how, operations=frozenset({"GetStatus"}))
            url = f"http://127.0.0.1:{rig.server.port}/onvif/ptz"
            async with aiohttp.ClientSession() as session, session.post(url, data=STATUS) as answer:
                read = [len(await answer.content.readany()) for _ in range(8)]
                assert (sum(read) > 100_000) == (how == "huge")
                assert not answer.content.at_eof()
            assert (await rig.post(STOP))[0] == 200


async def test_rubbish_is_refused_and_a_stopped_device_refuses_connections() -> None:
    async with running() as rig:
        assert (await rig.post(b"\x00" * 5000))[0] == 400
        port = rig.server.port
        await rig.server.stop()
        with pytest.raises(aiohttp.ClientConnectorError):
            await rig.post(STOP)
        await rig.server.start()
        assert rig.server.port == port
        assert (await rig.post(STOP))[0] == 401
