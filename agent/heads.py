"""`[camera.onvif]` and `[camera.ptz]`: how a turning head is reached, how it moves, and where it goes by itself."""

from typing import Annotated, Self

from pydantic import Field, SecretStr, ValidationError, ValidationInfo, field_validator, model_validator
from pydantic_core import InitErrorDetails, PydanticCustomError

from agent.faults import fault
from agent.lenses import PanRange, TiltRange
from agent.models import Listed, Model, Words
from agent.named_files import CertificateFile, SecretFile, read_secret
from agent.network import parts_of

Token = Annotated[Words, Field(min_length=1, max_length=64)]
"""A preset's name or token, as the head knows it."""
LONGEST_DWELL_S = 86_400
SHORTEST_DWELL_S = 1


class Onvif(Model):
    """`[camera.onvif]`: the head's device service."""

    url: str
    username: str = ""
    password_file: SecretFile | None = None
    ca_file: CertificateFile | None = None

    @field_validator("url")
    @classmethod
    def _url(cls, url: str) -> str:
        if parts_of(url, "http", "https") is None or not url.isprintable():
            raise fault(
                en="is not http://host/path or https://host/path, such as http://10.0.0.11/onvif/device_service",
                fr="n'est ni http://hôte/chemin ni https://hôte/chemin, comme http://10.0.0.11/onvif/device_service",
            )
        return url

    def password(self) -> SecretStr:
        """The head's password, read now; empty when none is configured."""
        return SecretStr(read_secret(self.password_file))


class Limits(Model):
    """`limits_deg = { pan = [low, high], tilt = [low, high] }`: where orders may steer; left out: everywhere."""

    pan: PanRange | None = None
    tilt: TiltRange | None = None


class PatrolPose(Model):
    """One stop of a patrol as a direction; `dwell_s` of its own, or the patrol's."""

    pan_deg: float = Field(ge=-360, le=360)
    tilt_deg: float = Field(ge=-90, le=90)
    zoom: float = Field(default=0, ge=0, le=1)
    dwell_s: float | None = Field(default=None, ge=SHORTEST_DWELL_S, le=LONGEST_DWELL_S)


class Patrol(Model):
    """`[[camera.ptz.patrol]]`: a round of `presets` or of `poses`, `dwell_s` seconds at each, over and over."""

    name: Token
    dwell_s: float = Field(default=10, ge=SHORTEST_DWELL_S, le=LONGEST_DWELL_S)
    presets: Annotated[tuple[Token, ...], Listed] = Field(default=(), max_length=64)
    poses: Annotated[tuple[PatrolPose, ...], Listed] = Field(default=(), max_length=64)

    @field_validator("poses")
    @classmethod
    def _one_kind(cls, poses: tuple[PatrolPose, ...], info: ValidationInfo) -> tuple[PatrolPose, ...]:
        presets = info.data.get("presets")
        if presets is not None and bool(presets) == bool(poses):
            raise fault(
                en="a patrol stops at presets or at poses: give one of the two, with at least one stop",
                fr="une ronde s'arrête à des presets ou à des poses : donner l'un des deux, avec au moins un arrêt",
            )
        return poses


class Ptz(Model):
    """`[camera.ptz]`: what the head can do, how late it tells, and what it does when nobody steers."""

    pan_deg: PanRange = (-180.0, 180.0)
    tilt_deg: TiltRange = (-90.0, 90.0)
    pan_speed_deg_s: float = Field(default=120, gt=0, le=1000)
    tilt_speed_deg_s: float = Field(default=60, gt=0, le=1000)
    zoom_speed_per_s: float = Field(default=0.5, gt=0, le=100)
    pose_age_ms: float = Field(default=200, ge=0, le=2000)
    video_age_ms: float = Field(default=300, ge=0, le=2000)
    hold_ms: float = Field(default=300, ge=0, le=500)
    accuracy_deg: float = Field(default=0.05, ge=0.002, le=1)
    accuracy_zoom: float = Field(default=0.001, ge=0.00002, le=0.1)
    """Of the pan and tilt, and of the zoom, that it reports, with their rounding."""
    home: Annotated[Words, Field(max_length=64)] = ""
    """A preset; empty: the head's own home position."""
    idle_return_s: float = Field(default=0, ge=0, le=LONGEST_DWELL_S)
    """Without an order for so long it goes home, or on `idle_patrol`; 0: it stays where it was left."""
    limits_deg: Limits = Limits()
    patrol: Annotated[tuple[Patrol, ...], Listed] = Field(default=(), max_length=16)
    idle_patrol: Annotated[Words, Field(max_length=64)] = ""

    @field_validator("limits_deg")
    @classmethod
    def _inside(cls, limits: Limits, info: ValidationInfo) -> Limits:
        for mine, name in ((limits.pan, "pan_deg"), (limits.tilt, "tilt_deg")):
            low, high = info.data.get(name, (-360.0, 360.0))
            if mine is not None and not (low <= mine[0] and mine[1] <= high):
                raise fault(
                    en=f"reaches beyond {name}, where the head cannot go; keep it within [{low:g}, {high:g}]",
                    fr=f"dépasse {name}, où la tête ne va pas ; rester dans [{low:g}, {high:g}]",
                )
        return limits

    @field_validator("patrol")
    @classmethod
    def _apart(cls, patrol: tuple[Patrol, ...]) -> tuple[Patrol, ...]:
        names = [one.name for one in patrol]
        if len(set(names)) < len(names):
            raise fault(en="two patrols have the same name", fr="deux rondes portent le même nom")
        return patrol

    @field_validator("idle_patrol")
    @classmethod
    def _known(cls, idle_patrol: str, info: ValidationInfo) -> str:
        if idle_patrol and idle_patrol not in {one.name for one in info.data.get("patrol", ())}:
            raise fault(
                en="names no patrol; give the name of a [[camera.ptz.patrol]]",
                fr="ne nomme aucune ronde ; donner le nom d'un [[camera.ptz.patrol]]",
            )
        return idle_patrol

    def reach(self) -> tuple[tuple[float, float], tuple[float, float]]:
        """((lowest, highest) pan, (lowest, highest) tilt) in degrees that orders may steer to."""
        return self.limits_deg.pan or self.pan_deg, self.limits_deg.tilt or self.tilt_deg

    @model_validator(mode="after")
    def _stops_within_reach(self) -> Self:
        pan, tilt = self.reach()
        text = fault(
            en="lies beyond pan_deg, tilt_deg or limits_deg, where the head may not go",
            fr="est au-delà de pan_deg, tilt_deg ou limits_deg, où la tête ne doit pas aller",
        )
        faults = [
            InitErrorDetails(type=text, loc=("patrol", i, "poses", j), input=None)
            for i, patrol in enumerate(self.patrol)
            for j, pose in enumerate(patrol.poses)
            if not (pan[0] <= pose.pan_deg <= pan[1] and tilt[0] <= pose.tilt_deg <= tilt[1])
        ]
        if faults:
            raise ValidationError.from_exception_data("ptz", faults)
        return self


def head_part(part: object, info: ValidationInfo, missing: PydanticCustomError | None) -> None:
    """A fault when a table of a turning head stands at a camera that does not turn, or `missing` where it must be."""
    kind = info.data.get("kind")
    if part is None and kind == "ptz" and missing is not None:
        raise missing
    if part is not None and kind in ("fixed", "panoramic"):
        raise fault(
            en='serves kind = "ptz" only; take it out, or correct the kind',
            fr='ne sert qu\'à kind = "ptz" ; le retirer, ou corriger kind',
        )
