"""`register/proof.json`: that entries are in the mast's register, and that it follows on what was witnessed. Pure.

    {"consistency":["<base64>",...],"entries":[{"entry":{...},"proof":["<base64>",...]},...],
     "format":"vigie-proof-v1","size":118,"witnessed_size":96}

`size` is the checkpoint's. An entry's leaf is SHA-256 of a zero byte and its canonical JSON, as it stands here; `proof`
is its inclusion (RFC 6962 section 2.1.1), `consistency` goes from `witnessed_size` to `size` (section 2.1.2).
"""

from collections.abc import Sequence
from dataclasses import dataclass

from agent.errors import EvidenceRefused
from agent.language import say
from agent.register.canonical import Json, decode, encode
from agent.register.entries import Entry, parse_entry
from agent.register.tree import HASH_BYTES, included, leaf_hash
from agent.verifier_keys import from_base64, to_base64


@dataclass(frozen=True, slots=True)
class Proven:
    """An entry and its inclusion proof."""

    entry: Entry
    proof: tuple[bytes, ...]

    def holds(self, size: int, root: bytes) -> bool:
        """Whether it is in the register with this head."""
        return included(leaf_hash(self.entry.text()), self.entry.index, size, self.proof, root)


@dataclass(frozen=True, slots=True)
class Proof:
    """The whole file. `consistency`: from `witnessed_size` (None: nobody has witnessed) to `size`."""

    size: int
    entries: tuple[Proven, ...]
    witnessed_size: int | None = None
    consistency: tuple[bytes, ...] = ()

    def text(self) -> bytes:
        """register/proof.json."""
        told: list[Json] = [{"entry": decode(one.entry.text()), "proof": _texts(one.proof)} for one in self.entries]
        return encode(
            {
                "consistency": _texts(self.consistency),
                "entries": told,
                "format": "vigie-proof-v1",
                "size": self.size,
                "witnessed_size": self.witnessed_size,
            }
        )


def _texts(hashes: Sequence[bytes]) -> list[Json]:
    return [to_base64(one) for one in hashes]


def _hashes(told: object) -> tuple[bytes, ...]:
    if not isinstance(told, list) or len(told) > 64:
        raise ValueError("no proof")
    found = tuple(from_base64(str(one)) for one in told)
    if any(len(one) != HASH_BYTES for one in found):
        raise ValueError("no proof")
    return found


def _proven(told: object) -> Proven:
    match told:
        case {"entry": dict(entry), "proof": proof, **rest} if not rest:
            found = parse_entry(encode(entry))
            if found is not None:
                return Proven(found, _hashes(proof))
    raise ValueError("an entry in words that this program does not know")


def read_proof(raw: bytes) -> Proof:
    """Of a file's bytes; EvidenceRefused for anything else."""
    try:
        match decode(raw):
            case {
                "consistency": list(consistency),
                "entries": list(entries),
                "format": "vigie-proof-v1",
                "size": int(size),
                "witnessed_size": None | int() as witnessed,
            }:
                proof = Proof(size, tuple(map(_proven, entries)), witnessed, _hashes(consistency))
                if proof.text() == raw:
                    return proof
    except ValueError as error:
        raise EvidenceRefused(f"register/proof.json: {error}") from None
    raise EvidenceRefused(
        say(
            en="register/proof.json: is no proof of this form", fr="register/proof.json : pas une preuve de cette forme"
        )
    )
