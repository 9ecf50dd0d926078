"""Whether register, index, files and packs of a mast that died agree: at once as it lies there, and after a start."""

import json
import random
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field
from hashlib import sha256
from pathlib import Path

from agent.access.demands import Export, Hold, read
from agent.access.requisitions import open_document
from agent.errors import RequisitionRefused
from agent.register import reading
from agent.register.bodies import (
    RequisitionPresented,
    SegmentsDestroyed,
    SegmentsExported,
    SegmentsHeld,
    SegmentsReleased,
    SegmentsSealed,
)
from agent.register.entries import Entry
from agent.register.findings import Witness
from agent.register.proving import verify as verify_register
from agent.vault.report import list_segments, verify
from agent.vault.rows import LIVE
from tests.evidence.kill import Mast
from tests.register.rig import public


@dataclass
class Told:
    """What was asked and acknowledged, as who asks has written it down."""

    asked: dict[str, str] = field(default_factory=dict)
    acked: dict[str, int] = field(default_factory=dict)
    tokens: dict[str, str] = field(default_factory=dict)
    released: set[str] = field(default_factory=set)
    last: str = ""
    last_again: bool = False
    hold: str = ""

    def take(self, line: dict[str, object]) -> None:
        """One line, in order. `last`: what was asked and never heard of."""
        if "ask" in line:
            self.last, self.last_again, self.hold = str(line["ask"]), bool(line["again"]), str(line["hold"])
            self.asked[self.last] = str(line["kind"])
            self.tokens.pop(self.last, None)  # the next answer's word takes its place
            if self.hold:
                self.released.add(self.hold)
            return
        if "ack" in line:
            self.acked[self.last] = int(str(line["entry"]))
            self.tokens[self.last] = str(line["token"])
        self.last = ""


def told(folder: Path) -> Told:
    """From the log."""
    found, path = Told(), folder / "log"
    for line in path.read_bytes().splitlines() if path.exists() else ():
        found.take(json.loads(line))
    return found


def gone(entries: list[Entry]) -> Counter[tuple[str, int]]:
    """What the register says is destroyed."""
    bodies = [one.body for one in entries if isinstance(one.body, SegmentsDestroyed)]
    return Counter((body.camera, one.counter) for body in bodies for one in body.segments)


def as_it_lies(state: Path) -> Iterator[str]:
    """What no moment may show: a file that is gone and nobody entered it."""
    if not (state / "index.sqlite").exists() or not (state / "register").exists():
        return
    destroyed = gone(list(reading.entries(state / "register", kinds=("segments_destroyed",))))
    for row in list_segments(state):
        entered = (row.segment.camera, row.counter) in destroyed
        there = (state / row.segment.name).exists()
        if not there and not entered:
            yield f"row {row.seq} ({row.state}): its file is gone, and the register does not know"
        if row.live and entered:
            yield f"row {row.seq} is {row.state} and entered as destroyed"
        if (
            row.state in LIVE
            and there
            and sha256((state / row.segment.name).read_bytes()).hexdigest() != (row.segment.sha256)
        ):
            yield f"row {row.seq}: its file is another"


def ring(mast: Mast, entries: list[Entry]) -> Iterator[str]:
    """Rows, files and what was entered of them."""
    state = mast.bench.state
    yield from (f"{one.name}: {one.text}" for one in verify(state) if one.severity == "fault")
    rows = list_segments(state)
    destroyed = gone(entries)
    sealed = [one.body for one in entries if isinstance(one.body, SegmentsSealed)]
    if Counter((body.camera, one.counter) for body in sealed for one in body.segments) != Counter(
        (row.segment.camera, row.counter) for row in rows
    ):
        yield "not each segment is entered once as sealed"
    if destroyed != Counter((row.segment.camera, row.counter) for row in rows if row.state == "destroyed"):
        yield f"destroyed in the register: {destroyed}, in the index: {[(row.seq, row.state) for row in rows]}"
    for row in rows:
        if row.state not in (*LIVE, "destroyed"):
            yield f"row {row.seq} is {row.state}"
        if row.live != (state / row.segment.name).exists():
            yield f"row {row.seq} is {row.state}, its file says otherwise"


def holds(mast: Mast, entries: list[Entry]) -> Iterator[str]:
    """Entries of holds against holds."""
    kept = mast.vault.holds
    released: dict[int, int] = {}
    for one in entries:
        if isinstance(one.body, SegmentsReleased):
            if one.body.held in released:
                yield f"entry {one.body.held} is released twice"
            released[one.body.held] = one.index
    entered = {one.index for one in entries if isinstance(one.body, SegmentsHeld)}
    standing = [held for one in kept.standing() for held in kept.held(one.id)]
    if entered - released.keys() != {one.entry for one in standing}:
        yield f"held by the register: {entered - released.keys()}, by the index: {[one.entry for one in standing]}"
    rows = {row.seq: row for row in list_segments(mast.bench.state)}
    seqs = {seq for one in standing for seq in one.seqs}
    if seqs != {row.seq for row in rows.values() if row.state == "held"}:
        yield f"{seqs} ought to be held: {[(row.seq, row.state) for row in rows.values()]}"
    ends = [(one, number) for one in entries if isinstance(one.body, SegmentsDestroyed) for number in one.body.segments]
    for (asked,) in kept._index.ask("SELECT id FROM requisition"):
        for one in kept.held(asked):
            counters = {rows[seq].counter for seq in one.seqs}
            for entry, what in ends:
                if what.counter in counters and one.entry < entry.index < released.get(one.entry, 1 << 60):
                    yield f"segment {what.counter} was destroyed (entry {entry.index}) while held ({one.entry})"


def packs(mast: Mast, entries: list[Entry]) -> Iterator[str]:
    """What waits is whole and entered."""
    exported = {one.body.manifest_sha256 for one in entries if isinstance(one.body, SegmentsExported)}
    for name in mast.desk.shelf.names():
        found = mast.desk.pack(name)
        if found is None:
            continue
        for file, path in found.files.items():
            wanted = found.sums.get(file)
            if not path.exists() or (wanted and sha256(path.read_bytes()).hexdigest() != wanted):
                yield f"pack {name}: {file} is missing or another"
        if sha256(found.files["manifest.json"].read_bytes()).hexdigest() not in exported:
            yield f"pack {name}: not entered"
        zipped = mast.desk.download(name, "wrong")
        if zipped is not None:
            yield f"pack {name}: given to who has not its word"


def acknowledged(mast: Mast, known: Told, entries: list[Entry], chance: random.Random) -> Iterator[str]:
    """What was answered stays answered, entered, and is kept for who fetches it."""
    bodies = {one.index: one.body for one in entries}
    documents = mast.folder / "asked"
    for name, entry in known.acked.items():
        body = bodies.get(entry)
        if not isinstance(body, RequisitionPresented) or (
            body.sha256 != sha256((documents / name).read_bytes()).hexdigest()
        ):
            yield f"{name}: acknowledged under entry {entry}, which says {body}"
        kept = mast.vault.holds.find(name)
        if kept is None or not kept.settled:
            yield f"{name}: acknowledged, the index says {kept}"
        elif not kept.ended and kept.until_ms > mast.clock.wall_ms and known.asked[name] == "Export":
            token = known.tokens.get(name)
            if mast.desk.pack(name) is None:
                yield f"{name}: its pack is not there"
            elif token and mast.desk.download(name, token) is None:
                yield f"{name}: its word no longer opens it"
    if known.acked:
        name = chance.choice([*known.acked])
        word = refusal(mast, name)
        if word not in ("replayed", "expired"):
            yield f"{name}: acknowledged, and answered again: {word}"


def refusal(mast: Mast, name: str, *, again: bool = False) -> str:
    """Why it is refused; empty when it is answered."""
    try:
        mast.desk.answer((mast.folder / "asked" / name).read_bytes(), again=again)
    except RequisitionRefused as error:
        return error.word
    return ""


def unheard(mast: Mast, known: Told) -> Iterator[str]:
    """What was asked and never answered may be asked again, or has been done whole."""
    name, document = known.last, mast.folder / "asked" / known.last
    if not name:
        return
    if known.last_again:
        kept = mast.vault.holds.find(name)
        if kept is not None and not kept.ended and kept.until_ms > mast.clock.wall_ms:
            word = refusal(mast, name, again=True)
            if word not in ("", "expired"):
                yield f"{name}: cannot be collected once more: {word}"
        return
    demand = read(open_document(document.read_bytes()).payload).demand
    word = refusal(mast, name)
    kept = mast.vault.holds.find(name)
    if word == "replayed":
        if kept is None or not kept.settled:
            yield f"{name}: said to be answered, the index says {kept}"
        elif isinstance(demand, Export) and not kept.ended and (other := refusal(mast, name, again=True)):
            yield f"{name}: cannot be collected: {other}"
    elif word in ("destroyed", "nothing-recorded"):
        assert isinstance(demand, Export | Hold)
        if any(row.live for row in mast.vault.forced("lane", demand.from_ms, demand.to_ms)):
            yield f"{name}: {word}, though something is there"
    elif word == "unknown-hold":
        other = mast.vault.holds.find(known.hold)
        if other is None or not other.ended or other.until_ms > mast.clock.wall_ms:
            yield f"{name}: {word}, though only this ended {other}"
    elif word not in ("", "expired"):
        yield f"{name}: refused as {word}"


def heads(mast: Mast) -> Iterator[str]:
    """The register verifies against the heads of earlier starts."""
    path = mast.folder / "heads"
    seen = path.read_text().split("\0")[-3:] if path.exists() else []
    witnesses = [Witness.parse(f"head {number}", one.encode()) for number, one in enumerate(seen)]
    found = verify_register(mast.bench.state, public(mast.identity.key), witnesses)
    yield from (f"register: {one.name}: {one.text}" for one in found.findings if one.severity == "fault")
    path.write_text("\0".join([*seen, mast.book.checkpoint()]))


def judge(folder: Path, seed: str) -> None:
    """Starts the mast again; AssertionError says what is wrong."""
    mast, chance, known = Mast(folder), random.Random(seed), told(folder)
    wrong = list(as_it_lies(mast.bench.state))
    mast.begin()
    assert mast.vault._keeper is not None
    mast.vault._keeper.round()
    mast.vault.enter_sealed()

    def entries() -> list[Entry]:
        return list(mast.book.entries())

    wrong += [*ring(mast, entries()), *holds(mast, entries()), *packs(mast, entries())]
    wrong += [*acknowledged(mast, known, entries(), chance), *unheard(mast, known)]
    wrong += [*holds(mast, entries()), *packs(mast, entries()), *heads(mast)]
    with (folder / "log").open("a") as log:
        log.write(json.dumps({"refused": known.last, "word": "judged"}) + "\n")
    mast.close()
    assert not wrong, "\n".join(wrong)
