"""The witness as a process over real HTTP: it remembers before it answers, also through SIGKILL."""

import http.client
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from hashlib import sha256
from pathlib import Path

import pytest

from agent.access.keys import save_public
from agent.register import Register
from agent.register.notes import Checkpoint, Key, Note
from agent.register.witnessing import request
from provisioning import cli
from tests.register.rig import DEVICE, faults, judged, opened, view

ROOT = Path(__file__).resolve().parents[2]
ORIGIN = "vigie/lievin/lievin-042"


class Served:
    """A witness program and how to speak to it."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        command = [sys.executable, "-m", "provisioning.cli", "witness", "serve", "--key", str(folder / "witness.key")]
        command += ["--name", "csu.example/w1", "--origin-key", f"{ORIGIN}={folder / 'device.pub'}"]
        command += ["--state", str(folder / "heads.json"), "--listen", "127.0.0.1:0"]
        self.process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, cwd=ROOT, text=True)
        assert self.process.stdout is not None
        said = self.process.stdout.readline()
        if not said:
            raise RuntimeError(self.process.communicate()[1])
        self.port = int(said.rpartition(":")[2])

    def ask(self, method: str, path: str, body: bytes | None = None) -> tuple[int, str, str]:
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=20)
        try:
            connection.request(method, path, body)
            answer = connection.getresponse()
            return answer.status, answer.headers.get("Content-Type", ""), answer.read().decode()
        finally:
            connection.close()

    def submit(self, register: Register, old: int, new: int | None = None) -> tuple[int, str, str]:
        body = request(old, register.consistency_proof(old, new), register.checkpoint(new))
        return self.ask("POST", "/add-checkpoint", body)


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    assert cli.main(["witness", "keys", "--out", str(tmp_path), "--name", "csu.example/w1"]) == 0
    save_public(tmp_path / "device.pub", DEVICE.public_key())
    return tmp_path


@contextmanager
def served(folder: Path) -> Iterator[Served]:
    witness = Served(folder)
    try:
        yield witness
    finally:
        witness.process.kill()
        witness.process.communicate()


def verifier(folder: Path) -> Key:
    return Key.parse((folder / "witness.vkey").read_text().rstrip("\n"))


def test_a_mast_is_witnessed_and_what_was_witnessed_convicts_a_fork(folder: Path) -> None:
    mast = folder / "mast"
    mast.mkdir()
    register = opened(mast)
    for number in range(5):
        register.append(view(number))
    with served(folder) as witness:
        assert (folder / "witness.key").stat().st_mode & 0o777 == 0o600
        status, _, line = witness.submit(register, 0)
        assert status == 200
        assert register.add_cosignature(line, 5, [verifier(folder)]) == (5,)
        status, kind, size = witness.submit(register, 0)
        assert (status, kind.partition(";")[0], size) == (409, "text/x.tlog.size", "5\n")
        assert witness.submit(register, 5)[0] == 200
        # the monitor's way gives out the last head with both signatures
        status, _, note = witness.ask("GET", f"/{sha256(ORIGIN.encode()).hexdigest()}/checkpoint")
        assert status == 200
        assert len(Note.parse(note.encode()).signed_by([register.key, verifier(folder)])) == 2
        # somebody who has the mast's own key tells another story
        forged = folder / "forged"
        forged.mkdir()
        other = opened(forged)
        for number in range(9):
            other.append(view(number + 50))
        assert (
            witness.ask("POST", "/add-checkpoint", request(6, other.consistency_proof(6), other.checkpoint()))[0] == 422
        )
        assert judged(forged, other.checkpoint()).good
        assert any("rewritten or forked" in one for one in faults(judged(forged, note)))
        assert judged(mast, note).good


def test_what_it_signed_it_remembers_through_sigkill(folder: Path) -> None:
    mast = folder / "mast"
    mast.mkdir()
    register = opened(mast)
    last = 0
    for _ in range(3):
        with served(folder) as witness:
            for _ in range(4):
                register.append(view(0))
                assert witness.submit(register, last)[0] == 200
                last = register.size
            witness.process.send_signal(signal.SIGKILL)
            witness.process.wait()
    with served(folder) as witness:
        assert witness.submit(register, 0)[2] == f"{last}\n"


def test_a_witness_that_lost_its_memory_does_not_start(folder: Path) -> None:
    for text in ("", "{", '{"a": "b"}', "[]"):
        (folder / "heads.json").write_text(text)
        with pytest.raises(RuntimeError, match=r"heads\.json"):
            Served(folder)


def test_a_disk_that_refuses_gets_no_cosignature(folder: Path) -> None:
    mast = folder / "mast"
    mast.mkdir()
    register = opened(mast)
    register.append(view(0))
    (folder / "heads.json.new").mkdir()
    with served(folder) as witness:
        status, _, body = witness.submit(register, 0)
        assert status == 500
        assert "—" not in body
        (folder / "heads.json.new").rmdir()
        assert witness.submit(register, 0)[0] == 200


def test_hostile_requests_get_an_answer_and_the_witness_lives_on(folder: Path) -> None:
    mast = folder / "mast"
    mast.mkdir()
    register = opened(mast)
    register.append(view(0))
    with served(folder) as witness:
        assert witness.ask("POST", "/add-checkpoint", b"")[0] == 400
        assert witness.ask("POST", "/add-checkpoint", b"\xff" * 1000)[0] == 400
        assert witness.ask("POST", "/add-checkpoint", b"x" * (1 << 20))[0] == 413
        assert witness.ask("GET", "/add-checkpoint")[0] == 405
        assert witness.ask("GET", "/" + "0" * 64 + "/checkpoint")[0] == 404
        assert witness.ask("GET", "/../../etc/passwd")[0] == 404
        assert witness.submit(register, 0)[0] == 200


@pytest.mark.parametrize(
    "change",
    [
        {"--origin-key": "nonsense"},
        {"--origin-key": "vigie/lievin/lievin-042=missing.pub"},
        {"--key": "missing.key"},
        {"--name": "with space"},
        {"--listen": "nowhere"},
        {"--listen": "127.0.0.1:99999"},
        {"--state": "/nowhere/heads.json"},
    ],
)
def test_bad_usage_is_a_sentence_and_status_2(
    folder: Path, change: dict[str, str], capsys: pytest.CaptureFixture[str]
) -> None:
    options = {
        "--key": str(folder / "witness.key"),
        "--name": "csu.example/w1",
        "--origin-key": f"{ORIGIN}={folder / 'device.pub'}",
        "--state": str(folder / "heads.json"),
        "--listen": "127.0.0.1:0",
        **change,
    }
    asked = [one for pair in options.items() for one in pair]
    assert cli.main(["witness", "serve", *asked]) == 2
    assert capsys.readouterr().err.count("\n") == 1


def test_keys_are_never_written_over(folder: Path) -> None:
    before = (folder / "witness.key").read_bytes()
    assert cli.main(["witness", "keys", "--out", str(folder), "--name", "csu.example/w1"]) == 2
    assert (folder / "witness.key").read_bytes() == before


def test_the_checkpoint_on_disk_is_the_one_that_was_answered_for(folder: Path) -> None:
    mast = folder / "mast"
    mast.mkdir()
    register = opened(mast)
    register.append(view(0))
    with served(folder) as witness:
        _, _, line = witness.submit(register, 0)
        raw = (folder / "heads.json").read_text()
    assert line.rstrip("\n") in raw
    assert Checkpoint.parse(Note.parse(register.checkpoint().encode()).text).origin in raw
