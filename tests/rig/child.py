"""Processes of tests, which end with what started them: a failing test leaves none behind to fail another.

with child([sys.executable, "-m", "tests.vault.child", str(state)], stdout=subprocess.PIPE) as process:
    assert process.stdout.readline() == b"open\\n"
"""

import asyncio
import contextlib
import subprocess
from collections.abc import AsyncIterator, Iterator, Sequence
from contextlib import asynccontextmanager, contextmanager
from typing import Any


@contextmanager
def child(command: Sequence[str], **options: Any) -> "Iterator[subprocess.Popen[Any]]":
    """The running process; killed where it still runs at the end, reaped, its pipes closed."""
    with subprocess.Popen(command, **options) as process:
        try:
            yield process
        finally:
            process.kill()  # nothing where it has ended


@asynccontextmanager
async def async_child(*command: str, **options: Any) -> AsyncIterator[asyncio.subprocess.Process]:
    """The same for asyncio."""
    process = await asyncio.create_subprocess_exec(*command, **options)
    try:
        yield process
    finally:
        await reap(process)


async def reap(process: asyncio.subprocess.Process) -> None:
    """Kills it where it still runs, and waits for its end and that of its pipes."""
    with contextlib.suppress(ProcessLookupError):
        process.kill()
    await process.communicate()
