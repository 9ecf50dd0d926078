"""A mast's box for tests: keys, configuration, the agent as a process of its own, a broker and who listens to it.

with Box(tmp_path, source=camera.url) as box:
    box.start()
    box.wait_for(lambda: box.sealed())
    assert box.stop() == 0
"""

import json
import os
import shutil
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import Any, Self
from urllib.request import urlopen

WAIT_S = 40.0
ROOT = Path(__file__).resolve().parents[2]
MOSQUITTO = shutil.which("mosquitto") or "/usr/sbin/mosquitto"


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def wait_for(what: Callable[[], object], seconds: float = WAIT_S) -> None:
    end = time.monotonic() + seconds
    while not what():
        assert time.monotonic() < end, "it did not happen"
        time.sleep(0.05)


def vigie(*arguments: str, module: str = "agent") -> subprocess.CompletedProcess[str]:
    """Runs a command to its end."""
    environment = {**os.environ, "LC_ALL": "C.UTF-8"}
    command = [sys.executable, "-m", module, *arguments]
    return subprocess.run(command, capture_output=True, text=True, cwd=ROOT, env=environment, timeout=60, check=False)


@dataclass(frozen=True)
class Heard:
    """One MQTT message."""

    topic: str
    payload: Any
    retained: bool


class Box:
    """One mast in `folder`; `camera` is the text of the camera's table and what follows it."""

    def __init__(self, folder: Path, source: str, *, camera: str = "", password: str = "", town: str = "essai") -> None:
        self.folder = folder
        self.state = folder / "state"
        self.log = folder / "agent.log"
        self.http_port, self.mqtt_port = free_port(), free_port()
        self.path = folder / "vigie.toml"
        self._agent: subprocess.Popen[bytes] | None = None
        self._broker: subprocess.Popen[bytes] | None = None
        self._ear: subprocess.Popen[bytes] | None = None
        self.town = town
        done = vigie("keys", "init", "--out", str(folder / "keys"), module="provisioning.cli")
        assert done.returncode == 0, done.stderr
        self.write(source, camera, password)

    def write(self, source: str, camera: str = "", password: str = "", extra: str = "") -> None:
        """Writes the configuration; `extra` goes into the camera's table."""
        (self.folder / "camera.pass").write_text(password + "\n")
        (self.folder / "mqtt.pass").write_text("broker-secret\n")
        recipient = (self.folder / "keys" / "vault.pub").read_text().strip()
        credentials = 'username = "vigie"\npassword_file = "camera.pass"' if password else ""
        self.path.write_text(
            f"""
[mast]
id = "mat-1"
town = "{self.town}"
state = "state"
[vault]
recipients = ["{recipient}"]
retention_days = 15
max_gib = 1
segment_seconds = 3
[access]
authorities = ["keys/authority.pub"]
[http]
listen = "127.0.0.1:{self.http_port}"
[mqtt]
url = "mqtt://127.0.0.1:{self.mqtt_port}"
username = "mat-1"
password_file = "mqtt.pass"
[[camera]]
id = "rue"
name = "Rue d'essai"
kind = "fixed"
source = "{source}"
stall_seconds = 1.5
bitrate_kbps = 2000
{credentials}
{extra}
[[camera.mask]]
name = "milieu"
polygon = [[0.25, 0.25], [0.75, 0.25], [0.75, 0.75], [0.25, 0.75]]
{camera}
"""
        )

    def __enter__(self) -> Self:
        try:
            self.start_broker()
        except BaseException:
            self._end()
            raise
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._end()

    def _end(self) -> None:
        """Ends whatever still runs."""
        for process in (self._agent, self._ear, self._broker):
            if process is not None and process.poll() is None:
                process.kill()
                process.wait()

    def start_broker(self) -> None:
        """mosquitto, with a password, and `mosquitto_sub` that keeps all it hears."""
        passwords, configuration = self.folder / "passwords", self.folder / "mosquitto.conf"
        subprocess.run(
            ["mosquitto_passwd", "-b", "-c", str(passwords), "mat-1", "broker-secret"], check=True, capture_output=True
        )
        passwords.chmod(0o644)
        configuration.write_text(
            f"listener {self.mqtt_port} 127.0.0.1\nallow_anonymous false\npassword_file {passwords}\nuser root\n"
        )
        self._broker = subprocess.Popen(
            [MOSQUITTO, "-c", str(configuration)], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
        )
        wait_for(self._broker_listens)
        template = '{"topic":"%t","retained":%r,"payload":%p}\n'
        who = ["-u", "mat-1", "-P", "broker-secret", "-i", f"ear-{os.getpid()}"]
        command = ["mosquitto_sub", "-p", str(self.mqtt_port), *who, "-t", "#", "-q", "1", "-F", template.strip()]
        with (self.folder / "heard").open("ab") as heard:
            self._ear = subprocess.Popen(command, stdout=heard)

    def _broker_listens(self) -> bool:
        with socket.socket() as probe:
            return probe.connect_ex(("127.0.0.1", self.mqtt_port)) == 0

    def start(self) -> None:
        """Starts `vigie run`."""
        with self.log.open("ab") as log:
            self._agent = subprocess.Popen(
                [sys.executable, "-m", "agent", "run", "--config", str(self.path)], stdout=log, stderr=log, cwd=ROOT
            )

    @property
    def agent(self) -> subprocess.Popen[bytes]:
        assert self._agent is not None
        return self._agent

    def signal(self, number: signal.Signals) -> None:
        self.agent.send_signal(number)

    def stop(self) -> int:
        """SIGTERM; the exit status."""
        self.agent.terminate()
        return self.agent.wait(30)

    def kill(self) -> None:
        self.agent.kill()
        self.agent.wait()

    def metric(self, name: str) -> float:
        """One sample of /metrics; 0 when it is not there."""
        with urlopen(f"http://127.0.0.1:{self.http_port}/metrics", timeout=5) as answer:
            for line in answer.read().decode().splitlines():
                if line.startswith(name + " "):
                    return float(line.rsplit(" ", 1)[1])
        return 0.0

    def healthy(self) -> bool:
        try:
            with urlopen(f"http://127.0.0.1:{self.http_port}/healthz", timeout=5) as answer:
                return bool(answer.status == 200)
        except OSError:
            return False

    def heard(self) -> list[Heard]:
        """All MQTT messages so far."""
        lines = (self.folder / "heard").read_text().splitlines()
        messages = (json.loads(line) for line in lines if line.endswith("}"))
        return [Heard(one["topic"], one["payload"], bool(one["retained"])) for one in messages]

    def events(self) -> list[str]:
        """Kinds of the events heard, in order."""
        return [one.payload["event"] for one in self.heard() if one.topic.endswith("/event")]

    def last(self, topic: str) -> Any:
        """The last payload on a topic below the mast's root, or None."""
        found = [one.payload for one in self.heard() if one.topic == f"vigie/{self.town}/mat-1/{topic}"]
        return found[-1] if found else None

    def sealed(self) -> list[Path]:
        return sorted(self.state.glob("segments/rue/*/*/*/*.mp4.age"))

    def open_segment(self, path: Path) -> Path:
        """Decrypts with stock `age`, which must end with status 0; the MP4."""
        plain = self.folder / f"{path.name}.mp4"
        with plain.open("wb") as out:
            identity = str(self.folder / "keys" / "vault.key")
            subprocess.run(["age", "-d", "-i", identity, str(path)], stdout=out, check=True)
        return plain
