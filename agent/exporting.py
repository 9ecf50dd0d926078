"""`vigie export`: has the running agent answer a requisition, then copies the pack to where the person wants it.

Laws
- The agent alone judges, enters and holds: one process writes the register. Where none runs, nothing is done.
- The copy is this command's: it runs as whoever stands at the box and can write to a stick that the agent cannot see.
- A copy that failed can be made again, with `--again`, as long as the pack is kept; that is entered once more.
"""

from pathlib import Path

from agent.access.requisitions import MAX_DOCUMENT_BYTES
from agent.config import Configuration
from agent.control.client import ask
from agent.errors import EvidenceRefused, RequisitionRefused, UsageError
from agent.evidence.copying import copy_pack
from agent.evidence.shelf import Shelf
from agent.language import say

WAIT_S = 900.0


def export(configuration: Configuration, requisition: Path, out: Path, *, again: bool) -> str:
    """What came of it, in a sentence. UsageError, RequisitionRefused, EvidenceRefused, ControlError."""
    document = _read(requisition)
    state = configuration.mast.state
    _require_folder(out)
    request = {"command": "export", "document": document, "again": again}
    answer = ask(state, request, WAIT_S) if state.is_dir() else None
    if answer is None:
        raise EvidenceRefused(
            say(
                en="no agent runs here, and only a running agent may enter the export in its register; start it "
                "(systemctl start vigie) and give this command again: recordings already made are handed over as well",
                fr="aucun agent ne tourne ici, et seul un agent en marche peut inscrire l'export à son registre ; le "
                "démarrer (systemctl start vigie) puis relancer : les enregistrements déjà faits sont remis aussi",
            )
        )
    if answer.get("ok") is not True:
        word = str(answer.get("word"))
        raise RequisitionRefused(str(answer.get("message") or _why(word)), 400, word)
    return _done(state, answer, out)


def _done(state: Path, answer: dict[str, object], out: Path) -> str:
    until, count = answer.get("until"), answer.get("segments")
    if answer.get("act") == "hold":
        return say(
            en=f"{count} recordings are kept until {until}", fr=f"{count} enregistrements conservés jusqu'au {until}"
        )
    if answer.get("act") == "release":
        return say(en=f"{count} recordings are released", fr=f"{count} enregistrements ne sont plus conservés")
    try:
        pack = Shelf(state).find(str(answer.get("id")))
        if pack is None:
            raise EvidenceRefused(say(en="the pack is gone", fr="le paquet a disparu"))
        folder = copy_pack(pack, out)
    except (EvidenceRefused, OSError) as error:
        raise EvidenceRefused(
            say(
                en=f"{error}\nthe pack is kept on the mast until {until}: mend that, then the same with --again",
                fr=f"{error}\nle paquet est gardé sur le mât jusqu'au {until} : y remédier, puis de même avec --again",
            )
        ) from error
    gaps = answer.get("gaps")
    return say(
        en=f"{folder}: {count} recordings, {gaps} gaps declared, each byte compared with its hash",
        fr=f"{folder} : {count} enregistrements, {gaps} lacunes déclarées, chaque octet comparé à son empreinte",
    )


def _read(path: Path) -> str:
    try:
        with path.open("rb") as file:
            return file.read(MAX_DOCUMENT_BYTES + 1).decode("utf-8")
    except (OSError, ValueError) as error:
        why = (error.strerror if isinstance(error, OSError) else None) or "?"
        raise UsageError(
            say(en=f"--requisition {path}: cannot be read ({why})", fr=f"--requisition {path} : illisible ({why})")
        ) from error


def _require_folder(out: Path) -> None:
    """Before the requisition has served: that there is somewhere to put its pack."""
    if not out.is_dir():
        raise UsageError(
            say(
                en=f"--out {out}: is no folder; make it, or mount the stick first",
                fr=f"--out {out} : n'est pas un dossier ; le créer, ou monter d'abord la clé",
            )
        )


def _why(word: str) -> str:
    known = {
        "forbidden": say(
            en="the agent answers root and its own user only", fr="l'agent ne répond qu'à root et à son utilisateur"
        ),
        "busy": say(en="the agent is busy; try again shortly", fr="l'agent est occupé ; réessayer bientôt"),
    }
    return known.get(word) or say(en=f"the agent refuses ({word})", fr=f"l'agent refuse ({word})")
