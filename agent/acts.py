"""Who looks and who steers, entered in the register before it happens: what `live` and `ptz` ask of it.

    acts = Acts(ledger, clock)
    requested = await acts.view_requested("parvis-fixed", "main", grant)      # RegisterError: the view is refused
    started = await acts.view_started("parvis-fixed", "main", requested)      # pictures may leave from here on

Laws
- Every method that returns a number returns it once the entry is on disk. RegisterError: the act does not take place.
- A grant is written down once, the first time that it comes; whatever is done under it names that entry.
- Whoever waits for an entry and goes away meanwhile leaves no act that has begun and never ends.
- Refusals are entered sparingly (`sparing.py`). How many were not entered stands in the next one that is.
"""

import asyncio
import threading
from collections import OrderedDict
from collections.abc import Callable
from typing import TypeVar

from agent.access.grants import LONGEST_GRANT_S, Grant
from agent.clock import Clock, rfc3339
from agent.errors import RegisterError
from agent.register.bodies import (
    Entered,
    GrantPresented,
    SteeringReleased,
    SteeringTaken,
    ViewEnded,
    ViewRefused,
    ViewRequested,
    ViewStarted,
)
from agent.register.ledger import Ledger
from agent.register.values import Ground, Person
from agent.sparing import known, strangers, unentered

MOST_GRANTS = 4096
"""Remembered at once; one that is forgotten is entered anew when it comes again."""
WENT_AWAY = "went-away"
T = TypeVar("T")


def person(grant: Grant) -> Person:
    """Whose grant it is."""
    return Person(number=grant.agent_number, name=grant.name, service=grant.service)


def ground(grant: Grant) -> Ground:
    """Why it was given."""
    return Ground(basis=grant.basis.kind, reference=grant.basis.reference, reason=grant.basis.reason)


class Acts:
    """Of one mast, as long as the agent runs. Coroutines are awaited in the loop, the disk is waited for in threads."""

    def __init__(self, ledger: Ledger, clock: Clock) -> None:
        self._ledger = ledger
        self._clock = clock
        self._turn = threading.Lock()
        self._grants: OrderedDict[str, tuple[GrantPresented, int]] | None = None
        self._strangers, self._known = strangers(), known()

    async def view_requested(self, camera: str, rendition: str, grant: Grant) -> int:
        """Somebody asks to look, under a good grant."""
        return await self._entered(
            lambda: ViewRequested(
                camera=camera,
                rendition=rendition,
                grant=self._presented(grant),
                person=person(grant),
                ground=ground(grant),
            )
        )

    async def view_started(self, camera: str, rendition: str, requested: int) -> int:
        """Pictures leave from now on; its end is told by the event `ViewEnded`."""
        return await self._entered(
            lambda: ViewStarted(camera=camera, rendition=rendition, requested=requested),
            lambda number: ViewEnded(camera=camera, started=number, length_ms=0, reason=WENT_AWAY),
        )

    async def steering_taken(self, camera: str, grant: Grant) -> int:
        """Somebody turns the camera from now on; its end is told by the event `SteeringReleased`."""
        return await self._entered(
            lambda: SteeringTaken(
                camera=camera, grant=self._presented(grant), person=person(grant), ground=ground(grant)
            ),
            lambda number: SteeringReleased(camera=camera, taken=number, length_ms=0, reason=WENT_AWAY),
        )

    async def view_refused(self, camera: str, why: str, grant: Grant | None) -> None:
        """A view is refused, whether or not that can be entered. `camera`: one of this mast, or nothing. `grant`: what
        an authority has signed, good or not."""
        sparing = self._strangers if grant is None else self._known
        held_back = sparing.let(self._clock.instant())
        if held_back is None:
            return
        body = ViewRefused(
            camera=camera,
            why=why + unentered(held_back),
            person=None if grant is None else person(grant),
            ground=None if grant is None else ground(grant),
        )
        if await asyncio.to_thread(self._ledger.note, body) is None:
            sparing.take_back(held_back)  # the ledger counts the one that it misses

    async def _entered(self, body: Callable[[], Entered], undone: Callable[[int], Entered] | None = None) -> int:
        """Its number once it is on disk. Who goes away meanwhile still waits for that, and `undone` is entered."""
        loop = asyncio.get_running_loop()
        entering = loop.run_in_executor(None, self._enter, body)
        try:
            return await asyncio.shield(entering)
        except asyncio.CancelledError:
            try:
                number = await entering
            except RegisterError:
                number = None
            if number is not None and undone is not None:
                await loop.run_in_executor(None, self._ledger.note, undone(number))
            raise

    def _enter(self, body: Callable[[], Entered]) -> int:
        with self._turn:
            return self._ledger.enter(body())

    def _presented(self, grant: Grant) -> int:
        """The entry that presented `grant`, made now if there is none."""
        known = self._known_grants()
        body = GrantPresented(
            jti=grant.jti,
            person=person(grant),
            ground=ground(grant),
            cameras=grant.cameras,
            allow=tuple(sorted(grant.allow)),
            expires=rfc3339(grant.expires_at * 1000),
        )
        before = known.get(grant.jti)
        if before is None or before[0] != body:  # an authority may use a number twice; nobody goes under another's name
            known[grant.jti] = body, self._ledger.enter(body)
        known.move_to_end(grant.jti)
        if len(known) > MOST_GRANTS:
            known.popitem(last=False)
        return known[grant.jti][1]

    def _known_grants(self) -> OrderedDict[str, tuple[GrantPresented, int]]:
        """Those that may still be good and came before; read from the register the first time."""
        if self._grants is None:
            since_ms = self._clock.wall().utc_ms - LONGEST_GRANT_S * 1000
            found: OrderedDict[str, tuple[GrantPresented, int]] = OrderedDict()
            for entry in self._ledger.entries(since_ms, kinds=("grant_presented",)):
                assert isinstance(entry.body, GrantPresented)
                found[entry.body.jti] = entry.body, entry.index
            self._grants = found
        return self._grants
