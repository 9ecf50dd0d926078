"""Docker's health check: asks the agent's own listener on this machine, and ends with status 0 when it says ok.

    python healthcheck.py /etc/vigie/vigie.toml

The certificate is not checked: the question stays on the machine, and nothing but a yes or no comes back.
"""

import ssl
import sys
import urllib.request
from pathlib import Path

from agent.config import load, split_listen

EVERYWHERE = {"0.0.0.0": "127.0.0.1", "::": "::1"}  # noqa: S104  where a listener on all addresses is asked


def healthz(configuration: Path) -> str:
    """The URL of /healthz on this machine, from the configuration's `[http]`."""
    http = load(configuration).http
    host, port = split_listen(http.listen)
    host = EVERYWHERE.get(host, host)
    scheme = "http" if http.certificate is None else "https"
    return f"{scheme}://[{host}]:{port}/healthz" if ":" in host else f"{scheme}://{host}:{port}/healthz"


def healthy(url: str) -> bool:
    """True when the listener answers 200 within 5 s."""
    context = ssl.create_default_context()
    context.check_hostname = False
    context.verify_mode = ssl.CERT_NONE
    opener = urllib.request.build_opener(urllib.request.ProxyHandler({}), urllib.request.HTTPSHandler(context=context))
    try:
        with opener.open(url, timeout=5) as answer:
            return bool(answer.status == 200)
    except OSError:
        return False


if __name__ == "__main__":
    sys.exit(0 if healthy(healthz(Path(sys.argv[1]))) else 1)
