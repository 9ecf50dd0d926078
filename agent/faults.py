"""What pydantic finds wrong -> one line a fault, in the person's language, with what would be right."""

import unicodedata
from collections.abc import Iterator

from pydantic import ValidationError
from pydantic_core import ErrorDetails, PydanticCustomError

from agent.language import say

LONGEST_KEY = 60
"""Of a key that nobody knows, so that a fault stays a line."""


def fault(*, en: str, fr: str) -> PydanticCustomError:
    """A fault that a validator raises: what is wrong and what would be right."""
    return PydanticCustomError("vigie", "{text}", {"text": say(en=en, fr=fr)})


def is_plain(text: str) -> bool:
    """False when `text` carries control, invisible or line-breaking characters, which forge lines in a register."""
    if text.isascii():
        return text.isprintable()  # the same, and a register's report asks for each word of each entry
    return all(unicodedata.category(one) not in ("Cc", "Cf", "Cs", "Zl", "Zp") for one in text)


def one_line(text: str) -> str:
    """`text` with whatever would break the line or steer a terminal written as an escape (\\n, \\x1b)."""
    return "".join(one if one.isprintable() else one.encode("unicode_escape").decode() for one in text)


def _key(loc: tuple[int | str, ...]) -> str:
    text = ""
    for part in loc:
        text += f"[{part}]" if isinstance(part, int) else f".{part[:LONGEST_KEY]}"
    return one_line(text.removeprefix(".")) or "-"


def _known(kind: str, context: dict[str, object]) -> str | None:
    bounds = {"greater_than_equal": ("ge", ">="), "less_than_equal": ("le", "<="), "greater_than": ("gt", ">")}
    if kind in bounds:
        name, sign = bounds[kind]
        return say(en=f"must be {sign} {context[name]}", fr=f"doit être {sign} {context[name]}")
    texts = {
        "string_type": say(en='must be text in quotes, "like this"', fr='doit être du texte entre guillemets, "ainsi"'),
        "int_type": say(en="must be a whole number, without quotes", fr="doit être un nombre entier, sans guillemets"),
        "float_type": say(en="must be a number, without quotes", fr="doit être un nombre, sans guillemets"),
        "finite_number": say(en="must be a finite number", fr="doit être un nombre fini"),
        "bool_type": say(en="must be true or false, without quotes", fr="doit être true ou false, sans guillemets"),
        "tuple_type": say(en="must be a list in [brackets]", fr="doit être une liste entre [crochets]"),
        "path_type": say(en="must be a path in quotes", fr="doit être un chemin entre guillemets"),
        "model_type": say(en="must be a table of keys", fr="doit être une table de clés"),
        "json_invalid": say(en="is not JSON", fr="n'est pas du JSON"),
        "missing": say(en="is missing; it must be given", fr="manque ; à renseigner"),
        "extra_forbidden": say(en="is not a known key; check its spelling", fr="clé inconnue ; vérifier l'orthographe"),
        "string_pattern_mismatch": say(
            en="must be 1 to 40 characters of a-z, 0-9 and -", fr="doit compter 1 à 40 caractères parmi a-z, 0-9 et -"
        ),
        "literal_error": say(en=f"must be {context.get('expected')}", fr=f"doit être {context.get('expected')}"),
        "too_short": say(
            en=f"needs at least {context.get('min_length')}", fr=f"il en faut au moins {context.get('min_length')}"
        ),
        "too_long": say(en=f"takes at most {context.get('max_length')}", fr=f"pas plus de {context.get('max_length')}"),
        "int_parsing_size": say(en="is too large a number", fr="est un nombre trop grand"),
        "string_unicode": say(en="must be valid Unicode text", fr="doit être du texte Unicode valide"),
        "string_too_short": say(en="must not be empty", fr="ne doit pas être vide"),
        "string_too_long": say(
            en=f"takes at most {context.get('max_length')} characters",
            fr=f"pas plus de {context.get('max_length')} caractères",
        ),
    }
    return texts.get(kind)


def _text(error: ErrorDetails) -> str:
    return _known(error["type"], dict(error.get("ctx", {}))) or error["msg"]


def describe(error: ValidationError) -> Iterator[tuple[str, str]]:
    """(key, text) for each fault, in the file's order; a list is not called short for the items already named."""
    found = error.errors(include_input=False, include_url=False)
    for one in found:
        loc = one["loc"]
        inner = any(len(other["loc"]) > len(loc) and other["loc"][: len(loc)] == loc for other in found)
        if not (inner and one["type"] == "too_short"):
            yield _key(loc), _text(one)
