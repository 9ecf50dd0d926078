"""What a thief of a mast's disk would try: every key on it at every sealed segment, and a search for anything plain.

    findings(image, vault_key) == []        # nothing opens, nothing plain or secret stands anywhere in the image

Laws
- What is tried is taken from the image alone; the vault's identity tells only what to search for.
- Files are searched as bytes: free pages and write-ahead logs of the index are searched with them.
- Names of finds begin with `opens`, `secret` or `plain`.
"""

import base64
import hashlib
import re
import subprocess
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path
from tempfile import TemporaryDirectory

import av
import pyrage
from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric.x25519 import X25519PrivateKey, X25519PublicKey
from cryptography.hazmat.primitives.ciphers.aead import ChaCha20Poly1305
from cryptography.hazmat.primitives.kdf.hkdf import HKDF

KEY_FILE_BYTES = 4096
"""A file up to here may be a key; each 32 bytes of it are tried."""
TRACE_BYTES = 24
BECH32 = "qpzry9x8gf2tvdw0s3jn54khce6mua7l"
IDENTITY = re.compile(rb"AGE-SECRET-KEY-1[A-Z0-9]+", re.IGNORECASE)
BOXES = {name: re.compile(rb"\x00..." + name.encode(), re.DOTALL) for name in ("ftyp", "moof", "moov", "mdat", "avcC")}
"""A box is shorter than 16 MiB: its length begins with a zero, which no base64 and hardly any ciphertext has there."""


def scalar_of(identity: str) -> bytes:
    """The 32 bytes of an `AGE-SECRET-KEY-1...` (bech32, BIP 173)."""
    digits = [BECH32.index(one) for one in identity.strip().lower().rpartition("1")[2][:-6]]
    number = int("".join(f"{one:05b}" for one in digits)[:256], 2)
    return number.to_bytes(32)


def stanzas(sealed: bytes) -> list[tuple[bytes, bytes]]:
    """(ephemeral share, wrapped file key) of each X25519 recipient in an age header."""
    header = sealed.partition(b"\n---")[0]
    found = re.findall(rb"-> X25519 ([A-Za-z0-9+/]{43})\n([A-Za-z0-9+/]{43})", header)
    return [(base64.b64decode(share + b"="), base64.b64decode(body + b"=")) for share, body in found]


def file_key(sealed: bytes, scalar: bytes) -> bytes | None:
    """The 16 bytes that a segment is sealed with, if `scalar` is one of its recipients' (age-encryption.org/v1)."""
    key = X25519PrivateKey.from_private_bytes(scalar)
    for share, body in stanzas(sealed):
        salt = share + key.public_key().public_bytes_raw()
        shared = key.exchange(X25519PublicKey.from_public_bytes(share))
        wrap = HKDF(hashes.SHA256(), 32, salt, b"age-encryption.org/v1/X25519").derive(shared)
        try:
            return ChaCha20Poly1305(wrap).decrypt(bytes(12), body, None)
        except InvalidTag:
            continue
    return None


def files(image: Path) -> list[Path]:
    return sorted(path for path in image.rglob("*") if path.is_file())


def key_files(image: Path) -> list[Path]:
    return [path for path in files(image) if path.stat().st_size <= KEY_FILE_BYTES]


def segments(image: Path) -> list[Path]:
    return [path for path in files(image) if path.name.endswith(".mp4.age")]


def forms(content: bytes) -> Iterator[bytes]:
    """A key file's bytes, and what its lines, its PEM body and its words hold as base64 or hexadecimal."""
    yield content
    body = b"".join(line for line in content.splitlines() if not line.startswith(b"-"))
    for text in (body, *content.split()):
        word = text.translate(bytes.maketrans(b"-_", b"+/")).rstrip(b"=")
        if re.fullmatch(rb"[A-Za-z0-9+/]{43,}", word) and len(word) % 4 != 1:
            yield base64.b64decode(word + b"=" * (-len(word) % 4))
        if re.fullmatch(rb"([0-9A-Fa-f]{2}){32,}", text):
            yield bytes.fromhex(text.decode())


def scalars(content: bytes) -> set[bytes]:
    """Each 32 bytes in a row of each form, as they are and as the seed of an Ed25519 key (RFC 8032, 5.1.5)."""
    windows = {form[at : at + 32] for form in forms(content) for at in range(len(form) - 31)}
    return windows | {hashlib.sha512(one).digest()[:32] for one in windows}


def ssh_forms(content: bytes) -> list[bytes]:
    """A private key in PEM as OpenSSH writes it, which age takes too."""
    try:
        key = serialization.load_pem_private_key(content, None)
    except (ValueError, TypeError):
        return []
    nothing = serialization.NoEncryption()
    return [key.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.OpenSSH, nothing)]


def opened_by_libraries(image: Path) -> list[str]:
    """pyrage with all identities that stand in the image's bytes; each 32 bytes of each key file as X25519."""
    identities: list[pyrage.x25519.Identity | pyrage.ssh.Identity] = []
    for path in files(image):
        for text in IDENTITY.findall(path.read_bytes()):
            try:
                identities.append(pyrage.x25519.Identity.from_str(text.decode().upper()))
            except pyrage.IdentityError:
                continue
    raw = set[bytes]()
    for path in key_files(image):
        content = path.read_bytes()
        raw |= scalars(content)
        for form in ssh_forms(content):
            with suppress(pyrage.IdentityError):  # age takes no ECDSA key
                identities.append(pyrage.ssh.Identity.from_buffer(form))
    public = {X25519PrivateKey.from_private_bytes(one).public_key().public_bytes_raw(): one for one in raw}
    seen = []
    for path in segments(image):
        sealed = path.read_bytes()
        seen += [f"opens {path.name}: 32 bytes" for one in public.values() if file_key(sealed, one) is not None]
        try:
            pyrage.decrypt(sealed, identities)
            seen.append(f"opens {path.name}: an identity")
        except pyrage.DecryptError:
            continue
    return seen


def opened_by_age(image: Path) -> list[str]:
    """Stock `age` with each key file, as it is and as OpenSSH would write it."""
    seen = []
    with TemporaryDirectory() as folder:
        identity = Path(folder) / "identity"
        for path in key_files(image):
            content = path.read_bytes()
            for form in (content, *ssh_forms(content)):
                identity.write_bytes(form)
                for segment in segments(image):
                    command = ["age", "-d", "-i", str(identity), str(segment)]
                    done = subprocess.run(command, capture_output=True, stdin=subprocess.DEVNULL, check=False)
                    if done.returncode == 0 or done.stdout:
                        seen.append(f"opens {segment.name}: age with {path.name}")
    return seen


def written(secret: bytes) -> list[bytes]:
    """A secret as bytes, hexadecimal and base64."""
    return [secret, secret.hex().encode(), secret.hex().upper().encode(), base64.b64encode(secret).rstrip(b"=")]


def parameter_sets(plain: bytes, folder: Path) -> list[bytes]:
    """The encoder's own SPS and PPS, in one as `avcC` has them and each with its start code."""
    path = folder / "plain.mp4"
    path.write_bytes(plain)
    with av.open(str(path)) as container:
        extra = bytes(container.streams.video[0].codec_context.extradata or b"")
    length = int.from_bytes(extra[6:8])
    sps, rest = extra[8 : 8 + length], extra[8 + length + 1 :]
    pps = rest[2 : 2 + int.from_bytes(rest[:2])]
    assert sps[0] & 31 == 7, "no SPS"
    assert pps[0] & 31 == 8, "no PPS"
    return [extra, sps, b"\x00\x00\x00\x01" + pps, len(pps).to_bytes(4) + pps]


def sought(image: Path, vault_key: Path) -> dict[str, set[bytes]]:
    """What must not stand in the image: the vault's identity, each segment's keys, and what they open."""
    (text,) = IDENTITY.findall(vault_key.read_bytes())
    scalar = scalar_of(text.decode())
    wanted = {"secret identity": {text, text.lower(), *written(scalar)}, "secret file key": set(), "plain": set()}
    public = b"".join(path.read_bytes() for path in image.rglob("*.crt"))  # a signed film carries it
    with TemporaryDirectory() as folder:
        for path in segments(image):
            sealed = path.read_bytes()
            key = file_key(sealed, scalar)
            assert key is not None, "the vault's own identity opens its segments"
            wanted["secret file key"].update(written(key))
            plain = pyrage.decrypt(sealed, [pyrage.x25519.Identity.from_str(text.decode())])
            wanted["plain"].update(parameter_sets(plain, Path(folder)))
            traces = (plain[at : at + TRACE_BYTES] for at in range(0, len(plain) - TRACE_BYTES, 4099))
            wanted["plain"].update(one for one in traces if len(set(one)) > 8 and one not in public)
    return wanted


def standing(image: Path, vault_key: Path) -> list[str]:
    """What stands plain in which file."""
    wanted = sought(image, vault_key)
    seen = []
    for path in files(image):
        content = path.read_bytes()
        seen += [f"plain {name} in {path.name}" for name, form in BOXES.items() if form.search(content)]
        for name, texts in wanted.items():
            seen += [f"{name} in {path.name}" for text in texts if text in content]
    return seen


def findings(image: Path, vault_key: Path) -> list[str]:
    """All that a full image of a mast's disk gives away; nothing, if the mast keeps its promise."""
    return [*opened_by_libraries(image), *opened_by_age(image), *standing(image, vault_key)]
