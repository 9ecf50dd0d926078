"""The Merkle tree of RFC 6962 section 2.1 over stored hashes: roots and proofs from a few reads. Pure.

Laws
- A leaf's hash is SHA-256(0x00 || leaf), a node's SHA-256(0x01 || left || right).
- The hashes of all complete subtrees are stored in the order in which they become complete: a leaf's, then those of the
  subtrees that it completes. What is stored is therefore only ever added to, `stored(size)` hashes long, and the same
  for everyone who has the leaves.
- Whatever `read` answers, what is computed from it is compared with a signed root by whoever uses it.

>>> grown = Peaks()
>>> new = grown.add(leaf_hash(b"first"))       # what to store for this leaf
>>> grown.root() == new[-1]
True
"""

from collections.abc import Callable, Sequence
from hashlib import sha256

HASH_BYTES = 32
EMPTY_ROOT = sha256().digest()

Read = Callable[[int], bytes]
"""Gives the stored hash at a position."""


def leaf_hash(leaf: bytes) -> bytes:
    """32 bytes (RFC 6962 section 2.1)."""
    return sha256(b"\0" + leaf).digest()


def node_hash(left: bytes, right: bytes) -> bytes:
    """32 bytes (RFC 6962 section 2.1)."""
    return sha256(b"\1" + left + right).digest()


def stored(size: int) -> int:
    """How many hashes are stored for `size` leaves: one for each complete subtree."""
    return 2 * size - size.bit_count()


def position(level: int, number: int) -> int:
    """Where the hash of the `number`th subtree of 2^`level` leaves is stored."""
    return stored(((number + 1) << level) - 1) + level


class Peaks:
    """The roots of the complete subtrees that a tree is made of, the largest first: all that growing needs."""

    def __init__(self, size: int = 0, peaks: Sequence[bytes] = ()) -> None:
        self.size = size
        self._peaks = list(peaks)

    @classmethod
    def of(cls, read: Read, size: int) -> "Peaks":
        """Those of the first `size` leaves."""
        return cls(size, [read(at) for at in _complete(0, size)])

    def copy(self) -> "Peaks":
        """To grow on trial."""
        return Peaks(self.size, self._peaks)

    def add(self, leaf: bytes) -> list[bytes]:
        """Takes one more leaf's hash; the hashes to store for it."""
        new = [leaf]
        number = self.size
        while number & 1:
            new.append(node_hash(self._peaks.pop(), new[-1]))
            number >>= 1
        self._peaks.append(new[-1])
        self.size += 1
        return new

    def root(self) -> bytes:
        """The tree's head, 32 bytes."""
        return _fold(self._peaks)


def _fold(peaks: Sequence[bytes]) -> bytes:
    if not peaks:
        return EMPTY_ROOT
    head = peaks[-1]
    for peak in reversed(peaks[:-1]):
        head = node_hash(peak, head)
    return head


def _complete(start: int, end: int) -> list[int]:
    """Positions of the complete subtrees that [start, end) is made of; `start` is as RFC 6962 splits."""
    found = []
    while start < end:
        level = (end - start).bit_length() - 1
        found.append(position(level, start >> level))
        start += 1 << level
    return found


def _span(read: Read, start: int, end: int) -> bytes:
    return _fold([read(at) for at in _complete(start, end)])


def _split(count: int) -> int:
    """The largest power of two smaller than `count` (at least 2)."""
    return 1 << ((count - 1).bit_length() - 1)


def inclusion_proof(read: Read, index: int, size: int) -> tuple[bytes, ...]:
    """PATH(index, D[size]) of RFC 6962 section 2.1.1: at most log2(size) + 1 hashes, 0 <= index < size."""
    if not 0 <= index < size:
        raise ValueError(f"leaf {index} is not among {size}")
    start, end, proof = 0, size, []
    while end - start > 1:
        middle = start + _split(end - start)
        if index < middle:
            proof.append(_span(read, middle, end))
            end = middle
        else:
            proof.append(_span(read, start, middle))
            start = middle
    return tuple(reversed(proof))


def consistency_proof(read: Read, old: int, new: int) -> tuple[bytes, ...]:
    """PROOF(old, D[new]) of RFC 6962 section 2.1.2, 0 <= old <= new; none is needed from 0 or to itself."""
    if not 0 <= old <= new:
        raise ValueError(f"no tree of {old} leaves came before one of {new}")
    if old in (0, new):
        return ()
    start, end, proof = 0, new, []
    while end != old:
        middle = start + _split(end - start)
        if old <= middle:
            proof.append(_span(read, middle, end))
            end = middle
        else:
            proof.append(_span(read, start, middle))
            start = middle
    if start:
        proof.append(_span(read, start, end))
    return tuple(reversed(proof))


def _are_hashes(*values: bytes) -> bool:
    return all(len(value) == HASH_BYTES for value in values)


def included(leaf: bytes, index: int, size: int, proof: Sequence[bytes], root: bytes) -> bool:
    """Whether `leaf` (its hash) is the `index`th of the tree with this root (RFC 9162 section 2.1.3.2)."""
    if not (0 <= index < size and _are_hashes(leaf, *proof)):
        return False
    number, last, head = index, size - 1, leaf
    for step in proof:
        if last == 0:
            return False
        if number & 1 or number == last:
            head = node_hash(step, head)
            while not number & 1 and number:
                number, last = number >> 1, last >> 1
        else:
            head = node_hash(head, step)
        number, last = number >> 1, last >> 1
    return last == 0 and head == root


def consistent(old: int, new: int, proof: Sequence[bytes], old_root: bytes, new_root: bytes) -> bool:
    """Whether the old tree is a beginning of the new one (RFC 9162 section 2.1.4.2)."""
    if not (0 <= old <= new and _are_hashes(old_root, new_root, *proof)):
        return False
    if old == new:
        return not proof and old_root == new_root
    if old == 0:
        return not proof and old_root == EMPTY_ROOT
    steps = list(proof) if old & (old - 1) else [old_root, *proof]
    if not steps:
        return False
    number, last = old - 1, new - 1
    while number & 1:
        number, last = number >> 1, last >> 1
    head_old = head_new = steps[0]
    for step in steps[1:]:
        if last == 0:
            return False
        if number & 1 or number == last:
            head_old, head_new = node_hash(step, head_old), node_hash(step, head_new)
            while not number & 1 and number:
                number, last = number >> 1, last >> 1
        else:
            head_new = node_hash(head_new, step)
        number, last = number >> 1, last >> 1
    return last == 0 and head_old == old_root and head_new == new_root
