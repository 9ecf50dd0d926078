"""The agent's end of the control socket.

    server = ControlServer(state, {"aim-approve": approve})
    await server.serve()                              # until cancelled

A handler is a coroutine function: the request's JSON object in, the answer's out.
"""

import asyncio
import json
import logging
import os
import socket
import struct
from collections.abc import Awaitable, Callable, Mapping
from contextlib import suppress
from pathlib import Path

from agent.control.paths import MOST_BYTES, SOCKET, short_path
from agent.language import say

log = logging.getLogger(__name__)

Json = Mapping[str, object]
Handler = Callable[[Json], Awaitable[Json]]

MOST_CLIENTS = 4
REQUEST_S = 5.0
ANSWER_S = 5.0
UCRED = struct.Struct("3i")
"""pid, uid and gid (unix(7))."""


def refused(word: str) -> Json:
    """An answer that says no."""
    return {"ok": False, "word": word}


class ControlServer:
    """Answers until cancelled. A handler that fails costs its own answer and nothing else."""

    def __init__(self, state: Path, handlers: Mapping[str, Handler]) -> None:
        self._state = state
        self._handlers = dict(handlers)
        self._clients = 0

    async def serve(self) -> None:
        """Listens; OSError when the socket cannot be made."""
        path = self._state / SOCKET
        with suppress(FileNotFoundError):
            path.unlink()  # of an agent that was killed: the state's lock says that none runs
        with short_path(self._state) as short:
            listener = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM | socket.SOCK_NONBLOCK)
            listener.bind(short)
            path.chmod(0o600)  # nobody can connect before it listens
        server = await asyncio.start_unix_server(self._client, sock=listener, limit=MOST_BYTES)
        try:
            async with server:
                await server.serve_forever()
        finally:
            with suppress(FileNotFoundError):
                path.unlink()

    async def _client(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._clients += 1
        try:
            answer = await self._answer(reader, writer) if self._clients <= MOST_CLIENTS else refused("busy")
            writer.write(json.dumps(answer).encode() + b"\n")
            async with asyncio.timeout(ANSWER_S):
                await writer.drain()
        except (OSError, TimeoutError):
            pass  # it went away
        finally:
            self._clients -= 1
            writer.close()

    async def _answer(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> Json:
        if not _ours(writer):
            return refused("forbidden")
        try:
            async with asyncio.timeout(REQUEST_S):
                line = await reader.readuntil(b"\n")
            request = json.loads(line)
        except (TimeoutError, asyncio.IncompleteReadError, asyncio.LimitOverrunError, ValueError, RecursionError):
            return refused("malformed")
        if not isinstance(request, dict):
            return refused("malformed")
        handler = self._handlers.get(str(request.pop("command", "")))
        if handler is None:
            return refused("unknown-command")
        try:
            return await handler(request)
        except Exception:
            log.exception(say(en="a control request failed", fr="une demande locale a échoué"))
            return refused("failed")


def _ours(writer: asyncio.StreamWriter) -> bool:
    """True for root and for the user that the agent runs as."""
    peer: socket.socket = writer.get_extra_info("socket")
    _, uid, _ = UCRED.unpack(peer.getsockopt(socket.SOL_SOCKET, socket.SO_PEERCRED, UCRED.size))
    return uid in (0, os.geteuid())
