"""Facts -> what a person ought to look at. Decides; touches nothing.

Every issue has a stable key, a severity and a sentence in French and in English; the one who reads may speak either.
`error`: pictures, recordings or proof are being lost. `warning`: they soon will be. `info`: worth knowing.
"""

from collections.abc import Iterator

from agent.facts import CameraFacts, MastFacts, RegisterFacts
from agent.telemetry.values import Issue, MachineFacts, OutboxFacts
from agent.units import Blind

GIB = 1 << 30
DISK_ERROR_BYTES = GIB // 2
DISK_WARNING_BYTES = 2 * GIB
HOT_C = 80.0
"""Where a Raspberry Pi begins to slow itself down."""
TOO_HOT_C = 90.0
MEMORY_WARNING_SHARE = 0.05
CLOCK_ERROR_MS = 1000.0
LOST_FRAMES_SHARE = 0.02
UNWITNESSED_S = 6 * 3600.0
HELD_WARNING_SHARE = 0.5
AIM_UNKNOWN_S = 3600.0
"""A night may hide a street for long; after so long somebody ought to know."""


def find(
    facts: MastFacts,
    machine: MachineFacts,
    outbox: OutboxFacts,
    before: MastFacts | None = None,
    retention_hours: float | None = None,
) -> tuple[Issue, ...]:
    """All issues now, gravest first. `before`: the facts of the last health message, for what is lost meanwhile."""
    earlier = {camera.id: camera for camera in before.cameras} if before else {}
    found = [
        *_of_disk(facts, retention_hours),
        *_of_holds(facts),
        *_of_machine(machine),
        *_of_clock(facts),
        *_of_register(facts.register),
        *_of_outbox(outbox),
        *(Issue(one.key, "warning", one.en, one.fr) for one in facts.troubles),
        *(issue for camera in facts.cameras for issue in _of_camera(camera, earlier.get(camera.id))),
    ]
    return tuple(sorted(found, key=lambda issue: ("error", "warning", "info").index(issue.severity)))


def _of_disk(facts: MastFacts, retention_hours: float | None) -> Iterator[Issue]:
    free = facts.disk_free_bytes
    if free < DISK_WARNING_BYTES:
        yield Issue(
            "disk_low",
            "error" if free < DISK_ERROR_BYTES else "warning",
            f"{free / GIB:.1f} GiB left on the recording disk; lower max_gib or fit a larger disk",
            f"il reste {free / GIB:.1f} Gio sur le disque d'enregistrement ; réduire max_gib ou agrandir le disque",
        )
    # an agent that has run for longer than the ring reaches back has evicted for lack of room
    if retention_hours and facts.uptime_s / 3600 > facts.buffer_hours + 1 and facts.buffer_hours < retention_hours - 1:
        yield Issue(
            "buffer_short",
            "warning",
            f"recordings reach back {facts.buffer_hours:.0f} h, retention asks for {retention_hours:.0f} h; "
            "raise max_gib or lower bitrate_kbps",
            f"les enregistrements couvrent {facts.buffer_hours:.0f} h, la durée demandée est {retention_hours:.0f} h ; "
            "augmenter max_gib ou réduire bitrate_kbps",
        )


def _of_holds(facts: MastFacts) -> Iterator[Issue]:
    percent = 100 * facts.held_share
    if facts.crowded:
        yield Issue(
            "holds_full",
            "error",
            f"what is held for requisitions ({percent:.0f} % of max_gib) leaves no room, so nothing is recorded; have "
            "holds released, raise max_gib or fit a larger disk",
            f"ce qui est conservé sur réquisition ({percent:.0f} % de max_gib) ne laisse plus de place, rien n'est "
            "enregistré ; faire lever des conservations, augmenter max_gib ou agrandir le disque",
        )
    elif facts.held_share >= HELD_WARNING_SHARE:
        yield Issue(
            "holds_large",
            "warning",
            f"{percent:.0f} % of max_gib is held for requisitions; recording stops when it is full: raise max_gib or "
            "have holds released",
            f"{percent:.0f} % de max_gib est conservé sur réquisition ; l'enregistrement cessera s'il est plein : "
            "augmenter max_gib ou faire lever des conservations",
        )


def _of_machine(machine: MachineFacts) -> Iterator[Issue]:
    degrees = machine.temperature_c
    if degrees is not None and degrees >= HOT_C:
        yield Issue(
            "temperature",
            "error" if degrees >= TOO_HOT_C else "warning",
            f"the processor is at {degrees:.0f} °C; check the box's ventilation",
            f"le processeur est à {degrees:.0f} °C ; vérifier la ventilation du boîtier",
        )
    if machine.throttling and machine.throttling.now:
        why = ", ".join(machine.throttling.now)
        yield Issue(
            "throttling",
            "warning",
            f"the processor is held back ({why}); check power supply and cooling",
            f"le processeur est bridé ({why}) ; vérifier l'alimentation et le refroidissement",
        )
    total, available = machine.memory_total_bytes, machine.memory_available_bytes
    if total and available is not None and available < MEMORY_WARNING_SHARE * total:
        left = available >> 20
        yield Issue("memory_low", "warning", f"{left} MiB of memory left", f"il reste {left} Mio de mémoire")


def _of_clock(facts: MastFacts) -> Iterator[Issue]:
    wall = facts.wall
    if not wall.trusted:
        yield Issue(
            "clock_untrusted",
            "error",
            "the clock is before the last recorded time, so no grant can be judged; restore the time service",
            "l'horloge précède la dernière date enregistrée, aucun accès n'est possible ; rétablir le serveur de temps",
        )
    elif not wall.synchronised:
        yield Issue(
            "clock_unsynchronised",
            "warning",
            "no time service keeps the clock; recordings may bear a wrong time",
            "aucun serveur de temps ne règle l'horloge ; l'heure des enregistrements peut être fausse",
        )
    elif wall.error_ms is not None and wall.error_ms > CLOCK_ERROR_MS:
        seconds = wall.error_ms / 1000
        yield Issue(
            "clock_uncertain",
            "warning",
            f"the clock may be {seconds:.1f} s off",
            f"l'horloge peut être fausse de {seconds:.1f} s",
        )


def _of_register(register: RegisterFacts) -> Iterator[Issue]:
    if register.fault:
        why = register.fault
        yield Issue(
            "register_unwritable",
            "error",
            f"the register cannot be written, so nobody may look or steer; recording goes on: {why}",
            f"le registre ne peut être écrit : ni consultation ni pilotage ; l'enregistrement continue : {why}",
        )
    if register.conflict:
        yield Issue(
            "register_conflict",
            "error",
            "the witness has seen another register than this one: it was cut back or rewritten; keep the disk as it is",
            "le témoin a vu un autre registre que celui-ci : coupé ou réécrit ; garder le disque en l'état",
        )
    elif register.unwitnessed_s is not None and register.unwitnessed_s > UNWITNESSED_S:
        hours = register.unwitnessed_s / 3600
        yield Issue(
            "register_unwitnessed",
            "warning",
            f"for {hours:.0f} h no witness has cosigned the register; check [register.witness] and its program",
            f"depuis {hours:.0f} h aucun témoin n'a cosigné le registre ; vérifier [register.witness] et son programme",
        )


def _of_outbox(outbox: OutboxFacts) -> Iterator[Issue]:
    if outbox.dropped:
        yield Issue(
            "events_lost",
            "warning",
            f"{outbox.dropped} events were lost since start: the broker was away for too long",
            f"{outbox.dropped} événements perdus depuis le démarrage : courtier absent trop longtemps",
        )


def _of_camera(camera: CameraFacts, earlier: CameraFacts | None) -> Iterator[Issue]:
    name, key = camera.name, camera.id
    if camera.capture == "lost":
        why = camera.capture_reason
        yield Issue("capture_lost", "error", f"{name}: no picture: {why}", f"{name} : pas d'image : {why}", key)
    if isinstance(camera.masks, Blind) and camera.capture == "live":
        why = camera.masks.reason
        yield Issue(
            "blind",
            "error",
            f"{name}: the whole picture is masked ({why})",
            f"{name} : toute l'image est masquée ({why})",
            key,
        )
    yield from _of_aim(camera)
    if not camera.recording and (camera.capture == "live" or camera.recording_reason):
        why = camera.recording_reason or "-"
        yield Issue(
            "recording_off",
            "error",
            f"{name}: nothing is recorded: {why}",
            f"{name} : rien n'est enregistré : {why}",
            key,
        )
    if camera.below_minimum and camera.capture == "live":
        size = f"{camera.width}x{camera.height}, {camera.fps:.0f}"
        yield Issue(
            "below_minimum",
            "error",
            f"{name}: {size} fps is below the legal minimum for its view (decree of 3 August 2007)",
            f"{name} : {size} i/s, sous le minimum légal pour sa vue (arrêté du 3 août 2007)",
            key,
        )
    yield from _of_signing(camera, earlier)
    if earlier is not None:
        yield from _of_losses(camera, earlier)


def _of_aim(camera: CameraFacts) -> Iterator[Issue]:
    name, key, aim = camera.name, camera.id, camera.aim
    if "aim-lost" in aim.tamper:
        yield Issue(
            "aim_lost",
            "error",
            f"{name}: no longer points where its masks were drawn; set it right, then `vigie aim approve`",
            f"{name} : ne vise plus là où ses masques ont été posés ; la redresser, puis `vigie aim approve`",
            key,
        )
    if "covered" in aim.tamper:
        text_en, text_fr = f"{name}: something covers the lens", f"{name} : quelque chose couvre l'objectif"
        yield Issue("lens_covered", "error", text_en, text_fr, key)
    if "defocused" in aim.tamper:
        yield Issue("lens_defocused", "error", f"{name}: out of focus", f"{name} : image floue", key)
    if aim.word in ("learning", "unsure") and aim.age_s > AIM_UNKNOWN_S and camera.capture == "live":
        minutes = aim.age_s / 60
        yield Issue(
            "aim_unknown",
            "warning",
            f"{name}: for {minutes:.0f} minutes too little is seen to tell where it points (dark, fog, a dirty lens)",
            f"{name} : depuis {minutes:.0f} minutes, trop peu visible pour vérifier sa visée (nuit, brume, saleté)",
            key,
        )


def _of_signing(camera: CameraFacts, earlier: CameraFacts | None) -> Iterator[Issue]:
    before = 0 if earlier is None else earlier.dropped.get("signatures", 0)
    if not camera.signing_reason and camera.dropped.get("signatures", 0) <= before:
        return
    name, why = camera.name, camera.signing_reason or "-"
    yield Issue(
        "unsigned",
        "error",
        f"{name}: pictures left without a signature ({why}); if it lasts, restart the agent and look at the journal",
        f"{name} : images parties sans signature ({why}) ; si cela dure, redémarrer l'agent et lire le journal",
        camera.id,
    )


def _of_losses(camera: CameraFacts, earlier: CameraFacts) -> Iterator[Issue]:
    lost = {what: count - earlier.dropped.get(what, 0) for what, count in camera.dropped.items()}
    name, key = camera.name, camera.id
    if (gap := lost.get("vault", 0)) > 0:
        yield Issue(
            "recording_gap",
            "error",
            f"{name}: {gap} pictures missing from the recording; the disk is too slow",
            f"{name} : {gap} images manquent à l'enregistrement ; le disque est trop lent",
            key,
        )
    taken = max(0, camera.frames - earlier.frames)
    if (frames := lost.get("frames", 0)) > LOST_FRAMES_SHARE * (taken + frames):
        yield Issue(
            "frames_dropped",
            "warning",
            f"{name}: {frames} of {taken + frames} pictures dropped; the processor does not keep up",
            f"{name} : {frames} images perdues sur {taken + frames} ; le processeur ne suit pas",
            key,
        )
    if (behind := lost.get("live", 0)) > 0:
        yield Issue(
            "viewer_slow",
            "info",
            f"{name}: a viewer's network is too slow ({behind} pictures skipped)",
            f"{name} : le réseau d'un poste est trop lent ({behind} images sautées)",
            key,
        )
