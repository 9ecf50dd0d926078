"""`calibrate` without a camera: a table from measurements that were read by hand, and what cannot be meant."""

import json
import tomllib
from pathlib import Path

import numpy as np
import pytest

from provisioning.ages import Ages
from provisioning.calibration import MOST_FILE_BYTES
from provisioning.cli import main
from provisioning.lens_file import ages, measurements, report, toml
from provisioning.lens_fit import fit_lens
from tests.provisioning.lenses import ASPECT, LENSES, look_through, worst_deg
from tests.provisioning.speaking import said
from tests.provisioning.test_cli import provision

FIVE = (0.0, 0.25, 0.5, 0.75, 1.0)
CAMERA = ("--url", "http://10.0.0.11/onvif", "--source", "rtsp://10.0.0.11/1")


def read_by_hand(path: Path, zooms: tuple[float, ...] = FIVE) -> Path:
    """A file as somebody with a known lens writes it."""
    readings = look_through(LENSES["even"], zooms, np.random.default_rng(1))
    path.write_text(json.dumps(measurements(readings, ASPECT)))
    return path


def refused(capsys: pytest.CaptureFixture[str], *arguments: str | Path) -> list[str]:
    """The lines of a fault: status 2, nothing on stdout."""
    assert main(["calibrate", *map(str, arguments)]) == 2
    told = capsys.readouterr()
    assert told.out == ""
    assert "Traceback" not in told.err
    return [line for line in told.err.splitlines() if line and not line.startswith(("usage:", " "))]


def test_measurements_become_the_table_that_the_agent_takes(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    file, out = read_by_hand(tmp_path / "m.json"), tmp_path / "lens.toml"
    assert main(["calibrate", "--measurements", str(file), "--out", str(out)]) == 0
    told = capsys.readouterr()
    table = tomllib.loads(told.out)["camera"]["lens"]
    assert tomllib.loads(out.read_text())["camera"]["lens"] == table
    assert table["zoom"] == list(FIVE)
    for zoom, hfov in zip(table["zoom"], table["hfov_deg"], strict=True):
        assert hfov == pytest.approx(LENSES["even"](zoom), rel=0.02)
    assert len([line for line in told.err.splitlines() if "degrees" in line and "steps" in line]) == len(FIVE)


def test_how_old_pictures_are_stands_beside_the_table_and_is_told(tmp_path: Path) -> None:
    readings = look_through(LENSES["even"], FIVE, np.random.default_rng(1))
    fit, found = fit_lens(readings, ASPECT), Ages(0.018, 0.1271, 0.11, 118)
    written = tomllib.loads(toml(fit, found))["camera"]
    assert written["ptz"] == {"video_age_ms": 180}  # 177.1, and never less
    assert "ptz" not in tomllib.loads(toml(fit, None))["camera"]
    assert "18 to 127 ms" in report(fit, found)[-1]
    assert report(fit, found)[:-1] == report(fit, None)
    assert ages(found) == {"video_age_ms": 180, "punctual_ms": [18.0, 127.1], "late_ms": 110.0, "reports": 118}


def test_what_json_told_is_read_again_and_gives_the_same_table(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["calibrate", "--json", "--measurements", str(read_by_hand(tmp_path / "m.json"))]) == 0
    first = json.loads(capsys.readouterr().out)
    (tmp_path / "again.json").write_text(json.dumps(first))
    assert main(["calibrate", "--json", "--measurements", str(tmp_path / "again.json")]) == 0
    again = json.loads(capsys.readouterr().out)
    assert first["ok"]
    assert again["lens"]["zoom"] == first["lens"]["zoom"]
    assert again["lens"]["hfov_deg"] == pytest.approx(first["lens"]["hfov_deg"], abs=0.01)


def test_too_few_zooms_end_with_1_and_a_word_for_programs(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    file = read_by_hand(tmp_path / "m.json", (0.0, 1.0))
    assert main(["calibrate", "--measurements", str(file), "--json"]) == 1
    told = capsys.readouterr()
    found = json.loads(told.out)
    assert (found["ok"], found["word"]) == (False, "few-zooms")
    assert found["why"] in told.err
    assert main(["calibrate", "--measurements", str(file)]) == 1
    assert capsys.readouterr().out == ""


@pytest.mark.parametrize(
    ("options", "word"),
    [
        ((), "--measurements FILE"),
        (("--url", "http://10.0.0.11/onvif"), "--source"),
        ((*CAMERA, "--zoom", "0,1"), "3 to 32 positions"),
        ((*CAMERA, "--zoom", "0,0.5,1.5"), "3 to 32 positions"),
        ((*CAMERA, "--zoom", "0,nan,1"), "3 to 32 positions"),
        ((*CAMERA, "--zoom", "0,0.5,0.501,1"), "3 to 32 positions"),
        ((*CAMERA, "--zoom", "wide"), "3 to 32 positions"),
        ((*CAMERA, "--pan-deg=-180"), "lowest,highest"),
        ((*CAMERA, "--pan-deg=180,-180"), "--pan-deg"),
        ((*CAMERA, "--tilt-deg=-90,900"), "--tilt-deg"),
        ((*CAMERA, "--password-file", "/nowhere/pass", "--username", "vigie"), "--password-file"),
        ((*CAMERA, "--steps", "1"), "--steps: '1' is no whole number from 2 to 20"),
        ((*CAMERA, "--steps", "4.5"), "whole number"),
        ((*CAMERA, "--more", "17"), "--more: '17' is no whole number from 0 to 16"),
        ((*CAMERA, "--more", "-1"), "--more"),
        ((*CAMERA, "--faster"), "--faster"),
        (("--url", "ftp://10.0.0.11/", "--source", "rtsp://10.0.0.11/1"), "--url"),
        (("--url", "http://10.0.0.11/", "--source", "http://10.0.0.11/1"), "--source"),
    ],
)
def test_what_cannot_be_meant_is_a_line_that_names_the_option(
    options: tuple[str, ...], word: str, capsys: pytest.CaptureFixture[str]
) -> None:
    lines = refused(capsys, *options)
    assert lines
    assert any(word in line for line in lines), lines


def test_a_password_in_an_address_is_refused_and_never_repeated(capsys: pytest.CaptureFixture[str]) -> None:
    for options in (
        ("--url", "http://10.0.0.11/", "--source", "rtsp://vigie:s3same@10.0.0.11/1"),
        ("--url", "http://vigie:s3same@10.0.0.11/", "--source", "rtsp://10.0.0.11/1"),
    ):
        lines = refused(capsys, *options)
        assert any("--password-file" in line or "password_file" in line for line in lines), lines
        assert not any("s3same" in line for line in lines)


def test_files_that_cannot_be_measurements_are_named(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    file = tmp_path / "m.json"
    good = json.loads(read_by_hand(file).read_text())
    for text, word in (
        ("", "JSON"),
        ("[" * 100_000, "JSON"),
        ('{"readings": []}', "readings"),
        (json.dumps(good | {"aspect": 0}), "aspect"),
        (json.dumps(good | {"lens": 1}), "lens"),
        (json.dumps(good)[:-20], "JSON"),
        (json.dumps(good).replace('"zoom": 0.0', '"zoom": NaN', 1), "readings"),
        (json.dumps(good).replace('"zoom": 0.0', '"zoom": "wide"', 1), "readings"),
        (" " * (MOST_FILE_BYTES + 1), "larger than 4 MiB"),
    ):
        file.write_text(text)
        lines = refused(capsys, "--measurements", file)
        assert any(word in line and str(file) in line for line in lines), (word, lines)
    for path in (tmp_path / "none.json", tmp_path):
        assert any(str(path) in line for line in refused(capsys, "--measurements", path))
    assert any("leave out" in line for line in refused(capsys, *CAMERA, "--measurements", file))


def test_a_table_that_is_there_is_never_overwritten(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    file, out = read_by_hand(tmp_path / "m.json"), tmp_path / "lens.toml"
    out.write_text("mine")
    assert any("never overwritten" in line for line in refused(capsys, "--measurements", file, "--out", out))
    assert out.read_text() == "mine"
    assert any("--out" in line for line in refused(capsys, "--measurements", file, "--out", tmp_path / "no" / "x"))


def test_a_french_technician_is_told_in_french(tmp_path: Path) -> None:
    file = read_by_hand(tmp_path / "m.json")
    done = provision("calibrate", "--measurements", file, language="fr_FR.UTF-8")
    assert done.returncode == 0, done.stderr
    assert "degrés" in done.stderr
    assert "aucune direction" in done.stderr
    assert tomllib.loads(done.stdout)["camera"]["lens"]["zoom"] == list(FIVE)
    wrong = provision("calibrate", "--more", "x", language="fr_FR.UTF-8")
    assert (wrong.returncode, wrong.stdout) == (2, "")
    assert "--more : 'x' n'est pas un nombre entier de 0 à 16" in wrong.stderr


@pytest.mark.parametrize(("language", "words"), [("en_GB.UTF-8", "2 to 20"), ("fr_FR.UTF-8", "de 2 à 20")])
def test_help_says_ranges_in_words(language: str, words: str) -> None:
    done = said(language, "calibrate", "--help")
    assert done.returncode == 0
    assert words in " ".join(done.stdout.split())
    assert "{2,3" not in done.stdout


def test_the_table_that_is_told_is_as_true_as_it_says(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    from provisioning.lens_file import parse
    from provisioning.lens_fit import fit_lens

    file = read_by_hand(tmp_path / "m.json")
    assert main(["calibrate", "--json", "--measurements", str(file)]) == 0
    told = json.loads(capsys.readouterr().out)
    given = parse(file.read_bytes(), "m.json")
    assert worst_deg(fit_lens(given.halves(), given.aspect), LENSES["even"]) <= told["lens"]["calibration_error_deg"]
