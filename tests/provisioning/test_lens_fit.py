"""The estimator against lenses whose truth is known: tables within their error, and honest refusals."""

from dataclasses import replace

import numpy as np
import pytest

from agent.errors import CalibrationError
from provisioning.lens_fit import FLOOR, fit_lens
from provisioning.readings import Reading, shifted, view
from tests.provisioning.lenses import ASPECT, LENSES, Habits, look_through, worst_deg

FIVE = (0.0, 0.25, 0.5, 0.75, 1.0)
NINE = tuple(float(one) for one in np.linspace(0, 1, 9))


def dice(seed: int = 1) -> np.random.Generator:
    return np.random.default_rng(seed)


def word_of(readings: list[Reading]) -> str:
    with pytest.raises(CalibrationError) as caught:
        fit_lens(readings, ASPECT)
    assert str(caught.value)
    return caught.value.word


@pytest.mark.parametrize("zooms", [FIVE, NINE], ids=["five", "nine"])
@pytest.mark.parametrize("name", LENSES)
@pytest.mark.parametrize(
    "habits",
    [
        Habits(),
        Habits(rounded_deg=0.05, share=0.25),
        Habits(tilt_deg=-45.0),
        Habits(tilted=True, share=0.12),
        Habits(share=0.4),
    ],
    ids=["usual", "rounded", "steep", "tilts", "large"],
)
def test_no_direction_is_off_by_more_than_the_table_says(name: str, habits: Habits, zooms: tuple[float, ...]) -> None:
    if name == "glass":  # it bends too hard for few zooms, which is another test
        zooms = tuple(float(one) ** 2 for one in np.linspace(0, 1, 3 * len(zooms)))[1:]
        zooms = (0.0, *(one for one in zooms if one > 0.006))
    for seed in range(2):
        fit = fit_lens(look_through(LENSES[name], zooms, dice(seed), habits), ASPECT)
        assert worst_deg(fit, LENSES[name]) <= fit.calibration_error_deg
        for entry in fit.entries:
            away = abs(entry.hfov_deg - LENSES[name](entry.zoom))
            assert away <= 3.5 * entry.error_deg + FLOOR * entry.hfov_deg


def test_the_standard_errors_are_neither_proud_nor_shy() -> None:
    away = []
    for seed in range(25):
        fit = fit_lens(look_through(LENSES["even"], FIVE, dice(seed)), ASPECT)
        away += [(one.hfov_deg - LENSES["even"](one.zoom)) / one.error_deg for one in fit.entries]
    assert 0.7 < float(np.sqrt(np.mean(np.square(away)))) < 1.3


@pytest.mark.parametrize("tilt_deg", [0.0, -40.0, 60.0])
@pytest.mark.parametrize("share", [0.05, 0.3, 0.6])
def test_without_noise_the_geometry_is_exact_for_small_and_large_steps(tilt_deg: float, share: float) -> None:
    habits = Habits(tilt_deg=tilt_deg, share=share, noise=0.0)
    fit = fit_lens(look_through(LENSES["even"], (0.0, 0.5, 1.0), dice(), habits), ASPECT)
    assert [one.hfov_deg for one in fit.entries] == pytest.approx([60.0, LENSES["even"](0.5), 3.0], rel=1e-5)


def test_a_whole_pictures_shift_is_a_landmark_that_crosses_the_middle() -> None:
    reading = shifted(zoom=0, pan_deg=10.0, tilt_deg=0, at_tilt_deg=0, shift=(2 * np.tan(np.radians(5)), 0), error=1e-4)
    size = view(reading)
    assert size is not None
    assert np.exp(size.log_h) == pytest.approx(1.0)  # 90 degrees across


def test_a_lorry_in_one_step_of_each_zoom_changes_nothing_that_matters() -> None:
    readings = look_through(LENSES["even"], FIVE, dice())
    clean = fit_lens(readings, ASPECT)
    spoiled = list(readings)
    for index in range(0, len(readings), Habits().steps):
        x, y = readings[index].after
        spoiled[index] = replace(readings[index], after=(x + 0.15, y))
    fit = fit_lens(spoiled, ASPECT)
    assert [one.left_out for one in fit.entries] == [1] * 5
    for one, other in zip(fit.entries, clean.entries, strict=True):
        assert one.hfov_deg == pytest.approx(other.hfov_deg, abs=3 * other.error_deg)
    assert worst_deg(fit, LENSES["even"]) <= fit.calibration_error_deg


def test_readings_that_scatter_more_than_they_own_up_to_widen_the_error() -> None:
    readings = look_through(LENSES["even"], FIVE, dice(), Habits(noise=0.006))
    proud = [replace(one, error=0.002) for one in readings]
    told, true = (sum(one.share for one in fit_lens(each, ASPECT).entries) for each in (proud, readings))
    assert told > 0.6 * true


def test_play_in_the_gears_is_told_and_counted_and_not_measured_as_a_lens() -> None:
    readings = look_through(LENSES["even"], FIVE, dice(), Habits(noise=0.0005))
    lost = []
    for index in range(0, len(readings), Habits().steps):
        one = readings[index]
        told = one.pan_deg + np.copysign(0.2, one.pan_deg)  # the motor turned so much more than the head
        lost.append(replace(one, pan_deg=told, turned_back=True))
    fit = fit_lens([*readings, *lost], ASPECT)
    assert fit.play_deg == pytest.approx(0.2 * np.cos(np.radians(8)), abs=0.03)
    assert fit.calibration_error_deg >= fit.play_deg
    assert worst_deg(fit, LENSES["even"]) <= fit.calibration_error_deg


def test_where_the_curve_bends_most_another_zoom_is_asked_for_and_helps() -> None:
    lens = LENSES["hurried"]
    zooms = (0.0, 0.5, 0.75, 0.875, 1.0)
    fit = fit_lens(look_through(lens, zooms, dice()), ASPECT)
    assert fit.another[0] == 0.25
    better = fit_lens(look_through(lens, (*zooms, fit.another[0]), dice()), ASPECT)
    assert better.calibration_error_deg < 0.6 * fit.calibration_error_deg


def test_an_even_lens_that_is_well_measured_needs_no_more_zooms() -> None:
    assert fit_lens(look_through(LENSES["even"], FIVE, dice(), Habits(noise=0.0004)), ASPECT).another == ()


# --- refusals ---


def test_two_zooms_tell_nothing_of_the_curve_between_them() -> None:
    assert word_of(look_through(LENSES["even"], (0.0, 1.0), dice())) == "few-zooms"
    assert word_of([]) == "few-zooms"


def test_two_steps_cannot_outvote_each_other() -> None:
    readings = look_through(LENSES["even"], FIVE, dice())
    assert word_of([one for one in readings if one.zoom != 0.5] + readings[12:14]) == "few-steps"


def test_steps_that_did_not_move_the_picture_do_not_count() -> None:
    readings = look_through(LENSES["even"], FIVE, dice())
    stuck = [replace(one, after=one.before) if one.zoom == 0.5 else one for one in readings]
    assert word_of(stuck) == "few-steps"


def test_half_of_the_steps_against_the_other_half() -> None:
    readings = look_through(LENSES["even"], FIVE, dice())
    torn = [replace(one, pan_deg=one.pan_deg * (1.2 if n % 2 else 1.0)) for n, one in enumerate(readings)]
    assert word_of(torn) == "contradiction"


def test_a_zoom_that_does_nothing() -> None:
    assert word_of(look_through(lambda _: 40.0, FIVE, dice())) == "no-zoom"


def test_a_zoom_that_does_nothing_more_at_its_end() -> None:
    assert word_of(look_through(lambda zoom: 60.0 * 0.1 ** min(zoom, 0.75), FIVE, dice())) == "no-zoom"


def test_a_view_that_widens_as_the_zoom_grows() -> None:
    assert word_of(look_through(lambda zoom: 5.0 * 8**zoom, FIVE, dice())) == "not-falling"


def test_a_view_that_narrows_evenly_and_then_in_a_rush() -> None:
    lens = lambda zoom: 60.0 * np.exp(-2.0 * min(zoom, 0.75) - 9.0 * max(0.0, zoom - 0.75))  # noqa: E731
    assert word_of(look_through(lens, FIVE, dice())) == "digital"


def test_a_view_narrower_than_any_turning_cameras_glass() -> None:
    assert word_of(look_through(lambda zoom: 60.0 * 0.01**zoom, NINE, dice())) == "digital"


def test_a_mirrored_picture() -> None:
    readings = look_through(LENSES["even"], FIVE, dice())
    turned = [
        replace(one, before=(-one.before[0], one.before[1]), after=(-one.after[0], one.after[1])) for one in readings
    ]
    assert word_of(turned) == "mirrored"


def test_a_camera_that_hangs_askew() -> None:
    readings = look_through(LENSES["even"], FIVE, dice())
    c, s = np.cos(np.radians(25)), np.sin(np.radians(25))

    def rolled(x: float, y: float) -> tuple[float, float]:
        return float(c * x - s * y), float(s * x + c * y)

    askew = [replace(one, before=rolled(*one.before), after=rolled(*one.after)) for one in readings]
    assert word_of(askew) == "askew"


def test_a_head_that_looks_at_its_own_feet() -> None:
    assert word_of(look_through(LENSES["even"], FIVE, dice(), Habits(tilt_deg=-80.0, share=0.05))) == "too-steep"


def test_a_curve_that_three_zooms_cannot_follow_names_the_zooms_that_could() -> None:
    with pytest.raises(CalibrationError, match=r"0\.25") as caught:
        fit_lens(look_through(LENSES["glass"], (0.0, 0.5, 1.0), dice()), ASPECT)
    assert caught.value.word == "too-wrong"
