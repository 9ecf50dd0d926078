"""The tables that say where the mast listens and whom it calls: `[http]`, `[live]`, `[mqtt]` and `[timestamp]`.

Law: nothing secret stands in a URL, and nothing leaves this machine in the clear unless the file says so.
"""

from pathlib import Path
from typing import Annotated

from cryptography.x509 import Certificate, load_pem_x509_certificates
from pydantic import AfterValidator, Field, ValidationInfo, field_validator

from agent.addresses import Url, is_loopback, split_listen, split_url
from agent.faults import fault
from agent.models import Listed, Model
from agent.named_files import CertificateFile, File, SecretFile, check_pair


def _origin(origin: str) -> str:
    parts = split_url(origin)
    if parts is None or parts.scheme not in ("http", "https") or parts.credentials or parts.rest:
        raise fault(
            en="is not a web origin, such as https://csu.example (no path, never *)",
            fr="n'est pas une origine web, comme https://csu.example (sans chemin, jamais *)",
        )
    return origin


class Http(Model):
    """`[http]`: the one listener for live view, and later steering."""

    listen: str = "127.0.0.1:8443"
    certificate: CertificateFile | None = None
    private_key: File | None = None
    origins: Annotated[tuple[Annotated[str, AfterValidator(_origin)], ...], Listed] = ()

    @field_validator("listen")
    @classmethod
    def _address(cls, listen: str) -> str:
        try:
            split_listen(listen)
        except ValueError as error:
            raise fault(
                en="is not host:port, such as 127.0.0.1:8443",
                fr="n'est pas de la forme hôte:port, par exemple 127.0.0.1:8443",
            ) from error
        return listen

    @field_validator("private_key")
    @classmethod
    def _tls(cls, private_key: Path | None, info: ValidationInfo) -> Path | None:
        if "certificate" in info.data:
            check_pair(info.data["certificate"], private_key)
        listen = info.data.get("listen", "localhost:0")
        if private_key is None and not is_loopback(split_listen(listen)[0]):
            raise fault(
                en="beyond loopback, certificate and private_key are required",
                fr="hors de la boucle locale, certificate et private_key sont obligatoires",
            )
        return private_key


def _ice_url(url: str) -> str:
    scheme, _, rest = url.partition(":")
    host_port, _, query = rest.partition("?")
    try:
        split_listen(host_port if host_port.rpartition("]")[2].count(":") else f"{host_port}:0")
        good = scheme in ("stun", "stuns", "turn", "turns") and query in ("", "transport=udp", "transport=tcp")
    except ValueError:
        good = False
    if not good:
        raise fault(
            en="is not a stun: or turn: URL, such as stun:csu.example:3478",
            fr="n'est pas une URL stun: ou turn:, comme stun:csu.example:3478",
        )
    return url


class IceServer(Model):
    """A STUN or TURN server for viewers behind NAT; none is needed on the town's own fibre."""

    urls: Annotated[tuple[Annotated[str, AfterValidator(_ice_url)], ...], Listed] = Field(min_length=1, max_length=8)
    username: str = ""
    password_file: SecretFile | None = None


class Live(Model):
    """`[live]`: how many may watch at once, and how their browsers find the way."""

    max_viewers: int = Field(default=16, ge=1, le=64)
    ice_servers: Annotated[tuple[IceServer, ...], Listed] = Field(default=(), max_length=8)


def parts_of(url: str, *schemes: str) -> Url | None:
    """Its parts; None when it is no URL with one of `schemes`. One with a user name or password in it is refused."""
    parts = split_url(url)
    if parts is not None and parts.credentials:
        raise fault(
            en="a URL must carry no user name or password; use username and password_file",
            fr="une URL ne doit porter ni nom ni mot de passe ; utiliser username et password_file",
        )
    return None if parts is None or parts.scheme not in schemes else parts


class Mqtt(Model):
    """`[mqtt]`: the CSU's broker."""

    url: str
    username: str = ""
    password_file: SecretFile | None = None
    ca_file: CertificateFile | None = None
    certificate: CertificateFile | None = None
    private_key: File | None = None
    allow_plain: bool = False

    @field_validator("url")
    @classmethod
    def _url(cls, url: str) -> str:
        parts = parts_of(url, "mqtt", "mqtts")
        if parts is None or parts.rest not in ("", "/"):
            raise fault(
                en="is not mqtt://host:port or mqtts://host:port",
                fr="n'est pas de la forme mqtt://hôte:port ou mqtts://hôte:port",
            )
        return url

    @field_validator("private_key")
    @classmethod
    def _certificate(cls, private_key: Path | None, info: ValidationInfo) -> Path | None:
        if "certificate" in info.data:
            check_pair(info.data["certificate"], private_key)
        return private_key

    @field_validator("allow_plain")
    @classmethod
    def _transport(cls, allow_plain: bool, info: ValidationInfo) -> bool:
        parts = split_url(info.data.get("url", ""))
        if parts and parts.scheme == "mqtt" and not allow_plain and not is_loopback(parts.host):
            raise fault(
                en="plain mqtt:// goes to loopback only; use mqtts://, or say allow_plain = true",
                fr="mqtt:// en clair est réservé à la boucle locale ; utiliser mqtts://, ou allow_plain = true",
            )
        return allow_plain

    @property
    def tls(self) -> bool:
        """True for mqtts."""
        return self.url.lower().startswith("mqtts:")

    @property
    def host(self) -> str:
        """The broker's host."""
        parts = split_url(self.url)
        return parts.host if parts else ""

    @property
    def port(self) -> int:
        """The broker's port; 8883 with TLS and 1883 without unless the URL says."""
        parts = split_url(self.url)
        return (parts and parts.port) or (8883 if self.tls else 1883)


class Timestamp(Model):
    """`[timestamp]`: a service that states when an evidence pack was there (RFC 3161). It gets a hash only."""

    url: str
    ca_file: CertificateFile

    @field_validator("url")
    @classmethod
    def _url(cls, url: str) -> str:
        if parts_of(url, "http", "https") is None:
            raise fault(
                en="is not a web address, such as https://tsa.example/stamp",
                fr="n'est pas une adresse web, comme https://tsa.example/stamp",
            )
        return url

    def authorities(self) -> tuple[Certificate, ...]:
        """The certificates that the service's own must lead to."""
        return tuple(load_pem_x509_certificates(self.ca_file.read_bytes()))
