"""Encoding: masked frames in, H.264 access units out, once a camera and rendition, whatever hangs behind.

Laws
- Only a `MaskedFrame` is encoded: there is no other way in.
- Every keyframe is an IDR with its parameter sets; a GOP lasts two seconds at the most; no B-frames.
- The fan-out never waits: whoever is slow loses its own units, up to the next keyframe.
"""

from agent.encoding.rendition import Rendition
from agent.encoding.settings import EncoderSettings

__all__ = ["EncoderSettings", "Rendition"]
