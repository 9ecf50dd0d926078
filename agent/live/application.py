"""The aiohttp application and server around the handlers: bounds, CORS, and the headers of every answer.

    server = Server(application(api, origins, door))
    factory = await server.start()          # `listener` owns the socket

A refusal bears CORS headers for configured origins too, so that a page may read why.
"""

import asyncio
from collections.abc import Callable, Sequence
from typing import Any

from aiohttp import hdrs, web

from agent.door import Door
from agent.language import say
from agent.live.http import Api
from agent.live.refusals import Handler, answered, refusal
from agent.live.sdp import MAX_BYTES

STOP_S = 2.0
HEADERS = {
    "Server": "vigie",
    "Cache-Control": "no-store",
    "Content-Security-Policy": "default-src 'none'; script-src 'self'; style-src 'self'; connect-src 'self'; "
    "img-src 'self' data:; media-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'",
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "no-referrer",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Permissions-Policy": "camera=(), microphone=(), geolocation=(), display-capture=()",
}
EXPOSED = "Location, Link, Retry-After"


def _preflight(allowed: bool) -> web.Response:
    if not allowed:
        return refusal(403, say(en="this origin is not configured", fr="origine non configurée"), "origin")
    headers = {
        hdrs.ACCESS_CONTROL_ALLOW_METHODS: "GET, POST, DELETE, OPTIONS",
        hdrs.ACCESS_CONTROL_ALLOW_HEADERS: "Authorization, Content-Type",
        hdrs.ACCESS_CONTROL_MAX_AGE: "600",
    }
    return web.Response(status=204, headers=headers)


def application(api: Api, origins: Sequence[str], door: Door) -> web.Application:
    """The aiohttp application around `api`."""
    known = frozenset(origins)

    @web.middleware
    async def around(request: web.Request, handler: Handler) -> web.StreamResponse:
        """Bounds, CORS and refusals around every handler."""
        door.busy(request.transport)
        origin = request.headers.get(hdrs.ORIGIN)
        if request.method == "OPTIONS" and hdrs.ACCESS_CONTROL_REQUEST_METHOD in request.headers:
            response: web.StreamResponse = _preflight(origin in known)
        else:
            response = await answered(handler, request)
        if origin is not None and origin in known and not response.prepared:
            response.headers[hdrs.ACCESS_CONTROL_ALLOW_ORIGIN] = origin
            response.headers[hdrs.ACCESS_CONTROL_EXPOSE_HEADERS] = EXPOSED
        door.idle(request.transport)
        return response

    async def dress(_: web.Request, response: web.StreamResponse) -> None:
        response.headers.update(HEADERS)
        if known:
            response.headers[hdrs.VARY] = hdrs.ORIGIN

    app = web.Application(middlewares=[around], client_max_size=MAX_BYTES)
    app.add_routes(api.routes())
    app.on_response_prepare.append(dress)
    app.on_shutdown.append(lambda _: api.hang_up())
    return app


class Server:
    """aiohttp's protocol factory, without a listener: `listener` owns the socket."""

    def __init__(self, app: web.Application) -> None:
        self._runner = web.AppRunner(
            app,
            access_log=None,
            handle_signals=False,
            shutdown_timeout=STOP_S,
            max_line_size=4096,
            max_field_size=16384,
        )

    async def start(self) -> Callable[[], asyncio.Protocol]:
        """The factory of connections."""
        await self._runner.setup()
        server: Any = self._runner.server
        factory: Callable[[], asyncio.Protocol] = server
        return factory

    async def stop(self) -> None:
        """Ends what is under way and closes every connection."""
        await self._runner.cleanup()
