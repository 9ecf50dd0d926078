"""`vigie aim approve` as the running agent answers it."""

from collections.abc import Callable
from concurrent.futures import Future
from pathlib import Path
from typing import Any

import pytest

from agent.aim import desk
from agent.aim.desk import ApprovalDesk
from agent.aim.guard import AimGuard, Answer
from agent.aim.references import AimState
from agent.aim.store import AimStore
from agent.errors import RegisterError
from agent.register.bodies import AimApproved, Entered
from tests.aim.street import Clock


class Guard(AimGuard):
    """Answers as the test wants, without a camera."""

    def __init__(self, store: AimStore, word: Answer | None) -> None:
        super().__init__("rue", store, Clock(), lambda event: None)
        self.word, self.store, self.withdrawn = word, store, False
        self.heard: list[str] = []

    def approve(self, by: str) -> "Future[Answer]":
        self.heard.append(by)
        answer: Future[Answer] = Future()
        if self.word is not None:
            self.store.put("rue", AimState(masks="approved"))
            answer.set_result(self.word)
        return answer

    def withdraw(self, answer: "Future[Answer]") -> None:
        self.withdrawn = True


ENTERED: list[Entered] = []


def enter(body: Entered) -> int:
    ENTERED.append(body)
    return 412


async def answered(
    store: AimStore, guard: AimGuard | None, enter: Callable[[Entered], int] = enter, **request: Any
) -> object:
    return await ApprovalDesk(store, lambda name: guard if name == "rue" else None, enter).answer(request)


async def test_who_approves_is_entered_first_and_the_guard_hears_the_entry_and_no_name(tmp_path: Path) -> None:
    guard = Guard(AimStore(tmp_path), "approved")
    ENTERED.clear()
    assert await answered(AimStore(tmp_path), guard, camera="rue", by="C. Durand") == {"ok": True}
    assert [AimApproved(camera="rue", by="C. Durand")] == ENTERED
    assert guard.heard == ["entry 412"]


async def test_a_register_that_cannot_be_written_refuses_the_approval(tmp_path: Path) -> None:
    def full(body: Entered) -> int:
        raise RegisterError("full")

    guard = Guard(AimStore(tmp_path), "approved")
    answer = await answered(AimStore(tmp_path), guard, full, camera="rue", by="C. Durand")
    assert (answer, guard.heard) == ({"ok": False, "word": "register"}, [])


async def test_yes_is_said_when_it_is_on_disk(tmp_path: Path) -> None:
    store = AimStore(tmp_path)
    assert await answered(store, Guard(store, "approved"), camera="rue", by="C. Durand") == {"ok": True}
    kept = AimStore(tmp_path).load("rue")
    assert kept is not None
    assert kept.masks == "approved"


async def test_a_disk_that_refuses_is_told(tmp_path: Path) -> None:
    store = AimStore(tmp_path)
    (tmp_path / "aim").write_text("in the way")
    assert await answered(store, Guard(store, "approved"), camera="rue", by="C. Durand") == {
        "ok": False,
        "word": "not-written",
    }


@pytest.mark.parametrize("by", ["", "  ", "a\nb", "x" * 101, 7, None])
async def test_a_name_that_cannot_be_written_down_is_refused(tmp_path: Path, by: object) -> None:
    store = AimStore(tmp_path)
    told = await answered(store, Guard(store, "approved"), camera="rue", by=by)
    assert told == {"ok": False, "word": "malformed"}


async def test_a_camera_that_turns_or_is_unknown_has_no_aim(tmp_path: Path) -> None:
    store = AimStore(tmp_path)
    assert await answered(store, None, camera="rue", by="C. Durand") == {"ok": False, "word": "unknown-camera"}


async def test_a_camera_without_pictures_does_not_keep_the_command_waiting(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(desk, "APPROVAL_S", 0.1)
    monkeypatch.setattr(desk, "MARGIN_S", 0.1)
    store = AimStore(tmp_path)
    guard = Guard(store, None)
    assert await answered(store, guard, camera="rue", by="C. Durand") == {"ok": False, "word": "no-picture"}
    assert guard.withdrawn
