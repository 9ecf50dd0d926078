"""The index of all segments: `<state>/index.sqlite`, whose tables `schema.py` has. `report.py` reads through it, and
`holds.py` keeps its two tables with it.

Laws
- A row is added after its file is whole and on disk under its name (law 4 of the house), signed, with the next `seq`
  and the camera's next `counter`, in one transaction. Rows are never deleted: counters have no holes.
- WAL and synchronous=FULL: what was committed survives a power cut.
- One connection, one lock: several sealing threads and the ring share it.

States: sealed | found -> evicting -> destroyed; sealed | found <-> held; sealed | found | held -> lost.

SQLite's errors come out as VaultError.
"""

import contextlib
import sqlite3
import threading
from collections.abc import Callable, Iterable, Iterator, Sequence
from pathlib import Path
from typing import Any

from agent.vault.names import FILE_CHARACTERS, parse_name
from agent.vault.ring import Candidate
from agent.vault.rows import SEGMENT_FIELDS, Rule, Segment, SegmentRow, State, signed_bytes
from agent.vault.schema import EVICTABLE, KEPT, ON_DISK, prepare, told

FILE = "index.sqlite"
NONE_LASTS_MS = 3_600_000
"""No segment is so long, whatever the clock did meanwhile."""

_COLUMNS = ("seq", "counter", *SEGMENT_FIELDS, "signature", "state", "destroyed_ms", "rule", "track")

# The names below are put together from constants of this room; values always go through `?`.
# ruff: noqa: S608
_SELECT = f"SELECT {', '.join(_COLUMNS)} FROM segment"
_INSERT = (
    f"INSERT INTO segment (seq, counter, {', '.join(SEGMENT_FIELDS)}, signature, state, track) "
    f"VALUES ({', '.join('?' * (len(SEGMENT_FIELDS) + 5))})"
)
_LIVE_BYTES = f"SELECT coalesce(sum(size_bytes), 0) FROM segment WHERE state IN {ON_DISK}"
_SIZE_TO_EVICT = f"SELECT size_bytes FROM segment WHERE seq = ? AND state IN {EVICTABLE}"
_BEGIN_EVICTION = (
    f"UPDATE segment SET state = 'evicting', rule = ?, track = NULL WHERE seq = ? AND state IN {EVICTABLE}"
)
_END_EVICTION = "UPDATE segment SET state = 'destroyed', destroyed_ms = ? WHERE seq = ? AND state = 'evicting'"
_LOSE = f"UPDATE segment SET state = 'lost', track = NULL WHERE seq = ? AND state IN {ON_DISK}"
_TAKE_BACK = """
UPDATE segment SET state = iif(
    EXISTS (SELECT 1 FROM hold JOIN requisition ON id = requisition WHERE hold.seq = segment.seq AND state <> 'ended'),
    'held', iif(whole, 'sealed', 'found')) WHERE seq = ? AND state = 'lost'
"""
_FIRST_START = f"SELECT start_ms FROM segment WHERE state IN {EVICTABLE} ORDER BY seq LIMIT 1"
_LAST_END = f"SELECT coalesce(end_ms, start_ms) FROM segment WHERE state IN {EVICTABLE} ORDER BY seq DESC LIMIT 1"
_FOLDERS = f"SELECT DISTINCT substr(name, 1, length(name) - ?) FROM segment WHERE state IN {ON_DISK}"
_FORCED = "WHERE camera = ? AND start_ms >= ? AND start_ms < ? AND coalesce(end_ms, start_ms) > ? ORDER BY seq"
_HELD_BYTES = "SELECT coalesce(sum(size_bytes), 0) FROM segment WHERE state = 'held'"
_LATEST = "SELECT max(start_ms, coalesce(end_ms, 0)) AS latest FROM segment ORDER BY latest DESC LIMIT 1"
# '0' is the character after '/': all names that begin with `folder/`
_LAST_NAME = (
    "SELECT name FROM segment WHERE name >= 'segments/' || ? || '/' AND name < 'segments/' || ? || '0' "
    "ORDER BY name DESC LIMIT 1"
)
_IN_FOLDER = "SELECT name, seq, state FROM segment WHERE name >= ? || '/' AND name < ? || '0'"
_RECORDED = """
WITH RECURSIVE one (id) AS (
    SELECT min(camera) FROM segment
    UNION ALL SELECT (SELECT min(camera) FROM segment WHERE camera > id) FROM one WHERE id IS NOT NULL)
SELECT id FROM one WHERE id IS NOT NULL
"""
_FIRST_COUNTER = f"SELECT counter FROM segment WHERE camera = ? AND state IN {KEPT} ORDER BY counter LIMIT 1"
_AFTER = f"{_SELECT} WHERE camera = ? AND counter > ? ORDER BY counter LIMIT ?"
_CANDIDATE = """
SELECT seq, name, size_bytes, start_ms, synchronised,
       (SELECT later.start_ms FROM segment AS later
         WHERE later.synchronised = 1 AND later.seq > segment.seq ORDER BY later.seq LIMIT 1)
  FROM segment
"""


def _row(values: tuple[Any, ...]) -> SegmentRow:
    named = dict(zip(_COLUMNS, values, strict=True))
    facts = {name: named.pop(name) for name in SEGMENT_FIELDS}
    facts |= {name: bool(facts[name]) for name in ("whole", "synchronised")}  # SQLite has no booleans
    return SegmentRow(segment=Segment(**facts), **named)


class Index:
    """The one writer. Every method may be called from any thread and may wait for the disk."""

    def __init__(self, path: Path) -> None:
        """Opens or makes it; VaultError when it is broken or of a newer version."""
        self._path = path
        self._lock = threading.Lock()
        if not path.exists():
            path.touch(mode=0o600)  # SQLite gives its companion files the same mode
        with told(path):
            self._db = sqlite3.connect(path, isolation_level=None, check_same_thread=False)
            try:
                prepare(self._db, path)
                self._live_bytes = int(self._one(_LIVE_BYTES))
            except BaseException:
                self._db.close()
                raise

    def close(self) -> None:
        """Writes the WAL back; no further call."""
        with self._lock, told(self._path):
            self._db.close()

    def _one(self, statement: str, *values: object) -> Any:
        row = self._db.execute(statement, values).fetchone()
        return None if row is None else row[0]

    def _ask(self, statement: str, *values: object) -> Any:
        with self._lock, told(self._path):
            return self._one(statement, *values)

    def ask(self, statement: str, *values: object) -> list[tuple[Any, ...]]:
        """The rows of a question, for `holds.py`."""
        with self._lock, told(self._path):
            return self._db.execute(statement, values).fetchall()

    def change(self, *steps: tuple[str, Iterable[Sequence[object]]]) -> None:
        """Statements, each with its rows of values, all or none; on return they are on disk. For `holds.py`."""
        with self._transaction():
            for statement, rows in steps:
                self._db.executemany(statement, rows)

    @contextlib.contextmanager
    def _transaction(self) -> Iterator[None]:
        with self._lock, told(self._path):
            self._db.execute("BEGIN IMMEDIATE")
            try:
                yield
                self._db.execute("COMMIT")
            except BaseException:
                # after some faults SQLite has rolled back by itself
                with contextlib.suppress(sqlite3.Error):
                    self._db.execute("ROLLBACK")
                raise

    def add(self, segment: Segment, sign: Callable[[bytes], bytes], track: str | None = None) -> SegmentRow:
        """One more row, as `sealed` when whole and `found` when not; on return it is on disk."""
        with self._transaction():
            seq = int(self._one("SELECT coalesce(max(seq), 0) + 1 FROM segment"))
            counter = int(
                self._one("SELECT coalesce(max(counter), 0) + 1 FROM segment WHERE camera = ?", segment.camera)
            )
            signature = sign(signed_bytes(seq, counter, segment))
            state: State = "sealed" if segment.whole else "found"
            values = [getattr(segment, name) for name in SEGMENT_FIELDS]
            self._db.execute(_INSERT, (seq, counter, *values, signature, state, track))
        with self._lock:
            self._live_bytes += segment.size_bytes
        return SegmentRow(seq, counter, segment, state, signature, track=track)

    def begin_eviction(self, evictions: Iterable[tuple[int, Rule]]) -> None:
        """`sealed` or `found` -> `evicting`, all or none; on return it is on disk."""
        freed = 0
        with self._transaction():
            for seq, rule in evictions:
                freed += self._one(_SIZE_TO_EVICT, seq) or 0
                self._db.execute(_BEGIN_EVICTION, (rule, seq))
        with self._lock:
            self._live_bytes -= freed

    def end_eviction(self, seqs: Iterable[int], now_ms: int) -> None:
        """`evicting` -> `destroyed` at `now_ms` (UTC)."""
        with self._transaction():
            self._db.executemany(_END_EVICTION, [(now_ms, seq) for seq in seqs])

    def mark_lost(self, seqs: Iterable[int]) -> None:
        """The files of these rows are not there any more, and no eviction took them."""
        with self._transaction():
            self._db.executemany(_LOSE, [(seq,) for seq in seqs])
            self._live_bytes = int(self._one(_LIVE_BYTES))

    def take_back(self, seq: int) -> None:
        """`lost` -> `sealed` or `found`: the file is there again."""
        with self._transaction():
            self._db.execute(_TAKE_BACK, (seq,))
            self._live_bytes = int(self._one(_LIVE_BYTES))

    def forced(self, camera: str, from_ms: int, to_ms: int) -> list[SegmentRow]:
        """Rows of one camera with pictures of [from_ms, to_ms), UTC, gone ones too, in the order of recording."""
        with self._lock, told(self._path):
            values = (camera, from_ms - NONE_LASTS_MS, to_ms, from_ms)
            return [_row(one) for one in self._db.execute(f"{_SELECT} {_FORCED}", values)]

    def evicting(self) -> list[tuple[int, str]]:
        """(seq, name) of evictions that were begun."""
        with self._lock, told(self._path):
            return list(self._db.execute("SELECT seq, name FROM segment WHERE state = 'evicting' ORDER BY seq"))

    def recorded(self) -> list[str]:
        """The cameras that ever recorded here."""
        with self._lock, told(self._path):
            return [str(name) for (name,) in self._db.execute(_RECORDED)]

    def first_counter(self, camera: str) -> int:
        """Of the camera's oldest segment that is not gone, or 1."""
        return int(self._ask(_FIRST_COUNTER, camera) or 1)

    def after(self, camera: str, counter: int, limit: int) -> list[SegmentRow]:
        """The camera's rows after `counter`, in order, gone ones too."""
        with self._lock, told(self._path):
            return [_row(one) for one in self._db.execute(_AFTER, (camera, counter, limit))]

    def by_seq(self, seqs: Iterable[int]) -> list[SegmentRow]:
        """The rows of these numbers."""
        with self._lock, told(self._path):
            found = (self._db.execute(f"{_SELECT} WHERE seq = ?", (seq,)).fetchone() for seq in seqs)
            return [_row(one) for one in found if one is not None]

    def _candidates(self, where: str, *values: object) -> list[Candidate]:
        with self._lock, told(self._path):
            found = self._db.execute(f"{_CANDIDATE} WHERE state IN {EVICTABLE} {where}", values).fetchall()
        return [Candidate(seq, name, size, start, bool(known), later) for seq, name, size, start, known, later in found]

    def oldest(self, limit: int) -> list[Candidate]:
        """The first recorded ones that are on disk and not held."""
        return self._candidates("ORDER BY seq LIMIT ?", limit)

    def aged(self, cutoff_ms: int, limit: int) -> list[Candidate]:
        """Those that may be past retention: synchronised ones before `cutoff_ms`, and the first unsynchronised ones."""
        known = self._candidates("AND synchronised = 1 AND start_ms < ? ORDER BY start_ms LIMIT ?", cutoff_ms, limit)
        return known + self._candidates("AND synchronised = 0 ORDER BY seq LIMIT ?", limit)

    @property
    def live_bytes(self) -> int:
        """What all segments on disk take, held ones too."""
        return self._live_bytes

    def held_bytes(self) -> int:
        """What held segments take."""
        return int(self._ask(_HELD_BYTES))

    def last_name_ms(self, camera: str) -> int | None:
        """The time in the camera's greatest name, destroyed ones too."""
        name = self._ask(_LAST_NAME, camera, camera)
        parsed = None if name is None else parse_name(name)
        return None if parsed is None else parsed[1]

    def last_recorded_ms(self) -> int | None:
        """The greatest start or end of any row, UTC ms."""
        latest: int | None = self._ask(_LATEST)
        return latest

    def span_ms(self) -> tuple[int, int] | None:
        """(start of the first, end of the last) segment on disk."""
        with self._lock, told(self._path):
            first, last = self._one(_FIRST_START), self._one(_LAST_END)
        return None if first is None else (first, last)

    def measured(self, seq: int) -> tuple[int, str]:
        """(size in bytes, SHA-256 in hex) of a row."""
        with self._lock, told(self._path):
            size, sha256 = self._db.execute("SELECT size_bytes, sha256 FROM segment WHERE seq = ?", (seq,)).fetchone()
        return size, sha256

    def folders(self) -> set[str]:
        """Day folders in which segments are to be."""
        with self._lock, told(self._path):
            return {str(one) for (one,) in self._db.execute(_FOLDERS, (FILE_CHARACTERS + 1,))}

    def states(self, folder: str) -> dict[str, tuple[int, State]]:
        """Name -> (seq, state) of all rows of one day folder."""
        with self._lock, told(self._path):
            found = self._db.execute(_IN_FOLDER, (folder, folder)).fetchall()
        return {name: (seq, state) for name, seq, state in found}


class Reader:
    """A second connection that only reads, while the agent writes or after it has ended."""

    def __init__(self, path: Path) -> None:
        self._path = path
        with told(path):
            self._db = sqlite3.connect(f"{path.resolve().as_uri()}?mode=ro", uri=True, isolation_level=None)

    def close(self) -> None:
        """No further call."""
        self._db.close()

    def rows(
        self, camera: str | None = None, since_ms: int | None = None, until_ms: int | None = None
    ) -> list[SegmentRow]:
        """Rows in the order of `seq`: of one camera, that end at or after `since_ms` and start before `until_ms`."""
        where, values = ["1"], []
        for condition, value in (
            ("camera = ?", camera),
            ("coalesce(end_ms, start_ms) >= ?", since_ms),
            ("start_ms < ?", until_ms),
        ):
            if value is not None:
                where.append(condition)
                values.append(value)
        with told(self._path):
            return [
                _row(one) for one in self._db.execute(f"{_SELECT} WHERE {' AND '.join(where)} ORDER BY seq", values)
            ]

    def row(self, name: str) -> SegmentRow | None:
        """The row of one name."""
        with told(self._path):
            found = self._db.execute(f"{_SELECT} WHERE name = ?", (name,)).fetchone()
        return None if found is None else _row(found)
