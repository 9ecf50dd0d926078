"""The command against a virtual turning camera, in real time, over RTSP and ONVIF: its table against the true one."""

import asyncio
import json
import os
import signal
import subprocess
import sys
import tomllib
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest

from agent.virtual.head import LensTable
from agent.virtual.ptz_camera import Setup, VirtualPtz, virtual_ptz
from provisioning.lens_file import Measurements
from provisioning.lens_fit import fit_lens
from provisioning.sent_head import quantum
from tests.provisioning.lenses import LENSES, worst_deg
from tests.rig.child import async_child

ROOT = Path(__file__).resolve().parents[2]
HOME = (-33.0, 4.0, 0.1)
PUNCTUAL_MS = 50 + 1000 / 12
"""The youngest pictures of `camera` on arrival: complete is a picture when the next one begins."""
FEW = ("--zoom", "0,0.5,1", "--steps", "2", "--more", "0")


def camera(**more: Any) -> Setup:
    return Setup(**{"start": HOME, "fps": 12, **more})


@asynccontextmanager
async def started(
    ptz: VirtualPtz, folder: Path, *more: str, password: str = "", source: str = ""
) -> AsyncIterator[asyncio.subprocess.Process]:
    """The command as a process of its own, which ends with the test."""
    (folder / "ptz.pass").write_text((password or ptz.password) + "\n")
    options = ["--url", ptz.onvif_url, "--source", source or ptz.rtsp_url, "--username", ptz.username]
    options += ["--password-file", str(folder / "ptz.pass"), *more]
    async with async_child(
        *(sys.executable, "-W", "error", "-m", "provisioning.cli", "calibrate", *options),
        cwd=ROOT,
        env={**os.environ, "LC_ALL": "C.UTF-8"},
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
    ) as process:
        yield process


async def end(process: asyncio.subprocess.Process, seconds: float = 120.0) -> tuple[int, str, str]:
    out, told = await asyncio.wait_for(process.communicate(), seconds)
    assert b"Traceback" not in told, told.decode()
    assert process.returncode is not None
    return process.returncode, out.decode(), told.decode()


async def calibrate(
    ptz: VirtualPtz, folder: Path, *more: str, seconds: float = 600.0, **other: str
) -> tuple[int, str, str]:
    async with started(ptz, folder, *more, **other) as process:
        return await end(process, seconds)


async def back_home(ptz: VirtualPtz) -> bool:
    for _ in range(60):
        now = await ptz.now()
        if not now["turning"] and not now["zooming"]:
            there = (now["pan_deg"], now["tilt_deg"], now["zoom"])
            if there == pytest.approx(HOME, abs=0.06):
                return True
        await asyncio.sleep(0.1)
    return False


def judged(told: dict[str, Any], lens: LensTable) -> float:
    """The share of the error that the table owns up to which it really has, at the worst zoom."""
    given = Measurements.model_validate(told["measurements"])
    fit = fit_lens(given.halves(), given.aspect)
    assert list(fit.hfov_deg) == pytest.approx(told["lens"]["hfov_deg"], abs=2e-3)
    for entry in told["entries"]:
        true = lens.at(entry["zoom"])
        assert abs(entry["hfov_deg"] - true) < 3.5 * entry["error_deg"] + 0.002 * true
    return worst_deg(fit, lens.at) / told["lens"]["calibration_error_deg"]


@pytest.mark.slow
async def test_the_table_is_true_within_its_error_and_the_head_is_back(drawings: Path, tmp_path: Path) -> None:
    async with virtual_ptz(drawings, camera()) as ptz:
        status, out, told = await calibrate(ptz, tmp_path, *FEW, "--json", "--out", str(tmp_path / "lens.toml"))
        assert status == 0, told
        assert await back_home(ptz)
    found = json.loads(out)
    assert judged(found, LensTable()) < 1
    assert found["lens"]["calibration_error_deg"] < 0.3
    written = tomllib.loads((tmp_path / "lens.toml").read_text())["camera"]
    assert written["lens"] == found["lens"]
    least, most = found["ages"]["punctual_ms"]
    assert least <= PUNCTUAL_MS + 20
    assert most >= PUNCTUAL_MS
    told_ms = written["ptz"]["video_age_ms"]
    assert told_ms == found["ages"]["video_age_ms"]
    assert most + 50 <= told_ms <= PUNCTUAL_MS + 150
    assert sorted(os.listdir(tmp_path)) == ["lens.toml", "ptz.pass"]  # and no picture


async def test_wrong_password_ends_at_once_and_moves_nothing(drawings: Path, tmp_path: Path) -> None:
    async with virtual_ptz(drawings, camera()) as ptz:
        status, out, told = await calibrate(ptz, tmp_path, *FEW, password="wrong-secret")
        assert await back_home(ptz)
    assert (status, out) == (1, "")
    assert "--password-file" in told
    assert "wrong-secret" not in told


@pytest.mark.slow
async def test_a_head_that_takes_orders_and_stands(drawings: Path, tmp_path: Path) -> None:
    setup = camera(acceleration_deg_s2=0.0, move_status=False, start=(-33.0, 4.0, 0.0))
    async with virtual_ptz(drawings, setup) as ptz:
        status, _, told = await calibrate(ptz, tmp_path, *FEW)
    assert status == 1
    assert "does not move" in told


async def test_ctrl_c_puts_the_head_back(drawings: Path, tmp_path: Path) -> None:
    async with virtual_ptz(drawings, camera()) as ptz, started(ptz, tmp_path, *FEW) as process:
        for _ in range(200):
            if (await ptz.now())["zoom"] < 0.05:
                break
            await asyncio.sleep(0.1)
        process.send_signal(signal.SIGINT)
        status, out, told = await end(process, 20)
        assert (status, out) == (1, "")
        assert "interrupted" in told
        assert await back_home(ptz)


@pytest.mark.slow
async def test_a_head_that_tells_coarse_and_late_positions(drawings: Path, tmp_path: Path) -> None:
    setup = camera(report_step_deg=0.1, report_age_s=(0.08, 0.5), lost=0.05)
    async with virtual_ptz(drawings, setup) as ptz:
        status, out, told = await calibrate(ptz, tmp_path, "--zoom", "0,0.25,0.5,0.75,1", "--json")
        assert status == 0, told
    found = json.loads(out)
    assert judged(found, LensTable()) < 1
    assert found["measurements"]["readings"][0]["step_error_deg"] == pytest.approx(0.041, abs=0.005)
    assert found["ages"] is None  # positions half a second old, where 0.2 s was said
    assert "--pose-age-ms" in told


@pytest.mark.slow
@pytest.mark.parametrize("setup", [{}, {"night": True}, {"start": (-33.0, -25.0, 0.1), "spaces": "degrees"}])
async def test_nine_zooms_are_true_by_day_by_night_and_looking_down(
    drawings: Path, tmp_path: Path, setup: dict[str, Any]
) -> None:
    zooms = ",".join(str(n / 8) for n in range(9))
    async with virtual_ptz(drawings, camera(**setup)) as ptz:
        status, out, told = await calibrate(ptz, tmp_path, "--zoom", zooms, "--json")
        assert status == 0, told
    assert judged(json.loads(out), LensTable()) < 1


@pytest.mark.slow
async def test_zooms_are_added_where_they_help_and_make_the_table_truer(drawings: Path, tmp_path: Path) -> None:
    every = tuple(step / 32 for step in range(33))
    curved = LensTable(every, tuple(LENSES["bowed"](zoom) for zoom in every))
    async with virtual_ptz(drawings, camera(lens=curved)) as ptz:
        status, out, told = await calibrate(ptz, tmp_path, *FEW[:-2], "--more", "2", "--json")
        assert status == 0, told
        assert await back_home(ptz)
    found = json.loads(out)
    assert judged(found, curved) < 1
    asked = (0.0, 0.5, 1.0)
    zooms = [one["zoom"] for one in found["entries"]]
    assert zooms == sorted(zooms)
    assert len(zooms) == len(asked) + 2
    given = Measurements.model_validate(found["measurements"])
    few = fit_lens([one for one in given.halves() if min(abs(one.zoom - zoom) for zoom in asked) < 0.01], given.aspect)
    assert few.another
    assert min(abs(zoom - few.another[0]) for zoom in zooms) < 0.02  # the one that helped most came first
    assert found["lens"]["calibration_error_deg"] < few.calibration_error_deg


@pytest.mark.slow
async def test_a_camera_that_goes_away_midway_is_named(drawings: Path, tmp_path: Path) -> None:
    async with virtual_ptz(drawings, camera()) as ptz, started(ptz, tmp_path, *FEW) as process:
        await asyncio.sleep(12)
        await ptz.stall(True)
        status, out, told = await end(process, 60)
        assert await back_home(ptz)
    assert (status, out) == (1, "")
    assert "stream" in told


@pytest.mark.slow
async def test_a_head_that_falls_silent_midway_is_named(drawings: Path, tmp_path: Path) -> None:
    async with virtual_ptz(drawings, camera()) as ptz, started(ptz, tmp_path, *FEW) as process:
        await asyncio.sleep(12)
        await ptz.faults(silent=True, operations=["GetStatus"])
        status, _, told = await end(process, 60)
    assert status == 1
    assert "GetStatus" in told


@pytest.mark.slow
async def test_a_covered_lens_and_frozen_reports_are_told_apart(drawings: Path, tmp_path: Path) -> None:
    async with virtual_ptz(drawings, camera(start=(-33.0, 4.0, 0.0))) as ptz:
        await ptz.effect("covered")
        status, _, told = await calibrate(ptz, tmp_path, *FEW)
        assert status == 1
        assert "nothing to see" in told
        await ptz.effect("")
        await ptz.lies(frozen=True)
        status, _, told = await calibrate(ptz, tmp_path, *FEW)
    assert status == 1
    assert "position stays the same" in told


@pytest.mark.slow
async def test_the_picture_of_another_camera_is_noticed(drawings: Path, tmp_path: Path) -> None:
    fixed = Setup(kind="fixed", start=(-33.0, 4.0, 0.1), fps=12)
    async with virtual_ptz(drawings, camera()) as ptz, virtual_ptz(drawings, fixed) as other:
        status, _, told = await calibrate(ptz, tmp_path, *FEW, source=other.rtsp_url)
    assert status == 1
    assert "does not follow" in told


def test_coarse_positions_show_in_their_smallest_difference() -> None:
    assert quantum({0.0, 0.1, 0.3, 7.7}) == pytest.approx(0.1)
    assert quantum({0.0, 1.23456, 1.23466, 5.0}) == 0.0
    assert quantum({5.0}) == 0.0
