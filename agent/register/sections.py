"""The register's files: their names, and reading them while an agent writes. Nothing here changes anything.

    register/0000000000-2026-11-22.jsonl    a section: the entries of one day, named for its first entry's number
    register/tree                           the tree's stored hashes, 32 bytes each

A section ends where the next one begins; the date in its name is for people. Whoever writes puts an entry's line on
disk first and its hashes into `tree` after; whoever reads takes them in the other order, so that it never sees a hash
without its line. `tree` may lag behind: it follows from the lines.
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from agent.register.entries import LONGEST_LINE

FOLDER = "register"
TREE = "tree"
_NAME = re.compile(r"(?P<first>[0-9]{10})-(?P<day>[0-9]{4}-[0-9]{2}-[0-9]{2})\.jsonl")


@dataclass(frozen=True, slots=True, order=True)
class Section:
    """One file of lines; `first`: the number of its first entry."""

    first: int
    day: str

    @property
    def name(self) -> str:
        """The file's name."""
        return f"{self.first:010d}-{self.day}.jsonl"


def sections(folder: Path) -> list[Section]:
    """Those that are there, in order."""
    found = (_NAME.fullmatch(path.name) for path in folder.iterdir())
    return sorted(Section(int(match["first"]), match["day"]) for match in found if match)


def strangers(folder: Path) -> list[str]:
    """Names of what does not belong there."""
    return sorted(
        path.name
        for path in folder.iterdir()
        if path.is_symlink() or not path.is_file() or not (path.name == TREE or _NAME.fullmatch(path.name))
    )


@dataclass(frozen=True, slots=True)
class Tail:
    """What follows the last newline of a file: nothing, a write under way, or one that was torn."""

    data: bytes


def lines(path: Path) -> Iterator[bytes | Tail]:
    """Each whole line with its newline, then what follows the last one where there is any."""
    with path.open("rb") as file:
        while line := file.readline(2 * LONGEST_LINE):
            if not line.endswith(b"\n"):
                yield Tail(line + file.read(LONGEST_LINE))
                return
            yield line


def last_line(path: Path) -> tuple[bytes, int, bytes]:
    """(the last whole line or nothing, the offset where it ends, what follows it)."""
    with path.open("rb") as file:
        size = file.seek(0, 2)
        start = max(0, size - 4 * LONGEST_LINE)
        file.seek(start)
        block = file.read()
    end = block.rfind(b"\n") + 1
    begin = block.rfind(b"\n", 0, max(end - 1, 0)) + 1
    return block[begin:end], start + end, block[end:]
