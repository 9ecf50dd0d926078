"""`vigie-provision` in both languages: a process speaks the language that it was started in, so there is one of each.

english, french = in_both_languages("keys", "combine", "--help")
assert english.returncode == french.returncode == 0

A process that is started for each command takes a second and a half to import what it needs; these two stay. What they
are asked must write nothing and change nothing: help, bad usage, verdicts.
"""

import atexit
import contextlib
import io
import json
import os
import subprocess
import sys
from functools import cache
from pathlib import Path

from provisioning.cli import main

ROOT = Path(__file__).parents[2]
ENGLISH, FRENCH = "en_GB.UTF-8", "fr_FR.UTF-8"


@cache
def _speaker(language: str) -> "subprocess.Popen[str]":
    command = [sys.executable, "-W", "error", "-m", "tests.provisioning.speaking"]
    environment = {**os.environ, "LC_ALL": language, "PYTHONUTF8": "1"}
    pipe = subprocess.PIPE
    process = subprocess.Popen(command, cwd=ROOT, env=environment, stdin=pipe, stdout=pipe, text=True)
    atexit.register(process.communicate)  # closes its input, which ends it
    return process


def said(language: str, *arguments: str | Path) -> "subprocess.CompletedProcess[str]":
    """What the command answers; a traceback stands in its stderr, with status -1."""
    speaker = _speaker(language)
    assert speaker.stdin is not None
    assert speaker.stdout is not None
    speaker.stdin.write(json.dumps([str(one) for one in arguments]) + "\n")
    speaker.stdin.flush()
    return subprocess.CompletedProcess(arguments, *json.loads(speaker.stdout.readline()))


def in_both_languages(*arguments: str | Path) -> "list[subprocess.CompletedProcess[str]]":
    """The same in English and in French."""
    return [said(language, *arguments) for language in (ENGLISH, FRENCH)]


def _speak(arguments: list[str]) -> tuple[int, str, str]:
    out, err = io.StringIO(), io.StringIO()
    with contextlib.redirect_stdout(out), contextlib.redirect_stderr(err):
        try:
            status = main(arguments)
        except BaseException as error:  # main ends with a status, whatever it is given
            status = -1
            err.write(f"Traceback: {error!r}")
    return status, out.getvalue(), err.getvalue()


if __name__ == "__main__":
    for line in sys.stdin:
        print(json.dumps(_speak(json.loads(line))), flush=True)
