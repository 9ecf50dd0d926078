"""A moving scene with one solid privacy mask, encoded and signed: what a camera's fan-out looks like to live view.

The picture: a ramp that moves with each frame, a grey rectangle (`MASK`, in fractions) that never changes, and along
the bottom the frame's number as 16 black or white blocks, so that a viewer can tell how old a picture is.
"""

import threading
import time
from fractions import Fraction

import av
import numpy as np

from agent.clock import Instant, SystemClock
from agent.queues import GopQueue
from agent.signing.signer import Signer
from agent.units import AccessUnit, Burned
from tests.signing.material import KEY

MASK = (0.25, 0.25, 0.5, 0.5)
"""Left, top, right, bottom."""
MASK_GREY = 126
BITS = 16


def picture(number: int, width: int, height: int) -> np.ndarray:
    """The scene as planar 4:2:0, (height * 3 // 2, width) uint8."""
    planes = np.full((height * 3 // 2, width), 128, np.uint8)
    luma = planes[:height]
    luma[:] = (np.arange(width) * 2 + number * 8).astype(np.uint16) % 200 + 28
    left, top, right, bottom = MASK
    luma[int(top * height) : int(bottom * height), int(left * width) : int(right * width)] = MASK_GREY
    block = width // BITS
    for bit in range(BITS):
        luma[height - 32 :, bit * block : (bit + 1) * block] = 235 if number >> bit & 1 else 16
    return planes


class Scene:
    """A `UnitSource` with its own encoder thread; `keyframe_requests` and `subscribers` tell what happened to it."""

    def __init__(
        self, width: int = 640, height: int = 480, fps: int = 25, bitrate_kbps: int = 1000, gop: int = 50
    ) -> None:
        self.width, self.height, self.fps, self.bitrate_kbps, self.gop = width, height, fps, bitrate_kbps, gop
        self.keyframe_requests = 0
        self.epoch = 1
        self.pts_offset = 0
        self.number = 0
        self.paused = False
        self._force = False
        self._lock = threading.Lock()
        self._queues: list[GopQueue] = []
        self._replay: list[AccessUnit] = []
        self._clock = SystemClock()
        self._signer = Signer(KEY, "m/parvis/main")
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._run, name="scene")

    @property
    def subscribers(self) -> int:
        return len(self._queues)

    def __enter__(self) -> "Scene":
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._stop.set()
        self._thread.join()

    def subscribe(self, queue: GopQueue, *, replay: bool) -> None:
        with self._lock:
            for unit in self._replay if replay else ():
                queue.put(unit)
            self._queues.append(queue)

    def unsubscribe(self, queue: GopQueue) -> None:
        with self._lock:
            if queue in self._queues:
                self._queues.remove(queue)

    def request_keyframe(self) -> None:
        self.keyframe_requests += 1
        self._force = True

    def _encoder(self) -> av.VideoCodecContext:
        context = av.CodecContext.create("libx264", "w")
        assert isinstance(context, av.VideoCodecContext)
        context.width, context.height, context.pix_fmt = self.width, self.height, "yuv420p"
        context.time_base = Fraction(1, 90_000)
        context.framerate = Fraction(self.fps)
        context.bit_rate = self.bitrate_kbps * 1000
        context.gop_size = self.gop
        context.max_b_frames = 0
        context.profile = "Baseline"
        context.options = {"preset": "ultrafast", "tune": "zerolatency", "nal-hrd": "none"}
        return context

    def _run(self) -> None:
        context = self._encoder()
        start = time.monotonic()
        while not self._stop.wait(max(0.0, start + self.number / self.fps - time.monotonic())):
            self.number += 1
            if not self.paused:
                self._encode(context)

    def _encode(self, context: av.VideoCodecContext) -> None:
        taken = self._clock.instant()
        frame = av.VideoFrame.from_ndarray(picture(self.number, self.width, self.height), format="yuv420p")
        frame.pts = self.number * 90_000 // self.fps
        if self._force:
            self._force = False
            frame.pict_type = av.video.frame.PictureType.I
        for packet in context.encode(frame):
            self._publish(self._signer.sign(self.unit(packet, taken)))

    def unit(self, packet: av.Packet, taken: Instant) -> AccessUnit:
        assert packet.pts is not None
        return AccessUnit(
            camera="parvis",
            data=bytes(packet),
            keyframe=packet.is_keyframe,
            pts_90k=packet.pts + self.pts_offset,
            width=self.width,
            height=self.height,
            taken=taken,
            wall=self._clock.wall(),
            epoch=self.epoch,
            masks=Burned(0.0625),
        )

    def _publish(self, unit: AccessUnit) -> None:
        with self._lock:
            if unit.keyframe:
                self._replay.clear()
            self._replay.append(unit)
            for queue in self._queues:
                queue.put(unit)
