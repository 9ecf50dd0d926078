"""Laying what is there against what was signed."""

from itertools import combinations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from agent.signing.alignment import Alignment, align


def lay(found: str, signed: str) -> Alignment:
    return align([{one.encode()} for one in found], [one.encode() for one in signed])


@pytest.mark.parametrize(
    ("found", "signed", "laid"),
    [
        ("abcd", "abcd", Alignment((0, 1, 2, 3), 0, 0, 0, 0)),
        ("abd", "abcd", Alignment((0, 1, 2), 0, 0, 0, 1)),  # one is gone
        ("abxd", "abcd", Alignment((0, 1, 3), 0, 1, 0, 0)),  # one is another
        ("abxcd", "abcd", Alignment((0, 1, 3, 4), 0, 1, 0, 0)),  # one is added
        ("acbd", "abcd", Alignment((0, 1, 3), 0, 0, 1, 0)),  # two are swapped
        ("xabcd", "abcd", Alignment((1, 2, 3, 4), 1, 0, 0, 0)),  # one before
        ("xbcd", "abcd", Alignment((1, 2, 3), 1, 0, 0, 0)),  # the first is another
        ("aabb", "aabb", Alignment((0, 1, 2, 3), 0, 0, 0, 0)),  # equal slices in their order
        ("aab", "aabb", Alignment((0, 1, 2), 0, 0, 0, 1)),
        ("", "abcd", Alignment((), 0, 0, 0, 4)),
        ("xyz", "", Alignment((), 3, 0, 0, 0)),
    ],
)
def test_what_was_done_is_counted(found: str, signed: str, laid: Alignment) -> None:
    if found == "acbd":  # either of the two may count as the moved one
        got = lay(found, signed)
        assert (len(got.matched), got.moved, got.altered, got.missing) == (3, 1, 0, 0)
    else:
        assert lay(found, signed) == laid


@given(st.permutations("abcdefg").map("".join), st.text("abcdefgxyz", max_size=7))
def test_the_longest_row_is_kept(signed: str, found: str) -> None:
    laid = lay(found, signed)
    once = [one for at, one in enumerate(found) if one in signed and one not in found[:at]]
    places = [signed.index(one) for one in once]
    longest = max(n for n in range(len(places) + 1) for row in combinations(places, n) if list(row) == sorted(row))
    assert len(laid.matched) == longest
    assert laid.matched == tuple(sorted(set(laid.matched)))
    assert len(laid.matched) + laid.head + laid.altered + laid.moved == len(found)
    intact = found == signed
    assert intact == (laid == Alignment(tuple(range(7)), 0, 0, 0, 0))
