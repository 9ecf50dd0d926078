"""`vigie-provision requisition new | sign | countersign | show`.

    vigie-provision requisition new --reference "PV 2026/004211" --basis cpp-77-1-1 --requester "Z. Durand" \\
        --quality OPJ --service "Commissariat de Lens" --mast lievin-042 --camera parvis-fixed \\
        --from 2026-11-18T06:00:00+01:00 --to 2026-11-18T07:00:00+01:00 --reason "Vol avec violences" \\
        --recipient "P. Leroy" --recipient-service "Commissariat de Lens" --out requisition.json
    vigie-provision requisition sign requisition.json --key judicial.key
    vigie-provision requisition countersign requisition.json --key second.key --pub judicial.pub
    vigie-provision requisition show requisition.json --pub judicial.pub --pub second.pub

Exit status: 0 done, 1 a document that does not verify, 2 bad usage.
"""

import json
import sys
from argparse import Namespace
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import get_args

from agent.access.basis import Article
from agent.access.demands import LONGEST_LIFE_MS, Demand, Export, Hold, Recipient, Release, Requester, read
from agent.access.keys import load_private, load_public, write_new
from agent.access.requisitions import MAX_DOCUMENT_BYTES, check_times, open_document
from agent.clock import SystemClock, rfc3339
from agent.durable import write_whole
from agent.errors import RequisitionRefused, UsageError
from agent.language import reason, say
from provisioning import requisitions
from provisioning.parsing import Parser, identifiers, moment_ms, seconds

DONE = 0
FAILED = 1
ONLY_WITH = {
    "export": ("camera", "from", "to", "recipient", "recipient_service"),
    "hold": ("camera", "from", "to", "hold_until"),
    "release": ("hold",),
}
"""The options that each act needs, and that no other act takes."""


def _new_parser() -> Parser:
    one = Parser("vigie-provision requisition new", say(en="writes a requisition", fr="établit une réquisition"))
    add = one.add_argument
    acts = say(en="hand over, keep, or end keeping", fr="remettre, conserver, ou cesser de conserver")
    add("--act", choices=tuple(ONLY_WITH), default="export", help=acts)
    add("--reference", required=True, help=say(en="procedure number", fr="numéro de procédure"))
    add("--basis", required=True, choices=get_args(Article), help=say(en="article of the CPP", fr="article du CPP"))
    add("--requester", required=True, metavar="NAME", help=say(en="who asks", fr="nom du requérant"))
    add("--quality", required=True, help=say(en="the requester's quality, such as OPJ", fr="qualité, par exemple OPJ"))
    add("--service", required=True, help=say(en="the requester's service", fr="service du requérant"))
    add("--reason", required=True, help=say(en="why, in words", fr="motif, en toutes lettres"))
    one.add_places(required=False)
    time = "YYYY-MM-DDTHH:MM:SS+01:00"
    add("--from", metavar=time, help=say(en="begin of the interval", fr="début de l'intervalle"))
    add("--to", metavar=time, help=say(en="its end, 31 days later at most", fr="sa fin, 31 jours après au plus"))
    add("--recipient", metavar="NAME", help=say(en="who receives the footage", fr="qui reçoit les images"))
    add("--recipient-service", metavar="SERVICE", help=say(en="and of what service", fr="et de quel service"))
    add("--hold-until", metavar=time, help=say(en="end of the hold", fr="fin de la conservation"))
    add("--hold", metavar="ID", help=say(en="id of the requisition to release", fr="id de la conservation à lever"))
    add("--valid", default="7d", help=say(en="for how long (7d), 31d at most", fr="durée (7d), 31d au plus"))
    add("--key", type=Path, help=say(en="judicial.key, to sign at once", fr="judicial.key, pour signer aussitôt"))
    add("--out", required=True, type=Path, metavar="FILE", help=say(en="the new file", fr="le nouveau fichier"))
    one.add_json()
    return one


def _given(options: Namespace) -> dict[str, str]:
    """The options that belong to the act; UsageError when one is missing, or belongs to another."""
    said = vars(options)
    for name in sorted({name for names in ONLY_WITH.values() for name in names}):
        option, wanted = f"--{name.replace('_', '-')}", name in ONLY_WITH[options.act]
        if wanted and not said[name]:
            raise UsageError(say(en=f"{option} is missing", fr=f"il manque : {option}"))
        if said[name] and not wanted:
            raise UsageError(
                say(
                    en=f"{option} says nothing with --act {options.act}; leave it out",
                    fr=f"{option} est sans objet avec --act {options.act} ; la retirer",
                )
            )
    return {name: said[name] for name in ONLY_WITH[options.act]}


def _demand(options: Namespace) -> Demand:
    given = _given(options)
    if options.act == "release":
        return Release(given["hold"])
    cameras = identifiers("--camera", options.camera)
    from_ms, to_ms = moment_ms("--from", given["from"]), moment_ms("--to", given["to"])
    if options.act == "hold":
        return Hold(cameras, from_ms, to_ms, moment_ms("--hold-until", given["hold_until"]))
    return Export(cameras, from_ms, to_ms, Recipient(given["recipient"], given["recipient_service"]))


def _new(arguments: Sequence[str]) -> int:
    options = _new_parser().parse_args(arguments)
    document, requisition = requisitions.new_document(
        None if options.key is None else load_private(options.key),
        SystemClock().wall(),
        reference=options.reference,
        basis=options.basis,
        requester=Requester(options.requester, options.quality, options.service),
        masts=identifiers("--mast", options.mast),
        reason=options.reason,
        demand=_demand(options),
        valid_s=seconds(options.valid, LONGEST_LIFE_MS // 1000),
    )
    write_new(options.out, document, 0o600)
    if options.json:
        said = {"file": str(options.out), "id": requisition.id, "expires_at": rfc3339(requisition.expires_ms)}
        print(json.dumps(said))
    else:
        print(options.out)
    return DONE


def _file_parser(step: str, about: str) -> Parser:
    one = Parser(f"vigie-provision requisition {step}", about)
    one.add_argument("file", type=Path, metavar="FILE", help="requisition.json")
    return one


def _read(path: Path) -> bytes:
    try:
        with path.open("rb") as file:
            return file.read(MAX_DOCUMENT_BYTES + 1)
    except OSError as error:
        why = reason(error)
        raise UsageError(say(en=f"{path}: cannot be read ({why})", fr=f"{path} : illisible ({why})")) from error


def _replace(path: Path, content: bytes) -> None:
    """Puts `content` in the place of the file, whole or not at all."""
    path = path.resolve()
    try:
        write_whole(path, content, path.stat().st_mode & 0o777)
    except OSError as error:
        why = reason(error)
        raise UsageError(
            say(en=f"{path}: cannot be written ({why})", fr=f"{path} : écriture impossible ({why})")
        ) from error


def _tell(raw: bytes) -> None:
    for what, text in requisitions.in_words(read(open_document(raw).payload)):
        print(f"{what:<12} {text}")


def _sign(arguments: Sequence[str]) -> int:
    about = say(en="signs a requisition that nobody has signed", fr="signe une réquisition que personne n'a signée")
    parser = _file_parser("sign", about)
    parser.add_argument("--key", required=True, type=Path, help="judicial.key")
    options = parser.parse_args(arguments)
    raw = _read(options.file)
    signed = requisitions.first_signature(raw, load_private(options.key), SystemClock().wall())
    _replace(options.file, signed)
    _tell(signed)
    return DONE


def _countersign(arguments: Sequence[str]) -> int:
    about = say(en="adds a signature to those of --pub", fr="ajoute une signature à celles de --pub")
    parser = _file_parser("countersign", about)
    parser.add_argument("--key", required=True, type=Path, help=say(en="one's own key", fr="sa propre clé"))
    who = say(en="judicial.pub of each who has signed before", fr="judicial.pub de chaque signataire précédent")
    parser.add_argument("--pub", nargs="+", action="extend", type=Path, metavar="FILE", default=[], help=who)
    options = parser.parse_args(arguments)
    if not options.pub:
        raise UsageError(
            say(
                en="--pub is missing: the public key (judicial.pub) of each who has signed before, not your own; a "
                "signature is added only to those that verify under them",
                fr="il manque : --pub, la clé publique (judicial.pub) de chaque signataire précédent, non la vôtre ; "
                "une signature ne s'ajoute qu'à celles qui se vérifient sous ces clés",
            )
        )
    known = [load_public(path) for path in options.pub]
    raw, key = _read(options.file), load_private(options.key)
    signed = requisitions.countersignature(raw, key, known, SystemClock().wall())
    _replace(options.file, signed)
    _tell(signed)
    return DONE


def _show(arguments: Sequence[str]) -> int:
    about = say(en="puts a requisition into words", fr="affiche une réquisition en clair")
    parser = _file_parser("show", about)
    who = say(en="keys to verify its signatures with", fr="clés pour vérifier ses signatures")
    parser.add_argument("--pub", nargs="+", action="extend", type=Path, metavar="FILE", default=[], help=who)
    parser.add_json()
    options = parser.parse_args(arguments)
    known = [(path, load_public(path)) for path in options.pub]
    raw = _read(options.file)
    document = open_document(raw)
    requisition = read(document.payload)
    found = requisitions.signers(document, known)
    good = not known or (bool(found) and None not in found)
    if options.json:
        signatures = [None if one is None else {"file": str(one[0]), "key_sha256": one[1]} for one in found]
        print(json.dumps({"requisition": json.loads(document.payload), "signatures": signatures}, ensure_ascii=False))
        return DONE if good else FAILED
    _tell(raw)
    for number, one in enumerate(found, start=1):
        print(f"{say(en='signature', fr='signature')} {number:<2} {_verdict(one, bool(known))}")
    if not found:
        print(say(en="nobody has signed it", fr="personne ne l'a signée"))
    try:
        check_times(requisition, SystemClock().wall())
    except RequisitionRefused as error:
        print(say(en=f"a mast would refuse it now: {error}", fr=f"un mât la refuserait à présent : {error}"))
    if not good:
        text = say(
            en="do not rely on it: no signature, or not all, verify under the keys given",
            fr="ne pas s'y fier : aucune signature, ou pas toutes, ne se vérifie sous les clés données",
        )
        print(f"vigie-provision: {options.file}: {text}", file=sys.stderr)
    return DONE if good else FAILED


def _verdict(signer: tuple[Path, str] | None, asked: bool) -> str:
    if signer is not None:
        return say(en=f"good: {signer[0]} (SHA-256 {signer[1]})", fr=f"bonne : {signer[0]} (SHA-256 {signer[1]})")
    if asked:
        return say(en="DOES NOT VERIFY under any of the keys given", fr="NE SE VÉRIFIE sous aucune des clés données")
    return say(en="not verified; give --pub", fr="non vérifiée ; donner --pub")


def _reporting(step: Callable[[Sequence[str]], int]) -> Callable[[Sequence[str]], int]:
    def run(arguments: Sequence[str]) -> int:
        try:
            return step(arguments)
        except RequisitionRefused as error:
            print(f"vigie-provision: {error}", file=sys.stderr)
            return FAILED

    return run


STEPS: Mapping[str, Callable[[Sequence[str]], int]] = {
    "new": _reporting(_new),
    "sign": _reporting(_sign),
    "countersign": _reporting(_countersign),
    "show": _reporting(_show),
}
