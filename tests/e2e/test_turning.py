"""Masks that follow heads that really turn: each picture in the sealed segments is judged against the truth."""

import asyncio
import sys
from collections.abc import Callable
from contextlib import AsyncExitStack
from pathlib import Path
from typing import Any

import aiohttp

from agent.virtual.ptz_camera import Setup, virtual_ptz
from tests.e2e.box import ROOT, free_port, vigie
from tests.e2e.journeys import CONTRADICTION, restless, suffers
from tests.e2e.turning import Mast, camera_table, configuration
from tests.needs import needs
from tests.rig.child import async_child
from tests.rig.drawings import drawings

pytestmark = [needs("age", "age")]


async def faults(mast: Mast, camera: str) -> None:
    """One fault after the other, each until the agent is blind for the right reason, and back."""
    head = mast.heads[camera]

    async def swing() -> None:
        await head.velocity(pan=0.15, tilt=0.0, timeout_s=1.5)

    await suffers(mast, camera, lambda: head.lies(frozen=True), head.lies, CONTRADICTION, then=swing)
    await suffers(mast, camera, lambda: head.lies(offset=(9.0, 0.0, 0.0)), head.lies, CONTRADICTION)
    silent = frozenset({"onvif-silent"})
    begin = lambda: head.faults(silent=True, operations=["GetStatus"])  # noqa: E731
    await suffers(mast, camera, begin, head.faults, silent, then=swing)
    await restless(head, 1350, seed=2, fastest=0.25)


async def test_no_picture_of_turning_and_failing_heads_shows_a_private_place(tmp_path: Path) -> None:
    setups = {"moves": Setup(lost=0.1), "fails": Setup(start=(-33.0, 3.0, 0.15), seed=7)}
    async with Mast(tmp_path, setups) as mast:
        await asyncio.gather(mast.burned("moves"), mast.burned("fails"))
        await asyncio.gather(restless(mast.heads["moves"], 1350, seed=1), faults(mast, "fails"))
        await mast.stop()
    moves, fails = await asyncio.gather(*(asyncio.to_thread(mast.verdict, name) for name in setups))
    print(f"moves: {moves}; fails: {fails}")
    assert moves.leaking == [], str(moves)
    assert fails.leaking == [], str(fails)
    assert moves.judged + fails.judged >= 2000
    assert moves.misplaced + fails.misplaced <= 5  # those without a number are known by their time
    assert moves.blind < 0.9 * moves.pictures  # how seldom it is blind is judged where no load disturbs
    assert moves.blocks > 10_000  # a loaded machine is blind more often: 18,771 at a load of 10
    for name, verdict in (("moves", moves), ("fails", fails)):
        placed = await asyncio.to_thread(mast.pointing, name, verdict)
        print(f"{name}: {placed}")
        assert placed.points - placed.nameless > 20
        assert placed.untrue == []
    # the controls: the same judge sees the camera's own pictures leak, and masks that lag by one picture
    unmasked, lagging = await asyncio.to_thread(mast.controls, "moves")
    print(f"unmasked: {sum(unmasked)} of {len(unmasked)}; lagging: {sum(lagging)} of {len(lagging)}")
    assert len(unmasked) > 60
    assert all(unmasked)
    assert len(lagging) > 20
    assert all(lagging)


async def test_an_order_over_http_turns_the_head_and_silence_stops_it(tmp_path: Path) -> None:
    port = free_port()
    async with (
        virtual_ptz(drawings(), Setup()) as ptz,
        aiohttp.ClientSession() as web,
        AsyncExitStack() as stack,
    ):
        path = configuration(tmp_path, camera_table("tete", ptz, tmp_path), port)
        allowed, watcher = grant(tmp_path, "live,ptz"), grant(tmp_path, "live")
        url = f"http://127.0.0.1:{port}/ptz/tete"

        async def order(token: str, **values: object) -> int:
            async with web.post(url, json=values, headers={"Authorization": f"Bearer {token}"}) as answer:
                return answer.status

        async def becomes(condition: Callable[[dict[str, Any]], bool]) -> bool:
            for _ in range(200):
                if condition(await ptz.now()):
                    return True
                await asyncio.sleep(0.1)
            return False

        with (tmp_path / "log").open("wb") as log:
            command = [sys.executable, "-m", "agent", "run", "--config", str(path)]
            agent = await stack.enter_async_context(async_child(*command, stdout=log, stderr=log, cwd=ROOT))
        async with asyncio.timeout(30):
            while True:
                try:
                    if await order(allowed, order="absolute", pan_deg=20, tilt_deg=0, zoom=0.2) == 200:
                        break
                except aiohttp.ClientConnectionError:
                    pass
                await asyncio.sleep(0.2)
        assert await becomes(lambda now: abs(now["pan_deg"] - 20) < 0.5)
        assert await order(watcher, order="stop") == 403
        assert await order(allowed, order="fly") == 400
        async with web.get(f"http://127.0.0.1:{port}/metrics") as told:
            assert 'vigie_camera_dropped_total{camera="tete",what="orders"} 1.0' in await told.text()
        assert await order(allowed, order="velocity", pan=0.2, tilt=0, zoom=0) == 200
        await asyncio.sleep(0.3)
        assert (await ptz.now())["turning"]
        assert await becomes(lambda now: not now["turning"])  # the dead man's stop: nothing is sent any more
        assert 20 < (await ptz.now())["pan_deg"] < 80
        agent.terminate()
        assert await agent.wait() == 0
        assert "eyJ" not in (tmp_path / "log").read_text()


def grant(folder: Path, allow: str) -> str:
    """A grant for this head, as the authority makes one."""
    done = vigie(
        *("grant", "--authority", str(folder / "keys" / "authority.key"), "--agent", "7", "--name", "N", "--service"),
        *("PM", "--mast", "mat-1", "--camera", "tete", "--allow", allow, "--basis", "event", "--reference", "R-1"),
        *("--reason", "14 juillet", "--valid", "1h"),
        module="provisioning.cli",
    )
    assert done.returncode == 0, done.stderr
    return done.stdout.strip()
