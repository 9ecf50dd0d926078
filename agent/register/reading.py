"""Entries by period and kind, read from the files while an agent writes them or after."""

from collections.abc import Collection, Iterator
from pathlib import Path

from agent.errors import RegisterError
from agent.language import say
from agent.register.entries import Entry, parse_entry, split_line
from agent.register.sections import Tail, lines, sections


def leaves(folder: Path, newest_first: bool = False) -> Iterator[bytes]:
    """The leaf of each line, a day's section at a time; RegisterError names a line that is none."""
    for section in sorted(sections(folder), reverse=newest_first):
        found = []
        try:
            for line in lines(folder / section.name):
                if not isinstance(line, Tail):
                    found.append(split_line(line)[0])
        except FileNotFoundError:
            continue  # expired meanwhile
        except ValueError:
            number = section.first + len(found)
            raise RegisterError(
                say(
                    en=f"{section.name}: line {len(found) + 1} (entry {number}) is no entry; look with "
                    "`vigie register verify`",
                    fr=f"{section.name} : la ligne {len(found) + 1} (entrée {number}) n'en est pas une ; voir "
                    "`vigie register verify`",
                )
            ) from None
        yield from reversed(found) if newest_first else found


def entries(
    folder: Path,
    since_ms: int | None = None,
    until_ms: int | None = None,
    kinds: Collection[str] | None = None,
    newest_first: bool = False,
) -> Iterator[Entry]:
    """Entries from `since_ms` to before `until_ms` (UTC ms) of `kinds` (None: all that this version knows)."""
    marks = None if kinds is None else [f'"kind":"{kind}"'.encode() for kind in kinds]
    for text in leaves(folder, newest_first):
        if marks is not None and not any(mark in text for mark in marks):
            continue
        entry = parse_entry(text)
        if entry is None or (kinds is not None and entry.kind not in kinds):
            continue
        if (since_ms is None or entry.utc_ms >= since_ms) and (until_ms is None or entry.utc_ms < until_ms):
            yield entry
