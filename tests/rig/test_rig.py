"""The rig itself: a test that leans on a camera which does not fail as told proves nothing."""

import itertools
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import closing
from dataclasses import replace
from pathlib import Path

import av
import pytest

from tests.rig.certificates import Authority
from tests.rig.child import async_child, child
from tests.rig.footage import ODD_SIZES, PIXEL_FORMATS, SMALL, WITH_AUDIO, Recipe, make
from tests.rig.rtsp_server import CameraFailed, RtspCamera

QUICK = Recipe(width=352, height=288, seconds=1, bitrate_kbps=500, gop=25)
DECODED = {"h264": "h264", "h265": "hevc", "mjpeg": "mjpeg"}


def probe(url: str, *options: str) -> list[str]:
    """What ffprobe reads from a stream or a file: one line a track."""
    fields = ["-show_entries", "stream=codec_name,width,height,pix_fmt", "-of", "csv=p=0"]
    command = ["timeout", "20", "ffprobe", "-v", "error", *options, *fields, url]
    return subprocess.run(command, capture_output=True, text=True, check=True).stdout.split()


def pictures(url: str) -> Iterator[av.VideoFrame]:
    """Decoded pictures until the connection ends; no picture for 4 s is an error. The first has no time."""
    options = {"rtsp_transport": "tcp", "fpsprobesize": "0", "analyzeduration": "100000"}
    with av.open(url, options=options, timeout=4) as container:
        for packet in container.demux(video=0):
            try:
                yield from packet.decode()
            except av.error.InvalidDataError:
                continue


def expected(recipe: Recipe) -> str:
    # FFmpeg decodes H.264's 4:0:0 as a 4:2:0 whose chroma is grey
    shown = "yuvj420p" if (recipe.codec, recipe.pixel_format) == ("h264", "gray") else recipe.pixel_format
    return f"{DECODED[recipe.codec]},{recipe.width},{recipe.height},{shown}"


def test_each_pixel_format_arrives_as_it_was_made() -> None:
    seen: dict[Recipe, list[str]] = {}

    def look(recipe: Recipe) -> None:
        with RtspCamera(recipe) as camera:
            seen[recipe] = probe(camera.url, "-rtsp_transport", "tcp")

    threads = [threading.Thread(target=look, args=(recipe,)) for recipe in PIXEL_FORMATS]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert seen == {recipe: [expected(recipe)] for recipe in PIXEL_FORMATS}


def test_odd_sizes_are_in_the_files() -> None:
    assert [probe(str(make(recipe))) for recipe in ODD_SIZES] == [[expected(recipe)] for recipe in ODD_SIZES]


def test_footage_with_sound_has_a_second_track() -> None:
    assert len(probe(str(make(WITH_AUDIO)))) == 2


def test_a_camera_with_sound_offers_a_second_track() -> None:
    with RtspCamera(QUICK, audio=True) as camera:
        assert sorted(line.split(",")[0] for line in probe(camera.url, "-rtsp_transport", "tcp")) == [
            "h264",
            "pcm_alaw",
        ]


def test_timestamps_run_evenly_past_the_end_of_the_footage() -> None:
    with RtspCamera(QUICK) as camera, closing(pictures(camera.url)) as stream:
        next(stream)
        times = [next(stream).pts for _ in range(QUICK.pictures * 2)]
    assert {later - earlier for earlier, later in itertools.pairwise(times)} == {90_000 // QUICK.fps}


def test_a_stalled_camera_sends_nothing_and_keeps_the_connection() -> None:
    with RtspCamera(QUICK) as camera, closing(pictures(camera.url)) as stream:
        next(stream)
        camera.stall()
        before = camera.sent()
        time.sleep(1)
        assert (camera.sent(), camera.clients()) == (before, 1)
        camera.resume()
        for _ in range(40):
            next(stream)
        assert camera.sent() > before


def test_time_jumps_back_when_told() -> None:
    with RtspCamera(QUICK) as camera, closing(pictures(camera.url)) as stream:
        next(stream)
        before = [next(stream).pts for _ in range(30)]
        camera.jump(-1.0)
        after = [next(stream).pts for _ in range(50)]
    steps = [later - earlier for earlier, later in itertools.pairwise(before + after)]
    assert -90_000 + 3600 in steps


def test_pictures_without_a_time_repeat_the_one_before() -> None:
    with RtspCamera(QUICK) as camera, closing(pictures(camera.url)) as stream:
        next(stream)
        times = [next(stream).pts for _ in range(5)]
        camera.untimed(4)
        times += [next(stream).pts for _ in range(50)]
    assert len(times) - len(set(times)) == 4


@pytest.mark.parametrize(
    "second", [replace(QUICK, width=640, height=480), replace(QUICK, pixel_format="yuv444p")], ids=["size", "format"]
)
def test_size_or_format_changes_within_a_connection(second: Recipe) -> None:
    with RtspCamera(QUICK) as camera, closing(pictures(camera.url)) as stream:
        next(stream)
        camera.switch(second)
        wanted = (second.width, second.height, second.pixel_format)
        seen = ((one.width, one.height, one.format.name) for one in itertools.islice(stream, 500))
        assert wanted in seen


def test_damaged_pictures_are_told_by_the_decoder() -> None:
    with RtspCamera(QUICK) as camera, closing(pictures(camera.url)) as stream:
        next(stream)
        camera.corrupt(10)
        assert any(next(stream).is_corrupt for _ in range(60))


def test_a_hung_up_client_sees_the_end_and_may_come_back() -> None:
    with RtspCamera(QUICK) as camera:
        stream = pictures(camera.url)
        next(stream)
        camera.hang_up()
        assert len(list(stream)) < 200
        with closing(pictures(camera.url)) as stream:
            next(stream)


def test_a_rebooting_camera_is_gone_and_comes_back_at_its_port() -> None:
    with RtspCamera(QUICK) as camera:
        url, first = camera.url, camera.pid
        with closing(pictures(url)) as stream:
            next(stream)
            camera.reboot(1.0)
            with pytest.raises(av.error.ConnectionRefusedError):
                next(pictures(url))
        for _ in range(100):
            try:
                with closing(pictures(url)) as stream:
                    next(stream)
                break
            except av.error.ConnectionRefusedError:
                time.sleep(0.1)
        assert camera.pid != first
        assert camera.url == url


def test_a_busy_port_is_an_error_and_not_a_silence() -> None:
    with (
        RtspCamera(QUICK) as camera,
        pytest.raises(CameraFailed, match="cannot be bound"),
        RtspCamera(QUICK, port=camera.port),
    ):
        pass


@pytest.mark.parametrize("digest", [True, False], ids=["digest", "basic"])
def test_a_wrong_password_is_refused(digest: bool) -> None:
    with RtspCamera(QUICK, username="vigie", password="right", digest=digest) as camera:
        with closing(pictures(camera.url_with("vigie", "right"))) as stream:
            next(stream)
        for url in (camera.url, camera.url_with("vigie", "wrong")):
            with pytest.raises(av.error.HTTPUnauthorizedError):
                next(pictures(url))


def test_tls_is_served_with_the_certificate_given(tmp_path: Path) -> None:
    authority = Authority(tmp_path)
    pair = authority.issue("camera", "127.0.0.1")
    with RtspCamera(QUICK, certificate=pair.certificate, private_key=pair.private_key) as camera:
        assert camera.url.startswith("rtsps://")
        command = ["timeout", "5", "openssl", "s_client", "-connect", f"127.0.0.1:{camera.port}"]
        check = ["-CAfile", str(authority.certificate), "-verify_return_error", "-verify_ip", "127.0.0.1"]
        done = subprocess.run([*command, *check], input="", capture_output=True, text=True, check=False)
        assert "Verify return code: 0 (ok)" in done.stdout
        with closing(pictures(camera.url)) as stream:
            next(stream)


def test_no_camera_outlives_a_test_that_was_killed() -> None:
    program = (
        "import time; from tests.rig.rtsp_server import RtspCamera\n"
        "with RtspCamera() as camera:\n print(camera.pid, flush=True)\n time.sleep(60)"
    )
    make(SMALL)
    root = Path(__file__).resolve().parents[2]
    with subprocess.Popen([sys.executable, "-c", program], stdout=subprocess.PIPE, text=True, cwd=root) as parent:
        assert parent.stdout is not None
        camera = Path("/proc") / parent.stdout.readline().strip()
        assert camera.exists()
        parent.kill()
    for _ in range(100):
        if not camera.exists():
            return
        time.sleep(0.1)
    pytest.fail("the camera is still there")


async def test_a_test_that_fails_leaves_no_process_behind() -> None:
    sleeper = [sys.executable, "-c", "import time; time.sleep(60)"]
    with pytest.raises(ZeroDivisionError), child(sleeper, stdout=subprocess.PIPE) as process:
        raise ZeroDivisionError
    assert process.returncode == -signal.SIGKILL
    assert process.stdout.closed
    with pytest.raises(ZeroDivisionError):
        async with async_child(*sleeper, stdout=subprocess.PIPE) as other:
            raise ZeroDivisionError
    assert other.returncode == -signal.SIGKILL
