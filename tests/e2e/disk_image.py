"""What a thief of a mast's disk would try: every key on it at every sealed segment, and a search for anything plain.

    findings(image, vault_key) == []        # nothing opens, nothing plain or secret stands anywhere in the image

Laws
- What is tried is taken from the image alone; the vault's identity tells only what to search for.
- Files are searched as bytes: free pages and write-ahead logs of the index are searched with them.
- Open segments, and those that a power cut left torn, are tried and searched for like whole ones.
- Film is searched for by samples of its pictures alone: between them a signed film carries the certificate of its key,
  which lies on the mast too and is no secret.
- Names of finds begin with `opens`, `secret` or `plain`.
"""

import base64
import hashlib
import io
import re
import subprocess
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path
from tempfile import TemporaryDirectory

import pyrage
from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric.x25519 import X25519PrivateKey, X25519PublicKey
from cryptography.hazmat.primitives.ciphers.aead import ChaCha20Poly1305
from cryptography.hazmat.primitives.kdf.hkdf import HKDF

from agent.signing.footage import Footage
from agent.signing.nal import PPS, SLICES, SPS, kind
from agent.vault.chunks import CHUNK_BYTES, whole_chunks

KEY_FILE_BYTES = 4096
"""A file up to here may be a key; each 32 bytes of it are tried."""
TRACE_BYTES = 24
TRACE_EVERY_BYTES = 4099
SLICE_HEADER_BYTES = 16
"""Or more than that: what begins a slice is much the same in many films."""
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
    """The closed ones, torn ones among them."""
    return [path for path in files(image) if path.name.endswith(".mp4.age")]


def sealed_files(image: Path) -> list[Path]:
    """The closed segments, and the open ones of which at least the header is there."""
    open_ones = (path for path in files(image) if path.name.endswith(".mp4.age.part"))
    return [*segments(image), *(path for path in open_ones if stanzas(path.read_bytes()))]


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
    for path in sealed_files(image):
        sealed = path.read_bytes()
        seen += [f"opens {path.name}: 32 bytes" for one in public.values() if file_key(sealed, one) is not None]
        plain = io.BytesIO()
        with suppress(pyrage.DecryptError, OSError):  # a torn segment gives its whole chunks before that
            pyrage.decrypt_io(io.BytesIO(sealed), plain, identities)
        seen += [f"opens {path.name}: an identity"] if plain.getvalue() else []
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
                for segment in sealed_files(image):
                    command = ["age", "-d", "-i", str(identity), str(segment)]
                    done = subprocess.run(command, capture_output=True, stdin=subprocess.DEVNULL, check=False)
                    if done.returncode == 0 or done.stdout:
                        seen.append(f"opens {segment.name}: age with {path.name}")
    return seen


def written(secret: bytes) -> list[bytes]:
    """A secret as bytes, hexadecimal and base64."""
    return [secret, secret.hex().encode(), secret.hex().upper().encode(), base64.b64encode(secret).rstrip(b"=")]


def plain_of(sealed: Path, vault_key: Path) -> bytes:
    """What stock `age` gives with the vault's identity: all of a whole segment, each whole chunk of a torn one."""
    command = ["age", "-d", "-i", str(vault_key), str(sealed)]
    done = subprocess.run(command, capture_output=True, stdin=subprocess.DEVNULL, check=False)
    raw = sealed.read_bytes()
    chunks = len(done.stdout) == whole_chunks(len(raw), raw) * CHUNK_BYTES
    assert done.returncode == 0 or chunks, f"{sealed.name}: {done.stderr.decode()}"
    return done.stdout


def parameter_sets(footage: Footage) -> set[bytes]:
    """The encoder's own SPS and PPS; the short ones with their start code and with their length."""
    told = set()
    for one in footage.header:
        assert kind(one) in (SPS, PPS)
        told |= {b"\x00\x00\x00\x01" + one, len(one).to_bytes(4) + one}
        told |= {one} if kind(one) == SPS else set()
    assert len(told) >= 5, "no SPS, or no PPS"
    return told


def traces(footage: Footage) -> set[bytes]:
    """Samples of the pictures themselves, one each `TRACE_EVERY_BYTES` of them or a little more."""
    told, before, due = set(), 0, 0  # bytes of slices before this one, and where the next sample is due
    for nals in footage.pictures():
        for nal in (one for one in nals if kind(one) in SLICES):
            at = max(SLICE_HEADER_BYTES, due - before)
            while at + TRACE_BYTES <= len(nal):
                told.add(nal[at : at + TRACE_BYTES])
                at += TRACE_EVERY_BYTES
                due = before + at
            before += len(nal)
    return {one for one in told if len(set(one)) > 8}


def sought(image: Path, vault_key: Path) -> dict[str, set[bytes]]:
    """What must not stand in the image: the vault's identity, each segment's keys, and what they open."""
    (text,) = IDENTITY.findall(vault_key.read_bytes())
    scalar = scalar_of(text.decode())
    wanted = {"secret identity": {text, text.lower(), *written(scalar)}, "secret file key": set(), "plain": set()}
    for path in sealed_files(image):
        key = file_key(path.read_bytes(), scalar)
        assert key is not None, "the vault's own identity opens its segments"
        wanted["secret file key"].update(written(key))
        plain = plain_of(path, vault_key)
        if plain:  # not even one chunk of an open one
            with Footage(plain) as footage:
                wanted["plain"] |= parameter_sets(footage) | traces(footage)
    assert wanted["plain"], "there is film to search for"
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
