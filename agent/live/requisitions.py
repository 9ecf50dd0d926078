"""Requisitions over HTTP, and the packs that answer them.

    POST /requisitions                    a document -> 201 and where its pack is, under which token; 200 for a hold
    GET  /requisitions/<id>/pack.zip      under that token, whole or by Range

Laws
- A document is its own permission: no grant is asked for, and no grant serves in its place. What it gives is sealed.
- Who has gone before the answer is there may send the document again: its token was told to nobody.
- The token travels in the Authorization header and nowhere else; without it nobody learns whether there is a pack.
- At most `MOST_DOWNLOADS` at once; one whose other side takes nothing for `STALL_S` is cut. What is sent is read as it
  is sent: a pack is never in memory.
"""

import asyncio
import math
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Protocol

from aiohttp import hdrs, web

from agent.errors import EvidenceRefused, RegisterError, RequisitionRefused, TryLater, VaultError
from agent.language import say
from agent.live.refusals import refusal

MOST_DOWNLOADS = 2
STALL_S = 60.0
BODY_S = 10.0
RETRY_S = 30
KINDS = ("application/json", "application/jose+json")


class Answered(Protocol):
    """What was done."""

    @property
    def id(self) -> str:
        """The requisition's."""
        ...

    @property
    def token(self) -> str:
        """The word under which the pack is fetched; empty where there is none."""
        ...

    def as_json(self) -> dict[str, object]:
        """For programs, without the token."""
        ...


class Download(Protocol):
    """A file whose bytes are made as they are asked for."""

    @property
    def name(self) -> str:
        """What to call it."""
        ...

    @property
    def etag(self) -> str:
        """The same as long as its bytes are."""
        ...

    @property
    def size_bytes(self) -> int:
        """How many."""
        ...

    def blocks(self, start: int, end: int) -> Iterator[bytes]:
        """[start, end); each step waits for the disk."""
        ...


class Answering(Protocol):
    """Whoever answers requisitions."""

    async def answer(self, document: bytes) -> Answered:
        """RequisitionRefused, TryLater, RegisterError, VaultError."""
        ...

    def unheard(self, requisition: str) -> None:
        """Nobody was told the token of the pack that waits under that id."""
        ...

    async def download(self, requisition: str, token: str) -> Download | None:
        """The pack for who has its token. TryLater."""
        ...


def _later(error: TryLater) -> web.Response:
    return refusal(error.status, str(error), error.word, {str(hdrs.RETRY_AFTER): str(math.ceil(error.wait_s))})


def span(header: str | None, size: int) -> tuple[int, int] | None:
    """[start, end) of a Range header (RFC 9110 section 14.2), the whole where it is no single byte range.

    None: it lies beyond the end (416).
    """
    unit, _, ranges = (header or "").partition("=")
    first, dash, last = ranges.strip().partition("-")
    digits = all(one.isascii() and one.isdigit() and len(one) < 20 for one in (first, last) if one)
    if unit.strip().lower() != "bytes" or not dash or not (first or last) or not digits:
        return 0, size
    if not first:
        return (max(0, size - int(last)), size) if int(last) else None
    start, end = int(first), min(size, int(last) + 1) if last else size
    if last and int(last) < start:
        return 0, size
    return (start, end) if start < size else None


class Requisitions:
    """The handlers."""

    def __init__(self, desk: Answering) -> None:
        self._desk = desk
        self._downloads = 0
        self._pool = ThreadPoolExecutor(MOST_DOWNLOADS, thread_name_prefix="downloads")

    def routes(self) -> list[web.RouteDef]:
        """Where each handler answers."""
        return [
            web.post("/requisitions", self.present),
            web.get("/requisitions/{id}/pack.zip", self.fetch),
        ]

    def close(self) -> None:
        """No further downloads."""
        self._pool.shutdown(wait=False, cancel_futures=True)

    async def present(self, request: web.Request) -> web.Response:
        """`POST /requisitions`."""
        if request.content_type not in KINDS:
            text = say(en=f"send the requisition as {KINDS[0]}", fr=f"envoyer la réquisition en {KINDS[0]}")
            return refusal(415, text, "type")
        async with asyncio.timeout(BODY_S):
            document = await request.read()
        try:
            answer = await self._desk.answer(document)
        except RequisitionRefused as error:
            return refusal(error.status, str(error), error.word)
        except TryLater as error:
            return _later(error)
        except RegisterError as error:
            return refusal(503, str(error), "register")
        except VaultError as error:
            return refusal(503, str(error), "vault")
        if not answer.token:
            return web.json_response(answer.as_json())
        if request.transport is None or request.transport.is_closing():
            self._desk.unheard(answer.id)  # else the token would be lost with the connection
        path = f"/requisitions/{answer.id}/pack.zip"
        told = {**answer.as_json(), "download": path, "token": answer.token}
        return web.json_response(told, status=201, headers={str(hdrs.LOCATION): path})

    async def fetch(self, request: web.Request) -> web.StreamResponse:
        """`GET /requisitions/<id>/pack.zip`."""
        scheme, _, token = request.headers.get(hdrs.AUTHORIZATION, "").partition(" ")
        if scheme.lower() != "bearer" or not token.strip():
            text = say(en="the pack's token is missing", fr="il manque le jeton du paquet")
            return refusal(401, text, "token", {str(hdrs.WWW_AUTHENTICATE): "Bearer"})
        if self._downloads >= MOST_DOWNLOADS:
            text = say(
                en="other packs are being fetched; try again shortly", fr="d'autres paquets sont en cours d'envoi"
            )
            return refusal(503, text, "busy", {str(hdrs.RETRY_AFTER): str(RETRY_S)})
        self._downloads += 1
        try:
            try:
                found = await self._desk.download(request.match_info["id"], token.strip())
            except TryLater as error:
                return _later(error)
            if found is None:
                text = say(
                    en="no pack waits here under this token; it is kept for three days at most",
                    fr="aucun paquet n'attend ici sous ce jeton ; il est gardé trois jours au plus",
                )
                return refusal(404, text, "unknown")
            return await self._send(request, found)
        finally:
            self._downloads -= 1

    async def _send(self, request: web.Request, found: Download) -> web.StreamResponse:
        etag = f'"{found.etag}"'
        whole = request.headers.get(hdrs.IF_RANGE, etag) != etag
        asked = span(None if whole else request.headers.get(hdrs.RANGE), found.size_bytes)
        if asked is None:
            text = say(en="the range lies beyond the end", fr="la plage dépasse la fin")
            return refusal(416, text, "range", {str(hdrs.CONTENT_RANGE): f"bytes */{found.size_bytes}"})
        start, end = asked
        part = (start, end) != (0, found.size_bytes)
        response = web.StreamResponse(status=206 if part else 200)
        response.content_type = "application/zip"
        response.content_length = end - start
        response.headers[hdrs.ETAG] = etag
        response.headers[hdrs.ACCEPT_RANGES] = "bytes"
        response.headers[hdrs.CONTENT_DISPOSITION] = f'attachment; filename="{found.name}"'
        if part:
            response.headers[hdrs.CONTENT_RANGE] = f"bytes {start}-{end - 1}/{found.size_bytes}"
        await response.prepare(request)
        if request.method != hdrs.METH_HEAD:
            await self._stream(request, response, found.blocks(start, end))
        return response

    async def _stream(self, request: web.Request, response: web.StreamResponse, blocks: Iterator[bytes]) -> None:
        """All of it, or a connection that breaks off: never less that looks whole."""
        loop = asyncio.get_running_loop()
        try:
            while (block := await loop.run_in_executor(self._pool, next, blocks, None)) is not None:
                async with asyncio.timeout(STALL_S):
                    await response.write(block)
        except (OSError, EvidenceRefused, TimeoutError, RuntimeError):
            if request.transport is not None:
                request.transport.abort()
