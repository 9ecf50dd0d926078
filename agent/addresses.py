"""Where things listen and where they are found: the forms of hosts, listeners and URLs. Nothing is looked up.

>>> split_listen("[::1]:8443")
('::1', 8443)
>>> is_loopback("127.0.0.2")
True
"""

import ipaddress
import re
from typing import NamedTuple
from urllib.parse import urlsplit

_LABEL = r"[A-Za-z0-9_](?:[A-Za-z0-9_-]{0,61}[A-Za-z0-9_])?"
_HOST = re.compile(rf"{_LABEL}(?:\.{_LABEL})*\.?")
_LISTEN = re.compile(r"(?:\[([0-9A-Fa-f:.]+)\]|([^\[\]:]+)):([0-9]{1,5})")
LAST_PORT = 65_535


class Url(NamedTuple):
    """The parts of a URL that decide; `port` is None when the URL names none."""

    scheme: str
    host: str
    port: int | None
    credentials: bool
    rest: str


def is_host(host: str) -> bool:
    """True for an IP address or a name that DNS could hold."""
    try:
        ipaddress.ip_address(host)
    except ValueError:
        return len(host) <= 253 and _HOST.fullmatch(host) is not None
    return True


def is_loopback(host: str) -> bool:
    """True for an address that no other machine can reach."""
    if host == "localhost":
        return True
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False


def split_listen(listen: str) -> tuple[str, int]:
    """`host:port` or `[v6]:port` -> (host, port); ValueError for anything else."""
    found = _LISTEN.fullmatch(listen)
    if found is None:
        raise ValueError("not host:port")
    host, port = found[1] or found[2], int(found[3])
    if not is_host(host) or port > LAST_PORT:
        raise ValueError("not host:port")
    return host, port


def split_url(url: str) -> Url | None:
    """The parts of `scheme://host[:port][rest]`, None when it is no such URL. Never says what stood in it."""
    try:
        parts = urlsplit(url)
        port = parts.port
    except ValueError:  # its message would repeat a password that stands where the port should
        return Url("", "", None, "@" in url, "") if "@" in url else None
    host = parts.hostname or ""
    credentials = "@" in parts.netloc
    if not credentials and (port == 0 or not is_host(host) or any(one.isspace() for one in url)):
        return None
    rest = parts.path + (f"?{parts.query}" if parts.query else "") + (f"#{parts.fragment}" if parts.fragment else "")
    return Url(parts.scheme, host, port, credentials, rest)
