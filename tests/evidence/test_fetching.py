"""Requisitions over HTTP and at the box, with curl as a stranger's tool: the pack comes whole, also in pieces."""

import asyncio
import json
import shutil
import subprocess
import threading
import time
from collections import Counter as Counted
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest
from aiohttp import ClientSession, web
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from agent.access.demands import DAY_MS
from agent.config import Configuration
from agent.control.server import ControlServer
from agent.errors import EvidenceRefused, RequisitionRefused, UsageError, VaultBusy
from agent.evidence.counter import MOST_WAITING, Counter
from agent.exporting import export
from agent.live import requisitions
from agent.live.requisitions import MOST_DOWNLOADS, Requisitions, span
from provisioning.cli import main
from tests.evidence.rig import ID, OTHER_ID, House, hold_demand
from tests.rig.footage import STREET
from tests.vault.disks import small_disk
from tests.vault.rig import until

STRANGER = Ed25519PrivateKey.from_private_bytes(b"stranger".ljust(32, b"."))


@asynccontextmanager
async def serving(house: House) -> AsyncIterator[str]:
    """The two routes on a port; its URL."""
    counter = Counter(house.desk)
    handlers = Requisitions(counter)
    app = web.Application(client_max_size=64 << 10)
    app.add_routes(handlers.routes())
    runner = web.AppRunner(app, shutdown_timeout=1)
    await runner.setup()
    site = web.TCPSite(runner, "127.0.0.1", 0)
    await site.start()
    try:
        yield f"http://127.0.0.1:{runner.addresses[0][1]}"
    finally:
        await runner.cleanup()
        handlers.close()
        counter.close()


async def curl(*arguments: str) -> tuple[int, str]:
    """(HTTP status, body)."""
    command = ["curl", "-sS", "-w", "\n%{http_code}", *arguments]
    done = await asyncio.to_thread(subprocess.run, command, capture_output=True, text=True, check=False)
    body, _, status = done.stdout.rpartition("\n")
    return int(status or 0), body


def posting(url: str, path: Path, kind: str = "application/json") -> list[str]:
    return ["-X", "POST", "-H", f"Content-Type: {kind}", "--data-binary", f"@{path}", f"{url}/requisitions"]


def written(house: House, document: bytes) -> Path:
    path = house.folder / "requisition.json"
    path.write_bytes(document)
    return path


async def test_a_requisition_gives_a_pack_that_can_be_fetched_in_pieces_and_opened(
    house: House, tmp_path: Path
) -> None:
    path = written(house, house.document())
    async with serving(house) as url:
        status, body = await curl(*posting(url, path))
        assert status == 201
        told = json.loads(body)
        assert told["download"] == f"/requisitions/{ID}/pack.zip"
        bearer = ["-H", f"Authorization: Bearer {told['token']}", url + told["download"]]
        status, whole = await curl("-o", str(tmp_path / "whole.zip"), *bearer)
        assert (status, whole) == (200, "")
        raw = (tmp_path / "whole.zip").read_bytes()
        part = tmp_path / "part.zip"
        for end in (1000, len(raw) // 2, len(raw) - 10):  # three connections that break off
            part.write_bytes(raw[:0] if end == 1000 else part.read_bytes())
            begun = part.stat().st_size
            status, _ = await curl("-r", f"{begun}-{end - 1}", "-o", str(tmp_path / "more"), *bearer)
            assert status == 206
            part.write_bytes(part.read_bytes() + (tmp_path / "more").read_bytes())
        status, _ = await curl("-C", "-", "-o", str(part), *bearer)
        assert status == 206
        assert part.read_bytes() == raw
        status, _ = await curl("-I", *bearer)
        assert status == 200
        assert (await curl("-r", f"{len(raw)}-", *bearer))[0] == 416
        headers = ["-H", 'If-Range: "another"']
        assert (await curl("-r", "0-99", *headers, "-o", "/dev/null", *bearer))[0] == 200
    given = ["--identity", str(house.keys.path), "--out", str(tmp_path / "out"), "--device-pub", str(house.device)]
    assert main(["evidence", "open", str(part), *given]) == 0


async def test_who_was_cut_off_while_being_answered_may_ask_again_and_nobody_after_that(house: House) -> None:
    document, at_work, go_on = house.document(), threading.Event(), threading.Event()
    answer = house.desk.answer

    def slowly(*values: Any, **options: Any) -> object:
        at_work.set()
        assert go_on.wait(20)
        return answer(*values, **options)

    async with serving(house) as url:
        with pytest.MonkeyPatch.context() as patched:
            patched.setattr(house.desk, "answer", slowly)
            host, port = url.removeprefix("http://").split(":")
            _, writer = await asyncio.open_connection(host, int(port))
            head = "POST /requisitions HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\nContent-Length: "
            writer.write(f"{head}{len(document)}\r\n\r\n".encode() + document)
            await asyncio.to_thread(at_work.wait, 20)
            writer.close()
            await writer.wait_closed()
            await asyncio.sleep(0.2)
            go_on.set()
            await asyncio.to_thread(until, lambda: house.desk.pack(ID))
            await asyncio.sleep(0.2)
        path = written(house, document)
        other = house.folder / "other.json"
        other.write_bytes(house.document(reason="Autre motif"))
        assert (await curl(*posting(url, other)))[0] == 409
        status, body = await curl(*posting(url, path))
        assert status == 201
        told = json.loads(body)
        bearer = ["-H", f"Authorization: Bearer {told['token']}", "-o", "/dev/null", url + told["download"]]
        assert (await curl(*bearer))[0] == 200
        assert (await curl(*posting(url, path)))[0] == 409
    assert house.kinds().count("requisition_presented") == house.kinds().count("segments_exported") == 2


async def test_nobody_fetches_without_the_token(house: House) -> None:
    path = written(house, house.document())
    async with serving(house) as url:
        _, body = await curl(*posting(url, path))
        told = json.loads(body)
        address = url + told["download"]
        assert (await curl(address))[0] == 401
        assert (await curl("-H", "Authorization: Bearer guessed", address))[0] == 404
        assert (await curl("-H", f"Authorization: Basic {told['token']}", address))[0] == 401
        other = f"{url}/requisitions/{OTHER_ID}/pack.zip"
        assert (await curl("-H", f"Authorization: Bearer {told['token']}", other))[0] == 404
        trick = f"{url}/requisitions/..%2f{ID}/pack.zip"
        assert (await curl("--path-as-is", "-H", f"Authorization: Bearer {told['token']}", trick))[0] == 404
        house.clock.trusted = False
        status, body = await curl("-H", f"Authorization: Bearer {told['token']}", address)
        assert (status, json.loads(body)["error"]) == (503, "clock")
        house.clock.trusted = True
        house.clock.pass_ms(4 * DAY_MS)
        assert (await curl("-H", f"Authorization: Bearer {told['token']}", address))[0] == 404
    assert told["token"] not in (house.bench.state / "exports" / ID / "token").read_text()


async def test_each_refusal_has_its_status_its_word_and_its_entry(house: House) -> None:
    async with serving(house) as url:
        for document, status, word in (
            (b"{}", 400, "malformed"),
            (house.document(masts=("elsewhere",)), 403, "other-mast"),
            (house.document(expires_ms=house.clock.wall_ms - 1, issued_ms=house.clock.wall_ms - 2), 401, "expired"),
            (house.document(), 201, ""),
            (house.document(), 409, "replayed"),
        ):
            got, body = await curl(*posting(url, written(house, document)))
            assert got == status, body
            if word:
                assert json.loads(body)["error"] == word
                assert json.loads(body)["message"]
                assert house.kinds()[-1] == "requisition_refused"
        size = house.book.size
        assert (await curl(*posting(url, written(house, b"{}"), "text/plain")))[0] == 415
        assert (await curl(*posting(url, written(house, bytes(70 << 10)))))[0] == 413
        assert house.book.size == size


async def test_an_unwritable_register_and_a_flood_are_refused_with_503_and_429(house: House) -> None:
    path = written(house, house.document())
    async with serving(house) as url:
        house.book.broken = True
        status, body = await curl(*posting(url, path))
        assert (status, json.loads(body)["error"]) == (503, "register")
        house.book.broken = False
        bad = house.folder / "bad.json"
        bad.write_bytes(b"{}")
        statuses = [(await curl(*posting(url, bad)))[0] for _ in range(21)]
        assert statuses == [400] * 20 + [429]


async def test_forged_requisitions_take_no_place_from_a_true_one_that_waits_its_turn(house: House) -> None:
    settled = threading.Event()
    house.vault.is_settled = lambda *_: settled.wait(0.05)  # type: ignore[method-assign]
    async with serving(house) as url:
        first = asyncio.create_task(curl(*posting(url, written(house, house.document(id=OTHER_ID)))))
        while not house.desk._turn.locked():  # noqa: ASYNC110
            await asyncio.sleep(0.01)
        forged = house.folder / "forged.json"
        forged.write_bytes(house.document(STRANGER))
        true = house.folder / "true.json"
        true.write_bytes(house.document())
        try:
            flood = [asyncio.create_task(curl(*posting(url, forged))) for _ in range(3 * MOST_WAITING)]
            told, late = await asyncio.wait(flood, timeout=20)
            waiting = [asyncio.create_task(curl(*posting(url, true))) for _ in range(2)]
            again, _ = await asyncio.wait(waiting, return_when=asyncio.FIRST_COMPLETED)
            assert not first.done()
        finally:
            settled.set()
        answered = [(await one)[0] for one in waiting]
        assert (await first)[0] == 201
    assert (late, {one.result()[0] for one in told}) == (set(), {401})
    assert [one.result()[0] for one in again] == [503]  # it waits already: one place is enough
    assert sorted(answered) == [201, 503]
    assert house.kinds().count("requisition_refused") == len(flood)


async def test_a_flood_of_forgeries_from_many_connections_lets_a_true_one_through(house: House) -> None:
    forged, done = house.document(STRANGER), asyncio.Event()
    told: Counted[int] = Counted()

    async def flood(url: str) -> None:
        async with ClientSession() as client:
            while not done.is_set():
                asked = client.post(f"{url}/requisitions", data=forged, headers={"Content-Type": "application/json"})
                async with asked as answer:
                    told[answer.status] += 1

    async with serving(house) as url:
        strangers = [asyncio.create_task(flood(url)) for _ in range(30)]
        while told.total() < 200:  # noqa: ASYNC110
            await asyncio.sleep(0.01)
        status, body = await curl(*posting(url, written(house, house.document())))
        done.set()
        await asyncio.gather(*strangers)
    assert status == 201, body
    assert set(told) <= {401, 429, 503}
    assert house.kinds().count("requisition_refused") == told[401]


async def test_a_hold_is_answered_without_a_pack(house: House) -> None:
    document = house.document(demand=hold_demand(house, house.clock.wall_ms + 50 * DAY_MS))
    async with serving(house) as url:
        status, body = await curl(*posting(url, written(house, document)))
    assert status == 200
    assert json.loads(body)["act"] == "hold"
    assert "token" not in json.loads(body)


async def test_more_downloads_than_there_is_room_for_are_told_to_come_back(
    house: House, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = written(house, house.document())
    async with serving(house) as url:
        told = json.loads((await curl(*posting(url, path)))[1])
        bearer = ["-H", f"Authorization: Bearer {told['token']}", url + told["download"]]
        gate = asyncio.Event()
        sending: list[int] = []

        stream = requisitions.Requisitions._stream

        async def held(self: Requisitions, *rest: Any) -> None:
            sending.append(1)
            await gate.wait()
            await stream(self, *rest)

        with monkeypatch.context() as patched:
            patched.setattr(requisitions.Requisitions, "_stream", held)
            slow = [asyncio.create_task(curl("-o", "/dev/null", *bearer)) for _ in range(MOST_DOWNLOADS)]
            while len(sending) < MOST_DOWNLOADS:  # noqa: ASYNC110
                await asyncio.sleep(0.01)
            assert (await curl(*bearer))[0] == 503
            gate.set()
            await asyncio.gather(*slow)
        assert (await curl("-o", "/dev/null", *bearer))[0] == 200


async def test_a_recording_that_vanishes_meanwhile_breaks_the_download_off(house: House, tmp_path: Path) -> None:
    path = written(house, house.document())
    async with serving(house) as url:
        told = json.loads((await curl(*posting(url, path)))[1])
        victim = max(house.bench.segments())
        victim.write_bytes(b"")
        bearer = ["-H", f"Authorization: Bearer {told['token']}", url + told["download"]]
        size = victim.with_suffix(".gone")
        victim.rename(size)
        status, _ = await curl("-o", str(tmp_path / "x.zip"), *bearer)
    assert status in (0, 500)


@pytest.mark.parametrize(
    ("header", "expected"),
    [
        (None, (0, 100)),
        ("bytes=0-", (0, 100)),
        ("bytes=10-19", (10, 20)),
        ("bytes=10-999", (10, 100)),
        ("bytes=-30", (70, 100)),
        ("bytes=-300", (0, 100)),
        ("bytes=-0", None),
        ("bytes=100-", None),
        ("bytes=9-8", (0, 100)),
        ("bytes=1-2,4-5", (0, 100)),
        ("bytes=a-b", (0, 100)),
        ("bytes=٣-", (0, 100)),
        ("bytes=--5", (0, 100)),
        ("lines=1-2", (0, 100)),
        ("bytes=" + "9" * 30 + "-", (0, 100)),
    ],
)
def test_a_range_is_one_byte_range_or_none(header: str | None, expected: tuple[int, int] | None) -> None:
    assert span(header, 100) == expected


# --- at the box ---


def configuration(house: House) -> Configuration:
    vault = {"recipients": [house.keys.recipient], "retention_days": 15, "max_gib": 1}
    mast = {"id": "lievin-042", "town": "lievin", "state": str(house.bench.state)}
    access = {"authorities": [str(house.judicial)]}
    camera = {"id": "lane", "name": "Lane", "kind": "fixed", "source": f"file:{STREET}", "no_private_area": "me"}
    told = {"mast": mast, "vault": vault, "access": access, "camera": [camera]}
    return Configuration.model_validate(told, context={"folder": house.folder})


@asynccontextmanager
async def at_the_box(house: House) -> AsyncIterator[None]:
    counter = Counter(house.desk)
    server = ControlServer(house.bench.state, {"export": counter.at_the_box})
    task = asyncio.create_task(server.serve())
    end = time.monotonic() + 10
    while not (house.bench.state / "control.sock").exists() and time.monotonic() < end:  # noqa: ASYNC110
        await asyncio.sleep(0.01)
    await asyncio.sleep(0.05)
    try:
        yield
    finally:
        task.cancel()
        await asyncio.wait({task})
        counter.close()


async def test_export_at_the_box_goes_through_the_agent_and_ends_on_the_stick(house: House, tmp_path: Path) -> None:
    path, stick = written(house, house.document()), tmp_path / "stick"
    stick.mkdir()
    settings = configuration(house)
    async with at_the_box(house):
        told = await asyncio.to_thread(export, settings, path, stick, again=False)
        (pack,) = stick.iterdir()
        assert str(pack) in told
        asked = house.kinds()
        for again in (False, True):  # seen before the requisition is presented: nothing was asked for
            with pytest.raises(UsageError, match=pack.name):
                await asyncio.to_thread(export, settings, path, stick, again=again)
        assert house.kinds() == asked
        (tmp_path / "other").mkdir()
        with pytest.raises(RequisitionRefused, match=r"7b0f6c1e.*\n.*--again"):
            await asyncio.to_thread(export, settings, path, tmp_path / "other", again=False)
        await asyncio.to_thread(export, settings, path, tmp_path / "other", again=True)
    given = ["--identity", str(house.keys.path), "--out", str(tmp_path / "out"), "--device-pub", str(house.device)]
    assert main(["evidence", "open", str(next((tmp_path / "other").iterdir())), *given]) == 0


async def test_export_waits_for_an_agent_that_listens_not_yet_and_says_so_where_there_is_no_stick(
    house: House, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("agent.exporting.START_S", 0.6)
    path = written(house, house.document())
    with pytest.raises(VaultBusy, match="another agent"):
        export(configuration(house), path, tmp_path, again=False)
    with pytest.raises(UsageError, match="--out"):
        export(configuration(house), path, tmp_path / "nowhere", again=False)
    with pytest.raises(UsageError, match="--requisition"):
        export(configuration(house), tmp_path / "none.json", tmp_path, again=False)
    assert "requisition_presented" not in house.kinds()


async def test_a_stick_that_is_too_small_is_told_before_a_byte_is_copied(house: House, tmp_path: Path) -> None:
    given = configuration(house), written(house, house.document()), tmp_path / "stick"
    with small_disk(tmp_path / "stick", "64k"):
        async with at_the_box(house):
            with pytest.raises(EvidenceRefused, match=r"needs .* MB[^\n]*\n.*--again"):
                await asyncio.to_thread(export, *given, again=False)
        assert list((tmp_path / "stick").iterdir()) == []


async def test_a_copy_that_the_disk_refuses_halfway_is_taken_away(
    house: House, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    room = shutil.disk_usage(tmp_path)
    monkeypatch.setattr("agent.evidence.copying.shutil.disk_usage", lambda _: room)  # someone else fills it meanwhile
    given = configuration(house), written(house, house.document()), tmp_path / "stick"
    with small_disk(tmp_path / "stick", "64k"):
        async with at_the_box(house):
            with pytest.raises(EvidenceRefused, match="cannot be written"):
                await asyncio.to_thread(export, *given, again=False)
        assert list((tmp_path / "stick").iterdir()) == []


@pytest.mark.parametrize("out", ["/proc", "/sys"])  # folders in which nobody makes one, root neither
async def test_a_stick_that_cannot_be_written_costs_no_requisition(house: House, out: str) -> None:
    path = written(house, house.document())
    async with at_the_box(house):
        with pytest.raises(UsageError, match=f"--out {out}"):
            await asyncio.to_thread(export, configuration(house), path, Path(out), again=False)
    assert "requisition_presented" not in house.kinds()


@pytest.mark.parametrize("content", [b"x" * (64 << 10) + b"x", b"\xff\xfe"])
def test_what_is_no_text_of_a_requisition_is_said_to_be_none(house: House, tmp_path: Path, content: bytes) -> None:
    with pytest.raises(UsageError, match="is no requisition"):
        export(configuration(house), written(house, content), tmp_path, again=False)


async def test_a_recording_that_the_disk_spoilt_is_named_and_never_passed_off(house: House, tmp_path: Path) -> None:
    first = min(house.bench.segments())
    raw = bytearray(first.read_bytes())
    raw[50] ^= 1
    first.write_bytes(bytes(raw))
    stick = tmp_path / "stick"
    stick.mkdir()
    async with at_the_box(house):
        with pytest.raises(EvidenceRefused, match=first.name):
            await asyncio.to_thread(export, configuration(house), written(house, house.document()), stick, again=False)
    assert [path.suffix for path in stick.iterdir()] == [".partial"]
