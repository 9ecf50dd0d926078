"""What reports say about the origin of the pictures' path: bounds that get closer, and loosen with drift. Pure.

The pictures give a path x (pan, tilt, spread) whose origin is unknown. A report p that was true while the frames i..k
were exposed says that the origin lies in [p - max(x_i..x_k), p - min(x_i..x_k)]. A belief is the intersection of what
many reports say. At rest the path stands still, and one report tells the origin exactly; after that the path carries
the pose through any movement that the pictures show, and the reports confirm it.
"""

from bisect import bisect_left, bisect_right
from collections import deque
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from itertools import accumulate, pairwise

Triple = tuple[float, float, float]
"""Pan in degrees, tilt in degrees, spread."""

INFINITE = float("inf")
ASKED = 3
"""Frames that a belief is asked about by turns: the newest, the one before it, the one that is judged."""
RECENT_NS = 1_000_000_000
"""Frames are judged at most so long after they came; bounds from before that are melted into one."""


def triple(make: Callable[[int], float]) -> Triple:
    """A value for each axis."""
    return make(0), make(1), make(2)


def _each(choose: Callable[[float, float], float], one: Triple, other: Triple) -> Triple:
    """The larger or the smaller on each axis: this is asked dozens of times for each picture."""
    return choose(one[0], other[0]), choose(one[1], other[1]), choose(one[2], other[2])


@dataclass(frozen=True, slots=True)
class Node:
    """One frame on the path: `x` where, `drift` added up since the origin, `slack` this frame's own error.

    It was exposed between `earliest` and `taken`. `assumed`: how steeply the head looked nobody knew: x is right in pan
    only if it was not steep.
    """

    taken: int
    earliest: int
    stamp_s: float
    known: bool
    blank: bool
    x: Triple
    drift: Triple
    slack: Triple
    assumed: bool = False


@dataclass(frozen=True, slots=True)
class Box:
    """Where the head was: an interval for each axis."""

    low: Triple
    high: Triple

    @property
    def empty(self) -> bool:
        """True when nothing satisfies it."""
        low, high = self.low, self.high
        return low[0] > high[0] or low[1] > high[1] or low[2] > high[2]

    @property
    def half(self) -> Triple:
        """Half of each interval's width."""
        (a, b, c), (x, y, z) = self.low, self.high
        return (x - a) / 2, (y - b) / 2, (z - c) / 2

    @property
    def middle(self) -> Triple:
        """Each interval's middle; not a number where it has no ends."""
        (a, b, c), (x, y, z) = self.low, self.high
        return (x + a) / 2, (y + b) / 2, (z + c) / 2

    def meet(self, other: "Box") -> "Box":
        """What satisfies both."""
        return Box(_each(max, self.low, other.low), _each(min, self.high, other.high))


def turned(box: Box, pan_deg: float) -> Box:
    """`box` with `pan_deg` added to its pan."""
    return Box((box.low[0] + pan_deg, *box.low[1:]), (box.high[0] + pan_deg, *box.high[1:]))


ANYWHERE = Box((-INFINITE,) * 3, (INFINITE,) * 3)


Ends = tuple[list[float], list[float], list[float], list[float]]
"""For each of some frames, of one axis: the most and the least of those up to it, the most and the least from it on."""


@dataclass(frozen=True, slots=True)
class Stretch:
    """Frames in a row, and how far their path reaches; made once, asked from many of them."""

    taken: list[int]
    ends: tuple[Ends, Ends, Ends]

    @classmethod
    def of(cls, nodes: Sequence[Node]) -> "Stretch":
        """`nodes` in their order; what they drift only grows."""
        return cls([node.taken for node in nodes], (_ends(nodes, 0), _ends(nodes, 1), _ends(nodes, 2)))

    def reach(self, node: Node, axis: int) -> tuple[float, float]:
        """The least and the most that the path was on an axis, as wrong as it may be seen from `node`: one of these
        frames, or one before them.
        """
        before = max(0, bisect_right(self.taken, node.taken) - 1)
        after = min(before, bisect_left(self.taken, node.taken))  # several may have come at once
        most_before, least_before, most_after, least_after = self.ends[axis]
        drift = node.drift[axis]
        least = min(least_before[before] - drift, least_after[after] + drift)
        return least, max(most_before[before] + drift, most_after[after] - drift)

    def whole(self, axis: int) -> tuple[float, float]:
        """The same for frames after these, before their own drift is taken off."""
        most_before, least_before, _, _ = self.ends[axis]
        return least_before[-1], most_before[-1]


def _ends(nodes: Sequence[Node], axis: int) -> Ends:
    """As seen from a frame of drift 0; the drift between two frames is the difference of theirs."""
    places = [(node.x[axis], node.drift[axis], node.slack[axis]) for node in nodes]
    before = [x - drift + slack for x, drift, slack in places], [x + drift - slack for x, drift, slack in places]
    after = [x + drift + slack for x, drift, slack in places], [x - drift - slack for x, drift, slack in places]
    most_before, least_before = list(accumulate(before[0], max)), list(accumulate(before[1], min))
    most_after, least_after = list(accumulate(after[0][::-1], max)), list(accumulate(after[1][::-1], min))
    return most_before, least_before, most_after[::-1], least_after[::-1]


@dataclass(frozen=True, slots=True)
class Bound:
    """The origin according to one report: what it says of the position, and the frames around it.

    `origin`: for frames after the last of them, before their own drift is taken off.
    """

    position: Box
    stretch: Stretch
    origin: Box

    @property
    def last(self) -> int:
        """When the last of the frames came."""
        return self.stretch.taken[-1]

    @classmethod
    def of(cls, position: Box, stretch: Stretch) -> "Bound":
        """What a report of `position` says, true at some moment between the first and the last frame of `stretch`."""
        whole = stretch.whole(0), stretch.whole(1), stretch.whole(2)
        low = triple(lambda axis: position.low[axis] - whole[axis][1])
        return cls(position, stretch, Box(low, triple(lambda axis: position.high[axis] - whole[axis][0])))

    def at(self, node: Node) -> Box:
        """Where the head was at `node`."""
        return self.around(node) if self.last > node.taken else _after(self.origin, node)

    def around(self, node: Node) -> Box:
        """The same for a frame among these, or one before them."""
        low, high = [], []
        for axis in range(3):
            nearest, farthest = self.stretch.reach(node, axis)
            low.append(self.position.low[axis] + node.x[axis] - farthest - node.slack[axis])
            high.append(self.position.high[axis] + node.x[axis] - nearest + node.slack[axis])
        return Box((low[0], low[1], low[2]), (high[0], high[1], high[2]))


def _after(origin: Box, node: Node) -> Box:
    """Where the head was at `node` by what frames before it tell of the origin."""
    (a, b, c), (x, y, z) = node.drift, node.slack
    loose, low, high = (a + x, b + y, c + z), origin.low, origin.high
    x, y, z = node.x
    return Box(
        (low[0] + x - loose[0], low[1] + y - loose[1], low[2] + z - loose[2]),
        (high[0] + x + loose[0], high[1] + y + loose[1], high[2] + z + loose[2]),
    )


def stands(nodes: Sequence[Node]) -> bool:
    """True when no frame of these shows the head to be elsewhere than the one before it."""
    return all(
        a.known and b.known and abs(b.x[axis] - a.x[axis]) <= a.slack[axis] + b.slack[axis]
        for a, b in pairwise(nodes)
        for axis in range(3)
    )


def swerved(nodes: Sequence[Node]) -> list[Node]:
    """The same frames with as much slack as the head may have swerved between two of them.

    A report may have been true in between, where a head that bounces off an end is beyond both: by half of what the
    gaps beside this one show that it moves, less what it moved in this one.
    """
    more = [_swerves([node.x[axis] for node in nodes]) for axis in range(3)]
    return [_looser(node, one) if any(one) else node for node, one in zip(nodes, zip(*more, strict=True), strict=True)]


def _swerves(places: list[float]) -> list[float]:
    """For each frame what it has to be looser by on one axis."""
    steps = [abs(after - before) for before, after in pairwise(places)]
    beside = zip((0.0, *steps[:-1]), steps, (*steps[1:], 0.0), strict=True)
    hidden = [(max(near) - near[1]) / 2 for near in beside] if steps else []
    return [max(one) for one in pairwise((0.0, *hidden, 0.0))]


def _looser(node: Node, more: Sequence[float]) -> Node:
    slack = triple(lambda axis: node.slack[axis] + more[axis])
    # for each report all of them are made anew, and `replace` takes several times as long
    told = node.taken, node.earliest, node.stamp_s, node.known, node.blank
    return Node(*told, node.x, node.drift, slack, node.assumed)


class Belief:
    """The intersection of what reports say."""

    def __init__(self) -> None:
        self._recent: list[Bound] = []
        self._origins = [ANYWHERE]  # of all older bounds together; then with each of the recent ones
        self.reports = 0
        self._laid: deque[tuple[Node, int, list[Box]]] = deque(maxlen=ASKED)

    def copy(self, unconfirmed: int = 0) -> "Belief":
        """The same, as it stands now, without the last `unconfirmed` reports."""
        copied = Belief()
        kept = max(0, len(self._recent) - unconfirmed)
        copied._recent, copied._origins, copied.reports = self._recent[:kept], self._origins[: kept + 1], self.reports
        return copied

    def add(self, one: Bound) -> None:
        """One more report counts."""
        self._laid.clear()
        self._recent.append(one)
        self._origins.append(self._origins[-1].meet(one.origin))
        self.reports += 1
        while self._recent[0].last < one.last - RECENT_NS:
            del self._recent[0], self._origins[0]

    def at(self, node: Node, unconfirmed: int = 0) -> Box:
        """Where the head was at `node`, empty when the reports contradict each other under the path.

        The last `unconfirmed` reports are left out: until others have followed, nobody knows whether they lie.
        """
        over, later = self._lay(node)
        kept = max(0, len(self._recent) - unconfirmed)
        box = _after(self._origins[min(over, kept)], node)
        for one in later[: max(0, kept - over)]:
            box = box.meet(one)
        return box

    def _lay(self, node: Node) -> tuple[int, list[Box]]:
        """How many reports lie before `node`, in a row from the first, and what each after them says of it."""
        for known, over, later in self._laid:
            if known is node:
                return over, later
        over = next((at for at, one in enumerate(self._recent) if one.last > node.taken), len(self._recent))
        later = [one.at(node) for one in self._recent[over:]]
        self._laid.append((node, over, later))
        return over, later
