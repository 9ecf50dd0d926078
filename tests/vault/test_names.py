"""Names are unique, ordered, and read back as they were made."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from agent.vault.names import day_folder, next_name_ms, parse_name, segment_name

MOMENTS = st.integers(0, 253_402_300_799_999)  # up to the end of 9999


def test_the_name_is_the_contract_s() -> None:
    name = segment_name("parvis-fixed", 1795379831042)
    assert name == "segments/parvis-fixed/2026/11/22/20261122T203711.042Z.mp4.age"
    assert name.startswith(day_folder("parvis-fixed", 1795379831042) + "/")


@given(MOMENTS)
def test_a_name_reads_back(moment: int) -> None:
    assert parse_name(segment_name("lane", moment)) == ("lane", moment)


@given(MOMENTS, MOMENTS)
def test_names_sort_as_their_times(one: int, other: int) -> None:
    assert (segment_name("lane", one) < segment_name("lane", other)) == (one < other)


@given(st.lists(st.integers(0, 10_000), min_size=1))
def test_names_grow_however_the_clock_jumps(clock: list[int]) -> None:
    names: list[int] = []
    for now in clock:
        names.append(next_name_ms(now, names[-1] if names else None))
    assert names == sorted(set(names))
    assert names[0] == clock[0]


@pytest.mark.parametrize(
    "name",
    [
        "segments/lane/2026/11/22/20261122T203711.042Z.mp4.age.part",
        "segments/lane/2026/11/21/20261122T203711.042Z.mp4.age",  # another day's folder
        "segments/lane/2026/11/22/20261122T253711.042Z.mp4.age",  # no such hour
        "segments/lane/2026/11/22/20261122T203711.042Z.mp4.age\n",
        "segments/../2026/11/22/20261122T203711.042Z.mp4.age",
        "segments/LANE/2026/11/22/20261122T203711.042Z.mp4.age",
        "segments/lane/2026/11/22/٢0261122T203711.042Z.mp4.age",  # another alphabet's digit
        "notes.txt",
        "",
    ],
)
def test_a_foreign_name_is_none_of_ours(name: str) -> None:
    assert parse_name(name) is None
