"""What the registrar takes for a camera's mask policy, and for another key: whatever moves a mask, and nothing else."""

from pathlib import Path

import pytest

from agent.cameras import Camera
from agent.config import load
from agent.identity import load_or_make
from agent.register.bodies import SigningKeyChanged
from agent.registrar import Registrar, mask_policy
from agent.signing.keys import KEY, load_signing
from tests.register.rig import HandClock
from tests.test_config import Town, town  # noqa: F401  (the fixture)

HEAD = {
    "id": "dome",
    "name": "Dome",
    "kind": "ptz",
    "source": "rtsp://10.0.0.10/stream1",
    "onvif": {"url": "http://10.0.0.11/onvif/device_service"},
    "lens": {"zoom": [0.0, 1.0], "hfov_deg": [60.0, 3.0]},
    "mask": [{"name": "facade", "world_deg": [[10, -4], [18, -3], [18, -12], [10, -13]]}],
}


def policy(**ptz: object) -> str:
    return mask_policy(Camera.model_validate({**HEAD, "ptz": {"pan_deg": [-180, 180], **ptz}}))


@pytest.mark.parametrize(
    "ptz",
    [{"pan_deg": [-170, 180]}, {"tilt_deg": [-80, 90]}, {"pan_speed_deg_s": 60}, {"pose_age_ms": 100}, {"hold_ms": 0}],
)
def test_another_scale_or_delay_of_the_head_moves_its_masks_and_is_another_policy(ptz: dict[str, object]) -> None:
    assert policy(**ptz) != policy()


def test_where_a_head_goes_by_itself_is_no_other_policy() -> None:
    assert policy(home="rue", idle_return_s=60) == policy()


def started(town: Town) -> list[SigningKeyChanged]:  # noqa: F811
    """The changes of key that are entered once the agent has started on this state, in order."""
    configuration = load(town.path)
    state = configuration.mast.state
    identity = load_or_make(state)
    key = load_signing(state, identity).key.fingerprint
    registrar = Registrar(state, identity, HandClock(), town="lievin", mast="lievin-042")
    registrar.open()
    registrar.begin(configuration, 0, key)
    found = [one.body for one in registrar.ledger.entries() if isinstance(one.body, SigningKeyChanged)]
    registrar.close("stopped")
    assert not found or found[-1].new == key
    return found


def test_another_key_for_the_pictures_is_entered_once_with_the_old_one(town: Town) -> None:  # noqa: F811
    town.load()
    assert started(town) == []  # the first one is in the pictures' own certificate
    assert started(town) == []
    path: Path = load(town.path).mast.state / "identity" / KEY
    path.write_bytes(b"torn")
    (first,) = started(town)
    assert first.old != first.new
    assert started(town) == [first]
    path.unlink()
    _, second = started(town)
    assert (second.old, second.new == first.new) == (first.new, False)


def test_a_mast_that_can_keep_no_key_enters_each_that_it_signs_with(town: Town) -> None:  # noqa: F811
    town.load()
    path: Path = load(town.path).mast.state / "identity" / KEY
    assert started(town) == []
    path.unlink()
    path.mkdir()
    for number in range(1, 9):
        (path.with_name(f"{KEY}.damaged-{number}")).mkdir()
        (path.with_name(f"{KEY}.damaged-{number}") / "full").touch()
    assert [len(started(town)) for _ in range(3)] == [1, 2, 3]
