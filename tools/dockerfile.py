"""Reads the part of the Dockerfile language that Dockerfile.arm64 uses, and refuses the rest.

Laws
- Values in, values out: nothing here touches a disk.
- What is not understood wholly is an error with its line: a step that is skipped in silence would test another image
  than the one that docker builds.

>>> parse("FROM debian:bookworm-slim AS mast\\nUSER vigie").stages[0].name
'mast'

Reference: Dockerfile reference, https://docs.docker.com/reference/dockerfile/
"""

import json
import re
import shlex
from dataclasses import dataclass
from fnmatch import fnmatch

FLAGS = {
    "FROM": {"platform"},
    "COPY": {"from"},
    "HEALTHCHECK": {"interval", "timeout", "start-period", "retries"},
}
BARE = {"RUN", "ENV", "WORKDIR", "USER", "VOLUME", "EXPOSE", "STOPSIGNAL", "ENTRYPOINT", "CMD"}


class DockerfileError(Exception):
    """A line that this reader does not know how to carry out."""


@dataclass(frozen=True, slots=True)
class Instruction:
    """One instruction: `line` in the file, its `--flags`, and the text behind them."""

    line: int
    name: str
    flags: dict[str, str]
    text: str

    def words(self) -> list[str]:
        """The text as an argument list: JSON form when it is one, shell words otherwise."""
        if self.text.startswith("["):
            words = json.loads(self.text)
            if not all(isinstance(word, str) for word in words):
                raise DockerfileError(f"line {self.line}: {self.name} takes strings only")
            return list(words)
        return shlex.split(self.text)

    def command(self) -> list[str]:
        """What is run: the JSON form as it is, the shell form through /bin/sh as Docker does."""
        return self.words() if self.text.startswith("[") else ["/bin/sh", "-c", self.text]


@dataclass(frozen=True, slots=True)
class Stage:
    """One FROM: `base` is an image or an earlier stage, `steps` what follows in order."""

    name: str
    base: str
    steps: tuple[Instruction, ...]

    def last(self, name: str) -> Instruction | None:
        """The instruction of that name that counts: the last one."""
        return next((step for step in reversed(self.steps) if step.name == name), None)


@dataclass(frozen=True, slots=True)
class Dockerfile:
    """All stages in order; the last one is the image."""

    stages: tuple[Stage, ...]


def _logical_lines(text: str) -> list[tuple[int, str]]:
    """(number of its first line, text) with comments dropped and continuations joined."""
    lines: list[tuple[int, str]] = []
    start, held = 0, ""
    for number, raw in enumerate(text.splitlines(), 1):
        if raw.lstrip().startswith("#") or not raw.strip():
            continue
        start = start if held else number
        if raw.rstrip().endswith("\\"):
            held += raw.rstrip()[:-1] + " "
            continue
        lines.append((start, (held + raw).strip()))
        held = ""
    if held:
        raise DockerfileError(f"line {start}: the file ends in a continuation")
    return lines


def _instruction(line: int, text: str) -> Instruction:
    name, _, rest = text.partition(" ")
    name = name.upper()
    if name not in FLAGS and name not in BARE:
        raise DockerfileError(f"line {line}: {name} is not an instruction that is carried out here")
    flags: dict[str, str] = {}
    rest = rest.strip()
    while match := re.match(r"--([a-z-]+)=(\S+)\s+", rest):
        flags[match[1]] = match[2]
        rest = rest[match.end() :]
    if unknown := flags.keys() - FLAGS.get(name, set()):
        raise DockerfileError(f"line {line}: {name} --{sorted(unknown)[0]} is not carried out here")
    if rest.startswith("--"):
        raise DockerfileError(f"line {line}: {name}: {rest.split()[0]} is not understood")
    if name != "RUN" and "$" in rest:
        raise DockerfileError(f"line {line}: variables are carried out in RUN only")
    return Instruction(line, name, flags, rest)


def parse(text: str) -> Dockerfile:
    """The stages of a Dockerfile, or DockerfileError."""
    stages: list[Stage] = []
    for line, logical in _logical_lines(text):
        one = _instruction(line, logical)
        if one.name == "FROM":
            base, *alias = one.text.split()
            if alias and (len(alias) != 2 or alias[0].upper() != "AS"):
                raise DockerfileError(f"line {line}: FROM image [AS name]")
            stages.append(Stage(alias[1] if alias else f"stage{len(stages)}", base, ()))
        elif not stages:
            raise DockerfileError(f"line {line}: {one.name} before the first FROM")
        else:
            last = stages[-1]
            stages[-1] = Stage(last.name, last.base, (*last.steps, one))
    if not stages:
        raise DockerfileError("no FROM")
    return Dockerfile(tuple(stages))


@dataclass(frozen=True, slots=True)
class Context:
    """What `.dockerignore` lets into the build: an allow-list, and names left out everywhere."""

    allowed: frozenset[str]
    nowhere: frozenset[str]

    def admits(self, path: str) -> bool:
        """True when COPY may name this path."""
        return any(path == one or path.startswith(f"{one}/") for one in self.allowed)

    def leaves_out(self, name: str) -> bool:
        """True for a file or folder name that is dropped from what is copied."""
        return any(fnmatch(name, one) for one in self.nowhere)


def parse_ignore(text: str) -> Context:
    """A `.dockerignore` of the form `*`, then `!path`, then `**/name`; anything else is DockerfileError."""
    lines = [line.strip() for line in text.splitlines() if line.strip() and not line.startswith("#")]
    if not lines or lines[0] != "*":
        raise DockerfileError(".dockerignore: the first line must be *, so that nothing goes in by accident")
    allowed = {line[1:] for line in lines if line.startswith("!")}
    nowhere = {line[3:] for line in lines if line.startswith("**/")}
    if unknown := [line for line in lines[1:] if line[0] != "!" and not line.startswith("**/")]:
        raise DockerfileError(f".dockerignore: {unknown[0]} is not understood")
    return Context(frozenset(allowed), frozenset(nowhere))
