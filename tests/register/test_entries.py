"""Canonical JSON and entries: one value one text, every kind comes through, and nothing else does."""

import dataclasses
import json
import shutil
import subprocess

import pytest
from hypothesis import given
from hypothesis import strategies as st

from agent.errors import RegisterError
from agent.register.bodies import ConfigurationChanged, ViewRequested, ViewStarted
from agent.register.canonical import LARGEST, decode, encode
from agent.register.entries import (
    LONGEST_LINE,
    Moment,
    line_of,
    new_entry,
    parse_entry,
    place_of,
    split_line,
)
from agent.register.values import Ground, Person
from agent.register.words import KINDS as NAMED
from agent.register.words import details
from tests.register.rig import KINDS, sample

WHEN = Moment("2026-11-21T12:00:00.000Z", True, 1, 5)
JSON = st.recursive(
    st.none() | st.booleans() | st.integers(-LARGEST, LARGEST) | st.text(max_size=20),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text("abcXYZ_09", max_size=10), inner, max_size=4),
    max_leaves=20,
)


def entered(body: object) -> bytes:
    return new_entry(0, WHEN, "lievin", "lievin-042", None, body)[0]  # type: ignore[arg-type]


@given(JSON)
def test_what_is_encoded_is_decoded_to_the_same(value: object) -> None:
    assert decode(encode(value)) == value


@given(st.dictionaries(st.text("abc", max_size=4), st.integers(0, 9), max_size=5), st.randoms())
def test_the_order_of_keys_makes_no_difference(value: dict[str, int], chance: object) -> None:
    items = list(value.items())
    chance.shuffle(items)  # type: ignore[attr-defined]
    assert encode(dict(items)) == encode(value)


@given(st.binary(max_size=60) | st.text('{}[]":,0123456789.eE+-ab\\u nulltrue', max_size=40).map(str.encode))
def test_any_bytes_are_canonical_or_refused(raw: bytes) -> None:
    try:
        value = decode(raw)
    except ValueError:
        return
    assert encode(value) == raw


@pytest.mark.parametrize(
    "text",
    [
        '{"b":1,"a":2}',
        '{"a": 1}',
        '{"a":1,"a":1}',
        "1.0",
        "1e3",
        "NaN",
        "-0",
        "01",
        '"\\u0041"',
        '"\\ud800"',
        "[1,]",
        " 1",
        str(LARGEST + 1),
        '"\\/"',
        "[" * 100000,
    ],
)
def test_another_way_to_write_the_same_is_refused(text: str) -> None:
    with pytest.raises(ValueError):  # noqa: PT011
        decode(text.encode())


@pytest.mark.parametrize("value", [1.5, LARGEST + 1, {"é": 1}, {1: 1}, "\ud800", b"x", {"a": {1, 2}}])
def test_what_has_no_canonical_form_is_refused(value: object) -> None:
    with pytest.raises(ValueError):  # noqa: PT011
        encode(value)


@pytest.mark.skipif(shutil.which("jq") is None, reason="needs jq: apt install jq")
def test_jq_prints_the_same() -> None:
    text = entered(ViewStarted(camera="parvis", rendition='d\'été "x"\\', requested=3))
    done = subprocess.run(
        ["jq", "-cS", "."], input=json.dumps(json.loads(text)).encode(), check=True, capture_output=True
    )
    assert done.stdout.rstrip(b"\n") == text


@pytest.mark.parametrize("kind", KINDS, ids=lambda kind: kind.__name__)
def test_every_kind_comes_through_and_has_a_name_in_both_languages(kind: type) -> None:
    text = entered(sample(kind))
    entry = parse_entry(text)
    assert entry is not None
    assert entry.body == sample(kind)
    assert entry.text() == text
    assert all(NAMED[entry.kind])
    assert "\n" not in details(entry)


def test_the_list_of_names_has_no_kind_too_many() -> None:
    assert len(NAMED) == len(KINDS)


PERSON = Person("0042", "C. Durand", "PM")


@pytest.mark.parametrize(
    "body",
    [
        ViewStarted(camera="Parvis Nord", rendition="full", requested=1),
        ViewStarted(camera="parvis", rendition="full", requested=-1),
        ViewStarted(camera="parvis", rendition="full", requested=True),
        ViewStarted(camera="parvis", rendition="full", requested="1"),  # type: ignore[arg-type]
        ViewStarted(camera="parvis", rendition="a\nb", requested=1),
        ViewStarted(camera="parvis", rendition="x" * 501, requested=1),
        ConfigurationChanged(old=None, new="00"),
        ViewRequested("parvis", "full", 0, PERSON, Ground("event", "MC-118", " . ")),
        ViewRequested("parvis", "full", 0, PERSON, Ground("event", "", "attroupement")),
        ViewRequested("parvis", "full", 0, PERSON, Ground("curiosity", "MC-118", "attroupement")),  # type: ignore[arg-type]
        ViewRequested("parvis", "full", 0, Person("", "C. Durand", "PM"), Ground("event", "MC-118", "attroupement")),
        ViewStarted(camera="parvis", rendition="\ud800", requested=1),
    ],
)
def test_what_no_entry_may_say_is_refused(body: object) -> None:
    with pytest.raises(RegisterError):
        entered(body)


def test_the_largest_batch_of_recordings_fits_on_a_line() -> None:
    segment = dataclasses.replace(sample(KINDS[4]).segments[0], name="segments/" + "c" * 40 + "/2026/11/21/" + "x" * 30)  # type: ignore[attr-defined]
    sealed = dataclasses.replace(sample(KINDS[4]), segments=(segment,) * 128)  # type: ignore[type-var]
    assert len(line_of(entered(sealed), bytes(68))) < LONGEST_LINE


def test_an_entry_of_a_later_version_is_read_as_one_without_knowing_it() -> None:
    value = json.loads(entered(ViewStarted(camera="parvis", rendition="full", requested=3)))
    value["body"] = {"kind": "teleported"}
    text = encode(value)
    assert place_of(text).kind == "teleported"
    assert parse_entry(text) is None


@given(st.binary(max_size=200))
def test_any_bytes_as_a_line(raw: bytes) -> None:
    for line in (raw, line_of(raw, bytes(68))):
        try:
            text, signature = split_line(line)
        except ValueError:
            continue
        assert line_of(text, signature) == line
