"""`vigie register verify`: every byte of a register against its signed head, and against what a witness has seen.

What each part is checked by
- a line: its form; the number, the hash of the line before and the name of the log that stand in it; its leaf in `tree`
- all lines together: the root that they make is the one that the last line's signature signs
- `tree`: made again from the lines and compared; for expired entries their leaf hashes there are all that is left
- the whole: it holds a checkpoint's first entries unchanged, or that is a cut, a rewrite or a fork

It reads while an agent writes, and then judges what was there when it began.
"""

import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import BinaryIO

from agent.errors import NoteRefused, RegisterError, UsageError
from agent.language import reason, say
from agent.register.bodies import EntriesExpired
from agent.register.entries import LONGEST_LINE, Place, line_hash, parse_entry, place_of, split_line
from agent.register.findings import Finding, Verdict, Witness, against, entry_name, fault, notice
from agent.register.notes import Checkpoint, Key, Note, Signature
from agent.register.sections import FOLDER, TREE, Section, Tail, last_line, lines, sections, strangers
from agent.register.tree import HASH_BYTES, Peaks, leaf_hash, position, stored
from agent.verifier_keys import ED25519

LOOK_AGAIN_S = 0.5
MOST_TOLD = 20


def verify(state: Path, device: bytes, seen: Sequence[Witness] = (), witnesses: Sequence[Key] = ()) -> Verdict:
    """The register under `state` against the device's public key (32 bytes) and checkpoints of before."""
    folder = state / FOLDER
    if not folder.is_dir():
        raise UsageError(
            say(
                en=f"{state}: holds no register; give the state directory (mast.state) or a copy of it",
                fr=f"{state} : pas de registre ; donner le répertoire d'état (mast.state) ou sa copie",
            )
        )
    for again in (True, False):
        try:
            return _Walk(folder, device, seen, witnesses).verdict()
        except FileNotFoundError:
            if not again:
                raise RegisterError(say(en=f"{folder}: files vanish", fr=f"{folder} : fichiers disparus")) from None
        except OSError as error:
            raise RegisterError(f"{folder}: {reason(error)}") from error
    raise AssertionError


@dataclass
class _Found:
    """What the walk has learnt."""

    findings: list[Finding] = field(default_factory=list)
    roots: dict[int, bytes] = field(default_factory=dict)
    next: int = 0
    previous: str | None = None
    origin: str | None = None
    signature: bytes = b""
    expired: int = 0
    present: int = 0
    straight: bool = True


class _Walk:
    """Through all lines once, growing the tree."""

    def __init__(self, folder: Path, device: bytes, seen: Sequence[Witness], witnesses: Sequence[Key]) -> None:
        self._folder = folder
        self._device = device
        self._seen = seen
        self._witnesses = witnesses
        self._peaks = Peaks()
        self._at = _Found()
        self._wanted = {one.checkpoint.size for one in seen}
        self._tree: BinaryIO | None = None
        self._tree_bytes = 0

    def verdict(self) -> Verdict:
        """Everything that is found."""
        for name in strangers(self._folder):
            self._tell(fault(name, en="is no part of a register", fr="ne fait pas partie d'un registre"))
        path = self._folder / TREE
        with path.open("rb") if path.is_file() else Path("/dev/null").open("rb") as self._tree:
            self._tree_bytes = self._tree.seek(0, 2)  # before the lines are looked at: hashes follow lines
            self._through()
        told = self._at.findings
        told += [*self._head(), *self._lengths(), *self._expiry()]
        for one in self._seen:
            told += against(one, self._key(one.checkpoint.origin), self._witnesses, self._at.next, self._at.roots)
        return Verdict(tuple(told), self._at.next, self._at.present, self._at.origin, self._peaks.root())

    def _tell(self, finding: Finding) -> None:
        """Only the first of many: one cut makes a fault of each line after it."""
        told = self._at.findings
        if len(told) < MOST_TOLD:
            told.append(finding)
        elif len(told) == MOST_TOLD:
            told.append(fault("...", en="and more of the same", fr="et d'autres encore"))

    def _through(self) -> None:
        present = sections(self._folder)
        if present and present[0].first:
            self._expired(present[0].first)
        self._mark()
        for number, section in enumerate(present):
            self._section(section, last=number == len(present) - 1)

    def _expired(self, count: int) -> None:
        """The entries before the first that is there: their leaf hashes are in `tree` only."""
        for index in range(count):
            leaf = self._stored(position(0, index))
            if len(leaf) != HASH_BYTES:
                self._tell(fault(TREE, en=f"has no hash of entry {index}", fr=f"sans empreinte de l'entrée {index}"))
                break
            self._mark()
            self._grow(leaf, index)
        self._at.next = count

    def _section(self, section: Section, last: bool) -> None:
        empty = True
        for line in lines(self._folder / section.name):
            if isinstance(line, Tail):
                self._tail(section, line, last)
                continue
            place = self._line(section, line)
            if empty and place is not None and (place.index, place.time[:10]) != (section.first, section.day):
                self._tell(
                    fault(
                        section.name,
                        en=f"begins with entry {place.index} of {place.time[:10]}: renamed, or its beginning is gone",
                        fr=f"commence par l'entrée {place.index} du {place.time[:10]} : renommé, ou début absent",
                    )
                )
            empty = False
        if empty and not last:
            self._tell(fault(section.name, en="is empty", fr="est vide"))

    def _tail(self, section: Section, tail: Tail, last: bool) -> None:
        size = len(tail.data)
        if last and size <= LONGEST_LINE:
            time.sleep(LOOK_AGAIN_S)  # it may be under way
            if last_line(self._folder / section.name)[2] != tail.data:
                return
        self._tell(
            fault(
                section.name,
                en=f"ends in {size} bytes that are no line: torn by a power cut (the next start cuts them), or altered",
                fr=f"finit par {size} octets hors ligne : coupure de courant (le départ suivant les ôte), ou altérés",
            )
        )

    def _line(self, section: Section, line: bytes) -> Place | None:
        at = self._at
        try:
            text, signature = split_line(line)
            place = place_of(text)
        except ValueError as error:
            self._tell(
                fault(
                    entry_name(at.next),
                    en=f"its line in {section.name} is none ({error})",
                    fr=f"sa ligne dans {section.name} n'en est pas une ({error})",
                )
            )
            at.next, at.straight, at.previous = at.next + 1, False, line_hash(line)
            return None
        in_order = self._numbered(place)
        if in_order and at.previous is not None and place.previous != at.previous:
            self._tell(
                fault(
                    entry_name(place.index),
                    en="does not follow on the line before it: one of the two was changed",
                    fr="ne suit pas la ligne précédente : l'une des deux a été modifiée",
                )
            )
        if at.origin not in (None, place.origin):
            self._tell(fault(entry_name(place.index), en=f"is of {place.origin}", fr=f"est de {place.origin}"))
        if place.kind == "entries_expired" and (entry := parse_entry(text)) is not None:
            assert isinstance(entry.body, EntriesExpired)
            at.expired = max(at.expired, entry.body.end)
        self._grow(leaf_hash(text), place.index)
        at.origin, at.signature, at.previous = place.origin, signature, line_hash(line)
        at.present += 1
        self._mark()
        return place

    def _numbered(self, place: Place) -> bool:
        """Whether it is the entry that is due; if not, what that means."""
        due, found = self._at.next, place.index
        self._at.next = max(due, found + 1)
        if found == due:
            return True
        self._at.straight = False
        if found > due:
            which = str(due) if found == due + 1 else f"{due}-{found - 1}"
            self._tell(fault(entry_name(found), en=f"before it, {which} missing", fr=f"il manque {which} avant elle"))
        else:
            self._tell(
                fault(
                    entry_name(found),
                    en="stands again or out of its order",
                    fr="en double, ou hors de sa place",
                )
            )
        return False

    def _grow(self, leaf: bytes, index: int) -> None:
        """One more leaf; its hashes against `tree`, as far as `tree` went at the beginning."""
        at = position(0, index)
        new = self._peaks.add(leaf)
        if not self._at.straight:
            new = new[:1]
        expected = b"".join(new)
        raw = self._stored(at, len(new))
        if raw == expected[: len(raw)]:
            return
        self._at.straight = False
        if raw[:HASH_BYTES] != leaf[: len(raw)]:
            self._tell(
                fault(
                    entry_name(index),
                    en="is not what `tree` has the hash of",
                    fr="n'a pas l'empreinte notée dans `tree`",
                )
            )
        else:
            self._tell(fault(TREE, en=f"the hashes at entry {index} are wrong", fr=f"empreintes fausses en {index}"))

    def _stored(self, at: int, count: int = 1) -> bytes:
        assert self._tree is not None
        offset, length = at * HASH_BYTES, count * HASH_BYTES
        if offset >= self._tree_bytes:
            return b""
        self._tree.seek(offset)
        return self._tree.read(min(length, self._tree_bytes - offset))

    def _mark(self) -> None:
        if self._peaks.size in self._wanted:
            self._at.roots[self._peaks.size] = self._peaks.root()

    # --- the whole ---

    def _key(self, instead: str = "-") -> Key:
        """The device's; `instead`: whose register it should be, where no entry is left to say so."""
        return Key(self._at.origin or instead, ED25519, self._device)

    def _head(self) -> Iterator[Finding]:
        """The last line's signature, which covers every byte before it."""
        at = self._at
        if not at.signature:
            yield notice(FOLDER, en="holds no entry", fr="ne contient aucune entrée")
            return
        head = Checkpoint(self._key().name, at.next, self._peaks.root())
        note = Note(head.text, (Signature(head.origin, at.signature[:4], at.signature[4:]),))
        name = say(en="signed head", fr="tête signée")
        try:
            signed = note.signed_by([self._key()])
        except NoteRefused:
            yield fault(
                name,
                en=f"the {at.next} entries are not those that this mast signed",
                fr=f"les {at.next} entrées ne sont pas celles que ce mât a signées",
            )
            return
        if not signed:
            yield fault(name, en="is of another device key", fr="est d'une autre clé de mât")

    def _lengths(self) -> Iterator[Finding]:
        due = stored(self._at.next) * HASH_BYTES
        if self._tree_bytes > due:
            yield fault(
                TREE,
                en=f"has hashes of more than the {self._at.next} entries: some were cut off the end",
                fr=f"a des empreintes de plus que les {self._at.next} entrées : fin coupée",
            )
        elif self._tree_bytes < due:
            yield notice(
                TREE,
                en="lags behind the entries, as after a power cut; the next start makes it up",
                fr="en retard sur les entrées, comme après une coupure ; le prochain départ le complète",
            )

    def _expiry(self) -> Iterator[Finding]:
        first = self._at.next - self._at.present
        if self._at.present and self._at.straight and first > self._at.expired:
            yield fault(
                entry_name(self._at.expired),
                en=f"and those up to {first - 1} are gone, and no entry says that they expired",
                fr=f"et jusqu'à {first - 1} : absentes, et aucune entrée ne dit qu'elles ont expiré",
            )
