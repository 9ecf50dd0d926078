"""One still camera's aim over time: looks in, blind or not and what happened out. Decides; touches nothing.

    watch = Watch(state)
    if watch.due(now_ns):
        news = watch.take(look(luma, hidden), now_ns, utc_ms)
    watch.blind, watch.state          # for the pictures until the next look; what must be kept

States: `learning` (no reference yet: the first start trusts what it sees), `held`, `unsure` (a gap, or a picture that
lies in no reference's place), `lost` (for good, until approved). The room's docstring gives the laws.
"""

from collections import deque
from dataclasses import dataclass, replace
from typing import Literal

import numpy as np

from agent.aim.edges import Look
from agent.aim.gathering import Gathering
from agent.aim.match import Fit, Offset, match
from agent.aim.references import AimState, Approval, Lost, Reference
from agent.units import Blind

AIM_PX = 1.2
FAR_PX = 2.5
"""So far off, the next look decides and not the median of two seconds."""
GOOD_REGIONS = 4
"""That must show something for a picture to become a reference."""
FOUND, FOUND_SHARE = 4, 0.2
"""Regions that must lie in a reference's place for it to be found there."""
MOVED, MOVED_SHARE = 6, 0.3
"""Regions that must agree on another place."""
STEADY_NS, QUICK_NS, SLOW_NS = 500_000_000, 125_000_000, 250_000_000
TRUST_NS = 2_000_000_000
ALIKE = 0.97
"""Correlation of whole pictures; one that lies half a small pixel beside the other has less."""
WINDOW = 8
"""Looks whose median tells a small displacement."""
STRANGE_S = 10.0
"""So long may a picture at rest lie in no reference's place before it counts as another place."""
RESTLESS_S = 60.0
FIRST_LOOKS, APPROVAL_LOOKS, NEW_LOOKS = 20, 8, 20
WEAK = 0.6
"""Score below which another reference would help."""
WEAK_LOOKS = 20
MOST_REFERENCES = 8
STEP_SLACK_PX = 0.15
MOST_SLACK_PX = 0.6
LEARN_PX = 0.6
CALM_S = 60.0
"""Between two new references."""

Seen = Literal["same", "moved", "strange", "blank"]
Word = Literal["learning", "held", "unsure", "lost"]


@dataclass(frozen=True, slots=True)
class Learned:
    """A reference was taken; `count` are kept now. `first`: the aim was commissioned."""

    count: int
    first: bool


@dataclass(frozen=True, slots=True)
class AimLost:
    """The camera no longer points where it did."""


@dataclass(frozen=True, slots=True)
class Approved:
    """New references were taken because somebody asked for them; `lost_ms`: since when (UTC) the aim had been lost."""

    lost_ms: int | None


News = Learned | AimLost | Approved


def found(fit: Fit) -> bool:
    """True when enough regions lie where the reference has them."""
    return fit.support >= max(FOUND, FOUND_SHARE * fit.regions)


def _lamps_in_place(fit: Fit, sight: Look) -> bool:
    """True when a picture shows next to nothing, as by night, and each thing that it shows is in its place."""
    return 0 < sight.clear_regions < FOUND and sight.clear <= fit.firm


def _moved(fit: Fit) -> bool:
    return fit.support >= max(MOVED, MOVED_SHARE * fit.regions)


class Watch:
    """Not thread-safe: the picture thread owns it."""

    def __init__(self, state: AimState) -> None:
        self.state = state
        self.blind: Blind | None = None
        self.confirmed_ns: int | None = None
        self._gathering: Gathering | None = None
        self._approver: str | None = None
        self._best = 0
        self._tried = 0
        self._weak = 0
        self._learned_ns: int | None = None
        self._compared_ns = self._matched_ns = 0
        self._enter("lost" if state.lost is not None else "unsure" if state.references else "learning")

    def _enter(self, word: Word) -> None:
        self.word: Word = word
        self._doubts = 0  # looks in a row that were not in place
        self._good = 0
        self._offs: deque[Offset] = deque(maxlen=WINDOW)
        self._strange: tuple[Look, int, int] | None = None  # a picture at rest, since when, and since when at all
        self._anchor: Look | None = None
        self._next_ns = 0
        self.blind = {"lost": Blind("aim-lost"), "unsure": Blind("aim-unsure")}.get(word)
        if word == "learning":
            self._gathering = Gathering(FIRST_LOOKS)

    def begin(self) -> None:
        """A gap: another connection, size or format. The aim must be proven again."""
        if self.word == "held":
            self._enter("unsure")
        self._strange = None
        self._offs.clear()
        self._next_ns = 0

    @property
    def approving(self) -> bool:
        """Somebody asked for new references, and they are not there yet."""
        return self._approver is not None

    def approve(self, by: str) -> None:
        """Takes new references from the next looks on; `Approved` tells when they are there."""
        self._approver = by
        self._gathering = Gathering(APPROVAL_LOOKS)
        self._next_ns = 0

    def give_up_approval(self) -> None:
        """As if nobody had asked."""
        self._approver = None
        self._gathering = Gathering(FIRST_LOOKS) if self.word == "learning" else None

    def due(self, now_ns: int) -> bool:
        """True when this picture is to be looked at."""
        idle = self.word == "lost" and self._approver is None
        return not idle and now_ns >= self._next_ns

    def take(self, sight: Look, now_ns: int, utc_ms: int) -> tuple[News, ...]:
        """What `sight`, seen at `now_ns` (monotonic) and `utc_ms`, changes."""
        self._next_ns = now_ns + STEADY_NS
        if self._approver is not None:
            self._next_ns = now_ns + SLOW_NS
            if news := self._approval(sight, now_ns, utc_ms):
                return news
        if self.word == "lost":
            return ()
        if not sight.clear_regions and self._idle(now_ns):
            return ()
        if self.word == "learning":
            return self._first(sight, now_ns, utc_ms) if self._approver is None else ()
        if self._unchanged(sight, now_ns):
            self.confirmed_ns = now_ns
            return ()
        self._matched_ns = now_ns
        seen, fit, offset = self._compare(sight)
        if self.word == "held":
            return self._held(sight, seen, fit, offset, now_ns, utc_ms)
        return self._unsure(sight, seen, offset, now_ns, utc_ms)

    def _idle(self, now_ns: int) -> bool:
        """True while a picture that shows nothing is watched for its first edge: compared now and then only."""
        if self.word != "unsure" or self.blind is not None or now_ns >= self._compared_ns + STEADY_NS:
            self._compared_ns = now_ns
            return False
        self._next_ns = now_ns
        return True

    def _unchanged(self, sight: Look, now_ns: int) -> bool:
        """True when it is the picture that was found in its place a moment ago, so that matching it would tell nothing.

        It is laid on that very picture and not on the one before, so that nothing adds up, and for `TRUST_NS` at most.
        """
        before = self._anchor
        if self.word != "held" or before is None or now_ns - self._matched_ns >= TRUST_NS:
            return False
        if self._gathering is not None or self._doubts or self._shaken(sight):
            return False
        alike = float(np.vdot(before.edges, sight.edges))
        size = float(np.vdot(before.edges, before.edges)) * float(np.vdot(sight.edges, sight.edges))
        return alike > ALIKE * float(np.sqrt(max(size, 1.0)))

    # --- comparing ---

    def _compare(self, sight: Look) -> tuple[Seen, Fit, Offset]:
        """How it lies on the references: the one that served last, then the others until one is found."""
        order = [self._best, *(i for i in range(len(self.state.references)) if i != self._best)]
        if self.word == "held" and self._anchor is not None and len(order) > 2:  # one of the others at each look
            self._tried = (self._tried + 1) % (len(order) - 1)
            order = [order[0], order[1 + self._tried]]
        best: tuple[Fit, Offset, int] | None = None
        for number in order:
            reference = self.state.references[number]
            fit = match(reference.edges, reference.seen, sight)
            offset = fit.offset.plus(reference.offset)
            if best is None or (fit.support, fit.score) > (best[0].support, best[0].score):
                best = fit, offset, number
            if found(fit) and offset.far_px(sight.aspect) <= AIM_PX and fit.score >= WEAK:
                best = fit, offset, number
                break
        assert best is not None
        fit, offset, number = best
        if not found(fit) and _lamps_in_place(fit, sight):
            offset = Offset(offset.x, offset.y)  # so few cannot tell a roll or a zoom
            if offset.far_px(sight.aspect) <= AIM_PX:
                self._best = number
                return "same", fit, offset
        if found(fit) and offset.far_px(sight.aspect) <= AIM_PX:
            self._best = number
            return "same", fit, offset
        if not sight.clear_regions:  # nothing to compare, nor to see
            return "blank", fit, offset
        return ("moved" if _moved(fit) else "strange"), fit, offset

    # --- what follows ---

    def _held(self, sight: Look, seen: Seen, fit: Fit, offset: Offset, now_ns: int, utc_ms: int) -> tuple[News, ...]:
        if seen == "same":
            self._doubts = 0
            self._offs.append(offset)
            self._anchor, self.confirmed_ns = sight, now_ns
            if self._shaken(sight):
                self._next_ns = now_ns + SLOW_NS
            return self._learn(sight, fit, offset, now_ns, utc_ms)
        self._gathering, self._weak = None if self._approver is None else self._gathering, 0
        if seen == "blank":
            self._enter("unsure")
            self.blind = None
            return ()
        self._next_ns = now_ns + QUICK_NS
        if seen == "moved" and offset.far_px(sight.aspect) <= FAR_PX:
            self._offs.append(offset)
            self._next_ns = now_ns + SLOW_NS
            return self._lose(utc_ms, self._median_px(sight)) if self._displaced(sight) else ()
        if seen == "strange" and self._carried(sight):
            self._doubts = 0
            return ()
        self._doubts += 1
        if self._doubts >= 2:
            self._enter("unsure")
            self._next_ns = now_ns + QUICK_NS
        return ()

    def _carried(self, sight: Look) -> bool:
        """True when it lies on the last picture that was found in its place: what hides the rest came in between."""
        if self._anchor is None:
            return False
        fit = match(self._anchor.edges, self._anchor.seen, sight)
        return _moved(fit) and fit.far_px <= LEARN_PX

    def _unsure(self, sight: Look, seen: Seen, offset: Offset, now_ns: int, utc_ms: int) -> tuple[News, ...]:
        if seen == "blank":
            self._offs.clear()
            self._strange, self.blind, self._next_ns, self._good = None, None, now_ns, 0
            return ()
        if seen == "same":
            self._good += 1
            needed = 1 if self.blind is None or self._strange is None else 3
            if self._good >= needed:
                self._enter("held")
                self._anchor, self.confirmed_ns = sight, now_ns
            self._next_ns = now_ns + (QUICK_NS if self.word == "unsure" else STEADY_NS)
            return ()
        self.blind, self._good = Blind("aim-unsure"), 0
        self._next_ns = now_ns + SLOW_NS
        if seen == "moved":
            self._offs.append(offset)
            if self._displaced(sight):
                return self._lose(utc_ms, self._median_px(sight))
        else:
            self._offs.clear()
        return self._another_place(sight, now_ns, utc_ms)

    def _another_place(self, sight: Look, now_ns: int, utc_ms: int) -> tuple[News, ...]:
        """A picture at rest that is in no reference's place is another place; a restless one is, after a while."""
        if self._strange is None:
            self._strange = sight, now_ns, now_ns
            return ()
        before, rest_ns, since_ns = self._strange
        fit = match(before.edges, before.seen, sight)
        if not (_moved(fit) and fit.far_px <= AIM_PX):
            self._strange = sight, now_ns, since_ns
            rest_ns = now_ns
        if now_ns - rest_ns >= STRANGE_S * 1e9 or now_ns - since_ns >= RESTLESS_S * 1e9:
            return self._lose(utc_ms, None)
        return ()

    def _median(self) -> Offset:
        told = np.array([(one.x, one.y, one.zoom, one.roll) for one in self._offs])
        return Offset(*(float(one) for one in np.median(told, axis=0)))

    def _median_px(self, sight: Look) -> float:
        return self._median().far_px(sight.aspect)

    def _displaced(self, sight: Look) -> bool:
        """True when the looks of the last seconds, taken together, lie beside their place."""
        return len(self._offs) == WINDOW and self._median_px(sight) > AIM_PX

    def _shaken(self, sight: Look) -> bool:
        return any(one.far_px(sight.aspect) > AIM_PX * 0.75 for one in self._offs)

    def _lose(self, utc_ms: int, far_px: float | None) -> tuple[News, ...]:
        self.state = replace(self.state, lost=Lost(utc_ms, None if far_px is None else round(far_px, 2)))
        self._enter("lost")
        return (AimLost(),)

    # --- references ---

    def _first(self, sight: Look, now_ns: int, utc_ms: int) -> tuple[News, ...]:
        assert self._gathering is not None
        if sight.clear_regions < GOOD_REGIONS:
            self._gathering = Gathering(FIRST_LOOKS)
            return ()
        reference = self._gathering.add(sight, utc_ms)
        if reference is None:
            return ()
        self.state = replace(self.state, references=(reference,))
        self._hold(sight, now_ns)
        return (Learned(1, True),)

    def _hold(self, sight: Look, now_ns: int) -> None:
        self._gathering, self._best = None, 0
        self._enter("held")
        self._anchor, self.confirmed_ns, self._learned_ns = sight, now_ns, now_ns
        self._next_ns = now_ns + STEADY_NS

    def _approval(self, sight: Look, now_ns: int, utc_ms: int) -> tuple[News, ...]:
        assert self._gathering is not None
        assert self._approver is not None
        if sight.clear_regions < GOOD_REGIONS:
            self._gathering = Gathering(APPROVAL_LOOKS)
            return ()
        reference = self._gathering.add(sight, utc_ms)
        if reference is None:
            return ()
        lost = self.state.lost
        approvals = (*self.state.approvals, Approval(self._approver, utc_ms))
        self.state = replace(self.state, references=(reference,), lost=None, approvals=approvals)
        self._approver = None
        self._hold(sight, now_ns)
        return (Approved(None if lost is None else lost.since_ms),)

    def _learn(self, sight: Look, fit: Fit, offset: Offset, now_ns: int, utc_ms: int) -> tuple[News, ...]:
        """One more reference when the ones that are there fit weakly, from pictures that lie on one of them."""
        parent = self.state.references[self._best]
        slack_px = parent.slack_px + STEP_SLACK_PX
        calm = self._learned_ns is None or now_ns - self._learned_ns >= CALM_S * 1e9
        self._weak = self._weak + 1 if fit.score < WEAK else 0
        if self._approver is not None:
            return ()
        if not self._weak or slack_px > MOST_SLACK_PX or not calm or not _moved(fit) or self._shaken(sight):
            self._gathering = None
            return ()
        if self._weak < WEAK_LOOKS:
            return ()
        if self._gathering is None or self._gathering.parent != self._best:
            self._gathering = Gathering(NEW_LOOKS, self._best)
        reference = self._gathering.add(sight, utc_ms)
        self._gathering.offsets.append(offset)
        if reference is None:
            return ()
        told = np.median([(one.x, one.y, one.zoom, one.roll) for one in self._gathering.offsets], axis=0)
        place = Offset(*(float(one) for one in told))
        self._gathering, self._weak, self._learned_ns = None, 0, now_ns
        if place.far_px(sight.aspect) > LEARN_PX:
            return ()
        self._keep(replace(reference, first=False, offset=place, slack_px=slack_px))
        return (Learned(len(self.state.references), False),)

    def _keep(self, reference: Reference) -> None:
        """With no room left the oldest that is not one of the first goes."""
        kept = list(self.state.references)
        if len(kept) >= MOST_REFERENCES:
            del kept[next(i for i, one in enumerate(kept) if not one.first)]
        self.state = replace(self.state, references=(*kept, reference))
        self._best = len(self.state.references) - 1
