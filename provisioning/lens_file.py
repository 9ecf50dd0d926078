"""Measurements as a file, and the table as text. Pure.

    {"aspect": 1.7778, "readings": [
      {"zoom": 0.0, "pan_deg": 8.0, "at_tilt_deg": -4.0, "before": [0.62, 0.48], "after": [0.47, 0.48]}, ...]}

`before` and `after` are where one landmark stands in the picture before and after the head's step, as fractions of its
width and height from the top left, as in a mask's polygon; the step is `pan_deg` to the right and `tilt_deg` up, from
the tilt `at_tilt_deg`. `error` is what the landmark's place is known to, as a fraction of the width; `step_error_deg`
what the step is known to. `--json` writes the same under `measurements`, and that is read as well.
"""

import json
from collections.abc import Sequence
from typing import Annotated, Any

from pydantic import Field, ValidationError

from agent.errors import UsageError
from agent.faults import describe
from agent.heads import Ptz
from agent.language import say
from agent.lenses import ZoomLens
from agent.models import Listed, Model
from provisioning.ages import MARGIN_S, Ages
from provisioning.lens_fit import Fit
from provisioning.readings import Reading

MOST_READINGS = 2000
BY_HAND = 0.002
"""Of the picture's width: how well a person reads a landmark from a screen."""

Fraction = Annotated[float, Field(ge=-1, le=2)]
Place = Annotated[tuple[Fraction, Fraction], Listed]


class OneReading(Model):
    """One step, as people read it."""

    zoom: float = Field(ge=0, le=1)
    pan_deg: float = Field(default=0, ge=-90, le=90)
    tilt_deg: float = Field(default=0, ge=-90, le=90)
    at_tilt_deg: float = Field(default=0, ge=-90, le=90)
    before: Place
    after: Place
    error: float = Field(default=BY_HAND, gt=0, le=0.5)
    step_error_deg: float = Field(default=0, ge=0, le=10)
    turned_back: bool = False


class Measurements(Model):
    """What was read, and the picture's width over its height."""

    aspect: float = Field(default=16 / 9, ge=0.2, le=5)
    readings: Annotated[tuple[OneReading, ...], Listed] = Field(min_length=1, max_length=MOST_READINGS)

    def halves(self) -> tuple[Reading, ...]:
        """The readings in half widths from the picture's middle, x right and y up."""
        return tuple(
            Reading(
                one.zoom,
                one.pan_deg,
                one.tilt_deg,
                one.at_tilt_deg,
                (2 * one.before[0] - 1, (1 - 2 * one.before[1]) / self.aspect),
                (2 * one.after[0] - 1, (1 - 2 * one.after[1]) / self.aspect),
                2 * one.error,
                one.step_error_deg,
                one.turned_back,
            )
            for one in self.readings
        )


def parse(text: bytes, name: str) -> Measurements:
    """The measurements of a file; UsageError with a line for each fault, `name: key: what is wrong`."""
    try:
        found: Any = json.loads(text)
        if isinstance(found, dict) and "measurements" in found:
            found = found["measurements"]
        return Measurements.model_validate(found)
    except ValidationError as error:
        raise UsageError("\n".join(f"{name}: {key}: {what}" for key, what in describe(error))) from None
    except (ValueError, RecursionError):
        raise UsageError(say(en=f"{name}: is not JSON", fr=f"{name} : n'est pas du JSON")) from None


def measurements(readings: Sequence[Reading], aspect: float) -> dict[str, Any]:
    """The same as JSON."""
    return {"aspect": round(aspect, 5), "readings": [_one(reading, aspect) for reading in readings]}


def _one(one: Reading, aspect: float) -> dict[str, Any]:
    before, after = ([round((x + 1) / 2, 6), round((1 - y * aspect) / 2, 6)] for x, y in (one.before, one.after))
    return {
        "zoom": round(one.zoom, 6),
        "pan_deg": round(one.pan_deg, 6),
        "tilt_deg": round(one.tilt_deg, 6),
        "at_tilt_deg": round(one.at_tilt_deg, 6),
        "before": before,
        "after": after,
        "error": one.error / 2,
        "step_error_deg": round(one.step_error_deg, 6),
        "turned_back": one.turned_back,
    }


def lens(fit: Fit) -> ZoomLens:
    """The table as the agent's own configuration takes it."""
    table = {"zoom": fit.zoom, "hfov_deg": fit.hfov_deg, "calibration_error_deg": fit.calibration_error_deg}
    return ZoomLens.model_validate(table)


def ages(found: Ages) -> dict[str, Any]:
    """How old pictures are, as JSON."""
    bounds = [round(1000 * one, 1) for one in (found.least_s, found.most_s)]
    told = {"punctual_ms": bounds, "late_ms": round(1000 * found.late_s, 1), "reports": found.reports}
    return {"video_age_ms": found.video_age_ms, **told}


def toml(fit: Fit, found: Ages | None = None) -> str:
    """`[camera.lens]`, and `[camera.ptz]` where ages were found; the agent's own check has judged both."""
    table = lens(fit)
    zoom, hfov = (", ".join(f"{one!r}" for one in values) for values in (table.zoom, table.hfov_deg))
    error = table.calibration_error_deg
    text = f"[camera.lens]\nzoom = [{zoom}]\nhfov_deg = [{hfov}]\ncalibration_error_deg = {error!r}\n"
    if found is None:
        return text
    return text + f"[camera.ptz]\nvideo_age_ms = {Ptz(video_age_ms=found.video_age_ms).video_age_ms:.0f}\n"


def report(fit: Fit, found: Ages | None = None) -> list[str]:
    """The table's errors, for people: a line for each entry, what the bound is made of, and how old pictures are."""
    lines = [
        say(
            en=f"zoom {one.zoom:.3f}: {one.hfov_deg:8.3f} +- {one.error_deg:.3f} degrees, {one.readings} steps"
            + (f", {one.left_out} left out" if one.left_out else ""),
            fr=f"zoom {one.zoom:.3f} : {one.hfov_deg:8.3f} +- {one.error_deg:.3f} degrés, {one.readings} pas"
            + (f", {one.left_out} écarté(s)" if one.left_out else ""),
        )
        for one in fit.entries
    ]
    lines.append(
        say(
            en=f"interpolation: {max(fit.between_deg):.3f} degrees at most; head: positions to "
            f"{fit.pointing_deg:.3f}, play {fit.play_deg:.3f}",
            fr=f"interpolation : {max(fit.between_deg):.3f} degrés au plus ; tête : positions à "
            f"{fit.pointing_deg:.3f}, jeu {fit.play_deg:.3f}",
        )
    )
    bound = f"{fit.calibration_error_deg:.2f}"
    lines.append(
        say(
            en=f"no direction is off by more than {bound} degrees: calibration_error_deg",
            fr=f"aucune direction n'est fausse de plus de {bound} degrés : calibration_error_deg",
        )
    )
    if fit.another:
        zooms = ", ".join(f"{one:g}" for one in fit.another)
        lines.append(say(en=f"more zooms would help: {zooms}", fr=f"d'autres zooms aideraient : {zooms}"))
    if found is not None:
        least, most, late = (f"{1000 * one:.0f}" for one in (found.least_s, found.most_s, found.late_s))
        lines.append(
            say(
                en=f"the most punctual pictures are {least} to {most} ms old when they arrive, others up to {late} ms "
                f"more: video_age_ms = {found.video_age_ms}, {1000 * MARGIN_S:.0f} of them kept in reserve",
                fr=f"les images les plus ponctuelles arrivent à {least} à {most} ms, d'autres jusqu'à {late} ms plus "
                f"tard : video_age_ms = {found.video_age_ms}, dont {1000 * MARGIN_S:.0f} de réserve",
            )
        )
    return lines
