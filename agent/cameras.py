"""`[[camera]]` and `[[camera.mask]]`: one camera, its source, its head and lens if it has them, and its masks."""

from pathlib import Path
from typing import Annotated, Any, Literal

from pydantic import (
    Field,
    SecretStr,
    ValidationError,
    ValidationInfo,
    WrapValidator,
    field_validator,
    model_validator,
)
from pydantic_core import InitErrorDetails, PydanticCustomError

from agent.faults import fault
from agent.heads import Onvif, Ptz, head_part
from agent.lenses import Lens, ZoomLens, lens_of
from agent.models import Identifier, Listed, Model, Words
from agent.named_files import CertificateFile, SecretFile, existing, read_secret
from agent.network import parts_of
from agent.polygons import Point, Polygon, polygon_fault, tidy
from agent.world_polygons import tilt_span, world_polygon_fault

Corners = Annotated[tuple[Annotated[Point, Listed], ...], Listed]


class Mask(Model):
    """`[[camera.mask]]`: a privacy mask, either in the picture or in the world.

    `polygon`: picture fractions (x right, y down, 0..1 inside). `world_deg`: (pan, tilt) in degrees. The one that is
    not given is empty.
    """

    name: Words = Field(min_length=1, max_length=100)
    world_deg: Corners = Field(default=(), max_length=256, validate_default=False)
    polygon: Corners = Field(default=(), max_length=256, validate_default=False)
    style: Literal["pixelate", "solid"] = "pixelate"

    @field_validator("world_deg", mode="after")
    @classmethod
    def _place(cls, world_deg: Polygon) -> Polygon:
        if problem := world_polygon_fault(world_deg):
            raise PydanticCustomError("polygon", "{text}", {"text": problem})
        return world_deg

    @field_validator("polygon", mode="after")
    @classmethod
    def _shape(cls, polygon: Polygon) -> Polygon:
        if problem := polygon_fault(polygon):
            raise PydanticCustomError("polygon", "{text}", {"text": problem})
        return tidy(polygon)

    @model_validator(mode="before")
    @classmethod
    def _one_of_two(cls, table: Any) -> Any:
        if not isinstance(table, dict):
            return table
        given = [key for key in ("polygon", "world_deg") if table.get(key)]
        named = [key for key in ("polygon", "world_deg") if key in table]
        if len(given) == 2 or not named:
            text = fault(
                en="give either polygon (picture fractions) or world_deg (pan and tilt)",
                fr="donner soit polygon (fractions de l'image), soit world_deg (pan et tilt)",
            )
            detail = InitErrorDetails(type=text, loc=("polygon",), input=None)
            raise ValidationError.from_exception_data("mask", [detail])
        empty = set(named) - set(given) if given else set(named[1:])  # a model that was written out names both
        return {key: value for key, value in table.items() if key not in empty}


VIEW_MINIMUM = {"narrow": (12, 704, 576), "wide": (6, 352, 288)}
"""Arrete of 2007-08-03: frames per second, width and height that a recording must have."""

NARROWEST_TALL = 1.25
"""The picture's half diagonal over its half width, at 4:3; wider pictures have less."""


def _misplaced(mask: Mask, camera: dict[str, Any]) -> PydanticCustomError | None:
    """Why this mask cannot serve at a camera of this kind, or None."""
    kind, lens, ptz = camera.get("kind"), camera.get("lens"), camera.get("ptz")
    if kind == "ptz" and mask.polygon:
        return fault(
            en="is fixed to a picture that turns away; give the place as world_deg = [[pan, tilt], ...]",
            fr="est fixé à une image qui tourne ; donner le lieu par world_deg = [[pan, tilt], ...]",
        )
    if kind == "fixed" and mask.world_deg:
        return fault(
            en="needs a ptz or panoramic camera; give the place as polygon = [[x, y], ...] in picture fractions",
            fr="demande une caméra ptz ou panoramic ; donner polygon = [[x, y], ...] en fractions de l'image",
        )
    if kind == "panoramic" and mask.world_deg and "lens" in camera and lens is None:
        return fault(
            en="has no calibration; give [camera.lens] with the picture's projection, or use polygon",
            fr="n'a pas d'étalonnage ; donner [camera.lens] avec la projection de l'image, ou utiliser polygon",
        )
    if kind == "ptz" and isinstance(lens, ZoomLens) and isinstance(ptz, Ptz):
        reach = NARROWEST_TALL * lens.hfov_deg[0] / 2 + lens.calibration_error_deg
        lowest, highest = tilt_span(mask.world_deg)
        if lowest > ptz.tilt_deg[1] + reach or highest < ptz.tilt_deg[0] - reach:
            return fault(
                en="lies where this head can never look (ptz.tilt_deg); has its tilt the right sign (up is positive)?",
                fr="est hors de ce que cette tête peut voir (ptz.tilt_deg) ; le signe du tilt (+ en haut) est-il bon ?",
            )
    return None


SOURCE_FORMS = "rtsp://host/path, rtsps://host/path, v4l2:/dev/video0, file:/path"


class Camera(Model):
    """`[[camera]]`: one camera, its source and its masks."""

    id: Identifier
    name: Words = Field(min_length=1, max_length=60)
    kind: Literal["fixed", "ptz", "panoramic"]
    view: Literal["narrow", "wide"] = "narrow"
    source: str
    username: str = ""
    password_file: SecretFile | None = None
    ca_file: CertificateFile | None = None
    fps: float = Field(default=25, gt=0, le=60)
    bitrate_kbps: int = Field(default=4000, ge=100, le=50_000)
    encoder: Literal["auto", "x264", "v4l2m2m", "nvenc"] = "auto"
    stall_seconds: float = Field(default=5, ge=1, le=60)
    no_private_area: str = Field(default="", max_length=300)
    onvif: Onvif | None = None
    lens: Annotated[Lens | None, WrapValidator(lens_of)] = None
    ptz: Ptz | None = None
    mask: Annotated[tuple[Mask, ...], Listed] = Field(default=(), max_length=64)

    @field_validator("source")
    @classmethod
    def _source(cls, source: str, info: ValidationInfo) -> str:
        scheme, _, rest = source.partition(":")
        if scheme == "file":
            return f"file:{existing(Path(rest), info)}"
        if scheme == "v4l2" and rest.startswith("/dev/") and rest.isprintable():
            return source
        if parts_of(source, "rtsp", "rtsps") is None:
            raise fault(en=f"is none of {SOURCE_FORMS}", fr=f"n'est aucun de {SOURCE_FORMS}")
        return source

    @field_validator("fps")
    @classmethod
    def _law(cls, fps: float, info: ValidationInfo) -> float:
        view = info.data.get("view", "wide")
        minimum = VIEW_MINIMUM[view][0]
        if fps < minimum:
            raise fault(
                en=f"{fps:g} is below the {minimum} frames a second that the law asks of a {view} view",
                fr=f"{fps:g} est sous les {minimum} images par seconde que la loi exige d'une vue {view}",
            )
        return fps

    @field_validator("onvif")
    @classmethod
    def _steered(cls, onvif: Onvif | None, info: ValidationInfo) -> Onvif | None:
        missing = fault(
            en="is missing: a ptz camera tells where it points; give [camera.onvif] with its url",
            fr="manque : une caméra ptz dit où elle vise ; donner [camera.onvif] et son url",
        )
        head_part(onvif, info, missing)
        return onvif

    @field_validator("ptz")
    @classmethod
    def _turning(cls, ptz: Ptz | None, info: ValidationInfo) -> Ptz | None:
        head_part(ptz, info, None)
        return Ptz() if ptz is None and info.data.get("kind") == "ptz" else ptz

    @field_validator("mask")
    @classmethod
    def _of_its_kind(cls, mask: tuple[Mask, ...], info: ValidationInfo) -> tuple[Mask, ...]:
        faults = [
            InitErrorDetails(type=text, loc=(i, "world_deg" if one.world_deg else "polygon"), input=None)
            for i, one in enumerate(mask)
            if (text := _misplaced(one, info.data)) is not None
        ]
        if faults:
            raise ValidationError.from_exception_data("mask", faults)
        return mask

    @field_validator("mask")
    @classmethod
    def _signed_off(cls, mask: tuple[Mask, ...], info: ValidationInfo) -> tuple[Mask, ...]:
        if not mask and not info.data.get("no_private_area", "").strip():
            raise fault(
                en="no mask; add [[camera.mask]], or name in no_private_area who signed that no private place is seen",
                fr="aucun masque ; ajouter [[camera.mask]], ou nommer dans no_private_area qui l'a attesté",
            )
        return mask

    def password(self) -> SecretStr:
        """The camera's password, read now; empty when none is configured."""
        return SecretStr(read_secret(self.password_file))
