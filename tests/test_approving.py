"""`vigie aim approve` where no agent runs, and what it refuses."""

import fcntl
import os
from dataclasses import replace
from pathlib import Path

import pytest

from agent import cli
from agent.aim.references import AimState, Lost
from agent.aim.store import AimStore
from agent.register.bodies import AimApproved
from agent.register.reading import entries
from agent.vault.lock import LOCK
from tests.e2e.box import Box
from tests.needs import needs

pytestmark = needs("mosquitto", "mosquitto")


@pytest.fixture
def box(tmp_path: Path) -> Box:
    """A mast that is configured and does not run."""
    film = tmp_path / "film.mkv"
    film.write_bytes(b"")
    made = Box(tmp_path, f"file:{film}")
    made.state.mkdir(mode=0o700)
    return made


def approve(box: Box, camera: str = "rue", by: str = "C. Durand") -> int:
    return cli.main(["aim", "approve", "--config", str(box.path), "--camera", camera, "--by", by])


def lose(box: Box) -> None:
    """An agent has run here, and the camera was turned."""
    (box.state / LOCK).touch()
    store = AimStore(box.state)
    store.put("rue", replace(AimState(), lost=Lost(1_795_000_000_000)))
    store.flush()


def test_without_an_agent_the_state_is_cleared_and_the_name_is_in_the_register_alone(
    box: Box, capsys: pytest.CaptureFixture[str]
) -> None:
    lose(box)
    assert approve(box) == 0
    assert "next start" in capsys.readouterr().out
    state = AimStore(box.state).load("rue")
    assert state is not None
    assert (state.lost, state.references, state.approvals[-1].by) == (None, (), "entry 1")
    told = [entry.body for entry in entries(box.state / "register")]
    assert [one.kind for one in told] == ["command_began", "aim_approved", "command_ended"]
    assert told[1] == AimApproved(camera="rue", by="C. Durand")
    written = [path for path in box.state.rglob("*") if path.is_file() and b"Durand" in path.read_bytes()]
    assert {path.parent.name for path in written} == {"register"}


def test_without_a_register_nobody_approves(box: Box, capsys: pytest.CaptureFixture[str]) -> None:
    lose(box)
    (box.state / "register").write_text("in the way")
    assert approve(box) == 1
    assert "register" in capsys.readouterr().err
    state = AimStore(box.state).load("rue")
    assert state is not None
    assert state.lost is not None


def test_nothing_is_written_while_another_process_owns_the_state(box: Box, capsys: pytest.CaptureFixture[str]) -> None:
    lose(box)
    lock = os.open(box.state / LOCK, os.O_RDWR)
    fcntl.flock(lock, fcntl.LOCK_EX)
    assert approve(box) == 1
    os.close(lock)
    assert "another process" in capsys.readouterr().err
    state = AimStore(box.state).load("rue")
    assert state is not None
    assert state.lost is not None


def test_where_no_agent_ever_ran_there_is_nothing_to_approve(box: Box, capsys: pytest.CaptureFixture[str]) -> None:
    assert approve(box) == 1
    assert "first start" in capsys.readouterr().err
    assert list(box.state.iterdir()) == []


@pytest.mark.parametrize(
    ("camera", "by"), [("nulle-part", "C. Durand"), ("rue", " "), ("rue", "a\nb"), ("rue", "x" * 101)]
)
def test_bad_usage_is_told_with_status_2(box: Box, camera: str, by: str) -> None:
    lose(box)
    assert approve(box, camera, by) == 2
