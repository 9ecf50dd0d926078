"""What pydantic finds wrong -> one line a fault, in the person's language, with what would be right."""

from collections.abc import Iterator

from pydantic import ValidationError
from pydantic_core import ErrorDetails, PydanticCustomError

from agent.language import say


def fault(*, en: str, fr: str) -> PydanticCustomError:
    """A fault that a validator raises: what is wrong and what would be right."""
    return PydanticCustomError("vigie", "{text}", {"text": say(en=en, fr=fr)})


def _key(loc: tuple[int | str, ...]) -> str:
    text = ""
    for part in loc:
        text += f"[{part}]" if isinstance(part, int) else f".{part}"
    return text.lstrip(".") or "-"


def _known(kind: str, context: dict[str, object]) -> str | None:
    bounds = {"greater_than_equal": ("ge", ">="), "less_than_equal": ("le", "<="), "greater_than": ("gt", ">")}
    if kind in bounds:
        name, sign = bounds[kind]
        return say(en=f"must be {sign} {context[name]}", fr=f"doit être {sign} {context[name]}")
    texts = {
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
