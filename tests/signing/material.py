"""Signed pictures for tests: a real x264 stream, encoded once, signed by a mast's own keys."""

from dataclasses import replace
from functools import cache

import numpy as np
from cryptography.hazmat.primitives.asymmetric.ec import SECP256R1, generate_private_key
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey

from agent.clock import Instant, WallTime
from agent.encoding import EncoderSettings, Rendition
from agent.identity import DeviceIdentity
from agent.queues import GopQueue
from agent.signing.certificates import issued_by
from agent.signing.check import Judge
from agent.signing.keys import SigningKey, certified
from agent.signing.nal import split_annex_b
from agent.signing.signer import Signer
from agent.signing.verdict import Report
from agent.units import AccessUnit, Burned, MaskedFrame

STEP = 3600
BEGIN_NS = 1_795_000_000 * 10**9
WIDTH, HEIGHT = 320, 240


def made_identity() -> DeviceIdentity:
    return DeviceIdentity(Ed25519PrivateKey.generate(), "")


DEVICE = made_identity()


def made_key(identity: DeviceIdentity = DEVICE) -> SigningKey:
    return certified(identity, generate_private_key(SECP256R1()))


KEY = made_key()


def public(identity: DeviceIdentity = DEVICE) -> Ed25519PublicKey:
    return identity.key.public_key()


def masked(n: int, *, epoch: int = 1, seed: int = 0) -> MaskedFrame:
    """Noise that moves: every slice is another one."""
    noise = np.random.default_rng(seed * 10_000 + n).integers(0, 60, (HEIGHT * 3 // 2, WIDTH), np.uint8)
    return MaskedFrame(
        camera="c",
        picture=noise + np.uint8(90),
        width=WIDTH,
        height=HEIGHT,
        full_range=False,
        taken=Instant(n * 40_000_000),
        wall=WallTime(BEGIN_NS + n * 40_000_000, True, 1.0),
        pts_90k=n * STEP,
        epoch=epoch,
        masks=Burned(0.1),
    )


def plain(pictures: int, *, seed: int = 0, threads: int = 2) -> tuple[AccessUnit, ...]:
    """Encoded and not signed: 25 a second, a keyframe every 50. The same each time: x264's slices are not."""
    return _encoded(pictures, seed, threads)


@cache
def _encoded(pictures: int, seed: int, threads: int) -> tuple[AccessUnit, ...]:
    made = Rendition("c", EncoderSettings("x264", bitrate_kbps=1500, threads=threads))
    queue = GopQueue(pictures)
    made.source.subscribe(queue, replay=False)
    for n in range(pictures):
        made.encode(masked(n, seed=seed))
    units = []
    while (unit := queue.get()) is not None:
        units.append(unit)
    assert len(units) == pictures
    return tuple(units)


def signed(
    pictures: int = 160, *, seed: int = 0, threads: int = 2, key: SigningKey = KEY, name: str = "m/c/main"
) -> list[AccessUnit]:
    """The same, signed from its first picture on."""
    signer = Signer(key, name)
    return [signer.sign(unit) for unit in plain(pictures, seed=seed, threads=threads)]


def judge(units: list[AccessUnit], device: DeviceIdentity | None = DEVICE) -> Report:
    """What the judge says of these access units."""
    made = Judge(None if device is None else lambda leaf: issued_by(leaf, public(device)))
    for unit in units:
        made.take(split_annex_b(unit.data))
    return made.report()


def nals(unit: AccessUnit) -> list[bytes]:
    return split_annex_b(unit.data)


def rebuilt(unit: AccessUnit, parts: list[bytes]) -> AccessUnit:
    """The unit with other NAL units in it."""
    return replace(unit, data=b"".join(b"\x00\x00\x00\x01" + part for part in parts))
