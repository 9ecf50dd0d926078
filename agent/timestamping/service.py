"""Asking a time-stamping service over HTTP (RFC 3161 section 3.4), within a deadline and with a bounded answer.

A service that is away, slow or hostile costs a stamp and nothing else: `stamp` then gives None and says so in the log.
It follows no redirect, sends no cookie, and takes no proxy from the environment.

>>> await TimestampService(configuration.timestamp).stamp(sha256(manifest).digest())
"""

import asyncio
import logging
import secrets
from dataclasses import dataclass, replace

import aiohttp

from agent.errors import StampRefused
from agent.faults import one_line
from agent.network import Timestamp
from agent.timestamping.stamps import LARGEST_ANSWER, NONCE_BYTES, Stamp, request, verify

log = logging.getLogger(__name__)

DEADLINE_S = 15.0
QUERY = "application/timestamp-query"
REPLY = "application/timestamp-reply"


@dataclass(frozen=True, slots=True)
class TimestampService:
    """`[timestamp]`, and how long an answer may take, all in all."""

    configured: Timestamp
    deadline_s: float = DEADLINE_S

    async def stamp(self, digest: bytes) -> bytes | None:
        """A verified TimeStampResp in DER for a SHA-256 digest (32 bytes), or None."""
        try:
            return (await self.ask(digest)).raw
        except StampRefused as error:
            log.warning("time-stamp: %s: %s", self.configured.url, one_line(str(error)))
            return None

    async def ask(self, digest: bytes) -> Stamp:
        """The same with its request; StampRefused says why there is none."""
        nonce = secrets.randbits(8 * NONCE_BYTES - 1) | 1
        query = request(digest, nonce)
        try:
            async with asyncio.timeout(self.deadline_s):
                raw = await self._exchange(query)
        except (aiohttp.ClientError, OSError, ValueError, TimeoutError) as error:
            raise StampRefused(str(error) or type(error).__name__) from error
        return replace(verify(raw, digest, nonce, self.configured.authorities()), query=query)

    async def _exchange(self, body: bytes) -> bytes:
        headers = {"Content-Type": QUERY, "Accept": REPLY, "Accept-Encoding": "identity"}
        jar = aiohttp.DummyCookieJar()
        async with (
            aiohttp.ClientSession(cookie_jar=jar, auto_decompress=False) as session,
            session.post(self.configured.url, data=body, headers=headers, allow_redirects=False) as answer,
        ):
            if answer.status != 200 or answer.content_type != REPLY:
                raise StampRefused(f"HTTP {answer.status} {answer.content_type[:60]}")
            raw = bytearray()
            async for part in answer.content.iter_any():
                raw += part
                if len(raw) > LARGEST_ANSWER:
                    raise StampRefused(f"> {LARGEST_ANSWER} B")
            return bytes(raw)
