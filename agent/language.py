"""Operator-facing text in French and English: `say(en=..., fr=...)` picks by the environment.

>>> say(en="no such camera", fr="caméra inconnue", language="fr")
'caméra inconnue'
"""

import os


def language() -> str:
    """`fr` or `en`, from LC_ALL, LC_MESSAGES or LANG in the order that POSIX gives them."""
    for name in ("LC_ALL", "LC_MESSAGES", "LANG"):
        if value := os.environ.get(name):
            return "fr" if value.lower().startswith("fr") else "en"
    return "en"


def say(*, en: str, fr: str, language: str = language()) -> str:
    """The text in the process's language; both must be given, so that neither is forgotten."""
    return fr if language == "fr" else en
