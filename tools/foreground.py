"""Runs one command as the terminal's foreground job, passes signals on to it, and ends with its status.

    python3 tools/foreground.py .venv/bin/vigie demo

Why: Ctrl-C at a terminal reaches every process of the foreground group. make would take it as its own end and answer
130, although the demo was asked to stop and did so in order. In a group of its own the demo alone gets Ctrl-C, ends
with status 0, and so does make.
"""

import os
import signal
import subprocess
import sys
from types import FrameType


def give_terminal(group: int) -> None:
    """Makes `group` the terminal's foreground process group; without a terminal there is nothing to give."""
    if sys.stdin is not None and sys.stdin.isatty():
        # a background group that hands on the terminal is stopped by SIGTTOU unless it is ignored
        before = signal.signal(signal.SIGTTOU, signal.SIG_IGN)
        try:
            os.tcsetpgrp(sys.stdin.fileno(), group)
        finally:
            signal.signal(signal.SIGTTOU, before)


def main(command: list[str]) -> int:
    """The command's exit status; 128 + n where signal n ended it, as shells say it."""
    child: subprocess.Popen[bytes] | None = None
    early: list[int] = []

    def forward(number: int, _frame: FrameType | None) -> None:
        if child is None:
            early.append(number)
        else:
            child.send_signal(number)

    for stop in (signal.SIGTERM, signal.SIGINT, signal.SIGHUP):
        signal.signal(stop, forward)
    child = subprocess.Popen(command, process_group=0)
    for number in early:
        child.send_signal(number)
    give_terminal(child.pid)
    try:
        status = child.wait()
    finally:
        give_terminal(os.getpgrp())
    return status if status >= 0 else 128 - status


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
