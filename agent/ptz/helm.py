"""One camera's helm: orders under grants come in, answers go out, and the head is kept to what was ordered.

    helm = Helm("parvis-ptz", head, plan, aspect=lambda: 16 / 9, clock=clock, emit=emit, acts=acts)
    tasks.create_task(helm.run(), name="helm-parvis-ptz")       # until cancelled; then the head stops
    status, answer = await helm.steer(grant, raw)               # what `live` answers to an order
    helm.leave(grant)                                           # a WebSocket is gone: the head stops

Laws
- Every method runs in the event loop; what blocks is the head's own threads' business.
- An order is read (it is short), then too many are refused, then who holds the head counts, then whether it can be. A
  stop is never too many: it takes the place of the one that waits.
- Whoever takes the head is in the register before it moves for them; where that cannot be entered it does not (503).
- A holder that leaves, is taken over from, or whose lease ends no longer moves anything.
"""

import asyncio
import contextlib
from collections.abc import Callable
from typing import Any

from agent.access.grants import Grant
from agent.acts import Acts
from agent.clock import Clock
from agent.errors import HeadError, OrderRefused, RegisterError
from agent.events import Emit, SteeringReleased, SteeringTaken
from agent.language import say
from agent.ptz.head import TurningHead
from agent.ptz.lease import Flood, Held, Holder, Lease
from agent.ptz.orders import Order, PresetGoto, Presets, PresetSet, Stop, Velocity, parse
from agent.ptz.pilot import Command, Drive, Halt, Pilot, Plan

TICK_S, IDLE_S = 0.1, 0.5
"""Between two looks at what is to be kept up: while somebody steers or a patrol goes round, and else."""
Answer = tuple[int, dict[str, Any]]
"""HTTP status and JSON body."""


class Helm:
    """Steers one camera. `preset`: where the head was last sent by name, while it has not been moved since."""

    def __init__(
        self,
        camera: str,
        head: TurningHead,
        plan: Plan,
        aspect: Callable[[], float],
        clock: Clock,
        emit: Emit,
        acts: Acts,
    ) -> None:
        self.camera = camera
        self._head = head
        self._clock = clock
        self._emit = emit
        self._acts = acts
        self._claiming = asyncio.Lock()
        self._entry = 0
        self._lease = Lease()
        self._flood = Flood()
        self._pilot = Pilot(plan, head.settings.optics, aspect, clock.instant())
        self._rounds = plan.rounds
        self._told: Held | None = None
        self.preset = ""
        self._refused = 0  # malformed, or too many at once
        self._ordered = asyncio.Event()

    @property
    def held(self) -> bool:
        """True while somebody steers."""
        return self._lease.held(self._clock.instant()) is not None

    @property
    def patrol(self) -> str:
        """The patrol under way, or nothing."""
        return self._pilot.patrol

    @property
    def refused(self) -> int:
        """Orders that came too often or were malformed."""
        return self._flood.refused + self._refused

    def count_refused(self) -> None:
        """One more order that is not carried out."""
        self._refused += 1

    async def steer(self, grant: Grant, raw: bytes) -> Answer:
        """Carries out one order of somebody whose grant allows `ptz` here: status and answer."""
        order: Order | None = None
        try:
            order = self._parse(raw)
            if not isinstance(order, Stop):
                self._flood.count(grant.jti, self._clock.instant())
            found = await self._carry_out(grant, order)
        except OrderRefused as error:
            return _refusal(order, error.status, error.word, str(error), error.until_s)
        except HeadError as error:
            word = "head-refused" if error.status == 502 else "head-silent"
            return _refusal(order, error.status, word, str(error))
        except RegisterError as error:
            return _refusal(order, 503, "register", str(error))
        return 200, {"ok": True, "order": order.order, **_id(order), **found}

    def _parse(self, raw: bytes) -> Order:
        try:
            return parse(raw)
        except OrderRefused:
            self.count_refused()
            raise

    async def _carry_out(self, grant: Grant, order: Order) -> dict[str, Any]:
        if isinstance(order, Presets):
            return await self._presets()
        await self._claim(grant)
        now = self._clock.instant()
        if isinstance(order, PresetSet):
            token = await asyncio.wrap_future(self._head.set_preset(order.preset))
            return {"preset": token}
        commands = self._pilot.order(order, now, self._head.where())
        outcomes = [self._tell(one) for one in commands]
        self._ordered.set()
        self.preset = order.preset if isinstance(order, PresetGoto) else ""
        for outcome in outcomes:
            if await asyncio.wrap_future(outcome) == "overtaken" and not isinstance(order, Velocity):
                raise OrderRefused(
                    say(
                        en="a newer order came before this one reached the head",
                        fr="un ordre plus récent est arrivé avant que celui-ci n'atteigne la tête",
                    ),
                    422,
                    "overtaken",
                )
        return {}

    async def _presets(self) -> dict[str, Any]:
        found: Any = await asyncio.wrap_future(self._head.presets())
        return {"presets": [{"preset": one.token, "name": one.name} for one in found]}

    async def _claim(self, grant: Grant) -> None:
        """One at a time: a new holder is entered before the head is theirs."""
        who = Holder(grant.jti, grant.priority)
        async with self._claiming:
            held = self._lease.require_free(who, self._clock.instant())
            entry = self._entry
            if held is None or held.holder.jti != who.jti or self._told is None:
                entry = await self._acts.steering_taken(self.camera, grant)
            self._take(who, entry)

    def _take(self, who: Holder, entry: int) -> None:
        before = self._lease.held(self._clock.instant())
        self._lapse()
        held = self._lease.claim(who, self._clock.instant())
        if before is not None and before.number != held.number:
            self._end(before, "taken-over")
        if self._told is None:
            self._entry = entry
            self._emit(SteeringTaken(self.camera, held.number, entry))
        self._told = held

    def _end(self, held: Held, reason: str) -> None:
        seconds = round((self._clock.instant() - held.since) / 1e9, 3)
        self._emit(SteeringReleased(self.camera, held.number, reason, seconds, self._entry))
        self._told = None

    def standing(self, grant: Grant) -> dict[str, Any]:
        """What a page under `grant` shows: who steers (`you`, `another` or nobody), the patrol, and which there are."""
        held = self._lease.held(self._clock.instant())
        whose = "" if held is None else "you" if held.holder.jti == grant.jti else "another"
        return {"held": whose, "patrol": self.patrol, "patrols": [one.name for one in self._rounds]}

    def _lapse(self) -> None:
        """Tells of a lease that has run out."""
        if self._told is not None and not self.held:
            self._end(self._told, "idle")

    def _tell(self, command: Command) -> Any:
        return self._head.tell(command, self._clock.instant())

    def leave(self, grant: Grant, reason: str = "left") -> None:
        """Whoever steers under `grant` is gone: the head stops and is free."""
        held = self._lease.held(self._clock.instant())
        if held is None or held.holder.jti != grant.jti:
            return
        if self._pilot.driving:
            self._pilot.halted()
            self._tell(Halt())
        self._lease.release()
        self._end(held, reason)

    async def run(self) -> None:
        """Keeps the head to what was ordered, until cancelled; then it stands still."""
        try:
            while True:
                self._lapse()
                for command in self._pilot.tick(self._clock.instant(), self._head.where()):
                    if isinstance(command, Drive | Halt):
                        self.preset = ""
                    self._tell(command)
                await self._pause()
        finally:
            if self._pilot.driving:
                self._pilot.halted()
                self._tell(Halt())
            if self._told is not None:
                self._end(self._told, "stopping")

    async def _pause(self) -> None:
        """Until there may be something to keep up again."""
        if self._told is not None or self._pilot.busy:
            await asyncio.sleep(TICK_S)
            return
        self._ordered.clear()
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(IDLE_S):  # `wait_for` may swallow a cancel that comes with the order
                await self._ordered.wait()


def _id(order: Order | None) -> dict[str, Any]:
    return {} if order is None or order.id is None else {"id": order.id}


def _refusal(order: Order | None, status: int, word: str, message: str, until_s: float | None = None) -> Answer:
    body: dict[str, Any] = {"ok": False, "error": word, "message": message}
    if order is not None:
        body |= {"order": order.order, **_id(order)}
    if until_s is not None:
        body["retry_after_s"] = round(until_s, 1)
    return status, body
