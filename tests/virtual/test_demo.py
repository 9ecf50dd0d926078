"""`vigie demo` as a person uses it: to its end, until Ctrl-C, until the terminal closes, with an agent that dies."""

import os
import re
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import psutil
import pytest

ROOT = Path(__file__).resolve().parents[2]


def wait_for(what: Callable[[], object], seconds: float = 60) -> None:
    end = time.monotonic() + seconds
    while not what():
        assert time.monotonic() < end, "it did not happen"
        time.sleep(0.1)


@pytest.fixture(scope="module")
def film(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The street's film, drawn once for all tests."""
    folder = tmp_path_factory.mktemp("film")
    make_film(folder, lambda _: None)
    return folder


class Demo:
    """A running demo; its output grows in `out`."""

    def __init__(self, folder: Path, film: Path, seconds: float = 0) -> None:
        self.state = folder / "demo"
        shutil.copytree(film, self.state / "virtual")
        self.out = folder / "out"
        command = [sys.executable, "-m", "agent", "demo", "--seconds", str(seconds), "--state", str(self.state)]
        environment = {**os.environ, "LC_ALL": "C.UTF-8"}
        with self.out.open("wb") as out:
            self.process = subprocess.Popen(
                command, stdout=out, stderr=out, cwd=ROOT, env=environment, start_new_session=True
            )

    def text(self) -> str:
        return self.out.read_text()

    def wait_until_it_runs(self) -> None:
        wait_for(lambda: "segments: vigie" in self.text() or self.process.poll() is not None)
        assert self.process.poll() is None, self.text()

    def agent(self) -> psutil.Process:
        children = psutil.Process(self.process.pid).children()
        return next(child for child in children if "run" in child.cmdline())


def figure(text: str, name: str) -> float:
    found = re.search(rf"{name}\s+([\d., ]+)", text)
    assert found, text
    return float(found[1].replace(" ", "").rstrip("%"))


def test_a_demo_of_some_seconds_ends_by_itself_with_a_summary(tmp_path: Path, film: Path) -> None:
    demo = Demo(tmp_path, film, 10)
    assert demo.process.wait(120) == 0, demo.text()
    text = demo.text()
    assert re.search(r"^page: http://127\.0\.0\.1:\d+/$", text, re.MULTILINE)
    assert re.search(r"^MQTT broker: mqtt://127\.0\.0\.1:\d+$", text, re.MULTILINE)
    assert figure(text, "frames masked and encoded") > 150
    assert 5 < figure(text, "masked share of the picture") < 50
    assert figure(text, "sealed segments") >= 1
    assert figure(text, "bytes sealed") > 100_000
    assert figure(text, r"CPU share \(one core = 100 %\)") > 0
    for name in ("mast/index.sqlite", "keys/vault.key", "vigie.toml"):
        assert (demo.state / name).exists()


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGHUP])
def test_ctrl_c_and_a_closed_terminal_end_all_of_it_with_a_true_summary(
    tmp_path: Path, film: Path, number: signal.Signals
) -> None:
    demo = Demo(tmp_path, film)
    demo.wait_until_it_runs()
    agent = demo.agent()
    wait_for(lambda: (demo.state / "mast" / "segments").exists())
    time.sleep(2)
    os.killpg(demo.process.pid, number)
    assert demo.process.wait(60) == 0, demo.text()
    assert figure(demo.text(), "frames masked and encoded") > 20
    assert not agent.is_running()


def test_a_killed_demo_leaves_no_agent_behind(tmp_path: Path, film: Path) -> None:
    demo = Demo(tmp_path, film)
    demo.wait_until_it_runs()
    agent = demo.agent()
    demo.process.kill()
    demo.process.wait()
    wait_for(lambda: not agent.is_running() or agent.status() == psutil.STATUS_ZOMBIE)


def test_an_agent_that_dies_is_told_and_ends_the_demo_with_status_1(tmp_path: Path, film: Path) -> None:
    demo = Demo(tmp_path, film)
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
