"""Requisitions: documents of the judicial authority, judged on the mast without asking anyone.

    judge = RequisitionJudge(authorities, threshold, "lievin-042", cameras=vault.cameras, answered=register.answered)
    requisition = judge.judge(document, clock.wall())

    signed = judge.authenticate(document, clock.wall())       # the same in two steps: who speaks,
    requisition = judge.decide(signed, clock.wall())          # and whether it can be granted

Laws
- A requisition is a JWS in JSON general form (RFC 7515 section 7.2.1) of at most 64 KiB. Each signature has a protected
  header of `alg` EdDSA and `typ` vigie-requisition+jws and nothing else, and no unprotected one; `jws.py` has the laws
  of headers and spelling. The typ keeps grants and requisitions apart, and so do their keys.
- Form first, then the clock: while wall time is not trusted nothing well-formed is judged. Then signatures, content,
  mast, cameras, times, interval, and last whether it was answered before.
- Each signature must be one of a configured authority: a document with any other is `forged`. Signers are counted by
  key, so that who signs twice counts once, and `threshold` of them must have signed.
- `issued_at` may lie 60 s ahead of the mast's clock; `expires_at` is kept to the millisecond. The interval is over
  before the mast's own now, and 31 days at most.
- What a stranger can cost is bounded: 64 KiB are read, and not one signature is checked after the first that is of no
  authority. `cameras` and `answered` are asked only about what authorities signed.
- A judged requisition is not yet an answered one: whoever answers writes its id down first, where `answered` looks.
  What can be said only then (all of it destroyed, nothing recorded, too much for one pack) is refused there.
- A refusal has a word for the register, and a sentence that names the fault and the mend.
"""

import hashlib
import json
from collections.abc import Callable, Collection, Iterator, Sequence
from dataclasses import dataclass, replace
from typing import Annotated, Literal

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat
from pydantic import Field

from agent.access.demands import DAY_MS, LONGEST_LIFE_MS, Hold, Release, Requisition, read
from agent.access.grants import ISSUED_AHEAD_S
from agent.access.jws import ALGORITHM, decode, encode, is_header
from agent.access.strict import Strict, strict_json
from agent.clock import WallTime
from agent.errors import RequisitionRefused
from agent.language import say
from agent.paris import shown, told

Word = Literal[
    "malformed",
    "clock",
    "forged",
    "below-threshold",
    "unknown-field",
    "other-mast",
    "other-camera",
    "expired",
    "not-yet",
    "empty-interval",
    "huge-interval",
    "future-interval",
    "replayed",
    "destroyed",
    "nothing-recorded",
    "too-much",
    "unknown-hold",
]
"""Why a requisition is refused, as the register writes it."""

TYPE = "vigie-requisition+jws"
MAX_DOCUMENT_BYTES = 64 << 10
MOST_SIGNATURES = 20
LONGEST_INTERVAL_MS = 31 * DAY_MS
LONGEST_HOLD_MS = 366 * DAY_MS
"""From the day of issue; a hold that must last longer is asked for again."""
_STATUS: dict[Word, int] = {
    "clock": 503,
    "forged": 401,
    "below-threshold": 401,
    "expired": 401,
    "not-yet": 401,
    "other-mast": 403,
    "other-camera": 403,
    "replayed": 409,
    "destroyed": 410,
    "nothing-recorded": 404,
    "too-much": 413,
    "unknown-hold": 404,
}
_HEADER = json.dumps({"alg": ALGORITHM, "typ": TYPE}, separators=(",", ":")).encode()


def refuse(word: Word, *, en: str, fr: str) -> RequisitionRefused:
    """The refusal to raise."""
    return RequisitionRefused(say(en=en, fr=fr), _STATUS.get(word, 400), word)


class _Signature(Strict):
    protected: Annotated[str, Field(min_length=1, max_length=200)]
    signature: Annotated[str, Field(min_length=86, max_length=86)]


class _Envelope(Strict):
    payload: Annotated[str, Field(min_length=1)]
    signatures: Annotated[tuple[_Signature, ...], Field(max_length=MOST_SIGNATURES)]


@dataclass(frozen=True, slots=True)
class Signature:
    """One signature of a document: the text that was signed, and the 64 bytes."""

    signed: bytes
    signature: bytes

    def by(self, key: Ed25519PublicKey) -> bool:
        """True when it is that key's (RFC 8037 section 3.1)."""
        try:
            key.verify(self.signature, self.signed)
        except InvalidSignature:
            return False
        return True


@dataclass(frozen=True, slots=True)
class Signed:
    """What authorities have signed, enough of them; whether it can be granted is another question."""

    payload: bytes
    signers: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Document:
    """A requisition document, decoded but not believed; `payload` as it was signed."""

    payload: bytes
    signatures: tuple[Signature, ...]


def open_document(raw: bytes) -> Document:
    """The parts of a document, whoever signed it; RequisitionRefused (`malformed`) when it has not the form of one."""
    if len(raw) > MAX_DOCUMENT_BYTES:
        raise refuse(
            "malformed",
            en="the requisition is larger than 64 KiB; ask for less in one",
            fr="la réquisition dépasse 64 Kio ; demander moins en une fois",
        )
    try:
        _check_size(strict_json(raw))
        envelope = _Envelope.model_validate_json(raw)
        payload = decode(envelope.payload)
        signatures = tuple(_signatures(envelope))
    except ValueError:
        raise refuse(
            "malformed",
            en=f"this is not a requisition: a JWS in JSON general form is needed (payload, signatures), with headers "
            f"of alg {ALGORITHM} and typ {TYPE} and nothing else",
            fr=f"ceci n'est pas une réquisition : il faut un JWS au format JSON général (payload, signatures), aux "
            f"en-têtes alg {ALGORITHM} et typ {TYPE} et rien d'autre",
        ) from None
    return Document(payload, signatures)


def _check_size(said: object) -> None:
    """ValueError for an envelope of more parts than one has, before each of them is looked at and complained of."""
    parts = said.get("signatures") if isinstance(said, dict) and len(said) == len(_Envelope.model_fields) else None
    if not isinstance(parts, list) or len(parts) > MOST_SIGNATURES:
        raise ValueError("no envelope")
    if any(not isinstance(one, dict) or len(one) != len(_Signature.model_fields) for one in parts):
        raise ValueError("no signature")


def _signatures(envelope: _Envelope) -> Iterator[Signature]:
    for one in envelope.signatures:
        if not is_header(decode(one.protected), TYPE):
            raise ValueError("another header")
        yield Signature(f"{one.protected}.{envelope.payload}".encode(), decode(one.signature))


def fingerprint(key: Ed25519PublicKey) -> str:
    """SHA-256 in hex of the key's SubjectPublicKeyInfo: the name that a signer goes by."""
    return hashlib.sha256(key.public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)).hexdigest()


def unsigned(payload: bytes) -> bytes:
    """The document that carries `payload` and no signature yet, as a file that a person can look into."""
    return _text({"payload": encode(payload), "signatures": []})


def sign(raw: bytes, key: Ed25519PrivateKey) -> bytes:
    """The document with one more signature; whether a mast would take it is for `RequisitionJudge` to say."""
    open_document(raw)
    document = json.loads(raw)
    protected = encode(_HEADER)
    signature = key.sign(f"{protected}.{document['payload']}".encode())
    document["signatures"].append({"protected": protected, "signature": encode(signature)})
    return _text(document)


def _text(document: dict[str, object]) -> bytes:
    return json.dumps(document, indent=1).encode() + b"\n"


class RequisitionJudge:
    """Says whether a document is a good requisition for this mast now.

    `cameras`: those that this mast has or had footage of. `answered`: whether a requisition of that id was answered
    before.
    """

    def __init__(
        self,
        authorities: Sequence[Ed25519PublicKey],
        threshold: int,
        mast_id: str,
        *,
        cameras: Callable[[], Collection[str]],
        answered: Callable[[str], bool],
    ) -> None:
        self._authorities = {fingerprint(key): key for key in authorities}
        self._threshold = threshold
        self._mast_id = mast_id
        self._cameras = cameras
        self._answered = answered

    def judge(self, document: bytes, wall: WallTime) -> Requisition:
        """The requisition that `document` carries, good at `wall`; else RequisitionRefused."""
        return self.decide(self.authenticate(document, wall), wall)

    def authenticate(self, document: bytes, wall: WallTime) -> Signed:
        """What of `document` authorities have signed: form, clock, signatures, threshold; else RequisitionRefused."""
        opened = open_document(document)
        _check_clock(wall)
        return Signed(opened.payload, self._signers(opened))

    def decide(self, signed: Signed, wall: WallTime) -> Requisition:
        """The requisition that was signed, good at `wall`: content, mast, cameras, times; else RequisitionRefused."""
        requisition = replace(read(signed.payload), signers=signed.signers)
        self._check_place(requisition)
        check_times(requisition, wall)
        if self._answered(requisition.id):
            raise refuse(
                "replayed",
                en=f"the requisition {requisition.id} was answered before and serves once; ask for a new one",
                fr=f"la réquisition {requisition.id} a déjà servi, elle ne sert qu'une fois ; en établir une nouvelle",
            )
        return requisition

    def _signers(self, document: Document) -> tuple[str, ...]:
        found: set[str] = set()
        for one in dict.fromkeys(document.signatures):  # one that stands twice is checked once
            signer = next((name for name, key in self._authorities.items() if one.by(key)), None)
            if signer is None:
                raise refuse(
                    "forged",
                    en="the requisition bears a signature of no judicial authority of this mast "
                    "(access.requisition_authorities), or was changed after signing; have it signed anew by these",
                    fr="la réquisition porte une signature qui n'est d'aucune autorité judiciaire de ce mât "
                    "(access.requisition_authorities), ou fut modifiée après signature ; la faire signer par celles-ci",
                )
            found.add(signer)
        if len(found) < max(1, self._threshold):
            raise refuse(
                "below-threshold",
                en=f"the requisition is signed by {len(found)} of the {self._threshold} authorities needed; "
                "have it countersigned",
                fr=f"la réquisition est signée par {len(found)} autorité(s) sur {self._threshold} requises ; "
                "la faire contresigner",
            )
        return tuple(sorted(found))

    def _check_place(self, requisition: Requisition) -> None:
        if self._mast_id not in requisition.masts:
            raise refuse(
                "other-mast",
                en=f"the requisition is for another mast than {self._mast_id}; ask for one that names it",
                fr=f"la réquisition vise un autre mât que {self._mast_id} ; en établir une qui le nomme",
            )
        if isinstance(requisition.demand, Release):
            return
        known = self._cameras()
        strangers = [one for one in requisition.demand.cameras if one not in known]
        if strangers:
            names = ", ".join(strangers[:6])
            raise refuse(
                "other-camera",
                en=f"{self._mast_id} has no camera {names}; ask for its own cameras only",
                fr=f"{self._mast_id} n'a pas de caméra {names} ; ne demander que les siennes",
            )


def _check_clock(wall: WallTime) -> None:
    if not wall.trusted:
        raise refuse(
            "clock",
            en="clock: the mast does not know the time, so no requisition can be judged; try again shortly",
            fr="clock : le mât ne connaît pas l'heure, aucune réquisition n'est jugée ; réessayer bientôt",
        )


def require_in_force(requisition: Requisition, wall: WallTime) -> None:
    """RequisitionRefused unless a requisition that was judged counts at `wall` still, by a clock that is trusted."""
    _check_clock(wall)
    _check_life(requisition, wall)


def check_times(requisition: Requisition, wall: WallTime) -> None:
    """RequisitionRefused unless the requisition's own times and its interval can be answered at `wall`."""
    _check_life(requisition, wall)
    demand = requisition.demand
    if isinstance(demand, Release):
        return
    _check_interval(demand.from_ms, demand.to_ms, wall)
    if isinstance(demand, Hold) and not requisition.expires_ms < demand.until_ms <= (
        requisition.issued_ms + LONGEST_HOLD_MS
    ):
        raise refuse(
            "malformed",
            en="`hold_until` (--hold-until) must lie after `expires_at` (now and --valid), and at most 366 days after "
            "`issued_at`; renew a hold in time",
            fr="`hold_until` (--hold-until) doit suivre `expires_at` (l'instant présent et --valid), de 366 jours au "
            "plus après `issued_at` ; renouveler à temps",
        )


def _check_life(requisition: Requisition, wall: WallTime) -> None:
    issued_ms, expires_ms = requisition.issued_ms, requisition.expires_ms
    now = shown(wall.utc_ms)
    if not issued_ms < expires_ms <= issued_ms + LONGEST_LIFE_MS:
        raise refuse(
            "malformed",
            en="`expires_at` must lie after `issued_at`, and at most 31 days (--valid); ask for a shorter life",
            fr="`expires_at` doit suivre `issued_at`, de 31 jours au plus (--valid) ; demander une durée plus courte",
        )
    if wall.utc_ns >= expires_ms * 10**6:
        raise refuse(
            "expired",
            en=f"the requisition ended at {told(expires_ms)}, and in Paris it is {now}; ask for a new one",
            fr=f"la réquisition a pris fin le {told(expires_ms)}, et il est {now} à Paris ; en établir une nouvelle",
        )
    start_ms = issued_ms - ISSUED_AHEAD_S * 1000
    if wall.utc_ns < start_ms * 10**6:
        raise refuse(
            "not-yet",
            en=f"the requisition is dated {told(issued_ms)}, and in Paris it is {now}; wait, or check the clocks",
            fr=f"la réquisition est datée du {told(issued_ms)}, et il est {now} à Paris ; attendre, ou vérifier les "
            "horloges",
        )


def _check_interval(from_ms: int, to_ms: int, wall: WallTime) -> None:
    asked = f"{told(from_ms)} - {told(to_ms)}"
    if to_ms <= from_ms:
        raise refuse(
            "empty-interval",
            en=f"the interval {asked} is empty; `to` (--to) must lie after `from` (--from)",
            fr=f"l'intervalle {asked} est vide ; sa fin (`to`, --to) doit suivre son début (`from`, --from)",
        )
    if to_ms - from_ms > LONGEST_INTERVAL_MS:
        raise refuse(
            "huge-interval",
            en=f"the interval {asked} is longer than 31 days; ask for the hours that matter",
            fr=f"l'intervalle {asked} dépasse 31 jours ; demander les heures utiles",
        )
    if to_ms * 10**6 > wall.utc_ns:
        now = shown(wall.utc_ms)
        raise refuse(
            "future-interval",
            en=f"the interval {asked} is not over, and in Paris it is {now}; ask again when it is, or end it earlier",
            fr=f"l'intervalle {asked} n'est pas écoulé, et il est {now} à Paris ; redemander ensuite, ou finir plus "
            "tôt",
        )
