"""The turning camera as a process: played by stock players, its truth known for each picture."""

import asyncio
import json
import subprocess
import sys
import time
from pathlib import Path

import av
import cv2
import numpy as np
import pytest
from onvif import ONVIFCamera

from agent.errors import SourceError
from agent.virtual import frame_code
from agent.virtual.figures import Picture
from agent.virtual.ptz_camera import Setup, VirtualPtz, picture_polygon, virtual_ptz
from agent.virtual.render import truth
from agent.virtual.world import PRIVATE
from tests.needs import needs
from tests.rig.child import async_child
from tests.virtual.structure import survives

ROOT = Path(__file__).resolve().parents[2]


async def play(ptz: VirtualPtz, count: int, wanted: float = 30.0) -> list[tuple[int | None, Picture]]:
    """(number, luma) of the next pictures, decoded by FFmpeg."""

    def run() -> list[tuple[int | None, Picture]]:
        out = []
        options = {"rtsp_transport": "tcp", "timeout": "8000000", "analyzeduration": "200000"}
        with av.open(ptz.rtsp_url, options=options) as container:
            container.streams.video[0].thread_type = "NONE"
            for frame in container.decode(video=0):
                luma = frame.to_ndarray(format="gray")
                out.append((frame_code.read(luma), luma))
                if len(out) == count:
                    return out
        return out

    return await asyncio.wait_for(asyncio.to_thread(run), wanted)


@needs("ffprobe", "ffmpeg")
async def test_ffprobe_plays_it(drawings: Path) -> None:
    async with virtual_ptz(drawings, Setup(width=1280, height=720)) as ptz:
        command = ["ffprobe", "-v", "error", "-rtsp_transport", "tcp", "-show_entries"]
        command += ["stream=codec_name,width,height,has_b_frames:format=nb_streams", "-of", "json", ptz.rtsp_url]
        async with async_child(*command, stdout=subprocess.PIPE) as probe:
            out, _ = await asyncio.wait_for(probe.communicate(), 20)
    told = json.loads(out)
    assert told["format"]["nb_streams"] == 1
    assert told["streams"] == [{"codec_name": "h264", "width": 1280, "height": 720, "has_b_frames": 0}]


async def test_each_picture_shows_what_its_true_pose_says(drawings: Path) -> None:
    async with virtual_ptz(drawings, Setup(start=(-60.0, 6.0, 0.1))) as ptz:
        await ptz.absolute(pan_deg=20, tilt_deg=4, zoom=0.3, speed=0.3)
        seen = await play(ptz, 60)
        await ptz.refresh()
    numbers = [number for number, _ in seen]
    assert None not in numbers
    assert numbers == sorted(set(numbers))
    private_seen, wrong_place = [], []
    for number, luma in seen:
        pose = ptz.true_pose(number)
        assert pose is not None
        private = truth(pose.view(), 704, 576)
        private[-frame_code.rows(576) :] = 0
        private_seen.append(survives(luma, private))
        wrong_place.append(survives(luma, np.roll(private, 200, axis=0)))
    assert np.mean(private_seen) > 0.95
    assert np.mean(wrong_place) < 0.8
    poses = [ptz.true_pose(number) for number in numbers]
    assert poses[-1].pan_deg > poses[0].pan_deg + 20
    assert all(pose.sent_ns - pose.taken_ns >= 50e6 for pose in poses)


async def test_onvif_steers_the_picture_and_reports_are_old_but_true(drawings: Path) -> None:
    async with virtual_ptz(drawings) as ptz:

        def steer() -> list[tuple[float, float]]:
            port = ptz.onvif_url.split(":")[2].split("/")[0]
            client = ONVIFCamera("127.0.0.1", port, ptz.username, ptz.password, no_cache=True)
            head, token = client.create_ptz_service(), client.create_media_service().GetProfiles()[0].token
            velocity = {"PanTilt": {"x": 0.25, "y": 0.0}}
            head.ContinuousMove({"ProfileToken": token, "Velocity": velocity, "Timeout": "PT3S"})
            said = []
            for _ in range(10):
                pan = head.GetStatus({"ProfileToken": token}).Position.PanTilt.x * 180
                said.append((time.monotonic(), pan))
                time.sleep(0.1)
            return said

        said = await asyncio.to_thread(steer)
        await play(ptz, 3)
        await ptz.refresh()
        taken = np.array([pose.taken_ns / 1e9 for pose in ptz.poses])
        pans = np.array([pose.pan_deg for pose in ptz.poses])
        for at_s, pan in said[4:]:
            old, young = np.interp([at_s - 0.26, at_s - 0.06], taken, pans)
            assert old - 0.5 <= pan <= young + 0.5


async def test_a_rebooting_camera_refuses_connections_and_then_finds_its_zero(drawings: Path) -> None:
    async with virtual_ptz(drawings, Setup(start=(30.0, 0.0, 0.0))) as ptz:
        port = int(ptz.rtsp_url.split(":")[2].split("/")[0])
        await ptz.reboot(down_s=1.0, onvif_later_s=0.5)
        await asyncio.sleep(0.4)
        with pytest.raises(ConnectionRefusedError):
            await asyncio.open_connection("127.0.0.1", port)
        for _ in range(50):
            await asyncio.sleep(0.1)
            if (await ptz.now())["homing"]:
                break
        await asyncio.sleep(0.5)  # what was taken before is on its way no more
        seen = await play(ptz, 15)
        await ptz.refresh()
    poses = [ptz.true_pose(number) for number, _ in seen if number is not None]
    assert all(pose is not None and pose.homing for pose in poses)
    assert len({pose.pan_deg for pose in poses if pose}) > 10


async def test_a_stalled_camera_sends_nothing_and_a_covered_one_nothing_to_see(drawings: Path) -> None:
    async with virtual_ptz(drawings, Setup(kind="fixed", start=(-33.0, 4.0, 0.1))) as ptz:
        assert ptz.onvif_url == ""
        clear = (await play(ptz, 3))[-1][1]
        await ptz.effect("covered")
        covered = (await play(ptz, 12))[-1][1]
        await ptz.effect("defocused")
        blurred = (await play(ptz, 12))[-1][1]
        await ptz.stall(True)
        await asyncio.sleep(0.5)
        await ptz.refresh()
        before = len(ptz.poses)
        await asyncio.sleep(0.5)
        await ptz.refresh()
        assert len(ptz.poses) == before
    sharp = [cv2.Laplacian(luma[:500], cv2.CV_64F).std() for luma in (clear, covered, blurred)]
    assert sharp[1] < sharp[0] / 8
    assert sharp[2] < sharp[0] / 4
    assert covered[:500].mean() < 50


async def test_a_knock_turns_the_picture_and_the_camera_knows_nothing(drawings: Path) -> None:
    async with virtual_ptz(drawings, Setup(kind="fixed", start=(-33.0, 4.0, 0.1))) as ptz:
        first = (await play(ptz, 3))[-1]
        await ptz.knock(pan_deg=4.0, tilt_deg=-1.0)
        later = (await play(ptz, 12))[-1]
        told = await ptz.now()
        await ptz.refresh()
    assert told["pan_deg"] == -33
    pose = ptz.true_pose(later[0])
    assert pose is not None
    assert (pose.pan_deg, pose.tilt_deg) == (-29, 3)
    shift, _ = cv2.phaseCorrelate(first[1][:500].astype(float), later[1][:500].astype(float))
    assert abs(shift[0]) > 30


async def test_the_fisheye_plays_and_a_fixed_cameras_masks_are_fractions(drawings: Path) -> None:
    setup = Setup(kind="fisheye", width=640, height=640, fisheye=(0.0, -15.0, 180.0))
    async with virtual_ptz(drawings, setup) as ptz:
        number, luma = (await play(ptz, 3))[-1]
    assert number is not None
    assert luma[:20, :20].max() < 30 < luma[320].mean()
    view = Setup(start=(-33.0, 4.0, 0.1)).start_view()
    corners = picture_polygon(PRIVATE[0], view, 704, 576)
    mask = cv2.fillPoly(
        np.zeros((576, 704), np.uint8), [np.round(np.array(corners) * (704, 576)).astype(np.int32)], 255
    )
    both = truth(view, 704, 576)
    assert (both[mask > 0] > 0).mean() > 0.98
    assert picture_polygon(PRIVATE[8], view, 704, 576) == ()


async def test_an_order_that_is_none_is_refused_and_the_next_one_is_heard(drawings: Path) -> None:
    async with virtual_ptz(drawings) as ptz:
        for order in ("dance", "velocity"):
            with pytest.raises(SourceError):
                await ptz.order(order, far=1)
        await ptz.lies(offset=[5.0, 0.0, 0.0])
        await ptz.faults(hostile="bomb", operations=["GetStatus"])
        assert (await ptz.now())["pan_deg"] == 0


async def test_a_folder_that_cannot_be_written_is_an_error_and_not_a_wait(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(SourceError):
        async with virtual_ptz(tmp_path / "file"):
            pass


async def test_no_camera_outlives_an_agent_that_was_killed(drawings: Path) -> None:
    program = (
        "import asyncio, sys\nfrom pathlib import Path\nfrom agent.virtual.ptz_camera import virtual_ptz\n"
        "async def main():\n async with virtual_ptz(Path(sys.argv[1])) as ptz:\n"
        "  print(ptz.rtsp_url, flush=True)\n  await asyncio.sleep(60)\nasyncio.run(main())"
    )
    command = (sys.executable, "-c", program, str(drawings))
    agent = await asyncio.create_subprocess_exec(*command, stdout=subprocess.PIPE, cwd=ROOT)
    assert agent.stdout is not None
    port = int((await agent.stdout.readline()).decode().split(":")[2].split("/")[0])
    agent.kill()
    await agent.wait()
    for _ in range(100):
        try:
            _, writer = await asyncio.open_connection("127.0.0.1", port)
        except ConnectionRefusedError:
            return
        except ConnectionResetError:
            continue  # the camera went while it was being called: the next call is refused
        writer.close()
        await asyncio.sleep(0.1)
    pytest.fail("the camera still answers")
