"""Where a turning head pointed, in a pack: of the interval only, judged, and written as a table."""

import csv
import json
from dataclasses import replace
from pathlib import Path

import pytest

from agent.access.demands import Export, Recipient
from agent.clock import from_rfc3339
from agent.evidence import packing
from agent.evidence.packing import CameraName
from agent.units import AccessUnit, Blind, Burned, PoseSet
from tests.evidence.rig import House
from tests.evidence.test_opening import opened
from tests.vault.rig import NOON


def turning(unit: AccessUnit) -> AccessUnit:
    """Six degrees a second from 170 on, over the seam; in the fourth second nobody knows."""
    seconds = (unit.wall.utc_ms - NOON) / 1000
    if 3 <= seconds < 4:
        return replace(unit, masks=Blind("pose-old"))
    pan = 170 + 6 * seconds
    return replace(unit, masks=Burned(0.1, PoseSet((pan - 0.2, pan + 0.2), (-5.0, -4.0), (0.25, 0.25))))


@pytest.fixture
def turner(tmp_path: Path) -> House:
    house = House(tmp_path)
    house.record(8, sign=turning)
    house.open()
    about = house.desk.mast.about
    house.desk.mast = replace(house.desk.mast, about=replace(about, cameras={"lane": CameraName("Dôme", "ptz")}))
    return house


def points(pack: Path) -> list[dict[str, object]]:
    (camera,) = json.loads((pack / "manifest.json").read_text())["cameras"]
    assert camera["ptz_track"] == "recorded"
    found: list[dict[str, object]] = camera["ptz_points"]
    return found


def test_a_pack_says_where_the_head_pointed_and_for_the_interval_only(
    turner: House, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    pack = turner.export(tmp_path / "stick", demand=Export(("lane",), NOON + 1000, NOON + 5000, Recipient("L", "S")))
    found = points(pack)
    times = [from_rfc3339(str(one["at"])) - NOON for one in found]
    assert min(times) >= 1000
    assert max(times) < 5000
    assert len(found) > 12
    assert {one["blind"] for one in found} == {"", "pose-old"}
    assert opened(turner, pack, tmp_path / "out") == 0
    assert f"{len(found)} points" in capsys.readouterr().out
    with (tmp_path / "out/lane-head.csv").open(encoding="utf-8", newline="") as table:
        rows = list(csv.DictReader(table))
    assert [row["time_utc"] for row in rows] == [one["at"] for one in found]
    for row, after_ms in zip(rows, times, strict=True):
        if row["blind"]:
            assert (row["blind"], row["pan_deg"], row["zoom"]) == ("pose-old", "", "")
        else:
            off = (float(row["pan_deg"]) - (170 + 6 * after_ms / 1000) + 180) % 360 - 180
            assert abs(off) <= 0.002
            assert float(row["pan_half_deg"]) == pytest.approx(0.2, abs=0.002)
            assert (row["tilt_deg"], row["zoom"]) == ("-4.500", "0.250000")
    turner.close()


def test_too_many_points_are_thinned_evenly_and_that_is_said(
    turner: House, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(packing, "MOST_PTZ_POINTS", 10)
    pack = turner.export(tmp_path / "stick")
    (camera,) = json.loads((pack / "manifest.json").read_text())["cameras"]
    assert len(points(pack)) <= 10
    assert camera["ptz_every"] > 1
    assert opened(turner, pack, tmp_path / "out") == 0
    assert f"every {camera['ptz_every']}th is here" in capsys.readouterr().out
    turner.close()


def test_a_point_that_was_altered_is_seen(turner: House, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    pack = turner.export(tmp_path / "stick")
    manifest = pack / "manifest.json"
    text = manifest.read_text()
    pan = f'"pan_mdeg":{points(pack)[0]["pan_mdeg"]},'
    assert pan in text
    manifest.write_text(text.replace(pan, '"pan_mdeg":12000,', 1))
    assert opened(turner, pack, tmp_path / "out") == 1
    assert "everything holds" not in capsys.readouterr().out
    turner.close()
