"""Grants under attack: every token here but the honest ones must be refused, each for its one fault."""

import hashlib
import hmac
import json
import string
from collections.abc import Callable
from datetime import date

import jwt
import pytest
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat
from hypothesis import given
from hypothesis import strategies as st

from agent.access.grants import MAX_TOKEN_BYTES, GrantJudge, bearer, mint, require
from agent.errors import ClockUntrusted, GrantRefused, NotCovered
from tests.access.minting import (
    AUTHORITY,
    FOREIGN_HEADERS,
    HEADER,
    JUDICIAL,
    MAST,
    NOW,
    STRANGER,
    b64,
    claims,
    grant,
    judge,
    signed,
    wall,
)

HOUR = 3600


def refused(token: str, second: float = NOW) -> str:
    """The refusal's message; fails when the token is taken, or when the message gives it away."""
    with pytest.raises(GrantRefused) as caught:
        judge().judge(token, wall(second))
    message = str(caught.value)
    assert all(part not in message for part in token.split(".") if len(part) > 8)
    assert caught.value.status == 401
    return message


def test_an_honest_grant_is_taken_and_says_what_was_signed() -> None:
    assert judge().judge(mint(AUTHORITY, grant()), wall()) == grant()


def test_a_grant_signed_with_pyjwt_by_another_programme_is_taken() -> None:
    token = jwt.encode(claims(), AUTHORITY, algorithm="EdDSA", headers={"typ": "vigie-grant+jwt"})
    assert judge().judge(token, wall()).agent_number == "0042"


def test_the_second_of_two_authorities_may_sign() -> None:
    both = GrantJudge([STRANGER.public_key(), AUTHORITY.public_key()], MAST)
    assert both.judge(mint(AUTHORITY, grant()), wall()).jti == "one"


def test_a_mast_without_authority_takes_nothing() -> None:
    with pytest.raises(GrantRefused):
        GrantJudge([], MAST).judge(mint(AUTHORITY, grant()), wall())


# --- forged ---


def test_a_stranger_signs() -> None:
    assert "authority" in refused(mint(STRANGER, grant()))


def test_claims_are_swapped_under_an_honest_signature() -> None:
    header, _, signature = mint(AUTHORITY, grant()).split(".")
    assert refused(f"{header}.{b64(json.dumps(claims(allow=['live', 'ptz'])).encode())}.{signature}")


@pytest.mark.parametrize("alg", ["none", "None", "NONE", ""])
def test_alg_none_with_and_without_a_signature(alg: str) -> None:
    message = f"{b64(json.dumps({**HEADER, 'alg': alg}).encode())}.{b64(json.dumps(claims()).encode())}"
    assert refused(f"{message}.")
    assert refused(message)
    assert refused(f"{message}.{b64(bytes(64))}")
    assert "header" in refused(signed(claims(), {**HEADER, "alg": alg}))


@pytest.mark.parametrize("encoding", ["pem", "raw"])
def test_hs256_keyed_with_the_public_key(encoding: str) -> None:
    public = AUTHORITY.public_key()
    pem = public.public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo)
    secret = pem if encoding == "pem" else public.public_bytes_raw()
    assert refused(signed(claims(), {**HEADER, "alg": "HS256"}, lambda m: hmac.new(secret, m, hashlib.sha256).digest()))


def test_es256_by_a_key_of_ones_own() -> None:
    key = ec.generate_private_key(ec.SECP256R1())
    assert refused(signed(claims(), {**HEADER, "alg": "ES256"}, lambda m: key.sign(m, ec.ECDSA(SHA256()))))


@pytest.mark.parametrize("signer", [AUTHORITY, STRANGER], ids=["authority", "stranger"])
@pytest.mark.parametrize("extra", FOREIGN_HEADERS, ids=json.dumps)
def test_a_header_brings_its_own_key_or_rules(extra: dict[str, object], signer: object) -> None:
    assert "header" in refused(signed(claims(), {**HEADER, **extra}, signer.sign))  # type: ignore[attr-defined]


@pytest.mark.parametrize(
    "typ", ["JWT", "at+jwt", "vigie-requisition+jws", "", None, 1, ["vigie-grant+jwt"], "x/vigie-grant+jwt"]
)
def test_another_type_of_token_by_the_same_authority(typ: object) -> None:
    assert refused(signed(claims(), {"alg": "EdDSA", "typ": typ}))


def test_a_token_without_a_type() -> None:
    assert refused(signed(claims(), {"alg": "EdDSA"}))


@pytest.mark.parametrize("typ", ["VIGIE-Grant+JWT", "application/vigie-grant+jwt"])
def test_the_type_is_a_media_type(typ: str) -> None:
    assert judge().judge(signed(claims(), {**HEADER, "typ": typ}), wall()).jti == "one"


def test_a_requisition_is_no_grant() -> None:
    requisition = {"alg": "EdDSA", "typ": "vigie-requisition+jws"}
    assert refused(signed(claims(), requisition, JUDICIAL.sign))
    assert refused(signed(claims(), HEADER, JUDICIAL.sign))


@pytest.mark.parametrize("header", [b"", b"[]", b"null", b'"EdDSA"', b"{", b"\xff\xfe", b"[" * 5000, b'{"alg":' * 600])
def test_a_header_of_garbage(header: bytes) -> None:
    assert refused(signed(claims(), header))


def test_a_header_that_says_its_algorithm_twice() -> None:
    assert refused(signed(claims(), b'{"alg":"none","alg":"EdDSA","typ":"vigie-grant+jwt"}'))


# --- form ---


@pytest.mark.parametrize(
    "token", ["", ".", "..", "...", "a", "a.b", "a.b.c", "a.b.c.d", "é.é.é", "a b.c.d", "{}", "\x00.\x00.\x00", "=.=.="]
)
def test_text_that_is_no_token(token: str) -> None:
    assert refused(token)


def test_a_token_padded_or_wrapped_in_white_space() -> None:
    token = mint(AUTHORITY, grant())
    for changed in (f"{token}=", f"{token}==", f" {token}", f"{token}\n", token.replace(".", " ."), f"{token}."):
        assert refused(changed)


def test_an_oversize_token_is_refused_before_it_is_read() -> None:
    assert refused("a" * (MAX_TOKEN_BYTES + 1))
    assert "8 KiB" in refused(mint(AUTHORITY, grant(masts=(MAST, *(f"mast-{i}-{'x' * 25}" for i in range(200))))))


def test_a_grant_for_the_265_masts_of_a_town_fits() -> None:
    masts = tuple(f"lievin-{i:03}" for i in range(265))
    assert judge().judge(mint(AUTHORITY, grant(masts=masts)), wall()).masts == masts


ALPHABET_64 = string.ascii_uppercase + string.ascii_lowercase + string.digits + "-_"


@given(st.data())
def test_any_changed_character_breaks_the_grant(data: st.DataObject) -> None:
    token = mint(AUTHORITY, grant())
    at = data.draw(st.integers(0, len(token) - 1))
    other = data.draw(st.sampled_from(ALPHABET_64 + ".=+/ \n~é").filter(lambda one: one != token[at]))
    assert refused(token[:at] + other + token[at + 1 :])


@pytest.mark.parametrize("part", [0, 1, 2])
def test_no_last_character_of_a_part_has_a_twin(part: int) -> None:
    # base64url leaves bits of a part's last character unused: a lax decoder takes 4 or 16 spellings for one signature
    parts = mint(AUTHORITY, grant()).split(".")
    for other in set(ALPHABET_64) - {parts[part][-1]}:
        assert refused(".".join(text[:-1] + other if i == part else text for i, text in enumerate(parts)))


def test_a_twin_spelling_is_no_token_whatever_library_checks_signatures() -> None:
    # the form is judged before the clock: a lax form would answer 503 here
    header, payload, signature = mint(AUTHORITY, grant()).split(".")
    twin = ALPHABET_64[ALPHABET_64.index(signature[-1]) ^ 1]
    with pytest.raises(GrantRefused):
        judge().judge(f"{header}.{payload}.{signature[:-1]}{twin}", wall(trusted=False))


def test_any_dropped_character_breaks_the_grant() -> None:
    token = mint(AUTHORITY, grant())
    for at in range(0, len(token), 7):
        assert refused(token[:at] + token[at + 1 :])


# --- claims ---

REQUIRED = ["sub", "name", "service", "aud", "cameras", "allow", "basis", "iat", "nbf", "exp", "jti"]


@pytest.mark.parametrize("name", REQUIRED)
def test_a_claim_is_missing(name: str) -> None:
    assert name in refused(signed(claims(**{name: ...})))


WRONG_TYPES: list[object] = [None, True, 1.5, "text", ["live", 1], {"a": 1}, [], {}, -1, 10**30, "", " ", 1e400]
RIGHT: dict[str, list[object]] = {
    "sub": ["text"],
    "name": ["text"],
    "service": ["text"],
    "jti": ["text"],
    "habilitated_until": [None],
}


@pytest.mark.parametrize("name", [*REQUIRED, "habilitated_until", "priority"])
def test_a_claim_of_another_type_is_refused(name: str) -> None:
    for value in WRONG_TYPES:
        if value not in RIGHT.get(name, []):
            assert refused(signed(claims(**{name: value})))


@pytest.mark.parametrize("name", ["iat", "nbf", "exp"])
def test_a_time_is_a_float_a_string_or_a_boolean(name: str) -> None:
    for value in (float(NOW + 1), str(NOW + 1), True, None):
        assert name in refused(signed(claims(**{name: value})))


@pytest.mark.parametrize("reason", ["", " ", "\t\n", "\u00a0", "...", "\u200b", "a\nb", "a\u202eb", "\x00"])
def test_no_reason_no_view(reason: str) -> None:
    assert "basis.reason" in refused(signed(claims(basis={"kind": "event", "reference": "MC-1", "reason": reason})))


@pytest.mark.parametrize("left_out", ["kind", "reference", "reason"])
def test_a_basis_without_one_of_its_parts(left_out: str) -> None:
    basis = {"kind": "event", "reference": "MC-1", "reason": "Attroupement"}
    del basis[left_out]
    assert f"basis.{left_out}" in refused(signed(claims(basis=basis)))


def test_a_basis_that_the_law_does_not_know() -> None:
    assert refused(signed(claims(basis={"kind": "curiosity", "reference": "MC-1", "reason": "Pour voir"})))


@pytest.mark.parametrize("kind", ["event", "requisition", "maintenance", "habilitation"])
def test_each_basis_of_the_enumeration_is_taken(kind: str) -> None:
    token = signed(claims(basis={"kind": kind, "reference": "MC-1", "reason": "Attroupement"}))
    assert judge().judge(token, wall()).basis.kind == kind


def test_french_typography_is_plain_text() -> None:
    token = signed(
        claims(
            name="N\u2019Guyen-Łukasz", basis={"kind": "event", "reference": "n° 4", "reason": "Rixe\u202f?\u00a0Oui"}
        )
    )
    assert judge().judge(token, wall()).basis.reason == "Rixe\u202f?\u00a0Oui"


@pytest.mark.parametrize("allow", [["live", "sudo"], ["LIVE"], [""], ["live"] * 4, "live"])
def test_an_act_that_nobody_can_allow(allow: object) -> None:
    assert "allow" in refused(signed(claims(allow=allow)))


def test_unknown_claims_are_refused_rather_than_ignored() -> None:
    assert "only_from_ip" in refused(signed(claims(only_from_ip="10.0.0.1")))
    assert refused(signed(claims(basis={"kind": "event", "reference": "r", "reason": "r", "limit": 1})))


def test_a_claim_stands_twice() -> None:
    text = json.dumps(claims())
    assert refused(signed(f'{text[:-1]}, "exp": {NOW + 9 * HOUR}}}'.encode()))


@pytest.mark.parametrize(
    "payload", [b"", b"null", b"[]", b"0", b"NaN", b"\xff", b"[" * 5000, b'{"a":' * 1000, b"1" * 5000, b'"\\ud800"']
)
def test_a_payload_of_garbage_signed_by_the_authority(payload: bytes) -> None:
    assert refused(signed(payload))


def test_lists_too_long_to_be_meant() -> None:
    assert "cameras" in refused(signed(claims(cameras=["c"] * 257)))
    assert "aud" in refused(signed(claims(aud=["m"] * 513)))


# --- here ---


@pytest.mark.parametrize("aud", ["lievin-043", ["lievin-043", "lens-001"], "LIEVIN-042", "lievin-042 ", "lievin-04"])
def test_a_grant_for_another_mast(aud: object) -> None:
    assert MAST in refused(signed(claims(aud=aud)))


def test_a_grant_for_several_masts_serves_each() -> None:
    token = signed(claims(aud=["lens-001", MAST]))
    assert judge().judge(token, wall()).masts == ("lens-001", MAST)
    assert judge(mast="lens-001").judge(token, wall()).masts == ("lens-001", MAST)


def test_a_revoked_grant() -> None:
    with pytest.raises(GrantRefused, match="revoked"):
        judge(revoked=("zero", "one")).judge(mint(AUTHORITY, grant()), wall())
    assert judge(revoked=("zero",)).judge(mint(AUTHORITY, grant()), wall()).jti == "one"


# --- now ---


def test_an_expired_grant_to_the_second() -> None:
    token = mint(AUTHORITY, grant(expires_at=NOW + HOUR))
    assert judge().judge(token, wall(NOW + HOUR - 0.001)).jti == "one"
    assert "ended" in refused(token, NOW + HOUR)
    assert refused(token, NOW + 10 * HOUR)


def test_a_grant_that_is_not_valid_yet_to_the_second() -> None:
    token = mint(AUTHORITY, grant(not_before=NOW + HOUR))
    assert "before" in refused(token, NOW + HOUR - 0.001)
    assert judge().judge(token, wall(NOW + HOUR)).jti == "one"


def test_a_grant_issued_in_the_future_beyond_the_leeway() -> None:
    token = mint(AUTHORITY, grant(issued_at=NOW + 61, not_before=NOW))
    assert "before" in refused(token)
    assert judge().judge(token, wall(NOW + 1)).jti == "one"


def test_a_grant_that_lives_longer_than_twelve_hours() -> None:
    assert judge().judge(mint(AUTHORITY, grant(expires_at=NOW + 12 * HOUR)), wall()).jti == "one"
    assert "12 hours" in refused(mint(AUTHORITY, grant(expires_at=NOW + 12 * HOUR + 1)))
    # starting later does not stretch it
    assert refused(mint(AUTHORITY, grant(not_before=NOW + 6 * HOUR, expires_at=NOW + 13 * HOUR)), NOW + 7 * HOUR)


@pytest.mark.parametrize("exp", [NOW, NOW - 1, 0])
def test_a_grant_that_ends_before_it_begins(exp: int) -> None:
    assert refused(mint(AUTHORITY, grant(expires_at=exp)), NOW - HOUR)


def test_times_beyond_the_calendar() -> None:
    assert refused(signed(claims(iat=10**12, nbf=10**12, exp=10**12 + 1)))
    assert refused(signed(claims(iat=-5, nbf=-5, exp=-1)))


PARIS_MIDNIGHT = 1_795_042_800
"""2026-11-18T23:00:00Z, when the 18th ends in Paris."""


def test_a_habilitation_that_is_over() -> None:
    token = mint(AUTHORITY, grant(habilitated_until=date(2026, 11, 17)))
    assert "habilitation" in refused(token)


def test_a_habilitation_counts_through_its_last_evening_and_takes_the_grant_with_it() -> None:
    late = grant(
        issued_at=PARIS_MIDNIGHT - HOUR,
        not_before=PARIS_MIDNIGHT - HOUR,
        expires_at=PARIS_MIDNIGHT + HOUR,
        habilitated_until=date(2026, 11, 18),
    )
    token = mint(AUTHORITY, late)
    assert judge().judge(token, wall(PARIS_MIDNIGHT - 1)).expires_at == PARIS_MIDNIGHT
    assert "habilitation" in refused(token, PARIS_MIDNIGHT)


@pytest.mark.parametrize(
    "day", ["2026-13-01", "18/11/2026", "20261118", "2026-W47-3", "2026-11-18T00:00:00", "", 20261118]
)
def test_a_habilitation_that_is_no_date(day: object) -> None:
    assert "habilitated_until" in refused(signed(claims(habilitated_until=day)))


def test_a_habilitation_at_the_end_of_the_calendar() -> None:
    assert judge().judge(mint(AUTHORITY, grant(habilitated_until=date.max)), wall()).expires_at == NOW + 7200


# --- the clock ---


def test_an_untrusted_clock_judges_no_well_formed_token() -> None:
    for token in (mint(AUTHORITY, grant()), mint(STRANGER, grant()), mint(AUTHORITY, grant(expires_at=NOW + 1))):
        with pytest.raises(ClockUntrusted) as caught:
            judge().judge(token, wall(trusted=False))
        assert caught.value.status == 503


def test_an_untrusted_clock_still_refuses_what_is_no_token() -> None:
    with pytest.raises(GrantRefused):
        judge().judge("not a token", wall(trusted=False))


# --- covered ---


def test_a_grant_covers_its_cameras_and_acts_only() -> None:
    good = grant(cameras=("a", "b"), allow=frozenset({"live", "export"}))
    require(good, "a", "live")
    require(good, "b", "export")
    with pytest.raises(NotCovered):
        require(good, "c", "live")
    with pytest.raises(NotCovered):
        require(good, "a", "ptz")
    with pytest.raises(NotCovered):
        require(good, "", "live")


# --- the header that carries it ---


@pytest.mark.parametrize(
    "header", ["Bearer abc.def.ghi", "bearer abc.def.ghi", "BEARER  abc.def.ghi", "Bearer abc.def.ghi "]
)
def test_the_bearer_scheme_in_any_case(header: str) -> None:
    assert bearer(header) == "abc.def.ghi"


@pytest.mark.parametrize(
    "header",
    [
        None,
        "",
        "Bearer",
        "Bearer ",
        "Basic abc",
        "Bearer a b",
        "Bearer a,b",
        "abc.def.ghi",
        "Bearer é",
        "Bearer a\r\nX: y",
    ],
)
def test_an_authorization_header_without_a_bearer_token(header: str | None) -> None:
    with pytest.raises(GrantRefused) as caught:
        bearer(header)
    assert caught.value.status == 401


def test_an_endless_authorization_header() -> None:
    with pytest.raises(GrantRefused):
        bearer("Bearer " + " " * 10**6)
    with pytest.raises(GrantRefused):
        judge().judge(bearer("Bearer " + "a" * 10_000), wall())


@pytest.mark.parametrize("make", [lambda: mint(AUTHORITY, grant()), lambda: mint(STRANGER, grant())])
def test_a_refusal_of_an_unknown_mast_does_not_name_the_agent(make: Callable[[], str]) -> None:
    with pytest.raises(GrantRefused) as caught:
        judge(mast="lens-001").judge(make(), wall())
    assert "Durand" not in str(caught.value)


def test_who_is_vouched_for_is_known_whatever_else_is_wrong_with_the_grant() -> None:
    signed_by_authority = (
        grant(expires_at=NOW + 1),
        grant(masts=("lens-001",)),
        grant(habilitated_until=date(2026, 11, 17)),
        grant(),
    )
    for one in signed_by_authority:
        assert judge().vouched(mint(AUTHORITY, one)) == one
    for token in (mint(STRANGER, grant()), "a.b.c", "", signed(claims(nothing=1)), mint(AUTHORITY, grant())[:-2]):
        assert judge().vouched(token) is None
