"""What an entry is called and says in a French table."""

import typing
from dataclasses import fields
from pathlib import Path

import pytest

from agent.access.requisitions import Word
from agent.evidence.desk import NOBODY
from agent.live.views import Reason
from agent.register import bodies, values, words
from agent.register.entries import Entry
from agent.register.words import details, french
from agent.sparing import unentered
from agent.vault.releasing import NOTHING_HELD
from tests.register.rig import KINDS, opened

SAME = {"cause", "cosignature", "jti", "service", "sha256", "version", "kind"}
"""What is called the same in both languages."""
BLIND = (
    *("starting", "reconnected", "picture-changed", "pixel-format", "aim-unsure", "aim-lost", "pose-uncertain"),
    *("pose-old", "onvif-silent", "moving-too-fast", "head-homing", "flipping", "contradiction-reports"),
    *("contradiction-picture", "zoom-outside-calibration"),
)


def entered(body: bodies.Entered, tmp_path: Path) -> Entry:
    register = opened(tmp_path)
    register.append(body)
    (entry,) = register.entries()
    register.close()
    return entry


def test_every_key_of_every_kind_has_a_french_name() -> None:
    keys = {one.name for kind in (*KINDS, values.Person, values.Ground) for one in fields(kind)} - SAME
    assert keys - words._FRENCH.keys() == set()


def test_every_word_of_the_products_own_has_a_french_one() -> None:
    said = {*typing.get_args(Word), *typing.get_args(Reason), *typing.get_args(values.LegalBasis), *BLIND}
    said |= {*typing.get_args(values.Rule), "aim-lost", "covered", "defocused", NOBODY, NOTHING_HELD}
    said |= {"idle", "taken-over", "grant-ended", "went-away", "stopped", "live", "ptz", "main", "tile"}
    assert {one for one in said if french(one) == one} <= {"maintenance", "habilitation"}
    assert french("released by PV 2026/118") == "levée par PV 2026/118"
    assert french("PV 2026/118: its date has come") == "PV 2026/118 : échéance atteinte"
    assert french("replayed" + unentered(3)) == "a déjà servi ; 3 de plus depuis la dernière, non inscrites"


def test_what_a_person_wrote_stays_as_it_is(tmp_path: Path) -> None:
    person = values.Person("left", "starting", "live")
    body = bodies.ViewRequested("parvis", "main", 3, person, values.Ground("event", "replayed", "left"))
    told = details(entered(body, tmp_path), language="fr")
    assert told == (
        "caméra=parvis image=entière autorisation=3 agent=(matricule=left nom=starting service=live) "
        "cadre=(fondement=événement en cours référence=replayed motif=left)"
    )


@pytest.mark.parametrize(
    ("counters", "told"),
    [([7], "7"), ([1, 2, 3], "1..3 (3)"), ([495, 1, 2], "1..2, 495 (3)"), ([3, 1], "1, 3 (2)")],
)
def test_recordings_that_do_not_follow_on_each_other_are_told_apart(
    counters: list[int], told: str, tmp_path: Path
) -> None:
    gone = tuple(values.Gone(one, "0" * 64) for one in counters)
    body = bodies.SegmentsDestroyed("parvis", gone, "age")
    assert details(entered(body, tmp_path), language="en") == f"camera=parvis segments={told} rule=age"


def test_no_table_is_as_long_as_a_month(tmp_path: Path) -> None:
    gone = tuple(values.Gone(2 * one, "0" * 64) for one in range(100))
    told = details(entered(bodies.SegmentsDestroyed("parvis", gone, "age"), tmp_path), language="en")
    assert "segments=0, 2, 4, 6, 8, 10, 12, 14, ... (100)" in told


def test_an_english_table_has_the_words_that_programs_read(tmp_path: Path) -> None:
    body = bodies.ViewEnded("parvis", 4, 1000, "grant-expired")
    assert (
        details(entered(body, tmp_path), language="en") == "camera=parvis started=4 length_ms=1000 reason=grant-expired"
    )
