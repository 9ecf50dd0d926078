"""One steering order: JSON bytes -> a value, or OrderRefused (400) that says what is wrong. Pure.

>>> parse(b'{"order": "velocity", "pan": 0.2}')
Velocity(order='velocity', id=None, pan=0.2, tilt=0.0, zoom=0.0)

Laws
- Strict: a misspelt key, a number in quotes, a key that stands twice, nan: all refused. What is left out of `velocity`
  and `relative` is 0; what is left out of `absolute` stays as it is.
- What an order asks for may still be impossible: that is for `pilot` to say (422).
"""

from typing import Annotated, Any, Literal, Self

from pydantic import ConfigDict, Field, TypeAdapter, ValidationError, model_validator

from agent.access.strict import strict_json
from agent.errors import OrderRefused
from agent.faults import describe, fault
from agent.language import say
from agent.models import Model, Words

MOST_BYTES = 4096
FAULTS_TOLD = 4
FARTHEST_DEG = 720.0
Share = Annotated[float, Field(ge=-1, le=1)]
Zoom = Annotated[float, Field(ge=0, le=1)]
Degrees = Annotated[float, Field(ge=-FARTHEST_DEG, le=FARTHEST_DEG)]
Name = Annotated[Words, Field(min_length=1, max_length=64)]


class _Order(Model):
    model_config = ConfigDict(frozen=True, strict=True, extra="forbid", hide_input_in_errors=True, allow_inf_nan=False)

    id: int | None = Field(default=None, ge=0, le=2**53)
    """Comes back in the answer, so that whoever sends many at once can tell them apart."""


class Velocity(_Order):
    """Turn at these shares of full speed; lasts 500 ms unless repeated."""

    order: Literal["velocity"]
    pan: Share = 0.0
    tilt: Share = 0.0
    zoom: Share = 0.0


class Absolute(_Order):
    """Go there."""

    order: Literal["absolute"]
    pan_deg: Degrees | None = None
    tilt_deg: Degrees | None = None
    zoom: Zoom | None = None

    @model_validator(mode="after")
    def _something(self) -> Self:
        if self.pan_deg is None and self.tilt_deg is None and self.zoom is None:
            raise fault(en="give pan_deg, tilt_deg or zoom", fr="donner pan_deg, tilt_deg ou zoom")
        return self


class Relative(_Order):
    """Go so much further."""

    order: Literal["relative"]
    pan_deg: Degrees = 0.0
    tilt_deg: Degrees = 0.0
    zoom: Share = 0.0


class Area(_Order):
    """Show this rectangle of the picture, in its fractions, as large as it will go."""

    order: Literal["area"]
    x: float = Field(ge=0, le=1)
    y: float = Field(ge=0, le=1)
    width: float = Field(gt=0, le=1)
    height: float = Field(gt=0, le=1)

    @model_validator(mode="after")
    def _inside(self) -> Self:
        if self.x + self.width > 1.000001 or self.y + self.height > 1.000001:
            raise fault(
                en="the rectangle reaches beyond the picture; x + width and y + height are 1 at most",
                fr="le rectangle dépasse l'image ; x + width et y + height valent 1 au plus",
            )
        return self


class Stop(_Order):
    """Stand still, now."""

    order: Literal["stop"]


class Home(_Order):
    """Go home."""

    order: Literal["home"]


class Presets(_Order):
    """Which presets are there?"""

    order: Literal["presets"]


class PresetGoto(_Order):
    """Go to a preset, by its token or name."""

    order: Literal["preset_goto"]
    preset: Name


class PresetSet(_Order):
    """Remember where the head is, under this name."""

    order: Literal["preset_set"]
    preset: Name


class PatrolStart(_Order):
    """Begin a patrol of the configuration; without a name the first."""

    order: Literal["patrol_start"]
    patrol: Annotated[Words, Field(max_length=64)] = ""


class PatrolStop(_Order):
    """End the patrol and stand still."""

    order: Literal["patrol_stop"]


Order = (
    Velocity | Absolute | Relative | Area | Stop | Home | Presets | PresetGoto | PresetSet | PatrolStart | PatrolStop
)
_ADAPTER: TypeAdapter[Order] = TypeAdapter(Annotated[Order, Field(discriminator="order")])
NAMES = "velocity, absolute, relative, stop, home, presets, preset_goto, preset_set, area, patrol_start, patrol_stop"


def _malformed(en: str, fr: str) -> OrderRefused:
    return OrderRefused(say(en=en, fr=fr), 400, "malformed")


def parse(raw: bytes) -> Order:
    """The order in `raw`, or OrderRefused (400) with every fault, the first few of them."""
    if len(raw) > MOST_BYTES:
        raise _malformed("an order is 4 KiB at most", "un ordre fait 4 Kio au plus")
    try:
        told: Any = strict_json(raw)
    except ValueError:
        raise _malformed("not JSON, or a key twice", "pas du JSON, ou deux fois la même clé") from None
    if not isinstance(told, dict) or not isinstance(told.get("order"), str):
        raise _malformed(f'give {{"order": ...}} with one of {NAMES}', f'donner {{"order": ...}} parmi {NAMES}')
    try:
        return _ADAPTER.validate_json(raw)
    except ValidationError as error:
        if error.errors(include_input=False)[0]["type"] == "union_tag_invalid":
            raise _malformed(f"no such order; it is one of {NAMES}", f"ordre inconnu ; parmi {NAMES}") from None
        faults = [f"{_key(key)}{text}" for key, text in describe(error)][:FAULTS_TOLD]
        text = "; ".join(faults)
        raise _malformed(f"the order is malformed: {text}", f"l'ordre est mal formé : {text}") from None


def _key(key: str) -> str:
    """A fault's key without the order's own name in front, ready to be followed by what is wrong."""
    inner = key.partition(".")[2]
    return f"{inner}: " if inner else ""
