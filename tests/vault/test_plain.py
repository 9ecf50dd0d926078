"""Nothing plain ever stands in the state directory: not sealed, not open, not after a kill, not in the index."""

import re
import subprocess
import sys
from pathlib import Path

from tests.rig.child import child
from tests.vault.rig import Bench, Camera, RunningClock, Scene, encoded, film, until

PLAIN = {
    "MP4 box": re.compile(rb"ftyp(isom|iso\d|mp4\d)|moov....mvhd|moof....mfhd|trafx?....tfhd|avcC\x01", re.DOTALL),
    "parameter sets": re.compile(rb"\x00\x00(\x00)?\x01[\x27\x47\x67]\x42"),
    "picture": re.compile(rb"x264 - core"),
    "secret": re.compile(rb"AGE-SECRET-KEY"),
}


def found(state: Path, unit: bytes) -> list[str]:
    """What stands plain in which file; also any 24 bytes from within the first keyframe."""
    traces = [unit[at : at + 24] for at in range(200, len(unit) - 24, 997)]
    seen = []
    for path in state.rglob("*"):
        content = path.read_bytes() if path.is_file() else b""
        seen += [f"{name} in {path.name}" for name, form in PLAIN.items() if form.search(content)]
        seen += [f"pixels in {path.name}" for trace in traces if trace in content]
    return seen


def test_the_search_finds_what_is_plain(bench: Bench, tmp_path: Path) -> None:
    bench.record(film(Scene(), 50))
    (path,) = bench.segments()
    plain = tmp_path / "plain"
    plain.mkdir()
    bench.open_segment(path).rename(plain / "opened")
    (plain / "unit").write_bytes(encoded(Scene(), 50)[0][0])
    names = " ".join(found(plain, encoded(Scene(), 50)[0][0]))
    for words in (
        "MP4 box in opened",
        "pixels in opened",
        "parameter sets in unit",
        "picture in unit",
        "pixels in unit",
    ):
        assert words in names


def test_nothing_plain_while_recording_nor_afterwards(bench: Bench) -> None:
    bench.clock = clock = RunningClock()
    keyframe = encoded(Scene(), 100)[0][0]
    vault = bench.vault()
    vault.open()
    with Camera(clock) as camera:
        recorder = vault.record("lane", camera, 1000)
        until(lambda: recorder.facts().segments >= 2 and recorder.open_bytes() > 0)
        assert list(bench.state.rglob("*.part"))
        assert found(bench.state, keyframe) == []
    vault.close()
    assert found(bench.state, keyframe) == []


def test_nothing_plain_after_a_kill(bench: Bench) -> None:
    command = [sys.executable, "-m", "tests.vault.child", str(bench.state), bench.keys.recipient, "street", "1000"]
    with child(command, stdout=subprocess.DEVNULL, cwd=Path(__file__).resolve().parents[2]):
        until(lambda: any(path.stat().st_size for path in bench.state.rglob("*.part")))
    assert list(bench.state.rglob("*.part"))
    assert found(bench.state, b"") == []
