"""Keeps the register for the mast: opens it, enters the agent's own life, compares configurations, expires, tells.

    registrar = Registrar(state, identity, clock, town="lievin", mast="lievin-042")
    registrar.open()                                      # before anything else may happen
    registrar.begin(configuration, 2, signing_key)        # the agent starts; two segments were left open
    registrar.compare(configuration)                      # masks and configuration against what was entered last
    tasks.create_task(registrar.run(), name="register")
    registrar.close("stopped")

Laws
- Nothing here stops a recording: what cannot be entered is noted, told in `facts` and tried again.
- What was entered last is remembered in `<state>/register-standing.json`, for comparison only. Without it (a first
  start, a lost file) whatever runs is entered as new, but for the key that signs pictures: its certificate is in them.
"""

import asyncio
import json
import logging
from dataclasses import dataclass, field
from hashlib import sha256
from pathlib import Path

from agent import __version__
from agent.cameras import Camera
from agent.clock import Clock
from agent.config import Configuration
from agent.durable import write_whole
from agent.errors import RegisterError
from agent.facts import RegisterFacts
from agent.identity import DeviceIdentity
from agent.register.bodies import (
    AgentStarted,
    AgentStopped,
    ConfigurationChanged,
    Entered,
    MaskPolicyChanged,
    PowerCutFound,
    SigningKeyChanged,
)
from agent.register.ledger import RETRY_S, Ledger
from agent.register.scribe import Scribe
from agent.witness_link import WitnessLink

log = logging.getLogger(__name__)

STANDING = "register-standing.json"
MOST_BYTES = 64 << 10
DAY_S = 24 * 3600.0


@dataclass(slots=True)
class _Standing:
    """What the register says runs: hashes of the configuration, of each camera's masks, of the key that signs."""

    configuration: str | None = None
    masks: dict[str, str] = field(default_factory=dict)
    signing: str | None = None


def mask_policy(camera: Camera) -> str:
    """SHA-256 of what decides where a camera's masks lie: the masks, the lens, the head's scale, its speed and how late
    it tells, and who signed that there are none. Where a head goes by itself moves no mask.
    """
    told = camera.model_dump(
        mode="json",
        include={"kind", "mask", "lens", "no_private_area", "ptz"},
        exclude={"ptz": {"home", "idle_return_s", "limits_deg", "patrol", "idle_patrol"}},
    )
    return sha256(json.dumps(told, sort_keys=True, separators=(",", ":")).encode()).hexdigest()


def was_cut(ledger: Ledger) -> bool:
    """Whether the run before, of an agent or of a command at the box, ended without saying so."""
    try:
        for entry in ledger.newest():
            if entry.kind not in ("tail_cut", "register_resumed"):
                return entry.kind not in ("agent_stopped", "command_ended")
    except (RegisterError, OSError) as error:
        log.error("%s", error)
    return False


class Registrar:
    """One agent's; the register outlives every reload."""

    def __init__(self, state: Path, identity: DeviceIdentity, clock: Clock, *, town: str, mast: str) -> None:
        self._path = state / STANDING
        self._clock = clock
        self.ledger = Ledger(state, identity, clock, town=town, mast=mast)
        self.scribe = Scribe(self.ledger, clock)
        self._configuration: Configuration | None = None
        self._standing = _Standing()
        self._signing_key: str | None = None
        self._link: WitnessLink | None = None

    def open(self) -> None:
        """Opens the register; blocks."""
        self.ledger.open()

    def last_utc_ns(self) -> int:
        """Wall time below this cannot be right."""
        try:
            return self.ledger.last_ms() * 1_000_000
        except RegisterError:
            return 0

    def begin(self, configuration: Configuration, found: int, signing_key: str | None = None) -> None:
        """The agent starts; `found`: segments that the run before left open; `signing_key`: SHA-256 of the one that
        signs pictures. Blocks."""
        cut = was_cut(self.ledger)
        self.ledger.note(AgentStarted(version=__version__, configuration_sha256=configuration.sha256))
        if cut or found:
            self.ledger.note(PowerCutFound(segments=found))
        self._standing, self._signing_key = self._read(), signing_key
        self.compare(configuration)
        self.scribe.start()

    def compare(self, configuration: Configuration) -> None:
        """Enters in what `configuration`, and the key that signs, differ from what was entered last. Blocks."""
        self._configuration = configuration
        signing = self._compare_signing()
        now = _Standing(configuration.sha256, {one.id: mask_policy(one) for one in configuration.camera})
        before = self._standing
        changed: list[tuple[str, Entered]] = []
        if before.configuration != now.configuration:
            changed.append(("", ConfigurationChanged(old=before.configuration, new=configuration.sha256)))
        for camera, new in now.masks.items():
            if before.masks.get(camera) != new:
                changed.append((camera, MaskPolicyChanged(camera=camera, old=before.masks.get(camera), new=new)))
        entered = [camera for camera, body in changed if self.ledger.note(body) is not None]
        if not entered and signing == before.signing:
            return
        masks = before.masks | {camera: now.masks[camera] for camera in entered if camera}
        self._standing = _Standing(now.configuration if "" in entered else before.configuration, masks, signing)
        try:
            self._write()
        except OSError as error:
            log.error("%s: %s", self._path, error.strerror)

    def _compare_signing(self) -> str | None:
        """The key that the register knows of now."""
        before, now = self._standing.signing, self._signing_key
        if before is None or now is None or before == now:
            return now or before
        return before if self.ledger.note(SigningKeyChanged(old=before, new=now)) is None else now

    def _read(self) -> _Standing:
        try:
            with self._path.open("rb") as file:
                told = json.loads(file.read(MOST_BYTES))
            if told["origin"] == self.ledger.key.name and told["size"] <= self.ledger.size:
                return _Standing(told["configuration"], dict(told["masks"]), told.get("signing"))
        except FileNotFoundError:
            pass
        except (OSError, ValueError, KeyError, TypeError, RecursionError) as error:
            log.error("%s: %s", self._path, error)
        return _Standing()

    def _write(self) -> None:
        told = {
            "origin": self.ledger.key.name,
            "size": self.ledger.size,
            "configuration": self._standing.configuration,
            "masks": self._standing.masks,
            "signing": self._standing.signing,
        }
        write_whole(self._path, json.dumps(told).encode())

    async def run(self) -> None:
        """Tries again what failed, lets old entries expire, talks to the witness; until cancelled."""
        async with asyncio.TaskGroup() as tasks:
            tasks.create_task(self._keep(), name="register-keep")
            tasks.create_task(self._keep_witness(tasks), name="register-witness")

    async def _keep_witness(self, tasks: asyncio.TaskGroup) -> None:
        """A link to the witness that the configuration of the moment names."""
        settings, task = None, None
        while True:
            wanted = None if self._configuration is None else self._configuration.keeping.witness
            if wanted != settings:
                if task is not None:
                    task.cancel()
                settings, self._link = wanted, None
                if settings is not None:
                    self._link = WitnessLink(self.ledger, settings, self._clock)
                    task = tasks.create_task(self._link.run(), name="witness")
            await asyncio.sleep(1.0)

    async def _keep(self) -> None:
        expire_at = 0.0
        while True:
            await asyncio.to_thread(self._look)
            now = self._clock.instant() / 1e9
            if now >= expire_at:
                expire_at = now + (DAY_S if await asyncio.to_thread(self._expire) else RETRY_S)
            await asyncio.sleep(RETRY_S)

    def _look(self) -> None:
        self.ledger.look()
        if not self.ledger.fault and self._configuration is not None:
            self.compare(self._configuration)

    def _expire(self) -> bool:
        """True when it was judged, by a clock that may judge."""
        wall = self._clock.wall()
        if self._configuration is None or not (wall.synchronised and wall.trusted):
            return False
        try:
            self.ledger.expire(self._configuration.keeping.keep_days)
        except RegisterError:
            return False
        return True

    def facts(self) -> RegisterFacts:
        """How it stands; never waits for the disk."""
        size, head = self.ledger.head
        link = self._link
        if link is None:
            return RegisterFacts(self.ledger.fault, size, head)
        return RegisterFacts(self.ledger.fault, size, head, link.behind_s, link.conflict)

    def close(self, reason: str) -> None:
        """The agent's last word; blocks."""
        self.scribe.stop()
        if not self.ledger.fault:
            self.ledger.note(AgentStopped(reason=reason))
        self.ledger.close()
