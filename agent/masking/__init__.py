"""Masking: a `Frame` goes in, a `MaskedFrame` comes out, and nothing else in Vigie can make one.

Laws
- One copy of the decoded planes, then the masks are burned into the copy: the decoder still predicts from its own.
- Whatever is not understood is masked whole: a start, a new connection, a new size or format, an unknown pixel format.
- There is no switch. A camera without masks is a signed configuration, not a mode.

    masker = Masker("parvis-fixed", "Parvis, fixe", masks)
    masked = masker.mask(frame)
"""

from agent.masking.masker import Masker
from agent.masking.mosaic import PictureMask

__all__ = ["Masker", "PictureMask"]
