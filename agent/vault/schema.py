"""The index's tables, how older ones become them, and what SQLite's errors mean. Only `index` and this touch SQLite.

Versions: 1 segments; 2 and their holds; 3 and where a turning head pointed. A newer one than ours is refused.
"""

import contextlib
import errno
import sqlite3
from collections.abc import Iterator
from pathlib import Path

from agent.errors import VaultError
from agent.language import say
from agent.vault.reasons import why

SCHEMA_VERSION = 3

ON_DISK = "('sealed', 'found', 'held')"
EVICTABLE = "('sealed', 'found')"
KEPT = "('sealed', 'found', 'held', 'evicting')"
"""States, as SQL has them: whose file is on disk, what may be evicted, what is not gone yet."""

_SEGMENTS = f"""
CREATE TABLE segment (
    seq             INTEGER PRIMARY KEY AUTOINCREMENT,
    camera          TEXT    NOT NULL,
    counter         INTEGER NOT NULL CHECK (counter >= 1),
    name            TEXT    NOT NULL UNIQUE,   -- relative to the state directory
    start_ms        INTEGER NOT NULL,          -- UTC; of a found segment: from its name
    end_ms          INTEGER,                   -- UTC; of a found segment: when it was last written, an estimate
    duration_ms     INTEGER,
    frames          INTEGER,
    blind_frames    INTEGER,
    width           INTEGER,
    height          INTEGER,
    size_bytes      INTEGER NOT NULL,
    sha256          TEXT    NOT NULL,
    whole           INTEGER NOT NULL CHECK (whole IN (0, 1)),
    synchronised    INTEGER NOT NULL CHECK (synchronised IN (0, 1)),
    clock_error_ms  INTEGER,
    end_reason      TEXT    NOT NULL,
    signature       BLOB    NOT NULL,
    state           TEXT    NOT NULL CHECK (state IN ('sealed','found','held','evicting','destroyed','lost')),
    destroyed_ms    INTEGER,
    rule            TEXT             CHECK (rule IN ('age', 'budget', 'disk')),
    UNIQUE (camera, counter)
) STRICT;
CREATE INDEX evictable ON segment (seq) WHERE state IN {EVICTABLE};
CREATE INDEX evictable_by_start ON segment (start_ms) WHERE state IN {EVICTABLE} AND synchronised = 1;
CREATE INDEX evictable_unsynchronised ON segment (seq) WHERE state IN {EVICTABLE} AND synchronised = 0;
CREATE INDEX synchronised_start ON segment (seq, start_ms) WHERE synchronised = 1;
CREATE INDEX evicting ON segment (seq) WHERE state = 'evicting';
CREATE INDEX latest ON segment (max(start_ms, coalesce(end_ms, 0)));
"""

_HOLDS = """
CREATE TABLE requisition (
    id              TEXT    PRIMARY KEY,       -- a UUID: answered once
    act             TEXT    NOT NULL CHECK (act IN ('export', 'hold', 'release')),
    document        TEXT    NOT NULL,          -- SHA-256 of the document, hex
    reference       TEXT    NOT NULL,
    entry           INTEGER NOT NULL,          -- the register's entry that presented it
    until_ms        INTEGER NOT NULL,          -- UTC; when what it keeps is let go
    state           TEXT    NOT NULL CHECK (state IN ('begun', 'kept', 'ended'))
) STRICT;
CREATE TABLE hold (
    requisition     TEXT    NOT NULL REFERENCES requisition (id),
    seq             INTEGER NOT NULL REFERENCES segment (seq),
    entry           INTEGER NOT NULL,          -- the register's entry that says so
    PRIMARY KEY (requisition, seq)
) STRICT, WITHOUT ROWID;
CREATE INDEX hold_by_segment ON hold (seq);
CREATE INDEX held ON segment (size_bytes) WHERE state = 'held';
CREATE INDEX by_start ON segment (camera, start_ms);
"""
_TRACK = "ALTER TABLE segment ADD COLUMN track TEXT;  -- where a turning head pointed; goes with the file\n"
_VERSION = f"PRAGMA user_version = {SCHEMA_VERSION};"


@contextlib.contextmanager
def told(path: Path) -> Iterator[None]:
    """SQLite's errors inside as VaultError."""
    try:
        yield
    except sqlite3.Error as error:
        code = getattr(error, "sqlite_errorname", "") or ""
        if code == "SQLITE_FULL":
            raise VaultError(why(OSError(errno.ENOSPC, ""))) from error
        if code.startswith(("SQLITE_CORRUPT", "SQLITE_NOTADB")):
            mend = say(
                en="move it away and start again: segments on disk are indexed anew",
                fr="l'écarter et redémarrer : les segments présents sont indexés à nouveau",
            )
        else:
            mend = say(en="check the disk and its free space", fr="vérifier le disque et la place libre")
        text = say(en=f"the index {path} cannot be used ({error})", fr=f"index {path} inutilisable ({error})")
        raise VaultError(f"{text}; {mend}") from error


def prepare(db: sqlite3.Connection, path: Path) -> None:
    """Sets a connection up; makes the tables, or brings older ones to this version. VaultError for a newer one."""
    db.execute("PRAGMA journal_mode = WAL")
    db.execute("PRAGMA synchronous = FULL")
    db.execute("PRAGMA secure_delete = ON")  # a track that goes is overwritten, not only forgotten
    version = int(db.execute("PRAGMA user_version").fetchone()[0])
    if version == 0:
        db.executescript(f"BEGIN; {_SEGMENTS} {_HOLDS} {_TRACK} {_VERSION} COMMIT;")
    elif version == 1:  # before there were holds
        db.executescript(f"BEGIN; {_HOLDS} {_TRACK} {_VERSION} COMMIT;")
    elif version == 2:  # before a head's track was kept
        db.executescript(f"BEGIN; {_TRACK} {_VERSION} COMMIT;")
    elif version != SCHEMA_VERSION:
        raise VaultError(
            say(
                en=f"{path} is of version {version}, this agent knows {SCHEMA_VERSION}; "
                "install the agent that wrote it",
                fr=f"{path} est de version {version}, cet agent connaît la {SCHEMA_VERSION} ; "
                "installer l'agent qui l'a écrit",
            )
        )
