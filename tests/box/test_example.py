"""The example configuration: it loads, and it names every key that there is."""

from collections.abc import Iterator
from pathlib import Path

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat
from pydantic import BaseModel

from agent.config import Access, Camera, Http, IceServer, Live, Mask, Mast, Mqtt, Rotation, Timestamp, Vault, load
from agent.errors import ConfigurationError
from agent.heads import Onvif, Patrol, Ptz
from agent.lenses import CylindricalLens, EquirectangularLens, FisheyeLens, ZoomLens

EXAMPLE = Path(__file__).parents[2] / "firmware-config/vigie.example.toml"


def install(folder: Path, text: str) -> Path:
    """The example in a folder of its own, with the key and password files that it names."""
    for name in ("authority.pub", "judicial.pub"):
        public = Ed25519PrivateKey.generate().public_key()
        (folder / name).write_bytes(public.public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo))
    for name in ("mqtt.pass", "parvis-fixe.pass", "parvis-dome.pass"):
        (folder / name).write_text("a password\n", encoding="utf-8")
    file = folder / "vigie.toml"
    file.write_text(text, encoding="utf-8")
    return file


def test_the_example_loads_where_its_key_files_are(tmp_path: Path) -> None:
    configuration = load(install(tmp_path, EXAMPLE.read_text(encoding="utf-8")))
    assert [camera.id for camera in configuration.camera] == [
        "parvis-fixe",
        "parvis-large",
        "parvis-dome",
        "parvis-plafond",
    ]


def test_a_missing_password_file_is_named(tmp_path: Path) -> None:
    file = install(tmp_path, EXAMPLE.read_text(encoding="utf-8"))
    (tmp_path / "mqtt.pass").unlink()
    with pytest.raises(ConfigurationError) as caught:
        load(file)
    assert len(caught.value.faults) == 1
    assert "mqtt.password_file" in caught.value.faults[0]


def uncommented(text: str) -> Iterator[str]:
    """The example's lines, with the keys that it shows as comments brought to life."""
    for line in text.splitlines():
        key = line.removeprefix("# ")
        yield key if " = " in key or key.startswith("[[") else line


@pytest.mark.parametrize(
    "model",
    [
        *(Mast, Vault, Rotation, Access, Http, Live, IceServer, Mqtt, Timestamp, Camera, Mask, Onvif, Ptz, Patrol),
        *(ZoomLens, EquirectangularLens, CylindricalLens, FisheyeLens),
    ],
)
def test_every_key_is_shown(model: type[BaseModel]) -> None:
    keys = {line.split("=")[0].strip() for line in uncommented(EXAMPLE.read_text(encoding="utf-8"))}
    tables = {"mask", "rotation", "ice_servers", "onvif", "lens", "ptz", "patrol"}
    assert {field.alias or name for name, field in model.model_fields.items()} - tables <= keys
