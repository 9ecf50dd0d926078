"""Floods and slow strangers at a witness, over real sockets: an honest mast has its cosignature all the same."""

import contextlib
import socket
import threading
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from agent.register import Register
from agent.register.witnessing import request
from provisioning import witness as program
from tests.provisioning.test_witness import Served, folder, served
from tests.register.rig import opened, view

__all__ = ["folder"]  # a fixture

STRANGER = "127.0.0.2"
OWN = 3
"""The program's own sockets: the listening one, and the loop's pair."""
SLOW = {
    "a connection that says nothing": b"",
    "headers that drip": b"POST /add-checkpoint HTTP/1.1\r\nHost: x\r\nX-A: ",
    "a body that drips": b"POST /add-checkpoint HTTP/1.1\r\nHost: x\r\nContent-Length: 60000\r\n\r\nold 0",
}


@pytest.fixture
def register(folder: Path) -> Register:
    mast = folder / "mast"
    mast.mkdir()
    made = opened(mast)
    made.append(view(0))
    return made


def call(port: int, address: str = STRANGER, said: bytes = b"") -> socket.socket:
    """A stranger's connection from `address`."""
    made = socket.create_connection(("127.0.0.1", port), timeout=20, source_address=(address, 0))
    with contextlib.suppress(OSError):
        made.sendall(said)
    return made


def is_cut(one: socket.socket) -> bool:
    """True once the other side has let go, answer or not; waits for that."""
    try:
        while one.recv(4096):
            pass
    except ConnectionError:
        return True
    except TimeoutError:
        return False
    return True


@contextlib.contextmanager
def flood(port: int, said: bytes, count: int, address: str = STRANGER) -> Iterator[list[socket.socket]]:
    with contextlib.ExitStack() as stack:
        yield [stack.enter_context(call(port, address, said)) for _ in range(count)]


@pytest.mark.parametrize("how", SLOW)
def test_more_slow_strangers_than_there_is_room_for_keep_no_mast_out(
    how: str, folder: Path, register: Register
) -> None:
    with served(folder) as witness, flood(witness.port, SLOW[how], program.OF_ONE_PEER + 20) as held:
        assert all(map(is_cut, held[:20]))  # the longest waiting gave way
        assert witness.submit(register, 0)[0] == 200


def test_strangers_of_many_addresses_keep_no_mast_out(folder: Path, register: Register) -> None:
    with served(folder) as witness, contextlib.ExitStack() as stack:
        each, addresses = program.OF_ONE_PEER, program.CONNECTIONS // program.OF_ONE_PEER
        for number in range(addresses + 2):
            stack.enter_context(flood(witness.port, SLOW["headers that drip"], each, f"127.0.0.{number + 2}"))
        assert witness.submit(register, 0)[0] == 200
        assert len(connections(witness)) <= program.CONNECTIONS + OWN


def connections(witness: Served) -> list[str]:
    """The program's sockets, its own included."""
    found = []
    for one in Path(f"/proc/{witness.process.pid}/fd").iterdir():
        with contextlib.suppress(OSError):
            if (name := str(one.readlink())).startswith("socket:"):
                found.append(name)
    return found


def test_who_drips_on_is_cut_when_his_time_is_over(folder: Path) -> None:
    with served(folder) as witness, contextlib.ExitStack() as stack:
        held = {how: stack.enter_context(call(witness.port, STRANGER, said)) for how, said in SLOW.items()}
        until = time.monotonic() + 3 * program.REQUEST_S
        while held and time.monotonic() < until:
            held = {how: one for how, one in held.items() if not drips(one, how)}
        assert not held


def drips(one: socket.socket, how: str) -> bool:
    """One byte more where any are sent; True when the other side has let go."""
    one.settimeout(0.3)
    try:
        one.sendall(b"a" if SLOW[how] else b"")
        return one.recv(4096) == b""
    except TimeoutError:
        return False
    except ConnectionError:
        return True


def test_a_flood_of_good_requests_keeps_no_mast_out(folder: Path, register: Register) -> None:
    """What anybody may fetch and post again, by many hands at once."""
    stop = threading.Event()
    with served(folder) as witness:
        assert witness.submit(register, 0)[0] == 200
        body = request(1, (), register.checkpoint(1))

        def hammer() -> None:
            while not stop.is_set():
                with contextlib.suppress(OSError):
                    witness.ask("POST", "/add-checkpoint", body)

        hands = [threading.Thread(target=hammer, name=f"hand-{number}") for number in range(12)]
        for hand in hands:
            hand.start()
        try:
            for number in range(1, 6):
                register.append(view(number))
                assert witness.submit(register, number)[0] == 200
        finally:
            stop.set()
            for hand in hands:
                hand.join()


def test_a_head_that_was_signed_before_is_signed_again_without_a_write(folder: Path, register: Register) -> None:
    with served(folder) as witness:
        assert witness.submit(register, 0)[0] == 200
        before = (folder / "heads.json").stat()
        assert witness.submit(register, 1)[0] == 200
        after = (folder / "heads.json").stat()
    assert (before.st_ino, before.st_mtime_ns) == (after.st_ino, after.st_mtime_ns)


def test_a_connection_has_one_answer_and_no_more(folder: Path, register: Register) -> None:
    twice = b"GET /healthz HTTP/1.1\r\nHost: x\r\n\r\n" * 2
    with served(folder) as witness, call(witness.port, STRANGER, twice) as held:
        answer = b""
        with contextlib.suppress(ConnectionError):
            while part := held.recv(4096):
                answer += part
    assert answer.count(b"HTTP/1.1 404") == 1
