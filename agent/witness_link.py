"""The mast's side of its witness: posts the register's head with its proof, enters what the witness signed.

    link = WitnessLink(ledger, settings.register.witness, clock)
    tasks.create_task(link.run(), name="witness")

Laws
- A head is told when there is something new, `EVERY_S` apart at least; a witness that is away is asked after pauses
  that grow to `LONGEST_WAIT_S`. Nothing else waits for it.
- Its answer is not believed: at most `MOST_ANSWER` bytes within `ANSWER_S`, no redirection, one signature line of the
  configured key that holds for the very head that was sent.
- A witness that has seen more than this register holds, or something else, has found a rewrite: that is told as such.
"""

import asyncio
import logging
import random
import ssl
from dataclasses import dataclass

import aiohttp

from agent.clock import Clock
from agent.errors import NoteRefused, RegisterError
from agent.language import reason, say
from agent.register.ledger import Ledger
from agent.register.notes import Key, Note, Signature
from agent.register.witnessing import request, size_of_conflict
from agent.registers import Witness

log = logging.getLogger(__name__)

EVERY_S = 60.0
ANSWER_S = 15.0
LOOK_S = 1.0
FIRST_WAIT_S = 5.0
LONGEST_WAIT_S = 600.0
MOST_ANSWER = 16 << 10


@dataclass(frozen=True, slots=True)
class Timing:
    """Seconds; tests shorten what they would wait for."""

    every_s: float = EVERY_S
    answer_s: float = ANSWER_S
    first_wait_s: float = FIRST_WAIT_S
    longest_wait_s: float = LONGEST_WAIT_S
    look_s: float = LOOK_S


class WitnessLink:
    """One mast's link to its one witness. `conflict`: the witness has seen another register than this."""

    def __init__(self, ledger: Ledger, settings: Witness, clock: Clock, timing: Timing | None = None) -> None:
        self.conflict = False
        self._ledger = ledger
        self._settings = settings
        self._clock = clock
        self._timing = timing or Timing()
        self._good_ns = clock.instant()
        self._old = 0
        self._covered = 0
        self._complaint = ""

    @property
    def behind_s(self) -> float:
        """Since when there are entries that no witness has seen; 0 when there are none."""
        if self._ledger.size <= self._covered:
            return 0.0
        return (self._clock.instant() - self._good_ns) / 1e9

    async def run(self) -> None:
        """Until cancelled."""
        wait_s = 0.0
        await asyncio.to_thread(self._remember)
        while True:
            await asyncio.sleep(wait_s)
            while not self._ledger.size > self._covered:
                self._good_ns = self._clock.instant()
                await asyncio.sleep(self._timing.look_s)
            try:
                await self._tell()
            except Exception as error:
                # whatever a stranger's answer does, recording goes on, and so does this task
                expected = (aiohttp.ClientError, OSError, TimeoutError, NoteRefused, RegisterError, ValueError)
                if not isinstance(error, expected):
                    log.exception("the witness: unforeseen")
                self._complain(self._why(error))
                first = self._timing.first_wait_s
                wait_s = min(self._timing.longest_wait_s, max(first, wait_s * 2)) * random.uniform(0.8, 1.0)  # noqa: S311
            else:
                if self._complaint:
                    log.info(say(en="the witness answers again", fr="le témoin répond de nouveau"))
                self._complaint, self.conflict, wait_s = "", False, self._timing.every_s
                self._good_ns = self._clock.instant()

    def _why(self, error: Exception) -> str:
        if isinstance(error, (NoteRefused, RegisterError)):
            return str(error)
        if isinstance(error, aiohttp.ClientConnectorError | TimeoutError):
            why = reason(error.os_error) if isinstance(error, aiohttp.ClientConnectorError) else type(error).__name__
            return say(
                en=f"does not answer at {self._settings.url} ({why})",
                fr=f"ne répond pas à {self._settings.url} ({why})",
            )
        return f"{type(error).__name__}: {error}"

    def _complain(self, reason: str) -> None:
        level = logging.DEBUG if reason == self._complaint else logging.WARNING
        self._complaint = reason
        log.log(level, say(en="the witness: %s", fr="le témoin : %s"), reason[:300])

    def _remember(self) -> None:
        """From where the witness goes on, as far as the register says."""
        try:
            told = self._ledger.witnessed()
        except (RegisterError, NoteRefused):
            return
        if told is not None:
            self._old = int(Note.parse(told.encode()).text.split("\n")[1])

    async def _tell(self) -> None:
        """The head of now; once more where the witness is elsewhere than was thought."""
        key = await asyncio.to_thread(lambda: Key.parse(self._settings.verifier()))
        size, body = await asyncio.to_thread(self._request)
        status, answer = await self._post(body)
        if status == 409:
            at = size_of_conflict(answer)
            if at > size:
                self.conflict = True
                raise NoteRefused(
                    say(
                        en=f"has seen {at} entries, this register holds {size}: it was cut back or replaced",
                        fr=f"a vu {at} entrées, ce registre en compte {size} : il a été coupé ou remplacé",
                    )
                )
            self._old = at
            size, body = await asyncio.to_thread(self._request)
            status, answer = await self._post(body)
        if status == 422:
            self.conflict = True
            raise NoteRefused(
                say(
                    en="this register does not follow on what the witness has seen: it was rewritten",
                    fr="ce registre ne prolonge pas ce que le témoin a vu : il a été réécrit",
                )
            )
        if status != 200:
            raise NoteRefused(f"HTTP {status}")
        await asyncio.to_thread(self._take, answer, size, key)

    def _request(self) -> tuple[int, bytes]:
        size = self._ledger.size
        old = min(self._old, size)
        proof = self._ledger.consistency_proof(old, size)
        return size, request(old, proof, self._ledger.checkpoint(size))

    async def _post(self, body: bytes) -> tuple[int, bytes]:
        context = await asyncio.to_thread(ssl.create_default_context, cafile=self._settings.ca_file)
        limit = aiohttp.ClientTimeout(total=self._timing.answer_s)
        async with (
            aiohttp.ClientSession(timeout=limit, auto_decompress=False) as session,
            session.post(
                f"{self._settings.url}/add-checkpoint", data=body, ssl=context, allow_redirects=False
            ) as response,
        ):
            answer = bytearray()
            async for block in response.content.iter_chunked(4096):
                answer += block
                if len(answer) > MOST_ANSWER:
                    raise NoteRefused(say(en="its answer is too long", fr="sa réponse est trop longue"))
            return response.status, bytes(answer)

    def _take(self, answer: bytes, size: int, key: Key) -> None:
        """Enters the one line of the witness's own; NoteRefused, ValueError for anything else."""
        lines = answer.decode("utf-8").splitlines()
        mine = [line for line in lines if Signature.parse(line).of(key)][:1]
        if not mine:
            raise NoteRefused(say(en="no signature of its key came", fr="aucune signature de sa clé n'est venue"))
        try:
            numbers = self._ledger.add_cosignature(f"{mine[0]}\n", size, [key])
        except OverflowError as error:
            raise NoteRefused(str(error)) from error
        self._old = size
        # what was entered meanwhile counts as new; the receipt itself does not, or there would be no end
        self._covered = size + len(numbers)
