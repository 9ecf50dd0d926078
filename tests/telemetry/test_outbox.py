"""The outbox keeps order, loses only the oldest and says so, and never grows with an outage."""

from agent.telemetry.outbox import Outbox
from agent.telemetry.values import OutboxFacts, Publication


def _event(number: int) -> Publication:
    return Publication("event", str(number).encode(), retain=False)


def _waiting(outbox: Outbox) -> list[bytes]:
    return [event.payload for _, event in outbox.first(100)]


def test_an_event_stays_until_it_is_acknowledged() -> None:
    outbox = Outbox()
    for number in range(3):
        outbox.add(_event(number))
    assert _waiting(outbox) == _waiting(outbox) == [b"0", b"1", b"2"]
    outbox.done(outbox.first(2)[-1][0])
    assert _waiting(outbox) == [b"2"]


def test_a_full_outbox_loses_the_oldest_and_counts_it() -> None:
    outbox = Outbox(limit=3)
    for number in range(5):
        outbox.add(_event(number))
    assert _waiting(outbox) == [b"2", b"3", b"4"]
    assert outbox.facts() == OutboxFacts(waiting=3, dropped=2)


def test_an_acknowledgement_of_an_event_that_was_dropped_meanwhile_takes_no_other() -> None:
    outbox = Outbox(limit=2)
    outbox.add(_event(0))
    number = outbox.first(1)[0][0]
    for later in (1, 2, 3):
        outbox.add(_event(later))
    outbox.done(number)
    assert _waiting(outbox) == [b"2", b"3"]


def test_an_outage_keeps_only_the_newest_truth_of_each_topic() -> None:
    outbox = Outbox()
    for number in range(1000):
        outbox.set(Publication("health", str(number).encode(), retain=True))
        outbox.set(Publication("state", str(number).encode(), retain=True))
    told = [outbox.untold(), outbox.untold(), outbox.untold()]
    assert [one and one.payload for one in told] == [b"999", b"999", None]


def test_a_new_connection_is_told_all_again_and_a_change_on_the_way_is_not_lost() -> None:
    outbox = Outbox()
    outbox.set(Publication("health", b"1", retain=True))
    assert outbox.untold() is not None
    outbox.set(Publication("health", b"2", retain=True))
    newer = outbox.untold()
    assert newer is not None
    assert newer.payload == b"2"
    assert outbox.untold() is None
    outbox.tell_all_again()
    assert outbox.untold() == newer
