"""Figures as a table on the terminal and as JSON in build/bench/."""

import json
from dataclasses import dataclass, field
from pathlib import Path

Cell = str | float | int


def _text(cell: Cell) -> str:
    if isinstance(cell, float):
        return f"{cell:.3f}" if abs(cell) < 10 else f"{cell:.1f}"
    return str(cell)


@dataclass
class Table:
    """`columns` names the cells of each row; the first is the row's own name."""

    title: str
    columns: tuple[str, ...]
    rows: list[tuple[Cell, ...]] = field(default_factory=list)
    samples: list[object] = field(default_factory=list)
    """Raw figures for the JSON file only."""

    def add(self, *cells: Cell) -> None:
        """One more row."""
        if len(cells) != len(self.columns):
            raise ValueError(f"{len(cells)} cells for {len(self.columns)} columns")
        self.rows.append(cells)

    def __str__(self) -> str:
        lines = [self.columns, *(tuple(_text(cell) for cell in row) for row in self.rows)]
        widths = [max(len(line[column]) for line in lines) for column in range(len(self.columns))]
        shown = ("  ".join(text.rjust(width) for text, width in zip(line, widths, strict=True)) for line in lines)
        return "\n".join([self.title, *(f"  {line}" for line in shown)])


def write(folder: Path, name: str, machine: dict[str, object], tables: list[Table]) -> Path:
    """Writes one benchmark's tables; the file's path."""
    folder.mkdir(parents=True, exist_ok=True)
    path = folder / f"{name}.json"
    told = [
        {
            "title": table.title,
            "rows": [dict(zip(table.columns, row, strict=True)) for row in table.rows],
            "samples": table.samples,
        }
        for table in tables
    ]
    path.write_text(json.dumps({"machine": machine, "tables": told}, indent=1), encoding="utf-8")
    return path
