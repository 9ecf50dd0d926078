"""Pages as a PDF, with fpdf2: the same pages give the same bytes, so that the file's hash can be quoted.

The letters come with the package (`fonts/`), embedded and reduced to those used: a font of the system would give other
bytes on another machine, and the fonts that every PDF reader has know no Polish or Turkish name. Nothing in a text is
ever a command: letters are written as glyph numbers.
"""

import logging
from collections.abc import Sequence
from datetime import UTC, datetime
from functools import lru_cache
from pathlib import Path

from fpdf import FPDF
from fpdf.fonts import TTFFont

from agent.reporting.layout import HEIGHT, MARGIN, WIDTH, Block, Layout

FONTS = Path(__file__).parent / "fonts"
FAMILY = "vigie"
SMALL = 7.0
GREY = 228


def pdf(blocks: Sequence[Block], title: str, at_ms: int) -> bytes:
    """The document; `at_ms` is the date that it bears, `title` stands at the foot of each page."""
    logging.getLogger("fontTools").setLevel(logging.WARNING)
    paper = FPDF(orientation="landscape", unit="mm", format="A4")
    paper.set_auto_page_break(False)
    paper.add_font(FAMILY, "", FONTS / "DejaVuSansCondensed.ttf")
    paper.add_font(FAMILY, "B", FONTS / "DejaVuSansCondensed-Bold.ttf")
    plain, bold = (paper.fonts[name] for name in (FAMILY, f"{FAMILY}B"))
    assert isinstance(plain, TTFFont)
    assert isinstance(bold, TTFFont)
    layout = Layout(lru_cache(1 << 14)(_widths(plain, bold)), frozenset(plain.cmap) & frozenset(bold.cmap))
    title = layout.shown(title)
    paper.set_title(title)
    paper.set_creator("vigie")
    paper.set_lang("fr-FR")
    paper.set_creation_date(datetime.fromtimestamp(at_ms // 1000, tz=UTC))
    pages = layout.pages(blocks)
    for number, page in enumerate(pages, 1):
        paper.add_page()
        paper.set_fill_color(GREY)
        paper.set_line_width(0.1)
        for rule in page.rules:
            if rule.height:
                paper.rect(rule.x, rule.y, rule.length, rule.height, style="F")
            else:
                paper.line(rule.x, rule.y, rule.x + rule.length, rule.y)
        paper.set_fill_color(0)
        for text in page.texts:
            paper.set_font(FAMILY, "B" if text.bold else "", text.points)
            paper.text(text.x, text.y, text.text)
        paper.set_font(FAMILY, "", SMALL)
        paper.text(MARGIN, HEIGHT - 8, title)
        count = f"{number}/{len(pages)}"
        paper.text(WIDTH - MARGIN - paper.get_string_width(count), HEIGHT - 8, count)
    return bytes(paper.output())


def _widths(plain: TTFFont, bold: TTFFont):  # type: ignore[no-untyped-def]
    tables = [{code: font.cw[code] / 1000 for code in font.cmap} for font in (plain, bold)]

    def width(text: str, heavy: bool) -> float:
        table = tables[heavy]
        return sum(table.get(ord(one), 0.6) for one in text)

    return width
