import pytest

from agent.clock import Instant
from agent.errors import OrderRefused
from agent.ptz.lease import FLOOD, MOST_HOLDERS, Flood, Holder, Lease

S = 10**9
ONE, TWO, BOSS = Holder("one", 0), Holder("two", 0), Holder("boss", 5)


def test_a_second_holder_is_told_until_when_to_wait() -> None:
    lease = Lease(10)
    lease.claim(ONE, Instant(0))
    with pytest.raises(OrderRefused) as found:
        lease.claim(TWO, Instant(4 * S))
    assert (found.value.status, found.value.word, found.value.until_s) == (409, "held", 6.0)
    lease.claim(ONE, Instant(9 * S))  # each order begins the lease anew
    with pytest.raises(OrderRefused):
        lease.claim(TWO, Instant(18 * S))
    assert lease.claim(TWO, Instant(19 * S)).number == 2


def test_a_higher_priority_takes_over_and_the_other_way_round_it_does_not() -> None:
    lease = Lease()
    lease.claim(ONE, Instant(0))
    assert lease.claim(BOSS, Instant(S)).holder == BOSS
    with pytest.raises(OrderRefused):
        lease.claim(ONE, Instant(2 * S))
    with pytest.raises(OrderRefused):
        lease.claim(Holder("other-boss", 5), Instant(2 * S))


def test_a_head_that_is_let_go_is_free_at_once() -> None:
    lease = Lease()
    lease.claim(ONE, Instant(0))
    lease.release()
    assert lease.held(Instant(1)) is None
    assert lease.claim(TWO, Instant(1)).holder == TWO


def test_the_same_holder_keeps_number_and_beginning() -> None:
    lease = Lease()
    first = lease.claim(ONE, Instant(0))
    again = lease.claim(ONE, Instant(S))
    assert (again.number, again.since) == (first.number, first.since)


def test_a_flood_is_refused_and_counted_and_others_are_not_touched() -> None:
    flood = Flood()
    for _ in range(FLOOD):
        flood.count("one", Instant(0))
    with pytest.raises(OrderRefused) as found:
        flood.count("one", Instant(0))
    assert found.value.status == 429
    assert flood.refused == 1
    flood.count("two", Instant(0))
    flood.count("one", Instant(S // FLOOD + 1))


def test_twenty_a_second_for_a_minute_is_no_flood() -> None:
    flood = Flood()
    for index in range(1200):
        flood.count("one", Instant(index * S // 20))
    assert flood.refused == 0


def test_a_thousand_grants_do_not_fill_the_memory() -> None:
    flood = Flood()
    for index in range(5 * MOST_HOLDERS):
        flood.count(str(index), Instant(index))
    assert len(flood._buckets) <= MOST_HOLDERS
