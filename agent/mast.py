"""The mast: one process from its start to its stop. It owns the one TaskGroup and hears signals, the clock and systemd.

    await Mast(Path("vigie.toml"), load(Path("vigie.toml"))).run()

The rooms themselves are built by `rooms`. Order of start: identity, vault (recovery), clock floor, cameras, then who
looks from outside. The stop goes the other way, so that segments are sealed and the CSU is told.
"""

import asyncio
import ctypes
import logging
import resource
import signal
import time
from pathlib import Path

from agent import systemd
from agent.aim.desk import ApprovalDesk
from agent.clock import SystemClock
from agent.config import Configuration, load
from agent.control.server import ControlServer
from agent.errors import ConfigurationError, VigieError
from agent.events import ClockStepped, ConfigurationApplied, ConfigurationRefused, Event
from agent.identity import load_or_make
from agent.language import say
from agent.masking import compute_alone
from agent.registrar import Registrar
from agent.rooms import Foundation, Rooms
from agent.signing.keys import load_signing
from agent.vault.lock import StateLock

log = logging.getLogger(__name__)

CLOCK_STEP_S = 1.0
CLOCK_LOOK_S = 1.0
CONTROL_RETRY_S = 5.0
PR_SET_DUMPABLE = 4  # linux/prctl.h


def _forbid_memory_dumps() -> None:
    """A core dump would put plain pixels on disk: none is made, not even by a handler behind a pipe (core(5))."""
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    ctypes.CDLL(None).prctl(PR_SET_DUMPABLE, 0, 0, 0, 0)


class Mast:
    """One agent, from its start to its stop."""

    def __init__(self, path: Path, configuration: Configuration) -> None:
        self._path = path
        self._clock = SystemClock()
        mast = configuration.mast
        identity = load_or_make(mast.state)
        signing = load_signing(mast.state, identity)
        self._signing_key = signing.key.fingerprint
        self._lock = StateLock(mast.state)
        self._registrar = Registrar(mast.state, identity, self._clock, town=mast.town, mast=mast.id)
        foundation = Foundation(self._clock, identity, signing, self._lock, self._registrar)
        self._rooms = Rooms(configuration, foundation, self.emit)
        self._control = ControlServer(
            mast.state,
            {
                "aim-approve": ApprovalDesk(
                    self._rooms.aims, self._rooms.guard_of, self._registrar.ledger.enter
                ).answer,
                "export": self._rooms.requisitions.at_the_box,
            },
        )
        self._stop = asyncio.Event()
        self._changing = asyncio.Lock()
        self._watchdog = systemd.Watchdog()

    def emit(self, event: Event) -> None:
        """Tells of an event: journal and register always, MQTT where a broker is configured. From any thread."""
        log.info("%s", event)
        self._registrar.scribe.tell(event)
        if self._rooms.telemetry is not None:
            self._rooms.telemetry.emit(event)

    async def run(self) -> None:
        """Runs until SIGTERM or SIGINT; SIGHUP reloads."""
        _forbid_memory_dumps()
        compute_alone()
        loop = asyncio.get_running_loop()
        reload = asyncio.Event()
        for number in (signal.SIGTERM, signal.SIGINT):
            loop.add_signal_handler(number, self._stop.set)
        loop.add_signal_handler(signal.SIGHUP, reload.set)
        try:
            await asyncio.to_thread(self._open)
            if not self._stop.is_set():
                async with asyncio.TaskGroup() as tasks:
                    await self._work(tasks, reload)
        finally:
            await asyncio.to_thread(self._rooms.requisitions.close)
            await asyncio.to_thread(self._rooms.close)
            await asyncio.to_thread(self._registrar.close, "stopped" if self._stop.is_set() else "failed")
            self._lock.release()

    async def _work(self, tasks: asyncio.TaskGroup, reload: asyncio.Event) -> None:
        """From the first camera's start to the last one's stop."""
        await self._rooms.start(tasks)
        self.emit(ConfigurationApplied(self._rooms.configuration.sha256))
        keepers = [
            tasks.create_task(self._keep_reloading(tasks, reload), name="reload"),
            tasks.create_task(self._keep_watchdog(), name="watchdog"),
            tasks.create_task(self._watch_clock(), name="clock"),
            tasks.create_task(self._rooms.aims.run(), name="aims"),
            tasks.create_task(self._keep_control(), name="control"),
            tasks.create_task(self._registrar.run(), name="register"),
            tasks.create_task(self._rooms.requisitions.run(), name="requisitions"),
        ]
        await self._stop.wait()
        systemd.notify("STOPPING=1")
        async with self._changing:  # a reload that has begun ends first: half of one would start what is stopped here
            for task in keepers:
                task.cancel()
            await self._rooms.stop()

    def _open(self) -> None:
        """The state directory is ours first; then the register, which says that the agent starts before it records."""
        self._rooms.open_vault()
        self._lock.take()  # and stays ours until the last entry is made, whatever a reload closes
        self._registrar.open()
        self._clock.raise_floor(self._registrar.last_utc_ns())
        self._registrar.begin(self._rooms.configuration, self._rooms.vault.found, self._signing_key)
        self._rooms.vault.keep()  # what goes now is entered first

    async def _keep_reloading(self, tasks: asyncio.TaskGroup, reload: asyncio.Event) -> None:
        while True:
            await reload.wait()
            reload.clear()
            async with self._changing:
                systemd.notify_reloading()
                await self._reload(tasks)
                systemd.notify("READY=1")

    async def _reload(self, tasks: asyncio.TaskGroup) -> None:
        """Applies the file, or leaves the old configuration running and says why."""
        old = self._rooms.configuration
        try:
            new = await asyncio.to_thread(load, self._path)
            self._refuse_unreloadable(new)
        except ConfigurationError as error:
            self._refuse(error.faults)
            return
        try:
            await self._rooms.apply(new, tasks)
        except (VigieError, OSError) as error:
            self._refuse((str(error),))
            await self._rooms.begin_again(old, tasks)
        else:
            self.emit(ConfigurationApplied(new.sha256))

    def _refuse(self, faults: tuple[str, ...]) -> None:
        for line in faults:
            log.error("%s", line)
        self.emit(ConfigurationRefused(len(faults)))

    def _refuse_unreloadable(self, new: Configuration) -> None:
        if new.mast != self._rooms.configuration.mast:
            text = say(
                en="cannot change while the agent runs; restart the service",
                fr="ne peut changer en marche ; redémarrer le service",
            )
            raise ConfigurationError((f"{self._path}: mast: {text}",))

    async def _keep_control(self) -> None:
        """Commands at the box; a socket that cannot be made costs them, never the recording."""
        while True:
            try:
                await self._control.serve()
            except OSError as error:
                log.error("control.sock: %s", error)
            await asyncio.sleep(CONTROL_RETRY_S)

    async def _keep_watchdog(self) -> None:
        interval = systemd.watchdog_interval()
        while interval is not None:
            if self._watchdog.may_feed(self._rooms.facts(), time.monotonic()):
                systemd.notify("WATCHDOG=1")
            await asyncio.sleep(interval)

    async def _watch_clock(self) -> None:
        """Tells of steps of the wall clock, and keeps its floor at the last time recorded."""
        offset = time.time() - time.monotonic()
        while True:
            await asyncio.sleep(CLOCK_LOOK_S)
            now = time.time() - time.monotonic()
            if abs(now - offset) > CLOCK_STEP_S:
                self.emit(ClockStepped(round(now - offset, 3)))
            offset = now
            async with self._changing:
                self._clock.raise_floor(await asyncio.to_thread(self._rooms.vault.last_recorded_utc_ns))
