"""The agent and its libraries live under the unit's own system call rules; an intruder's means do not."""

import ctypes.util
import os
import signal
import socket
import subprocess
import sys
import time
from pathlib import Path

import pyrage
import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

from tests.needs import needs

ROOT = Path(__file__).parents[2]
UNIT = ROOT / "firmware-config/systemd/vigie.service"

pytestmark = [
    needs("systemd-analyze", "systemd"),
    pytest.mark.skipif(ctypes.util.find_library("seccomp") is None, reason="needs apt install libseccomp2"),
]


def under_the_unit(*command: str) -> list[str]:
    """The argument list that runs `command` under the unit's rules."""
    return [sys.executable, "-m", "tests.box.sandbox", str(UNIT), *command]


def python(code: str) -> subprocess.CompletedProcess[str]:
    """Runs Python code under the unit's rules."""
    words = under_the_unit(sys.executable, "-c", code)
    return subprocess.run(words, cwd=ROOT, capture_output=True, text=True, check=False, timeout=60)


@pytest.mark.parametrize(
    ("means", "code"),
    [
        ("writable machine code", "import mmap; mmap.mmap(-1, 4096, prot=mmap.PROT_WRITE | mmap.PROT_EXEC)"),
        ("raw Ethernet", "import socket; socket.socket(socket.AF_PACKET, socket.SOCK_RAW)"),
        ("sockets to the hypervisor", "import socket; socket.socket(socket.AF_VSOCK, socket.SOCK_STREAM)"),
        ("setting the clock", "import time; time.clock_settime(time.CLOCK_REALTIME, time.time())"),
        ("giving files away", "import os; os.chown('/dev/null', 0, 0)"),
        ("another root", "import os; os.chroot('/')"),
        (
            "tracing another process",
            "import ctypes\nif ctypes.CDLL(None).ptrace(0, 0, 0, 0) < 0:\n    raise OSError",
        ),
    ],
)
def test_an_intruder_is_refused(means: str, code: str) -> None:
    free = subprocess.run([sys.executable, "-c", code], capture_output=True, check=False)
    if free.returncode:
        pytest.skip(f"{means}: not possible on this machine even without the rules")
    done = python(code)
    assert done.returncode == 1, means
    assert "Error" in done.stderr


def test_the_kernel_still_says_whether_the_clock_is_synchronised() -> None:
    code = """
import ctypes
from agent.clock import _Timex
libc = ctypes.CDLL(None, use_errno=True)
assert libc.adjtimex(ctypes.byref(_Timex())) >= 0, ctypes.get_errno()
"""
    done = python(code)
    assert done.returncode == 0, done.stderr


LIBRARIES = """
import asyncio, io, sqlite3
import av, cv2, numpy, psutil, pyrage
from aiortc import RTCPeerConnection
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
Ed25519PrivateKey.generate().sign(b"x")
cv2.resize(numpy.zeros((1080, 1920), numpy.uint8), (640, 360), interpolation=cv2.INTER_AREA)
psutil.cpu_percent(), psutil.virtual_memory(), psutil.disk_usage("/")
sink = io.BytesIO()
with av.open(sink, "w", format="mp4") as file:
    stream = file.add_stream("libx264", rate=12)
    stream.width, stream.height, stream.pix_fmt = 704, 576, "yuv420p"
    for count in range(24):
        frame = av.VideoFrame(704, 576, "yuv420p")
        frame.pts = count
        file.mux(stream.encode(frame))
    file.mux(stream.encode(None))
sink.seek(0)
with av.open(sink) as file:
    assert len(list(file.decode(video=0))) == 24
recipient = pyrage.x25519.Identity.generate().to_public()
pyrage.encrypt(b"plain" * 100000, [recipient])
sqlite3.connect(":memory:").execute("create table x (y)")
async def live():
    connection, other = RTCPeerConnection(), RTCPeerConnection()
    connection.createDataChannel("x")
    await connection.setLocalDescription(await connection.createOffer())
    await other.setRemoteDescription(connection.localDescription)
    await other.setLocalDescription(await other.createAnswer())
    assert "a=fingerprint:sha-256" in other.localDescription.sdp
    assert "m=application" in connection.localDescription.sdp
    await connection.close()
    await other.close()
asyncio.run(live())
print("alive")
"""


def test_decoder_encoder_sealing_and_webrtc_need_no_more_than_the_unit_gives() -> None:
    done = python(LIBRARIES)
    assert done.stdout == "alive\n", done.stderr


CONFIGURATION = """
[mast]
id = "box-test"
town = "atelier"
state = "state"
[vault]
recipients = ["{recipient}"]
retention_days = 1
max_gib = 1
segment_seconds = 2
[access]
authorities = ["authority.pub"]
[http]
listen = "127.0.0.1:0"
[[camera]]
id = "atelier"
name = "Atelier"
kind = "fixed"
source = "file:street.mp4"
fps = 12
bitrate_kbps = 1000
[[camera.mask]]
name = "fenetre"
polygon = [[0.2, 0.2], [0.5, 0.2], [0.5, 0.5], [0.2, 0.5]]
"""


def mast(folder: Path) -> Path:
    """A mast with a video file for a camera; returns its configuration file."""
    public = Ed25519PrivateKey.generate().public_key()
    (folder / "authority.pub").write_bytes(public.public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo))
    street = "testsrc2=size=704x576:rate=12:duration=10"
    words = ["ffmpeg", "-v", "error", "-f", "lavfi", "-i", street, "-c:v", "libx264", "-preset", "ultrafast"]
    subprocess.run([*words, "-pix_fmt", "yuv420p", str(folder / "street.mp4")], check=True)
    recipient = str(pyrage.x25519.Identity.generate().to_public())
    file = folder / "vigie.toml"
    file.write_text(CONFIGURATION.format(recipient=recipient), encoding="utf-8")
    return file


def heard(notifications: socket.socket, word: str) -> None:
    """Waits until the agent has told systemd `word`."""
    while word not in notifications.recv(4096).decode().splitlines():
        pass


def sealed(state: Path) -> None:
    """Waits for the first sealed segment."""
    end = time.monotonic() + 60
    while not list(state.glob("segments/**/*.mp4.age")):
        assert time.monotonic() < end, "nothing was sealed"
        time.sleep(0.2)


@needs("ffmpeg", "ffmpeg")
def test_the_agent_records_and_tells_systemd_under_the_units_rules(tmp_path: Path) -> None:
    file = mast(tmp_path)
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as notifications:
        notifications.settimeout(60)
        notifications.bind(str(tmp_path / "notify"))
        environment = {**os.environ, "NOTIFY_SOCKET": str(tmp_path / "notify"), "WATCHDOG_USEC": "2000000"}
        command = under_the_unit(sys.executable, "-m", "agent", "run", "--config", str(file))
        with subprocess.Popen(command, cwd=ROOT, env=environment) as agent:
            try:
                heard(notifications, "READY=1")
                heard(notifications, "WATCHDOG=1")
                sealed(tmp_path / "state")
                agent.send_signal(signal.SIGTERM)
                assert agent.wait(timeout=30) == 0
            finally:
                agent.kill()
