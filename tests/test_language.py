"""The language of messages: as POSIX orders the variables, English for whatever is neither."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from agent.language import language, say

ROOT = Path(__file__).parents[1]


@pytest.mark.parametrize(
    ("variables", "expected"),
    [
        ({}, "en"),
        ({"LANG": "fr_FR.UTF-8"}, "fr"),
        ({"LANG": "fr"}, "fr"),
        ({"LANG": "FR_CA"}, "fr"),
        ({"LANG": "en_GB.UTF-8"}, "en"),
        ({"LANG": "de_DE.UTF-8"}, "en"),
        ({"LANG": "fr_FR.UTF-8", "LC_ALL": "C"}, "en"),
        ({"LANG": "fr_FR.UTF-8", "LC_ALL": ""}, "fr"),
        ({"LANG": "C", "LC_MESSAGES": "fr_BE.UTF-8"}, "fr"),
        ({"LC_MESSAGES": "en_GB", "LC_ALL": "fr_FR"}, "fr"),
    ],
)
def test_the_first_variable_that_is_set_decides(
    variables: dict[str, str], expected: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("LC_ALL", "LC_MESSAGES", "LANG"):
        monkeypatch.delenv(name, raising=False)
    for name, value in variables.items():
        monkeypatch.setenv(name, value)
    assert language() == expected


def test_both_texts_are_at_hand_by_name() -> None:
    assert say(en="yes", fr="oui", language="fr") == "oui"
    assert say(en="yes", fr="oui", language="en") == "yes"
    assert say(en="yes", fr="oui", language="de") == "yes"


@pytest.mark.parametrize(("tongue", "expected"), [("fr_FR.UTF-8", "oui"), ("C.UTF-8", "yes")])
def test_a_process_speaks_the_language_it_was_started_in(tongue: str, expected: str) -> None:
    code = "from agent.language import say; print(say(en='yes', fr='oui'))"
    environment = {**os.environ, "LC_ALL": tongue}
    done = subprocess.run([sys.executable, "-c", code], cwd=ROOT, env=environment, capture_output=True, check=True)
    assert done.stdout.decode().strip() == expected


def test_what_the_system_refuses_is_said_in_french_where_the_language_is() -> None:
    script = "from agent.language import reason\nfor n in (2, 28, 30, 98):\n print(reason(OSError(n, 'its own')))"
    told = {}
    for spoken in ("fr_FR.UTF-8", "C.UTF-8"):
        environment = {**os.environ, "LC_ALL": spoken, "PYTHONUTF8": "1"}
        done = subprocess.run([sys.executable, "-c", script], cwd=ROOT, env=environment, capture_output=True, text=True)
        told[spoken] = done.stdout.splitlines()
    assert told["C.UTF-8"] == ["its own"] * 4
    assert told["fr_FR.UTF-8"] == [
        "fichier ou dossier absent",
        "plus de place sur le disque",
        "en lecture seule",
        "adresse déjà utilisée",
    ]
