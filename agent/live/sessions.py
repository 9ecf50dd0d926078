"""The views that are open on this mast: opened, counted, watched, ended.

    sessions = Sessions(limit=16, judge=judge, clock=clock, emit=emit, ice_servers=(), acts=acts)
    async with asyncio.TaskGroup() as tasks:
        tasks.create_task(sessions.watch())      # until cancelled; then every view is ended as `stopping`
        view, answer = await sessions.open(camera, source, "main", token, grant, offer)

Laws
- What was asked for and by whom is in the register before anything is answered, and that the view began before the
  answer leaves: without that answer no picture can. Where it cannot be entered there is no view (RegisterError).
- At most `limit` views, counted from the moment that one is asked for.
- An offer that fails at any point leaves nothing behind; a view that ended is forgotten before it is closed.
- A view remembers its token, in memory only, so that it can be judged anew when the judge changes.
"""

import asyncio
import contextlib
import secrets
from collections.abc import Sequence
from dataclasses import dataclass, field

from agent.access.grants import Grant, GrantJudge, require
from agent.acts import Acts
from agent.clock import Clock, Instant
from agent.config import IceServer
from agent.errors import AccessDenied
from agent.events import Emit, UnitsDropped, ViewEnded, ViewStarted
from agent.live.sdp import Offer
from agent.live.views import Reason, Standing, Terms, over, remaining_s, terms
from agent.live.webrtc import Peer
from agent.queues import UnitSource

LOOK_S = 1.0


class TooManyViewers(Exception):
    """The limit is reached; the caller answers 503 with Retry-After. Never leaves this room."""


@dataclass(eq=False, slots=True)
class View:
    """One viewer's session. `key` is the unguessable part of its URL, `number` and `entry` its names in events."""

    number: int
    key: str
    camera: str
    rendition: str
    jti: str
    token: str = field(repr=False)
    terms: Terms
    peer: Peer
    entry: int
    dropped: int = 0


class Sessions:
    """All views of one listener; every method is called in the loop."""

    def __init__(
        self, limit: int, judge: GrantJudge, clock: Clock, emit: Emit, ice_servers: Sequence[IceServer], acts: Acts
    ) -> None:
        self._limit = limit
        self._judge = judge
        self._clock = clock
        self._emit = emit
        self._acts = acts
        self._ice_servers = tuple(ice_servers)
        self._views: dict[str, View] = {}
        self._opening = 0
        self._last_number = 0
        self._look = asyncio.Event()
        self._judge_anew = False
        self._stopping = False

    def __len__(self) -> int:
        return len(self._views) + self._opening

    def _full(self) -> bool:
        return self._closed() or len(self) >= self._limit

    def _closed(self) -> bool:
        return self._stopping

    def viewers(self, camera: str) -> int:
        """How many views of `camera` are open."""
        return sum(view.camera == camera for view in self._views.values())

    def find(self, camera: str, key: str) -> View | None:
        """The open view whose URL ends in `key`."""
        view = self._views.get(key)
        return view if view is not None and view.camera == camera else None

    def replace_judge(self, judge: GrantJudge) -> None:
        """From now on `judge` judges; open views whose grants count no more under it end at once."""
        self._judge = judge
        self._judge_anew = True
        self._look.set()

    def _counts(self, view: View) -> bool:
        try:
            require(self._judge.judge(view.token, self._clock.wall()), view.camera, "live")
        except AccessDenied:
            return False
        return True

    async def open(
        self, camera: str, source: UnitSource, rendition: str, token: str, grant: Grant, offer: Offer
    ) -> tuple[View, str]:
        """A new view and its SDP answer; TooManyViewers at the limit, RegisterError when it cannot be entered."""
        if self._full():
            raise TooManyViewers
        self._opening += 1
        peer = None
        try:
            requested = await self._acts.view_requested(camera, rendition, grant)
            peer = Peer(source, self._clock, self._ice_servers, self._look.set)
            answer = await peer.answer(offer)
            entry = await self._acts.view_started(camera, rendition, requested)
        except BaseException:
            if peer is not None:
                await peer.close()
            raise
        finally:
            self._opening -= 1
        if self._closed():
            self._emit(ViewEnded(camera, 0, "stopping", 0.0, entry))
            await peer.close()
            raise TooManyViewers
        return self._started(camera, rendition, token, grant, peer, entry), answer

    def _started(self, camera: str, rendition: str, token: str, grant: Grant, peer: Peer, entry: int) -> View:
        self._last_number += 1
        view = View(
            number=self._last_number,
            key=secrets.token_urlsafe(18),
            camera=camera,
            rendition=rendition,
            jti=grant.jti,
            token=token,
            terms=terms(grant.expires_at, self._clock.instant(), self._clock.wall()),
            peer=peer,
            entry=entry,
        )
        self._views[view.key] = view
        self._look.set()
        self._emit(ViewStarted(camera, view.number, rendition, entry))
        return view

    async def end(self, view: View, reason: Reason) -> None:
        """Ends the view; nothing happens when it has ended already."""
        if self._views.pop(view.key, None) is None:
            return
        self._report(view)
        seconds = (self._clock.instant() - view.terms.opened) / 10**9
        self._emit(ViewEnded(view.camera, view.number, reason, seconds, view.entry))
        await view.peer.close()

    def _report(self, view: View) -> None:
        """Tells what the viewer lost since the last look."""
        if lost := view.peer.dropped - view.dropped:
            view.dropped += lost
            self._emit(UnitsDropped(view.camera, "live", lost))

    def _over(self, view: View) -> Reason | None:
        standing = Standing(view.peer.connected, view.peer.gone)
        return over(view.terms, standing, self._clock.instant(), self._clock.wall())

    def _finished(self) -> list[tuple[View, Reason]]:
        """The views that are over now, and why."""
        anew, self._judge_anew = self._judge_anew, False
        found: list[tuple[View, Reason]] = []
        for view in self._views.values():
            if reason := self._over(view):
                found.append((view, reason))
            elif anew and not self._counts(view):
                found.append((view, "grant-revoked"))
        return found

    async def watch(self) -> None:
        """Ends views when they are over, until cancelled; then ends all."""
        async with asyncio.TaskGroup() as ending:
            try:
                while True:
                    await self._wait()
                    for view in self._views.values():
                        self._report(view)
                    for view, reason in self._finished():
                        ending.create_task(self.end(view, reason), name=f"end-view-{view.number}")
            except asyncio.CancelledError as error:
                # caught here and raised below, so that the group waits for the goodbyes instead of cancelling them
                cancelled = error
                self._stopping = True
                for view in self._views.values():
                    ending.create_task(self.end(view, "stopping"), name=f"end-view-{view.number}")
        raise cancelled

    async def _wait(self) -> None:
        """Until the next look: a change, the next grant's end, or a second."""
        now: Instant = self._clock.instant()
        rest = min((remaining_s(view.terms, now) for view in self._views.values()), default=LOOK_S)
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(min(LOOK_S, rest + 0.01)):
                await self._look.wait()
        self._look.clear()
