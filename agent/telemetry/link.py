"""The connection to the broker: the only file that knows aiomqtt, and paho below it.

Laws
- `session` either yields a connection that the broker has accepted or raises LinkError saying why; leaving it, however,
  leaves no socket, task or future behind.
- The broker is not trusted with memory: a packet larger than 64 KiB, a heap of half-finished QoS 2 messages or a packet
  that cannot be read ends the connection. Nothing is subscribed to, so whatever is published to Vigie is thrown away.
- The password is read anew for each connection and appears in no message; paho's own log lines go nowhere, except that
  the last error is kept to explain a failed connection.
"""

import asyncio
import logging
import ssl
import threading
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass
from typing import Any

import aiomqtt
from aiomqtt.exceptions import MqttConnectError
from paho.mqtt.enums import MQTTErrorCode
from paho.mqtt.packettypes import PacketTypes
from paho.mqtt.properties import Properties
from paho.mqtt.reasoncodes import ReasonCode

from agent.config import Mqtt, read_secret
from agent.errors import LinkError, LinkSilent, LinkVersionRefused
from agent.language import say
from agent.telemetry.dialling import Protocol
from agent.telemetry.values import Publication

MAX_PACKET_BYTES = 64 * 1024
MAX_HALF_MESSAGES = 8
MAX_WAITING_PACKETS = 256
SESSION_EXPIRY_S = 120
"""Longer than the will delay, so that a reconnection within that delay takes the will back (MQTT 5, 3.1.3.2.2)."""

REFUSED_VERSION = (0x01, 0x84)
"""CONNACK: unacceptable protocol version in MQTT 3.1.1 and 5."""

_VERSIONS = {"5": aiomqtt.ProtocolVersion.V5, "3.1.1": aiomqtt.ProtocolVersion.V311}


@dataclass(frozen=True, slots=True)
class Call:
    """Who we are, in which version, what the broker says of us if we vanish, and how long we wait for its answers."""

    client_id: str
    protocol: Protocol
    will: Publication
    will_delay_s: int = 10
    answer_s: float = 10.0
    acknowledge_s: float = 10.0
    keepalive_s: int = 30


class _LastError(logging.Handler):
    """Keeps the last error line of a logger that nobody else hears."""

    text = ""

    def emit(self, record: logging.LogRecord) -> None:
        if record.levelno >= logging.ERROR:
            self.text = record.getMessage()


class _TlsSocket(ssl.SSLSocket):
    """Closes itself when the handshake fails; paho forgets it open."""

    def do_handshake(self, block: bool = False) -> None:
        try:
            super().do_handshake(block)
        except BaseException:
            self.close()
            raise


class _Loop:
    """The event loop as aiomqtt sees it: what is asked for in its own thread is done at once."""

    def __init__(self, loop: asyncio.AbstractEventLoop) -> None:
        self._loop = loop
        self._thread = threading.get_ident()

    def __getattr__(self, name: str) -> Any:
        return getattr(self._loop, name)

    def call_soon_threadsafe(self, callback: Callable[..., object], *arguments: Any) -> None:
        if threading.get_ident() == self._thread:
            callback(*arguments)
        else:
            self._loop.call_soon_threadsafe(callback, *arguments)


class _Client(aiomqtt.Client):
    """aiomqtt's client, with what it leaves open closed, and what it leaves unbounded bounded."""

    def __init__(self, hostname: str, port: int, **options: Any) -> None:
        self.heard = _LastError()
        self.opened = False
        self.over = ""
        logger = logging.Logger("paho")  # outside the tree of loggers: nothing of it may reach the agent's log
        logger.addHandler(self.heard)
        super().__init__(hostname, port, logger=logger, max_queued_incoming_messages=8, **options)
        self._loop = _Loop(self._loop)  # type: ignore[assignment]
        paho = self._client
        paho._sock_recv = self._bounded(paho._sock_recv)  # type: ignore[assignment, method-assign]
        paho.loop_read = self._readable(paho.loop_read)  # type: ignore[assignment, method-assign]

    def _bounded(self, receive: Callable[[int], bytes]) -> Callable[[int], bytes]:
        def guarded(size: int) -> bytes:
            paho = self._client
            if paho._in_packet["remaining_length"] > MAX_PACKET_BYTES:
                raise ConnectionError("packet too large")
            if len(paho._in_messages) > MAX_HALF_MESSAGES or len(paho._out_packet) > MAX_WAITING_PACKETS:
                raise ConnectionError("flood")
            return receive(size)

        return guarded

    def _readable(self, read: Callable[[int], MQTTErrorCode]) -> Callable[[int], MQTTErrorCode]:
        def guarded(max_packets: int = 1) -> MQTTErrorCode:
            try:
                return read(max_packets)
            except Exception as error:
                # paho keeps the packet and would choke on it for ever
                name = type(error).__name__
                self.fail(say(en=f"unreadable packet, {name}", fr=f"paquet illisible, {name}"))
                return MQTTErrorCode.MQTT_ERR_PROTOCOL

        return guarded

    def _on_socket_open(self, client: Any, userdata: Any, sock: Any) -> None:
        self.opened = True
        watch = super()._on_socket_open
        self._loop.call_soon_threadsafe(self._if_open, watch, client, userdata, sock)

    def _on_socket_register_write(self, client: Any, userdata: Any, sock: Any) -> None:
        watch = super()._on_socket_register_write
        self._loop.call_soon_threadsafe(self._if_open, watch, client, userdata, sock)

    def _if_open(self, watch: Callable[[Any, Any, Any], None], client: Any, userdata: Any, sock: Any) -> None:
        """In the loop: a socket that was closed since is not watched, and its number may be another one's by now."""
        if sock.fileno() >= 0:
            watch(client, userdata, sock)

    def _on_disconnect(
        self, client: Any, userdata: Any, flags: Any, reason_code: ReasonCode, properties: Properties | None = None
    ) -> None:
        self.over = self.heard.text or str(reason_code)
        if not self._connected.done():  # aiomqtt would wait on until its timeout
            self._connected.set_exception(aiomqtt.MqttError(self.over))
            return
        super()._on_disconnect(client, userdata, flags, reason_code, properties)
        self._hear_out()

    def fail(self, reason: str) -> None:
        """Ends the connection or the attempt at one; whoever waits for it gets an MqttError."""
        self.over = reason
        for future in (self._connected, self._disconnected):
            if not future.done():
                future.set_exception(aiomqtt.MqttError(reason))
        self.dispose()

    def dispose(self) -> None:
        """Closes the socket and stops the housekeeping."""
        self._client._sock_close()
        if self._misc_task is not None:
            self._misc_task.cancel()
        self._hear_out()

    def _hear_out(self) -> None:
        """Marks failures as heard: nobody may be waiting for them any more, and asyncio would complain."""
        for future in (self._connected, self._disconnected):
            if future.done() and not future.cancelled():
                future.exception()


def _lost(why: str) -> str:
    return say(en=f"connection lost ({why})", fr=f"connexion perdue ({why})")


class Session:
    """An accepted connection."""

    def __init__(self, client: _Client) -> None:
        self._client = client

    async def publish(self, message: Publication) -> None:
        """Returns once the broker has acknowledged; LinkError when it does not within `acknowledge_s`."""
        task = asyncio.current_task()
        cancelled = task.cancelling() if task else 0
        try:
            await self._client.publish(message.topic, message.payload, qos=1, retain=message.retain)
        except (aiomqtt.MqttError, ValueError) as error:
            raise LinkError(str(error)) from error
        if task and task.cancelling() > cancelled:
            raise asyncio.CancelledError  # aiomqtt's wait_for swallows it when the PUBACK comes in the same instant

    async def lost(self) -> None:
        """Waits until the connection is lost, then raises LinkError; throws away what the broker sends."""
        try:
            async for _ in self._client.messages:
                pass
        except aiomqtt.MqttError as error:
            raise LinkError(_lost(self._client.over or str(error))) from error

    def vanish(self) -> None:
        """Hangs up without DISCONNECT, so that the broker sends the will."""
        self._client.fail("hung up")


def tls_context(mqtt: Mqtt) -> ssl.SSLContext:
    """Verifies the broker against `ca_file`, else the system's authorities; shows our certificate when there is one."""
    context = ssl.create_default_context(cafile=mqtt.ca_file)
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    context.sslsocket_class = _TlsSocket
    if mqtt.certificate is not None:
        # an encrypted key would make OpenSSL ask at the terminal: there is none, so it is refused
        context.load_cert_chain(mqtt.certificate, mqtt.private_key, password=lambda: b"")
    return context


def _properties(packet: int, **values: object) -> Properties:
    properties = Properties(packet)  # type: ignore[no-untyped-call]
    for name, value in values.items():
        setattr(properties, name, value)
    return properties


def _client(mqtt: Mqtt, call: Call, password: str, context: ssl.SSLContext | None) -> _Client:
    five = call.protocol == "5"
    will_properties = _properties(PacketTypes.WILLMESSAGE, WillDelayInterval=call.will_delay_s) if five else None
    options: dict[str, Any] = {"clean_session": True}
    if five:
        expiry = max(SESSION_EXPIRY_S, 2 * call.will_delay_s)
        connect = _properties(
            PacketTypes.CONNECT, SessionExpiryInterval=expiry, MaximumPacketSize=MAX_PACKET_BYTES, ReceiveMaximum=8
        )
        options = {"clean_start": False, "properties": connect}
    return _Client(
        mqtt.host,
        mqtt.port,
        identifier=call.client_id,
        protocol=_VERSIONS[call.protocol],
        username=mqtt.username or None,
        password=password or None,
        will=aiomqtt.Will(call.will.topic, call.will.payload, 1, call.will.retain, will_properties),
        keepalive=call.keepalive_s,
        timeout=call.answer_s,
        tls_context=context,
        **options,
    )


def _refusal(error: BaseException, client: _Client) -> LinkError:
    """Why it failed, in words that say what to mend."""
    origin = error.__context__ or error
    if isinstance(error, MqttConnectError):
        code = error.rc.value if isinstance(error.rc, ReasonCode) else error.rc
        if code in REFUSED_VERSION:
            return LinkVersionRefused(say(en="the broker speaks another MQTT", fr="le courtier parle un autre MQTT"))
        text = say(en=f"the broker refuses: {error.rc}", fr=f"le courtier refuse : {error.rc}")
    elif isinstance(origin, ssl.SSLCertVerificationError):
        what = origin.verify_message
        text = say(
            en=f"the broker's certificate is not trusted: {what}; check ca_file, the host name and the clock",
            fr=f"le certificat du courtier n'est pas reconnu : {what} ; vérifier ca_file, le nom d'hôte et l'horloge",
        )
    elif client.opened:
        return LinkSilent(say(en=f"no answer to CONNECT: {error}", fr=f"pas de réponse à CONNECT : {error}"))
    else:
        text = str(error)
    return LinkError(text)


async def _open(client: _Client) -> None:
    """Connects; when cancelled, waits for paho's thread (it has its own deadline) and closes what that opened."""
    opening = asyncio.ensure_future(client.__aenter__())
    try:
        await asyncio.shield(opening)
    except asyncio.CancelledError:
        client.fail("given up")
        await asyncio.wait({opening})
        if not opening.cancelled():
            opening.exception()
        client.dispose()
        raise
    except (aiomqtt.MqttError, OSError, ValueError) as error:
        client.dispose()
        raise _refusal(error, client) from error
    if client.over:  # accepted and lost in one breath: aiomqtt has forgotten the loss
        client.dispose()
        raise LinkError(_lost(client.over))


@asynccontextmanager
async def session(mqtt: Mqtt, call: Call) -> AsyncIterator[Session]:
    """A connection to the broker, or LinkError; leaving it disconnects properly, so the will is not sent."""
    try:
        password = read_secret(mqtt.password_file)
        context = await asyncio.to_thread(tls_context, mqtt) if mqtt.tls else None
    except (OSError, ValueError) as error:  # ssl.SSLError is an OSError
        raise LinkError(
            say(en=f"a file of [mqtt] is unusable: {error}", fr=f"un fichier de [mqtt] est inutilisable : {error}")
        ) from error
    client = _client(mqtt, call, password, context)
    await _open(client)
    client.timeout = call.acknowledge_s
    try:
        yield Session(client)
    finally:
        client.timeout = 2.0  # a broker that no longer reads gets no long farewell
        with suppress(aiomqtt.MqttError):
            await client.__aexit__(None, None, None)
        client.dispose()
