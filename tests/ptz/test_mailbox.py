from agent.clock import Instant
from agent.ptz.mailbox import Letter, Mailbox
from agent.ptz.pilot import Drive, GoHome, Halt


def letter(command: Drive | GoHome | Halt) -> Letter:
    return Letter(command, Instant(0))


def test_the_newest_velocity_wins_and_the_older_one_is_told() -> None:
    box = Mailbox()
    old, new = letter(Drive(0.1, 0, 0)), letter(Drive(0.9, 0, 0))
    box.post(old)
    box.post(new)
    assert old.outcome.result(0) == "overtaken"
    assert box.take(0) is new
    assert box.take(0) is None


def test_a_stop_overtakes_everything_and_what_follows_it_comes_after_it() -> None:
    box = Mailbox()
    before, stop, after = letter(GoHome()), letter(Halt()), letter(Drive(0.1, 0, 0))
    for one in (before, stop, after):
        box.post(one)
    assert before.outcome.result(0) == "overtaken"
    assert [box.take(0), box.take(0)] == [stop, after]


def test_a_velocity_never_takes_the_place_of_a_stop() -> None:
    box = Mailbox()
    stop = letter(Halt())
    box.post(stop)
    for share in range(10):
        box.post(letter(Drive(share / 10, 0, 0)))
    assert box.take(0) is stop


def test_a_closed_box_wakes_who_waits_and_takes_nothing_more() -> None:
    box = Mailbox()
    box.close()
    assert box.take(60) is None
    late = letter(GoHome())
    box.post(late)
    assert late.outcome.done()
