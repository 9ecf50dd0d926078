"""The configuration: one TOML file -> frozen models, every fault reported at once.

>>> load(Path("vigie.toml"))

raises ConfigurationError with one line a fault: `FILE: key: what is wrong and what would be right`.

Paths in the file are taken from the file's own folder. Nothing is opened but the files that the configuration names
(keys, passwords, certificates): no camera, no socket. A secret is never part of a model's text or of a fault.
"""

import hashlib
import tomllib
from pathlib import Path
from typing import Annotated, Any

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey
from pydantic import Field, ValidationError, ValidationInfo, field_validator

from agent.addresses import is_loopback, split_listen
from agent.cameras import VIEW_MINIMUM, Camera, Mask
from agent.errors import ConfigurationError
from agent.faults import describe, fault, one_line
from agent.language import reason, say
from agent.models import Identifier, Listed, Model, Words
from agent.named_files import PublicKeyFile, StateFolder, read_public_key, read_secret
from agent.network import Http, IceServer, Live, Mqtt, Timestamp
from agent.recipients import Recipients, Rotation, in_order
from agent.registers import Register

__all__ = [
    "VIEW_MINIMUM",
    "Access",
    "Camera",
    "Configuration",
    "Http",
    "IceServer",
    "Live",
    "Mask",
    "Mast",
    "Mqtt",
    "Register",
    "Rotation",
    "Timestamp",
    "Vault",
    "is_loopback",
    "load",
    "read_secret",
    "split_listen",
]

MAX_FILE_BYTES = 1 << 20
LEGAL_MONTH_DAYS = 30
"""CSI L252-5: one month at most."""


class Mast(Model):
    """`[mast]`: who and where this mast is, and its state directory."""

    id: Identifier
    town: Identifier
    site: Words = Field(default="", max_length=200)
    state: StateFolder


class Vault(Model):
    """`[vault]`: who can open what is recorded, how long it stays, how much disk it may take."""

    recipients: Recipients
    rotation: Annotated[tuple[Rotation, ...], Listed] = Field(default=(), max_length=20)
    retention_days: int = Field(ge=1, le=LEGAL_MONTH_DAYS)
    max_gib: float = Field(gt=0, le=1 << 20)
    segment_seconds: float = Field(default=6, ge=2, le=60)

    @field_validator("rotation")
    @classmethod
    def _in_order(cls, rotation: tuple[Rotation, ...], info: ValidationInfo) -> tuple[Rotation, ...]:
        return in_order(info.data["recipients"], rotation) if "recipients" in info.data else rotation


class Access(Model):
    """`[access]`: whose signatures count."""

    authorities: Annotated[tuple[PublicKeyFile, ...], Listed] = Field(min_length=1, max_length=20)
    requisition_authorities: Annotated[tuple[PublicKeyFile, ...], Listed] = Field(default=(), max_length=20)
    requisition_threshold: int = Field(default=1, ge=1)
    revoked: Annotated[tuple[str, ...], Listed] = ()

    @field_validator("requisition_authorities")
    @classmethod
    def _apart(cls, paths: tuple[Path, ...], info: ValidationInfo) -> tuple[Path, ...]:
        keys = [read_public_key(path).public_bytes_raw() for path in paths]
        grants = {read_public_key(path).public_bytes_raw() for path in info.data.get("authorities", ())}
        if len(set(keys)) < len(keys) or grants.intersection(keys):
            raise fault(
                en="a key stands twice; each authority signs with its own, and none signs both grants and requisitions",
                fr="une clé sert deux fois ; à chaque autorité la sienne, et jamais pour autorisations et réquisitions",
            )
        return paths

    @field_validator("requisition_threshold")
    @classmethod
    def _reachable(cls, threshold: int, info: ValidationInfo) -> int:
        if threshold > max(1, len(info.data.get("requisition_authorities", range(threshold)))):
            raise fault(
                en="is more than there are requisition_authorities; lower it or name more of them",
                fr="dépasse le nombre de requisition_authorities ; le baisser ou en nommer d'autres",
            )
        return threshold

    def requisition_keys(self) -> tuple[Ed25519PublicKey, ...]:
        """The keys that may sign requisitions."""
        return tuple(read_public_key(path) for path in self.requisition_authorities)

    def authority_keys(self) -> tuple[Ed25519PublicKey, ...]:
        """The keys that may sign grants."""
        return tuple(read_public_key(path) for path in self.authorities)


class Configuration(Model):
    """The whole file. `sha256` is the hash of its bytes."""

    mast: Mast
    vault: Vault
    access: Access
    http: Http = Http()
    live: Live = Live()
    mqtt: Mqtt | None = None
    timestamp: Timestamp | None = None
    keeping: Register = Field(default=Register(), alias="register")
    camera: Annotated[tuple[Camera, ...], Listed] = Field(min_length=1, max_length=16)
    sha256: str = ""


def _repeated_cameras(data: dict[str, Any]) -> list[str]:
    cameras = data.get("camera")
    tables = [one for one in cameras if isinstance(one, dict)] if isinstance(cameras, list) else []
    names = [one["id"] for one in tables if isinstance(one.get("id"), str)]
    return [
        say(
            en=f"id {name[:40]!r} is used twice; each camera needs its own",
            fr=f"l'identifiant {name[:40]!r} sert deux fois ; chaque caméra a le sien",
        )
        for name in sorted({name for name in names if names.count(name) > 1})
    ]


def _refuse(path: Path, faults: list[tuple[str, str]]) -> ConfigurationError:
    return ConfigurationError(tuple(one_line(f"{path}: {where}: {text}") for where, text in faults))


def _read(path: Path) -> bytes:
    try:
        with path.open("rb") as file:
            raw = file.read(MAX_FILE_BYTES + 1)
    except (OSError, ValueError) as error:  # ValueError: a NUL in the path
        why = reason(error) if isinstance(error, OSError) else "?"
        raise _refuse(path, [("-", say(en=f"cannot be read ({why})", fr=f"illisible ({why})"))]) from error
    if len(raw) > MAX_FILE_BYTES:
        raise _refuse(path, [("-", say(en="is larger than 1 MiB", fr="dépasse 1 Mio"))])
    return raw


def load(path: Path) -> Configuration:
    """The configuration in `path`, or ConfigurationError with every fault."""
    raw = _read(path)
    try:
        data: dict[str, Any] = tomllib.loads(raw.decode("utf-8"))
    except (ValueError, RecursionError) as error:
        # TOMLDecodeError's text gives the line and column; a plain ValueError is a number of thousands of digits
        text = say(en=f"is not TOML: {error}", fr=f"n'est pas du TOML : {error}")
        raise _refuse(path, [("-", text)]) from error
    faults = [("camera", text) for text in _repeated_cameras(data)]
    if "sha256" in data:
        faults.append(
            ("sha256", say(en="is not a key of this file; leave it out", fr="n'est pas une clé ; la retirer"))
        )
    context = {"folder": path.resolve().parent}
    try:
        sha256 = hashlib.sha256(raw).hexdigest()
        configuration = Configuration.model_validate({**data, "sha256": sha256}, context=context)
    except ValidationError as error:
        faults = [*describe(error), *faults]
    if faults:
        raise _refuse(path, faults)
    return configuration
