"""The names in a pack: a closed list, so that no name can lead anywhere else. Pure.

>>> is_pack_name("segments/parvis/2026/11/22/20261122T203711.042Z.mp4.age"), is_pack_name("segments/../x")
(True, False)
"""

import re
from collections.abc import Mapping

from agent.vault.names import FOLDER, parse_name

MANIFEST, REQUISITION = "manifest.json", "requisition.json"
CHECKPOINT, PROOF, WITNESSED = "register/checkpoint", "register/proof.json", "register/witnessed"
SUMS = "SHA256SUMS"
SIGNATURE = ".sig"
DEVICE = "keys/device.pub"
LEAFLETS = {"fr": "LISEZMOI.txt", "en": "README.txt"}
QUERY, STAMP, CHAIN = "timestamp/query.tsq", "timestamp/response.tsr", "timestamp/chain.pem"
ALWAYS = frozenset({MANIFEST, MANIFEST + SIGNATURE, REQUISITION, CHECKPOINT, PROOF, SUMS, SUMS + SIGNATURE, DEVICE})
KNOWN = ALWAYS | {*LEAFLETS.values(), WITNESSED, QUERY, STAMP, CHAIN}
MOST_SEGMENTS = 50_000
LARGEST_SMALL = 256 << 20
"""Of any file but a segment: a manifest of `MOST_SEGMENTS` is some 30 MB."""

_SIGNER = re.compile(r"keys/requisition-[1-9][0-9]?\.pub")
_SUM = re.compile(r"([0-9a-f]{64})  ([!-~]{1,200})")


def signer_name(number: int) -> str:
    """The public key of the requisition's `number`th signer, from 1."""
    return f"keys/requisition-{number}.pub"


def is_segment(name: str) -> bool:
    """Whether `name` is a recording's."""
    return parse_name(name) is not None


def is_pack_name(name: str) -> bool:
    """Whether a pack may hold a file of this name."""
    return name in KNOWN or _SIGNER.fullmatch(name) is not None or is_segment(name)


def is_pack_folder(name: str) -> bool:
    """Whether a pack may hold a folder of this name (without a slash at its end)."""
    return (
        name in ("keys", "register", "timestamp", FOLDER)
        or re.fullmatch(FOLDER + r"/[a-z0-9-]{1,40}(/\d{4}(/\d\d(/\d\d)?)?)?", name, re.ASCII) is not None
    )


def sums_text(sums: Mapping[str, str]) -> bytes:
    """SHA256SUMS as `sha256sum` writes it, by name."""
    return "".join(f"{sums[name]}  {name}\n" for name in sorted(sums)).encode("ascii")


def read_sums(raw: bytes) -> dict[str, str]:
    """Name -> SHA-256 in hex; ValueError for what `sums_text` did not write."""
    found: dict[str, str] = {}
    for line in raw.decode("ascii").splitlines():
        match = _SUM.fullmatch(line)
        if match is None or not is_pack_name(match[2]):
            raise ValueError("no line of a pack's sums")
        found[match[2]] = match[1]
    if sums_text(found) != raw:
        raise ValueError("not in their one form")
    return found
