"""`vigie export` where no agent runs: the same desk, in its place and under its lock; real processes, real footage."""

import os
import signal
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from agent import cli
from agent.alone import Held, alone
from agent.clock import SystemClock
from agent.config import load
from agent.errors import VaultBusy, VaultError
from agent.register.bodies import AgentStopped
from agent.register.ledger import Ledger
from agent.register.reading import entries
from agent.registrar import was_cut
from agent.vault.lock import LOCK, StateLock
from provisioning.cli import main as provision
from tests.e2e.box import ROOT, vigie
from tests.evidence.rig import MAST, OTHER_ID, TOWN, House
from tests.needs import needs
from tests.rig.child import child
from tests.rig.footage import STREET
from tests.timestamping.tsa import Tsa, in_a_thread
from tests.vault.rig import HandClock

EXPORT = ["command_began", "requisition_presented", "segments_held", "segments_exported", "command_ended"]
NOBODY = 65534


@pytest.fixture
def house(tmp_path: Path) -> House:
    """See `stopped`."""
    return stopped(tmp_path)


def stopped(folder: Path) -> House:
    """A mast whose agent has recorded a minute ago, and has stopped; `vigie.toml` is its configuration."""
    made = House(folder, clock=HandClock(time.time_ns() // 1_000_000 - 60_000))
    made.record()
    made.open()
    made.book.enter(AgentStopped(reason="stopped"))
    made.close()
    configure(made)
    return made


def configure(house: House, more: str = "") -> Path:
    path = house.folder / "vigie.toml"
    path.write_text(
        f"""
[mast]
id = "{MAST}"
town = "{TOWN}"
state = "state"
[vault]
recipients = ["{house.keys.recipient}"]
retention_days = 15
max_gib = 1
[access]
authorities = ["device.pub"]
requisition_authorities = ["judicial.pub"]
[http]
listen = "127.0.0.1:0"
[[camera]]
id = "lane"
name = "Ruelle"
kind = "fixed"
source = "file:{STREET}"
no_private_area = "essai"
{more}
"""
    )
    return path


def arguments(house: House, document: bytes, out: str = "stick", *more: str) -> list[str]:
    """Of `vigie export`."""
    (house.folder / "requisition.json").write_bytes(document)
    (house.folder / out).mkdir(exist_ok=True)
    given = {"config": "vigie.toml", "requisition": "requisition.json", "out": out}
    return ["export", *(part for key, name in given.items() for part in (f"--{key}", str(house.folder / name))), *more]


def entered(house: House) -> list[str]:
    """The kinds in the register; it verifies."""
    assert vigie("register", "verify", "--state", str(house.bench.state)).returncode == 0
    return [entry.kind for entry in entries(house.bench.state / "register")]


def test_the_mast_is_answered_for_without_its_agent_and_says_so(house: House, tmp_path: Path) -> None:
    before = entered(house)
    assert before[-1] == "agent_stopped"
    done = vigie(*arguments(house, house.document()))
    assert (done.returncode, done.stderr) == (0, "")
    (pack,) = (house.folder / "stick").iterdir()
    assert str(pack) in done.stdout
    assert entered(house)[len(before) :] == EXPORT
    given = ["--identity", str(house.keys.path), "--out", str(tmp_path / "out"), "--device-pub", str(house.device)]
    assert provision(["evidence", "open", str(pack), *given]) == 0
    again = vigie(*arguments(house, house.document(), "other", "--again"))
    assert again.returncode == 0, again.stderr
    collected = [kind for kind in EXPORT if kind != "segments_held"]  # its hold stands already
    assert entered(house)[len(before) + len(EXPORT) :] == collected
    assert vigie("segments", "verify", "--state", str(house.bench.state)).returncode == 0
    house.open()  # the lock is free, and the agent goes on
    house.close()


def test_whatever_is_refused_is_entered_with_its_reason(house: House, capsys: pytest.CaptureFixture[str]) -> None:
    stranger = Ed25519PrivateKey.generate()
    now = house.clock.wall_ms
    assert cli.main(arguments(house, house.document())) == 0
    seen = len(entered(house))
    capsys.readouterr()
    texts = set()
    for document, word in (
        (house.document(stranger), "forged"),
        (house.document(id=OTHER_ID, issued_ms=now - 2000, expires_ms=now - 1000), "expired"),
        (house.document(), "replayed"),
        (b"{}", "malformed"),
    ):
        assert cli.main(arguments(house, document, "other")) == 1
        texts.add(capsys.readouterr().err)
        told = [entry.body for entry in entries(house.bench.state / "register")][seen:]
        assert [one.kind for one in told] == ["command_began", "requisition_refused", "command_ended"]
        assert getattr(told[1], "why", "") == word
        seen += len(told)
    command = [sys.executable, "-m", "agent", *arguments(house, b"{}", "other")]
    french = {**os.environ, "LC_ALL": "fr_FR.UTF-8"}
    done = subprocess.run(command, cwd=ROOT, env=french, capture_output=True, text=True, check=False)
    assert done.returncode == 1
    assert "réquisition" in done.stderr
    texts.add(done.stderr)
    assert len(texts) == 5
    assert not [one for one in texts if "Traceback" in one]
    assert list((house.folder / "other").iterdir()) == []


def test_bad_usage_writes_nothing(house: House, capsys: pytest.CaptureFixture[str]) -> None:
    before = entered(house)
    given = arguments(house, house.document())
    assert cli.main([*given[:-1], str(house.folder / "nowhere")]) == 2
    (house.folder / "requisition.json").unlink()
    assert cli.main(given) == 2
    assert "requisition.json" in capsys.readouterr().err
    assert entered(house) == before


def test_where_no_agent_ever_ran_nothing_is_made(house: House, capsys: pytest.CaptureFixture[str]) -> None:
    given = arguments(house, house.document())
    house.bench.state.rename(house.folder / "away")
    assert cli.main(given) == 1
    assert "no agent has run here" in capsys.readouterr().err
    assert not house.bench.state.exists()
    house.bench.state.mkdir()
    assert cli.main(given) == 1
    assert list(house.bench.state.iterdir()) == []


def test_what_a_power_cut_left_is_told_once_and_handed_over(house: House, tmp_path: Path) -> None:
    """The agent is gone without a word: its socket lies there, a segment is open, no stop is entered."""
    house.open()
    house.book.close()
    house.vault.close()
    whole = max(house.bench.segments())
    other = whole.with_name(whole.name.replace(".000Z", ".500Z") + ".part")
    other.write_bytes(whole.read_bytes())
    (house.bench.state / "control.sock").touch()
    before = entered(house)
    assert before[-1] == "agent_started"
    done = vigie(*arguments(house, house.document()))
    assert done.returncode == 0, done.stderr
    after = entered(house)[len(before) :]
    assert after[:2] == ["command_began", "power_cut_found"]
    assert after[-1] == "command_ended"
    assert after.count("power_cut_found") == 1
    with ledger(house) as book:
        assert not was_cut(book)  # the next start does not tell it a second time


@contextmanager
def ledger(house: House) -> Iterator[Ledger]:
    book = Ledger(house.bench.state, house.identity, SystemClock(), town=TOWN, mast=MAST)
    book.open()
    yield book
    book.close()


def test_a_command_that_is_killed_is_found_as_a_cut(house: House) -> None:
    script = (
        "import os, sys; from pathlib import Path; from agent.config import load; from agent.alone import alone\n"
        "with alone(load(Path(sys.argv[1])), 'export'): os.kill(os.getpid(), 9)"
    )
    command = [sys.executable, "-c", script, str(house.folder / "vigie.toml")]
    assert subprocess.run(command, cwd=ROOT, check=False).returncode == -9
    assert entered(house)[-1] == "command_began"
    with ledger(house) as book:
        assert was_cut(book)
    done = vigie(*arguments(house, house.document()))  # the lock went with the process
    assert done.returncode == 0, done.stderr
    assert entered(house).count("power_cut_found") == 1


def test_without_a_register_nothing_is_handed_over(house: House, capsys: pytest.CaptureFixture[str]) -> None:
    (house.bench.state / "register").rename(house.folder / "register")
    (house.bench.state / "register").write_text("in the way")
    assert cli.main(arguments(house, house.document())) == 1
    assert "register" in capsys.readouterr().err
    assert list((house.folder / "stick").iterdir()) == []
    (house.bench.state / "register").unlink()
    (house.folder / "register").rename(house.bench.state / "register")
    assert entered(house)[-1] == "agent_stopped"
    assert cli.main(arguments(house, house.document())) == 0


@contextmanager
def slow_service(tsa: Tsa) -> Iterator[tuple[str, threading.Event, threading.Event]]:
    """A time-stamping service that answers when it is let: (URL, it is asked, let it answer)."""
    asked, go = threading.Event(), threading.Event()

    def answer(query: bytes) -> bytes:
        asked.set()
        assert go.wait(60)
        return tsa.reply(query)

    with in_a_thread(answer) as url:
        try:
            yield url, asked, go
        finally:
            go.set()


@needs("openssl", "openssl")
def test_an_agent_that_starts_meanwhile_says_who_has_the_state_and_a_second_export_waits(
    house: House, tmp_path: Path
) -> None:
    tsa = Tsa(tmp_path / "tsa")
    piped = {"cwd": ROOT, "stdout": subprocess.PIPE, "stderr": subprocess.PIPE, "text": True}
    with ExitStack() as ending:
        url, asked, go = ending.enter_context(slow_service(tsa))
        path = configure(house, f'[timestamp]\nurl = "{url}"\nca_file = "{tsa.ca}"\n')
        command = [sys.executable, "-m", "agent", *arguments(house, house.document())]
        first = ending.enter_context(child(command, **piped))
        assert asked.wait(60)  # it has entered what is asked and binds the pack
        first.send_signal(signal.SIGSTOP)  # and takes as long as this test does
        before = (house.bench.state / "register").stat().st_mtime_ns
        started = vigie("run", "--config", str(path))
        assert started.returncode == 1
        assert f"in use by `vigie export` (process {first.pid})" in started.stderr
        assert "Traceback" not in started.stderr
        assert (house.bench.state / "register").stat().st_mtime_ns == before
        second = ending.enter_context(child([*command[:-1], str(tmp_path)], **piped))
        assert f"process {first.pid}" in second.stderr.readline()
        go.set()
        first.send_signal(signal.SIGCONT)
        first.communicate(timeout=60)
        told = second.communicate(timeout=60)[1]
        assert (first.returncode, second.returncode) == (0, 1)  # it has served by now
    assert "7b0f6c1e" in told
    kinds = entered(house)
    assert kinds.count("segments_exported") == 1
    assert kinds.count("agent_started") == 1
    assert [kinds.count(one) for one in ("command_began", "command_ended", "requisition_refused")] == [2, 2, 1]
    assert len(list((house.folder / "stick").iterdir())) == 1


def test_a_busy_state_names_its_holder_in_the_words_that_fit(house: House) -> None:
    state = house.bench.state
    with StateLock(state) as mine:
        with pytest.raises(VaultBusy, match=rf"another agent \(vigie run, process {os.getpid()}\)"):
            StateLock(state, "vigie export").take()
        mine.take()
        mine.release()
        with pytest.raises(VaultBusy):
            StateLock(state).take()
        (state / LOCK).write_bytes(b"1 rm -rf \x1b[2J\n")
        with pytest.raises(VaultBusy, match="another process"):
            StateLock(state).take()
        mine.release()
        mine.release()  # one too many does no harm
        with StateLock(state), pytest.raises(VaultBusy, match="another agent"):
            mine.take()


def test_a_state_that_cannot_be_written_is_a_sentence(house: House) -> None:
    (house.bench.state / LOCK).unlink()
    (house.bench.state / LOCK).mkdir()
    with pytest.raises(VaultError, match=str(house.bench.state)), hold(house):
        pass


@contextmanager
def hold(house: House) -> Iterator[Held]:
    with alone(load(house.folder / "vigie.toml"), "export") as held:
        yield held


needs_root = pytest.mark.skipif(os.geteuid() != 0, reason="needs root")


@pytest.fixture
def public() -> Iterator[House]:
    """A mast whose folder everybody may enter; its state is its agent's alone."""
    with tempfile.TemporaryDirectory() as folder:
        Path(folder).chmod(0o755)
        yield stopped(Path(folder))


@needs_root
def test_what_root_writes_belongs_to_the_agent_and_what_root_takes_away_to_root(public: House) -> None:
    state = public.bench.state
    for path in (state, *state.rglob("*")):
        os.chown(path, NOBODY, NOBODY)
    assert cli.main(arguments(public, public.document())) == 0  # in this process: another user may not read its Python
    assert os.geteuid() == os.getegid() == 0
    assert {(path.stat().st_uid, path.stat().st_gid) for path in (state, *state.rglob("*"))} == {(NOBODY, NOBODY)}
    (pack,) = (public.folder / "stick").iterdir()
    assert {path.stat().st_uid for path in (pack, *pack.rglob("*"))} == {0}


@needs_root
def test_a_stranger_at_the_box_is_told_whom_to_be(public: House, capsys: pytest.CaptureFixture[str]) -> None:
    given = arguments(public, public.document())
    before = entered(public)
    (public.folder / "stick").chmod(0o777)
    os.seteuid(NOBODY)
    try:
        assert cli.main(given) == 1
        assert "run this as root or as the agent's user" in capsys.readouterr().err
    finally:
        os.seteuid(0)
    assert entered(public) == before
