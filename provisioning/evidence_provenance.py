"""Where a pack comes from: its requisition, the mast's register, and what a witness has seen of that. Pure."""

from collections.abc import Iterator, Mapping
from hashlib import sha256

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey

from agent.access.demands import Export, Requisition, read
from agent.access.requisitions import fingerprint, open_document
from agent.clock import rfc3339
from agent.errors import EvidenceRefused, NoteRefused, RequisitionRefused
from agent.evidence import names
from agent.evidence.manifest import Manifest, Recording
from agent.evidence.packing import exported, recipient_of
from agent.evidence.proofs import Proof, read_proof
from agent.language import say
from agent.register.bodies import RequisitionPresented, SegmentsExported, SegmentsSealed
from agent.register.entries import Entry, origin
from agent.register.notes import Checkpoint, Key, Note
from agent.register.tree import consistent
from agent.verifier_keys import COSIGNATURE, ED25519
from provisioning.evidence_verdict import MOST_TOLD, Contents, Line, Trust, line, public_key, word

# --- the requisition ---


def about_requisition(manifest: Manifest, contents: Contents, trust: Trust) -> Iterator[Line]:
    """The document, its signatures, and that it asks for just this."""
    raw = contents.small[names.REQUISITION]
    try:
        document = open_document(raw)
        asked = read(document.payload)
    except RequisitionRefused as error:
        yield Line("bad", word("requisition"), str(error))
        return
    wrong = list(_other_demand(manifest, asked, raw))
    yield from (Line("bad", word("requisition"), text) for text in wrong)
    own = [
        public_key(contents.small.get(names.signer_name(number), b""))
        for number in range(1, len(manifest.requisition.signers) + 1)
    ]
    known = [key for key in (trust.judicial or own) if key is not None]
    unsigned = [one for one in document.signatures if not any(one.by(key) for key in known)]
    signers = {fingerprint(key) for one in document.signatures for key in known if one.by(key)}
    if unsigned or signers != set(manifest.requisition.signers) or not signers:
        yield line(
            "bad",
            "requisition",
            en="a signature is of none of the keys, or its signers are not those of the manifest",
            fr="une signature n'est d'aucune des clés, ou les signataires ne sont pas ceux du manifeste",
        )
        return
    if wrong:
        return
    if not trust.judicial:
        listed = ", ".join(sorted(signers))
        yield line(
            "note",
            "requisition",
            en=f"the signers' keys are the pack's own; compare them, or give --judicial-pub: SHA-256 {listed}",
            fr=f"clés des signataires prises dans le paquet ; comparer, ou donner --judicial-pub : SHA-256 {listed}",
        )
    yield line(
        "good",
        "requisition",
        en=f"{asked.reference}, signed by {len(signers)}, asks for just this",
        fr=f"{asked.reference}, signée par {len(signers)}, demande exactement ceci",
    )


def _other_demand(manifest: Manifest, asked: Requisition, raw: bytes) -> Iterator[str]:
    """Whatever the requisition says otherwise than the manifest."""
    told, demand = manifest.requisition, asked.demand
    if (told.sha256, told.id, told.reference) != (sha256(raw).hexdigest(), asked.id, asked.reference):
        yield say(en="is another one than the manifest names", fr="n'est pas celle que nomme le manifeste")
    if not isinstance(demand, Export) or manifest.mast not in asked.masts:
        yield say(en="does not ask this mast to hand over anything", fr="ne demande aucune remise à ce mât")
        return
    if (rfc3339(demand.from_ms), rfc3339(demand.to_ms)) != (manifest.start, manifest.end):
        yield say(en="asks for another interval", fr="demande un autre intervalle")
    if told.recipient != recipient_of(demand):
        yield say(en="names another recipient", fr="nomme un autre destinataire")
    if demand.cameras != tuple(camera.id for camera in manifest.cameras):
        yield say(en="asks for other cameras", fr="demande d'autres caméras")


# --- the register ---


def about_register(manifest: Manifest, contents: Contents, key: Ed25519PublicKey, trust: Trust) -> Iterator[Line]:
    """The signed head, the entries in it, and that it follows on what a witness has cosigned."""
    log = Key(origin(manifest.town, manifest.mast), ED25519, key.public_bytes_raw())
    try:
        note = Note.parse(contents.small[names.CHECKPOINT])
        head = Checkpoint.parse(note.text)
        proof = read_proof(contents.small[names.PROOF])
        if not note.signed_by([log]) or head.origin != log.name or head.size != proof.size:
            raise EvidenceRefused(say(en="its head is not this mast's", fr="sa tête n'est pas celle de ce mât"))
    except (NoteRefused, EvidenceRefused) as error:
        yield Line("bad", word("register"), str(error))
        return
    wrong = [
        say(en=f"entry {one.entry.index} is not in it", fr=f"l'inscription {one.entry.index} n'y est pas")
        for one in proof.entries
        if one.entry.origin != log.name or not one.holds(head.size, head.root)
    ]
    wrong += _entered(manifest, {one.entry.index: one.entry for one in proof.entries})
    yield from (Line("bad", word("register"), text) for text in wrong[:MOST_TOLD])
    if not wrong:
        yield line(
            "good",
            "register",
            en=f"{len(proof.entries)} entries proven in its {head.size}: requisition, what was sealed, transmission",
            fr=f"{len(proof.entries)} inscriptions prouvées parmi {head.size} : réquisition, scellements, transmission",
        )
    unsealed = sum(one.sealed is None for camera in manifest.cameras for one in camera.segments)
    if unsealed:
        yield line(
            "note",
            "register",
            en=f"it does not say when {unsealed} of the recordings were sealed",
            fr=f"il ne dit pas quand {unsealed} des enregistrements furent scellés",
        )
    yield from _witness(contents, proof, head, log, trust)


def _entered(manifest: Manifest, entries: Mapping[int, Entry]) -> Iterator[str]:
    """What the register has to say of this pack, and does not."""
    asked = manifest.requisition
    presented = entries.get(asked.entry)
    if presented is None or not (
        isinstance(presented.body, RequisitionPresented) and presented.body.sha256 == asked.sha256
    ):
        yield say(en="it does not say that the requisition came", fr="la venue de la réquisition n'y est pas")
    told = [one.body for one in entries.values() if isinstance(one.body, SegmentsExported)]
    if any(body not in told for body in exported(manifest)):
        yield say(en="it does not say that this was transmitted", fr="cette transmission n'y est pas")
    for camera in manifest.cameras:
        for one in camera.segments:
            if one.sealed is not None and not _says_sealed(entries.get(one.sealed), camera.id, one):
                yield say(
                    en=f"its entry {one.sealed} does not say that {one.segment.name} was sealed so",
                    fr=f"son inscription {one.sealed} ne dit pas que {one.segment.name} fut scellé ainsi",
                )
        rests_on = (*(one.entry for one in camera.mask_policy), *(one.entry for one in camera.blind))
        if any(number not in entries for number in rests_on):
            yield say(en=f"entries on {camera.id} are missing", fr=f"des inscriptions sur {camera.id} manquent")


def _says_sealed(entry: Entry | None, camera: str, one: Recording) -> bool:
    body = None if entry is None else entry.body
    return (
        isinstance(body, SegmentsSealed)
        and body.camera == camera
        and any(told.counter == one.counter and told.sha256 == one.segment.sha256 for told in body.segments)
    )


def _witness(contents: Contents, proof: Proof, head: Checkpoint, log: Key, trust: Trust) -> Iterator[Line]:
    raw = contents.small.get(names.WITNESSED)
    if raw is None:
        yield line("note", "witness", en="nobody had witnessed the register", fr="aucun témoin n'avait vu le registre")
        return
    try:
        note = Note.parse(raw)
        seen = Checkpoint.parse(note.text)
        mine, others = (
            note.signed_by([log]),
            note.signed_by([one for one in trust.witnesses if one.kind == COSIGNATURE]),
        )
    except NoteRefused as error:
        yield Line("bad", word("witness"), str(error))
        return
    follows = consistent(seen.size, head.size, proof.consistency, seen.root, head.root)
    if not mine or seen.origin != log.name or seen.size != proof.witnessed_size or not follows:
        yield line(
            "bad",
            "witness",
            en="the register does not follow on the head that was witnessed: rewritten or forked",
            fr="le registre ne suit pas la tête attestée : réécrit ou dédoublé",
        )
    elif others:
        listed = ", ".join(sorted({one.name for one in others}))
        yield line("good", "witness", en=f"{listed}, {seen.size} entries", fr=f"{listed}, {seen.size} inscriptions")
    else:
        yield line(
            "note",
            "witness",
            en=f"a head of {seen.size} entries was witnessed; its signatures were not checked, give --witness",
            fr=f"une tête de {seen.size} inscriptions fut attestée ; signatures non vérifiées, donner --witness",
        )
