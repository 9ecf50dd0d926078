"""Access units in, signed periods out: the signer's side of ONVIF Media Signing 26.06 (sections 5.3 to 5.6). Pure.

Laws
- Every slice is hashed, in the order of the stream. A GOP's first slice is its anchor, h = H(slice); every other slice
  of the GOP is hashed with it, H(h, H(slice)).
- A period ends where a GOP ends, or before its first picture that lies `PERIOD_90K` or more behind its begin. So a file
  that is cut anywhere has its signatures up to half a second before the cut.
- Each period names the first hash of the one before, and counts one more: none can be left out, added or moved.
- A new connection or another encoder goes on in the same chain: what was published is what was hashed.

>>> chain.take(nals, pts_90k, utc_100ns)     # the period that this picture ended, mostly None
"""

from collections.abc import Sequence
from hashlib import sha256

from agent.signing import nal
from agent.signing.document import NO_LINK, Period, list_hash

PERIOD_90K = 45_000
MOST_NALS = 300
"""In one period; then it is signed whatever the time. Validators need not hold more."""


def digest(unit: bytes) -> bytes:
    """H(F): SHA-256 from the header to the stop bit."""
    return sha256(unit).digest()


def linked(anchor: bytes, plain: bytes) -> bytes:
    """H(h, H(F)) for every slice but the anchor."""
    return sha256(anchor + plain).digest()


class Chain:
    """The state from one picture to the next."""

    def __init__(self) -> None:
        self._anchor: bytes | None = None
        self._hashes: list[bytes] = []
        self._link = NO_LINK
        self._counter = 0
        self._begin_90k = 0
        self._begin_100ns = 0

    def take(self, nals: Sequence[bytes], pts_90k: int, utc_100ns: int) -> tuple[Period, tuple[bytes, ...]] | None:
        """The period (with its hashes) that ends before this picture, or None while it goes on."""
        slices = [unit for unit in nals if nal.kind(unit) in nal.SLICES]
        gop = any(nal.starts_gop(unit) for unit in slices)
        closed = None
        if self._hashes and (gop or self._is_due(len(slices), pts_90k)):
            closed = self._close(utc_100ns, partial=not gop)
        if not self._hashes:
            self._begin_90k, self._begin_100ns = pts_90k, utc_100ns
        for unit in slices:
            self._hash(unit)
        return closed

    def _is_due(self, coming: int, pts_90k: int) -> bool:
        return pts_90k - self._begin_90k >= PERIOD_90K or len(self._hashes) + coming > MOST_NALS

    def _hash(self, unit: bytes) -> None:
        plain = digest(unit)
        if nal.starts_gop(unit):
            self._anchor = plain
            self._hashes.append(plain)
        elif self._anchor is not None:  # before the first keyframe there is nothing to hang on
            self._hashes.append(linked(self._anchor, plain))

    def _close(self, end_100ns: int, *, partial: bool) -> tuple[Period, tuple[bytes, ...]]:
        hashes = tuple(self._hashes)
        self._counter += 1
        period = Period(
            partial, self._begin_100ns, end_100ns, self._counter, len(hashes), list_hash(hashes), self._link
        )
        self._link = hashes[0]
        self._hashes.clear()
        return period, hashes
