"""The key that signs pictures, beside the device key that vouches for it.

`identity/signing.key` is an ECDSA key over P-256 (PKCS#8 PEM, 0600): ONVIF Media Signing's reference validator takes
no Ed25519 (docs/adr/0006). `identity/device.crt` is the root that validators are given.

Laws
- No fault of these files stops the agent, nor the signing: what the old key signed still verifies, as its certificate
  is in the stream and the device key signed it. A damaged key is kept aside, never overwritten, and a new one is made;
  where the disk takes none, a key of this run signs.
- It is told in the journal and as an issue, for as long as what was kept aside lies there.

>>> load_signing(Path("/var/lib/vigie"), load_or_make(Path("/var/lib/vigie"))).key.sign(b"...")
"""

import logging
import os
from dataclasses import dataclass, field
from hashlib import sha256
from pathlib import Path
from typing import TypeGuard

from cryptography.hazmat.primitives.asymmetric.ec import ECDSA, SECP256R1, EllipticCurvePrivateKey, generate_private_key
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

from agent.errors import KeyFileError
from agent.facts import Trouble
from agent.identity import FOLDER, DeviceIdentity, keep_private, load_private, mend
from agent.language import say
from agent.signing import certificates

log = logging.getLogger(__name__)

KEY = "signing.key"
ROOT = "device.crt"
MOST_ASIDE = 8
"""Damaged keys that are kept; then the last place is taken again."""
_ALGORITHM = ECDSA(SHA256())


@dataclass(frozen=True, slots=True)
class SigningKey:
    """The key and its certificate in PEM; the private half appears in no text."""

    key: EllipticCurvePrivateKey = field(repr=False, compare=False)
    chain: bytes

    @property
    def fingerprint(self) -> str:
        """SHA-256 in hex of the public half's SubjectPublicKeyInfo."""
        public = self.key.public_key().public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)
        return sha256(public).hexdigest()

    def sign(self, message: bytes) -> bytes:
        """ECDSA over SHA-256 of `message`, in DER: 72 bytes at the most."""
        return self.key.sign(message, _ALGORITHM)


def certified(identity: DeviceIdentity, key: EllipticCurvePrivateKey) -> SigningKey:
    """`key`, vouched for by the device."""
    return SigningKey(key, certificates.leaf(identity.key, key))


def _is_p256(key: object) -> TypeGuard[EllipticCurvePrivateKey]:
    return isinstance(key, EllipticCurvePrivateKey) and isinstance(key.curve, SECP256R1)


@dataclass(frozen=True, slots=True)
class Loaded:
    """The key that signs from now on, and what a person ought to know of its files."""

    key: SigningKey
    troubles: tuple[Trouble, ...] = ()


def load_signing(state: Path, identity: DeviceIdentity) -> Loaded:
    """The mast's signing key, made at the first call. Whatever its files are like, there is one afterwards."""
    path = state / FOLDER / KEY
    key, why = _load(path)
    if key is None:
        key, why = _make(path, why)
    troubles = [] if why is None else [_unkept(path, why)]
    if left := sorted(one.name for one in path.parent.glob(f"{KEY}.damaged-*")):
        troubles.append(_replaced(path, left))
    root = path.with_name(ROOT)
    try:
        mend(root, certificates.authority(identity.key))
    except OSError as error:
        troubles.append(_unwritten(root, error.strerror or "?"))
    for one in troubles:
        log.warning("%s", say(en=one.en, fr=one.fr))
    return Loaded(certified(identity, key), tuple(troubles))


def _load(path: Path) -> tuple[EllipticCurvePrivateKey | None, str | None]:
    """The key; where it is damaged, the file is moved aside, and where that fails too it is told why."""
    try:
        if path.is_file() or not os.path.lexists(path):  # opening a pipe would wait for ever
            return load_private(path, _is_p256, say(en="a P-256", fr="P-256")), None
    except (KeyFileError, OSError) as error:
        log.info("%s", error)
    places = [path.with_name(f"{KEY}.damaged-{n}") for n in range(1, MOST_ASIDE + 1)]
    try:
        path.rename(next((one for one in places if not os.path.lexists(one)), places[-1]))
    except OSError as error:
        return None, error.strerror or "?"
    return None, None


def _make(path: Path, why: str | None) -> tuple[EllipticCurvePrivateKey, str | None]:
    """A new key, on disk unless `why` says that it cannot be, or the disk refuses."""
    key = generate_private_key(SECP256R1())
    if why is None:
        try:
            keep_private(path, key)
        except OSError as error:
            why = error.strerror or "?"
    return key, why


def _replaced(path: Path, left: list[str]) -> Trouble:
    names = ", ".join(left)
    return Trouble(
        "signing_key_replaced",
        f"{path} was damaged and a new key signs pictures (what the old one signed still verifies); look at the "
        f"disk, and take away what was kept aside: {names}",
        f"{path} était abîmé, une nouvelle clé signe les images (ce que l'ancienne a signé se vérifie toujours) ; "
        f"vérifier le disque, et retirer ce qui a été mis de côté : {names}",
    )


def _unkept(path: Path, why: str) -> Trouble:
    return Trouble(
        "signing_key_unkept",
        f"{path}: cannot be read or written ({why}); pictures are signed with a key of this run only; mend the disk, "
        "move the file away and restart the agent",
        f"{path} : ni lisible ni inscriptible ({why}) ; les images sont signées par une clé de cette exécution "
        "seulement ; réparer le disque, écarter le fichier et redémarrer l'agent",
    )


def _unwritten(root: Path, why: str) -> Trouble:
    return Trouble(
        "signing_root_unwritten",
        f"{root}: cannot be written ({why}); pictures are signed all the same and device.pub verifies them; move it "
        "away and restart the agent",
        f"{root} : écriture impossible ({why}) ; les images sont signées quand même et device.pub les vérifie ; "
        "l'écarter et redémarrer l'agent",
    )
