"""`vigie-provision evidence open`.

    vigie-provision evidence open vigie-lievin-042-20261121T120000Z-7b0f6c1e.zip --identity vault.key --out opened \\
        --device-pub lievin-042.pub --judicial-pub judicial.pub --witness csu.example.vkey

Exit status: 0 everything holds, 1 something does not (which, line by line), 2 bad usage.
"""

import json
import sys
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

from cryptography.x509 import Certificate, load_pem_x509_certificates

from agent.access.keys import load_public
from agent.errors import EvidenceRefused, KeyFileError
from agent.language import say
from agent.register.report import witness_key
from provisioning.evidence_verdict import Line, Status, Trust
from provisioning.parsing import Parser

DONE = 0
FAILED = 1
VERDICT = "VERDICT.txt"


def _parser() -> Parser:
    about = say(
        en="checks an evidence pack, decrypts it and joins it into one MP4 a camera",
        fr="vérifie un paquet de preuves, le déchiffre et le réunit en un MP4 par caméra",
    )
    one = Parser("vigie-provision evidence open", about)
    add = one.add_argument
    add("pack", type=Path, metavar="PACK", help=say(en="its folder or zip", fr="son dossier ou son zip"))
    several: dict[str, object] = {"nargs": "+", "action": "extend", "type": Path, "metavar": "FILE"}
    add("--identity", required=True, help="vault.key", **several)  # type: ignore[arg-type]
    add("--out", required=True, type=Path, metavar="DIR", help=say(en="a new folder", fr="un dossier neuf"))
    device = say(en="the mast's device.pub, as the town holds it", fr="device.pub du mât, tenu par la ville")
    add("--device-pub", type=Path, metavar="FILE", help=device)
    judicial = say(en="judicial.pub of who may sign requisitions", fr="judicial.pub des signataires admis")
    add("--judicial-pub", default=[], help=judicial, **several)  # type: ignore[arg-type]
    witness = say(
        en="witness.vkey of who cosigns, or the key in it", fr="witness.vkey d'un témoin, ou la clé qu'il contient"
    )
    add("--witness", default=[], nargs="+", action="extend", metavar="VKEY", help=witness)
    stamps = say(en="the time-stamping service's authority, PEM", fr="autorité du service d'horodatage, PEM")
    add("--timestamp-ca", type=Path, metavar="FILE", help=stamps)
    one.add_json()
    return one


def _authorities(path: Path) -> list[Certificate]:
    try:
        return load_pem_x509_certificates(path.read_bytes())
    except (OSError, ValueError) as error:
        raise KeyFileError(
            say(
                en=f"{path}: holds no certificate in PEM ({error})",
                fr=f"{path} : ne contient pas de certificat PEM ({error})",
            )
        ) from error


def _marks() -> Mapping[Status, str]:
    return {
        "good": say(en="good", fr="bon "),
        "bad": say(en="BAD ", fr="FAUX"),
        "note": say(en="note", fr="note"),
    }


def _open(arguments: Sequence[str]) -> int:
    options = _parser().parse_args(arguments)
    from provisioning.evidence_opening import open_pack, read_identities  # PyAV takes a moment

    trust = Trust(
        device=None if options.device_pub is None else load_public(options.device_pub),
        judicial=[load_public(path) for path in options.judicial_pub],
        witnesses=[witness_key(text) for text in options.witness],
        timestamp=[] if options.timestamp_ca is None else _authorities(options.timestamp_ca),
    )
    identities = read_identities(options.identity)
    films: tuple[Path, ...] = ()
    try:
        opened = open_pack(options.pack, identities, options.out, trust)
        lines, films = opened.lines, opened.films
    except EvidenceRefused as error:
        lines = (Line("bad", say(en="pack", fr="paquet"), str(error)),)
    good = all(line.status != "bad" for line in lines)
    if options.json:
        told = [{"status": line.status, "what": line.what, "text": line.text} for line in lines]
        print(json.dumps({"good": good, "lines": told, "films": [str(film) for film in films]}, ensure_ascii=False))
    else:
        text = "\n".join(f"{_marks()[line.status]}  {line.what}: {line.text}" for line in lines)
        vouched = trust.device is not None and bool(trust.judicial)
        conclusion = _conclusion(good, films, vouched)
        print(f"{text}\n{conclusion}")
        if films:
            (options.out / VERDICT).write_text(f"{text}\n{conclusion}\n", encoding="utf-8")
    if not good:
        print(
            say(en="vigie-provision: the pack does not verify", fr="vigie-provision : paquet non vérifié"),
            file=sys.stderr,
        )
    return DONE if good else FAILED


def _conclusion(good: bool, films: Sequence[Path], vouched: bool) -> str:
    """`vouched`: whose keys these are was told from elsewhere than by the pack."""
    if good and not vouched:
        return say(
            en="VERDICT: everything holds, under keys that the pack itself names: compare those noted above",
            fr="VERDICT : tout est vérifié, sous des clés que le paquet seul atteste : comparer celles notées",
        )
    if good:
        return say(en="VERDICT: everything holds", fr="VERDICT : tout est vérifié")
    if films:
        return say(
            en="VERDICT: NOT ALL OF IT HOLDS; what is wrong is left out of the films",
            fr="VERDICT : TOUT N'EST PAS VÉRIFIÉ ; ce qui est faux n'est pas dans les films",
        )
    return say(en="VERDICT: REFUSED; nothing was opened", fr="VERDICT : REFUSÉ ; rien n'a été ouvert")


STEPS: Mapping[str, Callable[[Sequence[str]], int]] = {"open": _open}
