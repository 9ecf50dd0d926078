"""`vigie demo` as a person uses it: to its end, steering, playing tricks, until Ctrl-C, with an agent that dies."""

import contextlib
import json
import os
import pty
import re
import select
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any
from urllib.request import Request, urlopen

import numpy as np
import psutil
import pytest

from agent.polygons import visible_area
from agent.ptz.area import Aim, aim_of
from agent.virtual.demo_mast import DOME, FISHEYE, FIXED, SETUPS, fixed_masks
from agent.virtual.render import clip_box, fill, truth
from tests.needs import needs

ROOT = Path(__file__).resolve().parents[2]


def wait_for(what: Callable[[], object], seconds: float = 60) -> None:
    end = time.monotonic() + seconds
    while not what():
        assert time.monotonic() < end, "it did not happen"
        time.sleep(0.1)


class Demo:
    """A running demo with the street's `drawings`; its output grows in `out`, or in `terminal` when it has one."""

    def __init__(self, folder: Path, drawings: Path, seconds: float = 0, *, terminal: bool = False) -> None:
        self.state = folder / "demo"
        (self.state / "virtual").mkdir(parents=True)
        for path in drawings.glob("*.npy"):
            (self.state / "virtual" / path.name).symlink_to(path)
        self.out = folder / "out"
        command = [sys.executable, "-m", "agent", "demo", "--seconds", str(seconds), "--state", str(self.state)]
        environment = {**os.environ, "LC_ALL": "C.UTF-8"}
        master, slave = pty.openpty() if terminal else (-1, -1)
        self.terminal = master
        with self.out.open("wb") as out:
            self.process = subprocess.Popen(
                [*(["setsid", "--ctty", "--wait"] if terminal else []), *command],
                stdin=slave if terminal else subprocess.DEVNULL,
                stdout=slave if terminal else out,
                stderr=slave if terminal else out,
                cwd=ROOT,
                env=environment,
                start_new_session=not terminal,
            )
        if terminal:
            os.close(slave)

    def type(self, word: str) -> None:
        """A line at its terminal."""
        os.write(self.terminal, f"{word}\n".encode())

    def ask(self, path: str, order: dict[str, Any] | None = None) -> Any:
        """The agent's JSON answer under the grant that the demo printed."""
        text = self.text()
        page, grant = (re.search(rf"^{name}[^:]*: (\S+)", text, re.MULTILINE) for name in ("page", "grant"))
        assert page, text
        assert grant, text
        body = None if order is None else json.dumps(order).encode()
        request = Request(page[1] + path, body, {"Authorization": f"Bearer {grant[1]}"})
        with urlopen(request, timeout=10) as answer:
            return json.load(answer)

    def camera(self, name: str) -> dict[str, Any]:
        """What the page is told of one camera."""
        found: dict[str, Any] = next(one for one in self.ask("state")["cameras"] if one["id"] == name)
        return found

    def text(self) -> str:
        """All that it said so far."""
        while self.terminal >= 0 and select.select([self.terminal], [], [], 0)[0]:
            with self.out.open("ab") as out:
                try:
                    out.write(os.read(self.terminal, 4096).replace(b"\r\n", b"\n"))
                except OSError:  # the other end is closed
                    break
        return self.out.read_text()

    def wait_until_it_runs(self) -> None:
        wait_for(lambda: "segments: vigie" in self.text() or self.process.poll() is not None)
        assert self.process.poll() is None, self.text()

    def end(self) -> None:
        """Whatever has become of it: nothing of it is left."""
        with contextlib.suppress(psutil.NoSuchProcess):
            for one in psutil.Process(self.process.pid).children(recursive=True):
                with contextlib.suppress(psutil.NoSuchProcess):
                    one.kill()
        self.process.kill()
        self.process.wait()
        if self.terminal >= 0:
            os.close(self.terminal)

    def agent(self) -> psutil.Process:
        children = psutil.Process(self.process.pid).children()
        return next(child for child in children if "run" in child.cmdline())


Start = Callable[..., Demo]


@pytest.fixture
def start(tmp_path: Path, drawings: Path) -> Iterator[Start]:
    """Starts a demo that ends with its test, however that ends."""
    with contextlib.ExitStack() as demos:

        def begin(seconds: float = 0, *, terminal: bool = False) -> Demo:
            demo = Demo(tmp_path, drawings, seconds, terminal=terminal)
            demos.callback(demo.end)
            return demo

        yield begin


def figure(text: str, name: str) -> float:
    found = re.search(rf"{name}\s+([\d., ]+)", text)
    assert found, text
    return float(found[1].replace(" ", "").rstrip("%"))


def test_a_demo_of_some_seconds_shows_three_cameras_obeys_and_ends_by_itself_with_a_summary(start: Start) -> None:
    demo = start(16)
    demo.wait_until_it_runs()
    wait_for(lambda: demo.camera(DOME)["masks"] == "burned")
    cameras = {one["id"]: one for one in demo.ask("state")["cameras"]}
    assert set(cameras) == {FIXED, DOME, FISHEYE}
    assert all(one["masks"] == "burned" and one["masked_share"] > 0 for one in cameras.values())
    assert [name for name, one in cameras.items() if one["steering"]] == [DOME]
    at = cameras[DOME]["ptz"]["pan_deg"]
    assert demo.ask(f"ptz/{DOME}", {"order": "absolute", "pan_deg": at + 40, "tilt_deg": -5})["ok"]
    wait_for(lambda: abs(demo.camera(DOME)["ptz"]["pan_deg"] - at - 40) < 0.5)
    assert demo.camera(DOME)["steering"]["held"] == "you"
    # a rectangle in the upper half of a picture that is not 16:9
    assert demo.ask(f"ptz/{DOME}", {"order": "area", "x": 0.25, "y": 0.0, "width": 0.5, "height": 0.5})["ok"]
    wanted = aim_of(Aim(at + 40, -5.0, 60.0), (0.25, 0.0, 0.5, 0.5), SETUPS[DOME].width / SETUPS[DOME].height)
    wait_for(lambda: abs(demo.camera(DOME)["ptz"]["tilt_deg"] - wanted.tilt_deg) < 0.5)
    wait_for(lambda: abs(demo.camera(DOME)["ptz"]["hfov_deg"] - wanted.hfov_deg) < 0.5)
    assert demo.process.wait(120) == 0, demo.text()
    text = demo.text()
    assert re.search(r"^page: http://127\.0\.0\.1:\d+/$", text, re.MULTILINE)
    assert re.search(r"^MQTT broker: mqtt://127\.0\.0\.1:\d+$", text, re.MULTILINE)
    for name in SETUPS:
        assert figure(text, f"frames masked and encoded, {name}") > 50
        assert 1 < figure(text, f"masked share of the picture, {name}") < 50
        assert list(demo.state.glob(f"mast/segments/{name}/*/*/*/*.mp4.age"))
    assert figure(text, "sealed segments") >= 3
    assert figure(text, "bytes sealed") > 100_000
    assert figure(text, r"agent's CPU \(one core = 100 %\)") > 0
    assert figure(text, "virtual cameras' CPU") > 0
    for name in ("mast/index.sqlite", "keys/vault.key", "vigie.toml"):
        assert (demo.state / name).exists()


@pytest.mark.slow
@needs("setsid", "util-linux")
def test_a_visitor_at_the_terminal_silences_the_head_mends_it_and_ends_all_of_it_with_ctrl_c(start: Start) -> None:
    demo = start(terminal=True)
    demo.wait_until_it_runs()
    wait_for(lambda: demo.camera(DOME)["masks"] == "burned")
    demo.type("dance")
    wait_for(lambda: demo.text().count("Type a word") == 2)  # once at the start
    demo.type("silence")
    wait_for(lambda: demo.camera(DOME)["masks_reason"] == "onvif-silent")
    assert "says no more where it is" in demo.text()
    demo.type("mend")
    wait_for(lambda: demo.camera(DOME)["masks"] == "burned")
    os.write(demo.terminal, b"\x03")
    wait_for(lambda: "virtual cameras' CPU" in demo.text())
    assert demo.process.wait(60) == 0, demo.text()
    assert figure(demo.text(), f"frames masked and encoded, {FIXED}") > 50


def test_the_fixed_camera_s_masks_cover_all_that_is_private_in_its_picture() -> None:
    setup = SETUPS[FIXED]
    private = truth(setup.start_view(), setup.width, setup.height)
    assert (private > 0).mean() > 0.05
    for _, polygon in fixed_masks(setup):
        assert visible_area(polygon) > 0
        points = np.array(polygon) * (setup.width, setup.height) - 0.5
        left, top, width, height = clip_box(points, setup.width, setup.height)
        private[top : top + height, left : left + width][fill(points, left, top, width, height) > 0] = 0
    assert (private > 0).sum() < 20  # the last digit of a polygon


@pytest.mark.slow
def test_a_closed_terminal_ends_all_of_it_with_a_true_summary(start: Start) -> None:
    demo = start()
    demo.wait_until_it_runs()
    agent = demo.agent()
    wait_for(lambda: (demo.state / "mast" / "segments").exists())
    time.sleep(2)
    os.killpg(demo.process.pid, signal.SIGHUP)
    assert demo.process.wait(60) == 0, demo.text()
    assert figure(demo.text(), f"frames masked and encoded, {FIXED}") > 20
    assert not agent.is_running()


@pytest.mark.slow
def test_a_killed_demo_leaves_no_agent_behind(start: Start) -> None:
    demo = start()
    demo.wait_until_it_runs()
    agent = demo.agent()
    demo.process.kill()
    demo.process.wait()

    def gone() -> bool:
        return not agent.is_running() or agent.status() == psutil.STATUS_ZOMBIE

    wait_for(gone)
    assert gone()


@pytest.mark.slow
def test_an_agent_that_dies_is_told_and_ends_the_demo_with_status_1(start: Start) -> None:
    demo = start()
    demo.wait_until_it_runs()
    demo.agent().kill()
    assert demo.process.wait(60) == 1
    assert "agent.log" in demo.text()
    assert "Traceback" not in demo.text()


@pytest.mark.parametrize("place", ["/proc/vigie", "file"])
def test_a_state_that_cannot_be_is_refused_in_a_sentence(tmp_path: Path, place: str) -> None:
    (tmp_path / "file").write_text("here already")
    command = [sys.executable, "-m", "agent", "demo", "--seconds", "1", "--state", str(tmp_path / place)]
    done = subprocess.run(command, capture_output=True, text=True, cwd=ROOT, timeout=60, check=False)
    assert done.returncode == 2
    assert "Traceback" not in done.stderr
    assert len(done.stderr.strip().splitlines()) == 1
