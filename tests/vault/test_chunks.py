"""age's chunk arithmetic, held against the real sealer and stock age; and the rule that bounds what a kill loses."""

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from agent.vault.chunks import (
    CHUNK_BYTES,
    RESERVE_MS,
    SEALED_CHUNK_BYTES,
    Ledger,
    bound_ms,
    filler,
    header_bytes,
    must_fill,
    sealed_upto,
    whole_chunks,
)
from agent.vault.sealing import Sealer
from tests.vault.rig import Keys


class Blocks:
    """Plaintext in blocks; notes what has left the sealer when the next one is asked for."""

    def __init__(self, blocks: list[int]) -> None:
        self._blocks = blocks
        self._rest = b""
        self._given = 0
        self.out = bytearray()
        self.seen: list[tuple[int, int]] = []

    def read(self, size: int) -> bytes:
        if not self._rest:
            self.seen.append((self._given, len(self.out)))
            if not self._blocks:
                return b""
            self._rest = b"x" * self._blocks.pop(0)
        block, self._rest = self._rest[:size], self._rest[size:]
        self._given += len(block)
        return block

    def write(self, data: bytes) -> int:
        self.out += data
        return len(data)


SIZES = [0, 1, 8191, 8192, 8193, 65535, 65536, 65537, 131071, 131072, 131073, 200_000]


@pytest.mark.parametrize("size", SIZES)
def test_the_sealer_lets_go_exactly_of_what_the_arithmetic_says(tmp_path: Path, size: int) -> None:
    blocks = Blocks([size, 100_000, 10])
    Sealer([Keys(tmp_path).recipient]).seal(blocks, blocks)
    begin = header_bytes(bytes(blocks.out[:4096]))
    assert begin is not None
    for given_bytes, out in blocks.seen:
        chunks = sealed_upto(given_bytes) // CHUNK_BYTES
        assert out == (begin + chunks * SEALED_CHUNK_BYTES if chunks else 0)
        assert whole_chunks(out, bytes(blocks.out[:4096])) == chunks


@given(st.integers(0, 1 << 20))
def test_a_filled_chunk_leaves_the_sealer_whole(plain: int) -> None:
    box = filler(plain)
    assert sealed_upto(plain + len(box)) >= plain
    assert int.from_bytes(box[:4], "big") == len(box) <= CHUNK_BYTES + 8
    assert box[4:8] == b"free"


def test_filling_goes_one_byte_beyond_the_chunk() -> None:
    assert len(filler(1000)) == CHUNK_BYTES - 1000 + 1
    assert len(filler(CHUNK_BYTES - 3)) == 8  # the smallest box
    assert len(filler(CHUNK_BYTES)) == CHUNK_BYTES + 1


@pytest.mark.parametrize(
    "head", [b"", b"age-encryption.org/v1\n-> X25519 abc", b"ftyp" * 20, b"age-encryption.org/v2\n--- x\n"]
)
def test_what_is_no_age_header_holds_no_chunk(head: bytes) -> None:
    assert header_bytes(head) is None
    assert whole_chunks(1 << 20, head) == 0


FRAGMENTS = st.lists(st.integers(1, 200_000), min_size=1, max_size=200)


@given(sizes=FRAGMENTS, kbps=st.sampled_from([100, 1000, 3999, 4000, 50_000]), fps=st.sampled_from([6, 12, 25, 60]))
def test_nothing_in_the_sealer_is_ever_older_than_the_bound(sizes: list[int], kbps: int, fps: int) -> None:
    bound, interval = bound_ms(kbps), 1000 / fps
    pictures = int(330 / interval) + 1  # of a fragment
    fragment_ms = pictures * interval
    ledger = Ledger()
    for number, size in enumerate(sizes, 1):
        now_ms = number * fragment_ms
        ledger.add(size, round((now_ms - fragment_ms) * 1e6))
        oldest = ledger.oldest_unsealed()
        if oldest is not None and must_fill(now_ms - oldest / 1e6, 330 + interval, bound):
            ledger.fill()
            assert ledger.oldest_unsealed() is None
        oldest = ledger.oldest_unsealed()
        # just before the next fragment is handed over, a kill loses everything since then
        oldest_ms = now_ms if oldest is None else oldest / 1e6
        assert now_ms + fragment_ms - oldest_ms <= bound - RESERVE_MS + 1


def test_a_picture_rich_scene_is_never_filled_up() -> None:
    ledger = Ledger()
    for number in range(1, 50):  # 4 Mbit/s: 180 kB in 360 ms
        ledger.add(180_000, (number - 1) * 360_000_000)
        oldest = ledger.oldest_unsealed()
        assert oldest is None or not must_fill((number * 360_000_000 - oldest) / 1e6, 370, bound_ms(4000))


def test_the_bound_is_a_second_from_4_mbit_on() -> None:
    assert [bound_ms(3999), bound_ms(4000)] == [1500, 1000]
