"""The words of the French document, whatever the language of the process. Pure.

>>> length(5_430_000)
'1 h 30 min 30 s'
"""

from agent.paris import shown
from agent.register.entries import utc_ms
from agent.register.values import Ground, LegalBasis, Person
from agent.register.words import french
from agent.reporting.acts import Act

BASES: dict[LegalBasis, str] = {
    "requisition_60_1": "Réquisition, art. 60-1 du code de procédure pénale (flagrance)",
    "requisition_77_1_1": "Réquisition, art. 77-1-1 du code de procédure pénale (enquête préliminaire)",
    "requisition_99_3": "Réquisition, art. 99-3 du code de procédure pénale (commission rogatoire)",
    "requisition": "Réquisition judiciaire (sous la référence indiquée)",
    "event": "Événement en cours, pour les finalités du dispositif (art. L. 251-2 du code de la sécurité intérieure)",
    "maintenance": "Maintenance du dispositif",
    "habilitation": "Agent individuellement désigné et habilité (art. R. 253-3 du code de la sécurité intérieure)",
}
INTERVALS = {
    "gap": "Interruption d'enregistrement",
    "blind": "Image entièrement masquée",
    "unsigned": "Images non signées",
    "tamper": "Altération",
    "clock": "Horloge non confirmée",
}
OUTCOMES = {
    "ended": "",
    "open": "en cours à la date du registre",
    "not-started": "demandée, aucune image transmise",
    "cut": "interrompue par l'arrêt de l'agent, durée inconnue",
    "refused": "REFUSÉE",
}


def when(at_ms: int, synchronised: bool = True) -> str:
    """21/11/2026 13:00:05 as a clock in Paris shows it, with a mark where no time service confirmed it."""
    return f"{shown(at_ms)}{'' if synchronised else ' (?)'}"


def at(time: str) -> str:
    """Of an entry's own text."""
    return when(utc_ms(time))


def day(text: str) -> str:
    """2026-11-21 -> 21/11/2026."""
    year, month, number = text.split("-")
    return f"{number}/{month}/{year}"


def length(length_ms: int | None) -> str:
    """Hours, minutes and seconds; a length that nobody knows is said to be so."""
    if length_ms is None:
        return "inconnue"
    minutes, seconds = divmod(length_ms // 1000, 60)
    hours, minutes = divmod(minutes, 60)
    parts = ((hours, "h"), (minutes, "min"), (seconds, "s"))
    return " ".join(f"{value} {unit}" for value, unit in parts if value) or "moins de 1 s"


def hours(length_ms: int) -> str:
    """12,5 h."""
    return f"{length_ms / 3_600_000:,.2f} h".replace(",", " ").replace(".", ",")


def size(size_bytes: int) -> str:
    """In gigabytes of 10^9."""
    return f"{size_bytes / 1e9:,.2f} Go".replace(",", " ").replace(".", ",")


def share(value: float | None) -> str:
    """A part of a hundred."""
    return "sans objet" if value is None else f"{100 * value:.2f} %".replace(".", ",")


def counters(span: tuple[int, int] | None) -> str:
    """The numbers of recordings."""
    if span is None:
        return ""
    return str(span[0]) if span[0] == span[1] else f"{span[0]} à {span[1]}"


def span(span_ms: tuple[int, int] | None) -> str:
    """From when to when."""
    return "inconnu" if span_ms is None else f"{when(span_ms[0])} au {when(span_ms[1])}"


def person(who: Person | None) -> str:
    """Number, name and service."""
    return "non identifié" if who is None else f"{who.name}, matricule {who.number}, {who.service}"


def requester(who: Person) -> str:
    """Of a requisition, where the number may be the quality."""
    return f"{who.name}, {who.number}, {who.service}"


def ground(why: Ground | None) -> tuple[str, str, str]:
    """(legal basis, reference, reason)."""
    return ("non établi", "", "") if why is None else (BASES[why.basis], why.reference, why.reason)


def outcome(act: Act) -> str:
    """How an act ended."""
    return " : ".join(part for part in (OUTCOMES[act.outcome], french(act.why)) if part)
