"""What of an interval is not in the recordings, and why. Pure."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

LEAST_MS = 500
"""Shorter than this is no gap: two pictures of the slowest camera that the law allows lie 167 ms apart."""


@dataclass(frozen=True, slots=True)
class Span:
    """[from_ms, to_ms), UTC, and what is to be said of it."""

    from_ms: int
    to_ms: int
    cause: str = ""


def holes(covered: Iterable[tuple[int, int]], from_ms: int, to_ms: int) -> list[tuple[int, int]]:
    """The parts of [from_ms, to_ms) that are in none of `covered`, those of `LEAST_MS` or more."""
    found, reached = [], from_ms
    for start, end in sorted(covered):
        if min(start, to_ms) - reached >= LEAST_MS:
            found.append((reached, min(start, to_ms)))
        reached = max(reached, end)
    if to_ms - reached >= LEAST_MS:
        found.append((reached, to_ms))
    return found


def explain(hole: tuple[int, int], known: Sequence[Span]) -> tuple[str, ...]:
    """Why a hole is there: the causes of all known spans that touch it, else `not-recorded`."""
    start, end = hole
    causes = sorted({one.cause for one in known if one.from_ms < end and one.to_ms > start})
    return tuple(causes) or ("not-recorded",)
