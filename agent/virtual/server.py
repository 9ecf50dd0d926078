"""The virtual camera's own process: `python -m agent.virtual.server FOLDER`.

It makes the film if need be (with its progress on standard error), serves it for ever as an RTSP stream on a free port
of 127.0.0.1, prints that stream's URL as its one line on standard output, and ends when its standard input does: it
cannot outlive whoever started it. A camera is another machine: in a process of its own it neither slows the agent nor
is counted as the agent's work.

The RTSP server is aio-rtsp-toolkit's; timestamps run on from one round of the film to the next.
"""

import asyncio
import socket
import sys
from pathlib import Path

from aio_rtsp_toolkit.server import RtspServer

from agent.language import say
from agent.virtual.film import make_film


class _Complaints:
    """The RTSP server's log: what went wrong goes to standard error, the rest nowhere."""

    def debug(self, message: str) -> None:
        pass

    info = debug

    def warning(self, message: str) -> None:
        print(message, file=sys.stderr)

    error = critical = warning

    def log(self, level: str, message: str) -> None:
        if level in ("WARNING", "ERROR", "CRITICAL"):
            self.warning(message)


def _show(share: float) -> None:
    """One line that counts up on a terminal; the two ends only in a log."""
    text = say(en="drawing the virtual street", fr="dessin de la rue virtuelle")
    percent = int(share * 100)
    if sys.stderr.isatty():
        print(f"\r{text}: {percent} %", end="\n" if share >= 1 else "", file=sys.stderr, flush=True)
    elif share >= 1:
        print(f"{text}: {percent} %", file=sys.stderr, flush=True)


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


async def _started(folder: Path) -> RtspServer:
    for attempt in range(5):
        server = RtspServer(directory=str(folder), host="127.0.0.1", port=_free_port())
        server.logger = _Complaints()
        try:
            await server.start()
        except OSError:  # somebody took the port in between
            if attempt == 4:
                raise
        else:
            return server
    raise AssertionError("unreachable")


async def serve(folder: Path) -> None:
    """Serves the film from `folder` until standard input ends."""
    film = await asyncio.to_thread(make_film, folder, _show)
    server = await _started(folder)
    # in the path, not the query: clients drop a query when they set up a track
    print(f"rtsp://127.0.0.1:{server.port}/{film.name}/play_count_0", flush=True)
    # clients are not waited for: the process ends, as a camera's power does
    await asyncio.to_thread(sys.stdin.read)


if __name__ == "__main__":
    asyncio.run(serve(Path(sys.argv[1])))
