"""Other recorders on the same stream, for the benchmarks: ffmpeg's plain transcode and Debian's motion with its mask.

Each is a process of its own with `pid`, started by `with`, killed at the end. Both tell exactly how many pictures they
had finished at a moment, so that CPU time can be divided by them.
"""

import os
import re
import subprocess
import threading
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from types import TracebackType
from typing import Self

import cv2
import numpy as np

Polygon = Sequence[tuple[float, float]]


def count_pictures(path: Path) -> int:
    """How many video packets a file holds."""
    options = ["-v", "error", "-select_streams", "v:0", "-count_packets"]
    show = ["-show_entries", "stream=nb_read_packets", "-of", "csv=p=0"]
    done = subprocess.run(["ffprobe", *options, *show, str(path)], capture_output=True, text=True, check=True)
    return int(done.stdout.strip().rstrip(","))


def _benchmark(log: Path) -> float:
    """CPU seconds that an ffmpeg with -benchmark says it has used."""
    found = re.search(r"bench: utime=([\d.]+)s stime=([\d.]+)s", log.read_text(encoding="utf-8", errors="replace"))
    assert found is not None, f"no benchmark in {log}"
    return float(found[1]) + float(found[2])


@dataclass
class _Process:
    """A child that is killed when its `with` block ends."""

    folder: Path
    _process: "subprocess.Popen[str] | None" = field(default=None, init=False)

    def command(self) -> list[str]:
        """What to run."""
        raise NotImplementedError

    @property
    def pid(self) -> int:
        """The running process."""
        assert self._process is not None
        return self._process.pid

    def __enter__(self) -> Self:
        self.folder.mkdir(parents=True, exist_ok=True)
        with (self.folder / "log").open("w") as log:
            self._process = subprocess.Popen(
                self.command(), stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=log, text=True
            )
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        assert self._process is not None
        self._process.terminate()
        try:
            self._process.wait(20)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()
        if self._process.stdout is not None:
            self._process.stdout.close()


@dataclass
class Ffmpeg(_Process):
    """Transcodes the stream into an MP4 file, with no mask: `out.mp4` in the folder."""

    url: str
    encoder: Sequence[str]
    on_progress: Callable[[int], None] = lambda pictures: None
    """Called from a thread of its own, twice a second, with how many pictures are finished."""

    def command(self) -> list[str]:
        """ffmpeg with its own defaults for everything but the encoder."""
        start = ["ffmpeg", "-nostdin", "-hide_banner", "-loglevel", "error", "-progress", "pipe:1"]
        source = ["-stats_period", "0.5", "-rtsp_transport", "tcp", "-i", self.url, "-an"]
        return [*start, *source, *self.encoder, "-y", str(self.folder / "out.mp4")]

    def __enter__(self) -> Self:
        super().__enter__()
        threading.Thread(target=self._read, daemon=True).start()
        return self

    def _read(self) -> None:
        assert self._process is not None
        assert self._process.stdout is not None
        try:
            for line in self._process.stdout:
                if line.startswith("frame="):
                    self.on_progress(int(line.removeprefix("frame=")))
        except ValueError:  # closed under us, at the end
            return


@dataclass
class Decoder(_Process):
    """ffmpeg that decodes the stream on one thread and throws the pictures away."""

    url: str

    def command(self) -> list[str]:
        """Nothing but the decoding."""
        start = ["ffmpeg", "-nostdin", "-hide_banner", "-loglevel", "error", "-threads", "1"]
        return [*start, "-rtsp_transport", "tcp", "-i", self.url, "-f", "null", "-"]


@dataclass
class Motion(_Process):
    """Debian's motion: records all the time, its privacy mask burned in, one file each `piece_seconds`.

    Its own H.264 is always x264's `ultrafast` with a constant quality, whatever bitrate one asks for. With `encoder`
    (arguments of ffmpeg) it hands its masked pictures to an ffmpeg of its own through a pipe (its `movie_extpipe`),
    which is its one way to other settings.
    """

    url: str
    width: int
    height: int
    fps: int
    masks: Sequence[Polygon]
    encoder: Sequence[str] = ()
    piece_seconds: int = 10
    on_piece: Callable[[Path], None] = lambda path: None
    """Called from a thread of its own the moment a file has been finished."""
    encoder_cpu_s: float = field(default=0.0, init=False)
    """What its ffmpegs have used so far; motion ignores its children's end, so the kernel does not add them to it."""

    def command(self) -> list[str]:
        """motion in the foreground with the configuration that __enter__ wrote."""
        return ["motion", "-n", "-c", str(self.folder / "motion.conf")]

    def __enter__(self) -> Self:
        self.folder.mkdir(parents=True, exist_ok=True)
        self._mask()
        self._fifo = self.folder / "finished"
        os.mkfifo(self._fifo)
        (self.folder / "motion.conf").write_text(self._configuration(), encoding="utf-8")
        # opened for both, so that the thread never waits for a first writer and never sees the end in between
        self._reading = os.open(self._fifo, os.O_RDWR)
        threading.Thread(target=self._read, daemon=True).start()
        return super().__enter__()

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        super().__exit__(kind, error, trace)
        os.write(self._reading, b"\n")

    def _read(self) -> None:
        with os.fdopen(self._reading) as fifo:
            for line in fifo:
                if not line.strip():
                    return
                path = Path(line.strip())
                if self.encoder:
                    path = path.with_name(f"{path.name}.mp4")
                    self.encoder_cpu_s += _benchmark(path.with_suffix(".log"))
                self.on_piece(path)

    def _mask(self) -> None:
        """mask.pgm: black where motion shall black out."""
        picture = np.full((self.height, self.width), 255, np.uint8)
        for polygon in self.masks:
            points = np.array(polygon) * (self.width, self.height)
            cv2.fillPoly(picture, [points.round().astype(np.int32)], [0])
        (self.folder / "mask.pgm").write_bytes(b"P5\n%d %d\n255\n" % (self.width, self.height) + picture.tobytes())

    def _movies(self) -> str:
        if not self.encoder:
            return "movie_output on\nmovie_codec mp4\nmovie_quality 45"
        raw = f"-f rawvideo -pix_fmt yuv420p -video_size %wx%h -framerate {self.fps} -i pipe:0"
        external = f"ffmpeg -nostdin -hide_banner -benchmark -y {raw} {' '.join(self.encoder)} %f.mp4 2> %f.log"
        return f"movie_output off\nmovie_extpipe_use on\nmovie_extpipe {external}"

    def _configuration(self) -> str:
        return f"""daemon off
setup_mode off
log_level 5
webcontrol_port 0
stream_port 0
target_dir {self.folder}
netcam_url {self.url}
netcam_params rtsp_transport=tcp
width {self.width}
height {self.height}
framerate {self.fps}
mask_privacy {self.folder}/mask.pgm
emulate_motion on
picture_output off
{self._movies()}
movie_max_time {self.piece_seconds}
movie_filename piece-%v-%Y%m%d%H%M%S
on_movie_end echo %f > {self._fifo}
"""
