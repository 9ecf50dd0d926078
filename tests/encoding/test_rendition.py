"""Renditions with the real x264: closed GOPs, keyframes on demand, one encode however many watch."""

import itertools
import sys
from pathlib import Path

import av
import numpy as np
import pytest
from av.video.frame import PictureType

from agent.clock import Instant, WallTime
from agent.encoding import EncoderSettings, Rendition
from agent.encoding.encoder import Encoder, has_parameter_sets, working
from agent.encoding.keyframes import KeyframePolicy
from agent.encoding.scale import TILE_SIZE, fit
from agent.errors import EncoderUnavailable
from agent.queues import GopQueue
from agent.units import AccessUnit, Burned, MaskedFrame

STEP = 3600  # 25 fps


def masked(n: int, width: int = 320, height: int = 240, *, epoch: int = 1, pts: int | None = None) -> MaskedFrame:
    """A square that walks over grey."""
    picture = np.full((height * 3 // 2, width), 128, np.uint8)
    left = n * 4 % (width - 40)
    picture[60:100, left : left + 40] = 220
    return MaskedFrame(
        camera="c",
        picture=picture,
        width=width,
        height=height,
        full_range=False,
        taken=Instant(0),
        wall=WallTime(n, True, 1.0),
        pts_90k=n * STEP if pts is None else pts,
        epoch=epoch,
        masks=Burned(0.1),
    )


def drain(queue: GopQueue) -> list[AccessUnit]:
    units = []
    while (unit := queue.get()) is not None:
        units.append(unit)
    return units


def decode(units: list[AccessUnit]) -> list[av.VideoFrame]:
    decoder = av.CodecContext.create("h264", "r")
    frames = [frame for unit in units for frame in decoder.decode(av.Packet(unit.data))]
    return frames + list(decoder.decode(None))


def rendition(**settings: object) -> tuple[Rendition, GopQueue]:
    made = Rendition("c", EncoderSettings("x264", **settings))  # type: ignore[arg-type]
    queue = GopQueue(1000)
    made.source.subscribe(queue, replay=False)
    return made, queue


def test_every_picture_comes_out_at_once_and_decodes() -> None:
    made, queue = rendition()
    for n in range(30):
        made.encode(masked(n))
        assert made.encoded == n + 1
        units_so_far = made.bytes
        assert units_so_far > 0
    units = drain(queue)
    assert len(units) == 30
    assert len(decode(units)) == 30
    assert [unit.pts_90k for unit in units] == [n * STEP for n in range(30)]


def test_keyframes_come_every_two_seconds_with_their_parameter_sets() -> None:
    made, queue = rendition()
    for n in range(120):
        made.encode(masked(n))
    units = drain(queue)
    assert [n for n, unit in enumerate(units) if unit.keyframe] == [0, 50, 100]
    assert all(has_parameter_sets(unit.data) == unit.keyframe for unit in units)


def test_a_camera_slower_than_configured_still_gets_keyframes_every_two_seconds() -> None:
    made, queue = rendition()
    for n in range(40):
        made.encode(masked(n, pts=n * 90_000 // 8))
    keys = [unit.pts_90k for unit in drain(queue) if unit.keyframe]
    assert [b - a for a, b in itertools.pairwise(keys)] == [180_000] * (len(keys) - 1)
    assert len(keys) == 3


def test_each_gop_decodes_alone() -> None:
    made, queue = rendition()
    for n in range(120):
        made.encode(masked(n))
    units = drain(queue)
    assert len(decode(units[50:100])) == 50


def test_no_b_frames_and_constrained_baseline() -> None:
    made, queue = rendition()
    for n in range(20):
        made.encode(masked(n))
    units = drain(queue)
    sps = units[0].data[units[0].data.index(b"\x00\x00\x01") + 3 :]
    assert sps[0] & 0x1F == 7
    assert sps[1] == 66  # profile_idc: baseline
    assert sps[2] & 0x40  # constraint_set1: what browsers decode everywhere
    assert {frame.pict_type for frame in decode(units)} <= {PictureType.I, PictureType.P}


def test_a_viewer_s_wish_brings_a_keyframe_and_a_flood_of_wishes_brings_two_a_second() -> None:
    made, queue = rendition()
    for n in range(20):
        made.encode(masked(n))
    made.source.request_keyframe()
    made.encode(masked(20))
    assert drain(queue)[-1].keyframe
    for n in range(21, 71):
        made.source.request_keyframe()
        made.encode(masked(n))
    keys = [unit.pts_90k for unit in drain(queue) if unit.keyframe]
    assert 3 <= len(keys) <= 4


def test_a_new_size_or_connection_begins_with_a_keyframe_and_drops_the_old_gop() -> None:
    made, queue = rendition()
    for n in range(5):
        made.encode(masked(n))
    made.encode(masked(5, 352, 288))
    made.encode(masked(6, 352, 288, epoch=2))
    units = drain(queue)
    assert [unit.keyframe for unit in units[5:]] == [True, True]
    assert (units[5].width, units[5].height) == (352, 288)
    late = GopQueue(100)
    made.source.subscribe(late, replay=True)
    assert [unit.epoch for unit in drain(late)] == [2]


def test_a_late_consumer_gets_the_current_gop_from_its_keyframe_on() -> None:
    made, _ = rendition()
    for n in range(60):
        made.encode(masked(n))
    late = GopQueue(100)
    made.source.subscribe(late, replay=True)
    units = drain(late)
    assert units[0].keyframe
    assert [unit.pts_90k for unit in units] == [n * STEP for n in range(50, 60)]
    assert len(decode(units)) == 10


def test_sixteen_consumers_cost_one_encode_and_an_unsubscribed_one_gets_nothing() -> None:
    made, queue = rendition()
    others = [GopQueue(100) for _ in range(15)]
    for other in others:
        made.source.subscribe(other, replay=False)
    made.source.unsubscribe(others[0])
    for n in range(10):
        made.encode(masked(n))
    assert made.encoded == 10
    assert [len(drain(other)) for other in others] == [0] + [10] * 14
    assert len(drain(queue)) == 10


def test_the_tile_is_encoded_only_while_watched_and_scaled_to_fit() -> None:
    tile = Rendition("c", EncoderSettings("x264", bitrate_kbps=500), TILE_SIZE)
    tile.encode(masked(0, 1280, 720))
    assert tile.encoded == 0
    queue = GopQueue(100)
    tile.source.subscribe(queue, replay=True)
    for n in range(1, 4):
        tile.encode(masked(n, 1280, 720))
    units = drain(queue)
    assert [(unit.width, unit.height) for unit in units] == [(640, 360)] * 3
    assert {(frame.width, frame.height) for frame in decode(units)} == {(640, 360)}
    tile.source.unsubscribe(queue)
    tile.encode(masked(4, 1280, 720))
    assert tile.encoded == 3
    assert tile.encoder_name == ""


@pytest.mark.parametrize(
    ("size", "fitted"),
    [((1920, 1080), (640, 360)), ((768, 576), (480, 360)), ((320, 240), (320, 240)), ((4000, 500), (640, 80))],
)
def test_a_tile_keeps_the_picture_s_shape(size: tuple[int, int], fitted: tuple[int, int]) -> None:
    assert fit(*size) == fitted


def test_auto_falls_back_to_x264_where_no_hardware_encodes() -> None:
    assert working(EncoderSettings("auto").candidates)[-1] == "x264"


@pytest.mark.parametrize("name", ["v4l2m2m", "nvenc"])
def test_an_encoder_that_is_not_here_is_refused_by_a_real_trial(name: str) -> None:
    if Path("/dev/video11").exists() or Path("/dev/nvidia0").exists():
        pytest.skip("this box has a hardware encoder")
    with pytest.raises(EncoderUnavailable, match=name):
        working(EncoderSettings(name).candidates)


def test_full_range_is_told_to_the_decoder() -> None:
    made, queue = rendition()
    frame = masked(0)
    object.__setattr__(frame, "full_range", True)
    made.encode(frame)
    assert decode(drain(queue))[0].color_range == 2  # AVCOL_RANGE_JPEG


def test_wishes_before_the_first_picture_do_not_double_its_keyframe() -> None:
    policy = KeyframePolicy()
    policy.wish()
    assert policy.decide(0, STEP)
    policy.came(0)
    assert not policy.decide(STEP, STEP)


class Failing:
    """A stand-in for a driver that passes its trial and fails at work; x264 does what it leaves."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch, error: Exception | None) -> None:
        real, rendition_module = Encoder, sys.modules["agent.encoding.rendition"]

        class Driver(real):  # type: ignore[valid-type,misc]
            def __init__(self, name: str, *rest: object) -> None:
                super().__init__("x264", *rest)
                self.name = name

            def encode(self, picture: np.ndarray, pts_90k: int, *, keyframe: bool) -> list[tuple[bytes, bool, int]]:
                if self.name == "x264":
                    return super().encode(picture, pts_90k, keyframe=keyframe)
                if error is not None:
                    raise error
                return []

        monkeypatch.setattr(rendition_module, "Encoder", Driver)
        monkeypatch.setattr(rendition_module, "working", lambda candidates: ("v4l2m2m", "x264"))


@pytest.mark.parametrize("error", [EncoderUnavailable("driver error"), None], ids=["refuses", "swallows"])
def test_an_encoder_that_fails_at_work_gives_way_to_the_next(
    monkeypatch: pytest.MonkeyPatch, error: Exception | None
) -> None:
    Failing(monkeypatch, error)
    made = Rendition("c", EncoderSettings("auto"))
    queue = GopQueue(1000)
    made.source.subscribe(queue, replay=False)
    failures = 0
    for n in range(60):
        try:
            made.encode(masked(n))
        except EncoderUnavailable:
            failures += 1
    assert failures == 1
    assert made.encoder_name == "x264"
    units = drain(queue)
    assert units[0].keyframe
    assert len(decode(units)) == len(units) > 20


def test_ffmpeg_s_own_errors_count_as_an_encoder_that_fails(monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(name: str, mode: str) -> None:
        raise av.error.ExternalError(1, "the driver says no")

    monkeypatch.setattr(av.CodecContext, "create", refuse, raising=False)
    with pytest.raises(EncoderUnavailable):
        Encoder("x264", 320, 240, False, EncoderSettings())
