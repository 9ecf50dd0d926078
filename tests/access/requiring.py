"""What the tests of requisitions share: judicial authorities, an honest requisition, and a forger's tools."""

import json
from collections.abc import Callable, Collection, Sequence
from typing import Any

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from agent.access.demands import DAY_MS, Export, Hold, Recipient, Release, Requester, Requisition, write
from agent.access.requisitions import RequisitionJudge, sign, unsigned
from tests.access.minting import JUDICIAL, MAST, NOW, b64

PROSECUTOR = JUDICIAL
EXAMINING_JUDGE = Ed25519PrivateKey.from_private_bytes(b"examining judge".ljust(32, b"."))
HEADER = {"alg": "EdDSA", "typ": "vigie-requisition+jws"}
ID = "7b0f6c1e-92a4-4c53-8a0e-3d4f8f1f2a55"
OTHER_ID = "00000000-0000-4000-8000-000000000000"
NOW_MS = NOW * 1000
HOUR_MS = 3_600_000
RECIPIENT = Recipient("Lt Paul Leroy", "Commissariat de Lens")
EXPORT = Export(("parvis-fixed",), NOW_MS - 6 * HOUR_MS, NOW_MS - 5 * HOUR_MS, RECIPIENT)
HOLD = Hold(("parvis-fixed",), NOW_MS - 6 * HOUR_MS, NOW_MS - 5 * HOUR_MS, NOW_MS + 180 * DAY_MS)
RELEASE = Release(OTHER_ID)


def judge(
    authorities: Sequence[Ed25519PrivateKey] = (PROSECUTOR, EXAMINING_JUDGE),
    threshold: int = 1,
    *,
    mast: str = MAST,
    answered: Collection[str] = (),
) -> RequisitionJudge:
    """A mast's judge with two cameras, that knows the judicial authorities."""
    keys = [key.public_key() for key in authorities]
    cameras = {"parvis-fixed", "parvis-ptz"}
    return RequisitionJudge(keys, threshold, mast, cameras=lambda: cameras, answered=lambda one: one in answered)


def requisition(**changes: Any) -> Requisition:
    """An honest requisition for an hour of this morning, with `changes`."""
    fields: dict[str, Any] = {
        "id": ID,
        "reference": "PV 2026/004211",
        "basis": "cpp-77-1-1",
        "requester": Requester("Zoé Durand", "OPJ", "Commissariat de Lens"),
        "masts": (MAST,),
        "reason": "Vol avec violences, enquête préliminaire",
        "issued_ms": NOW_MS,
        "expires_ms": NOW_MS + 7 * DAY_MS,
        "demand": EXPORT,
    }
    return Requisition(**{**fields, **changes})


def content(**changes: Any) -> dict[str, Any]:
    """The honest requisition's members; `changes` replace them, and a change to `...` leaves the member out."""
    honest: dict[str, Any] = json.loads(write(requisition()))
    return {key: value for key, value in {**honest, **changes}.items() if value is not ...}


def signed(one: Requisition, *keys: Ed25519PrivateKey) -> bytes:
    """The document that says `one`, made with the product's own code."""
    document = unsigned(write(one))
    for key in keys:
        document = sign(document, key)
    return document


def signature(payload: str, header: object = HEADER, by: Callable[[bytes], bytes] = PROSECUTOR.sign) -> dict[str, str]:
    """One signature over a base64url payload, under any header: bytes as they are, or whatever JSON can say."""
    protected = b64(header if isinstance(header, bytes) else json.dumps(header).encode())
    return {"protected": protected, "signature": b64(by(f"{protected}.{payload}".encode()))}


def forged(said: object, header: object = HEADER, by: Callable[[bytes], bytes] = PROSECUTOR.sign) -> bytes:
    """A document over anything; `said` and `header` are bytes as they are, or whatever JSON can say."""
    payload = b64(said if isinstance(said, bytes) else json.dumps(said).encode())
    return json.dumps({"payload": payload, "signatures": [signature(payload, header, by)]}).encode()
