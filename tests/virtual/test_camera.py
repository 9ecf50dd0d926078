"""The virtual camera: played by ffprobe, for longer than its film lasts, gone when its owner is."""

import asyncio
import itertools
import json
import subprocess
import sys
from pathlib import Path

import pytest

from agent.errors import SourceError, UsageError
from agent.virtual.camera import virtual_camera
from agent.virtual.film import film_path, make_film
from agent.virtual.scene import LOOP_S

ROOT = Path(__file__).resolve().parents[2]


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("virtual")
    make_film(folder, lambda share: None)
    return folder


async def times(url: str, seconds: float) -> list[float]:
    """The timestamps that ffprobe reads from the stream."""
    options = ["-v", "error", "-rtsp_transport", "tcp", "-show_entries", "packet=pts_time", "-of", "json"]
    command = ["ffprobe", *options, "-read_intervals", f"%+{seconds:g}", url]
    probe = await asyncio.create_subprocess_exec(*command, stdout=subprocess.PIPE)
    out, _ = await asyncio.wait_for(probe.communicate(), seconds + 20)
    return [float(packet["pts_time"]) for packet in json.loads(out)["packets"] if "pts_time" in packet]


async def test_ffprobe_plays_it(folder: Path) -> None:
    async with virtual_camera(folder) as camera:
        command = ["ffprobe", "-v", "error", "-rtsp_transport", "tcp"]
        command += ["-show_entries", "stream=codec_name,width,height", "-of", "csv=p=0", camera.url]
        probe = await asyncio.create_subprocess_exec(*command, stdout=subprocess.PIPE)
        out, _ = await asyncio.wait_for(probe.communicate(), 20)
    assert out.decode().split() == ["h264,1280,720"]
    assert len(camera.masks) == 3


@pytest.mark.slow
async def test_its_timestamps_run_on_when_the_film_starts_again(folder: Path) -> None:
    async with virtual_camera(folder) as camera:
        seen = await times(camera.url, LOOP_S + 3)
    steps = {round(later - earlier, 3) for earlier, later in itertools.pairwise(seen)}
    assert seen[-1] > LOOP_S + 1
    assert steps <= {0.0, 0.04}


async def test_a_film_that_was_not_finished_is_never_served(folder: Path, tmp_path: Path) -> None:
    def interrupt(share: float) -> None:
        if share > 0.02:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        make_film(tmp_path, interrupt)
    assert not film_path(tmp_path).exists()


async def test_without_the_package_the_error_names_the_mend(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "aio_rtsp_toolkit", None)
    with pytest.raises(UsageError, match=r"pip install 'vigie\[demo\]'"):
        async with virtual_camera(folder):
            pass


async def test_a_folder_that_cannot_be_written_is_an_error_and_not_a_wait(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(SourceError):
        async with virtual_camera(tmp_path / "file"):
            pass


async def test_no_camera_outlives_an_agent_that_was_killed(folder: Path) -> None:
    program = (
        "import asyncio, sys\nfrom pathlib import Path\nfrom agent.virtual.camera import virtual_camera\n"
        "async def main():\n async with virtual_camera(Path(sys.argv[1])) as camera:\n"
        "  print(camera.url, flush=True)\n  await asyncio.sleep(60)\nasyncio.run(main())"
    )
    command = (sys.executable, "-c", program, str(folder))
    agent = await asyncio.create_subprocess_exec(*command, stdout=subprocess.PIPE, cwd=ROOT)
    assert agent.stdout is not None
    url = (await agent.stdout.readline()).decode().strip()
    port = int(url.split(":")[2].split("/")[0])
    agent.kill()
    await agent.wait()
    for _ in range(100):
        try:
            _, writer = await asyncio.open_connection("127.0.0.1", port)
        except ConnectionRefusedError:
            return
        writer.close()
        await asyncio.sleep(0.1)
    pytest.fail("the camera still answers")
