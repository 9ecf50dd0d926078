"""What a requisition says, as values, and the strict reading of it: JSON bytes -> Requisition.

Laws
- Every member has its one JSON type and form; an unknown one is refused (`unknown-field`), one that stands twice too.
  What belongs to another `act` is unknown: a `hold` has no recipient, a `release` no interval.
- Times are RFC 3339 with their zone in the document and UTC milliseconds here.
- An id is a UUID in small letters, so that a mast that remembers ids cannot be told the same one in two spellings.
- Whether the interval and the times can be granted is for `requisitions.py` to say: it has the clock and the words.
"""

import json
import re
from dataclasses import dataclass
from typing import Annotated, Any, Literal

from pydantic import AfterValidator, BeforeValidator, Field, ValidationError

from agent.access.basis import Article
from agent.access.strict import LAST_SECOND, Name, Strict, Words, strict_json, told
from agent.clock import from_rfc3339, rfc3339
from agent.errors import RequisitionRefused
from agent.faults import fault
from agent.language import say
from agent.models import Identifier

DAY_MS = 24 * 3600 * 1000
LONGEST_LIFE_MS = 31 * DAY_MS
"""Of a requisition: footage is a month old at most, and an id need not be remembered for longer."""
_UUID = re.compile(r"[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}")


@dataclass(frozen=True, slots=True)
class Requester:
    """Who asks, by name, and in what quality (such as OPJ)."""

    name: str
    quality: str
    service: str


@dataclass(frozen=True, slots=True)
class Recipient:
    """Who receives the footage."""

    name: str
    service: str


@dataclass(frozen=True, slots=True)
class Export:
    """Hand over what these cameras recorded in [from_ms, to_ms), UTC milliseconds."""

    cameras: tuple[str, ...]
    from_ms: int
    to_ms: int
    recipient: Recipient


@dataclass(frozen=True, slots=True)
class Hold:
    """Keep what these cameras recorded in [from_ms, to_ms) past its age, until `until_ms`; nothing is handed over."""

    cameras: tuple[str, ...]
    from_ms: int
    to_ms: int
    until_ms: int


@dataclass(frozen=True, slots=True)
class Release:
    """End the whole of the hold that the requisition `hold` asked for, before its date."""

    hold: str


Demand = Export | Hold | Release


@dataclass(frozen=True, slots=True)
class Requisition:
    """One demand of the judicial authority. Times are UTC milliseconds.

    `signers`: who signed it, as the mast found out and no document can say: the SHA-256 in hex of each key's
    SubjectPublicKeyInfo (`openssl pkey -pubin -in judicial.pub -outform DER | sha256sum`). Empty when only read.
    """

    id: str
    reference: str
    basis: Article
    requester: Requester
    masts: tuple[str, ...]
    reason: str
    issued_ms: int
    expires_ms: int
    demand: Demand
    signers: tuple[str, ...] = ()


def _moment(text: Any) -> int:
    try:
        if isinstance(text, str) and (utc_ms := from_rfc3339(text)) <= LAST_SECOND * 1000:
            return utc_ms
    except ValueError:
        pass
    raise fault(
        en="is not a time with its zone, such as 2026-11-22T08:00:00+01:00",
        fr="n'est pas une heure avec son fuseau, comme 2026-11-22T08:00:00+01:00",
    )


def _uuid(text: str) -> str:
    if _UUID.fullmatch(text) is None:
        raise fault(en="is not a UUID in small letters", fr="n'est pas un UUID en minuscules")
    return text


def _each_once(names: tuple[str, ...]) -> tuple[str, ...]:
    if len(set(names)) < len(names):
        raise fault(en="names one of them twice; name each once", fr="nomme deux fois le même ; nommer chacun une fois")
    return names


Moment = Annotated[int, BeforeValidator(_moment)]
Uuid = Annotated[str, AfterValidator(_uuid)]
Identifiers = Annotated[tuple[Identifier, ...], AfterValidator(_each_once)]


class _Requester(Strict):
    name: Name
    quality: Name
    service: Name


class _Recipient(Strict):
    name: Name
    service: Name


class _Document(Strict):
    act: Literal["export", "hold", "release"]
    id: Uuid
    reference: Name
    basis: Article
    requester: _Requester
    masts: Identifiers = Field(min_length=1, max_length=64)
    reason: Words
    issued_at: Moment
    expires_at: Moment


class _Interval(_Document):
    cameras: Identifiers = Field(min_length=1, max_length=256)
    from_: Moment = Field(alias="from")
    to: Moment


class _Export(_Interval):
    recipient: _Recipient

    def demand(self) -> Demand:
        """What it asks for."""
        recipient = Recipient(self.recipient.name, self.recipient.service)
        return Export(self.cameras, self.from_, self.to, recipient)


class _Hold(_Interval):
    hold_until: Moment

    def demand(self) -> Demand:
        """What it asks for."""
        return Hold(self.cameras, self.from_, self.to, self.hold_until)


class _Release(_Document):
    hold: Uuid

    def demand(self) -> Demand:
        """What it asks for."""
        return Release(self.hold)


_ACTS: dict[str, type[_Export | _Hold | _Release]] = {"export": _Export, "hold": _Hold, "release": _Release}


def _refused(what: str, word: str = "malformed") -> RequisitionRefused:
    return RequisitionRefused(
        say(en=f"the requisition is malformed: {what}", fr=f"la réquisition est mal formée : {what}"), 400, word
    )


def read(payload: bytes) -> Requisition:
    """The requisition in a payload, or RequisitionRefused (`malformed`, `unknown-field`) naming each fault."""
    try:
        said = strict_json(payload)
        act = said.get("act") if isinstance(said, dict) else None
        if not isinstance(act, str) or act not in _ACTS:
            raise ValueError("no such act")
    except ValueError as error:
        acts = ", ".join(_ACTS)
        raise _refused(
            say(
                en=f"not JSON, a key twice, or an act that is none of {acts}",
                fr=f"pas du JSON, deux fois la même clé, ou un act autre que {acts}",
            )
        ) from error
    try:
        document = _ACTS[act].model_validate_json(payload)
    except ValidationError as error:
        unknown = any(one["type"] == "extra_forbidden" for one in error.errors(include_input=False))
        raise _refused(told(error), "unknown-field" if unknown else "malformed") from None
    requester = document.requester
    return Requisition(
        id=document.id,
        reference=document.reference,
        basis=document.basis,
        requester=Requester(requester.name, requester.quality, requester.service),
        masts=document.masts,
        reason=document.reason,
        issued_ms=document.issued_at,
        expires_ms=document.expires_at,
        demand=document.demand(),
    )


def write(requisition: Requisition) -> bytes:
    """The payload that says `requisition`, in the order in which a person reads it; times in UTC."""
    asked = requisition.requester
    said: dict[str, Any] = {
        "act": type(requisition.demand).__name__.lower(),
        "id": requisition.id,
        "reference": requisition.reference,
        "basis": requisition.basis,
        "requester": {"name": asked.name, "quality": asked.quality, "service": asked.service},
        "reason": requisition.reason,
        "masts": list(requisition.masts),
    }
    demand = requisition.demand
    if isinstance(demand, Export | Hold):
        said |= {
            "cameras": list(demand.cameras),
            "from": rfc3339(demand.from_ms),
            "to": rfc3339(demand.to_ms),
        }
    match demand:
        case Export(recipient=recipient):
            said["recipient"] = {"name": recipient.name, "service": recipient.service}
        case Hold(until_ms=until_ms):
            said["hold_until"] = rfc3339(until_ms)
        case Release(hold=hold):
            said["hold"] = hold
    said |= {"issued_at": rfc3339(requisition.issued_ms), "expires_at": rfc3339(requisition.expires_ms)}
    return json.dumps(said, ensure_ascii=False, separators=(",", ":")).encode()
