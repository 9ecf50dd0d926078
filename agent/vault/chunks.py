"""age's chunks, and when to fill one so that little is lost. Pure.

Laws (C2SP age.md, "Payload")
- A file is a header, a 16-byte nonce, then 64 KiB of plaintext a chunk, each sealed as 64 KiB + 16 bytes.
- A full chunk leaves the sealer only when the byte after it has arrived: until then it could be the last one, which is
  sealed differently. So a chunk is filled up to one byte beyond its end.

What is not in a written chunk is lost with the process. A still night scene encodes to almost nothing, and a chunk
would hold minutes of it: an MP4 `free` box (ISO/IEC 14496-12, 8.1.2), which players skip, fills the chunk.

    Loss bound: 1.0 s of pictures from 4000 kbit/s on, 1.5 s below; 0.1 s of it is kept in reserve.
"""

import struct
from dataclasses import dataclass, field

CHUNK_BYTES = 1 << 16
SEALED_CHUNK_BYTES = CHUNK_BYTES + 16
NONCE_BYTES = 16
MAX_HEADER_BYTES = 1 << 16
RESERVE_MS = 100


def header_bytes(head: bytes) -> int | None:
    """Where the first chunk begins in an age v1 file that starts with `head`; None when that is not in it."""
    if not head.startswith(b"age-encryption.org/v1\n"):
        return None
    mac = head.find(b"\n--- ")
    end = head.find(b"\n", mac + 1) if mac >= 0 else -1
    return end + 1 + NONCE_BYTES if end >= 0 else None


def whole_chunks(size_bytes: int, head: bytes) -> int:
    """How many whole chunks stand in a file of `size_bytes` that begins with `head`; a short one does not count."""
    begin = header_bytes(head)
    return 0 if begin is None else max(0, size_bytes - begin) // SEALED_CHUNK_BYTES


def sealed_upto(plain_bytes: int) -> int:
    """How much of `plain_bytes` handed to the sealer has left it in whole chunks."""
    return max(0, plain_bytes - 1) // CHUNK_BYTES * CHUNK_BYTES


def filler(plain_bytes: int) -> bytes:
    """The `free` box that, after `plain_bytes`, makes the sealer let go of all of them; 8 bytes to 64 KiB + 8."""
    size = max(8, CHUNK_BYTES - plain_bytes % CHUNK_BYTES + 1)
    return struct.pack(">I4s", size, b"free") + bytes(size - 8)


def bound_ms(bitrate_kbps: int) -> int:
    """How much footage a killed process may lose."""
    return 1000 if bitrate_kbps >= 4000 else 1500


def must_fill(oldest_age_ms: float, next_fragment_ms: float, bound_ms: int) -> bool:
    """True when waiting for the next fragment would make the oldest unsealed picture older than the bound allows."""
    return oldest_age_ms + next_fragment_ms > bound_ms - RESERVE_MS


@dataclass(slots=True)
class Ledger:
    """Which fragments have not wholly left the sealer: (plain offset of its end, when its first picture was taken)."""

    plain_bytes: int = 0
    _fragments: list[tuple[int, int]] = field(default_factory=list)

    def add(self, size_bytes: int, first_taken: int) -> None:
        """A fragment was handed over; `first_taken` is monotonic ns."""
        self.plain_bytes += size_bytes
        self._fragments.append((self.plain_bytes, first_taken))
        self._forget()

    def fill(self) -> bytes:
        """The box to hand over now; afterwards nothing is unsealed."""
        box = filler(self.plain_bytes)
        self.plain_bytes += len(box)
        self._forget()
        return box

    def oldest_unsealed(self) -> int | None:
        """When the oldest picture that a killed process would lose was taken; None when no fragment is unsealed."""
        return self._fragments[0][1] if self._fragments else None

    def _forget(self) -> None:
        sealed = sealed_upto(self.plain_bytes)
        self._fragments = [(end, taken) for end, taken in self._fragments if end > sealed]
