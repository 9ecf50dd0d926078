"""`vigie export`: has a requisition answered, then copies the pack to where the person wants it.

Laws
- One process judges, enters and holds: the running agent where there is one, else this command, at the same desk and
  under the agent's own lock. An agent that is just starting or stopping is waited for.
- The copy is this command's: it runs as whoever stands at the box and can write to a stick that the agent cannot see.
- Before the requisition has served: that there is a folder, that it can be written, and that no pack of it lies there.
- A copy that failed can be made again, with `--again`, as long as the pack is kept; that is entered once more.
"""

import logging
import tempfile
import time
from pathlib import Path

from agent.access.demands import read
from agent.access.requisitions import MAX_DOCUMENT_BYTES, open_document
from agent.alone import alone
from agent.answering import desk_of
from agent.clock import from_rfc3339
from agent.config import Configuration
from agent.control.client import ask
from agent.errors import EvidenceRefused, RequisitionRefused, UsageError, VaultBusy
from agent.evidence.copying import copy_pack
from agent.evidence.shelf import Shelf
from agent.language import reason, say
from agent.paris import told
from agent.vault.vault import Vault

log = logging.getLogger(__name__)

WAIT_S = 900.0
START_S = 30.0
"""So long an agent may take from the lock to the socket, or back."""
LOOK_S = 0.5


def export(configuration: Configuration, requisition: Path, out: Path, *, again: bool) -> str:
    """What came of it, in a sentence. UsageError, RequisitionRefused, EvidenceRefused, ControlError; where no agent
    runs also TryLater, VaultError, RegisterError and KeyFileError.
    """
    document = _read(requisition)
    state = configuration.mast.state
    _require_folder(out)
    _require_new(document, out)
    try:
        answer = _answer(configuration, document, again=again)
    except RequisitionRefused as error:
        raise RequisitionRefused(f"{error}{_again(error.word)}", error.status, error.word) from error
    return _done(state, answer, out)


def _answer(configuration: Configuration, document: str, *, again: bool) -> dict[str, object]:
    """What was done, by the running agent or by us."""
    request = {"command": "export", "document": document, "again": again}
    end = time.monotonic() + START_S
    told = False
    while True:
        answer = ask(configuration.mast.state, request, WAIT_S)
        if answer is not None:
            if answer.get("ok") is not True:
                word = str(answer.get("word"))
                raise RequisitionRefused(str(answer.get("message") or _why(word)), 400, word)
            return answer
        try:
            return _without_agent(configuration, document, again=again)
        except VaultBusy as error:
            if time.monotonic() > end:
                raise
            if not told:
                told = True
                log.warning(say(en="%s; waiting", fr="%s ; en attente"), error)
        time.sleep(LOOK_S)


def _without_agent(configuration: Configuration, document: str, *, again: bool) -> dict[str, object]:
    """The same desk, in this process, while the state is ours."""
    mast = configuration.mast
    with alone(configuration, "export") as held:
        vault = Vault(
            mast.state,
            configuration.vault,
            held.clock,
            held.identity,
            lambda event: log.info("%s", event),
            ledger=held.ledger,
            lock=held.lock,
        )
        vault.open()
        try:
            held.tell_cut(vault.found)
            held.clock.raise_floor(vault.last_recorded_utc_ns())
            desk = desk_of(configuration, held.identity, lambda: vault, held.ledger, held.clock)
            return desk.answer(document.encode(), again=again).as_json()
        finally:
            vault.close()


def _done(state: Path, answer: dict[str, object], out: Path) -> str:
    count, until = answer.get("segments"), answer.get("until")
    until = told(from_rfc3339(until)) if isinstance(until, str) else ""
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
    except (EvidenceRefused, OSError, ValueError) as error:
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
            raw = file.read(MAX_DOCUMENT_BYTES + 1)
    except OSError as error:
        why = reason(error)
        raise UsageError(
            say(en=f"--requisition {path}: cannot be read ({why})", fr=f"--requisition {path} : illisible ({why})")
        ) from error
    try:
        if len(raw) <= MAX_DOCUMENT_BYTES:
            return raw.decode("utf-8")
    except UnicodeDecodeError:
        pass
    raise UsageError(
        say(
            en=f"--requisition {path}: is no requisition (JSON text, 64 KiB at most); give what `vigie-provision "
            "requisition new` wrote",
            fr=f"--requisition {path} : n'est pas une réquisition (texte JSON, 64 Kio au plus) ; donner ce qu'a écrit "
            "`vigie-provision requisition new`",
        )
    )


def _require_folder(out: Path) -> None:
    if not out.is_dir():
        raise UsageError(
            say(
                en=f"--out {out}: is no folder; make it, or mount the stick first",
                fr=f"--out {out} : n'est pas un dossier ; le créer, ou monter d'abord la clé",
            )
        )
    try:
        tempfile.TemporaryDirectory(prefix=".vigie-", dir=out).cleanup()
    except OSError as error:
        why = reason(error)
        raise UsageError(
            say(
                en=f"--out {out}: cannot be written ({why}); mount it for writing, or choose another",
                fr=f"--out {out} : écriture impossible ({why}) ; le monter en écriture, ou en choisir un autre",
            )
        ) from error


def _require_new(document: str, out: Path) -> None:
    """What is no requisition is for whoever judges to say."""
    try:
        asked = read(open_document(document.encode()).payload)
    except RequisitionRefused:
        return
    there = sorted(out.glob(f"vigie-*-{asked.id[:8]}*"))
    if there:
        raise UsageError(
            say(
                en=f"{there[0]}: a pack of this requisition is there already and is not written over; move it away",
                fr=f"{there[0]} : un paquet de cette réquisition est déjà là et n'est pas écrasé ; l'écarter",
            )
        )


def _again(word: str) -> str:
    if word != "replayed":
        return ""
    return say(
        en="\nwhere its copy failed, the same with --again makes it anew, for three days at most",
        fr="\nsi la copie a échoué, la même commande avec --again la refait, trois jours durant au plus",
    )


def _why(word: str) -> str:
    known = {
        "forbidden": say(
            en="the agent answers root and its own user only", fr="l'agent ne répond qu'à root et à son utilisateur"
        ),
        "busy": say(en="the agent is busy; try again shortly", fr="l'agent est occupé ; réessayer bientôt"),
    }
    return known.get(word) or say(en=f"the agent refuses ({word})", fr=f"l'agent refuse ({word})")
