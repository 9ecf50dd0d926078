"""The enumeration of legal bases: its words are for ever, and each can be said to a person in both languages."""

import subprocess
import sys
from typing import get_args

import pytest

from agent.access.basis import Article, Kind, LegalBasis, label

WORDS = ("event", "requisition", "maintenance", "habilitation", "cpp-60-1", "cpp-77-1-1", "cpp-99-3")


def test_the_words_that_stand_in_registers_are_never_renamed() -> None:
    assert get_args(LegalBasis) == WORDS
    assert (*get_args(Kind), *get_args(Article)) == WORDS


@pytest.mark.parametrize("language", ["fr_FR.UTF-8", "en_GB.UTF-8"])
def test_each_basis_has_a_label_of_its_own(language: str) -> None:
    code = f"from agent.access.basis import label\nfor one in {WORDS}: print(label(one))"
    done = subprocess.run(
        [sys.executable, "-c", code], env={"LC_ALL": language, "PYTHONUTF8": "1"}, capture_output=True, text=True
    )
    labels = done.stdout.splitlines()
    assert len(set(labels)) == len(WORDS)
    assert ("réquisition" in labels) == (language == "fr_FR.UTF-8")


@pytest.mark.parametrize("article", get_args(Article))
def test_a_requisition_s_label_names_its_article(article: Article) -> None:
    assert article.removeprefix("cpp-") in label(article)
