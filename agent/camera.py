"""One camera's line: capture -> masks -> encoders, in two threads, with what is true of it at any moment.

The capture thread decodes and hands over through `LatestFrame`; the picture thread masks and encodes. Segments and
viewers hang behind the renditions' fan-outs with queues of their own.
"""

import bisect
import logging
import threading
import time
from collections import deque
from collections.abc import Callable
from functools import partial

from agent.aim.guard import AimGuard, Keeper
from agent.capture import Capture, SourceSettings
from agent.clock import Clock
from agent.config import VIEW_MINIMUM
from agent.config import Camera as Settings
from agent.encoding import EncoderSettings, Rendition
from agent.encoding.scale import TILE_BITRATE_KBPS, TILE_SIZE
from agent.errors import EncoderUnavailable
from agent.events import Emit, MasksBlind, MasksRestored, SigningLost, SigningRestored
from agent.facts import LATENCY_BOUNDS_S, CameraFacts, Latency
from agent.language import say
from agent.lines import line_of
from agent.ptz.head import TurningHead
from agent.queues import LatestFrame
from agent.signing.guard import GuardedSigner
from agent.signing.signer import Signer
from agent.units import Blind, Frame, MaskedFrame, MaskState

log = logging.getLogger(__name__)

BURST_FRAMES = 4
"""Frames that may wait after a hiccup of the network: 160 ms at 25 a second."""
RATE_WINDOW_S = 4.0
RATE_TOLERANCE = 0.9
ENCODER_RETRY_S = 1.0


class Meter:
    """Rates over the last few seconds and the latency histogram; one thread writes, any reads."""

    def __init__(self) -> None:
        self._samples: deque[tuple[float, int]] = deque()
        self._lock = threading.Lock()
        self._counts = [0] * (len(LATENCY_BOUNDS_S) + 1)
        self._sum_s = 0.0

    def note(self, size_bytes: int, latency_s: float) -> None:
        """A picture of `size_bytes` left the encoder `latency_s` after it came in."""
        now = time.monotonic()
        with self._lock:
            self._samples.append((now, size_bytes))
            self._trim(now)
            self._counts[bisect.bisect_left(LATENCY_BOUNDS_S, latency_s)] += 1
            self._sum_s += latency_s

    def _trim(self, now: float) -> None:
        while self._samples and now - self._samples[0][0] > RATE_WINDOW_S:
            self._samples.popleft()

    def rates(self) -> tuple[float, float]:
        """(frames a second, kbit/s) over the window."""
        with self._lock:
            self._trim(time.monotonic())
            if len(self._samples) < 2:
                return 0.0, 0.0
            span = self._samples[-1][0] - self._samples[0][0]
            frames = len(self._samples) - 1
            size = sum(size for _, size in self._samples) - self._samples[0][1]
        return (frames / span, size * 8 / span / 1000) if span > 0 else (0.0, 0.0)

    def latency(self) -> Latency:
        """The histogram so far."""
        with self._lock:
            return Latency(tuple(self._counts), self._sum_s)


class Camera:
    """Runs one configured camera from `start` to `stop`."""

    def __init__(
        self, settings: Settings, clock: Clock, emit: Emit, aims: Keeper, signer: Callable[[str], Signer]
    ) -> None:
        """`signer` gives the one for a camera's rendition, such as `parvis-fixed/main`."""
        self.settings = settings
        self._clock = clock
        self._emit = emit
        self._frames = LatestFrame(BURST_FRAMES)
        self._line = line_of(settings, clock, aims, emit)
        self._signers = {name: GuardedSigner(partial(signer, f"{settings.id}/{name}")) for name in ("main", "tile")}
        self.main = Rendition(
            settings.id,
            EncoderSettings(settings.encoder, settings.fps, settings.bitrate_kbps),
            sign=self._signers["main"].sign,
        )
        self.tile = Rendition(
            settings.id,
            EncoderSettings(settings.encoder, settings.fps, TILE_BITRATE_KBPS, threads=1),
            TILE_SIZE,
            sign=self._signers["tile"].sign,
        )
        source = SourceSettings(
            camera=settings.id,
            url=settings.source,
            fps=settings.fps,
            stall_s=settings.stall_seconds,
            username=settings.username,
            password=settings.password().get_secret_value(),
            ca_file=settings.ca_file,
        )
        self._capture = Capture(source, clock, self._frames.put, emit)
        self._meter = Meter()
        self._told: MaskState | None = None
        self._blind_since: float | None = None
        self._unsigned_since: float | None = None
        self._encoder_fault = ""
        self._tile_failed = False
        self._size = (0, 0)
        self._stopping = threading.Event()
        self._thread = threading.Thread(target=self._run, name=f"picture-{settings.id}", daemon=True)

    @property
    def head(self) -> TurningHead | None:
        """The head of a camera that turns."""
        return self._line.head

    def aspect(self) -> float:
        """Width over height of its picture; before the first one the usual 16:9."""
        width, height = self._size
        return width / height if height else 16 / 9

    @property
    def guard(self) -> AimGuard | None:
        """The guard of the aim of a camera that stands still."""
        return self._line.guard

    def start(self) -> None:
        """Starts its threads, and those of its head where it has one."""
        if self.head is not None:
            self.head.start()
        self._thread.start()
        self._capture.start()

    def stop(self) -> None:
        """Ends both threads; what was encoded is in the queues."""
        self._stopping.set()
        self._capture.stop()
        self._frames.close()
        if self._thread.is_alive():
            self._thread.join()
        self._tell_signing("")  # no more pictures leave, signed or not
        if self.head is not None:
            self.head.stop()

    def _run(self) -> None:
        self._guarded(self.main.prepare)
        while not self._stopping.is_set():
            frame = self._frames.get(0.5)
            if frame is None:
                self._capture.check()
            self._guarded(partial(self._pictures, frame))

    def _guarded(self, work: Callable[[], None]) -> None:
        """Does `work`; whatever it meets, this thread lives on and no picture leaves that is not masked."""
        try:
            work()
        except EncoderUnavailable as error:
            self._encoder_fault = str(error)
            log.error("%s: no encoder works: %s", self.settings.id, error)
            self._stopping.wait(ENCODER_RETRY_S)
        except Exception:
            # The picture is lost, never shown: begin again from a whole mosaic.
            log.exception("%s: a picture could not be made", self.settings.id)
            self._line.restart()
            self._stopping.wait(ENCODER_RETRY_S)

    def _pictures(self, frame: Frame | None) -> None:
        for masked in self._line.take(frame):
            self._picture(masked)

    def _picture(self, masked: MaskedFrame) -> None:
        self._tell(masked)
        before = self.main.bytes
        self.main.encode(masked)
        latency_ns = self._clock.instant() - masked.taken
        self._encoder_fault = ""
        self._size = (masked.width, masked.height)
        self._meter.note(self.main.bytes - before, latency_ns / 1e9)
        self._encode_tile(masked)
        self._tell_signing(self._unsigned())

    def _unsigned(self) -> str:
        """Why pictures leave unsigned, recorded or as a tile that somebody watches; empty while none do."""
        if reason := self._signers["main"].reason:
            return reason
        why = self._signers["tile"].reason
        return say(en=f"tile: {why}", fr=f"vignette : {why}") if why else ""

    def _encode_tile(self, masked: MaskedFrame) -> None:
        """The wall goes without where this fails; the recording does not."""
        try:
            self.tile.encode(masked)
        except Exception:
            if not self._tile_failed:
                log.exception("%s: the tile cannot be made", self.settings.id)
            self._tile_failed = True
            self.tile.close()
        else:
            self._tile_failed = False
        if not self.tile.source.watched:
            self._signers["tile"].reason = ""  # none leaves, signed or not

    def _tell(self, masked: MaskedFrame) -> None:
        """Emits the passages between blind and burned."""
        if masked.masks == self._told:
            return
        now = time.monotonic()
        if isinstance(masked.masks, Blind):
            self._blind_since = self._blind_since or now
            self._emit(MasksBlind(self.settings.id, masked.masks.reason))
        elif self._blind_since is not None:
            self._emit(MasksRestored(self.settings.id, round(now - self._blind_since, 3)))
            self._blind_since = None
        self._told = masked.masks

    def _tell_signing(self, reason: str) -> None:
        """Emits the passages between signed and unsigned recordings; an empty reason: none leave unsigned."""
        now = time.monotonic()
        if reason and self._unsigned_since is None:
            self._unsigned_since = now
            self._emit(SigningLost(self.settings.id, reason))
        elif not reason and self._unsigned_since is not None:
            self._emit(SigningRestored(self.settings.id, round(now - self._unsigned_since, 3)))
            self._unsigned_since = None

    def facts(self, *, recording: bool, recording_reason: str, last_segment: str | None, viewers: int) -> CameraFacts:
        """What is true now; the vault's and the live room's part is given."""
        fps, bitrate_kbps = self._meter.rates()
        width, height = self._size
        return CameraFacts(
            id=self.settings.id,
            name=self.settings.name,
            capture=self._capture.state,
            capture_reason=self._capture.reason,
            masks=self._told or Blind("starting"),
            fps=round(fps, 2),
            bitrate_kbps=round(bitrate_kbps, 1),
            width=width,
            height=height,
            encoder=self.main.encoder_name,
            recording=recording and not self._encoder_fault,
            recording_reason=self._encoder_fault or recording_reason,
            last_segment=last_segment,
            viewers=viewers,
            frames=self._capture.frames,
            below_minimum=self._below_minimum(width, height, fps),
            dropped={
                "frames": self._frames.dropped,
                "corrupt": self._capture.corrupt,
                "signatures": sum(one.failures for one in self._signers.values()),
            },
            encoded={"main": self.main.encoded, "tile": self.tile.encoded},
            latency=self._meter.latency(),
            aim=self._line.aim,
            signing_reason=self._unsigned(),
            hold_ms=self._line.hold_ms,
        )

    def _below_minimum(self, width: int, height: int, fps: float) -> bool:
        """True when the pictures are smaller or rarer than the law asks of this view (arrete of 2007-08-03)."""
        least_fps, least_width, least_height = VIEW_MINIMUM[self.settings.view]
        small = width > 0 and (width < least_width or height < least_height)
        settled = self._capture.state == "live" and self.main.encoded > RATE_WINDOW_S * least_fps
        return small or (settled and 0 < fps < least_fps * RATE_TOLERANCE)
