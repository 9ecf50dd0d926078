"""The command as people run it: its keys serve openssl and age, its grants serve a mast, its faults are sentences."""

import json
import os
import subprocess
import sys
import time
from pathlib import Path

import pytest

from agent.access.grants import GrantJudge, require
from agent.access.keys import load_public
from agent.clock import WallTime
from provisioning.cli import main
from tests.provisioning.speaking import in_both_languages

ROOT = Path(__file__).parents[2]
PRIVATE = ("authority.key", "judicial.key", "vault.key")
PUBLIC = ("authority.pub", "judicial.pub", "vault.pub")


def provision(*arguments: str | bytes | Path, language: str = "en_GB.UTF-8") -> subprocess.CompletedProcess[str]:
    """Runs `vigie-provision` in its own process."""
    return subprocess.run(
        [sys.executable, "-W", "error", "-m", "provisioning.cli", *arguments],
        cwd=ROOT,
        env={**os.environ, "LC_ALL": language, "PYTHONUTF8": "1"},
        capture_output=True,
        text=True,
        check=False,
    )


@pytest.fixture(scope="module")
def keys(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A town's keys, made once by the command."""
    folder = tmp_path_factory.mktemp("town") / "keys"
    done = provision("keys", "init", "--out", folder)
    assert (done.returncode, done.stderr) == (0, "")
    return folder


def grant(keys: Path, **changes: str | list[str] | None) -> list[str]:
    """The arguments of an honest grant; None leaves an option out."""
    options: dict[str, str | list[str] | None] = {
        "authority": str(keys / "authority.key"),
        "agent": "0042",
        "name": "Zoé Durand",
        "service": "Police municipale",
        "mast": ["lievin-042", "lievin-043"],
        "camera": ["parvis-fixed", "parvis-ptz"],
        "allow": "live,ptz",
        "basis": "event",
        "reference": "MC-2026-118",
        "reason": "Attroupement signalé place du marché",
        "valid": "2h",
    }
    arguments = ["grant"]
    for name, value in {**options, **changes}.items():
        if value is not None:
            arguments += [f"--{name.replace('_', '-')}", *(value if isinstance(value, list) else [value])]
    return arguments


def wall(offset_s: float = 0) -> WallTime:
    """A mast's clock that is `offset_s` ahead of this machine's."""
    return WallTime(time.time_ns() + int(offset_s * 10**9), synchronised=True, error_ms=1.0)


# --- keys init ---


def test_private_halves_are_for_their_owner_only_whatever_the_umask(keys: Path) -> None:
    assert sorted(path.name for path in keys.iterdir()) == sorted(PRIVATE + PUBLIC)
    assert keys.stat().st_mode & 0o777 == 0o700
    assert {path.name: oct(path.stat().st_mode & 0o777) for path in keys.glob("*.key")} == dict.fromkeys(
        PRIVATE, "0o600"
    )


def test_stock_age_seals_for_the_public_line_and_opens_with_the_identity(keys: Path, tmp_path: Path) -> None:
    plain = os.urandom(200_000)
    recipient = (keys / "vault.pub").read_text().strip()
    sealed = subprocess.run(["age", "-r", recipient], input=plain, capture_output=True, check=True).stdout
    (tmp_path / "x.age").write_bytes(sealed)
    opened = subprocess.run(
        ["age", "-d", "-i", keys / "vault.key", tmp_path / "x.age"], capture_output=True, check=True
    )
    assert opened.stdout == plain
    derived = subprocess.run(["age-keygen", "-y", keys / "vault.key"], capture_output=True, text=True, check=True)
    assert derived.stdout.strip() == recipient


@pytest.mark.parametrize("name", ["authority", "judicial"])
def test_openssl_reads_the_keys_and_their_halves_belong_together(keys: Path, name: str) -> None:
    public = subprocess.run(
        ["openssl", "pkey", "-in", keys / f"{name}.key", "-pubout"], capture_output=True, check=True
    )
    assert public.stdout == (keys / f"{name}.pub").read_bytes()
    shown = subprocess.run(["openssl", "pkey", "-in", keys / f"{name}.key", "-noout", "-text"], capture_output=True)
    assert b"ED25519" in shown.stdout


def test_the_two_authorities_have_different_keys(keys: Path) -> None:
    assert load_public(keys / "authority.pub") != load_public(keys / "judicial.pub")


@pytest.mark.parametrize("name", PRIVATE + PUBLIC)
def test_one_file_in_the_way_and_nothing_is_written(name: str, tmp_path: Path) -> None:
    (tmp_path / name).write_text("precious")
    done = provision("keys", "init", "--out", tmp_path)
    assert done.returncode == 2
    assert name in done.stderr
    assert "Traceback" not in done.stderr
    assert [(path.name, path.read_text()) for path in tmp_path.iterdir()] == [(name, "precious")]


def test_a_second_run_leaves_the_keys_alone(keys: Path) -> None:
    before = {path.name: path.read_bytes() for path in keys.iterdir()}
    assert provision("keys", "init", "--out", keys).returncode == 2
    assert {path.name: path.read_bytes() for path in keys.iterdir()} == before


def test_a_file_where_the_folder_should_be(tmp_path: Path) -> None:
    (tmp_path / "keys").write_text("a file")
    done = provision("keys", "init", "--out", tmp_path / "keys")
    assert done.returncode == 2
    assert "Traceback" not in done.stderr


def test_no_private_half_is_printed(tmp_path: Path) -> None:
    done = provision("keys", "init", "--out", tmp_path / "keys", "--json")
    said = json.loads(done.stdout)
    assert said["recipient"] == (tmp_path / "keys" / "vault.pub").read_text().strip()
    assert sorted(said["files"]) == sorted(PRIVATE + PUBLIC)
    assert "AGE-SECRET-KEY" not in done.stdout + done.stderr
    assert "AGE-SECRET-KEY-1" in (tmp_path / "keys" / "vault.key").read_text()


def test_a_folder_in_use_keeps_its_mode(tmp_path: Path) -> None:
    (tmp_path / "notes.txt").write_text("mine")
    tmp_path.chmod(0o755)
    assert main(["keys", "init", "--out", str(tmp_path)]) == 0
    assert tmp_path.stat().st_mode & 0o777 == 0o755


# --- grant ---


def test_a_grant_opens_each_mast_it_names_and_no_other(keys: Path) -> None:
    done = provision(*grant(keys, habilitated_until="2099-12-31", priority="5"))
    assert (done.returncode, done.stderr) == (0, "")
    token = done.stdout.strip()
    authorities = [load_public(keys / "authority.pub")]
    for mast in ("lievin-042", "lievin-043"):
        judged = GrantJudge(authorities, mast).judge(token, wall())
        require(judged, "parvis-ptz", "ptz")
        assert judged.name == "Zoé Durand"
        assert judged.priority == 5
        assert judged.expires_at - judged.issued_at == 7200
    with pytest.raises(Exception, match="another mast"):
        GrantJudge(authorities, "lievin-044").judge(token, wall())
    with pytest.raises(Exception, match="authority"):
        GrantJudge([load_public(keys / "judicial.pub")], "lievin-042").judge(token, wall())


def test_a_mast_whose_clock_is_half_a_minute_behind_opens_at_once(keys: Path) -> None:
    token = provision(*grant(keys)).stdout.strip()
    assert GrantJudge([load_public(keys / "authority.pub")], "lievin-042").judge(token, wall(-30)).jti


def test_two_grants_never_share_a_number(keys: Path) -> None:
    said = [json.loads(provision(*grant(keys), "--json").stdout) for _ in range(2)]
    assert said[0]["jti"] != said[1]["jti"]
    assert said[0]["expires_at"].endswith("Z")


def test_masts_may_be_named_one_option_at_a_time(keys: Path) -> None:
    token = provision(*grant(keys, mast="lievin-042"), "--mast", "lens-001").stdout.strip()
    judged = GrantJudge([load_public(keys / "authority.pub")], "lens-001").judge(token, wall())
    assert judged.masts == ("lievin-042", "lens-001")


FAULTS: dict[str, tuple[dict[str, str | list[str] | None], str]] = {
    "blank reason": ({"reason": "  "}, "reason"),
    "no reason": ({"reason": None}, "--reason"),
    "blank reference": ({"reference": ""}, "reference"),
    "unknown basis": ({"basis": "curiosity"}, "curiosity"),
    "unknown act": ({"allow": "live,sudo"}, "sudo"),
    "no act": ({"allow": ""}, "--allow"),
    "mast with a wildcard": ({"mast": "#"}, "#"),
    "mast in capitals": ({"mast": "LIEVIN-042"}, "LIEVIN-042"),
    "camera with a slash": ({"camera": "a/b"}, "a/b"),
    "too long": ({"valid": "12h1s"}, "12h1s"),
    "no duration": ({"valid": "soon"}, "soon"),
    "nothing of a duration": ({"valid": ""}, "--valid"),
    "zero": ({"valid": "0h"}, "0h"),
    "negative": ({"valid": "-2h"}, "--valid"),
    "habilitation over": ({"habilitated_until": "2020-01-01"}, "habilitation"),
    "no date": ({"habilitated_until": "tomorrow"}, "tomorrow"),
    "a week": ({"habilitated_until": "2026-W47-3"}, "2026-W47-3"),
    "priority in words": ({"priority": "high"}, "high"),
    "negative priority": ({"priority": "-1"}, "priority"),
    "name of control characters": ({"name": "Zo\x1b[31m"}, "name"),
    "more masts than 8 KiB hold": ({"mast": [f"mast-{i}-{'x' * 30}" for i in range(200)]}, "8 KiB"),
    "missing key": ({"authority": "/nowhere/authority.key"}, "/nowhere/authority.key"),
}


@pytest.mark.parametrize("kind", FAULTS)
def test_a_fault_ends_in_a_sentence_and_status_2(kind: str, keys: Path, capsys: pytest.CaptureFixture[str]) -> None:
    changes, named = FAULTS[kind]
    assert main(grant(keys, **changes)) == 2
    said = capsys.readouterr()
    assert said.out == ""
    assert named in said.err


def test_the_wrong_half_of_a_key(keys: Path, capsys: pytest.CaptureFixture[str]) -> None:
    for name in ("authority.pub", "vault.key"):
        assert main(grant(keys, authority=str(keys / name))) == 2
        said = capsys.readouterr().err
        assert name in said
        assert "AGE-SECRET-KEY" not in said


def test_a_name_that_is_no_text_ends_without_traceback(keys: Path) -> None:
    done = provision(*[one.encode() for one in grant(keys, name=None)], b"--name", b"\xff\xfe")
    assert done.returncode == 2
    assert "Traceback" not in done.stderr


@pytest.mark.parametrize(
    "arguments", [[], ["keys"], ["keys", "init"], ["grant"], ["evidence"], ["--json"], ["keys", "init", "--no", "x"]]
)
def test_bad_usage_is_status_2_in_both_languages(arguments: list[str]) -> None:
    english, french = in_both_languages(*arguments)
    assert english.returncode == french.returncode == 2
    assert "Traceback" not in english.stderr + french.stderr
    assert english.stderr.splitlines()[-1] != french.stderr.splitlines()[-1]


def test_help_is_status_0_in_both_languages() -> None:
    for arguments in (["-h"], ["keys", "init", "--help"], ["grant", "--help"]):
        english, french = in_both_languages(*arguments)
        assert english.returncode == french.returncode == 0
        assert english.stdout != french.stdout


def test_french_faults_are_french(keys: Path) -> None:
    done = provision(*grant(keys, valid="3 jours"), language="fr_FR.UTF-8")
    assert done.returncode == 2
    assert "donner une durée" in done.stderr
