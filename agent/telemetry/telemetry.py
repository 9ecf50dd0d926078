"""The shell of this room: looks at the mast, keeps the outbox, keeps the link.

    telemetry = Telemetry(configuration.mast, configuration.mqtt, clock, facts, device_public_pem)
    telemetry.emit(CaptureLost("parvis-fixed", "no picture for 5 s"))     # from any thread, at any time
    await telemetry.run()                                                  # until cancelled

Laws
- Nothing here ever holds up the one who emits; a broker that is away, slow or hostile costs bounded memory and no more.
- After each connection: birth, discovery and every retained truth first, then the events that waited, in order.
- `offline` is published on a clean stop; the will says it otherwise.
"""

import asyncio
import logging
import random
import secrets
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from itertools import count

from agent import __version__
from agent.clock import Clock
from agent.config import Mast, Mqtt
from agent.errors import LinkError, LinkSilent, LinkVersionRefused
from agent.events import Event
from agent.facts import MastFacts
from agent.language import say
from agent.telemetry import issues, payloads
from agent.telemetry.dialling import Dialling, Protocol
from agent.telemetry.link import Call, Session, session
from agent.telemetry.machine import Machine
from agent.telemetry.news import News
from agent.telemetry.outbox import Outbox
from agent.telemetry.topics import Topics
from agent.telemetry.values import Publication

log = logging.getLogger(__name__)

BATCH = 10
"""Events that may be on their way to the broker unacknowledged; MQTT keeps their order (3.1.1, section 4.6)."""


@dataclass(frozen=True, slots=True)
class Timing:
    """Seconds. `state_s` and `health_s` are the contract's ten; the tests shorten what they would wait for."""

    look_s: float = 1.0
    state_s: float = 10.0
    health_s: float = 10.0
    first_retry_s: float = 1.0
    longest_retry_s: float = 60.0
    farewell_s: float = 3.0
    will_delay_s: int = 10


class Telemetry:
    """One mast's telemetry. `facts` is asked in the loop of `run` and must not wait for anything."""

    def __init__(
        self,
        mast: Mast,
        mqtt: Mqtt,
        clock: Clock,
        facts: Callable[[], MastFacts],
        device_public_pem: str,
        *,
        timing: Timing | None = None,
        retention_hours: float | None = None,
    ) -> None:
        self.connected = False
        self._mast = mast
        self._mqtt = mqtt
        self._clock = clock
        self._facts = facts
        self._public_key = device_public_pem
        self._timing = timing or Timing()
        self._retention_hours = retention_hours
        self._topics = Topics(mast.town, mast.id)
        self._news = News(self._topics, mast.site, __version__, self._timing.state_s)
        self._started = clock.wall()
        self._outbox = Outbox()
        self._run_id = secrets.token_hex(6)
        self._numbers = count(1)
        self._machine = Machine()
        self._loop: asyncio.AbstractEventLoop | None = None
        self._look = asyncio.Event()
        self._send = asyncio.Event()
        self._waking = False
        self._complaint = ""

    def emit(self, event: Event) -> None:
        """Queues an event; from any thread, never blocks, never fails."""
        payload = payloads.event_payload(f"{self._run_id}-{next(self._numbers):08d}", self._clock.wall(), event)
        self._outbox.add(Publication(self._topics.event, payloads.encode(payload), retain=False))
        if self._loop is not None and not self._waking:
            self._waking = True  # one wake-up at a time, however many events
            with suppress(RuntimeError):  # the loop has ended: nobody is left to wake
                self._loop.call_soon_threadsafe(self._wake)

    def _wake(self) -> None:
        self._waking = False
        self._look.set()
        self._send.set()

    async def run(self) -> None:
        """Looks and tells until cancelled; the stop publishes what waits and `offline` when there is a connection."""
        self._loop = asyncio.get_running_loop()
        async with asyncio.TaskGroup() as tasks:
            tasks.create_task(self._keep_looking(), name="telemetry-look")
            tasks.create_task(self._keep_health(), name="telemetry-health")
            tasks.create_task(self._keep_linked(), name="telemetry-link")

    async def _keep_looking(self) -> None:
        while True:
            self._look.clear()
            for truth in self._news.look(self._facts(), self._clock.instant() / 1e9):
                self._tell(truth)
            with suppress(TimeoutError):
                await asyncio.wait_for(self._look.wait(), self._timing.look_s)
            await asyncio.sleep(self._timing.look_s / 20)  # a burst of events is one look

    async def _keep_health(self) -> None:
        before: MastFacts | None = None
        while True:
            machine = await asyncio.to_thread(self._machine.read)
            facts, outbox = self._facts(), self._outbox.facts()
            found = issues.find(facts, machine, outbox, before, self._retention_hours)
            payload = payloads.health(facts, machine, outbox, found)
            self._tell(Publication(self._topics.health, payloads.encode(payload), retain=True))
            before = facts
            await asyncio.sleep(self._timing.health_s)

    def _tell(self, truth: Publication) -> None:
        self._outbox.set(truth)
        self._send.set()

    async def _keep_linked(self) -> None:
        dialling = Dialling(random.random, self._timing.first_retry_s, self._timing.longest_retry_s)
        this = asyncio.current_task()
        while True:
            wait_s = await self._call(dialling)
            if this is not None and this.cancelling():
                raise asyncio.CancelledError  # a loss in the same instant must not swallow the stop
            await asyncio.sleep(wait_s)

    async def _call(self, dialling: Dialling) -> float:
        """One call to the broker and all that follows from it -> seconds until the next."""
        will = self._status(payloads.offline("connection-lost", __version__, None))
        call = Call(self._topics.client_id, dialling.protocol, will, self._timing.will_delay_s, dialling.patience_s)
        try:
            async with session(self._mqtt, call) as link:
                began = self._clock.instant()
                dialling.connected()
                where = f"{self._mqtt.host}:{self._mqtt.port}"
                text = say(en="connected to the broker %s, MQTT %s", fr="connecté au courtier %s, MQTT %s")
                log.info(text, where, call.protocol)
                self._complaint = ""
                reason = await self._converse(link, call.protocol)
        except LinkVersionRefused:
            return dialling.failed("version")
        except LinkSilent as error:
            if wait_s := dialling.failed("silent"):  # else it is asked in the other version at once
                self._complain(str(error))
            return wait_s
        except LinkError as error:
            self._complain(str(error))
            return dialling.failed("other")
        self._complain(reason)
        return dialling.ended((self._clock.instant() - began) / 1e9)

    def _complain(self, reason: str) -> None:
        """One warning for each new reason; a broker that stays away does not fill the journal."""
        level = logging.DEBUG if reason == self._complaint else logging.WARNING
        self._complaint = reason
        log.log(level, say(en="no connection to the broker: %s", fr="pas de connexion au courtier : %s"), reason)

    async def _converse(self, link: Session, protocol: Protocol) -> str:
        """Speaks until the connection is lost -> why."""
        self._outbox.tell_all_again()
        self.connected = True
        reason = ""
        try:
            try:
                async with asyncio.TaskGroup() as tasks:
                    tasks.create_task(link.lost(), name="telemetry-hear")
                    tasks.create_task(self._speak(link, protocol), name="telemetry-speak")
            except* LinkError as group:
                reason = "; ".join(str(error) for error in group.exceptions)
        except asyncio.CancelledError:
            await self._farewell(link)
            raise
        finally:
            self.connected = False
        return reason

    async def _speak(self, link: Session, protocol: Protocol) -> None:
        await link.publish(self._birth(protocol))
        while True:
            self._send.clear()
            await self._deliver(link)
            await self._send.wait()

    async def _deliver(self, link: Session) -> None:
        """Brings the broker up to date: the truth first, then what happened, in order."""
        while True:
            while (truth := self._outbox.untold()) is not None:
                await link.publish(truth)
            batch = self._outbox.first(BATCH)
            if not batch:
                return
            sent = await asyncio.gather(*(link.publish(event) for _, event in batch), return_exceptions=True)
            for (number, _), result in zip(batch, sent, strict=True):
                if result is not None:
                    raise result
                self._outbox.done(number)

    async def _farewell(self, link: Session) -> None:
        with suppress(LinkError, TimeoutError):
            async with asyncio.timeout(self._timing.farewell_s):
                await self._deliver(link)
        try:
            async with asyncio.timeout(self._timing.farewell_s):
                await link.publish(self._status(payloads.offline("stopped", __version__, self._clock.wall())))
        except (LinkError, TimeoutError):
            link.vanish()

    def _birth(self, protocol: Protocol) -> Publication:
        about = {
            "mast": self._mast.id,
            "town": self._mast.town,
            "site": self._mast.site,
            "cameras": [{"id": camera.id, "name": camera.name} for camera in self._facts().cameras],
            "protocol": protocol,
        }
        wall = self._clock.wall()
        return self._status(payloads.online(wall, self._started, __version__, self._public_key, about))

    def _status(self, payload: payloads.Json) -> Publication:
        return Publication(self._topics.status, payloads.encode(payload), retain=True)
