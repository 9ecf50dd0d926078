"""A covered or defocused lens, told from what only looks like it; and on a head, at rest."""

from dataclasses import replace

import numpy as np
import pytest

from agent.aim import head_lens
from agent.aim.edges import COLUMNS, DETAIL, ROWS, Area, Look, look
from agent.aim.head_lens import HeadLens
from agent.aim.lens import Cleared, Clouded, LensWatch
from agent.clock import Instant, WallTime
from agent.events import Event, Tamper, TamperEnded
from agent.units import Blind, Burned, MaskedFrame, PoseSet

SEEN = np.ones((ROWS, COLUMNS), bool)


def scene(coarse: float = 15.0, detail: float = 2.0, level: float = 150.0) -> Look:
    fine = np.zeros((ROWS, COLUMNS * DETAIL), np.uint8)
    fine[:, ::2] = round(detail * 20)
    return Look(np.zeros((ROWS, COLUMNS), np.float32), SEEN, frozenset(range(20)), 1.0, level, coarse, fine)


def told(watch: LensWatch, sight: Look, seconds: float, start: float, **more: bool) -> list[Clouded | Cleared]:
    found: list[Clouded | Cleared] = []
    for step in range(round(seconds * 2)):
        found += watch.take(sight, int((start + step / 2) * 1e9), **more)
    return found


@pytest.mark.parametrize(
    ("after", "kind"),
    [
        (scene(1.0, 0.1, 25.0), "covered"),
        (scene(1.0, 0.1, 200.0), "covered"),  # a white bag
        (scene(14.0, 0.3, 150.0), "defocused"),
    ],
)
def test_a_sudden_loss_that_lasts_is_told_once_and_its_end_too(after: Look, kind: str) -> None:
    watch = LensWatch()
    assert told(watch, scene(), 30, 0) == []
    assert told(watch, after, 4, 30) == []
    assert told(watch, after, 30, 34) == [Clouded(kind)]  # type: ignore[arg-type]
    assert [type(one) for one in told(watch, scene(), 10, 64)] == [Cleared]
    assert told(watch, scene(), 30, 74) == []


def test_what_comes_slowly_or_passes_is_none() -> None:
    watch = LensWatch()
    told(watch, scene(), 30, 0)
    for step in range(100):  # dusk, in ten minutes
        left = 1 - step / 101
        assert told(watch, scene(15 * left, 2 * left, 150 * left), 6, 30 + 6 * step) == []
    watch = LensWatch()
    told(watch, scene(), 30, 0)
    assert told(watch, scene(1.0, 0.1), 3, 30) + told(watch, scene(), 30, 33) == []  # a bird


def test_lamps_that_go_out_and_a_fog_in_which_the_street_is_recognised_are_no_cover() -> None:
    watch = LensWatch()
    told(watch, scene(level=50.0), 30, 0)
    assert told(watch, scene(0.5, 0.0, 4.0), 30, 30) == []
    watch = LensWatch()
    told(watch, scene(), 30, 0)
    assert told(watch, scene(1.0, 0.1, 190.0), 30, 30, recognised=True) == []


REST = PoseSet.exactly(10.0, -4.0, 0.2)
SHARP = np.random.default_rng(1).integers(0, 255, (40, 50), dtype=np.uint8).repeat(12, axis=0).repeat(14, axis=1)


def masked(luma: np.ndarray, at_s: float) -> MaskedFrame:
    height, width = luma.shape
    picture = np.full((height * 3 // 2, width), 128, np.uint8)
    picture[:height] = luma
    wall = WallTime(1_795_380_000_000_000_000, True, 1.0)
    return MaskedFrame("c", picture, width, height, False, Instant(int(at_s * 1e9)), wall, 1, 1, Burned(0.1))


def watched(lens: HeadLens, luma: np.ndarray, pose: PoseSet, start: float, seconds: float) -> None:
    for step in range(round(seconds * 4)):
        lens.look(masked(luma, start + step / 4), pose)


def test_a_head_at_rest_whose_lens_is_covered_raises_tamper_until_it_is_free() -> None:
    events: list[Event] = []
    lens = HeadLens("c", events.append)
    watched(lens, SHARP, REST, 0, 15)
    watched(lens, np.full_like(SHARP, 12), REST, 15, 10)
    assert events == [Tamper("c", "covered")]
    assert lens.facts.tamper == ("covered",)
    watched(lens, SHARP, REST, 25, 10)
    assert [type(event) for event in events] == [Tamper, TamperEnded]


def test_a_head_that_turns_to_the_sky_or_is_blind_is_not_covered() -> None:
    events: list[Event] = []
    lens = HeadLens("c", events.append)
    watched(lens, SHARP, REST, 0, 15)
    watched(lens, np.full_like(SHARP, 200), replace(REST, tilt_deg=(60.0, 60.0)), 15, 15)
    watched(lens, SHARP, REST, 30, 15)
    for step in range(60):
        blind = replace(masked(np.full_like(SHARP, 128), 45 + step / 4), masks=Blind("silent"))
        lens.look(blind, Blind("silent"))
    assert events == []


def test_no_picture_of_a_head_that_turns_on_is_looked_at_and_the_first_ones_at_rest_are(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    looked: list[float] = []

    def counted(luma: np.ndarray, area: Area) -> Look:
        looked.append(at_s)
        return look(luma, area)

    monkeypatch.setattr(head_lens, "look", counted)
    lens = HeadLens("c", list[Event]().append)
    for step in range(40):
        at_s = step / 4
        turned = min(step, 20) * 1.0
        lens.look(masked(SHARP, at_s), replace(REST, pan_deg=(turned, turned)))
    assert looked[:3] == [5.25, 5.75, 6.25]
