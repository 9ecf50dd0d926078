"""A fixed camera that is knocked while the agent records it: blind, told, kept through kill and reload, approved."""

import asyncio
import contextlib
import re
import signal
import subprocess
from collections.abc import Callable
from pathlib import Path

import av

from agent.virtual.ptz_camera import Setup, picture_polygon, virtual_ptz
from agent.virtual.world import PRIVATE
from tests.e2e.box import Box, vigie, wait_for
from tests.needs import needs
from tests.rig.drawings import drawings

pytestmark = [needs("mosquitto", "mosquitto"), needs("age", "age")]

SETUP = Setup(kind="fixed", start=(-33.0, 5.0, 0.0))


def masks() -> str:
    """The private places of this view, as a technician would have drawn them."""
    text = ""
    for place in virtual_places():
        text += f'[[camera.mask]]\nname = "{place[0]}"\npolygon = {[list(point) for point in place[1]]}\n'
    return text


def virtual_places() -> list[tuple[str, tuple[tuple[float, float], ...]]]:
    view = SETUP.start_view()
    found = [(one.name, picture_polygon(one, view, SETUP.width, SETUP.height)) for one in PRIVATE]
    return [(name, shape) for name, shape in found if shape and any(0 < x < 1 and 0 < y < 1 for x, y in shape)]


def state_since(box: Box, start: int) -> list[tuple[str, str | None]]:
    """(masks, reason) as told of the camera in the messages after the first `start`."""
    told = [one.payload for one in box.heard()[start:] if one.topic.endswith("camera/rue/state")]
    return [(one["masks"], one["reason"]) for one in told if one["capture"] == "live"]


def flat(box: Box, path: Path) -> list[bool]:
    """Which pictures of a segment are one colour below the strip; one that was cut by the kill gives what it has."""
    plain = box.folder / "plain.mp4"
    with plain.open("wb") as out:
        command = ["age", "-d", "-i", str(box.folder / "keys" / "vault.key"), str(path)]
        subprocess.run(command, stdout=out, stderr=subprocess.DEVNULL, check=False)
    found: list[bool] = []
    with contextlib.suppress(av.error.FFmpegError), av.open(str(plain)) as film:
        for one in film.decode(video=0):
            found.append(bool(one.to_ndarray(format="gray")[32:].std() < 1.5))
    return found


async def happens(what: Callable[[], object]) -> None:
    await asyncio.to_thread(wait_for, what, 60)


async def test_a_knocked_camera_is_blind_until_somebody_approves_its_aim(tmp_path: Path) -> None:
    async with virtual_ptz(drawings(), SETUP) as camera:
        with Box(tmp_path, camera.rtsp_url, camera=masks()) as box:
            box.start()
            await happens(lambda: "aim_learned" in box.events())
            assert box.last("camera/rue/state")["masks"] == "burned"
            assert "tamper" not in box.events()

            await camera.knock(pan_deg=2.0, tilt_deg=0.0)
            await happens(lambda: "tamper" in box.events())
            await happens(lambda: box.last("camera/rue/state")["reason"] == "aim-lost")
            await happens(lambda: '"lost": {' in (box.state / "aim" / "rue.json").read_text())

            await camera.knock(pan_deg=0.0, tilt_deg=0.0)  # put back, by whomever: it was off
            box.kill()
            start = len(box.heard())
            box.start()
            await happens(lambda: ("blind", "aim-lost") in state_since(box, start))
            box.path.write_text(box.path.read_text().replace("bitrate_kbps = 2000", "bitrate_kbps = 2100"))
            applied = box.events().count("configuration_applied")
            box.signal(signal.SIGHUP)
            await happens(lambda: box.events().count("configuration_applied") > applied)
            await asyncio.sleep(3)
            assert {masks for masks, _ in state_since(box, start)} == {"blind"}
            assert box.events().count("tamper") == 1

            start = len(box.heard())
            told = await asyncio.to_thread(
                vigie, "aim", "approve", "--config", str(box.path), "--camera", "rue", "--by", "C. Durand"
            )
            assert (told.returncode, told.stderr) == (0, "")
            await happens(lambda: state_since(box, start)[-1:] == [("burned", None)])
            await happens(lambda: "tamper_ended" in box.events())
            assert "aim_approved" in box.events()
            assert any("Durand" in one.read_text() for one in (box.state / "register").glob("*.jsonl"))
            elsewhere = (box.state / "aim" / "rue.json", box.log, box.folder / "heard")
            assert not any("Durand" in one.read_text() for one in elsewhere)
            await asyncio.sleep(4)
            assert box.stop() == 0
            shown = [one for path in box.sealed() for one in flat(box, path)]
            # shown, then one colour for as long as the aim was lost, then shown
            assert re.fullmatch("s+b+s+", "".join("b" if one else "s" for one in smooth(shown)))
            assert "Traceback" not in box.log.read_text()


def smooth(shown: list[bool]) -> list[bool]:
    """Without the single mosaics of a start or a new connection, which are neither."""
    return [one for i, one in enumerate(shown) if shown[max(0, i - 2) : i + 3].count(one) >= 3]
