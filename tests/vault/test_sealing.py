"""What the two ends raise comes through the sealer as it is, and several recipients can each open."""

import io
from pathlib import Path

import pytest

from agent.vault.sealing import Sealer
from tests.vault.rig import Keys


class Bad:
    """An end that fails at its second use."""

    def __init__(self, error: Exception) -> None:
        self._error = error
        self._used = 0

    def _use(self) -> None:
        self._used += 1
        if self._used == 2:
            raise self._error

    def read(self, size: int) -> bytes:
        self._use()
        return b"x" * size

    def write(self, data: bytes) -> int:
        self._use()
        return len(data)


def test_the_disk_s_own_error_comes_through(tmp_path: Path) -> None:
    error = OSError(28, "No space left on device")
    sealer = Sealer([Keys(tmp_path).recipient])
    with pytest.raises(OSError, match="No space") as caught:
        sealer.seal(io.BytesIO(bytes(1 << 20)), Bad(error))
    assert caught.value is error


def test_the_source_s_own_error_comes_through(tmp_path: Path) -> None:
    error = RuntimeError("no picture")
    with pytest.raises(RuntimeError) as caught:
        Sealer([Keys(tmp_path).recipient]).seal(Bad(error), io.BytesIO())
    assert caught.value is error


def test_each_recipient_opens_and_nobody_else(tmp_path: Path) -> None:
    holders = []
    for name in ("one", "other", "stranger"):
        (tmp_path / name).mkdir()
        holders.append(Keys(tmp_path / name))
    sealed = tmp_path / "sealed.age"
    with sealed.open("wb") as out:
        Sealer([holders[0].recipient, holders[1].recipient]).seal(io.BytesIO(b"evidence" * 20_000), out)
    into = tmp_path / "out"
    assert holders[0].open(sealed, into) == 0
    assert into.read_bytes() == b"evidence" * 20_000
    assert holders[1].open(sealed, into) == 0
    assert holders[2].open(sealed, into) == 1
