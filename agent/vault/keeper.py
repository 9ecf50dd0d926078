"""The ring's keeper: carries out what `ring.py` decides, and remembers how much room there is.

Laws
- A row is marked before its file goes and again after: a power cut in between is finished by the next round. In
  between its destruction is entered in the register; where it cannot be, the file goes all the same and the row waits.
- To let a segment go, the index must write; on a full disk the ballast file goes first and gives it the room.
- Room is judged once a round: a file that is deleted and still open somewhere frees nothing, and must not pull the
  whole ring after it.
- Holds whose date has come end first, so that what they kept goes in the same round. Where what is left is held,
  recording pauses (`require_room`): that is told as a loss, and never done by taking what is held.
- It runs after each sealed segment and every ten seconds, in a thread of its own; a failing disk ends a round, never
  the thread.
"""

import logging
import threading
from collections.abc import Callable, Sequence

from agent.clock import Clock
from agent.config import Vault as Settings
from agent.errors import RegisterError, VaultError
from agent.language import say
from agent.register.ledger import Ledger
from agent.vault.booking import Book
from agent.vault.holds import Holds, Kept
from agent.vault.index import Index
from agent.vault.reasons import why
from agent.vault.releasing import close_unheld, finish, release, release_due
from agent.vault.ring import Eviction, Room, age_cutoff_ms, crowded, too_much, too_old
from agent.vault.storage import Storage

logger = logging.getLogger(__name__)

EVERY_S = 10.0
STOP_S = 30.0
BATCH = 256
AHEAD_MS = 60_000
"""Once one is too old, those go with it that would be within a minute: one entry in the register for all of them, and
not one a segment. Early and never late, because the law's month is a ceiling (CSI L252-5). Only what a synchronised
clock timed goes ahead: unsynchronised time never destroys early.
"""


class Keeper:
    """Keeps the ring within its budget, its retention and the disk."""

    def __init__(
        self,
        index: Index,
        storage: Storage,
        settings: Settings,
        clock: Clock,
        open_bytes: Callable[[], int],
        book: Book | None = None,
        ledger: Ledger | None = None,
    ) -> None:
        self._index = index
        self._storage = storage
        self._settings = settings
        self._clock = clock
        self._open_bytes = open_bytes
        self._ledger = ledger
        self._finished = False
        self._holds = Holds(index)
        self._book = book
        self._removed: set[int] = set()
        self._round = threading.Lock()
        self._wake = threading.Event()
        self._stopping = False
        self._thread = threading.Thread(target=self._run, name="vault-ring", daemon=True)
        self.buffer_hours = 0.0
        self.disk_free_bytes = 0
        self.held_share = 0.0
        self.crowded = False

    def start(self) -> None:
        """Begins with a round at once; twice is once."""
        if self._thread.ident is None:
            self._thread.start()

    def poke(self) -> None:
        """A round soon; never blocks."""
        self._wake.set()

    def stop(self) -> None:
        """Ends after the round that runs."""
        self._stopping = True
        self._wake.set()
        if self._thread.ident is not None:
            self._thread.join(STOP_S)

    def enter_sealed(self) -> None:
        """What was sealed up to now is entered now, where the register can be written."""
        with self._round:
            if self._book is not None:
                self._book.sealed(now=True)

    def require_room(self) -> None:
        """VaultError while holds leave no room for recording, as of the last round."""
        if self.crowded:
            raise VaultError(
                say(
                    en="what is held for requisitions leaves no room to record; raise vault.max_gib or fit a larger "
                    "disk, or have holds released",
                    fr="ce qui est conservé sur réquisition ne laisse plus de place pour enregistrer ; augmenter "
                    "vault.max_gib ou le disque, ou faire lever des conservations",
                )
            )

    def _run(self) -> None:
        stopping = False
        while not stopping:
            self._wake.clear()
            stopping = self._stopping  # one more round after that: what was sealed last counts too
            try:
                self.round()
            except (OSError, VaultError) as error:
                logger.error("the ring cannot be kept: %s", why(error))
            if not stopping:
                self._wake.wait(EVERY_S)

    def round(self) -> None:
        """One round, now and in this thread: finish what was begun, then age, then room."""
        with self._round:
            try:
                self._turn()
            except (OSError, VaultError):
                if not self._storage.drop_ballast():
                    raise
                self._turn()
            if self._book is not None:
                self._book.sealed(now=self._stopping)
            self._storage.take_ballast()
            self._remember()

    def _turn(self) -> None:
        self._release()
        self._finish(self._index.evicting())
        self._evict(self._old())
        self._evict(self._surplus())

    def _release(self) -> None:
        if self._ledger is None:
            return
        try:
            self._finish_releases(self._ledger)
            self._finished = False
            ended = release_due(self._holds, self._clock.wall(), self._ledger.enter)
            self._finished = True
        except (RegisterError, OSError) as error:  # a register that cannot be read keeps no room from anybody
            logger.error("a hold whose date has come stays: %s", error)
            return
        for one in ended:
            logger.warning("%s: its hold has ended", one.reference)

    def _finish_releases(self, ledger: Ledger) -> None:
        """What a cut or a fault left entered and not done; once, until something is entered anew."""
        if not self._finished:
            finish(self._holds, ledger)
            self._finished = True

    def release(self, kept: Kept, reason: str) -> None:
        """Ends a requisition's hold, entered first; where it has ended already nothing is done. RegisterError."""
        ledger = self._required()
        with self._round:
            self._finish_releases(ledger)
            now = self._holds.find(kept.id)
            if now is not None and not now.ended:
                self._finished = False
                release(self._holds, now, reason, ledger.enter)
                self._finished = True

    def agree(self) -> None:
        """What the register says is held is held when this returns; nobody may be answered meanwhile. RegisterError."""
        ledger = self._required()
        with self._round:
            self._finish_releases(ledger)
            close_unheld(self._holds, ledger)

    def _required(self) -> Ledger:
        if self._ledger is None:
            raise RegisterError(say(en="no register is kept here", fr="aucun registre n'est tenu ici"))
        return self._ledger

    def _old(self) -> Sequence[Eviction]:
        cutoff_ms = age_cutoff_ms(self._clock.wall(), self._settings.retention_days)
        if cutoff_ms is None or not too_old(self._index.aged(cutoff_ms, BATCH), cutoff_ms):
            return ()
        return too_old(self._index.aged(cutoff_ms + AHEAD_MS, BATCH), cutoff_ms, AHEAD_MS)

    def _surplus(self) -> Sequence[Eviction]:
        return too_much(self._index.oldest(BATCH), self._room(), self._budget_bytes())

    def _room(self) -> Room:
        free_bytes, disk_bytes = self._storage.space()
        return Room(self._index.live_bytes, self._open_bytes(), free_bytes, disk_bytes)

    def _budget_bytes(self) -> int:
        return int(self._settings.max_gib * 2**30)

    def _evict(self, evictions: Sequence[Eviction]) -> None:
        if not evictions:
            return
        if any(one.rule == "disk" for one in evictions):
            logger.warning("the disk is nearly full: %d segments go before their time", len(evictions))
        self._index.begin_eviction((one.seq, one.rule) for one in evictions)
        self._finish([(one.seq, one.name) for one in evictions])

    def _finish(self, begun: Sequence[tuple[int, str]]) -> None:
        if not begun:
            return
        seqs = [seq for seq, _ in begun]
        entered = seqs if self._book is None else self._book.destroyed(seqs)
        going = [(seq, name) for seq, name in begun if seq not in self._removed]
        self._storage.destroy(name for _, name in going)
        self._index.end_eviction(entered, self._clock.wall().utc_ms)
        self._removed = (self._removed | set(seqs)) - set(entered)
        self._storage.prune({name.rpartition("/")[0] for _, name in going})

    def _remember(self) -> None:
        span = self._index.span_ms()
        self.buffer_hours = 0.0 if span is None else max(0, span[1] - span[0]) / 3_600_000
        room, held_bytes = self._room(), self._index.held_bytes()
        self.disk_free_bytes = room.free_bytes
        self.held_share = held_bytes / self._budget_bytes()
        self.crowded = crowded(held_bytes, room, bool(self._index.oldest(1)), self._budget_bytes())
