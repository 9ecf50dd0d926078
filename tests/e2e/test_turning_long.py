"""Hours of a head's life in minutes: journeys, restarts in mid-move, and every fault, each sealed picture judged."""

import asyncio
from collections.abc import Coroutine
from pathlib import Path
from typing import Any

import pytest

from agent.virtual.head import LensTable
from agent.virtual.ptz_camera import Setup
from tests.e2e.journeys import CONTRADICTION, UNSURE, restless, sent, suffers
from tests.e2e.turning import Mast
from tests.e2e.verdict import Verdict
from tests.needs import needs

pytestmark = [needs("age", "age"), pytest.mark.slow]

OUTSIDE = ((0.0, 0.5, 0.8), (60.0, 13.4, LensTable().at(0.8)))
"""A calibration that ends before the head's zoom does."""


async def verdicts(mast: Mast, least: int) -> dict[str, Verdict]:
    """Every camera's verdict, none of which may name a leak; and every point of their tracks is true."""
    names = list(mast.heads)
    found = await asyncio.gather(*(asyncio.to_thread(mast.verdict, name) for name in names))
    tracks = [await asyncio.to_thread(mast.pointing, name, one) for name, one in zip(names, found, strict=True)]
    for name, verdict, placed in zip(names, found, tracks, strict=True):
        print(f"\n{name}: {verdict} {dict(verdict.effects)}; {placed}")
        print(*placed.untrue[:20], sep="\n")
    for name, verdict in zip(names, found, strict=True):
        assert verdict.leaking == [], f"{name}: {verdict}"
        assert verdict.unmatched < 0.03 * verdict.pictures + 10, f"{name}: {verdict}"
    assert all(placed.untrue == [] for placed in tracks)
    assert sum(verdict.judged for verdict in found) >= least
    return dict(zip(names, found, strict=True))


async def together(*work: Coroutine[Any, Any, Any]) -> None:
    async with asyncio.TaskGroup() as tasks:
        for one in work:
            tasks.create_task(one)


async def until(mast: Mast, pictures: int) -> None:
    """Every head goes on until its camera has sent so many pictures."""
    await together(*(restless(head, pictures, seed=i, fastest=0.25) for i, head in enumerate(mast.heads.values())))


@pytest.mark.parametrize(
    ("seed", "ptz"),
    [
        pytest.param(11, {}, id="11"),
        pytest.param(12, {}, id="12"),
        pytest.param(13, {"video_age_ms": 190}, id="measured"),  # as `vigie-provision calibrate` tells it
    ],
)
async def test_long_journeys_show_no_private_place(tmp_path: Path, seed: int, ptz: dict[str, object]) -> None:
    setups = {
        "spherique": Setup(lost=0.1, seed=seed, spaces="degrees", acceleration_deg_s2=290.0),
        "muette": Setup(lost=0.2, seed=seed + 50, move_status=False, report_age_s=(0.1, 0.2)),
    }
    async with Mast(tmp_path, setups, ptz=ptz) as mast:
        await asyncio.gather(*(mast.burned(name) for name in setups))
        await together(*(restless(mast.heads[name], 2000, seed=seed + i) for i, name in enumerate(setups)))
        await mast.stop()
    found = await verdicts(mast, 3000)
    assert all(verdict.blocks > 10_000 for verdict in found.values())


async def test_an_agent_that_is_killed_or_restarted_in_mid_move_shows_no_private_place(tmp_path: Path) -> None:
    setups = {"une": Setup(lost=0.1, seed=21), "deux": Setup(start=(120.0, -8.0, 0.2), seed=22)}
    async with Mast(tmp_path, setups) as mast:
        await asyncio.gather(*(mast.burned(name) for name in setups))

        async def restart() -> None:
            for cut in (mast.kill, mast.stop, mast.kill, mast.stop):
                await asyncio.sleep(9)
                for head in mast.heads.values():
                    await head.velocity(pan=0.25, tilt=0.0, timeout_s=4.0)
                await asyncio.sleep(0.7)
                mark = mast.mark()
                await cut()
                await mast.start()
                for name in setups:
                    assert await mast.blind(name, mark, frozenset({"starting"})) == "starting"
                    await mast.burned(name, mark)

        async with asyncio.TaskGroup() as tasks:
            driving = [
                tasks.create_task(restless(head, 10**6, seed=i, fastest=0.25))
                for i, head in enumerate(mast.heads.values())
            ]
            await restart()
            await asyncio.sleep(5)
            for one in driving:
                one.cancel()
        await mast.stop()
    found = await verdicts(mast, 1200)
    assert all(verdict.blocks > 2000 for verdict in found.values())


async def test_heads_that_reboot_and_home_show_no_private_place(tmp_path: Path) -> None:
    """While it homes a head says that it is home and idle, or where it is, or nothing."""
    setups = {
        "zero": Setup(start=(-33.0, 3.0, 0.1), seed=31),
        "truth": Setup(start=(51.0, -5.0, 0.1), seed=32),
    }
    async with Mast(tmp_path, setups) as mast:
        await asyncio.gather(*(mast.burned(name) for name in setups))

        async def reboot(camera: str, homing: str) -> None:
            head = mast.heads[camera]
            await head.lies(homing=homing)
            await head.velocity(pan=0.1, tilt=0.0, zoom=0.1, timeout_s=1.0)

            down = mast.mark()

            async def homed() -> None:
                async with asyncio.timeout(60):
                    while (await head.now())["homing"]:
                        back = "restored" in mast.told(camera, down)
                        assert homing == "truth" or not back, f"{camera} is back while the head homes"
                        await asyncio.sleep(0.2)

            async def begin() -> None:
                nonlocal down
                await head.reboot(down_s=2.0, onvif_later_s=0.3)
                async with asyncio.timeout(60):
                    while True:
                        await asyncio.sleep(0.1)
                        if (await head.now())["homing"]:
                            break
                down = mast.mark()
                await asyncio.sleep(0.5)

            await suffers(mast, camera, begin, homed, UNSURE, stays=False)
            await restless(head, await sent(head) + 150, seed=3, fastest=0.25)

        async def both(camera: str, modes: tuple[str, ...]) -> None:
            for homing in modes:
                await reboot(camera, homing)

        await together(both("zero", ("zero", "refuse")), both("truth", ("truth", "zero")))
        await until(mast, 900)
        await mast.stop()
    found = await verdicts(mast, 1000)
    assert all(one.leaking == [] for one in found.values())


async def test_heads_that_go_over_their_nadir_show_no_private_place(tmp_path: Path) -> None:
    """One hangs its picture upside down and tells half a turn less; the other turns it over and tells the truth."""
    setups = {
        "renversee": Setup(start=(143.0, -40.0, 0.0), lowest_deg=-150.0, seed=41),
        "redressee": Setup(start=(143.0, -40.0, 0.0), lowest_deg=-150.0, seed=42),
    }
    async with Mast(tmp_path, setups) as mast:
        await asyncio.gather(*(mast.burned(name) for name in setups))

        async def over(camera: str, tilt: float) -> None:
            head = mast.heads[camera]
            for _ in range(3):

                async def down() -> None:
                    await head.velocity(pan=0.0, tilt=-tilt, timeout_s=80 / (60 * tilt))
                    await asyncio.sleep(80 / (60 * tilt) + 1.0)

                async def up() -> None:
                    await head.absolute(pan_deg=mast.heads[camera].setup.start[0], tilt_deg=-40.0, zoom=0.0, speed=0.5)
                    await asyncio.sleep(4)

                await suffers(mast, camera, down, up, UNSURE, stays=False)

        await mast.heads["renversee"].lies(mirrored=True)
        await together(over("renversee", 0.5), over("redressee", 0.4))
        await until(mast, 900)
        await mast.stop()
    found = await verdicts(mast, 1000)
    assert all(one.blocks > 1000 for one in found.values())


async def test_zooms_that_nobody_calibrated_and_pictures_that_tell_nothing_show_no_private_place(
    tmp_path: Path,
) -> None:
    setups = {
        "hors-table": Setup(start=(-33.0, 3.0, 0.2), seed=51),
        "brouillard": Setup(start=(51.0, -5.0, 0.1), seed=52),
    }
    async with Mast(tmp_path, setups, {"hors-table": OUTSIDE}) as mast:
        await asyncio.gather(*(mast.burned(name) for name in setups))

        async def zooms() -> None:
            head = mast.heads["hors-table"]

            async def at(zoom: float) -> None:
                await head.absolute(pan_deg=-33.0, tilt_deg=3.0, zoom=zoom)

            outside = frozenset({"zoom-outside-calibration"})
            await suffers(mast, "hors-table", lambda: at(0.95), lambda: at(0.2), outside)
            await head.lies(most_zoom=0.4)  # what lies beyond is digital
            await suffers(mast, "hors-table", lambda: at(0.7), lambda: at(0.2), CONTRADICTION)
            await head.lies()
            await restless(head, await sent(head) + 300, seed=5)

        async def pictures() -> None:
            head = mast.heads["brouillard"]

            async def swing() -> None:
                await head.velocity(pan=0.3, tilt=0.0, timeout_s=1.5)
                await asyncio.sleep(1)

            unseen = UNSURE | {"featureless"}
            cover, clear = lambda: head.effect("covered"), lambda: head.effect("")
            await suffers(mast, "brouillard", cover, clear, unseen, then=swing, stays=False)
            await head.effect("defocused")  # what is left of the picture is enough to follow it
            await restless(head, await sent(head) + 150, seed=9, fastest=0.25)
            await clear()
            await head.night(True)
            await restless(head, await sent(head) + 250, seed=6)
            await head.night(False)
            await restless(head, await sent(head) + 100, seed=7)

        await together(zooms(), pictures())
        await until(mast, 900)
        await mast.stop()
    found = await verdicts(mast, 1200)
    assert {"covered", "defocused", "night"} <= set(found["brouillard"].effects)


async def test_heads_that_answer_slowly_claim_to_stand_or_shift_their_zero_show_no_private_place(
    tmp_path: Path,
) -> None:
    setups = {
        "lente": Setup(start=(-33.0, 3.0, 0.1), seed=61),
        "oisive": Setup(start=(51.0, -5.0, 0.1), seed=62),
    }
    async with Mast(tmp_path, setups) as mast:
        await asyncio.gather(*(mast.burned(name) for name in setups))

        async def slow() -> None:
            head = mast.heads["lente"]
            late = frozenset({"moving-too-fast", "pose-old"})

            async def turn() -> None:
                await asyncio.sleep(1)
                await head.velocity(pan=0.3, tilt=0.0, timeout_s=4)

            begin = lambda: head.faults(slow_s=1.6, operations=["GetStatus"])  # noqa: E731
            await suffers(mast, "lente", begin, head.faults, late, then=turn, stays=False)
            await suffers(mast, "lente", lambda: head.lies(offset=(0.0, -4.0, 0.0)), head.lies, CONTRADICTION)
            begin = lambda: head.lies(offset=(0.0, 0.0, 0.2))  # noqa: E731
            await suffers(mast, "lente", begin, head.lies, CONTRADICTION)
            begin = lambda: head.faults(hostile="broken", operations=["GetStatus"])  # noqa: E731
            await suffers(mast, "lente", begin, head.faults, frozenset({"onvif-silent"}))

        async def idle() -> None:
            head = mast.heads["oisive"]
            await head.lies(idle=True)
            await restless(head, await sent(head) + 600, seed=8)
            begin = lambda: head.lies(idle=True, offset=(170.0, 0.0, 0.0))  # noqa: E731
            await suffers(mast, "oisive", begin, lambda: head.lies(idle=True), CONTRADICTION | {"flipping"})

        await together(slow(), idle())
        await until(mast, 1000)
        await mast.stop()
    found = await verdicts(mast, 1200)
    assert all(one.leaking == [] for one in found.values())
