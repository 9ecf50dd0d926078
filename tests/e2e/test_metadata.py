"""A head that streams its position too: each sealed picture is judged, also while one of the two tellers lies."""

import asyncio
from pathlib import Path

import pytest

from agent.virtual.ptz_camera import Setup
from tests.e2e.journeys import CONTRADICTION, restless
from tests.e2e.turning import PATIENCE_S, Mast
from tests.needs import needs

pytestmark = [pytest.mark.slow, needs("age", "age")]

HEAD = "tete"
ALONE_S = 5.0
"""Longer than the last answer of GetStatus counts."""


async def sways(mast: Mast, seconds: float) -> None:
    """To and fro across a private window."""
    head = mast.heads[HEAD]
    for turn in range(round(seconds)):
        await head.velocity(pan=0.1 if turn % 2 else -0.1, tilt=0.0, timeout_s=1.0)
        await asyncio.sleep(1.0)


async def moves(mast: Mast) -> bool:
    now = await mast.heads[HEAD].now()
    return bool(now["turning"] or now["zooming"] or abs(now["pan_deg"] + 33.0) > 0.1)


async def stands_before_a_window(mast: Mast) -> None:
    """The head has come to rest there, and its masks are burned."""
    head = mast.heads[HEAD]
    await head.absolute(pan_deg=-33.0, tilt_deg=3.0, zoom=0.1)
    async with asyncio.timeout(PATIENCE_S):
        while await moves(mast):  # noqa: ASYNC110 - a head in another process
            await asyncio.sleep(0.1)
    await asyncio.sleep(2.0)
    await mast.burned(HEAD)


async def test_a_lie_in_one_of_two_sources_blinds_and_no_picture_shows_a_private_place(tmp_path: Path) -> None:
    async with Mast(tmp_path, {HEAD: Setup(metadata=True, lost=0.05, start=(-33.0, 3.0, 0.1), seed=3)}) as mast:
        head = mast.heads[HEAD]
        await mast.burned(HEAD)
        await restless(head, 250, seed=4)

        for begin, end in (
            (lambda: head.metadata_lies(offset=(9.0, 0.0, 0.0)), head.metadata_lies),
            (lambda: head.lies(offset=(0.0, 7.0, 0.0)), head.lies),
        ):
            await stands_before_a_window(mast)
            mark = mast.mark()
            await begin()
            reason = await mast.blind(HEAD, mark, CONTRADICTION)
            await sways(mast, 3)
            await end()
            assert "restored" not in mast.told(HEAD, mark), reason  # nobody can know which of the two lies
            await mast.burned(HEAD)

        await stands_before_a_window(mast)
        await head.faults(silent=True, operations=["GetStatus"])
        await asyncio.sleep(1.0)
        mark = mast.mark()
        await sways(mast, ALONE_S)
        alone = mast.told(HEAD, mark)
        assert "onvif-silent" not in alone, alone  # the stream alone keeps the pose of a head that turns

        both = mast.mark()
        await head.metadata_faults(silent=True)
        await head.velocity(pan=0.1, tilt=0.0, timeout_s=1.5)
        await mast.blind(HEAD, both, frozenset({"onvif-silent"}))  # and was the one that kept it
        await head.faults()
        await head.metadata_faults()
        await mast.burned(HEAD)
        await mast.stop()
    verdict = await asyncio.to_thread(mast.verdict, HEAD)
    placed = await asyncio.to_thread(mast.pointing, HEAD, verdict)
    print(f"{verdict}; {placed}")
    assert verdict.leaking == [], str(verdict)
    assert placed.untrue == []
    assert verdict.judged >= 250
    assert verdict.blind < 0.8 * verdict.pictures
    assert verdict.blocks > 5000  # that the judge sees leaks is `test_turning`'s control
