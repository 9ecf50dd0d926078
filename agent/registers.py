"""`[register]`: how long entries are kept, and who keeps watch over them."""

from pathlib import Path
from typing import Annotated

from pydantic import AfterValidator, Field, field_validator

from agent.faults import fault
from agent.models import Model
from agent.named_files import CertificateFile, File
from agent.network import parts_of
from agent.verifier_keys import COSIGNATURE, read_key

MOST_DAYS = 1096
"""Three years with a leap day: nothing that names a person is kept longer."""
LONGEST_KEY_FILE = 1024


def _readable(path: Path) -> Path:
    try:
        with path.open("rb") as file:
            _, kind, _ = read_key(file.read(LONGEST_KEY_FILE + 1).decode("utf-8").strip())
    except (OSError, ValueError):
        kind = None
    if kind != COSIGNATURE:
        raise fault(
            en="is no witness's public key: give the witness.vkey that `vigie-provision witness keys` made",
            fr="n'est pas la clé publique d'un témoin : donner le witness.vkey fait par `vigie-provision witness keys`",
        )
    return path


class Witness(Model):
    """`[register.witness]`: who cosigns the register's heads. `public_key`: its verifier key file."""

    url: str
    public_key: Annotated[File, AfterValidator(_readable)]
    ca_file: CertificateFile | None = None

    @field_validator("url")
    @classmethod
    def _url(cls, url: str) -> str:
        if parts_of(url, "http", "https") is None or "?" in url or "#" in url:
            raise fault(
                en="is not http://host:port or https://host:port", fr="n'est pas http://hôte:port ou https://hôte:port"
            )
        return url.rstrip("/")

    def verifier(self) -> str:
        """The verifier key's text."""
        return self.public_key.read_text(encoding="utf-8").strip()


class Register(Model):
    """`[register]`."""

    keep_days: int = Field(default=MOST_DAYS, ge=31, le=MOST_DAYS)
    witness: Witness | None = None
