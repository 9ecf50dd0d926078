"""The `vigie-provision` command: keys, grants, requisitions and the register's witness; a lens beside its camera.

Exit status: 0 done, 1 what was given does not verify or cannot be measured, 2 bad usage or a key file that cannot be
used. A fault is one sentence on stderr, no traceback. The commands stand beside what they do: `keys_cli.py`,
`requisitions_cli.py`, `evidence_cli.py`, `signatures_cli.py`.

    vigie-provision keys init --out keys
    vigie-provision grant --authority keys/authority.key --agent 0042 --name "C. Durand" --service PM \\
        --mast lievin-042 --camera parvis-fixed --allow live --basis event --reference MC-2026-118 \\
        --reason "Attroupement signale place du marche" --valid 2h
    vigie-provision calibrate --url http://10.0.0.11/onvif/device_service --source rtsp://10.0.0.11/stream1 \\
        --username vigie --password-file ptz.pass --out lens.toml
    vigie-provision evidence check-signatures x.mp4 --device-pub device.pub
"""

import json
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import get_args

from agent.access.basis import Basis, Kind
from agent.access.claims import Act
from agent.access.grants import LONGEST_GRANT_S
from agent.access.keys import load_private
from agent.clock import SystemClock, rfc3339
from agent.command_line import MISUSED, whole
from agent.errors import UsageError, VigieError
from agent.language import say
from provisioning import grants, keys_cli, requisitions_cli
from provisioning.parsing import Parser, day, identifiers, seconds

DONE = 0
COMMANDS = (
    "keys init, combine | grant | requisition new, sign, countersign, show | evidence open, check-signatures | "
    "witness keys, serve | calibrate"
)


def _grant_parser() -> Parser:
    about = say(en="signs a grant and prints it", fr="signe une autorisation et l'affiche")
    one = Parser("vigie-provision grant", about)
    add = one.add_argument
    add("--authority", required=True, type=Path, metavar="KEY", help=say(en="authority.key", fr="authority.key"))
    add("--agent", required=True, metavar="NUMBER", help=say(en="the agent's number", fr="matricule de l'agent"))
    add("--name", required=True, help=say(en="the agent's name", fr="nom de l'agent"))
    add("--service", required=True, help=say(en="the agent's service", fr="service de l'agent"))
    one.add_places()
    add("--allow", required=True, metavar="live[,ptz,export]", help=say(en="what is allowed", fr="actes permis"))
    add("--basis", required=True, choices=get_args(Kind), help=say(en="on what basis", fr="fondement"))
    add("--reference", required=True, help=say(en="event or procedure number", fr="numéro d'évènement ou de procédure"))
    add("--reason", required=True, help=say(en="why, in words", fr="motif, en toutes lettres"))
    add("--valid", required=True, metavar="2h", help=say(en="for how long, 12h at most", fr="durée, 12h au plus"))
    last = say(en="last day of the agent's habilitation", fr="dernier jour d'habilitation de l'agent")
    add("--habilitated-until", metavar="YYYY-MM-DD", help=last)
    add("--priority", type=int, default=0, help=say(en="0 (default) to 1000", fr="0 (par défaut) à 1000"))
    one.add_json()
    return one


def _calibrate_parser() -> Parser:
    about = say(
        en="measures a turning camera's lens: [camera.lens]", fr="mesure l'objectif d'une caméra mobile : [camera.lens]"
    )
    one = Parser("vigie-provision calibrate", about)
    add = one.add_argument
    add("--url", default="", metavar="URL", help=say(en="the head's ONVIF service", fr="service ONVIF de la tête"))
    add("--source", default="", metavar="RTSP", help=say(en="its pictures, rtsp://...", fr="ses images, rtsp://..."))
    add("--username", default="", help=say(en="for both", fr="pour les deux"))
    password = say(en="its first line is the password", fr="sa première ligne est le mot de passe")
    add("--password-file", type=Path, metavar="FILE", help=password)
    add("--ca-file", type=Path, metavar="FILE", help=say(en="for https and rtsps", fr="pour https et rtsps"))
    add(
        "--zoom",
        default="0,0.25,0.5,0.75,1",
        metavar="0,0.5,1",
        help=say(en="where to measure", fr="positions à mesurer"),
    )
    steps = say(en="steps each way, 2 to 20 (4)", fr="pas dans chaque sens, de 2 à 20 (4)")
    add("--steps", type=whole(2, 20), default=4, metavar="N", help=steps)
    more = say(en="so many zooms more where they help, 0 to 16 (4)", fr="zooms ajoutés s'ils aident, de 0 à 16 (4)")
    add("--more", type=whole(0, 16), default=4, metavar="N", help=more)
    add("--pan-deg", default="-180,180", metavar="LOW,HIGH", help=say(en="what ONVIF's -1..1 is", fr="-1..1 d'ONVIF"))
    add("--tilt-deg", default="-90,90", metavar="LOW,HIGH", help=say(en="the same for tilt", fr="de même en tilt"))
    ages = say(en="how old its positions are at the most (200)", fr="âge maximal de ses positions (200)")
    add("--pose-age-ms", type=whole(0, 2000), default=200, metavar="MS", help=ages)
    by_hand = say(en="no camera: measurements of a file", fr="sans caméra : mesures d'un fichier")
    add("--measurements", type=Path, metavar="FILE.json", help=by_hand)
    add(
        "--out",
        type=Path,
        metavar="FILE.toml",
        help=say(en="a new file for the table", fr="fichier neuf, pour la table"),
    )
    one.add_json()
    return one


def _calibrate(arguments: Sequence[str]) -> int:
    options = _calibrate_parser().parse_args(arguments)
    from provisioning import calibration  # zeep, PyAV and OpenCV take a second that the other commands need not wait

    return calibration.run(options)


def _evidence(step: str, arguments: Sequence[str]) -> int | None:
    """Its status; None where there is no such step."""
    # half of the agent comes with these two, and the other commands need not wait for it
    from provisioning import evidence_cli, signatures_cli

    steps = {**evidence_cli.STEPS, **signatures_cli.STEPS}
    return steps[step](arguments) if step in steps else None


def _witness(step: str, arguments: Sequence[str]) -> int | None:
    """Its status; None where there is no such step."""
    from provisioning import witness_cli  # its server is slow to load

    if step not in witness_cli.STEPS:
        return None
    witness_cli.STEPS[step](arguments)
    return DONE


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
        masts=identifiers("--mast", options.mast),
        cameras=identifiers("--camera", options.camera),
        allow=_acts(options.allow),
        basis=Basis(options.basis, options.reference, options.reason),
        valid_s=seconds(options.valid, LONGEST_GRANT_S),
        habilitated_until=day(options.habilitated_until),
        priority=options.priority,
    )
    if options.json:
        print(json.dumps({"grant": token, "jti": grant.jti, "expires_at": rfc3339(grant.expires_at * 1000)}))
    else:
        print(token)


def _general_parser() -> Parser:
    parser = Parser(
        "vigie-provision",
        say(
            en="Vigie's keys, grants and requisitions, on a workstation",
            fr="Clés, autorisations et réquisitions de Vigie, sur un poste de travail",
        ),
    )
    helped = say(en="then --help tells the rest", fr="puis --help dit la suite")
    parser.add_argument("command", nargs="?", metavar=COMMANDS, help=helped)
    return parser


def _run(arguments: Sequence[str]) -> int | None:
    """The status of one command; None where there is no such command."""
    match arguments:
        case ["grant", *rest]:
            _grant(rest)
        case ["calibrate", *rest]:
            return _calibrate(rest)
        case ["keys", str(step), *rest] if step in keys_cli.STEPS:
            keys_cli.STEPS[step](rest)
        case ["requisition", str(step), *rest] if step in requisitions_cli.STEPS:
            return requisitions_cli.STEPS[step](rest)
        case ["evidence", str(step), *rest]:
            return _evidence(step, rest)
        case ["witness", str(step), *rest]:
            return _witness(step, rest)
        case _:
            return None
    return DONE


def main(argv: Sequence[str] | None = None) -> int:
    """Runs one command; gives its exit status."""
    arguments = list(sys.argv[1:] if argv is None else argv)
    try:
        status = _run(arguments)
        if status is None:
            _general_parser().parse_args([one for one in arguments if one in ("-h", "--help")])
            _general_parser().error(say(en=f"say one of {COMMANDS}", fr=f"dire l'une de {COMMANDS}"))
        return status
    except SystemExit as ended:  # argparse ends the process; here it ends the command
        return int(ended.code or DONE)
    except VigieError as error:
        print(f"vigie-provision: {error}", file=sys.stderr)
        return MISUSED


if __name__ == "__main__":
    sys.exit(main())
