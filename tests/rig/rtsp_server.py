"""A real RTSP camera for tests, which can be made to fail: gst-rtsp-server in a process of its own.

    with RtspCamera(SMALL) as camera:
        open_somehow(camera.url)
        camera.stall()        # the socket stays open, no picture comes
        camera.resume()
        camera.reboot(2.0)    # killed at once, back at the same port 2 s later

Needs Debian's gir1.2-gst-rtsp-server-1.0, python3-gi and the GStreamer plugins good, bad, ugly and libav. Several
clients share one stream, as with a real camera; who joins late gets the middle of a GOP.
"""

import json
import subprocess
import threading
from pathlib import Path
from types import TracebackType
from typing import IO, Any, Self

from tests.rig.footage import SMALL, Recipe, make

PROGRAM = Path(__file__).with_name("gst_camera.py")
SYSTEM_PYTHON = "/usr/bin/python3"  # Debian's gi lives there, not in a virtualenv


class CameraFailed(Exception):
    """The camera's process could not do what it was told."""


class RtspCamera:
    """A camera at `url` (without credentials) for as long as the `with` block lasts."""

    def __init__(
        self,
        footage: Recipe = SMALL,
        *,
        port: int = 0,
        address: str = "127.0.0.1",
        path: str = "/stream",
        audio: bool = False,
        username: str = "",
        password: str = "",
        digest: bool = True,
        certificate: Path | None = None,
        private_key: Path | None = None,
        cpus: set[int] | None = None,
    ) -> None:
        """With `port` 0 the system picks one. `audio` adds an A-law track. `certificate` makes it rtsps://.

        `cpus` pins the process to these cores.
        """
        self.footage = footage
        self._setup: dict[str, Any] = {
            "footage": str(make(footage)),
            "codec": footage.codec,
            "fps": footage.fps,
            "address": address,
            "port": port,
            "path": path,
            "audio": audio,
            "username": username,
            "password": password,
            "digest": digest,
            "certificate": str(certificate or ""),
            "private_key": str(private_key or ""),
        }
        self._cpus = cpus
        self._process: subprocess.Popen[str] | None = None
        self._off: threading.Timer | None = None
        self._lock = threading.Lock()  # the timer of `reboot` and the test's own thread

    def __enter__(self) -> Self:
        self._power_on()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._off is not None:
            self._off.cancel()
            self._off.join()
        self.power_off()

    @property
    def port(self) -> int:
        """The port; it stays the same through a reboot."""
        return int(self._setup["port"])

    @property
    def url(self) -> str:
        """Where the stream is; credentials go to the client another way."""
        scheme = "rtsps" if self._setup["certificate"] else "rtsp"
        return f"{scheme}://{self._setup['address']}:{self.port}{self._setup['path']}"

    def url_with(self, username: str, password: str) -> str:
        """The same with credentials inside, for programs that want them there."""
        return self.url.replace("://", f"://{username}:{password}@", 1)

    @property
    def pid(self) -> int:
        """The camera's process."""
        assert self._process is not None, "the camera is off"
        return self._process.pid

    def stall(self) -> None:
        """No further picture; connections stay open."""
        self._order(do="stall")

    def resume(self) -> None:
        """Ends a stall. Timestamps show how long it was."""
        self._order(do="resume")

    def hang_up(self) -> None:
        """Closes every client's connection; new ones are taken at once."""
        self._order(do="hang_up")

    def corrupt(self, pictures: int) -> None:
        """Changes bytes in the next pictures."""
        self._order(do="corrupt", pictures=pictures)

    def lose(self, pictures: int) -> None:
        """Leaves out the next pictures."""
        self._order(do="lose", pictures=pictures)

    def untimed(self, pictures: int) -> None:
        """The next pictures get no time of their own: RTP repeats the one before."""
        self._order(do="untimed", pictures=pictures)

    def jump(self, seconds: float) -> None:
        """From now on timestamps are `seconds` later, or earlier when negative (100 at the most)."""
        self._order(do="jump", seconds=float(seconds))

    def switch(self, footage: Recipe) -> None:
        """Goes on with other footage of the same codec (another size, another pixel format) in the same connection."""
        if footage.codec != self.footage.codec:
            raise ValueError("RTP cannot change its codec within a connection")
        self._order(do="switch", footage=str(make(footage)))
        self.footage = footage

    def sent(self) -> int:
        """How many pictures went out since power on."""
        return int(self._order(do="count")["sent"])

    def clients(self) -> int:
        """How many clients are connected."""
        return int(self._order(do="count")["clients"])

    def reboot(self, seconds: float) -> None:
        """Kills the camera at once and returns; it is back at the same port `seconds` later."""
        self.power_off()
        self._off = threading.Timer(seconds, self._power_on)
        self._off.start()

    def power_off(self) -> None:
        """Kills the camera; its port refuses connections from here on."""
        with self._lock:
            process, self._process = self._process, None
        if process is not None:
            process.kill()
            process.wait()
            for pipe in (process.stdin, process.stdout):
                if pipe is not None:
                    pipe.close()

    def power_on(self) -> None:
        """Starts it again after `power_off`, at the same port and with its first footage, faultless."""
        self._power_on()

    def _power_on(self) -> None:
        command = [SYSTEM_PYTHON, str(PROGRAM)]
        if self._cpus:
            command = ["taskset", "-c", ",".join(map(str, sorted(self._cpus))), *command]
        process = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
        try:
            self._setup["port"] = _ask(process, self._setup)["port"]
        except CameraFailed:
            process.kill()
            process.communicate()
            raise
        with self._lock:
            self._process = process

    def _order(self, **order: object) -> dict[str, Any]:
        with self._lock:
            if self._process is None:
                raise CameraFailed("the camera is off")
            return _ask(self._process, order)


def _ask(process: "subprocess.Popen[str]", order: dict[str, Any]) -> dict[str, Any]:
    """Writes one JSON line, reads one."""
    stdin, stdout = _pipe(process.stdin), _pipe(process.stdout)
    try:
        stdin.write(json.dumps(order) + "\n")
        stdin.flush()
        line = stdout.readline()
    except BrokenPipeError:
        line = ""
    answer: dict[str, Any] = json.loads(line) if line else {"error": f"the camera's process ended ({process.poll()})"}
    if "error" in answer:
        raise CameraFailed(answer["error"])
    return answer


def _pipe(pipe: IO[str] | None) -> IO[str]:
    assert pipe is not None
    return pipe
