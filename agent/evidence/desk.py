"""Where requisitions are answered: judged, entered, held, packed, in this order and one at a time.

    desk = Desk(mast, vault, ledger, judge, clock)
    refusal = desk.consider(document)       # what cannot be answered is found out at once, whoever is being answered
    answer = desk.answer(document)          # blocks; RequisitionRefused, RegisterError, VaultError

Laws
- Whatever is refused is entered with its reason; what cannot be entered is not answered (RegisterError).
- Entered first: that it was presented, what is held, what is transmitted. Then the hold, then the pack, and the id is
  marked as answered before the answer leaves. What a power cut breaks off has handed nothing over, and the same
  document may be presented again.
- An export holds what it hands over until the requisition expires, and `FETCH_MS` at most: so long it can be fetched.
- Refusals are entered sparingly, those of documents that no authority signed most of all (`agent/sparing.py`). Above
  that a refusal is told to come later (TryLater), and not entered but for its number, with the next one: nobody fills
  the register. What is good is answered all the same: no stranger's flood keeps an authority out.
- An answer over HTTP whose asker had gone before it could be sent has been told to nobody (`unheard`): the same
  document may come once more, until the agent ends. It is entered each time.
- A requisition counts when it is judged, when its turn comes, and after the recording that it asks for was waited for:
  one that expires meanwhile is refused.
"""

import logging
import secrets
import threading
import time
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from hashlib import sha256
from hmac import compare_digest
from pathlib import Path
from typing import Protocol

from agent.access.basis import Article
from agent.access.demands import DAY_MS, Export, Hold, Release, Requisition, read
from agent.access.requisitions import RequisitionJudge, open_document, refuse, require_in_force
from agent.clock import Clock, rfc3339
from agent.errors import RegisterError, RequisitionRefused, TryLater
from agent.evidence.binding import Book, Mast, bind
from agent.evidence.download import Zip
from agent.evidence.names import MANIFEST, MOST_SEGMENTS
from agent.evidence.packing import Found, recipient_of
from agent.evidence.shelf import Pack, Shelf, pack_name
from agent.language import say
from agent.register import bodies, values
from agent.register.bodies import RequisitionPresented, SegmentsHeld
from agent.register.values import Ground, Person
from agent.sparing import Sparing, known, strangers, unentered
from agent.vault.holds import Act, Holds, Kept
from agent.vault.rows import SegmentRow

log = logging.getLogger(__name__)

FETCH_MS = 3 * DAY_MS
SETTLE_S = 130.0
CLOCK_S = 10.0
LOOK_S = 0.1
_BASES: Mapping[Article, values.LegalBasis] = {
    "cpp-60-1": "requisition_60_1",
    "cpp-77-1-1": "requisition_77_1_1",
    "cpp-99-3": "requisition_99_3",
}
NOBODY = "nobody"
"""Who receives what is only held."""


class Recordings(Protocol):
    """The vault as a pack needs it (`agent.vault.Vault`)."""

    @property
    def state(self) -> Path:
        """The state directory."""
        ...

    @property
    def holds(self) -> Holds:
        """What requisitions keep."""
        ...

    def cameras(self) -> frozenset[str]:
        """Those that ever recorded here."""
        ...

    def forced(self, camera: str, from_ms: int, to_ms: int) -> list[SegmentRow]:
        """The rows of a camera with pictures of the interval, gone ones too."""
        ...

    def is_settled(self, cameras: Collection[str], to_ms: int) -> bool:
        """False while a segment is open that may hold pictures from before `to_ms`."""
        ...

    def enter_sealed(self) -> None:
        """What was sealed up to now is in the register when this returns."""
        ...

    def release(self, kept: Kept, reason: str) -> None:
        """Ends a hold, entered first; nothing where it has ended. RegisterError."""
        ...

    def agree(self) -> None:
        """What the register says is held is held when this returns. RegisterError."""
        ...

    def poke(self) -> None:
        """Something was let go."""
        ...


@dataclass(frozen=True, slots=True)
class Answer:
    """What was done. `token`: the word under which the zip is fetched; empty where nothing is handed over."""

    id: str
    act: str
    entry: int
    until_ms: int
    segments: int
    size_bytes: int
    gaps: int
    token: str = ""
    name: str = ""
    manifest_sha256: str = ""

    def as_json(self) -> dict[str, object]:
        """For programs; the token stands apart."""
        told: dict[str, object] = {"id": self.id, "act": self.act, "entry": self.entry, "segments": self.segments}
        if self.act != "release":
            told |= {"size_bytes": self.size_bytes, "gaps": self.gaps, "until": rfc3339(self.until_ms)}
        if self.name:
            told |= {"name": self.name, "manifest_sha256": self.manifest_sha256}
        return told


@dataclass(frozen=True, slots=True)
class Refusal:
    """A requisition that is refused, to be entered. `held_back`: how many before it were not, as `sparing` counts."""

    document: bytes
    error: RequisitionRefused
    held_back: int
    sparing: Sparing


class Desk:
    """See the module. `mast` may be replaced while it works."""

    def __init__(self, mast: Mast, vault: Callable[[], Recordings], book: Book, clock: Clock) -> None:
        self.mast = mast
        self._vault = vault
        self._book = book
        self._clock = clock
        self._turn = threading.Lock()
        self._strangers, self._known = strangers(), known()
        self._agreed = False
        self._unheard: set[str] = set()

    @property
    def shelf(self) -> Shelf:
        """Where packs wait."""
        return Shelf(self._vault().state)

    def answer(self, document: bytes, *, again: bool = False) -> Answer:
        """Answers a requisition. `again`: one that was answered here may be collected once more, while it is kept.

        RequisitionRefused (entered), RegisterError (nothing happened), VaultError, TryLater.
        """
        with self._turn:
            self._agree()
            requisition = self.consider(document, again=again)
            if isinstance(requisition, Refusal):
                self.enter_refusal(requisition)
                raise requisition.error
            self._unheard.discard(requisition.id)
            try:
                match requisition.demand:
                    case Release(hold=hold):
                        return self._release(requisition, document, hold)
                    case Export() | Hold():
                        return self._keep(requisition, document)
            except RequisitionRefused as error:
                self.enter_refusal(self._refusal(document, error, self._known))
                raise

    def unheard(self, requisition: str) -> None:
        """Nobody was told the token of the pack that waits under that id."""
        self._unheard.add(requisition)

    def consider(self, document: bytes, *, again: bool = False) -> Requisition | Refusal:
        """Judges a document and enters nothing; waits for no answer that is being given. TryLater, VaultError."""
        judge, wall, sparing = self._judge(document, again), self._clock.wall(), self._strangers
        try:
            signed = judge.authenticate(document, wall)
            sparing = self._known
            return judge.decide(signed, wall)
        except RequisitionRefused as error:
            return self._refusal(document, error, sparing)

    def enter_refusal(self, refusal: Refusal) -> None:
        """Enters it, with how many were refused before it and not entered. RegisterError."""
        hashed, why = sha256(refusal.document).hexdigest(), refusal.error.word + unentered(refusal.held_back)
        body = bodies.RequisitionRefused(sha256=hashed, reference=_reference(refusal.document), why=why)
        try:
            self._book.enter(body)
        except RegisterError:
            refusal.sparing.take_back(refusal.held_back + 1)
            raise

    def tidy(self) -> None:
        """Takes away packs whose hold has ended, and settles what a cut or a fault left between register and index."""
        with self._turn:
            shelf, holds = self.shelf, self._vault().holds
            shelf.restore()
            for name in shelf.names():
                kept = holds.find(name)
                if kept is None or kept.ended:
                    shelf.remove(name)
            self._unheard &= set(shelf.names())
            try:
                self._agree()
            except RegisterError as error:  # nothing is answered until it can be
                log.debug("%s", error)

    def _agree(self) -> None:
        if not self._agreed:
            self._vault().agree()
            self._agreed = True

    def pack(self, requisition: str) -> Pack | None:
        """The pack that waits under that id; None when there is none, or when its hold has ended."""
        kept = self._vault().holds.find(requisition)
        if kept is None or kept.ended or not kept.settled or kept.until_ms <= self._clock.wall().utc_ms:
            return None
        return self.shelf.find(requisition)

    def download(self, requisition: str, token: str) -> Zip | None:
        """The zip that waits under that id, for who has its token; else None. TryLater by an untrusted clock."""
        pack = self.pack(requisition)
        if pack is None or not compare_digest(pack.token_sha256, sha256(token.encode()).hexdigest()):
            return None
        if not self._clock.wall().trusted:  # nobody can say whether the requisition is in force
            text = say(en="clock: the mast does not know the time", fr="clock : le mât ne connaît pas l'heure")
            raise TryLater(text, 503, "clock", CLOCK_S)
        return Zip(pack)

    # --- what all acts have in common ---

    def _refusal(self, document: bytes, error: RequisitionRefused, sparing: Sparing) -> Refusal:
        held_back = sparing.let(self._clock.instant())
        if held_back is None:
            text = say(en="too many requisitions were refused", fr="trop de réquisitions refusées")
            raise TryLater(text, 429, "flood", sparing.wait_s)
        return Refusal(document, error, held_back, sparing)

    def _judge(self, document: bytes, again: bool) -> RequisitionJudge:
        """Who judges `document` now; the vault is asked only about what authorities signed."""
        vault, mast = self._vault(), self.mast
        hashed = sha256(document).hexdigest()

        def answered(name: str) -> bool:
            found = vault.holds.find(name)
            if found is None or not found.settled:
                return found is not None and found.document != hashed
            once_more = again or name in self._unheard
            return not (once_more and found.document == hashed and not found.ended and found.act == "export")

        return RequisitionJudge(
            mast.authorities,
            mast.threshold,
            mast.about.mast,
            cameras=lambda: vault.cameras() | mast.about.cameras.keys(),
            answered=answered,
        )

    def _present(self, requisition: Requisition, document: bytes, cameras: Sequence[str], start: int, end: int) -> int:
        asked, demand = requisition.requester, requisition.demand
        return self._book.enter(
            RequisitionPresented(
                sha256=sha256(document).hexdigest(),
                ground=Ground(_BASES[requisition.basis], requisition.reference, requisition.reason),
                requester=Person(asked.quality, asked.name, asked.service),
                recipient=recipient_of(demand) if isinstance(demand, Export) else NOBODY,
                signers=requisition.signers,
                cameras=tuple(cameras),
                start=rfc3339(start),
                end=rfc3339(end),
                expires=rfc3339(requisition.expires_ms),
            )
        )

    # --- release ---

    def _release(self, requisition: Requisition, document: bytes, hold: str) -> Answer:
        vault = self._vault()
        holds = vault.holds
        kept = holds.find(hold)
        begun = holds.find(requisition.id) is not None  # and cut short: what it releases may have been let go by then
        if kept is None or kept.act != "hold" or (kept.ended and not begun):
            raise refuse(
                "unknown-hold",
                en=f"no hold of a requisition {hold} stands here; it may have ended",
                fr=f"aucune conservation de la réquisition {hold} n'est en cours ici ; elle a pu prendre fin",
            )
        held = holds.held(hold)
        now_ms = self._clock.wall().utc_ms
        cameras = sorted({one.camera for one in held})
        entry = self._present(requisition, document, cameras, requisition.issued_ms, requisition.expires_ms)
        holds.begin(_kept(requisition, document, entry, now_ms), ())
        vault.release(kept, f"released by {requisition.reference}")
        holds.end(requisition.id)
        vault.poke()
        return Answer(requisition.id, "release", entry, now_ms, sum(len(one.seqs) for one in held), 0, 0)

    # --- hold and export ---

    def _keep(self, requisition: Requisition, document: bytes) -> Answer:
        demand, vault = requisition.demand, self._vault()
        assert isinstance(demand, Export | Hold)
        self._settle(vault, demand)
        vault.enter_sealed()
        require_in_force(requisition, self._clock.wall())
        rows = {camera: vault.forced(camera, demand.from_ms, demand.to_ms) for camera in demand.cameras}
        _require_some(rows)
        until_ms = self._until_ms(requisition, demand)
        entry = self._present(requisition, document, demand.cameras, demand.from_ms, demand.to_ms)
        self._agreed = False  # from here on the register may say more than is held
        held = [(row.seq, number) for number, of in self._enter_holds(requisition, rows, until_ms) for row in of]
        kept = vault.holds.begin(_kept(requisition, document, entry, until_ms), held)
        self._agreed = {number for _, number in held} <= vault.holds.entries()
        again = {camera: vault.forced(camera, demand.from_ms, demand.to_ms) for camera in demand.cameras}
        found = {
            camera: Found(tuple(row for row in of if row.seq in kept), tuple(row for row in of if row.seq not in kept))
            for camera, of in again.items()
        }
        if not any(one.kept for one in found.values()):
            raise _destroyed()  # the ring took it between the look and the hold
        answer = Answer(
            id=requisition.id,
            act="hold" if isinstance(demand, Hold) else "export",
            entry=entry,
            until_ms=until_ms,
            segments=sum(len(one.kept) for one in found.values()),
            size_bytes=sum(row.segment.size_bytes for one in found.values() for row in one.kept),
            gaps=0,
        )
        if isinstance(demand, Export):
            answer = self._pack(requisition, document, found, answer)
        vault.holds.settle(requisition.id)
        vault.poke()
        return answer

    def _until_ms(self, requisition: Requisition, demand: Export | Hold) -> int:
        if isinstance(demand, Hold):
            return demand.until_ms
        before = self._vault().holds.find(requisition.id)
        if before is not None:  # cut short, or collected again: that prolongs nothing
            return before.until_ms
        return min(requisition.expires_ms, self._clock.wall().utc_ms + FETCH_MS)

    def _settle(self, vault: Recordings, demand: Export | Hold) -> None:
        """Waits until no open segment has pictures of the interval: one segment's length at most."""
        end = time.monotonic() + SETTLE_S
        while not vault.is_settled(demand.cameras, demand.to_ms) and time.monotonic() < end:
            time.sleep(LOOK_S)

    def _enter_holds(
        self, requisition: Requisition, rows: Mapping[str, Sequence[SegmentRow]], until_ms: int
    ) -> Iterator[tuple[int, list[SegmentRow]]]:
        before = {seq for one in self._vault().holds.held(requisition.id) for seq in one.seqs}
        for camera, of in rows.items():
            there = [row for row in of if row.live and row.seq not in before]
            if there:
                counters = [row.counter for row in there]
                number = self._book.enter(
                    SegmentsHeld(
                        camera=camera,
                        first=min(counters),
                        last=max(counters),
                        reference=requisition.reference,
                        until=rfc3339(until_ms),
                    )
                )
                yield number, there

    def _pack(self, requisition: Requisition, document: bytes, found: Mapping[str, Found], answer: Answer) -> Answer:
        held = frozenset(one.entry for one in self._vault().holds.held(requisition.id))
        bound = bind(self.mast, self._book, requisition, document, answer.entry, held, found, self._clock.wall())
        token = secrets.token_urlsafe(32)
        self.shelf.put(requisition.id, bound.files, sha256(token.encode()).hexdigest())
        return replace(
            answer,
            gaps=sum(len(camera.gaps) for camera in bound.manifest.cameras),
            token=token,
            name=pack_name(bound.manifest),
            manifest_sha256=sha256(bound.files[MANIFEST]).hexdigest(),
        )


def _kept(requisition: Requisition, document: bytes, entry: int, until_ms: int) -> Kept:
    act: Act = "release"
    if isinstance(requisition.demand, Export | Hold):
        act = "export" if isinstance(requisition.demand, Export) else "hold"
    return Kept(requisition.id, act, sha256(document).hexdigest(), requisition.reference, entry, until_ms)


def _reference(document: bytes) -> str:
    """What a refused document calls itself; empty when it cannot be read."""
    try:
        return read(open_document(document).payload).reference
    except RequisitionRefused:
        return ""


def _require_some(rows: Mapping[str, Sequence[SegmentRow]]) -> None:
    """RequisitionRefused where nothing is left of the interval, or more than one pack may hold."""
    every = [row for of in rows.values() for row in of]
    live = sum(row.live for row in every)
    if live > MOST_SEGMENTS:
        raise refuse(
            "too-much",
            en=f"the interval takes {live} recordings, one pack holds {MOST_SEGMENTS}; ask for it in parts",
            fr=f"l'intervalle couvre {live} enregistrements, un paquet en tient {MOST_SEGMENTS} ; le demander "
            "en plusieurs fois",
        )
    if live:
        return
    if every:
        raise _destroyed()
    raise refuse(
        "nothing-recorded",
        en="nothing was recorded by these cameras in this interval",
        fr="ces caméras n'ont rien enregistré dans cet intervalle",
    )


def _destroyed() -> RequisitionRefused:
    return refuse(
        "destroyed",
        en="everything that was recorded in this interval is destroyed; `vigie register show` says when and why",
        fr="tout l'enregistrement de cet intervalle est détruit ; `vigie register show` dit quand et pourquoi",
    )
