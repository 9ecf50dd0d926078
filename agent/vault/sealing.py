"""age: the only file that touches pyrage. Plaintext is pulled, ciphertext is pushed, one chunk of 64 KiB at a time.

Laws
- Recipients only: nothing here could open what it seals.
- pyrage reads at most 8 KiB at a time and writes each chunk as soon as its end is certain (see `chunks.py`); the header
  goes out with the first chunk.
- pyrage wraps what the two ends raise into its own error: the original is kept and raised in its place.
"""

from collections.abc import Callable, Sequence
from typing import ParamSpec, Protocol, TypeVar

import pyrage

from agent.errors import VaultError
from agent.language import say
from agent.vault.rotation import Period, recipients_at

P = ParamSpec("P")
T = TypeVar("T")


class Plain(Protocol):
    """Where plaintext comes from."""

    def read(self, size: int) -> bytes:
        """1 to `size` bytes, waiting for them; none at the end."""
        ...


class Sealed(Protocol):
    """Where ciphertext goes."""

    def write(self, data: bytes) -> int:
        """Takes all of it; how much that was."""
        ...


class _Ends:
    """Both ends in the form that pyrage wants; remembers what they raise."""

    def __init__(self, plain: Plain, sealed: Sealed) -> None:
        self._plain = plain
        self._sealed = sealed
        self.raised: Exception | None = None

    def read(self, size: int) -> bytes:
        return self._keep(self._plain.read, size)

    def write(self, data: bytes) -> int:
        return self._keep(self._sealed.write, data)

    def flush(self) -> None:
        """pyrage asks for it; the sink decides by itself when to reach the disk."""

    def _keep(self, call: Callable[P, T], *args: P.args, **kwargs: P.kwargs) -> T:
        try:
            return call(*args, **kwargs)
        except Exception as error:
            self.raised = error
            raise


class Sealer:
    """Seals for a fixed set of recipients; may be used by several threads at once."""

    def __init__(self, recipients: Sequence[str]) -> None:
        """`recipients`: `age1...` lines."""
        self._recipients = [pyrage.x25519.Recipient.from_str(text) for text in recipients]

    def seal(self, plain: Plain, sealed: Sealed) -> None:
        """Everything from `plain` to its end as one age v1 file; raises what an end raised."""
        ends = _Ends(plain, sealed)
        try:
            pyrage.encrypt_io(ends, ends, self._recipients)
        except pyrage.EncryptError as error:
            if ends.raised is not None:
                raise ends.raised from None
            raise VaultError(say(en=f"age cannot seal: {error}", fr=f"age ne peut sceller : {error}")) from error


class Sealers:
    """One sealer a period of the recipients; may be used by several threads at once."""

    def __init__(self, periods: Sequence[Period]) -> None:
        self._periods = tuple(periods)
        self._sealers = {one.recipients: Sealer(one.recipients) for one in periods}

    def at(self, name_ms: int) -> Sealer:
        """The sealer for a segment that is named for `name_ms`, UTC ms."""
        return self._sealers[recipients_at(self._periods, name_ms)]
