"""What cameras themselves sent, kept aside: packets in memory, decoded only when somebody asks for the pictures.

    witness = Witness(camera.rtsp_url)
    ...
    witness.stop()
    originals = Originals(witness)
    original = originals.at(312)

So judging takes nothing from what runs in real time.
"""

import threading
from collections import deque
from collections.abc import Iterator

import av
import numpy as np

from agent.virtual import frame_code

Luma = np.ndarray
KEPT = 60
"""Originals that are kept behind the newest."""


class Witness:
    """A second client of the camera that keeps what it sends: the packets of each connection."""

    def __init__(self, url: str) -> None:
        self.connections: list[list[bytes]] = []
        self._url = url
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._watch, daemon=True)
        self._thread.start()

    def _watch(self) -> None:
        options = {"rtsp_transport": "tcp", "fpsprobesize": "0", "analyzeduration": "100000"}
        while not self._stop.is_set():
            try:
                with av.open(self._url, options=options, timeout=5) as container:
                    packets: list[bytes] = []
                    self.connections.append(packets)
                    for packet in container.demux(video=0):
                        packets.append(bytes(packet))
                        if self._stop.is_set():
                            return
            except av.FFmpegError:
                self._stop.wait(0.1)  # the camera restarts

    def stop(self) -> None:
        self._stop.set()
        self._thread.join(10)

    def pictures(self) -> Iterator[tuple[int, Luma]]:
        """(number, luma) of every picture, in order."""
        for packets in self.connections:
            decoder = av.CodecContext.create("h264", "r")
            decoder.thread_count = 1
            for packet in packets:
                try:
                    frames = decoder.decode(av.Packet(packet)) if packet else []  # type: ignore[attr-defined]
                except av.FFmpegError:
                    continue
                for frame in frames:
                    luma = frame.to_ndarray(format="gray")
                    if (number := frame_code.read(luma)) is not None:
                        yield number, luma


class Originals:
    """The camera's own pictures by number, going on and never back."""

    def __init__(self, witness: Witness) -> None:
        self._source = witness.pictures()
        self._kept: deque[tuple[int, Luma]] = deque(maxlen=KEPT)

    def at(self, number: int) -> Luma | None:
        """The picture of that number."""
        self._read_until(number)
        return next((luma for one, luma in self._kept if one == number), None)

    def _read_until(self, number: int) -> None:
        while not self._kept or self._kept[-1][0] < number:
            if (fresh := next(self._source, None)) is None:
                return
            self._kept.append(fresh)
