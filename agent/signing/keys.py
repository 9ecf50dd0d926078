"""The key that signs pictures, beside the device key that vouches for it.

`identity/signing.key` is an ECDSA key over P-256 (PKCS#8 PEM, 0600): ONVIF Media Signing's reference validator takes
no Ed25519 (docs/adr/0006). `identity/device.crt` is the root that validators are given. A lost signing key is made
anew, and what the old one signed still verifies: its certificate is in the stream and the device key signed it.

>>> signing_key(Path("/var/lib/vigie"), load_or_make(Path("/var/lib/vigie"))).sign(b"...")
"""

from dataclasses import dataclass, field
from pathlib import Path
from typing import TypeGuard

from cryptography.hazmat.primitives.asymmetric.ec import ECDSA, SECP256R1, EllipticCurvePrivateKey, generate_private_key
from cryptography.hazmat.primitives.hashes import SHA256

from agent.identity import FOLDER, DeviceIdentity, keep_private, load_private, mend, refused
from agent.language import say
from agent.signing import certificates

KEY = "signing.key"
ROOT = "device.crt"
_ALGORITHM = ECDSA(SHA256())


@dataclass(frozen=True, slots=True)
class SigningKey:
    """The key and its certificate in PEM; the private half appears in no text."""

    key: EllipticCurvePrivateKey = field(repr=False, compare=False)
    chain: bytes

    def sign(self, message: bytes) -> bytes:
        """ECDSA over SHA-256 of `message`, in DER: 72 bytes at the most."""
        return self.key.sign(message, _ALGORITHM)


def certified(identity: DeviceIdentity, key: EllipticCurvePrivateKey) -> SigningKey:
    """`key`, vouched for by the device."""
    return SigningKey(key, certificates.leaf(identity.key, key))


def _is_p256(key: object) -> TypeGuard[EllipticCurvePrivateKey]:
    return isinstance(key, EllipticCurvePrivateKey) and isinstance(key.curve, SECP256R1)


def signing_key(state: Path, identity: DeviceIdentity) -> SigningKey:
    """The mast's signing key, made at the first call; KeyFileError names the file and the mend."""
    path = state / FOLDER / KEY
    try:
        key = load_private(path, _is_p256, say(en="a P-256", fr="P-256"))
        if key is None:
            key = keep_private(path, generate_private_key(SECP256R1()))
        mend(path.with_name(ROOT), certificates.authority(identity.key))
    except OSError as error:
        raise refused(path, error.strerror or "?") from error
    return certified(identity, key)
