"""What a mast and its witness say to each other: C2SP tlog-witness, `add-checkpoint`. Pure.

    old 20852014            the size that the witness has seen last
    <base64>                the consistency proof from there, a hash a line
                            an empty line
    <the checkpoint, a signed note>

Laws of the witness
- It signs a head only when that follows on everything it has signed for this log before.
- What it signs is remembered, on disk, before the answer leaves (`Answer.remember`); a caller that cannot keep it must
  not answer.

>>> answer = decide(body, logs, seen, cosigner, now_s)
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from agent.errors import NoteRefused
from agent.language import say
from agent.register.notes import Checkpoint, Key, Note, Sign, cosign, number
from agent.register.tree import EMPTY_ROOT, HASH_BYTES, consistent
from agent.verifier_keys import from_base64, to_base64

LARGEST_REQUEST = 64 << 10
MOST_HASHES = 63
TEXT = "text/plain; charset=utf-8"
SIZE = "text/x.tlog.size"


@dataclass(frozen=True, slots=True)
class Request:
    """An `add-checkpoint` as it was read: nothing in it is verified."""

    old: int
    proof: tuple[bytes, ...]
    note: Note
    checkpoint: Checkpoint


@dataclass(frozen=True, slots=True)
class Seen:
    """The last head that was signed for a log, and its note with both signatures."""

    size: int
    root: bytes
    note: str


@dataclass(frozen=True, slots=True)
class Answer:
    """What to reply; `remember`: (origin, head) to keep on disk first."""

    status: int
    body: str
    content_type: str = TEXT
    remember: tuple[str, Seen] | None = None


@dataclass(frozen=True, slots=True)
class Cosigner:
    """The witness's own key: its name and public half, and what signs."""

    key: Key
    sign: Sign


def request(old: int, proof: Sequence[bytes], checkpoint: str) -> bytes:
    """The body of an `add-checkpoint`: `checkpoint` is the signed note, `proof` goes from size `old` to it."""
    lines = [f"old {old}", *map(to_base64, proof), ""]
    return ("\n".join(lines) + "\n" + checkpoint).encode()


def parse(body: bytes) -> Request:
    """Of a body; NoteRefused for what is none."""
    head, gap, note = body.partition(b"\n\n")
    try:
        first, *hashes = head.decode("ascii").split("\n")
        proof = tuple(from_base64(line) for line in hashes)
        word, _, old = first.partition(" ")
        if gap and word == "old" and len(proof) <= MOST_HASHES and all(len(one) == HASH_BYTES for one in proof):
            signed = Note.parse(note)
            return Request(number(old), proof, signed, Checkpoint.parse(signed.text))
    except ValueError:
        pass
    raise NoteRefused(
        say(
            en="no add-checkpoint request: `old SIZE`, a proof, an empty line, a checkpoint",
            fr="pas une requête add-checkpoint : `old TAILLE`, une preuve, une ligne vide, un point de contrôle",
        )
    )


def decide(
    body: bytes, logs: Mapping[str, Sequence[Key]], seen: Mapping[str, Seen], cosigner: Cosigner, now_s: int
) -> Answer:
    """The witness's answer (tlog-witness, add-checkpoint). `logs`: the keys that may sign for each origin."""
    if len(body) > LARGEST_REQUEST:
        return Answer(413, "too large\n")
    try:
        asked = parse(body)
    except NoteRefused as error:
        return Answer(400, f"{error}\n")
    checkpoint = asked.checkpoint
    if checkpoint.origin not in logs:
        return Answer(404, "unknown origin\n")
    try:
        signed = asked.note.signed_by(logs[checkpoint.origin])
    except NoteRefused as error:
        return Answer(403, f"{error}\n")
    if not signed:
        return Answer(403, "no signature of a key known for this origin\n")
    if asked.old > checkpoint.size:
        return Answer(400, "old is larger than the checkpoint\n")
    last = seen.get(checkpoint.origin, Seen(0, EMPTY_ROOT, ""))
    if asked.old != last.size:
        return Answer(409, f"{last.size}\n", SIZE)
    if not checkpoint.size and checkpoint.root != EMPTY_ROOT:
        return Answer(422, "not the root of the empty tree\n")
    if not consistent(last.size, checkpoint.size, asked.proof, last.root, checkpoint.root):
        return Answer(422, "the proof does not show that it follows on the last head\n")
    line = cosign(asked.note.text, cosigner.key, cosigner.sign, now_s)
    if last.note and checkpoint.size == last.size:
        return Answer(200, str(line))  # whoever repeats it costs the witness no write
    kept = Note(asked.note.text, (*signed, line))
    return Answer(200, str(line), remember=(checkpoint.origin, Seen(checkpoint.size, checkpoint.root, str(kept))))


def size_of_conflict(body: bytes) -> int:
    """The size that a 409 says the witness is at; NoteRefused when it says none."""
    try:
        return number(body.decode("ascii").removesuffix("\n"))
    except ValueError:
        raise NoteRefused(say(en="the witness gave no size", fr="le témoin n'a pas donné de taille")) from None
