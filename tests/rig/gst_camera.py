"""The camera's own process: Debian's gst-rtsp-server, run by the system's python3, which has `gi`.

It reads JSON lines on standard input and answers each with one JSON line. The first line says what to be; each further
one is an order. The end of standard input ends the process, so that it can never outlive the test that started it.

All pictures of a file are read into memory once. From then on one thread hands them to the server at the footage's own
pace, for ever; timestamps run on evenly from one round of the footage to the next. The server's sinks do not wait for
timestamps (the thread keeps the pace), so a jump in time goes out as it is.
"""

import json
import sys
import threading
import time
from dataclasses import dataclass, field
from pathlib import Path
from random import Random
from typing import Any

import gi

gi.require_version("Gst", "1.0")
gi.require_version("GstApp", "1.0")
gi.require_version("GstRtsp", "1.0")
gi.require_version("GstRtspServer", "1.0")
from gi.repository import Gio, GLib, Gst, GstRtsp, GstRtspServer  # noqa: E402  (require_version comes first)

SECOND = 1_000_000_000
START = 100 * SECOND
"""Where timestamps begin, so that a jump back has somewhere to go."""

FORMS = {
    "h264": (
        "h264parse config-interval=-1 ! video/x-h264,stream-format=byte-stream,alignment=au",
        "rtph264pay config-interval=-1",
    ),
    "h265": (
        "h265parse config-interval=-1 ! video/x-h265,stream-format=byte-stream,alignment=au",
        "rtph265pay config-interval=-1",
    ),
    "mjpeg": ("jpegparse", "rtpjpegpay"),
}
"""Codec -> how its pictures are cut out of a file, and what packs them into RTP."""

ALAW_TONE = (bytes([0x2A] * 4 + [0xAA] * 4)) * 1000
"""A second of a loud 1 kHz square wave, A-law at 8 kHz."""


@dataclass
class Footage:
    """A file's pictures: `units` holds (bytes, pts offset in ns) in decoding order, `length_ns` one round."""

    codec: str
    caps: Any
    units: list
    length_ns: int


def read_footage(path: str, codec: str, fps: int) -> Footage:
    """All encoded pictures of a Matroska file."""
    cut = FORMS[codec][0]
    pipeline = Gst.parse_launch(
        f'filesrc location="{path}" ! matroskademux name=d d.video_0 ! queue ! {cut} ! appsink name=out sync=false'
    )
    out = pipeline.get_by_name("out")
    pipeline.set_state(Gst.State.PLAYING)
    units, caps = [], None
    while (sample := out.emit("try-pull-sample", 10 * SECOND)) is not None:
        buffer = sample.get_buffer()
        caps = sample.get_caps()
        units.append((buffer.extract_dup(0, buffer.get_size()), buffer.pts))
    pipeline.set_state(Gst.State.NULL)
    if not units:
        raise RuntimeError(f"no pictures in {path}")
    first = min(pts for _, pts in units)
    length = len(units) * SECOND // fps
    return Footage(codec, caps, [(data, pts - first) for data, pts in units], length)


@dataclass
class Faults:
    """What goes wrong at the moment; the feeding thread reads it before each picture."""

    stalled: bool = False
    corrupt: int = 0
    lose: int = 0
    untimed: int = 0
    jump_ns: int = 0
    footage: Footage | None = None
    random: Random = field(default_factory=lambda: Random(1))


class Feeder:
    """Hands pictures to one media of the server, at their own pace, until told to stop."""

    def __init__(self, camera: "Camera", video: Any, audio: Any) -> None:
        self._camera = camera
        self._video = video
        self._audio = audio
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._run, daemon=True)

    def start(self) -> None:
        """Begins at the footage's first keyframe."""
        self._thread.start()

    def stop(self) -> None:
        """No further picture."""
        self._stop.set()

    def _run(self) -> None:
        faults = self._camera.faults
        interval = SECOND // self._camera.fps
        begin = time.monotonic_ns()
        base, sent = START, 0
        footage = self._camera.footage
        index = 0
        while not self._stop.is_set():
            wait = begin + sent * interval - time.monotonic_ns()
            if wait > 0:
                self._stop.wait(wait / SECOND)
                continue
            if faults.footage is not None:
                base += footage.units[index][1] if index else 0
                footage, faults.footage, index = faults.footage, None, 0
                self._video.set_property("caps", footage.caps)
                self._camera.footage = footage
            if not faults.stalled:
                self._send(footage, index, base, faults)
            index, sent = index + 1, sent + 1
            if index == len(footage.units):
                index, base = 0, base + footage.length_ns

    def _send(self, footage: Footage, index: int, base: int, faults: Faults) -> None:
        data, offset = footage.units[index]
        base, faults.jump_ns = base + faults.jump_ns, faults.jump_ns
        if faults.lose:
            faults.lose -= 1
            return
        if faults.corrupt:
            faults.corrupt -= 1
            data = damage(data, faults.random)
        buffer = Gst.Buffer.new_wrapped(data)
        buffer.pts = base + offset
        if faults.untimed:
            faults.untimed -= 1
            buffer.pts = Gst.CLOCK_TIME_NONE
        if self._video.emit("push-buffer", buffer) != Gst.FlowReturn.OK:
            self._stop.set()
        self._camera.sent += 1
        if self._audio is not None:
            self._send_audio(base + index * SECOND // self._camera.fps)

    def _send_audio(self, pts: int) -> None:
        samples = 8000 // self._camera.fps
        sound = Gst.Buffer.new_wrapped(ALAW_TONE[:samples])
        sound.pts, sound.duration = pts, samples * SECOND // 8000
        self._audio.emit("push-buffer", sound)


def damage(data: bytes, random: Random) -> bytes:
    """About one byte in 200 is another one; start codes, parameter sets and the first slice header stay."""
    harmed = bytearray(data)
    for _ in range(max(4, len(data) // 200)):
        harmed[random.randrange(min(120, len(data) // 2), len(data))] = random.randrange(1, 256)
    return bytes(harmed)


class Camera:
    """The server, its one media factory, and the orders it takes."""

    def __init__(self, setup: dict) -> None:
        self.fps = setup["fps"]
        self.footage = read_footage(setup["footage"], setup["codec"], self.fps)
        self.faults = Faults()
        self.sent = 0
        self._feeders: list[Feeder] = []
        self._audio = setup["audio"]
        self._loop = GLib.MainLoop()
        self._server = GstRtspServer.RTSPServer()
        self._server.set_address(setup["address"])
        self._server.set_service(str(setup["port"]))
        factory = self._factory()
        if setup["certificate"] or setup["username"]:
            self._guard(factory, setup)
        self._server.get_mount_points().add_factory(setup["path"], factory)
        # attach() answers a busy port with 0 and nothing else
        if self._server.attach(None) == 0:
            raise OSError(f"port {setup['port']} cannot be bound")
        self.port = self._server.get_bound_port()

    def _factory(self) -> Any:
        source = "is-live=true format=time block=true max-bytes=40000000"
        launch = f"appsrc name=video {source} ! {FORMS[self.footage.codec][1]} name=pay0 pt=96"
        if self._audio:
            launch += f" appsrc name=audio {source} caps=audio/x-alaw,rate=8000,channels=1 ! rtppcmapay name=pay1"
        factory = GstRtspServer.RTSPMediaFactory()
        factory.set_launch(f"( {launch} )")
        factory.set_shared(True)
        factory.connect("media-configure", self._configure)
        return factory

    def _guard(self, factory: Any, setup: dict) -> None:
        auth = GstRtspServer.RTSPAuth()
        if setup["certificate"]:
            pair = Gio.TlsCertificate.new_from_files(setup["certificate"], setup["private_key"])
            auth.set_tls_certificate(pair)
        token = GstRtspServer.RTSPToken()
        token.set_string("media.factory.role", "viewer")
        if setup["username"]:
            name, password = setup["username"], setup["password"]
            if setup["digest"]:
                auth.set_supported_methods(GstRtsp.RTSPAuthMethod.DIGEST)
                auth.add_digest(name, password, token)
            else:
                auth.add_basic(GstRtspServer.RTSPAuth.make_basic(name, password), token)
        else:
            auth.set_default_token(token)
        factory.add_role_from_structure(
            Gst.Structure.new_from_string("viewer,media.factory.access=true,media.factory.construct=true")
        )
        self._server.set_auth(auth)

    def _configure(self, _factory: Any, media: Any) -> None:
        element = media.get_element()
        element.get_parent().connect("deep-element-added", self._unpaced)
        video, audio = element.get_by_name("video"), element.get_by_name("audio")
        video.set_property("caps", self.footage.caps)
        feeder = Feeder(self, video, audio)
        self._feeders.append(feeder)
        media.connect("unprepared", lambda _media: feeder.stop())
        feeder.start()

    @staticmethod
    def _unpaced(_bin: Any, _sub_bin: Any, element: Any) -> None:
        if element.find_property("sync") is not None:
            # the server itself sets it to true after adding the element
            element.connect(
                "notify::sync", lambda sink, _: sink.get_property("sync") and sink.set_property("sync", False)
            )

    def order(self, order: dict) -> dict:
        """Carries out one order; called in the main loop."""
        faults = self.faults
        match order:
            case {"do": "stall"}:
                faults.stalled = True
            case {"do": "resume"}:
                faults.stalled = False
            case {"do": "corrupt", "pictures": int(count)}:
                faults.corrupt = count
            case {"do": "lose", "pictures": int(count)}:
                faults.lose = count
            case {"do": "untimed", "pictures": int(count)}:
                faults.untimed = count
            case {"do": "jump", "seconds": float(seconds)}:
                faults.jump_ns += int(seconds * SECOND)
            case {"do": "switch", "footage": str(path)}:
                faults.footage = read_footage(path, self.footage.codec, self.fps)
            case {"do": "hang_up"}:
                self._server.client_filter(
                    lambda _server, client: (client.close(), GstRtspServer.RTSPFilterResult.KEEP)[1]
                )
            case {"do": "count"}:
                pass
            case _:
                return {"error": f"unknown order {order}"}
        return {"sent": self.sent, "clients": len(self._server.client_filter(None) or [])}

    def run(self) -> None:
        """Serves until standard input ends."""
        answer({"port": self.port})
        threading.Thread(target=self._listen, daemon=True).start()
        self._loop.run()

    def _listen(self) -> None:
        for line in sys.stdin:
            GLib.idle_add(self._obey, json.loads(line))
        GLib.idle_add(self._loop.quit)

    def _obey(self, order: dict) -> bool:
        answer(self.order(order))
        return False


def answer(line: dict) -> None:
    """One JSON line to whoever started this process."""
    print(json.dumps(line), flush=True)


def main() -> int:
    """Be a camera."""
    setup = json.loads(sys.stdin.readline())
    Gst.init(None)
    if not Path(setup["footage"]).exists():
        answer({"error": f"no footage {setup['footage']}"})
        return 1
    try:
        camera = Camera(setup)
    except (OSError, RuntimeError, GLib.Error) as error:
        answer({"error": str(error)})
        return 1
    camera.run()
    return 0


if __name__ == "__main__":
    sys.exit(main())
