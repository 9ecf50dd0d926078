"""`vigie aim approve` as the running agent answers it: who it is in the register first, then new references, on disk,
before it says yes.

desk = ApprovalDesk(store, guard_of, ledger.enter)
await desk.answer({"camera": "parvis-fixed", "by": "C. Durand"})      # {"ok": True}, or {"ok": False, "word": ...}
"""

import asyncio
import logging
from collections.abc import Callable, Mapping

from agent.aim.guard import APPROVAL_S, AimGuard
from agent.aim.store import AimStore
from agent.errors import RegisterError
from agent.faults import is_plain
from agent.register.bodies import AimApproved, Entered

log = logging.getLogger(__name__)

MARGIN_S = 2.0
"""A camera that sends no picture never comes to an end by itself."""
LONGEST_NAME = 100

Json = Mapping[str, object]


class ApprovalDesk:
    """Of one mast; `guard_of` gives a still camera's guard, None where there is no such camera."""

    def __init__(
        self, store: AimStore, guard_of: Callable[[str], AimGuard | None], enter: Callable[[Entered], int]
    ) -> None:
        self._store = store
        self._guard_of = guard_of
        self._enter = enter

    async def answer(self, request: Json) -> Json:
        """Waits for the references and the disk."""
        word = await self._carry_out(request.get("camera"), request.get("by"))
        return {"ok": True} if word == "approved" else {"ok": False, "word": word}

    async def _carry_out(self, camera: object, by: object) -> str:
        if not isinstance(camera, str) or not isinstance(by, str) or not is_name(by):
            return "malformed"
        guard = self._guard_of(camera)
        if guard is None:
            return "unknown-camera"
        try:
            entry = await asyncio.to_thread(self._enter, AimApproved(camera=camera, by=by))
        except RegisterError as error:
            log.error("%s", error)
            return "register"
        answer = guard.approve(approver(entry))
        try:
            async with asyncio.timeout(APPROVAL_S + MARGIN_S):
                word = await asyncio.wrap_future(answer)
        except TimeoutError:
            guard.withdraw(answer)
            return "no-picture"
        if word == "approved":
            try:
                await asyncio.to_thread(self._store.flush)
            except OSError as error:
                log.error("%s", error)
                return "not-written"
        return word


def approver(entry: int) -> str:
    """What the aim's file says of who approved."""
    return f"entry {entry}"


def is_name(by: str) -> bool:
    """True for what can be written down as who approved."""
    return bool(by.strip()) and len(by) <= LONGEST_NAME and is_plain(by)
