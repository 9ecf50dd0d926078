"""The configuration: one TOML file -> frozen models, every fault reported at once.

>>> load(Path("vigie.toml"))

raises ConfigurationError with one line a fault: `FILE: key: what is wrong and what would be right`.

Paths in the file are taken from the file's own folder. Nothing is opened but the files that the configuration names
(keys, passwords, certificates): no camera, no socket. A secret is never part of a model's text or of a fault.
"""

import hashlib
import ipaddress
import tomllib
from pathlib import Path
from typing import Annotated, Any, Literal, Self
from urllib.parse import urlsplit

import pyrage
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey
from cryptography.hazmat.primitives.serialization import load_pem_public_key
from pydantic import (
    AfterValidator,
    BaseModel,
    ConfigDict,
    Field,
    SecretStr,
    ValidationError,
    ValidationInfo,
    field_validator,
    model_validator,
)
from pydantic_core import PydanticCustomError

from agent.errors import ConfigurationError
from agent.faults import describe, fault
from agent.language import say
from agent.polygons import Point, polygon_fault

MAX_FILE_BYTES = 1 << 20
LEGAL_MONTH_DAYS = 30
"""CSI L252-5: one month at most."""

Identifier = Annotated[str, Field(pattern=r"^[a-z0-9-]{1,40}$")]


def _from_folder(path: Path, info: ValidationInfo) -> Path:
    folder: Path = (info.context or {}).get("folder", Path())
    return folder / path


def _existing(path: Path, info: ValidationInfo) -> Path:
    path = _from_folder(path, info)
    if not path.is_file():
        raise fault(
            en=f"{path} is not a file that can be read; give the path of an existing file",
            fr=f"{path} n'est pas un fichier lisible ; indiquer le chemin d'un fichier existant",
        )
    return path


File = Annotated[Path, AfterValidator(_existing)]
"""A path, taken from the configuration's folder, of a file that exists."""


def read_secret(path: Path | None) -> str:
    """The first line of a password file, without its line end; empty when there is no file."""
    if path is None:
        return ""
    text = path.read_text(encoding="utf-8")
    return text.splitlines()[0] if text else ""


def _no_credentials(url: str) -> None:
    if "@" in urlsplit(url).netloc:
        raise fault(
            en="a URL must carry no user name or password; use username and password_file",
            fr="une URL ne doit porter ni nom ni mot de passe ; utiliser username et password_file",
        )


class Model(BaseModel):
    """Frozen, and strict about unknown keys: a misspelt key is a fault, never ignored."""

    model_config = ConfigDict(frozen=True, extra="forbid", hide_input_in_errors=True, validate_default=True)


class Mast(Model):
    """`[mast]`: who and where this mast is, and its state directory."""

    id: Identifier
    town: Identifier
    site: str = Field(default="", max_length=200)
    state: Annotated[Path, AfterValidator(_from_folder)]


class Vault(Model):
    """`[vault]`: who can open what is recorded, how long it stays, how much disk it may take."""

    recipients: tuple[str, ...] = Field(min_length=1)
    retention_days: int = Field(ge=1, le=LEGAL_MONTH_DAYS)
    max_gib: float = Field(gt=0, le=1 << 20)
    segment_seconds: float = Field(default=6, ge=2, le=60)

    @field_validator("recipients")
    @classmethod
    def _stock_age(cls, recipients: tuple[str, ...]) -> tuple[str, ...]:
        for text in recipients:
            try:
                pyrage.x25519.Recipient.from_str(text)
            except Exception as error:
                raise fault(
                    en=f"{text[:12]}... is not an age recipient; give the age1... line of vault.pub",
                    fr=f"{text[:12]}... n'est pas un destinataire age ; donner la ligne age1... de vault.pub",
                ) from error
        return recipients


def _public_key(path: Path) -> Ed25519PublicKey:
    try:
        key = load_pem_public_key(path.read_bytes())
    except ValueError as error:
        raise fault(
            en=f"{path} is not a PEM public key; give the .pub half that `vigie-provision keys init` made",
            fr=f"{path} n'est pas une clé publique PEM ; donner le .pub créé par `vigie-provision keys init`",
        ) from error
    if not isinstance(key, Ed25519PublicKey):
        raise fault(en=f"{path} is not an Ed25519 key", fr=f"{path} n'est pas une clé Ed25519")
    return key


class Access(Model):
    """`[access]`: whose signatures count."""

    authorities: tuple[File, ...] = Field(min_length=1)
    requisition_authorities: tuple[File, ...] = ()
    requisition_threshold: int = Field(default=1, ge=1)
    revoked: tuple[str, ...] = ()

    @field_validator("authorities", "requisition_authorities")
    @classmethod
    def _keys(cls, paths: tuple[Path, ...]) -> tuple[Path, ...]:
        for path in paths:
            _public_key(path)
        return paths

    @model_validator(mode="after")
    def _threshold(self) -> Self:
        if self.requisition_authorities and self.requisition_threshold > len(self.requisition_authorities):
            raise fault(
                en="requisition_threshold is more than there are requisition_authorities",
                fr="requisition_threshold dépasse le nombre de requisition_authorities",
            )
        return self

    def authority_keys(self) -> tuple[Ed25519PublicKey, ...]:
        """The keys that may sign grants."""
        return tuple(_public_key(path) for path in self.authorities)


def split_listen(listen: str) -> tuple[str, int]:
    """`host:port` or `[v6]:port` -> (host, port)."""
    host, _, port = listen.rpartition(":")
    return host.strip("[]"), int(port)


def is_loopback(host: str) -> bool:
    """True for an address that no other machine can reach."""
    if host == "localhost":
        return True
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False


def _pair(private_key: Path | None, info: ValidationInfo) -> Path | None:
    if "certificate" in info.data and (info.data["certificate"] is None) != (private_key is None):
        raise fault(
            en="certificate and private_key go together: give both or neither",
            fr="certificate et private_key vont ensemble : donner les deux ou aucun",
        )
    return private_key


class Http(Model):
    """`[http]`: the one listener for live view, and later steering."""

    listen: str = "127.0.0.1:8443"
    certificate: File | None = None
    private_key: File | None = None
    origins: tuple[str, ...] = ()

    @field_validator("listen")
    @classmethod
    def _address(cls, listen: str) -> str:
        try:
            host, port = split_listen(listen)
            good = bool(host) and 0 <= port < 65536
        except ValueError:
            good = False
        if not good:
            raise fault(
                en="listen is not host:port, such as 127.0.0.1:8443",
                fr="listen n'est pas de la forme hôte:port, par exemple 127.0.0.1:8443",
            )
        return listen

    @field_validator("origins")
    @classmethod
    def _origins(cls, origins: tuple[str, ...]) -> tuple[str, ...]:
        for origin in origins:
            parts = urlsplit(origin)
            if parts.scheme not in ("http", "https") or not parts.netloc or parts.path or parts.query:
                raise fault(
                    en=f"{origin!r} is not a web origin, such as https://csu.example (no path, never *)",
                    fr=f"{origin!r} n'est pas une origine web, comme https://csu.example (sans chemin, jamais *)",
                )
        return origins

    @field_validator("private_key")
    @classmethod
    def _tls(cls, private_key: Path | None, info: ValidationInfo) -> Path | None:
        _pair(private_key, info)
        listen = info.data.get("listen", "localhost:0")
        if private_key is None and not is_loopback(split_listen(listen)[0]):
            raise fault(
                en="beyond loopback, certificate and private_key are required",
                fr="hors de la boucle locale, certificate et private_key sont obligatoires",
            )
        return private_key


class IceServer(Model):
    """A STUN or TURN server for viewers behind NAT; none is needed on the town's own fibre."""

    urls: tuple[str, ...] = Field(min_length=1)
    username: str = ""
    password_file: File | None = None

    @field_validator("urls")
    @classmethod
    def _schemes(cls, urls: tuple[str, ...]) -> tuple[str, ...]:
        for url in urls:
            if url.partition(":")[0] not in ("stun", "stuns", "turn", "turns"):
                raise fault(
                    en=f"{url!r} is not a stun: or turn: URL, such as stun:csu.example:3478",
                    fr=f"{url!r} n'est pas une URL stun: ou turn:, comme stun:csu.example:3478",
                )
        return urls


class Live(Model):
    """`[live]`: how many may watch at once, and how their browsers find the way."""

    max_viewers: int = Field(default=16, ge=1, le=64)
    ice_servers: tuple[IceServer, ...] = ()


class Mqtt(Model):
    """`[mqtt]`: the CSU's broker."""

    url: str
    username: str = ""
    password_file: File | None = None
    ca_file: File | None = None
    certificate: File | None = None
    private_key: File | None = None
    allow_plain: bool = False

    @field_validator("url")
    @classmethod
    def _url(cls, url: str) -> str:
        _no_credentials(url)
        try:
            parts = urlsplit(url)
            good = parts.scheme in ("mqtt", "mqtts") and bool(parts.hostname) and parts.port != 0
        except ValueError:
            good = False
        if not good:
            raise fault(
                en="url is not mqtt://host:port or mqtts://host:port",
                fr="url n'est pas de la forme mqtt://hôte:port ou mqtts://hôte:port",
            )
        return url

    @field_validator("private_key")
    @classmethod
    def _certificate(cls, private_key: Path | None, info: ValidationInfo) -> Path | None:
        return _pair(private_key, info)

    @model_validator(mode="after")
    def _transport(self) -> Self:
        if not self.tls and not self.allow_plain and not is_loopback(self.host):
            raise fault(
                en="plain mqtt:// goes to loopback only; use mqtts://, or say allow_plain = true",
                fr="mqtt:// en clair est réservé à la boucle locale ; utiliser mqtts://, ou allow_plain = true",
            )
        return self

    @property
    def tls(self) -> bool:
        """True for mqtts."""
        return urlsplit(self.url).scheme == "mqtts"

    @property
    def host(self) -> str:
        """The broker's host."""
        return urlsplit(self.url).hostname or ""

    @property
    def port(self) -> int:
        """The broker's port; 8883 with TLS and 1883 without unless the URL says."""
        return urlsplit(self.url).port or (8883 if self.tls else 1883)


class Mask(Model):
    """`[[camera.mask]]`: a privacy mask as a polygon in picture fractions (x right, y down, 0..1 inside)."""

    name: str = Field(min_length=1, max_length=100)
    polygon: tuple[Point, ...] = Field(min_length=3, max_length=256)
    style: Literal["pixelate", "solid"] = "pixelate"

    @field_validator("polygon")
    @classmethod
    def _shape(cls, polygon: tuple[Point, ...]) -> tuple[Point, ...]:
        if problem := polygon_fault(polygon):
            raise PydanticCustomError("polygon", "{text}", {"text": problem})
        return polygon


VIEW_MINIMUM = {"narrow": (12, 704, 576), "wide": (6, 352, 288)}
"""Arrete of 2007-08-03: frames per second, width and height that a recording must have."""

SOURCE_FORMS = "rtsp://host/path, rtsps://host/path, v4l2:/dev/video0, file:/path"


class Camera(Model):
    """`[[camera]]`: one camera, its source and its masks."""

    id: Identifier
    name: str = Field(min_length=1, max_length=60)
    kind: Literal["fixed", "panoramic"]
    view: Literal["narrow", "wide"] = "narrow"
    source: str
    username: str = ""
    password_file: File | None = None
    ca_file: File | None = None
    fps: float = Field(default=25, gt=0, le=60)
    bitrate_kbps: int = Field(default=4000, ge=100, le=50_000)
    encoder: Literal["auto", "x264", "v4l2m2m", "nvenc"] = "auto"
    stall_seconds: float = Field(default=5, ge=1, le=60)
    no_private_area: str = Field(default="", max_length=300)
    mask: tuple[Mask, ...] = Field(default=(), max_length=64)

    @field_validator("source")
    @classmethod
    def _source(cls, source: str, info: ValidationInfo) -> str:
        scheme, _, rest = source.partition(":")
        if scheme == "file":
            return f"file:{_existing(Path(rest), info)}"
        if scheme == "v4l2" and rest.startswith("/dev/"):
            return source
        try:
            good = scheme in ("rtsp", "rtsps") and bool(urlsplit(source).hostname) and urlsplit(source).port != 0
        except ValueError:
            good = False
        if not good:
            raise fault(en=f"source is none of {SOURCE_FORMS}", fr=f"source n'est aucun de {SOURCE_FORMS}")
        _no_credentials(source)
        return source

    @field_validator("fps")
    @classmethod
    def _law(cls, fps: float, info: ValidationInfo) -> float:
        view = info.data.get("view", "wide")
        minimum = VIEW_MINIMUM[view][0]
        if fps < minimum:
            raise fault(
                en=f"{fps:g} is below the {minimum} frames a second that the law asks of a {view} view",
                fr=f"{fps:g} est sous les {minimum} images par seconde que la loi exige d'une vue {view}",
            )
        return fps

    @field_validator("mask")
    @classmethod
    def _signed_off(cls, mask: tuple[Mask, ...], info: ValidationInfo) -> tuple[Mask, ...]:
        if not mask and not info.data.get("no_private_area", "").strip():
            raise fault(
                en="no mask; add [[camera.mask]], or name in no_private_area who signed that no private place is seen",
                fr="aucun masque ; ajouter [[camera.mask]], ou nommer dans no_private_area qui l'a attesté",
            )
        return mask

    def password(self) -> SecretStr:
        """The camera's password, read now; empty when none is configured."""
        return SecretStr(read_secret(self.password_file))


class Configuration(Model):
    """The whole file. `sha256` is the hash of its bytes."""

    mast: Mast
    vault: Vault
    access: Access
    http: Http = Http()
    live: Live = Live()
    mqtt: Mqtt | None = None
    camera: tuple[Camera, ...] = Field(min_length=1, max_length=16)
    sha256: str = ""


def _repeated_cameras(data: dict[str, Any]) -> list[str]:
    cameras = data.get("camera")
    tables = [one for one in cameras if isinstance(one, dict)] if isinstance(cameras, list) else []
    names = [str(one["id"]) for one in tables if "id" in one]
    return [
        say(
            en=f"id {name!r} is used twice; each camera needs its own",
            fr=f"l'identifiant {name!r} sert deux fois ; chaque caméra a le sien",
        )
        for name in sorted({name for name in names if names.count(name) > 1})
    ]


def _refuse(path: Path, where: str, text: str) -> ConfigurationError:
    return ConfigurationError((f"{path}: {where}: {text}",))


def load(path: Path) -> Configuration:
    """The configuration in `path`, or ConfigurationError with every fault."""
    try:
        with path.open("rb") as file:
            raw = file.read(MAX_FILE_BYTES + 1)
    except OSError as error:
        why = error.strerror or "unreadable"
        raise _refuse(path, "-", say(en=f"cannot be read ({why})", fr=f"illisible ({why})")) from error
    if len(raw) > MAX_FILE_BYTES:
        raise _refuse(path, "-", say(en="is larger than 1 MiB", fr="dépasse 1 Mio"))
    try:
        data: dict[str, Any] = tomllib.loads(raw.decode("utf-8"))
    except (tomllib.TOMLDecodeError, UnicodeDecodeError, RecursionError) as error:
        # TOMLDecodeError's text gives the line and column
        text = say(en=f"is not TOML: {error}", fr=f"n'est pas du TOML : {error}")
        raise _refuse(path, "-", text) from error
    faults = [("camera", text) for text in _repeated_cameras(data)]
    context = {"folder": path.resolve().parent}
    try:
        sha256 = hashlib.sha256(raw).hexdigest()
        configuration = Configuration.model_validate({**data, "sha256": sha256}, context=context)
    except ValidationError as error:
        faults = [*describe(error), *faults]
    if faults:
        raise ConfigurationError(tuple(f"{path}: {where}: {text}" for where, text in faults))
    return configuration
