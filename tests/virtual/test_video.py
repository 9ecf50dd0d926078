"""The encoder: Annex B, parameter sets before keyframes, keyframes when asked for."""

import numpy as np

from agent.virtual.rtsp import nal_units
from agent.virtual.video import Encoder


def test_keyframes_carry_parameter_sets_and_come_when_asked_for() -> None:
    encoder, kinds = Encoder(320, 240, 10, 300), []
    for number in range(30):
        if number == 7:
            encoder.force()
        data, keyframe = encoder.encode(np.full((240, 320, 3), number, np.uint8), number * 9000)
        types = [unit[0] & 0x1F for unit in nal_units(data)]
        assert (7 in types and 8 in types and 5 in types) == keyframe
        kinds.append(keyframe)
    assert [number for number, keyframe in enumerate(kinds) if keyframe] == [0, 7, 27]
