"""Live view as `mast` sees it: one `LiveServer` that listens, judges, and sends masked pictures to whom may see them.

server = LiveServer(http, live, judge, clock, {camera.id: camera}, facts, healthy, emit, acts)
tasks.create_task(server.serve(ready=notify))     # until cancelled; every view is ended before it returns
"""

import asyncio
from collections.abc import Callable, Mapping
from dataclasses import dataclass

from agent.access.grants import GrantJudge
from agent.acts import Acts
from agent.clock import Clock
from agent.config import Http, Live
from agent.events import Emit
from agent.facts import MastFacts
from agent.live import listener
from agent.live.application import Server, application
from agent.live.http import Api, Renditions
from agent.live.requisitions import Answering, Requisitions
from agent.live.sessions import Sessions
from agent.live.steering import Steering
from agent.queues import UnitSource


@dataclass(frozen=True, slots=True)
class LiveCamera:
    """A camera that can be watched: its full picture, and the small one that is encoded only while subscribed to."""

    id: str
    name: str
    main: UnitSource
    tile: UnitSource


class LiveServer:
    """The listener and the views behind it. `port` is the real one once `serve` has called `ready`."""

    def __init__(
        self,
        http: Http,
        live: Live,
        judge: GrantJudge,
        clock: Clock,
        cameras: Mapping[str, LiveCamera],
        facts: Callable[[], MastFacts],
        healthy: Callable[[], bool],
        emit: Emit,
        acts: Acts,
        steering: Mapping[str, Steering] | None = None,
        desk: Answering | None = None,
    ) -> None:
        self._http = http
        self._door = listener.door()
        self._sessions = Sessions(live.max_viewers, judge, clock, emit, live.ice_servers, acts)
        renditions = {one.id: Renditions(one.main, one.tile) for one in cameras.values()}
        self._requisitions = None if desk is None else Requisitions(desk)
        views = (self._sessions, live.ice_servers, steering or {})
        self._api = Api(judge, clock, renditions, facts, healthy, *views, acts, self._requisitions)
        self.port = 0

    def viewers(self, camera: str) -> int:
        """How many views of `camera` are open, in both renditions together."""
        return self._sessions.viewers(camera)

    def replace_judge(self, judge: GrantJudge) -> None:
        """From now on `judge` judges; open views under grants that count no more end at once."""
        self._api.judge = judge
        self._sessions.replace_judge(judge)

    async def serve(self, ready: Callable[[], None]) -> None:
        """Listens until cancelled; ListenError or KeyFileError when the listener cannot be had."""
        http = Server(application(self._api, self._http.origins, self._door))
        factory = await http.start()
        try:
            server = await listener.listen(self._http, factory, self._door)
            try:
                self.port = listener.real_port(server)
                async with asyncio.TaskGroup() as tasks:
                    tasks.create_task(self._sessions.watch(), name="live-views")
                    tasks.create_task(self._door.watch(), name="live-connections")
                    ready()
            finally:
                server.close()
                await self._api.hang_up()
        finally:
            await http.stop()
