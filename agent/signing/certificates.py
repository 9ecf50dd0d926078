"""X.509 of the signing key: the device key (Ed25519) is the authority, the signing key (P-256) its only leaf.

ONVIF Media Signing wants a chain whose leaf holds the key that signs, and whose root is had from elsewhere. Both
certificates follow from their keys alone, byte for byte: nothing of them needs a clock, and nothing has to be kept.
"""

import datetime
import hashlib

from cryptography import x509
from cryptography.exceptions import InvalidSignature, UnsupportedAlgorithm
from cryptography.hazmat.primitives.asymmetric.ec import SECP256R1, EllipticCurvePrivateKey, EllipticCurvePublicKey
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat
from cryptography.x509.oid import NameOID

MOST_CHAIN_BYTES = 16 << 10
_BEGIN = datetime.datetime(2020, 1, 1, tzinfo=datetime.UTC)
_NEVER = datetime.datetime(9999, 12, 31, 23, 59, 59, tzinfo=datetime.UTC)
"""RFC 5280 section 4.1.2.5: a device's certificate without an end; a mast's clock may be wrong at first."""

_PublicKey = Ed25519PublicKey | EllipticCurvePublicKey


def fingerprint(key: _PublicKey) -> str:
    """The first 16 hex digits of SHA-256 over the key's SubjectPublicKeyInfo."""
    spki = key.public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)
    return hashlib.sha256(spki).hexdigest()[:16]


def _named(text: str) -> x509.Name:
    return x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, text)])


def _usage(*, authority: bool) -> x509.KeyUsage:
    return x509.KeyUsage(
        digital_signature=not authority,
        content_commitment=False,
        key_encipherment=False,
        data_encipherment=False,
        key_agreement=False,
        key_cert_sign=authority,
        crl_sign=False,
        encipher_only=False,
        decipher_only=False,
    )


def _issue(device: Ed25519PrivateKey, subject: str, key: _PublicKey, *, authority: bool) -> x509.Certificate:
    issuer = device.public_key()
    identifier = x509.SubjectKeyIdentifier.from_public_key
    return (
        x509.CertificateBuilder()
        .subject_name(_named(subject))
        .issuer_name(_named(_authority_name(issuer)))
        .public_key(key)
        .serial_number(int(fingerprint(key), 16) | 1)
        .not_valid_before(_BEGIN)
        .not_valid_after(_NEVER)
        .add_extension(x509.BasicConstraints(ca=authority, path_length=0 if authority else None), critical=True)
        .add_extension(_usage(authority=authority), critical=True)
        .add_extension(identifier(key), critical=False)
        .add_extension(x509.AuthorityKeyIdentifier.from_issuer_public_key(issuer), critical=False)
        .sign(device, None)
    )


def _authority_name(device: Ed25519PublicKey) -> str:
    return f"Vigie mast {fingerprint(device)}"


def authority(device: Ed25519PrivateKey) -> bytes:
    """The device key's own certificate in PEM: the root that a validator is given."""
    key = device.public_key()
    return _issue(device, _authority_name(key), key, authority=True).public_bytes(Encoding.PEM)


def leaf(device: Ed25519PrivateKey, key: EllipticCurvePrivateKey) -> bytes:
    """The signing key's certificate in PEM, issued by the device key."""
    public = key.public_key()
    subject = f"Vigie pictures {fingerprint(public)}"
    return _issue(device, subject, public, authority=False).public_bytes(Encoding.PEM)


def read_leaf(chain: bytes) -> x509.Certificate | None:
    """The leaf of a chain out of a stream, if it is a certificate for signing with P-256; hostile bytes give None."""
    if len(chain) > MOST_CHAIN_BYTES:
        return None
    try:
        found = x509.load_pem_x509_certificates(chain)[0]
        usage = found.extensions.get_extension_for_class(x509.KeyUsage).value
        key = found.public_key()
    except (ValueError, IndexError, x509.ExtensionNotFound, x509.DuplicateExtension, UnsupportedAlgorithm, TypeError):
        return None
    fit = isinstance(key, EllipticCurvePublicKey) and isinstance(key.curve, SECP256R1) and usage.digital_signature
    return found if fit else None


def issued_by(certificate: x509.Certificate, device: Ed25519PublicKey) -> bool:
    """True when the device key signed this certificate."""
    try:
        device.verify(certificate.signature, certificate.tbs_certificate_bytes)
    except InvalidSignature:
        return False
    return True
