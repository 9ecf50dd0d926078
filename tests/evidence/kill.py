"""A mast that holds, releases, hands over and destroys until it dies; `test_kill.py` starts this program.

    python -m tests.evidence.kill FOLDER SEED POINTS

POINTS times a child opens the mast of FOLDER as the agent does, acts, and dies: by SIGKILL from outside at a random
moment, or from within at a change to the disk (where that is a write, after some of its bytes) or between two changes
of register and index. Another child starts the mast again and judges it (`judging.py`). It prints a line for each
point; what was found wrong begins with `FAULT`.
"""

import json
import os
import random
import signal
import sys
import time
import traceback
import uuid
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

from agent.access.demands import Demand, Export, Hold, Recipient, Release
from agent.errors import RegisterError, RequisitionRefused, TryLater, VaultError
from agent.evidence import shelf
from agent.evidence.desk import Desk
from agent.evidence.shelf import Shelf
from agent.register.bodies import AgentStarted
from agent.register.disk import Disk as RegisterDisk
from agent.register.ledger import Ledger
from agent.vault import Vault
from agent.vault.disk import Disk
from agent.vault.index import Index
from tests.evidence.rig import MAST, SMALL, TOWN, Book, House, mast_of
from tests.register.rig import DyingDisk as DyingRegisterDisk
from tests.vault.crash import DyingDisk
from tests.vault.rig import Feed, film, settings

WAYS = ("moment", "register", "vault", "call", "between", "shelf")
HOUR_MS = 3_600_000
GIB = 200e3 / 2**30
"""The ring's budget: some fifteen segments."""
SEGMENT_MS = 2000
LONGEST_LIFE_S = 1.2
STEPS = ("os.rename", "os.remove", "os.rmdir", "os.mkdir")


def die() -> None:
    """Without any clean-up."""
    os.kill(os.getpid(), signal.SIGKILL)


class Mast(House):
    """A house whose clock goes on where an earlier run's stood, and which opens in the agent's order."""

    def __init__(self, folder: Path) -> None:
        (folder / "judicial.pub").unlink(missing_ok=True)
        super().__init__(folder)
        self.now = folder / "now"
        if self.now.exists():
            self.clock.wall_ms = int(self.now.read_text()) + 1000

    def pass_ms(self, ms: int) -> None:
        """Time passes, and is kept."""
        self.clock.pass_ms(ms)
        fresh = self.now.with_suffix(".new")
        fresh.write_text(str(self.clock.wall_ms))
        fresh.replace(self.now)

    def begin(self, disk: Disk | None = None, register: RegisterDisk | None = None) -> None:
        """The agent starts: the vault, then the register, then the ring."""
        state = self.bench.state
        self.book = Book(state, self.identity, self.clock, town=TOWN, mast=MAST, disk=register)
        options = settings(self.keys.recipient, gib=GIB)
        self.vault = Vault(state, options, self.clock, self.identity, self.events, disk, self.book)
        self.vault.open()
        self.book.open()
        self.book.note(AgentStarted(version="2.0.0", configuration_sha256="ab" * 32))
        self.vault.keep()
        self.desk = Desk(mast_of(self), lambda: self.vault, self.book, self.clock)
        self.desk.tidy()


class Asking:
    """Who asks: writes down what is asked before it is, and what was answered after it was."""

    def __init__(self, mast: Mast, chance: random.Random) -> None:
        self.mast = mast
        self.chance = chance
        self.documents = mast.folder / "asked"
        self.documents.mkdir(exist_ok=True)
        self._log = os.open(mast.folder / "log", os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600)

    def _say(self, **told: Any) -> None:
        os.write(self._log, json.dumps(told).encode() + b"\n")

    def ask(self, demand: Demand) -> None:
        """A new requisition."""
        now_ms = self.mast.clock.wall_ms
        name = str(uuid.UUID(int=self.chance.getrandbits(128), version=4))
        document = self.mast.document(id=name, demand=demand, issued_ms=now_ms, expires_ms=now_ms + HOUR_MS)
        (self.documents / name).write_bytes(document)
        hold = demand.hold if isinstance(demand, Release) else ""
        self._say(ask=name, kind=type(demand).__name__, hold=hold, again=False)
        self._answer(name, document, again=False)

    def collect(self, name: str) -> None:
        """One that was answered, once more."""
        self._say(ask=name, kind="Export", hold="", again=True)
        self._answer(name, (self.documents / name).read_bytes(), again=True)

    def _answer(self, name: str, document: bytes, *, again: bool) -> None:
        try:
            answer = self.mast.desk.answer(document, again=again)
        except RequisitionRefused as error:
            self._say(refused=name, word=error.word)
        except (RegisterError, VaultError, TryLater) as error:
            self._say(refused=name, word=type(error).__name__)
        else:
            self._say(ack=name, entry=answer.entry, token=answer.token, until=answer.until_ms)


def live(mast: Mast, chance: random.Random) -> None:
    """Acts until it is killed."""
    feed, asking = Feed(), Asking(mast, chance)
    mast.vault.record("lane", feed, 1000)
    begin_90k = 900_000

    def record() -> None:
        nonlocal begin_90k
        for _ in range(chance.randrange(1, 4)):
            feed.put(film(SMALL, 50, mast.clock, begin_90k=begin_90k))
            begin_90k += 180_000
            mast.pass_ms(SEGMENT_MS)
        time.sleep(0.005)

    def interval() -> tuple[int, int]:
        rows = [row for row in mast.vault.forced("lane", 0, mast.clock.wall_ms) if row.live]
        if not rows or chance.random() < 0.1:
            return mast.clock.wall_ms - 30 * SEGMENT_MS, mast.clock.wall_ms
        start = chance.choice(rows).segment.start_ms
        return start, min(mast.clock.wall_ms, start + chance.randrange(1, 5) * SEGMENT_MS)

    def act() -> None:
        standing = mast.vault.holds.standing()
        match chance.choices(
            ("record", "export", "hold", "release", "again", "leap", "tidy"), (30, 20, 15, 15, 8, 6, 6)
        )[0]:
            case "export":
                asking.ask(Export(("lane",), *interval(), Recipient("Lt Leroy", "Commissariat de Lens")))
            case "hold":
                asking.ask(Hold(("lane",), *interval(), mast.clock.wall_ms + HOUR_MS + chance.randrange(1, HOUR_MS)))
            case "release" if held := [one.id for one in standing if one.act == "hold"]:
                asking.ask(Release(chance.choice(held)))
            case "again" if done := [one.id for one in standing if one.act == "export" and one.settled]:
                asking.collect(chance.choice(done))
            case "leap":
                mast.pass_ms(HOUR_MS // 2)
                mast.vault.poke()
            case "tidy":
                mast.desk.tidy()
            case _:
                record()

    while True:
        act()


def deadly(chance: random.Random, way: str) -> tuple[Disk | None, RegisterDisk | None]:
    """The disks of a mast that dies in this way; what is no disk's is arranged here."""
    point = int(chance.expovariate(1 / 25))
    if way == "register":
        return None, DyingRegisterDisk(point, chance.choice((-1, 0, 1, 100, chance.randrange(400))))
    if way == "vault":
        return DyingDisk(point, after=chance.random() < 0.5), None
    if way == "call":
        _die_at_call(point)
    elif way == "between":
        _die_between(point, chance)
    elif way == "shelf":
        _tear_a_file_of_a_pack(int(chance.expovariate(1 / 12)), chance)
    return None, None


def _die_at_call(point: int) -> None:
    left = point

    def hook(event: str, _: object) -> None:
        nonlocal left
        if event in STEPS:
            if left == 0:
                die()
            left -= 1

    sys.addaudithook(hook)


def _die_between(point: int, chance: random.Random) -> None:
    left, after = point // 2, chance.random() < 0.5

    def guarded(act: Callable[..., Any]) -> Callable[..., Any]:
        def inner(*values: Any, **named: Any) -> Any:
            nonlocal left
            mine, left = left == 0, left - 1
            if mine and not after:
                die()
            result = act(*values, **named)
            if mine:
                die()
            return result

        return inner

    for owner, name in (
        (Ledger, "enter"),
        (Index, "add"),
        (Index, "change"),
        (Index, "begin_eviction"),
        (Index, "end_eviction"),
        (Shelf, "put"),
    ):
        setattr(owner, name, guarded(getattr(owner, name)))


def _tear_a_file_of_a_pack(point: int, chance: random.Random) -> None:
    left, whole = point, shelf.write_flushed

    def torn(path: Path, content: bytes, mode: int = 0o600) -> None:
        nonlocal left
        if left == 0:
            path.write_bytes(content[: chance.randrange(len(content) + 1)])
            die()
        left -= 1
        whole(path, content, mode)

    shelf.write_flushed = torn


def run(folder: Path, seed: str, way: str) -> None:
    """A child's life."""
    chance = random.Random(seed)
    disk, register = deadly(chance, way)
    mast = Mast(folder)
    mast.begin(disk, register)
    live(mast, chance)


def forked(act: Callable[[], None], seconds: float) -> int:
    """How a child ends that does it; killed after so long. 0: as it should, negative: by that signal."""
    child = os.fork()
    if child == 0:
        status = 1
        try:
            act()
            status = 0
        except BaseException:
            traceback.print_exc()
        finally:
            os._exit(status)
    end = time.monotonic() + seconds
    while (done := os.waitpid(child, os.WNOHANG))[0] == 0:
        if time.monotonic() > end:
            os.kill(child, signal.SIGKILL)
            done = os.waitpid(child, 0)
            break
        time.sleep(0.002)
    return os.waitstatus_to_exitcode(done[1])


def main(folder: Path, seed: int, points: int) -> None:
    """Goes through the points."""
    from tests.evidence.judging import judge

    film(SMALL, 50)  # encoded once, before the children are made
    folder.mkdir(exist_ok=True)
    Mast(folder)  # keys and identity, for all of them
    chance = random.Random(seed)
    for point in range(points):
        way = WAYS[point % len(WAYS)]
        lives_s = chance.uniform(0.02, 0.5) if way == "moment" else LONGEST_LIFE_S
        mine = f"{seed}/{point}"
        ended = forked(partial(run, folder, mine, way), lives_s)
        judged = forked(partial(judge, folder, mine), 120)
        fault = "" if judged == 0 else f"FAULT {judged} "
        print(f"{fault}{point} {way} {ended}", flush=True)
        if ended not in (-signal.SIGKILL, 9) or judged:
            return


if __name__ == "__main__":
    main(Path(sys.argv[1]), int(sys.argv[2]), int(sys.argv[3]))
