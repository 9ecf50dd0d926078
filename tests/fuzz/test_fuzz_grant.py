"""Anything at all as a grant: refused as an AccessDenied, never another error, never taken."""

import json
from datetime import date
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from agent.access.grants import Basis, Grant, bearer, mint, require
from agent.errors import AccessDenied, GrantRefused, NotCovered
from tests.access.minting import AUTHORITY, HEADER, MAST, NOW, STRANGER, claims, judge, signed, wall

JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=20),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=10), inner, max_size=4),
    max_leaves=20,
)
NAMES = st.sampled_from([*claims(), "habilitated_until", "priority", "iss"])


@given(st.text(max_size=300) | st.text("abcXYZ019-_.=", max_size=300))
def test_any_text_as_a_token(text: str) -> None:
    with pytest.raises(GrantRefused):
        judge().judge(text, wall())


@given(st.binary(max_size=200), st.binary(max_size=200), st.binary(max_size=80))
def test_any_bytes_as_the_three_parts(header: bytes, payload: bytes, signature: bytes) -> None:
    with pytest.raises(GrantRefused):
        judge().judge(signed(payload, header, lambda _: signature), wall())


@given(JSON, st.booleans())
def test_any_json_as_a_header(header: Any, honest: bool) -> None:
    with pytest.raises(GrantRefused):
        judge().judge(signed(claims(), header, (AUTHORITY if honest else STRANGER).sign), wall())


@given(
    st.dictionaries(st.sampled_from(["crit", "kid", "jwk", "jku", "x5u", "x5c", "zip", "b64", "cty"]), JSON, min_size=1)
)
def test_any_extra_in_an_honest_header(extra: dict[str, Any]) -> None:
    with pytest.raises(GrantRefused):
        judge().judge(signed(claims(), {**HEADER, **extra}), wall())


@given(st.binary(max_size=400) | JSON.map(lambda one: json.dumps(one).encode()))
def test_any_payload_that_the_authority_signed(payload: bytes) -> None:
    with pytest.raises(GrantRefused):
        judge().judge(signed(payload), wall())


@given(st.dictionaries(NAMES, JSON, min_size=1, max_size=4))
def test_claims_of_any_type_are_refused_or_mean_what_they_say(changes: dict[str, Any]) -> None:
    said = claims(**changes)
    try:
        grant = judge().judge(signed(said), wall())
    except GrantRefused:
        return
    # whatever is taken is of this mast, of this moment, with words for a reason, and of exactly the types signed
    assert MAST in grant.masts
    assert grant.not_before <= NOW < grant.expires_at <= grant.issued_at + 12 * 3600
    assert type(grant.issued_at) is type(grant.not_before) is type(grant.expires_at) is type(grant.priority) is int
    assert grant.basis.reason.strip()
    assert set(said) <= {*claims(), "habilitated_until", "priority"}


WORDS = st.text(st.characters(codec="utf-8", categories=["L", "N", "P", "S", "Zs"]), min_size=1, max_size=40).filter(
    lambda text: any(one.isalnum() for one in text)
)
GRANTS = st.builds(
    Grant,
    jti=WORDS,
    agent_number=WORDS,
    name=WORDS,
    service=WORDS,
    masts=st.lists(WORDS, max_size=5).map(lambda more: (*more, MAST)),
    cameras=st.lists(WORDS, min_size=1, max_size=5).map(tuple),
    allow=st.frozensets(st.sampled_from(["live", "ptz", "export"]), min_size=1),
    basis=st.builds(Basis, st.sampled_from(["event", "requisition", "maintenance", "habilitation"]), WORDS, WORDS),
    issued_at=st.integers(NOW - 3600, NOW + 60),
    not_before=st.integers(NOW - 3600, NOW),
    expires_at=st.integers(NOW + 61, NOW + 11 * 3600),
    habilitated_until=st.none() | st.dates(date(2026, 11, 19)),
    priority=st.integers(0, 1000),
)


@given(GRANTS)
def test_every_honest_grant_comes_through_unchanged(grant: Grant) -> None:
    assert judge().judge(mint(AUTHORITY, grant), wall()) == grant


@given(GRANTS, st.text(max_size=20), st.sampled_from(["live", "ptz", "export"]))
def test_a_grant_covers_what_it_names_and_nothing_else(grant: Grant, camera: str, act: Any) -> None:
    try:
        require(grant, camera, act)
    except NotCovered:
        assert camera not in grant.cameras or act not in grant.allow
    else:
        assert camera in grant.cameras
        assert act in grant.allow


@given(st.none() | st.text(max_size=100) | st.text(max_size=50).map(lambda text: f"Bearer {text}"))
def test_any_authorization_header(header: str | None) -> None:
    try:
        token = bearer(header)
    except AccessDenied:
        return
    assert header is not None
    assert token in header
    assert token.isascii()
    assert " " not in token
