"""The whole agent as a process, with a real camera, a real broker, stock `age` and ffprobe."""

import itertools
import json
import re
import signal
import socket
import subprocess
import time
from dataclasses import replace
from pathlib import Path

import av
import numpy as np
import pytest

from tests.e2e.box import Box, vigie, wait_for
from tests.needs import needs, needs_gstreamer
from tests.rig.footage import SMALL, make
from tests.rig.rtsp_server import RtspCamera

pytestmark = [needs("mosquitto_sub", "mosquitto-clients"), needs("age", "age"), needs("ffprobe", "ffmpeg")]

OTHER_SIZE = replace(SMALL, width=640, height=480, seconds=4)


def source() -> str:
    return f"file:{make(SMALL)}"


def tracks(path: Path) -> list[str]:
    command = ["ffprobe", "-v", "error", "-show_entries", "stream=codec_type,codec_name", "-of", "csv=p=0", str(path)]
    return subprocess.run(command, capture_output=True, text=True, check=True).stdout.split()


def pictures(path: Path) -> list[np.ndarray]:
    with av.open(str(path)) as container:
        return [frame.to_ndarray(format="gray") for frame in container.decode(video=0)]


def columns_that_differ(picture: np.ndarray) -> float:
    """Mean count of column borders with a visible step, inside the mask; compression's ripple is not a step."""
    height, width = picture.shape
    inside = picture[height // 4 + 8 : height * 3 // 4 - 8, width // 4 + 8 : width * 3 // 4 - 8].astype(np.int16)
    return float((np.abs(np.diff(inside, axis=1)) > 8).sum(axis=1).mean())


@needs_gstreamer
def test_a_real_camera_becomes_sealed_segments_that_stock_age_opens_with_masks_burned(tmp_path: Path) -> None:
    with (
        RtspCamera(SMALL, username="vigie", password="cam-secret", audio=True) as camera,
        Box(tmp_path, camera.url, password="cam-secret") as box,
    ):
        box.start()
        wait_for(lambda: len(box.sealed()) >= 2)
        wait_for(lambda: (box.last("camera/rue/state") or {}).get("masks") == "burned")
        assert box.stop() == 0
        sealed = box.sealed()
        shown = []
        for path in sealed:
            plain = box.open_segment(path)
            assert tracks(plain) == ["h264,video"]
            shown += pictures(plain)
            if path != sealed[-1]:  # a stop may leave fewer pictures than a signature needs
                assert_signed(box, plain)
        assert len(shown) > 100
        # the first picture is a mosaic everywhere; from the second on the masked part is, and the rest is not
        assert all(columns_that_differ(picture) < 14 for picture in shown)
        below = shown[60][SMALL.height * 3 // 4 + 20 :]
        assert (np.abs(np.diff(below.astype(np.int16), axis=1)) > 8).sum(axis=1).mean() > 14
        assert vigie("segments", "verify", "--state", str(box.state)).returncode == 0
        rows = json.loads(vigie("segments", "list", "--state", str(box.state), "--json").stdout)
        assert len(rows) == len(sealed)
        assert box.last("status")["state"] == "offline"
        assert_nothing_leaked(box, ["cam-secret", "broker-secret"])


def assert_signed(box: Box, plain: Path) -> None:
    """The pictures are signed by this mast as its camera's, whole but for the tail."""
    key = str(box.state / "identity/device.pub")
    command = ["evidence", "check-signatures", str(plain), "--device-pub", key, "--json"]
    told = json.loads(vigie(*command, module="provisioning.cli").stdout)
    assert (told["verdict"], told["source"].endswith("/rue/main")) == ("up-to", True)
    assert [one["kind"] for one in told["findings"]] == ["valid", "tail"]


def assert_nothing_leaked(box: Box, secrets: list[str]) -> None:
    """Greps every file the agent wrote, its log and its messages for plain video, credentials and keys."""
    identity = (box.folder / "keys" / "vault.key").read_text().split("AGE-SECRET-KEY-")[1][:20]
    device = (box.state / "identity" / "device.key").read_bytes()
    key_body = b"".join(device.splitlines()[1:-1])
    forbidden = [one.encode() for one in (*secrets, identity)]
    plain = [b"ftyp", b"moof", b"mdat", b"avc1", b"\x00\x00\x00\x01\x67", b"\x00\x00\x01\x65"]
    written = [path for path in box.state.rglob("*") if path.is_file()] + [box.log, box.folder / "heard"]
    assert len(written) > 4
    for path in written:
        content = path.read_bytes()
        for text in forbidden:
            assert text not in content, f"{text!r} in {path.name}"
        if path.name != "device.key":
            assert key_body not in content, f"the device key is in {path.name}"
        if path.suffix == ".age":
            assert content.startswith(b"age-encryption.org/v1\n")
            content = content[:400]  # ciphertext holds any four bytes by chance; a plain header would stand in front
        for mark in plain:
            assert mark not in content, f"{mark!r} in {path.name}"


@needs_gstreamer
def test_a_camera_gone_and_back_leaves_a_gap_and_two_events(tmp_path: Path) -> None:
    with RtspCamera(SMALL) as camera, Box(tmp_path, camera.url) as box:
        box.start()
        wait_for(lambda: len(box.sealed()) >= 1)
        camera.reboot(4.0)
        wait_for(lambda: "capture_lost" in box.events())
        wait_for(lambda: (box.last("camera/rue/state") or {}).get("capture") == "lost")
        wait_for(lambda: "capture_restored" in box.events())
        count = len(box.sealed())
        wait_for(lambda: len(box.sealed()) >= count + 1)
        assert (box.last("camera/rue/state") or {})["capture"] == "live"
        assert box.stop() == 0
        for path in box.sealed():
            assert pictures(box.open_segment(path))
        assert box.events().count("masks_blind") == 2  # at the start, and when the camera came back


@needs_gstreamer
def test_a_changed_resolution_costs_one_segment_boundary(tmp_path: Path) -> None:
    with RtspCamera(SMALL) as camera, Box(tmp_path, camera.url) as box:
        box.start()
        wait_for(lambda: len(box.sealed()) >= 1)
        camera.switch(OTHER_SIZE)
        wait_for(lambda: "stream_changed" in box.events())
        count = len(box.sealed())
        wait_for(lambda: len(box.sealed()) >= count + 2)
        assert box.stop() == 0
        sizes = []
        for path in box.sealed():
            shapes = {picture.shape for picture in pictures(box.open_segment(path))}
            assert len(shapes) == 1  # a segment holds one size
            sizes.append(shapes.pop())
        assert [size for size, _ in itertools.groupby(sizes)] == [(576, 704), (480, 640)]
        assert "capture_lost" not in box.events()


def test_a_killed_agent_is_found_at_its_next_start_and_signs_though_its_key_file_is_torn(tmp_path: Path) -> None:
    with Box(tmp_path, source()) as box:
        box.start()
        wait_for(lambda: len(box.sealed()) >= 1)
        wait_for(lambda: list(box.state.rglob("*.part")))
        wait_for(lambda: next(iter(box.state.rglob("*.part"))).stat().st_size > 200_000)
        box.kill()
        wait_for(lambda: (box.last("status") or {}).get("state") == "offline", 60)  # the will
        (box.state / "identity/signing.key").write_bytes(b"")
        before = len(box.sealed())
        box.start()
        wait_for(lambda: (box.last("status") or {}).get("state") == "online", 60)
        wait_for(lambda: "power_cut_found" in box.events())
        wait_for(lambda: len(box.sealed()) >= before + 2)  # the one that was found, and a whole one of this run
        wait_for(lambda: "signing_key_replaced" in [one["key"] for one in (box.last("health") or {})["issues"]])
        assert_signed(box, box.open_segment(box.sealed()[before + 1]))
        assert box.stop() == 0
        done = vigie("segments", "list", "--state", str(box.state), "--json")
        assert [row["state"] for row in json.loads(done.stdout)].count("found") == 1
        assert vigie("segments", "verify", "--state", str(box.state)).returncode == 0


def test_reloading_a_bad_file_keeps_the_old_configuration_and_tells(tmp_path: Path) -> None:
    with Box(tmp_path, source()) as box:
        box.start()
        wait_for(lambda: "configuration_applied" in box.events())
        wait_for(lambda: box.healthy())
        good = box.path.read_text()
        box.path.write_text(good.replace("retention_days = 15", "retention_days = 31"))
        box.signal(signal.SIGHUP)
        wait_for(lambda: "configuration_refused" in box.events())
        assert box.healthy()
        assert "retention_days" in box.log.read_text()
        frames = box.metric('vigie_camera_frames_total{camera="rue",what="captured"}')
        box.path.write_text(good.replace("[http]", 'revoked = ["x"]\n[http]'))
        box.signal(signal.SIGHUP)
        wait_for(lambda: box.events().count("configuration_applied") == 2)
        # a camera that did not change loses no picture: its counter goes on
        assert box.metric('vigie_camera_frames_total{camera="rue",what="captured"}') >= frames
        box.path.write_text(good.replace("Rue d'essai", "Rue neuve"))
        box.signal(signal.SIGHUP)
        wait_for(lambda: box.events().count("configuration_applied") == 3)
        wait_for(lambda: box.healthy())
        assert box.stop() == 0
        assert vigie("segments", "verify", "--state", str(box.state)).returncode == 0


def test_a_renewed_password_file_is_taken_by_a_reload(tmp_path: Path) -> None:
    with Box(tmp_path, source()) as box:
        box.write(source(), password="old-secret")
        box.start()
        wait_for(lambda: box.healthy())
        (tmp_path / "camera.pass").write_text("new-secret\n")
        box.signal(signal.SIGHUP)
        wait_for(lambda: box.events().count("configuration_applied") == 2)
        wait_for(lambda: box.events().count("masks_blind") == 2)  # the camera began anew, with the new password
        assert box.stop() == 0


def test_a_reload_to_a_busy_port_costs_the_views_and_not_the_recording(tmp_path: Path) -> None:
    with Box(tmp_path, source()) as box, socket.create_server(("127.0.0.1", 0)) as squatter:
        box.start()
        wait_for(lambda: box.healthy())
        text = box.path.read_text()
        busy = f"127.0.0.1:{squatter.getsockname()[1]}"
        box.path.write_text(text.replace(f"127.0.0.1:{box.http_port}", busy))
        box.signal(signal.SIGHUP)
        wait_for(lambda: busy in box.log.read_text())
        count = len(box.sealed())
        wait_for(lambda: len(box.sealed()) > count)
        box.path.write_text(text)
        box.signal(signal.SIGHUP)
        wait_for(lambda: box.healthy())
        assert box.stop() == 0


def test_a_stop_in_the_middle_of_a_reload_still_ends_cleanly(tmp_path: Path) -> None:
    with Box(tmp_path, source()) as box:
        box.start()
        wait_for(lambda: box.healthy())
        assert box._broker is not None
        box._broker.send_signal(signal.SIGSTOP)  # its farewell takes long now, and with it the reload
        box.path.write_text(box.path.read_text().replace("[mqtt]", "[mqtt]\nallow_plain = true"))
        box.signal(signal.SIGHUP)
        time.sleep(1)
        assert box.stop() == 0
        assert vigie("segments", "verify", "--state", str(box.state)).returncode == 0


def test_a_stop_before_anything_has_started_ends_with_status_0(tmp_path: Path) -> None:
    with Box(tmp_path, source()) as box:
        box.start()
        wait_for(lambda: (box.state / "lock").exists())  # the vault is just being opened
        assert box.stop() == 0


def test_a_second_agent_on_the_same_state_is_refused_in_a_sentence(tmp_path: Path) -> None:
    with Box(tmp_path, source()) as box:
        box.start()
        wait_for(lambda: box.healthy())
        done = vigie("run", "--config", str(box.path))
        assert done.returncode == 1
        assert "Traceback" not in done.stderr
        assert len(done.stderr.strip().splitlines()) == 1
        assert box.stop() == 0


def test_a_busy_port_is_refused_in_a_sentence(tmp_path: Path) -> None:
    with Box(tmp_path, source()) as box, socket.create_server(("127.0.0.1", box.http_port)):
        done = vigie("run", "--config", str(box.path))
        assert done.returncode == 1
        assert str(box.http_port) in done.stderr
        assert "Traceback" not in done.stderr


def test_check_says_good_and_run_refuses_what_check_refuses(tmp_path: Path) -> None:
    box = Box(tmp_path, source())
    assert vigie("check", "--config", str(box.path)).returncode == 0
    text = box.path.read_text()
    box.path.write_text(text.replace("retention_days = 15", "retention_days = 0").replace("fps", "fsp"))
    for command in ("check", "run"):
        done = vigie(command, "--config", str(box.path))
        assert done.returncode == 2
        assert re.search(r"vigie\.toml: vault\.retention_days: ", done.stderr)
        assert "Traceback" not in done.stderr


@pytest.mark.parametrize(
    "arguments",
    [
        ["run", "--config", "/nowhere/vigie.toml"],
        ["segments", "list", "--state", "/nowhere"],
        ["segments", "list", "--state", "/", "--since", "yesterday"],
        ["demo", "--seconds", "-1"],
        ["fly"],
    ],
)
def test_a_user_s_mistake_ends_in_status_2_or_1_and_never_in_a_traceback(arguments: list[str]) -> None:
    done = vigie(*arguments)
    assert done.returncode in (1, 2)
    assert done.stderr
    assert "Traceback" not in done.stderr
