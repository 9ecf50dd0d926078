"""`[camera.lens]`: how directions and picture belong together, one model a kind of lens.

A turning camera has a table from zoom position to horizontal field of view; a panoramic one names its projection. All
say by how much they may be wrong: every mask is grown by `calibration_error_deg`.
"""

from itertools import pairwise
from typing import Annotated, Any, Literal

from pydantic import AfterValidator, Field, ValidationInfo, ValidatorFunctionWrapHandler, field_validator

from agent.faults import fault
from agent.models import Listed, Model

Range = Annotated[tuple[float, float], Listed]


def growing(limits: tuple[float, float]) -> tuple[float, float]:
    """`limits`, or a fault unless the first is the smaller one."""
    if not limits[0] < limits[1]:  # also refuses nan
        raise fault(
            en="is reversed or empty; give [lowest, highest]",
            fr="est inversé ou vide ; donner [plus petit, plus grand]",
        )
    return limits


def within(limits: tuple[float, float], low: float, high: float) -> tuple[float, float]:
    """`limits`, or a fault unless both lie in low..high degrees."""
    if not all(low <= one <= high for one in limits):
        raise fault(en=f"must lie in {low:g}..{high:g} degrees", fr=f"doit être dans {low:g}..{high:g} degrés")
    return limits


GrowingRange = Annotated[Range, AfterValidator(growing)]
PanRange = Annotated[GrowingRange, AfterValidator(lambda limits: within(limits, -360, 360))]
TiltRange = Annotated[GrowingRange, AfterValidator(lambda limits: within(limits, -90, 90))]
Table = Annotated[tuple[float, ...], Listed]


class _Lens(Model):
    """What all lenses have: `calibration_error_deg`, the largest angle by which a direction may be off."""

    calibration_error_deg: float = Field(default=0.3, ge=0, le=5)


class ZoomLens(_Lens):
    """A turning camera's: horizontal field of view over zoom position (0..1), between entries by its logarithm."""

    zoom: Table = Field(min_length=2, max_length=64)
    hfov_deg: Table = Field(min_length=2, max_length=64)
    hfov_error: float = Field(default=0, ge=0, le=0.1)
    """The share by which the field of view may be off at any zoom, besides `calibration_error_deg`."""

    @field_validator("zoom")
    @classmethod
    def _positions(cls, zoom: tuple[float, ...]) -> tuple[float, ...]:
        if not all(0 <= one <= 1 for one in zoom) or not all(a < b for a, b in pairwise(zoom)):
            raise fault(
                en="must grow from entry to entry, from 0.0 (widest) to 1.0 (narrowest)",
                fr="doit croître d'une valeur à l'autre, de 0.0 (grand angle) à 1.0 (téléobjectif)",
            )
        return zoom

    @field_validator("hfov_deg")
    @classmethod
    def _views(cls, hfov_deg: tuple[float, ...], info: ValidationInfo) -> tuple[float, ...]:
        if len(hfov_deg) != len(info.data.get("zoom", hfov_deg)):
            raise fault(
                en="needs one value for each zoom position",
                fr="doit donner une valeur pour chaque position de zoom",
            )
        if not all(0.1 <= one <= 140 for one in hfov_deg) or not all(a > b for a, b in pairwise(hfov_deg)):
            raise fault(
                en="must fall from entry to entry, between 140 and 0.1 degrees",
                fr="doit décroître d'une valeur à l'autre, entre 140 et 0,1 degrés",
            )
        return hfov_deg


def _one_turn(limits: tuple[float, float]) -> tuple[float, float]:
    if limits[1] - limits[0] > 360:
        raise fault(en="is more than one turn", fr="dépasse un tour")
    return limits


OneTurn = Annotated[PanRange, AfterValidator(_one_turn)]


class EquirectangularLens(_Lens):
    """Pan and tilt both even across the picture: `pan_deg` at its [left, right] edge, `tilt_deg` at [bottom, top]."""

    model: Literal["equirectangular"]
    pan_deg: OneTurn
    tilt_deg: TiltRange


class CylindricalLens(_Lens):
    """Pan even across the picture, height even in tan(tilt): the same keys, and tilts of 85 degrees at most."""

    model: Literal["cylindrical"]
    pan_deg: OneTurn
    tilt_deg: Annotated[TiltRange, AfterValidator(lambda limits: within(limits, -85, 85))]


class FisheyeLens(_Lens):
    """Equidistant (distance from the centre = focal length * angle).

    `centre`: the axis in picture fractions (x, y). `radius`: of the image circle, as a fraction of the picture's width.
    `fov_deg`: the whole angle across that circle. `pan_deg`, `tilt_deg`: where the axis points, and so what lies in the
    picture's middle: `tilt_deg` = -90 for a camera that looks straight down, where `pan_deg` is the direction of the
    picture's upper edge. `roll_deg`: by how much the camera is turned clockwise about its axis, seen from behind it.
    """

    model: Literal["fisheye"]
    centre: Annotated[tuple[float, float], Listed] = (0.5, 0.5)
    radius: float = Field(gt=0, le=2)
    fov_deg: float = Field(gt=0, le=300)
    pan_deg: float = Field(ge=-360, le=360)
    tilt_deg: float = Field(ge=-90, le=90)
    roll_deg: float = Field(default=0, ge=-360, le=360)

    @field_validator("centre")
    @classmethod
    def _near(cls, centre: tuple[float, float]) -> tuple[float, float]:
        if not all(-1 <= one <= 2 for one in centre):
            raise fault(
                en="is far from the picture; fractions run from 0 to 1",
                fr="est loin de l'image ; les fractions vont de 0 à 1",
            )
        return centre


PanoramicLens = EquirectangularLens | CylindricalLens | FisheyeLens
Lens = ZoomLens | PanoramicLens

_PANORAMIC: dict[str, type[PanoramicLens]] = {
    "equirectangular": EquirectangularLens,
    "cylindrical": CylindricalLens,
    "fisheye": FisheyeLens,
}


def lens_of(value: Any, _: ValidatorFunctionWrapHandler, info: ValidationInfo) -> Lens | None:
    """The lens that `[camera.lens]` describes, for a camera of the kind that was read before it."""
    kind = info.data.get("kind")
    if value is None and kind == "ptz":
        raise fault(
            en="is missing: without calibration no mask can follow; give zoom = [...] and hfov_deg = [...]",
            fr="manque : sans étalonnage aucun masque ne suit ; donner zoom = [...] et hfov_deg = [...]",
        )
    if value is None or kind is None or isinstance(value, Lens):
        return value if isinstance(value, Lens) else None
    if kind == "fixed":
        raise fault(
            en="serves ptz and panoramic cameras only; a fixed one's masks are polygons in its picture",
            fr="sert aux caméras ptz et panoramic ; les masques d'une caméra fixe sont des polygones dans son image",
        )
    if kind == "ptz":
        return ZoomLens.model_validate(value, context=info.context)
    model = value.get("model") if isinstance(value, dict) else None
    if not isinstance(model, str) or model not in _PANORAMIC:
        raise fault(
            en='needs model = "equirectangular", "cylindrical" or "fisheye"',
            fr='demande model = "equirectangular", "cylindrical" ou "fisheye"',
        )
    return _PANORAMIC[model].model_validate(value, context=info.context)
