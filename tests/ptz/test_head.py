"""The threads around a head: the virtual head really turns, is slow, silent, away, and told to stop."""

import threading
import time
from concurrent.futures import Future

import cv2
import numpy as np
import pytest

from agent.clock import Instant, SystemClock
from agent.errors import HeadRefused, HeadSilent
from agent.ptz.head import TurningHead
from agent.ptz.pilot import Drive, Go, GoPreset, Halt
from agent.units import Blind, Plane, PoseSet
from agent.virtual.onvif_server import Faults
from tests.ptz.device import Rig, virtual_head, wait_until

CLOCK = SystemClock()


def now() -> Instant:
    return CLOCK.instant()


@pytest.fixture
def rig():  # type: ignore[no-untyped-def]
    with virtual_head() as rig:
        yield rig


@pytest.fixture
def head(rig: Rig):  # type: ignore[no-untyped-def]
    head = rig.turning_head()
    head.start()
    wait_until(lambda: head.where() is not None)
    yield head
    head.stop()
    assert not head._listener.alive
    assert not any(thread.is_alive() for thread in head._threads)


def test_an_order_turns_the_head_and_the_reports_follow(rig: Rig, head: TurningHead) -> None:
    assert head.tell(Go(30.0, 5.0, 0.0), now()).result(5) == "done"
    wait_until(lambda: abs(rig.pan_deg - 30) < 0.01)
    wait_until(lambda: (found := head.where()) is not None and abs(found.pan_deg - 30) < 0.1 and not found.moving)


def test_it_asks_often_while_something_moves_and_seldom_at_rest(rig: Rig, head: TurningHead) -> None:
    def asked(seconds: float) -> int:
        before = rig.server.heard.get("GetStatus", 0)
        time.sleep(seconds)
        return rig.server.heard.get("GetStatus", 0) - before

    head._sure = True  # as when the pictures have confirmed the pose
    wait_until(lambda: now() > head._stirred_until)
    assert asked(2) <= 6
    head.tell(Drive(0.1, 0, 0), now()).result(5)
    assert asked(1.0) >= 6


def test_it_asks_often_when_the_pictures_show_that_it_sets_off_by_itself(rig: Rig, head: TurningHead) -> None:
    street = np.random.default_rng(4).integers(0, 255, (360, 900), np.uint8)
    street = cv2.GaussianBlur(street, (0, 0), 6)
    street = cv2.normalize(street, street, 0, 255, cv2.NORM_MINMAX)

    def shows(column: int, number: int) -> None:
        picture = np.ascontiguousarray(street[:, column : column + 640])
        head.picture(picture, now(), number / 25)

    wait_until(lambda: rig.server.heard.get("GetStatus", 0) > 0)
    head._sure = True  # as when the pictures have confirmed the pose
    for number in range(5):
        shows(0, number)
    wait_until(lambda: now() > head._stirred_until)
    lively = head._lively_until
    shows(8, 5)
    before = rig.server.heard["GetStatus"]
    time.sleep(1.0)
    assert rig.server.heard["GetStatus"] >= before + 6
    assert head._lively_until == lively  # a mast that sways is no head that has not arrived
    for number in range(6, 11):
        shows(8, number)
    assert head._stands
    wait_until(lambda: now() > head._stirred_until)


def test_a_status_that_takes_seconds_does_not_hold_up_a_stop(rig: Rig, head: TurningHead) -> None:
    head.tell(Drive(0.3, 0, 0), now()).result(5)
    rig.server.faults = Faults(slow_s=30, operations=frozenset({"GetStatus"}))
    time.sleep(0.3)  # a question is under way
    began = time.monotonic()
    assert head.tell(Halt(), now()).result(5) == "done"
    assert time.monotonic() - began < 1.0
    wait_until(lambda: not rig.turning, 3)


def test_an_order_that_takes_seconds_does_not_hold_up_a_stop(rig: Rig, head: TurningHead) -> None:
    head.tell(Drive(0.3, 0, 0), now()).result(5)
    rig.server.faults = Faults(slow_s=30, operations=frozenset({"ContinuousMove"}))
    slow = head.tell(Drive(0.4, 0, 0), now())
    time.sleep(0.05)
    began = time.monotonic()
    assert head.tell(Halt(), now()).result(5) == "done"
    assert time.monotonic() - began < 0.9
    with pytest.raises(HeadSilent):
        slow.result(5)


def test_a_stop_that_gets_no_answer_is_told_again(rig: Rig, head: TurningHead) -> None:
    head.tell(Drive(0.3, 0, 0), now()).result(5)
    rig.server.faults = Faults(silent=True, operations=frozenset({"Stop"}))
    stop = head.tell(Halt(), now())
    wait_until(lambda: rig.server.heard.get("Stop", 0) >= 2)
    rig.server.faults = Faults()
    assert stop.result(10) == "done"


def test_orders_leave_within_thirty_milliseconds_of_their_arrival_at_the_ninety_fifth_of_a_hundred(
    head: TurningHead,
) -> None:
    head.tell(Halt(), now()).result(5)
    head.latencies_s.clear()
    for index in range(60):
        head.tell(Drive(0.1 + index / 1000, 0, 0), now()).result(5)
        time.sleep(0.02)
    found = sorted(head.latencies_s)
    assert len(found) == 60
    assert found[int(0.95 * len(found))] < 0.2  # the figure itself is for the bench, on a machine of its own


def test_the_newest_of_many_velocities_reaches_the_head_and_the_rest_are_told(rig: Rig, head: TurningHead) -> None:
    rig.server.faults = Faults(slow_s=0.2, operations=frozenset({"ContinuousMove"}))
    before = rig.server.heard.get("ContinuousMove", 0)
    told = [head.tell(Drive(index / 100, 0, 0), now()) for index in range(1, 40)]
    assert told[-1].result(5) == "done"
    assert sum(one.result(5) == "overtaken" for one in told) >= 36
    assert rig.server.heard["ContinuousMove"] - before <= 3


def test_a_head_that_goes_away_is_silent_and_is_found_again(rig: Rig, head: TurningHead) -> None:
    rig.call("stop")
    with pytest.raises(HeadSilent):
        head.tell(Go(1.0, 1.0, None), now()).result(10)
    wait_until(lambda: head.fault != "")
    rig.call("start")
    wait_until(lambda: head.fault == "", 20)
    assert head.tell(Go(1.0, 1.0, None), now()).result(10) == "done"


def test_presets_by_name_by_token_and_unknown(rig: Rig, head: TurningHead) -> None:
    head.tell(Go(15.0, 0.0, 0.0), now()).result(5)
    wait_until(lambda: abs(rig.pan_deg - 15) < 0.01)
    token = head.set_preset("marché").result(5)
    assert head.set_preset("marché").result(5) == token  # the same one again, not a second of that name
    head.tell(Go(0.0, 0.0, 0.0), now()).result(5)
    wait_until(lambda: abs(rig.pan_deg) < 0.01)
    assert head.tell(GoPreset("marché"), now()).result(5) == "done"
    wait_until(lambda: abs(rig.pan_deg - 15) < 0.01)
    assert head.tell(GoPreset(str(token)), now()).result(5) == "done"
    with pytest.raises(HeadRefused):
        head.tell(GoPreset("nowhere"), now()).result(5)


def test_chores_are_bounded_and_refused_when_the_head_is_away(rig: Rig, head: TurningHead) -> None:
    rig.call("stop")
    asked: list[Future[object]] = [head.presets() for _ in range(20)]
    for one in asked:
        with pytest.raises(HeadSilent):
            one.result(20)


def test_stopping_the_agent_stops_the_head(rig: Rig) -> None:
    head = rig.turning_head()
    head.start()
    wait_until(lambda: head.where() is not None)
    head.tell(Drive(0.2, 0, 0), now()).result(5)
    before = rig.server.heard.get("Stop", 0)
    head.stop()
    assert rig.server.heard["Stop"] > before


def test_a_head_that_was_never_there_lets_the_agent_stop(rig: Rig) -> None:
    head = rig.turning_head()
    rig.call("stop")
    head.start()
    told = head.tell(Drive(0.2, 0, 0), now())
    with pytest.raises(HeadSilent):
        told.result(10)
    began = time.monotonic()
    head.stop()
    assert time.monotonic() - began < 8


def picture(rig: Rig) -> Plane:
    """A wide drawing that turns with the head, so that the picture is the truth."""
    columns = int(rig.pan_deg * 704 / 60)
    return np.ascontiguousarray(np.roll(WALL, -columns, axis=1)[:, :704])


WALL: Plane = cv2.resize(
    np.random.default_rng(3).integers(0, 255, (32, 235), np.uint8), (4224, 576), interpolation=cv2.INTER_CUBIC
).astype(np.uint8)


def watch(rig: Rig, head: TurningHead, seconds: float) -> list[PoseSet | Blind]:
    """Pictures at 25 a second, each judged once it was held."""
    said: list[PoseSet | Blind] = []
    held: list[Instant] = []
    until = time.monotonic() + seconds
    while time.monotonic() < until:
        taken = now()
        head.picture(picture(rig), taken, taken / 1e9)
        held.append(taken)
        while held and now() - held[0] > head.hold_s * 1e9:
            said.append(head.judge(held.pop(0)))
        time.sleep(0.04)
    return said


def test_pictures_and_reports_of_a_real_endpoint_become_a_narrow_set(rig: Rig, head: TurningHead) -> None:
    said = watch(rig, head, 4)
    last = said[-1]
    assert isinstance(last, PoseSet)
    assert last.pan_deg[0] <= 0 <= last.pan_deg[1]
    assert last.pan_deg[1] - last.pan_deg[0] < 1.0


def test_a_head_that_turns_without_saying_so_is_blind(rig: Rig, head: TurningHead) -> None:
    from agent.virtual.reports import Lies

    watch(rig, head, 3)
    rig.reporter.set_lies(Lies(frozen=True), time.monotonic())
    rig.head.velocity(time.monotonic(), pan=0.15, tilt=0.0, zoom=0.0, timeout_s=60.0)
    said = watch(rig, head, 3)
    assert said[-1] == Blind("contradiction-picture")


def test_the_threads_carry_the_camera_s_name(head: TurningHead) -> None:
    assert {"ptz-ask-parvis-ptz", "ptz-order-parvis-ptz"} <= {one.name for one in threading.enumerate()}
