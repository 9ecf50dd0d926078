"""What requisitions keep: segments that no age, budget or full disk takes, and which requisitions were answered.

    begin     the requisition and what it holds, in one transaction: from here on nothing evicts those segments
    settle    it is answered: its id serves no second time
    end       the hold is over (its date, or a release): what no other hold keeps ages again; an export that was cut
              short is forgotten with it

Laws
- Held is what some requisition that has not ended names; a segment that two name is held until both have ended.
- What is begun and not settled was cut short (a power cut): it holds, and the same document may be presented again,
  after its hold has ended too: it has handed nothing over, so it has not served.
- All of it is in the index, so it survives whatever the index survives.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Literal

from agent.vault.index import Index

Act = Literal["export", "hold", "release"]


@dataclass(frozen=True, slots=True)
class Kept:
    """A requisition that this mast answers. `document`: its SHA-256. `entry`: presented it. `until_ms`: UTC."""

    id: str
    act: Act
    document: str
    reference: str
    entry: int
    until_ms: int
    settled: bool = False
    ended: bool = False


@dataclass(frozen=True, slots=True)
class Held:
    """What one requisition holds of one camera: `entry` is the register's that says so, counters `first` to `last`."""

    camera: str
    entry: int
    first: int
    last: int
    seqs: tuple[int, ...]


_BEGIN = """
INSERT INTO requisition (id, act, document, reference, entry, until_ms, state) VALUES (?, ?, ?, ?, ?, ?, 'begun')
    ON CONFLICT (id) DO UPDATE SET entry = excluded.entry, until_ms = excluded.until_ms WHERE state = 'begun'
"""
_HOLD = """
INSERT INTO hold (requisition, seq, entry) SELECT ?, seq, ? FROM segment WHERE seq = ? AND state = 'held'
    ON CONFLICT DO NOTHING
"""
_MARK = "UPDATE segment SET state = 'held' WHERE seq = ? AND state IN ('sealed', 'found')"
_SETTLE = "UPDATE requisition SET state = 'kept' WHERE id = ? AND state = 'begun'"
_END = "UPDATE requisition SET state = 'ended' WHERE id = ?"
_FREE = """
UPDATE segment SET state = iif(whole, 'sealed', 'found')
 WHERE state = 'held' AND seq IN (SELECT seq FROM hold WHERE requisition = ?)
   AND NOT EXISTS (SELECT 1 FROM hold JOIN requisition ON id = requisition
                    WHERE hold.seq = segment.seq AND requisition.state <> 'ended')
"""
_FORGET = ("DELETE FROM hold WHERE requisition = ?", "DELETE FROM requisition WHERE id = ?")
_FIND = "SELECT id, act, document, reference, entry, until_ms, state FROM requisition"
_DUE = f"{_FIND} WHERE state <> 'ended' AND act <> 'release' AND until_ms <= ? ORDER BY until_ms"
_STANDING = f"{_FIND} WHERE state <> 'ended' AND act <> 'release' ORDER BY id"
_HELD = """
SELECT camera, hold.entry, counter, segment.seq FROM hold JOIN segment ON segment.seq = hold.seq
 WHERE requisition = ? ORDER BY camera, segment.seq
"""
_ENTRIES = "SELECT DISTINCT entry FROM hold"
_STILL = "SELECT seq FROM segment WHERE state = 'held' AND seq IN (SELECT seq FROM hold WHERE requisition = ?)"


class Holds:
    """The index's tables of requisitions and holds. Any thread; each call may wait for the disk. VaultError."""

    def __init__(self, index: Index) -> None:
        self._index = index

    def begin(self, kept: Kept, held: Iterable[tuple[int, int]]) -> frozenset[int]:
        """Takes up a requisition and holds (seq, register's entry); the seqs that are held, evicted ones left out."""
        rows = list(held)
        self._index.change(
            (_BEGIN, [(kept.id, kept.act, kept.document, kept.reference, kept.entry, kept.until_ms)]),
            (_MARK, [(seq,) for seq, _ in rows]),
            (_HOLD, [(kept.id, entry, seq) for seq, entry in rows]),
        )
        return frozenset(seq for (seq,) in self._index.ask(_STILL, kept.id))

    def settle(self, requisition: str) -> None:
        """It is answered."""
        self._index.change((_SETTLE, [(requisition,)]))

    def end(self, requisition: str) -> None:
        """What it alone held is free; its id stays answered, where it was."""
        found = self.find(requisition)
        broken = found is not None and found.act == "export" and not found.settled
        forget = _FORGET if broken else ()
        self._index.change(*((step, [(requisition,)]) for step in (_END, _FREE, *forget)))

    def entries(self) -> frozenset[int]:
        """The register's entries under which something is or was held."""
        return frozenset(entry for (entry,) in self._index.ask(_ENTRIES))

    def find(self, requisition: str) -> Kept | None:
        """The requisition of that id, if it was ever taken up."""
        found = self._kept(self._index.ask(f"{_FIND} WHERE id = ?", requisition))
        return found[0] if found else None

    def answered(self, requisition: str) -> bool:
        """Whether that id has served."""
        found = self.find(requisition)
        return found is not None and found.settled

    def due(self, now_ms: int) -> list[Kept]:
        """Those whose date has come."""
        return self._kept(self._index.ask(_DUE, now_ms))

    def standing(self) -> list[Kept]:
        """Those that hold something now."""
        return self._kept(self._index.ask(_STANDING))

    def held(self, requisition: str) -> list[Held]:
        """What it holds or held, a camera and register's entry at a time."""
        groups: dict[tuple[str, int], list[tuple[int, int]]] = {}
        for camera, entry, counter, seq in self._index.ask(_HELD, requisition):
            groups.setdefault((camera, entry), []).append((counter, seq))
        return [
            Held(camera, entry, min(of)[0], max(of)[0], tuple(seq for _, seq in of))
            for (camera, entry), of in groups.items()
        ]

    def _kept(self, rows: Sequence[tuple[str, Act, str, str, int, int, str]]) -> list[Kept]:
        return [Kept(*row[:6], settled=row[6] != "begun", ended=row[6] == "ended") for row in rows]
