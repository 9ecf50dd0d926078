"""docs/evidence.md and preuves.md: what they say can be done without our programs is done as it is written there."""

import os
import re
import subprocess
from pathlib import Path

from tests.evidence.rig import House
from tests.vault.rig import probe

DOCUMENTS = Path(__file__).parents[2] / "docs"


def steps(document: str = "evidence.md") -> list[str]:
    """The document's `sh` blocks."""
    text = (DOCUMENTS / document).read_text()
    return [block.replace("\n   ", "\n") for block in re.findall(r"```sh\n(.*?)```", text, re.DOTALL)]


def test_the_french_document_gives_the_same_commands() -> None:
    assert steps("preuves.md") == steps()
    assert len(steps()) == 4


def run(house: House, pack: Path, step: str) -> int:
    told = {"VAULT_KEY": str(house.keys.path), "DEVICE_PUB": str(house.device), "OUT": str(house.folder / "out")}
    command = ["bash", "-e", "-c", step]
    return subprocess.run(command, cwd=pack, env={**os.environ, **told, "CAMERA": "lane"}, check=False).returncode


def test_the_documents_commands_check_and_open_a_pack(house: House, tmp_path: Path) -> None:
    pack = house.export(tmp_path / "stick")
    assert [run(house, pack, step) for step in steps()[:3]] == [0, 0, 0]
    video, *_ = probe(tmp_path / "out/lane.mp4")["streams"]
    assert video["nb_read_frames"] == "200"


def test_the_documents_commands_see_what_was_changed_and_what_was_added(house: House, tmp_path: Path) -> None:
    pack = house.export(tmp_path / "stick")
    signed, alone, *_ = steps()
    for name in ("manifest.json", "SHA256SUMS", "SHA256SUMS.sig", "requisition.json", "LISEZMOI.txt"):
        raw = (pack / name).read_bytes()
        (pack / name).write_bytes(raw[:-1] + bytes([raw[-1] ^ 1]))
        assert run(house, pack, signed) != 0, name
        (pack / name).write_bytes(raw)
    assert run(house, pack, signed) == 0
    (pack / "more.txt").write_text("x")
    assert run(house, pack, alone) != 0


def test_the_documents_commands_see_a_recording_slipped_in_under_a_name_like_the_sums_or_as_a_link(
    house: House, tmp_path: Path
) -> None:
    pack = house.export(tmp_path / "stick")
    _, alone, *_ = steps()
    assert run(house, pack, alone) == 0
    recording = next(pack.rglob("*.age"))
    for forgery in (recording.with_name("SHA256SUMS-x.mp4.age"), pack / "segments/lane/SHA256SUMS"):
        forgery.write_bytes(recording.read_bytes())
        assert run(house, pack, alone) != 0, forgery.name
        forgery.unlink()
    link = recording.with_name("20261122T000000.000Z.mp4.age")
    link.symlink_to(recording)
    assert run(house, pack, alone) != 0
    link.unlink()
    recording.rename(recording.with_name("other.mp4.age"))
    assert run(house, pack, alone) != 0
