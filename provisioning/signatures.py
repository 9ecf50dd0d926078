"""`vigie-provision evidence check-signatures`: what the signatures in the pictures of a file say, in words.

    checked = check(Path("x.mp4"), trust(device_pub=Path("device.pub"), certificate=None))
    print("\\n".join(checked.lines()))

Judged is what is in the stream. What the container says, above all its times and edit lists, no signature covers: the
times that are printed are the signed ones.
"""

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from cryptography import x509
from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey

from agent.access.keys import load_public
from agent.clock import rfc3339
from agent.errors import KeyFileError
from agent.language import say
from agent.signing.certificates import issued_by
from agent.signing.check import Judge
from agent.signing.verdict import Finding, Report
from provisioning.footage import Footage

MOST_CERTIFICATE_BYTES = 64 << 10
HARMLESS_TRACK = "data"
"""A track that no player shows, such as a time code."""

Vouches = Callable[[x509.Certificate], bool]


def trust(device_pub: Path | None, certificate: Path | None) -> Vouches | None:
    """Says of a leaf whether the named device issued it; None when none is named. KeyFileError names the file."""
    if device_pub is not None:
        device = load_public(device_pub)
    elif certificate is not None:
        device = _root(certificate)
    else:
        return None
    return lambda leaf: issued_by(leaf, device)


def _root(path: Path) -> Ed25519PublicKey:
    try:
        with path.open("rb") as file:
            key = x509.load_pem_x509_certificate(file.read(MOST_CERTIFICATE_BYTES)).public_key()
    except OSError as error:
        why = error.strerror or "?"
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


@dataclass(frozen=True, slots=True)
class Checked:
    """A file's verdict. `others`: kinds of tracks besides the judged one."""

    report: Report
    others: tuple[str, ...]

    @property
    def verified(self) -> bool:
        """Whole, from the named device, and nothing shown beside it that nobody signed."""
        return self.report.verified and all(one == HARMLESS_TRACK for one in self.others)

    def lines(self) -> list[str]:
        """The verdict, a line a finding."""
        report = self.report
        found = [_origin(report)] if any(one.begin_ms for one in report.findings) else []
        found += [_line(one, report.pictures) for one in report.findings]
        for one in self.others:
            found.append(say(en=f"a track of {one} beside it: not signed", fr=f"une piste {one} à côté : non signée"))
        if strange := sum(report.uncovered.values()):
            kinds = ", ".join(f"{kind}: {count}" for kind, count in sorted(report.uncovered.items()))
            found.append(
                say(
                    en=f"not covered by signatures: {strange} NAL units that carry no picture ({kinds})",
                    fr=f"hors signatures : {strange} unités NAL sans image ({kinds})",
                )
            )
        return [*found, self._verdict()]

    def _verdict(self) -> str:
        if self.verified:
            return say(
                en="verdict: the pictures are as this mast signed them", fr="verdict : images telles que signées"
            )
        if self.report.intact and self.report.vouched is None:
            return say(
                en="verdict: at one with itself, but nobody vouches for the key: give --device-pub or --certificate",
                fr="verdict : cohérent, mais personne ne répond de la clé : donner --device-pub ou --certificate",
            )
        if {one.kind for one in self.report.findings} <= {"tail"}:
            return say(
                en="verdict: NOT verified, too short to hold a signature of its own pictures",
                fr="verdict : NON vérifié, trop court pour contenir la signature de ses images",
            )
        return say(en="verdict: NOT verified", fr="verdict : NON vérifié")

    def json(self) -> dict[str, Any]:
        """The same for programs."""
        report = self.report
        return {
            "verified": self.verified,
            "intact": report.intact,
            "vouched": report.vouched,
            "key": report.key,
            "source": report.source,
            "pictures": report.pictures,
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
            "other_tracks": list(self.others),
        }


def check(path: Path, vouches: Vouches | None) -> Checked:
    """Judges a file; UsageError when it cannot be read."""
    with Footage(path) as footage:
        judge = Judge(vouches, footage.header)
        for nals in footage.pictures():
            judge.take(nals)
        return Checked(judge.report(), footage.others)


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


def _line(one: Finding, pictures: int) -> str:
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
                en="RESTART: the mast began anew; nothing here proves what lay between",
                fr="REPRISE : le mât a redémarré ; rien ici ne prouve ce qu'il y avait entre",
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
