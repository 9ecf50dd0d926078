"""The licence is there whole."""

import re
from pathlib import Path

LICENCE = Path(__file__).parents[2] / "LICENSE"


def test_all_fifteen_articles_and_the_appendix_are_there() -> None:
    text = LICENCE.read_text(encoding="utf-8")
    assert "EUROPEAN UNION PUBLIC LICENCE v. 1.2" in text
    assert [int(number) for number in re.findall(r"^(\d+)\. [A-Z]", text, re.MULTILINE)] == list(range(1, 16))
    assert "'Compatible Licences' according to Article 5 EUPL are:" in text
    assert text.rstrip().endswith("EUPL version.")
