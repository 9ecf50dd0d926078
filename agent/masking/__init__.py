"""Masking: a `Frame` goes in, a `MaskedFrame` comes out, and nothing else in Vigie can make one.

Laws
- One copy of the decoded planes, then the masks are burned into the copy: the decoder still predicts from its own.
- Whatever is not understood is masked whole: a start, a new connection, a new size or format, an unknown pixel format.
- There is no switch. A camera without masks is a signed configuration, not a mode.

    masker = Masker("parvis-fixed", "Parvis, fixe", masks)
    masked = masker.mask(frame)

A camera that turns has its masks in the world, and each picture comes with the set of poses that it may show:

    masker = PtzMasker("parvis-ptz", "Parvis, dôme", [WorldMask(polygon)], ZoomTable(zoom, hfov_deg), error_deg=0.3)
    masked = masker.mask(frame, PoseSet((9.8, 10.1), (-4.0, -4.0), (0.0, 0.0)))
"""

from agent.masking.lens import ZoomTable
from agent.masking.masker import Guard, Masker, PtzMasker
from agent.masking.mosaic import PictureMask
from agent.masking.panorama import PanoramaMask
from agent.masking.planes import compute_alone
from agent.masking.sphere import WorldMask

__all__ = ["Guard", "Masker", "PanoramaMask", "PictureMask", "PtzMasker", "WorldMask", "ZoomTable", "compute_alone"]
