"""One camera's line from a file to access units, and what it says of itself."""

import itertools
import logging
import subprocess
import time
from collections.abc import Callable
from dataclasses import replace
from functools import partial
from pathlib import Path

import pytest

from agent import cli
from agent.camera import Camera
from agent.clock import SystemClock
from agent.config import Camera as Settings
from agent.config import Mask
from agent.encoding.rendition import Rendition
from agent.errors import EncoderUnavailable
from agent.events import Event, MasksBlind, MasksRestored, SigningLost, SigningRestored
from agent.identity import load_or_make
from agent.masking import Masker
from agent.queues import GopQueue
from agent.register.bodies import UnsignedBegan, UnsignedEnded
from agent.register.ledger import Ledger
from agent.register.scribe import Scribe
from agent.signing.keys import SigningKey
from agent.signing.signer import Signer
from agent.units import AccessUnit, Blind, Burned, Frame, MaskedFrame
from tests.aim.street import Keeper
from tests.needs import needs
from tests.rig.footage import SMALL, Recipe, make
from tests.signing.material import made_key

pytestmark = needs("ffmpeg", "ffmpeg opencv-doc")

TINY = replace(SMALL, width=352, height=288, seconds=2)
SLOW = replace(SMALL, fps=5, seconds=4)


def wait_for(what: Callable[[], bool], seconds: float = 20) -> None:
    end = time.monotonic() + seconds
    while not what():
        assert time.monotonic() < end, "it did not happen"
        time.sleep(0.02)


class Line:
    """A camera that runs, its events, and a consumer of its pictures."""

    def __init__(self, recipe: Recipe, tell: Callable[[Event], None] = lambda event: None) -> None:
        mask = Mask(name="m", polygon=((0.2, 0.2), (0.6, 0.2), (0.6, 0.6)))
        settings = Settings.model_validate(
            {"id": "c", "name": "C", "kind": "fixed", "source": f"file:{make(recipe)}", "mask": [mask.model_dump()]}
        )
        self.events: list[Event] = []
        self.keeper = Keeper()
        signer = partial(Signer, made_key())

        def emit(event: Event) -> None:
            self.events.append(event)
            tell(event)

        self.camera = Camera(settings, SystemClock(), emit, self.keeper, signer)
        self.queue = GopQueue(10_000)
        self.camera.main.source.subscribe(self.queue, replay=False)

    def facts(self):  # type: ignore[no-untyped-def]
        return self.camera.facts(recording=True, recording_reason="", last_segment=None, viewers=0)


def names_of(events: list[Event]) -> list[str]:
    return [type(event).__name__ for event in events]


@pytest.fixture
def line(request: pytest.FixtureRequest):  # type: ignore[no-untyped-def]
    made = Line(getattr(request, "param", SMALL))
    made.camera.start()
    yield made
    made.camera.stop()


def test_pictures_flow_and_the_facts_say_so(line: Line) -> None:
    wait_for(lambda: line.camera.main.encoded >= 60)
    facts = line.facts()
    assert (facts.capture, facts.width, facts.height, facts.encoder) == ("live", 704, 576, "x264")
    assert isinstance(facts.masks, Burned)
    assert facts.masks.share == pytest.approx(0.08, abs=0.01)
    assert facts.fps == pytest.approx(25, abs=4)
    assert facts.bitrate_kbps > 50
    assert not facts.below_minimum
    assert sum(facts.latency.counts) <= facts.encoded["main"]
    assert facts.latency.sum_s > 0
    assert [type(event) for event in line.events] == [MasksBlind, MasksRestored]


@pytest.mark.parametrize("line", [TINY, SLOW], indirect=True, ids=["small", "rare"])
def test_a_picture_below_the_legal_minimum_is_told_and_recorded_all_the_same(line: Line) -> None:
    wait_for(lambda: line.facts().below_minimum)
    assert line.facts().recording
    assert line.queue.get(1) is not None


def test_a_fault_in_masking_loses_the_picture_and_begins_again_blind(
    line: Line, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    wait_for(lambda: line.camera.main.encoded >= 10)
    real = Masker.mask
    failures = []

    def once(self: Masker, frame: Frame) -> MaskedFrame:
        if not failures:
            failures.append(frame.pts_90k)
            raise RuntimeError("a fault of ours")
        return real(self, frame)

    with caplog.at_level(logging.CRITICAL):
        monkeypatch.setattr(Masker, "mask", once)
        wait_for(lambda: bool(failures) and line.events[-1:] != [] and len(line.events) >= 4)
    units = []
    while (unit := line.queue.get()) is not None:
        units.append(unit)
    assert failures[0] not in [unit.pts_90k for unit in units]
    after = next(unit for unit in units if unit.pts_90k > failures[0])
    assert after.masks == Blind("starting")


def test_a_fault_in_signing_costs_no_picture_and_no_mask_and_is_told(
    line: Line, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    wait_for(lambda: line.camera.main.encoded >= 10)

    def refuse(self: Signer, unit: AccessUnit) -> AccessUnit:
        raise RuntimeError("the key is gone")

    with caplog.at_level(logging.CRITICAL), monkeypatch.context() as patch:
        patch.setattr(Signer, "sign", refuse)
        wait_for(lambda: line.facts().signing_reason == "the key is gone")
        begin = line.camera.main.encoded
        wait_for(lambda: line.camera.main.encoded >= begin + 20)
    assert line.facts().dropped["signatures"] >= 20
    wait_for(lambda: line.facts().signing_reason == "")
    assert [type(event) for event in line.events] == [MasksBlind, MasksRestored, SigningLost, SigningRestored]
    units = []
    while (unit := line.queue.get()) is not None:
        units.append(unit)
    assert all(isinstance(unit.masks, Burned) for unit in units[2:])
    steps = [after.pts_90k - before.pts_90k for before, after in itertools.pairwise(units)]
    assert len(units) >= 30
    assert max(steps) < 2 * 3600, "a picture is missing"


def test_a_tile_that_leaves_unsigned_is_told_while_somebody_watches_it(
    line: Line, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    wait_for(lambda: line.camera.main.encoded >= 10)
    real = Signer.sign

    def refuse(self: Signer, unit: AccessUnit) -> AccessUnit:
        if unit.width < 704:
            raise RuntimeError("the key is gone")
        return real(self, unit)

    viewer = GopQueue(10_000)
    with caplog.at_level(logging.CRITICAL):
        monkeypatch.setattr(Signer, "sign", refuse)
        line.camera.tile.source.subscribe(viewer, replay=False)
        wait_for(lambda: line.facts().signing_reason == "tile: the key is gone")
        wait_for(lambda: "SigningLost" in names_of(line.events))
        (lost,) = [one for one in line.events if isinstance(one, SigningLost)]
        assert lost.reason == "tile: the key is gone"
        line.camera.tile.source.unsubscribe(viewer)
        wait_for(lambda: line.facts().signing_reason == "")
        wait_for(lambda: "SigningRestored" in names_of(line.events))
    begin = line.camera.main.encoded
    wait_for(lambda: line.camera.main.encoded >= begin + 10)
    assert names_of(line.events) == ["MasksBlind", "MasksRestored", "SigningLost", "SigningRestored"]


def test_an_encoder_that_fails_is_told_as_lost_recording_and_opened_again(
    line: Line, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    wait_for(lambda: line.camera.main.encoded >= 10)
    real = Rendition._ready

    def refuse(self: Rendition, *arguments: object) -> object:
        raise EncoderUnavailable("the device went away")

    with caplog.at_level(logging.CRITICAL):
        monkeypatch.setattr(Rendition, "_ready", refuse)
        wait_for(lambda: not line.facts().recording)
        assert "went away" in line.facts().recording_reason
        monkeypatch.setattr(Rendition, "_ready", real)
        wait_for(lambda: line.facts().recording)


@needs("pdftotext", "poppler-utils")
def test_the_register_and_its_report_say_from_when_to_when_pictures_left_unsigned(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    clock = SystemClock()
    ledger = Ledger(tmp_path, load_or_make(tmp_path), clock, town="lievin", mast="m")
    ledger.open()
    scribe = Scribe(ledger, clock)
    scribe.start()
    line = Line(SMALL, scribe.tell)
    line.camera.start()
    sign = SigningKey.sign

    def refuse(*_: object) -> bytes:
        raise OSError("the key cannot be read")

    try:
        wait_for(lambda: line.camera.main.encoded >= 10)
        for _ in range(2):  # it comes back, goes again, and the camera is stopped meanwhile
            monkeypatch.setattr(SigningKey, "sign", sign)
            wait_for(lambda: line.facts().signing_reason == "")
            monkeypatch.setattr(SigningKey, "sign", refuse)
            wait_for(lambda: line.facts().signing_reason != "")
    finally:
        line.camera.stop()
        scribe.stop()
    bodies = {entry.index: entry.body for entry in ledger.entries(kinds=("unsigned_began", "unsigned_ended"))}
    began = [number for number, body in bodies.items() if isinstance(body, UnsignedBegan)]
    assert {body.reason for body in bodies.values() if isinstance(body, UnsignedBegan)} == {"the key cannot be read"}
    assert [body.began for body in bodies.values() if isinstance(body, UnsignedEnded)] == began
    assert len(began) == 2
    ledger.close()
    out = tmp_path / "report.pdf"
    year = clock.wall().utc_ns // 10**9 // 31_556_952 + 1970
    period = ["--from", f"{year}-01-01", "--to", f"{year + 1}-01-01"]
    assert cli.main(["register", "report", "--state", str(tmp_path), *period, "--out", str(out)]) == 0
    told = subprocess.run(["pdftotext", "-layout", out, "-"], capture_output=True, text=True, check=True).stdout
    assert told.count("Images non signées") >= 2
    assert "the key cannot be" in told
    assert "fin : arrêt" not in told
