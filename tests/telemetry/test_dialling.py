"""How the broker is called again: never in a rush, never in step, and in a version that it speaks."""

from random import Random

import pytest

from agent.telemetry.dialling import Dialling


def _dialling(**known: float) -> Dialling:
    return Dialling(Random(7).random, **known)


def test_delays_double_up_to_the_limit_and_are_jittered() -> None:
    dialling = _dialling()
    delays = [dialling.failed("other") for _ in range(40)]
    for number, delay in enumerate(delays):
        whole = min(60.0, 2.0**number)
        assert whole / 2 <= delay <= whole
    assert len(set(delays[10:])) > 20


def test_a_broker_that_accepts_and_hangs_up_is_called_ever_more_slowly() -> None:
    dialling = _dialling()
    delays = []
    for _ in range(8):
        dialling.connected()
        delays.append(dialling.ended(held_s=0.1))
    assert delays[-1] >= 30


def test_a_connection_that_held_starts_the_row_anew() -> None:
    dialling = _dialling()
    for _ in range(8):
        dialling.failed("other")
    assert dialling.ended(held_s=3600) <= 1.0


def test_a_refused_version_is_left_at_once_and_for_good() -> None:
    dialling = _dialling()
    assert dialling.failed("version") == 0
    assert dialling.protocol == "3.1.1"
    dialling.connected()
    dialling.ended(held_s=5)
    dialling.failed("other")
    assert dialling.protocol == "3.1.1"


def test_a_silent_broker_is_asked_in_the_other_version_and_next_time_in_mqtt_5_again() -> None:
    dialling = _dialling()
    assert dialling.failed("silent") == 0
    assert dialling.protocol == "3.1.1"
    dialling.connected()
    dialling.ended(held_s=5)
    assert dialling.protocol == "5"
    assert dialling.failed("silent") == 0


def test_a_known_broker_that_falls_silent_once_is_not_downgraded() -> None:
    dialling = _dialling()
    dialling.connected()
    dialling.ended(held_s=5)
    assert dialling.failed("silent") > 0
    assert dialling.protocol == "5"
    dialling.failed("silent")
    assert dialling.protocol == "3.1.1"


@pytest.mark.parametrize("why", ["silent", "version"])
def test_a_broker_that_answers_in_no_version_is_not_hammered(why: str) -> None:
    dialling = _dialling()
    delays = [dialling.failed(why) for _ in range(12)]  # type: ignore[arg-type]
    assert delays.count(0) == 1
    assert delays[-1] >= 30


def test_an_unknown_broker_gets_less_time_to_answer() -> None:
    dialling = _dialling()
    before = dialling.answer_s
    dialling.connected()
    assert dialling.answer_s > before
