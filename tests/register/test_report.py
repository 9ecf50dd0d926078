"""`vigie register show` and `verify`: tables, JSON, exit status."""

import dataclasses
import json
from pathlib import Path

import pytest
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

from agent import cli
from agent.register.bodies import AgentStopped, GrantPresented, RequisitionRefused
from tests.register.rig import DEVICE, KINDS, WITNESS_KEY, HandClock, files, filled, opened, sample, view, witnessed


@pytest.fixture
def state(tmp_path: Path) -> Path:
    """With one entry of each kind, and the device's key beside it."""
    clock = HandClock()
    register = opened(tmp_path, clock)
    for kind in KINDS:
        register.append(sample(kind))  # type: ignore[arg-type]
    register.close()
    (tmp_path / "identity").mkdir()
    pem = DEVICE.public_key().public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo)
    (tmp_path / "identity" / "device.pub").write_bytes(pem)
    return tmp_path


def test_show_prints_a_line_for_each_entry(state: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert cli.main(["register", "show", "--state", str(state)]) == 0
    lines = capsys.readouterr().out.splitlines()
    assert len(lines) == len(KINDS)
    assert any("C. Durand" in line and "requisition_60_1" in line for line in lines)


def test_show_as_json_by_kind_and_time(state: Path, capsys: pytest.CaptureFixture[str]) -> None:
    asked = ["register", "show", "--state", str(state), "--json", "--kind", "view_requested", "view_ended"]
    assert cli.main(asked) == 0
    told = [json.loads(line) for line in capsys.readouterr().out.splitlines()]
    assert [one["body"]["kind"] for one in told] == ["view_requested", "view_ended"]
    assert cli.main([*asked, "--since", "2026-11-22T00:00:00Z"]) == 0
    assert capsys.readouterr().out == ""


def test_show_by_camera_leaves_out_what_is_about_others(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    register = opened(tmp_path)
    for camera in ("parvis", "gare"):
        register.append(dataclasses.replace(view(1), camera=camera))
    register.append(AgentStopped("restart"))
    register.append(dataclasses.replace(sample(GrantPresented), cameras=("gare", "parvis")))  # type: ignore[type-var]
    register.close()
    asked = ["register", "show", "--state", str(tmp_path), "--json"]

    def told(*more: str) -> list[int]:
        assert cli.main([*asked, *more]) == 0
        return [json.loads(line)["index"] for line in capsys.readouterr().out.splitlines()]

    assert told("--camera", "gare") == [1, 3]
    assert told("--camera", "gare", "--camera", "parvis") == [0, 1, 3]
    assert told("--camera", "mairie") == []
    assert told("--from", "2026-11-21T12:00:00Z", "--to", "2026-11-21T12:00:00.030Z") == [0, 1]


def test_what_strangers_wrote_steers_no_terminal(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    register = opened(tmp_path)
    register.append(RequisitionRefused(sha256="0" * 64, reference="é " * 250, why="x"))
    register.close()
    assert cli.main(["register", "show", "--state", str(tmp_path)]) == 0
    assert capsys.readouterr().out.count("\n") == 1


def test_verify_says_good_and_ends_with_0(state: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert cli.main(["register", "verify", "--state", str(state)]) == 0
    assert "vigie/lievin/lievin-042" in capsys.readouterr().out
    assert cli.main(["register", "verify", "--state", str(state), "--json"]) == 0
    told = json.loads(capsys.readouterr().out)
    assert told == {
        "good": True,
        "origin": "vigie/lievin/lievin-042",
        "size": len(KINDS),
        "present": len(KINDS),
        "findings": [],
    }


def test_verify_of_an_altered_register_ends_with_1(state: Path, capsys: pytest.CaptureFixture[str]) -> None:
    section = files(state)[0]
    section.write_bytes(section.read_bytes().replace(b"C. Durand", b"C. Dupond", 1))
    assert cli.main(["register", "verify", "--state", str(state)]) == 1
    assert "fault: entry" in capsys.readouterr().out
    assert cli.main(["register", "verify", "--state", str(state), "--json"]) == 1


def test_verify_against_a_checkpoint_file(state: Path, tmp_path_factory: pytest.TempPathFactory) -> None:
    other = tmp_path_factory.mktemp("other")
    head = other / "checkpoint"
    head.write_text(witnessed(filled(other, 3)[3]))
    asked = ["register", "verify", "--state", str(state), "--witness", str(WITNESS_KEY), "--checkpoint", str(head)]
    assert cli.main(asked) == 1  # another history of the same mast
    register = opened(state)
    head.write_text(witnessed(register.checkpoint()))
    register.append(view(1))
    assert cli.main(asked) == 0  # the agent still runs
    vkey = other / "witness.vkey"
    vkey.write_text(f"{WITNESS_KEY}\n")
    assert cli.main([str(vkey) if one == str(WITNESS_KEY) else one for one in asked]) == 0


def test_verify_says_what_a_register_cannot_show_by_itself(state: Path, capsys: pytest.CaptureFixture[str]) -> None:
    asked = ["register", "verify", "--state", str(state)]
    assert cli.main(asked) == 0
    told = capsys.readouterr().out
    assert "give --checkpoint" in told
    assert "--device-pub" in told
    head = state / "head"
    register = opened(state)
    head.write_text(witnessed(register.checkpoint()))
    register.close()
    key = str(state / "identity" / "device.pub")
    assert cli.main([*asked, "--checkpoint", str(head), "--device-pub", key, "--witness", str(WITNESS_KEY)]) == 0
    assert "notice" not in capsys.readouterr().out


@pytest.mark.parametrize(
    ("more", "status"),
    [
        (["--device-pub", "missing.pub"], 2),
        (["--device-pub", __file__], 2),
        (["--checkpoint", "missing"], 2),
        (["--checkpoint", __file__], 1),
        (["--witness", "nonsense"], 2),
        (["--witness", "non+sense"], 2),
        (["--witness", __file__], 2),
        (["--witness", "/proc/self/exe"], 2),
    ],
)
def test_bad_files_are_named_without_a_traceback(
    state: Path, more: list[str], status: int, capsys: pytest.CaptureFixture[str]
) -> None:
    assert cli.main(["register", "verify", "--state", str(state), *more]) == status
    assert more[1] in capsys.readouterr().err


@pytest.mark.parametrize("action", ["show", "verify"])
def test_a_folder_without_a_register_ends_with_2(state: Path, action: str, tmp_path: Path) -> None:
    empty = tmp_path / "empty"
    empty.mkdir()
    extra = ["--device-pub", str(state / "identity" / "device.pub")] if action == "verify" else []
    assert cli.main(["register", action, "--state", str(empty), *extra]) == 2
