"""Where the head was while a frame was exposed: a set that surely holds the truth, or Blind and why. Decides.

>>> track = PoseTrack(limits, optics)
>>> track.picture(sight)                  # for each frame, in order
>>> track.report(report)                  # for each answer of the head
>>> track.judge(taken, now)               # PoseSet | Blind, once the frame was held

Laws
- Reports are late by up to `pose_age_s` and pictures by up to `video_age_s`, each by another amount each time, and a
  picture by as much more as its stamp shows that it was held up (`agent.lateness`). A report is therefore laid against
  every frame that can have been exposed while it was true, and counts once all have come.
- The path between them is the pictures' own motion (`belief`). Where a picture tells nothing the head may have moved
  at its full speed.
- Evidence that contradicts itself blinds. A pose that was trusted before the contradiction is kept in mind, carried on
  by the pictures, and the reports are believed again only once they agree with it: a head that lies steadily about
  where it points is never believed while the pictures show otherwise. Only what was sure counts as trusted: what is
  said after a blindness began earns nothing, or a head that lies while it finds its zero would be held to its lie.
- What was trusted goes on to bind for `ANCHOR_S` after the reports agreed with it, or a lie that creeps would take the
  trust along by a little each time. A lie that is smaller than the set is wide contradicts nothing.
- What is shown is trusted: until a pose has been sure for `TRUST_S` there is nothing a lie could be held against.
- Where the pictures' thread was lost, as for the seconds of a restart, what they carry on is so wide that it proves
  nothing: the head may have been turned anywhere. It is believed anew, as at the agent's own start, but only once all
  that it says has agreed with the pictures for `ANEW_S`: a head that pauses while it finds its zero moves on.
- Two tellers (GetStatus and the metadata stream) must both vouch for a pose: after a contradiction, or where the head
  moved too fast to be followed, it counts once each that told a pose exactly in the last seconds has told this one.
  Otherwise the one that tells more often would be believed between two words of the other.
- Where pictures show nothing, as in fog, reports alone carry a pose on that the pictures had confirmed. They begin
  none: a head that homes over a blank sky after a reboot may say what it likes.
- After any blindness the pose must be sure for `RESTORE_S` before it counts; for `CALM_S` where only the speed was
  too high for it.
- A head cannot turn harder than `ACCELERATION_DEG_S2`: between two pictures 40 ms apart it hides 0.03 degrees at most,
  and nothing where the pictures around a report stand still. One that twitched there all the same, between two
  pictures and just when it was asked, is found out by the next report: the two do not overlap.
"""

import math
from collections import deque
from itertools import pairwise

from agent.clock import Instant
from agent.ptz.belief import ANYWHERE, INFINITE, Belief, Bound, Box, Node, Stretch, stands, swerved, triple, turned
from agent.ptz.evidence import ACCELERATION_DEG_S2, HeadLimits, Report, Sight
from agent.ptz.optics import Optics
from agent.ptz.path import STEEPEST_TILT_DEG, Path, cos_deg
from agent.units import Blind, PoseSet

ZOOM_ACCELERATION_S2 = 4.0
"""Of the zoom's range, a second a second."""
WIDEST_HALF_DEG = 7.5
"""A pose less sure than this, across the picture or up and down, is none."""
WIDEST_HALF_SPREAD = 0.4
RESTORE_S = 0.5
CALM_S = 0.1
"""Instead of `RESTORE_S`, where nothing was wrong but the speed."""
ANEW_S = 3.0
"""Instead of `RESTORE_S`, after pictures stayed away, or a contradiction that nothing trusted is left to settle."""
TRUST_S = 1.0
"""A pose that was sure for so long is not given up for what a report says against it. None is shown before."""
ANCHOR_S = 60.0
"""For so long after a contradiction what was trusted before it still binds: a lie that creeps would take it along."""
OLD_S = 2.0
SILENT_S = 3.0
UNCONFIRMED = 1
"""Reports that narrow nothing yet: one that lies is found out by the next, before it has counted."""
VOUCHING_HALF_DEG = 2.0
"""A report that says less exactly where the head is, such as a slow answer while it turns, vouches for nothing."""
VOUCHING_S = 2.5
"""GetStatus is asked once a second beside a stream, and some answers are lost."""
LEAST_OVERLAP = 0.8
"""Of the reports' accuracy: honest ones overlap by what they are rounded for, less is a contradiction that begins."""
JUMP_MARGIN = 1.2
TWITCH_S = 0.1
"""No head is told to move and to come back within so little."""
MOST_REPORTS = 64

S = 1_000_000_000


class PoseTrack:
    """Everything known of one head's pose over time. Not thread-safe: `head` locks around it."""

    def __init__(self, limits: HeadLimits, optics: Optics) -> None:
        self._limits = limits
        self._optics = optics
        self._path = Path(limits, optics)
        self._belief = Belief()
        self._proven: Belief | None = None  # as it was when the pose was sure last
        self._trusted: Belief | None = None
        self._waiting: deque[Report] = deque(maxlen=MOST_REPORTS)
        self._recent: deque[Report] = deque(maxlen=MOST_REPORTS)
        self._blind = "starting"
        self._restore_s = RESTORE_S
        self._good_since: Instant | None = None
        self._earned = False
        self._anew = False  # the pictures have stayed away for long, and nothing was sure since
        self._seen = False  # the pictures have confirmed the pose, and nothing has come between since
        self._told_at: dict[bool, Instant] = {}  # when each teller's last exact report was, by whether it is streamed
        self._heard_at: dict[bool, Instant] = {}  # when each was last heard at all
        self._disputed = False
        self._vouched: set[bool] = set()  # who has told the pose that is believed
        self._outside_at: Instant | None = None
        self._fault_at: Instant | None = None
        self._jumped_at: Instant | None = None
        self._contradiction = ""

    # --- evidence ---

    def picture(self, sight: Sight) -> None:
        """The next frame's evidence; frames come in the order that they were taken."""
        newest = self._path.newest
        if sight.broken or newest is None or sight.taken - newest.taken > S:
            self._seen = False
        self._anew = self._anew or (newest is not None and sight.taken - newest.taken > S)
        self._path.add(sight, self._seen_from(self._path.before(sight)))
        if not self._is_tight(self._around(self._path.newest)):
            self._vouched.clear()
        jumped = self._jumped_at is not None and sight.taken - self._jumped_at < S
        if jumped and self._path.broke_since(sight.taken):  # the picture was turned over as well
            self._trusted = self._proven = None
            self._contradiction = "flipping"
        self._lay_reports()

    def report(self, report: Report) -> None:
        """One answer of the head, in whatever order they arrive."""
        self.heard(report)
        if report.fault:
            self._fault_at = report.received
        if self._optics.spread(report.zoom) is None:
            self._outside_at = report.received
        if self._recent and self._jumps(self._recent[-1], report):
            flipped = self._path.broke_since(Instant(report.received - S))
            self._jumped_at = report.received
            self._waiting.clear()
            self._contradict("flipping" if flipped else "contradiction-reports", forget=flipped)
        self._recent.append(report)
        self._waiting.append(report)
        self._lay_reports()

    def heard(self, report: Report) -> None:
        """Somebody told something, if only what newer reports have overtaken."""
        self._heard_at[report.streamed] = report.received

    def _jumps(self, before: Report, report: Report) -> bool:
        apart = max(report.received - before.asked, before.received - report.asked)  # either may be the older one
        seconds = apart / S + self._limits.pose_age_s
        reach = triple(lambda axis: self._path.speed[axis] * seconds * JUMP_MARGIN)
        pan, tilt = abs(report.pan_deg - before.pan_deg), abs(report.tilt_deg - before.tilt_deg)
        pan = min(pan % 360, 360 - pan % 360) if self._limits.pan_turns else pan
        return pan > reach[0] + 2 * self._limits.accuracy_deg or tilt > reach[1] + 2 * self._limits.accuracy_deg

    def _lay_reports(self) -> None:
        """Lays those reports against the path whose frames have all come."""
        newest = self._path.newest
        while newest is not None and self._waiting and newest.earliest >= self._waiting[0].received:
            report = self._waiting.popleft()
            nodes = self._path.between(self._oldest(report), report.received)
            if nodes:
                self._count(report, swerved(nodes))

    def _oldest(self, report: Report) -> Instant:
        return Instant(report.asked - int(self._limits.pose_age_s * S))

    def _count(self, report: Report, nodes: list[Node]) -> None:
        gap = max(b.stamp_s - a.stamp_s for a, b in pairwise(nodes)) if len(nodes) > 1 else 0.0
        position = self._position(report, 0.0 if gap < TWITCH_S and stands(nodes) else gap * gap / 16)
        if any(node.assumed for node in nodes) and self._steep(position, nodes):
            position = Box((-INFINITE, *position.low[1:]), (INFINITE, *position.high[1:]))
        believed = self._belief.at(nodes[-1])
        stretch = Stretch.of(nodes)
        turn = self._turn(Bound.of(position, stretch).around(nodes[-1]), believed)
        one = Bound.of(turned(position, turn), stretch)
        here = one.around(nodes[-1])
        both = here.meet(believed)
        least = LEAST_OVERLAP * self._limits.accuracy_deg
        if both.empty or min(both.half[:2]) < least:
            self._contradict("contradiction-picture")
        self._belief.add(one)
        if max(here.half[:2]) <= VOUCHING_HALF_DEG:
            self._told_at[report.streamed] = report.received
            self._vouched.add(report.streamed)

    def _steep(self, position: Box, nodes: list[Node]) -> bool:
        """True when the head may have looked so steeply at one of `nodes` that the path's pan is wrong."""
        moved = max(node.x[1] for node in nodes) - min(node.x[1] for node in nodes)
        moved += nodes[-1].drift[1] - nodes[0].drift[1] + 2 * max(node.slack[1] for node in nodes)
        return max(-position.low[1], position.high[1]) + moved > STEEPEST_TILT_DEG

    def _turn(self, box: Box, near: Box) -> float:
        """The whole turns, in degrees, that bring the pan of `box` closest to that of `near`."""
        apart = near.middle[0] - box.middle[0]
        return 360.0 * round(apart / 360) if self._limits.pan_turns and math.isfinite(apart) else 0.0

    def _position(self, report: Report, hidden_s2: float) -> Box:
        """What the report says, as wide as it may be wrong; `hidden_s2` times its hardest the head may have swerved."""
        around = self._limits.accuracy_deg + ACCELERATION_DEG_S2 * hidden_s2
        around_zoom = self._limits.accuracy_zoom + ZOOM_ACCELERATION_S2 * hidden_s2
        low, high = self._optics.spreads(report.zoom, around_zoom)
        return Box(
            (report.pan_deg - around, report.tilt_deg - around, low),
            (report.pan_deg + around, report.tilt_deg + around, high),
        )

    def _contradict(self, reason: str, *, forget: bool = False) -> None:
        """Begins to believe anew; what was trusted stays in mind unless the picture was turned over as well."""
        if forget:
            self._trusted = self._proven = None
        elif self._trusted is None:
            self._trusted = self._proven
        self._belief = Belief()
        self._vouched.clear()
        self._disputed = True
        self._earned = self._seen = False
        self._contradiction = reason
        self._good_since = None

    def _around(self, node: Node | None) -> Box:
        """Where the head may be at `node`, by what its reports say."""
        box = ANYWHERE if node is None else self._belief.at(node)
        return ANYWHERE if box.empty else box

    def _seen_from(self, node: Node | None) -> Box:
        """Where the head may be at `node`, for what a picture's motion means in degrees: by what was trusted, if any.

        What is told since a contradiction, or nothing at all, would loosen or falsify the path by which a lie is to be
        found out: what was trusted would be lost, or carried away from the truth for good.
        """
        trusted = None if self._trusted is None or node is None else self._trusted.at(node)
        if trusted is None or trusted.empty or not self._is_tight(trusted):
            return self._around(node)
        both = self._meet(self._around(node), trusted) if self._earned else trusted
        return trusted if both.empty else both

    def _meet(self, box: Box, trusted: Box) -> Box:
        """What satisfies both, whatever whole turns lie between them."""
        return turned(box, self._turn(box, trusted)).meet(trusted)

    # --- judgement ---

    def judge(self, taken: Instant, now: Instant) -> PoseSet | Blind:
        """The set of poses that the frame taken at `taken` can have been exposed under, or why nobody can know."""
        found = self._found(taken, now)
        if isinstance(found, str):
            calm = found == "moving-too-fast" and (not self._blind or self._restore_s == CALM_S)
            self._restore_s = CALM_S if calm else RESTORE_S
            self._good_since = None
            self._blind = found
            return Blind(found)
        if self._good_since is None:
            self._good_since = taken
        trusted = self._carried(taken)
        lost = trusted is not None and not self._is_tight(trusted)
        if lost and self._earned:  # it has been agreed with; it need not bind any longer
            self._trusted, trusted, lost = None, None, False
        sure = taken - self._good_since
        if self._blind and sure < self._wait_s(lost=lost) * S:
            return Blind(self._blind)
        self._blind, self._anew = "", False
        agreed = trusted is not None and not lost  # the belief agrees with what was trusted: it inherits the trust
        self._earned = self._earned or agreed or sure >= TRUST_S * S
        if lost or sure > ANCHOR_S * S:
            self._trusted = None
        if self._earned:
            self._proven = self._belief.copy(UNCONFIRMED)
        return self._as_set(found)

    def _wait_s(self, *, lost: bool) -> float:
        """For how long the pose must be sure before it counts; `lost`: what was trusted proves nothing any more."""
        if lost or self._anew:
            return ANEW_S
        return self._restore_s if self._earned or self._trusted is not None else TRUST_S

    def _found(self, taken: Instant, now: Instant) -> Box | str:
        node = self._path.at(taken)
        if node is None or not self._recent:
            return "starting"
        if reason := self._ill(taken, now):
            self._seen = False
            return reason
        if self._belief.at(node).empty:
            return "contradiction-picture"
        box = self._belief.at(node, UNCONFIRMED)
        if self._is_tight(box):
            self._seen = self._seen or not node.blank
            return self._confirmed(box, node) if self._all_vouch(now) else self._why_unvouched()
        alone = node.blank and self._seen and not self._doubted
        bracket = self._bracket(node) if alone else None
        if bracket is not None and self._is_tight(bracket):
            return bracket
        return "featureless" if node.blank else self._why_wide()

    @property
    def _doubted(self) -> bool:
        """True from a contradiction on until what is told agrees with what was trusted."""
        return self._trusted is not None and not self._earned

    def _confirmed(self, box: Box, node: Node) -> Box | str:
        """What is believed, where it agrees with what was trusted before a contradiction."""
        if self._trusted is None:
            return box
        trusted = self._trusted.at(node)
        both = self._meet(box, trusted)
        if both.empty:
            self._earned = False
            return self._contradiction
        hardly = min(both.half[:2]) < LEAST_OVERLAP * self._limits.accuracy_deg and self._is_tight(trusted)
        return trusted if hardly else both

    def _carried(self, taken: Instant) -> Box | None:
        """Where the head was, by what was trusted before a contradiction and the pictures since; None without one."""
        node = None if self._trusted is None else self._path.at(taken)
        return None if self._trusted is None or node is None else self._trusted.at(node)

    def _all_vouch(self, now: Instant) -> bool:
        """True unless one of two tellers has not told what is believed; after a contradiction only silence excuses."""
        told, lasts_s = (self._heard_at, SILENT_S) if self._disputed else (self._told_at, VOUCHING_S)
        tellers = {teller for teller, at in told.items() if now - at <= lasts_s * S}
        good = len(tellers) < 2 or tellers <= self._vouched
        self._disputed = self._disputed and not good
        return good

    def _why_unvouched(self) -> str:
        return self._contradiction or ("moving-too-fast" if self._seen and self._earned else "starting")

    def _why_wide(self) -> str:
        if self._doubted or self._belief.reports <= UNCONFIRMED:
            return self._contradiction or "starting"
        return "moving-too-fast"

    def _ill(self, taken: Instant, now: Instant) -> str:
        """Why no report can be relied on at all, or nothing."""
        since = (now - self._recent[-1].received) / S
        if since > SILENT_S:
            return "onvif-silent"
        if since > OLD_S:
            return "pose-old"
        if self._fault_at is not None and taken - self._fault_at < S:
            return "head-homing"
        if self._outside_at is not None and taken - self._outside_at < S:
            return "zoom-outside-calibration"
        return ""

    def _is_tight(self, box: Box) -> bool:
        pan, tilt, spread = box.half
        middle = min(90.0, abs(box.middle[1])) if tilt < INFINITE else 0.0
        return pan * cos_deg(middle) <= WIDEST_HALF_DEG and tilt <= WIDEST_HALF_DEG and spread <= WIDEST_HALF_SPREAD

    def _bracket(self, node: Node) -> Box | None:
        """From reports alone, for pictures that show nothing: the hull of those around, and what a head can hide."""
        before = [one for one in self._recent if one.received <= node.earliest]
        after = [one for one in self._recent if self._oldest(one) >= node.taken]
        if not before or not after:
            return None
        first = before[-1]
        reports = [one for one in self._recent if first.received <= one.received <= after[0].received]
        gap = max((b.received - self._oldest(a)) / S for a, b in pairwise(reports))
        boxes = [self._position(one, gap * gap / 8) for one in reports]
        boxes = [turned(box, self._turn(box, boxes[0])) for box in boxes]
        return Box(
            triple(lambda axis: min(box.low[axis] for box in boxes)),
            triple(lambda axis: max(box.high[axis] for box in boxes)),
        )

    def _as_set(self, box: Box) -> PoseSet:
        turns = 360 * round(box.middle[0] / 360) if self._limits.pan_turns else 0
        zoom = (self._optics.zoom_of_spread(box.high[2]), self._optics.zoom_of_spread(box.low[2]))
        return PoseSet((box.low[0] - turns, box.high[0] - turns), (box.low[1], box.high[1]), zoom)
