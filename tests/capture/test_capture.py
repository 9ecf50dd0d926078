"""Capture from real cameras (gst-rtsp-server) that fail in every way the field knows."""

import itertools
import logging
import socket
import subprocess
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path

import pytest

from agent.capture import Capture, SourceSettings
from agent.clock import SystemClock
from agent.events import CaptureLost, CaptureRestored, Event, StreamChanged
from agent.units import Frame
from tests.needs import needs_gstreamer
from tests.rig.certificates import Authority
from tests.rig.footage import ODD_SIZES, PIXEL_FORMATS, SMALL, Recipe, make
from tests.rig.rtsp_server import RtspCamera

WAIT_S = 20.0
LONG_GOP = replace(SMALL, gop=200)
OTHER_SIZE = replace(SMALL, width=640, height=480, seconds=4)


class Watcher:
    """Keeps what a capture delivered and told; frames without their pixels, so that memory stays flat."""

    def __init__(self) -> None:
        self.frames: list[Frame] = []
        self.events: list[Event] = []
        self.means: list[float] = []

    def deliver(self, frame: Frame) -> None:
        if frame.planes:
            self.means.append(float(frame.planes[0][::16, ::16].mean()))
        self.frames.append(replace(frame, planes=(), owner=None))

    def kinds(self) -> list[type]:
        return [type(event) for event in self.events]


def wait_for(what: Callable[[], bool], seconds: float = WAIT_S) -> None:
    end = time.monotonic() + seconds
    while not what():
        assert time.monotonic() < end, "it did not happen"
        time.sleep(0.02)


@contextmanager
def capturing(url: str, **settings: object) -> Iterator[tuple[Watcher, Capture]]:
    watcher = Watcher()
    source = SourceSettings("c", url, **{"fps": 25, "stall_s": 1.5, **settings})  # type: ignore[arg-type]
    capture = Capture(source, SystemClock(), watcher.deliver, watcher.events.append)
    capture.start()
    try:
        yield watcher, capture
    finally:
        capture.stop()


def grows_strictly(frames: list[Frame]) -> bool:
    return all(a.pts_90k < b.pts_90k for a, b in itertools.pairwise(frames))


@needs_gstreamer
@pytest.mark.parametrize("recipe", PIXEL_FORMATS, ids=lambda r: f"{r.codec}-{r.pixel_format}")
def test_every_codec_and_pixel_format_arrives_over_rtsp(recipe: Recipe) -> None:
    with RtspCamera(recipe) as camera, capturing(camera.url) as (watcher, capture):
        wait_for(lambda: len(watcher.means) >= 20)
        assert capture.state == "live"
        first = watcher.frames[0]
        assert (first.width, first.height) == (recipe.width, recipe.height)
        assert len(watcher.means) == len(watcher.frames)  # every one came with planes that masking can burn
        assert grows_strictly(watcher.frames)
        assert watcher.events == []


@pytest.mark.parametrize("recipe", ODD_SIZES, ids=lambda r: f"{r.codec}-{r.pixel_format}")
def test_odd_sizes_arrive_from_files(recipe: Recipe) -> None:
    with capturing(f"file:{make(recipe)}") as (watcher, _):
        wait_for(lambda: len(watcher.means) >= 5)
        assert (watcher.frames[0].width, watcher.frames[0].height) == (recipe.width, recipe.height)


def test_a_file_loops_for_ever_at_its_own_pace_without_a_new_connection() -> None:
    recipe = replace(SMALL, seconds=1)
    with capturing(f"file:{make(recipe)}") as (watcher, _):
        wait_for(lambda: len(watcher.frames) >= 70)
        frames = list(watcher.frames)
    assert {frame.epoch for frame in frames} == {1}
    assert grows_strictly(frames)
    span_s = (frames[69].pts_90k - frames[0].pts_90k) / 90_000
    assert 2.4 < span_s < 3.4
    assert watcher.events == []


def test_a_raw_stream_that_cannot_seek_loops_too(tmp_path: Path) -> None:
    raw = tmp_path / "street.h264"
    command = ["ffmpeg", "-v", "error", "-i", str(make(replace(SMALL, seconds=1))), "-c", "copy", str(raw)]
    subprocess.run(command, check=True)
    with capturing(f"file:{raw}") as (watcher, _):
        wait_for(lambda: len(watcher.frames) >= 70)
        assert {frame.epoch for frame in watcher.frames} == {1}
        assert watcher.events == []


def test_a_source_that_neither_delivers_nor_returns_is_told_as_lost() -> None:
    with capturing(f"file:{make(SMALL)}", stall_s=0.2) as (watcher, capture):
        wait_for(lambda: len(watcher.frames) >= 5)
        capture._pace = HungPace()  # type: ignore[assignment]
        wait_for(lambda: capture.check() or capture.state == "lost")
        assert CaptureLost in watcher.kinds()


class HungPace:
    """A driver that blocks: the capture thread does not come back from it."""

    def wait_s(self, stamp_s: float | None, now_s: float) -> float:
        return 60.0


@needs_gstreamer
def test_rtsps_verifies_the_camera_s_certificate(tmp_path: Path) -> None:
    for name in ("good", "other"):
        (tmp_path / name).mkdir()
    good, other = Authority(tmp_path / "good"), Authority(tmp_path / "other")
    pair = good.issue("camera", "127.0.0.1")
    with RtspCamera(SMALL, certificate=pair.certificate, private_key=pair.private_key) as camera:
        with capturing(camera.url, ca_file=good.certificate) as (watcher, _):
            wait_for(lambda: len(watcher.frames) >= 5)
        with capturing(camera.url, ca_file=other.certificate) as (watcher, _):
            wait_for(lambda: CaptureLost in watcher.kinds())
            assert watcher.frames == []


@needs_gstreamer
def test_the_right_password_opens_and_a_wrong_one_is_named_without_being_told(
    caplog: pytest.LogCaptureFixture,
) -> None:
    caplog.set_level(logging.DEBUG)
    with RtspCamera(SMALL, username="vigie", password="p@ss:w/rd secret") as camera:
        with capturing(camera.url, username="vigie", password="p@ss:w/rd secret") as (watcher, _):
            wait_for(lambda: len(watcher.frames) >= 5)
        with capturing(camera.url, username="vigie", password="wrong-secret") as (watcher, capture):
            wait_for(lambda: CaptureLost in watcher.kinds())
            assert "password_file" in capture.reason
            told = repr(watcher.events) + capture.reason + caplog.text + repr(capture._settings)
            assert "secret" not in told


class Eavesdropper:
    """A TCP relay in front of a camera that keeps what the client says."""

    def __init__(self, port: int) -> None:
        self.heard = b""
        self._server = socket.create_server(("127.0.0.1", 0))
        self.port = self._server.getsockname()[1]
        self._target = port
        threading.Thread(target=self._accept, daemon=True).start()

    def _accept(self) -> None:
        try:
            while True:
                client, _ = self._server.accept()
                camera = socket.create_connection(("127.0.0.1", self._target))
                threading.Thread(target=self._pump, args=(client, camera, True), daemon=True).start()
                threading.Thread(target=self._pump, args=(camera, client, False), daemon=True).start()
        except OSError:
            return

    def _pump(self, source: socket.socket, sink: socket.socket, keep: bool) -> None:
        try:
            while data := source.recv(65536):
                if keep:
                    self.heard += data
                sink.sendall(data)
        except OSError:
            pass
        finally:
            source.close()
            sink.close()

    def close(self) -> None:
        self._server.close()


@needs_gstreamer
def test_the_audio_track_is_never_set_up() -> None:
    with RtspCamera(SMALL, audio=True) as camera:
        ear = Eavesdropper(camera.port)
        with capturing(camera.url.replace(str(camera.port), str(ear.port))) as (watcher, _):
            wait_for(lambda: len(watcher.frames) >= 5)
        ear.close()
        assert ear.heard.count(b"DESCRIBE ") == 1
        assert ear.heard.count(b"SETUP ") == 1
        assert b"RTP/AVP/TCP" in ear.heard


@needs_gstreamer
def test_a_stall_is_lost_and_the_resumed_camera_is_restored() -> None:
    with RtspCamera(SMALL) as camera, capturing(camera.url) as (watcher, capture):
        wait_for(lambda: len(watcher.frames) >= 5)
        camera.stall()
        wait_for(lambda: CaptureLost in watcher.kinds())
        assert capture.state == "lost"
        assert capture.reason
        camera.resume()
        wait_for(lambda: CaptureRestored in watcher.kinds())
        assert capture.state == "live"
        assert watcher.kinds().count(CaptureLost) == 1  # however many attempts it took
        assert watcher.frames[-1].epoch > watcher.frames[0].epoch
        assert grows_strictly(watcher.frames)


@needs_gstreamer
def test_pictures_that_waited_for_a_machine_without_time_are_known_to_be_late() -> None:
    with RtspCamera(SMALL) as camera, capturing(camera.url) as (watcher, capture):
        wait_for(lambda: len(watcher.frames) >= 50)
        prompt = watcher.frames[-1].late_s
        deliver, slept = watcher.deliver, threading.Event()

        def once_slowly(frame: Frame) -> None:
            if not slept.is_set():
                slept.set()
                time.sleep(0.8)
            deliver(frame)

        capture._deliver = once_slowly
        before = len(watcher.frames)
        wait_for(lambda: len(watcher.frames) >= before + 40)
        assert watcher.frames[0].late_s >= 1.0  # nothing tells yet
        assert prompt < 0.2
        assert max(one.late_s for one in watcher.frames[before : before + 5]) > prompt + 0.5
        assert watcher.frames[-1].late_s < 0.3


@needs_gstreamer
def test_a_reboot_is_survived_and_the_media_clock_goes_on() -> None:
    with RtspCamera(SMALL) as camera, capturing(camera.url) as (watcher, _):
        wait_for(lambda: len(watcher.frames) >= 5)
        camera.reboot(2.0)
        wait_for(lambda: CaptureRestored in watcher.kinds())
        restored = next(event for event in watcher.events if isinstance(event, CaptureRestored))
        assert restored.lost_seconds > 1
        wait_for(lambda: watcher.frames[-1].epoch > 1)
        assert grows_strictly(watcher.frames)


@needs_gstreamer
def test_a_camera_that_is_off_at_the_start_is_found_when_it_comes() -> None:
    with RtspCamera(SMALL) as camera:
        camera.power_off()
        with capturing(camera.url) as (watcher, capture):
            wait_for(lambda: CaptureLost in watcher.kinds())
            assert capture.state == "lost"
            camera.power_on()
            wait_for(lambda: len(watcher.frames) >= 5)


@needs_gstreamer
def test_a_camera_with_long_gops_is_waited_for_and_not_dialled_again() -> None:
    with RtspCamera(LONG_GOP) as camera, capturing(camera.url) as (watcher, _):
        wait_for(lambda: len(watcher.frames) >= 5)  # the stream runs: the next one joins in the middle of a GOP
        with capturing(camera.url, stall_s=1.0) as (late, capture):
            wait_for(lambda: CaptureLost in late.kinds() or len(late.frames) >= 5)
            wait_for(lambda: len(late.frames) >= 5)
            assert {frame.epoch for frame in late.frames} == {1}
            assert capture.state == "live"


@needs_gstreamer
def test_a_changed_resolution_carries_on_in_the_same_connection_and_is_told() -> None:
    with RtspCamera(SMALL) as camera, capturing(camera.url) as (watcher, _):
        wait_for(lambda: len(watcher.frames) >= 5)
        camera.switch(OTHER_SIZE)
        wait_for(lambda: watcher.frames[-1].width == 640)
        assert {frame.epoch for frame in watcher.frames} == {1}
        assert [type(event) for event in watcher.events] == [StreamChanged]
        assert "640x480" in watcher.events[0].what  # type: ignore[union-attr]


@needs_gstreamer
def test_corrupt_and_lost_packets_are_decoded_around() -> None:
    with RtspCamera(SMALL) as camera, capturing(camera.url) as (watcher, _):
        wait_for(lambda: len(watcher.frames) >= 5)
        camera.corrupt(20)
        camera.lose(5)
        before = len(watcher.frames)
        wait_for(lambda: len(watcher.frames) >= before + 60)
        assert {frame.epoch for frame in watcher.frames} == {1}
        assert CaptureLost not in watcher.kinds()
        assert grows_strictly(watcher.frames)


@needs_gstreamer
@pytest.mark.parametrize("seconds", [-5.0, 50.0])
def test_timestamps_that_jump_are_smoothed_and_told(seconds: float) -> None:
    with RtspCamera(SMALL) as camera, capturing(camera.url) as (watcher, _):
        wait_for(lambda: len(watcher.frames) >= 5)
        camera.jump(seconds)
        wait_for(lambda: StreamChanged in watcher.kinds() or watcher.frames[-1].epoch > 1)
        count = len(watcher.frames)
        wait_for(lambda: len(watcher.frames) >= count + 20)
        assert grows_strictly(watcher.frames)
        steps = [b.pts_90k - a.pts_90k for a, b in itertools.pairwise(watcher.frames)]
        assert max(steps) < 3 * 90_000


@needs_gstreamer
def test_pictures_without_timestamps_are_placed_by_their_arrival() -> None:
    with RtspCamera(SMALL) as camera, capturing(camera.url) as (watcher, _):
        wait_for(lambda: len(watcher.frames) >= 5)
        camera.untimed(30)
        before = len(watcher.frames)
        wait_for(lambda: len(watcher.frames) >= before + 50)
        assert grows_strictly(watcher.frames)


@needs_gstreamer
def test_a_faster_camera_is_thinned_to_the_configured_rate() -> None:
    with RtspCamera(SMALL) as camera, capturing(camera.url, fps=12.5) as (watcher, _):
        wait_for(lambda: len(watcher.frames) >= 40)
        span_s = (watcher.frames[39].pts_90k - watcher.frames[0].pts_90k) / 90_000
        assert 39 / span_s == pytest.approx(12.5, rel=0.1)


@pytest.mark.parametrize("content", [b"", b"no video at all", bytes(range(256)) * 64])
def test_a_file_that_is_no_video_is_lost_with_a_reason(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "bad.mp4"
    path.write_bytes(content)
    with capturing(f"file:{path}") as (watcher, capture):
        wait_for(lambda: CaptureLost in watcher.kinds())
        assert capture.state == "lost"
        assert watcher.frames == []


def test_a_port_that_speaks_no_rtsp_is_lost_with_a_reason() -> None:
    with socket.create_server(("127.0.0.1", 0)) as server:
        threading.Thread(target=_babble, args=(server,), daemon=True).start()
        with capturing(f"rtsp://127.0.0.1:{server.getsockname()[1]}/") as (watcher, capture):
            wait_for(lambda: CaptureLost in watcher.kinds())
            assert capture.reason
            assert "127.0.0.1" not in capture.reason


def _babble(server: socket.socket) -> None:
    try:
        while True:
            client, _ = server.accept()
            client.sendall(b"HTTP/1.1 200 OK\r\n\r\n" + bytes(range(256)) * 40)
            client.close()
    except OSError:
        return


def test_a_v4l2_device_that_is_not_there_is_lost_with_a_reason() -> None:
    with capturing("v4l2:/dev/video99") as (watcher, capture):
        wait_for(lambda: CaptureLost in watcher.kinds())
        assert "No such file" in capture.reason


@needs_gstreamer
def test_stop_returns_while_the_camera_hangs() -> None:
    with RtspCamera(SMALL) as camera, capturing(camera.url, stall_s=30) as (watcher, capture):
        wait_for(lambda: len(watcher.frames) >= 5)
        camera.stall()
        time.sleep(0.3)
        capture.stop()  # a join without bound would hang here for half a minute
        assert capture._stopping.is_set()
