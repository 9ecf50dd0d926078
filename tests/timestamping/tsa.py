"""A time-stamping authority made with `openssl ts`, and what it answers over HTTP.

tsa = Tsa(tmp_path)                    # tsa.ca: the authority's certificate; tsa.reply(query) -> TimeStampResp
async with served(tsa.reply) as url: ...
"""

import asyncio
import subprocess
import threading
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import asynccontextmanager, contextmanager
from pathlib import Path

from aiohttp import web

CONFIG = """
[tsa]
default_tsa = one
[one]
dir = {folder}
serial = $dir/serial
crypto_device = builtin
signer_cert = $dir/tsa.pem
signer_key = $dir/tsa.key
signer_digest = sha256
default_policy = 1.2.3.4.1
digests = {digests}
accuracy = secs:1
ordering = yes
tsa_name = yes
ess_cert_id_chain = no
ess_cert_id_alg = sha256
"""
EXTENSIONS = """basicConstraints=CA:FALSE
keyUsage=critical,digitalSignature
extendedKeyUsage=critical,timeStamping
"""


def openssl(*arguments: str | Path, data: bytes = b"") -> bytes:
    done = subprocess.run(["openssl", *arguments], input=data, capture_output=True, check=False)
    assert done.returncode == 0, done.stderr.decode()
    return done.stdout


class Tsa:
    """In a folder of its own; `digests`: which it stamps."""

    def __init__(self, folder: Path, digests: str = "sha256, sha512") -> None:
        folder.mkdir(exist_ok=True)
        self.folder, self.ca = folder, folder / "ca.pem"
        key = ("-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes")
        signing = ("-addext", "keyUsage=critical,keyCertSign,cRLSign")
        subject = ("-subj", "/CN=Test TSA CA", "-days", "9")
        openssl("req", "-x509", *key, "-keyout", folder / "ca.key", "-out", self.ca, *subject, *signing)
        request = folder / "request.pem"
        openssl("req", "-new", *key, "-keyout", folder / "tsa.key", "-out", request, "-subj", "/CN=Test TSA")
        extensions = folder / "extensions"
        extensions.write_text(EXTENSIONS)
        signer = ("-CA", self.ca, "-CAkey", folder / "ca.key", "-CAcreateserial", "-days", "9")
        openssl("x509", "-req", "-in", request, *signer, "-extfile", extensions, "-out", folder / "tsa.pem")
        (folder / "serial").write_text("01\n")
        (folder / "tsa.cnf").write_text(CONFIG.format(folder=folder, digests=digests))

    def reply(self, query: bytes) -> bytes:
        """A TimeStampResp in DER."""
        (self.folder / "query").write_bytes(query)
        arguments = ("-config", self.folder / "tsa.cnf", "-queryfile", self.folder / "query")
        return openssl("ts", "-reply", *arguments, "-out", "/dev/stdout")


@asynccontextmanager
async def served(
    answer: Callable[[bytes], bytes | web.Response], content_type: str = "application/timestamp-reply"
) -> AsyncIterator[str]:
    """The URL of an HTTP server that answers each query so."""

    async def handle(request: web.Request) -> web.Response:
        assert request.content_type == "application/timestamp-query"
        told = await asyncio.to_thread(answer, await request.read())
        return told if isinstance(told, web.Response) else web.Response(body=told, content_type=content_type)

    application = web.Application()
    application.router.add_post("/", handle)
    runner = web.AppRunner(application, shutdown_timeout=0)
    await runner.setup()
    try:
        site = web.TCPSite(runner, "127.0.0.1", 0)
        await site.start()
        port = runner.addresses[0][1]
        yield f"http://127.0.0.1:{port}/"
    finally:
        await runner.cleanup()


@contextmanager
def in_a_thread(answer: Callable[[bytes], bytes | web.Response]) -> Iterator[str]:
    """The same for whoever has no event loop: another process is to ask."""
    up, over = threading.Event(), threading.Event()
    urls = []

    async def serve() -> None:
        async with served(answer) as url:
            urls.append(url)
            up.set()
            await asyncio.to_thread(over.wait)

    thread = threading.Thread(target=lambda: asyncio.run(serve()))
    thread.start()
    try:
        assert up.wait(30)
        yield urls[0]
    finally:
        over.set()
        thread.join()
