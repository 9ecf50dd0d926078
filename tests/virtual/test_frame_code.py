"""The picture's number: read back after the encoder and under a mask, never read wrong."""

import av
import numpy as np
import pytest

from agent.virtual import frame_code
from agent.virtual.render import Lens, TurningStreet
from agent.virtual.sphere import View
from agent.virtual.video import Encoder


@pytest.mark.parametrize(("width", "height"), [(704, 576), (1280, 720), (640, 360), (1920, 1080)])
def test_every_number_comes_back(width: int, height: int) -> None:
    luma = np.random.default_rng(1).integers(0, 255, (height, width)).astype(np.uint8)
    for number in (0, 1, 4711, 0x55555, frame_code.HIGHEST):
        frame_code.burn(luma, number)
        assert frame_code.read(luma) == number


def test_it_survives_x264_at_2_mbit_while_the_head_turns(turning_street: TurningStreet) -> None:
    lens, encoder = Lens(turning_street, 704, 576), Encoder(704, 576, 25, 2000)
    decoder = av.CodecContext.create("h264", "r")
    got, size = [], 0
    for number in range(75):
        picture = lens.picture(View(-60 + number * 2.4, 0, 60), number / 25)
        frame_code.burn(picture, 5000 + number)
        data, keyframe = encoder.encode(picture, number * 3600)
        assert keyframe == (number % 50 == 0)
        size += len(data)
        got += [frame_code.read(frame.to_ndarray(format="gray")) for frame in decoder.decode(av.Packet(data))]
    got += [frame_code.read(frame.to_ndarray(format="gray")) for frame in decoder.decode(None)]
    assert got == list(range(5000, 5075))
    assert size * 8 / 3 < 2_600_000


def test_a_mask_over_one_copy_leaves_the_other_and_over_both_no_number() -> None:
    luma = np.full((576, 704), 90, np.uint8)
    frame_code.burn(luma, 77)
    luma[400:, :300] = 120
    assert frame_code.read(luma) == 77
    luma[400:, 340:] = 30
    assert frame_code.read(luma) is None


def test_a_picture_without_a_number_has_none() -> None:
    random = np.random.default_rng(5)
    pictures = [np.full((576, 704), level, np.uint8) for level in (0, 24, 128, 255)]
    pictures += [np.repeat(random.choice([20, 235], (1, 704)), 576, axis=0).astype(np.uint8) for _ in range(50)]
    assert [frame_code.read(one) for one in pictures] == [None] * len(pictures)


def test_a_word_that_a_mosaic_covers_in_part_is_not_taken_for_another_number() -> None:
    dice = np.random.default_rng(8)
    read = []
    for number in range(1, 4001):
        luma = np.zeros((8, 704), np.uint8)
        frame_code.burn(luma, number)
        for end in (352, 704):  # each copy is covered from somewhere on, by cells that are dark or bright
            for left in range(end - int(dice.integers(20, 200)), end, 20):
                luma[:, left : min(left + 20, end)] = dice.choice((dice.integers(90), dice.integers(170, 256)))
        read.append((number, frame_code.read(luma)))
    assert sum(told is None for _, told in read) > 3500
    assert [one for one in read if one[1] not in (None, one[0])] == []
