"""The stage between an encoder and its fan-out: an access unit in, the same one with its signatures out.

    signer = Signer(key, "lievin-042/parvis-fixed/main")
    unit = signer.sign(unit)

The SEI that signs a part of a GOP stands in the first picture after it, before its slices. The one that signs a GOP's
end stands one picture later, behind the keyframe: there a validator that is given a file from a keyframe on sees that
it is about what came before (ONVIF's own takes an SEI before a file's first slice amiss). No picture ever waits:
signing is done within the microseconds that it takes. One thread owns a signer.

What the specification leaves open to change, its parameter sets (a cropping rectangle is one), is signed too: their
SHA-256 stand in the vendor information, as the last words of the firmware's version.
"""

import base64
from dataclasses import replace

from agent import __version__
from agent.signing import nal
from agent.signing.chain import Chain, digest
from agent.signing.document import Document, Period, Vendor, seal, to_be_signed
from agent.signing.keys import SigningKey
from agent.units import AccessUnit

MANUFACTURER = "Vigie"
SETS = "; parameter sets sha256"
MOST_SETS = 4
_EPOCH_100NS = 116_444_736_000_000_000  # 1970 in units of 100 ns since 1601


def name_set(unit: bytes) -> str:
    """A parameter set's SHA-256 as the vendor information writes it: base64url without padding."""
    return base64.urlsafe_b64encode(digest(unit)).decode("ascii").rstrip("=")


def parameter_sets(nals: list[bytes]) -> tuple[str, ...]:
    """The names of all SPS and PPS among NAL units, in order."""
    return tuple(name_set(unit) for unit in nals if nal.kind(unit) in (nal.SPS, nal.PPS))


def signed_sets(firmware: str) -> frozenset[str]:
    """The parameter sets that a document's vendor information names."""
    return frozenset(firmware.partition(SETS)[2].split())


def utc_100ns(utc_ns: int) -> int:
    """Nanoseconds since 1970 -> units of 100 ns since 1601."""
    return utc_ns // 100 + _EPOCH_100NS


def utc_ms(since_1601: int) -> int:
    """Units of 100 ns since 1601 -> milliseconds since 1970."""
    return (since_1601 - _EPOCH_100NS) // 10_000


class Signer:
    """One rendition's chain. `name`: what the pictures are of, such as mast/camera/rendition."""

    def __init__(self, key: SigningKey, name: str) -> None:
        self._key = key
        self._name = name
        self._chain = Chain()
        self._sets: tuple[str, ...] = ()
        self._told = False
        self._waiting = b""

    def sign(self, unit: AccessUnit) -> AccessUnit:
        """The unit, with the signature that is due in it."""
        places = nal.places(unit.data)
        nals = [unit.data[begin:end] for begin, end in places]
        closed = self._chain.take(nals, unit.pts_90k, utc_100ns(unit.wall.utc_ns))
        sets, self._sets = self._sets, parameter_sets(nals) or self._sets
        due, self._waiting = self._waiting, b""
        if closed is not None:
            sei = nal.LONG_START + self._seal(*closed, sets)
            if closed[0].partial:
                due += sei
            else:
                self._waiting = sei
        first = next((begin for (begin, _), one in zip(places, nals, strict=True) if nal.kind(one) in nal.SLICES), None)
        return unit if not due or first is None else replace(unit, data=_insert(unit.data, first, due))

    def _seal(self, period: Period, hashes: tuple[bytes, ...], sets: tuple[str, ...]) -> bytes:
        """The SEI of a period; with its certificate where files begin, and the very first time."""
        tells = not period.partial or not self._told
        self._told = True
        document = Document(period, hashes, self._vendor(sets), self._key.chain if tells else b"")
        message = to_be_signed(document)
        return seal(message, self._key.sign(message))

    def _vendor(self, sets: tuple[str, ...]) -> Vendor:
        named = " ".join(("", *sets)) if sets and len(sets) <= MOST_SETS else ""
        return Vendor(
            f"vigie {__version__}{SETS}{named}" if named else f"vigie {__version__}", self._name, MANUFACTURER
        )


def _insert(data: bytes, slice_at: int, seis: bytes) -> bytes:
    """SEIs with their start codes before the slice that begins at `slice_at` and its own start code."""
    code_at = slice_at - len(nal.START)
    if code_at > 0 and data[code_at - 1] == 0:
        code_at -= 1
    return data[:code_at] + seis + data[code_at:]
