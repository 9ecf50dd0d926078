"""The mast: builds every room from the configuration and owns the one TaskGroup. The only file that sees every room.

    await Mast(Path("vigie.toml"), load(Path("vigie.toml"))).run()

Order of start: identity, vault (recovery), clock floor, cameras, then whoever looks from outside. The stop goes the
other way, so that segments are sealed and the CSU is told.
"""

import asyncio
import ctypes
import logging
import resource
import signal
import time
from dataclasses import replace
from pathlib import Path

from agent import systemd
from agent.access.grants import GrantJudge
from agent.acts import Acts
from agent.aim.desk import ApprovalDesk
from agent.aim.guard import AimGuard
from agent.aim.store import AimStore
from agent.answering import counter_of, mast_of
from agent.camera import Camera
from agent.clock import SystemClock
from agent.config import Configuration, load
from agent.control.server import ControlServer
from agent.errors import ConfigurationError, VigieError
from agent.events import ClockStepped, ConfigurationApplied, ConfigurationRefused, Event
from agent.facts import CameraFacts, MastFacts, PtzFacts
from agent.identity import DeviceIdentity, load_or_make
from agent.language import say
from agent.live.server import LiveCamera, LiveServer
from agent.masking import compute_alone
from agent.ptz.helm import Helm
from agent.ptz.plan import plan_of
from agent.registrar import Registrar
from agent.reload import changes, prints
from agent.signing.keys import load_signing
from agent.signing.signer import Signer
from agent.telemetry.telemetry import Telemetry
from agent.vault.lock import StateLock
from agent.vault.recorder import Recorder
from agent.vault.vault import Vault

log = logging.getLogger(__name__)

CLOCK_STEP_S = 1.0
CLOCK_LOOK_S = 1.0
LIVE_RETRY_S = 5.0
PR_SET_DUMPABLE = 4  # linux/prctl.h


def _forbid_memory_dumps() -> None:
    """A core dump would put plain pixels on disk: none is made, not even by a handler behind a pipe (core(5))."""
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    ctypes.CDLL(None).prctl(PR_SET_DUMPABLE, 0, 0, 0, 0)


class Mast:
    """One agent, from its start to its stop."""

    def __init__(self, path: Path, configuration: Configuration) -> None:
        self._path = path
        self._configuration = configuration
        self._clock = SystemClock()
        self._started = time.monotonic()
        self._identity: DeviceIdentity = load_or_make(configuration.mast.state)
        self._signing = load_signing(configuration.mast.state, self._identity)
        mast = configuration.mast
        self._lock = StateLock(mast.state)
        self._registrar = Registrar(mast.state, self._identity, self._clock, town=mast.town, mast=mast.id)
        self._acts = Acts(self._registrar.ledger, self._clock)
        self._telemetry = self._make_telemetry(configuration)
        self._vault = self._make_vault(configuration)
        self._requisitions = counter_of(
            configuration, self._identity, lambda: self._vault, self._registrar.ledger, self._clock
        )
        self._aims = AimStore(configuration.mast.state)  # outlives each camera: a reload forgets no lost aim
        self._control = ControlServer(
            mast.state,
            {
                "aim-approve": ApprovalDesk(self._aims, self._guard_of, self._registrar.ledger.enter).answer,
                "export": self._requisitions.at_the_box,
            },
        )
        self._cameras: dict[str, tuple[Camera, Recorder]] = {}
        self._live: LiveServer | None = None
        self._live_task: asyncio.Task[None] | None = None
        self._telemetry_task: asyncio.Task[None] | None = None
        self._helms: dict[str, Helm] = {}
        self._helm_tasks: list[asyncio.Task[None]] = []
        self._stop = asyncio.Event()
        self._changing = asyncio.Lock()
        self._prints = prints(configuration)
        self._watchdog = systemd.Watchdog()

    def _make_telemetry(self, configuration: Configuration) -> Telemetry | None:
        if configuration.mqtt is None:
            return None
        return Telemetry(
            configuration.mast,
            configuration.mqtt,
            self._clock,
            self.facts,
            self._identity.public_pem,
            retention_hours=configuration.vault.retention_days * 24.0,
        )

    def _make_vault(self, configuration: Configuration) -> Vault:
        return Vault(
            configuration.mast.state,
            configuration.vault,
            self._clock,
            self._identity,
            self.emit,
            ledger=self._registrar.ledger,
            lock=self._lock,
        )

    def _signer(self, rendition: str) -> Signer:
        """What signs the pictures of `camera/rendition`."""
        return Signer(self._signing.key, f"{self._configuration.mast.id}/{rendition}")

    def emit(self, event: Event) -> None:
        """Tells of an event: journal and register always, MQTT where a broker is configured. From any thread."""
        log.info("%s", event)
        self._registrar.scribe.tell(event)
        if self._telemetry is not None:
            self._telemetry.emit(event)

    def _camera_facts(self, camera: Camera, recorder: Recorder) -> CameraFacts:
        told = recorder.facts()
        name = camera.settings.id
        facts = camera.facts(
            recording=told.recording,
            recording_reason=told.reason,
            last_segment=told.last_segment,
            viewers=self._live.viewers(name) if self._live is not None else 0,
        )
        helm = self._helms.get(name)
        orders = {} if helm is None else {"orders": helm.refused}
        dropped = {**facts.dropped, "vault": told.dropped, **orders}
        return replace(facts, dropped=dropped, ptz=self._ptz_facts(camera))

    def _ptz_facts(self, camera: Camera) -> PtzFacts | None:
        head, helm = camera.head, self._helms.get(camera.settings.id)
        where = None if head is None else head.where()
        if head is None or where is None:
            return None
        return PtzFacts(
            pan_deg=round(where.pan_deg, 2),
            tilt_deg=round(where.tilt_deg, 2),
            zoom=round(where.zoom, 4),
            hfov_deg=head.settings.optics.hfov_deg(where.zoom),
            moving=where.moving,
            preset="" if helm is None else helm.preset,
            held=helm is not None and helm.held,
            age_ms=(self._clock.instant() - where.at) / 1e6,
            source=head.source,
        )

    def facts(self) -> MastFacts:
        """What is true of the mast now."""
        return MastFacts(
            wall=self._clock.wall(),
            uptime_s=time.monotonic() - self._started,
            disk_free_bytes=self._vault.disk_free_bytes(),
            buffer_hours=self._vault.buffer_hours(),
            cameras=tuple(self._camera_facts(*pair) for pair in list(self._cameras.values())),
            troubles=self._signing.troubles,
            register=self._registrar.facts(),
            held_share=self._vault.held_share(),
            crowded=self._vault.crowded(),
        )

    def healthy(self) -> bool:
        """True while every camera delivers pictures and every picture is recorded."""
        cameras = self.facts().cameras
        return bool(cameras) and all(one.capture == "live" and one.recording for one in cameras)

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
            await asyncio.to_thread(self._requisitions.close)
            await asyncio.to_thread(self._close)
            await asyncio.to_thread(self._registrar.close, "stopped" if self._stop.is_set() else "failed")
            self._lock.release()

    async def _work(self, tasks: asyncio.TaskGroup, reload: asyncio.Event) -> None:
        """From the first camera's start to the last one's stop."""
        await self._start(tasks)
        keepers = [
            tasks.create_task(self._keep_reloading(tasks, reload), name="reload"),
            tasks.create_task(self._keep_watchdog(), name="watchdog"),
            tasks.create_task(self._watch_clock(), name="clock"),
            tasks.create_task(self._keep_aims(), name="aims"),
            tasks.create_task(self._keep_control(), name="control"),
            tasks.create_task(self._registrar.run(), name="register"),
            tasks.create_task(self._requisitions.run(), name="requisitions"),
        ]
        await self._stop.wait()
        systemd.notify("STOPPING=1")
        async with self._changing:  # a reload that has begun ends first: half of one would start what is stopped here
            for task in keepers:
                task.cancel()
            await self._end_live()
            await asyncio.to_thread(self._stop_cameras, list(self._cameras))
            await self._end(self._telemetry_task)

    def _open(self) -> None:
        """The state directory is ours first; then the register, which says that the agent starts before it records."""
        self._open_vault()
        self._lock.take()  # and stays ours until the last entry is made, whatever a reload closes
        self._registrar.open()
        self._clock.raise_floor(self._registrar.last_utc_ns())
        self._registrar.begin(self._configuration, self._vault.found)
        self._vault.keep()  # what goes now is entered first

    def _open_vault(self) -> None:
        self._vault.open()
        self._clock.raise_floor(self._vault.last_recorded_utc_ns())

    def _close(self) -> None:
        self._stop_cameras(list(self._cameras))
        try:
            self._aims.flush()
        except OSError as error:
            log.error("%s", error)
        self._vault.close()

    async def _start(self, tasks: asyncio.TaskGroup) -> None:
        names = [camera.id for camera in self._configuration.camera]
        await asyncio.to_thread(self._start_cameras, self._configuration, names)
        self._start_telemetry(tasks)
        self._start_live(tasks, retry=False)
        self.emit(ConfigurationApplied(self._configuration.sha256))

    def _start_telemetry(self, tasks: asyncio.TaskGroup) -> None:
        if self._telemetry is not None:
            self._telemetry_task = tasks.create_task(self._telemetry.run(), name="telemetry")

    def _judge(self, configuration: Configuration) -> GrantJudge:
        access = configuration.access
        return GrantJudge(access.authority_keys(), configuration.mast.id, access.revoked)

    def _start_live(self, tasks: asyncio.TaskGroup, *, retry: bool) -> None:
        configuration = self._configuration
        cameras = {
            name: LiveCamera(name, camera.settings.name, camera.main.source, camera.tile.source)
            for name, (camera, _) in self._cameras.items()
        }
        self._helms = self._make_helms()
        self._live = LiveServer(
            configuration.http,
            configuration.live,
            self._judge(configuration),
            self._clock,
            cameras,
            self.facts,
            self.healthy,
            self.emit,
            self._acts,
            self._helms,
            self._requisitions,
        )
        self._live_task = tasks.create_task(self._keep_live(self._live, retry=retry), name="live")
        self._helm_tasks = [tasks.create_task(one.run(), name=f"helm-{name}") for name, one in self._helms.items()]

    def _make_helms(self) -> dict[str, Helm]:
        """Who steers, for each camera that turns."""
        helms = {}
        for name, (camera, _) in self._cameras.items():
            head, ptz = camera.head, camera.settings.ptz
            if head is not None and ptz is not None:
                helms[name] = Helm(name, head, plan_of(ptz), camera.aspect, self._clock, self.emit, self._acts)
        return helms

    async def _end_live(self) -> None:
        """Ends views and steering; heads that are driven are told to stop."""
        await self._end(self._live_task)
        for task in self._helm_tasks:
            await self._end(task)

    async def _keep_live(self, live: LiveServer, *, retry: bool) -> None:
        """Serves; with `retry` (after a reload) an address that cannot be had costs the views, not the recording."""
        while True:
            try:
                await live.serve(self._ready)
            except VigieError as error:
                if not retry:
                    raise
                log.error("%s", error)
            await asyncio.sleep(LIVE_RETRY_S)

    def _ready(self) -> None:
        systemd.notify("READY=1")
        assert self._live is not None
        log.info("listening on port %d", self._live.port)

    def _start_cameras(self, configuration: Configuration, names: list[str]) -> None:
        for settings in configuration.camera:
            if settings.id in names:
                camera = Camera(settings, self._clock, self.emit, self._aims, self._signer)
                recorder = self._vault.record(settings.id, camera.main.source, settings.bitrate_kbps)
                camera.start()
                self._cameras[settings.id] = (camera, recorder)

    def _stop_cameras(self, names: list[str]) -> None:
        stopped = [self._cameras[name] for name in names if name in self._cameras]
        for camera, _ in stopped:
            camera.stop()
        for _, recorder in stopped:
            recorder.stop()
        for name in names:
            self._cameras.pop(name, None)

    async def _end(self, task: asyncio.Task[None] | None) -> None:
        if task is not None:
            task.cancel()
            await asyncio.wait({task})

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
        old = self._configuration
        try:
            new = await asyncio.to_thread(load, self._path)
            self._refuse_unreloadable(new)
        except ConfigurationError as error:
            self._refuse(error.faults)
            return
        try:
            await self._apply(new, tasks)
        except (VigieError, OSError) as error:
            self._refuse((str(error),))
            await self._begin_again(old, tasks)
        else:
            self.emit(ConfigurationApplied(new.sha256))

    def _refuse(self, faults: tuple[str, ...]) -> None:
        for line in faults:
            log.error("%s", line)
        self.emit(ConfigurationRefused(len(faults)))

    def _refuse_unreloadable(self, new: Configuration) -> None:
        if new.mast != self._configuration.mast:
            text = say(
                en="cannot change while the agent runs; restart the service",
                fr="ne peut changer en marche ; redémarrer le service",
            )
            raise ConfigurationError((f"{self._path}: mast: {text}",))

    async def _apply(self, new: Configuration, tasks: asyncio.TaskGroup) -> None:
        """Restarts what changed and only that; a change of any camera or of the listener ends the views."""
        await asyncio.to_thread(self._registrar.compare, new)
        self._requisitions.desk.mast = mast_of(new, self._identity)
        now = await asyncio.to_thread(prints, new)
        todo = changes(self._prints, now)
        self._configuration, self._prints = new, now
        if todo.live:
            await self._end_live()
        await asyncio.to_thread(self._stop_cameras, list(todo.gone))
        if todo.vault:
            await asyncio.to_thread(self._vault.close)
            self._vault = self._make_vault(new)
            await asyncio.to_thread(self._open_vault)
        if todo.mqtt:
            await self._end(self._telemetry_task)
            self._telemetry = self._make_telemetry(new)
            self._start_telemetry(tasks)
        await asyncio.to_thread(self._start_cameras, new, list(todo.came))
        if todo.live:
            self._start_live(tasks, retry=True)
        elif self._live is not None:
            self._live.replace_judge(self._judge(new))

    async def _begin_again(self, configuration: Configuration, tasks: asyncio.TaskGroup) -> None:
        """After a reload that failed half-way: everything anew, as it was."""
        await self._end_live()
        await asyncio.to_thread(self._close)
        await asyncio.to_thread(self._registrar.compare, configuration)
        self._configuration = configuration
        self._requisitions.desk.mast = mast_of(configuration, self._identity)
        self._prints = await asyncio.to_thread(prints, configuration)
        self._vault = self._make_vault(configuration)
        await asyncio.to_thread(self._open_vault)
        names = [camera.id for camera in configuration.camera]
        await asyncio.to_thread(self._start_cameras, configuration, names)
        self._start_live(tasks, retry=True)

    async def _keep_aims(self) -> None:
        await self._aims.run()

    async def _keep_control(self) -> None:
        """Commands at the box; a socket that cannot be made costs them, never the recording."""
        while True:
            try:
                await self._control.serve()
            except OSError as error:
                log.error("control.sock: %s", error)
            await asyncio.sleep(LIVE_RETRY_S)

    def _guard_of(self, name: str) -> AimGuard | None:
        return self._cameras[name][0].guard if name in self._cameras else None

    async def _keep_watchdog(self) -> None:
        interval = systemd.watchdog_interval()
        while interval is not None:
            if self._watchdog.may_feed(self.facts(), time.monotonic()):
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
                self._clock.raise_floor(await asyncio.to_thread(self._vault.last_recorded_utc_ns))
