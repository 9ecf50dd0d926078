"""Anything at all as a configuration file: a ConfigurationError with a line for each fault, or a good configuration."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from agent.config import VIEW_MINIMUM, Configuration, load
from agent.errors import ConfigurationError
from agent.polygons import polygon_fault
from tests.test_config import Town, camera, toml

KEYS = st.text(max_size=12) | st.sampled_from(
    ["id", "mask", "polygon", "url", "listen", "fps", "view", "source", "state"]
)
NUMBERS = st.integers() | st.floats() | st.just(10**400)
TEXTS = st.text(max_size=30) | st.sampled_from(
    [
        "rtsp://u:p@h/",
        "rtsp://[::1",
        "file:",
        "file:\x00",
        "v4l2:/dev/x",
        "mqtt://h:9",
        "[::]:1",
        "age1",
        "authority.pub",
        ".",
        "",
    ]
)
VALUES = st.recursive(
    st.booleans() | NUMBERS | TEXTS,
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(KEYS, inner, max_size=4),
    max_leaves=12,
)
TABLES = {
    "mast": ["id", "town", "site", "state"],
    "vault": ["recipients", "rotation", "retention_days", "max_gib", "segment_seconds"],
    "access": ["authorities", "requisition_authorities", "requisition_threshold", "revoked"],
    "http": ["listen", "certificate", "private_key", "origins"],
    "live": ["max_viewers", "ice_servers"],
    "mqtt": ["url", "username", "password_file", "ca_file", "certificate", "private_key", "allow_plain"],
}
CAMERA_KEYS = [
    *("id", "name", "kind", "view", "source", "username", "password_file", "ca_file", "fps", "bitrate_kbps"),
    *("encoder", "stall_seconds", "no_private_area", "mask"),
]


@pytest.fixture(scope="module")
def town(tmp_path_factory: pytest.TempPathFactory) -> Town:
    """A folder with keys; each example writes its own file there."""
    return Town(tmp_path_factory.mktemp("town"))


def judged(path: Path) -> Configuration | None:
    """The configuration, or None when it was refused as it should be: with whole lines that name the file."""
    try:
        return load(path)
    except ConfigurationError as error:
        faults = error.faults
    assert faults
    for line in faults:
        assert line.startswith(f"{path}: ")
        assert len(line.split(": ", 2)) == 3
        assert line.isprintable()
    return None


@given(content=st.binary(max_size=300))
def test_any_bytes(town: Town, content: bytes) -> None:
    town.path.write_bytes(content)
    assert judged(town.path) is None


@given(data=st.dictionaries(KEYS | st.sampled_from([*TABLES, "camera", "sha256"]), VALUES, max_size=6))
def test_any_tables(town: Town, data: dict[str, Any]) -> None:
    town.path.write_text("\n".join(f"{toml(key)} = {toml(value)}" for key, value in data.items()), encoding="utf-8")
    assert judged(town.path) is None


@given(data=st.data())
def test_a_good_file_with_anything_in_one_place(town: Town, data: st.DataObject) -> None:
    place = data.draw(st.sampled_from([*TABLES, "camera"]))
    keys = CAMERA_KEYS if place == "camera" else TABLES[place]
    change = data.draw(st.dictionaries(st.sampled_from(keys) | KEYS, VALUES, min_size=1, max_size=3))
    found = judged(town.write(**{place: [camera(**change)] if place == "camera" else change}))
    if found is not None:
        for problem in broken_laws(found):
            pytest.fail(problem)


def broken_laws(found: Configuration) -> Iterator[str]:
    """What an accepted configuration must never be."""
    if not 1 <= found.vault.retention_days <= 30:
        yield "kept beyond the legal month"
    for one in found.camera:
        if one.fps < VIEW_MINIMUM[one.view][0]:
            yield "fewer pictures than the law asks"
        if not one.mask and not one.no_private_area.strip():
            yield "no mask and nobody signed"
        if any(polygon_fault(mask.polygon) for mask in one.mask):
            yield "a mask that hides nothing"
        if "@" in one.source.partition("://")[2].partition("/")[0]:
            yield "credentials in a URL"


@given(data=st.data())
def test_a_good_file_with_a_damaged_character(town: Town, data: st.DataObject) -> None:
    text = town.write().read_text(encoding="utf-8")
    at = data.draw(st.integers(0, len(text) - 1))
    town.path.write_text(text[:at] + data.draw(st.characters(codec="utf-8")) + text[at + 1 :], encoding="utf-8")
    found = judged(town.path)
    assert found is None or list(broken_laws(found)) == []
