"""`vigie` asks its options in French where the system's language is. `vigie-provision` has its own tests."""

import json
import os
import subprocess
import sys

import pytest

from agent.command_line import Parser

ARGPARSE = (
    "usage:",
    "positional",
    "optional",
    "options:",
    "show this",
    "show program",
    "error:",
    "required",
    "invalid",
)
"""What argparse says by itself, in English."""
MISUSED: tuple[list[str], ...] = (
    [],
    ["nix"],
    ["run"],
    ["run", "--config"],
    ["run", "--config", "a", "--nix"],
    ["demo", "--seconds", "soon"],
    ["register"],
    ["register", "show"],
    ["register", "show", "--state", "a", "--kind", "nix"],
    ["register", "report", "--year", "deux mille"],
    ["segments", "list", "--json=1"],
)
SPEAK = """
import argparse, contextlib, io, json, sys
from agent.cli import _parser, main

def below(parser):
    yield parser
    for action in parser._actions:
        if isinstance(action, argparse._SubParsersAction):
            for one in action.choices.values():
                yield from below(one)

def misused(arguments):
    with contextlib.redirect_stderr(io.StringIO()) as told, contextlib.suppress(SystemExit):
        main(arguments)
    return told.getvalue()

parsers = list(below(_parser()))
print(json.dumps({
    "help": {one.prog: one.format_help() for one in parsers},
    "mute": [f"{one.prog} {a.dest}" for one in parsers for a in one._actions
             if a.help is None and not isinstance(a, argparse._SubParsersAction)],
    "misused": [misused(one) for one in json.load(sys.stdin)],
}))
"""


def spoken(language: str) -> dict[str, object]:
    environment = {**os.environ, "LC_ALL": language, "PYTHONUTF8": "1"}
    done = subprocess.run(
        [sys.executable, "-W", "error", "-c", SPEAK],
        input=json.dumps(MISUSED),
        env=environment,
        check=True,
        capture_output=True,
        text=True,
    )
    told: dict[str, object] = json.loads(done.stdout)
    return told


def test_no_word_of_argparse_is_left_in_french_help_and_faults() -> None:
    english, french = spoken("en_GB.UTF-8"), spoken("fr_FR.UTF-8")
    assert french["help"].keys() == english["help"].keys() >= {"vigie", "vigie export", "vigie register verify"}  # type: ignore[attr-defined]
    texts = [*french["help"].values(), *french["misused"]]  # type: ignore[attr-defined,misc]
    assert len(texts) > len(MISUSED)
    for text in texts:
        assert text.startswith("utilisation : ")
        assert not [word for word in ARGPARSE if word in text.lower()], text
    for one, other in zip(english["misused"], french["misused"], strict=True):  # type: ignore[call-overload]
        assert one.startswith("usage: ")
        assert one.splitlines()[-1] != other.splitlines()[-1]


def test_every_option_says_what_it_is_for() -> None:
    assert spoken("fr_FR.UTF-8")["mute"] == []


def test_bad_usage_is_status_2_and_one_sentence(capsys: pytest.CaptureFixture[str]) -> None:
    parser = Parser("vigie nothing")
    parser.add_argument("--config", required=True)
    with pytest.raises(SystemExit) as ended:
        parser.parse_args(["--conf", "x", "--config", "y"])  # no option may be shortened
    assert ended.value.code == 2
    assert capsys.readouterr().err.splitlines()[-1].startswith("vigie nothing: ")
