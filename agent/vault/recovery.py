"""After a power cut, from any crash point: index and files agree again before anything new is recorded.

What is found in a day's folder decides alone (`plan` is pure); carrying a step out twice does no harm, so a second
power cut during recovery is no special case.
"""

import logging
from collections.abc import Callable, Mapping
from collections.abc import Set as AbstractSet
from dataclasses import dataclass
from pathlib import Path

from agent.vault.index import Index
from agent.vault.names import FOLDER, PART, parse_name
from agent.vault.open_track import Kept, forget, kept
from agent.vault.rows import LIVE, Segment, State
from agent.vault.storage import Storage

logger = logging.getLogger(__name__)

Sign = Callable[[bytes], bytes]


@dataclass(frozen=True, slots=True)
class Rescue:
    """NAME.part: torn. It becomes a segment marked `found`, or goes when it holds no whole chunk."""

    name: str


@dataclass(frozen=True, slots=True)
class Adopt:
    """NAME without a row: sealed whole, the row was not written any more."""

    name: str


@dataclass(frozen=True, slots=True)
class Lose:
    """A row whose file is not there."""

    name: str
    seq: int


@dataclass(frozen=True, slots=True)
class TakeBack:
    """A lost row whose file is there again, as after a file system check."""

    name: str
    seq: int


@dataclass(frozen=True, slots=True)
class Remove:
    """A file whose row says destroyed: a copy that came back must go as well."""

    name: str


Step = Rescue | Adopt | Lose | TakeBack | Remove


def plan(files: AbstractSet[str], rows: Mapping[str, tuple[int, State]]) -> list[Step]:
    """What to do about one day's folder that holds `files` (names, some with `.part`) and has `rows`; oldest first."""
    steps: list[Step] = []
    for name in sorted({file.removesuffix(PART) for file in files} | set(rows)):
        if parse_name(name) is None:
            continue  # not ours: `verify` reports it
        seq, state = rows.get(name, (0, None))
        if name + PART in files:
            steps.append(Rescue(name))
        elif name in files and state is None:
            steps.append(Adopt(name))
        elif name in files and state == "lost":
            steps.append(TakeBack(name, seq))
        elif name in files and state == "destroyed":
            steps.append(Remove(name))
        elif name not in files and state in LIVE:
            steps.append(Lose(name, seq))
    return steps


def unopened(name: str, size_bytes: int, sha256: str, written_ms: int, *, whole: bool, end_reason: str) -> Segment:
    """What can be said of a segment that the mast can no longer look into."""
    parsed = parse_name(name)
    assert parsed is not None, name
    camera, name_ms = parsed
    return Segment(
        camera=camera,
        name=name,
        start_ms=name_ms,
        end_ms=written_ms if written_ms > name_ms else None,
        duration_ms=None,
        frames=None,
        blind_frames=None,
        width=None,
        height=None,
        size_bytes=size_bytes,
        sha256=sha256,
        whole=whole,
        synchronised=False,
        clock_error_ms=None,
        end_reason=end_reason,
    )


def rescue(
    storage: Storage, index: Index, sign: Sign, name: str, end_reason: str, track: Kept | str | None = None
) -> bool:
    """NAME.part -> a segment marked `found`; False when it held no whole chunk and was removed. Can be repeated.

    `track`: what a cut left of it, or its text where nothing was cut.
    """
    part = storage.path(name + PART)
    known = index.states(name.rpartition("/")[0]).get(name)
    if known is None:
        size, sha256, chunks = storage.measure(part)
        if chunks == 0:
            storage.remove(part)
            return False
        written_ms = part.stat().st_mtime_ns // 1_000_000
        storage.link(name)
        text = track.text(written_ms) if isinstance(track, Kept) else track
        index.add(unopened(name, size, sha256, written_ms, whole=False, end_reason=end_reason), sign, text)
    elif known[1] in LIVE:
        storage.link(name)
    storage.remove(part)
    return True


def _adopt(storage: Storage, index: Index, sign: Sign, name: str, track: Kept | None) -> None:
    path = storage.path(name)
    storage.disk.sync_folder(path.parent)
    size, sha256, _ = storage.measure(path)
    written_ms = path.stat().st_mtime_ns // 1_000_000
    text = None if track is None else track.text(None)
    index.add(unopened(name, size, sha256, written_ms, whole=True, end_reason="unindexed"), sign, text)


def _take_back(storage: Storage, index: Index, name: str, seq: int) -> None:
    size, sha256, _ = storage.measure(storage.path(name))
    if (size, sha256) == index.measured(seq):
        index.take_back(seq)
        logger.warning("%s is there again", name)


def _carry_out(storage: Storage, index: Index, sign: Sign, step: Step, tracks: Mapping[str, Kept]) -> int:
    """1 for an open segment that was found, else 0."""
    match step:
        case Rescue(name):
            return int(rescue(storage, index, sign, name, "power-cut", tracks.get(name)))
        case Adopt(name):
            _adopt(storage, index, sign, name, tracks.get(name))
        case Lose(name, seq):
            logger.error("%s (row %d) is not on disk any more", name, seq)
            index.mark_lost([seq])
        case TakeBack(name, seq):
            _take_back(storage, index, name, seq)
        case Remove(name):
            logger.warning("%s was destroyed and is there again: removed", name)
            storage.remove(storage.path(name))
    return 0


def _day_folders(state: Path) -> set[str]:
    return {str(path.relative_to(state)) for path in (state / FOLDER).glob("*/*/*/*") if path.is_dir()}


def recover(storage: Storage, index: Index, sign: Sign) -> int:
    """Makes index and files agree; how many open segments of an earlier run were found. Blocks."""
    found = 0
    tracks = kept(storage)
    for folder in sorted(_day_folders(storage.state) | index.folders()):
        path = storage.state / folder
        files = {f"{folder}/{one.name}" for one in path.iterdir()} if path.is_dir() else set()
        for step in plan(files, index.states(folder)):
            found += _carry_out(storage, index, sign, step, tracks)
    forget(storage)
    return found
