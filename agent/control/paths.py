"""The socket's address. A Unix socket's path is short (108 bytes, unix(7)) and a state directory's may not be, so it is
reached through the folder's descriptor.
"""

import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

SOCKET = "control.sock"
MOST_BYTES = 256 << 10
"""Of a request and of an answer: a requisition of 64 KiB has room, escaped as it may be."""


@contextmanager
def short_path(state: Path) -> Iterator[str]:
    """The socket's path while entered; OSError when there is no such folder."""
    folder = os.open(state, os.O_PATH | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        yield f"/proc/self/fd/{folder}/{SOCKET}"
    finally:
        os.close(folder)
