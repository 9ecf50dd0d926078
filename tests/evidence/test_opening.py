"""Opening a pack: one film a camera, every picture as it was coded, at its own time; what is wrong is left out."""

import json
import sqlite3
import subprocess
from dataclasses import replace
from fractions import Fraction
from pathlib import Path

import pytest

from agent.evidence.desk import Answer
from provisioning.cli import main
from provisioning.joining import timecode, timecode_rate
from tests.evidence.rig import SMALL, House
from tests.vault.rig import NOON, Keys, Scene, packets, probe


def opened(house: House, pack: Path, out: Path, *more: str) -> int:
    given = ["--identity", str(house.keys.path), "--device-pub", str(house.device), "--judicial-pub"]
    return main(["evidence", "open", str(pack), *given, str(house.judicial), "--out", str(out), *more])


def coded(path: Path) -> list[str]:
    """The hash of each coded picture, as ffmpeg sees them."""
    command = ["ffmpeg", "-v", "error", "-i", str(path), "-map", "0:v", "-c", "copy", "-f", "framehash", "-"]
    done = subprocess.run(command, capture_output=True, text=True, check=True)
    return [line.split(",")[-1].strip() for line in done.stdout.splitlines() if not line.startswith("#")]


def test_a_pack_becomes_one_film_with_every_picture_as_it_was_coded(
    house: House, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    pack = house.export(tmp_path / "stick")
    assert opened(house, pack, tmp_path / "out") == 0
    told = capsys.readouterr().out
    assert "VERDICT" in told
    assert (tmp_path / "out/VERDICT.txt").read_text() in told
    assert sorted(path.name for path in (tmp_path / "out").iterdir()) == ["VERDICT.txt", "lane.mp4"]
    film = tmp_path / "out/lane.mp4"
    parts = [house.bench.open_segment(path) for path in house.bench.segments()]
    assert coded(film) == [one for part in parts for one in coded(part)]
    video, *_ = probe(film)["streams"]
    assert video["nb_read_frames"] == "200"
    assert (video["codec_name"], video["width"], video["height"]) == ("h264", 64, 48)
    assert video["tags"]["timecode"] == "12:00:00:00"
    assert probe(film)["format"]["tags"]["creation_time"].startswith("2026-11-21T12:00:00")
    assert (film.stat().st_mode & 0o777, (tmp_path / "out").stat().st_mode & 0o777) == (0o600, 0o700)


def test_a_gap_in_recording_is_a_gap_in_the_film(tmp_path: Path) -> None:
    house = House(tmp_path)
    house.record(4)
    house.clock.pass_ms(10_000)
    house.record(4)
    house.open()
    pack = house.export(tmp_path / "stick")
    assert opened(house, pack, tmp_path / "out") == 0
    times = [float(one["pts_time"]) for one in packets(tmp_path / "out/lane.mp4") if one["codec_type"] == "video"]
    assert len(times) == 200
    assert times[99] == pytest.approx(3.96, abs=0.001)
    assert times[100] == pytest.approx(14.0, abs=0.001)
    house.close()


def test_pictures_of_another_size_become_a_film_that_never_bears_another_cameras_name(tmp_path: Path) -> None:
    house = House(tmp_path, cameras=("lane", "lane-2"))
    house.record(2)
    house.record(2, replace(SMALL, width=96))
    house.record(2, camera="lane-2")
    house.open()
    pack = house.export(tmp_path / "stick")
    assert opened(house, pack, tmp_path / "out") == 0
    films = {path.name: pictures_of(path) for path in (tmp_path / "out").glob("*.mp4")}
    assert films == {"lane.mp4": 50, "lane.2.mp4": 50, "lane-2.mp4": 50}
    house.close()


def pictures_of(path: Path) -> int:
    return len([one for one in packets(path) if one["codec_type"] == "video"])


def test_a_recording_that_was_changed_is_left_out_and_the_rest_is_joined(
    house: House, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    pack = house.export(tmp_path / "stick")
    first = min(pack.rglob("*.age"))
    raw = bytearray(first.read_bytes())
    raw[-1] ^= 1
    first.write_bytes(bytes(raw))
    assert opened(house, pack, tmp_path / "out", "--json") == 1
    told = json.loads(capsys.readouterr().out)
    assert not told["good"]
    assert any(first.name in line["what"] for line in told["lines"] if line["status"] == "bad")
    assert pictures_of(tmp_path / "out/lane.mp4") == 150


def test_another_identity_opens_nothing(house: House, tmp_path: Path) -> None:
    pack = house.export(tmp_path / "stick")
    (tmp_path / "other").mkdir()
    other = Keys(tmp_path / "other")
    out = tmp_path / "out"
    assert main(["evidence", "open", str(pack), "--identity", str(other.path), "--out", str(out)]) == 1
    assert list(out.iterdir()) == []
    both = ["--identity", str(other.path), str(house.keys.path)]
    assert main(["evidence", "open", str(pack), *both, "--out", str(out)]) == 0


def test_an_output_that_is_not_empty_is_not_touched(house: House, tmp_path: Path) -> None:
    pack = house.export(tmp_path / "stick")
    (tmp_path / "out").mkdir()
    (tmp_path / "out/mine").write_text("x")
    assert opened(house, pack, tmp_path / "out") == 2
    assert [path.name for path in (tmp_path / "out").iterdir()] == ["mine"]
    assert main(["evidence", "open", str(pack), "--identity", str(pack / "README.txt"), "--out", "x"]) == 2
    assert main(["evidence", "open", str(pack)]) == 2


def test_a_recording_that_a_power_cut_broke_off_is_joined_as_far_as_it_goes(tmp_path: Path) -> None:
    house = House(tmp_path)
    house.record(4, Scene("noise", kbps=4000))
    first, second = house.bench.segments()
    whole = pictures_of(house.bench.open_segment(second))
    raw = second.read_bytes()
    second.with_name(second.name + ".part").write_bytes(raw[: len(raw) * 2 // 3])
    second.unlink()
    vault = house.bench.vault()
    index = house.bench.state / "index.sqlite"
    with sqlite3.connect(index) as database:
        database.execute("DELETE FROM segment WHERE seq = 2")
    database.close()
    vault.open()
    vault.close()
    assert [row.state for row in house.bench.rows()] == ["sealed", "found"]
    house.clock.pass_ms(10_000_000)
    house.open()
    pack = house.export(tmp_path / "stick")
    assert opened(house, pack, tmp_path / "out") == 0
    joined = pictures_of(tmp_path / "out/lane.mp4")
    assert 50 < joined < 50 + whole
    assert first.exists()
    house.close()


@pytest.mark.parametrize(
    ("fps", "rate"), [(25, 25), (12, 24), (6, 24), (30, 30), (15, 30), (20, 60), (10, 30), (7, 25)]
)
def test_a_timecode_counts_at_a_rate_that_players_know(fps: int, rate: int) -> None:
    assert timecode_rate(Fraction(fps)) == rate


def test_a_timecode_says_the_time_of_the_first_picture() -> None:
    assert timecode(NOON + 3_723_520, 25) == "13:02:03:13"


def test_answers_carry_no_token_for_programs() -> None:
    answer = Answer("id", "export", 3, NOON, 1, 2, 0, token="secret", name="pack")
    assert "secret" not in json.dumps(answer.as_json())
