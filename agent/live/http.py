"""What the listener answers over HTTP: WHEP, steering, the page, its state, health and metrics.

    POST   /whep/<camera>[?rendition=main|tile]   SDP offer -> 201, SDP answer, Location of the session
    DELETE /whep/<camera>/<session>               under the same grant: the view ends
    POST   /ptz/<camera>                          one steering order as JSON, under a grant that allows ptz
    GET    /ptz/<camera>/ws                       a joystick's WebSocket (`steering`)
    POST   /requisitions, GET .../pack.zip        `requisitions`
    GET    /state                                 under a live grant: what the page shows
    GET    /  and its scripts and style              the page: no secret in it, no grant asked for
    GET    /healthz                               ok or not, nothing else
    GET    /metrics                               Prometheus, loopback only

Laws
- First who (401), then what (404, 403), then how (415, 400, 406), then whether there is room (503).
- A grant comes in the Authorization header and nowhere else; nothing is logged about a request.
- What is refused is raised, or answered with a sentence (`refusals`); bounds and headers are around it (`application`).
- Only these three and `requisitions` touch aiohttp.
"""

import asyncio
import contextlib
import ipaddress
import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from importlib.resources import files
from typing import Any

from aiohttp import WSMsgType, hdrs, web

from agent.access.grants import Grant, GrantJudge, bearer, require
from agent.acts import Acts
from agent.clock import Clock
from agent.config import IceServer
from agent.errors import AccessDenied, NotCovered, OfferRefused, RegisterError
from agent.facts import MastFacts
from agent.faults import one_line
from agent.language import say
from agent.live.metrics import CONTENT_TYPE, exposition
from agent.live.refusals import readable, refusal, said, why
from agent.live.requisitions import Requisitions
from agent.live.sdp import read_offer
from agent.live.sessions import Sessions, TooManyViewers, View
from agent.live.state import ice_links, page_state
from agent.live.steering import MOST_BYTES as MOST_MESSAGE
from agent.live.steering import Joystick, Steering
from agent.queues import UnitSource

SDP = "application/sdp"
LONGEST_WHY = 300
BODY_S = 10.0
BEAT_S = 5.0
"""A WebSocket whose other side does not answer a ping within half of this is gone."""
GOING_AWAY = 1001  # RFC 6455 section 7.4.1
SCRIPTS = ("vigie", "player", "helm", "hands", "joystick", "steering", "words")
PAGE = {
    "/": ("index.html", "text/html"),
    **{f"/{name}.js": (f"{name}.js", "text/javascript") for name in SCRIPTS},
    "/vigie.css": ("vigie.css", "text/css"),
}


@dataclass(frozen=True, slots=True)
class Renditions:
    """A camera's two pictures."""

    main: UnitSource
    tile: UnitSource


def is_local(address: str | None) -> bool:
    """True for a peer on this very machine."""
    try:
        found = ipaddress.ip_address((address or "").partition("%")[0])
    except ValueError:
        return False
    mapped = found.ipv4_mapped if isinstance(found, ipaddress.IPv6Address) else None
    return (mapped or found).is_loopback


class Api:
    """The handlers; `judge` may be replaced while they run."""

    def __init__(
        self,
        judge: GrantJudge,
        clock: Clock,
        cameras: Mapping[str, Renditions],
        facts: Callable[[], MastFacts],
        healthy: Callable[[], bool],
        sessions: Sessions,
        ice_servers: Sequence[IceServer],
        steering: Mapping[str, Steering],
        acts: Acts,
        requisitions: Requisitions | None = None,
    ) -> None:
        self.judge = judge
        self._clock = clock
        self._cameras = cameras
        self._facts = facts
        self._healthy = healthy
        self._sessions = sessions
        self._ice_servers = tuple(ice_servers)
        self._steering = dict(steering)
        self._requisitions = requisitions
        self._acts = acts
        self._joysticks: set[web.WebSocketResponse] = set()
        self._metrics = exposition(facts)
        page = files("agent.live") / "page"
        self._page = {path: ((page / name).read_bytes(), kind) for path, (name, kind) in PAGE.items()}

    def routes(self) -> list[web.RouteDef]:
        """Where each handler answers."""
        return [
            *(web.get(path, self.page) for path in self._page),
            web.get("/state", self.state),
            web.get("/healthz", self.healthz),
            web.get("/metrics", self.metrics),
            web.post("/whep/{camera}", self.open),
            web.options("/whep/{camera}", self.options),
            web.delete("/whep/{camera}/{session}", self.end),
            web.options("/whep/{camera}/{session}", self.options),
            web.post("/ptz/{camera}", self.steer),
            web.get("/ptz/{camera}/ws", self.joystick),
            *(self._requisitions.routes() if self._requisitions is not None else ()),
        ]

    def _grant(self, request: web.Request) -> tuple[str, Grant]:
        token = bearer(request.headers.get(hdrs.AUTHORIZATION))
        return token, self.judge.judge(token, self._clock.wall())

    async def page(self, request: web.Request) -> web.Response:
        """The status page's files, read once at start."""
        body, kind = self._page[request.path]
        return web.Response(body=body, content_type=kind, charset="utf-8")

    async def state(self, request: web.Request) -> web.Response:
        """The covered cameras' facts."""
        _, grant = self._grant(request)
        covered = [camera for camera in self._cameras if camera in grant.cameras and "live" in grant.allow]
        if not covered:
            raise NotCovered(
                say(
                    en="the grant allows live view of no camera of this mast; ask for one that does",
                    fr="l'autorisation ne permet la vue directe d'aucune caméra de ce mât ; en demander une",
                )
            )
        may_steer = [one for one in covered if one in self._steering and "ptz" in grant.allow]
        steering = {camera: self._steering[camera].standing(grant) for camera in may_steer}
        told = page_state(self._facts(), covered, grant.expires_at, self._ice_servers, steering)
        return web.json_response(told, dumps=readable)

    async def healthz(self, _: web.Request) -> web.Response:
        """`ok` or `not ok`."""
        good = self._healthy()
        return web.Response(text="ok\n" if good else "not ok\n", status=200 if good else 503)

    async def metrics(self, request: web.Request) -> web.Response:
        """Prometheus metrics for this machine only; what came through a proxy came from elsewhere."""
        forwarded = hdrs.FORWARDED in request.headers or hdrs.X_FORWARDED_FOR in request.headers
        if forwarded or not is_local(request.remote):
            return refusal(
                403, say(en="metrics answer loopback only", fr="métriques : boucle locale seulement"), "local"
            )
        return web.Response(body=self._metrics(), headers={hdrs.CONTENT_TYPE: CONTENT_TYPE})

    async def options(self, _: web.Request) -> web.Response:
        """What a WHEP player may send; CORS preflights are answered before they come here."""
        return web.Response(status=204, headers={"Accept-Post": SDP, "Allow": "POST, DELETE, OPTIONS"})

    async def open(self, request: web.Request) -> web.Response:
        """`POST /whep/<camera>`: a view begins; one that does not is entered with why."""
        camera = request.match_info["camera"]
        grant = None
        try:
            token, grant = self._grant(request)
            response = await self._open(request, camera, token, grant)
        except RegisterError:
            raise
        except (AccessDenied, OfferRefused, TooManyViewers, TimeoutError, web.HTTPException) as error:
            await self._refused(camera, why(error), grant or self._vouched(request))
            raise
        if response.status != 201:
            await self._refused(camera, said(response), grant)
        return response

    def _vouched(self, request: web.Request) -> Grant | None:
        """Who comes with a grant that is no good here or no longer: it names them all the same."""
        try:
            return self.judge.vouched(bearer(request.headers.get(hdrs.AUTHORIZATION)))
        except AccessDenied:
            return None

    async def _refused(self, camera: str, why: str, grant: Grant | None) -> None:
        known = camera if camera in self._cameras else ""  # a stranger's words stay out of the register
        await self._acts.view_refused(known, one_line(why)[:LONGEST_WHY], grant)

    async def _open(self, request: web.Request, camera: str, token: str, grant: Grant) -> web.Response:
        renditions = self._cameras.get(camera)
        if renditions is None:
            return refusal(404, say(en="no such camera on this mast", fr="caméra inconnue sur ce mât"))
        require(grant, camera, "live")
        if request.content_type != SDP:
            return refusal(415, say(en=f"send the offer as {SDP}", fr=f"envoyer l'offre en {SDP}"), "type")
        rendition = request.query.get("rendition", "main")
        if rendition not in ("main", "tile"):
            return refusal(400, say(en="rendition is main or tile", fr="rendition vaut main ou tile"), "rendition")
        async with asyncio.timeout(BODY_S):
            body = await request.read()
        source = renditions.tile if rendition == "tile" else renditions.main
        view, answer = await self._sessions.open(camera, source, rendition, token, grant, read_offer(body))
        return self._opened(view, answer)

    def _opened(self, view: View, answer: str) -> web.Response:
        response = web.Response(body=answer.encode(), status=201, content_type=SDP)
        response.headers[hdrs.LOCATION] = f"/whep/{view.camera}/{view.key}"
        for link in ice_links(self._ice_servers):
            response.headers.add(hdrs.LINK, link)
        return response

    async def end(self, request: web.Request) -> web.Response:
        """`DELETE` on the session: the view ends, under the grant that opened it."""
        _, grant = self._grant(request)
        view = self._sessions.find(request.match_info["camera"], request.match_info["session"])
        if view is None:
            return refusal(404, say(en="no such session; it may have ended", fr="session inconnue ou déjà terminée"))
        if view.jti != grant.jti:
            raise NotCovered(
                say(
                    en="another grant opened this session; only that one ends it",
                    fr="une autre autorisation a ouvert cette session ; elle seule y met fin",
                )
            )
        await self._sessions.end(view, "left")
        return web.Response(status=200)

    def _turning(self, camera: str) -> Steering:
        """The camera's steering; 404 for cameras that are unknown or do not turn."""
        if camera not in self._steering:
            known = camera in self._cameras
            raise web.HTTPNotFound(
                reason=say(en="this camera does not turn", fr="cette caméra ne tourne pas")
                if known
                else say(en="no such camera on this mast", fr="caméra inconnue sur ce mât")
            )
        return self._steering[camera]

    async def steer(self, request: web.Request) -> web.Response:
        """`POST /ptz/<camera>`: one order."""
        _, grant = self._grant(request)
        camera = request.match_info["camera"]
        steering = self._turning(camera)
        require(grant, camera, "ptz")
        async with asyncio.timeout(BODY_S):
            raw = await request.read()
        status, body = await steering.steer(grant, raw)
        wait = {str(hdrs.RETRY_AFTER): str(math.ceil(body["retry_after_s"]))} if "retry_after_s" in body else None
        return web.json_response(body, status=status, headers=wait, dumps=readable)

    async def joystick(self, request: web.Request) -> web.StreamResponse:
        """`/ptz/<camera>/ws`: grant and orders come as messages, so that no address carries them."""
        camera = request.match_info["camera"]
        steering = self._turning(camera)
        socket = web.WebSocketResponse(heartbeat=BEAT_S, max_msg_size=MOST_MESSAGE, compress=False)
        if not socket.can_prepare(request):
            raise web.HTTPBadRequest(reason=say(en="this is a WebSocket", fr="ceci est un WebSocket"))
        await socket.prepare(request)
        self._joysticks.add(socket)
        try:
            await Joystick(_Socket(socket), lambda: self.judge, self._clock, camera, steering).talk()
        finally:
            self._joysticks.discard(socket)
            await socket.close()
        return socket

    async def hang_up(self) -> None:
        """Ends every WebSocket: the listener is going."""
        for socket in tuple(self._joysticks):
            await socket.close(code=GOING_AWAY)


class _Socket:
    """aiohttp's WebSocket as `steering` sees one."""

    def __init__(self, socket: web.WebSocketResponse) -> None:
        self._socket = socket

    async def receive(self, timeout_s: float) -> str | None:
        async with asyncio.timeout(timeout_s):
            message = await self._socket.receive()
        return str(message.data) if message.type is WSMsgType.TEXT else None

    async def send(self, message: dict[str, Any]) -> None:
        with contextlib.suppress(ConnectionError, RuntimeError):  # the other side has left meanwhile
            await self._socket.send_json(message)

    async def close(self, code: int) -> None:
        await self._socket.close(code=code)
