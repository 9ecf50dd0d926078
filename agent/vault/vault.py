"""The vault as the mast sees it: opens the state directory, records cameras, keeps the ring.

    vault = Vault(state, settings, clock, identity, emit)
    vault.open()                                     # blocks: lock, index, recovery after a power cut
    clock.raise_floor(vault.last_recorded_utc_ns())
    vault.keep()                                     # the register is open by now: the ring may destroy
    recorder = vault.record("parvis-fixed", source, bitrate_kbps=4000)
    ...
    vault.close()                                    # seals what is open

`open`, `record`, `Recorder.stop` and `close` wait for the disk: call them in a thread. Everything else never blocks.
"""

from collections.abc import Collection
from pathlib import Path

from agent.clock import Clock
from agent.config import Vault as Settings
from agent.errors import VaultError
from agent.events import Emit, PowerCutFound
from agent.identity import DeviceIdentity
from agent.language import say
from agent.queues import UnitSource
from agent.register.ledger import Ledger
from agent.vault.booking import Book
from agent.vault.disk import Disk
from agent.vault.holds import Holds, Kept
from agent.vault.index import FILE, Index
from agent.vault.keeper import Keeper
from agent.vault.lock import StateLock
from agent.vault.reasons import why
from agent.vault.recorder import Recorder, Tools
from agent.vault.recovery import recover
from agent.vault.rotation import schedule
from agent.vault.rows import SegmentRow
from agent.vault.sealing import Sealers
from agent.vault.storage import Storage


class Vault:
    """All recordings of one mast, under one state directory."""

    def __init__(
        self,
        state: Path,
        settings: Settings,
        clock: Clock,
        identity: DeviceIdentity,
        emit: Emit,
        disk: Disk | None = None,
        ledger: Ledger | None = None,
        lock: StateLock | None = None,
    ) -> None:
        self._state = state
        self._settings = settings
        self._clock = clock
        self._identity = identity
        self._emit = emit
        self._ledger = ledger
        self.found = 0
        """Segments that an earlier run left open, as of `open`."""
        self._storage = Storage(state, disk or Disk())
        self._lock = lock or StateLock(state)
        self._locked = False
        self._index: Index | None = None
        self._keeper: Keeper | None = None
        self._recorders: list[Recorder] = []

    def open(self) -> None:
        """Takes the state directory, recovers it, starts the ring where its register is open (else `keep` does).

        VaultBusy, or VaultError with the mend.
        """
        try:
            self._lock.take()
            self._locked = True
            self._index = Index(self._state / FILE)
            found = recover(self._storage, self._index, self._identity.sign)
            book = None if self._ledger is None else Book(self._index, self._ledger, self._clock)
            tools = (self._index, self._storage, self._settings, self._clock, self._open_bytes)
            self._keeper = Keeper(*tools, book, self._ledger)
            if self._ledger is None or self._ledger.opened:
                self._keeper.start()
        except OSError as error:
            self.close()
            raise VaultError(f"{self._state}: {why(error)}") from error
        except VaultError:
            self.close()
            raise
        self.found = found
        if found:
            self._emit(PowerCutFound(found))

    def keep(self) -> None:
        """Starts the ring, where `open` could not yet: a register that was opened after it hears of what goes first."""
        self._opened()[1].start()

    def record(self, camera_id: str, source: UnitSource, bitrate_kbps: int) -> Recorder:
        """Starts recording a camera at the next keyframe of `source`."""
        index, keeper = self._opened()
        tools = Tools(
            self._storage,
            index,
            Sealers(schedule(self._settings)),
            self._identity.sign,
            self._clock,
            self._emit,
            keeper.poke,
            keeper.require_room,
        )
        recorder = Recorder(camera_id, source, bitrate_kbps, self._settings.segment_seconds, tools)
        self._recorders = [*(one for one in self._recorders if not one.ended), recorder]
        recorder.start()
        return recorder

    def close(self) -> None:
        """Stops all recorders, seals what is open, lets go of the state directory. Can be called twice."""
        recorders, self._recorders = self._recorders, []
        for recorder in recorders:
            recorder.end()
        stuck = [one for one in recorders if not one.stop()]
        if stuck:
            return  # their threads hold the index; the process's end lets go of the lock
        keeper, self._keeper = self._keeper, None
        if keeper is not None:
            keeper.stop()
        index, self._index = self._index, None
        if index is not None:
            index.close()
        locked, self._locked = self._locked, False
        if locked:
            self._lock.release()

    def buffer_hours(self) -> float:
        """How far back the ring reaches, as of its last round."""
        return 0.0 if self._keeper is None else self._keeper.buffer_hours

    def disk_free_bytes(self) -> int:
        """Free space under the state directory, as of the ring's last round."""
        return 0 if self._keeper is None else self._keeper.disk_free_bytes

    def held_share(self) -> float:
        """How much of the budget is held for requisitions, as of the ring's last round."""
        return 0.0 if self._keeper is None else self._keeper.held_share

    def crowded(self) -> bool:
        """Whether holds leave no room, so that recording waits, as of the ring's last round."""
        return self._keeper is not None and self._keeper.crowded

    @property
    def state(self) -> Path:
        """Where names are relative to."""
        return self._state

    @property
    def holds(self) -> Holds:
        """What requisitions keep."""
        return Holds(self._opened()[0])

    def cameras(self) -> frozenset[str]:
        """Those that ever recorded here."""
        return frozenset(self._opened()[0].recorded())

    def forced(self, camera: str, from_ms: int, to_ms: int) -> list[SegmentRow]:
        """The rows of a camera that have pictures of [from_ms, to_ms), UTC: whole segments, gone ones too."""
        return self._opened()[0].forced(camera, from_ms, to_ms)

    def is_settled(self, cameras: Collection[str], to_ms: int) -> bool:
        """False while a segment is open that may hold pictures from before `to_ms`."""
        since = (one.open_since_ms for one in self._recorders if one.camera in cameras)
        return not any(one is not None and one < to_ms for one in since)

    def enter_sealed(self) -> None:
        """What was sealed up to now is in the register when this returns, where that can be written. Waits."""
        self._opened()[1].enter_sealed()

    def release(self, kept: Kept, reason: str) -> None:
        """As `Keeper.release`."""
        self._opened()[1].release(kept, reason)

    def agree(self) -> None:
        """As `Keeper.agree`."""
        self._opened()[1].agree()

    def poke(self) -> None:
        """A round of the ring soon: something was let go."""
        self._opened()[1].poke()

    def last_recorded_utc_ns(self) -> int:
        """The greatest start or end in the index, 0 without any: wall time below it cannot be right."""
        index, _ = self._opened()
        return (index.last_recorded_ms() or 0) * 1_000_000

    def _opened(self) -> tuple[Index, Keeper]:
        if self._index is None or self._keeper is None:
            raise VaultError(say(en="the vault is not open", fr="le coffre n'est pas ouvert"))
        return self._index, self._keeper

    def _open_bytes(self) -> int:
        return sum(one.open_bytes() for one in self._recorders)
