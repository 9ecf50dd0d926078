"""The `vigie` command. Exit status: 0 done, 1 it failed or did not verify, 2 bad usage or configuration."""

import argparse
import asyncio
import dataclasses
import json
import logging
import sys
from collections.abc import Sequence
from pathlib import Path

from agent import __version__
from agent.command_line import Parser
from agent.config import load
from agent.errors import ConfigurationError, KeyFileError, UsageError, VigieError
from agent.language import say
from agent.moments import utc_ms
from agent.register import report
from agent.register.findings import severity_word
from agent.reporting import command as reporting

log = logging.getLogger("agent")

LOG_FORMAT = "%(levelname)s %(name)s: %(message)s"
"""No time: journald writes it."""


def _configure_logging() -> None:
    logging.basicConfig(level=logging.INFO, format=LOG_FORMAT, stream=sys.stderr)
    for chatty in ("aioice", "aiortc", "aiohttp.access"):
        logging.getLogger(chatty).setLevel(logging.WARNING)


def _run(arguments: argparse.Namespace) -> int:
    from agent.mast import Mast  # here, so that `check` and `segments` start quickly

    _configure_logging()
    configuration = load(arguments.config)
    asyncio.run(Mast(arguments.config, configuration).run())
    return 0


def _check(arguments: argparse.Namespace) -> int:
    configuration = load(arguments.config)
    cameras = ", ".join(f"{camera.id} ({len(camera.mask)})" for camera in configuration.camera)
    print(say(en=f"good; cameras (masks): {cameras}", fr=f"bonne ; caméras (masques) : {cameras}"))
    return 0


def _demo(arguments: argparse.Namespace) -> int:
    from agent.virtual.demo import demo

    return asyncio.run(demo(arguments.state, arguments.seconds))


def _segments_list(arguments: argparse.Namespace) -> int:
    from agent.vault.report import list_segments

    since, until = utc_ms(arguments.since), utc_ms(arguments.until, last=True)
    rows = list_segments(arguments.state, arguments.camera, since, until)
    if arguments.json:
        print(json.dumps([row.as_json() for row in rows], indent=1))
        return 0
    for row in rows:
        segment = row.segment
        seconds = "?" if segment.duration_ms is None else f"{segment.duration_ms / 1000:.1f}"
        print(f"{row.seq:>8}  {segment.name}  {seconds:>5} s  {segment.size_bytes:>10} B  {row.state}")
    return 0


def _segments_verify(arguments: argparse.Namespace) -> int:
    from agent.vault.report import verify

    findings = verify(arguments.state)
    failed = any(finding.severity == "fault" for finding in findings)
    if arguments.json:
        print(json.dumps([dataclasses.asdict(finding) for finding in findings], indent=1))
        return int(failed)
    for finding in findings:
        print(f"{severity_word(finding.severity)}: {finding.name}: {finding.text}")
    if not failed:
        print(say(en="index and disk agree", fr="l'index et le disque concordent"))
    return int(failed)


def _aim_approve(arguments: argparse.Namespace) -> int:
    from agent.approving import approve

    print(approve(load(arguments.config), arguments.camera, arguments.by))
    return 0


def _export(arguments: argparse.Namespace) -> int:
    from agent.exporting import export

    print(export(load(arguments.config), arguments.requisition, arguments.out, again=arguments.again))
    return 0


def _config(parser: argparse.ArgumentParser) -> None:
    text = say(en="the mast's configuration file", fr="le fichier de configuration du mât")
    parser.add_argument("--config", type=Path, required=True, metavar="FILE", help=text)


def _parser() -> Parser:
    parser = Parser("vigie", say(en="the agent on a mast", fr="l'agent d'un mât"))
    version = say(en="says its version and ends", fr="dit sa version et s'arrête")
    parser.add_argument("--version", action="version", version=__version__, help=version)
    commands = parser.add_subparsers(dest="command", required=True)

    def command(name: str, run: object, help_text: str) -> argparse.ArgumentParser:
        sub = commands.add_parser(name, help=help_text, description=help_text)
        sub.set_defaults(run=run)
        return sub

    _config(command("run", _run, say(en="run the agent", fr="lancer l'agent")))
    _config(command("check", _check, say(en="check a configuration", fr="vérifier une configuration")))
    sub = command("demo", _demo, say(en="a whole virtual mast on this machine", fr="un mât virtuel complet ici"))
    text = say(en="end after so many seconds; 0: at Ctrl-C", fr="durée en secondes ; 0 : jusqu'à Ctrl-C")
    sub.add_argument("--seconds", type=float, default=0, metavar="N", help=text)
    text = say(en="where it keeps everything (demo-state)", fr="où tout est gardé (demo-state)")
    sub.add_argument("--state", type=Path, default=Path("demo-state"), metavar="DIR", help=text)
    _export_options(
        command("export", _export, say(en="answer a requisition, at the box", fr="répondre à une réquisition, au mât"))
    )
    _segments_parser(commands.add_parser("segments", help=say(en="what is recorded", fr="ce qui est enregistré")))
    _aim_parser(commands.add_parser("aim", help=say(en="where still cameras point", fr="la visée des caméras fixes")))
    actions = report.add_to(
        commands.add_parser("register", help=say(en="who did what, and why", fr="qui a fait quoi, et pourquoi"))
    )
    reporting.add_to(actions)
    return parser


def _export_options(parser: argparse.ArgumentParser) -> None:
    _config(parser)
    text = say(en="the signed document", fr="le document signé")
    parser.add_argument("--requisition", type=Path, required=True, metavar="FILE", help=text)
    text = say(en="an existing folder, such as a stick", fr="un dossier existant, comme celui d'une clé USB")
    parser.add_argument("--out", type=Path, required=True, metavar="DIR", help=text)
    text = say(en="collect an answered export once more, while it is kept", fr="reprendre un export encore gardé")
    parser.add_argument("--again", action="store_true", help=text)


def _aim_parser(parser: argparse.ArgumentParser) -> None:
    actions = parser.add_subparsers(dest="action", required=True)
    text = say(
        en="take new aim references, after a tamper or a new mounting",
        fr="prendre de nouvelles références de visée, après un sabotage ou une nouvelle pose",
    )
    sub = actions.add_parser("approve", help=text, description=text)
    sub.set_defaults(run=_aim_approve)
    _config(sub)
    sub.add_argument("--camera", required=True, metavar="ID", help=say(en="the camera", fr="la caméra"))
    sub.add_argument("--by", required=True, metavar="NAME", help=say(en="who answers for it", fr="qui en répond"))


def _segments_parser(parser: argparse.ArgumentParser) -> None:
    actions = parser.add_subparsers(dest="action", required=True)
    text = say(en="list the segments", fr="lister les segments")
    sub = actions.add_parser("list", help=text, description=text)
    sub.set_defaults(run=_segments_list)
    sub.add_argument("--camera", metavar="ID", help=say(en="of this camera only", fr="de cette caméra seulement"))
    sub.add_argument(
        "--since", metavar="T", help=say(en="from this time, or day, on", fr="à partir de cette heure, ou de ce jour")
    )
    sub.add_argument(
        "--until",
        metavar="T",
        help=say(en="before this time, or the day's end", fr="avant cette heure, ou la fin du jour"),
    )
    text = say(en="index against disk", fr="l'index face au disque")
    verify = actions.add_parser("verify", help=text, description=text)
    verify.set_defaults(run=_segments_verify)
    state = say(en="the state directory, or a copy", fr="le répertoire d'état, ou sa copie")
    for one in (sub, verify):
        one.add_argument("--state", type=Path, required=True, metavar="DIR", help=state)
        one.add_argument("--json", action="store_true", help=say(en="JSON on stdout", fr="du JSON"))


def _sentences(error: BaseException) -> list[str]:
    """What the leaves of an exception group say."""
    if isinstance(error, BaseExceptionGroup):
        return [sentence for inner in error.exceptions for sentence in _sentences(inner)]
    return [str(error)]


def main(argv: Sequence[str] | None = None) -> int:
    """Runs one command; a user's mistake ends in sentences and status 2, a failure in one and status 1."""
    try:
        arguments = _parser().parse_args(argv)
    except SystemExit as ended:  # argparse ends the process; here it ends the command
        return int(ended.code or 0)
    try:
        return int(arguments.run(arguments))
    except (UsageError, ConfigurationError, KeyFileError) as error:
        print(error, file=sys.stderr)
        return 2
    except VigieError as error:
        print(error, file=sys.stderr)
        return 1
    except BaseExceptionGroup as group:
        if group.split(VigieError)[1] is not None:
            raise
        for sentence in dict.fromkeys(_sentences(group)):
            print(sentence, file=sys.stderr)
        return 1
    except (KeyboardInterrupt, BrokenPipeError):
        return 1
