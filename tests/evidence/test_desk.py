"""Requisitions at the desk: what is refused and why, what is entered before it happens, and what serves once only."""

import json
from hashlib import sha256
from pathlib import Path

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from agent.access.demands import DAY_MS, Export, Recipient, Release, Requisition, write
from agent.errors import RegisterError, RequisitionRefused, TryLater
from agent.evidence.desk import FETCH_MS
from agent.register import bodies
from agent.register.bodies import RequisitionPresented, SegmentsExported, SegmentsHeld, SegmentsReleased
from tests.access.requiring import forged
from tests.evidence.rig import ID, JUDGE, OTHER_ID, PROSECUTOR, House, hold_demand
from tests.vault.rig import until

HOUR_MS = 3_600_000
STRANGER = Ed25519PrivateKey.from_private_bytes(b"stranger".ljust(32, b"."))
RECIPIENT = Recipient("Lt Leroy", "Commissariat de Lens")


def last(house: House, kind: type) -> object:
    """The newest entry of a kind."""
    return [entry.body for entry in house.book.entries() if isinstance(entry.body, kind)][-1]


def interval(house: House, from_ms: int, to_ms: int, camera: str = "lane") -> Export:
    return Export((camera,), house.began_ms + from_ms, house.began_ms + to_ms, RECIPIENT)


def refused(house: House, document: bytes) -> str:
    """The word of the refusal, which the register has too."""
    before = house.book.size
    with pytest.raises(RequisitionRefused) as found:
        house.desk.answer(document)
    assert house.book.size == before + 1
    entered = last(house, bodies.RequisitionRefused)
    assert isinstance(entered, bodies.RequisitionRefused)
    assert entered.why == found.value.word
    assert house.vault.holds.standing() == []
    assert house.desk.shelf.names() == []
    return found.value.word


def test_an_export_is_entered_held_and_answered(house: House) -> None:
    answer = house.desk.answer(house.document())
    assert (answer.act, answer.segments, answer.gaps) == ("export", 4, 0)
    assert house.kinds()[-3:] == ["requisition_presented", "segments_held", "segments_exported"]
    presented = last(house, RequisitionPresented)
    assert isinstance(presented, RequisitionPresented)
    assert presented.ground.basis == "requisition_77_1_1"
    assert (presented.requester.name, presented.requester.number) == ("Zoé Durand", "OPJ")
    exported = last(house, SegmentsExported)
    assert isinstance(exported, SegmentsExported)
    assert [one.counter for one in exported.segments] == [1, 2, 3, 4]
    assert exported.manifest_sha256 == answer.manifest_sha256
    assert [row.state for row in house.bench.rows()] == ["held"] * 4
    assert answer.until_ms == house.clock.wall_ms + FETCH_MS


@pytest.mark.parametrize(
    ("from_ms", "to_ms", "counters"),
    [
        (2000, 4000, [2]),
        (1900, 4001, [1, 2, 3]),
        (3000, 3001, [2]),
        (-HOUR_MS, 1, [1]),
        (7900, 8000, [4]),
    ],
)
def test_an_export_takes_whole_segments_and_no_more(
    house: House, from_ms: int, to_ms: int, counters: list[int]
) -> None:
    answer = house.desk.answer(house.document(demand=interval(house, from_ms, to_ms)))
    manifest = house.pack(answer).manifest
    assert [one.counter for one in manifest.cameras[0].segments] == counters
    assert [row.counter for row in house.bench.rows() if row.state == "held"] == counters
    assert bool(manifest.cameras[0].gaps) == (from_ms < 0)


def test_forged_requisitions_are_refused_and_entered(house: House) -> None:
    honest = house.document()
    assert refused(house, honest.replace(b'"payload": "', b'"payload": "A')) == "forged"
    assert refused(house, house.document(STRANGER)) == "forged"
    assert refused(house, house.document(PROSECUTOR, STRANGER)) == "forged"
    assert refused(house, b"{}") == "malformed"
    assert refused(house, b"x" * (65 << 10)) == "malformed"


def test_an_unknown_field_is_refused_by_its_name(house: House) -> None:
    said = {**json.loads(write(house.requisition())), "also": "the neighbour's camera"}
    assert refused(house, forged(said, by=PROSECUTOR.sign)) == "unknown-field"


def test_a_requisition_below_the_threshold_is_refused_and_one_above_it_is_answered(tmp_path: Path) -> None:
    house = House(tmp_path, threshold=2)
    house.record(4)
    house.open()
    assert refused(house, house.document(PROSECUTOR)) == "below-threshold"
    assert refused(house, house.document(PROSECUTOR, PROSECUTOR)) == "below-threshold"
    assert house.desk.answer(house.document(PROSECUTOR, JUDGE)).segments == 2
    house.close()


def test_each_demand_that_cannot_be_answered_has_its_reason(house: House) -> None:
    now, began = house.clock.wall_ms, house.began_ms
    for changes, word in (
        ({"masts": ("lievin-043",)}, "other-mast"),
        ({"demand": interval(house, 0, 1000, "square")}, "other-camera"),
        ({"issued_ms": now - 2 * DAY_MS, "expires_ms": now - DAY_MS}, "expired"),
        ({"issued_ms": now + DAY_MS, "expires_ms": now + 2 * DAY_MS}, "not-yet"),
        ({"demand": Export(("lane",), began, began, RECIPIENT)}, "empty-interval"),
        ({"demand": Export(("lane",), began - 32 * DAY_MS, began, RECIPIENT)}, "huge-interval"),
        ({"demand": Export(("lane",), began, now + HOUR_MS, RECIPIENT)}, "future-interval"),
        ({"demand": interval(house, -HOUR_MS, -1000)}, "nothing-recorded"),
        ({"demand": Release(OTHER_ID)}, "unknown-hold"),
    ):
        assert refused(house, house.document(**changes)) == word, word


def test_what_is_wholly_destroyed_is_refused_as_such(house: House) -> None:
    house.clock.pass_ms(20 * DAY_MS)
    house.vault.poke()
    until(lambda: all(row.state == "destroyed" for row in house.bench.rows()))
    assert refused(house, house.document(demand=interval(house, 0, 8000))) == "destroyed"


def test_what_is_partly_destroyed_is_declared(house: House) -> None:
    index, _ = house.vault._opened()
    index.begin_eviction([(1, "budget"), (2, "budget")])
    index.end_eviction([1, 2], house.clock.wall_ms)
    manifest = house.pack(house.desk.answer(house.document())).manifest
    (camera,) = manifest.cameras
    assert [one.counter for one in camera.segments] == [3, 4]
    assert [(gap.start[-13:], gap.end[-13:], gap.causes) for gap in camera.gaps] == [
        ("12:00:00.000Z", "12:00:04.000Z", ("destroyed",))
    ]


def test_an_untrusted_clock_judges_no_requisition(house: House) -> None:
    house.clock.trusted = False
    assert refused(house, house.document()) == "clock"


def short_lived(house: House) -> bytes:
    return house.document(expires_ms=house.clock.wall_ms + HOUR_MS)


def test_a_requisition_that_expires_while_it_waits_its_turn_is_refused(house: House) -> None:
    document = short_lived(house)
    assert isinstance(house.desk.consider(document), Requisition)
    house.clock.pass_ms(HOUR_MS)
    assert refused(house, document) == "expired"


@pytest.mark.parametrize("word", ["expired", "clock"])
def test_a_requisition_that_counts_no_more_once_the_open_segment_is_sealed_is_refused(house: House, word: str) -> None:
    def settled(*_: object) -> bool:
        house.clock.pass_ms(HOUR_MS)
        house.clock.trusted = word != "clock"
        return True

    house.vault.is_settled = settled  # type: ignore[method-assign]
    assert refused(house, house.document() if word == "clock" else short_lived(house)) == word


def test_one_that_has_expired_is_not_collected_again_nor_fetched(house: House) -> None:
    document = short_lived(house)
    answer = house.desk.answer(document)
    assert answer.until_ms == house.clock.wall_ms + HOUR_MS
    house.clock.pass_ms(HOUR_MS - 1)
    assert house.desk.download(ID, answer.token) is not None
    house.clock.pass_ms(1)
    assert house.desk.download(ID, answer.token) is None
    with pytest.raises(RequisitionRefused) as found:
        house.desk.answer(document, again=True)
    assert found.value.word == "expired"


def test_what_a_power_cut_broke_off_is_not_answered_after_its_end(house: House) -> None:
    document = short_lived(house)
    _cut_in(house, document, "agent.evidence.desk.bind")
    house.close()
    house.clock.pass_ms(HOUR_MS)
    house.open()
    assert refusal(house, document) == "expired"


def test_nothing_is_fetched_while_the_clock_is_below_its_floor_and_all_of_it_afterwards(house: House) -> None:
    answer = house.desk.answer(house.document())
    house.clock.trusted = False
    with pytest.raises(TryLater) as later:
        house.desk.download(ID, answer.token)
    assert (later.value.status, later.value.word) == (503, "clock")
    assert house.desk.download(ID, "guessed") is None  # and a stranger does not learn of it
    house.clock.trusted = True
    assert house.desk.download(ID, answer.token) is not None


def test_a_requisition_may_be_dated_a_minute_ahead_of_the_mast_and_no_more(house: House) -> None:
    def dated(ahead_ms: int) -> bytes:
        return house.document(issued_ms=house.clock.wall_ms + ahead_ms, expires_ms=house.clock.wall_ms + DAY_MS)

    assert refused(house, dated(60_001)) == "not-yet"
    assert house.desk.answer(dated(60_000)).segments == 4


def test_an_unsynchronised_clock_judges_as_grants_are_judged(house: House) -> None:
    house.clock.synchronised = False
    document = short_lived(house)
    assert house.desk.answer(document).segments == 4
    house.clock.pass_ms(HOUR_MS)
    with pytest.raises(RequisitionRefused) as found:
        house.desk.answer(document, again=True)
    assert found.value.word == "expired"


def test_a_requisition_serves_once_also_after_a_restart(house: House) -> None:
    document = house.document()
    house.desk.answer(document)
    with pytest.raises(RequisitionRefused) as found:
        house.desk.answer(document)
    assert (found.value.word, found.value.status) == ("replayed", 409)
    house.close()
    house.open()
    with pytest.raises(RequisitionRefused) as found:
        house.desk.answer(document)
    assert found.value.word == "replayed"
    assert house.kinds()[-1] == "requisition_refused"
    with pytest.raises(RequisitionRefused):  # another document under the same id is no better
        house.desk.answer(house.document(reason="Autre motif"))


def test_at_the_box_an_answered_export_can_be_collected_again_but_no_other_under_its_id(house: House) -> None:
    document = house.document()
    first = house.desk.answer(document)
    house.clock.pass_ms(HOUR_MS)
    again = house.desk.answer(document, again=True)
    assert again.until_ms == first.until_ms
    assert house.kinds().count("segments_exported") == 2
    with pytest.raises(RequisitionRefused) as found:
        house.desk.answer(house.document(reason="Autre motif"), again=True)
    assert found.value.word == "replayed"


def test_nothing_is_answered_while_the_register_cannot_be_written(house: House) -> None:
    house.book.broken = True
    for document in (house.document(), house.document(STRANGER)):
        with pytest.raises(RegisterError):
            house.desk.answer(document)
    assert [row.state for row in house.bench.rows()] == ["sealed"] * 4
    assert house.desk.shelf.names() == []
    house.book.broken = False
    assert house.desk.answer(house.document()).segments == 4


def test_a_requisition_that_a_power_cut_broke_off_may_be_presented_again(house: House) -> None:
    document = house.document()
    _cut_in(house, document, "agent.evidence.desk.bind")
    assert house.desk.pack(ID) is None
    house.close()
    house.open()
    assert [row.state for row in house.bench.rows()] == ["held"] * 4
    with pytest.raises(RequisitionRefused):  # whoever else signed something under that id does not get it
        house.desk.answer(house.document(reason="Autre motif"))
    assert house.desk.answer(document).segments == 4


def test_an_export_that_a_power_cut_broke_off_is_answered_after_its_hold_has_ended_too(house: House) -> None:
    document = house.document()
    _cut_in(house, document, "agent.evidence.desk.bind")
    house.close()
    house.clock.pass_ms(FETCH_MS + 1)  # nobody came: what it held ages again
    house.open()
    house.vault.poke()
    until(lambda: house.vault.holds.standing() == [])
    assert [row.state for row in house.bench.rows()] == ["sealed"] * 4
    assert _open_entries(house) == set()
    answer = house.desk.answer(document)
    assert (answer.segments, answer.until_ms) == (4, house.clock.wall_ms + FETCH_MS)
    assert house.desk.download(ID, answer.token) is not None
    assert len(_open_entries(house)) == 1
    house.clock.pass_ms(FETCH_MS + 1)
    house.vault.poke()
    until(lambda: house.vault.holds.standing() == [])
    assert refusal(house, document) == "replayed"  # now it has served, whoever fetched it


def _cut(*_: object) -> None:
    raise KeyboardInterrupt


def _cut_in(house: House, document: bytes, where: str) -> None:
    """Begins to answer a document; the power is cut in the function named."""
    with pytest.MonkeyPatch.context() as patched:
        patched.setattr(where, _cut)
        with pytest.raises(KeyboardInterrupt):
            house.desk.answer(document)


def _open_entries(house: House) -> set[int]:
    """Entries of holds that no entry has released; each may be released once."""
    released = [entry.body.held for entry in house.book.entries() if isinstance(entry.body, SegmentsReleased)]
    assert len(released) == len(set(released))
    return {entry.index for entry in house.book.entries() if isinstance(entry.body, SegmentsHeld)} - set(released)


def test_a_hold_that_a_cut_left_in_the_register_alone_is_closed_there(house: House) -> None:
    document = house.document()
    _cut_in(house, document, "agent.vault.holds.Holds.begin")
    assert len(_open_entries(house)) == 1
    house.close()
    house.open()
    house.desk.tidy()
    assert _open_entries(house) == set()
    assert house.desk.answer(document).segments == 4
    (kept,) = house.vault.holds.standing()
    assert _open_entries(house) == {one.entry for one in house.vault.holds.held(kept.id)}


def test_what_was_cut_short_and_asked_again_is_entered_as_held_once(house: House) -> None:
    document = house.document()
    _cut_in(house, document, "agent.evidence.desk.bind")
    house.close()
    house.open()
    house.clock.pass_ms(60_000)
    house.desk.answer(document)
    house.desk.answer(document, again=True)
    assert house.kinds().count("segments_held") == 1
    house.clock.pass_ms(FETCH_MS)
    house.vault.poke()
    until(lambda: house.vault.holds.standing() == [])
    assert _open_entries(house) == set()


@pytest.mark.parametrize("asked_again", [True, False])
def test_a_release_that_a_cut_left_entered_is_carried_out_once_and_answered(house: House, asked_again: bool) -> None:
    house.desk.answer(house.document(demand=hold_demand(house, house.clock.wall_ms + 100 * DAY_MS)))
    document = house.document(id=OTHER_ID, demand=Release(ID), reference="PV 2026/9")
    _cut_in(house, document, "agent.vault.holds.Holds.end")
    assert (house.kinds()[-1], len(house.vault.holds.standing())) == ("segments_released", 1)
    house.close()
    house.open()
    until(lambda: house.vault.holds.standing() == [])
    assert _open_entries(house) == set()
    if asked_again:
        assert house.desk.answer(document).act == "release"
        assert refusal(house, document) == "replayed"


def refusal(house: House, document: bytes) -> str:
    with pytest.raises(RequisitionRefused) as found:
        house.desk.answer(document)
    return found.value.word


def test_a_cut_while_a_pack_is_bound_anew_leaves_the_one_that_was_there(house: House) -> None:
    document = house.document()
    answer = house.desk.answer(document)
    with pytest.MonkeyPatch.context() as patched:
        rename = Path.rename

        def cut(path: Path, target: Path) -> Path:
            if path.name == f".{ID}":
                raise KeyboardInterrupt
            return rename(path, target)

        patched.setattr(Path, "rename", cut)
        with pytest.raises(KeyboardInterrupt):
            house.desk.answer(document, again=True)
    house.close()
    house.open()
    house.desk.tidy()
    assert house.desk.download(ID, answer.token) is not None


def test_what_the_ring_took_between_look_and_hold_is_not_handed_over_as_an_empty_pack(house: House) -> None:
    enter = house.desk._enter_holds

    def taken(*values: object) -> object:
        assert house.vault._index is not None
        house.vault._index.begin_eviction([(row.seq, "age") for row in house.bench.rows()])
        return enter(*values)  # type: ignore[arg-type]

    house.desk._enter_holds = taken  # type: ignore[method-assign, assignment]
    assert refusal(house, house.document()) == "destroyed"
    assert house.desk.shelf.names() == []
    house.desk.tidy()
    assert _open_entries(house) == set()


def test_a_hold_keeps_and_a_release_lets_go(house: House) -> None:
    until_ms = house.clock.wall_ms + 100 * DAY_MS
    held = house.desk.answer(house.document(demand=hold_demand(house, until_ms)))
    assert (held.act, held.segments, held.token, held.until_ms) == ("hold", 4, "", until_ms)
    entered = last(house, SegmentsHeld)
    assert isinstance(entered, SegmentsHeld)
    assert (entered.first, entered.last, entered.reference) == (1, 4, "PV 2026/004211")
    assert house.desk.pack(ID) is None
    house.clock.pass_ms(25 * DAY_MS)
    house.vault.poke()
    released = house.desk.answer(house.document(id=OTHER_ID, demand=Release(ID), reference="PV 2026/9"))
    assert (released.act, released.segments) == ("release", 4)
    entered = last(house, SegmentsReleased)
    assert isinstance(entered, SegmentsReleased)
    assert entered.reason == "released by PV 2026/9"
    until(lambda: all(row.state == "destroyed" for row in house.bench.rows()))
    with pytest.raises(RequisitionRefused) as found:
        house.desk.answer(house.document(id=OTHER_ID, demand=Release(ID)))
    assert found.value.word == "replayed"


def test_a_pack_goes_with_its_hold(house: House) -> None:
    answer = house.desk.answer(house.document())
    house.desk.tidy()
    assert house.desk.pack(ID) is not None
    house.clock.pass_ms(FETCH_MS + 1)
    assert house.desk.pack(ID) is None
    house.vault.poke()
    until(lambda: house.vault.holds.standing() == [])
    house.desk.tidy()
    assert house.desk.shelf.names() == []
    assert house.kinds()[-1] == "segments_released"
    assert answer.until_ms < house.clock.wall_ms


def test_an_export_waits_for_the_segment_that_is_being_recorded(house: House) -> None:
    looked: list[bool] = []

    def settled(cameras: object, to_ms: int) -> bool:
        looked.append(True)
        return len(looked) > 2

    house.vault.is_settled = settled  # type: ignore[method-assign]
    house.desk.answer(house.document())
    assert len(looked) == 3


def test_a_flood_of_forgeries_fills_no_register_and_keeps_no_authority_out(house: House) -> None:
    for _ in range(20):
        with pytest.raises(RequisitionRefused):
            house.desk.answer(b"{}")
    size = house.book.size
    with pytest.raises(TryLater) as later:
        house.desk.answer(house.document(STRANGER))
    assert (house.book.size, later.value.wait_s) == (size, 60)
    # an authority's own mistake is told to it all the same
    assert refused_there(house, house.document(masts=("elsewhere",))) == "other-mast"
    assert house.desk.answer(house.document()).segments == 4
    for told in ("; 1 more since the last were not entered", ""):
        house.clock.pass_ms(60_001)
        assert refused_there(house, b"{}") == "malformed" + told


def test_a_malformed_requisition_that_an_authority_signed_is_told_to_it_and_entered(house: House) -> None:
    said = json.loads(write(house.requisition()))
    for _ in range(20):
        with pytest.raises(RequisitionRefused):
            house.desk.answer(b"{}")
    with pytest.raises(TryLater):  # strangers are heard no more
        house.desk.answer(forged({**said, "reason": ""}, by=STRANGER.sign))
    for number, (changes, named) in enumerate(
        (({"reason": ""}, "reason"), ({"basis": "art. 60-1"}, "basis"), ({"expires_at": "tomorrow"}, "expires_at"))
    ):
        document, before = forged({**said, **changes}, by=PROSECUTOR.sign), house.book.size
        with pytest.raises(RequisitionRefused, match=named) as found:
            house.desk.answer(document)
        assert (number, found.value.word, house.book.size) == (number, "malformed", before + 1)
        entered = last(house, bodies.RequisitionRefused)
        assert isinstance(entered, bodies.RequisitionRefused)
        assert (entered.why, entered.sha256) == ("malformed", sha256(document).hexdigest())


def refused_there(house: House, document: bytes) -> str:
    """Why, as the register has it."""
    with pytest.raises(RequisitionRefused):
        house.desk.answer(document)
    body = next(house.book.newest()).body
    assert isinstance(body, bodies.RequisitionRefused)
    return body.why


def test_a_refusal_that_could_not_be_entered_is_counted_in_the_next(house: House) -> None:
    house.book.broken = True
    with pytest.raises(RegisterError):
        house.desk.answer(house.document(STRANGER))
    house.book.broken = False
    assert refused_there(house, b"{}") == "malformed; 1 more since the last were not entered"
