"""`vigie-provision calibrate`: from a head that is there, or from a file of measurements, to a `[camera.lens]` table.

Laws
- No picture is stored, shown or sent, by any option: only numbers come out.
- Progress goes to stderr; stdout holds the table, or one JSON object. Nothing is overwritten.
- The first Ctrl-C (or SIGTERM) ends the measuring and puts the head back; later ones are not heard while it goes.
"""

import json
import signal
import sys
from argparse import Namespace
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from itertools import pairwise
from pathlib import Path
from types import FrameType
from typing import Any, TypeVar

from pydantic import ValidationError

from agent.addresses import split_url
from agent.clock import SystemClock
from agent.errors import CalibrationError, HeadError, SourceError, UsageError
from agent.faults import describe
from agent.heads import Onvif, Ptz
from agent.language import reason, say
from provisioning import lens_file
from provisioning.ages import Ages
from provisioning.calibrate import Bench, Target
from provisioning.lens_fit import LEAST_ZOOMS, Fit, fit_lens
from provisioning.readings import Reading
from provisioning.sent_head import Address

DONE, FAILED = 0, 1
Checked = TypeVar("Checked")
MOST_FILE_BYTES = 4 << 20
MOST_ZOOMS = 32


def run(options: Namespace) -> int:
    """Carries the command out; 1 when no table can be had, UsageError when the asking is wrong."""
    _free(options.out)
    try:
        if options.measurements is not None:
            _alone(options)
            given = lens_file.parse(_read(options.measurements), str(options.measurements))
            aspect = given.aspect
            readings: Sequence[Reading] = given.halves()
            fit, ages = fit_lens(readings, aspect), None
        else:
            fit, readings, aspect, ages = _live(_target(options), _zooms(options.zoom))
    except (CalibrationError, HeadError, SourceError) as error:
        word = error.word if isinstance(error, CalibrationError) else type(error).__name__
        if options.json:
            print(json.dumps({"ok": False, "word": word, "why": str(error)}, ensure_ascii=False))
        _tell(f"vigie-provision calibrate: {error}")
        return FAILED
    except KeyboardInterrupt:
        _tell(say(en="vigie-provision calibrate: interrupted", fr="vigie-provision calibrate : interrompu"))
        return FAILED
    _give(fit, ages, readings, aspect, options)
    return DONE


def _live(target: Target, zooms: Sequence[float]) -> tuple[Fit, Sequence[Reading], float, Ages | None]:
    with _heard_once(), Bench(target, SystemClock(), _tell) as bench:
        fit, readings = bench.measure(zooms)
        try:
            ages = bench.ages(fit)
        except (CalibrationError, HeadError, SourceError) as error:  # the table is there, and worth having
            untold = say(
                en=f"how old its pictures are was not found, and video_age_ms stays as it is: {error}",
                fr=f"âge des images non trouvé, video_age_ms reste tel quel : {error}",
            )
            _tell(untold)
            ages = None
        return fit, readings, bench.aspect, ages


@contextmanager
def _heard_once() -> Iterator[None]:
    """The first SIGINT or SIGTERM interrupts, and the ones after it do not: the head is on its way back."""
    kinds = (signal.SIGINT, signal.SIGTERM)

    def interrupt(_: int, __: FrameType | None) -> None:
        for one in kinds:
            signal.signal(one, signal.SIG_IGN)
        raise KeyboardInterrupt

    held: list[Any] = [signal.signal(one, interrupt) for one in kinds]
    try:
        yield
    finally:
        for one, handler in zip(kinds, held, strict=True):
            signal.signal(one, handler)


def _give(fit: Fit, ages: Ages | None, readings: Sequence[Reading], aspect: float, options: Namespace) -> None:
    text = lens_file.toml(fit, ages)
    if options.out is not None:
        try:
            with options.out.open("x", encoding="utf-8") as file:
                file.write(text)
        except OSError as error:
            raise UsageError(f"--out {options.out}: {reason(error)}") from None
    for line in lens_file.report(fit, ages):
        _tell(line)
    if not options.json:
        print(text, end="")
        return
    entries = [
        {"zoom": one.zoom, "hfov_deg": one.hfov_deg, "error_deg": one.error_deg, "readings": one.readings}
        | {"left_out": one.left_out}
        for one in fit.entries
    ]
    told = {
        "ok": True,
        "lens": {"zoom": fit.zoom, "hfov_deg": fit.hfov_deg, "calibration_error_deg": fit.calibration_error_deg},
        "entries": entries,
        "interpolation_deg": fit.between_deg,
        "pointing_deg": fit.pointing_deg,
        "play_deg": fit.play_deg,
        "another": fit.another,
        "ages": None if ages is None else lens_file.ages(ages),
        "measurements": lens_file.measurements(readings, aspect),
    }
    print(json.dumps(told))


def _tell(line: str) -> None:
    print(line, file=sys.stderr, flush=True)


# --- what was asked for ---


def _alone(options: Namespace) -> None:
    if options.url or options.source:
        raise UsageError(
            say(
                en="--measurements works without a camera: leave out --url and --source, or --measurements",
                fr="--measurements se passe de caméra : omettre --url et --source, ou bien --measurements",
            )
        )


def _free(out: Path | None) -> None:
    if out is not None and out.exists():
        raise UsageError(
            say(
                en=f"--out {out}: is already there and never overwritten; give another name",
                fr=f"--out {out} : existe déjà, jamais écrasé ; donner un autre nom",
            )
        )


def _read(path: Path) -> bytes:
    try:
        with path.open("rb") as file:
            text = file.read(MOST_FILE_BYTES + 1)
    except (OSError, ValueError) as error:
        why = getattr(error, "strerror", None) or "?"
        raise UsageError(
            say(en=f"--measurements {path}: cannot be read ({why})", fr=f"--measurements {path} : illisible ({why})")
        ) from None
    if len(text) > MOST_FILE_BYTES:
        most = MOST_FILE_BYTES >> 20
        raise UsageError(
            say(
                en=f"--measurements {path}: is larger than {most} MiB; measurements are a few kilobytes",
                fr=f"--measurements {path} : dépasse {most} Mio ; des mesures font quelques kilo-octets",
            )
        )
    return text


def _zooms(text: str) -> tuple[float, ...]:
    """`0,0.5,1` -> the zooms in order; UsageError for anything else."""
    try:
        zooms = tuple(sorted({float(one) for one in text.split(",")}))
    except ValueError:
        zooms = ()
    apart = all(b - a > 0.01 for a, b in pairwise(zooms))
    if not (LEAST_ZOOMS <= len(zooms) <= MOST_ZOOMS and all(0 <= one <= 1 for one in zooms) and apart):
        raise UsageError(
            say(
                en=f"--zoom {text}: give 3 to {MOST_ZOOMS} positions from 0 to 1, such as 0,0.25,0.5,0.75,1",
                fr=f"--zoom {text} : donner 3 à {MOST_ZOOMS} positions de 0 à 1, comme 0,0.25,0.5,0.75,1",
            )
        )
    return zooms


def _target(options: Namespace) -> Target:
    """The head as the options name it, judged as `[camera.onvif]` and `[camera.ptz]` are."""
    if not options.url or not options.source:
        raise UsageError(
            say(
                en="give --url and --source of a camera, or --measurements FILE",
                fr="donner --url et --source d'une caméra, ou --measurements FICHIER",
            )
        )
    parts = split_url(options.source)
    if parts is None or parts.scheme not in ("rtsp", "rtsps") or parts.credentials:
        raise UsageError(
            say(
                en="--source: give rtsp://host/path or rtsps://host/path without name and password; those go to "
                "--username and --password-file",
                fr="--source : donner rtsp://hôte/chemin ou rtsps://hôte/chemin sans nom ni mot de passe, qui vont "
                "dans --username et --password-file",
            )
        )
    head = {"url": options.url, "username": options.username}
    files = {"password_file": options.password_file, "ca_file": options.ca_file}
    onvif = _checked(lambda: Onvif.model_validate(head | {key: path for key, path in files.items() if path}))
    ranges = {"pan_deg": _range("--pan-deg", options.pan_deg), "tilt_deg": _range("--tilt-deg", options.tilt_deg)}
    ptz = _checked(lambda: Ptz.model_validate(ranges | {"pose_age_ms": options.pose_age_ms}))
    password = onvif.password().get_secret_value()
    address = Address(onvif.url, onvif.username, password, onvif.ca_file, ptz.pan_deg, ptz.tilt_deg)
    return Target(address, options.source, options.steps, options.more, ptz.pose_age_ms / 1000)


def _checked(make: Callable[[], Checked]) -> Checked:
    try:
        return make()
    except ValidationError as error:
        faults = (f"--{key.replace('_', '-')}: {what}" for key, what in describe(error))
        raise UsageError("\n".join(faults)) from None


def _range(option: str, text: str) -> tuple[float, float]:
    try:
        low, high = (float(one) for one in text.split(","))
    except ValueError:
        raise UsageError(
            say(
                en=f"{option}={text}: give lowest,highest in degrees, such as {option}=-180,180",
                fr=f"{option}={text} : donner plus petit,plus grand en degrés, comme {option}=-180,180",
            )
        ) from None
    return low, high
