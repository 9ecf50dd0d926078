"""Hand-overs that fill up: nothing blocks the producer, what is lost is counted, what comes out decodes."""

import threading
from itertools import pairwise
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from agent.clock import Instant, WallTime
from agent.queues import GopQueue, LatestFrame
from agent.units import AccessUnit, Burned, Frame

WALL = WallTime(1_795_000_000 * 10**9, synchronised=True, error_ms=1.0)
FOREVER_S = 30.0


def frame(number: int) -> Frame:
    """The `number`th picture of a camera."""
    planes = (np.zeros((2, 2), np.uint8),)
    return Frame("a", planes, "gray", 2, 2, False, Instant(number), WALL, number * 3600, 1, None)


def unit(number: int, *, keyframe: bool = False, size_bytes: int = 10) -> AccessUnit:
    """The `number`th encoded picture of a camera."""
    return AccessUnit("a", bytes(size_bytes), keyframe, number * 3600, 2, 2, Instant(number), WALL, 1, Burned(0.1))


def numbers(queue: GopQueue) -> list[int]:
    """What waits, as the pictures' numbers."""
    found = []
    while (one := queue.get()) is not None:
        found.append(one.pts_90k // 3600)
    return found


# --- LatestFrame ---


def test_a_newer_frame_replaces_the_one_that_nobody_fetched() -> None:
    place = LatestFrame()
    for number in range(5):
        place.put(frame(number))
    found = place.get(0)
    assert found is not None
    assert found.taken == 4
    assert place.dropped == 4
    assert place.get(0) is None


def test_a_burst_within_the_depth_loses_nothing_and_keeps_its_order() -> None:
    place = LatestFrame(3)
    for number in range(4):
        place.put(frame(number))
    assert [one.taken for one in (place.get(0), place.get(0), place.get(0)) if one] == [1, 2, 3]
    assert place.dropped == 1


def test_whoever_waits_for_a_frame_gets_it_and_is_woken_by_the_end() -> None:
    place = LatestFrame()
    seen: list[Frame | None] = []
    waiting = threading.Thread(target=lambda: seen.extend([place.get(FOREVER_S), place.get(FOREVER_S)]))
    waiting.start()
    place.put(frame(7))
    while not seen and place._frames:  # until the waiting thread has fetched it
        threading.Event().wait(0.001)
    place.close()
    waiting.join(FOREVER_S)
    assert not waiting.is_alive()
    assert [one and one.taken for one in seen] == [7, None]


def test_what_waited_at_the_end_can_still_be_fetched() -> None:
    place = LatestFrame()
    place.put(frame(1))
    place.close()
    assert place.get(FOREVER_S) is not None
    assert place.get(FOREVER_S) is None


# --- GopQueue ---


def test_nothing_comes_out_before_the_first_keyframe_and_that_is_no_loss() -> None:
    queue = GopQueue(10)
    for number in range(3):
        queue.put(unit(number))
    queue.put(unit(3, keyframe=True))
    queue.put(unit(4))
    assert numbers(queue) == [3, 4]
    assert queue.dropped == 0


def test_a_full_queue_forgets_and_goes_on_at_the_next_keyframe() -> None:
    queue = GopQueue(3)
    queue.put(unit(0, keyframe=True))
    for number in (1, 2, 3, 4):
        queue.put(unit(number))
    queue.put(unit(5, keyframe=True))
    queue.put(unit(6))
    assert numbers(queue) == [5, 6]
    assert queue.dropped == 5


def test_a_keyframe_that_finds_the_queue_full_starts_it_anew() -> None:
    queue = GopQueue(2)
    queue.put(unit(0, keyframe=True))
    queue.put(unit(1))
    queue.put(unit(2, keyframe=True))
    assert numbers(queue) == [2]
    assert queue.dropped == 2


def test_bytes_fill_the_queue_too() -> None:
    queue = GopQueue(1000, limit_bytes=100)
    queue.put(unit(0, keyframe=True, size_bytes=60))
    queue.put(unit(1, size_bytes=40))
    queue.put(unit(2, size_bytes=1))
    assert numbers(queue) == []
    assert queue.dropped == 3
    queue.put(unit(3, keyframe=True, size_bytes=60))
    queue.put(unit(4, size_bytes=40))
    assert numbers(queue) == [3, 4]


def test_fetched_bytes_make_room() -> None:
    queue = GopQueue(1000, limit_bytes=100)
    queue.put(unit(0, keyframe=True, size_bytes=60))
    for number in range(1, 50):
        assert queue.get() is not None
        queue.put(unit(number, size_bytes=60))
    assert queue.dropped == 0


def test_a_closed_queue_takes_no_more_and_gives_what_it_has() -> None:
    queue = GopQueue(10)
    queue.put(unit(0, keyframe=True))
    queue.close()
    queue.put(unit(1))
    assert queue.closed
    assert numbers(queue) == [0]
    assert queue.get(FOREVER_S) is None


def test_the_consumer_is_told_of_each_unit_and_of_the_end_and_of_nothing_else() -> None:
    told: list[int] = []
    queue = GopQueue(2, on_ready=lambda: told.append(1))
    queue.put(unit(0))
    assert len(told) == 0
    queue.put(unit(1, keyframe=True))
    assert len(told) == 1
    queue.close()
    assert len(told) == 2


def test_the_consumer_may_fetch_within_the_very_call_that_tells_it() -> None:
    # a lock held while telling would stop here for ever
    seen: list[Any] = []
    queue = GopQueue(2, on_ready=lambda: seen.append(queue.get()))
    other = threading.Thread(target=lambda: queue.put(unit(0, keyframe=True)))
    other.start()
    other.join(FOREVER_S)
    assert not other.is_alive()
    assert seen[0].keyframe


def test_a_consumer_that_waits_is_woken_by_a_unit_and_by_the_end() -> None:
    queue = GopQueue(10)
    seen: list[AccessUnit | None] = []
    fetched = threading.Event()

    def consume() -> None:
        seen.append(queue.get(FOREVER_S))
        fetched.set()
        seen.append(queue.get(FOREVER_S))

    waiting = threading.Thread(target=consume)
    waiting.start()
    queue.put(unit(0, keyframe=True))
    assert fetched.wait(FOREVER_S)
    queue.close()
    waiting.join(FOREVER_S)
    assert not waiting.is_alive()
    assert [one is None for one in seen] == [False, True]


STEPS = st.lists(st.tuples(st.sampled_from(["key", "delta", "get"]), st.integers(1, 60)), max_size=120)


@given(STEPS, st.integers(1, 6), st.integers(60, 200))
def test_whatever_is_lost_what_comes_out_decodes_and_every_unit_is_accounted_for(
    steps: list[tuple[str, int]], limit_units: int, limit_bytes: int
) -> None:
    queue = GopQueue(limit_units, limit_bytes)
    out: list[int] = []
    keys: set[int] = set()
    put = 0
    for kind, size_bytes in steps:
        if kind == "get":
            if (one := queue.get()) is not None:
                out.append(one.pts_90k // 3600)
        else:
            if kind == "key":
                keys.add(put)
            queue.put(unit(put, keyframe=kind == "key", size_bytes=size_bytes))
            put += 1
        assert len(queue._units) <= limit_units
        assert queue._bytes == sum(len(one.data) for one in queue._units) <= limit_bytes
    out += numbers(queue)
    for before, number in zip([-2, *out], out, strict=False):
        assert number in keys or number - 1 == before  # either it decodes alone, or it follows what it refers to
    first = min(keys, default=put)
    assert len(out) + queue.dropped == put - first


@pytest.mark.parametrize("limit_units", [1, 7])
def test_two_threads_lose_no_unit_without_counting_it(limit_units: int) -> None:
    queue = GopQueue(limit_units)
    out: list[int] = []

    def consume() -> None:
        while not (queue.closed and not queue._units):
            if (one := queue.get(0.01)) is not None:
                out.append(one.pts_90k // 3600)

    consumer = threading.Thread(target=consume)
    consumer.start()
    for number in range(5000):
        queue.put(unit(number, keyframe=number % 25 == 0))
    queue.close()
    consumer.join(FOREVER_S)
    assert not consumer.is_alive()
    assert len(out) + queue.dropped == 5000
    assert all(b == a + 1 or b % 25 == 0 for a, b in pairwise(out))
