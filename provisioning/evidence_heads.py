"""Where turning cameras pointed, as a pack's manifest says it: lines for the verdict, and a table. Pure."""

import csv
import io
from collections.abc import Iterator

from agent.clock import from_rfc3339
from agent.evidence.manifest import CameraPart, Manifest
from agent.language import say
from agent.vault.pointing import CUT
from provisioning.evidence_verdict import Line

COLUMNS = (
    *("time_utc", "pan_deg", "pan_half_deg", "tilt_deg", "tilt_half_deg"),
    *("zoom", "zoom_half", "blind"),
)


def about_heads(manifest: Manifest) -> Iterator[Line]:
    """One line a camera; more where its track is not of this interval, or is missing in part."""
    start, end = from_rfc3339(manifest.start), from_rfc3339(manifest.end)
    for camera in manifest.cameras:
        if camera.ptz_track == "none":
            stray = bool(camera.ptz_points or camera.ptz_missing)
            yield Line(
                "bad" if stray else "good",
                camera.id,
                say(en="does not turn: no head's track", fr="ne tourne pas : pas de piste de tête"),
            )
        else:
            yield from _about(camera, start, end)


def _about(camera: CameraPart, start_ms: int, end_ms: int) -> Iterator[Line]:
    times = [from_rfc3339(one.at) for one in camera.ptz_points]
    counters = {one.counter for one in camera.segments}
    wild = any(not start_ms <= one < end_ms for one in times) or not counters.issuperset(camera.ptz_missing)
    if wild:
        yield Line(
            "bad",
            camera.id,
            say(en="its head's track is not of this interval", fr="piste de tête étrangère à l'intervalle"),
        )
        return
    count, blind = len(times), sum(bool(one.blind) for one in camera.ptz_points)
    yield Line(
        "good",
        camera.id,
        say(
            en=f"where its head pointed: {count} points, {blind} of them blind",
            fr=f"où pointait sa tête : {count} points, dont {blind} à position inconnue",
        ),
    )
    if camera.ptz_every > 1:
        yield Line(
            "note",
            camera.id,
            say(
                en=f"where its head pointed: there were too many points, every {camera.ptz_every}th is here",
                fr=f"où pointait sa tête : trop de points, un sur {camera.ptz_every} est ici",
            ),
        )
    broken = sum(one.blind == CUT for one in camera.ptz_points)
    if broken:
        yield Line(
            "note",
            camera.id,
            say(
                en=f"where its head pointed breaks off {broken} times with its recording: power cut, or a faulty disk",
                fr=f"position de la tête interrompue {broken} fois avec l'enregistrement : coupure ou disque fautif",
            ),
        )
    if camera.ptz_missing:
        count = len(camera.ptz_missing)
        yield Line(
            "note",
            camera.id,
            say(
                en=f"where its head pointed is not known for {count} recordings: power cut, or lost for a while",
                fr=f"position de la tête inconnue pour {count} enregistrements : coupure, ou perdus un temps",
            ),
        )


def table(camera: CameraPart) -> str:
    """The camera's track as CSV (RFC 4180), degrees and zoom 0..1; where blind, no numbers."""
    made = io.StringIO()
    writer = csv.writer(made)
    writer.writerow(COLUMNS)
    for one in camera.ptz_points:
        degrees = (one.pan_mdeg, one.pan_half_mdeg, one.tilt_mdeg, one.tilt_half_mdeg)
        numbers = [
            *(f"{value / 1000:.3f}" for value in degrees),
            *(f"{value / 1_000_000:.6f}" for value in (one.zoom_ppm, one.zoom_half_ppm)),
        ]
        writer.writerow([one.at, *([""] * len(numbers) if one.blind else numbers), one.blind])
    return made.getvalue()
