"""`vigie-provision witness`: a small program that keeps watch over the masts' registers (C2SP tlog-witness over HTTP).

    vigie-provision witness keys --out DIR --name csu.lievin.example/temoin
    vigie-provision witness serve --key DIR/witness.key --name csu.lievin.example/temoin --state heads.json \\
        --origin-key vigie/lievin/lievin-042=device.pub --listen 0.0.0.0:8444

`POST /add-checkpoint` cosigns a head that follows on the last one; `GET /<sha256 of the origin>/checkpoint` gives the
last one out. Nothing in it is secret and everything is signed, so it speaks plain HTTP; put TLS in front where that is
wanted.

Laws
- One at a time: compare, write to disk, answer. What is on disk is never behind what was signed.
- A state file that cannot be read stops the program: a witness that forgot would sign a fork.
- A connection is good for one request and lives `REQUEST_S` at most, headers, body and answer together; there are at
  most `CONNECTIONS`, `OF_ONE_PEER` from one address, and who waits longest gives way to who comes (`agent.door`). A
  head that was signed before is signed again without a write.
"""

import asyncio
import json
import signal
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from hashlib import sha256
from pathlib import Path

from aiohttp import web
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

from agent.access.keys import load_private, load_public, save_private, save_public, write_new
from agent.clock import SystemClock
from agent.door import Bounds, Door, Guard
from agent.durable import write_whole
from agent.errors import KeyFileError, ListenError, NoteRefused, UsageError
from agent.language import reason, say
from agent.register.notes import Checkpoint, Key, Note
from agent.register.witnessing import LARGEST_REQUEST, Answer, Cosigner, Seen, decide
from agent.verifier_keys import COSIGNATURE, ED25519, is_key_name

KEY, PUBLIC, VERIFIER = "witness.key", "witness.pub", "witness.vkey"
REQUEST_S = 10.0
CONNECTIONS, OF_ONE_PEER = 512, 64
LONGEST_LINE, LONGEST_FIELD = 1024, 4096


def _raw(key: Ed25519PublicKey) -> bytes:
    return key.public_bytes(Encoding.Raw, PublicFormat.Raw)


def _named(name: str) -> str:
    if not is_key_name(name):
        raise UsageError(
            say(
                en=f"--name {name!r}: must have no space and no +, such as csu.lievin.example/w1",
                fr=f"--name {name!r} : sans espace ni +, comme csu.lievin.example/temoin",
            )
        )
    return name


def make_keys(out: Path, name: str) -> Key:
    """witness.key (0600), witness.pub and witness.vkey in `out`; nothing is written over."""
    key = Ed25519PrivateKey.generate()
    verifier = Key(_named(name), COSIGNATURE, _raw(key.public_key()))
    try:
        out.mkdir(mode=0o700, parents=True, exist_ok=True)
    except OSError as error:
        raise KeyFileError(f"{out}: {reason(error)}") from error
    save_private(out / KEY, key)
    save_public(out / PUBLIC, key.public_key())
    write_new(out / VERIFIER, f"{verifier}\n".encode(), 0o644)
    return verifier


def cosigner(path: Path, name: str) -> Cosigner:
    """The witness's key from its file."""
    key = load_private(path)
    return Cosigner(Key(_named(name), COSIGNATURE, _raw(key.public_key())), key.sign)


def logs(texts: Sequence[str]) -> dict[str, tuple[Key, ...]]:
    """`ORIGIN=FILE` of each mast -> the keys of each origin."""
    found: dict[str, tuple[Key, ...]] = {}
    for text in texts:
        origin, sign, file = text.rpartition("=")
        if not sign or not is_key_name(origin):
            raise UsageError(
                say(
                    en=f"--origin-key {text}: write vigie/TOWN/MAST=device.pub",
                    fr=f"--origin-key {text} : écrire vigie/VILLE/MAT=device.pub",
                )
            )
        found[origin] = (*found.get(origin, ()), Key(origin, ED25519, _raw(load_public(Path(file)))))
    return found


@dataclass(frozen=True, slots=True)
class Memory:
    """The last head of each log, in one file: written aside, flushed, renamed, and its folder flushed."""

    path: Path

    def read(self) -> dict[str, Seen]:
        """All of them; none where there is no file yet. UsageError when it cannot be read."""
        try:
            told = json.loads(self.path.read_bytes())
            return {origin: self._seen(origin, note) for origin, note in told.items()}
        except FileNotFoundError:
            if not self.path.absolute().parent.is_dir():
                raise UsageError(
                    say(
                        en=f"--state {self.path}: its folder is not there; make it",
                        fr=f"--state {self.path} : son dossier n'existe pas ; le créer",
                    )
                ) from None
            return {}
        except (OSError, ValueError, AttributeError, NoteRefused) as error:
            raise UsageError(
                say(
                    en=f"{self.path}: cannot be read ({error}); restore it: without it a fork would be signed",
                    fr=f"{self.path} : illisible ({error}) ; le restaurer : sans lui un registre dédoublé serait signé",
                )
            ) from error

    @staticmethod
    def _seen(origin: str, note: str) -> Seen:
        checkpoint = Checkpoint.parse(Note.parse(note.encode()).text)
        if checkpoint.origin != origin:
            raise ValueError(f"{checkpoint.origin} under {origin}")
        return Seen(checkpoint.size, checkpoint.root, note)

    def write(self, seen: Mapping[str, Seen]) -> None:
        """On disk when it returns, whole or not at all; OSError."""
        text = json.dumps({origin: one.note for origin, one in sorted(seen.items())}, ensure_ascii=False, indent=1)
        write_whole(self.path, text.encode())


class Witness:
    """The HTTP side; one request is decided at a time."""

    def __init__(self, own: Cosigner, known: Mapping[str, Sequence[Key]], memory: Memory) -> None:
        self._own, self._known, self._memory = own, known, memory
        self._seen = memory.read()
        self._clock = SystemClock()

    def application(self) -> web.Application:
        """For aiohttp."""
        application = web.Application(client_max_size=LARGEST_REQUEST)
        application.router.add_post("/add-checkpoint", self._add)
        application.router.add_get("/{hash:[0-9a-f]{64}}/checkpoint", self._last)
        application.on_response_prepare.append(_closing)
        return application

    async def _add(self, request: web.Request) -> web.Response:
        body = await request.read()
        wall = self._clock.wall()
        if not wall.trusted:
            return _response(Answer(503, "this witness's clock is wrong\n"))
        # nothing is awaited from here on: one request at a time
        answer = decide(body, self._known, self._seen, self._own, wall.utc_ms // 1000)
        if answer.remember is not None:
            origin, head = answer.remember
            after = {**self._seen, origin: head}
            try:
                self._memory.write(after)
            except OSError as error:
                return _response(Answer(500, f"cannot remember: {reason(error)}\n"))
            self._seen = after
        return _response(answer)

    async def _last(self, request: web.Request) -> web.Response:
        for origin, one in self._seen.items():
            if sha256(origin.encode()).hexdigest() == request.match_info["hash"]:
                return _response(Answer(200, one.note))
        return _response(Answer(404, "nothing seen\n"))


async def _closing(_: web.Request, response: web.StreamResponse) -> None:
    """One answer a connection."""
    response.force_close()


def _response(answer: Answer) -> web.Response:
    headers = {"Content-Type": answer.content_type, "X-Content-Type-Options": "nosniff"}
    return web.Response(status=answer.status, body=answer.body.encode(), headers=headers)


def address(text: str) -> tuple[str, int]:
    """`host:port`, port 0 for any."""
    host, _, port = text.rpartition(":")
    if not host or not port.isascii() or not port.isdigit() or int(port) > 65535:
        raise UsageError(
            say(en=f"--listen {text}: write 127.0.0.1:8444", fr=f"--listen {text} : écrire 127.0.0.1:8444")
        )
    return host.strip("[]"), int(port)


async def serve(witness: Witness, host: str, port: int, bounds: Bounds | None = None) -> None:
    """Until SIGTERM or SIGINT; prints where it listens."""
    door = Door(bounds or Bounds(CONNECTIONS, OF_ONE_PEER, REQUEST_S, idle_s=0.0))
    runner = web.AppRunner(
        witness.application(), access_log=None, max_line_size=LONGEST_LINE, max_field_size=LONGEST_FIELD
    )
    await runner.setup()
    try:
        server = await _listening(runner, door, host, port)
        ended = asyncio.Event()
        for number in (signal.SIGTERM, signal.SIGINT):
            asyncio.get_running_loop().add_signal_handler(number, ended.set)
        addresses = (one.getsockname() for one in server.sockets)
        print(say(en="listening on", fr="écoute sur"), *(f"{one[0]}:{one[1]}" for one in addresses), flush=True)
        async with asyncio.TaskGroup() as tasks:
            watch = tasks.create_task(door.watch(), name="witness-connections")
            await ended.wait()
            server.close()
            watch.cancel()
    finally:
        await runner.cleanup()


async def _listening(runner: web.AppRunner, door: Door, host: str, port: int) -> asyncio.Server:
    """The server whose connections pass by `door`; ListenError names the address."""
    factory = runner.server
    if factory is None:
        raise ListenError("not set up")
    try:
        return await asyncio.get_running_loop().create_server(lambda: Guard(factory(), door), host, port)
    except OSError as error:
        raise ListenError(f"{host}:{port}: {reason(error)}") from error
