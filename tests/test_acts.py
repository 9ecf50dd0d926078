"""Who looks and who steers: each act in its entry, whole, on disk before it may begin, and none that never ends."""

import asyncio
import threading
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from agent import acts
from agent.access.grants import Basis, Grant
from agent.acts import WENT_AWAY, Acts
from agent.clock import rfc3339
from agent.errors import RegisterError
from agent.register import bodies
from agent.register.bodies import Entered
from agent.register.ledger import Ledger
from agent.register.values import Ground, Person
from agent.sparing import known, strangers
from tests.register.rig import IDENTITY, NOON, HandClock

GRANT = Grant(
    jti="grant-1",
    agent_number="4711",
    name="Camille Moreau",
    service="Police municipale",
    masts=("m",),
    cameras=("gare", "parvis"),
    allow=frozenset({"ptz", "live"}),
    basis=Basis("event", "MC-118", "rixe place du marché"),
    issued_at=NOON // 1000,
    not_before=NOON // 1000,
    expires_at=NOON // 1000 + 3600,
    habilitated_until=None,
    priority=0,
)
WHO = Person("4711", "Camille Moreau", "Police municipale")
WHY = Ground("event", "MC-118", "rixe place du marché")
PRESENTED = bodies.GrantPresented(
    jti="grant-1",
    person=WHO,
    ground=WHY,
    cameras=("gare", "parvis"),
    allow=("live", "ptz"),
    expires=rfc3339(NOON + 3_600_000),
)


class Slow(Ledger):
    """The ledger; it can be told to refuse, and to wait before an entry of a kind."""

    broken = False
    waits_for = ""

    def __init__(self, *values: Any, **named: Any) -> None:
        super().__init__(*values, **named)
        self.asked, self.go = threading.Event(), threading.Event()

    def enter(self, body: Entered) -> int:
        if body.kind == self.waits_for:
            self.asked.set()
            assert self.go.wait(20)
        if self.broken:
            raise RegisterError("the register's disk is gone")
        return super().enter(body)


class Desk:
    """Acts on a real register."""

    def __init__(self, state: Path, clock: HandClock | None = None) -> None:
        self.state = state
        self.clock = clock or HandClock()
        self.ledger = Slow(state, IDENTITY, self.clock, town="lievin", mast="m")
        self.ledger.open()
        self.acts = Acts(self.ledger, self.clock)

    @property
    def bodies(self) -> list[Entered]:
        return [entry.body for entry in self.ledger.entries()]


@pytest.fixture
def desk(tmp_path: Path) -> Desk:
    return Desk(tmp_path)


async def test_a_view_is_entered_with_who_why_and_under_which_grant(desk: Desk) -> None:
    requested = await desk.acts.view_requested("parvis", "tile", GRANT)
    started = await desk.acts.view_started("parvis", "tile", requested)
    assert (requested, started) == (1, 2)
    assert desk.bodies == [
        PRESENTED,
        bodies.ViewRequested(camera="parvis", rendition="tile", grant=0, person=WHO, ground=WHY),
        bodies.ViewStarted(camera="parvis", rendition="tile", requested=1),
    ]


async def test_steering_is_entered_with_who_why_and_under_which_grant(desk: Desk) -> None:
    assert await desk.acts.steering_taken("parvis", GRANT) == 1
    assert desk.bodies == [PRESENTED, bodies.SteeringTaken(camera="parvis", grant=0, person=WHO, ground=WHY)]


async def test_a_grant_is_written_down_once_and_the_same_number_for_another_is_another(desk: Desk) -> None:
    other = replace(GRANT, name="Dominique Petit")
    assert [await desk.acts.steering_taken("parvis", one) for one in (GRANT, GRANT, other, other)] == [1, 2, 4, 5]
    assert [body.kind for body in desk.bodies].count("grant_presented") == 2
    assert [body.grant for body in desk.bodies if isinstance(body, bodies.SteeringTaken)] == [0, 0, 3, 3]


async def test_two_acts_at_once_under_a_new_grant_write_it_down_once(desk: Desk) -> None:
    desk.ledger.waits_for = "grant_presented"
    both = [asyncio.create_task(desk.acts.steering_taken("parvis", GRANT)) for _ in range(2)]
    await asyncio.to_thread(desk.ledger.asked.wait, 20)
    await asyncio.sleep(0.05)
    desk.ledger.go.set()
    assert sorted([await one for one in both]) == [1, 2]
    assert [body.kind for body in desk.bodies].count("grant_presented") == 1


async def test_a_grant_that_came_before_a_restart_is_known_until_it_cannot_be_good(tmp_path: Path) -> None:
    desk = Desk(tmp_path)
    await desk.acts.steering_taken("parvis", GRANT)
    for hours, presented in ((11, 1), (25, 2)):
        desk.ledger.close()
        desk = Desk(tmp_path, desk.clock)
        desk.clock.wall_ms = NOON + hours * 3_600_000
        await desk.acts.steering_taken("parvis", GRANT)
        told = desk.bodies
        assert [body.kind for body in told].count("grant_presented") == presented
        assert isinstance(told[-1], bodies.SteeringTaken)
        assert told[told[-1].grant] == PRESENTED


async def test_the_grant_that_came_longest_ago_is_forgotten_first(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(acts, "MOST_GRANTS", 2)
    for number in (1, 2, 1, 3, 1, 2):  # 3 puts out 2, and not 1, which came again
        await desk.acts.steering_taken("parvis", replace(GRANT, jti=f"grant-{number}"))
    presented = [body.jti for body in desk.bodies if isinstance(body, bodies.GrantPresented)]
    assert presented == ["grant-1", "grant-2", "grant-3", "grant-2"]


async def test_no_act_begins_before_its_entry_is_on_disk(desk: Desk) -> None:
    for kind, act in (
        ("grant_presented", lambda: desk.acts.view_requested("parvis", "main", GRANT)),
        ("view_requested", lambda: desk.acts.view_requested("parvis", "main", GRANT)),
        ("view_started", lambda: desk.acts.view_started("parvis", "main", 1)),
        ("steering_taken", lambda: desk.acts.steering_taken("parvis", GRANT)),
    ):
        desk.ledger.waits_for = kind
        desk.ledger.asked.clear()
        desk.ledger.go.clear()
        begun = asyncio.create_task(act())
        await asyncio.to_thread(desk.ledger.asked.wait, 20)
        done, _ = await asyncio.wait({begun}, timeout=0.05)
        assert not done, kind
        desk.ledger.go.set()
        number = await begun
        lines = sum(path.read_bytes().count(b'"entry":{') for path in desk.state.glob("register/*.jsonl"))
        assert lines == number + 1


async def test_while_the_register_cannot_be_written_no_act_takes_place(desk: Desk) -> None:
    desk.ledger.broken = True
    for act in (
        desk.acts.view_requested("parvis", "main", GRANT),
        desk.acts.view_started("parvis", "main", 1),
        desk.acts.steering_taken("parvis", GRANT),
    ):
        with pytest.raises(RegisterError):
            await act
    assert desk.bodies == []
    desk.ledger.broken = False
    await desk.acts.steering_taken("parvis", GRANT)
    assert desk.bodies[0] == PRESENTED


async def goes_away(desk: Desk, begun: "asyncio.Task[int]") -> None:
    """Whoever waits for an entry gives up while it is being written."""
    await asyncio.to_thread(desk.ledger.asked.wait, 20)
    begun.cancel()
    await asyncio.sleep(0.02)
    desk.ledger.go.set()
    with pytest.raises(asyncio.CancelledError):
        await begun


@pytest.mark.parametrize("kind", ["view_started", "steering_taken", "view_requested"])
async def test_who_goes_away_while_it_is_entered_leaves_no_act_without_an_end(desk: Desk, kind: str) -> None:
    desk.ledger.waits_for = kind
    begun = asyncio.create_task(
        {
            "view_started": lambda: desk.acts.view_started("parvis", "main", 7),
            "steering_taken": lambda: desk.acts.steering_taken("parvis", GRANT),
            "view_requested": lambda: desk.acts.view_requested("parvis", "main", GRANT),
        }[kind]()
    )
    await goes_away(desk, begun)
    told = desk.bodies
    assert [body.kind for body in told].count(kind) == 1
    if kind == "view_started":
        assert told[-1] == bodies.ViewEnded(camera="parvis", started=0, length_ms=0, reason=WENT_AWAY)
    elif kind == "steering_taken":
        assert told[-1] == bodies.SteeringReleased(camera="parvis", taken=1, length_ms=0, reason=WENT_AWAY)
    else:
        assert told[-1].kind == kind  # a request has no end


async def test_who_goes_away_while_it_cannot_be_entered_leaves_nothing(desk: Desk) -> None:
    desk.ledger.waits_for, desk.ledger.broken = "view_started", True
    begun = asyncio.create_task(desk.acts.view_started("parvis", "main", 7))
    await goes_away(desk, begun)
    assert desk.bodies == []


async def test_a_refusal_says_where_why_and_as_far_as_a_grant_tells_who(desk: Desk) -> None:
    await desk.acts.view_refused("parvis", "not this camera", GRANT)
    await desk.acts.view_refused("", "no grant", None)
    assert desk.bodies == [
        bodies.ViewRefused(camera="parvis", why="not this camera", person=WHO, ground=WHY),
        bodies.ViewRefused(camera="", why="no grant", person=None),
    ]


async def test_strangers_fill_no_register_and_hide_no_agent_s_refusal(desk: Desk) -> None:
    for _ in range(300):
        await desk.acts.view_refused("", "no grant", None)
    assert len(desk.bodies) in range(20, 23)  # the clock moves on a little each time that it is asked
    await desk.acts.view_refused("parvis", "not this camera", GRANT)
    assert desk.bodies[-1] == bodies.ViewRefused(camera="parvis", why="not this camera", person=WHO, ground=WHY)
    held_back = 300 - (len(desk.bodies) - 1)
    desk.clock.wall_ms += 120_000_000
    await desk.acts.view_refused("", "no grant", None)
    last = desk.bodies[-1]
    assert isinstance(last, bodies.ViewRefused)
    assert last.why == f"no grant; {held_back} more since the last were not entered"


async def test_refusals_that_the_register_did_not_take_are_counted_in_the_next(desk: Desk) -> None:
    for _ in range(25):
        await desk.acts.view_refused("", "no grant", None)
    told = len(desk.bodies)
    for broken in (True, False):
        desk.ledger.broken = broken
        desk.clock.wall_ms += 120_000_000
        await desk.acts.view_refused("", "no grant", None)
    last = desk.bodies[-1]
    assert isinstance(last, bodies.ViewRefused)
    assert last.why.startswith(f"no grant; {25 - told} more since")


def test_an_agent_may_be_refused_oftener_than_a_stranger() -> None:
    clock = HandClock()
    for sparing, at_once, every_s in ((strangers(), 20, 60), (known(), 60, 5)):
        now = clock.instant()
        assert [sparing.let(now) for _ in range(at_once + 2)] == [0] * at_once + [None] * 2
        assert sparing.wait_s == every_s
        later = type(now)(now + every_s * 10**9)
        assert [sparing.let(later), sparing.let(later)] == [2, None]


def test_a_long_calm_saves_up_no_more_than_so_many_at_once() -> None:
    sparing, now = strangers(), HandClock().instant()
    sparing.let(now)
    later = type(now)(now + 10**15)
    assert [sparing.let(later) for _ in range(21)] == [0] * 20 + [None]
    sparing.take_back(3)
    assert sparing.let(type(now)(later + 60 * 10**9)) == 4
