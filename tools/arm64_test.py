"""Carries out Dockerfile.arm64 in Debian arm64 folders, then lets the agent record there and opens the segment here.

    unshare --mount --propagation private -- python tools/arm64_test.py CHECKOUT     (tools/test-arm64 does that)

What it shows: every step of the Dockerfile works, the result holds no build tool and no cache, all wheels load, and as
the image's own user `vigie check` is content and `vigie run` records thirty frames of a video file into a segment that
stock `age` opens on another machine and whose mask is burned.
"""

import ast
import re
import shutil
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable
from contextlib import ExitStack
from pathlib import Path

from arm64_folder import Folder, bootstrap, borrow_settings, register_emulator, run
from dockerfile import Context, DockerfileError, Instruction, Stage, parse, parse_ignore

WANTED_FRAMES = 30
PATIENCE_S = 420
"""An emulated processor encodes some frames a second; this is the end of patience, not an expectation."""

WHEELS = "aiohttp aiomqtt aiortc av cryptography cv2 numpy psutil pydantic_core pylibsrtp pyrage"

CONFIGURATION = """
[mast]
id = "arm64-test"
town = "atelier"
state = "/var/lib/vigie"

[vault]
recipients = ["{recipient}"]
retention_days = 1
max_gib = 1
segment_seconds = 3

[access]
authorities = ["authority.pub"]

[http]
listen = "127.0.0.1:{port}"

[[camera]]
id = "atelier"
name = "Atelier"
kind = "fixed"
source = "file:/etc/vigie/street.mp4"
fps = 12
bitrate_kbps = 1000

[[camera.mask]]
name = "fenetre"
polygon = [[0.25, 0.25], [0.75, 0.25], [0.75, 0.75], [0.25, 0.75]]
style = "solid"
"""

FORBIDDEN_PROGRAMS = ("gcc", "cc", "ld", "make", "git", "pip", "pip3", "curl", "wget")


class Failed(Exception):
    """Something is not as it must be."""


def say(text: str) -> None:
    """One line before each step."""
    print(f"arm64: {text}", flush=True)


class Build:
    """Carries out the stages of one Dockerfile, each in a folder under `work`."""

    def __init__(self, checkout: Path, work: Path) -> None:
        self.checkout = checkout
        self.work = work
        self.context: Context = parse_ignore((checkout / "Dockerfile.arm64.dockerignore").read_text())
        self.settings = work / "settings"
        self.borrowed = borrow_settings(self.settings)
        self.folders: dict[str, Folder] = {}

    def stage(self, stage: Stage) -> Folder:
        """The folder that a stage's steps leave, with nothing mounted in it."""
        match = re.fullmatch(r"debian:([a-z]+)-slim", stage.base)
        if not match:
            raise DockerfileError(f"{stage.name}: FROM {stage.base}: only debian:RELEASE-slim is carried out here")
        archive = self.work / f"{match[1]}.tar"
        bootstrap(match[1], archive, self.settings)
        folder = self.folders[stage.name] = Folder(self.work / stage.name)
        folder.unmount()
        folder.unpack(archive)
        folder.mount(self.settings)
        try:
            for step in stage.steps:
                say(f"[{stage.name}] {step.name} {step.text}"[:150])
                try:
                    self.step(folder, step)
                except (subprocess.CalledProcessError, OSError) as error:
                    raise Failed(f"Dockerfile.arm64, line {step.line}: {step.name} did not succeed") from error
        finally:
            folder.unmount()
        (folder.root / "etc/resolv.conf").write_text("")
        return folder

    def step(self, folder: Folder, step: Instruction) -> None:
        """Carries out one instruction; those that only describe the image are read later, from the stage."""
        match step.name:
            case "RUN":
                folder.call(step.command(), self.borrowed)
            case "COPY":
                self.copy(folder, step)
            case "ENV":
                folder.environment |= dict(word.split("=", 1) for word in step.words())
            case "USER":
                folder.user = step.text
            case "WORKDIR":
                folder.workdir = str(Path(folder.workdir) / step.text)
                folder.inside(".").mkdir(parents=True, exist_ok=True)
            case "VOLUME" | "EXPOSE" | "STOPSIGNAL" | "HEALTHCHECK" | "ENTRYPOINT" | "CMD":
                pass
            case _:
                raise DockerfileError(f"line {step.line}: {step.name} is not carried out here")

    def copy(self, folder: Folder, step: Instruction) -> None:
        """COPY as Docker does it: a folder's contents into the target, files into a target that ends in a slash."""
        *sources, target = step.words()
        for name in sources:
            if "from" in step.flags:
                source = self.folders[step.flags["from"]].inside(str(Path("/") / name))
            elif self.context.admits(name):
                source = self.checkout / name
            else:
                raise DockerfileError(f"line {step.line}: .dockerignore keeps {name} out")
            into = folder.inside(target)
            if source.is_dir():
                shutil.copytree(source, into, symlinks=True, dirs_exist_ok=True, ignore=self.ignored(step))
            else:
                into = into / source.name if target.endswith("/") else into
                into.parent.mkdir(parents=True, exist_ok=True)
                shutil.copy(source, into)

    def ignored(self, step: Instruction) -> Callable[[str, list[str]], list[str]] | None:
        """For copytree: what `.dockerignore` drops everywhere; a copy from another stage is whole."""
        if "from" in step.flags:
            return None
        return lambda _, names: [name for name in names if self.context.leaves_out(name)]


def inspect(folder: Folder) -> None:
    """The result holds no build tool, no cache and nothing borrowed, and does not run as root."""
    root = folder.root
    found = [
        name
        for name in FORBIDDEN_PROGRAMS
        for place in ("bin", "usr/bin", "usr/local/bin", "opt/vigie/bin")
        if (root / place / name).exists()
    ]
    found += [str(one.relative_to(root)) for one in root.glob("opt/vigie/lib/*/site-packages/pip*")]
    for place in ("var/lib/apt/lists", "var/cache/apt", "mnt", "tmp", "root/.cache"):
        found += [str(one.relative_to(root)) for one in (root / place).rglob("*") if one.is_file()]
    found += [str(one.relative_to(root)) for one in (root / "src",) if one.exists()]
    if found:
        raise Failed(f"the image holds what it should not: {', '.join(found[:10])}")
    if folder.user in ("root", "0"):
        raise Failed("the image runs as root")
    if (root / "etc/resolv.conf").read_text():
        raise Failed("this machine's resolver stayed in the image")
    size = subprocess.run(["du", "-sxm", str(root)], check=True, capture_output=True, text=True).stdout.split()[0]
    say(f"nothing left over; the image's files take {size} MiB and run as {folder.user}")


def prepare(folder: Folder, work: Path) -> int:
    """Keys, a street in 704x576 at 12 frames a second and the configuration in /etc/vigie; returns the port."""
    keys = work / "keys"
    shutil.rmtree(keys, ignore_errors=True)
    run(Path(sys.executable).with_name("vigie-provision"), "keys", "init", "--out", keys)
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
    etc = folder.root / "etc/vigie"
    shutil.copy(keys / "authority.pub", etc)
    recipient = re.search(r"age1[a-z0-9]+", (keys / "vault.pub").read_text())
    (etc / "vigie.toml").write_text(CONFIGURATION.format(recipient=recipient[0] if recipient else "", port=port))
    street = "testsrc2=size=704x576:rate=12:duration=20"
    words = ["ffmpeg", "-v", "error", "-y", "-f", "lavfi", "-i", street, "-c:v", "libx264", "-preset", "veryfast"]
    run(*words, "-pix_fmt", "yuv420p", "-bf", "0", etc / "street.mp4")
    for one in etc.iterdir():
        shutil.chown(one, "root", int(etc.stat().st_gid))
        one.chmod(0o640)
    return port


def frames(sealed: Path, identity: Path, plain: Path) -> int:
    """How many pictures stock age and ffprobe find in a sealed segment."""
    run("age", "--decrypt", "--identity", identity, "--output", plain, sealed)
    words = ["ffprobe", "-v", "error", "-count_frames", "-select_streams", "v", "-of", "csv=p=0", "-show_entries"]
    words += ["stream=codec_name,width,height,nb_read_frames", str(plain)]
    answer = subprocess.run(words, check=True, capture_output=True, text=True).stdout.strip().split(",")
    if answer[:3] != ["h264", "704", "576"]:
        raise Failed(f"{sealed.name} holds {answer[:3]}")
    return int(answer[3])


def masked(plain: Path) -> bool:
    """True when the middle of the last picture, where the mask lies, is one even colour and the rest is not."""

    def spread(crop: str) -> int:
        words = ["ffmpeg", "-v", "error", "-i", str(plain), "-vf", f"crop={crop},format=gray", "-f", "rawvideo", "-"]
        width, height, *_ = (int(part) for part in crop.split(":"))
        last = subprocess.run(words, check=True, capture_output=True).stdout[-width * height :]
        return max(last) - min(last)

    return spread("320:256:192:160") < 24 < spread("704:120:0:450")


def record(folder: Folder, image: Stage, work: Path) -> None:
    """The agent as the image starts it, until its sealed segments hold the wanted frames; then SIGTERM."""
    entry, command, health = image.last("ENTRYPOINT"), image.last("CMD"), image.last("HEALTHCHECK")
    if entry is None or command is None or health is None:
        raise Failed("the image needs ENTRYPOINT, CMD and HEALTHCHECK")
    stop = getattr(signal, (image.last("STOPSIGNAL") or Instruction(0, "STOPSIGNAL", {}, "SIGTERM")).text)
    identity, plain = work / "keys/vault.key", work / "plain.mp4"
    counted: dict[Path, int] = {}
    healthy = False
    agent = subprocess.Popen(folder.words([*entry.words(), *command.words()]), stdin=subprocess.DEVNULL)
    try:
        end = time.monotonic() + PATIENCE_S
        while sum(counted.values()) < WANTED_FRAMES or not healthy:
            if agent.poll() is not None:
                raise Failed(f"the agent ended by itself with status {agent.returncode}")
            if time.monotonic() > end:
                raise Failed(f"after {PATIENCE_S} s: {sum(counted.values())} frames sealed, healthy: {healthy}")
            time.sleep(2)
            for sealed in sorted((folder.root / "var/lib/vigie").glob("segments/**/*.mp4.age")):
                if sealed not in counted:
                    counted[sealed] = frames(sealed, identity, plain)
                    say(f"{sealed.name}: {counted[sealed]} frames, opened with age")
            if counted and not healthy:
                check = health.text.removeprefix("CMD").strip()
                words = folder.words(Instruction(health.line, "CMD", {}, check).words())
                healthy = subprocess.run(words, check=False).returncode == 0
        if not masked(plain):
            raise Failed("the mask is not burned")
    finally:
        # the agent is the child of `unshare`, which would not pass the signal on
        child = Path(f"/proc/{agent.pid}/task/{agent.pid}/children").read_text().split() if agent.poll() is None else []
        for pid in child:
            subprocess.run(["kill", f"-{stop.value}", pid], check=False)
        try:
            status = agent.wait(timeout=120)
        finally:
            agent.kill()
    if status:
        raise Failed(f"{stop.name} ended the agent with status {status}, not 0")
    say(f"{sum(counted.values())} frames recorded and opened, the mask is burned, {stop.name} ended it with status 0")


def main(checkout: Path) -> None:
    """The whole test; raises at the first thing that is not as it must be."""
    work = checkout / "build/arm64"
    work.mkdir(parents=True, exist_ok=True)
    register_emulator()
    build = Build(checkout, work)
    stages = parse((checkout / "Dockerfile.arm64").read_text()).stages
    for stage in stages:
        folder = build.stage(stage)
    image = stages[-1]
    inspect(folder)
    with ExitStack() as stack:
        stack.callback(folder.unmount)
        folder.mount(None)
        folder.environment |= {"HOME": "/var/lib/vigie"}
        say(f"loading {WHEELS}")
        imports = "".join(f"import {name}; " for name in WHEELS.split())
        asked = f"{imports}import os; print([os.uname().machine, os.getuid()])"
        loaded = folder.text(["/opt/vigie/bin/python", "-c", asked])
        machine, uid = ast.literal_eval(loaded)
        if machine != "aarch64" or uid == 0:
            raise Failed(f"ran on {machine} as uid {uid}")
        prepare(folder, work)
        say("vigie check")
        folder.call(["/opt/vigie/bin/vigie", "check", "--config", "/etc/vigie/vigie.toml"])
        say("vigie run")
        record(folder, image, work)
        folder.call(["/opt/vigie/bin/vigie", "segments", "verify", "--state", "/var/lib/vigie"])


if __name__ == "__main__":
    try:
        main(Path(sys.argv[1]).resolve())
    except (Failed, DockerfileError, subprocess.CalledProcessError) as error:
        sys.exit(f"arm64: failed: {error}")
    say("all good")
