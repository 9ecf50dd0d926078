"""A whole helm on the virtual head: who may steer, what the answers say, and that the head obeys."""

import asyncio
import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from typing import Any

import pytest

from agent.access.grants import Grant
from agent.clock import SystemClock
from agent.events import Event, SteeringReleased, SteeringTaken
from agent.ptz import helm
from agent.ptz.head import TurningHead
from agent.ptz.helm import Helm
from agent.ptz.pilot import GoPreset, Plan, Round
from agent.virtual.onvif_server import Faults
from tests.access.minting import grant as make_grant
from tests.acting import Deeds
from tests.ptz.device import Rig, virtual_head

ROUND = Round("nuit", ((GoPreset("a"), 1.0),))


class Bridge:
    """A running helm, its head, and what was emitted."""

    def __init__(self, rig: Rig, head: TurningHead, **plan: Any) -> None:
        self.rig, self.head = rig, head
        self.events: list[Event] = []
        self.acts = Deeds()
        self.helm = Helm("parvis-ptz", head, Plan(**plan), lambda: 16 / 9, SystemClock(), self.events.append, self.acts)

    async def order(self, who: Grant, **fields: Any) -> tuple[int, dict[str, Any]]:
        return await self.helm.steer(who, json.dumps(fields).encode())


@asynccontextmanager
async def bridge(**plan: Any) -> AsyncIterator[Bridge]:
    with virtual_head() as rig:
        head = rig.turning_head()
        head.start()
        it = Bridge(rig, head, **plan)
        task = asyncio.create_task(it.helm.run())
        try:
            await until(lambda: head.where() is not None)
            yield it
        finally:
            task.cancel()
            with suppress(asyncio.CancelledError):
                await task
            await asyncio.to_thread(head.stop)


async def until(true: Any, seconds: float = 10) -> None:
    async with asyncio.timeout(seconds):
        while not true():  # noqa: ASYNC110 - what is waited for has no event
            await asyncio.sleep(0.02)


ONE, TWO, BOSS = (make_grant(jti=jti, priority=priority) for jti, priority in (("1", 0), ("2", 0), ("boss", 9)))


async def test_a_velocity_turns_the_head_and_half_a_second_without_one_stops_it(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(helm, "IDLE_S", 60.0)  # an order ends the rest
    async with bridge() as it:
        status, answer = await it.order(ONE, order="velocity", pan=0.2, id=7)
        assert (status, answer) == (200, {"ok": True, "order": "velocity", "id": 7})
        await until(lambda: it.rig.turning)
        await until(lambda: it.rig.server.heard.get("Stop", 0) > 0)
        await until(lambda: not it.rig.turning)
        assert it.rig.pan_deg < 25  # long before ContinuousMove's own second


@pytest.mark.parametrize("turns", range(5))
async def test_a_helm_ends_though_an_order_comes_in_the_same_instant(turns: int) -> None:
    with virtual_head() as rig:
        it = Bridge(rig, rig.turning_head())
        task = asyncio.create_task(it.helm.run())
        await asyncio.sleep(0.05)  # it rests
        it.helm._ordered.set()
        for _ in range(turns):
            await asyncio.sleep(0)
        task.cancel()
        await asyncio.wait({task}, timeout=5)
        assert task.cancelled()


async def test_a_second_holder_waits_and_a_higher_priority_takes_over() -> None:
    async with bridge() as it:
        assert (await it.order(ONE, order="velocity", pan=0.1))[0] == 200
        status, answer = await it.order(TWO, order="stop")
        assert (status, answer["error"]) == (409, "held")
        assert 0 < answer["retry_after_s"] <= 10
        assert [it.helm.standing(one)["held"] for one in (ONE, TWO)] == ["you", "another"]
        assert (await it.order(BOSS, order="stop"))[0] == 200
        assert (await it.order(ONE, order="velocity", pan=0.1))[0] == 409
        kinds = [(type(one), getattr(one, "reason", ""), getattr(one, "holder", 0)) for one in it.events]
        assert kinds == [(SteeringTaken, "", 1), (SteeringReleased, "taken-over", 1), (SteeringTaken, "", 2)]
        assert "Durand" not in str(it.events)


async def test_who_leaves_stops_the_head_and_frees_it() -> None:
    async with bridge() as it:
        await it.order(ONE, order="velocity", pan=0.2)
        it.helm.leave(TWO)  # somebody who does not hold it changes nothing
        assert it.helm.held
        it.helm.leave(ONE)
        assert not it.helm.held
        await until(lambda: it.rig.server.heard.get("Stop", 0) > 0)
        assert (await it.order(TWO, order="stop"))[0] == 200
        assert [one.reason for one in it.events if isinstance(one, SteeringReleased)] == ["left"]


async def test_a_lease_that_runs_out_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    async with bridge() as it:
        it.helm._lease._lease = 300_000_000
        await it.order(ONE, order="stop")
        await until(lambda: any(isinstance(one, SteeringReleased) and one.reason == "idle" for one in it.events))
        assert (await it.order(TWO, order="stop"))[0] == 200


async def test_each_refusal_has_its_status_and_says_why() -> None:
    async with bridge(pan_deg=(-90.0, 90.0), turns=False, rounds=(ROUND,)) as it:
        for raw, status, word in (
            (b"nonsense", 400, "malformed"),
            (b'{"order":"velocity","pan":9}', 400, "malformed"),
            (b'{"order":"absolute","pan_deg":120,"tilt_deg":0}', 422, "limits"),
            (b'{"order":"patrol_start","patrol":"jour"}', 422, "patrol"),
            (b'{"order":"preset_goto","preset":"nowhere"}', 502, "head-refused"),
        ):
            found, answer = await it.helm.steer(ONE, raw)
            assert (found, answer["error"], answer["ok"]) == (status, word, False)
            assert answer["message"]
        assert it.helm.refused == 2


async def test_a_silent_head_gets_503_and_a_stop_is_tried_all_the_same() -> None:
    async with bridge() as it:
        it.rig.server.faults = Faults(silent=True)
        status, answer = await it.order(ONE, order="absolute", pan_deg=10, tilt_deg=0)
        assert (status, answer["error"]) == (503, "head-silent")


async def test_a_flood_is_refused_and_counted_and_the_head_is_not_flooded() -> None:
    async with bridge() as it:
        many = (it.order(ONE, order="velocity", pan=0.1 + index / 1000) for index in range(90))
        found = [status for status, _ in await asyncio.gather(*many)]  # at once, however slow the machine is
        assert found.count(429) > 20
        assert it.helm.refused == found.count(429)
        assert (await it.order(ONE, order="stop"))[0] == 200  # what must never be too much


async def test_presets_are_listed_set_and_gone_to_by_name() -> None:
    async with bridge() as it:
        await it.order(ONE, order="absolute", pan_deg=20, tilt_deg=0, zoom=0)
        await until(lambda: abs(it.rig.pan_deg - 20) < 0.05)
        status, answer = await it.order(ONE, order="preset_set", preset="marché")
        assert status == 200
        listed = await it.order(TWO, order="presets")  # asking takes no lease
        assert listed[1]["presets"] == [{"preset": answer["preset"], "name": "marché"}]
        await it.order(ONE, order="home")
        await until(lambda: abs(it.rig.pan_deg) < 0.05)
        assert (await it.order(ONE, order="preset_goto", preset="marché"))[0] == 200
        assert it.helm.preset == "marché"
        await until(lambda: abs(it.rig.pan_deg - 20) < 0.05)
        await it.order(ONE, order="velocity", pan=0.1)
        assert it.helm.preset == ""


async def test_the_agent_s_end_stops_a_head_that_is_driven() -> None:
    async with bridge() as it:
        await it.order(ONE, order="velocity", pan=0.2)
        before = it.rig.server.heard.get("Stop", 0)
    assert it.rig.server.heard["Stop"] > before
    assert [one.reason for one in it.events if isinstance(one, SteeringReleased)] == ["stopping"]


async def test_idle_goes_on_patrol_by_itself_and_an_order_ends_it() -> None:
    async with bridge(idle_return_s=0.3, idle_patrol="nuit", rounds=(ROUND,)) as it:
        await until(lambda: it.helm.patrol == "nuit")
        assert it.helm.standing(ONE) == {"held": "", "patrol": "nuit", "patrols": ["nuit"]}
        await it.order(ONE, order="stop")
        assert it.helm.patrol == ""
        assert it.helm.standing(ONE) == {"held": "you", "patrol": "", "patrols": ["nuit"]}


async def test_who_steers_is_entered_before_the_head_moves_and_once_a_hold() -> None:
    async with bridge() as it:
        await it.order(ONE, order="velocity", pan=0.2)
        await it.order(ONE, order="stop")
        await it.order(BOSS, order="stop")
        assert it.acts.kinds == ["grant_presented", "steering_taken", "grant_presented", "steering_taken"]
        taken = [event for event in it.events if isinstance(event, SteeringTaken)]
        assert [event.entry for event in taken] == [1, 3]
        released = [event for event in it.events if isinstance(event, SteeringReleased)]
        assert [(event.entry, event.reason) for event in released] == [(1, "taken-over")]


async def test_a_register_that_cannot_be_written_lets_nobody_steer() -> None:
    async with bridge() as it:
        it.acts.ledger.close()
        status, answer = await it.order(ONE, order="velocity", pan=0.5)
        assert (status, answer["error"]) == (503, "register")
        assert not it.helm.held
        await asyncio.sleep(0.3)
        assert not it.rig.turning
        assert it.rig.server.heard.get("ContinuousMove", 0) == 0
