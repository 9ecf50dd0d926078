"""The ONVIF client against the virtual head: logins, spaces, orders, and answers that no device should give."""

import gc
import threading
import time
import tracemalloc
from urllib.parse import urlsplit

import psutil
import pytest
from zeep.xsd import Element

from agent.clock import SystemClock
from agent.errors import HeadError, HeadRefused, HeadSilent
from agent.ptz.onvif import OnvifClient
from agent.ptz.wire import MOST_BYTES
from agent.virtual.onvif_answers import SpaceChoice
from agent.virtual.onvif_device import Login
from agent.virtual.onvif_server import Faults, Hostile
from tests.ptz.device import RANGES, Rig, virtual_head, wait_until


@pytest.mark.parametrize("login", ["ws", "digest", "either", "none"])
@pytest.mark.parametrize("skew_s", [0.0, 86_400.0, -40_000.0])
def test_each_login_works_however_wrong_the_camera_s_clock_is(login: Login, skew_s: float) -> None:
    with virtual_head(login, skew_s) as rig:
        client = rig.client()
        client.connect(10)
        assert client.connected
        assert client.report(5).pan_deg == pytest.approx(0, abs=0.01)
        client.stop(5)
        assert rig.server.heard["Stop"] >= 1


def test_no_picture_waits_while_the_descriptions_of_services_are_looked_through_for_garbage() -> None:
    with virtual_head() as rig:
        client = rig.client()
        client.connect(10)
        assert client.report(5).pan_deg == pytest.approx(0, abs=0.01)
    described = sum(isinstance(one, Element) for one in gc.get_objects())
    assert described < 10
    assert gc.get_freeze_count() > 10_000


@pytest.mark.parametrize("login", ["ws", "digest"])
def test_a_wrong_password_is_refused_and_never_told(login: Login) -> None:
    with virtual_head(login) as rig:
        client = rig.client("hunter2-wrong")
        with pytest.raises(HeadRefused) as found:
            client.connect(10)
        assert "hunter2" not in str(found.value)
        assert "user name or password" in str(found.value)
        assert "password_file" in str(found.value)
        assert rig.server.heard["GetProfiles"] <= 2
        assert open_sockets_to(rig.server.url) == 0


def test_a_head_that_wants_a_login_says_so_to_who_has_none() -> None:
    with virtual_head("ws") as rig:
        client = OnvifClient(rig.server.url, "", "", SystemClock(), RANGES)
        with pytest.raises(HeadRefused, match="username and password_file"):
            client.connect(10)
        assert open_sockets_to(rig.server.url) == 0


def test_a_refusal_that_is_no_matter_of_the_password_keeps_the_head_s_own_reason() -> None:
    with virtual_head() as rig:
        client = rig.client()
        client.connect(10)
        with pytest.raises(HeadRefused) as found:
            client.go_preset("nowhere", 5)
        assert "password" not in str(found.value)


def open_sockets_to(url: str) -> int:
    """How many connections of this process to that port are open."""
    port = urlsplit(url).port
    held = psutil.Process().net_connections("tcp")
    return len([one for one in held if one.raddr and one.raddr.port == port])


@pytest.mark.parametrize("spaces", ["generic", "degrees", "both"])
def test_positions_mean_the_same_degrees_in_every_space(spaces: SpaceChoice) -> None:
    with virtual_head(spaces=spaces) as rig:
        client = rig.client()
        client.connect(10)
        client.go(12.5, -7.25, 0.4, 5)
        wait_until(lambda: client.report(5).zoom == pytest.approx(0.4, abs=0.001))
        report = client.report(5)
        assert (report.pan_deg, report.tilt_deg, report.zoom) == pytest.approx((12.5, -7.25, 0.4), abs=0.01)
        wait_until(lambda: client.report(5).moving is False)
        assert report.asked < report.received


def test_a_velocity_ends_by_itself_when_nothing_follows() -> None:
    with virtual_head() as rig:
        client = rig.client()
        client.connect(10)
        client.drive(0.1, 0, 0, 5)
        wait_until(lambda: rig.turning)
        assert client.report(5).moving in (True, False)
        wait_until(lambda: not rig.turning, 5)
        assert rig.pan_deg < 20


def test_a_head_that_tells_no_movestatus_is_taken_as_saying_nothing() -> None:
    with virtual_head(move_status=False) as rig:
        client = rig.client()
        client.connect(10)
        assert client.report(5).moving is None


def test_presets_are_set_listed_and_gone_to() -> None:
    with virtual_head() as rig:
        client = rig.client()
        client.connect(10)
        client.go(20, 5, 0.0, 5)
        wait_until(lambda: abs(rig.pan_deg - 20) < 0.01)
        token = client.set_preset("marché", "", 5)
        (preset,) = client.presets(5)
        assert (preset.token, preset.name) == (token, "marché")
        assert preset.pan_deg == pytest.approx(20, abs=0.01)
        client.go_home(5)
        wait_until(lambda: abs(rig.pan_deg) < 0.01)
        client.go_preset(token, 5)
        wait_until(lambda: abs(rig.pan_deg - 20) < 0.01)
        with pytest.raises(HeadRefused):
            client.go_preset("nowhere", 5)


def silenced(rig: Rig, **fault: object) -> float:
    """Seconds until a report under `fault` is given up."""
    client = rig.client()
    client.connect(10)
    rig.server.faults = Faults(**fault)  # type: ignore[arg-type]
    began = time.monotonic()
    with pytest.raises(HeadError):
        client.report(1.0)
    taken = time.monotonic() - began
    rig.server.faults = Faults()
    assert client.report(5).zoom == pytest.approx(0)
    return taken


@pytest.mark.parametrize("hostile", ["broken", "empty", "html", "huge", "drip", "bomb", "nonsense", "error"])
def test_a_hostile_answer_is_silence_in_time_and_in_bounds_and_the_next_good_one_counts(hostile: Hostile) -> None:
    with virtual_head() as rig:
        tracemalloc.start()
        try:
            assert silenced(rig, hostile=hostile) < 5
            assert tracemalloc.get_traced_memory()[1] < 40 * MOST_BYTES
        finally:
            tracemalloc.stop()


@pytest.mark.parametrize("fault", [{"silent": True}, {"slow_s": 30.0}], ids=["silent", "slow"])
def test_a_head_that_does_not_answer_is_given_up_by_the_deadline(fault: dict[str, object]) -> None:
    with virtual_head() as rig:
        assert 0.9 < silenced(rig, **fault) < 5


def test_a_head_that_is_away_is_silent_and_found_again() -> None:
    with virtual_head() as rig:
        client = rig.client()
        client.connect(10)
        rig.call("stop")
        with pytest.raises(HeadSilent):
            client.report(2)
        rig.call("start")
        assert client.report(5).zoom == pytest.approx(0)


def test_a_service_address_on_another_host_gets_no_credentials() -> None:
    with virtual_head() as rig:
        client = rig.client()
        rig.device.base = "http://192.0.2.1:1"
        client.connect(10)  # the path is taken, the host is not
        assert client.connected


def test_another_thread_can_cut_what_is_under_way() -> None:
    with virtual_head() as rig:
        client = rig.client()
        client.connect(10)
        rig.server.faults = Faults(silent=True)
        threading.Timer(0.3, client.cut).start()
        began = time.monotonic()
        with pytest.raises(HeadSilent):
            client.report(20)
        assert time.monotonic() - began < 10
