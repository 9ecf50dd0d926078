"""`vigie-provision evidence check-signatures`: what the signatures in the pictures of a file say, in words.

    checked = check(Path("x.mp4"), trust(device_pub=Path("device.pub"), certificate=None))
    print("\\n".join(checked.lines()))

Judged is what is in the stream. What the container says, above all its times and edit lists, no signature covers: the
times that are printed are the signed ones.
"""

from pathlib import Path
from typing import Any

from cryptography import x509
from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey

from agent.access.keys import load_public
from agent.clock import rfc3339
from agent.errors import KeyFileError
from agent.language import reason, say
from agent.signing.verdict import Finding, Report, Verdict

MOST_CERTIFICATE_BYTES = 64 << 10


def device_key(device_pub: Path | None, certificate: Path | None) -> Ed25519PublicKey | None:
    """The key of the mast that was named, by either file; None when none is named. KeyFileError names the file."""
    if device_pub is not None:
        return load_public(device_pub)
    return None if certificate is None else _root(certificate)


def _root(path: Path) -> Ed25519PublicKey:
    try:
        with path.open("rb") as file:
            key = x509.load_pem_x509_certificate(file.read(MOST_CERTIFICATE_BYTES)).public_key()
    except OSError as error:
        why = reason(error)
        raise KeyFileError(say(en=f"{path}: cannot be read ({why})", fr=f"{path} : illisible ({why})")) from error
    except (ValueError, UnsupportedAlgorithm):
        key = None
    if not isinstance(key, Ed25519PublicKey):
        raise KeyFileError(
            say(
                en=f"{path}: is not a mast's certificate; give identity/device.crt of the mast, or device.pub with "
                "--device-pub",
                fr=f"{path} : pas le certificat d'un mât ; donner identity/device.crt du mât, ou device.pub avec "
                "--device-pub",
            )
        )
    return key


def lines(verdict: Verdict) -> list[str]:
    """The verdict, a line a finding."""
    report = verdict.report
    found = [_origin(report)] if any(one.begin_ms for one in report.findings) else []
    found += [finding_line(one, report.pictures) for one in report.findings]
    for one in verdict.others:
        found.append(say(en=f"a track of {one} beside it: not signed", fr=f"une piste {one} à côté : non signée"))
    if strange := sum(report.uncovered.values()):
        kinds = ", ".join(f"{kind}: {count}" for kind, count in sorted(report.uncovered.items()))
        found.append(
            say(
                en=f"not covered by signatures: {strange} NAL units that carry no picture ({kinds})",
                fr=f"hors signatures : {strange} unités NAL sans image ({kinds})",
            )
        )
    return [*found, sentence(verdict)]


def sentence(verdict: Verdict) -> str:
    """The verdict in a sentence, which never says more than was judged."""
    last, pictures = verdict.verified_to, verdict.report.pictures
    match verdict.word:
        case "whole":
            return say(
                en=f"verdict: all {pictures} pictures are as this mast signed them",
                fr=f"verdict : les {pictures} images sont telles que ce mât les a signées",
            )
        case "up-to":
            until = rfc3339(verdict.verified_until_ms or 0)
            return say(
                en=f"verdict: verified up to picture {last} of {pictures} ({until}), as this mast signed them; "
                f"pictures {last + 1} to {pictures} are NOT verified: the recording's next segment would judge them "
                "(--following)",
                fr=f"verdict : vérifié jusqu'à l'image {last} sur {pictures} ({until}), telles que ce mât les a "
                f"signées ; images {last + 1} à {pictures} NON vérifiées : le segment suivant les jugerait "
                "(--following)",
            )
        case "unvouched":
            return say(
                en="verdict: at one with itself, but nobody vouches for the key: give --device-pub or --certificate",
                fr="verdict : cohérent, mais personne ne répond de la clé : donner --device-pub ou --certificate",
            )
        case "short":
            return say(
                en="verdict: NOT verified, too short to hold a signature of its own pictures",
                fr="verdict : NON vérifié, trop court pour contenir la signature de ses images",
            )
        case "refuted":
            return say(en="verdict: NOT verified", fr="verdict : NON vérifié")


def values(verdict: Verdict) -> dict[str, Any]:
    """The same for programs."""
    report, until_ms = verdict.report, verdict.verified_until_ms
    return {
        "verdict": verdict.word,
        "verified_to": verdict.verified_to,
        "verified_until": None if until_ms is None else rfc3339(until_ms),
        "pictures": report.pictures,
        "intact": report.intact,
        "vouched": report.vouched,
        "key": report.key,
        "source": report.source,
        "findings": [
            {
                "kind": one.kind,
                "why": one.why,
                "first_picture": one.first_picture,
                "last_picture": one.last_picture,
                "slices": one.slices,
                "begin": None if one.begin_ms is None else rfc3339(one.begin_ms),
                "end": None if one.end_ms is None else rfc3339(one.end_ms),
            }
            for one in report.findings
        ],
        "other_tracks": list(verdict.others),
    }


def _origin(report: Report) -> str:
    source = "".join(one if one.isprintable() else "?" for one in report.source) or "?"
    match report.vouched:
        case True:
            return say(
                en=f"signed as {source} by key {report.key}, which the named mast vouches for",
                fr=f"signé comme {source} par la clé {report.key}, dont le mât nommé répond",
            )
        case False:
            return say(
                en="signed by a key that the named mast does not vouch for",
                fr="signé par une clé dont le mât nommé ne répond pas",
            )
    return say(
        en=f"signed as {source} by key {report.key}; whose key that is, nothing here says",
        fr=f"signé comme {source} par la clé {report.key} ; à qui elle est, rien ici ne le dit",
    )


def finding_line(one: Finding, pictures: int) -> str:
    """One finding: where, when and what."""
    where = f"{one.first_picture}-{one.last_picture}/{pictures}"
    when = ""
    if one.begin_ms is not None and one.end_ms is not None:
        when = f" {rfc3339(one.begin_ms)} - {rfc3339(one.end_ms)}"
    return f"[{where}]{when} {_words(one)}"


def _words(one: Finding) -> str:
    count = one.slices
    match one.kind:
        case "valid":
            return say(en="valid", fr="valide")
        case "altered":
            return say(en="ALTERED: ", fr="ALTÉRÉ : ") + _altered(one)
        case "moved":
            return say(en="MOVED: not in the order that was signed", fr="DÉPLACÉ : pas dans l'ordre signé")
        case "missing" if one.why == "counter":
            return say(
                en=f"MISSING: {count} signatures before here, with their pictures or without",
                fr=f"MANQUANT : {count} signatures avant ce point, avec ou sans leurs images",
            )
        case "missing":
            return say(
                en=f"MISSING: {count} slices that were signed are not here",
                fr=f"MANQUANT : {count} tranches signées ne sont pas là",
            )
        case "unsigned" if one.why == "no-certificate":
            return say(
                en="UNSIGNED: the certificate that vouches for the signature is not here",
                fr="NON SIGNÉ : le certificat qui répond de la signature n'est pas là",
            )
        case "unsigned":
            return say(en="UNSIGNED: no signature covers these", fr="NON SIGNÉ : aucune signature ne les couvre")
        case "restart":
            return say(
                en="RESTART: the mast, or its signing, began anew; nothing here proves what lay between",
                fr="REPRISE : le mât, ou sa signature, a redémarré ; rien ici ne prouve ce qu'il y avait entre",
            )
        case "foreign" if one.why == "camera":
            return say(en="FOREIGN: signed for another camera", fr="ÉTRANGER : signé pour une autre caméra")
        case "foreign":
            return say(en="FOREIGN: signed by another key", fr="ÉTRANGER : signé par une autre clé")
        case "tail":
            return say(
                en="not judged: the signature of the last pictures came after this file's end",
                fr="non jugé : la signature des dernières images venait après la fin de ce fichier",
            )


def _altered(one: Finding) -> str:
    match one.why:
        case "slices":
            return say(
                en=f"{one.slices} slices are not what was signed",
                fr=f"{one.slices} tranches ne sont pas celles signées",
            )
        case "parameter-sets" | "header":
            return say(
                en="the parameter sets (size, cropping) are not what was signed",
                fr="les paramètres (taille, recadrage) ne sont pas ceux signés",
            )
        case "signature":
            return say(en="the signature does not verify", fr="la signature n'est pas valable")
        case "link":
            return say(en="it does not follow what stands before it", fr="la suite ne se rattache pas à ce qui précède")
    return say(en="the signature is malformed", fr="la signature est mal formée")
