"""The virtual ONVIF device on its port: HTTP, logins, delays, and the answers that broken or hostile devices give.

    async with OnvifServer(device, reporter, clock) as server:      # server.url
        server.faults = Faults(slow_s=8.0)

Laws
- GetStatus takes as long as `reports` says; orders are answered at once, as on real heads.
- A fault touches the operations it names and no other, so that a Stop can work while GetStatus is silent.
"""

import asyncio
import secrets
import time
from collections.abc import AsyncIterator, Callable
from contextlib import suppress
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from types import TracebackType
from typing import Literal, Self

from aiohttp import web

from agent.virtual import onvif_answers as answers
from agent.virtual.onvif_device import BEFORE_LOGIN, Device
from agent.virtual.reports import Reporter
from agent.virtual.soap import (
    ENTITY_BOMB,
    Request,
    SoapFault,
    authenticate,
    envelope,
    fault,
    http_digest_holds,
    parse,
)

REALM = "virtual"
MOST_REQUEST_BYTES = 1 << 20
HUGE_BYTES = 256 << 20
NONCES = 64

Hostile = Literal["", "broken", "empty", "html", "huge", "drip", "bomb", "nonsense", "error"]


@dataclass(frozen=True, slots=True)
class Faults:
    """How answers go wrong, for the `operations` named (all when empty).

    `silent`: none comes, the connection stays open. `slow_s`: it comes that much later. `hostile`: it is `broken` XML,
    `empty`, an `html` page, `huge`, a `drip` of one byte now and then, an entity `bomb`, well-formed `nonsense`, or an
    HTTP `error`.
    """

    silent: bool = False
    slow_s: float = 0.0
    hostile: Hostile = ""
    operations: frozenset[str] = frozenset()

    def touch(self, operation: str) -> bool:
        """Whether this operation is meant."""
        return not self.operations or operation in self.operations


class OnvifServer:
    """The device's HTTP side. `seconds()` is the head's clock; `snapshot()` gives a JPEG."""

    def __init__(
        self,
        device: Device,
        reporter: Reporter,
        seconds: Callable[[], float] = time.monotonic,
        snapshot: Callable[[], bytes] = lambda: b"",
    ) -> None:
        self.faults = Faults()
        self.port = 0
        self.heard: dict[str, int] = {}
        self._device, self._reporter, self._seconds, self._snapshot = device, reporter, seconds, snapshot
        self._runner: web.AppRunner | None = None
        self._nonces: list[str] = []

    async def __aenter__(self) -> Self:
        await self.start()
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self.stop()

    @property
    def url(self) -> str:
        """The device service's address."""
        return f"http://127.0.0.1:{self.port}/onvif/device_service"

    async def start(self) -> None:
        """Listens on 127.0.0.1, at the same port as before when there was one."""
        app = web.Application(client_max_size=MOST_REQUEST_BYTES)
        app.router.add_post("/onvif/{service}", self._handle)
        app.router.add_get("/snapshot.jpg", self._picture)
        runner = web.AppRunner(app, access_log=None, shutdown_timeout=0.1, handler_cancellation=True)
        await runner.setup()
        site = web.TCPSite(runner, "127.0.0.1", self.port, reuse_address=True)
        await site.start()
        self._runner = runner
        self.port = int(runner.addresses[0][1])
        self._device.base = f"http://127.0.0.1:{self.port}"

    async def stop(self) -> None:
        """Refuses connections from here on; open ones are cut."""
        runner, self._runner = self._runner, None
        if runner is not None:
            await runner.cleanup()

    # --- one request ---

    async def _handle(self, http: web.Request) -> web.StreamResponse:
        try:
            request = parse(await http.read())
            self.heard[request.operation] = self.heard.get(request.operation, 0) + 1
            refused = self._login(http, request)
            if refused is not None:
                return refused
            if self.faults.touch(request.operation):
                if self.faults.silent:
                    await asyncio.Event().wait()
                await asyncio.sleep(self.faults.slow_s)
                if self.faults.hostile:
                    return await self._hostile(http, self.faults.hostile)
            if request.operation == "GetStatus":
                content = await self._status(http, request)
            else:
                content = self._device.answer(request, self._seconds(), self._camera_time())
        except SoapFault as refusal:
            return _soap(fault(refusal), refusal.status)
        return _soap(envelope(content))

    def _camera_time(self) -> datetime:
        return datetime.now(UTC) + timedelta(seconds=self._device.options.clock_skew_s)

    def _login(self, http: web.Request, request: Request) -> web.Response | None:
        """None for those who may; SoapFault or HTTP 401 for others."""
        options = self._device.options
        if options.login == "none" or request.operation in BEFORE_LOGIN:
            return None
        header = http.headers.get("Authorization", "")
        if options.login != "ws" and header:
            known = (
                http_digest_holds(header, http.method, nonce, options.username, options.password)
                for nonce in self._nonces
            )
            if any(known):
                return None
        if options.login == "ws" or (options.login == "either" and request.token is not None):
            authenticate(request.token, options.username, options.password, self._camera_time())
            return None
        self._nonces = [*self._nonces[1 - NONCES :], secrets.token_hex(16)]
        wanted = f'Digest realm="{REALM}", qop="auth", algorithm=MD5, nonce="{self._nonces[-1]}"'
        return web.Response(status=401, headers={"WWW-Authenticate": wanted})

    async def _status(self, http: web.Request, request: Request) -> str:
        self._device.check_tokens(request)
        wait_s, age_s = self._reporter.delays()
        await asyncio.sleep(wait_s)
        report = self._reporter.report(self._seconds(), age_s)
        if report is None:
            if http.transport is not None:
                http.transport.abort()
            raise SoapFault("lost", "ter:Action", sender=False)
        measured = self._camera_time() - timedelta(seconds=age_s)
        options = self._device.options
        return answers.status(report, measured, options.ranges, move_status=options.move_status)

    async def _picture(self, _: web.Request) -> web.Response:
        return web.Response(body=self._snapshot(), content_type="image/jpeg")

    # --- answers that no device should give ---

    async def _hostile(self, http: web.Request, how: Hostile) -> web.StreamResponse:
        match how:
            case "huge" | "drip":
                response = web.StreamResponse(headers={"Content-Type": "application/soap+xml; charset=utf-8"})
                await response.prepare(http)
                with suppress(ConnectionError):
                    async for piece in _endless(how):
                        await response.write(piece)
                return response
            case "error":
                return web.Response(status=500, text="Internal Server Error")
            case "html":
                return web.Response(text="<html><body>Login</body></html>", content_type="text/html")
            case "empty":
                return _soap(b"")
            case "bomb":
                return _soap(_BOMB)
            case "nonsense":
                return _soap(envelope(_NONSENSE))
            case _:
                return _soap(envelope("<tptz:GetStatusResponse><tptz:PTZStatus>")[:-40])


def _soap(body: bytes, status: int = 200) -> web.Response:
    return web.Response(body=body, status=status, content_type="application/soap+xml", charset="utf-8")


async def _endless(how: Hostile) -> AsyncIterator[bytes]:
    start = envelope("<tptz:GetStatusResponse>").partition(b"</env:Body>")[0]
    if how == "huge":
        yield start
        for _ in range(HUGE_BYTES >> 16):
            yield b"<a/>" * (1 << 14)
        return
    for byte in start + b" " * 100_000:
        yield bytes((byte,))
        await asyncio.sleep(0.2)


_BOMB = (
    f'{ENTITY_BOMB}<env:Envelope xmlns:env="http://www.w3.org/2003/05/soap-envelope"><env:Body>{"&a9;" * 20}</env:Body>'
    "</env:Envelope>"
).encode()
_NONSENSE = (
    "<tptz:GetStatusResponse><tptz:PTZStatus><tt:Position>"
    f'<tt:PanTilt x="NaN" y="1e308" space="{answers.POSITION}"/><tt:Zoom x="-7"/></tt:Position>'
    "<tt:MoveStatus><tt:PanTilt>DANCING</tt:PanTilt></tt:MoveStatus><tt:UtcTime>yesterday</tt:UtcTime>"
    "</tptz:PTZStatus></tptz:GetStatusResponse>"
)
