"""`vigie register report` and `figures`: the PDF as its readers see it, hostile texts, and what it was made from."""

import json
import os
import re
import subprocess
import sys
from pathlib import Path

import pytest
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

from agent import cli
from agent.errors import RegisterError
from agent.register import bodies
from agent.register.proving import verify
from agent.reporting.command import gather
from agent.reporting.figures import Period
from agent.reporting.layout import BOTTOM, INSIDE, MARGIN, Heading, Layout, Paragraph, Table
from tests.needs import needs
from tests.register.rig import DAY_MS, DEVICE, KINDS, NOON, files, opened, public, sample, view

PERIOD = ["--from", "2026-11-01", "--to", "2026-11-30"]
HOSTILE = ") Tj ET {nb} \\) (%s) << /JS >> مرحبا 日本 \U0001f600 e\u0301 \ue000 Łukasz"


@pytest.fixture
def state(tmp_path: Path) -> Path:
    register = opened(tmp_path)
    for kind in KINDS:
        register.append(sample(kind))  # type: ignore[arg-type]
    register.append(bodies.RequisitionRefused(sha256="0" * 64, reference=HOSTILE * 5, why="W" * 500))
    register.close()
    (tmp_path / "identity").mkdir()
    pem = DEVICE.public_key().public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo)
    (tmp_path / "identity" / "device.pub").write_bytes(pem)
    return tmp_path


def made(state: Path, *more: str, status: int = 0) -> Path:
    out = state / "report.pdf"
    assert cli.main(["register", "report", "--state", str(state), *PERIOD, "--out", str(out), *more]) == status
    return out


def text(path: Path) -> str:
    """As pdftotext reads it, lines of a cell joined."""
    return subprocess.run(["pdftotext", "-layout", path, "-"], capture_output=True, text=True, check=True).stdout


@needs("pdftotext", "poppler-utils")
def test_it_says_who_looked_why_and_on_what_register_it_stands(state: Path) -> None:
    told = text(made(state))
    for wanted in ("Commune : lievin", "Mât : lievin-042", "conforme à sa tête signée", f"{len(KINDS) + 1} entrées"):
        assert wanted in told
    for wanted in ("C. Durand, matricule 0042", "art. 60-1 du code de", "PV 2026/118", "REFUSÉE", "demandée, aucune"):
        assert wanted in told
    assert "durée de conservation échue" in told
    assert "du 01/11/2026 00:00:00 inclus au 01/12/2026 00:00:00 exclu" in told
    assert "21/11/2026 13:00:0" in told  # noon in UTC


@needs("pdftotext", "poppler-utils")
def test_hostile_texts_are_shown_and_do_nothing(state: Path) -> None:
    path = made(state)
    checked = subprocess.run(["pdfinfo", path], capture_output=True, text=True, check=True)
    assert checked.stderr == ""
    assert "JavaScript:      no" in checked.stdout
    told = re.sub(r"\s", "", text(path))
    for wanted in ("{nb}", "[U+0645]", "[U+65E5]", "[U+1F600]", "[U+E000]", "/JS", "Łukasz", "é"):
        assert wanted in told
    assert told.count("W") >= 500


@needs("pdftotext", "poppler-utils")
def test_heads_stand_again_on_each_page_and_pages_are_counted(state: Path) -> None:
    register = opened(state)
    for number in range(200):
        register.append(view(number + 10_000))
    register.close()
    pages = text(made(state)).split("\f")[:-1]
    assert len(pages) > 5
    for number, page in enumerate(pages, 1):
        assert f"{number}/{len(pages)}" in page
    for page in pages:
        if "non identifié" in page:
            assert "Fondement" in page


def test_the_same_register_gives_the_same_bytes_in_another_process(state: Path) -> None:
    mine = made(state).read_bytes()
    out = state / "other.pdf"
    command = [sys.executable, "-m", "agent", "register", "report", "--state", state, *PERIOD, "--out", out]
    for seed in ("1", "2"):
        environment = {**os.environ, "PYTHONHASHSEED": seed, "LC_ALL": "C", "TZ": "Asia/Tokyo"}
        subprocess.run(command, check=True, env=environment)
        assert out.read_bytes() == mine
    opened(state).append(view(1))
    assert made(state).read_bytes() != mine


@needs("pdftotext", "poppler-utils")
def test_an_altered_register_is_called_so_on_the_first_page_and_ends_with_1(
    state: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    section = files(state)[0]
    section.write_bytes(section.read_bytes().replace(b"C. Durand", b"C. Dupond", 1))
    assert "N'EST PAS CONFORME" in text(made(state, status=1)).split("\f")[0]
    assert cli.main(["register", "figures", "--state", str(state), "--year", "2026", "--json"]) == 1
    assert json.loads(capsys.readouterr().out)["verified"] is False


def test_a_line_that_is_none_does_not_take_the_rest_along(state: Path, capsys: pytest.CaptureFixture[str]) -> None:
    section = files(state)[0]
    lines = section.read_bytes().splitlines(keepends=True)
    section.write_bytes(b"".join([*lines[:3], b"nonsense\n", *lines[4:]]))
    assert cli.main(["register", "figures", "--state", str(state), "--year", "2026", "--json"]) == 1
    told = json.loads(capsys.readouterr().out)
    assert (told["unread"], told["entries"]) == (1, len(KINDS))


def test_figures_as_json_and_as_a_table(state: Path, capsys: pytest.CaptureFixture[str]) -> None:
    asked = ["register", "figures", "--state", str(state), "--year", "2026"]
    assert cli.main([*asked, "--json"]) == 0
    told = json.loads(capsys.readouterr().out)
    assert told["checkpoint"]["size"] == len(KINDS) + 1
    assert told["checkpoint"]["root"] in opened(state).checkpoint()
    (parvis,) = (one for one in told["cameras"] if one["camera"] == "parvis")
    assert (parvis["recorded"], parvis["destroyed_by_age"], parvis["exports"]) == (1, 1, 1)
    assert cli.main(asked) == 0
    assert "parvis" in capsys.readouterr().out


@pytest.mark.parametrize(
    "period",
    [
        [],
        ["--from", "2026-01-01"],
        ["--from", "2026-02-30", "--to", "2026-03-01"],
        ["--from", "2026-03-01", "--to", "2026-02-01"],
        ["--year", "2026", "--to", "2026-02-01"],
        ["--year", "0"],
        ["--year", "99999"],
    ],
)
def test_a_period_that_is_none_ends_with_2(state: Path, period: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    assert cli.main(["register", "figures", "--state", str(state), *period]) == 2
    assert capsys.readouterr().err


def test_the_last_day_counts_whole(state: Path, capsys: pytest.CaptureFixture[str]) -> None:
    asked = ["register", "figures", "--state", str(state), "--json", "--from", "2026-11-21", "--to"]
    for last, count in (("2026-11-21", len(KINDS) + 1), ("2026-11-21T12:00:00.030Z", 2)):
        assert cli.main([*asked, last]) == 0
        assert json.loads(capsys.readouterr().out)["entries"] == count


def test_days_are_those_of_paris(state: Path, capsys: pytest.CaptureFixture[str]) -> None:
    asked = ["register", "figures", "--state", str(state), "--json"]
    assert cli.main([*asked, "--from", "2026-07-01", "--to", "2026-10-31"]) == 0
    assert json.loads(capsys.readouterr().out)["period"] == {
        "from": "2026-06-30T22:00:00Z",
        "to": "2026-10-31T23:00:00Z",
    }
    assert cli.main([*asked, "--year", "2026"]) == 0
    assert json.loads(capsys.readouterr().out)["period"] == {
        "from": "2025-12-31T23:00:00Z",
        "to": "2026-12-31T23:00:00Z",
    }


def test_what_is_entered_after_the_verdict_is_not_told_and_what_is_altered_after_it_is_seen(state: Path) -> None:
    verdict = verify(state, public(DEVICE))
    asked = Period(NOON - DAY_MS, NOON + DAY_MS)
    register = opened(state)
    register.append(view(1))
    register.close()
    assert gather(state, asked, verdict).entries == len(KINDS) + 1
    section = files(state)[0]
    section.write_bytes(section.read_bytes().replace(b"C. Durand", b"C. Dupond", 1))
    with pytest.raises(RegisterError):
        gather(state, asked, verdict)


def test_a_place_that_cannot_be_written_ends_with_2(state: Path) -> None:
    asked = ["register", "report", "--state", str(state), *PERIOD, "--out", str(state / "missing" / "x.pdf")]
    assert cli.main(asked) == 2
    made(state)
    assert (state / "report.pdf").stat().st_mode & 0o777 == 0o600
    assert not list(state.glob("*.part"))


def test_nothing_stands_outside_the_page_and_no_letter_is_lost() -> None:
    layout = Layout(lambda one, bold: 0.5 * len(one), frozenset(range(32, 0x250)))
    words = [("x" * 7000, "a b " * 300), ("", ""), ("é\u0301", "ok")] * 20
    blocks = [Heading("h"), Paragraph("p " * 900), Table((("A", 1, True), ("B", 3, False)), words)]
    pages = layout.pages(blocks)
    texts = [one for page in pages for one in page.texts]
    assert all(one.y <= BOTTOM + 0.01 for one in texts)
    assert all(MARGIN <= one.x <= MARGIN + INSIDE for one in texts)
    assert sum(one.text.count("x") for one in texts) == 20 * 7000
    assert sum(one.text.count("a") for one in texts) == 20 * 300
    for page in pages[2:]:
        assert [one.text for one in page.texts[:2]] == ["A", "B"]
