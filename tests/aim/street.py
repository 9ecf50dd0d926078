"""A still camera in the virtual street, in process: its luma at any moment, in any weather, under any knock.

life = Life(turning_street, View(-33, 5, 60))
life.run(30)                                     # half a minute of looks through the real guard
life.knock = (2.0, 0.0)
life.run(5)
assert life.blind == Blind("aim-lost")
"""

from collections.abc import Callable
from concurrent.futures import Future
from dataclasses import replace

import cv2
import numpy as np

from agent.aim.guard import AimGuard, Answer
from agent.aim.references import AimState, decode, encode
from agent.clock import Instant, WallTime
from agent.events import Event
from agent.units import Blind
from agent.virtual.figures import Picture
from agent.virtual.render import Lens, TurningStreet, truth
from agent.virtual.sphere import View
from tests.aim.weather import luma

WIDTH, HEIGHT = 704, 576
STRIP = 18
Weather = Callable[[Picture], Picture]


class Clock:
    """A clock that the test owns."""

    def __init__(self) -> None:
        self.now = 1_000_000_000

    def instant(self) -> Instant:
        return Instant(self.now)

    def wall(self) -> WallTime:
        return WallTime(1_795_380_000_000_000_000 + self.now, True, 1.0)


class Keeper:
    """Keeps what a disk would: bytes."""

    def __init__(self) -> None:
        self.kept: dict[str, bytes] = {}

    def load(self, camera: str) -> AimState | None:
        return decode(self.kept[camera]) if camera in self.kept else None

    def put(self, camera: str, state: AimState) -> None:
        self.kept[camera] = encode(state)


class Life:
    """One camera's; `step_s` apart its pictures are looked at as the masker would have them looked at."""

    def __init__(self, street: TurningStreet, view: View, *, step_s: float = 0.25) -> None:
        self.street, self.view, self.step_s = street, view, step_s
        self.lens = Lens(street, WIDTH, HEIGHT)
        self.masks = cv2.dilate(truth(view, WIDTH, HEIGHT), np.ones((5, 5), np.uint8))
        self.clock, self.keeper, self.events = Clock(), Keeper(), list[Event]()
        self.time_s = 5.0
        self.knock = (0.0, 0.0)
        self.zoom = 1.0
        self.roll = 0.0
        self.night = False
        self.weather: Weather = lambda picture: picture
        self.blinds: list[Blind | None] = []
        self.restart()

    def restart(self) -> None:
        """The agent starts again; only what is on disk is left."""
        self.guard = AimGuard("c", self.keeper, self.clock, self.events.append)

    def picture(self) -> Picture:
        """Luma as it comes from the camera now, masks burned flat."""
        if self.street.night != self.night:
            self.street.set_night(self.night)
        pan, tilt = self.knock
        view = replace(
            self.view,
            pan_deg=self.view.pan_deg + pan,
            tilt_deg=self.view.tilt_deg + tilt,
            hfov_deg=self.view.hfov_deg * self.zoom,
        )
        seen = self.lens.picture(view, self.time_s)
        if self.roll:
            centre = (WIDTH / 2, HEIGHT / 2)
            turn = cv2.getRotationMatrix2D(centre, self.roll, 1)
            seen = np.asarray(cv2.warpAffine(seen, turn, (WIDTH, HEIGHT), borderMode=cv2.BORDER_REFLECT), np.uint8)
        seen = luma(self.weather(seen))
        seen[self.masks > 0] = 100
        return seen

    def show(self, seen: Picture) -> Blind | None:
        """One picture through the guard."""
        blind = self.guard.look(seen, self.masks, STRIP, self.clock.instant())
        self.blinds.append(blind)
        return blind

    def run(self, seconds: float) -> None:
        """So much of its life."""
        for _ in range(round(seconds / self.step_s)):
            self.clock.now += round(self.step_s * 1e9)
            self.time_s += self.step_s
            if self.guard.due(self.clock.instant()):
                self.show(self.picture())
            else:  # nobody would look at it: not worth drawing
                self.blinds.append(self.blind if self.blinds else None)

    def gap(self) -> None:
        """The connection was lost and is back."""
        self.guard.begin()

    def commission(self) -> None:
        """Until the first reference is there."""
        self.run(11)
        assert self.guard.facts.word == "held"

    def approve(self, by: str = "C. Durand") -> "Future[Answer]":
        """Asks for new references and lets some seconds pass."""
        answer = self.guard.approve(by)
        self.run(5)
        return answer

    @property
    def blind(self) -> Blind | None:
        """Why the last picture was masked whole."""
        return self.blinds[-1]
