"""What reports say of the path's origin, laid beside its definition: every frame, every report, one by one."""

import random
from collections.abc import Sequence
from itertools import pairwise

import pytest

from agent.ptz.belief import ANYWHERE, RECENT_NS, Belief, Bound, Box, Node, Stretch, Triple, swerved, triple

FRAME_NS = 40_000_000


def path(dice: random.Random, frames: int) -> list[Node]:
    """A head that turns as it likes; each frame adds to what the path may be wrong by."""
    x, drift, taken, nodes = (0.0, 0.0, 0.0), (0.0, 0.0, 0.0), 0, []
    for number in range(frames):
        x = triple(lambda axis, x=x: x[axis] + dice.choice((0.0, dice.uniform(-2, 2))))  # type: ignore[misc]
        drift = triple(lambda axis, drift=drift: drift[axis] + dice.choice((0.0, dice.uniform(0, 0.3))))  # type: ignore[misc]
        slack = triple(lambda _: dice.uniform(0.01, 1.5))
        if number % 4 == 0 or dice.random() < 0.6:  # the others come with the one before them
            taken = number * FRAME_NS
        nodes.append(Node(taken, taken - 3 * FRAME_NS, taken / 1e9, True, False, x, drift, slack))
    return nodes


def position(dice: random.Random) -> Box:
    middle = triple(lambda _: dice.uniform(-40, 40))
    half = triple(lambda _: dice.uniform(0.05, 30))
    return Box(triple(lambda axis: middle[axis] - half[axis]), triple(lambda axis: middle[axis] + half[axis]))


def said(report: Box, frames: Sequence[Node], node: Node) -> Box:
    """Where the head was at `node`, if the report was true at one of `frames`."""

    def ways(axis: int) -> list[tuple[float, float]]:
        found = []
        for one in frames:
            loose = abs(node.drift[axis] - one.drift[axis]) + one.slack[axis] + node.slack[axis]
            found.append((node.x[axis] - one.x[axis] - loose, node.x[axis] - one.x[axis] + loose))
        return found

    low = triple(lambda axis: report.low[axis] + min(one for one, _ in ways(axis)))
    return Box(low, triple(lambda axis: report.high[axis] + max(one for _, one in ways(axis))))


def close(one: Box, other: Box) -> bool:
    return one.low == pytest.approx(other.low, abs=1e-9) and one.high == pytest.approx(other.high, abs=1e-9)


@pytest.mark.parametrize("seed", range(20))
def test_a_bound_says_of_each_frame_what_the_farthest_of_its_own_allow(seed: int) -> None:
    dice = random.Random(seed)
    nodes = path(dice, 30)
    first, last = dice.randrange(3, 12), dice.choice((16, 20, 24))
    report, frames = position(dice), nodes[first : last + 1]
    bound = Bound.of(report, Stretch.of(frames))
    assert bound.last == nodes[last].taken
    for node in nodes:
        assert close(bound.at(node), said(report, frames, node))
    for node in nodes[: last + 1]:
        assert close(bound.around(node), said(report, frames, node))


@pytest.mark.parametrize("seed", range(10))
def test_a_belief_is_what_all_reports_allow_but_those_that_are_unconfirmed(seed: int) -> None:
    dice = random.Random(seed)
    nodes, belief = path(dice, 80), Belief()
    told: list[tuple[Box, list[Node]]] = []
    assert close(belief.at(nodes[0]), ANYWHERE)
    ends = range(8, 80, 4)
    assert nodes[ends[-1]].taken - nodes[ends[0]].taken > 2 * RECENT_NS
    for end in ends:
        wide = position(dice)
        report = Box(triple(lambda axis, w=wide: w.low[axis] - 90), triple(lambda axis, w=wide: w.high[axis] + 90))  # type: ignore[misc]
        told.append((report, nodes[end - dice.randrange(1, 8) : end + 1]))
        belief.add(Bound.of(report, Stretch.of(told[-1][1])))
        held = belief.copy(1)
        for unconfirmed in (0, 1, 2):
            kept = told[: max(0, len(told) - unconfirmed)]
            for node in nodes[max(0, end - 10) : end + 3]:  # older ones than a second are judged no more
                expected = ANYWHERE
                for one, frames in kept:
                    expected = expected.meet(said(one, frames, node))
                assert close(belief.at(node, unconfirmed), expected)
                if unconfirmed == 1:
                    assert held.at(node) == belief.at(node, 1)
    assert belief.reports == len(ends)


@pytest.mark.parametrize("seed", range(5))
def test_a_frame_is_looser_by_half_of_what_the_gaps_beside_its_own_move_more(seed: int) -> None:
    nodes = path(random.Random(seed), 12)
    found = swerved(nodes)
    for axis in range(3):
        steps = [abs(b.x[axis] - a.x[axis]) for a, b in pairwise(nodes)]
        hidden = [(max(steps[max(0, at - 1) : at + 2]) - step) / 2 for at, step in enumerate(steps)]
        for at, (node, looser) in enumerate(zip(nodes, found, strict=True)):
            slack: Triple = looser.slack
            assert slack[axis] == node.slack[axis] + max(hidden[max(0, at - 1) : at + 1])
    assert swerved(nodes[:1]) == nodes[:1]
