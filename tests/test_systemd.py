"""systemd hears what it must, and its watchdog starves when pictures stand still unnoticed."""

import os
import socket
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from agent import systemd
from agent.facts import MastFacts
from tests.telemetry.brokers import World


def _listen(address: str) -> socket.socket:
    heard = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
    heard.settimeout(5)
    heard.bind(address)
    return heard


@pytest.fixture(params=["path", "abstract"])
def manager(request: pytest.FixtureRequest, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[socket.socket]:
    """What systemd listens on."""
    if request.param == "path":
        address = str(tmp_path / "notify")
        monkeypatch.setenv("NOTIFY_SOCKET", address)
    else:
        address = f"\0vigie-test-{os.getpid()}"
        monkeypatch.setenv("NOTIFY_SOCKET", "@" + address[1:])
    with _listen(address) as heard:
        yield heard


def test_readiness_arrives(manager: socket.socket) -> None:
    assert systemd.notify("READY=1", "STATUS=two cameras")
    assert manager.recv(4096) == b"READY=1\nSTATUS=two cameras"


def test_a_reload_bears_its_time_in_one_message(manager: socket.socket) -> None:
    assert systemd.notify_reloading()
    first, second = manager.recv(4096).decode().split("\n")
    assert first == "RELOADING=1"
    assert int(second.removeprefix("MONOTONIC_USEC=")) > 0


@pytest.mark.parametrize("address", [None, "", "/nonexistent/notify", "vsock:2:1234"])
def test_without_a_manager_nothing_fails(address: str | None, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("NOTIFY_SOCKET", raising=False)
    if address is not None:
        monkeypatch.setenv("NOTIFY_SOCKET", address)
    assert not systemd.notify("READY=1")


@pytest.mark.parametrize(
    ("allowed_us", "process", "interval"),
    [
        ("20000000", None, 10.0),
        ("20000000", "own", 10.0),
        ("20000000", "1", None),
        ("0", None, None),
        ("soon", None, None),
        (None, None, None),
    ],
)
def test_the_watchdog_is_fed_twice_as_often_as_asked(
    allowed_us: str | None, process: str | None, interval: float | None, monkeypatch: pytest.MonkeyPatch
) -> None:
    pid = str(os.getpid()) if process == "own" else process
    for name, value in (("WATCHDOG_USEC", allowed_us), ("WATCHDOG_PID", pid)):
        monkeypatch.delenv(name, raising=False)
        if value is not None:
            monkeypatch.setenv(name, value)
    assert systemd.watchdog_interval() == interval


def _facts(**fields: Any) -> MastFacts:
    world = World()
    return replace(world.facts(), cameras=(replace(world.camera, **fields),))


def test_a_live_camera_whose_counter_stands_still_starves_the_watchdog() -> None:
    watchdog = systemd.Watchdog()
    fed = [watchdog.may_feed(_facts(frames=min(second, 20)), second) for second in range(40)]
    assert fed == [second <= 30 for second in range(40)]


def test_a_camera_known_to_be_lost_feeds_it_for_ever() -> None:
    watchdog = systemd.Watchdog()
    assert all(watchdog.may_feed(_facts(capture="lost"), second) for second in range(0, 100_000, 50))


def test_a_camera_that_starts_for_ever_starves_it() -> None:
    watchdog = systemd.Watchdog()
    fed = [watchdog.may_feed(_facts(capture="starting", frames=0), second) for second in range(80)]
    assert fed == [second <= 60 for second in range(80)]


def test_a_camera_that_comes_back_gets_its_time_to_deliver() -> None:
    watchdog = systemd.Watchdog()
    watchdog.may_feed(_facts(capture="lost"), 0)
    assert watchdog.may_feed(_facts(capture="live"), 500)
    assert watchdog.may_feed(_facts(capture="live"), 510)
    assert not watchdog.may_feed(_facts(capture="live"), 511)


def test_one_frozen_camera_among_moving_ones_starves_it() -> None:
    watchdog, world = systemd.Watchdog(), World()

    def both(second: int) -> MastFacts:
        moving = replace(world.camera, id="moving", frames=second)
        return replace(world.facts(), cameras=(moving, world.camera))

    fed = [watchdog.may_feed(both(second), second) for second in range(20)]
    assert fed == [second <= 10 for second in range(20)]


def test_a_frozen_camera_that_was_taken_away_is_forgotten() -> None:
    watchdog = systemd.Watchdog()
    watchdog.may_feed(_facts(), 0)
    watchdog.may_feed(replace(_facts(), cameras=()), 5)
    assert watchdog.may_feed(_facts(), 20)
