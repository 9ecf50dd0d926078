"""The verdict on every sealed picture of a turning head: laid against the truth by its number, or by its time.

verdict = judge(folder, "tete", head, witness)
assert verdict.leaking == []
unmasked, lagging = controls(head, witness)      # that the judge sees what leaks
assert all(unmasked)
"""

import subprocess
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

import av
import cv2

from agent.masking.following import FollowingMasks
from agent.masking.lens import ZoomTable
from agent.masking.planes import Picture
from agent.masking.sphere import WorldMask
from agent.units import PoseSet
from agent.virtual import frame_code
from agent.virtual.ptz_camera import TruePose, VirtualPtz
from agent.virtual.render import truth
from tests.e2e.judge import BLOCK, bare, leaks
from tests.e2e.pointing import Stamped
from tests.e2e.witness import Luma, Originals, Witness

STRIP_ROWS = 24
"""The name and the time stand here, and the number at the bottom: neither is part of the scene."""
MOST_LEFT_OUT = 4
"""Numbers from one picture to the next: a camera on a loaded machine leaves pictures out."""
FLAT = 2.5
"""Spread of the luma of a blind picture, which is one colour, after encoding."""


@dataclass
class Verdict:
    """What the judge found: pictures by what they are, blocks of private structure, and which pictures leak."""

    pictures: int = 0
    blind: int = 0
    unmatched: int = 0
    misplaced: int = 0
    """Pictures whose own number is not the one that their time tells: those without one are known by theirs."""
    blocks: int = 0
    leaking: list[int] = field(default_factory=list)
    effects: Counter[str] = field(default_factory=Counter)
    evidence: list[str] = field(default_factory=list)
    strips: dict[str, list[Stamped]] = field(default_factory=dict)
    """What tells each picture's time, by its segment's name."""

    @property
    def judged(self) -> int:
        """Pictures that were laid against the truth; a blind one shows one colour and nothing else."""
        return self.pictures - self.unmatched

    def __str__(self) -> str:
        return (
            f"{self.judged} pictures judged ({self.blind} blind, {self.unmatched} unmatched, "
            f"{self.misplaced} misplaced), {self.blocks} blocks, "
            f"leaking: {self.leaking[:20]} {'; '.join(self.evidence[:5])}"
        )


@dataclass(frozen=True, slots=True)
class Sealed:
    """One sealed picture: in which segment, when in it, and its number where that can be read."""

    segment: str
    time_s: float
    luma: Luma
    number: int | None

    def near(self, anchor: "Sealed", fps: float) -> int:
        """Its number by the media clock, counted from `anchor`, a picture of the same segment with a number."""
        assert anchor.number is not None
        return anchor.number + round((self.time_s - anchor.time_s) * fps)


def sealed(folder: Path, camera: str) -> Iterator[Sealed]:
    """Every picture in the sealed segments of a camera, in order; what a kill left of one counts too."""
    for path in sorted((folder / "state").glob(f"segments/{camera}/*/*/*/*.age")):
        segment = str(path.relative_to(folder / "state"))
        plain = folder / f"{camera}.mp4"
        with plain.open("wb") as out:
            command = ["age", "-d", "-i", str(folder / "keys" / "vault.key"), str(path)]
            subprocess.run(command, stdout=out, stderr=subprocess.DEVNULL, check=False)
        with av.open(str(plain)) as container:
            try:
                for frame in container.decode(video=0):
                    luma = frame.to_ndarray(format="gray")
                    yield Sealed(segment, float(frame.time or 0.0), luma, frame_code.read(luma))
            except av.FFmpegError:
                continue


def private_area(pose: TruePose, luma: Luma) -> Luma:
    """255 where a private place is, without the rows that are not of the scene."""
    private = truth(pose.view(), luma.shape[1], luma.shape[0])
    private[:STRIP_ROWS] = private[-STRIP_ROWS:] = 0
    return private


def is_flat(luma: Luma) -> bool:
    """True for a picture of one colour below the strip."""
    return float(luma[STRIP_ROWS + 8 :].std()) < FLAT


def judge(folder: Path, camera: str, head: VirtualPtz, witness: Witness) -> Verdict:
    """Lays every sealed picture against the truth; what leaks is put beside as pictures."""
    verdict, originals, fps = Verdict(), Originals(witness), head.setup.fps
    last: Sealed | None = None
    waiting: list[Sealed] = []
    for one in sealed(folder, camera):
        verdict.pictures += 1
        if one.number is None and is_flat(one.luma):
            verdict.blind += 1
            _keep(one, None, verdict)
        elif one.number is None:
            waiting.append(one)
        else:
            if last is not None and last.segment == one.segment and one.near(last, fps) != one.number:
                verdict.misplaced += 1
            for hidden in waiting:
                _lay_unnumbered(hidden, originals, (last, one), head, verdict, folder)
            waiting, last = [], one
            _keep(one, one.number, verdict)
            _lay(one.luma, originals.at(one.number), head.true_pose(one.number), verdict, folder)
    verdict.unmatched += len(waiting)
    for hidden in waiting:
        _keep(hidden, None, verdict)
    return verdict


def _keep(one: Sealed, number: int | None, verdict: Verdict) -> None:
    verdict.strips.setdefault(one.segment, []).append(Stamped.of(one.luma, number))


def _lay_unnumbered(
    one: Sealed,
    originals: Originals,
    around: tuple[Sealed | None, Sealed],
    head: VirtualPtz,
    verdict: Verdict,
    folder: Path,
) -> None:
    """A picture whose number is under a mask is known by its time from the next one that shows its own."""
    anchors = [other for other in around if other is not None and other.segment == one.segment]
    if not anchors:
        verdict.unmatched += 1
        _keep(one, None, verdict)
        return
    number = one.near(min(anchors, key=lambda other: abs(other.time_s - one.time_s)), head.setup.fps)
    _keep(one, number, verdict)
    _lay(one.luma, originals.at(number), head.true_pose(number), verdict, folder)


def _lay(luma: Luma, original: Luma | None, pose: TruePose | None, verdict: Verdict, folder: Path) -> None:
    if original is None or pose is None:
        verdict.unmatched += 1
        return
    verdict.effects[pose.effect or ("night" if pose.night else "homing" if pose.homing else "")] += 1
    private = private_area(pose, luma)
    if private.any():
        bad, count = leaks(luma, original, private)
        verdict.blocks += count
        if bad:
            verdict.leaking.append(pose.number)
            verdict.evidence.append(f"{pose}: {len(bad)} of {count}: {', '.join(map(str, bad[:5]))}")
            for name, plane in (("shown", luma), ("original", original), ("private", private)):
                cv2.imwrite(str(folder / f"leak-{pose.number}-{name}.png"), plane)


def controls(head: VirtualPtz, witness: Witness, most: int = 240) -> tuple[list[bool], list[bool]]:
    """(unmasked, lagging): for moving pictures with something private in sight, whether the judge sees it leak.

    `unmasked`: the camera's own picture. `lagging`: the product's own masks, exact but for the picture before, and
    only pictures in which such masks leave a whole block of the private area bare: what is less, no judge sees.
    """
    masks = [WorldMask(place.world_deg, place.style) for place in head.masks]
    table = ZoomTable(head.lens.zoom, head.lens.hfov_deg)
    unmasked, lagging = [], []
    before, pose = None, None
    for number, luma in witness.pictures():
        before, pose = pose, head.true_pose(number)
        if before is None or pose is None or pose.number - before.number > MOST_LEFT_OUT:
            continue
        if not _moved(before, pose, luma.shape[1]):
            continue
        private = private_area(pose, luma)
        if leaks(luma, luma, private)[1] < 20:
            continue
        picture = Picture.empty(luma.shape[1], luma.shape[0])
        picture.y[:] = luma
        exactly = PoseSet.exactly(before.pan_deg, before.tilt_deg, before.zoom)
        FollowingMasks(masks, luma.shape[1], luma.shape[0], error_deg=0.0).burn(picture, exactly, table)
        unmasked.append(bool(leaks(luma, luma, private)[0]))
        if bare(picture.y == luma, luma, private):
            lagging.append(bool(leaks(picture.y, luma, private)[0]))
        if len(unmasked) == most:
            break
    return unmasked, lagging


def _moved(before: TruePose, pose: TruePose, width: int) -> bool:
    """True when the scene has moved by more than a block from one picture to the next."""
    away = (pose.pan_deg - before.pan_deg + 180) % 360 - 180
    return abs(away) / pose.hfov_deg * width > BLOCK
