from agent.clock import Instant, WallTime
from agent.live.views import CONNECT_S, Standing, over, remaining_s, terms

NOW = Instant(5 * 10**9)
WALL = WallTime(1_800_000_000 * 10**9, True, 1.0)
EXPIRES = 1_800_000_060
CONNECTED = Standing(connected=True, gone=False)


def later(seconds: float) -> tuple[Instant, WallTime]:
    return Instant(NOW + int(seconds * 1e9)), WallTime(WALL.utc_ns + int(seconds * 1e9), True, 1.0)


def test_a_view_lasts_as_long_as_its_grant() -> None:
    ours = terms(EXPIRES, NOW, WALL)
    assert over(ours, CONNECTED, *later(59.9)) is None
    assert over(ours, CONNECTED, *later(60)) == "grant-expired"
    assert remaining_s(ours, later(59)[0]) == 1
    assert remaining_s(ours, later(70)[0]) == 0


def test_setting_the_clock_back_prolongs_nothing() -> None:
    ours = terms(EXPIRES, NOW, WALL)
    assert over(ours, CONNECTED, later(60)[0], later(-3600)[1]) == "grant-expired"


def test_setting_the_clock_past_the_end_ends_the_view() -> None:
    assert over(terms(EXPIRES, NOW, WALL), CONNECTED, later(1)[0], later(61)[1]) == "grant-expired"


def test_a_clock_that_is_no_longer_trusted_ends_the_view() -> None:
    lost = WallTime(WALL.utc_ns, False, None, trusted=False)
    assert over(terms(EXPIRES, NOW, WALL), CONNECTED, NOW, lost) == "grant-expired"


def test_a_viewer_that_never_connects_or_vanishes_is_gone() -> None:
    ours = terms(EXPIRES, NOW, WALL)
    waiting = Standing(connected=False, gone=False)
    assert over(ours, waiting, *later(CONNECT_S)) is None
    assert over(ours, waiting, *later(CONNECT_S + 0.1)) == "connection-lost"
    assert over(ours, Standing(connected=True, gone=True), *later(1)) == "connection-lost"
