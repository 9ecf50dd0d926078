"""The thread that listens to a head's metadata stream, where the camera offers one.

    listener = Listener("parvis-ptz", client, clock, take)      # take(report) for each position
    listener.start()
    listener.stop()

Laws
- Nothing is switched on in the camera: a profile that streams the head's position is used, and without one the camera
  is asked again now and then.
- A stream that breaks is opened again for ever, with growing pauses. Meanwhile GetStatus goes on as without it.
- A document is counted at the moment that its last packet was here, less what it was later than the fastest one; one
  that is later than `LATEST_S` is left out, and a stream of nothing else is opened anew.
"""

import logging
import threading
import time
from collections.abc import Callable

from agent.clock import Clock, Instant
from agent.errors import HeadError, HeadSilent
from agent.ptz.evidence import Report
from agent.ptz.metadata import Delay, read
from agent.ptz.metadata_link import MetadataLink
from agent.ptz.onvif import OnvifClient
from agent.ptz.rtsp import Document
from agent.ptz.status import BadDocument

log = logging.getLogger(__name__)

FIND_S = 5.0
LOOK_AGAIN_S = 600.0
SHORTEST_PAUSE_S, LONGEST_PAUSE_S = 0.5, 60.0
LATEST_S = 1.0
LATE_FOR_S = 10.0
JOIN_S = 3.0


class Listener:
    """Listens from `start` to `stop`; `client` is its own, and `take` is called in its thread."""

    def __init__(self, camera: str, client: OnvifClient, clock: Clock, take: Callable[[Report], None]) -> None:
        self._camera = camera
        self._client = client
        self._clock = clock
        self._take = take
        self._stopping = threading.Event()
        self._link: MetadataLink | None = None
        self._pause_s = SHORTEST_PAUSE_S
        self._thread = threading.Thread(target=self._run, name=f"ptz-listen-{camera}", daemon=True)
        self.fault = ""
        self.heard = self.bad = self.late = 0
        """Positions that counted, documents that could not be read, and documents that came too late."""

    def start(self) -> None:
        """Starts the thread."""
        self._thread.start()

    def stop(self) -> None:
        """Ends the thread."""
        self._stopping.set()
        self._client.cut()
        if self._link is not None:
            self._link.cut()
        if self._thread.is_alive():
            self._thread.join(JOIN_S)

    @property
    def alive(self) -> bool:
        """True while the thread runs."""
        return self._thread.is_alive()

    def _run(self) -> None:
        while not self._stopping.is_set():
            try:
                self._find()
                if self._link is None:
                    self._stopping.wait(LOOK_AGAIN_S)
                    continue
                self._listen(self._link)
            except HeadError as error:
                self._tell_fault(str(error))
            except Exception as error:  # a fault of ours must not end the listening for good
                log.error("%s: %s", self._camera, type(error).__name__)
            self._stopping.wait(self._pause_s)
            self._pause_s = min(LONGEST_PAUSE_S, 2 * self._pause_s)

    def _tell_fault(self, text: str) -> None:
        if text != self.fault and not self._stopping.is_set():
            log.warning("%s: %s", self._camera, text)
        self.fault = text

    def _find(self) -> None:
        """Asks where the stream is; a head that gives none, as while it starts, leaves the address that was known."""
        try:
            self._client.connect(FIND_S)
            self._link = self._client.metadata(FIND_S) or self._link
        except HeadSilent:
            if self._link is None:
                raise
        finally:
            self._client.close()

    def _listen(self, link: MetadataLink) -> None:
        delay, good = Delay(), time.monotonic()
        with link:
            for document in link.documents():
                if self._stopping.is_set():
                    return
                late_s = delay.of(document.stamp, document.received)
                if late_s is None:
                    good = time.monotonic()
                elif late_s > LATEST_S:
                    self.late += 1
                    if time.monotonic() - good > LATE_FOR_S:
                        return
                else:
                    good = time.monotonic()
                    self._count(document, late_s)

    def _count(self, document: Document, late_s: float) -> None:
        try:
            told = read(document.data)
        except BadDocument:
            self.bad += 1
            return
        asked = Instant(document.received - int(late_s * 1e9))
        report = None if told is None else told.report(self._client.spaces, asked, document.received)
        if report is not None:
            self.heard += 1
            self.fault, self._pause_s = "", SHORTEST_PAUSE_S
            self._take(report)
        elif told is not None:
            self.bad += 1
