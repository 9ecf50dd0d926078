"""The rooms: built from the configuration, started and stopped, and built anew where a reload changed it.

    rooms = Rooms(configuration, foundation, emit=mast.emit)
    rooms.open_vault()
    await rooms.start(tasks)
    await rooms.apply(new, tasks)       # restarts what changed and only that
    await rooms.stop()

`mast` says when; what lives as long as the process (identity, clock, register, the lock on the state) is the
`Foundation` and stays. Only these two files see every room. The store of aims outlives each camera: a reload forgets no
lost aim.
"""

import asyncio
import logging
import time
from collections.abc import Callable
from dataclasses import dataclass, replace

from agent import systemd
from agent.access.grants import GrantJudge
from agent.acts import Acts
from agent.aim.guard import AimGuard
from agent.aim.store import AimStore
from agent.answering import counter_of, mast_of
from agent.camera import Camera
from agent.clock import SystemClock
from agent.config import Configuration
from agent.errors import VigieError
from agent.events import Event
from agent.facts import CameraFacts, MastFacts, PtzFacts
from agent.identity import DeviceIdentity
from agent.live.server import LiveCamera, LiveServer
from agent.ptz.helm import Helm
from agent.ptz.plan import plan_of
from agent.registrar import Registrar
from agent.reload import changes, prints
from agent.signing.keys import Loaded
from agent.signing.signer import Signer
from agent.telemetry.telemetry import Telemetry
from agent.vault.lock import StateLock
from agent.vault.recorder import Recorder
from agent.vault.vault import Vault

log = logging.getLogger(__name__)

LIVE_RETRY_S = 5.0


@dataclass(frozen=True, slots=True)
class Foundation:
    """What stays, whatever a reload changes."""

    clock: SystemClock
    identity: DeviceIdentity
    signing: Loaded
    lock: StateLock
    registrar: Registrar


class Rooms:
    """Everything that a changed configuration may replace."""

    def __init__(self, configuration: Configuration, foundation: Foundation, emit: Callable[[Event], None]) -> None:
        self.configuration = configuration
        self._clock = foundation.clock
        self._identity = foundation.identity
        self._signing = foundation.signing
        self._lock = foundation.lock
        self._registrar = foundation.registrar
        self._emit = emit
        self._started = time.monotonic()
        self._acts = Acts(self._registrar.ledger, self._clock)
        self.telemetry = self._make_telemetry(configuration)
        self.vault = self._make_vault(configuration)
        self.requisitions = counter_of(
            configuration, self._identity, lambda: self.vault, self._registrar.ledger, self._clock
        )
        self.aims = AimStore(configuration.mast.state)
        self._cameras: dict[str, tuple[Camera, Recorder]] = {}
        self._live: LiveServer | None = None
        self._live_task: asyncio.Task[None] | None = None
        self._telemetry_task: asyncio.Task[None] | None = None
        self._helms: dict[str, Helm] = {}
        self._helm_tasks: list[asyncio.Task[None]] = []
        self._prints = prints(configuration)

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
            self._emit,
            ledger=self._registrar.ledger,
            lock=self._lock,
        )

    def _signer(self, rendition: str) -> Signer:
        """What signs the pictures of `camera/rendition`."""
        return Signer(self._signing.key, f"{self.configuration.mast.id}/{rendition}")

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
            disk_free_bytes=self.vault.disk_free_bytes(),
            buffer_hours=self.vault.buffer_hours(),
            cameras=tuple(self._camera_facts(*pair) for pair in list(self._cameras.values())),
            troubles=self._signing.troubles,
            register=self._registrar.facts(),
            held_share=self.vault.held_share(),
            crowded=self.vault.crowded(),
        )

    def healthy(self) -> bool:
        """True while every camera delivers pictures and every picture is recorded."""
        cameras = self.facts().cameras
        return bool(cameras) and all(one.capture == "live" and one.recording for one in cameras)

    def guard_of(self, name: str) -> AimGuard | None:
        """Who watches where a camera points; None where there is no such camera."""
        return self._cameras[name][0].guard if name in self._cameras else None

    # --- starting and stopping ---

    def open_vault(self) -> None:
        """Recovers what is on disk; may wait for it."""
        self.vault.open()
        self._clock.raise_floor(self.vault.last_recorded_utc_ns())

    async def start(self, tasks: asyncio.TaskGroup) -> None:
        """Cameras first, then whoever tells and looks."""
        await self._start_all_cameras()
        self._start_telemetry(tasks)
        self._start_live(tasks, retry=False)

    async def stop(self) -> None:
        """The other way: views, then pictures, then telemetry, which tells the rest."""
        await self._end_live()
        await asyncio.to_thread(self._stop_cameras, list(self._cameras))
        await self._end(self._telemetry_task)

    def close(self) -> None:
        """Seals what is open and closes the vault; may wait for the disk. Safe after `stop`, and without it."""
        self._stop_cameras(list(self._cameras))
        try:
            self.aims.flush()
        except OSError as error:
            log.error("%s", error)
        self.vault.close()

    def _start_telemetry(self, tasks: asyncio.TaskGroup) -> None:
        if self.telemetry is not None:
            self._telemetry_task = tasks.create_task(self.telemetry.run(), name="telemetry")

    def _judge(self, configuration: Configuration) -> GrantJudge:
        access = configuration.access
        return GrantJudge(access.authority_keys(), configuration.mast.id, access.revoked)

    def _start_live(self, tasks: asyncio.TaskGroup, *, retry: bool) -> None:
        configuration = self.configuration
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
            self._emit,
            self._acts,
            self._helms,
            self.requisitions,
        )
        self._live_task = tasks.create_task(self._keep_live(self._live, retry=retry), name="live")
        self._helm_tasks = [tasks.create_task(one.run(), name=f"helm-{name}") for name, one in self._helms.items()]

    def _make_helms(self) -> dict[str, Helm]:
        """Who steers, for each camera that turns."""
        helms = {}
        for name, (camera, _) in self._cameras.items():
            head, ptz = camera.head, camera.settings.ptz
            if head is not None and ptz is not None:
                helms[name] = Helm(name, head, plan_of(ptz), camera.aspect, self._clock, self._emit, self._acts)
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

    async def _start_all_cameras(self) -> None:
        names = [camera.id for camera in self.configuration.camera]
        await asyncio.to_thread(self._start_cameras, self.configuration, names)

    def _start_cameras(self, configuration: Configuration, names: list[str]) -> None:
        for settings in configuration.camera:
            if settings.id in names:
                camera = Camera(settings, self._clock, self._emit, self.aims, self._signer)
                recorder = self.vault.record(settings.id, camera.main.source, settings.bitrate_kbps)
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

    # --- a changed configuration ---

    async def apply(self, new: Configuration, tasks: asyncio.TaskGroup) -> None:
        """Restarts what changed and only that; a change of any camera or of the listener ends the views."""
        await asyncio.to_thread(self._registrar.compare, new)
        self.requisitions.desk.mast = mast_of(new, self._identity)
        now = await asyncio.to_thread(prints, new)
        todo = changes(self._prints, now)
        self.configuration, self._prints = new, now
        if todo.live:
            await self._end_live()
        await asyncio.to_thread(self._stop_cameras, list(todo.gone))
        if todo.vault:
            await asyncio.to_thread(self.vault.close)
            self.vault = self._make_vault(new)
            await asyncio.to_thread(self.open_vault)
        if todo.mqtt:
            await self._end(self._telemetry_task)
            self.telemetry = self._make_telemetry(new)
            self._start_telemetry(tasks)
        await asyncio.to_thread(self._start_cameras, new, list(todo.came))
        if todo.live:
            self._start_live(tasks, retry=True)
        elif self._live is not None:
            self._live.replace_judge(self._judge(new))

    async def begin_again(self, configuration: Configuration, tasks: asyncio.TaskGroup) -> None:
        """After a reload that failed half-way: everything anew, as it was."""
        await self._end_live()
        await asyncio.to_thread(self.close)
        await asyncio.to_thread(self._registrar.compare, configuration)
        self.configuration = configuration
        self.requisitions.desk.mast = mast_of(configuration, self._identity)
        self._prints = await asyncio.to_thread(prints, configuration)
        self.vault = self._make_vault(configuration)
        await asyncio.to_thread(self.open_vault)
        await self._start_all_cameras()
        self._start_live(tasks, retry=True)
