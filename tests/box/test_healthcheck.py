"""The image's health check against real listeners: healthy, unhealthy, silent, with and without TLS."""

import importlib.util
import ssl
import subprocess
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path
from typing import Any

import pytest

from tests.box.test_example import EXAMPLE, install
from tests.needs import needs

SCRIPT = Path(__file__).parents[2] / "firmware-config/docker/healthcheck.py"


def script() -> Any:
    """The health check as a module."""
    spec = importlib.util.spec_from_file_location("healthcheck", SCRIPT)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


healthcheck = script()


@contextmanager
def listener(status: int, tls: ssl.SSLContext | None = None) -> Iterator[int]:
    """Something that answers every GET with `status`; gives its port."""

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            self.send_response(status if self.path == "/healthz" else 404)
            self.end_headers()

        def log_message(self, format: str, *args: object) -> None:
            pass

    with HTTPServer(("127.0.0.1", 0), Handler) as server:
        if tls:
            server.socket = tls.wrap_socket(server.socket, server_side=True)
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        yield server.server_address[1]
        server.shutdown()
        thread.join()


@pytest.mark.parametrize(("status", "healthy"), [(200, True), (503, False), (404, False)])
def test_only_200_is_healthy(status: int, healthy: bool) -> None:
    with listener(status) as port:
        assert healthcheck.healthy(f"http://127.0.0.1:{port}/healthz") is healthy


def test_a_silent_port_is_unhealthy() -> None:
    with listener(200) as port:
        pass
    assert healthcheck.healthy(f"http://127.0.0.1:{port}/healthz") is False


def certify(folder: Path) -> tuple[Path, Path]:
    """A certificate that nobody vouches for, as a mast may have it, and its key."""
    certificate, key = folder / "c.pem", folder / "k.pem"
    words = ["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-days", "2"]
    words += ["-subj", "/CN=mast", "-keyout", str(key), "-out", str(certificate)]
    subprocess.run(words, check=True, capture_output=True)
    return certificate, key


@needs("openssl", "openssl")
def test_a_masts_own_certificate_is_no_obstacle(tmp_path: Path) -> None:
    tls = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    tls.load_cert_chain(*certify(tmp_path))
    with listener(200, tls) as port:
        assert healthcheck.healthy(f"https://127.0.0.1:{port}/healthz") is True


@pytest.mark.parametrize(
    ("listen", "asked"),
    [
        ("127.0.0.1:8443", "http://127.0.0.1:8443/healthz"),
        ("[::1]:9000", "http://[::1]:9000/healthz"),
    ],
)
def test_the_configured_listener_is_asked(listen: str, asked: str, tmp_path: Path) -> None:
    text = EXAMPLE.read_text(encoding="utf-8").replace('"127.0.0.1:8443"', f'"{listen}"')
    assert healthcheck.healthz(install(tmp_path, text)) == asked


@needs("openssl", "openssl")
def test_a_listener_on_all_addresses_is_asked_on_loopback_with_tls(tmp_path: Path) -> None:
    certify(tmp_path)
    text = EXAMPLE.read_text(encoding="utf-8").replace(
        '"127.0.0.1:8443"', '"0.0.0.0:8443"\ncertificate = "c.pem"\nprivate_key = "k.pem"'
    )
    assert healthcheck.healthz(install(tmp_path, text)) == "https://127.0.0.1:8443/healthz"
