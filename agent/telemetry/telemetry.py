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
from threading import Lock

from agent import __version__
from agent.clock import Clock, Instant, WallTime
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
    unknown_answer_s: float = 3.0
    answer_s: float = 10.0
    birth_s: float = 60.0
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
        self._numbering = Lock()
        self._machine = Machine()
        self._loop: asyncio.AbstractEventLoop | None = None
        self._look = asyncio.Event()
        self._send = asyncio.Event()
        self._waking = False
        self._leaving = False
        self._complaint = ""

    def emit(self, event: Event) -> None:
        """Queues an event; from any thread, never blocks, never fails."""
        with self._numbering:  # numbers grow in the order of the queue
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
                async with asyncio.timeout(self._timing.look_s):  # wait_for may swallow a stop (Python 3.11)
                    await self._look.wait()
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
        timing = self._timing
        dialling = Dialling(
            random.random, timing.first_retry_s, timing.longest_retry_s, timing.unknown_answer_s, timing.answer_s
        )
        while True:
            wait_s = await self._call(dialling)
            await asyncio.sleep(wait_s)

    async def _call(self, dialling: Dialling) -> float:
        """One call to the broker and all that follows from it -> seconds until the next."""
        will = self._status(payloads.offline("connection-lost", __version__, None))
        call = Call(
            self._topics.client_id,
            dialling.protocol,
            will,
            will_delay_s=self._timing.will_delay_s,
            answer_s=dialling.answer_s,
            acknowledge_s=self._timing.answer_s,
        )
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
        # no TaskGroup: it forgets a stop that comes in the same instant as a loss
        tasks = (
            asyncio.create_task(link.lost(), name="telemetry-hear"),
            asyncio.create_task(self._speak(link, protocol), name="telemetry-speak"),
        )
        try:
            done, _ = await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
        except asyncio.CancelledError:
            self._leaving = True
            self._send.set()
            await asyncio.wait(tasks, timeout=self._timing.farewell_s, return_when=asyncio.FIRST_COMPLETED)
            await _end(tasks)
            await self._farewell(link)
            raise
        finally:
            self.connected = False
            await _end(tasks)
        for task in done:
            with suppress(LinkError):
                task.result()
        return "; ".join(str(task.exception()) for task in done)

    async def _speak(self, link: Session, protocol: Protocol) -> None:
        """Birth, then whatever is due. The birth is repeated: some brokers publish the will of a connection that was
        taken over after its successor's birth, and `offline` would stay retained while the mast is there.
        """
        since, due = self._clock.wall(), self._clock.instant()
        while True:
            if self._clock.instant() >= due:
                await link.publish(self._birth(since, protocol))
                due = Instant(due + int(self._timing.birth_s * 1e9))
            self._send.clear()
            await self._deliver(link)
            if self._leaving:
                return
            with suppress(TimeoutError):
                async with asyncio.timeout(max(0.0, (due - self._clock.instant()) / 1e9)):
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
        try:
            async with asyncio.timeout(self._timing.farewell_s):
                await link.publish(self._status(payloads.offline("stopped", __version__, self._clock.wall())))
        except (LinkError, TimeoutError):
            link.vanish()

    def _birth(self, since: WallTime, protocol: Protocol) -> Publication:
        about = {
            "mast": self._mast.id,
            "town": self._mast.town,
            "site": self._mast.site,
            "cameras": [{"id": camera.id, "name": camera.name} for camera in self._facts().cameras],
            "protocol": protocol,
        }
        return self._status(payloads.online(since, self._started, __version__, self._public_key, about))

    def _status(self, payload: payloads.Json) -> Publication:
        return Publication(self._topics.status, payloads.encode(payload), retain=True)


async def _end(tasks: tuple[asyncio.Task[None], ...]) -> None:
    for task in tasks:
        task.cancel()
    await asyncio.gather(*tasks, return_exceptions=True)
