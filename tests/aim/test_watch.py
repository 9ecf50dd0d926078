"""The watch on made pictures: what the street's life does not bring about by itself."""

from dataclasses import replace

import cv2
import numpy as np
import pytest

from agent.aim.edges import Look, hidden_area, look
from agent.aim.match import Offset, match
from agent.aim.references import AimState, Lost, Reference
from agent.aim.watch import MOST_REFERENCES, MOST_SLACK_PX, STEP_SLACK_PX, AimLost, Learned, News, Watch
from agent.units import Blind

WIDTH, HEIGHT = 640, 360
HIDDEN = hidden_area(np.zeros((HEIGHT, WIDTH), np.uint8), 12)


def scene(seed: int = 1) -> np.ndarray:
    """A made street: boxes of all sizes."""
    random = np.random.default_rng(seed)
    picture = np.full((HEIGHT, WIDTH), 120, np.uint8)
    for _ in range(90):
        x, y, wide, tall = (int(random.integers(0, most)) for most in (WIDTH, HEIGHT, 120, 90))
        cv2.rectangle(picture, (x, y), (x + wide, y + tall), int(random.integers(20, 235)), -1)
    return np.asarray(cv2.GaussianBlur(picture, (5, 5), 1.5), np.uint8)


def seen(luma: np.ndarray, x: float = 0.0, y: float = 0.0) -> Look:
    """A look at it, moved by small pixels."""
    to = np.array([[1, 0, x * 4], [0, 1, y * 4.0]])
    moved = cv2.warpAffine(luma, to, (WIDTH, HEIGHT), borderMode=cv2.BORDER_REFLECT)
    return look(np.asarray(moved, np.uint8), HIDDEN)


def kept(sight: Look, **more: object) -> Reference:
    return replace(Reference(sight.edges, sight.seen, True, 0), **more)  # type: ignore[arg-type]


def show(watch: Watch, sights: list[Look], start_s: float = 0.0, step_s: float = 0.25) -> list[News]:
    news: list[News] = []
    for number, sight in enumerate(sights):
        now_ns = round((start_s + number * step_s) * 1e9)
        if watch.due(now_ns):
            news += watch.take(sight, now_ns, now_ns // 1_000_000)
    return news


@pytest.mark.parametrize("x", [-6.0, -2.0, -0.5, 0.0, 0.5, 1.5, 5.0])
@pytest.mark.parametrize("y", [-4.0, 0.0, 2.5])
def test_a_shift_is_measured_to_a_fifth_of_a_small_pixel(x: float, y: float) -> None:
    sight = seen(scene())
    fit = match(sight.edges, sight.seen, seen(scene(), x, y))
    assert (fit.offset.x, fit.offset.y) == pytest.approx((x, y), abs=0.2)
    assert fit.support > 0.7 * fit.regions


def test_a_reference_that_lies_beside_the_first_ones_knows_it() -> None:
    sight = seen(scene())
    state = AimState((kept(sight, first=False, offset=Offset(0.0, 1.0), slack_px=0.3),))
    watch = Watch(state)
    assert show(watch, [sight] * 8) == []
    assert watch.word == "held"
    assert show(watch, [seen(scene(), 0.0, 0.6)] * 20, 10) == [AimLost()]  # little here, too much in all


@pytest.mark.parametrize(("slack_px", "count"), [(0.0, 2), (MOST_SLACK_PX - STEP_SLACK_PX / 2, 1)])
def test_no_reference_is_derived_from_one_that_may_be_too_wrong_itself(slack_px: float, count: int) -> None:
    half = scene(1).copy()
    half[:, WIDTH // 2 :] = scene(2)[:, WIDTH // 2 :]  # half of the street was rebuilt
    watch = Watch(AimState((kept(seen(scene(1)), slack_px=slack_px),)))
    news = show(watch, [seen(half)] * 600)
    assert len(watch.state.references) == count
    assert news == [Learned(2, False)] * (count - 1)
    assert watch.state.references[-1].slack_px == pytest.approx(slack_px + (count - 1) * STEP_SLACK_PX)


def test_the_first_references_are_never_dropped_for_new_ones() -> None:
    first = kept(seen(scene(1)))
    others = tuple(kept(seen(scene(n)), first=False, at_ms=n) for n in range(3, 2 + MOST_REFERENCES))
    watch = Watch(AimState((first, *others)))
    half = scene(1).copy()
    half[:, WIDTH // 2 :] = scene(2)[:, WIDTH // 2 :]
    show(watch, [seen(half)] * 600)
    after = watch.state.references
    assert len(after) == MOST_REFERENCES
    assert after[0] is first
    assert [one.at_ms for one in after[1:-1]] == [one.at_ms for one in others[1:]]


def test_a_small_displacement_of_a_second_is_none_and_one_that_stays_is() -> None:
    sight = seen(scene())
    watch = Watch(AimState((kept(sight),)))
    aside = seen(scene(), 1.6, 0.0)
    assert show(watch, [sight] * 12) == []
    assert show(watch, [aside] * 4, 3) == []
    assert show(watch, [sight] * 12, 4) == []
    assert watch.blind is None
    assert show(watch, [aside] * 40, 10) == [AimLost()]
    assert watch.state.lost is not None
    assert watch.state.lost.far_px == pytest.approx(1.6, abs=0.3)


def test_a_long_gap_is_no_long_strangeness() -> None:
    watch = Watch(AimState((kept(seen(scene(1))),)))
    show(watch, [seen(scene(2))] * 4)
    assert watch.blind == Blind("aim-unsure")
    watch.begin()
    assert show(watch, [seen(scene(2))] * 4, 3600) == []
    assert show(watch, [seen(scene(1))] * 12, 3601) == []
    assert watch.word == "held"


def test_one_edge_in_the_dark_that_is_in_no_reference_is_not_shown() -> None:
    watch = Watch(AimState((kept(seen(scene())),)))
    dark = np.full((HEIGHT, WIDTH), 6, np.uint8)
    show(watch, [seen(dark)] * 4)
    assert watch.blind is None
    window = dark.copy()
    window[100:124, 300:324] = 90  # six small pixels across
    show(watch, [seen(window)], 5)
    assert watch.blind == Blind("aim-unsure")


def test_what_was_lost_stays_lost_whatever_is_seen() -> None:
    sight = seen(scene())
    watch = Watch(AimState((kept(sight),), Lost(0)))
    assert show(watch, [sight] * 100) == []
    assert watch.blind == Blind("aim-lost")
    watch.begin()
    assert watch.blind == Blind("aim-lost")


def test_before_the_first_look_and_from_the_second_strange_one_nothing_is_shown() -> None:
    watch = Watch(AimState((kept(seen(scene(1))),)))
    assert watch.blind == Blind("aim-unsure")
    show(watch, [seen(scene(1))] * 8)
    assert watch.blind is None
    watch.take(seen(scene(2)), 5_000_000_000, 0)
    assert watch.blind is None  # headlights, a bird
    watch.take(seen(scene(2)), 5_125_000_000, 0)
    assert watch.blind == Blind("aim-unsure")
