"""What `vigie register verify` says, and the judging of a register against a checkpoint of before. Pure."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Literal

from agent.errors import NoteRefused
from agent.language import say
from agent.register.notes import Checkpoint, Key, Note


@dataclass(frozen=True, slots=True)
class Finding:
    """Something about `name` (an entry, a file or a checkpoint). A `fault` means that `verify` fails."""

    severity: Literal["fault", "notice"]
    name: str
    text: str


def fault(name: str, *, en: str, fr: str) -> Finding:
    """What makes `verify` fail."""
    return Finding("fault", name, say(en=en, fr=fr))


def notice(name: str, *, en: str, fr: str) -> Finding:
    """What is worth knowing."""
    return Finding("notice", name, say(en=en, fr=fr))


def severity_word(severity: str) -> str:
    """For people; programs read `fault` and `notice`."""
    return say(en=severity, fr={"fault": "faute", "notice": "note"}.get(severity, severity))


def entry_name(index: int) -> str:
    """What an entry is called."""
    return say(en=f"entry {index}", fr=f"entrée {index}")


@dataclass(frozen=True, slots=True)
class Witness:
    """A checkpoint to hold the register against, from a file; `keys`: of witnesses who may have signed it."""

    name: str
    note: Note
    checkpoint: Checkpoint

    @classmethod
    def parse(cls, name: str, raw: bytes) -> "Witness":
        """Of a signed note; NoteRefused when it is none."""
        note = Note.parse(raw)
        return cls(name, note, Checkpoint.parse(note.text))


@dataclass(frozen=True, slots=True)
class Verdict:
    """What was found; `size`: entries there have been, `present`: of which the text is there, `root`: their tree's."""

    findings: tuple[Finding, ...]
    size: int
    present: int
    origin: str | None
    root: bytes

    @property
    def good(self) -> bool:
        """No fault."""
        return all(one.severity != "fault" for one in self.findings)


def against(
    one: Witness, log: Key, witnesses: Sequence[Key], size: int, roots: Mapping[int, bytes]
) -> Iterator[Finding]:
    """A register of `size` entries, with its root at the checkpoint's size, against that checkpoint."""
    keys = (log, *witnesses)
    try:
        signed = one.note.signed_by(keys)
    except NoteRefused as error:
        yield Finding("fault", one.name, str(error))
        return
    if not signed:
        yield fault(one.name, en="nobody known has signed it", fr="aucun signataire connu")
        return
    for other in one.note.signatures:
        if not any(other.of(key) for key in keys):
            yield notice(
                one.name,
                en=f"a signature of {other.name} was not checked; give its key with --witness",
                fr=f"signature de {other.name} non vérifiée ; donner sa clé avec --witness",
            )
    checkpoint = one.checkpoint
    if checkpoint.origin != log.name:
        yield fault(one.name, en=f"is of {checkpoint.origin}", fr=f"est de {checkpoint.origin}")
    elif checkpoint.size > size:
        yield fault(
            one.name,
            en=f"cut back: {checkpoint.size} entries were witnessed, {size} are there",
            fr=f"registre coupé : {checkpoint.size} entrées attestées, {size} présentes",
        )
    elif roots.get(checkpoint.size) != checkpoint.root:
        yield fault(
            one.name,
            en=f"rewritten or forked: the first {checkpoint.size} entries are not those that were witnessed",
            fr=f"réécrit ou dédoublé : les {checkpoint.size} premières entrées ne sont pas celles attestées",
        )
