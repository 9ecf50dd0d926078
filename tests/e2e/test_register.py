"""The register of a whole agent: a real process, broker and witness; killed, rewritten, and found out."""

import asyncio
import json
import shutil
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any
from urllib.error import HTTPError
from urllib.request import Request, urlopen

from aiortc import RTCConfiguration, RTCPeerConnection

from tests.e2e.box import ROOT, Box, free_port, vigie, wait_for
from tests.needs import needs
from tests.rig.footage import SMALL, make

pytestmark = [needs("mosquitto_sub", "mosquitto-clients")]

NAME = "csu.essai.example/w1"
AGENT = "Z. Zarathoustra"


def entries(box: Box) -> list[dict[str, Any]]:
    shown = vigie("register", "show", "--state", str(box.state), "--json")
    assert shown.returncode == 0, shown.stderr
    return [json.loads(line) for line in shown.stdout.splitlines()]


def kinds(box: Box) -> list[str]:
    return [one["body"]["kind"] for one in entries(box)]


def verified(box: Box, *more: str) -> int:
    return vigie("register", "verify", "--state", str(box.state), *more).returncode


@contextmanager
def witness(box: Box) -> Iterator[int]:
    """A real one, for this mast's key; its port."""
    folder, port = box.folder / "witness", free_port()
    done = vigie("witness", "keys", "--out", str(folder), "--name", NAME, module="provisioning.cli")
    assert done.returncode == 0, done.stderr
    text = box.path.read_text()
    box.path.write_text(
        f'{text}\n[register]\nkeep_days = 1096\n[register.witness]\nurl = "http://127.0.0.1:{port}"\n'
        'public_key = "witness/witness.vkey"\n'
    )
    wait_for(lambda: (box.state / "identity" / "device.pub").exists())
    command = [sys.executable, "-m", "provisioning.cli", "witness", "serve", "--key", str(folder / "witness.key")]
    command += ["--name", NAME, "--origin-key", f"vigie/essai/mat-1={box.state / 'identity' / 'device.pub'}"]
    command += ["--state", str(folder / "heads.json"), "--listen", f"127.0.0.1:{port}"]
    process = subprocess.Popen(command, cwd=ROOT, stdout=subprocess.DEVNULL)
    try:
        yield port
    finally:
        process.kill()
        process.wait()


def grant(box: Box) -> str:
    done = vigie(
        *("grant", "--authority", str(box.folder / "keys" / "authority.key"), "--agent", "0042", "--name", AGENT),
        *("--service", "Police municipale", "--mast", "mat-1", "--camera", "rue", "--allow", "live"),
        *("--basis", "event", "--reference", "2026-11-25/7", "--reason", "rixe place du marché", "--valid", "1h"),
        module="provisioning.cli",
    )
    assert done.returncode == 0, done.stderr
    return done.stdout.strip()


async def offer() -> bytes:
    """What a viewer sends, from an independent WebRTC stack."""
    peer = RTCPeerConnection(RTCConfiguration(iceServers=[]))
    peer.addTransceiver("video", direction="recvonly")
    await peer.setLocalDescription(await peer.createOffer())
    text = peer.localDescription.sdp
    await peer.close()
    return text.encode()


def knock(box: Box, token: str, body: bytes = b"v=0\r\n", camera: str = "rue") -> tuple[int, dict[str, Any]]:
    """Asks for a view; status and refusal."""
    headers = {"Authorization": f"Bearer {token}", "Content-Type": "application/sdp"}
    asked = Request(f"http://127.0.0.1:{box.http_port}/whep/{camera}", body, headers)
    try:
        with urlopen(asked, timeout=10) as answer:
            return answer.status, {}
    except HTTPError as error:
        return error.code, json.loads(error.read())


def test_killed_and_restarted_the_register_verifies_agrees_with_the_disk_and_convicts_who_rewrites_it(
    tmp_path: Path,
) -> None:
    with Box(tmp_path, f"file:{make(SMALL)}") as box:
        box.start()
        wait_for(lambda: (box.state / "identity" / "device.pub").exists())
        wait_for(lambda: len(box.sealed()) >= 2)
        token = grant(box)
        assert knock(box, token, asyncio.run(offer()))[0] == 201
        assert knock(box, token)[0] == 400
        assert knock(box, "a.b.c")[0] == 401
        box.kill()
        assert verified(box) == 0
        with witness(box) as port:
            box.start()
            wait_for(lambda: "power_cut_found" in kinds(box))
            wait_for(lambda: "witnessed" in kinds(box))
            wait_for(lambda: (box.last("register/checkpoint") or {}).get("size", 0) > 0)
            wait_for(lambda: len(box.sealed()) >= 4)
            box.signal(signal.SIGHUP)
            assert box.stop() == 0
            head = json.loads((tmp_path / "witness" / "heads.json").read_text())["vigie/essai/mat-1"]
            (tmp_path / "head").write_text(head)
            (tmp_path / "message.json").write_text(json.dumps(box.last("register/checkpoint")))
            assert port
        key = (tmp_path / "witness" / "witness.vkey").read_text().strip()
        seen = ("--checkpoint", str(tmp_path / "head"), str(tmp_path / "message.json"), "--witness", key)
        assert verified(box, *seen) == 0

        told = kinds(box)
        assert told[:3] == ["agent_started", "configuration_changed", "mask_policy_changed"]
        assert told[-1] == "agent_stopped"
        assert told.count("agent_started") == 2
        acts = [one for one in told if one.startswith(("grant", "view"))]
        assert acts == ["grant_presented", "view_requested", "view_started", "view_refused", "view_refused"]
        for kind in ("blind_began", "blind_ended"):
            assert kind in told, kind
        assert told.count("configuration_changed") == 2  # the witness was added
        assert told.count("mask_policy_changed") == 1

        rows = json.loads(vigie("segments", "list", "--state", str(box.state), "--json").stdout)
        entered = [
            (one["body"]["camera"], segment["counter"], segment["name"], segment["sha256"])
            for one in entries(box)
            if one["body"]["kind"] == "segments_sealed"
            for segment in one["body"]["segments"]
        ]
        assert entered == [(row["camera"], row["counter"], row["name"], row["sha256"]) for row in rows]
        named = [path for path in (*box.state.rglob("*"), box.log, tmp_path / "heard") if path.is_file()]
        assert {path.parent.name for path in named if b"Zarathoustra" in path.read_bytes()} == {"register"}

        rewritten(box)
        assert verified(box) == 0  # by itself it is whole: the device key signed it
        assert verified(box, *seen) == 1


def rewritten(box: Box) -> None:
    """Somebody with the device key and the disk writes a register without the view."""
    shutil.rmtree(box.state / "register")
    (box.state / "register-standing.json").unlink()
    box.start()
    wait_for(lambda: "agent_started" in kinds(box) if (box.state / "register").is_dir() else False)
    assert box.stop() == 0


def test_without_a_register_recording_goes_on_and_nobody_looks(tmp_path: Path) -> None:
    with Box(tmp_path, f"file:{make(SMALL)}") as box:
        box.state.mkdir(mode=0o700)
        (box.state / "register").write_text("in the way")
        box.start()
        wait_for(lambda: len(box.sealed()) >= 1)
        status, refusal = knock(box, grant(box), asyncio.run(offer()))
        assert (status, refusal["error"]) == (503, "register")
        issues = lambda: [one["key"] for one in (box.last("health") or {}).get("issues", [])]  # noqa: E731
        wait_for(lambda: "register_unwritable" in issues())
        (box.state / "register").unlink()
        wait_for(lambda: (box.state / "register").is_dir() and "register_resumed" in kinds(box))
        assert knock(box, grant(box), asyncio.run(offer()))[0] == 201
        assert box.stop() == 0
        assert verified(box) == 0
        rows = json.loads(vigie("segments", "list", "--state", str(box.state), "--json").stdout)
        sealed = [one["body"]["segments"] for one in entries(box) if one["body"]["kind"] == "segments_sealed"]
        assert sum(map(len, sealed)) == len(rows)
