"""What kinds of entries, their keys and their words are called in a table, in French and English. Pure.

Law: what a person wrote is shown as it was written; only words of the product's own are put into French.
"""

import re
from collections.abc import Sequence
from dataclasses import fields, is_dataclass

from agent.faults import one_line
from agent.language import language as language_of_process
from agent.language import say
from agent.register.entries import Entry
from agent.register.values import Ground

KINDS = {
    "agent_started": ("agent started", "agent démarré"),
    "agent_stopped": ("agent stopped", "agent arrêté"),
    "command_began": ("command without agent", "commande sans agent"),
    "command_ended": ("command ended", "commande terminée"),
    "power_cut_found": ("power cut found", "coupure constatée"),
    "tail_cut": ("torn write cut off", "écriture interrompue ôtée"),
    "register_resumed": ("register writable again", "registre de nouveau inscriptible"),
    "segments_sealed": ("recordings made", "enregistrements réalisés"),
    "recording_gap": ("recording gap", "interruption d'enregistrement"),
    "segments_destroyed": ("recordings destroyed", "enregistrements détruits"),
    "segments_held": ("recordings held", "enregistrements conservés"),
    "segments_released": ("hold released", "conservation levée"),
    "segments_exported": ("recordings transmitted", "enregistrements transmis"),
    "grant_presented": ("grant presented", "autorisation présentée"),
    "view_requested": ("view requested", "consultation demandée"),
    "view_refused": ("view refused", "consultation refusée"),
    "view_started": ("view started", "consultation commencée"),
    "view_ended": ("view ended", "consultation terminée"),
    "steering_taken": ("steering taken", "pilotage pris"),
    "steering_released": ("steering released", "pilotage rendu"),
    "requisition_presented": ("requisition presented", "réquisition présentée"),
    "requisition_refused": ("requisition refused", "réquisition refusée"),
    "mask_policy_changed": ("masks changed", "masques modifiés"),
    "configuration_changed": ("configuration changed", "configuration modifiée"),
    "signing_key_changed": ("signing key changed", "clé de signature changée"),
    "blind_began": ("picture wholly masked", "image entièrement masquée"),
    "blind_ended": ("picture visible again", "image de nouveau visible"),
    "unsigned_began": ("pictures unsigned", "images non signées"),
    "unsigned_ended": ("unsigned pictures ended", "fin des images non signées"),
    "events_missed": ("events not entered", "événements non inscrits"),
    "tamper_found": ("tampering found", "altération constatée"),
    "tamper_ended": ("tampering ended", "altération terminée"),
    "aim_learned": ("aim learned", "visée apprise"),
    "aim_approved": ("aim approved", "visée approuvée"),
    "clock_stepped": ("clock stepped", "saut d'horloge"),
    "witnessed": ("witnessed", "attesté par un témoin"),
    "entries_expired": ("entries expired", "entrées expirées"),
}
"""Each kind of `bodies`: (English, French)."""

_FRENCH = {
    "allow": "actes",
    "at": "le",
    "basis": "fondement",
    "began": "début",
    "by": "par",
    "camera": "caméra",
    "cameras": "caméras",
    "cause": "cause",
    "command": "commande",
    "configuration_sha256": "configuration",
    "cosignature": "cosignature",
    "count": "nombre",
    "end": "fin",
    "ended": "fin",
    "expires": "expire",
    "first": "premier",
    "found": "trouvé",
    "grant": "autorisation",
    "ground": "cadre",
    "held": "conservation",
    "keep_days": "jours",
    "last": "dernier",
    "length_ms": "durée_ms",
    "manifest_sha256": "manifeste",
    "missed": "manquantes",
    "name": "nom",
    "new": "nouveau",
    "number": "matricule",
    "old": "ancien",
    "person": "agent",
    "reason": "motif",
    "recipient": "destinataire",
    "reference": "référence",
    "rendition": "image",
    "requested": "demande",
    "requester": "requérant",
    "requisition": "réquisition",
    "root": "racine",
    "rule": "règle",
    "segments": "enregistrements",
    "signers": "signataires",
    "since": "depuis",
    "size": "taille",
    "size_bytes": "octets",
    "start": "début",
    "started": "ouverture",
    "step_ms": "saut_ms",
    "taken": "prise",
    "until": "jusqu'au",
    "what": "quoi",
    "why": "raison",
    "witness": "témoin",
}
_SAID = {
    # why a requisition is refused
    "malformed": "mal formée",
    "clock": "le mât ne connaissait pas l'heure",
    "forged": "signature d'aucune autorité admise, ou document modifié",
    "below-threshold": "pas assez de signatures",
    "unknown-field": "champ inconnu",
    "other-mast": "vise un autre mât",
    "other-camera": "caméra inconnue de ce mât",
    "expired": "échue",
    "not-yet": "datée de l'avenir",
    "empty-interval": "intervalle vide",
    "huge-interval": "intervalle trop long",
    "future-interval": "intervalle non écoulé",
    "replayed": "a déjà servi",
    "destroyed": "tout est détruit",
    "nothing-recorded": "rien d'enregistré",
    "too-much": "trop d'enregistrements",
    "unknown-hold": "aucune conservation de ce numéro",
    "nobody": "aucun",
    "cut short: nothing is held under this entry": "interrompue : rien n'est conservé sous cette entrée",
    # why a view or a steering ended
    "left": "quittée",
    "idle": "sans ordre",
    "grant-expired": "autorisation échue",
    "grant-revoked": "autorisation révoquée",
    "grant-ended": "autorisation finie",
    "connection-lost": "liaison perdue",
    "taken-over": "repris par un autre",
    "went-away": "demandeur parti",
    "stopping": "arrêt de l'agent",
    "stopped": "arrêt demandé",
    "no such camera on this mast": "caméra inconnue sur ce mât",
    # why the whole picture is masked, and what was done to a camera
    "starting": "démarrage",
    "reconnected": "caméra reconnectée",
    "picture-changed": "image changée de forme",
    "pixel-format": "format d'image inconnu",
    "aim-unsure": "visée incertaine",
    "aim-lost": "visée perdue",
    "covered": "objectif couvert",
    "defocused": "image floue",
    "pose-uncertain": "position de la tête trop incertaine",
    "pose-old": "position de la tête trop ancienne",
    "onvif-silent": "la tête ne dit plus où elle est",
    "moving-too-fast": "la tête tourne trop vite",
    "head-homing": "la tête cherche son origine",
    "flipping": "la tête se retourne",
    "contradiction-reports": "les positions annoncées se contredisent",
    "contradiction-picture": "l'image contredit la position annoncée",
    "zoom-outside-calibration": "zoom hors étalonnage",
    # why there are no recordings
    "not-recorded": "non enregistré",
    "lost": "perdu",
    "agent-stopped": "agent à l'arrêt",
    "agent-cut": "agent coupé (au plus : depuis sa dernière inscription)",
    "capture lost": "caméra perdue",
    "recording lost": "enregistrement impossible",
    # the rest
    "age": "durée de conservation échue",
    "budget": "place allouée épuisée",
    "space": "disque plein",
    "live": "direct",
    "ptz": "pilotage",
    "main": "entière",
    "tile": "vignette",
    "event": "événement en cours",
    "requisition": "réquisition",
    "requisition_60_1": "réquisition, art. 60-1 CPP",
    "requisition_77_1_1": "réquisition, art. 77-1-1 CPP",
    "requisition_99_3": "réquisition, art. 99-3 CPP",
}
"""Words that the product writes into entries, which programs read, and what they are in French."""
_SENTENCES = (
    (re.compile(r"released by (.+)"), r"levée par \1"),
    (re.compile(r"(.+): its date has come"), r"\1 : échéance atteinte"),
)
_UNENTERED = re.compile(r"(.+); ([0-9]+) more since the last were not entered")
_OWN = frozenset({"allow", "basis", "cause", "reason", "recipient", "rendition", "rule", "what", "why"})
"""The keys under which the product's own words stand; under `reason` of a ground a person's do."""
_HASH_SHOWN = 12
SPANS_SHOWN = 8


def kind_name(kind: str) -> str:
    """A kind's name in the process's language."""
    en, fr = KINDS[kind]
    return say(en=en, fr=fr)


def french(text: str) -> str:
    """A word or sentence that the product wrote, in French; another text as it is.

    >>> french("replayed; 3 more since the last were not entered")
    'a déjà servi ; 3 de plus depuis la dernière, non inscrites'
    """
    if found := _UNENTERED.fullmatch(text):
        return f"{french(found[1])} ; {found[2]} de plus depuis la dernière, non inscrites"
    for sentence, told in _SENTENCES:
        if found := sentence.fullmatch(text):
            return found.expand(told)
    return _SAID.get(text, text)


def _spans(numbers: Sequence[int]) -> str:
    """`1..3, 7 (4)`: which they are, and how many."""
    spans: list[list[int]] = []
    for number in sorted(numbers):
        if spans and number <= spans[-1][1] + 1:
            spans[-1][1] = number
        else:
            spans.append([number, number])
    told = [str(first) if first == last else f"{first}..{last}" for first, last in spans]
    more = [] if len(told) <= SPANS_SHOWN else ["..."]
    count = "" if len(numbers) == 1 else f" ({len(numbers)})"
    return ", ".join(told[:SPANS_SHOWN] + more) + count


def _value(value: object, language: str) -> str:
    match value:
        case tuple() if value and is_dataclass(value[0]):
            return _spans([one.counter for one in value])
        case tuple():
            return ", ".join(map(str, value))
        case True:
            return say(en="yes", fr="oui", language=language)
        case str() if len(value) == 64 and not value.strip("0123456789abcdef"):
            return value[:_HASH_SHOWN]
    return f"({_pairs(value, language)})" if is_dataclass(value) else str(value)


def _pairs(body: object, language: str) -> str:
    told = []
    for one in fields(body):  # type: ignore[arg-type]
        value = getattr(body, one.name)
        if one.name in ("kind", "cosignature") or value is None or value is False:
            continue
        name = say(en=one.name, fr=_FRENCH.get(one.name, one.name), language=language)
        if language == "fr" and one.name in _OWN and not (isinstance(body, Ground) and one.name == "reason"):
            value = tuple(map(french, value)) if isinstance(value, tuple) else french(str(value))
        told.append(f"{name}={_value(value, language)}")
    return " ".join(told)


def details(entry: Entry, language: str | None = None) -> str:
    """What an entry says besides its kind, on one line that steers no terminal; `language`: None for the process's."""
    return one_line(_pairs(entry.body, language or language_of_process()))
