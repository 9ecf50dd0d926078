"""The mast's side of a witness: what is entered, and that no answer of a hostile one is believed or does harm."""

import asyncio
import contextlib
import random
from collections.abc import AsyncIterator, Callable
from pathlib import Path

import pytest
from aiohttp import web

from agent.clock import SystemClock
from agent.register.bodies import Witnessed
from agent.register.ledger import Ledger
from agent.register.notes import Note, cosign
from agent.register.witnessing import Answer, Cosigner, Seen, decide
from agent.registers import Witness
from agent.witness_link import Timing, WitnessLink
from tests.register.rig import IDENTITY, WITNESS, WITNESS_KEY, HandClock, view

QUICK = Timing(every_s=0.0, answer_s=1.0, first_wait_s=0.01, longest_wait_s=0.02, look_s=0.01)
Reply = Callable[[bytes], Answer | bytes]


class Honest:
    """As `vigie-provision witness serve` decides."""

    def __init__(self, ledger: Ledger) -> None:
        self.logs = {ledger.key.name: (ledger.key,)}
        self.seen: dict[str, Seen] = {}

    def __call__(self, body: bytes) -> Answer:
        answer = decide(body, self.logs, self.seen, Cosigner(WITNESS_KEY, WITNESS.sign), 1_795_262_400)
        if answer.remember is not None:
            self.seen[answer.remember[0]] = answer.remember[1]
        return answer


@contextlib.asynccontextmanager
async def linked(ledger: Ledger, folder: Path, reply: Reply) -> AsyncIterator[tuple[WitnessLink, list[int]]]:
    """A link to a server that answers as `reply` says; the sizes of what was posted."""
    posted: list[int] = []

    async def add(request: web.Request) -> web.Response:
        body = await request.read()
        posted.append(len(body))
        answer = reply(body)
        if isinstance(answer, bytes):
            return web.Response(body=answer)
        return web.Response(status=answer.status, body=answer.body.encode())

    application = web.Application()
    application.router.add_post("/add-checkpoint", add)
    runner = web.AppRunner(application)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    (folder / "witness.vkey").write_text(f"{WITNESS_KEY}\n")
    settings = Witness.model_construct(
        url=f"http://127.0.0.1:{runner.addresses[0][1]}", public_key=folder / "witness.vkey", ca_file=None
    )
    link = WitnessLink(ledger, settings, SystemClock(), QUICK)
    task = asyncio.create_task(link.run())
    try:
        yield link, posted
    finally:
        task.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await task
        await runner.cleanup()


async def until(true: Callable[[], bool]) -> None:
    async with asyncio.timeout(20):
        while not true():  # noqa: ASYNC110 - what is waited for has no event
            await asyncio.sleep(0.01)


def kinds(ledger: Ledger) -> list[str]:
    return [entry.kind for entry in ledger.entries()]


@pytest.fixture
def ledger(tmp_path: Path) -> Ledger:
    made = Ledger(tmp_path, IDENTITY, HandClock(), town="lievin", mast="lievin-042")
    made.open()
    made.enter(view(0))
    return made


async def test_what_is_new_is_witnessed_and_the_receipt_alone_is_nothing_new(ledger: Ledger, tmp_path: Path) -> None:
    honest = Honest(ledger)
    async with linked(ledger, tmp_path, honest) as (link, posted):
        await until(lambda: kinds(ledger) == ["view_started", "witnessed"])
        await asyncio.sleep(0.2)
        assert (len(posted), link.behind_s, link.conflict) == (1, 0.0, False)
        await asyncio.to_thread(ledger.enter, view(1))
        await until(lambda: kinds(ledger)[2:] == ["view_started", "witnessed"])
    note = Note.parse((ledger.witnessed() or "").encode())
    assert len(note.signed_by([WITNESS_KEY, ledger.key])) == 2


async def test_another_start_goes_on_where_the_witness_stands(ledger: Ledger, tmp_path: Path) -> None:
    honest = Honest(ledger)
    for count in (1, 2):
        async with linked(ledger, tmp_path, honest):
            await until(lambda count=count: kinds(ledger).count("witnessed") == count)  # type: ignore[misc]
    honest.seen.clear()  # and one that has forgotten says so by 409
    async with linked(ledger, tmp_path, honest):
        await until(lambda: kinds(ledger).count("witnessed") == 3)
    assert kinds(ledger) == ["view_started", *["witnessed"] * 3]


async def test_a_register_cut_back_or_forked_is_a_conflict(tmp_path: Path) -> None:
    ledgers = []
    for name, count in (("long", 9), ("short", 2), ("forked", 12)):
        (tmp_path / name).mkdir()
        made = Ledger(tmp_path / name, IDENTITY, HandClock(), town="lievin", mast="lievin-042")
        made.open()
        for number in range(count):
            made.enter(view(number + 100 * (name == "forked")))
        ledgers.append(made)
    honest = Honest(ledgers[0])
    async with linked(ledgers[0], tmp_path, honest):
        await until(lambda: "witnessed" in kinds(ledgers[0]))
    for other in ledgers[1:]:
        async with linked(other, tmp_path, honest) as (link, _):
            await until(lambda link=link: link.conflict)  # type: ignore[misc]
        assert "witnessed" not in kinds(other)


def _other_head(ledger: Ledger) -> bytes:
    text = Note.parse(ledger.checkpoint(0).encode()).text
    return str(cosign(text, WITNESS_KEY, WITNESS.sign, 7)).encode()


HOSTILE: dict[str, Callable[[Ledger], Reply]] = {
    "nothing": lambda ledger: lambda body: b"",
    "its own checkpoint": lambda ledger: lambda body: body.partition(b"\n\n")[2],
    "a line for another head": lambda ledger: lambda body: _other_head(ledger),
    "without end": lambda ledger: lambda body: b"a" * (1 << 20),
    "no text": lambda ledger: lambda body: b"\xff\xfe\n",
    "409 with no size": lambda ledger: lambda body: Answer(409, "many\n"),
    "409 with a huge size": lambda ledger: lambda body: Answer(409, "9" * 400 + "\n"),
    "409 for ever": lambda ledger: lambda body: Answer(409, "0\n"),
    "500": lambda ledger: lambda body: Answer(500, "x" * 5000),
}


@pytest.mark.parametrize("what", HOSTILE)
async def test_a_hostile_answer_enters_nothing_and_is_asked_again(what: str, ledger: Ledger, tmp_path: Path) -> None:
    async with linked(ledger, tmp_path, HOSTILE[what](ledger)) as (_, posted):
        await until(lambda: len(posted) >= 3)
    assert kinds(ledger) == ["view_started"]
    assert ledger.fault == ""


async def test_any_changed_byte_of_a_good_answer_is_refused(ledger: Ledger, tmp_path: Path) -> None:
    chance, honest = random.Random(5), Honest(ledger)

    def spoiled(body: bytes) -> bytes:
        honest.seen.clear()
        answer = bytearray(honest(body).body.encode())
        answer[chance.randrange(len(answer) - 1)] ^= 1 << chance.randrange(8)
        return bytes(answer)

    async with linked(ledger, tmp_path, spoiled) as (_, posted):
        await until(lambda: len(posted) >= 60)
    bodies = [entry.body for entry in ledger.entries()]
    assert not any(isinstance(body, Witnessed) for body in bodies)


async def test_a_witness_that_errs_is_told_once_and_once_more_when_it_is_good_again(
    ledger: Ledger, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level("INFO")
    honest, good = Honest(ledger), asyncio.Event()
    async with linked(ledger, tmp_path, lambda body: honest(body) if good.is_set() else b"- no signature") as (
        _,
        posted,
    ):
        await until(lambda: len(posted) > 3)
        good.set()
        await until(lambda: "the witness answers again" in caplog.text)
    assert len([one for one in caplog.records if one.levelname == "WARNING"]) == 1


async def test_a_witness_that_is_away_is_told_by_its_address(
    ledger: Ledger, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    (tmp_path / "witness.vkey").write_text(f"{WITNESS_KEY}\n")
    url = "http://127.0.0.1:1"
    settings = Witness.model_construct(url=url, public_key=tmp_path / "witness.vkey", ca_file=None)
    task = asyncio.create_task(WitnessLink(ledger, settings, SystemClock(), QUICK).run())
    await until(lambda: f"the witness: does not answer at {url} (" in caplog.text)
    assert "SSLContext" not in caplog.text
    task.cancel()
    with contextlib.suppress(asyncio.CancelledError):
        await task
