"""Canonical JSON: one value has exactly one text, so that a hash of the text is a hash of the value. Pure.

A subset of RFC 8785: keys sorted, no space anywhere, UTF-8 with the shortest escapes, and of numbers only whole ones
that every JSON reader holds exactly (up to 2^53 - 1). `jq -cS .` prints the same.

>>> encode({"b": [1, None], "a": "é"})
b'{"a":"\\xc3\\xa9","b":[1,null]}'
"""

import json
from typing import NoReturn, TypeAlias

LARGEST = 2**53 - 1
DEEPEST = 16

Json: TypeAlias = "str | int | bool | list[Json] | dict[str, Json] | None"


def _check(value: object, depth: int = 0) -> None:
    """ValueError for what has no canonical text."""
    if depth > DEEPEST:
        raise ValueError(f"nested more than {DEEPEST} deep")
    match value:
        case None | bool():
            pass
        case str():
            value.encode("utf-8")  # UnicodeEncodeError, a ValueError, for a lone surrogate
        case int():
            if not -LARGEST <= value <= LARGEST:
                raise ValueError(f"{value} is beyond 2^53 - 1")
        case list() | tuple():
            for item in value:
                _check(item, depth + 1)
        case dict():
            for key, item in value.items():
                if not (isinstance(key, str) and key.isascii()):
                    raise ValueError(f"{key!r} is no key in ASCII")
                _check(item, depth + 1)
        case _:
            raise ValueError(f"a {type(value).__name__} has no canonical form")


def _text(value: object) -> bytes:
    return json.dumps(value, ensure_ascii=False, allow_nan=False, separators=(",", ":"), sort_keys=True).encode()


def encode(value: object) -> bytes:
    """The text of `value` (strings, whole numbers, booleans, null, lists and objects), or ValueError."""
    _check(value)
    return _text(value)


def _no_float(text: str) -> NoReturn:
    raise ValueError(f"{text[:20]} is not a whole number")


def _whole(text: str) -> int:
    if len(text) > len(str(LARGEST)) + 1 or abs(int(text)) > LARGEST:
        raise ValueError(f"{text[:20]} is beyond 2^53 - 1")
    return int(text)


def decode(text: bytes) -> Json:
    """The value of a canonical text; ValueError for any other text, also one that means the same."""
    try:
        value: Json = json.loads(
            text.decode("utf-8"), parse_float=_no_float, parse_constant=_no_float, parse_int=_whole
        )
        again = _text(value)
    except RecursionError:
        raise ValueError("nested too deep") from None
    if again != text:
        raise ValueError("is not in canonical form")
    return value
