"""The one TCP listener: TLS, and bounds that hold before any request is understood.

Laws
- TLS 1.2 or newer, from the configured files, wherever a certificate is configured.
- At most `MAX_CONNECTIONS`, those that have not shaken hands yet among them; a connection that has not sent a whole
  request within `REQUEST_S`, or idles longer than `IDLE_S` between two, is cut (`agent.door`), and gives way before
  that to one that comes to a full house. So a thousand slow strangers push each other out and nobody else.
"""

import asyncio
import errno
import ssl
from collections.abc import Callable

from agent.config import Http, split_listen
from agent.door import Bounds, Door, Guard, Handshake
from agent.errors import KeyFileError, ListenError
from agent.language import reason, say

MAX_CONNECTIONS = 256
REQUEST_S = 10.0
IDLE_S = 60.0
HANDSHAKE_S = 10
LOOK_S = 1.0


def door() -> Door:
    """A door with this listener's bounds; one address may have all of them, as everybody behind a proxy shares one."""
    return Door(Bounds(MAX_CONNECTIONS, MAX_CONNECTIONS, REQUEST_S, IDLE_S, LOOK_S))


def tls(http: Http) -> ssl.SSLContext | None:
    """The server's TLS context, or None without a certificate; KeyFileError names the file that is no good."""
    if http.certificate is None or http.private_key is None:
        return None
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    context.set_alpn_protocols(["http/1.1"])
    try:
        context.load_cert_chain(http.certificate, http.private_key)
    except (OSError, ssl.SSLError) as error:
        pair = f"{http.certificate}, {http.private_key}"
        raise KeyFileError(
            say(
                en=f"{pair}: not a PEM certificate with its private key; give the two files that belong together",
                fr=f"{pair} : pas un certificat PEM avec sa clé privée ; donner les deux fichiers assortis",
            )
        ) from error
    return context


async def listen(http: Http, factory: Callable[[], asyncio.Protocol], door: Door) -> asyncio.Server:
    """The listening server; ListenError names the address and the mend when it cannot be had."""
    host, port = split_listen(http.listen)
    context = tls(http)

    def guard() -> asyncio.BaseProtocol:
        plain = Guard(factory(), door)
        return plain if context is None else Handshake(plain, door, context, HANDSHAKE_S)

    try:
        return await asyncio.get_running_loop().create_server(guard, host, port)
    except OSError as error:
        raise ListenError(_why(http.listen, error)) from error


def _why(address: str, error: OSError) -> str:
    if error.errno == errno.EADDRINUSE:
        return say(
            en=f"http.listen {address}: another program listens there; stop it or choose another port",
            fr=f"http.listen {address} : un autre programme y écoute ; l'arrêter ou choisir un autre port",
        )
    what = reason(error)
    return say(
        en=f"http.listen {address}: cannot listen ({what}); give an address of this machine and a free port",
        fr=f"http.listen {address} : écoute impossible ({what}) ; donner une adresse de cette machine et un port libre",
    )


def real_port(server: asyncio.Server) -> int:
    """The port that the server got."""
    port: int = server.sockets[0].getsockname()[1]
    return port
