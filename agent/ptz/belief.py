"""What reports say about the origin of the pictures' path: bounds that get closer, and loosen with drift. Pure.

The pictures give a path x (pan, tilt, spread) whose origin is unknown. A report p that was true while the frames i..k
were exposed says that the origin lies in [p - max(x_i..x_k), p - min(x_i..x_k)]. A belief is the intersection of what
many reports say. At rest the path stands still, and one report tells the origin exactly; after that the path carries
the pose through any movement that the pictures show, and the reports confirm it.
"""

from collections import deque
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from functools import partial
from itertools import islice, pairwise

Triple = tuple[float, float, float]
"""Pan in degrees, tilt in degrees, spread."""

INFINITE = float("inf")
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
        return triple(lambda axis: (self.high[axis] - self.low[axis]) / 2)

    @property
    def middle(self) -> Triple:
        """Each interval's middle; not a number where it has no ends."""
        return triple(lambda axis: (self.high[axis] + self.low[axis]) / 2)

    def meet(self, other: "Box") -> "Box":
        """What satisfies both."""
        return Box(_each(max, self.low, other.low), _each(min, self.high, other.high))


def turned(box: Box, pan_deg: float) -> Box:
    """`box` with `pan_deg` added to its pan."""
    return Box((box.low[0] + pan_deg, *box.low[1:]), (box.high[0] + pan_deg, *box.high[1:]))


ANYWHERE = Box((-INFINITE,) * 3, (INFINITE,) * 3)


@dataclass(frozen=True, slots=True)
class Bound:
    """The origin according to one report: what it says of the position, and the frames around it.

    `origin`: for frames after the last of `nodes`, before their own drift is taken off.
    """

    position: Box
    nodes: tuple[Node, ...]
    origin: Box

    @property
    def last(self) -> int:
        """When the last of the frames came."""
        return self.nodes[-1].taken

    @classmethod
    def of(cls, position: Box, nodes: Sequence[Node]) -> "Bound":
        """What a report of `position` says, true at some moment between the first and the last of `nodes`."""
        most = triple(lambda axis: max(node.x[axis] - node.drift[axis] + node.slack[axis] for node in nodes))
        least = triple(lambda axis: min(node.x[axis] + node.drift[axis] - node.slack[axis] for node in nodes))
        origin = Box(
            triple(lambda axis: position.low[axis] - most[axis]), triple(lambda axis: position.high[axis] - least[axis])
        )
        return cls(position, tuple(nodes), origin)

    def around(self, node: Node) -> Box:
        """Where the head was at `node`, a frame among these or before them."""
        low, high = [], []
        for axis in range(3):
            loose = [abs(node.drift[axis] - one.drift[axis]) + one.slack[axis] for one in self.nodes]
            farthest = max(one.x[axis] + wide for one, wide in zip(self.nodes, loose, strict=True))
            nearest = min(one.x[axis] - wide for one, wide in zip(self.nodes, loose, strict=True))
            low.append(self.position.low[axis] + node.x[axis] - farthest - node.slack[axis])
            high.append(self.position.high[axis] + node.x[axis] - nearest + node.slack[axis])
        return Box((low[0], low[1], low[2]), (high[0], high[1], high[2]))


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
    found = list(nodes)
    for at in range(len(nodes) - 1):
        near = nodes[max(0, at - 1) : at + 3]
        hidden = triple(partial(_hidden, near, nodes[at], nodes[at + 1]))
        for end in (at, at + 1):
            found[end] = _looser(found[end], triple(partial(_more, nodes[end], hidden)))
    return found


def _hidden(near: Sequence[Node], before: Node, after: Node, axis: int) -> float:
    fastest = max(abs(b.x[axis] - a.x[axis]) for a, b in pairwise(near))
    return (fastest - abs(after.x[axis] - before.x[axis])) / 2


def _more(node: Node, hidden: Triple, axis: int) -> float:
    return node.slack[axis] + hidden[axis]


def _looser(node: Node, slack: Triple) -> Node:
    return replace(node, slack=triple(lambda axis: max(node.slack[axis], slack[axis])))


class Belief:
    """The intersection of what reports say."""

    def __init__(self) -> None:
        self._recent: deque[Bound] = deque()
        self._origin = ANYWHERE  # of all older bounds together
        self.reports = 0

    def copy(self, unconfirmed: int = 0) -> "Belief":
        """The same, as it stands now, without the last `unconfirmed` reports."""
        copied = Belief()
        kept = max(0, len(self._recent) - unconfirmed)
        copied._recent, copied._origin, copied.reports = deque(islice(self._recent, kept)), self._origin, self.reports
        return copied

    def add(self, one: Bound) -> None:
        """One more report counts."""
        self._recent.append(one)
        self.reports += 1
        while self._recent[0].last < one.last - RECENT_NS:
            self._origin = self._origin.meet(self._recent.popleft().origin)

    def at(self, node: Node, unconfirmed: int = 0) -> Box:
        """Where the head was at `node`, empty when the reports contradict each other under the path.

        The last `unconfirmed` reports are left out: until others have followed, nobody knows whether they lie.
        """
        origin, box = self._origin, ANYWHERE
        for one in islice(self._recent, max(0, len(self._recent) - unconfirmed)):
            if one.last <= node.taken:
                origin = origin.meet(one.origin)
            else:
                box = box.meet(one.around(node))
        loose = triple(lambda axis: node.drift[axis] + node.slack[axis])
        low = triple(lambda axis: origin.low[axis] + node.x[axis] - loose[axis])
        return box.meet(Box(low, triple(lambda axis: origin.high[axis] + node.x[axis] + loose[axis])))
