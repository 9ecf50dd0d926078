"""`vigie register show` and `vigie register verify`, on a mast or on a copy of its state directory."""

import argparse
import json
from collections.abc import Iterator
from dataclasses import asdict
from pathlib import Path

from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat, load_pem_public_key

from agent.errors import KeyFileError, NoteRefused, UsageError
from agent.identity import FOLDER as IDENTITY
from agent.identity import PUBLIC
from agent.language import reason, say
from agent.moments import utc_ms
from agent.register.bodies import cameras_of
from agent.register.findings import Finding, Verdict, Witness, notice, severity_word
from agent.register.notes import LARGEST_NOTE, Key
from agent.register.proving import verify
from agent.register.reading import entries
from agent.register.sections import FOLDER
from agent.register.words import KINDS, details, kind_name


def add_to(parser: argparse.ArgumentParser) -> "argparse._SubParsersAction[argparse.ArgumentParser]":
    """The actions of `vigie register`, to which others may be added."""
    actions = parser.add_subparsers(dest="action", required=True)
    show = actions.add_parser("show", help=say(en="what was entered, as a table", fr="les entrées, en tableau"))
    show.set_defaults(run=_show)
    text = say(en="from this time, or day in Paris, on", fr="à partir de cette heure, ou de ce jour à Paris")
    show.add_argument("--from", "--since", dest="since", metavar="T", help=text)
    text = say(en="before this time, or to the end of this day", fr="avant cette heure, ou jusqu'à la fin de ce jour")
    show.add_argument("--to", "--until", dest="until", metavar="T", help=text)
    text = say(en="about these cameras only", fr="sur ces caméras seulement")
    show.add_argument("--camera", nargs="+", action="extend", metavar="ID", help=text)
    show.add_argument("--kind", nargs="+", action="extend", choices=KINDS, metavar="KIND", help=", ".join(KINDS))
    check = actions.add_parser("verify", help=say(en="every byte against its signed head", fr="chaque octet vérifié"))
    check.set_defaults(run=_verify)
    add_verifying(check)
    _add_state(show, say(en="one JSON object a line", fr="un objet JSON par ligne"))
    return actions


def _add_state(parser: argparse.ArgumentParser, as_json: str) -> None:
    text = say(en="the state directory, or a copy", fr="le répertoire d'état, ou sa copie")
    parser.add_argument("--state", type=Path, required=True, metavar="DIR", help=text)
    parser.add_argument("--json", action="store_true", help=as_json)


def add_verifying(check: argparse.ArgumentParser) -> None:
    """The options of whatever verifies the register first."""
    key = say(en="the mast's public key, kept elsewhere", fr="clé publique du mât, conservée ailleurs")
    check.add_argument("--device-pub", type=Path, metavar="FILE", help=key)
    seen = say(en="a checkpoint kept elsewhere, better cosigned", fr="point de contrôle conservé ailleurs")
    check.add_argument("--checkpoint", type=Path, nargs="+", action="extend", default=[], metavar="FILE", help=seen)
    witness = say(
        en="a witness's verifier key, or its witness.vkey", fr="clé de vérification d'un témoin, ou son witness.vkey"
    )
    check.add_argument("--witness", nargs="+", action="extend", default=[], metavar="KEY", help=witness)
    _add_state(check, say(en="JSON on stdout", fr="du JSON"))


def _show(arguments: argparse.Namespace) -> int:
    folder = arguments.state / FOLDER
    if not folder.is_dir():
        raise UsageError(
            say(
                en=f"{arguments.state}: holds no register; give the state directory (mast.state) or a copy of it",
                fr=f"{arguments.state} : pas de registre ; donner le répertoire d'état (mast.state) ou sa copie",
            )
        )
    since, until = utc_ms(arguments.since), utc_ms(arguments.until, last=True)
    for entry in entries(folder, since, until, arguments.kind):
        if arguments.camera and not cameras_of(entry.body).intersection(arguments.camera):
            continue
        if arguments.json:
            print(json.dumps(asdict(entry), ensure_ascii=False))
        else:
            doubt = " " if entry.synchronised else "?"
            print(f"{entry.index:>8}  {entry.time}{doubt} {kind_name(entry.kind):<30}  {details(entry)}")
    return 0


def _public(path: Path) -> bytes:
    """32 bytes of an Ed25519 public key in PEM; KeyFileError for anything else."""
    try:
        key = load_pem_public_key(path.read_bytes())
    except (OSError, ValueError, UnsupportedAlgorithm):
        key = None
    if not isinstance(key, Ed25519PublicKey):
        raise KeyFileError(
            say(
                en=f"{path}: is not an Ed25519 public key in PEM; give the mast's device.pub with --device-pub",
                fr=f"{path} : pas une clé publique Ed25519 en PEM ; donner le device.pub du mât par --device-pub",
            )
        )
    return key.public_bytes(Encoding.Raw, PublicFormat.Raw)


def _seen(path: Path) -> Witness:
    try:
        with path.open("rb") as file:
            raw = file.read(LARGEST_NOTE + 1)
        if raw.startswith(b"{"):  # as it stands on MQTT
            raw = str(json.loads(raw)["checkpoint"]).encode()
        return Witness.parse(str(path), raw)
    except OSError as error:
        raise UsageError(f"{path}: {reason(error)}") from error
    except NoteRefused as error:
        raise NoteRefused(f"{path}: {error}") from error
    except (ValueError, KeyError, RecursionError) as error:
        raise NoteRefused(
            say(en=f"{path}: is no checkpoint message", fr=f"{path} : pas un message de point de contrôle")
        ) from error


def witness_key(text: str) -> Key:
    """A witness's verifier key, itself or the name of the file that holds it; UsageError."""
    key = text
    try:
        path = Path(text)
        if "+" not in text or path.is_file():
            with path.open("rb") as file:
                key = file.read(LARGEST_NOTE).decode("utf-8").strip()
        return Key.parse(key)
    except (OSError, UnicodeDecodeError, NoteRefused) as error:
        why = reason(error) if isinstance(error, OSError) else error
        raise UsageError(
            say(
                en=f"--witness {text}: is no witness.vkey and no key out of one ({why})",
                fr=f"--witness {text} : ni un witness.vkey, ni la clé qu'il contient ({why})",
            )
        ) from error


def judged(arguments: argparse.Namespace) -> Verdict:
    """The register under the options of `add_verifying`."""
    witnesses = [witness_key(text) for text in arguments.witness]
    device = _public(arguments.device_pub or arguments.state / IDENTITY / PUBLIC)
    return verify(arguments.state, device, [_seen(path) for path in arguments.checkpoint], witnesses)


def _unproven(arguments: argparse.Namespace) -> Iterator[Finding]:
    """What a register cannot show by itself."""
    name = say(en="register", fr="registre")
    if arguments.device_pub is None:
        yield notice(
            name,
            en="the key beside it was believed; give the one that the town keeps with --device-pub",
            fr="la clé qui l'accompagne a été crue ; donner celle que tient la ville par --device-pub",
        )
    if not arguments.checkpoint:
        yield notice(
            name,
            en="compared with nothing kept elsewhere: a cut at its end, or another register by the mast's key, would "
            "not show; give --checkpoint",
            fr="confronté à rien d'extérieur : une fin coupée, ou un autre registre de la même clé, ne se verrait "
            "pas ; donner --checkpoint",
        )


def _verify(arguments: argparse.Namespace) -> int:
    verdict = judged(arguments)
    if arguments.json:
        findings = [asdict(one) for one in verdict.findings]
        told = {"good": verdict.good, "origin": verdict.origin, "size": verdict.size, "present": verdict.present}
        print(json.dumps({**told, "findings": findings}, indent=1, ensure_ascii=False))
        return int(not verdict.good)
    for finding in (*verdict.findings, *_unproven(arguments)):
        print(f"{severity_word(finding.severity)}: {finding.name}: {finding.text}")
    if verdict.good:
        print(
            say(
                en=f"{verdict.origin}: {verdict.size} entries, {verdict.present} readable, are as they were signed",
                fr=f"{verdict.origin} : {verdict.size} entrées, dont {verdict.present} lisibles, conformes",
            )
        )
    return int(not verdict.good)
