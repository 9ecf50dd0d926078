"""From frames to masked frames: at once for a camera that stands still, after a hold for one that turns.

    line = line_of(settings, clock, aims, emit)    # a StillLine or a TurningLine, by the camera's kind
    for masked in line.take(frame):          # None when no frame came for a moment
        encode(masked)

Laws
- A frame waits for the reports around it (`hold_ms`) and never longer; what waits is bounded.
- While a head rests its frames are looked at by twos, which costs hardly more than one: each is looked at before it is
  judged, and each by itself again from the first that shows any motion.
- Whatever goes wrong, `restart` begins again with the whole picture masked.
"""

from collections import deque
from collections.abc import Iterator
from typing import Protocol

from agent.aim.guard import AimGuard, Keeper
from agent.aim.head_lens import HeadLens
from agent.cameras import Camera as Settings
from agent.cameras import Mask
from agent.clock import Clock
from agent.events import Emit
from agent.facts import AimFacts
from agent.lenses import CylindricalLens, EquirectangularLens, FisheyeLens, ZoomLens
from agent.masking import Masker, PanoramaMask, PictureMask, PtzMasker, WorldMask, ZoomTable
from agent.masking.mosaic import StillMask
from agent.ptz.head import HeadSettings, TurningHead
from agent.ptz.optics import Optics
from agent.ptz.plan import limits_of
from agent.units import Frame, MaskedFrame

MOST_HELD_S = 1.0
"""Frames that wait beyond this much of the configured rate are a fault, and the oldest is given up."""


class Line(Protocol):
    """One camera's way from frames to masked frames; one thread owns it."""

    head: TurningHead | None
    guard: AimGuard | None

    @property
    def aim(self) -> AimFacts:
        """Whether it points where it did, and its lens."""
        ...

    @property
    def hold_ms(self) -> float:
        """How long the picture that left last had waited for the reports around it; 0 where none waits."""
        ...

    def take(self, frame: Frame | None) -> Iterator[MaskedFrame]:
        """What may leave now; each is valid until the second-next one."""
        ...

    def restart(self) -> None:
        """Begins again, blind."""
        ...


class StillLine:
    """A fixed or panoramic camera: each frame leaves at once."""

    head: TurningHead | None = None
    hold_ms = 0.0

    def __init__(self, settings: Settings, clock: Clock, aims: Keeper, emit: Emit) -> None:
        self._settings = settings
        fisheye = settings.lens if isinstance(settings.lens, FisheyeLens) else None
        self._guard = AimGuard(settings.id, aims, clock, emit, fisheye)
        self.guard: AimGuard | None = self._guard
        self.restart()

    @property
    def aim(self) -> AimFacts:
        """As its guard says."""
        return self._guard.facts

    def restart(self) -> None:
        """Begins again, blind; the guard remembers."""
        masks = [_still(mask, self._settings) for mask in self._settings.mask]
        self._masker = Masker(self._settings.id, self._settings.name, masks, self._guard)

    def take(self, frame: Frame | None) -> Iterator[MaskedFrame]:
        """The frame with its masks burned."""
        if frame is not None:
            yield self._masker.mask(frame)


class TurningLine:
    """A PTZ camera: each frame is looked at when it comes and masked when the reports around it are there."""

    guard: AimGuard | None = None

    def __init__(self, settings: Settings, clock: Clock, emit: Emit) -> None:
        self._settings = settings
        self._lens = HeadLens(settings.id, emit)
        self._clock = clock
        self._turning = TurningHead(head_settings(settings), clock)
        self.head: TurningHead | None = self._turning
        self._held: deque[Frame] = deque(maxlen=max(2, round(settings.fps * MOST_HELD_S)))
        self._unseen: list[Frame] = []
        self._shape: tuple[int, int, int, str] | None = None
        self.hold_ms = 0.0
        self.restart()

    @property
    def aim(self) -> AimFacts:
        """Its lens; a head's aim is told by its reports."""
        return self._lens.facts

    def restart(self) -> None:
        """Begins again, blind."""
        settings = self._settings
        assert isinstance(settings.lens, ZoomLens)
        masks = [WorldMask(mask.world_deg, mask.style) for mask in settings.mask]
        table = ZoomTable(settings.lens.zoom, settings.lens.hfov_deg)
        error_deg = settings.lens.calibration_error_deg
        hfov_error = settings.lens.hfov_error
        self._masker = PtzMasker(settings.id, settings.name, masks, table, error_deg=error_deg, hfov_error=hfov_error)
        self._held.clear()
        self._unseen.clear()

    def take(self, frame: Frame | None) -> Iterator[MaskedFrame]:
        """Every held frame that has waited long enough, under the pose set that is known for it by now."""
        if frame is not None:
            self._unseen.append(frame)
            self._held.append(frame)
        if frame is None or len(self._unseen) > 1 or not self._turning.rests:
            self._look_at_all()
        hold_ns = self._turning.hold_s * 1e9
        while self._held and self._clock.instant() - self._held[0].taken >= hold_ns:
            one = self._held.popleft()
            if self._unseen and one is self._unseen[0]:
                self._look_at_all()
            self.hold_ms = (self._clock.instant() - one.taken) / 1e6
            pose = self._turning.judge(one.taken)
            masked = self._masker.mask(one, pose)
            self._lens.look(masked, pose)
            yield masked

    def _look_at_all(self) -> None:
        unseen, self._unseen = self._unseen, []
        for frame in unseen:
            self._look(frame)

    def _look(self, frame: Frame) -> None:
        shape = (frame.epoch, frame.width, frame.height, frame.pixel_format)
        if shape != self._shape:
            self._turning.forget_pictures()
            self._shape = shape
        if frame.planes:
            self._turning.picture(frame.planes[0], frame.taken, frame.pts_90k / 90_000, frame.late_s)


def _still(mask: Mask, settings: Settings) -> StillMask:
    if not mask.world_deg:
        return PictureMask(mask.polygon, mask.style)
    assert isinstance(settings.lens, EquirectangularLens | CylindricalLens | FisheyeLens)
    return PanoramaMask(mask.world_deg, settings.lens, mask.style)


def head_settings(settings: Settings) -> HeadSettings:
    """How a PTZ camera's head is reached and what it can do, as configured."""
    onvif, ptz, lens = settings.onvif, settings.ptz, settings.lens
    assert onvif is not None
    assert ptz is not None
    assert isinstance(lens, ZoomLens)
    return HeadSettings(
        camera=settings.id,
        url=onvif.url,
        username=onvif.username,
        password=onvif.password().get_secret_value(),
        ca_file=onvif.ca_file,
        pan_deg=ptz.pan_deg,
        tilt_deg=ptz.tilt_deg,
        limits=limits_of(ptz, lens),
        optics=Optics(lens.zoom, lens.hfov_deg),
    )


def line_of(settings: Settings, clock: Clock, aims: Keeper, emit: Emit) -> Line:
    """The line for a camera of this kind; `aims` keeps what one that stands still was aimed at."""
    if settings.kind == "ptz":
        return TurningLine(settings, clock, emit)
    return StillLine(settings, clock, aims, emit)
