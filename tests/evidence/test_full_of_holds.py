"""Holds that leave no room to record: an alarm with its mend, and a gap in the register with its cause."""

from dataclasses import replace
from pathlib import Path

import pytest

from agent.events import RecordingLost, RecordingRestored
from agent.register.bodies import RecordingGap
from agent.register.scribe import Scribe
from agent.telemetry import issues
from agent.telemetry.values import MachineFacts, OutboxFacts
from agent.vault import Vault
from agent.vault.ring import DAY_MS
from tests.evidence.rig import House, hold_demand
from tests.telemetry.brokers import World
from tests.vault.rig import Feed, Scene, film, settings, until

SCENE = Scene()


def keys(vault: Vault) -> list[str]:
    """The issues that the vault gives a mast that is otherwise well."""
    facts = replace(World().facts(), held_share=vault.held_share(), crowded=vault.crowded())
    return [one.key for one in issues.find(facts, MachineFacts(), OutboxFacts()) if one.key.startswith("holds")]


@pytest.fixture
def house(tmp_path: Path) -> House:
    """Its vault is as large as what it has recorded, all but a little."""
    house = House(tmp_path)
    house.record(4, SCENE)
    held = sum(row.segment.size_bytes for row in house.bench.rows())
    house.open()
    house.vault.close()
    house.vault = Vault(
        house.bench.state,
        settings(house.keys.recipient, gib=held / 2**30 + 1e-9),
        house.clock,
        house.identity,
        house.events,
        None,
        house.book,
    )
    house.vault.open()
    return house


def test_holds_that_fill_the_vault_are_an_alarm_and_a_gap_with_that_cause(house: House) -> None:
    assert keys(house.vault) == []
    house.desk.answer(house.document(demand=hold_demand(house, house.clock.wall_ms + 8 * DAY_MS)))
    until(lambda: keys(house.vault) == ["holds_full"])
    scribe = Scribe(house.book, house.clock)
    scribe.start()
    feed = Feed()
    recorder = house.vault.record("lane", feed, 1000)
    units = film(SCENE, 100, house.clock, begin_90k=10**7)
    feed.put(units[:50])
    until(lambda: house.events.of(RecordingLost))
    scribe.tell(house.events.of(RecordingLost)[0])
    until(lambda: "recording_gap" in house.kinds())
    assert len(house.bench.rows()) == 2  # what is held is not taken, what is new is not begun

    house.clock.pass_ms(8 * DAY_MS + 1)  # the hold's date comes
    house.vault.poke()
    until(lambda: keys(house.vault) == [])
    asked = feed.asked
    until(lambda: feed.put(units[49:50]) or feed.asked > asked)
    feed.put(units[50:])
    recorder.stop()
    (back,) = house.events.of(RecordingRestored)
    scribe.tell(back)
    scribe.stop()
    gaps = [entry.body for entry in house.book.entries(kinds=("recording_gap",))]
    assert [isinstance(one, RecordingGap) and one.ended is None for one in gaps] == [True, False]
    for one in gaps:
        assert isinstance(one, RecordingGap)
        assert "requisition" in one.cause or "réquisition" in one.cause
    house.close()


def test_a_vault_half_full_of_holds_is_a_warning_and_records_on(tmp_path: Path) -> None:
    house = House(tmp_path)
    house.record(4, SCENE)
    house.open()
    held = sum(row.segment.size_bytes for row in house.bench.rows())
    house.vault._settings.__dict__["max_gib"] = 1.5 * held / 2**30
    house.desk.answer(house.document(demand=hold_demand(house, house.clock.wall_ms + 8 * DAY_MS)))
    until(lambda: keys(house.vault) == ["holds_large"])
    assert not house.vault.crowded()
    house.close()
