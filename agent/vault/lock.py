"""A state directory belongs to one process at a time: `<state>/lock`, an exclusive flock(2) that goes with its process.

    with StateLock(state, "vigie export"):      # VaultBusy says who has it
        Vault(..., lock=lock)                   # takes it once more and lets go of its share

Law: whoever has the lock may take it again, and the state is free when the last share is let go. The file says who
holds it, for people only: what is written there decides nothing.
"""

import fcntl
import os
import re
from contextlib import suppress
from pathlib import Path
from types import TracebackType
from typing import Self

from agent.errors import VaultBusy
from agent.language import say

LOCK = "lock"
AGENT = "vigie run"
_HOLDER = re.compile(rb"(\d{1,10}) (vigie [a-z ]{1,30})\n")
_MOST_BYTES = 64


class StateLock:
    """One process's hold on `state`; `holder`: the command that others are told. Not thread-safe."""

    def __init__(self, state: Path, holder: str = AGENT) -> None:
        self._state = state
        self._holder = holder
        self._descriptor: int | None = None
        self._shares = 0

    def take(self) -> None:
        """Makes the state directory 0700 if need be and locks it, or takes another share. VaultBusy, OSError."""
        if self._descriptor is None:
            self._descriptor = self._locked()
        self._shares += 1

    def release(self) -> None:
        """Gives a share back; with the last one the state is free. Nothing where none was had."""
        self._shares = max(0, self._shares - 1)
        if self._shares == 0 and self._descriptor is not None:
            fcntl.flock(
                self._descriptor, fcntl.LOCK_UN
            )  # a child process that is just being started may still share it
            os.close(self._descriptor)
            self._descriptor = None

    def __enter__(self) -> Self:
        self.take()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.release()

    def _locked(self) -> int:
        self._state.mkdir(mode=0o700, parents=True, exist_ok=True)
        if self._state.stat().st_mode & 0o077:
            self._state.chmod(0o700)
        lock = os.open(self._state / LOCK, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError as error:
            told = os.pread(lock, _MOST_BYTES, 0)
            os.close(lock)
            raise _busy(self._state, told) from error
        except OSError:
            os.close(lock)
            raise
        name = f"{os.getpid()} {self._holder}\n".encode()
        with suppress(OSError):  # a full disk: then nobody can tell who has it
            os.pwrite(lock, name, 0)
            os.ftruncate(lock, len(name))
        return lock


def _busy(state: Path, told: bytes) -> VaultBusy:
    """`told`: what its holder wrote into the lock."""
    found = _HOLDER.fullmatch(told)
    if found is None:
        return VaultBusy(say(en=f"{state}: in use by another process", fr=f"{state} : utilisé par un autre processus"))
    process, holder = int(found[1]), found[2].decode()
    if holder == AGENT:
        return VaultBusy(
            say(
                en=f"{state}: in use by another agent ({holder}, process {process}); stop it first, or choose another "
                "mast.state",
                fr=f"{state} : utilisé par un autre agent ({holder}, processus {process}) ; l'arrêter d'abord, ou "
                "choisir un autre mast.state",
            )
        )
    return VaultBusy(
        say(
            en=f"{state}: in use by `{holder}` (process {process}); it lets go when it is done",
            fr=f"{state} : utilisé par `{holder}` (processus {process}) ; il le libère quand il a fini",
        )
    )
