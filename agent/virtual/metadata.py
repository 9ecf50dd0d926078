"""The virtual camera's metadata stream: where its head is, told of its own accord, with faults on demand.

    sender = MetadataSender(device, reporter, rtsp.publish_metadata)
    tasks.create_task(sender.run(), name="metadata")
    sender.faults = MetadataFaults(silent=True)

Law: its reporter is its own, so that it can lie, age and lose reports apart from GetStatus.
"""

import asyncio
import time
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Literal

from agent.virtual import onvif_answers as answers
from agent.virtual.onvif_device import Device
from agent.virtual.reports import Reporter
from agent.virtual.soap import ENTITY_BOMB

PERIOD_S = 0.1

Hostile = Literal["", "broken", "empty", "huge", "bomb", "nonsense", "binary"]


@dataclass(frozen=True, slots=True)
class MetadataFaults:
    """How the stream goes wrong. `silent`: nothing is sent and the connection stays open.

    `hostile`: each document is `broken` XML, `empty`, `huge`, an entity `bomb`, well-formed `nonsense`, or `binary`.
    """

    silent: bool = False
    hostile: Hostile = ""


class MetadataSender:
    """Sends a document each `PERIOD_S` to `publish`; `seconds()` is the head's clock."""

    def __init__(
        self,
        device: Device,
        reporter: Reporter,
        publish: Callable[[bytes, int], None],
        seconds: Callable[[], float] = time.monotonic,
    ) -> None:
        self.faults = MetadataFaults()
        self.reporter = reporter
        self._device, self._publish, self._seconds = device, publish, seconds

    async def run(self) -> None:
        """Until it is cancelled."""
        due_s = self._seconds()
        while True:
            due_s = max(due_s + PERIOD_S, self._seconds())
            await asyncio.sleep(due_s - self._seconds())
            _, age_s = self.reporter.delays()
            self.send(self._seconds(), age_s)

    def send(self, now_s: float, age_s: float) -> None:
        """Sends one document now, with a pose that is `age_s` old; a lost one is not sent."""
        report = self.reporter.report(now_s, age_s)
        if report is None or self.faults.silent:
            return
        options = self._device.options
        measured = datetime.now(UTC) + timedelta(seconds=options.clock_skew_s - age_s)
        text = answers.metadata_document(report, measured, options.ranges, move_status=options.move_status)
        self._publish(spoiled(text, self.faults.hostile), round(now_s * 90_000))


def spoiled(text: bytes, how: Hostile) -> bytes:
    """The document as a broken or hostile camera would send it."""
    match how:
        case "broken":
            return text[:-40]
        case "empty":
            return b""
        case "huge":
            return text.replace(b"<tt:PTZ>", b"<a/>" * (1 << 18) + b"<tt:PTZ>")
        case "bomb":
            return _BOMB
        case "nonsense":
            return _NONSENSE
        case "binary":
            return bytes(range(256)) * 4
    return text


_BOMB = (
    f'{ENTITY_BOMB}<tt:MetadataStream xmlns:tt="http://www.onvif.org/ver10/schema"><tt:PTZ><tt:PTZStatus><tt:Position>'
    '<tt:PanTilt x="0" y="0"/><tt:Zoom x="0"/></tt:Position><tt:Error>&a9;</tt:Error></tt:PTZStatus></tt:PTZ>'
    "</tt:MetadataStream>"
).encode()
_NONSENSE = (
    b'<tt:MetadataStream xmlns:tt="http://www.onvif.org/ver10/schema"><tt:PTZ><tt:PTZStatus><tt:Position>'
    b'<tt:PanTilt x="NaN" y="1e308"/><tt:Zoom x="-7"/></tt:Position><tt:MoveStatus><tt:PanTilt>DANCING</tt:PanTilt>'
    b"</tt:MoveStatus><tt:UtcTime>yesterday</tt:UtcTime></tt:PTZStatus></tt:PTZ></tt:MetadataStream>"
)
