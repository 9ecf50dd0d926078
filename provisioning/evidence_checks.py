"""Whether a pack is what it says, as lines for people: what was looked at, and whether it holds. Pure.

    sums        the device's signature of SHA256SUMS, and every file against it: none more, none less
    device      whose key that is: the one the town holds (--device-pub), or the pack's own word
    manifest    the device's signature of it; each recording as the mast signed it when it was sealed
    extent      exactly the interval: each recording has pictures of it; gaps are declared as they are
    head        where a turning camera pointed, at times of the interval only
    requisition the document, its signatures, and that it asks for just this
    register    the signed head; each entry is in it; that the requisition came, what was sealed and transmitted
    witness     that the head follows on what a witness has cosigned
    timestamp   what a time-stamping service said about the manifest

A pack whose sums or manifest do not hold is not looked at any further.
"""

from collections.abc import Iterator

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey

from agent.access.requisitions import fingerprint
from agent.clock import from_rfc3339, rfc3339
from agent.errors import EvidenceRefused
from agent.evidence import names
from agent.evidence.gaps import holes
from agent.evidence.manifest import CameraPart, Manifest, Recording, read_manifest
from agent.language import say
from agent.paris import shown
from agent.register.words import french
from agent.vault.rows import signed_bytes
from provisioning.evidence_heads import about_heads
from provisioning.evidence_provenance import about_register, about_requisition
from provisioning.evidence_stamp import about_timestamp
from provisioning.evidence_verdict import MOST_TOLD, Checked, Contents, Line, Trust, line, public_key, signed, word


def check(contents: Contents, trust: Trust) -> Checked:
    """Everything that is to be said of a pack."""
    lines: list[Line] = []
    key = _device(contents, trust, lines)
    if key is None or not _sums(contents, key, lines):
        return Checked(tuple(lines), None)
    try:
        manifest = _manifest(contents, key, lines)
    except EvidenceRefused as error:
        lines.append(Line("bad", word("manifest"), str(error)))
        return Checked(tuple(lines), None)
    sums = names.read_sums(contents.small[names.SUMS])
    bad = frozenset(one for one, told in sums.items() if contents.measured.get(one, (0, ""))[1] != told)
    lines += _recordings(manifest, contents, key)
    lines += _extent(manifest)
    lines += about_heads(manifest)
    lines += about_requisition(manifest, contents, trust)
    lines += about_register(manifest, contents, key, trust)
    lines += about_timestamp(contents, trust)
    return Checked(tuple(lines), manifest, bad)


# --- whose it is, and whether it is whole ---


def _device(contents: Contents, trust: Trust, lines: list[Line]) -> Ed25519PublicKey | None:
    missing = sorted(names.ALWAYS - contents.small.keys())
    if missing:
        listed = ", ".join(missing)
        lines.append(line("bad", "sums", en=f"missing: {listed}", fr=f"absent : {listed}"))
        return None
    own = public_key(contents.small[names.DEVICE])
    if own is None:
        lines.append(line("bad", "device", en="keys/device.pub is no key", fr="keys/device.pub n'est pas une clé"))
        return None
    mine = fingerprint(own)
    if trust.device is None:
        lines.append(
            line(
                "note",
                "device",
                en=f"the pack's own word; compare it with the town's, or give --device-pub: SHA-256 {mine}",
                fr=f"celle du paquet même ; comparer à celle de la ville, ou donner --device-pub : SHA-256 {mine}",
            )
        )
        return own
    if fingerprint(trust.device) != mine:
        lines.append(
            line(
                "bad",
                "device",
                en="the pack is signed by another key than --device-pub: not by this mast",
                fr="le paquet est signé par une autre clé que --device-pub : pas par ce mât",
            )
        )
        return None
    lines.append(line("good", "device", en=f"the mast's, SHA-256 {mine}", fr=f"celle du mât, SHA-256 {mine}"))
    return own


def _sums(contents: Contents, key: Ed25519PublicKey, lines: list[Line]) -> bool:
    raw = contents.small[names.SUMS]
    if not signed(key, contents.small[names.SUMS + names.SIGNATURE], raw):
        lines.append(
            line(
                "bad",
                "sums",
                en="SHA256SUMS is not what the mast signed: it, its signature or the key was changed",
                fr="SHA256SUMS n'est pas ce que le mât a signé : lui, sa signature ou la clé fut modifié",
            )
        )
        return False
    try:
        sums = names.read_sums(raw)
    except ValueError as error:
        lines.append(Line("bad", word("sums"), f"SHA256SUMS: {error}"))
        return False
    listed = sums.keys() | {names.SUMS, names.SUMS + names.SIGNATURE}
    more, less = sorted(contents.measured.keys() - listed), sorted(listed - contents.measured.keys())
    other = sorted(name for name in sums.keys() & contents.measured.keys() if contents.measured[name][1] != sums[name])
    for found, en, fr in (
        (more, "not of this pack", "étranger au paquet"),
        (less, "missing", "absent"),
        (other, "its bytes were changed", "octets modifiés"),
    ):
        lines += [Line("bad", name, say(en=en, fr=fr)) for name in found[:MOST_TOLD]]
        if len(found) > MOST_TOLD:
            rest = len(found) - MOST_TOLD
            lines.append(line("bad", "sums", en=f"and {rest} more: {en}", fr=f"et {rest} autres : {fr}"))
    if not (more or less or other):
        count = len(listed)
        lines.append(line("good", "sums", en=f"{count}, each as signed", fr=f"{count}, chacun tel que signé"))
    small = [name for name in (*more, *less, *other) if not names.is_segment(name)]
    return not small


def _manifest(contents: Contents, key: Ed25519PublicKey, lines: list[Line]) -> Manifest:
    raw = contents.small[names.MANIFEST]
    manifest = read_manifest(raw)
    if not signed(key, contents.small[names.MANIFEST + names.SIGNATURE], raw):
        raise EvidenceRefused(
            say(en="its signature is not the mast's", fr="sa signature n'est pas celle du mât"),
        )
    if manifest.device != fingerprint(key):
        raise EvidenceRefused(say(en="names another device key", fr="nomme une autre clé de mât"))
    of, made = manifest.mast, manifest.made
    lines.append(
        line("good", "manifest", en=f"signed by {of}, made {made}", fr=f"signé par {of}, établi le {_paris(made)}"),
    )
    if not manifest.clock.synchronised:
        lines.append(
            line(
                "note",
                "clock",
                en="no time service kept the mast's clock when the pack was made",
                fr="aucun service de temps ne réglait l'horloge du mât à l'établissement du paquet",
            )
        )
    return manifest


# --- the recordings ---


def _recordings(manifest: Manifest, contents: Contents, key: Ed25519PublicKey) -> Iterator[Line]:
    """Each as its mast signed it when it was sealed, in the pack, and nowhere else."""
    told = [(camera, one) for camera in manifest.cameras for one in camera.segments]
    wrong = 0
    for camera, one in told:
        for text in _recording(camera, one, contents, key):
            wrong += 1
            if wrong <= MOST_TOLD:
                yield Line("bad", one.segment.name, text)
    there = {name for name in contents.measured if names.is_segment(name)}
    for name in sorted(there - {one.segment.name for _, one in told})[:MOST_TOLD]:
        wrong += 1
        yield Line("bad", name, say(en="is not in the manifest", fr="absent du manifeste"))
    if not wrong:
        count, size = len(told), sum(one.segment.size_bytes for _, one in told)
        yield line(
            "good",
            "recordings",
            en=f"{count} ({size / 1e6:.1f} MB), each signed by the mast when it was sealed, and unchanged",
            fr=f"{count} ({size / 1e6:.1f} Mo), chacun signé par le mât au scellement, et inchangé",
        )
    found = [one for _, one in told if not one.segment.whole]
    for one in found[:MOST_TOLD]:
        yield Line(
            "note",
            one.segment.name,
            say(en="breaks off: power was cut while it was recorded", fr="interrompu : coupure de courant"),
        )
    if any(not one.segment.synchronised for _, one in told):
        count = sum(not one.segment.synchronised for _, one in told)
        yield line(
            "note",
            "clock",
            en=f"{count} recordings were made under a clock that no time service kept: their times may be wrong",
            fr=f"{count} enregistrements faits sous une horloge non synchronisée : heures peut-être fausses",
        )


def _recording(camera: CameraPart, one: Recording, contents: Contents, key: Ed25519PublicKey) -> Iterator[str]:
    segment = one.segment
    if not signed(key, bytes.fromhex(one.signature), signed_bytes(one.seq, one.counter, segment)):
        yield say(en="its description is not what the mast signed", fr="description non signée par le mât")
    if segment.camera != camera.id or not names.is_segment(segment.name):
        yield say(en="is not this camera's", fr="n'est pas de cette caméra")
    if contents.measured.get(segment.name) != (segment.size_bytes, segment.sha256):
        yield say(en="is not what the mast sealed", fr="n'est pas ce que le mât a scellé")


def _paris(time: str) -> str:
    return shown(from_rfc3339(time))


def _extent(manifest: Manifest) -> Iterator[Line]:
    """No more than whole recordings force, and whatever is missing declared."""
    start, end = from_rfc3339(manifest.start), from_rfc3339(manifest.end)
    beyond: list[str] = []
    hidden: list[str] = []
    for camera in manifest.cameras:
        spans = []
        for one in camera.segments:
            first, last = one.segment.start_ms, one.segment.end_ms
            spans.append((first, first if last is None else last))
            if not (first < end and (first if last is None else last) > start):
                beyond.append(one.segment.name)
        found = [(rfc3339(a), rfc3339(b)) for a, b in holes(spans, start, end)]
        declared = [(one.start, one.end) for one in camera.gaps]
        if found != declared:
            hidden.append(camera.id)
        for gap in camera.gaps:
            causes = ", ".join(gap.causes)
            causes_fr = ", ".join(map(french, gap.causes))
            yield Line(
                "note",
                camera.id,
                say(
                    en=f"no pictures from {gap.start} to {gap.end} ({causes})",
                    fr=f"pas d'image du {_paris(gap.start)} au {_paris(gap.end)}, heure de Paris ({causes_fr})",
                ),
            )
    for name in beyond[:MOST_TOLD]:
        yield Line("bad", name, say(en="lies outside the interval", fr="hors de l'intervalle"))
    for name in hidden:
        yield Line("bad", name, say(en="its gaps are not as declared", fr="lacunes autres que déclarées"))
    if not beyond and not hidden:
        yield line(
            "good",
            "interval",
            en=f"{manifest.start} - {manifest.end}: nothing outside it, each gap declared",
            fr=f"{_paris(manifest.start)} - {_paris(manifest.end)}, heure de Paris : rien au-delà, chaque lacune "
            "déclarée",
        )
