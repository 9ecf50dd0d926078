"""Capture: RTSP and RTSPS over TCP, V4L2 and files -> `Frame`, for ever.

Laws
- A source that fails is opened again, with jittered backoff, until the agent stops; a stall counts as a failure.
- The audio track is never set up, let alone opened (law 6: nothing audible is captured).
- A credential never appears in a log, an event or an error.
- Whatever comes in (corrupt packets, absent or backward timestamps, another size): carry on and say so.
"""

from agent.capture.capture import Capture
from agent.capture.source import SourceSettings

__all__ = ["Capture", "SourceSettings"]
