"""Keeps a fault in signing away from the pictures: what cannot be signed leaves unsigned, and it is told.

    guard = GuardedSigner(lambda: Signer(key, "lievin-042/parvis-fixed/main"))
    unit = guard.sign(unit)                 # never raises
    guard.reason                            # why nothing is signed now; empty when all is well

After a fault a fresh signer begins a fresh chain at the next keyframe. A validator then finds pictures without a
signature and a restart; it never finds an old chain that goes on over a hole. One thread owns a guard, any may read it.
"""

import logging
from collections.abc import Callable

from agent.signing.signer import Signer
from agent.units import AccessUnit

log = logging.getLogger(__name__)


class GuardedSigner:
    """One rendition's signer, made by `make` and made anew after each fault."""

    def __init__(self, make: Callable[[], Signer]) -> None:
        self._make = make
        self._signer: Signer | None = None
        self.reason = ""
        """The last fault, until a signature is in the stream again."""
        self.failures = 0
        """Faults since the agent's start."""

    def sign(self, unit: AccessUnit) -> AccessUnit:
        """The unit with the signature that is due in it; as it came where there can be none."""
        try:
            if self._signer is None:
                self._signer = self._make()
            signed = self._signer.sign(unit)
        except Exception as error:
            if not self.reason:
                log.exception("%s: pictures cannot be signed", unit.camera)
            self._signer = None
            self.reason = str(error) or type(error).__name__
            self.failures += 1
            return unit
        if signed is not unit:
            self.reason = ""
        return signed
