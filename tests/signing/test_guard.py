"""A fault in signing costs signatures, never a picture."""

import logging

import pytest

from agent.signing.guard import GuardedSigner
from agent.signing.keys import SigningKey
from agent.signing.signer import Signer
from agent.units import AccessUnit
from tests.signing.material import KEY, judge, plain, signed


class Faulty:
    """A key that raises at the signatures that `fails` names, counted from 0."""

    def __init__(self, fails: range) -> None:
        self._fails = fails
        self._asked = -1
        self.chain = KEY.chain

    def sign(self, message: bytes) -> bytes:
        self._asked += 1
        if self._asked in self._fails:
            raise RuntimeError("the key is gone")
        return KEY.sign(message)


def guarded(fails: range) -> GuardedSigner:
    key = Faulty(fails)
    return GuardedSigner(lambda: Signer(key, "m/c/main"))  # type: ignore[arg-type]


def test_without_a_fault_nothing_changes() -> None:
    guard = GuardedSigner(lambda: Signer(KEY, "m/c/main"))
    units = [guard.sign(unit) for unit in plain(160)]
    assert [len(one.data) // 8 for one in units] == [len(one.data) // 8 for one in signed(160)]  # DER varies by bytes
    assert (guard.reason, guard.failures) == ("", 0)


def test_a_key_that_raises_for_ever_leaves_every_picture_as_it_came(caplog: pytest.LogCaptureFixture) -> None:
    guard = guarded(range(1000))
    with caplog.at_level(logging.ERROR):
        assert [guard.sign(unit) for unit in plain(160)] == list(plain(160))
    assert guard.reason == "the key is gone"
    assert guard.failures == 3  # half a second after the first picture, then after each keyframe
    assert len(caplog.records) == 1, "told once, not at each picture"


def test_a_key_that_raises_once_begins_a_fresh_chain_and_the_gap_is_told() -> None:
    guard = guarded(range(1, 2))
    units: list[AccessUnit] = []
    reasons = []
    for unit in plain(160):
        units.append(guard.sign(unit))
        reasons.append(guard.reason)
    assert {n for n, why in enumerate(reasons) if why} == set(range(26, 63)), "until the next signature is made"
    assert units[26] == plain(160)[26]
    report = judge(units)
    assert [one.kind for one in report.findings] == ["valid", "restart", "unsigned", "valid", "tail"]
    assert [one.first_picture for one in report.findings if one.kind == "valid"] == [1, 51]
    assert guard.failures == 1


def test_a_signer_that_cannot_be_made_is_asked_for_again() -> None:
    made: list[SigningKey] = []

    def make() -> Signer:
        made.append(KEY)
        if len(made) < 60:
            raise OSError("not yet")
        return Signer(KEY, "m/c/main")

    guard = GuardedSigner(make)
    units = [guard.sign(unit) for unit in plain(160)]
    assert units[:100] == list(plain(160)[:100])
    assert guard.reason == ""
    assert [one.kind for one in judge(units).findings] == ["unsigned", "valid", "tail"]


def test_a_fault_without_words_is_told_by_its_name() -> None:
    def make() -> Signer:
        raise MemoryError

    guard = GuardedSigner(make)
    guard.sign(plain(1)[0])
    assert guard.reason == "MemoryError"
