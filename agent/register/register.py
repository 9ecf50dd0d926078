"""The register of one mast: whatever must leave a trace is appended here before it takes effect.

Laws
- `append` returns an entry's number only when the entry and the signed head that it makes are on disk. When it raises
  RegisterError the entry is not there: the caller refuses the view or the export. Recording goes on.
- One process writes; its threads take turns.
- Nothing entered is ever changed. When an entry's time is over (`expire`) its text goes, a day at a time; its hash
  stays, so every head and every proof of the rest stays good.
- A head is never signed that does not follow on the one before: at the start the last head on disk is verified against
  the tree, and the register is not opened when it does not hold.

>>> register = Register.open(state, identity, clock, town="lievin", mast="lievin-042")
>>> number = register.append(ViewRequested(...))     # on disk, or RegisterError
>>> register.checkpoint()                            # the signed head, for MQTT and for the witness
"""

import logging
import threading
from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass
from datetime import timedelta
from hashlib import sha256
from itertools import takewhile
from pathlib import Path
from typing import Self

from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

from agent.clock import Clock, rfc3339
from agent.errors import NoteRefused, RegisterError
from agent.identity import DeviceIdentity
from agent.language import say
from agent.register import reading
from agent.register.bodies import Entered, EntriesExpired, TailCut, Witnessed
from agent.register.disk import Disk
from agent.register.entries import (
    Entry,
    Place,
    line_hash,
    line_of,
    moment,
    new_entry,
    origin,
    place_of,
    split_line,
    utc_ms,
)
from agent.register.files import Files
from agent.register.notes import Checkpoint, Key, Note, Signature, cosigned_at, sign
from agent.register.sections import Section
from agent.register.tree import Peaks, consistency_proof, consistent, included, inclusion_proof, position
from agent.registers import MOST_DAYS
from agent.verifier_keys import ED25519, to_base64

log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class _Head:
    """Where the register stands: the tree, the last line's hash, and the head's signature."""

    peaks: Peaks
    previous: str | None
    signature: bytes


def device_key(identity: DeviceIdentity, name: str) -> Key:
    """The device's key as a signed note names it."""
    return Key(name, ED25519, identity.key.public_key().public_bytes(Encoding.Raw, PublicFormat.Raw))


class Register:
    """See the module. Every method may be called from any thread; those that write or prove may wait for the disk."""

    def __init__(self, files: Files, identity: DeviceIdentity, clock: Clock, town: str, mast: str) -> None:
        """Use `open`."""
        self._files = files
        self._clock = clock
        self._town, self._mast = town, mast
        self._sign = identity.sign
        self.key = device_key(identity, origin(town, mast))
        self._turn = threading.RLock()
        self._closed = False
        self._witnessed: Note | None = None
        self._run = 1
        self.last_ms = 0
        """When the last entry says that it was made, UTC ms."""
        self._head = _Head(Peaks(), None, b"")

    @classmethod
    def open(
        cls, state: Path, identity: DeviceIdentity, clock: Clock, *, town: str, mast: str, disk: Disk | None = None
    ) -> Self:
        """Opens, mends what a power cut left (and enters that it did); RegisterError when it cannot be trusted."""
        try:
            files = Files(state, disk or Disk())
        except OSError as error:
            raise _cannot(error) from error
        try:
            register = cls(files, identity, clock, town, mast)
            register._recover()
        except BaseException as error:
            files.close()
            if isinstance(error, OSError):
                raise _cannot(error) from error
            raise
        return register

    def close(self) -> None:
        """Lets go of the files; whatever is asked afterwards raises RegisterError."""
        with self._turn:
            if not self._closed:
                self._closed = True
                self._files.close()

    # --- at the start ---

    def _recover(self) -> None:
        line, torn = self._files.recover()
        if line and _place(line) is None:  # whole, but not what was written: a torn write of several blocks
            torn, line = line + torn, self._files.drop_last(line)
        if line:
            self._take_up(line)
        else:
            self._files.trim_tree(0)
        if torn:
            log.warning("register: %d bytes of a torn write were cut off its end", len(torn))
            self.append(TailCut(size_bytes=len(torn), sha256=sha256(torn).hexdigest()))

    def _take_up(self, line: bytes) -> None:
        """Goes on after `line`, the last one, whose signed head must hold."""
        text, signature = split_line(line)
        place = place_of(text)
        if place.origin != self.key.name:
            raise _unusable(
                en=f"belongs to {place.origin} and not to {self.key.name}",
                fr=f"appartient à {place.origin} et non à {self.key.name}",
            )
        if signature[:4] != self.key.id:
            raise _unusable(en="was signed by another device key", fr="est signé par une autre clé de mât")
        size = place.index + 1
        if not self._stands(size, signature):
            log.info("register: making the stored hashes anew")
            present = self._files.sections()
            if not (self._rebuilt(present[-1], size, signature) or self._rebuilt(present[0], size, signature)):
                raise _unusable(
                    en="does not match its own signed head; `vigie register verify` says where",
                    fr="ne correspond pas à sa propre tête signée ; `vigie register verify` dit où",
                )
        self._files.trim_tree(size)
        peaks = Peaks.of(self._files.read_hash, size)
        self._head = _Head(peaks, line_hash(line), signature)
        self._run = place.run + 1
        self.last_ms = utc_ms(place.time)

    def _stands(self, size: int, signature: bytes) -> bool:
        """Whether the stored hashes give the head that was signed."""
        try:
            root = Peaks.of(self._files.read_hash, size).root()
            return bool(self._note(size, root, signature).signed_by([self.key]))
        except (NoteRefused, RegisterError):
            return False

    def _rebuilt(self, first: Section, size: int, signature: bytes) -> bool:
        try:
            peaks = Peaks.of(self._files.read_hash, first.first)
            self._files.rebuild(first.first, self._files.leaves(first), peaks.add)
        except RegisterError:
            return False
        return self._stands(size, signature)

    # --- entering ---

    @property
    def size(self) -> int:
        """How many entries there have ever been."""
        return self._head.peaks.size

    def append(self, body: Entered) -> int:
        """Enters `body`; its number, once it is on disk. RegisterError: it is not entered."""
        with self._turn:
            self._require_open()
            head = self._head
            wall = self._clock.wall()
            when = moment(wall.utc_ms, wall.synchronised and wall.trusted, self._run, self._clock.instant())
            index = head.peaks.size
            text, _ = new_entry(index, when, self._town, self._mast, head.previous, body)
            peaks = head.peaks.copy()
            hashes = peaks.add(sha256(b"\0" + text).digest())
            signed = sign(self._checkpoint(index + 1, peaks.root()).text, self.key, self._sign)
            line = line_of(text, signed.key_id + signed.signature)
            try:
                self._files.append(index, when.time[:10], line)
            except OSError as error:
                raise _cannot(error) from error
            self._files.store(index, hashes)
            self._head = _Head(peaks, line_hash(line), signed.key_id + signed.signature)
            self.last_ms = wall.utc_ms
            return index

    def add_cosignature(self, answer: str, size: int, witnesses: Sequence[Key]) -> tuple[int, ...]:
        """Enters a witness's answer to the checkpoint of `size`; the entries' numbers. NoteRefused for a bad one."""
        lines = tuple(Signature.parse(line) for line in answer.splitlines())
        with self._turn:
            checkpoint = self._checkpoint(size, self._root(size))
            good = Note(checkpoint.text, lines).signed_by(witnesses)
            if not good:
                raise NoteRefused(say(en="no known witness signed it", fr="aucun témoin connu ne l'a signé"))
            numbers = tuple(
                self.append(
                    Witnessed(
                        witness=one.name,
                        size=size,
                        root=to_base64(checkpoint.root),
                        at=rfc3339(cosigned_at(one) * 1000),
                        cosignature=str(one).rstrip("\n"),
                    )
                )
                for one in good
            )
            self._witnessed = None
            return numbers

    def expire(self, keep_days: int) -> int:
        """Takes away the days whose first entry is `keep_days` old; how many. Only a synchronised clock may judge."""
        with self._turn:
            self._require_open()
            wall = self._clock.wall()
            if not (wall.synchronised and wall.trusted):
                return 0
            limit_ms = wall.utc_ms - round(timedelta(days=min(keep_days, MOST_DAYS)).total_seconds() * 1000)
            try:
                present = self._files.sections()
                old = self._old(present, limit_ms)
                if old:
                    self.append(EntriesExpired(end=present[len(old)].first, keep_days=min(keep_days, MOST_DAYS)))
                for section in old:
                    self._files.remove(section)
            except OSError as error:
                raise _cannot(error) from error
            return len(old)

    def _old(self, present: Sequence[Section], limit_ms: int) -> list[Section]:
        """The leading sections that are old; never the last one. A day is no younger than what was entered after it."""
        times: list[int] = []
        youngest: int | None = None
        for section in reversed(present):
            first = next(self._files.leaves(section), None)
            mine = utc_ms(place_of(first).time) if first is not None else None
            youngest = mine if youngest is None else min(youngest, mine if mine is not None else youngest)
            times.insert(0, youngest if youngest is not None else limit_ms)
        aged = zip(present[:-1], times, strict=False)
        return [section for section, _ in takewhile(lambda one: one[1] < limit_ms, aged)]

    # --- heads and proofs ---

    def checkpoint(self, size: int | None = None) -> str:
        """The signed head of the first `size` entries (None: all) as a signed note; RegisterError beyond the end."""
        with self._turn:
            self._require_open()
            if size is None or size == self.size:
                return str(self._note(self.size, self._head.peaks.root(), self._head.signature))
            return str(self._note(size, self._root(size), self._signature(size)))

    def witnessed(self) -> str | None:
        """The newest checkpoint that a witness has cosigned, with its cosignatures; None before the first."""
        with self._turn:
            self._require_open()
            if self._witnessed is None:
                self._witnessed = self._find_witnessed()
            return None if self._witnessed is None else str(self._witnessed)

    def _find_witnessed(self) -> Note | None:
        size = 0
        found: list[Signature] = []
        for entry in reading.entries(self._files.folder, kinds=("witnessed",), newest_first=True):
            assert isinstance(entry.body, Witnessed)
            if found and entry.body.size != size:
                break
            size = entry.body.size
            found.append(Signature.parse(entry.body.cosignature))
        if not found:
            return None
        note = Note.parse(self.checkpoint(size).encode())
        return Note(note.text, (*note.signatures, *reversed(found)))

    def inclusion_proof(self, index: int, size: int | None = None) -> tuple[bytes, ...]:
        """That entry `index` is among the first `size` (RFC 6962 section 2.1.1): at most log2(size) + 1 hashes."""
        with self._turn:
            size = self._within(size, at_least=index + 1)
            leaf = self._files.read_hash(position(0, index))
            proof = inclusion_proof(self._files.read_hash, index, size)
            if not included(leaf, index, size, proof, self._root(size)):
                raise _damaged()
            return proof

    def consistency_proof(self, old: int, new: int | None = None) -> tuple[bytes, ...]:
        """That the first `old` entries are the beginning of the first `new` (RFC 6962 section 2.1.2)."""
        with self._turn:
            new = self._within(new, at_least=old)
            proof = consistency_proof(self._files.read_hash, old, new)
            if not consistent(old, new, proof, self._root(old), self._root(new)):
                raise _damaged()
            return proof

    def entries(
        self, since_ms: int | None = None, until_ms: int | None = None, kinds: Collection[str] | None = None
    ) -> Iterator[Entry]:
        """What was entered up to now, in order, from `since_ms` to before `until_ms`, of `kinds` (None: all)."""
        end = self.size
        found = reading.entries(self._files.folder, since_ms, until_ms, kinds)
        return (entry for entry in found if entry.index < end)

    def newest(self, kinds: Collection[str] | None = None) -> Iterator[Entry]:
        """What was entered, of `kinds` (None: all), the last one first."""
        return reading.entries(self._files.folder, kinds=kinds, newest_first=True)

    def _require_open(self) -> None:
        if self._closed:
            raise RegisterError(say(en="the register is closed", fr="le registre est fermé"))

    def _within(self, size: int | None, at_least: int) -> int:
        self._require_open()
        asked = self.size if size is None else size
        if not 0 <= at_least <= asked <= self.size:
            raise RegisterError(say(en=f"there are {self.size} entries", fr=f"il y a {self.size} entrées"))
        try:
            self._files.settle()
        except OSError as error:
            raise _cannot(error) from error
        return asked

    def _root(self, size: int) -> bytes:
        if size == self.size:
            return self._head.peaks.root()
        return Peaks.of(self._files.read_hash, self._within(size, at_least=0)).root()

    def _checkpoint(self, size: int, root: bytes) -> Checkpoint:
        return Checkpoint(self.key.name, size, root)

    def _note(self, size: int, root: bytes, signature: bytes) -> Note:
        text = self._checkpoint(size, root).text
        if not size:
            return Note(text, (sign(text, self.key, self._sign),))
        return Note(text, (Signature(self.key.name, signature[:4], signature[4:]),))

    def _signature(self, size: int) -> bytes:
        """The signature of the head of `size`, from its line or, where that has expired, made again: the same bytes."""
        text = self._checkpoint(size, self._root(size)).text
        signed = sign(text, self.key, self._sign)  # Ed25519 is deterministic (RFC 8032 section 5.1.6)
        return signed.key_id + signed.signature


def _place(line: bytes) -> Place | None:
    try:
        return place_of(split_line(line)[0])
    except ValueError:
        return None


def _cannot(error: OSError) -> RegisterError:
    why = error.strerror or type(error).__name__
    return RegisterError(say(en=f"the register cannot be written: {why}", fr=f"le registre ne peut être écrit : {why}"))


def _damaged() -> RegisterError:
    return RegisterError(
        say(
            en="the stored hashes are damaged; the next start makes them anew from the entries",
            fr="les empreintes conservées sont abîmées ; le prochain démarrage les refait depuis les entrées",
        )
    )


def _unusable(*, en: str, fr: str) -> RegisterError:
    return RegisterError(
        say(
            en=f"the register {en}; restore what it was, or move its folder away and keep it: the mast begins another",
            fr=f"le registre {fr} ; rétablir, ou écarter son dossier et le garder : le mât en commence un autre",
        )
    )
