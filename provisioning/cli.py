"""The `vigie-provision` command: keys and grants, on a workstation, without a network.

Exit status: 0 done, 1 what was to be verified did not verify, 2 bad usage or a file that cannot be used. A fault is one
sentence on stderr, no traceback.

    vigie-provision keys init --out keys
    vigie-provision grant --authority keys/authority.key --agent 0042 --name "C. Durand" --service PM \\
        --mast lievin-042 --camera parvis-fixed --allow live --basis event --reference MC-2026-118 \\
        --reason "Attroupement signale place du marche" --valid 2h
    vigie-provision evidence check-signatures x.mp4 --device-pub device.pub
"""

import argparse
import json
import re
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import NoReturn, get_args

from agent.access.claims import Act, Kind
from agent.access.grants import Basis
from agent.access.keys import load_private
from agent.clock import SystemClock, rfc3339
from agent.errors import UsageError, VigieError
from agent.language import language, say
from provisioning import grants, keys, signatures

DONE = 0
REFUTED = 1
MISUSED = 2

_FRENCH = (
    (r"the following arguments are required: (.*)", r"il manque : \1"),
    (r"unrecognized arguments: (.*)", r"arguments inconnus : \1"),
    (r"argument (.*?): invalid choice: (.*?) \(choose from (.*)\)", r"\1 : \2 n'est pas l'un de \3"),
    (r"argument (.*?): invalid int value: (.*)", r"\1 : \2 n'est pas un nombre entier"),
    (r"argument (.*?): expected (?:at least )?one argument", r"\1 : il manque une valeur"),
)


_COMMANDS = say(
    en="say `keys init`, `grant` or `evidence check-signatures`",
    fr="dire `keys init`, `grant` ou `evidence check-signatures`",
)


class Parser(argparse.ArgumentParser):
    """argparse, whose own faults come in French too."""

    def __init__(self, prog: str, description: str) -> None:
        super().__init__(prog=prog, description=description, add_help=False, allow_abbrev=False)
        self.add_argument("-h", "--help", action="help", help=say(en="this help", fr="cette aide"))

    def error(self, message: str) -> NoReturn:
        """Ends with status 2 and one sentence."""
        for english, french in _FRENCH:
            if language() == "fr" and (found := re.fullmatch(english, message)):
                message = found.expand(french)
                break
        self.print_usage(sys.stderr)
        self.exit(MISUSED, f"{self.prog}: {message}\n")


def _add_json(parser: Parser) -> None:
    parser.add_argument("--json", action="store_true", help=say(en="one JSON object on stdout", fr="un objet JSON"))


def _grant_parser() -> Parser:
    about = say(en="signs a grant and prints it", fr="signe une autorisation et l'affiche")
    one = Parser("vigie-provision grant", about)
    add = one.add_argument
    add("--authority", required=True, type=Path, metavar="KEY", help=say(en="authority.key", fr="authority.key"))
    add("--agent", required=True, metavar="NUMBER", help=say(en="the agent's number", fr="matricule de l'agent"))
    add("--name", required=True, help=say(en="the agent's name", fr="nom de l'agent"))
    add("--service", required=True, help=say(en="the agent's service", fr="service de l'agent"))
    add(
        "--mast",
        required=True,
        nargs="+",
        action="extend",
        metavar="ID",
        help=say(en="masts to look from", fr="mâts concernés"),
    )
    add(
        "--camera",
        required=True,
        nargs="+",
        action="extend",
        metavar="ID",
        help=say(en="cameras to see", fr="caméras concernées"),
    )
    add("--allow", required=True, metavar="live[,ptz,export]", help=say(en="what is allowed", fr="actes permis"))
    add("--basis", required=True, choices=get_args(Kind), help=say(en="on what basis", fr="fondement"))
    add("--reference", required=True, help=say(en="event or procedure number", fr="numéro d'évènement ou de procédure"))
    add("--reason", required=True, help=say(en="why, in words", fr="motif, en toutes lettres"))
    add("--valid", required=True, metavar="2h", help=say(en="for how long, 12h at most", fr="durée, 12h au plus"))
    day = say(en="last day of the agent's habilitation", fr="dernier jour d'habilitation de l'agent")
    add("--habilitated-until", metavar="YYYY-MM-DD", help=day)
    add("--priority", type=int, default=0, help=say(en="0 (default) to 1000", fr="0 (par défaut) à 1000"))
    _add_json(one)
    return one


def _keys_parser() -> Parser:
    about = say(en="makes the town's keys in a new folder", fr="crée les clés de la ville dans un dossier neuf")
    one = Parser("vigie-provision keys init", about)
    one.add_argument("--out", required=True, type=Path, metavar="DIR", help=say(en="the folder", fr="le dossier"))
    _add_json(one)
    return one


def _init_keys(arguments: Sequence[str]) -> None:
    options = _keys_parser().parse_args(arguments)
    recipient = keys.init(options.out, SystemClock().wall())
    if options.json:
        print(json.dumps({"folder": str(options.out), "files": keys.FILES, "recipient": recipient}))
        return
    for name in keys.FILES:
        print(options.out / name)
    print(
        say(
            en=f"vault.recipients of each mast: {recipient}\nkeep the .key files away from the masts",
            fr=f"vault.recipients de chaque mât : {recipient}\ngarder les fichiers .key loin des mâts",
        )
    )


def _acts(text: str) -> tuple[str, ...]:
    acts = tuple(one.strip() for one in text.split(","))
    known = get_args(Act)
    for act in acts:
        if act not in known:
            words = ", ".join(known)
            raise UsageError(say(en=f"--allow {act}: is none of {words}", fr=f"--allow {act} : n'est aucun de {words}"))
    return acts


def _grant(arguments: Sequence[str]) -> None:
    options = _grant_parser().parse_args(arguments)
    token, grant = grants.new_grant(
        load_private(options.authority),
        SystemClock().wall(),
        agent_number=options.agent,
        name=options.name,
        service=options.service,
        masts=grants.identifiers("--mast", options.mast),
        cameras=grants.identifiers("--camera", options.camera),
        allow=_acts(options.allow),
        basis=Basis(options.basis, options.reference, options.reason),
        valid_s=grants.seconds(options.valid),
        habilitated_until=grants.day(options.habilitated_until),
        priority=options.priority,
    )
    if options.json:
        print(json.dumps({"grant": token, "jti": grant.jti, "expires_at": rfc3339(grant.expires_at * 1000)}))
    else:
        print(token)


def _signatures_parser() -> Parser:
    about = say(en="checks the signatures in a file's pictures", fr="vérifie les signatures des images d'un fichier")
    one = Parser("vigie-provision evidence check-signatures", about)
    add = one.add_argument
    add("file", type=Path, metavar="FILE", help=say(en="decrypted footage, MP4", fr="enregistrement déchiffré, MP4"))
    device = one.add_mutually_exclusive_group()
    key = say(en="the mast's identity/device.pub", fr="identity/device.pub du mât")
    device.add_argument("--device-pub", type=Path, metavar="FILE", help=key)
    certificate = say(en="the mast's identity/device.crt", fr="identity/device.crt du mât")
    device.add_argument("--certificate", type=Path, metavar="FILE", help=certificate)
    _add_json(one)
    return one


def _check_signatures(arguments: Sequence[str]) -> int:
    options = _signatures_parser().parse_args(arguments)
    checked = signatures.check(options.file, signatures.trust(options.device_pub, options.certificate))
    print(json.dumps(checked.json()) if options.json else "\n".join(checked.lines()))
    return DONE if checked.verified else REFUTED


def _general_parser() -> Parser:
    parser = Parser(
        "vigie-provision",
        say(
            en="Vigie's keys, grants and evidence, on a workstation",
            fr="Clés, autorisations et preuves de Vigie, sur un poste de travail",
        ),
    )
    helped = say(en="then --help tells the rest", fr="puis --help dit la suite")
    parser.add_argument("command", nargs="?", metavar="keys init | grant | evidence check-signatures", help=helped)
    return parser


def main(argv: Sequence[str] | None = None) -> int:
    """Runs one command; gives its exit status."""
    arguments = list(sys.argv[1:] if argv is None else argv)
    try:
        match arguments:
            case ["keys", "init", *rest]:
                _init_keys(rest)
            case ["grant", *rest]:
                _grant(rest)
            case ["evidence", "check-signatures", *rest]:
                return _check_signatures(rest)
            case _:
                _general_parser().parse_args([one for one in arguments if one in ("-h", "--help")])
                _general_parser().error(_COMMANDS)
    except SystemExit as ended:  # argparse ends the process; here it ends the command
        return int(ended.code or DONE)
    except VigieError as error:
        print(f"vigie-provision: {error}", file=sys.stderr)
        return MISUSED
    return DONE


if __name__ == "__main__":
    sys.exit(main())
