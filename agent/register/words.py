"""What kinds of entries and their keys are called in a table, in French and English. Pure."""

from dataclasses import fields, is_dataclass

from agent.faults import one_line
from agent.language import language as language_of_process
from agent.language import say
from agent.register.entries import Entry

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
    "cosignature": "cosignature",
    "count": "nombre",
    "end": "fin",
    "ended": "fin",
    "expires": "expire",
    "first": "premier",
    "grant": "autorisation",
    "held": "conservation",
    "last": "dernier",
    "length_ms": "durée_ms",
    "missed": "manquantes",
    "name": "nom",
    "number": "matricule",
    "person": "agent",
    "reason": "motif",
    "recipient": "destinataire",
    "reference": "référence",
    "requester": "requérant",
    "requested": "demande",
    "requisition": "réquisition",
    "rule": "règle",
    "signers": "signataires",
    "since": "depuis",
    "size": "taille",
    "start": "début",
    "started": "ouverture",
    "step_ms": "saut_ms",
    "taken": "prise",
    "until": "jusqu'au",
    "what": "quoi",
    "why": "raison",
    "witness": "témoin",
}
_HASH_SHOWN = 12


def kind_name(kind: str) -> str:
    """A kind's name in the process's language."""
    en, fr = KINDS[kind]
    return say(en=en, fr=fr)


def _value(value: object, language: str) -> str:
    match value:
        case tuple() if value and is_dataclass(value[0]):
            counters = [str(getattr(one, "counter", "?")) for one in value]
            return counters[0] if len(counters) == 1 else f"{counters[0]}..{counters[-1]} ({len(counters)})"
        case tuple():
            return ", ".join(map(str, value))
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
        told.append(f"{name}={_value(value, language)}")
    return " ".join(told)


def details(entry: Entry, language: str | None = None) -> str:
    """What an entry says besides its kind, on one line that steers no terminal; `language`: None for the process's."""
    return one_line(_pairs(entry.body, language or language_of_process()))
