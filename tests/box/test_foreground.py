"""tools/foreground.py under a real make: the demo is asked to stop, ends in order, and is gone."""

import os
import pty
import select
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from tests.needs import needs

FOREGROUND = Path(__file__).parents[2] / "tools/foreground.py"

PATIENT = """
import signal, sys, time
def stop(number, frame):
    print("closing in order", flush=True)
    time.sleep(0.3)
    print("stopped", flush=True)
    sys.exit(0)
signal.signal(signal.SIGINT, stop)
signal.signal(signal.SIGTERM, stop)
print("running", flush=True)
time.sleep(60)
"""


def makefile(folder: Path) -> list[str]:
    """A make command whose target runs the patient program as the demo's target runs the demo."""
    (folder / "patient.py").write_text(PATIENT, encoding="utf-8")
    recipe = f"demo:\n\t@{sys.executable} {FOREGROUND} {sys.executable} patient.py\n"
    (folder / "Makefile").write_text(recipe, encoding="utf-8")
    return ["make", "-C", str(folder), "--no-print-directory", "demo"]


def read_until(terminal: int, word: str) -> str:
    """What comes out of the terminal, until `word` does or 20 s have passed."""
    text, end = "", time.monotonic() + 20
    while word not in text and time.monotonic() < end:
        if select.select([terminal], [], [], 0.5)[0]:
            try:
                text += os.read(terminal, 4096).decode()
            except OSError:  # the other end is closed
                break
    return text


@needs("make", "make")
def test_ctrl_c_at_a_terminal_stops_the_demo_and_make_says_0(tmp_path: Path) -> None:
    command = makefile(tmp_path)
    master, slave = pty.openpty()
    outer = subprocess.Popen(
        ["setsid", "--ctty", "--wait", *command], stdin=slave, stdout=slave, stderr=slave, close_fds=True
    )
    os.close(slave)
    try:
        assert "running" in read_until(master, "running")
        os.write(master, b"\x03")
        assert "stopped" in read_until(master, "stopped")
        assert outer.wait(timeout=20) == 0
    finally:
        outer.kill()
        outer.wait()
        os.close(master)


@needs("make", "make")
@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_a_signal_to_the_tool_reaches_the_demo_and_its_status_comes_back(number: int, tmp_path: Path) -> None:
    (tmp_path / "patient.py").write_text(PATIENT, encoding="utf-8")
    words = [sys.executable, str(FOREGROUND), sys.executable, str(tmp_path / "patient.py")]
    with subprocess.Popen(words, stdout=subprocess.PIPE, stdin=subprocess.DEVNULL, text=True) as tool:
        assert tool.stdout is not None
        assert tool.stdout.readline() == "running\n"
        tool.send_signal(number)
        assert tool.stdout.read() == "closing in order\nstopped\n"
        assert tool.wait(timeout=20) == 0


def test_a_failing_demo_fails(tmp_path: Path) -> None:
    words = [sys.executable, str(FOREGROUND), sys.executable, "-c", "raise SystemExit(3)"]
    assert subprocess.run(words, stdin=subprocess.DEVNULL, check=False).returncode == 3
