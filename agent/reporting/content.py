"""A report -> the sections of the French document. Pure.

What CSI R252-11 asks for stands first: recordings made, their destruction, their transmission.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from agent.register import words
from agent.register.bodies import RequisitionPresented, RequisitionRefused, SegmentsHeld, SegmentsReleased
from agent.register.entries import Entry
from agent.register.words import KINDS, details
from agent.reporting import french
from agent.reporting.figures import LISTED_SINGLY, SEVERAL, CameraFigures, Lot, Report
from agent.reporting.layout import Block, Heading, Paragraph, Table


@dataclass(frozen=True, slots=True)
class Provenance:
    """What register it was made from. `root`: base64. `key`: where the device's public key came from."""

    size: int
    root: str
    good: bool
    findings: tuple[str, ...]
    key: str
    checkpoints: int
    first: int
    version: str


Column = tuple[str, float, bool]


def document(report: Report, source: Provenance) -> list[Block]:
    """All of it."""
    return [
        *_title(report, source),
        Heading(
            "1. L'année en chiffres, par caméra" if _whole_year(report) else "1. Chiffres de la période, par caméra"
        ),
        *_figures(report.cameras),
        Heading("2. Enregistrements réalisés (art. R. 252-11 du code de la sécurité intérieure)"),
        *_lots(report.made, made=True),
        Heading("3. Enregistrements détruits"),
        *_lots(report.destroyed, made=False),
        Heading("4. Enregistrements transmis"),
        *_transmitted(report),
        Heading("5. Réquisitions présentées et refusées"),
        *_requisitions(report),
        Heading("6. Enregistrements conservés au-delà de leur terme"),
        *_holds(report),
        Heading("7. Consultations en direct"),
        *_acts(report, "view"),
        Heading("8. Pilotage des caméras"),
        *_acts(report, "steering"),
        Heading("9. Interruptions, images masquées ou non signées, altérations, horloge"),
        *_intervals(report),
        Heading("10. Journal du système"),
        *_journal(report.journal),
        Heading("11. Entrées du registre, par nature"),
        *_table(
            (("Nature", 5, False), ("Nombre", 1, True)),
            [(KINDS[kind][1], str(count)) for kind, count in report.kinds.items()],
        ),
    ]


def _whole_year(report: Report) -> bool:
    start, end = french.when(report.period.start_ms), french.when(report.period.end_ms)
    return (
        start[:5] == end[:5] == "01/01"
        and int(end[6:10]) == int(start[6:10]) + 1
        and start[11:] == end[11:] == "00:00:00"
    )


def _table(columns: tuple[Column, ...], rows: Sequence[tuple[str, ...]], points: float = 7.0) -> Iterator[Block]:
    yield Table(columns, rows, points) if rows else Paragraph("Néant.")


def _title(report: Report, source: Provenance) -> Iterator[Block]:
    _, town, mast = (report.origin or "?/?/?").split("/")
    yield Heading("Registre de vidéoprotection", 22)
    yield Heading(f"Commune : {town}", 14)
    yield Heading(f"Mât : {mast}", 14)
    period = report.period
    yield Paragraph(
        f"Période : du {french.when(period.start_ms)} inclus au {french.when(period.end_ms)} exclu. Toutes les heures "
        "sont l'heure légale à Paris (le bandeau des images et les noms des enregistrements portent l'heure UTC, en "
        "retard d'une heure l'hiver, de deux l'été) ; « (?) » : heure qu'aucun service de temps ne confirmait.",
        11,
    )
    verdict = "Le registre a été vérifié et il est conforme à sa tête signée."
    if not source.good:
        verdict = "LE REGISTRE N'EST PAS CONFORME : ce document ne fait pas foi."
    yield Paragraph(verdict, 13, True)
    for finding in source.findings:
        yield Paragraph(finding, 9)
    yield Paragraph(
        f"Établi d'après le registre {report.origin} arrêté à {source.size} entrées "
        f"(dernière : {french.when(report.at_ms)}), racine {source.root}. "
        f"{report.entries} entrées portent sur la période.",
        11,
    )
    told = (
        f"Clé publique du mât : {source.key}. Points de contrôle de tiers confrontés au registre : "
        f"{source.checkpoints}. Établi par vigie {source.version}."
    )
    if source.first:
        told += f" Les entrées 0 à {source.first - 1} ont expiré ; seules leurs empreintes demeurent."
    if report.unread:
        told += f" {report.unread} entrées d'une autre version, ou illisibles, ne sont pas reprises ici."
    yield Paragraph(told)
    yield Paragraph(
        "Pour contrôler : « vigie register verify --state DOSSIER --device-pub CLÉ --checkpoint FICHIER ». Le même "
        "registre, arrêté à la même entrée, donne le même document, octet pour octet.",
    )


def _figures(cameras: tuple[CameraFigures, ...]) -> Iterator[Block]:
    columns = (
        *(("Caméra", 2.2, False), ("Enregis- trements", 1.6, True), ("Durée enregistrée", 1.7, True)),
        *(("Volume", 1.6, True), ("Interrup- tions", 1.2, True), ("Durée", 1.3, True), ("Détruits", 1.4, True)),
        *(("Durée", 1.5, True), ("Trans- missions", 1.2, True), ("Durée", 1.3, True), ("Consul- tations", 1.2, True)),
        *(("Durée", 1.3, True), ("Refus", 1, True), ("Pilotages", 1.3, True), ("Durée", 1.3, True)),
        *(("Image masquée", 1.3, True), ("Part", 1.2, True), ("Altéra- tions", 1.2, True)),
    )
    rows = [
        (
            *(
                one.camera or "(inconnue)",
                str(one.recorded),
                french.hours(one.recorded_ms),
                french.size(one.recorded_bytes),
            ),
            *(str(one.gaps), french.hours(one.gap_ms), str(one.destroyed), french.hours(one.destroyed_ms)),
            *(str(one.exports), french.hours(one.exported_ms), str(one.views), french.hours(one.view_ms)),
            *(str(one.views_refused), str(one.steerings), french.hours(one.steering_ms)),
            *(french.hours(one.blind_ms), french.share(one.blind_share), str(one.tampers)),
        )
        for one in cameras
    ]
    yield from _table(columns, rows, 6.5)
    unknown = sum(one.unknown_length for one in cameras)
    note = "« Part » : durée d'image entièrement masquée rapportée à la durée enregistrée."
    if unknown:
        note += (
            f" {unknown} enregistrements sauvés après une coupure sont de durée inconnue et ne comptent pas en heures."
        )
    yield Paragraph(note, 7.5)


def _lots(lots: tuple[Lot, ...], made: bool) -> Iterator[Block]:
    common: tuple[Column, ...] = (("Nombre", 1, True), ("Numéros", 2, False), ("Durée", 1.5, True))
    if made:
        columns = (("Jour", 1.2, False), ("Caméra", 2, False), *common, ("Volume", 1.2, True), ("Du, au", 3.5, False))
    else:
        columns = (
            *(("Détruits le", 1.2, False), ("Caméra", 2, False), *common),
            *(("Enregistrés du, au", 3.5, False), ("Règle", 2.4, False)),
        )
    rows = []
    for lot in lots:
        head = (
            french.day(lot.day),
            lot.camera,
            str(lot.count),
            french.counters(lot.counters),
            french.hours(lot.length_ms),
        )
        tail = (french.size(lot.size_bytes), french.span(lot.span_ms))
        rows.append((*head, *(tail if made else (french.span(lot.span_ms), words.french(lot.rule)))))
    yield from _table(columns, rows)


def _transmitted(report: Report) -> Iterator[Block]:
    columns = (
        *(("Entrée", 0.8, True), ("Le", 1.6, False), ("Caméra", 1.3, False), ("Enregistrements", 2.4, False)),
        *(("Durée", 1.2, True), ("Destinataire", 1.8, False), ("Requérant", 2, False), ("Fondement", 2.2, False)),
        *(("Référence", 1.5, False), ("Motif", 2.2, False), ("Empreinte du manifeste", 2, False)),
    )
    rows = []
    for one in report.transmitted:
        asked, lot = one.requisition, one.lot
        who = "entrée " + str(one.body.requisition) if asked is None else french.requester(asked.requester)
        span = f"{lot.count} (n° {french.counters(lot.counters)}), {french.span(lot.span_ms)}"
        rows.append(
            (
                *(str(one.entry.index), french.when(one.entry.utc_ms, one.entry.synchronised), lot.camera, span),
                *(french.length(lot.length_ms), one.body.recipient, who),
                *french.ground(None if asked is None else asked.ground),
                one.body.manifest_sha256,
            )
        )
    yield from _table(columns, rows)


def _requisitions(report: Report) -> Iterator[Block]:
    columns = (
        *(("Entrée", 0.8, True), ("Présentée le", 1.6, False), ("Suite", 1.4, False), ("Référence", 1.6, False)),
        *(("Fondement", 2.2, False), ("Requérant", 2.2, False), ("Destinataire", 1.8, False), ("Caméras", 1.4, False)),
        *(("Intervalle demandé", 2.4, False), ("Motif, ou raison du refus", 2.6, False)),
    )
    rows = []
    for entry in report.listed:
        head = (str(entry.index), french.when(entry.utc_ms, entry.synchronised))
        match entry.body:
            case RequisitionPresented(ground=ground, requester=who) as body:
                basis, reference, reason = french.ground(ground)
                span = f"{french.at(body.start)} au {french.at(body.end)}"
                if body.end == body.expires:  # an interval is over when it is asked for; a release has none
                    span = "levée d'une conservation"
                rest = (
                    basis,
                    french.requester(who),
                    words.french(body.recipient),
                    ", ".join(body.cameras),
                    span,
                    reason,
                )
                rows.append((*head, "vérifiée", reference, *rest))
            case RequisitionRefused(reference=reference, why=why):
                rows.append(
                    (*head, "REFUSÉE", reference or "illisible", *("non vérifié",) * 2, "", "", "", words.french(why))
                )
    yield from _table(columns, rows)


def _holds(report: Report) -> Iterator[Block]:
    columns = (
        *(("Entrée", 0.8, True), ("Le", 1.8, False), ("Acte", 1.5, False), ("Caméra", 1.5, False)),
        *(("Enregistrements", 2, False), ("Référence ou motif", 4, False), ("Jusqu'au", 1.8, False)),
    )
    rows = []
    for entry in report.listed:
        head = (str(entry.index), french.when(entry.utc_ms, entry.synchronised))
        match entry.body:
            case SegmentsHeld(camera=camera, first=first, last=last, reference=reference, until=until):
                held = ("conservation", camera, french.counters((first, last)), reference, french.at(until))
                rows.append((*head, *held))
            case SegmentsReleased(camera=camera, held=number, reason=reason):
                rows.append((*head, "levée", camera, f"conservation de l'entrée {number}", words.french(reason), ""))
    yield from _table(columns, rows)


def _acts(report: Report, kind: str) -> Iterator[Block]:
    columns = (
        *(("Entrée", 0.8, True), ("Le", 1.7, False), ("Caméra", 1.4, False), ("Agent", 2.8, False)),
        *(("Fondement", 2.8, False), ("Référence", 1.6, False), ("Motif", 2.6, False), ("Durée", 1.2, True)),
        ("Fin", 2, False),
    )
    rows = [
        (
            *(str(act.entry), french.when(act.at_ms, act.synchronised), act.camera or "(inconnue)"),
            *(french.person(act.person), *french.ground(act.ground)),
            french.length(act.length_ms) if act.length_ms is not None else "",
            french.outcome(act),
        )
        for act in report.acts
        if act.kind == kind
    ]
    yield from _table(columns, rows)


def _intervals(report: Report) -> Iterator[Block]:
    columns = (
        *(("Entrée", 0.8, True), ("Nature", 2.2, False), ("Caméra", 1.5, False), ("Du", 1.7, False)),
        *(("Au", 1.7, False), ("Durée", 1.4, True), ("Cause", 3.5, False)),
    )
    rows = []
    for one in report.intervals:
        end = "en cours" if one.end_ms is None else french.when(one.end_ms)
        cause = "causes diverses" if one.cause == SEVERAL else words.french(one.cause)
        length = None if one.end_ms is None else one.end_ms - one.start_ms
        if one.times > 1:
            cause, length = f"{one.times} fois : {cause}", one.sum_ms
        rows.append(
            (
                *(str(one.entry), french.INTERVALS[one.kind], one.camera or "toutes", french.when(one.start_ms)),
                *(end, french.length(length), cause + (CUT if one.cut else "")),
            )
        )
    yield from _table(columns, rows)
    if any(one.times > 1 for one in report.intervals):
        yield Paragraph(
            f"« N fois » : au-delà de {LISTED_SINGLY} par jour, caméra et nature, les intervalles de moins d'une "
            "minute sont réunis, à la première entrée ; leur durée est la somme des leurs. Chacun est au registre.",
            7.5,
        )


CUT = " (fin : arrêt de l'agent)"


def _journal(entries: tuple[Entry, ...]) -> Iterator[Block]:
    columns = (("Entrée", 0.8, True), ("Le", 1.7, False), ("Nature", 2.2, False), ("Détail", 7, False))
    rows = [
        (
            *(str(one.index), french.when(one.utc_ms, one.synchronised), KINDS[one.kind][1]),
            details(one, language="fr"),
        )
        for one in entries
    ]
    yield from _table(columns, rows)
