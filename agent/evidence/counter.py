"""The desk as the event loop sees it: over HTTP and at the box, without ever blocking the loop.

    counter = Counter(desk)
    tasks.create_task(counter.run(), name="requisitions")
    answer = await counter.answer(document)

Laws
- Each document is judged before it waits for anybody, by a thread of its own: what is malformed, forged, expired or
  answered takes no place, and one requisition takes one place however often it is sent. What a stranger sends costs
  that thread some milliseconds at most; `MOST_AT_THE_DOOR` may wait for it.
- Requisitions are answered one at a time by a thread of their own; `MOST_WAITING` may wait, others try later. When
  its turn comes each is judged anew: it may have expired meanwhile.
- Refusals are entered by a thread of their own: a slow disk holds up nobody who is judged.
- Downloads read in threads of their own, so that a slow disk holds up no answer.
"""

import asyncio
import logging
from collections.abc import Callable, Mapping
from concurrent.futures import ThreadPoolExecutor
from typing import TypeVar

from agent.access.demands import Requisition
from agent.errors import RegisterError, RequisitionRefused, TryLater, VaultError
from agent.evidence.desk import Answer, Desk, Refusal
from agent.evidence.download import Zip
from agent.language import say

log = logging.getLogger(__name__)

MOST_AT_THE_DOOR = 64
MOST_WAITING = 4
TIDY_S = 60.0
WAIT_S = 10.0
_Got = TypeVar("_Got")


class Counter:
    """See the module."""

    def __init__(self, desk: Desk) -> None:
        self.desk = desk
        self._judging = ThreadPoolExecutor(1, thread_name_prefix="requisitions-door")
        self._entering = ThreadPoolExecutor(1, thread_name_prefix="requisitions-refused")
        self._answering = ThreadPoolExecutor(1, thread_name_prefix="requisitions")
        self._reading = ThreadPoolExecutor(1, thread_name_prefix="packs")
        self._at_the_door = 0
        self._waiting: set[str] = set()

    async def answer(self, document: bytes, *, again: bool = False) -> Answer:
        """As `Desk.answer`; TryLater also when too many wait, or this one does already."""
        requisition = await self._considered(document, again)
        if isinstance(requisition, Refusal):
            refusal = requisition
            await self._in(self._entering, lambda: self.desk.enter_refusal(refusal))
            raise refusal.error
        if len(self._waiting) >= MOST_WAITING or requisition.id in self._waiting:
            raise _busy()
        self._waiting.add(requisition.id)
        try:
            return await self._in(self._answering, lambda: self.desk.answer(document, again=again))
        finally:
            self._waiting.discard(requisition.id)

    async def _considered(self, document: bytes, again: bool) -> Requisition | Refusal:
        if self._at_the_door >= MOST_AT_THE_DOOR:
            raise _busy()
        self._at_the_door += 1
        try:
            return await self._in(self._judging, lambda: self.desk.consider(document, again=again))
        finally:
            self._at_the_door -= 1

    def unheard(self, requisition: str) -> None:
        """As `Desk.unheard`."""
        self.desk.unheard(requisition)

    async def download(self, requisition: str, token: str) -> Zip | None:
        """As `Desk.download`."""
        return await self._in(self._reading, lambda: self.desk.download(requisition, token))

    async def _in(self, pool: ThreadPoolExecutor, act: Callable[[], _Got]) -> _Got:
        return await asyncio.get_running_loop().run_in_executor(pool, act)

    async def at_the_box(self, request: Mapping[str, object]) -> Mapping[str, object]:
        """`{"command":"export","document":...,"again":false}` over the control socket."""
        document = request.get("document")
        if not isinstance(document, str):
            return {"ok": False, "word": "malformed"}
        try:
            answer = await self.answer(document.encode(), again=request.get("again") is True)
        except (RequisitionRefused, TryLater) as error:
            return {"ok": False, "word": error.word, "message": str(error)}
        except (RegisterError, VaultError) as error:
            word = "register" if isinstance(error, RegisterError) else "vault"
            return {"ok": False, "word": word, "message": str(error)}
        return {"ok": True, **answer.as_json()}

    async def run(self) -> None:
        """Takes away packs whose time is over, until cancelled."""
        while True:
            try:
                # in its turn as an answer: among downloads it would make them wait for who is being answered
                await self._in(self._answering, self.desk.tidy)
            except (OSError, VaultError) as error:
                log.error("packs that nobody fetched: %s", error)
            await asyncio.sleep(TIDY_S)

    def close(self) -> None:
        """Nobody is served any more; what is being answered ends."""
        for pool in (self._judging, self._answering, self._entering, self._reading):
            pool.shutdown(wait=True, cancel_futures=True)


def _busy() -> TryLater:
    text = say(en="other requisitions are being answered", fr="d'autres réquisitions sont en traitement")
    return TryLater(text, 503, "busy", WAIT_S)
