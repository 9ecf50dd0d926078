"""`vigie register report` and `vigie register figures`: a period of a register, on a mast or on a copy of its state.

The register is verified first; then it is read once more, and the root of what was read must be the verified one: the
figures are of exactly the entries that the checkpoint on the title page names.
"""

import argparse
import json
import os
from datetime import UTC, datetime
from pathlib import Path

from agent import __version__
from agent.command_line import whole
from agent.errors import RegisterError, UsageError
from agent.language import reason, say
from agent.moments import utc_ms
from agent.register import report as register_report
from agent.register.entries import parse_entry, split_line
from agent.register.findings import Verdict
from agent.register.sections import FOLDER, TREE, Tail, lines, sections
from agent.register.tree import HASH_BYTES, Peaks, leaf_hash
from agent.reporting.content import Provenance, document
from agent.reporting.figures import Gathering, Period, Report
from agent.reporting.french import hours, share
from agent.verifier_keys import to_base64


def add_to(actions: "argparse._SubParsersAction[argparse.ArgumentParser]") -> None:
    """Two more actions of `vigie register`."""
    text = say(en="a period as a French PDF", fr="une période, en PDF")
    make = actions.add_parser("report", help=text, description=text)
    make.set_defaults(run=_report)
    text = say(en="the document, written anew", fr="le document, écrit à neuf")
    make.add_argument("--out", type=Path, required=True, metavar="FILE.pdf", help=text)
    text = say(en="a period's figures per camera", fr="les chiffres d'une période, par caméra")
    table = actions.add_parser("figures", help=text, description=text)
    table.set_defaults(run=_figures)
    for one in (make, table):
        register_report.add_verifying(one)
        text = say(en="its first day in Paris, or a time", fr="premier jour, à Paris, ou une heure")
        one.add_argument("--from", dest="since", metavar="D", help=text)
        text = say(en="its last day, which counts whole, or a time", fr="dernier jour, qui compte entier, ou une heure")
        one.add_argument("--to", dest="until", metavar="D", help=text)
        text = say(en="or the whole of a year", fr="ou toute une année")
        one.add_argument("--year", type=whole(1971, 9998), metavar="YYYY", help=text)


def period(arguments: argparse.Namespace) -> Period:
    """`--year`, or `--from` and `--to`: times, or days of which the last counts whole; UsageError."""
    since, until = arguments.since, arguments.until
    if arguments.year is not None and since is None and until is None:
        since, until = f"{arguments.year:04d}-01-01", f"{arguments.year:04d}-12-31"
    elif arguments.year is not None or since is None or until is None:
        raise UsageError(
            say(
                en="give --year YYYY, or --from and --to (days such as 2026-01-01, or times)",
                fr="donner --year AAAA, ou --from et --to (des jours comme 2026-01-01, ou des heures)",
            )
        )
    start_ms, end_ms = utc_ms(since), utc_ms(until, last=True)
    if start_ms is None or end_ms is None or start_ms >= end_ms or start_ms < 0:
        raise UsageError(say(en="the period is empty", fr="la période est vide"))
    return Period(start_ms, end_ms)


def gather(state: Path, asked: Period, verdict: Verdict) -> Report:
    """The report of a period from the entries that `verdict` is about; RegisterError when they changed since."""
    folder = state / FOLDER
    gathering = Gathering(asked)
    present = sections(folder)
    peaks = _expired(folder, present[0].first) if present else Peaks()
    for section in present:
        for line in lines(folder / section.name):
            if isinstance(line, Tail) or peaks.size >= verdict.size:
                break
            try:
                text = split_line(line)[0]
                entry = parse_entry(text)
            except ValueError:
                text, entry = line, None
            peaks.add(leaf_hash(text))
            if entry is None:
                gathering.unread()
            else:
                gathering.take(entry)
    if verdict.good and peaks.root() != verdict.root:
        raise RegisterError(say(en=f"{folder}: changed while it was read", fr=f"{folder} : modifié pendant la lecture"))
    return gathering.report()


def _expired(folder: Path, first: int) -> Peaks:
    """The tree of the entries whose text is gone."""
    with (folder / TREE).open("rb") as tree:

        def read(position: int) -> bytes:
            tree.seek(position * HASH_BYTES)
            return tree.read(HASH_BYTES)

        return Peaks.of(read, first)


def _made(arguments: argparse.Namespace) -> tuple[Report, Provenance, Verdict]:
    asked = period(arguments)
    verdict = register_report.judged(arguments)
    try:
        made = gather(arguments.state, asked, verdict)
    except OSError as error:
        raise RegisterError(f"{arguments.state}: {reason(error)}") from error
    key = "celle du répertoire d'état" if arguments.device_pub is None else "donnée à part (--device-pub)"
    findings = tuple(f"{one.name} : {one.text}" for one in verdict.findings)
    first = verdict.size - verdict.present if verdict.good else 0
    root = to_base64(verdict.root)
    source = Provenance(verdict.size, root, verdict.good, findings, key, len(arguments.checkpoint), first, __version__)
    return made, source, verdict


def as_json(made: Report, source: Provenance) -> str:
    """The figures, and what they were made from."""
    told = {
        "origin": made.origin,
        "period": {"from": _time(made.period.start_ms), "to": _time(made.period.end_ms)},
        "checkpoint": {"size": source.size, "root": source.root},
        "verified": source.good,
        "entries": made.entries,
        "unread": made.unread,
        "cameras": [one.as_json() for one in made.cameras],
        "kinds": made.kinds,
    }
    return json.dumps(told, indent=1, ensure_ascii=False)


def _time(at_ms: int) -> str:
    return datetime.fromtimestamp(at_ms // 1000, tz=UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


def _told(verdict: Verdict) -> None:
    if not verdict.good:
        raise RegisterError(
            say(
                en="the register does not verify; `vigie register verify` says where",
                fr="le registre n'est pas conforme ; `vigie register verify` dit où",
            )
        )


def _report(arguments: argparse.Namespace) -> int:
    from agent.reporting.document import pdf  # fpdf2 takes its time to load

    made, source, verdict = _made(arguments)
    title = f"Registre de vidéoprotection - {made.origin} - {source.size} entrées, racine {source.root}"
    raw = pdf(document(made, source), title, made.at_ms)
    _write(arguments.out, raw)
    if arguments.json:
        print(as_json(made, source))
    _told(verdict)
    return 0


def _write(path: Path, raw: bytes) -> None:
    """Readable by its owner only, as names of people stand in it."""
    part = path.with_name(f"{path.name}.part")
    try:
        part.unlink(missing_ok=True)
        with os.fdopen(os.open(part, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600), "wb") as file:
            file.write(raw)
        part.replace(path)
    except OSError as error:
        raise UsageError(f"{path}: {reason(error)}") from error


def _hours(length_ms: int) -> str:
    return say(en=f"{length_ms / 3_600_000:,.2f} h", fr=hours(length_ms))


def _share(part: float | None) -> str:
    return say(en="-" if part is None else f"{100 * part:.2f} %", fr=share(part))


def _figures(arguments: argparse.Namespace) -> int:
    made, source, verdict = _made(arguments)
    if arguments.json:
        print(as_json(made, source))
    else:
        heads = say(
            en="recorded gaps destroyed exported views refused steered blind share",
            fr="enregistré interruptions détruit transmis consultations refus pilotage masqué part",
        )
        print("".join(f"{head:>16}" for head in (say(en="camera", fr="caméra"), *heads.split())))
        for one in made.cameras:
            cells = (
                *(one.camera or "?", _hours(one.recorded_ms), _hours(one.gap_ms), _hours(one.destroyed_ms)),
                *(_hours(one.exported_ms), str(one.views), str(one.views_refused), str(one.steerings)),
                *(_hours(one.blind_ms), _share(one.blind_share)),
            )
            print("".join(f"{cell:>16}" for cell in cells))
    _told(verdict)
    return 0
