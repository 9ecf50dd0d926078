"""Dockerfile.arm64 and the reader that carries it out: what it does not know is refused, never skipped."""

import importlib.util
import sys
from pathlib import Path
from types import ModuleType

import pytest

ROOT = Path(__file__).parents[2]


def tool(name: str) -> ModuleType:
    """A module of tools/, which is a folder of scripts and no package."""
    spec = importlib.util.spec_from_file_location(name, ROOT / "tools" / f"{name}.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    sys.modules[name] = module  # dataclasses look their module up
    spec.loader.exec_module(module)
    return module


dockerfile = tool("dockerfile")


@pytest.mark.parametrize(
    "text",
    [
        "FROM debian:bookworm-slim\nADD http://example.org/x /x",
        "FROM debian:bookworm-slim\nONBUILD RUN true",
        "FROM debian:bookworm-slim\nCOPY --chown=1:1 a b",
        "FROM debian:bookworm-slim\nRUN --mount=type=cache,target=/x true",
        "FROM debian:bookworm-slim\nWORKDIR $HOME",
        "FROM debian:bookworm-slim\nCMD [1]\nRUN true \\",
        "FROM debian:bookworm-slim named mast",
        "RUN true",
        "# nothing",
    ],
)
def test_what_is_not_understood_is_refused(text: str) -> None:
    with pytest.raises(dockerfile.DockerfileError):
        dockerfile.parse(text)


def test_continued_lines_and_comments_between_them_are_one_step() -> None:
    stages = dockerfile.parse('FROM debian:bookworm-slim AS a\nRUN one \\\n# why\n    && two\nCMD ["x", "y z"]').stages
    run, command = stages[0].steps
    assert run.command() == ["/bin/sh", "-c", "one      && two"]
    assert command.command() == ["x", "y z"]


def test_a_dockerignore_that_lets_everything_in_is_refused() -> None:
    with pytest.raises(dockerfile.DockerfileError):
        dockerfile.parse_ignore("build\n.venv\n")


def test_every_file_that_the_image_is_made_of_is_let_in_and_exists() -> None:
    context = dockerfile.parse_ignore((ROOT / "Dockerfile.arm64.dockerignore").read_text(encoding="utf-8"))
    stages = dockerfile.parse((ROOT / "Dockerfile.arm64").read_text(encoding="utf-8")).stages
    copied = [step for stage in stages for step in stage.steps if step.name == "COPY" and "from" not in step.flags]
    names = [name for step in copied for name in step.words()[:-1]]
    assert names
    assert all(context.admits(name) and (ROOT / name).exists() for name in names)
    assert not context.admits("demo-state/keys/authority.key")
    assert context.leaves_out("__pycache__")


def test_the_image_is_multi_stage_and_not_root() -> None:
    builder, image = dockerfile.parse((ROOT / "Dockerfile.arm64").read_text(encoding="utf-8")).stages
    assert image.last("USER").text not in ("root", "0")
    copies = [step for step in image.steps if step.name == "COPY" and step.flags.get("from") == builder.name]
    assert [step.words() for step in copies] == [["/opt/vigie", "/opt/vigie"]]
