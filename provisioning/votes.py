"""The readings of one zoom vote on how wide the view is there. Pure.

    vote = take_vote(readings)          # CalibrationError when they cannot agree

The median first, then the weighted mean of those near it: a lorry that passes spoils one reading and not the vote. The
standard error is the one that the readings' own errors give, or, when they scatter more than that, the one that their
scatter gives (Birge's ratio).
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from agent.errors import CalibrationError
from agent.language import say
from provisioning.readings import STEEPEST_DEG, Reading, Size, view

LEAST_STEPS = 3
TRUSTED = 0.003
"""No reading is thrown out for a difference so small, however sure it claims to be."""
FAR = 4.0
"""Of its own error, or of the usual one where that is larger: a reading so far from the others does not count."""
LEAST_AGREEING = 0.6
SCATTER, BEYOND = 0.03, 3.0
"""Readings that scatter by more than this share and by so many times their errors contradict each other."""
ASKEW_DEG = 15.0

Floats = NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class Vote:
    """What one zoom's readings say: ln tan(hfov / 2) with its standard error.

    `kept` readings count, `left_out` do not. `scatter_deg`: by how much steps and pictures disagree, as a standard
    deviation of a step. `play_deg`: what the head lost when it turned back.
    """

    zoom: float
    log_h: float
    error: float
    kept: int
    left_out: int
    scatter_deg: float
    play_deg: float


def refusal(word: str, *, en: str, fr: str) -> CalibrationError:
    """The error of that `word`, in the person's language."""
    return CalibrationError(say(en=en, fr=fr), word)


def take_vote(readings: Sequence[Reading]) -> Vote:
    """The vote of one zoom's readings; CalibrationError when they are too few, disagree, or move another way."""
    zoom = float(np.mean([one.zoom for one in readings]))
    steep = max(abs(one.at_tilt_deg) for one in readings)
    if steep > STEEPEST_DEG:
        raise refusal(
            "too-steep",
            en=f"zoom {zoom:.2f}: a tilt of {steep:.0f} degrees is too steep; look nearer to the horizon",
            fr=f"zoom {zoom:.2f} : inclinaison de {steep:.0f} degrés trop forte ; viser plus près de l'horizon",
        )
    onward = [size for size in (view(one) for one in readings if not one.turned_back) if size is not None]
    if len(onward) < LEAST_STEPS:
        raise refusal(
            "few-steps",
            en=f"zoom {zoom:.2f}: {len(onward)} step(s) moved the picture, {LEAST_STEPS} are needed; take more steps",
            fr=f"zoom {zoom:.2f} : {len(onward)} pas ont déplacé l'image, il en faut {LEAST_STEPS} ; en faire d'autres",
        )
    _check_direction(zoom, onward)
    logs, errors = np.array([one.log_h for one in onward]), np.array([one.error for one in onward])
    agree = _agreeing(logs, errors)
    log_h, error, beyond, scatter = _mean(logs[agree], errors[agree])
    kept = int(agree.sum())
    if kept < max(2, LEAST_AGREEING * len(onward)) or (scatter > SCATTER and beyond > BEYOND):
        raise refusal(
            "contradiction",
            en=f"zoom {zoom:.2f}: the steps contradict each other (by {100 * float(np.std(logs)):.0f} %); "
            "measure again without traffic before the lens, and check that the head stands when you read",
            fr=f"zoom {zoom:.2f} : les pas se contredisent (de {100 * float(np.std(logs)):.0f} %) ; "
            "recommencer sans circulation devant l'objectif, tête arrêtée à chaque lecture",
        )
    turns = np.array([one.turn_deg for one in onward])[agree]
    scatter_deg = float(np.sqrt(np.sum(((logs[agree] - log_h) * turns) ** 2) / max(1, kept - 1)))
    play = _play(readings, log_h, error)
    return Vote(zoom, log_h, error, kept, len(onward) - kept, scatter_deg, play)


def _agreeing(logs: Floats, errors: Floats) -> NDArray[np.bool_]:
    """Which readings lie with the others: not farther than `FAR` times their error, or the usual difference."""
    sure = np.maximum(errors, TRUSTED)
    away = np.abs(logs - np.median(logs)) / sure
    return np.asarray(away <= FAR * max(1.0, 1.4826 * float(np.median(away))))


def _mean(logs: Floats, errors: Floats) -> tuple[float, float, float, float]:
    """(weighted mean, its standard error, how many times their errors the values scatter, their scatter)."""
    weights = 1 / np.maximum(errors, 1e-6) ** 2
    mean = float(np.sum(weights * logs) / weights.sum())
    loose = max(1, len(logs) - 1)
    beyond = math.sqrt(float(np.sum(weights * (logs - mean) ** 2)) / loose)
    scatter = math.sqrt(float(np.sum((logs - mean) ** 2)) / loose)
    return mean, max(1.0, beyond) / math.sqrt(float(weights.sum())), beyond, scatter


def _check_direction(zoom: float, sizes: Sequence[Size]) -> None:
    astray = float(np.median([one.astray_deg for one in sizes]))
    if astray > 90:
        raise refusal(
            "mirrored",
            en=f"zoom {zoom:.2f}: the picture moves against the head; switch off mirroring or flipping in the camera",
            fr=f"zoom {zoom:.2f} : l'image va à l'inverse de la tête ; désactiver miroir ou retournement de l'image",
        )
    if astray > ASKEW_DEG:
        raise refusal(
            "askew",
            en=f"zoom {zoom:.2f}: the picture moves {astray:.0f} degrees askew of the head's turn; level the camera, "
            "and check that the pictures are this head's",
            fr=f"zoom {zoom:.2f} : l'image se déplace de biais ({astray:.0f} degrés) ; mettre la caméra d'aplomb, "
            "et vérifier que les images sont bien celles de cette tête",
        )


def _play(readings: Sequence[Reading], log_h: float, error: float) -> float:
    """Degrees that the head loses when it turns back, beyond what the readings' errors explain."""
    lost = [0.0]
    for one in readings:
        size = view(one) if one.turned_back else None
        if size is not None:
            missing = size.turn_deg * (1 - math.exp(log_h - size.log_h))  # a view that seems too wide moved too little
            lost.append(max(0.0, missing - 2 * size.turn_deg * math.hypot(size.error, error)))
        elif one.turned_back:
            lost.append(abs(one.pan_deg) + abs(one.tilt_deg))
    return max(lost)
