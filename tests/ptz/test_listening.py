"""A head that streams its position as well: GetStatus dead, the stream dead, both, and both at odds."""

import logging
import time
from collections.abc import Iterator
from contextlib import contextmanager

import pytest

from agent.ptz.head import TurningHead
from agent.units import Blind, PoseSet
from agent.virtual.metadata import MetadataFaults
from agent.virtual.onvif_server import Faults
from agent.virtual.reports import Lies
from tests.ptz.device import Rig, virtual_head, wait_until
from tests.ptz.test_head import watch


@contextmanager
def listening(**rig: bool) -> Iterator[tuple[Rig, TurningHead]]:
    """A head that runs, once its stream keeps pace where there is one."""
    with virtual_head(**{"metadata": True, **rig}) as device:  # type: ignore[arg-type]
        head = device.turning_head()
        head.start()
        try:
            if device.device.options.metadata:
                wait_until(lambda: head.source == "metadata")
            wait_until(lambda: head.where() is not None)
            yield device, head
        finally:
            head.stop()
            assert not head._listener.alive


NO_STATUS = Faults(silent=True, operations=frozenset({"GetStatus"}))


def test_the_stream_keeps_pace_and_getstatus_becomes_a_cross_check() -> None:
    with listening() as (rig, head):
        before = rig.server.heard["GetStatus"]
        time.sleep(2.2)
        assert 1 <= rig.server.heard["GetStatus"] - before <= 4
        rig.sender.faults = MetadataFaults(silent=True)
        wait_until(lambda: head.source == "status")
        before = rig.server.heard["GetStatus"]
        time.sleep(1.2)
        assert rig.server.heard["GetStatus"] - before >= 5  # unsure: asked often, as without a stream


def test_with_getstatus_dead_the_stream_keeps_the_pose_and_with_both_dead_it_is_blind() -> None:
    with listening() as (rig, head):
        rig.server.faults = NO_STATUS
        watch(rig, head, 2)
        rig.head.velocity(time.monotonic(), pan=0.1, tilt=0.0, zoom=0.0, timeout_s=60.0)
        said = watch(rig, head, 6)  # longer than any answer of GetStatus would count
        known = [one for one in said if isinstance(one, PoseSet)]
        assert len(known) > 0.9 * len(said), {one for one in said if isinstance(one, Blind)}
        assert known[-1].pan_deg[0] > known[0].pan_deg[1] + 30, "the set does not follow the head"
        rig.head.stop(time.monotonic())
        rig.sender.faults = MetadataFaults(silent=True)
        said = watch(rig, head, 4.5)
        assert said[-1] == Blind("onvif-silent")
        rig.sender.faults = MetadataFaults()
        assert isinstance(watch(rig, head, 4)[-1], PoseSet)


SLOW = pytest.mark.slow


@pytest.mark.parametrize(
    "hostile", ["bomb", *(pytest.param(one, marks=SLOW) for one in ("broken", "nonsense", "huge", "binary", "empty"))]
)
def test_hostile_documents_cost_their_positions_and_nothing_else(hostile: str) -> None:
    with listening() as (rig, head):
        watch(rig, head, 1.5)
        rig.sender.faults = MetadataFaults(hostile=hostile)  # type: ignore[arg-type]
        said = watch(rig, head, 2.5)
        assert head.source == "status"
        assert isinstance(said[-1], PoseSet)
        rig.sender.faults = MetadataFaults()
        wait_until(lambda: head.source == "metadata")


@pytest.mark.parametrize(
    "lies", [pytest.param(Lies(offset=(40.0, 0.0, 0.0)), marks=SLOW), Lies(offset=(3.0, 0.0, 0.0))], ids=["far", "near"]
)
def test_a_stream_and_a_getstatus_that_contradict_each_other_blind(lies: Lies) -> None:
    with listening() as (rig, head):
        watch(rig, head, 3)
        rig.sender.reporter.set_lies(lies, time.monotonic())
        said = watch(rig, head, 3)
        assert isinstance(said[-1], Blind)
        assert said[-1].reason.startswith("contradiction")


@pytest.mark.slow
def test_a_stream_that_stands_still_while_the_picture_turns_blinds() -> None:
    with listening() as (rig, head):
        watch(rig, head, 3)
        rig.server.faults = NO_STATUS
        rig.sender.reporter.set_lies(Lies(frozen=True), time.monotonic())
        rig.head.velocity(time.monotonic(), pan=0.15, tilt=0.0, zoom=0.0, timeout_s=60.0)
        assert watch(rig, head, 3)[-1] == Blind("contradiction-picture")


def test_a_slow_getstatus_beside_a_quick_stream_does_not_blind_a_head_that_turns() -> None:
    with listening() as (rig, head):
        watch(rig, head, 2)
        rig.server.faults = Faults(slow_s=0.9, operations=frozenset({"GetStatus"}))
        rig.head.velocity(time.monotonic(), pan=0.15, tilt=0.0, zoom=0.0, timeout_s=60.0)
        said = watch(rig, head, 6)
        # a loaded machine may lose the pictures' thread, which is another reason and no contradiction
        assert {one.reason for one in said if isinstance(one, Blind)} <= {"moving-too-fast"}
        assert sum(isinstance(one, PoseSet) for one in said) > 0.9 * len(said), said[-1]


def test_a_stream_that_breaks_is_found_again(caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level(logging.WARNING), listening() as (rig, head):
        rig.call("stop", "rtsp")
        wait_until(lambda: head._listener.fault != "")
        wait_until(lambda: head.source == "status")
        rig.call("start", "rtsp")
        wait_until(lambda: head.source == "metadata", 30)
        assert head._listener.fault == ""
    assert "secret" not in caplog.text


def test_a_camera_without_the_stream_is_asked_as_ever_and_its_pictures_are_left_alone() -> None:
    with listening(metadata=False) as (rig, head):
        time.sleep(1.5)
        assert head.source == "status"
        assert rig.rtsp.heard == {}
        assert "GetStreamUri" not in rig.server.heard


def test_the_stream_s_address_on_another_host_is_asked_for_at_home() -> None:
    with virtual_head(metadata=True) as rig:
        rig.device.stream = rig.rtsp.url.replace("127.0.0.1", "192.0.2.1")
        client = rig.client()
        client.connect(10)
        link = client.metadata(5)
        assert link is not None
        assert link.url == rig.rtsp.url
        for odd in ("http://127.0.0.1/x", "rtsp://[", "", "rtsp://x/a b", "file:///etc/passwd"):
            rig.device.stream = odd
            assert client.metadata(5) is None
