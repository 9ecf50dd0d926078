"""Thousands of random trajectories: the true pose at exposure is in the set, or the frame is blind."""

import random
from collections import Counter
from collections.abc import Callable

import pytest

from agent.units import Blind, PoseSet
from tests.ptz.trajectories import Order, Pose, Truth, Verdict, World, judged, restless

REST: Order = lambda _: (0.0, 0.0, 0.0)  # noqa: E731


def swing(second: float) -> Pose:
    """At rest, right, at rest, left, at rest."""
    return (20.0 if 4 < second < 6 else -25.0 if 8 < second < 10 else 0.0, 0.0, 0.0)


def runs(order: Order, seconds: float = 14, seeds: int = 3, start: Pose = (0, 0, 0), **world: object) -> list[Verdict]:
    """The verdicts of several runs of one story."""
    truth = Truth(order, seconds + 1, start=start)
    return [one for seed in range(seeds) for one in judged(truth, World(seed=seed, **world), seconds)]  # type: ignore[arg-type]


def reasons(verdicts: list[Verdict]) -> Counter[str]:
    return Counter(one.said.reason for one in verdicts if isinstance(one.said, Blind))


def blind_share(verdicts: list[Verdict]) -> float:
    return sum(reasons(verdicts).values()) / len(verdicts)


def widest(verdicts: list[Verdict]) -> float:
    return max(one.half_deg for one in verdicts if isinstance(one.said, PoseSet))


def after(second: float, verdicts: list[Verdict]) -> list[Verdict]:
    return [one for one in verdicts if one.exposed_s > second]


@pytest.mark.parametrize("seed", range(12))
def test_whatever_the_head_does_the_true_pose_is_in_the_set(seed: int) -> None:
    rng = random.Random(seed)
    start = (rng.uniform(-180, 180), rng.uniform(-40, 40), rng.random())
    truth = Truth(restless(rng), 21, start=start)
    said = judged(truth, World(seed=seed, fps=rng.choice((12.5, 25.0))), 20)
    assert [one for one in said if one.wrong] == []
    assert blind_share(said) < 0.95


def stalls(seed: int) -> list[Verdict]:
    """A restless head whose pictures are held up and come in bursts, up to a second late."""
    rng = random.Random(seed)
    start = (rng.uniform(-180, 180), rng.uniform(-40, 40), rng.random())
    truth = Truth(restless(rng, fastest=rng.choice((5.0, 20.0, 60.0))), 16, start=start)
    return judged(truth, World(seed=seed, longest_stall_s=1.0), 15)


@pytest.mark.parametrize("seed", range(10))
def test_pictures_that_are_held_up_and_come_in_a_burst_do_not_pass_for_fresh_ones(seed: int) -> None:
    said = stalls(seed)
    assert [one for one in said if one.wrong] == []
    assert blind_share(said) < 0.95


@pytest.mark.slow
@pytest.mark.parametrize("block", range(10))
def test_hundreds_of_stalling_networks_are_never_wrong(block: int) -> None:
    for seed in range(2000 + 30 * block, 2030 + 30 * block):
        assert [one for one in stalls(seed) if one.wrong] == [], f"seed {seed}"


@pytest.mark.slow
@pytest.mark.parametrize("block", range(10))
def test_thousands_of_trajectories_are_never_wrong(block: int) -> None:
    for seed in range(1000 + 100 * block, 1100 + 100 * block):
        rng = random.Random(seed)
        start = (rng.uniform(-180, 180), rng.uniform(-60, 60), rng.random())
        order = restless(rng, fastest=rng.choice((5.0, 20.0, 60.0)), pause=rng.choice((0.1, 0.5)))
        truth = Truth(order, 11, acceleration=rng.choice((60.0, 200.0, 290.0)), start=start)
        ages = sorted((rng.uniform(0, 0.3), rng.uniform(0, 0.3)))
        young = rng.uniform(0.0, 0.19)
        world = World(
            seed=seed,
            fps=rng.choice((12.5, 25.0, 30.0)),
            video_age_s=(ages[0], ages[1]),
            report_age_s=(young, rng.uniform(young, 0.2)),
            dropped=rng.choice((0.0, 0.1, 0.3)),
            unknown=rng.choice((0.0, 0.002, 0.02)),
            scale_error=rng.uniform(-0.009, 0.009),
        )
        wrong = [one for one in judged(truth, world, 10) if one.wrong]
        assert wrong == [], f"seed {seed}"


def test_at_rest_the_pose_is_known_to_a_quarter_of_a_degree_and_hardly_ever_blind() -> None:
    said = after(2, runs(REST))
    assert blind_share(said) < 0.01
    halves = sorted(one.half_deg for one in said if isinstance(one.said, PoseSet))
    assert halves[int(0.95 * len(halves))] < 0.25
    assert not any(one.wrong for one in said)


def test_at_thirty_degrees_a_second_a_tenth_is_blind_at_most_and_the_set_stays_narrow() -> None:
    said = after(3, runs(lambda second: (30.0 if second > 3 else 0.0, 0.0, 0.0), seconds=15))
    assert blind_share(said) < 0.10
    assert widest(said) <= 7.5
    assert not any(one.wrong for one in said)


@pytest.mark.parametrize("error", [-0.009, 0.009])
def test_a_lens_table_that_is_a_little_wrong_is_no_contradiction(error: float) -> None:
    order: Order = lambda second: (20.0 if 3 < second < 12 else 0.0, 0.0, 0.0)  # noqa: E731
    said = after(2, runs(order, seconds=16, scale_error=error))
    assert [one for one in said if one.wrong] == []
    assert set(reasons(said)) <= {"moving-too-fast"}


def frozen_from(second: float, until: float) -> Callable[[float, Pose], Pose | None]:
    """Reports stand still from `second` on."""
    kept: dict[int, Pose] = {}

    def say(at: float, pose: Pose) -> Pose:
        if not second <= at < until:
            kept.clear()
            return pose
        return kept.setdefault(0, pose)

    return say


@pytest.mark.parametrize(
    ("lie", "order", "reason"),
    [
        (frozen_from(5, 99), swing, "contradiction-picture"),
        (lambda at, pose: (pose[0] + 5, pose[1], pose[2]) if at > 6 else pose, REST, "contradiction-picture"),
        (lambda at, pose: (pose[0], pose[1] - 2, pose[2]) if at > 6 else pose, REST, "contradiction-picture"),
        (lambda at, pose: (pose[0] + 12, pose[1], pose[2]) if at > 5 else pose, swing, "contradiction-picture"),
        (lambda at, pose: (pose[0] + 170, pose[1], pose[2]) if at > 6 else pose, REST, "contradiction-reports"),
        (
            lambda at, pose: (pose[0], pose[1], 0.0),
            lambda at: (0, 0, 0.5 if 4 < at < 5 else 0),
            "contradiction-picture",
        ),
        (lambda at, pose: None if at > 5 else pose, swing, "onvif-silent"),
        (lambda at, pose: (pose[0], pose[1], 1.3) if at > 5 else pose, REST, "zoom-outside-calibration"),
    ],
    ids=["frozen", "offset", "small-offset", "offset-moving", "jump", "digital-zoom", "silent", "zoom-outside"],
)
def test_a_head_that_lies_blinds_and_stays_blind_for_as_long_as_it_lies(
    lie: Callable[[float, Pose], Pose | None], order: Order, reason: str
) -> None:
    said = runs(order, lie=lie)
    assert [one for one in said if one.wrong] == []
    assert reasons(said)[reason] > 0
    assert blind_share(after(11, said)) == 1.0


def test_a_frozen_encoder_blinds_while_the_head_moves_on() -> None:
    said = runs(swing, shown=lambda second: 5.0 if 5 < second < 9 else second)
    assert reasons(said)["contradiction-picture"] > 0
    assert [one for one in said if one.wrong and one.exposed_s < 9] == []


def test_when_the_lie_ends_the_pose_is_believed_again() -> None:
    said = runs(REST, lie=lambda at, pose: (pose[0] + 5, pose[1], pose[2]) if 5 < at < 8 else pose)
    assert [one for one in said if one.wrong] == []
    assert blind_share(after(10.5, said)) == 0.0


@pytest.mark.parametrize("speed_deg_s", [18.0, 30.0, 45.0])
@pytest.mark.parametrize("until_s", [5.5, 7.0])
def test_a_head_that_turns_on_while_its_reports_are_frozen_is_not_believed_when_it_stands(
    speed_deg_s: float, until_s: float
) -> None:
    """What it had been trusted for is carried through the whole turn, and contradicts it for ever."""
    said = runs(
        lambda at: (speed_deg_s if 4 < at < until_s else 0.0, 0.0, 0.0),
        seconds=16,
        lie=frozen_from(3.9, 99),
    )
    assert [one for one in said if one.wrong] == []
    assert blind_share(after(5.0, said)) == 1.0


def test_a_head_that_turned_while_it_lied_about_its_zoom_is_believed_again() -> None:
    """The lie must not falsify by how far the pictures say that it turned."""
    said = runs(
        lambda at: (12.0 if 5.2 < at < 6.2 else 0.0, 0.0, 0.0),
        start=(0, 0, 0.2),
        lie=lambda at, pose: (pose[0], pose[1], pose[2] + 0.2) if 5 < at < 8 else pose,
    )
    assert [one for one in said if one.wrong] == []
    assert blind_share([one for one in said if 6.5 < one.exposed_s < 8]) == 1.0
    assert blind_share(after(10.5, said)) == 0.0


@pytest.mark.parametrize("again_s", [9.3, 9.6, 9.9])
def test_a_second_lie_right_after_the_first_is_not_believed_either(again_s: float) -> None:
    def lies(at: float, pose: Pose) -> Pose:
        return (pose[0] + 5, pose[1], pose[2]) if 5 < at < 8 or at > again_s else pose

    said = runs(REST, lie=lies)
    assert [one for one in said if one.wrong] == []
    assert blind_share(after(11, said)) == 1.0


def test_a_head_that_flips_with_its_picture_is_believed_where_it_points_afterwards() -> None:
    said = runs(
        REST,
        lie=lambda at, pose: (pose[0] + 180, pose[1], pose[2]) if at > 6 else pose,
        turned=lambda second: second > 6,
    )
    assert {"contradiction-reports", "flipping"} & set(reasons(said))
    last = [one.said for one in said if one.exposed_s > 13]
    assert any(isinstance(one, PoseSet) and abs(abs(sum(one.pan_deg) / 2) - 180) < 1 for one in last)


def homing(second: float) -> Pose:
    """Down from 5 s; finds its zero from 8 to 16 s: right, left twice as far, and home."""
    pan = 90.0 if 8 < second < 10 else -90.0 if 10 < second < 14 else 88.0 if 14 < second < 16 else 0.0
    tilt = -30.0 if 8 < second < 9 else 30.0 if 10 < second < 11 else 0.0
    return (pan, tilt, 0.0)


HOME: Pose = (-4.0, 0.0, 0.0)


def claims_home(at: float, pose: Pose) -> Pose | None:
    """Silent while it is down; says that it stands at home while it turns; then the truth."""
    return None if 5 < at < 9 else HOME if at < 16.2 and at > 9 else pose


@pytest.mark.parametrize("earlier", [lambda _, pose: pose, frozen_from(2, 3)], ids=["well", "frozen"])
def test_a_head_that_restarts_and_lies_while_it_finds_its_zero_is_followed_again_when_it_stands(
    earlier: Callable[[float, Pose], Pose | None],
) -> None:
    said = runs(
        homing,
        seconds=26,
        seeds=6,
        lie=lambda at, pose: claims_home(at, pose) if at > 5 else earlier(at, pose),
        dark=lambda second: 5 < second < 8.2,
    )
    assert [one for one in said if one.wrong] == []
    assert blind_share([one for one in said if 8 < one.exposed_s < 16]) == 1.0
    assert blind_share(after(23, said)) == 0.0


@pytest.mark.parametrize("speaks_s", [9.0, 10.3])
def test_a_head_that_pauses_while_it_finds_its_zero_and_says_that_it_is_home_is_not_believed(speaks_s: float) -> None:
    """It turns away, stands for two seconds and turns back."""
    said = runs(
        lambda second: (90.0 if 8 < second < 10 else -90.0 if 12.4 < second < 14.4 else 0.0, 0.0, 0.0),
        seconds=28,
        seeds=6,
        lie=lambda at, pose: None if 5 < at < speaks_s else (0.0, 0.0, 0.0) if 5 < at < 14.7 else pose,
        dark=lambda second: 5 < second < 8.2,
    )
    assert [one for one in said if one.wrong] == []
    assert blind_share(after(26, said)) == 0.0


def test_reports_alone_begin_no_pose_while_the_pictures_have_never_shown_anything() -> None:
    """A head that homes over a blank sky after a reboot says that it stands at home."""
    said = runs(swing, blank=True, lie=lambda _, pose: (0.0, 0.0, 0.0))
    assert [one for one in said if one.wrong] == []
    assert blind_share(said) == 1.0


def test_fog_is_never_a_reason_to_believe_too_much() -> None:
    said = runs(swing, blank=True)
    assert [one for one in said if one.wrong] == []
    assert reasons(said)["featureless"] > 0


def test_after_a_blindness_it_waits_until_the_pose_was_sure_for_a_while() -> None:
    said = runs(REST, lie=lambda at, pose: (pose[0] + 5, pose[1], pose[2]) if 5 < at < 7 else pose, seeds=1)
    reasons_in_order = [(one.exposed_s, isinstance(one.said, Blind)) for one in said]
    last_blind = max(second for second, blind in reasons_in_order if blind)
    assert 7.4 < last_blind < 9.5
