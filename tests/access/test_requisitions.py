"""Requisitions under attack: every document here but the honest ones must be refused, each for its one fault."""

import json
import subprocess
from pathlib import Path
from typing import Any

import jwt
import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey
from hypothesis import given
from hypothesis import strategies as st

from agent.access import requisitions
from agent.access.demands import DAY_MS, Export
from agent.access.grants import GrantJudge, mint
from agent.access.keys import save_private, save_public
from agent.access.requisitions import MAX_DOCUMENT_BYTES, RequisitionJudge, Signature, fingerprint, sign, unsigned
from agent.errors import GrantRefused, RequisitionRefused
from tests.access.minting import AUTHORITY, FOREIGN_HEADERS, MAST, NOW, STRANGER, b64, grant, wall
from tests.access.minting import claims as grant_claims
from tests.access.minting import signed as grant_signed
from tests.access.requiring import (
    EXAMINING_JUDGE,
    EXPORT,
    HEADER,
    HOLD,
    HOUR_MS,
    ID,
    NOW_MS,
    PROSECUTOR,
    RECIPIENT,
    RELEASE,
    content,
    forged,
    judge,
    requisition,
    signature,
    signed,
)

STATUS = {"clock": 503, "forged": 401, "below-threshold": 401, "expired": 401, "not-yet": 401, "other-mast": 403}


def refused(document: bytes, by: RequisitionJudge | None = None, second: float = NOW) -> str:
    """The refusal's word; fails when the document is taken."""
    with pytest.raises(RequisitionRefused) as caught:
        (by or judge()).judge(document, wall(second))
    assert str(caught.value)
    assert caught.value.status == {**STATUS, "other-camera": 403, "replayed": 409}.get(caught.value.word, 400)
    return caught.value.word


def fault(document: bytes) -> str:
    """What a person is told of a malformed one."""
    with pytest.raises(RequisitionRefused) as caught:
        judge().judge(document, wall())
    assert caught.value.word == "malformed"
    return str(caught.value)


@pytest.mark.parametrize("demand", [EXPORT, HOLD, RELEASE], ids=lambda one: type(one).__name__)
def test_an_honest_requisition_is_taken_and_says_what_was_signed(demand: Any) -> None:
    judged = judge().judge(signed(requisition(demand=demand), PROSECUTOR), wall())
    assert judged == requisition(demand=demand, signers=(fingerprint(PROSECUTOR.public_key()),))


@pytest.mark.parametrize("basis", ["cpp-60-1", "cpp-77-1-1", "cpp-99-3"])
def test_each_article_is_taken(basis: Any) -> None:
    assert judge().judge(signed(requisition(basis=basis), PROSECUTOR), wall()).basis == basis


def test_times_in_another_zone_are_kept_in_utc() -> None:
    said = content(**{"from": "2026-11-18T09:00:00.250+01:00", "to": "2026-11-18T04:00:00-05:00"})
    demand = judge().judge(forged(said), wall()).demand
    assert isinstance(demand, Export)
    assert (demand.from_ms, demand.to_ms) == (1_794_988_800_250, 1_794_992_400_000)


def test_a_document_for_several_masts_serves_each() -> None:
    document = signed(requisition(masts=("lens-001", MAST)), PROSECUTOR)
    assert judge().judge(document, wall()).id == ID
    assert judge(mast="lens-001").judge(document, wall()).id == ID


# --- peers ---


def test_openssl_verifies_what_is_signed_here(tmp_path: Path) -> None:
    document = json.loads(signed(requisition(), PROSECUTOR, EXAMINING_JUDGE))
    for key, one in zip((PROSECUTOR, EXAMINING_JUDGE), document["signatures"], strict=True):
        name = fingerprint(key.public_key())[:8]
        save_public(tmp_path / f"{name}.pub", key.public_key())
        (tmp_path / "input").write_text(f"{one['protected']}.{document['payload']}")
        unpadded = one["signature"].replace("-", "+").replace("_", "/")
        raw = subprocess.run(["base64", "-d"], input=f"{unpadded}==".encode(), capture_output=True, check=True).stdout
        (tmp_path / "sig").write_bytes(raw)
        command = ["openssl", "pkeyutl", "-verify", "-rawin", "-pubin", "-inkey", f"{name}.pub"]
        done = subprocess.run([*command, "-sigfile", "sig", "-in", "input"], cwd=tmp_path, capture_output=True)
        assert (done.returncode, done.stdout) == (0, b"Signature Verified Successfully\n")


def test_a_requisition_signed_with_openssl_alone_is_taken(tmp_path: Path) -> None:
    save_private(tmp_path / "judicial.key", PROSECUTOR)
    payload, protected = b64(json.dumps(content()).encode()), b64(json.dumps(HEADER).encode())
    (tmp_path / "input").write_text(f"{protected}.{payload}")
    command = ["openssl", "pkeyutl", "-sign", "-rawin", "-inkey", "judicial.key", "-in", "input"]
    raw = subprocess.run(command, cwd=tmp_path, capture_output=True, check=True).stdout
    general = {"payload": payload, "signatures": [{"protected": protected, "signature": b64(raw)}]}
    assert judge().judge(json.dumps(general).encode(), wall()).id == ID


def test_the_fingerprint_of_a_signer_is_the_one_that_openssl_and_sha256sum_give(tmp_path: Path) -> None:
    save_public(tmp_path / "judicial.pub", PROSECUTOR.public_key())
    command = "openssl pkey -pubin -in judicial.pub -outform DER | sha256sum"
    done = subprocess.run(["sh", "-c", command], cwd=tmp_path, capture_output=True, text=True, check=True)
    assert done.stdout.split()[0] == fingerprint(PROSECUTOR.public_key())


def test_pyjwt_reads_a_signature_as_the_compact_form() -> None:
    document = json.loads(signed(requisition(), PROSECUTOR))
    one = document["signatures"][0]
    compact = f"{one['protected']}.{document['payload']}.{one['signature']}"
    read = jwt.PyJWS().decode_complete(compact, PROSECUTOR.public_key(), algorithms=["EdDSA"])
    assert (json.loads(read["payload"])["id"], read["header"]) == (ID, HEADER)


# --- forged ---


def test_a_stranger_signs() -> None:
    assert refused(signed(requisition(), STRANGER)) == "forged"


def test_a_mast_without_judicial_authority_takes_nothing() -> None:
    assert refused(signed(requisition(), PROSECUTOR), judge(())) == "forged"
    assert refused(signed(requisition()), judge((), 0)) == "below-threshold"


def test_a_stranger_signs_beside_an_authority() -> None:
    assert refused(signed(requisition(), PROSECUTOR, STRANGER)) == "forged"
    assert refused(signed(requisition(), STRANGER, PROSECUTOR)) == "forged"


def test_a_grant_authority_signs_a_requisition() -> None:
    assert refused(signed(requisition(), AUTHORITY)) == "forged"


def test_content_is_swapped_under_an_honest_signature() -> None:
    document = json.loads(signed(requisition(), PROSECUTOR))
    document["payload"] = b64(json.dumps(content(cameras=["parvis-ptz"])).encode())
    assert refused(json.dumps(document).encode()) == "forged"


def test_a_signature_of_another_requisition_is_added() -> None:
    one = json.loads(signed(requisition(), PROSECUTOR))
    other = json.loads(signed(requisition(reference="PV 2026/000001"), EXAMINING_JUDGE))
    one["signatures"] += other["signatures"]
    assert refused(json.dumps(one).encode()) == "forged"


def test_the_signature_of_a_grant_serves_no_requisition_and_the_other_way() -> None:
    # the same key for both, which a configuration refuses: only the typ keeps them apart then
    header, payload, mark = mint(PROSECUTOR, grant()).split(".")
    general = {"payload": payload, "signatures": [{"protected": header, "signature": mark}]}
    assert refused(json.dumps(general).encode()) == "malformed"
    assert refused(forged(grant_claims())) == "malformed"
    document = json.loads(signed(requisition(), PROSECUTOR))
    one = document["signatures"][0]
    grants = GrantJudge([PROSECUTOR.public_key()], MAST)
    for token in (
        f"{one['protected']}.{document['payload']}.{one['signature']}",
        grant_signed(grant_claims(), HEADER, PROSECUTOR.sign),
        json.dumps(document),
    ):
        with pytest.raises(GrantRefused):
            grants.judge(token, wall())


# --- the threshold ---


def test_two_authorities_reach_a_threshold_of_two() -> None:
    judged = judge(threshold=2).judge(signed(requisition(), PROSECUTOR, EXAMINING_JUDGE), wall())
    assert judged.signers == tuple(sorted(fingerprint(key.public_key()) for key in (PROSECUTOR, EXAMINING_JUDGE)))


def test_one_authority_does_not_reach_a_threshold_of_two() -> None:
    assert refused(signed(requisition(), PROSECUTOR), judge(threshold=2)) == "below-threshold"


def test_who_signs_twice_counts_once() -> None:
    twice = signed(requisition(), PROSECUTOR, PROSECUTOR)
    assert refused(twice, judge(threshold=2)) == "below-threshold"
    document = json.loads(signed(requisition(), PROSECUTOR))
    other_header = signature(document["payload"], {"typ": HEADER["typ"], "alg": HEADER["alg"]})
    document["signatures"].append(other_header)
    assert document["signatures"][0]["signature"] != other_header["signature"]
    assert refused(json.dumps(document).encode(), judge(threshold=2)) == "below-threshold"


def test_a_key_that_is_configured_twice_counts_once() -> None:
    assert refused(signed(requisition(), PROSECUTOR), judge([PROSECUTOR, PROSECUTOR], 2)) == "below-threshold"


@pytest.mark.parametrize("threshold", [0, 1])
def test_a_document_without_any_signature(threshold: int) -> None:
    assert refused(signed(requisition()), judge(threshold=threshold)) == "below-threshold"


# --- headers ---


@pytest.mark.parametrize("signer", [PROSECUTOR, STRANGER], ids=["authority", "stranger"])
@pytest.mark.parametrize("extra", FOREIGN_HEADERS, ids=json.dumps)
def test_a_header_brings_its_own_key_or_rules(extra: dict[str, object], signer: Ed25519PrivateKey) -> None:
    assert refused(forged(content(), {**HEADER, **extra}, signer.sign)) == "malformed"


@pytest.mark.parametrize("alg", ["none", "HS256", "ES256", "Ed25519", "eddsa", "", None])
def test_another_algorithm(alg: object) -> None:
    assert refused(forged(content(), {**HEADER, "alg": alg})) == "malformed"


@pytest.mark.parametrize("typ", ["vigie-grant+jwt", "JWT", "", None, ["vigie-requisition+jws"]])
def test_another_type_of_document(typ: object) -> None:
    assert refused(forged(content(), {**HEADER, "typ": typ})) == "malformed"


def test_a_header_says_its_algorithm_twice() -> None:
    assert refused(forged(content(), b'{"alg":"none","alg":"EdDSA","typ":"vigie-requisition+jws"}')) == "malformed"


def test_an_unprotected_header_is_refused_whatever_it_says() -> None:
    document = json.loads(signed(requisition(), PROSECUTOR))
    document["signatures"][0]["header"] = {"kid": "prosecutor"}
    assert refused(json.dumps(document).encode()) == "malformed"


# --- form ---


@pytest.mark.parametrize(
    "raw",
    [
        b"",
        b"null",
        b"[]",
        b"{}",
        b"\xff\xfe",
        b"[" * 60_000,
        b'{"a":' * 9000,
        b"1" * 5000,
        b'{"payload":"","signatures":[]}',
    ],
)
def test_bytes_that_are_no_requisition(raw: bytes) -> None:
    assert refused(raw) == "malformed"


def test_the_compact_and_the_flattened_form_are_not_taken() -> None:
    document = json.loads(signed(requisition(), PROSECUTOR))
    one = document["signatures"][0]
    compact = f"{one['protected']}.{document['payload']}.{one['signature']}"
    assert refused(compact.encode()) == "malformed"
    assert refused(json.dumps({"payload": document["payload"], **one}).encode()) == "malformed"


def test_a_member_of_the_envelope_stands_twice_or_is_unknown() -> None:
    text = signed(requisition(), PROSECUTOR).decode().strip()
    payload = json.dumps(json.loads(text)["payload"])
    assert refused(f'{text[:-1]},"payload":{payload}}}'.encode()) == "malformed"
    assert refused(f'{text[:-1]},"note":"urgent"}}'.encode()) == "malformed"


def test_an_oversize_document_is_refused_before_it_is_read() -> None:
    honest = signed(requisition(), PROSECUTOR)
    assert judge().judge(honest.ljust(MAX_DOCUMENT_BYTES), wall()).id == ID
    assert "64 KiB" in fault(honest.ljust(MAX_DOCUMENT_BYTES + 1))


def test_a_crowd_of_signatures() -> None:
    document = json.loads(signed(requisition(), PROSECUTOR))
    document["signatures"] *= 21
    assert refused(json.dumps(document).encode()) == "malformed"


TEXT = json.dumps(json.loads(signed(requisition(), PROSECUTOR)))


@given(st.data())
def test_any_changed_character_breaks_the_document(data: st.DataObject) -> None:
    at = data.draw(st.integers(0, len(TEXT) - 1).filter(lambda one: TEXT[one] != " "))
    other = data.draw(st.sampled_from('AZaz09-_+/=.{}[]",: \n~').filter(lambda one: one != TEXT[at]))
    assert refused((TEXT[:at] + other + TEXT[at + 1 :]).encode()) in ("malformed", "forged")


def test_no_last_character_of_a_part_has_a_twin() -> None:
    document = json.loads(TEXT)
    one = document["signatures"][0]
    for part in (document["payload"], one["protected"], one["signature"]):
        for last in "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_":
            if last != part[-1]:
                assert refused(TEXT.replace(part, part[:-1] + last).encode()) in ("malformed", "forged")


# --- content ---

EXPORTED = ["act", "id", "reference", "basis", "requester", "masts", "cameras", "from", "to", "reason", "recipient"]
MEMBERS = [*EXPORTED, "issued_at", "expires_at"]


@pytest.mark.parametrize("name", MEMBERS)
def test_a_member_is_missing(name: str) -> None:
    assert name in fault(forged(content(**{name: ...})))


@pytest.mark.parametrize("name", MEMBERS)
def test_a_member_of_another_type(name: str) -> None:
    for value in (None, True, 1.5, 10**30, [], {}, ["x", 1], {"a": 1}, "", " ", -1):
        assert refused(forged(content(**{name: value}))) in ("malformed", "unknown-field")


@pytest.mark.parametrize("inner", ["name", "quality", "service"])
def test_a_requester_without_a_part(inner: str) -> None:
    requester = {"name": "Z. Durand", "quality": "OPJ", "service": "Lens"}
    assert f"requester.{inner}" in fault(forged(content(requester={**requester, inner: "..."})))
    del requester[inner]
    assert f"requester.{inner}" in fault(forged(content(requester=requester)))


@pytest.mark.parametrize("basis", ["event", "requisition", "habilitation", "cpp-60-2", "CPP-60-1", "60-1"])
def test_a_basis_that_no_requisition_rests_on(basis: str) -> None:
    assert "basis" in fault(forged(content(basis=basis)))


@pytest.mark.parametrize("act", ["destroy", "EXPORT", "", None, ["export"], 1])
def test_an_act_that_nobody_can_ask_for(act: object) -> None:
    assert "act" in fault(forged(content(act=act)))


@pytest.mark.parametrize(
    "changes",
    [
        {"only_faces": True},
        {"signers": ["x"]},
        {"requester": {"name": "Z", "quality": "OPJ", "service": "Lens", "badge": "1"}},
        {"hold_until": "2027-01-01T00:00:00Z"},
        {"hold": ID},
        {"from_": "2026-11-18T09:00:00Z"},
        {"act": "hold", "hold_until": "2027-01-01T00:00:00Z"},
        {"act": "release", "hold": ID},
    ],
)
def test_unknown_members_are_refused_rather_than_ignored(changes: dict[str, Any]) -> None:
    assert refused(forged(content(**changes))) == "unknown-field"


def test_a_member_of_the_content_stands_twice() -> None:
    assert refused(forged(f'{json.dumps(content())[:-1]},"to":"2026-11-18T10:00:00Z"}}'.encode())) == "malformed"


@pytest.mark.parametrize("one", [ID.upper(), ID[:-1], f"{ID} ", "../../etc/passwd", "1", ID.replace("-", "")])
def test_an_id_that_could_be_spelt_in_two_ways_or_name_a_path(one: str) -> None:
    assert "id" in fault(forged(content(id=one)))


@pytest.mark.parametrize(
    "text",
    [
        "2026-11-18T09:00:00",
        "2026-11-18",
        "2026-11-18 09:00:00Z",
        "20261118T090000Z",
        "2026-11-18T09:00:00z",
        "2026-11-18T24:00:00Z",
        "2026-02-30T09:00:00Z",
        "2026-11-18T09:00:60Z",
        "2026-11-18T09:00:00+25:00",
        "2026-W47-3T09:00:00Z",
        "1969-12-31T23:59:59Z",
        "\u0662\u0660\u0662\u0666-11-18T09:00:00Z",
        1_795_000_000,
    ],
)
def test_a_time_that_is_no_time_or_has_no_zone(text: object) -> None:
    for name in ("from", "to", "issued_at", "expires_at"):
        assert f"{name}: " in fault(forged(content(**{name: text})))


@pytest.mark.parametrize("name", ["masts", "cameras"])
def test_places_that_are_no_identifiers(name: str) -> None:
    for value in (["../x"], ["#"], ["A"], [""], "lievin-042", [MAST, MAST], [f"m{i}" for i in range(300)]):
        assert name in fault(forged(content(**{name: value})))


@pytest.mark.parametrize(
    "payload", [b"null", b"[]", b"0", b"NaN", b"\xff", b"[" * 5000, b"1" * 5000, b'"\\ud800"', b'{"act":"\\ud800"}']
)
def test_a_payload_of_garbage_signed_by_the_authority(payload: bytes) -> None:
    assert refused(forged(payload)) == "malformed"


# --- here ---


def test_a_requisition_for_another_mast() -> None:
    assert refused(signed(requisition(masts=("lievin-043",)), PROSECUTOR)) == "other-mast"


@pytest.mark.parametrize("kind", [EXPORT, HOLD])
def test_a_requisition_for_a_camera_of_another_mast(kind: Any) -> None:
    demand = type(kind)(**{**{f: getattr(kind, f) for f in kind.__slots__}, "cameras": ("parvis-fixed", "gare")})
    assert refused(signed(requisition(demand=demand), PROSECUTOR)) == "other-camera"


def test_a_replayed_requisition() -> None:
    document = signed(requisition(), PROSECUTOR)
    assert refused(document, judge(answered=[ID])) == "replayed"
    # another signature, reason or life under the same id is the same requisition
    renewed = requisition(reason="Autre motif", expires_ms=NOW_MS + DAY_MS)
    assert refused(signed(renewed, EXAMINING_JUDGE), judge(answered=[ID])) == "replayed"


def test_a_forger_cannot_find_out_which_ids_were_answered() -> None:
    assert refused(signed(requisition(), STRANGER), judge(answered=[ID])) == "forged"


# --- the interval ---


def exported(from_ms: int, to_ms: int) -> bytes:
    """A signed demand for an interval."""
    return signed(requisition(demand=Export(("parvis-fixed",), from_ms, to_ms, RECIPIENT)), PROSECUTOR)


def test_an_empty_interval() -> None:
    assert refused(exported(NOW_MS - HOUR_MS, NOW_MS - HOUR_MS)) == "empty-interval"
    assert refused(exported(NOW_MS - HOUR_MS, NOW_MS - 2 * HOUR_MS)) == "empty-interval"
    assert judge().judge(exported(NOW_MS - HOUR_MS, NOW_MS - HOUR_MS + 1), wall()).id == ID


def test_a_huge_interval() -> None:
    assert judge().judge(exported(NOW_MS - 31 * DAY_MS, NOW_MS), wall()).id == ID
    assert refused(exported(NOW_MS - 31 * DAY_MS - 1, NOW_MS)) == "huge-interval"


def test_an_interval_that_is_not_over() -> None:
    assert judge().judge(exported(NOW_MS - HOUR_MS, NOW_MS), wall()).id == ID
    assert refused(exported(NOW_MS - HOUR_MS, NOW_MS + 1)) == "future-interval"
    assert refused(exported(NOW_MS + HOUR_MS, NOW_MS + 2 * HOUR_MS)) == "future-interval"


def test_a_hold_is_bound_by_the_same_interval_rules() -> None:
    for from_ms, to_ms, word in (
        (NOW_MS, NOW_MS, "empty-interval"),
        (NOW_MS - 32 * DAY_MS, NOW_MS, "huge-interval"),
        (NOW_MS, NOW_MS + 1, "future-interval"),
    ):
        demand = type(HOLD)(HOLD.cameras, from_ms, to_ms, HOLD.until_ms)
        assert refused(signed(requisition(demand=demand), PROSECUTOR)) == word


def test_a_hold_without_end_in_sight_or_with_one_that_comes_too_soon() -> None:
    def until(until_ms: int) -> bytes:
        demand = type(HOLD)(HOLD.cameras, HOLD.from_ms, HOLD.to_ms, until_ms)
        return signed(requisition(demand=demand), PROSECUTOR)

    assert judge().judge(until(NOW_MS + 366 * DAY_MS), wall()).id == ID
    assert "hold_until" in fault(until(NOW_MS + 366 * DAY_MS + 1))
    assert judge().judge(until(NOW_MS + 7 * DAY_MS + 1), wall()).id == ID
    assert "hold_until" in fault(until(NOW_MS + 7 * DAY_MS))


# --- now ---


def test_an_expired_requisition_to_the_millisecond() -> None:
    document = signed(requisition(expires_ms=NOW_MS + HOUR_MS), PROSECUTOR)
    assert judge().judge(document, wall(NOW + 3599.999)).id == ID
    assert refused(document, second=NOW + 3600) == "expired"


def test_a_requisition_issued_in_the_future_beyond_the_leeway() -> None:
    document = signed(requisition(issued_ms=NOW_MS + 60_000), PROSECUTOR)
    assert judge().judge(document, wall()).id == ID
    assert refused(document, second=NOW - 0.001) == "not-yet"


def test_a_requisition_that_lives_longer_than_31_days() -> None:
    assert judge().judge(signed(requisition(expires_ms=NOW_MS + 31 * DAY_MS), PROSECUTOR), wall()).id == ID
    assert "31 days" in fault(signed(requisition(expires_ms=NOW_MS + 31 * DAY_MS + 1), PROSECUTOR))


def test_a_requisition_that_ends_before_it_begins() -> None:
    assert "expires_at" in fault(signed(requisition(issued_ms=NOW_MS, expires_ms=NOW_MS), PROSECUTOR))


def test_an_untrusted_clock_judges_nothing_that_is_well_formed() -> None:
    for document in (signed(requisition(), PROSECUTOR), signed(requisition(), STRANGER), signed(requisition())):
        with pytest.raises(RequisitionRefused) as caught:
            judge().judge(document, wall(trusted=False))
        assert (caught.value.word, caught.value.status) == ("clock", 503)
    with pytest.raises(RequisitionRefused) as caught:
        judge().judge(b"no requisition", wall(trusted=False))
    assert caught.value.word == "malformed"


# --- signing ---


def test_signing_keeps_what_was_signed_before() -> None:
    document = unsigned(b'{"any":"payload"}')
    once = sign(document, PROSECUTOR)
    twice = sign(once, EXAMINING_JUDGE)
    assert json.loads(twice)["signatures"][:1] == json.loads(once)["signatures"]
    assert json.loads(twice)["payload"] == json.loads(document)["payload"]


def test_what_is_no_document_is_not_signed() -> None:
    with pytest.raises(RequisitionRefused):
        sign(b'{"payload":"e30","signatures":[],"note":1}', PROSECUTOR)


@pytest.mark.parametrize(
    "document",
    [
        b'{"payload":"x","signatures":[' + b",".join([b"{}"] * 20_000) + b"]}",
        b"{" + b",".join(b'"%d":1' % number for number in range(6000)) + b"}",
        b'{"payload":"x","signatures":[{' + b",".join(b'"%d":1' % number for number in range(6000)) + b"}]}",
        b"[" * MAX_DOCUMENT_BYTES,
        b"[]",
        b'{"payload":"x","signatures":{}}',
        b'{"payload":"x","signatures":["",""]}',
    ],
    ids=["signatures", "members", "members of one", "nesting", "list", "no list", "texts"],
)
def test_rubbish_is_refused_before_each_of_its_parts_is_looked_at(
    document: bytes, monkeypatch: pytest.MonkeyPatch
) -> None:
    looked: list[bytes] = []
    monkeypatch.setattr(requisitions._Envelope, "model_validate_json", looked.append)
    assert len(document) <= MAX_DOCUMENT_BYTES
    assert refused(document) == "malformed"
    assert looked == []


def test_a_signature_that_stands_twice_is_checked_once(monkeypatch: pytest.MonkeyPatch) -> None:
    checked: list[Signature] = []
    by = Signature.by

    def counted(one: Signature, key: Ed25519PublicKey) -> bool:
        checked.append(one)
        return by(one, key)

    monkeypatch.setattr(Signature, "by", counted)
    document = json.loads(signed(requisition(), PROSECUTOR))
    document["signatures"] *= 20
    assert judge([PROSECUTOR]).judge(json.dumps(document).encode(), wall()).signers
    assert len(checked) == 1
