"""RFC 3161 requests and answers as values. Pure.

Laws
- What goes out is a SHA-256 digest and a nonce: the service learns nothing else.
- An answer counts only when it is granted, names this digest under SHA-256 and this nonce, and is signed under a
  certificate for time-stamping that leads to a configured authority.
- Any bytes may come: what is no such answer is a StampRefused, and nothing else.

>>> verify(answer, digest, nonce, authorities).at
datetime.datetime(2026, 11, 21, 12, 0, tzinfo=datetime.timezone.utc)
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime

from cryptography.x509 import Certificate, ObjectIdentifier
from rfc3161_client import TimeStampResponse, VerificationError, VerifierBuilder, decode_timestamp_response

from agent.errors import StampRefused
from agent.language import say

DIGEST_BYTES = 32
NONCE_BYTES = 8
LARGEST_ANSWER = 64 << 10
SHA256 = ObjectIdentifier("2.16.840.1.101.3.4.2.1")

_IMPRINT = bytes.fromhex("3031 300d 0609 608648016503040201 0500 0420")
"""MessageImprint: SEQUENCE of AlgorithmIdentifier SHA-256 with NULL, and an OCTET STRING of 32 bytes that follow."""


@dataclass(frozen=True, slots=True)
class Stamp:
    """A verified answer: the TimeStampResp in DER, the time that it states, and its request where that is known."""

    raw: bytes
    at: datetime
    query: bytes = b""


def request(digest: bytes, nonce: int) -> bytes:
    """TimeStampReq in DER (RFC 3161 section 2.4.1): version 1, digest, nonce, certificates wanted."""
    if len(digest) != DIGEST_BYTES or not 0 < nonce < 1 << (8 * NONCE_BYTES):
        raise ValueError("a SHA-256 digest and a nonce of 64 bits")
    number = nonce.to_bytes(nonce.bit_length() // 8 + 1, "big")  # DER's sign bit stays clear
    content = b"\x02\x01\x01" + _IMPRINT + digest + bytes([2, len(number)]) + number + b"\x01\x01\xff"
    return bytes([0x30, len(content)]) + content


def nonce_of(query: bytes, digest: bytes) -> int | None:
    """The nonce of a `request` about this digest; None for any other bytes."""
    nonce = int.from_bytes(query[7 + len(_IMPRINT) + DIGEST_BYTES : -3], "big")
    known = 0 < nonce < 1 << (8 * NONCE_BYTES)
    return nonce if known and query == request(digest, nonce) else None


def verify(raw: bytes, digest: bytes, nonce: int | None, authorities: Sequence[Certificate]) -> Stamp:
    """The stamp in an answer; StampRefused says why it is none. `nonce`: None where it is known no more."""
    if len(raw) > LARGEST_ANSWER:
        raise _refused(en="too long an answer", fr="réponse trop longue")
    try:
        return _verified(decode_timestamp_response(raw), raw, digest, nonce, authorities)
    except (ValueError, TypeError, OverflowError, VerificationError) as error:
        raise _refused(en=f"no good stamp ({error})", fr=f"mauvaise réponse ({error})") from None


def _verified(
    answer: TimeStampResponse, raw: bytes, digest: bytes, nonce: int | None, authorities: Sequence[Certificate]
) -> Stamp:
    if answer.status:
        told = ", ".join(answer.status_string)[:200]
        raise _refused(en=f"the service refuses ({answer.status}) {told}", fr=f"refus ({answer.status}) {told}")
    builder = VerifierBuilder(roots=list(authorities))
    verifier = (builder if nonce is None else builder.nonce(nonce)).build()
    imprint = answer.tst_info.message_imprint
    if imprint.hash_algorithm != SHA256:
        raise _refused(en="a stamp of another hash", fr="horodatage d'une autre empreinte")
    verifier.verify(answer, digest)
    at = answer.tst_info.gen_time
    return Stamp(raw, at if at.tzinfo is not None else at.replace(tzinfo=UTC))


def _refused(*, en: str, fr: str) -> StampRefused:
    return StampRefused(say(en=en, fr=fr))
