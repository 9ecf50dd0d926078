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
from agent.errors import EvidenceRefused, KeyFileError, NoteRefused
from agent.language import say
from agent.register.notes import Key
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
    add("--witness", default=[], help=say(en="witness.vkey", fr="witness.vkey"), **several)  # type: ignore[arg-type]
    stamps = say(en="the time-stamping service's authority, PEM", fr="autorité du service d'horodatage, PEM")
    add("--timestamp-ca", type=Path, metavar="FILE", help=stamps)
    one.add_json()
    return one


def _witness(path: Path) -> Key:
    try:
        return Key.parse(path.read_text(encoding="utf-8").strip())
    except (OSError, ValueError, NoteRefused) as error:
        raise KeyFileError(
            say(en=f"{path}: is no witness.vkey ({error})", fr=f"{path} : pas un witness.vkey ({error})")
        ) from error


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
        witnesses=[_witness(path) for path in options.witness],
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
        print(f"{text}\n{_conclusion(good, films)}")
        if films:
            (options.out / VERDICT).write_text(f"{text}\n{_conclusion(good, films)}\n", encoding="utf-8")
    if not good:
        print(
            say(en="vigie-provision: the pack does not verify", fr="vigie-provision : paquet non vérifié"),
            file=sys.stderr,
        )
    return DONE if good else FAILED


def _conclusion(good: bool, films: Sequence[Path]) -> str:
    if good:
        return say(en="VERDICT: everything holds", fr="VERDICT : tout est vérifié")
    if films:
        return say(
            en="VERDICT: NOT ALL OF IT HOLDS; what is wrong is left out of the films",
            fr="VERDICT : TOUT N'EST PAS VÉRIFIÉ ; ce qui est faux n'est pas dans les films",
        )
    return say(en="VERDICT: REFUSED; nothing was opened", fr="VERDICT : REFUSÉ ; rien n'a été ouvert")


STEPS: Mapping[str, Callable[[Sequence[str]], int]] = {"open": _open}
