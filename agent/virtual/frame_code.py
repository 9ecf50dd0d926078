"""A picture's number, drawn into its lowest rows so that it is read back after encoding, masking and decoding.

Two copies stand side by side, each 36 black or white blocks: 20 bits of number and 16 bits of checksum. A mask that
covers one copy leaves the other; where both are covered there is no number, and a reader goes by the timestamps. A mask
that covers some blocks leaves black and white ones in their place: the checksum is long, so that such a word is not
taken for another picture's number.

>>> luma = np.full((576, 704), 128, np.uint8)
>>> burn(luma, 4711)
>>> read(luma)
4711
"""

from binascii import crc_hqx
from itertools import pairwise

import numpy as np

from agent.virtual.figures import Picture

NUMBER_BITS, CHECK_BITS, COPIES = 20, 16, 2
BITS, HIGHEST = NUMBER_BITS + CHECK_BITS, (1 << NUMBER_BITS) - 1
BLACK, WHITE = 24, 232


def rows(height: int) -> int:
    """How many of the lowest rows the code takes up: a multiple of 4, about a fiftieth of the picture."""
    return max(8, round(height / 48 / 4) * 4)


def _check(number: int) -> int:
    return crc_hqx(number.to_bytes(3, "big"), 0x5A5A)


def burn(picture: Picture, number: int) -> None:
    """Draws `number` (0..HIGHEST) into the lowest rows of a luma plane or a BGR picture, in place."""
    word = number << CHECK_BITS | _check(number)
    bits = [word >> (BITS - 1 - place) & 1 for place in range(BITS)] * COPIES
    edges = np.linspace(0, picture.shape[1], BITS * COPIES + 1).round().astype(int)
    low = picture[picture.shape[0] - rows(picture.shape[0]) :]
    for (left, right), bit in zip(pairwise(edges), bits, strict=True):
        low[:, left:right] = WHITE if bit else BLACK


def read(luma: Picture) -> int | None:
    """The number of a picture from its luma plane; None when neither copy can be read."""
    height, width = luma.shape[:2]
    tall = rows(height)
    edges = np.linspace(0, width, BITS * COPIES + 1)
    middle = luma[height - tall + tall // 4 : height - tall // 4].astype(np.float64).mean(axis=0)
    means = [
        middle[int(a + (b - a) * 0.3) : max(int(a + (b - a) * 0.7), int(a + (b - a) * 0.3) + 1)].mean()
        for a, b in pairwise(edges)
    ]
    for copy in range(COPIES):
        levels = means[copy * BITS : (copy + 1) * BITS]
        if any(96 < level < 160 for level in levels):
            continue
        word = sum(1 << (BITS - 1 - place) for place, level in enumerate(levels) if level > 128)
        number, check = divmod(word, 1 << CHECK_BITS)
        if _check(number) == check:
            return number
    return None
