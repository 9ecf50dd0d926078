"""The systemd units, judged by systemd's own tools, and held against the image that does the same."""

import re
import subprocess
import sys
from pathlib import Path

import pytest

from tests.box.sandbox import settings
from tests.needs import needs

ROOT = Path(__file__).parents[2]
UNIT = ROOT / "firmware-config/systemd/vigie.service"
NO_SWAP = ROOT / "firmware-config/systemd/vigie-no-swap.service"
DOCKERFILE = ROOT / "Dockerfile.arm64"

needs_systemd = needs("systemd-analyze", "systemd")


def exposure(unit: Path) -> float:
    """The overall exposure that systemd finds in a unit, 0 (none) to 10."""
    words = ["systemd-analyze", "security", "--offline=true", "--no-pager", str(unit)]
    done = subprocess.run(words, capture_output=True, text=True, check=False)
    found = re.search(r"Overall exposure level for \S+: ([\d.]+)", done.stdout)
    assert found, done.stderr
    return float(found[1])


@needs_systemd
def test_exposure_is_two_or_better() -> None:
    assert exposure(UNIT) <= 2.0


@needs_systemd
@pytest.mark.parametrize("line", ["CapabilityBoundingSet=", "RestrictNamespaces=yes", "ProtectSystem=strict"])
def test_a_protection_taken_away_raises_the_exposure(line: str, tmp_path: Path) -> None:
    weakened = tmp_path / UNIT.name
    weakened.write_text(UNIT.read_text(encoding="utf-8").replace(f"{line}\n", ""), encoding="utf-8")
    assert exposure(weakened) > exposure(UNIT)


def verify(folder: Path, *units: Path) -> str:
    """What `systemd-analyze verify` finds, with a program that exists in the place of the one that is not installed."""
    for unit in units:
        text = unit.read_text(encoding="utf-8").replace("/opt/vigie/bin/vigie", sys.executable)
        (folder / unit.name).write_text(text, encoding="utf-8")
    words = ["systemd-analyze", "verify", "--man=no", *(str(folder / unit.name) for unit in units)]
    done = subprocess.run(words, capture_output=True, text=True, check=False)
    return "\n".join(line for line in done.stderr.splitlines() if "vigie" in line)


@needs_systemd
def test_systemd_finds_no_fault_in_the_units(tmp_path: Path) -> None:
    assert verify(tmp_path, UNIT, NO_SWAP) == ""


@needs_systemd
def test_a_misspelt_directive_is_found(tmp_path: Path) -> None:
    broken = tmp_path / "source" / UNIT.name
    broken.parent.mkdir()
    broken.write_text(UNIT.read_text(encoding="utf-8").replace("LimitCORE=", "LimitCORES="), encoding="utf-8")
    assert "LimitCORES" in verify(tmp_path, broken, NO_SWAP)


def test_plain_pictures_reach_neither_swap_nor_a_core_dump() -> None:
    assert settings(UNIT, "MemorySwapMax") == ["0"]
    assert settings(UNIT, "LimitCORE") == ["0"]
    assert settings(UNIT, "Requires") == [NO_SWAP.name]
    assert NO_SWAP.name in settings(UNIT, "After")[0].split()
    kernel = (ROOT / "firmware-config/sysctl.d/90-vigie.conf").read_text(encoding="utf-8")
    assert "kernel.core_pattern = |/bin/false" in kernel.splitlines()


def test_the_unit_and_the_image_start_the_same_program_as_the_same_user() -> None:
    image = DOCKERFILE.read_text(encoding="utf-8")
    program, *arguments = settings(UNIT, "ExecStart")[0].split()
    assert f'ENTRYPOINT ["{program}"]' in image
    assert f"CMD [{', '.join(f'{chr(34)}{word}{chr(34)}' for word in arguments)}]" in image
    assert f"USER {settings(UNIT, 'User')[0]}" in image
    assert f'VOLUME ["/var/lib/{settings(UNIT, "StateDirectory")[0]}"]' in image
    assert f"--group vigie /etc/{settings(UNIT, 'ConfigurationDirectory')[0]}" in image


def test_the_unit_gives_the_watchdog_and_keeps_starting_the_agent_again() -> None:
    assert settings(UNIT, "Type") == ["notify"]
    assert int(settings(UNIT, "WatchdogSec")[0]) == 30
    assert settings(UNIT, "Restart") == ["always"]
    assert settings(UNIT, "StartLimitIntervalSec") == ["0"]


def test_the_units_user_is_the_one_that_sysusers_makes() -> None:
    users = (ROOT / "firmware-config/sysusers.d/vigie.conf").read_text(encoding="utf-8")
    assert re.search(rf"^u {settings(UNIT, 'User')[0]} ", users, re.MULTILINE)
    assert re.search(rf"^m vigie {settings(UNIT, 'SupplementaryGroups')[0]}$", users, re.MULTILINE)
