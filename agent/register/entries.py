"""An entry and its line in a file. Pure.

    {"entry":{...},"signature":"<base64>"}\\n

Laws
- `entry` is canonical JSON and, byte for byte, a leaf of the tree.
- `signature` is the device's signature of the checkpoint for the tree that ends with this entry, as it stands in a
  signed note (key id and Ed25519). So one write and one flush make both the entry and the signed head durable.
- `previous` in an entry is the SHA-256 of the whole line before it, newline and signature included: every byte up to
  the last line is covered by the last line, and one signature is enough to verify them all.

>>> text, entry = parse_line(line)
"""

from dataclasses import asdict, dataclass
from datetime import datetime
from hashlib import sha256
from typing import Annotated

from pydantic import ConfigDict, Field, TypeAdapter, ValidationError
from pydantic.dataclasses import dataclass as strict_dataclass

from agent.clock import rfc3339
from agent.errors import EntryRefused
from agent.faults import describe
from agent.register.bodies import Entered
from agent.register.canonical import decode, encode
from agent.register.values import Camera, Count, Sha256, Time
from agent.verifier_keys import from_base64, to_base64

LONGEST_LINE = 64 << 10
SIGNATURE_CHARACTERS = 92
"""Base64 of 4 bytes of key id and 64 of Ed25519."""

_BEFORE = b'{"entry":'
_BETWEEN = b',"signature":"'
_AFTER = b'"}\n'
_FIXED = len(_BETWEEN) + SIGNATURE_CHARACTERS + len(_AFTER)


@dataclass(frozen=True, slots=True)
class Moment:
    """When, as an entry says it. `run`: counts the agent's starts. `monotonic_ms`: grows within a run."""

    time: str
    synchronised: bool
    run: int
    monotonic_ms: int


@strict_dataclass(frozen=True, slots=True, config=ConfigDict(strict=True, extra="forbid", hide_input_in_errors=True))
class Entry:
    """One entry. `previous`: SHA-256 of the line before it in hex, None for the first."""

    index: Count
    time: Time
    synchronised: bool
    run: Count
    monotonic_ms: Count
    town: Camera
    mast: Camera
    previous: Sha256 | None
    body: Annotated[Entered, Field(discriminator="kind")]

    @property
    def kind(self) -> str:
        """The body's kind."""
        return self.body.kind

    @property
    def utc_ms(self) -> int:
        """Milliseconds since 1970."""
        return utc_ms(self.time)

    @property
    def origin(self) -> str:
        """The log's name on its checkpoints."""
        return origin(self.town, self.mast)

    def text(self) -> bytes:
        """The leaf."""
        return encode(asdict(self))


_ENTRY = TypeAdapter(Entry)


def origin(town: str, mast: str) -> str:
    """The first line of a mast's checkpoints, and the name of its key there."""
    return f"vigie/{town}/{mast}"


def utc_ms(time: str) -> int:
    """RFC 3339 UTC with milliseconds -> milliseconds since 1970; ValueError for a day that there is not."""
    moment = datetime.fromisoformat(time)
    return int(moment.replace(microsecond=0).timestamp()) * 1000 + moment.microsecond // 1000


def new_entry(
    index: int, moment: Moment, town: str, mast: str, previous: str | None, body: Entered
) -> tuple[bytes, Entry]:
    """(leaf, entry) of what is to be entered; EntryRefused names what in it cannot be written."""
    try:
        what = asdict(body)
        text = encode(
            {**asdict(moment), "index": index, "town": town, "mast": mast, "previous": previous, "body": what}
        )
        entry = _ENTRY.validate_json(text)
    except ValidationError as error:
        raise EntryRefused("; ".join(f"{key}: {fault}" for key, fault in describe(error))) from None
    except (TypeError, ValueError) as error:
        raise EntryRefused(str(error)) from None
    if len(text) + len(_BEFORE) + _FIXED > LONGEST_LINE:
        raise EntryRefused(f"{body.kind}: {len(text)} bytes > {LONGEST_LINE}")
    return text, entry


def line_of(text: bytes, signature: bytes) -> bytes:
    """The line of a leaf and its head's signature (key id and Ed25519, 68 bytes)."""
    return b"".join((_BEFORE, text, _BETWEEN, to_base64(signature).encode(), _AFTER))


def line_hash(line: bytes) -> str:
    """What the next entry calls `previous`: as `sha256sum` prints it."""
    return sha256(line).hexdigest()


def split_line(line: bytes) -> tuple[bytes, bytes]:
    """(leaf, signature) of a whole line; ValueError when it has not exactly this form."""
    text, rest = line[len(_BEFORE) : -_FIXED], line[-_FIXED:]
    encoded = rest[len(_BETWEEN) : -len(_AFTER)]
    signature = from_base64(encoded.decode("ascii"))
    if len(line) > LONGEST_LINE or line != line_of(text, signature) or not text:
        raise ValueError("is no entry's line")
    return text, signature


@dataclass(frozen=True, slots=True)
class Place:
    """What ties an entry to its neighbours, read without judging what else it says: quick, for whole registers."""

    index: int
    previous: str | None
    origin: str
    run: int
    kind: str
    time: str


def place_of(text: bytes) -> Place:
    """Of a leaf; ValueError for what is no canonical JSON or no entry of any version."""
    match decode(text):
        case {
            "index": int(index),
            "previous": None | str() as previous,
            "town": str(town),
            "mast": str(mast),
            "run": int(run),
            "time": str(time),
            "body": {"kind": str(kind)},
        }:
            return Place(index, previous, origin(town, mast), run, kind, time)
    raise ValueError("is no entry")


def parse_entry(text: bytes) -> Entry | None:
    """The entry of a leaf; None when it is one, in words that this version does not know; else ValueError."""
    place_of(text)
    try:
        entry = _ENTRY.validate_json(text)
        utc_ms(entry.time)  # no 31st of February
    except (ValidationError, ValueError):
        return None
    return entry


def moment(utc_ms: int, synchronised: bool, run: int, monotonic_ns: int) -> Moment:
    """As an entry says it."""
    return Moment(rfc3339(utc_ms), synchronised, run, monotonic_ns // 1_000_000)
