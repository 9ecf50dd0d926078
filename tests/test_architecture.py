"""The house's laws about who may import, construct and start what, read from the syntax of every source file.

Each rule is a function from a file's syntax to what breaks it, and each has small files of its own below that must
break it: a rule that sees nothing would be no rule.
"""

import ast
import importlib.metadata
import re
import sys
import tomllib
from collections.abc import Callable, Iterator
from graphlib import CycleError, TopologicalSorter

import pytest

from tests.house import (
    ASKS_THE_CLOCK,
    ASKS_THE_CLOCK_OR_A_FILE,
    DECIDING,
    FLOORS,
    FOREIGN,
    GROUND,
    MEASURES_LENSES,
    OURS,
    OWNED_BY_HAND,
    PARSED,
    PLAIN_PIXELS,
    ROOT,
    WORLD,
    dotted,
    floor,
    imports,
    sources,
    targets,
)

# --- the rules: (file, syntax) -> what breaks them ---


def climbs(file: str, tree: ast.AST) -> Iterator[str]:
    """An import up the stairs, or of a sibling on the same floor."""
    mine, my_room = floor(dotted(file))
    for target in targets(tree):
        if target in ("agent", "provisioning"):  # the package itself: the version
            continue
        theirs, their_room = floor(target)
        if file.startswith("agent/") and not target.startswith("agent."):
            yield f"imports {target}"
        elif file.startswith("agent/") and my_room != their_room and theirs <= mine:
            yield f"imports {target}, which stands no lower"
        elif file.startswith("provisioning/") and target.startswith("agent.") and theirs < GROUND:
            formats = ("agent.access", "agent.evidence", "agent.register", "agent.signing", "agent.vault")
            formats += ("agent.timestamping.stamps",)
            if not target.startswith(MEASURES_LENSES.get(file, formats)):
                yield f"imports {target}"
        elif file.startswith("provisioning/") and target.startswith("tests"):
            yield f"imports {target}"


def relative_imports(file: str, tree: ast.AST) -> Iterator[str]:
    """Imports that hide where they go."""
    yield from (f"imports {module}" for module, _ in imports(tree) if module.startswith("."))


def touches_the_world(file: str, tree: ast.AST) -> Iterator[str]:
    """A deciding module that asks a clock, a file, a socket or a thread."""
    if dotted(file).removeprefix("agent.") not in DECIDING:
        return
    yield from (f"imports {module}" for module, _ in imports(tree) if module.partition(".")[0] in WORLD)
    for node in ast.walk(tree):
        match node:
            case ast.Call(func=ast.Name(id=name)) if name in ASKS_THE_CLOCK_OR_A_FILE:
                yield f"calls {name} in line {node.lineno}"
            case ast.Call(func=ast.Attribute(attr=name)) if name in ASKS_THE_CLOCK:
                yield f"calls {name} in line {node.lineno}"


def makes_masked_frames(file: str, tree: ast.AST) -> Iterator[str]:
    """A MaskedFrame made outside masking: pictures could leave without their masks."""
    if file.startswith("agent/masking/"):
        return
    for node in ast.walk(tree):
        if isinstance(node, ast.Call) and name_of(node.func) == "MaskedFrame":
            yield f"makes a MaskedFrame in line {node.lineno}"
    renamed = (alias for node in ast.walk(tree) if isinstance(node, ast.ImportFrom) for alias in node.names)
    yield from ("renames MaskedFrame" for alias in renamed if alias.name == "MaskedFrame" and alias.asname)


def sees_plain_pixels(file: str, tree: ast.AST) -> Iterator[str]:
    """A Frame named outside capture and masking and what hands it over between them."""
    if not file.startswith(PLAIN_PIXELS):
        yield from ("imports Frame" for module, name in imports(tree) if (module, name) == ("agent.units", "Frame"))


def name_of(node: ast.expr) -> str:
    """`f` of both `f` and `a.b.f`."""
    match node:
        case ast.Name(id=name) | ast.Attribute(attr=name):
            return name
    return ""


def task_groups(tree: ast.AST) -> set[str]:
    """The names that a TaskGroup goes by in a file: `async with TaskGroup() as name`, or a parameter of that type."""
    found = set()
    for node in ast.walk(tree):
        match node:
            case ast.withitem(context_expr=ast.Call(func=call), optional_vars=ast.Name(id=name)):
                if name_of(call) == "TaskGroup":
                    found.add(name)
            case ast.arg(arg=name, annotation=ast.expr() as annotation):
                if name_of(annotation) == "TaskGroup":
                    found.add(name)
    return found


def starts_orphans(file: str, tree: ast.AST) -> Iterator[str]:
    """A task without a group that owns it, or without a name."""
    groups = task_groups(tree)
    for node in ast.walk(tree):
        if not isinstance(node, ast.Call):
            continue
        match node.func:
            case ast.Attribute(value=ast.Name(id=owner), attr="create_task") if owner in groups:
                if not any(keyword.arg == "name" for keyword in node.keywords):
                    yield f"starts a task without a name in line {node.lineno}"
            case ast.Attribute(attr="create_task" | "ensure_future") | ast.Name(id="create_task" | "ensure_future"):
                if file not in OWNED_BY_HAND:
                    yield f"starts a task that no group owns in line {node.lineno}"


def touches_foreign_libraries(file: str, tree: ast.AST) -> Iterator[str]:
    """A library that another file stands for, or one that nobody decided on."""
    for module, _ in imports(tree):
        library = module.partition(".")[0]
        allowed = FOREIGN.get(library)
        if allowed is None:
            if library not in sys.stdlib_module_names and library not in ("agent", "provisioning", "tests", ""):
                yield f"imports {library}, which FOREIGN does not list"
        elif not any(file == one or ((one.endswith("/") or not one) and file.startswith(one)) for one in allowed):
            yield f"imports {library}"


def exceptions(tree: ast.AST) -> Iterator[tuple[str, str]]:
    """(name, base) of each exception that a file defines."""
    for node in ast.walk(tree):
        if isinstance(node, ast.ClassDef):
            for base in map(name_of, node.bases):
                if base in OURS or re.search(r"(Error|Exception|Warning|ExceptionGroup)$", base):
                    yield node.name, base


def errors_outside_the_tree(file: str, tree: ast.AST) -> Iterator[str]:
    """An error of ours defined outside `agent.errors`, or another exception that leaves its room."""
    if file == "agent/errors.py":
        return
    yield from (f"defines {name}({base})" for name, base in exceptions(tree) if base in OURS)
    for module, name in imports(tree):
        home = next((path for path in PARSED if dotted(path) == module), "agent/errors.py")
        if home == "agent/errors.py" or floor(module)[1] == floor(dotted(file))[1]:
            continue
        if name in {one for one, _ in exceptions(PARSED[home])}:
            yield f"imports {name} of {module}"


def undocumented(file: str, tree: ast.AST) -> Iterator[str]:
    """A module, or a public class or function of a module, without a docstring."""
    assert isinstance(tree, ast.Module)
    if not ast.get_docstring(tree) and file != "agent/__main__.py":
        yield "has no docstring"
    for node in tree.body:
        match node:
            case ast.ClassDef(name=name) | ast.FunctionDef(name=name) | ast.AsyncFunctionDef(name=name):
                if not name.startswith("_") and not ast.get_docstring(node):
                    yield f"{name} has no docstring"


RULES: tuple[Callable[[str, ast.AST], Iterator[str]], ...] = (
    climbs,
    relative_imports,
    touches_the_world,
    makes_masked_frames,
    sees_plain_pixels,
    starts_orphans,
    touches_foreign_libraries,
    errors_outside_the_tree,
    undocumented,
)

BREAKS: list[tuple[Callable[[str, ast.AST], Iterator[str]], str, str]] = [
    (climbs, "agent/units.py", "from agent.masking import Masker"),
    (climbs, "agent/access/grants.py", "import agent.live.server"),
    (climbs, "agent/vault/ring.py", "from agent.live import views"),
    (climbs, "agent/masking/policy.py", "from agent.access.grants import require"),
    (climbs, "agent/live/server.py", "from agent import mast"),
    (climbs, "agent/mast.py", "import provisioning.keys"),
    (climbs, "agent/vault/ring.py", "def f():\n    from tests.rig import footage"),
    (climbs, "provisioning/cli.py", "from agent.live.server import LiveServer"),
    (climbs, "provisioning/cli.py", "from agent.mast import Mast"),
    (climbs, "provisioning/lens_fit.py", "from agent.ptz.onvif import OnvifClient"),
    (climbs, "provisioning/calibrate.py", "from agent.masking import Masker"),
    (relative_imports, "agent/live/server.py", "from ..mast import Mast"),
    (touches_the_world, "agent/vault/ring.py", "import time"),
    (touches_the_world, "agent/vault/ring.py", "def f():\n    from os import path"),
    (touches_the_world, "agent/live/playout.py", "from asyncio import sleep"),
    (touches_the_world, "agent/access/claims.py", "open('/etc/passwd')"),
    (touches_the_world, "provisioning/lens_fit.py", "import time"),
    (touches_the_world, "agent/access/claims.py", "from datetime import datetime\ndatetime.now()"),
    (makes_masked_frames, "agent/encoding/scale.py", "MaskedFrame(1)"),
    (makes_masked_frames, "agent/camera.py", "units.MaskedFrame(1)"),
    (makes_masked_frames, "agent/camera.py", "from agent.units import MaskedFrame as M\nM(1)"),
    (sees_plain_pixels, "agent/vault/recorder.py", "from agent.units import Frame"),
    (sees_plain_pixels, "provisioning/calibrate.py", "from agent.units import Frame"),
    (starts_orphans, "agent/live/server.py", "import asyncio\nasyncio.create_task(f())"),
    (starts_orphans, "agent/mast.py", "loop.create_task(f(), name='x')"),
    (starts_orphans, "agent/mast.py", "from asyncio import ensure_future\nensure_future(f())"),
    (
        starts_orphans,
        "agent/mast.py",
        "async def f():\n    async with asyncio.TaskGroup() as tasks:\n        tasks.create_task(g())",
    ),
    (touches_foreign_libraries, "agent/masking/mosaic.py", "import av"),
    (touches_foreign_libraries, "agent/live/server.py", "from aiortc import RTCPeerConnection"),
    (touches_foreign_libraries, "agent/telemetry/telemetry.py", "import aiomqtt"),
    (touches_foreign_libraries, "agent/live/sessions.py", "import pyrage"),
    (touches_foreign_libraries, "agent/live/sessions.py", "import requests"),
    (errors_outside_the_tree, "agent/vault/ring.py", "class Oops(errors.VaultError): pass"),
    (errors_outside_the_tree, "agent/mast.py", "from agent.live.sessions import TooManyViewers"),
    (undocumented, "agent/vault/ring.py", "x = 1"),
    (undocumented, "agent/vault/ring.py", '"""Doc."""\ndef f(): pass'),
]


@pytest.mark.parametrize("rule", RULES, ids=lambda rule: rule.__name__)
def test_the_house_keeps_its_law(rule: Callable[[str, ast.AST], Iterator[str]]) -> None:
    assert [f"{file} {what}" for file, tree in PARSED.items() for what in rule(file, tree)] == []


@pytest.mark.parametrize(("rule", "file", "text"), BREAKS)
def test_a_file_that_breaks_a_law_is_seen(rule: Callable[[str, ast.AST], Iterator[str]], file: str, text: str) -> None:
    assert list(rule(file, ast.parse(text)))


def test_every_rule_has_a_file_that_breaks_it() -> None:
    assert {rule for rule, _, _ in BREAKS} == set(RULES)


def test_tasks_in_a_named_group_are_owned() -> None:
    text = "async def f(group: asyncio.TaskGroup):\n    group.create_task(g(), name='g')"
    assert list(starts_orphans("agent/mast.py", ast.parse(text))) == []


def test_no_module_imports_itself_round_a_corner() -> None:
    graph = {dotted(file): targets(tree) - {dotted(file), "agent"} for file, tree in PARSED.items()}
    try:
        TopologicalSorter(graph).prepare()
    except CycleError as error:
        pytest.fail(f"import cycle: {' -> '.join(error.args[1])}")


def test_the_lists_of_these_laws_name_only_what_exists() -> None:
    modules = {dotted(file) for file in PARSED}
    whole = {name if name.startswith("provisioning.") else f"agent.{name}" for name in DECIDING}
    assert whole - modules == set()
    assert {room for rooms in FLOORS for room in rooms} - modules == set()
    assert set(OWNED_BY_HAND) - set(PARSED) == set()
    named = {one for files in FOREIGN.values() for one in files if one.endswith(".py")}
    assert {one for one in named if one not in PARSED} == set()


def test_every_library_that_is_imported_is_declared() -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    lists = [project["dependencies"], *project["optional-dependencies"].values()]
    declared = {re.split(r"[\[<>=!~; ]", one)[0].lower() for texts in lists for one in texts}
    provided = importlib.metadata.packages_distributions()
    for library in sorted({module.partition(".")[0] for tree in PARSED.values() for module, _ in imports(tree)}):
        if library in sys.stdlib_module_names or library in ("agent", "provisioning"):
            continue
        wheels = {wheel.lower().replace("_", "-") for wheel in provided.get(library, [library])}
        # pydantic_core comes with pydantic, at the version that it wants
        assert wheels & declared or library == "pydantic_core", f"{library} is imported and not declared"


def test_nothing_is_left_to_do() -> None:
    mark = re.compile(r"\b(" + "|".join(("TO" + "DO", "FIX" + "ME", "XX" + "X", "HA" + "CK")) + r")\b")
    for path in sources("agent", "provisioning", "tests", "tools", "firmware-config"):
        assert not mark.search(path.read_text(encoding="utf-8")), path
