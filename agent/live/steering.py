"""Steering over HTTP as values: what a joystick's WebSocket says and is answered, whatever library carries it.

    await Joystick(socket, judge, clock, camera, steering).talk()

The first message is `{"grant": ...}`, every further one an order, and each gets an answer with its `status`:

    > {"grant": "eyJ..."}                          < {"ok": true, "status": 200}
    > {"order": "velocity", "pan": 0.2, "id": 7}   < {"ok": true, "order": "velocity", "id": 7, "status": 200}

Laws
- Nothing is an order before a grant has been judged; it is judged again with each order and each second, so that the
  connection ends with the grant.
- However the connection ends, the head is told that nobody is there any more.
- At most `MOST_AT_ONCE` orders wait for their answers; orders do not wait for each other, or a stop would wait too.
"""

import asyncio
import json
from collections.abc import Callable
from typing import Any, Protocol

from agent.access.grants import Grant, GrantJudge, require
from agent.clock import Clock
from agent.errors import AccessDenied, ClockUntrusted
from agent.language import say

FIRST_S = 10.0
LOOK_S = 1.0
MOST_AT_ONCE = 16
MOST_BYTES = 16 << 10
"""Of one message: a grant is 8 KiB at most."""
POLICY = 1008
"""RFC 6455 section 7.4.1: the connection ends because something is not allowed."""


class Steering(Protocol):
    """One camera that turns."""

    async def steer(self, grant: Grant, raw: bytes) -> tuple[int, dict[str, Any]]:
        """Carries out one order: HTTP status and JSON body."""
        ...

    def count_refused(self) -> None:
        """One more order that was refused before it came here."""
        ...

    def leave(self, grant: Grant, reason: str = ...) -> None:
        """Whoever steers under `grant` is gone."""
        ...

    def standing(self, grant: Grant) -> dict[str, Any]:
        """How it stands, for a page under `grant`: `held` (you, another or nothing), `patrol`, `patrols`."""
        ...


class Socket(Protocol):
    """A WebSocket as this file needs it."""

    async def receive(self, timeout_s: float) -> str | None:
        """The next text message; None when the connection is over; TimeoutError."""
        ...

    async def send(self, message: dict[str, Any]) -> None:
        """Sends an answer; nothing when the connection is over."""
        ...

    async def close(self, code: int) -> None:
        """Ends the connection."""
        ...


def denial(error: AccessDenied) -> dict[str, Any]:
    """The answer to somebody who may not."""
    word = "clock" if isinstance(error, ClockUntrusted) else {401: "grant", 403: "not-covered"}.get(error.status, "")
    return {"ok": False, "status": error.status, "error": word or "refused", "message": str(error)}


class Joystick:
    """One WebSocket from its first message to its end. `judge()` is the judge of the moment."""

    def __init__(
        self, socket: Socket, judge: Callable[[], GrantJudge], clock: Clock, camera: str, steering: Steering
    ) -> None:
        self._socket = socket
        self._judge = judge
        self._clock = clock
        self._camera = camera
        self._steering = steering
        self._token = ""
        self._waiting = 0

    async def talk(self) -> None:
        """Until the connection or the grant ends."""
        grant = await self._greet()
        if grant is None:
            return
        reason = "left"
        try:
            async with asyncio.TaskGroup() as orders:
                if not await self._take_orders(grant, orders):
                    reason = "grant-ended"
                    await self._socket.close(POLICY)
        finally:
            self._steering.leave(grant, reason)

    def _judged(self) -> Grant:
        grant = self._judge().judge(self._token, self._clock.wall())
        require(grant, self._camera, "ptz")
        return grant

    async def _greet(self) -> Grant | None:
        """The grant of the first message, or None after saying why there is none."""
        try:
            first = await self._socket.receive(FIRST_S)
        except TimeoutError:
            await self._socket.close(POLICY)
            return None
        if first is None:
            return None
        try:
            told = json.loads(first)
        except (ValueError, RecursionError):
            told = None
        if not isinstance(told, dict) or set(told) != {"grant"} or not isinstance(told["grant"], str):
            text = say(en='the first message is {"grant": ...}', fr='le premier message est {"grant": ...}')
            await self._socket.send({"ok": False, "status": 400, "error": "malformed", "message": text})
            await self._socket.close(POLICY)
            return None
        self._token = told["grant"]
        try:
            grant = self._judged()
        except AccessDenied as error:
            await self._socket.send(denial(error))
            await self._socket.close(POLICY)
            return None
        await self._socket.send({"ok": True, "status": 200})
        return grant

    async def _take_orders(self, grant: Grant, orders: asyncio.TaskGroup) -> bool:
        """True when the other side left, False when its grant has ended."""
        while True:
            try:
                message = await self._socket.receive(LOOK_S)
            except TimeoutError:
                message = ""
            if message is None:
                return True
            try:
                self._judged()
            except AccessDenied as error:
                await self._socket.send(denial(error))
                return False
            if not message:
                continue
            if self._waiting >= MOST_AT_ONCE:
                self._steering.count_refused()
                text = say(en="too many orders wait for their answers", fr="trop d'ordres en attente de réponse")
                await self._socket.send({"ok": False, "status": 429, "error": "flood", "message": text})
                continue
            self._waiting += 1
            orders.create_task(self._order(grant, message), name=f"steer-{self._camera}")

    async def _order(self, grant: Grant, message: str) -> None:
        try:
            status, body = await self._steering.steer(grant, message.encode())
        finally:
            self._waiting -= 1
        await self._socket.send({**body, "status": status})
