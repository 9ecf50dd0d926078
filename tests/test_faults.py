"""Faults of pydantic as lines for people: each kind that the configuration can raise has its own words."""

from pathlib import Path

import pytest
from pydantic import BaseModel, ConfigDict, Field, ValidationError

from agent.faults import describe, fault, is_plain, one_line
from agent.models import Model


class Table(BaseModel):
    """One key of each kind that a configuration has."""

    model_config = ConfigDict(strict=True, extra="forbid")
    text: str = Field(default="x", min_length=1, max_length=2, pattern="^[a-z]+$")
    whole: int = Field(default=1, ge=0, le=9)
    number: float = Field(default=1, gt=0)
    flag: bool = True
    path: Path = Field(default=Path(), strict=False)
    items: tuple[int, ...] = Field(default=(1,), min_length=1, max_length=2)


@pytest.mark.parametrize(
    ("key", "values"),
    [
        ("text", [1, "", "xxx", "A"]),
        ("whole", ["1", -1, 10, True]),
        ("number", ["1", 0]),
        ("flag", [1, "true"]),
        ("path", [1]),
        ("items", [1, (), (1, 2, 3)]),
        ("unknown", [1]),
    ],
)
def test_each_kind_of_fault_has_words_of_our_own(key: str, values: list[object]) -> None:
    for value in values:
        with pytest.raises(ValidationError) as caught:
            Table.model_validate({key: value})
        ((where, text),) = describe(caught.value)
        assert where == key
        assert text != caught.value.errors()[0]["msg"]


def test_a_list_is_not_called_short_for_the_items_already_named() -> None:
    with pytest.raises(ValidationError) as caught:
        Table.model_validate({"items": ("x",)})
    assert [where for where, _ in describe(caught.value)] == ["items[0]"]


def test_what_breaks_a_line_or_steers_a_terminal_is_written_out() -> None:
    assert one_line("a\nb\x1b[31m\u2028é\u202e") == "a\\nb\\x1b[31m\\u2028é\\u202e"


def test_plain_text_is_what_a_register_line_can_hold() -> None:
    assert is_plain("Rixe\u202f? n° 4, l'été")
    for bad in ("\n", "\x00", "\u200b", "\u202e", "\u2028", "\x85", "\ud800"):
        assert not is_plain(f"a{bad}b")


def test_an_unknown_key_with_a_line_break_is_written_out() -> None:
    with pytest.raises(ValidationError) as caught:
        Model.model_validate({"a\nb": 1})
    assert [where for where, _ in describe(caught.value)] == ["a\\nb"]


def test_a_fault_of_our_own_keeps_braces_as_they_are() -> None:
    assert str(fault(en="{x} is {wrong}", fr="{x} est {faux}")).endswith("}")


def test_an_unknown_key_of_any_length_stays_a_short_line() -> None:
    with pytest.raises(ValidationError) as caught:
        Model.model_validate({"k" * 10_000: 1})
    ((where, _),) = describe(caught.value)
    assert len(where) <= 60
