"""The words of the demo's terminal, on a real virtual camera."""

import asyncio
from pathlib import Path

import pytest

from agent.virtual.demo_mast import DOME, FIXED
from agent.virtual.pranks import KNOCK_DEG, PRANKS, Pranks
from agent.virtual.ptz_camera import Setup, virtual_ptz


async def test_a_knock_turns_the_picture_and_mend_turns_it_back(drawings: Path) -> None:
    said: list[str] = []
    async with virtual_ptz(drawings, Setup(kind="fixed", width=320, height=240)) as camera:
        pranks = Pranks({FIXED: camera, DOME: camera}, said.append)

        async def shown(*wanted: object) -> None:
            for _ in range(200):
                await camera.refresh()
                if any((one.pan_deg, one.effect, one.night) == wanted for one in camera.poses[-1:]):
                    return
                await asyncio.sleep(0.05)
            pytest.fail(f"never shown: {camera.poses[-1:]}")

        await shown(0.0, "", False)
        await pranks.play("knock")
        await pranks.play("cover")
        await pranks.play("night")
        await shown(KNOCK_DEG, "covered", True)
        await pranks.play("mend")
        await shown(0.0, "", False)
        assert "turned the fixed camera" in said[0]
        await pranks.play("")
        count = len(said)
        await pranks.play("nothing of this kind")
        assert len(said) == count + 1
        assert all(word in said[-1] for word in PRANKS)


async def test_a_camera_that_is_gone_is_a_sentence_and_not_the_demo_s_end(drawings: Path) -> None:
    said: list[str] = []
    async with virtual_ptz(drawings, Setup(kind="fixed", width=320, height=240)) as camera:
        pass
    await Pranks({FIXED: camera, DOME: camera}, said.append).play("knock")
    assert "did not obey" in said[0]


async def test_a_visitor_who_cannot_stop_rebooting_is_told_and_the_camera_lives_on(drawings: Path) -> None:
    said: list[str] = []
    async with virtual_ptz(drawings, Setup(width=320, height=240)) as camera:
        pranks = Pranks({FIXED: camera, DOME: camera}, said.append)
        for _ in range(9):
            await pranks.play("reboot")
        assert any("did not obey" in line for line in said)
        assert (await camera.now())["pan_deg"] == 0
