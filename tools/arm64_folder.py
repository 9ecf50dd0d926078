"""A Debian arm64 folder in which commands run as they would in a container of that image.

Laws
- Runs inside a private mount namespace (tools/test-arm64 makes it): whatever is mounted here is gone when the process
  is, however it ends.
- What the build borrows from this machine (certificates, proxies, resolver, package settings) is mounted or passed by
  environment while a step runs, and is no part of the result.
"""

import os
import shutil
import stat
import subprocess
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path

BORROWED = "mnt"
"""Debian's empty folder for things mounted for a while: the borrowed settings appear there."""

DEVICES = {"null": 3, "zero": 5, "full": 7, "random": 8, "urandom": 9}
"""Minor numbers of the memory devices (major 1, Linux's devices.txt)."""
PASSED = ("http_proxy", "https_proxy", "no_proxy", "HTTP_PROXY", "HTTPS_PROXY", "NO_PROXY")
PATH = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"


def run(*words: str | Path) -> None:
    """A command on this machine; its failure ends the test."""
    subprocess.run([str(word) for word in words], check=True)


def register_emulator() -> None:
    """Lets the kernel start arm64 programs; flag F opens the emulator now, so that the folders need no copy of it."""
    if os.uname().machine == "aarch64":
        return
    table = Path("/proc/sys/fs/binfmt_misc")
    if not (table / "register").exists():
        run("mount", "-t", "binfmt_misc", "binfmt_misc", table)
    if not (table / "qemu-aarch64").exists():
        (table / "register").write_text(Path("/usr/lib/binfmt.d/qemu-aarch64.conf").read_text().strip())


def bootstrap(release: str, archive: Path, settings: Path) -> None:
    """Debian `release` for arm64, its smallest variant, as a tar archive; kept for the next time."""
    if archive.exists():
        print(f"    {archive.name} is there already", flush=True)
        return
    part = archive.with_suffix(".part.tar")
    # binfmt_misc was set up above; mmdebstrap's own check wants one more package to find the same out.
    words = ["mmdebstrap", "--quiet", "--skip=check/qemu", "--arch=arm64", "--variant=minbase"]
    words += [f"--aptopt={settings / 'apt.conf'}", release, str(part)]
    sources = Path("/etc/apt/sources.list.d/debian.sources")
    if sources.exists() and f"VERSION_CODENAME={release}" in Path("/etc/os-release").read_text():
        words.append(str(sources))
    run(*words)
    part.rename(archive)


def borrow_settings(folder: Path) -> dict[str, str]:
    """Fills `folder` with this machine's package settings; returns the environment that points at them."""
    folder.mkdir(parents=True, exist_ok=True)
    dump = subprocess.run(["apt-config", "dump"], check=True, capture_output=True, text=True).stdout
    wanted = ("Acquire::http", "Acquire::https", "Acquire::Check-", "Acquire::Retries")
    lines = [line for line in dump.splitlines() if line.startswith(wanted)]
    (folder / "apt.conf").write_text("\n".join(lines) + "\n")
    environment = {name: os.environ[name] for name in PASSED if name in os.environ}
    environment |= {name: value for name, value in os.environ.items() if name.startswith("PIP_")}
    for local in ("PIP_FIND_LINKS", "PIP_EXTRA_INDEX_URL", "PIP_CACHE_DIR", "PIP_CONFIG_FILE"):
        environment.pop(local, None)  # these name folders of this machine, for this machine's processor
    for setting in ("index-url", "proxy"):
        words = [sys.executable, "-m", "pip", "config", "get", f"global.{setting}"]
        answer = subprocess.run(words, capture_output=True, text=True, check=False)
        if answer.returncode == 0:
            environment.setdefault(f"PIP_{setting.upper().replace('-', '_')}", answer.stdout.strip())
    environment["APT_CONFIG"] = f"/{BORROWED}/apt.conf"
    authorities = Path(os.environ.get("SSL_CERT_FILE", "/etc/ssl/certs/ca-certificates.crt"))
    if authorities.exists():
        shutil.copy(authorities, folder / "authorities.pem")
        environment |= dict.fromkeys(("PIP_CERT", "SSL_CERT_FILE"), f"/{BORROWED}/authorities.pem")
    return environment


class Folder:
    """One stage's root folder."""

    def __init__(self, root: Path) -> None:
        self.root = root
        self.environment: dict[str, str] = {}
        self.user = "root"
        self.workdir = "/"

    def unpack(self, archive: Path) -> None:
        """Starts anew from a base archive."""
        shutil.rmtree(self.root, ignore_errors=True)
        self.root.mkdir(parents=True)
        run("tar", "--extract", "--numeric-owner", "--file", archive, "--directory", self.root)
        (self.root / "etc/apt/apt.conf.d/99mmdebstrap").unlink(missing_ok=True)

    def inside(self, path: str) -> Path:
        """Where an absolute path of the folder, or one from its working directory, lies on this machine."""
        return self.root / os.path.normpath(os.path.join(self.workdir, path)).lstrip("/")

    def mount(self, settings: Path | None) -> None:
        """Gives the folder its /proc, a few devices, and while building the borrowed settings and the resolver."""
        run("mount", "-t", "proc", "proc", self.root / "proc")
        run("mount", "-t", "tmpfs", "-o", "mode=755", "tmpfs", self.root / "dev")
        for name, minor in DEVICES.items():
            # nodes of its own, no bind mounts: a step that changes a device's mode must not change this machine's
            os.mknod(self.root / "dev" / name, 0o666 | stat.S_IFCHR, os.makedev(1, minor))
            (self.root / "dev" / name).chmod(0o666)
        for name, target in (("fd", ""), ("stdin", "/0"), ("stdout", "/1"), ("stderr", "/2")):
            (self.root / "dev" / name).symlink_to(f"/proc/self/fd{target}")
        (self.root / "dev/shm").mkdir()
        (self.root / "dev/shm").chmod(0o1777)
        resolver = self.root / "etc/resolv.conf"
        resolver.unlink(missing_ok=True)
        resolver.touch()
        run("mount", "--bind", "/etc/resolv.conf", resolver)
        if settings:
            run("mount", "--bind", settings, self.root / BORROWED)

    def unmount(self) -> None:
        """Takes all of that away again."""
        mounts = [line.split()[1] for line in Path("/proc/mounts").read_text().splitlines()]
        for mounted in reversed([one for one in mounts if one.startswith(f"{self.root}/")]):
            run("umount", mounted)

    def words(self, command: Sequence[str], extra: Mapping[str, str] | None = None) -> list[str]:
        """The argument list that runs `command` inside, as the folder's user, in its directory and environment.

        `--kill-child`: nothing that the command left running outlives it.
        """
        environment = {"PATH": PATH, "HOME": "/root", "LANG": "C.UTF-8"} | self.environment | dict(extra or {})
        pairs = [f"{name}={value}" for name, value in environment.items()]
        inner = ["chroot", f"--userspec={self.user}", str(self.root)]
        inner += ["/usr/bin/env", "-i", f"--chdir={self.workdir}", *pairs, *command]
        return ["unshare", "--pid", "--fork", "--kill-child", *inner]

    def call(self, command: Sequence[str], extra: Mapping[str, str] | None = None) -> None:
        """Runs `command` inside; its failure ends the test."""
        subprocess.run(self.words(command, extra), check=True, stdin=subprocess.DEVNULL)

    def text(self, command: Sequence[str]) -> str:
        """What `command` printed inside; its failure ends the test."""
        done = subprocess.run(self.words(command), check=True, stdin=subprocess.DEVNULL, capture_output=True, text=True)
        return done.stdout
