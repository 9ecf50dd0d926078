"""The embedded broker: on loopback only, quiet, rid of its port at the end, unimpressed by rubbish."""

import asyncio
import logging
import subprocess
import sys

import pytest

from agent.virtual.broker import embedded_broker
from tests.telemetry.brokers import Observer


async def test_a_message_reaches_a_stock_client_and_is_retained(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.INFO)
    async with embedded_broker() as port:
        command = ["mosquitto_pub", "-V", "mqttv311", "-p", str(port), "-t", "a/b", "-m", "x", "-q", "1", "-r"]
        await asyncio.to_thread(subprocess.run, command, check=True, timeout=10)
        async with Observer(port, five=False) as seen:
            await seen.until(lambda: seen.heard)
            assert (str(seen.heard[0].topic), bytes(seen.heard[0].payload)) == ("a/b", b"x")
    assert not caplog.messages


async def test_it_listens_on_loopback_only_and_leaves_its_port() -> None:
    async with embedded_broker() as port:
        listening = await asyncio.to_thread(subprocess.check_output, ["ss", "-Hltn", f"sport = :{port}"], text=True)
        assert f"127.0.0.1:{port}" in listening
        assert len(listening.splitlines()) == 1
    async with embedded_broker(port) as again:
        assert again == port


async def test_clients_that_talk_rubbish_or_stay_do_not_hold_it_up() -> None:
    async with embedded_broker() as port:
        _, rubbish = await asyncio.open_connection("127.0.0.1", port)
        rubbish.write(b"GET / HTTP/1.1\r\n\r\n" * 20)
        _, silent = await asyncio.open_connection("127.0.0.1", port)
        async with Observer(port, five=False) as seen:
            await seen._client.publish("a/b", b"x", qos=1)
            await seen.until(lambda: seen.heard)
            assert bytes(seen.heard[0].payload) == b"x"
    rubbish.close()
    silent.close()


def test_without_amqtt_it_says_what_to_install() -> None:
    script = (
        "import sys, asyncio; sys.modules['amqtt'] = None\n"
        "from agent.errors import UsageError\n"
        "from agent.virtual.broker import embedded_broker\n"
        "async def main():\n"
        "    try:\n"
        "        async with embedded_broker(): pass\n"
        "    except UsageError as error: print(error)\n"
        "asyncio.run(main())"
    )
    told = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, timeout=30, check=True)
    assert "pip install vigie[demo]" in told.stdout
