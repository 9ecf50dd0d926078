"""What every signed document of Vigie has in common (RFC 7515): its spelling in base64url and its protected header.

Laws
- base64url is canonical, so that no character of a document can change without changing what it says.
- The header says `alg` EdDSA and the document's own `typ`, and nothing else: no `crit`, `kid`, `jwk`, `jku`, `x5u` ever
  picks a key or a rule; the configured authorities are the only ones (RFC 8725). `typ` is a media type: its case does
  not matter and `application/` may stand before it (RFC 7515 section 4.1.9).
"""

import base64
from typing import Any

from agent.access.strict import strict_json

ALGORITHM = "EdDSA"


def encode(raw: bytes) -> str:
    """base64url without padding (RFC 7515 section 2)."""
    return base64.urlsafe_b64encode(raw).rstrip(b"=").decode()


def decode(part: str) -> bytes:
    """The bytes of a base64url text in its one canonical spelling; ValueError for any other text."""
    raw = base64.urlsafe_b64decode(part + "=" * (-len(part) % 4))
    if encode(raw) != part:
        raise ValueError("not canonical")
    return raw


def is_header(raw: bytes, typ: str) -> bool:
    """True when a protected header says EdDSA and `typ`, and nothing else."""
    try:
        header: Any = strict_json(raw)
    except ValueError:
        return False
    kind = header.get("typ") if isinstance(header, dict) else None
    good = isinstance(kind, str) and kind.lower().removeprefix("application/") == typ
    return good and set(header) == {"alg", "typ"} and header["alg"] == ALGORITHM
