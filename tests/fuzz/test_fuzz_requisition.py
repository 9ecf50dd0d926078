"""Anything at all as a requisition: refused as a RequisitionRefused with a known word, never another error."""

import json
from typing import Any, get_args

import pytest
from hypothesis import given
from hypothesis import strategies as st

from agent.access.basis import Article
from agent.access.demands import DAY_MS, Export, Hold, Recipient, Release, Requester, Requisition
from agent.access.requisitions import RequisitionJudge, Word, fingerprint
from agent.errors import RequisitionRefused
from tests.access.minting import MAST, STRANGER, wall
from tests.access.requiring import HEADER, NOW_MS, PROSECUTOR, content, forged, judge, signed
from tests.fuzz.test_fuzz_grant import JSON, WORDS


def refused(document: bytes) -> str:
    """The refusal's word; fails when the document is taken."""
    with pytest.raises(RequisitionRefused) as caught:
        judge().judge(document, wall())
    assert caught.value.word in get_args(Word)
    return caught.value.word


@given(st.binary(max_size=400) | st.text(max_size=200).map(str.encode) | JSON.map(lambda one: json.dumps(one).encode()))
def test_any_bytes_as_a_document(raw: bytes) -> None:
    assert refused(raw) == "malformed"


@given(JSON, JSON, JSON, st.booleans())
def test_any_json_in_the_envelope(payload: Any, protected: Any, signature: Any, several: bool) -> None:
    one = {"protected": protected, "signature": signature}
    assert refused(json.dumps({"payload": payload, "signatures": [one, one] if several else [one]}).encode())


@given(JSON, st.booleans())
def test_any_json_as_a_header(header: Any, honest: bool) -> None:
    assert refused(forged(content(), header, (PROSECUTOR if honest else STRANGER).sign)) == "malformed"


@given(st.binary(max_size=80))
def test_any_signature(raw: bytes) -> None:
    assert refused(forged(content(), HEADER, lambda _: raw)) in ("malformed", "forged")


@given(st.binary(max_size=400) | JSON.map(lambda one: json.dumps(one).encode()))
def test_any_payload_that_the_authority_signed(payload: bytes) -> None:
    assert refused(forged(payload)) in ("malformed", "unknown-field")


NAMES = st.sampled_from([*content(), "hold", "hold_until", "header"])


@given(st.dictionaries(NAMES, JSON, min_size=1, max_size=4))
def test_members_of_any_type_are_refused_or_mean_what_they_say(changes: dict[str, Any]) -> None:
    said = content(**changes)
    try:
        judged = judge().judge(forged(said), wall())
    except RequisitionRefused:
        return
    assert judged.id == said["id"]
    assert judged.reference == said["reference"]
    assert set(said) == set(content())


PLACES = st.from_regex(r"[a-z0-9-]{1,40}", fullmatch=True)
PAST = st.integers(NOW_MS - 31 * DAY_MS, NOW_MS - 1)
INTERVALS = st.tuples(PAST, st.integers(1, NOW_MS)).map(lambda two: (two[0], min(two[0] + two[1], NOW_MS)))
CAMERAS = st.lists(st.sampled_from(["parvis-fixed", "parvis-ptz"]), min_size=1, unique=True).map(tuple)
EXPORTS = st.builds(lambda c, i, r: Export(c, *i, r), CAMERAS, INTERVALS, st.builds(Recipient, WORDS, WORDS))
HOLDS = st.builds(
    lambda c, i, u: Hold(c, *i, u), CAMERAS, INTERVALS, st.integers(NOW_MS + 31 * DAY_MS, NOW_MS + 360 * DAY_MS)
)
REQUISITIONS = st.builds(
    Requisition,
    id=st.uuids().map(str),
    reference=WORDS,
    basis=st.sampled_from(get_args(Article)),
    requester=st.builds(Requester, WORDS, WORDS, WORDS),
    masts=st.lists(PLACES, max_size=5, unique=True).map(lambda more: (*(set(more) - {MAST}), MAST)),
    reason=WORDS,
    issued_ms=st.integers(NOW_MS - 3_600_000, NOW_MS),
    expires_ms=st.integers(NOW_MS + 1, NOW_MS + 30 * DAY_MS),
    demand=EXPORTS | HOLDS | st.builds(Release, st.uuids().map(str)),
)


@given(REQUISITIONS)
def test_every_honest_requisition_comes_through_unchanged(one: Requisition) -> None:
    signer = PROSECUTOR.public_key()
    # a name that is only the mast's own may be in the list by chance too
    by = RequisitionJudge([signer], 1, MAST, cameras=lambda: ["parvis-fixed", "parvis-ptz"], answered=lambda _: False)
    judged = by.judge(signed(one, PROSECUTOR), wall())
    assert (judged.signers, judged.demand) == ((fingerprint(signer),), one.demand)
    assert (judged.id, judged.reason, judged.requester, judged.masts) == (one.id, one.reason, one.requester, one.masts)
    assert (judged.issued_ms, judged.expires_ms, judged.basis) == (one.issued_ms, one.expires_ms, one.basis)
