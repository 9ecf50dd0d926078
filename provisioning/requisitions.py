"""Makes and signs requisitions on the judicial authority's workstation, and puts them into words for a person.

Law: what no mast would take for its form, its times or its interval is neither made nor signed. Who may sign is the
mast's to say. A document that is signed already is countersigned only where each earlier signature is known to be good.
"""

from collections.abc import Iterator, Sequence
from pathlib import Path
from uuid import uuid4

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey

from agent.access.basis import Article, label
from agent.access.demands import Demand, Export, Hold, Release, Requester, Requisition, read, write
from agent.access.requisitions import Document, check_times, fingerprint, open_document, sign, unsigned
from agent.clock import WallTime
from agent.errors import RequisitionRefused, UsageError
from agent.language import say
from agent.paris import told
from provisioning.parsing import not_text, trusted


def new_document(
    key: Ed25519PrivateKey | None,
    wall: WallTime,
    *,
    reference: str,
    basis: Article,
    requester: Requester,
    masts: Sequence[str],
    reason: str,
    demand: Demand,
    valid_s: int,
) -> tuple[bytes, Requisition]:
    """A document and what it says, signed where `key` is given; UsageError if no mast would take its content."""
    now_ms = trusted(wall).utc_ms
    requisition = Requisition(
        id=str(uuid4()),
        reference=reference,
        basis=basis,
        requester=requester,
        masts=tuple(masts),
        reason=reason,
        issued_ms=now_ms,
        expires_ms=now_ms + valid_s * 1000,
        demand=demand,
    )
    try:
        payload = write(requisition)
        check_times(read(payload), wall)
        document = unsigned(payload)
        open_document(document)
    except UnicodeEncodeError as error:
        raise not_text() from error
    except RequisitionRefused as error:
        raise UsageError(str(error)) from error
    return (document if key is None else sign(document, key)), requisition


def first_signature(raw: bytes, key: Ed25519PrivateKey, wall: WallTime) -> bytes:
    """The unsigned document `raw`, signed; UsageError when it is signed already, RequisitionRefused if no good."""
    document = _signable(raw, wall)
    if document.signatures:
        raise UsageError(
            say(
                en="it is signed already: `requisition countersign`, with --pub of those who signed, adds to that",
                fr="elle est déjà signée : `requisition countersign`, avec --pub des signataires, ajoute la suivante",
            )
        )
    return sign(raw, key)


def countersignature(raw: bytes, key: Ed25519PrivateKey, known: Sequence[Ed25519PublicKey], wall: WallTime) -> bytes:
    """The signed document `raw` with one more signature.

    UsageError when nobody has signed or `key` has; RequisitionRefused when a signature is of none of `known`.
    """
    document = _signable(raw, wall)
    if not document.signatures:
        raise UsageError(
            say(
                en="nobody has signed it: `requisition sign` comes first",
                fr="personne ne l'a signée : `requisition sign` d'abord",
            )
        )
    if any(one.by(key.public_key()) for one in document.signatures):
        raise UsageError(
            say(
                en="this key has signed it already, and counts once: another authority countersigns",
                fr="cette clé l'a déjà signée et ne compte qu'une fois : une autre autorité contresigne",
            )
        )
    for number, one in enumerate(document.signatures, start=1):
        if not any(one.by(other) for other in known):
            raise RequisitionRefused(
                say(
                    en=f"signature {number} is of none of the --pub keys, or the requisition was changed after it; "
                    "do not sign it, ask who made it",
                    fr=f"la signature {number} n'est d'aucune des clés --pub, ou la réquisition fut modifiée après ; "
                    "ne pas signer, demander à qui l'a établie",
                ),
                401,
                "forged",
            )
    return sign(raw, key)


def _signable(raw: bytes, wall: WallTime) -> Document:
    document = open_document(raw)
    check_times(read(document.payload), trusted(wall))
    return document


def in_words(requisition: Requisition) -> Iterator[tuple[str, str]]:
    """(what, text) of all that a requisition says, in the order in which a person reads it."""
    asked = requisition.requester
    yield say(en="reference", fr="référence"), requisition.reference
    yield say(en="basis", fr="fondement"), label(requisition.basis)
    yield say(en="requester", fr="requérant"), f"{asked.name}, {asked.quality}, {asked.service}"
    yield say(en="reason", fr="motif"), requisition.reason
    yield say(en="masts", fr="mâts"), ", ".join(requisition.masts)
    yield say(en="asks for", fr="demande"), _demand(requisition.demand)
    if not isinstance(requisition.demand, Release):
        yield say(en="cameras", fr="caméras"), ", ".join(requisition.demand.cameras)
        yield say(en="from", fr="de"), told(requisition.demand.from_ms)
        yield say(en="to", fr="à"), told(requisition.demand.to_ms)
    yield say(en="issued", fr="établie"), told(requisition.issued_ms)
    yield say(en="expires", fr="expire"), told(requisition.expires_ms)
    yield "id", requisition.id


def _demand(demand: Demand) -> str:
    match demand:
        case Export(recipient=to):
            return say(
                en=f"hand over the footage to {to.name}, {to.service}",
                fr=f"remettre les images à {to.name}, {to.service}",
            )
        case Hold(until_ms=until_ms):
            return say(
                en=f"keep the footage until {told(until_ms)}",
                fr=f"conserver les images jusqu'au {told(until_ms)}",
            )
        case Release(hold=hold):
            return say(en=f"end the hold {hold}", fr=f"mettre fin à la conservation {hold}")


def signers(document: Document, known: Sequence[tuple[Path, Ed25519PublicKey]]) -> list[tuple[Path, str] | None]:
    """For each signature the key file that it verifies under, with its fingerprint, or None."""
    return [next(((path, fingerprint(key)) for path, key in known if one.by(key)), None) for one in document.signatures]
