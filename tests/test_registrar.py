"""What the registrar takes for a camera's mask policy: whatever moves a mask, and nothing else."""

import pytest

from agent.cameras import Camera
from agent.registrar import mask_policy

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
