"""The register as the rest of the agent writes it, whatever the disk does: a mast without a register records on.

    ledger = Ledger(state, identity, clock, town="lievin", mast="lievin-042")
    ledger.open()                               # never raises; `fault` says what is wrong
    number = ledger.enter(ViewRequested(...))   # on disk, or RegisterError: the caller refuses the act
    ledger.note(BlindBegan(...))                # what goes on all the same: None when it could not be entered

Laws
- `enter` returns only when the entry is on disk. Whatever must be in the register first does not happen otherwise.
- A register that cannot be opened is tried anew each `RETRY_S` at most; one that refuses a write, at each entry.
- When it can be written again, the first thing that it says is since when it could not, and how many notes it misses.
- Any thread may call. Everything may wait for the disk; from the event loop call it in a thread.
"""

import logging
import threading
from collections.abc import Callable, Collection, Iterator, Sequence
from functools import partial
from pathlib import Path
from typing import TypeVar

from agent.clock import Clock, Instant, rfc3339
from agent.errors import EntryRefused, NoteRefused, RegisterError
from agent.faults import one_line
from agent.identity import DeviceIdentity
from agent.language import say
from agent.register.bodies import Entered, RegisterResumed
from agent.register.disk import Disk
from agent.register.entries import Entry, origin
from agent.register.notes import Key
from agent.register.register import Register, device_key

log = logging.getLogger(__name__)

RETRY_S = 10.0
LONGEST_CAUSE = 500
T = TypeVar("T")


class Ledger:
    """See the module. `fault`: why the register cannot be written, empty when it can."""

    def __init__(
        self, state: Path, identity: DeviceIdentity, clock: Clock, *, town: str, mast: str, disk: Disk | None = None
    ) -> None:
        self.key: Key = device_key(identity, origin(town, mast))
        self.fault = say(en="the register is not open", fr="le registre n'est pas ouvert")
        self._open_register: Callable[[], Register] = partial(
            Register.open, state, identity, clock, town=town, mast=mast, disk=disk
        )
        self._clock = clock
        self._turn = threading.RLock()
        self._register: Register | None = None
        self._tried: Instant | None = None
        self._since_ms = 0
        self._missed = 0
        self._closed = True
        self.head = (0, "")
        """(size, checkpoint) of the last entry: read without waiting for who writes."""

    def open(self) -> None:
        """Opens the register, or says why not in `fault`; `look` tries again."""
        with self._turn:
            self._closed, self._tried, self.fault = False, None, ""
            self.look()

    @property
    def opened(self) -> bool:
        """Whether `open` was called: from then on `fault` is the disk's."""
        return not self._closed

    def look(self) -> None:
        """Tries again what failed; ten seconds apart by whoever keeps time."""
        with self._turn:
            try:
                self._standing()
            except RegisterError as error:
                log.debug("%s", error)

    def close(self) -> None:
        """Lets go of the files; whatever is asked afterwards raises RegisterError."""
        with self._turn:
            self._closed = True
            self.fault = say(en="the register is closed", fr="le registre est fermé")
            register, self._register = self._register, None
            if register is not None:
                register.close()

    # --- entering ---

    def enter(self, body: Entered) -> int:
        """Enters `body`; its number, once it is on disk. RegisterError: it is not entered, and the act is refused."""
        with self._turn:
            return self._written(lambda register: register.append(body))

    def note(self, body: Entered) -> int | None:
        """Enters what happens all the same; None, counted and told, when it could not be entered."""
        with self._turn:
            try:
                return self.enter(body)
            except EntryRefused as error:  # the register is well; this is a mistake of ours or a stranger's text
                log.error("%s: %s", body.kind, error)
            except RegisterError:
                self._missed += 1
            return None

    def add_cosignature(self, answer: str, size: int, witnesses: Sequence[Key]) -> tuple[int, ...]:
        """As `Register.add_cosignature`."""
        with self._turn:
            return self._written(lambda register: register.add_cosignature(answer, size, witnesses))

    def expire(self, keep_days: int) -> int:
        """As `Register.expire`."""
        with self._turn:
            return self._written(lambda register: register.expire(keep_days))

    def _written(self, act: Callable[[Register], T]) -> T:
        register = self._standing()
        try:
            done = act(register)
        except (EntryRefused, NoteRefused):
            raise
        except RegisterError as error:
            self._fail(error)
            raise
        self._keep_head(register)
        return done

    def _keep_head(self, register: Register) -> None:
        self.head = (register.size, register.checkpoint())

    def _standing(self) -> Register:
        """The register, open, and its last fault entered."""
        if self._closed:
            raise RegisterError(self.fault)
        if self._register is None:
            self._register = self._opened()
            self._keep_head(self._register)
        if self.fault:
            told = RegisterResumed(
                since=rfc3339(self._since_ms), missed=self._missed, cause=one_line(self.fault)[:LONGEST_CAUSE]
            )
            self._register.append(told)
            log.warning(say(en="the register can be written again", fr="le registre peut de nouveau être écrit"))
            self.fault, self._missed = "", 0
            self._keep_head(self._register)
        return self._register

    def _opened(self) -> Register:
        now = self._clock.instant()
        if self._tried is not None and now - self._tried < RETRY_S * 1e9:
            raise RegisterError(self.fault)
        self._tried = now
        try:
            return self._open_register()
        except RegisterError as error:
            self._fail(error)
            raise

    def _fail(self, error: RegisterError) -> None:
        if not self.fault:
            self._since_ms, self._missed = self._clock.wall().utc_ms, 0
        if self.fault != str(error):
            self.fault = str(error)
            log.error("%s", error)

    # --- reading ---

    def _asked(self) -> Register:
        with self._turn:
            if self._register is None:
                raise RegisterError(self.fault)
            return self._register

    @property
    def size(self) -> int:
        """How many entries there have ever been; 0 while it is not open."""
        register = self._register
        return 0 if register is None else register.size

    def last_ms(self) -> int:
        """When the last entry says that it was made, UTC ms; 0 without any: wall time below it cannot be right."""
        return self._asked().last_ms

    def checkpoint(self, size: int | None = None) -> str:
        """As `Register.checkpoint`."""
        return self._asked().checkpoint(size)

    def witnessed(self) -> str | None:
        """As `Register.witnessed`."""
        return self._asked().witnessed()

    def inclusion_proof(self, index: int, size: int | None = None) -> tuple[bytes, ...]:
        """As `Register.inclusion_proof`."""
        return self._asked().inclusion_proof(index, size)

    def consistency_proof(self, old: int, new: int | None = None) -> tuple[bytes, ...]:
        """As `Register.consistency_proof`."""
        return self._asked().consistency_proof(old, new)

    def entries(
        self, since_ms: int | None = None, until_ms: int | None = None, kinds: Collection[str] | None = None
    ) -> Iterator[Entry]:
        """As `Register.entries`."""
        return self._asked().entries(since_ms, until_ms, kinds)

    def newest(self, kinds: Collection[str] | None = None) -> Iterator[Entry]:
        """As `Register.newest`."""
        return self._asked().newest(kinds)
