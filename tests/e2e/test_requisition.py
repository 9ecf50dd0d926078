"""A requisition from its writing to the film, with the real agent, over HTTP and at the box."""

import json
import subprocess
from datetime import UTC, datetime, timedelta
from pathlib import Path

from tests.e2e.box import Box, vigie, wait_for
from tests.needs import needs
from tests.rig.footage import STREET
from tests.timestamping.tsa import Tsa, in_a_thread
from tests.vault.rig import packets


def requisition(box: Box, name: str, since: datetime, until: datetime, *more: str) -> Path:
    path = box.folder / name
    done = vigie(
        *("requisition", "new", "--reference", "PV 2026/1", "--basis", "cpp-60-1", "--requester", "Z. Durand"),
        *("--quality", "OPJ", "--service", "Commissariat", "--mast", "mat-1", "--camera", "rue", "--reason", "Vol"),
        *("--from", since.isoformat(timespec="seconds"), "--to", until.isoformat(timespec="seconds")),
        *("--recipient", "P. Leroy", "--recipient-service", "Commissariat"),
        *("--key", str(box.folder / "keys/judicial.key"), "--out", str(path), *more),
        module="provisioning.cli",
    )
    assert done.returncode == 0, done.stderr
    return path


@needs("openssl", "openssl")
def test_a_requisition_becomes_a_film_over_http_and_at_the_box(tmp_path: Path) -> None:
    tsa = Tsa(tmp_path / "tsa")
    with in_a_thread(tsa.reply) as service, Box(tmp_path, f"file:{STREET}") as box:
        text = box.path.read_text().replace("[http]", 'requisition_authorities = ["keys/judicial.pub"]\n[http]')
        text += f'[timestamp]\nurl = "{service}"\nca_file = "{tsa.ca}"\n'
        box.path.write_text(text)
        box.start()
        since = datetime.now(UTC)
        wait_for(lambda: len(list((box.state / "segments").rglob("*.age"))) >= 2, 60)
        until = datetime.now(UTC)
        wait_for(lambda: datetime.now(UTC) > until + timedelta(seconds=1))

        document = requisition(box, "one.json", since, until)
        url = f"http://127.0.0.1:{box.http_port}"
        post = ["curl", "-sS", "-H", "Content-Type: application/json", "--data-binary", f"@{document}"]
        done = subprocess.run([*post, f"{url}/requisitions"], capture_output=True, text=True, check=True)
        told = json.loads(done.stdout)
        assert told["segments"] >= 2, told
        fetch = ["curl", "-sSf", "-H", f"Authorization: Bearer {told['token']}", "-o", str(tmp_path / "pack.zip")]
        subprocess.run([*fetch, url + told["download"]], check=True)
        again = subprocess.run([*post, f"{url}/requisitions"], capture_output=True, text=True, check=True)
        assert json.loads(again.stdout)["error"] == "replayed"

        stick = tmp_path / "stick"
        stick.mkdir()
        other = requisition(box, "two.json", since, until)
        arguments = ("export", "--config", str(box.path), "--requisition", str(other), "--out", str(stick))
        done = vigie(*arguments)
        assert done.returncode == 0, done.stderr
        assert box.stop() == 0
        alone = tmp_path / "alone"
        alone.mkdir()
        third = requisition(box, "three.json", since, until)
        done = vigie("export", "--config", str(box.path), "--requisition", str(third), "--out", str(alone))
        assert done.returncode == 0, done.stderr  # no agent runs

        packs = (tmp_path / "pack.zip", *stick.iterdir(), *alone.iterdir())
        assert len(packs) == 3
        for number, pack in enumerate(packs):
            out = tmp_path / f"out-{number}"
            keys = ("--device-pub", str(box.state / "identity/device.pub"), "--timestamp-ca", str(tsa.ca))
            keys = (*keys, "--judicial-pub")
            opened = vigie(
                *("evidence", "open", str(pack), "--identity", str(tmp_path / "keys/vault.key"), "--out", str(out)),
                *(*keys, str(tmp_path / "keys/judicial.pub")),
                module="provisioning.cli",
            )
            assert opened.returncode == 0, opened.stdout
            assert "good  time-stamp" in opened.stdout
            assert len([one for one in packets(out / "rue.mp4") if one["codec_type"] == "video"]) > 40
        assert vigie("register", "verify", "--state", str(box.state)).returncode == 0
        shown = vigie("register", "show", "--state", str(box.state), "--json").stdout
        kinds = [json.loads(line)["body"]["kind"] for line in shown.splitlines()]
        assert kinds.count("segments_exported") == 3
        assert [kinds.count(one) for one in ("agent_started", "command_began")] == [1, 1]
        assert kinds.count("requisition_refused") == 1
        assert vigie("segments", "verify", "--state", str(box.state)).returncode == 0
