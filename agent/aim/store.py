"""The aim's state on disk: `<state>/aim/<camera>.json`, 0600 in a folder that is 0700.

    store = AimStore(Path("/var/lib/vigie"))
    store.load("parvis-fixed"), store.put("parvis-fixed", state)        # never wait for the disk
    await store.run()                                                   # writes what was put
    store.flush()                                                       # blocks until all of it is on disk, or OSError

Laws
- A file is written beside its name, flushed, renamed, and its folder is flushed: it is whole or as it was before.
- A file that cannot be read is a lost aim, never a first start: nobody knows whether the camera had been turned.
- Who is root and writes here (a technician, while no agent runs) gives the files to the folder's owner.
"""

import asyncio
import contextlib
import logging
import threading
import time
from pathlib import Path

from agent.aim.references import MOST_BYTES, AimState, Lost, decode, encode
from agent.durable import give, sync_folder, write_whole
from agent.language import say

log = logging.getLogger(__name__)

FOLDER = "aim"
RETRY_S = 5.0


class AimStore:
    """All cameras' states; what was put last is what `load` gives, on disk or not yet."""

    def __init__(self, state: Path) -> None:
        self._state = state
        self._folder = state / FOLDER
        self._known: dict[str, AimState] = {}
        self._waiting: dict[str, AimState] = {}
        self._lock = threading.Lock()
        self._writing = threading.Lock()
        self._loop: asyncio.AbstractEventLoop | None = None
        self._wake = asyncio.Event()

    def load(self, camera: str) -> AimState | None:
        """The last state of that camera, None where there is none."""
        with self._lock:
            if camera in self._known:
                return self._known[camera]
        path = self._folder / f"{camera}.json"
        try:
            with path.open("rb") as file:
                state = decode(file.read(MOST_BYTES))
        except FileNotFoundError:
            return None
        except (OSError, ValueError) as error:
            text = say(
                en="%s cannot be read (%s): the picture stays masked until `vigie aim approve`",
                fr="%s illisible (%s) : l'image reste masquée jusqu'à `vigie aim approve`",
            )
            log.error(text, path, error)
            state = AimState(lost=Lost(time.time_ns() // 1_000_000))
        with self._lock:
            return self._known.setdefault(camera, state)

    def put(self, camera: str, state: AimState) -> None:
        """Keeps it; from any thread."""
        with self._lock:
            self._known[camera] = self._waiting[camera] = state
        if self._loop is not None:
            with contextlib.suppress(RuntimeError):  # the loop has ended; the last flush writes it
                self._loop.call_soon_threadsafe(self._wake.set)

    async def run(self) -> None:
        """Writes what is put, until cancelled; a disk that refuses is tried again."""
        self._loop = asyncio.get_running_loop()
        while True:
            self._wake.clear()
            try:
                await asyncio.to_thread(self.flush)
            except OSError as error:
                log.error(say(en="the aim's state cannot be written: %s", fr="état de visée non écrit : %s"), error)
                await asyncio.sleep(RETRY_S)
                continue
            await self._wake.wait()

    def flush(self) -> None:
        """Everything that was put is on disk when it returns."""
        with self._writing:
            while True:
                with self._lock:
                    if not self._waiting:
                        return
                    camera = next(iter(self._waiting))
                    state = self._waiting[camera]
                self._write(camera, state)
                with self._lock:
                    if self._waiting.get(camera) is state:
                        del self._waiting[camera]

    def _write(self, camera: str, state: AimState) -> None:
        owner = self._state.stat()
        if not self._folder.is_dir():
            self._folder.mkdir(mode=0o700)
            give(self._folder, owner)
            sync_folder(self._state)
        path = self._folder / f"{camera}.json"
        write_whole(path, encode(state), owner=owner)
