"""The control socket: who may ask, and what becomes of those who ask badly."""

import asyncio
import json
import os
import socket
import stat
import subprocess
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest

from agent.control.client import ask
from agent.control.paths import MOST_BYTES, SOCKET, short_path
from agent.control.server import MOST_CLIENTS, ControlServer, Json
from agent.errors import ControlError


async def echo(request: Json) -> Json:
    return {"ok": True, "heard": dict(request)}


async def fail(request: Json) -> Json:
    raise RuntimeError("a fault of ours")


@asynccontextmanager
async def serving(state: Path) -> AsyncIterator[None]:
    server = ControlServer(state, {"echo": echo, "fail": fail})
    task = asyncio.create_task(server.serve())
    async with asyncio.timeout(20):
        while not (state / SOCKET).exists():  # noqa: ASYNC110  a file, which tells nobody
            await asyncio.sleep(0.01)
    try:
        yield
    finally:
        task.cancel()
        await asyncio.wait({task})


async def asked(state: Path, **request: object) -> dict[str, object] | None:
    for _ in range(100):  # it may not listen yet
        answer = await asyncio.to_thread(ask, state, request, 20)
        if answer is not None:
            return answer
        await asyncio.sleep(0.02)
    return None


def raw(state: Path, content: bytes) -> bytes:
    with socket.socket(socket.AF_UNIX) as connection, short_path(state) as path:
        connection.settimeout(20)
        connection.connect(path)
        try:
            connection.sendall(content)
            connection.shutdown(socket.SHUT_WR)
        except OSError:  # it answers before all is sent
            pass
        return connection.recv(4096)


async def test_a_command_is_answered_by_its_handler_through_a_path_of_any_length(tmp_path: Path) -> None:
    state = tmp_path / ("long" * 40)
    state.mkdir()
    async with serving(state):
        assert await asked(state, command="echo", camera="rue") == {"ok": True, "heard": {"camera": "rue"}}
        assert stat.S_IMODE((state / SOCKET).stat().st_mode) == 0o600
    assert not (state / SOCKET).exists()


async def test_an_unknown_command_and_a_failing_one_are_answered_and_the_next_one_too(tmp_path: Path) -> None:
    async with serving(tmp_path):
        assert await asked(tmp_path, command="fly") == {"ok": False, "word": "unknown-command"}
        assert await asked(tmp_path, command="fail") == {"ok": False, "word": "failed"}
        assert (await asked(tmp_path, command="echo") or {})["ok"] is True


@pytest.mark.parametrize(
    "content", [b"", b"no json\n", b"[]\n", b"\xff\xfe\n", b"[" * 20_000 + b"\n", b"x" * (MOST_BYTES + 10), b'{"a":1}']
)
async def test_what_is_no_request_is_refused(tmp_path: Path, content: bytes) -> None:
    async with serving(tmp_path):
        await asked(tmp_path, command="echo")
        answer = await asyncio.to_thread(raw, tmp_path, content)
        assert json.loads(answer) == {"ok": False, "word": "malformed"}
        assert (await asked(tmp_path, command="echo") or {})["ok"] is True


async def test_silent_clients_do_not_keep_others_out_for_good(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("agent.control.server.REQUEST_S", 0.2)
    async with serving(tmp_path):
        await asked(tmp_path, command="echo")
        with short_path(tmp_path) as path:
            silent = [socket.socket(socket.AF_UNIX) for _ in range(MOST_CLIENTS)]
            for one in silent:
                one.connect(path)
        await asyncio.sleep(0.5)
        assert (await asked(tmp_path, command="echo") or {})["ok"] is True
        for one in silent:
            one.close()


@pytest.mark.skipif(os.geteuid() != 0, reason="needs root")
async def test_another_user_is_refused_even_where_the_files_would_let_them(tmp_path: Path) -> None:
    state = Path("/tmp") / f"vigie-control-{os.getpid()}"
    state.mkdir(mode=0o755)
    try:
        async with serving(state):
            await asked(state, command="echo")
            (state / SOCKET).chmod(0o666)
            steps = f"s.connect({str(state / SOCKET)!r}); print(s.recv(99))"
            code = f"import os, socket; s = socket.socket(socket.AF_UNIX); os.setuid(65534); {steps}"
            command = [sys.executable, "-c", code]
            other = await asyncio.to_thread(subprocess.run, command, capture_output=True, text=True, check=False)
            assert "forbidden" in other.stdout, other.stderr
    finally:
        state.rmdir()


def test_nobody_listens_where_no_agent_runs_or_one_was_killed(tmp_path: Path) -> None:
    assert ask(tmp_path, {"command": "echo"}) is None
    with socket.socket(socket.AF_UNIX) as dead, short_path(tmp_path) as path:
        dead.bind(path)
    assert ask(tmp_path, {"command": "echo"}) is None


async def test_the_socket_of_a_killed_agent_is_taken_over(tmp_path: Path) -> None:
    with socket.socket(socket.AF_UNIX) as dead, short_path(tmp_path) as path:
        dead.bind(path)
    async with serving(tmp_path):
        assert (await asked(tmp_path, command="echo") or {})["ok"] is True


async def test_an_agent_that_says_nonsense_or_nothing_is_an_error(tmp_path: Path) -> None:
    async def nonsense(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readline()
        writer.write(b"[1]\n")
        writer.close()

    server = await asyncio.start_unix_server(nonsense, str(tmp_path / SOCKET))
    with pytest.raises(ControlError):
        await asyncio.to_thread(ask, tmp_path, {"command": "echo"}, 5)
    server.close()
