import pytest

from agent.ptz.spaces import DEGREES, GENERIC, Spaces

SPACES = Spaces((-170.0, 170.0), (-30.0, 90.0), degrees=False)


@pytest.mark.parametrize(("x", "y", "degrees"), [(-1, -1, (-170, -30)), (0, 0, (0, 30)), (1, 1, (170, 90))])
def test_the_generic_space_runs_over_the_configured_range(x: float, y: float, degrees: tuple[float, float]) -> None:
    assert SPACES.degrees_of(x, y, GENERIC) == pytest.approx(degrees)
    assert SPACES.degrees_of(x, y, "") == pytest.approx(degrees)
    assert SPACES.position_of(*degrees)[:2] == pytest.approx((x, y))


def test_degrees_are_degrees() -> None:
    assert SPACES.degrees_of(12.5, -4, DEGREES) == (12.5, -4)
    assert Spaces((-180, 180), (-90, 90), degrees=True).position_of(12.5, -4) == (12.5, -4, DEGREES)


@pytest.mark.parametrize(
    ("x", "y", "space"),
    [
        (float("nan"), 0, ""),
        (0, float("inf"), DEGREES),
        (2, 0, ""),
        (0, -1.5, GENERIC),
        (0, 0, "http://x/Other"),
        (4000, 0, DEGREES),
        (0, 200, DEGREES),
    ],
)
def test_a_position_that_makes_no_sense_is_not_believed(x: float, y: float, space: str) -> None:
    assert SPACES.degrees_of(x, y, space) is None


def test_an_order_never_leaves_the_generic_space() -> None:
    assert SPACES.position_of(500, -500)[:2] == (1, -1)
