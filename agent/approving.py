"""`vigie aim approve`: through the running agent when there is one, else on the state itself.

Law: whoever approves is in the register, by name, before the picture is shown again; the aim's file says the entry.
"""

from dataclasses import replace

from agent.aim.desk import LONGEST_NAME, approver, is_name
from agent.aim.references import AimState, Approval
from agent.aim.store import AimStore
from agent.alone import alone, has_run
from agent.config import Configuration
from agent.control.client import ask
from agent.errors import AimError, UsageError
from agent.language import say
from agent.register.bodies import AimApproved


def approve(configuration: Configuration, camera: str, by: str) -> str:
    """Has the aim of `camera` approved in `by`'s name; a sentence. UsageError, AimError, ControlError, VaultError, and
    RegisterError when nobody can write down who it was.
    """
    _check(configuration, camera, by)
    state = configuration.mast.state
    answer = ask(state, {"command": "aim-approve", "camera": camera, "by": by})
    if answer is None:
        return _without_agent(configuration, camera, by)
    if answer.get("ok") is True:
        return say(
            en=f"{camera}: new references are taken, masks are burned as configured",
            fr=f"{camera} : nouvelles références prises, masques appliqués comme configurés",
        )
    raise AimError(f"{camera}: {_why(str(answer.get('word')))}")


def _check(configuration: Configuration, camera: str, by: str) -> None:
    if not is_name(by):
        raise UsageError(
            say(
                en=f"--by: give the name of who approves, at most {LONGEST_NAME} plain characters",
                fr=f"--by : donner le nom de qui approuve, au plus {LONGEST_NAME} caractères simples",
            )
        )
    kinds = {one.id: one.kind for one in configuration.camera}
    if camera not in kinds:
        known = ", ".join(kinds)
        raise UsageError(
            say(
                en=f"--camera: none is {camera!r}; there are: {known}",
                fr=f"--camera : {camera!r} inconnue ; il y a : {known}",
            )
        )
    if kinds[camera] == "ptz":
        raise UsageError(
            say(
                en=f"--camera: {camera} turns; its masks follow its head and it has no aim to approve",
                fr=f"--camera : {camera} tourne ; ses masques suivent sa tête, sans visée à approuver",
            )
        )


def _why(word: str) -> str:
    known = {
        "no-picture": say(
            en="no picture comes from it; mend that first", fr="aucune image n'en arrive ; y remédier d'abord"
        ),
        "not-steady": say(
            en="no steady, clear picture came for 20 seconds; try again when it is light and nothing shakes it",
            fr="pas d'image stable et nette en 20 secondes ; réessayer de jour et sans vibration",
        ),
        "busy": say(en="somebody is approving it now", fr="une approbation est déjà en cours"),
        "not-written": say(
            en="new references are taken, but the disk refuses to keep them; see the journal",
            fr="références prises, mais le disque refuse de les garder ; voir le journal",
        ),
        "register": say(
            en="the register, which must say who approves, cannot be written; see the journal",
            fr="le registre, qui doit dire qui approuve, ne peut être écrit ; voir le journal",
        ),
        "unknown-camera": say(
            en="the running agent does not have it; reload its configuration first",
            fr="l'agent en marche ne l'a pas ; recharger d'abord sa configuration",
        ),
        "forbidden": say(
            en="the agent answers root and its own user only", fr="l'agent ne répond qu'à root et à son utilisateur"
        ),
    }
    return known.get(word) or say(en=f"the agent refuses ({word})", fr=f"l'agent refuse ({word})")


def _without_agent(configuration: Configuration, camera: str, by: str) -> str:
    """Forgets the old references; the next start learns new ones."""
    state = configuration.mast.state
    if not has_run(state):
        raise AimError(
            say(
                en=f"{state}: no agent has run here; it learns the aim by itself at its first start",
                fr=f"{state} : aucun agent n'a tourné ici ; il apprendra la visée à son premier démarrage",
            )
        )
    with alone(configuration, "aim approve") as held:
        held.tell_cut(0)
        store = AimStore(state)
        before = store.load(camera) or AimState()
        entry = held.ledger.enter(AimApproved(camera=camera, by=by))
        approvals = (*before.approvals, Approval(approver(entry), held.clock.wall().utc_ms))
        store.put(camera, replace(before, references=(), lost=None, approvals=approvals))
        store.flush()
    return say(
        en=f"{camera}: approved; no agent runs, so it takes new references at its next start",
        fr=f"{camera} : approuvée ; aucun agent ne tourne, références prises au prochain démarrage",
    )
