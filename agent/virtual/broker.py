"""The demo's MQTT broker, inside the agent's own process: anonymous, on loopback only, writing no file.

    async with embedded_broker() as port:
        ...                                  # mqtt://127.0.0.1:{port}

It is amqtt, which speaks MQTT 3.1.1; `pip install vigie[demo]` brings it.
"""

import asyncio
import logging
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress

from agent.errors import UsageError
from agent.language import say

_SETTINGS = {
    "listeners": {"default": {"type": "external"}},
    "plugins": {"amqtt.plugins.authentication.AnonymousAuthPlugin": {"allow_anonymous": True}},
}


@asynccontextmanager
async def embedded_broker(port: int = 0) -> AsyncIterator[int]:
    """A broker on 127.0.0.1 while entered, at `port` or a free one -> its port; UsageError without amqtt."""
    try:
        from amqtt.adapters import StreamReaderAdapter, StreamWriterAdapter
        from amqtt.broker import Broker
    except ModuleNotFoundError as error:
        raise UsageError(
            say(
                en="the embedded broker is not installed: pip install vigie[demo]",
                fr="le courtier intégré n'est pas installé : pip install vigie[demo]",
            )
        ) from error
    for name in ("amqtt", "transitions"):
        logging.getLogger(name).setLevel(logging.CRITICAL)
    broker = Broker(_SETTINGS)
    await broker.start()
    clients: set[asyncio.Task[None]] = set()

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        assert task is not None
        clients.add(task)
        try:
            with suppress(Exception):  # what a client sends wrong is that client's loss; amqtt raises it to here
                await broker.external_connected(StreamReaderAdapter(reader), StreamWriterAdapter(writer), "default")
        finally:
            clients.discard(task)
            writer.close()

    server = await asyncio.start_server(serve, "127.0.0.1", port)
    try:
        yield server.sockets[0].getsockname()[1]
    finally:
        server.close()
        await broker.shutdown()
        for task in clients:
            task.cancel()
        if clients:
            await asyncio.wait(clients)
