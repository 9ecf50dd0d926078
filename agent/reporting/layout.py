"""Headings, paragraphs and tables -> pages of placed text. Pure; lengths in millimetres, on A4 across.

Laws
- A table's head stands again on each page that it goes on to; a row that does not fit on a page goes on on the next.
- Every character is shown: what the font has no sign for is written as its number ([U+4E2D]).
"""

import unicodedata
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field

WIDTH, HEIGHT, MARGIN = 297.0, 210.0, 12.0
TOP, BOTTOM = 18.0, HEIGHT - 16.0
INSIDE = WIDTH - 2 * MARGIN
POINT = 0.3528
"""Millimetres."""
PADDING = 1.0

Width = Callable[[str, bool], float]
"""A text's width in units of the letter size (em), plain or bold."""


@dataclass(frozen=True, slots=True)
class Placed:
    """One line of text; `y` is its base line."""

    x: float
    y: float
    text: str
    points: float
    bold: bool = False


@dataclass(frozen=True, slots=True)
class Rule:
    """A line across, thin or thick; or a grey ground of `height` below `y`."""

    x: float
    y: float
    length: float
    height: float = 0.0


@dataclass(frozen=True, slots=True)
class Heading:
    """A title of a section."""

    text: str
    points: float = 12.0


@dataclass(frozen=True, slots=True)
class Paragraph:
    """Text that fills the width."""

    text: str
    points: float = 9.0
    bold: bool = False


@dataclass(frozen=True, slots=True)
class Table:
    """`columns`: (head, share of the width, right-aligned)."""

    columns: tuple[tuple[str, float, bool], ...]
    rows: Sequence[tuple[str, ...]]
    points: float = 7.0


Block = Heading | Paragraph | Table


@dataclass(slots=True)
class Page:
    """What stands on it, the grounds first."""

    rules: list[Rule] = field(default_factory=list)
    texts: list[Placed] = field(default_factory=list)


class Layout:
    """`width`: of the fonts; `known`: the code points that they have a sign for."""

    def __init__(self, width: Width, known: frozenset[int]) -> None:
        self._width = width
        self._known = known

    def pages(self, blocks: Sequence[Block]) -> list[Page]:
        """All of it."""
        self._pages = [Page()]
        self._y = TOP
        for block in blocks:
            match block:
                case Heading():
                    self._heading(block)
                case Paragraph():
                    self._paragraph(block)
                case Table():
                    self._table(block)
        return self._pages

    def shown(self, text: str) -> str:
        """`text` with what the font lacks, or what steers, written as its number."""
        text = unicodedata.normalize("NFC", text)
        return "".join(one if ord(one) in self._known and one.isprintable() else f"[U+{ord(one):04X}]" for one in text)

    def _break(self) -> None:
        self._pages.append(Page())
        self._y = TOP

    def _heading(self, block: Heading) -> None:
        high = block.points * POINT
        if self._y + 6 * high > BOTTOM:
            self._break()
        self._y += 0 if self._y == TOP else high
        for line in self._wrapped(block.text, INSIDE, block.points, True):
            self._y += high * 1.25
            self._pages[-1].texts.append(Placed(MARGIN, self._y, line, block.points, True))
        self._y += high * 0.6

    def _paragraph(self, block: Paragraph) -> None:
        for line in self._wrapped(block.text, INSIDE, block.points, block.bold):
            step = block.points * POINT * 1.35
            if self._y + step > BOTTOM:
                self._break()
            self._y += step
            self._pages[-1].texts.append(Placed(MARGIN, self._y, line, block.points, block.bold))
        self._y += block.points * POINT * 0.5

    # --- tables ---

    def _table(self, table: Table) -> None:
        whole = sum(share for _, share, _ in table.columns)
        widths = [INSIDE * share / whole for _, share, _ in table.columns]
        heads = self._cells(table, tuple(head for head, _, _ in table.columns), widths, True)
        step = table.points * POINT * 1.25
        room = int((BOTTOM - TOP) / step) - max(map(len, heads)) - 3
        self._head(table, heads, widths, step)
        for row in table.rows:
            cells = self._cells(table, row, widths, False)
            while True:
                count = max(map(len, cells))
                if self._y + min(count, room) * step + 2 * PADDING > BOTTOM:
                    self._break()
                    self._head(table, heads, widths, step)
                self._row(table, [cell[:room] for cell in cells], widths, step, False)
                cells = [cell[room:] for cell in cells]
                if not any(cells):
                    break
        self._y += 3.0

    def _head(self, table: Table, heads: list[list[str]], widths: Sequence[float], step: float) -> None:
        if self._y + 5 * step > BOTTOM:
            self._break()
        height = max(map(len, heads)) * step + PADDING
        self._pages[-1].rules.append(Rule(MARGIN, self._y, INSIDE, height))
        self._row(table, heads, widths, step, True)

    def _row(self, table: Table, cells: Sequence[list[str]], widths: Sequence[float], step: float, bold: bool) -> None:
        page, x = self._pages[-1], MARGIN
        for cell, width, (_, _, right) in zip(cells, widths, table.columns, strict=True):
            for number, line in enumerate(cell):
                over = width - 2 * PADDING - self._width(line, bold) * table.points * POINT if right else 0.0
                y = self._y + (number + 1) * step
                page.texts.append(Placed(x + PADDING + max(0.0, over), y, line, table.points, bold))
            x += width
        self._y += max(map(len, cells)) * step + PADDING
        page.rules.append(Rule(MARGIN, self._y, INSIDE))

    def _cells(self, table: Table, row: tuple[str, ...], widths: Sequence[float], bold: bool) -> list[list[str]]:
        return [
            list(self._wrapped(text, width - 2 * PADDING, table.points, bold))
            for text, width in zip(row, widths, strict=True)
        ]

    def _wrapped(self, text: str, width: float, points: float, bold: bool) -> Iterator[str]:
        """Lines no wider than `width`; a word that is wider is cut."""
        most = width / (points * POINT)
        line = ""
        for word in self.shown(text).split(" "):
            longer = f"{line} {word}" if line else word
            if self._width(longer, bold) <= most:
                line = longer
                continue
            if line:
                yield line
            line = word
            while self._width(line, bold) > most:
                cut = next(end for end in range(1, len(line) + 1) if self._width(line[: end + 1], bold) > most)
                yield line[:cut]
                line = line[cut:]
        yield line
